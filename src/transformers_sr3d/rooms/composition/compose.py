# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, composition: models of a split and a random generator -> a room with its objects in a world.

A kind of room is drawn, then its floor, then the groups that belong to it, then single things until the wanted number
is reached. All of it happens in the room's own frame; at the end the room is turned and moved, so that nothing can be
learnt from axes or from the height of the floor. What the models lack is left out, so a small catalogue gives sparser
rooms rather than an error.

May import: NumPy and the modules of this folder that it names.
"""

from collections.abc import Sequence

import numpy as np

from transformers_sr3d.rooms.composition.arrangements import ARRANGEMENTS
from transformers_sr3d.rooms.composition.furnishing import Furnishing
from transformers_sr3d.rooms.composition.kinds import KIND_WEIGHTS, REPEATED, ROOM_KINDS, TOP, standing
from transformers_sr3d.rooms.composition.placement import FloorPlan, yaw_rotation
from transformers_sr3d.rooms.world import FurnitureModel, PlacedObject, Room


MIN_MODELS = 3
SIDES_M = (2.2, 8.0)
HEIGHT_M = (2.3, 3.2)
L_SHAPED_SHARE = 0.3
L_SHAPED_ABOVE_M = 3.6
CUT_SHARE = (0.25, 0.45)
SHIFT_M = 5.0
FLOOR_Z_M = 1.0
RAISED_SHARE = 0.5
REPEAT_SHARE = 0.05
# Each object of a class that is there already makes another one this much less likely.
SATIATION = 0.12
FILL_TRIES = 70
CARRIERS = ("coffee table", "dresser", "bedside table", "table", "desk", "base cabinet", "tv stand", "trunk")
ROOM_TRIES = 12


def compose_room(
    models: Sequence[FurnitureModel], rng: np.random.Generator, *, num_objects: tuple[int, int] = (6, 14)
) -> Room:
    """Furnish a room so that it looks lived in and nothing runs through anything else.

    Args:
        models (`Sequence[FurnitureModel]`): What may be used, usually the models of one split.
        rng (`np.random.Generator`): Source of all randomness.
        num_objects (`tuple[int, int]`, defaults to `(6, 14)`): Fewest and most objects.

    Returns:
        `Room`: At a random place and heading of its world. Boxes of objects do not intersect, except chairs under
        tables (by up to 40 % of their depth) and what stands on a rug.

    Raises:
        `ValueError`: If `num_objects` is no range from 1, if fewer than 3 models can be placed, or if these models
            are too large to reach the lower number in any room.
    """
    fewest, most = num_objects
    if not 1 <= fewest <= most:
        raise ValueError(f"`num_objects` must be (fewest, most) with 1 <= fewest <= most, got {num_objects}.")
    stock = _stock(models)
    number = int(rng.integers(fewest, most + 1))
    kind = _draw_kind(stock, rng)
    for attempt in range(ROOM_TRIES):
        plan = _draw_floor(kind, number, rng, growth=1.0 + 0.1 * attempt)
        _furnish(Furnishing(plan, stock, rng), kind)
        if len(plan.objects) >= fewest:
            return _in_the_world(plan, kind, rng)
    raise ValueError(
        f"`models` gave only {len(plan.objects)} objects in a room, expected at least {fewest}. "
        "Give more or smaller models, or lower `num_objects`."
    )


def _stock(models: Sequence[FurnitureModel]) -> dict[str, list[FurnitureModel]]:
    stock: dict[str, list[FurnitureModel]] = {}
    for model in models:
        if standing(model) is not None:
            stock.setdefault(model.label, []).append(model)
    placeable = sum(len(entries) for entries in stock.values())
    if placeable < MIN_MODELS:
        raise ValueError(
            f"`models` must hold at least {MIN_MODELS} models that a room can hold, got {placeable} of {len(models)}. "
            "Give the indoor models of a whole split."
        )
    return stock


def _draw_kind(stock: dict[str, list[FurnitureModel]], rng: np.random.Generator) -> str:
    """Draw a kind of room, the rarer the less of it the stock has."""
    kinds = list(KIND_WEIGHTS)
    covered = [sum(weight for label, weight in ROOM_KINDS[kind].weights.items() if label in stock) for kind in kinds]
    whole = [sum(ROOM_KINDS[kind].weights.values()) for kind in kinds]
    weights = np.array([KIND_WEIGHTS[kind] for kind in kinds]) * (np.array(covered) / whole + 1e-6)
    return str(rng.choice(kinds, p=weights / weights.sum()))


def _draw_floor(kind: str, limit: int, rng: np.random.Generator, growth: float) -> FloorPlan:
    """Draw a rectangular or L-shaped floor; more objects make larger ones likelier."""
    low, high = ROOM_KINDS[kind].sides_m
    middle = low + (high - low) * min(limit / 16, 1.0)
    sides = np.clip(growth * rng.triangular(low, middle, high, size=2), SIDES_M[0], SIDES_M[1])
    width, depth = sides.tolist()
    height = float(rng.uniform(*HEIGHT_M))
    cut = None
    if min(width, depth) > L_SHAPED_ABOVE_M and rng.random() < L_SHAPED_SHARE:
        share = rng.uniform(*CUT_SHARE, size=2)
        wide, deep = (share * sides).tolist()
        left, low_end = rng.random(2) < 0.5
        x0, x1 = (0.0, wide) if left else (width - wide, width)
        y0, y1 = (0.0, deep) if low_end else (depth - deep, depth)
        cut = (x0, y0, x1, y1)
    return FloorPlan(width, depth, height, cut, limit)


def _furnish(room: Furnishing, kind: str) -> None:
    """Set up the groups of a kind of room, then add single things until the limit."""
    for name, probability in ROOM_KINDS[kind].groups:
        if room.chance(probability):
            ARRANGEMENTS[name](room)
    weights = {label: weight for label, weight in ROOM_KINDS[kind].weights.items() if label in room.stock}
    if len(weights) < MIN_MODELS:
        weights |= {label: 0.5 for label in room.stock if label not in weights}
    for _ in range(FILL_TRIES):
        if room.plan.full:
            return
        _add_one(room, weights)


def _add_one(room: Furnishing, weights: dict[str, float]) -> None:
    """Add one thing: another of a kind that is there already, or one of the kind's classes."""
    objects = room.plan.objects
    again = [thing for thing in objects if thing.model.label in REPEATED]
    if again and room.chance(REPEAT_SHARE):
        thing = again[int(room.rng.integers(len(again)))]
        room.put(thing.model, thing.size if room.chance(0.5) else None)
        return
    labels = list(weights)
    present = [thing.model.label for thing in objects]
    wishes = np.array([weights[label] * SATIATION ** present.count(label) for label in labels])
    model = room.draw(str(room.rng.choice(labels, p=wishes / wishes.sum())))
    if model is not None:
        if standing(model) == TOP and not room.supports():
            _add_support(room)
        room.put(model)


def _add_support(room: Furnishing) -> None:
    """Add something that small things can stand on, where the room has nothing of that kind."""
    labels = [label for label in CARRIERS if label in room.stock]
    if labels:
        model = room.draw(labels[int(room.rng.integers(len(labels)))])
        if model is not None:
            room.put(model)


def _in_the_world(plan: FloorPlan, kind: str, rng: np.random.Generator) -> Room:
    """Turn and move a finished room to a random place."""
    rotation = yaw_rotation(rng.uniform(-np.pi, np.pi))
    floor_z = float(rng.uniform(-FLOOR_Z_M, FLOOR_Z_M)) if rng.random() < RAISED_SHARE else 0.0
    shift = np.array([*rng.uniform(-SHIFT_M, SHIFT_M, size=2), floor_z])
    objects = [
        PlacedObject(
            thing.model, rotation @ thing.center + shift, thing.size, rotation @ thing.rotation, thing.support
        )
        for thing in plan.objects
    ]
    floor = plan.corners @ rotation[:2, :2].T + shift[:2]
    return Room(kind, floor, plan.height, floor_z, objects)
