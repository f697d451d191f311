# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning, what is trained: a checkpoint -> a model with frozen parts, adapters and learning rates of its parts.

    full    the parts whose rate is above 0
    lora    adapters in the linear layers of the language model; other parts as a whole, if their rates say so
    qlora   the same on a language model of 4 bits (bitsandbytes, nf4); tower, projector, 3D encoding, region branch,
            embeddings and head keep their precision

May import: torch, transformers, peft and the files at the top of the package.
"""

from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from transformers_sr3d.finetuning.settings import TuningSettings
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.quantised import quantisation


LANGUAGE_LAYERS = r".*\.language_model\.layers\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
# Setting of the rate, and which modules of the base model it is for.
PARTS = {
    "vision_learning_rate": ("vision_tower",),
    "projector_learning_rate": ("multi_modal_projector",),
    "geometry_learning_rate": ("position_encoding", "region_extractor"),
}


def load_model(name: str, tuning: TuningSettings) -> SR3DForConditionalGeneration:
    """Load the checkpoint to start from.

    Args:
        name (`str`):
            Folder, or name on the Hub.
        tuning (`TuningSettings`):
            Whether its language model is to have 4 bits.

    Returns:
        `SR3DForConditionalGeneration`: In float32, except for what has 4 bits.

    Raises:
        ImportError: If bitsandbytes is missing.
    """
    if tuning.method != "qlora":
        return SR3DForConditionalGeneration.from_pretrained(name, dtype=torch.float32)
    return SR3DForConditionalGeneration.from_pretrained(name, dtype=torch.float32, **quantisation(4))


def prepare_tuning(
    model: SR3DForConditionalGeneration, tuning: TuningSettings
) -> SR3DForConditionalGeneration | PeftModel:
    """Freeze what is not trained, and add adapters.

    Args:
        model (`SR3DForConditionalGeneration`):
            From `load_model`.
        tuning (`TuningSettings`):
            What is trained.

    Returns:
        `SR3DForConditionalGeneration` or `PeftModel`: The model to train.
    """
    model.requires_grad_(False)
    whole = [part for rate, parts in PARTS.items() if getattr(tuning, rate) for part in parts]
    whole = [part for part in whole if getattr(model.model, part, None) is not None]
    if tuning.method != "full":
        model = add_adapters(model, tuning, whole)
    else:
        for part in whole:
            getattr(model.model, part).requires_grad_(True)
        if tuning.learning_rate:
            model.model.language_model.requires_grad_(True)
            model.get_output_embeddings().requires_grad_(True)
    if not tuning.vision_learning_rate:
        # Frozen weights are not enough: batch normalisation and dropout follow the mode, which `Trainer` sets.
        tower = base_of(model).model.vision_tower
        tower.register_forward_pre_hook(lambda module, *_: module.eval() and None)
    return model


def add_adapters(model: SR3DForConditionalGeneration, tuning: TuningSettings, whole: list[str]) -> PeftModel:
    """Add adapters to the linear layers of the language model.

    Args:
        model (`SR3DForConditionalGeneration`):
            Frozen.
        tuning (`TuningSettings`):
            Rank and scale.
        whole (`list[str]`):
            Modules that are trained without adapters.

    Returns:
        `PeftModel`: The model to train.
    """
    settings = LoraConfig(
        r=tuning.rank,
        lora_alpha=tuning.alpha,
        lora_dropout=tuning.dropout,
        target_modules=LANGUAGE_LAYERS,
        modules_to_save=whole or None,
    )
    return get_peft_model(model, settings)


def base_of(model: SR3DForConditionalGeneration | PeftModel) -> SR3DForConditionalGeneration:
    """Give the SR-3D inside a model with adapters, or the model itself."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def parameter_groups(model: torch.nn.Module, tuning: TuningSettings, weight_decay: float) -> list[dict[str, Any]]:
    """Sort trained weights by learning rate; vectors, such as biases, do not decay.

    Args:
        model (`torch.nn.Module`):
            From `prepare_tuning`.
        tuning (`TuningSettings`):
            The rates.
        weight_decay (`float`):
            Of matrices.

    Returns:
        `list[dict[str, Any]]`: Groups for an optimiser.
    """
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            decay = weight_decay if weight.ndim > 1 else 0.0
            groups.setdefault((_rate_of(name, tuning), decay), []).append(weight)
    return [{"params": weights, "lr": rate, "weight_decay": decay} for (rate, decay), weights in groups.items()]


def _rate_of(name: str, tuning: TuningSettings) -> float:
    for rate, parts in PARTS.items():
        if any(f".{part}." in name for part in parts):
            return getattr(tuning, rate)
    return tuning.learning_rate


def merge_adapters(name: str, adapter: str) -> SR3DForConditionalGeneration:
    """Add what adapters have learned to the weights of the checkpoint that they started from.

    Args:
        name (`str`):
            That checkpoint; its own weights are used, not those of 4 bits.
        adapter (`str`):
            Folder of the adapters.

    Returns:
        `SR3DForConditionalGeneration`: Without adapters, float32.
    """
    base = SR3DForConditionalGeneration.from_pretrained(name, dtype=torch.float32)
    return PeftModel.from_pretrained(base, adapter).merge_and_unload()
