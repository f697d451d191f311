# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Floating-point operations of a training step, from the sizes of a model: what MFU and `plan_cluster.py` count with.

A product of a matrix of `P` weights with `T` vectors is `2 P T` operations forward, as many for the gradient of the
vectors, and as many for that of the weights where they are trained. Attention of `T` tokens is `4 T T d` a layer,
twice that backward; a causal mask is not discounted. Norms, softmax and the optimiser are left out, and so is whatever
activation checkpointing computes again. `tests/test_bench_train.py` holds it against torch's own counter.
"""

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel


FORWARD, FORWARD_AND_THROUGH, TRAINED = 1, 2, 3  # times 2 P T


@dataclass(frozen=True)
class Sizes:
    """Weights of matrices, and widths and depths of attention, by part."""

    language: int
    adapters: int
    projector: int
    tower: int
    text_layers: int
    text_width: int
    tower_layers: int
    tower_width: int
    patches: int  # of a tile
    tokens: int  # of a tile, for the language model


def sizes_of(model: PreTrainedModel) -> Sizes:
    """Count the weights of an SR-3D or InternVL, with or without adapters; they may be on the device `meta`.

    Args:
        model (`PreTrainedModel`):
            The model, or a PeftModel around it.

    Returns:
        `Sizes`: Adapters are counted by themselves. Embeddings are looked up and count nothing, the head does.
    """
    vision, text = model.config.vision_config, model.config.get_text_config()
    patches = (_side(vision.image_size) // _side(vision.patch_size)) ** 2
    return Sizes(
        language=_weights(model, "language_model.layers.") + text.hidden_size * text.vocab_size,
        adapters=sum(weight.numel() for name, weight in model.named_parameters() if "lora_" in name),
        projector=_weights(model, "multi_modal_projector."),
        tower=_weights(model, "vision_tower."),
        text_layers=text.num_hidden_layers,
        text_width=text.num_attention_heads * getattr(text, "head_dim", text.hidden_size // text.num_attention_heads),
        tower_layers=vision.num_hidden_layers,
        tower_width=vision.hidden_size,
        patches=patches,
        tokens=getattr(model.config, "image_tokens_per_tile", None) or model.config.image_seq_length,
    )


def _side(size: int | list[int] | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]


def _weights(model: nn.Module, part: str) -> int:
    """Count matrices (and convolutions) of a part that is not an adapter; embeddings of positions are added, not
    multiplied.
    """
    return sum(
        weight.numel()
        for name, weight in model.named_parameters()
        if part in name and "lora_" not in name and "position_embedding" not in name and weight.ndim > 1
    )


def step_flops(sizes: Sizes, *, tokens: int, tiles: int, method: str) -> float:
    """Count the operations of a training step with a frozen tower.

    Args:
        sizes (`Sizes`):
            Of the model.
        tokens (`int`):
            In the sequence, image tokens included.
        tiles (`int`):
            Tiles or views.
        method (`str`):
            `"lora"` or `"full"`.

    Returns:
        `float`: Operations of forward and backward.
    """
    language = sizes.language * tokens * (TRAINED if method == "full" else FORWARD_AND_THROUGH)
    adapters = sizes.adapters * tokens * TRAINED
    projector = sizes.projector * sizes.tokens * tiles * (TRAINED if method == "full" else FORWARD_AND_THROUGH)
    tower = sizes.tower * sizes.patches * tiles * FORWARD
    attention = 3 * 4 * sizes.text_layers * sizes.text_width * tokens**2
    tower_attention = 4 * sizes.tower_layers * sizes.tower_width * sizes.patches**2 * tiles
    return 2.0 * (language + adapters + projector + tower) + attention + tower_attention
