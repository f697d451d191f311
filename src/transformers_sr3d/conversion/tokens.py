# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Tokenizer of a language model -> the same with the placeholders of SR-3D; rows of embedding and output layer.

New rows are the mean of the old ones. For placeholders the input row does not matter, features replace it; as a row of
the output layer the mean gives the mean of all logits, which is never the largest.

May import: torch, transformers and the chat template.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AddedToken, AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

from transformers_sr3d.configuration_sr3d import SR3DConfig


CHAT_TOKENS = ("<|im_start|>", "<|im_end|>")
PLACEHOLDERS = ("<image>", "<region>")


def load_tokenizer(folder: str | Path, **kwargs: Any) -> PreTrainedTokenizerBase:
    """Load a tokenizer without running code of its folder.

    Args:
        folder (`str` or `Path`):
            Folder, or repository on the Hub.
        kwargs:
            Passed on: `gguf_file`, `config` where that of the folder is of no type that Transformers knows.

    Returns:
        `PreTrainedTokenizerBase`: The tokenizer.

    Raises:
        ValueError: If it cannot be loaded.
    """
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **kwargs)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"`{folder}` must hold a tokenizer (tokenizer.json, or vocab.json and merges.txt), got: "
            f"{str(error)[:200]}. Copy its files there."
        ) from error


def add_tokens(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str], *, max_length: int) -> dict[str, int]:
    """Make a tokenizer ready for SR-3D, in place: special tokens, padding on the left, no template of its own.

    Args:
        tokenizer (`PreTrainedTokenizerBase`):
            Of the language model.
        tokens (`Sequence[str]`):
            Special tokens that it must have, in the order in which missing ones get ids.
        max_length (`int`):
            Longest sequence of the model, tokens.

    Returns:
        `dict[str, int]`: The tokens that were added, with their ids.
    """
    known = tokenizer.get_vocab()
    added = [token for token in tokens if token not in known]
    # Also those that are there: special from now on, so that no text is cut into them and a user cannot write them.
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in tokens], special_tokens=True)
    tokenizer.padding_side = "left"
    tokenizer.model_max_length = max_length
    tokenizer.chat_template = None  # the processor's is saved in its place
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or CHAT_TOKENS[1]
    return {token: tokenizer.convert_tokens_to_ids(token) for token in added}


def rows_for(tokenizer: PreTrainedTokenizerBase, rows: int) -> int:
    """Count the rows that an embedding needs; rows are added where tokens have none, and never taken away.

    Args:
        tokenizer (`PreTrainedTokenizerBase`):
            With all its tokens.
        rows (`int`):
            That the embedding has.

    Returns:
        `int`: At least `rows`.
    """
    return max(rows, max(tokenizer.get_vocab().values()) + 1)


def extend_rows(weight: torch.Tensor, rows: int) -> torch.Tensor:
    """Add rows to an embedding or output layer: the mean of those that are there.

    Args:
        weight (`torch.Tensor` of shape `(n, D)`):
            Floating point.
        rows (`int`):
            At least n.

    Returns:
        `torch.Tensor` of shape `(rows, D)`: `weight` itself where nothing is added.
    """
    if rows == len(weight):
        return weight
    extended = weight.new_empty((rows, weight.shape[1]))
    extended[: len(weight)] = weight
    extended[len(weight) :] = weight.mean(0, dtype=torch.float32).to(weight.dtype)
    return extended


def generation_config(
    config: SR3DConfig, tokenizer: PreTrainedTokenizerBase, suppressed: Sequence[str]
) -> GenerationConfig:
    """Say how answers are generated: greedily, until the end of the turn, without placeholders.

    Args:
        config (`SR3DConfig`):
            Its language model may name further end tokens.
        tokenizer (`PreTrainedTokenizerBase`):
            With all its tokens.
        suppressed (`Sequence[str]`):
            Tokens that no answer may hold.

    Returns:
        `GenerationConfig`: To be saved with the model.
    """
    ends = config.get_text_config().eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    ends = [tokenizer.convert_tokens_to_ids(CHAT_TOKENS[1]), tokenizer.eos_token_id, *ends]
    return GenerationConfig(
        eos_token_id=list(dict.fromkeys(end for end in ends if end is not None)),
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=tokenizer.convert_tokens_to_ids(list(suppressed)),
    )
