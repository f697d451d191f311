# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""How well can regions be named from what a vision tower says of them? python tools/measure_naming.py --config FILE

In: settings of a training run with a frozen tower, as `sr3d train` reads them. Out: a table on standard output. A
small network is trained on the regions of the training split, from the descriptor of their points, from tower features
pooled under their masks, or from both, and names the regions of the validation split, whose furniture it has not seen.
It says in minutes what a tower is worth, before a language model is trained for hours on top of it.

This script may import torch, tqdm and `transformers_sr3d`.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from tqdm.auto import tqdm

from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.world import RoomFacts
from transformers_sr3d.training.room_scenes import NAMES
from transformers_sr3d.training.scene_cache import SceneCache
from transformers_sr3d.training.settings import TrainingSettings, read_settings
from transformers_sr3d.training.sft import make_inputs


MIN_MODELS = 4  # of a class that the mean over classes counts
WIDTH, STEPS, BATCH, RATE = 384, 1200, 256, 1.5e-3


def read_regions(cache: SceneCache, numbers: dict[str, int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pool the features of every region of a cache.

    Args:
        cache (`SceneCache`): With stored features.
        numbers (`dict[str, int]`): Names that count and their numbers.

    Returns:
        `tuple[torch.Tensor, torch.Tensor, torch.Tensor]`: Descriptors `(N, 13)`, features `(N, D)`, classes `(N,)`.
    """
    rows = []
    for index in tqdm(range(len(cache)), unit="sample", desc="regions"):
        sample = cache[index]
        encoded, facts = sample["encoded"], RoomFacts.from_json(sample["truth"]["facts"])
        features = encoded["pixel_values"]
        maps = features if features.ndim == 3 else features.flatten(2).transpose(1, 2)  # (T, h * w, D)
        coverage = encoded["region_coverage"].flatten(2).to(maps.dtype)  # (T, R, h * w)
        pooled = (coverage @ maps[:, -coverage.shape[-1] :]).sum(0) / coverage.sum((0, 2)).clamp(min=1e-6)[:, None]
        for position, number in enumerate(encoded["region_numbers"]):
            name = facts.objects[sample["truth"]["objects"][str(number)]].name
            if name in numbers and coverage[:, position].any():
                rows.append((encoded["region_descriptors"][position], pooled[position], numbers[name]))
    descriptors, features, classes = zip(*rows, strict=True)
    return torch.stack(descriptors), torch.stack(features), torch.tensor(classes)


def name_regions(train: torch.Tensor, classes: torch.Tensor, val: torch.Tensor, seed: int) -> torch.Tensor:
    """Train a small network on some inputs and let it name others.

    Args:
        train (`torch.Tensor` of shape `(N, D)`): Inputs.
        classes (`torch.Tensor` of shape `(N,)`): Their classes.
        val (`torch.Tensor` of shape `(M, D)`): Inputs to name.
        seed (`int`): Of weights and batches.

    Returns:
        `torch.Tensor` of shape `(M,)`: Classes.
    """
    torch.manual_seed(seed)
    mean, std = train.mean(0), train.std(0) + 1e-6
    train, val = ((inputs - mean).div(std).clamp(-5, 5) for inputs in (train, val))
    layers = (nn.Dropout(0.4), nn.Linear(train.shape[1], WIDTH), nn.GELU(), nn.Dropout(0.4))
    namer = nn.Sequential(*layers, nn.Linear(WIDTH, int(classes.max()) + 1))
    optimizer = torch.optim.AdamW(namer.parameters(), RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        batch = torch.randint(len(train), (BATCH,))
        loss = nn.functional.cross_entropy(namer(train[batch]), classes[batch], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return namer.eval()(val).argmax(1)


def score(named: torch.Tensor, classes: torch.Tensor, counted: list[int]) -> tuple[float, float]:
    """Percent right, over all regions and as a mean over classes."""
    right = named == classes
    per_class = [float(right[classes == number].float().mean()) for number in counted if (classes == number).any()]
    return 100.0 * float(right.float().mean()), 100.0 * sum(per_class) / max(1, len(per_class))


def check_config(settings: TrainingSettings) -> None:
    """Refuse settings without stored features of both splits."""
    for name, needed in (("freeze_vision", True), ("eval_steps", "a number")):
        value = getattr(settings.optimisation, name)
        if not value:
            raise ValueError(f"`optimisation.{name}` must be {needed} to name regions, got {value}. Change the file.")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings with a frozen tower")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="networks to average over (default: 3)")
    args = parser.parse_args(arguments)
    if args.seeds < 1:
        parser.error(f"`--seeds` must be at least 1, got {args.seeds}. Leave it out for 3.")
    settings = read_settings(args.config)
    check_config(settings)
    caches = make_inputs(settings)
    furniture = open_furniture(settings.samples.furniture)
    models = Counter(model.label for model in furniture.models)
    train, val = (read_regions(caches[split], NAMES) for split in ("train", "val"))
    shown = set(val[2].tolist())
    counted = [number for name, number in NAMES.items() if models[name] >= MIN_MODELS and number in shown]
    waves = [torch.cat([part[0], part[0].sin(), part[0].cos()], 1) for part in (train, val)]
    inputs = {
        "descriptor": waves,
        "features": [train[1], val[1]],
        "both": [torch.cat(pair, 1) for pair in zip(waves, (train[1], val[1]), strict=True)],
    }
    print(
        f"{len(train[2])} regions to learn from, {len(val[2])} to name, of {len(counted)} classes counted in the mean"
    )
    majority = train[2].mode().values.expand(len(val[2]))
    print("majority    {:5.1f} % of regions, {:5.1f} % mean over classes".format(*score(majority, val[2], counted)))
    for name, (to_learn, to_name) in inputs.items():
        scores = [score(name_regions(to_learn, train[2], to_name, s), val[2], counted) for s in range(args.seeds)]
        micro, macro = (sum(column) / len(scores) for column in zip(*scores, strict=True))
        print(f"{name:<11} {micro:5.1f} % of regions, {macro:5.1f} % mean over classes")


if __name__ == "__main__":
    main()
