# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Name or folder of a checkpoint -> a vision tower, or a language model with its tokenizer, as SR-3D needs them.

Towers may be part of a larger checkpoint (CLIP, SigLIP), or of an SR-3D. Language models may be GGUF files. No code of
a checkpoint is run.

May import: torch, transformers and the model.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.hub import cached_file

from transformers_sr3d.conversion.tokens import load_tokenizer
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration


DEFAULT_FEATURE_LAYER = -2
PREPROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
# Weights that a tower may lack: heads on top of the last hidden state, which SR-3D does not read.
HEADS = ("head.", "pooler.")
# CLS and registers; more of them are patches of a grid of another form.
MAX_PREFIX_TOKENS = 16
LOADING_ERRORS = (OSError, ValueError, KeyError, RuntimeError, TypeError, ImportError)


@dataclass(frozen=True)
class Tower:
    """A vision tower.

    Attributes:
        name (`str`): Where it comes from.
        model (`PreTrainedModel`): Returns hidden states.
        feature_layer (`int`): Which hidden state to read.
        num_prefix_tokens (`int`): Tokens before the grid of patches.
        preprocessing (`dict`): `image_mean`, `image_std`, `rescale_factor`, as far as they are known.
    """

    name: str
    model: PreTrainedModel
    feature_layer: int
    num_prefix_tokens: int
    preprocessing: dict[str, Any]


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model.

    Attributes:
        name (`str`): Where it comes from.
        model (`PreTrainedModel`): With its output layer.
        tokenizer (`PreTrainedTokenizerBase`): As it was trained with.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def load_tower(name: str, *, feature_layer: int | None = None) -> Tower:
    """Load a vision tower.

    Args:
        name (`str`):
            Folder, or repository on the Hub: a tower, a model with `vision_config`, or an SR-3D.
        feature_layer (`int`, *optional*):
            Hidden state to read; the last but one by default, or that of the SR-3D.

    Returns:
        `Tower`: In float32.

    Raises:
        ValueError: If it cannot be loaded whole, or has no square grid of patches.
    """
    config = _config(name, "--vision")
    if config.model_type == "sr3d":
        model = SR3DForConditionalGeneration.from_pretrained(name, dtype=torch.float32).model.vision_tower
        layer = config.vision_feature_layer if feature_layer is None else feature_layer
    else:
        model = _load_tower_weights(name, getattr(config, "vision_config", None) or config)
        layer = DEFAULT_FEATURE_LAYER if feature_layer is None else feature_layer
    model = model.eval()
    return Tower(name, model, layer, _count_prefix_tokens(name, model, layer), _preprocessing(name))


def load_language_model(name: str) -> LanguageModel:
    """Load a causal language model and its tokenizer.

    Args:
        name (`str`):
            Folder, repository on the Hub, or a GGUF file.

    Returns:
        `LanguageModel`: In float32.

    Raises:
        ValueError: If it cannot be loaded, or its output layer has a bias.
    """
    path = Path(name)
    is_gguf = path.suffix == ".gguf"
    if is_gguf and not path.is_file():
        raise FileNotFoundError(f"`--text` must be a file that exists, got {name}. Check the path.")
    folder, options = (str(path.parent), {"gguf_file": path.name}) if is_gguf else (name, {})
    if not is_gguf:
        _config(name, "--text")
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, trust_remote_code=False, output_loading_info=True, **options
        )
    except LOADING_ERRORS as error:
        raise _not_loaded("--text", name, "a causal language model", error) from error
    _check_whole("--text", name, report["missing_keys"])
    head = model.get_output_embeddings()
    if head is None or getattr(head, "bias", None) is not None:
        raise ValueError(
            f"`--text` must have an output layer without bias, got {type(model).__name__} in {name}. SR-3D has none; "
            "choose another language model."
        )
    return LanguageModel(name, model.eval(), load_tokenizer(folder, **options))


def _config(name: str, argument: str) -> PreTrainedConfig:
    try:
        return AutoConfig.from_pretrained(name, trust_remote_code=False)
    except LOADING_ERRORS as error:
        raise _not_loaded(argument, name, "a model that Transformers knows", error) from error


def _not_loaded(argument: str, name: str, expected: str, error: Exception) -> ValueError:
    return ValueError(
        f"`{argument}` must be the folder or the name of {expected}, got {name}: {str(error).splitlines()[0][:200]} "
        "Check the path; models that need code of their own are not taken."
    )


def _check_whole(argument: str, name: str, missing: Any) -> None:
    lacking = sorted(key for key in missing if not any(head in key for head in HEADS))
    if lacking:
        raise ValueError(
            f"`{argument}` must hold every weight of its model, got {name} without {lacking[0]} and "
            f"{len(lacking) - 1} others. Check that the download is complete."
        )


def _load_tower_weights(name: str, config: PreTrainedConfig) -> PreTrainedModel:
    try:
        model, report = AutoModel.from_pretrained(
            name, config=config, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
        )
    except LOADING_ERRORS as error:
        raise _not_loaded("--vision", name, "a vision model", error) from error
    _check_whole("--vision", name, report["missing_keys"])
    return model


def _count_prefix_tokens(name: str, model: PreTrainedModel, layer: int) -> int:
    """Look at one empty picture, and count what comes before the square grid of patches."""
    size, patch = (getattr(model.config, key, None) for key in ("image_size", "patch_size"))
    if not isinstance(size, int) or not isinstance(patch, int):
        raise ValueError(
            f"`--vision` must have one square `image_size` and `patch_size`, got {size} and {patch} in {name}. Choose "
            "a tower with a fixed picture size."
        )
    try:
        with torch.no_grad():
            outputs = model(pixel_values=torch.zeros(1, 3, size, size), output_hidden_states=True)
        features = outputs.hidden_states[layer]
    except (IndexError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"`--vision` must take a picture of {size} pixels and return hidden states that have a number {layer}, "
            f"got from {name}: {str(error)[:200]}. Choose another tower, or --vision-layer."
        ) from error
    side = size // patch
    if features.ndim == 4 and features.shape[2:] == (side, side):
        return 0
    prefix = features.shape[1] - side * side
    if features.ndim != 3 or not 0 <= prefix <= MAX_PREFIX_TOKENS:
        raise ValueError(
            f"`--vision` must return a grid of {side}x{side} patches for {size} pixels, got {tuple(features.shape)} "
            f"at hidden state {layer} of {name}. Choose a tower with a square grid, or --vision-layer."
        )
    return prefix


def _preprocessing(name: str) -> dict[str, Any]:
    """What the tower's own image processor does to colours; empty where nothing says it."""
    for file in PREPROCESSOR_FILES:
        path = cached_file(
            name, file, _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_connection_errors=False
        )
        content = json.loads(Path(path).read_text(encoding="utf-8")) if path is not None else {}
        content = content.get("image_processor", content)
        found = {key: content.get(key) for key in ("image_mean", "image_std", "rescale_factor")}
        if found["image_mean"] is not None:
            return {key: value for key, value in found.items() if value is not None}
    return {}
