# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, regions: facts + instance maps + region numbers -> regions as a user may draw them.

A user may paint an object in every view or in one, drag rectangles around it, or hand over its 3D box. Drawing a way
for every region is all the mask augmentation that the second stage of training needs: a mask becomes a rectangle,
and the masks of random views are dropped until one annotated view remains. The price of rectangles is background, so
an object that fills less than half of its rectangle is painted instead.

May import: NumPy, `quantities`, `rooms.world`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transformers_sr3d.rooms.questions.quantities import min_pixels
from transformers_sr3d.rooms.world import RoomFacts


MULTI_VIEW_KINDS = ("masks", "mask", "boxes", "box", "box_3d")
SINGLE_VIEW_KINDS = ("mask", "box")  # one view has no pose, so there is no world that a 3D box could stand in
MIN_MASK_PIXELS = 40  # for a view of `room_quantities.REFERENCE_SIDE` pixels
MAX_BOXES = 3
MIN_BOX_FILL = 0.5
TRAINING_JITTER = 0.05  # of a rectangle's sides


def mark_scene(
    facts: RoomFacts,
    instances: Sequence[np.ndarray],
    numbers: Mapping[int, int],
    rng: np.random.Generator,
    *,
    kind: str | None = None,
    jitter: float = 0.0,
) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """Mark all numbered objects of a room.

    Args:
        facts (`RoomFacts`): The room.
        instances (`Sequence[np.ndarray]` of shape `(H, W)`): Instance map of each view.
        numbers (`Mapping[int, int]`): From region number to the position of the object.
        rng (`np.random.Generator`): Source of randomness.
        kind (`str`, *optional*): How all are marked; drawn for each if not given.
        jitter (`float`, defaults to 0.0): See `mark_region`.

    Returns:
        `tuple[list[dict[str, Any]], dict[int, str]]`: `regions` for the processor, and from region number to the way
        that was asked for (a rectangle may have become a mask).
    """
    kinds = MULTI_VIEW_KINDS if len(facts.views) > 1 else SINGLE_VIEW_KINDS
    regions, used = [], {}
    for number, index in numbers.items():
        used[number] = str(rng.choice(kinds)) if kind is None else kind
        regions += mark_region(facts, instances, number, index, rng, kind=used[number], jitter=jitter)
    return regions, used


def mark_region(
    facts: RoomFacts,
    instances: Sequence[np.ndarray],
    number: int,
    index: int,
    rng: np.random.Generator,
    *,
    kind: str,
    jitter: float = 0.0,
) -> list[dict[str, Any]]:
    """Mark an object as a region.

    Args:
        facts (`RoomFacts`): The room.
        instances (`Sequence[np.ndarray]` of shape `(H, W)`): Instance map of each view.
        number (`int`): Region number.
        index (`int`): Position of the object.
        rng (`np.random.Generator`): Source of randomness.
        kind (`str`): `"masks"` (in every view that shows `MIN_MASK_PIXELS` of it), `"mask"` (in the view that shows
            most), `"boxes"` (rectangles in up to three views), `"box"` (a rectangle in the view that shows most) or
            `"box_3d"`. A rectangle is drawn only in views where the object fills at least half of it; where there is
            none, the result is that of `"mask"`.
        jitter (`float`, defaults to 0.0): Every edge of a rectangle moves by at most this share of the rectangle's
            side, inwards or outwards, and stays in the image.

    Returns:
        `list[dict[str, Any]]`: Entries of `regions` for the processor that share the number.

    Raises:
        ValueError: If `kind` is unknown or no view shows the object.
    """
    if kind not in MULTI_VIEW_KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(MULTI_VIEW_KINDS)}, got {kind!r}. Choose one of them.")
    thing = facts.objects[index]
    if kind == "box_3d":
        box = {"center": thing.center.tolist(), "size": thing.size.tolist(), "rotation": thing.rotation.tolist()}
        return [{"region": number, "box_3d": box}]
    masks = [instance_map == index for instance_map in instances]
    pixels = np.array([mask.sum() for mask in masks])
    if not pixels.any():
        raise ValueError(f"`index` must be an object that some view shows, got {index}, which has no pixel. Leave it.")
    best, shown = int(pixels.argmax()), np.flatnonzero(pixels >= min_pixels(facts, MIN_MASK_PIXELS)).tolist()
    if kind in ("boxes", "box"):
        candidates = [view for view in (shown if kind == "boxes" else [best]) if _fill(masks[view]) >= MIN_BOX_FILL]
        views = sorted(rng.permutation(candidates)[:MAX_BOXES].astype(int).tolist())
        if views:
            return [
                {"region": number, "box_xyxy": _rectangle(masks[view], rng, jitter=jitter), "view": view}
                for view in views
            ]
    views = shown if kind == "masks" and shown else [best]
    return [{"region": number, "mask": masks[view], "view": view} for view in views]


def _edges(mask: np.ndarray) -> np.ndarray:
    """Rectangle around a mask in pixel edges, `(x0, y0, x1, y1)`."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=float)


def _fill(mask: np.ndarray) -> float:
    x0, y0, x1, y1 = _edges(mask)
    return float(mask.sum() / ((x1 - x0) * (y1 - y0)))


def _rectangle(mask: np.ndarray, rng: np.random.Generator, *, jitter: float) -> list[float]:
    edges = _edges(mask)
    if jitter:
        sides = np.tile(edges[2:] - edges[:2], 2)
        limits = np.tile(mask.shape[::-1], 2)
        edges = np.clip(edges + rng.uniform(-jitter, jitter, 4) * sides, 0, limits)
    return [float(edge) for edge in edges]
