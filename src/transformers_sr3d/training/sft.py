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
import time
from pathlib import Path

import torch
from transformers import AutoTokenizer, Trainer, TrainingArguments, set_seed

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.hub import export_checkpoint
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.position_encoding_sr3d import SR3DZeroInitLinear
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.training.box_rooms import BoxRoomQuestions, BoxRoomScenes
from transformers_sr3d.training.budget import TrainingBudget, newest_checkpoint
from transformers_sr3d.training.collator import SR3DDataCollator
from transformers_sr3d.training.number_loss import NumberLossTrainer, add_number_head, remove_number_head
from transformers_sr3d.training.records import ConversationDataset, SceneCache, build_cache, check_cache
from transformers_sr3d.training.settings import OptimisationSettings, TrainingSettings, read_settings, write_settings
from transformers_sr3d.training.tokenizer import train_tokenizer


# Settings that may differ between the parts of one run: they change neither data nor weights up to any step.
FREE_SETTINGS = ("max_minutes", "save_steps", "logging_steps", "threads", "dataloader_workers")
TOKENIZER_SCENES = 400
AWAKE_STD = 0.2  # of the last layers of the 3D branches where there is no base model to protect


def run_training(settings: TrainingSettings) -> Path:
    """Do a whole run, or what is left of it.

    Args:
        settings (`TrainingSettings`):
            What to do.

    Returns:
        `Path`: The folder of the finished checkpoint.

    Raises:
        ValueError: If `run_dir` holds a run with other settings, if the scene cache is out of date, or in one of
            several processes.
    """
    run_dir, output_dir = Path(settings.run_dir), Path(settings.output_dir)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError(
            f"`sr3d train` runs in one process, got WORLD_SIZE={os.environ['WORLD_SIZE']}. Start it without a "
            "launcher, or use `transformers.Trainer` with `SR3DDataCollator` under `accelerate launch`."
        )
    claim_run_dir(settings)
    if (run_dir / "finished.json").exists():
        return output_dir
    if settings.optimisation.threads:
        torch.set_num_threads(settings.optimisation.threads)
    processor, cache = prepare_data(settings)
    set_seed(settings.seed)
    model = build_model(settings, processor)
    trainer = build_trainer(settings, model, processor, cache)
    newest = newest_checkpoint(run_dir)
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    remove_number_head(model)
    export_bfloat16(model, processor, output_dir)
    shutil.copy(run_dir / "settings.yaml", output_dir / "training_settings.yaml")
    summary = {"steps": trainer.state.global_step, "minutes": trainer.budget.minutes, "bf16": trainer.args.bf16}
    (run_dir / "finished.json").write_text(json.dumps(summary))
    return output_dir


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


def prepare_data(settings: TrainingSettings) -> tuple[SR3DProcessor, SceneCache]:
    """Build or open the scene cache, and the processor with its trained tokenizer.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.

    Returns:
        `tuple[SR3DProcessor, SceneCache]`: Ready for training.

    Raises:
        ValueError: If the cache was made by another generator or processor.
    """
    # Encoding a scene involves no text: a tokenizer of bytes is enough until the questions are known.
    encoder = build_processor(settings, train_tokenizer([], vocab_size=settings.vocab_size))
    make_scene = BoxRoomScenes(encoder, split="train")
    normalisation = {
        "image_mean": encoder.image_processor.image_mean,
        "image_std": encoder.image_processor.image_std,
    }
    scenes = settings.scenes
    tile_size, max_tiles = encoder.image_processor.size["height"], encoder.image_processor.max_tiles
    shards = build_cache(
        Path(scenes.cache_dir) / f"boxes-train-{tile_size}px-{max_tiles}tiles",
        make_scene,
        seeds=range(scenes.first_seed, scenes.first_seed + scenes.num_scenes),
        shard_size=scenes.shard_size,
        workers=scenes.workers,
        **normalisation,
    )
    cache = SceneCache(shards, **normalisation)
    check_cache(cache, make_scene)
    ask = BoxRoomQuestions(min_questions=8, max_questions=8)
    conversations = (ask(cache[index]["truth"], index) for index in range(min(TOKENIZER_SCENES, len(cache))))
    texts = [text for conversation in conversations for turn in conversation for text in (turn.text, turn.answer)]
    return build_processor(settings, train_tokenizer(texts, vocab_size=settings.vocab_size)), cache


def build_config(settings: TrainingSettings, tokenizer) -> SR3DConfig:
    """Complete the model settings with what the tokenizer decides.

    Args:
        settings (`TrainingSettings`):
            `settings.model` holds arguments of `SR3DConfig`.
        tokenizer (`PreTrainedTokenizerFast`):
            Gives vocabulary size and token ids.

    Returns:
        `SR3DConfig`: Of the model to train.
    """
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    text_config = settings.model.get("text_config", {}) | ids | {"vocab_size": len(tokenizer)}
    return SR3DConfig(
        **settings.model
        | {"text_config": text_config}
        | {f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<{name}>") for name in ("image", "region")}
    )


def build_processor(settings: TrainingSettings, tokenizer) -> SR3DProcessor:
    """Make the processor that fits the model.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        tokenizer (`PreTrainedTokenizerFast`):
            The tokenizer.

    Returns:
        `SR3DProcessor`: With tile size, tile counts and tokens of the model.
    """
    return SR3DProcessor.from_config(build_config(settings, tokenizer), tokenizer)


def build_model(settings: TrainingSettings, processor: SR3DProcessor) -> SR3DForConditionalGeneration:
    """Make the model, untrained or as an earlier stage left it.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        processor (`SR3DProcessor`):
            Holds the tokenizer.

    Returns:
        `SR3DForConditionalGeneration`: In float32, ending answers at the tokenizer's end token.

    Raises:
        ValueError: If `init_from` was trained with another tokenizer.
    """
    config = build_config(settings, processor.tokenizer)
    if settings.init_from is None:
        model = SR3DForConditionalGeneration(config)
        wake_3d_branches(model)
    else:
        earlier = AutoTokenizer.from_pretrained(settings.init_from)
        if earlier.get_vocab() != processor.tokenizer.get_vocab():
            raise ValueError(
                f"`init_from` must be of the same tokenizer ({len(processor.tokenizer)} tokens), got "
                f"{settings.init_from} with {len(earlier)}. Train both stages on the same scenes and `vocab_size`."
            )
        model = SR3DForConditionalGeneration.from_pretrained(settings.init_from, config=config, dtype=torch.float32)
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
    settings: TrainingSettings, model: SR3DForConditionalGeneration, processor: SR3DProcessor, cache: SceneCache
) -> Trainer:
    """Join model, data and optimiser.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        model (`SR3DForConditionalGeneration`):
            The model to train.
        processor (`SR3DProcessor`):
            Saved beside every checkpoint.
        cache (`SceneCache`):
            The scenes.

    Returns:
        `Trainer`: With a `budget` that counts the minutes of training.
    """
    optimisation = settings.optimisation
    dataset = ConversationDataset(
        cache,
        BoxRoomQuestions(optimisation.min_questions, optimisation.max_questions),
        num_items=optimisation.max_steps * optimisation.batch_size,
        seed=settings.seed,
        batch_size=optimisation.batch_size,
        augment_yaw=optimisation.augment_yaw,
        pixels=settings.scenes.pixels,
    )
    budget = TrainingBudget(Path(settings.run_dir), optimisation.max_minutes)
    if optimisation.number_loss_weight:
        add_number_head(model)
    trainer = NumberLossTrainer(
        model=model,
        args=training_arguments(settings.run_dir, settings.seed, optimisation),
        data_collator=SR3DDataCollator(processor),
        train_dataset=dataset,
        processing_class=processor,
        callbacks=[budget],
        number_loss_weight=optimisation.number_loss_weight,
        number_loss_layer=optimisation.number_loss_layer,
    )
    trainer.budget = budget
    return trainer


def training_arguments(run_dir: str, seed: int, optimisation: OptimisationSettings) -> TrainingArguments:
    """Translate our settings into those of `Trainer`.

    Args:
        run_dir (`str`):
            Folder of intermediate checkpoints.
        seed (`int`):
            Of everything that `Trainer` draws.
        optimisation (`OptimisationSettings`):
            How to train.

    Returns:
        `TrainingArguments`: On the GPU if there is one.
    """
    on_cpu = not torch.cuda.is_available()
    return TrainingArguments(
        output_dir=run_dir,
        seed=seed,
        max_steps=optimisation.max_steps,
        per_device_train_batch_size=optimisation.batch_size,
        train_sampling_strategy="sequential",
        learning_rate=optimisation.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=optimisation.warmup_steps,
        weight_decay=optimisation.weight_decay,
        adam_beta2=optimisation.adam_beta2,
        max_grad_norm=optimisation.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=is_bf16_faster() if optimisation.bf16 is None else optimisation.bf16,
        use_cpu=on_cpu,
        dataloader_num_workers=optimisation.dataloader_workers,
        dataloader_persistent_workers=optimisation.dataloader_workers > 0,
        dataloader_pin_memory=not on_cpu,
        save_steps=optimisation.save_steps,
        save_total_limit=2,
        logging_steps=optimisation.logging_steps,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
    )


def is_bf16_faster(size: int = 256, repeats: int = 5) -> bool:
    """Time a matrix product in float32 and bfloat16 on the device that would train.

    CPUs without bfloat16 instructions emulate it at a fiftieth of the speed.

    Args:
        size (`int`, defaults to 256):
            Rows and columns of the factors.
        repeats (`int`, defaults to 5):
            Products per type; the fastest counts.

    Returns:
        `bool`: Always true on a GPU that knows bfloat16.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        factor = torch.ones(size, size, dtype=dtype)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            factor @ factor
            times.append(time.perf_counter() - start)
        seconds[dtype] = min(times)
    return seconds[torch.bfloat16] < seconds[torch.float32]
