# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of fine-tuning: a YAML recipe -> checked settings. Every default stands here.

Recipes of this kind have the section `data`, those of `training.settings` have `samples`.

May import: yaml and `training.settings`.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers_sr3d.training.settings import build_settings, read_mapping


METHODS = ("full", "lora", "qlora")
RATES = (
    "learning_rate",
    "projector_learning_rate",
    "geometry_learning_rate",
    "vision_learning_rate",
)
LEAST = {
    **dict.fromkeys(("batch_size", "accumulation", "save_steps", "logging_steps"), 1),
    **dict.fromkeys(("dataloader_workers", "seed"), 0),
}


@dataclass(frozen=True)
class DataFile:
    """A file of records.

    Attributes:
        file (`str`): JSONL, relative to where the command runs.
        root (`str`, *optional*): Folder that its paths are relative to; that of the file by default.
        weight (`float`, defaults to 1.0): How often one of its records is shown, beside 1 for those of other files.
    """

    file: str
    root: str | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class TuningSettings:
    """What is trained, and how fast. A rate of 0 freezes.

    Attributes:
        method (`str`, defaults to `"lora"`): `"full"`, `"lora"` (adapters in the language model) or `"qlora"` (the
            same on a language model of 4 bits; everything else keeps its precision).
        rank (`int`, defaults to 16): Of the adapters.
        alpha (`float`, defaults to 32.0): Their scale, times `1 / rank`.
        dropout (`float`, defaults to 0.0): In front of the adapters.
        learning_rate (`float`, defaults to 2e-4): Of the language model or its adapters.
        projector_learning_rate (`float`, defaults to 0.0): Of the projector of image tokens.
        geometry_learning_rate (`float`, defaults to 2e-4): Of 3D encoding and region branch.
        vision_learning_rate (`float`, defaults to 0.0): Of the vision tower.
    """

    method: str = "lora"
    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    learning_rate: float = 2e-4
    projector_learning_rate: float = 0.0
    geometry_learning_rate: float = 2e-4
    vision_learning_rate: float = 0.0


@dataclass(frozen=True)
class ScheduleSettings:
    """How long and in which portions.

    Attributes:
        epochs (`float`, defaults to 3.0): Passes over the data; counts unless `max_steps` is given.
        max_steps (`int`, *optional*): Steps of the run.
        batch_size (`int`, defaults to 8): Records per step, over all processes and accumulated batches.
        accumulation (`int`, defaults to 1): Batches that a step accumulates.
        warmup_share (`float`, defaults to 0.03): Share of the steps in which rates rise.
        weight_decay (`float`, defaults to 0.0): Of AdamW.
        max_grad_norm (`float`, defaults to 1.0): Gradients are scaled down to it.
        save_steps (`int`, defaults to 100): Steps between checkpoints to go on from.
        logging_steps (`int`, defaults to 10): Steps between lines of the log.
        eval_steps (`int`, *optional*): Steps between evaluations on `eval`; none by default.
        activation_checkpointing (`bool`, defaults to `False`): Less memory, a third more time.
        bf16 (`bool`, *optional*): Compute in bfloat16; timed on this machine if not given.
        dataloader_workers (`int`, defaults to 0): Processes that load samples.
        seed (`int`, defaults to 0): Of order, augmentation and new weights.
        deepspeed (`str`, *optional*): JSON file for DeepSpeed.
    """

    epochs: float = 3.0
    max_steps: int | None = None
    batch_size: int = 8
    accumulation: int = 1
    warmup_share: float = 0.03
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    save_steps: int = 100
    logging_steps: int = 10
    eval_steps: int | None = None
    activation_checkpointing: bool = False
    bf16: bool | None = None
    dataloader_workers: int = 0
    seed: int = 0
    deepspeed: str | None = None


@dataclass(frozen=True)
class AugmentationSettings:
    """Changes of regions while training; see `augmentation`.

    Attributes:
        mask_to_box (`float`, defaults to 0.0): Share of the masks that become the rectangle around them.
        drop_views (`float`, defaults to 0.0): Share of the regions marked on several views that keep some of them.
        jitter (`float`, defaults to 0.0): How far edges of rectangles move, in sides of the rectangle.
    """

    mask_to_box: float = 0.0
    drop_views: float = 0.0
    jitter: float = 0.0


@dataclass(frozen=True)
class FinetuneSettings:
    """A recipe.

    Attributes:
        model (`str`): Checkpoint to start from: folder, or name on the Hub.
        data (`list`): Files of records, each a name or a mapping of `DataFile`.
        output_dir (`str`): Where the finished checkpoint goes.
        run_dir (`str`): Where logs and checkpoints to go on from go.
        eval (`list`): Files of records to evaluate the loss on.
        max_tokens (`int`, *optional*): Longest sequence; what the language model can by default.
        store_features (`bool`, defaults to `True`): Keep what a frozen vision tower makes of each picture on disk.
        push_to_hub (`str`, *optional*): Repository that the finished checkpoint is published to.
        private (`bool`, defaults to `True`): Whether that repository is private, if it is made.
    """

    model: str
    data: list
    output_dir: str
    run_dir: str
    eval: list = field(default_factory=list)
    max_tokens: int | None = None
    store_features: bool = True
    push_to_hub: str | None = None
    private: bool = True
    tuning: TuningSettings = field(default_factory=TuningSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)


def is_finetuning(path: str | Path) -> bool:
    """Tell whether a YAML file is a recipe of fine-tuning.

    Args:
        path (`str` or `Path`):
            The file.

    Returns:
        `bool`: Whether it or its base has the section `data`.

    Raises:
        ValueError: If it is no mapping.
    """
    return "data" in read_mapping(path)


def read_finetune_settings(path: str | Path) -> FinetuneSettings:
    """Read a recipe.

    Args:
        path (`str` or `Path`):
            The YAML file; it may name another as its `base`.

    Returns:
        `FinetuneSettings`: With `data` and `eval` as tuples of `DataFile`.

    Raises:
        ValueError: If a key is unknown or missing, or a value cannot be.
    """
    settings = build_settings(FinetuneSettings, read_mapping(path))
    files = {name: [_data_file(entry, f"{name}[{i}]") for i, entry in enumerate(getattr(settings, name))]
             for name in ("data", "eval")}  # fmt: skip
    settings = dataclasses.replace(settings, **files)
    check_finetune_settings(settings)
    return settings


def check_finetune_settings(settings: FinetuneSettings) -> None:
    """Refuse settings with which a run would fail later, or train nothing.

    Args:
        settings (`FinetuneSettings`):
            The recipe.

    Raises:
        ValueError: If a value cannot be; the message names it.
    """
    tuning, schedule = settings.tuning, settings.schedule
    if not settings.data:
        raise ValueError("`data` must name at least one file of records, got none. Add one.")
    for entry in settings.data:
        _check(0 < entry.weight < math.inf, "data.weight", "a number above 0", entry.weight)
    _check(tuning.method in METHODS, "tuning.method", f"one of {', '.join(METHODS)}", tuning.method)
    _check(tuning.rank >= 1, "tuning.rank", "at least 1", tuning.rank)
    for name in RATES:
        _check(0 <= getattr(tuning, name) < 1, f"tuning.{name}", "from 0 to 1", getattr(tuning, name))
    if not any(getattr(tuning, name) for name in RATES):
        raise ValueError("`tuning` must train something, got learning rates of 0 only. Raise one.")
    for name, least in LEAST.items():
        _check(getattr(schedule, name) >= least, f"schedule.{name}", f"at least {least}", getattr(schedule, name))
    if schedule.max_steps is not None:
        _check(schedule.max_steps >= 1, "schedule.max_steps", "at least 1", schedule.max_steps)
    _check(0 < schedule.epochs < math.inf, "schedule.epochs", "a number above 0", schedule.epochs)
    _check(schedule.max_grad_norm > 0, "schedule.max_grad_norm", "above 0", schedule.max_grad_norm)
    for name, most in (("mask_to_box", 1.0), ("drop_views", 1.0), ("jitter", 0.25)):
        share = getattr(settings.augmentation, name)
        _check(0 <= share <= most, f"augmentation.{name}", f"from 0 to {most:g}", share)
    if schedule.eval_steps is not None and not settings.eval:
        raise ValueError("`eval` must name a file of records where `schedule.eval_steps` is set, got none. Add one.")
    if schedule.batch_size % schedule.accumulation:
        raise ValueError(
            f"`schedule.batch_size` must be a multiple of `schedule.accumulation`, {schedule.accumulation}, got "
            f"{schedule.batch_size}. Change one."
        )


def _check(is_right: bool, name: str, expected: str, value: Any) -> None:
    if not is_right:
        raise ValueError(f"`{name}` must be {expected}, got {value!r}. Change the recipe.")


def _data_file(entry: Any, name: str) -> DataFile:
    if isinstance(entry, str):
        return DataFile(entry)
    if not isinstance(entry, dict):
        raise ValueError(f"`{name}` must be the name of a file, or a mapping with `file`, got {entry!r}. Change it.")
    return build_settings(DataFile, entry, section=f"{name}.")
