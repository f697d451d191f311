# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Small depth models with random weights, saved as checkpoints, and pictures for them."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    DepthProConfig,
    DepthProForDepthEstimation,
    Dinov2Config,
    DPTConfig,
    DPTForDepthEstimation,
    DPTImageProcessorPil,
    ZoeDepthConfig,
    ZoeDepthForDepthEstimation,
)
from transformers.models.zoedepth.image_processing_pil_zoedepth import ZoeDepthImageProcessorPil


def picture(width: int = 50, height: int = 38, seed: int = 0) -> Image.Image:
    """Smooth colours, so that resampling matters little."""
    rows, columns = np.mgrid[0:height, 0:width] / 10.0
    waves = [np.sin(rows * (1 + channel) + seed) + np.cos(columns * (2 - channel)) for channel in range(3)]
    return Image.fromarray((127 + 60 * np.stack(waves, axis=-1)).clip(0, 255).astype(np.uint8))


def _make_loud(model) -> None:
    """Random weights as they are initialised predict a constant; these predict something that varies."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                fan_in = parameter[0].numel()
                parameter.copy_(1.5 * torch.randn(parameter.shape, generator=generator) / fan_in**0.5)
            if parameter.ndim > 1 and len(parameter) == 1:  # the last layer, in front of a ReLU
                parameter.abs_()


def _dinov2(**settings):
    sizes = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "patch_size": 14, "image_size": 56}
    return Dinov2Config(**(sizes | settings))


def save_depth_anything(folder: Path, kind: str, max_depth: int = 20) -> str:
    backbone = _dinov2(out_indices=[1, 2, 3, 4], apply_layernorm=True, reshape_hidden_states=False)
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=4,
        depth_estimation_type=kind,
        max_depth=max_depth if kind == "metric" else 1,
    )
    processor = DPTImageProcessorPil(
        size={"height": 56, "width": 56}, keep_aspect_ratio=True, ensure_multiple_of=14, do_pad=False
    )
    return _save(DepthAnythingForDepthEstimation(config), processor, folder)


def save_dpt(folder: Path, **processor_settings) -> str:
    config = DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
    )
    processor = DPTImageProcessorPil(**({"size": {"height": 32, "width": 32}, "do_pad": False} | processor_settings))
    return _save(DPTForDepthEstimation(config), processor, folder)


def save_zoedepth(folder: Path) -> str:
    backbone = {
        "model_type": "beit",
        "image_size": 64,
        "patch_size": 16,
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "out_indices": [1, 2, 3, 4],
        "reshape_hidden_states": False,
        "use_relative_position_bias": True,
    }
    config = ZoeDepthConfig(
        backbone_config=backbone,
        backbone_hidden_size=16,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        bottleneck_features=8,
        num_relative_features=8,
        bin_embedding_dim=8,
        num_attractors=[4, 2, 1, 1],
        bin_configurations=[{"n_bins": 8, "min_depth": 0.001, "max_depth": 10.0, "name": "nyu"}],
    )
    processor = ZoeDepthImageProcessorPil(size={"height": 64, "width": 64}, ensure_multiple_of=32)
    return _save(ZoeDepthForDepthEstimation(config), processor, folder)


def save_depth_pro(folder: Path, *, use_fov_model: bool = True) -> str:
    sub = _dinov2(image_size=16, patch_size=8, num_hidden_layers=2)
    config = DepthProConfig(
        patch_size=16,
        fusion_hidden_size=16,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.25, 0.5, 1],
        scaled_images_overlap_ratios=[0.0, 0.5, 0.25],
        scaled_images_feature_dims=[8, 8, 8],
        use_fov_model=use_fov_model,
        image_model_config=sub,
        patch_model_config=sub,
        fov_model_config=sub,
    )
    model = DepthProForDepthEstimation(config)
    _make_loud(model)
    if use_fov_model:  # a random head would say about 0 degrees
        with torch.no_grad():
            model.fov_model.head.layers[-1].weight.mul_(0.01)
            model.fov_model.head.layers[-1].bias.fill_(60.0)
    model.save_pretrained(folder)
    settings = {"image_processor_type": "DepthProImageProcessor", "size": {"height": 64, "width": 64}}
    settings |= {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.5, 0.4, 0.5], "rescale_factor": 1 / 255}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return str(folder)


def _save(model, processor, folder: Path) -> str:
    _make_loud(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)
