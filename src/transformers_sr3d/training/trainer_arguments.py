# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of `Trainer`: how we optimise -> `TrainingArguments` for this machine and this number of processes.

This module may import torch, transformers and siblings in `training`.
"""

import math
import os
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainingArguments

from transformers_sr3d.training.muon import muon_for_layers
from transformers_sr3d.training.settings import OptimisationSettings


LEAST = {
    **dict.fromkeys(("max_steps", "batch_size", "save_steps", "logging_steps", "eval_steps", "threads"), 1),
    **dict.fromkeys(("warmup_steps", "dataloader_workers"), 0),
}


def check_optimisation(optimisation: OptimisationSettings) -> None:
    """Refuse rates, weights and shares that cannot be, with which training would go the wrong way or not at all.

    Args:
        optimisation (`OptimisationSettings`):
            How to train.

    Raises:
        ValueError: If a learning rate is not above 0, a weight below 0 or a share not from 0 to 1.
    """
    for name in ("learning_rate", "muon_learning_rate"):
        rate = getattr(optimisation, name)
        if rate is not None and not 0 < rate < math.inf:
            raise ValueError(f"`optimisation.{name}` must be a number above 0, got {rate}. Change the file.")
    for name in ("number_loss_weight", "name_loss_weight", "weight_decay"):
        weight = getattr(optimisation, name)
        if not 0 <= weight < math.inf:
            raise ValueError(f"`optimisation.{name}` must be a number from 0 on, got {weight}. Change the file.")
    for name, least in LEAST.items():
        number = getattr(optimisation, name)
        if number is not None and not number >= least:
            raise ValueError(f"`optimisation.{name}` must be at least {least}, got {number}. Change the file.")
    if not 0 < optimisation.adam_beta2 < 1 or not optimisation.max_grad_norm > 0:
        raise ValueError(
            "`optimisation.adam_beta2` must be between 0 and 1 and `optimisation.max_grad_norm` above 0, got "
            f"{optimisation.adam_beta2} and {optimisation.max_grad_norm}. Change the file."
        )
    share = optimisation.augment_scale
    if not 0 <= share <= 1:
        raise ValueError(f"`optimisation.augment_scale` must be a share from 0 to 1, got {share}. Change the file.")


def check_processes(optimisation: OptimisationSettings, processes: int) -> None:
    """Refuse settings that several processes cannot share.

    Args:
        optimisation (`OptimisationSettings`):
            How to train.
        processes (`int`):
            That will share the work.

    Raises:
        ValueError: If a batch cannot be shared evenly, if there is a limit on minutes, or if each would choose its own
            precision.
    """
    if optimisation.batch_size % processes:
        raise ValueError(
            f"`batch_size` must be a multiple of the {processes} processes, got {optimisation.batch_size}. Change one."
        )
    if processes > 1 and optimisation.max_minutes is not None:
        raise ValueError(
            f"`max_minutes` must be left out with {processes} processes, whose clocks would stop them at different "
            f"steps, got {optimisation.max_minutes}. Set `max_steps` instead."
        )
    if processes > 1 and optimisation.bf16 is None:
        raise ValueError(
            f"`bf16` must be given with {processes} processes, of which each would time it for itself, got none. Set "
            "it to false on CPUs without bfloat16, else to true."
        )


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

    Raises:
        ValueError: If the processes cannot share the work; see `check_processes`.
    """
    on_cpu = not torch.cuda.is_available()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    check_processes(optimisation, processes)
    return TrainingArguments(
        output_dir=run_dir,
        seed=seed,
        max_steps=optimisation.max_steps,
        per_device_train_batch_size=optimisation.batch_size // processes,
        ddp_backend="gloo" if on_cpu and processes > 1 else None,
        ddp_find_unused_parameters=processes > 1,  # a batch may mention no region
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
        eval_strategy="steps" if optimisation.eval_steps else "no",
        eval_steps=optimisation.eval_steps,
        per_device_eval_batch_size=optimisation.batch_size,
        prediction_loss_only=True,
        logging_steps=optimisation.logging_steps,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
    )


def choose_optimizer(optimisation: OptimisationSettings) -> tuple[Callable[[], Callable], dict[str, Any]] | None:
    """Translate the settings of the optimiser for `Trainer`'s `optimizer_cls_and_kwargs`.

    Args:
        optimisation (`OptimisationSettings`):
            How to train.

    Returns:
        `tuple[Callable[[], Callable], dict[str, Any]]` or `None`: What returns the maker of `MuonWithAdamW`, with the
        maker's arguments; nothing for the AdamW of `training_arguments`.
    """
    if optimisation.muon_learning_rate is None:
        return None
    names = ("muon_learning_rate", "learning_rate", "weight_decay", "adam_beta2")
    return (lambda: muon_for_layers), {name: getattr(optimisation, name) for name in names}


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
