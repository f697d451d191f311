# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The trained tokenizer: digits one by one, special tokens, the same texts give the same tokens."""

import pytest
from transformers import AutoTokenizer

from transformers_sr3d.training.tokenizer import SPECIAL_TOKENS, train_tokenizer


TEXTS = ["How wide is Region 0 ?", "The width of Region 12 is 1.25 meters."] * 4


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, vocab_size=400)


def test_every_digit_is_one_token(tokenizer):
    assert tokenizer.tokenize("1250.7") == ["1", "2", "5", "0", ".", "7"]


def test_special_tokens_open_the_vocabulary(tokenizer):
    assert tokenizer.convert_ids_to_tokens(range(5)) == list(SPECIAL_TOKENS)
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|endoftext|>", "<|im_end|>")


@pytest.mark.parametrize("text", ["naïve 3.07 µm € \t字", "<|im_start|>user\nhi<|im_end|>\n"], ids=["bytes", "chat"])
def test_decoding_gives_the_text_back(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_same_texts_give_the_same_tokenizer(tokenizer):
    assert train_tokenizer(TEXTS, vocab_size=400).get_vocab() == tokenizer.get_vocab()


def test_saved_tokenizer_loads_equal(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = "<|im_start|>user\n<image>Region 3 <region> is 0.5 m<|im_end|>"
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded.padding_side == "left"


def test_vocabulary_without_room_for_bytes_is_refused():
    with pytest.raises(ValueError, match=r"at least 261 .* got 260"):
        train_tokenizer(TEXTS, vocab_size=260)
