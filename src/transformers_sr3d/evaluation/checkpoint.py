# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint to be measured: a folder or a name on the Hub -> a whole SR-3D in float32, or an error.

Weights that are missing would be drawn at random, and a table measured all the same.

This module may import torch, transformers, safetensors and the model of the package.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor


def open_checkpoint(model: str | Path) -> tuple[SR3DForConditionalGeneration, SR3DProcessor]:
    """Load a checkpoint that is to be measured.

    Args:
        model (`str` or `Path`):
            Folder, or a name such as `"someone/sr3d"`.

    Returns:
        `tuple[SR3DForConditionalGeneration, SR3DProcessor]`: In float32, on an accelerator if there is one.

    Raises:
        ValueError: If it is of another architecture, lacks weights, or its weights are damaged or do not fit.
    """
    found, _ = SR3DConfig.get_config_dict(model)
    if found.get("model_type") != SR3DConfig.model_type:
        raise ValueError(
            f"`model` must be an SR-3D, got {str(model)!r} with the model type {found.get('model_type')!r}. "
            "Check the path."
        )
    try:
        network, report = SR3DForConditionalGeneration.from_pretrained(
            model, dtype=torch.float32, output_loading_info=True
        )
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"`model` must have whole weights of the sizes of its config, got {str(model)!r}: {str(error)[:300]}. "
            "Copy or export it again."
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ValueError(
            f"`model` must have all weights, got {str(model)!r} without {missing[0]} and {len(missing) - 1} others. "
            "Name the `output_dir` of a training run, not a checkpoint in its `run_dir`."
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return network.eval().to(device), SR3DProcessor.from_pretrained(model)
