# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Train the small tokenizer: example conversations -> byte-level BPE with the model's special tokens.

In: any iterable of texts. Out: a fast tokenizer with `<image>`, `<region>` and the chat tokens, about a thousand
entries. Every digit is a token of its own, so that a number is always spelt the same way; the price is longer numbers.
The same texts give the same tokenizer. Bytes are the fallback, so every text can be written.

This module may import tokenizers and transformers.
"""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast


SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<region>")
# Qwen2's split: contractions, words with one leading space, single digits, punctuation, line ends, spaces.
WORD_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ROLES = ("system\nYou are a helpful assistant", "user\n", "assistant\n")


def train_tokenizer(
    texts: Iterable[str], *, vocab_size: int = 1024, max_length: int = 4096
) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer on example texts.

    Args:
        texts (`Iterable[str]`):
            Questions and answers as the model will see them, without chat or image tokens.
        vocab_size (`int`, defaults to 1024):
            Entries, special tokens and the 256 bytes included. Fewer come out when the texts hold fewer merges.
        max_length (`int`, defaults to 4096):
            Longest sequence that the tokenizer accepts without a warning, in tokens.

    Returns:
        `PreTrainedTokenizerFast`: Pad token `<|endoftext|>`, end token `<|im_end|>`, padding on the left for
        generation.

    Raises:
        ValueError: If `vocab_size` leaves no room for the bytes and the special tokens.
    """
    smallest = 256 + len(SPECIAL_TOKENS)
    if vocab_size < smallest:
        raise ValueError(
            f"`vocab_size` must be at least {smallest} (256 bytes and {len(SPECIAL_TOKENS)} special tokens), "
            f"got {vocab_size}. Raise it."
        )
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator([*ROLES, *texts], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        extra_special_tokens=["<|im_start|>", "<image>", "<region>"],
        padding_side="left",
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )
