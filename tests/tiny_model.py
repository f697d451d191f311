# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Tiny random SR-3D models and model inputs, built in memory."""

import torch

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.position_encoding_sr3d import SR3DZeroInitLinear


def make_tiny_config(
    vocab_size: int = 100, image_token_id: int = 98, region_token_id: int = 99, **changes
) -> SR3DConfig:
    """A model of 56-pixel tiles: 4 x 4 patches, 2 x 2 image tokens, in float32 and far below a megabyte."""
    settings = {
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": 24,
            "intermediate_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
            "vision_use_head": False,
        },
        "text_config": {
            "model_type": "qwen2",
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": vocab_size,
            "tie_word_embeddings": True,
        },
        "image_token_id": image_token_id,
        "region_token_id": region_token_id,
        "projector_type": "mlp_downsample",
        "max_tiles": 4,
        "tie_word_embeddings": True,
    }
    return SR3DConfig(**{**settings, **changes})


def make_tiny_model(config: SR3DConfig | None = None, seed: int = 0) -> SR3DForConditionalGeneration:
    """A freshly initialised model in evaluation mode."""
    torch.manual_seed(seed)
    return SR3DForConditionalGeneration(config or make_tiny_config()).eval()


def wake_zero_layers(model: torch.nn.Module, seed: int = 1) -> None:
    """Fill the layers that start at zero with noise, as training would, so that the 3D branches have a say."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, SR3DZeroInitLinear):
            torch.nn.init.normal_(module.weight, std=0.5, generator=generator)
            torch.nn.init.normal_(module.bias, std=0.5, generator=generator)


def make_lively_model(config: SR3DConfig | None = None) -> SR3DForConditionalGeneration:
    """A model with every branch awake that writes another token at each step; as initialised, it repeats one."""
    model = make_tiny_model(config)
    wake_zero_layers(model)
    for weights in model.model.language_model.layers.parameters():
        weights.data *= 15.0 if weights.ndim == 2 else 1.0
    return model


def make_model_inputs(config: SR3DConfig, seed: int = 0) -> dict[str, torch.Tensor]:
    """Two rows: one tile and one mention; two tiles and two mentions. Tile-major, as the processor returns them."""
    generator = torch.Generator().manual_seed(seed)
    tiles, side, per_tile = 3, config.patches_per_side, config.image_tokens_per_tile
    input_ids = torch.randint(0, 90, (2, 24), generator=generator)
    input_ids[0, :per_tile] = config.image_token_id
    input_ids[1, : 2 * per_tile] = config.image_token_id
    input_ids[0, 20] = input_ids[1, 19] = input_ids[1, 22] = config.region_token_id
    patch_valid = torch.rand(tiles, side, side, generator=generator) > 0.3
    coverage = torch.rand(tiles, 2, side, side, generator=generator)
    coverage[0, 1] = 0.0
    return {
        "input_ids": input_ids,
        "attention_mask": torch.ones_like(input_ids),
        "pixel_values": torch.randn(tiles, 3, config.tile_size, config.tile_size, generator=generator),
        "patch_points": torch.randn(tiles, side, side, 3, generator=generator) * patch_valid[..., None],
        "patch_valid": patch_valid,
        "metric_scale": torch.tensor([[2.0], [0.0], [0.0]]),
        "region_coverage": coverage,
        "region_descriptors": torch.tensor([0, 1, 1])[:, None, None] + torch.randn(1, 2, 13, generator=generator),
    }
