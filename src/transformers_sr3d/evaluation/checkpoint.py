# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint to be measured: a folder or a name on the Hub -> a whole SR-3D in float32, or an error.

Weights that are missing would be drawn at random, and a table measured all the same.

This module may import torch, transformers, safetensors, huggingface_hub and the whole package.
"""

import json
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.quantised import quantisation
from transformers_sr3d.training.heads import HEADS


def open_checkpoint(
    model: str | Path, *, bits: int | None = None, dtype: str = "float32"
) -> tuple[SR3DForConditionalGeneration, SR3DProcessor]:
    """Load a checkpoint that is to be measured.

    Args:
        model (`str` or `Path`):
            Folder, or a name such as `"someone/sr3d"`.
        bits (`int`, *optional*):
            4 or 8 for each weight of the language model's layers.
        dtype (`str`, defaults to `"float32"`):
            Of the weights: `"float32"`, `"bfloat16"` or `"float16"`.

    Returns:
        `tuple[SR3DForConditionalGeneration, SR3DProcessor]`: On an accelerator if there is one.

    Raises:
        ImportError: If `bits` is given and bitsandbytes is missing.
        ValueError: If it is of another architecture, its config or weights are damaged or do not fit each other, or
            weights are missing or left over.
    """
    check_config(model)
    try:
        network, report = SR3DForConditionalGeneration.from_pretrained(
            model, dtype=getattr(torch, dtype), output_loading_info=True, **quantisation(bits)
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
    unexpected = sorted(name for name in report["unexpected_keys"] if not name.startswith(HEADS))
    if unexpected:
        raise ValueError(
            f"`model` must have no weights that its config leaves out, got {str(model)!r} with {unexpected[0]} and "
            f"{len(unexpected) - 1} others. Take the config that it was exported with."
        )
    network = network.eval()
    if bits is None:  # else it is where it belongs
        network = network.to("cuda" if torch.cuda.is_available() else "cpu")
    return network, SR3DProcessor.from_pretrained(model)


def check_config(model: str | Path) -> None:
    """Refuse a checkpoint whose config is not that of an SR-3D.

    Args:
        model (`str` or `Path`):
            Folder, or a name such as `"someone/sr3d"`.

    Raises:
        ValueError: If a file is no JSON, or it is of another architecture, or has a setting that cannot be.
    """
    for path in sorted(Path(model).glob("*.json")):
        try:
            json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"`model` must have whole JSON files, got {str(path)!r}: {str(error)[:200]}. Copy or export it again."
            ) from error
    found, _ = SR3DConfig.get_config_dict(model)
    if found.get("model_type") != SR3DConfig.model_type:
        raise ValueError(
            f"`model` must be an SR-3D, got {str(model)!r} with the model type {found.get('model_type')!r}. "
            "Check the path."
        )
    try:
        SR3DConfig.from_pretrained(model)
    except (StrictDataclassError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"`model` must have settings of SR3DConfig in its config.json, got {str(model)!r} with others: "
            f"{str(error.__cause__ or error)[:300]}. Copy or export it again."
        ) from error
