# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Source + model -> what becomes of every tensor: copied, left behind with a reason, or drawn anew.

Nothing is passed over: a tensor that the model lacks and no reason is known for, one that the source lacks, and one of
another shape are errors, before anything is written.

May import: torch, the model and siblings.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from safetensors import safe_open

from transformers_sr3d.conversion.stored_tensors import DTYPES, StoredTensor
from transformers_sr3d.conversion.tokens import extend_rows
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration


EMBEDDING = "model.language_model.embed_tokens.weight"
HEAD = "lm_head.weight"
NEW_PARTS = ("model.position_encoding.", "model.region_extractor.")
FLOATS = ("F32", "F16", "BF16")
# Pattern in the name -> why a tensor is not needed.
UNUSED = (
    (r"^model\.vision_tower\.head\.", "pooling head of the tower; SR-3D reads its hidden states"),
    (r"\.position_ids$", "table of indices, computed by the model"),
    (r"\.rotary_emb\.inv_freq$", "frequencies, computed by the model"),
)
TIED = "tied to the token embedding, with the same values"
# Rows compared at a time, so that two large tables never stand in memory.
ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Plan:
    """What a conversion will do.

    Attributes:
        dtype (`torch.dtype`): Of the weights that are written.
        rows (`int`): Of token embedding and output layer.
        copied (`dict[str, StoredTensor]`): By the model's names.
        shapes (`dict[str, tuple[int, ...]]`): Of everything that is written, in the model's order.
        unused (`list[tuple[str, str]]`): Tensors left behind, and why.
    """

    dtype: torch.dtype
    rows: int
    copied: dict[str, StoredTensor]
    shapes: dict[str, tuple[int, ...]]
    unused: list[tuple[str, str]]

    @property
    def new(self) -> list[str]:
        """Names that no source has."""
        return [name for name in self.shapes if name not in self.copied]

    @property
    def num_bytes(self) -> int:
        """Size of all weights."""
        return sum(self.bytes_of(name) for name in self.shapes)

    def bytes_of(self, name: str) -> int:
        """Size of one tensor."""
        return torch.Size(self.shapes[name]).numel() * self.dtype.itemsize

    def load(self, name: str) -> torch.Tensor:
        """Load a copied tensor as it will be written.

        Args:
            name (`str`):
                One of `copied`.

        Returns:
            `torch.Tensor`: In `dtype`, rows added.
        """
        value = self.copied[name].load().to(self.dtype)
        return extend_rows(value, self.rows) if name in (EMBEDDING, HEAD) else value


def make_plan(
    model: SR3DForConditionalGeneration, tensors: dict[str, StoredTensor], *, source_rows: int, dtype: torch.dtype
) -> Plan:
    """Account for every tensor of source and model.

    Args:
        model (`SR3DForConditionalGeneration`):
            On the meta device, with the extended vocabulary.
        tensors (`dict[str, StoredTensor]`):
            Of the source, by the model's names.
        source_rows (`int`):
            Vocabulary of the source's language model.
        dtype (`torch.dtype`):
            To write in.

    Returns:
        `Plan`: What will be done.

    Raises:
        ValueError: If a tensor is missing, unknown, quantised or of another shape; the message names it, and both
            shapes.
    """
    tied = model.config.tie_word_embeddings
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items() if not (tied and name == HEAD)}
    copied, unused = _sort(tensors, expected, tied=tied)
    missing = [name for name in expected if name not in tensors and not name.startswith(NEW_PARTS)]
    if missing:
        raise ValueError(
            f"`SRC` must hold every weight, got it without the one for {missing[0]} and {len(missing) - 1} others. "
            "Check that the download is complete and that config.json belongs to these weights."
        )
    for name, tensor in copied.items():
        rows = (source_rows,) if name in (EMBEDDING, HEAD) else expected[name][:1]
        _check_tensor(tensor, (*rows, *expected[name][1:]))
    if tied and HEAD in tensors:
        _check_tied(tensors[HEAD], tensors[EMBEDDING])
    return Plan(dtype, model.config.get_text_config().vocab_size, copied, expected, unused)


def _sort(
    tensors: dict[str, StoredTensor], expected: Iterable[str], *, tied: bool
) -> tuple[dict[str, StoredTensor], list[tuple[str, str]]]:
    copied, unused = {}, []
    known = set(expected)
    for name, tensor in tensors.items():
        reason = next((why for pattern, why in UNUSED if re.search(pattern, name)), None)
        if tied and name == HEAD:
            reason = TIED
        if reason is not None:
            unused.append((f"{tensor.file.parent.name}/{tensor.key}", reason))
        elif name in known:
            copied[name] = tensor
        else:
            raise ValueError(
                f"`{tensor.key}` of {tensor.file} has no place in SR-3D, and no reason is known to leave it behind. "
                "Check that config.json belongs to these weights; merge adapters first."
            )
    return copied, unused


def _check_tensor(tensor: StoredTensor, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise ValueError(
            f"`{tensor.key}` of {tensor.file} must have shape {shape}, got {tensor.shape}. Check that config.json "
            "belongs to these weights."
        )
    if tensor.dtype not in FLOATS:
        raise ValueError(
            f"`{tensor.key}` of {tensor.file} must be one of {', '.join(FLOATS)}, got {tensor.dtype}. Take the "
            "checkpoint that is not quantised."
        )


def _check_tied(head: StoredTensor, embedding: StoredTensor) -> None:
    _check_tensor(head, embedding.shape)
    with safe_open(head.file, framework="pt") as one, safe_open(embedding.file, framework="pt") as other:
        pair = one.get_slice(head.key), other.get_slice(embedding.key)
        for start in range(0, head.shape[0], ROWS_AT_ONCE):
            left, right = (table[start : start + ROWS_AT_ONCE] for table in pair)
            if not torch.equal(left, right.to(left.dtype)):
                raise ValueError(
                    f"`{head.key}` of {head.file} must equal the token embedding, because config.json says "
                    f"tie_word_embeddings, got others from row {start} on. Correct config.json or the weights."
                )


def common_dtype(tensors: dict[str, StoredTensor], wanted: str) -> torch.dtype:
    """Choose the dtype to write in.

    Args:
        tensors (`dict[str, StoredTensor]`):
            Of the source, by the model's names.
        wanted (`str`):
            Name of a torch dtype, or `"auto"` for that of the token embedding.

    Returns:
        `torch.dtype`: The dtype.

    Raises:
        ValueError: If the embedding is missing or quantised.
    """
    if wanted != "auto":
        return getattr(torch, wanted)
    if EMBEDDING not in tensors or tensors[EMBEDDING].dtype not in FLOATS:
        found = tensors[EMBEDDING].dtype if EMBEDDING in tensors else "none"
        raise ValueError(
            f"`SRC` must hold the token embedding as one of {', '.join(FLOATS)}, got {found}. Take the checkpoint "
            "that is not quantised."
        )
    return DTYPES[tensors[EMBEDDING].dtype]
