# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning, the run: a recipe -> a checkpoint that loads anywhere.

Everything that can be refused is refused before the first step. A killed run goes on from its newest complete
checkpoint with the records that an uninterrupted one would have seen, and ends with the same weights, on a CPU to the
last bit. Calling a finished run again does nothing.

Files in `run_dir`: `recipe.json`, `log.jsonl` (a line per `logging_steps`), `checkpoint-<step>/`, `features/`,
`finished.json`.

May import: torch, transformers and the whole package.
"""

import dataclasses
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm
from transformers import Trainer, TrainingArguments, set_seed

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.finetuning.encoding import RecordDataset, encode_record, views_key
from transformers_sr3d.finetuning.features import FeatureStore, feed_features
from transformers_sr3d.finetuning.mixture import order_of_run
from transformers_sr3d.finetuning.settings import DataFile, FinetuneSettings, ScheduleSettings
from transformers_sr3d.finetuning.tuning import base_of, load_model, merge_adapters, parameter_groups, prepare_tuning
from transformers_sr3d.hub import export_checkpoint
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.publishing.card import write_finetuned_card
from transformers_sr3d.publishing.push import push_checkpoint
from transformers_sr3d.records.check import measure_records
from transformers_sr3d.records.format import Record, read_records
from transformers_sr3d.training.budget import TrainingBudget, newest_checkpoint
from transformers_sr3d.training.collator import SR3DDataCollator
from transformers_sr3d.training.trainer_arguments import is_bf16_faster


RECIPE_FILE, FINISHED_FILE = "recipe.json", "finished.json"
FREE_SETTINGS = ("save_steps", "logging_steps", "dataloader_workers", "push_to_hub", "private")


class Loaded(NamedTuple):
    """Records of a run, in one list, with their weights and lengths in tokens."""

    records: list[Record]
    weights: list[float]
    lengths: list[int]


def run_finetuning(settings: FinetuneSettings) -> Path:
    """Do a whole run, or what is left of it.

    Args:
        settings (`FinetuneSettings`):
            From `read_finetune_settings`.

    Returns:
        `Path`: The folder of the finished checkpoint.

    Raises:
        FileNotFoundError: If a file of records, or one that a record names, is not there.
        ValueError: If a record or setting is refused, sequences are too long, or `run_dir` holds another run.
    """
    run_dir, output_dir = Path(settings.run_dir), Path(settings.output_dir)
    is_main = os.environ.get("RANK", "0") == "0"
    if is_main:
        claim_run_dir(settings)
    if not ((run_dir / FINISHED_FILE).exists() and (output_dir / "config.json").exists()):
        processor = SR3DProcessor.from_pretrained(settings.model)
        data, held_out = load_data(settings, processor)
        trainer = build_trainer(settings, processor, data, held_out)
        newest = newest_checkpoint(run_dir)
        trainer.train(resume_from_checkpoint=str(newest) if newest else None)
        trainer.accelerator.wait_for_everyone()
        if is_main:
            export_result(settings, trainer, processor)
            write_finetuned_card(
                output_dir, base=settings.model, records=len(data.records), steps=trainer.state.global_step
            )
            finished = {"steps": trainer.state.global_step, "records": len(data.records)}
            (run_dir / FINISHED_FILE).write_text(json.dumps(finished))
    if is_main and settings.push_to_hub:
        push_checkpoint(output_dir, settings.push_to_hub, private=settings.private)
    return output_dir


def claim_run_dir(settings: FinetuneSettings) -> None:
    """Write the recipe into `run_dir`, or check that it is the one of the run that stands there.

    Args:
        settings (`FinetuneSettings`):
            The recipe.

    Raises:
        ValueError: If a setting differs that changes the result.
    """
    path, now = Path(settings.run_dir) / RECIPE_FILE, _comparable(settings)
    if path.exists():
        before = json.loads(path.read_text())
        differing = [name for name in now if before.get(name) != now[name]]
        if differing:
            raise ValueError(
                f"`{differing[0]}` is {now[differing[0]]!r}, but the run in {settings.run_dir} was started with "
                f"{before.get(differing[0])!r}. Choose another `run_dir`, or delete that one to start again."
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(now, indent=1))
    partial.replace(path)


def _comparable(settings: FinetuneSettings) -> dict[str, Any]:
    plain = json.loads(json.dumps(dataclasses.asdict(settings)))
    for section in (plain, plain["schedule"]):
        for name in FREE_SETTINGS:
            section.pop(name, None)
    return plain


def load_data(settings: FinetuneSettings, processor: SR3DProcessor) -> tuple[Loaded, Loaded | None]:
    """Read and measure the records of training and evaluation.

    Args:
        settings (`FinetuneSettings`):
            The recipe.
        processor (`SR3DProcessor`):
            Counts tokens.

    Returns:
        `tuple[Loaded, Loaded | None]`: Of `data`, and of `eval` if there are any.

    Raises:
        ValueError: If a record is refused, or sequences are too long; the message counts them.
    """
    config = SR3DConfig.from_pretrained(settings.model)
    longest = settings.max_tokens or getattr(config.get_text_config(), "max_position_embeddings", None)
    data = _load(settings.data, processor, longest)
    return data, _load(settings.eval, processor, longest) if settings.eval else None


def _load(files: Sequence[DataFile], processor: SR3DProcessor, longest: int | None) -> Loaded:
    records: list[Record] = []
    weights: list[float] = []
    for entry in files:
        found = read_records(entry.file, entry.root)
        records += found
        weights += [entry.weight] * len(found)
    lengths = measure_records(records, processor)
    too_long = [place for place, length in enumerate(lengths) if longest is not None and length > longest]
    if too_long:
        worst = max(too_long, key=lengths.__getitem__)
        raise ValueError(
            f"`data` must have sequences of at most {longest} tokens, got {len(too_long)} of {len(records)} that are "
            f"longer, up to {lengths[worst]} at {records[worst].where}. Use fewer views or turns, or a model with a "
            "longer context; sr3d data check --model lists them."
        )
    return Loaded(records, weights, lengths)


def build_trainer(
    settings: FinetuneSettings, processor: SR3DProcessor, data: Loaded, held_out: Loaded | None
) -> Trainer:
    """Join model, data and optimiser.

    Args:
        settings (`FinetuneSettings`):
            The recipe.
        processor (`SR3DProcessor`):
            Of the model.
        data (`Loaded`):
            To train on.
        held_out (`Loaded`, *optional*):
            To evaluate on.

    Returns:
        `Trainer`: Ready to train.
    """
    schedule = settings.schedule
    steps = schedule.max_steps or math.ceil(schedule.epochs * sum(data.weights) / schedule.batch_size)
    arguments = _arguments(settings, steps)
    set_seed(schedule.seed)
    model = load_model(settings.model, settings.tuning)
    features = _store_features(settings, model, processor, [data, *([held_out] if held_out else [])], arguments)
    model = prepare_tuning(model, settings.tuning)
    if features is not None:
        base_of(model).kept_tower = [feed_features(base_of(model))]  # in a list, so that it is no part of the model
    order = order_of_run(
        data.lengths, data.weights, num_items=steps * schedule.batch_size, batch_size=schedule.batch_size,
        seed=schedule.seed,
    )  # fmt: skip
    train = RecordDataset(
        data.records, processor, order=order, augmentation=settings.augmentation, features=features, seed=schedule.seed
    )
    evaluate = RecordDataset(held_out.records, processor, features=features) if held_out else None
    groups = parameter_groups(model, settings.tuning, schedule.weight_decay)
    return Trainer(
        model=model,
        args=arguments,
        data_collator=SR3DDataCollator(processor),
        train_dataset=train,
        eval_dataset=evaluate,
        optimizers=(torch.optim.AdamW(groups, lr=settings.tuning.learning_rate, betas=(0.9, 0.999)), None),
        callbacks=[TrainingBudget(Path(settings.run_dir), None)],
    )


def _store_features(
    settings: FinetuneSettings, model: Any, processor: SR3DProcessor, parts: Sequence[Loaded], arguments: Any
) -> FeatureStore | None:
    """Compute what the frozen tower makes of all pictures, in the first process."""
    if settings.tuning.vision_learning_rate or not settings.store_features:
        return None
    records = [record for part in parts for record in part.records]
    if any("scene" not in record.sample and "images" not in record.sample for record in records):
        return None  # a batch of text alone has no place for features
    store = FeatureStore(Path(settings.run_dir) / "features", model, processor, bf16=arguments.bf16)
    with arguments.main_process_first(desc="vision features"):
        pictures = {views_key(record): record for record in records}
        missing = {key: record for key, record in pictures.items() if not store.has(key)}
        for key, record in tqdm(missing.items(), unit="scene", desc="vision features", disable=None):
            encoded = encode_record(record, processor)
            if encoded is not None:
                store.store(key, encoded["pixel_values"])
    return store


def _arguments(settings: FinetuneSettings, steps: int) -> TrainingArguments:
    schedule = settings.schedule
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    on_cpu = not torch.cuda.is_available()
    return TrainingArguments(
        output_dir=settings.run_dir,
        seed=schedule.seed,
        max_steps=steps,
        per_device_train_batch_size=_per_device(schedule, processes),
        gradient_accumulation_steps=schedule.accumulation,
        per_device_eval_batch_size=_per_device(schedule, processes),
        ddp_backend="gloo" if on_cpu and processes > 1 else None,
        ddp_find_unused_parameters=processes > 1,  # a batch may mention no region
        train_sampling_strategy="sequential",
        learning_rate=settings.tuning.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(schedule.warmup_share * steps),
        max_grad_norm=schedule.max_grad_norm,
        bf16=is_bf16_faster() if schedule.bf16 is None else schedule.bf16,
        use_cpu=on_cpu,
        activation_checkpointing=schedule.activation_checkpointing,
        deepspeed=schedule.deepspeed,
        dataloader_num_workers=schedule.dataloader_workers,
        dataloader_persistent_workers=schedule.dataloader_workers > 0,
        dataloader_pin_memory=not on_cpu,
        save_steps=schedule.save_steps,
        save_total_limit=2,
        eval_strategy="steps" if schedule.eval_steps else "no",
        eval_steps=schedule.eval_steps,
        prediction_loss_only=True,
        logging_steps=schedule.logging_steps,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
    )


def _per_device(schedule: ScheduleSettings, processes: int) -> int:
    if schedule.batch_size % (processes * schedule.accumulation):
        raise ValueError(
            f"`schedule.batch_size` must be a multiple of {processes} processes times `schedule.accumulation`, "
            f"{schedule.accumulation}, got {schedule.batch_size}. Change one."
        )
    if processes > 1 and schedule.bf16 is None:
        raise ValueError(
            f"`schedule.bf16` must be given with {processes} processes, of which each would time it for itself, got "
            "none. Set it to false on CPUs without bfloat16, else to true."
        )
    return schedule.batch_size // (processes * schedule.accumulation)


def export_result(settings: FinetuneSettings, trainer: Trainer, processor: SR3DProcessor) -> None:
    """Write the finished checkpoint; adapters become part of the weights.

    Args:
        settings (`FinetuneSettings`):
            The recipe.
        trainer (`Trainer`):
            After training.
        processor (`SR3DProcessor`):
            Saved beside the model.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    if settings.tuning.method == "full":
        if getattr(model, "kept_tower", None):
            model.model.vision_tower.hook.remove()
            model.model.vision_tower = model.kept_tower.pop()
    else:
        adapter = Path(settings.run_dir) / "adapter"
        model.save_pretrained(adapter)
        model = merge_adapters(settings.model, str(adapter))
    export_checkpoint(model, processor, settings.output_dir)
