# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The model that a run starts from: settings and tokenizer -> new weights, or those of an earlier stage.

This module may import torch, transformers, safetensors, the model and siblings in `training`.
"""

from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModel, AutoTokenizer

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.position_encoding_sr3d import SR3DZeroInitLinear
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.training.auxiliary_losses import SR3DWithAuxiliaryLosses
from transformers_sr3d.training.data import build_config
from transformers_sr3d.training.efficientnet_lite import EFFICIENTNET_LITE0, check_trunk, efficientnet_lite0
from transformers_sr3d.training.heads import HEADS
from transformers_sr3d.training.settings import TrainingSettings


AWAKE_STD = 0.2  # of the last layers of the 3D branches where there is no base model to protect
# Switches of the model, and how the names of weights begin that it does not have where one is off.
BRANCHES = {
    "use_position_encoding": "model.position_encoding.",
    "use_metric_scale": "model.position_encoding.metric_scale.",
    "use_region_geometry": "model.region_extractor.geometry_",
}


def build_model(settings: TrainingSettings, processor: SR3DProcessor) -> SR3DWithAuxiliaryLosses:
    """Make the model, untrained or as an earlier stage left it.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        processor (`SR3DProcessor`):
            Holds the tokenizer.

    Returns:
        `SR3DWithAuxiliaryLosses`: In float32, ending answers at the tokenizer's end token.

    Raises:
        ValueError: If `init_from` was trained with another tokenizer or has other weights.
    """
    config = build_config(settings, processor.tokenizer)
    names = ("number_loss_weight", "name_loss_weight", "auxiliary_loss_layer")
    auxiliary = {name: getattr(settings.optimisation, name) for name in names}
    if settings.init_from is None:
        model = SR3DWithAuxiliaryLosses(config, **auxiliary)
        wake_3d_branches(model)
        load_tower(model, settings.init_vision_from)
    else:
        model = load_earlier_stage(settings.init_from, config, processor, auxiliary)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    return model


def load_earlier_stage(
    folder: str, config: SR3DConfig, processor: SR3DProcessor, auxiliary: dict[str, Any]
) -> SR3DWithAuxiliaryLosses:
    """Load the checkpoint that an earlier stage exported, vision tower included.

    Args:
        folder (`str`):
            Its `output_dir`.
        config (`SR3DConfig`):
            Of this stage.
        processor (`SR3DProcessor`):
            Holds the tokenizer of this stage.
        auxiliary (`dict[str, Any]`):
            Arguments of the auxiliary losses.

    Returns:
        `SR3DWithAuxiliaryLosses`: In float32.

    Raises:
        ValueError: If it was trained with another tokenizer, is damaged, or lacks weights or has weights that the
            model of this stage does not have; those of a branch that is switched off now are left behind.
    """
    earlier = AutoTokenizer.from_pretrained(folder)
    if earlier.get_vocab() != processor.tokenizer.get_vocab():
        raise ValueError(
            f"`init_from` must be of the same tokenizer ({len(processor.tokenizer)} tokens), got {folder} with "
            f"{len(earlier)}. Give the processor of the earlier stage."
        )
    try:
        model, report = SR3DWithAuxiliaryLosses.from_pretrained(
            folder, config=config, dtype=torch.float32, output_loading_info=True, **auxiliary
        )
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"`init_from` must have whole weights of the sizes that `model` says, got {folder}: {str(error)[:300]}. "
            "Copy it again, or change `model` to what the earlier stage had."
        ) from error
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(HEADS))
    if missing:
        raise ValueError(
            f"`init_from` must be a whole model, got {folder} without {missing[0]} and {len(missing) - 1} others. "
            "Name the `output_dir` of the earlier stage, not a checkpoint in its `run_dir`, and give `model` as there."
        )
    left_behind = tuple(prefix for switch, prefix in BRANCHES.items() if not getattr(config, switch))
    unexpected = sorted(name for name in report["unexpected_keys"] if not name.startswith(left_behind))
    if unexpected:
        raise ValueError(
            f"`init_from` must have no weights that `model` leaves out, got {folder} with {unexpected[0]} and "
            f"{len(unexpected) - 1} others. Give `model` as many layers as the earlier stage had."
        )
    return model


def load_tower(model: SR3DForConditionalGeneration, source: str | None) -> None:
    """Give a model the weights of a vision tower that has learned already.

    Args:
        model (`SR3DForConditionalGeneration`):
            A freshly initialised model.
        source (`str`, *optional*):
            As `init_vision_from`; without it nothing happens.

    Raises:
        ValueError: If the tower is of another kind.
    """
    tower = model.model.vision_tower
    if source == EFFICIENTNET_LITE0:
        check_trunk(tower.config)
        tower.load_state_dict(efficientnet_lite0(model.config.tile_size).state_dict())
    elif source is not None:
        weights = AutoModel.from_pretrained(source, dtype=torch.float32).state_dict()
        shapes = {name: value.shape for name, value in weights.items()}
        wanted = {name: value.shape for name, value in tower.state_dict().items()}
        differing = sorted(name for name in shapes.keys() | wanted.keys() if shapes.get(name) != wanted.get(name))
        if differing:
            raise ValueError(
                f"`init_vision_from` must hold a tower with the weights of `vision_config`, got {source}, which has "
                f"none or others at {differing[0]} and {len(differing) - 1} more. Change one of them."
            )
        tower.load_state_dict(weights)


def wake_3d_branches(model: SR3DForConditionalGeneration) -> None:
    """Give the last layers of the 3D branches random weights.

    They start at zero to protect the model that SR-3D grows from. A model that is trained from nothing has nothing to
    protect, and hears of geometry from the first step.

    Args:
        model (`SR3DForConditionalGeneration`):
            A freshly initialised model.
    """
    for module in model.modules():
        if isinstance(module, SR3DZeroInitLinear):
            torch.nn.init.normal_(module.weight, std=AWAKE_STD)
