# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Making records, words: facts of a scene -> questions with regions, answers and truth.

Questions are those of `rooms.questions`, with their margins, and of `spatial_rgpt`. Not asked: the size of the room,
which boxes do not tell; counts and what there is, unless every thing is annotated; and with unknown gravity everything
that depends on up.

May import: NumPy and `rooms`.
"""

import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transformers_sr3d.records.making.measuring import MeasuredScene
from transformers_sr3d.records.making.spatial_rgpt import SPATIAL_RGPT_CATEGORIES, sample_spatial_rgpt
from transformers_sr3d.rooms.questions.contents import NumberedRoom
from transformers_sr3d.rooms.questions.conversations import (
    MULTI_VIEW_CATEGORIES,
    SINGLE_VIEW_CATEGORIES,
    RoomQuestion,
    categories_of,
    number_objects,
    sample_conversation,
)
from transformers_sr3d.rooms.questions.region_marks import MULTI_VIEW_KINDS, SINGLE_VIEW_KINDS, mark_region


NEEDS_ROOM = ("room_size",)
NEEDS_ALL_THINGS = ("counting", "existence")
FREE_OF_UP = ("left_right", "front_behind", "depth_order", "distance", "naming", "counting", "existence")
MAX_REGIONS = 8
CATEGORIES = tuple(dict.fromkeys((*SINGLE_VIEW_CATEGORIES, *MULTI_VIEW_CATEGORIES, *SPATIAL_RGPT_CATEGORIES)))


def possible_categories(measured: MeasuredScene, *, gravity_known: bool, all_annotated: bool) -> tuple[str, ...]:
    """Tell what a scene may be asked.

    Args:
        measured (`MeasuredScene`):
            The scene.
        gravity_known (`bool`):
            Whether up is known.
        all_annotated (`bool`):
            Whether every thing that goes by one of its names is annotated.

    Returns:
        `tuple[str, ...]`: Categories.
    """
    left_out = NEEDS_ROOM if all_annotated else (*NEEDS_ROOM, *NEEDS_ALL_THINGS, "named_distance")
    categories = [name for name in (*categories_of(measured.facts), *SPATIAL_RGPT_CATEGORIES) if name not in left_out]
    return tuple(name for name in categories if gravity_known or name in FREE_OF_UP)


def ask(
    measured: MeasuredScene, rng: np.random.Generator, num_questions: int, *, categories: Sequence[str]
) -> tuple[list[RoomQuestion], dict[int, int]]:
    """Draw questions about a scene.

    Args:
        measured (`MeasuredScene`):
            The scene.
        rng (`np.random.Generator`):
            Source of randomness.
        num_questions (`int`):
            At most this many.
        categories (`Sequence[str]`):
            From `possible_categories`.

    Returns:
        `tuple[list[RoomQuestion], dict[int, int]]`: The questions, and from region number to the thing.
    """
    numbers = number_objects(measured.facts, rng, max_regions=MAX_REGIONS)
    if not numbers or not categories:
        return [], {}
    extra = [name for name in categories if name in SPATIAL_RGPT_CATEGORIES]
    usual = [name for name in categories if name not in SPATIAL_RGPT_CATEGORIES]
    num_extra = int(rng.binomial(num_questions, len(extra) / len(categories)))
    room = NumberedRoom(measured.facts, numbers)
    questions = sample_spatial_rgpt(room, rng, num_extra, categories=extra)
    questions += sample_conversation(measured.facts, numbers, rng, num_questions - len(questions), categories=usual)
    return [questions[place] for place in rng.permutation(len(questions))], numbers


def mark(
    measured: MeasuredScene,
    numbers: Mapping[int, int],
    rng: np.random.Generator,
    *,
    user_from_up: np.ndarray,
    kind: str | None = None,
) -> list[dict[str, Any]]:
    """Mark things as a user may, as JSON.

    Args:
        measured (`MeasuredScene`):
            The scene.
        numbers (`Mapping[int, int]`):
            From region number to the position of the thing.
        rng (`np.random.Generator`):
            Source of randomness.
        user_from_up (`np.ndarray` of shape `(3, 3)`):
            From the z-up world to that of the scene.
        kind (`str`, *optional*):
            See `mark_region`; drawn for each if not given, 3D boxes only for things that have one.

    Returns:
        `list[dict[str, Any]]`: `regions` of a record.
    """
    kinds = MULTI_VIEW_KINDS if len(measured.facts.views) > 1 else SINGLE_VIEW_KINDS
    regions = []
    for number, index in numbers.items():
        usable = [name for name in kinds if name != "box_3d" or measured.boxed[index]]
        drawn = str(rng.choice(usable)) if kind is None else kind
        for entry in mark_region(measured.facts, measured.instances, number, index, rng, kind=drawn):
            regions.append(_as_json(entry, user_from_up))
    return regions


def _as_json(entry: Mapping[str, Any], user_from_up: np.ndarray) -> dict[str, Any]:
    plain = dict(entry)
    if "mask" in plain:
        plain["mask"] = run_lengths(plain["mask"])
    if "box_3d" in plain:
        box = {key: np.array(value) for key, value in plain["box_3d"].items()}
        turned = {"center": user_from_up @ box["center"], "rotation": user_from_up @ box["rotation"]}
        plain["box_3d"] = {key: np.round(value, 6).tolist() for key, value in (box | turned).items()}
    return plain


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    """Write a mask as uncompressed COCO run lengths.

    Args:
        mask (`np.ndarray` of shape `(H, W)`, bool):
            The mask.

    Returns:
        `dict[str, Any]`: `size` (height, width) and `counts` (run lengths down the columns, beginning with zeros).
    """
    pixels = mask.ravel(order="F")
    borders = np.flatnonzero(np.diff(pixels)) + 1
    edges = np.concatenate([[0], borders, [pixels.size]])
    counts = np.diff(edges).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if pixels[0] else counts}


def truth_of(question: RoomQuestion) -> dict[str, Any]:
    """Give the truth of a question as records hold it.

    Args:
        question (`RoomQuestion`):
            The question.

    Returns:
        `dict[str, Any]`: `value` and `unit`, or `choice`, or `text`.
    """
    if question.metres is not None:
        return {"value": round(question.metres, 4), "unit": "m"}
    if question.form == "options" and question.option is not None:
        return {"choice": string.ascii_uppercase[question.options.index(question.option)]}
    if question.yes is not None:
        return {"text": "yes" if question.yes else "no"}
    if question.region is not None:
        return {"text": f"Region {question.region}"}
    if question.order is not None:
        return {"text": ", ".join(f"Region {number}" for number in question.order)}
    return {"text": str(question.option or question.name or question.count)}
