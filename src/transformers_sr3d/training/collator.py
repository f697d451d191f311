# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Batches for training: records -> model inputs and labels.

A record is `{"encoded": what SR3DProcessor.encode_views returns, "conversation": [(question, answer), ...]}`; its
`encoded` is None where it has no images. The
conversation is written in the ChatML form that the processor's chat template renders; `render_conversation` does by
hand what the template does, because rendering thousands of conversations through Jinja costs more than the tensors
(a test holds the two equal). Labels are the answers and the `<|im_end|>` that closes each, nothing else. Records may
bring `"targets"`, a tuple of numbers per answer, and `"names"`, a class per mention of a region, for auxiliary losses
(`auxiliary_losses`).

This module may import torch.
"""

from collections.abc import Sequence

import torch


SYSTEM_BLOCK = "<|im_start|>system\nYou are a helpful assistant<|im_end|>\n"
IGNORED_LABEL = -100


def render_conversation(conversation: Sequence[tuple[str, str]], *, num_images: int) -> str:
    """Write a conversation in the form of the chat template.

    Args:
        conversation (`Sequence[tuple[str, str]]`):
            Questions and answers in turn.
        num_images (`int`):
            Images of the sample; their placeholders open the first question.

    Returns:
        `str`: The text that `SR3DProcessor.batch_encoded` takes.
    """
    images = "<image>" * num_images
    turns = [
        f"<|im_start|>user\n{'' if turn else images}{question}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n"
        for turn, (question, answer) in enumerate(conversation)
    ]
    return SYSTEM_BLOCK + "".join(turns)


def render_prompt(question: str, *, num_images: int) -> str:
    """Write a single question in the form of the chat template, open for the answer.

    Args:
        question (`str`):
            The question.
        num_images (`int`):
            Images of the sample.

    Returns:
        `str`: The text that the processor takes.
    """
    return f"{SYSTEM_BLOCK}<|im_start|>user\n{'<image>' * num_images}{question}<|im_end|>\n<|im_start|>assistant\n"


class SR3DDataCollator:
    """Turn records into a batch with labels.

    Args:
        processor (`SR3DProcessor`):
            Gives token ids and gathers region inputs. Its tokenizer must know `<|im_start|>` and `<|im_end|>`.

    Raises:
        ValueError: If the tokenizer lacks one of the two chat tokens.
    """

    def __init__(self, processor):
        self.processor = processor
        vocabulary = processor.tokenizer.get_vocab()
        for token in ("<|im_start|>", "<|im_end|>"):
            if token not in vocabulary:
                raise ValueError(
                    f"`processor` must have a tokenizer with the token {token}, got one of {len(vocabulary)} entries "
                    "without it. Labels are found by it; use a tokenizer with the ChatML tokens."
                )
        self.turn_start = vocabulary["<|im_start|>"]
        self.turn_end = vocabulary["<|im_end|>"]
        self.answer_head = processor.tokenizer("assistant\n", add_special_tokens=False)["input_ids"]

    def __call__(self, records: Sequence[dict]) -> dict[str, torch.Tensor]:
        """Assemble a batch.

        Args:
            records (`Sequence[dict]`):
                Each with `encoded`, `conversation` and, in all or none, `targets` and `names`.

        Returns:
            `dict[str, torch.Tensor]`: What the processor returns, padded on the right, and `labels` of shape
            `(batch, sequence)`, -100 outside answers. With targets also `number_targets` of shape
            `(batch, sequence, numbers)`, NaN outside answers, and `name_targets` of shape `(batch, sequence)`, -100
            where no region stands or its class is unknown.

        Raises:
            ValueError: If a conversation has no answer, or if `names` are not one per mention of a region.
        """
        texts = [
            render_conversation(record["conversation"], num_images=count_images(record["encoded"]))
            for record in records
        ]
        batch = self.processor.batch_encoded(
            texts, [record["encoded"] for record in records], padding=True, padding_side="right", return_tensors="pt"
        )
        labels = self.answer_labels(batch["input_ids"])
        if "targets" not in records[0]:
            return {**batch, "labels": labels}
        targets = spread_targets([record["targets"] for record in records], labels)
        mentions = batch["input_ids"] == self.processor.region_token_id
        names = place_names([record["names"] for record in records], mentions)
        return {**batch, "labels": labels, "number_targets": targets, "name_targets": names}

    def answer_labels(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Keep the ids of answers and of the `<|im_end|>` that closes them.

        Args:
            input_ids (`torch.Tensor` of shape `(batch, sequence)`):
                Tokenised conversations.

        Returns:
            `torch.Tensor` of the same shape: the id where the model must predict it, -100 elsewhere.

        Raises:
            ValueError: If a row has no answer.
        """
        starts_answer = input_ids == self.turn_start
        for offset, token in enumerate(self.answer_head, start=1):
            matches = torch.zeros_like(starts_answer)
            matches[:, :-offset] = input_ids[:, offset:] == token
            starts_answer &= matches
        if not bool(starts_answer.any(1).all()):
            row = int((~starts_answer.any(1)).nonzero()[0])
            raise ValueError(
                f"Each conversation must have an answer, number {row} of the batch has none. "
                "Give at least one (question, answer) pair."
            )
        # The head belongs to the prompt: the answer begins after <|im_start|> and the tokens of "assistant\n".
        skipped = 1 + len(self.answer_head)
        begins = torch.zeros_like(input_ids)
        begins[:, skipped:] = starts_answer[:, :-skipped].to(begins.dtype)
        closes = input_ids == self.turn_end
        # Turns closed before each position; an answer begun at turn k is open until turn k closes.
        turn = closes.cumsum(1) - closes.to(torch.long)
        begun_in = torch.where(begins.bool(), turn + 1, 0).cummax(1).values
        return torch.where(begun_in == turn + 1, input_ids, IGNORED_LABEL)


def count_images(encoded: dict | None) -> int:
    """Count the images of an encoded sample; None has none."""
    return 0 if encoded is None else len(encoded["num_tiles"])


def place_names(names: Sequence[Sequence[int]], mentions: torch.Tensor) -> torch.Tensor:
    """Put the class of every mentioned region where it is mentioned.

    Args:
        names (`Sequence[Sequence[int]]`):
            Per sample, a class per mention, in order; -100 where it is unknown.
        mentions (`torch.Tensor` of shape `(batch, sequence)`):
            Boolean: where the region tokens are.

    Returns:
        `torch.Tensor` of shape `(batch, sequence)`: -100 where no region stands.

    Raises:
        ValueError: If a sample has more or fewer classes than mentions.
    """
    placed = torch.full(mentions.shape, IGNORED_LABEL, dtype=torch.long)
    for row, row_names in enumerate(names):
        count = int(mentions[row].sum())
        if len(row_names) != count:
            raise ValueError(
                f"`names` of record {row} must be one per mention of a region ({count}), got {len(row_names)}. Give "
                "-100 where a class is unknown."
            )
        placed[row, mentions[row]] = torch.tensor(row_names, dtype=torch.long)
    return placed


def spread_targets(targets: Sequence[Sequence[tuple[float, ...]]], labels: torch.Tensor) -> torch.Tensor:
    """Give every token of an answer the answer's target.

    Args:
        targets (`Sequence[Sequence[tuple[float, ...]]]`):
            Per sample and answer, numbers or NaN.
        labels (`torch.Tensor` of shape `(batch, sequence)`):
            Of `SR3DDataCollator.answer_labels`.

    Returns:
        `torch.Tensor` of shape `(batch, sequence, numbers)`: NaN outside answers.
    """
    is_answer = labels != IGNORED_LABEL
    begins = is_answer.clone()
    begins[:, 1:] &= ~is_answer[:, :-1]  # the prompt of the next turn stands between two answers
    answer = begins.cumsum(1) - 1
    spread = torch.full((*labels.shape, len(targets[0][0])), torch.nan)
    for row, row_targets in enumerate(targets):
        spread[row, is_answer[row]] = torch.tensor(row_targets)[answer[row, is_answer[row]]]
    return spread
