# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run -> nothing, or an error that names the setting, before a room is rendered.

This module may import torch, transformers and siblings in `training`.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoModel, PreTrainedConfig

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.training.auxiliary_losses import check_layer
from transformers_sr3d.training.budget import newest_checkpoint
from transformers_sr3d.training.code_version import wordings_version
from transformers_sr3d.training.efficientnet_lite import EFFICIENTNET_LITE0, check_trunk, efficientnet_lite0
from transformers_sr3d.training.room_scenes import RoomConversations
from transformers_sr3d.training.settings import SampleSettings, TrainingSettings
from transformers_sr3d.training.trainer_arguments import check_optimisation, check_processes


# What SR3DConfig reads of a vision tower, whether or not its own config has such a field.
OF_ANY_TOWER = ("hidden_size", "image_size", "patch_size")
LEAST_OF_SAMPLES = {
    **dict.fromkeys(
        ("num_samples", "num_val_samples", "samples_per_scene", "max_views", "max_regions", "shard_size"), 1
    ),
    **{"seed": 0, "workers": 0, "image_size": 32},
}


def check_settings(settings: TrainingSettings, *, processes: int) -> None:
    """Refuse what would fail later, after the samples are rendered.

    Args:
        settings (`TrainingSettings`):
            What to do.
        processes (`int`):
            That will share the work.

    Raises:
        ImportError: If the package with the weights of the vision tower is missing.
        ValueError: If a setting cannot be.
    """
    optimisation = settings.optimisation
    if settings.seed < 0:
        raise ValueError(f"`seed` must be at least 0, got {settings.seed}. Change the file.")
    check_optimisation(optimisation)
    check_samples(settings.samples)
    check_processes(optimisation, processes)
    check_places(settings)
    check_wordings(settings.wordings)
    asked = (optimisation.min_questions, optimisation.max_questions, optimisation.category_weights)
    RoomConversations(*asked, word_dropout=optimisation.word_dropout)
    config = read_model_settings(settings.model)
    check_layer(optimisation.auxiliary_loss_layer, config.get_text_config().num_hidden_layers)
    check_feature_layer(config)
    if settings.init_from is None and settings.init_vision_from == EFFICIENTNET_LITE0:
        check_trunk(config.vision_config)
        efficientnet_lite0(config.tile_size)


def check_samples(samples: SampleSettings) -> None:
    """Refuse numbers of samples that cannot be.

    Args:
        samples (`SampleSettings`):
            Data.

    Raises:
        ValueError: If one is too small, or a share not from 0 to 1.
    """
    for name, least in LEAST_OF_SAMPLES.items():
        if getattr(samples, name) < least:
            raise ValueError(
                f"`samples.{name}` must be at least {least}, got {getattr(samples, name)}. Change the file."
            )
    if not 0 <= samples.photo_share <= 1:
        raise ValueError(f"`samples.photo_share` must be from 0 to 1, got {samples.photo_share}. Change the file.")


def check_places(settings: TrainingSettings) -> None:
    """Refuse places where nothing can be written or read.

    Args:
        settings (`TrainingSettings`):
            What to do.

    Raises:
        ValueError: If a folder to write is a file, or the earlier stage is not there.
    """
    for name in ("output_dir", "run_dir"):
        if Path(getattr(settings, name)).is_file():
            raise ValueError(f"`{name}` must be a folder, got the file {getattr(settings, name)!r}. Choose another.")
    start, has_begun = settings.init_from, newest_checkpoint(Path(settings.run_dir)) is not None
    if start is not None and not has_begun and not (Path(start) / "config.json").is_file():
        raise ValueError(
            f"`init_from` must be the `output_dir` of an earlier stage, got {start!r} without a model. "
            "Train that stage first, or correct the name."
        )


def check_wordings(wordings: str | None) -> None:
    """Refuse settings that a run of other wordings wrote down.

    Args:
        wordings (`str`, *optional*):
            As in `TrainingSettings`.

    Raises:
        ValueError: If they are not those of this version.
    """
    if wordings not in (None, wordings_version()):
        raise ValueError(
            f"`wordings` must be those of this version, {wordings_version()}, got {wordings!r}. Remove the line to "
            "train with those of this version, or take the version that wrote it."
        )


def check_feature_layer(config: SR3DConfig) -> None:
    """Refuse a layer that the vision tower does not have. It is built and run without memory for weights or pixels.

    Args:
        config (`SR3DConfig`):
            Of the model.

    Raises:
        ValueError: If there is no such layer.
    """
    with torch.device("meta"):
        tower = AutoModel.from_config(config.vision_config)
        pixels = torch.zeros(1, 3, config.tile_size, config.tile_size)
        count = len(tower(pixel_values=pixels, output_hidden_states=True, return_dict=True).hidden_states)
    if not -count <= config.vision_feature_layer < count:
        raise ValueError(
            f"`model.vision_feature_layer` must be from {-count} to {count - 1}, the hidden states of "
            f"{type(tower).__name__}, got {config.vision_feature_layer}. Change the file."
        )


def read_model_settings(model: dict[str, Any]) -> SR3DConfig:
    """Turn the section `model` into a config.

    Args:
        model (`dict[str, Any]`):
            Arguments of `SR3DConfig`; `vision_config` and `text_config` are mappings.

    Returns:
        `SR3DConfig`: With defaults filled in.

    Raises:
        ValueError: If a name is unknown, which a config would keep without effect, or a value is refused.
    """
    try:
        config = SR3DConfig(**model)
    except (StrictDataclassError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = str(error.__cause__ or error)[:300]
        raise ValueError(f"`model` must be arguments of SR3DConfig, got others: {reason}. Change the file.") from error
    _check_names(model, SR3DConfig(), "model")
    for part in ("vision_config", "text_config"):
        if isinstance(model.get(part), dict):
            _check_names(model[part], type(getattr(config, part))(), f"model.{part}")
    return config


def _check_names(given: dict[str, Any], plain: PreTrainedConfig, section: str) -> None:
    known = {*plain.to_dict(), *plain.attribute_map, *OF_ANY_TOWER}
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"See {type(plain).__name__}."
            raise ValueError(f"`{section}.{name}` is no setting of {type(plain).__name__}. {hint}")
