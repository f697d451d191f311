# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A training run from settings to checkpoint: cache samples, train the tokenizer, train the model, export.

Every part goes on where it was stopped: shards of the sample cache that exist are kept, and training resumes from the
newest complete checkpoint of `run_dir` with the same batches that an uninterrupted run would have seen. Calling a
finished run again does nothing. Transformers' `Trainer` does the training; what is added here is the order of the
data, auxiliary losses (`auxiliary_losses`), an optimiser (`muon`), and a limit on minutes with a mark on whole
checkpoints (`budget`).

Files in `run_dir`: `settings.yaml` (resolved), `log.jsonl` (a line per `logging_steps`), `checkpoint-<step>/`,
`finished.json`. The checkpoints there serve to resume: those of a run with a frozen vision tower hold no tower. Only
`output_dir` is a whole model.

This module may import torch, transformers and the whole package.
"""

import dataclasses
import json
import os
import shutil
import warnings
from pathlib import Path

import torch
from transformers import Trainer, set_seed

from transformers_sr3d.hub import export_checkpoint
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.rooms.furniture.pack import attribution_text, open_furniture
from transformers_sr3d.rooms.rendering.scene_folder import ATTRIBUTION_FILE
from transformers_sr3d.training.auxiliary_losses import MeanLossTrainer, SR3DWithAuxiliaryLosses
from transformers_sr3d.training.budget import TrainingBudget, newest_checkpoint
from transformers_sr3d.training.checks import check_settings
from transformers_sr3d.training.code_version import code_version, wordings_version
from transformers_sr3d.training.collator import SR3DDataCollator
from transformers_sr3d.training.curves import write_curves
from transformers_sr3d.training.data import conversations_of, open_caches, train_processor
from transformers_sr3d.training.scene_cache import SceneCache
from transformers_sr3d.training.settings import TrainingSettings, read_mapping, write_settings
from transformers_sr3d.training.starting_model import build_model
from transformers_sr3d.training.stored_features import StoredTower, store_features
from transformers_sr3d.training.trainer_arguments import choose_optimizer, training_arguments


# Settings that may differ between the parts of one run: they change neither data nor weights up to any step.
FREE_SETTINGS = ("max_minutes", "save_steps", "logging_steps", "threads", "dataloader_workers")


def run_training(settings: TrainingSettings) -> Path:
    """Do a whole run, or what is left of it. Beside the checkpoint stand the credits of the furniture of its rooms.

    Args:
        settings (`TrainingSettings`):
            What to do.

    Returns:
        `Path`: The folder of the finished checkpoint.

    Raises:
        ImportError: If the package with the weights of the vision tower is missing.
        ValueError: If a setting cannot be, if `run_dir` holds a run with other settings, or if the sample cache is out
            of date.
    """
    run_dir, output_dir = Path(settings.run_dir), Path(settings.output_dir)
    check_settings(settings, processes=int(os.environ.get("WORLD_SIZE", "1")))
    if is_main_process():
        claim_run_dir(settings)
    if is_finished(settings):
        return output_dir
    if settings.optimisation.threads:
        torch.set_num_threads(settings.optimisation.threads)
    summary = train_conversations(settings, open_caches(settings))
    if is_main_process():
        shutil.copy(run_dir / "settings.yaml", output_dir / "training_settings.yaml")
        models = open_furniture(settings.samples.furniture).models_of("train")
        (output_dir / ATTRIBUTION_FILE).write_text(attribution_text(models), encoding="utf-8")
        write_curves(run_dir)
        (run_dir / "finished.json").write_text(json.dumps(summary | {"code": code_version()}))
    return output_dir


def is_finished(settings: TrainingSettings) -> bool:
    """Tell whether a run has been done, and its checkpoint is still there."""
    is_there = (Path(settings.output_dir) / "config.json").exists()
    return is_there and (Path(settings.run_dir) / "finished.json").exists()


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
    model, processor, caches = load_inputs(settings, caches)
    tower = model.model.vision_tower
    if settings.optimisation.freeze_vision:
        model.model.vision_tower = StoredTower(model.config.vision_feature_layer)
    trainer = build_trainer(settings, model, processor, caches)
    newest = newest_checkpoint(Path(settings.run_dir))
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    model.model.vision_tower = tower
    if is_main_process():
        export_bfloat16(model.without_heads(), processor, Path(settings.output_dir))
    return {"steps": trainer.state.global_step, "minutes": trainer.budget.minutes, "bf16": trainer.args.bf16}


def make_inputs(settings: TrainingSettings) -> dict[str, SceneCache]:
    """Make what a run reads from disk, samples and features, so that its processes find it there.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.

    Returns:
        `dict[str, SceneCache]`: Samples by split.
    """
    return load_inputs(settings, open_caches(settings))[2]


def load_inputs(
    settings: TrainingSettings, caches: dict[str, SceneCache]
) -> tuple[SR3DWithAuxiliaryLosses, SR3DProcessor, dict[str, SceneCache]]:
    """Load or make what a run starts from: model, processor, and the features of a frozen tower.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        caches (`dict[str, SceneCache]`):
            Samples by split.

    Returns:
        `tuple[SR3DWithAuxiliaryLosses, SR3DProcessor, dict[str, SceneCache]]`: The untrained model, its processor, and
        the samples, with features in place of pixels where the tower is frozen.

    Raises:
        ValueError: If the model cannot start from `init_from` or `init_vision_from`, or if stored features are out of
            date.
    """
    processor = train_processor(settings, caches["train"])
    set_seed(settings.seed)
    model = build_model(settings, processor)
    if settings.optimisation.freeze_vision:
        tower, layer = model.model.vision_tower, model.config.vision_feature_layer
        caches = {split: store_features(cache, tower, layer) for split, cache in caches.items()}
    return model, processor, caches


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

    The wordings of questions and answers are written down with them, and a run that is not finished goes on with its
    own only.

    Args:
        settings (`TrainingSettings`):
            The settings of this call.

    Raises:
        ValueError: If a setting or a wording differs that changes the result.
    """
    wordings = wordings_version()
    path = Path(settings.run_dir) / "settings.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        defaults = dataclasses.asdict(TrainingSettings(output_dir="", run_dir=""))
        before, now = _flat(defaults) | _flat(read_mapping(path)), _flat(dataclasses.asdict(settings))
        recorded = before.pop("wordings")
        if is_finished(settings):
            wordings = recorded
        else:
            _check_wordings(recorded, wordings, path)
        for name in sorted(before.keys() | (now.keys() - {"wordings"})):
            if before.get(name) != now.get(name) and name.split(".")[-1] not in FREE_SETTINGS:
                raise ValueError(
                    f"`{name}` is {now.get(name)!r}, but the run in {settings.run_dir} was started with "
                    f"{before.get(name)!r}. Choose another `run_dir`, or delete that one to start again."
                )
    write_settings(dataclasses.replace(settings, wordings=wordings), path)


def _check_wordings(recorded: object, wordings: str, path: Path) -> None:
    if recorded is None:
        warnings.warn(
            f"`wordings` is not recorded in {path}, which an older version wrote: the run goes on with those of this "
            f"version, {wordings}, and questions may be worded otherwise than before.",
            stacklevel=3,
        )
    elif recorded != wordings:
        raise ValueError(
            f"`wordings` must be those that the run in {path.parent} was started with, {recorded}, got {wordings} of "
            "this version. Go on with the version that it was started with, choose another `run_dir`, or delete that "
            "one to start again."
        )


def _flat(settings: dict, prefix: str = "") -> dict:
    flat: dict[str, object] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def build_trainer(
    settings: TrainingSettings,
    model: SR3DWithAuxiliaryLosses,
    processor: SR3DProcessor,
    caches: dict[str, SceneCache],
) -> Trainer:
    """Join model, data and optimiser.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        model (`SR3DWithAuxiliaryLosses`):
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
            augment=split == "train",
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
        optimizer_cls_and_kwargs=choose_optimizer(optimisation),
    )
    trainer.budget = budget
    return trainer
