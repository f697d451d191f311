# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A training run from settings to checkpoint: cache scenes, train the tokenizer, train the model, export.

Every part goes on where it was stopped: shards of the scene cache that exist are kept, and training resumes from the
newest complete checkpoint of `run_dir` with the same batches that an uninterrupted run would have seen. Calling a
finished run again does nothing. Transformers' `Trainer` does the training; what is added here is the order of the
data, an auxiliary loss (`number_loss`), and a limit on minutes with a mark on whole checkpoints (`budget`).

Files in `run_dir`: `settings.yaml` (resolved), `log.jsonl` (a line per `logging_steps`), `checkpoint-<step>/`,
`finished.json`.

This module may import torch, transformers and the whole package.
"""

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer, Trainer, set_seed

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.hub import export_checkpoint
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.position_encoding_sr3d import SR3DZeroInitLinear
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.training.budget import TrainingBudget, newest_checkpoint
from transformers_sr3d.training.collator import SR3DDataCollator
from transformers_sr3d.training.curves import write_curves
from transformers_sr3d.training.data import build_config, conversations_of, open_caches, train_processor
from transformers_sr3d.training.efficientnet_lite import EFFICIENTNET_LITE0, efficientnet_lite0
from transformers_sr3d.training.number_loss import MeanLossTrainer, SR3DWithNumberLoss
from transformers_sr3d.training.room_scenes import class_numbers
from transformers_sr3d.training.scene_cache import SceneCache
from transformers_sr3d.training.settings import TrainingSettings, read_settings, write_settings
from transformers_sr3d.training.stored_features import StoredTower, store_features
from transformers_sr3d.training.tower import PatchNamer, TilesWithNames
from transformers_sr3d.training.trainer_arguments import training_arguments


# Settings that may differ between the parts of one run: they change neither data nor weights up to any step.
FREE_SETTINGS = ("max_minutes", "save_steps", "logging_steps", "threads", "dataloader_workers")
AWAKE_STD = 0.2  # of the last layers of the 3D branches where there is no base model to protect


def run_training(settings: TrainingSettings) -> Path:
    """Do a whole run, or what is left of it.

    Args:
        settings (`TrainingSettings`):
            What to do.

    Returns:
        `Path`: The folder of the finished checkpoint.

    Raises:
        ValueError: If `run_dir` holds a run with other settings, if the sample cache is out of date, or if several
            processes cannot share the batch or are limited in minutes.
    """
    run_dir, output_dir = Path(settings.run_dir), Path(settings.output_dir)
    if is_main_process():
        claim_run_dir(settings)
    if (run_dir / "finished.json").exists():
        return output_dir
    if settings.optimisation.threads:
        torch.set_num_threads(settings.optimisation.threads)
    finish = train_tower if settings.task == "patch_names" else train_conversations
    summary = finish(settings, open_caches(settings))
    if is_main_process():
        shutil.copy(run_dir / "settings.yaml", output_dir / "training_settings.yaml")
        write_curves(run_dir)
        (run_dir / "finished.json").write_text(json.dumps(summary))
    return output_dir


def is_main_process() -> bool:
    """Tell whether this process is the first or only one; under a launcher, only one writes files."""
    return os.environ.get("RANK", "0") == "0"


def train_conversations(settings: TrainingSettings, caches: dict[str, SceneCache]) -> dict:
    """Train the model to answer and export it.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        caches (`dict[str, SceneCache]`):
            Samples by split.

    Returns:
        `dict`: Steps, minutes and precision of the run.
    """
    model, processor, caches = prepare_conversations(settings, caches)
    tower = model.model.vision_tower
    if settings.optimisation.freeze_vision:
        model.model.vision_tower = StoredTower(model.config.vision_feature_layer)
    trainer = build_trainer(settings, model, processor, caches)
    summary = _train(trainer, Path(settings.run_dir))
    model.model.vision_tower = tower
    if is_main_process():
        export_bfloat16(model.without_head(), processor, Path(settings.output_dir))
    return summary


def prepare(settings: TrainingSettings) -> dict[str, SceneCache]:
    """Make what a run reads from disk, so that its processes find it there.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.

    Returns:
        `dict[str, SceneCache]`: Samples by split.
    """
    caches = open_caches(settings)
    return prepare_conversations(settings, caches)[2] if settings.task == "conversations" else caches


def prepare_conversations(
    settings: TrainingSettings, caches: dict[str, SceneCache]
) -> tuple[SR3DWithNumberLoss, SR3DProcessor, dict[str, SceneCache]]:
    """Make model and processor, and the features of a frozen tower.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        caches (`dict[str, SceneCache]`):
            Samples by split.

    Returns:
        `tuple[SR3DWithNumberLoss, SR3DProcessor, dict[str, SceneCache]]`: The untrained model, its processor, and the
        samples, with features in place of pixels where the tower is frozen.
    """
    processor = train_processor(settings, caches["train"])
    set_seed(settings.seed)
    model = build_model(settings, processor)
    if settings.optimisation.freeze_vision:
        tower, layer = model.model.vision_tower, model.config.vision_feature_layer
        caches = {split: store_features(cache, tower, layer) for split, cache in caches.items()}
    return model, processor, caches


def train_tower(settings: TrainingSettings, caches: dict[str, SceneCache]) -> dict:
    """Train the vision tower to name patches and save it without its head.

    Args:
        settings (`TrainingSettings`):
            The settings of the run; `batch_size` counts tiles.
        caches (`dict[str, SceneCache]`):
            Samples by split.

    Returns:
        `dict`: Steps, minutes and precision of the run.
    """
    set_seed(settings.seed)
    optimisation = settings.optimisation
    config = SR3DConfig(**settings.model)
    num_classes = 1 + len(class_numbers(open_furniture(settings.samples.furniture)))
    namer = PatchNamer(config.vision_config, num_classes=num_classes, feature_layer=config.vision_feature_layer)
    num_items = {"train": optimisation.max_steps * optimisation.batch_size, "val": settings.samples.num_val_samples}
    tiles = {
        split: TilesWithNames(cache, num_items=num_items[split], seed=settings.seed, augment=split == "train")
        for split, cache in caches.items()
    }
    budget = TrainingBudget(Path(settings.run_dir), optimisation.max_minutes)
    trainer = Trainer(
        model=namer,
        args=training_arguments(settings.run_dir, settings.seed, optimisation),
        train_dataset=tiles["train"],
        eval_dataset=tiles.get("val"),
        callbacks=[budget],
    )
    trainer.budget = budget
    summary = _train(trainer, Path(settings.run_dir))
    if is_main_process():
        namer.vision_tower.save_pretrained(settings.output_dir)
    return summary


def _train(trainer: Trainer, run_dir: Path) -> dict:
    newest = newest_checkpoint(run_dir)
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    return {"steps": trainer.state.global_step, "minutes": trainer.budget.minutes, "bf16": trainer.args.bf16}


def export_bfloat16(model: SR3DForConditionalGeneration, processor: SR3DProcessor, folder: Path) -> None:
    """Export with weights in bfloat16 that load as float32: half the size, and CPUs compute faster and closer with it.

    Args:
        model (`SR3DForConditionalGeneration`):
            The trained model; its weights are rounded.
        processor (`SR3DProcessor`):
            Saved beside it.
        folder (`Path`):
            Where to.
    """
    export_checkpoint(model.to(torch.bfloat16), processor, folder)
    settings = json.loads((folder / "config.json").read_text())
    settings["dtype"] = "float32"
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n")


def claim_run_dir(settings: TrainingSettings) -> None:
    """Write the resolved settings into `run_dir`, or check that they are those of the run that stands there.

    Args:
        settings (`TrainingSettings`):
            The settings of this call.

    Raises:
        ValueError: If a setting differs that changes the result.
    """
    path = Path(settings.run_dir) / "settings.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        before, now = _flat(dataclasses.asdict(read_settings(path))), _flat(dataclasses.asdict(settings))
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name) and name.split(".")[-1] not in FREE_SETTINGS:
                raise ValueError(
                    f"`{name}` is {now.get(name)!r}, but the run in {settings.run_dir} was started with "
                    f"{before.get(name)!r}. Choose another `run_dir`, or delete that one to start again."
                )
    write_settings(settings, path)


def _flat(settings: dict, prefix: str = "") -> dict:
    flat: dict[str, object] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def build_model(settings: TrainingSettings, processor: SR3DProcessor) -> SR3DWithNumberLoss:
    """Make the model, untrained or as an earlier stage left it.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        processor (`SR3DProcessor`):
            Holds the tokenizer.

    Returns:
        `SR3DWithNumberLoss`: In float32, ending answers at the tokenizer's end token.

    Raises:
        ValueError: If `init_from` was trained with another tokenizer.
    """
    config = build_config(settings, processor.tokenizer)
    number_loss: dict[str, Any] = {
        "number_loss_weight": settings.optimisation.number_loss_weight,
        "number_loss_layer": settings.optimisation.number_loss_layer,
    }
    if settings.init_from is None:
        model = SR3DWithNumberLoss(config, **number_loss)
        wake_3d_branches(model)
    else:
        earlier = AutoTokenizer.from_pretrained(settings.init_from)
        if earlier.get_vocab() != processor.tokenizer.get_vocab():
            raise ValueError(
                f"`init_from` must be of the same tokenizer ({len(processor.tokenizer)} tokens), got "
                f"{settings.init_from} with {len(earlier)}. Train both stages on the same scenes and `vocab_size`."
            )
        model = SR3DWithNumberLoss.from_pretrained(
            settings.init_from, config=config, dtype=torch.float32, **number_loss
        )
    if settings.init_vision_from == EFFICIENTNET_LITE0:
        model.model.vision_tower.load_state_dict(efficientnet_lite0(config.tile_size).state_dict())
    elif settings.init_vision_from is not None:
        tower = AutoModel.from_pretrained(settings.init_vision_from, dtype=torch.float32)
        model.model.vision_tower.load_state_dict(tower.state_dict())
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    return model


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


def build_trainer(
    settings: TrainingSettings,
    model: SR3DWithNumberLoss,
    processor: SR3DProcessor,
    caches: dict[str, SceneCache],
) -> Trainer:
    """Join model, data and optimiser.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        model (`SR3DWithNumberLoss`):
            The model to train.
        processor (`SR3DProcessor`):
            Saved beside every checkpoint.
        caches (`dict[str, SceneCache]`):
            Samples of `"train"` and, where `eval_steps` is set, of `"val"`.

    Returns:
        `Trainer`: With a `budget` that counts the minutes of training.
    """
    optimisation = settings.optimisation
    num_items = optimisation.max_steps * optimisation.batch_size
    conversations = {
        split: conversations_of(
            settings,
            cache,
            num_items=num_items if split == "train" else settings.samples.num_val_samples,
            seed=settings.seed,
            augment_yaw=optimisation.augment_yaw and split == "train",
        )
        for split, cache in caches.items()
    }
    budget = TrainingBudget(Path(settings.run_dir), optimisation.max_minutes)
    trainer = MeanLossTrainer(
        model=model,
        args=training_arguments(settings.run_dir, settings.seed, optimisation),
        data_collator=SR3DDataCollator(processor),
        train_dataset=conversations["train"],
        eval_dataset=conversations.get("val"),
        processing_class=processor,
        callbacks=[budget],
    )
    trainer.budget = budget
    return trainer
