# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Collator: the chat template's text, labels on answers only."""

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from transformers_sr3d.training.collator import SR3DDataCollator, place_names, render_conversation, render_prompt


CONVERSATION = [("How wide is <region0>?", "Region 0 is 1.25 meters wide."), ("Is it tall?", "No.")]


def messages(conversation, num_images):
    images = [{"type": "image"} for _ in range(num_images)]
    turns = []
    for number, (question, answer) in enumerate(conversation):
        words = [{"type": "text", "text": question}]
        turns.append({"role": "user", "content": words if number else images + words})
        turns.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    return turns


def templated(processor, turns, **kwargs):
    tokenizer = processor.tokenizer
    return tokenizer.apply_chat_template(turns, chat_template=processor.chat_template, **kwargs)


@pytest.fixture(scope="module")
def batch(processor, cache):
    records = [{"encoded": cache[index]["encoded"], "conversation": CONVERSATION[: 2 - index]} for index in range(2)]
    return SR3DDataCollator(processor)(records)


@pytest.mark.parametrize("num_images", [0, 1, 3])
def test_rendered_conversation_equals_the_chat_template(processor, num_images):
    expected = templated(processor, messages(CONVERSATION, num_images), tokenize=False)
    assert render_conversation(CONVERSATION, num_images=num_images) == expected


def test_rendered_prompt_equals_the_chat_template(processor):
    turns = messages(CONVERSATION, 2)[:1]
    expected = templated(processor, turns, tokenize=False, add_generation_prompt=True)
    assert render_prompt(CONVERSATION[0][0], num_images=2) == expected


def test_labels_hold_the_answers_and_their_ends_only(processor, batch):
    for row, answers in zip(batch["labels"], (CONVERSATION, CONVERSATION[:1]), strict=True):
        expected = "".join(f"{answer}<|im_end|>" for _, answer in answers)
        assert processor.tokenizer.decode(row[row != -100]) == expected


def test_labels_equal_the_template_mask_of_assistant_tokens(processor):
    turns = messages(CONVERSATION, 0)
    tokens = templated(processor, turns, return_dict=True, return_assistant_tokens_mask=True, return_tensors="pt")
    labels = SR3DDataCollator(processor).answer_labels(tokens["input_ids"])
    assert torch.equal(labels != -100, tokens["assistant_masks"].bool())


def test_labels_repeat_the_input_ids(batch):
    kept = batch["labels"] != -100
    assert torch.equal(batch["labels"][kept], batch["input_ids"][kept])


def test_padding_stands_right_and_has_no_label(batch):
    padded = batch["attention_mask"] == 0
    assert padded[1, -1]
    assert (batch["labels"][padded] == -100).all()


def test_batch_equals_the_processor_on_the_same_text(processor, cache, batch):
    text = render_conversation(CONVERSATION, num_images=len(cache[0]["encoded"]["num_tiles"]))
    alone = processor.batch_encoded([text], [cache[0]["encoded"]], return_tensors="pt")
    length = alone["input_ids"].shape[1]
    assert torch.equal(batch["input_ids"][0, :length], alone["input_ids"][0])
    assert torch.equal(batch["pixel_values"][: len(alone["pixel_values"])], alone["pixel_values"])


def test_conversation_without_answer_is_refused(processor):
    texts = [render_conversation(CONVERSATION[:1], num_images=0), "<|im_start|>user\nHi<|im_end|>\n"]
    ids = processor.tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")["input_ids"]
    with pytest.raises(ValueError, match="number 1 of the batch has none"):
        SR3DDataCollator(processor).answer_labels(ids)


def test_tokenizer_without_chat_tokens_is_refused():
    class Processor:
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))

    with pytest.raises(ValueError, match=r"token <\|im_start\|>, got one of 0 entries"):
        SR3DDataCollator(Processor())


def test_names_are_placed_where_regions_are_mentioned():
    mentions = torch.tensor([[True, False, True, False], [False, True, False, False]])
    assert place_names([[4, -100], [7]], mentions).tolist() == [[4, -100, -100, -100], [-100, 7, -100, -100]]
    with pytest.raises(ValueError, match=r"`names` of record 1 must be one per mention of a region \(1\), got 2"):
        place_names([[4, 5], [7, 8]], mentions)
