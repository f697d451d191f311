# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Making records, geometry: named things on checked views -> the facts that questions are made from.

A pixel shows a thing where its measured point lies in the thing's 3D box, or where its mark covers it; where several
claim it, the smallest has it. Of a boxed thing the box is the truth, also where the views show a part of it, and the
gates of `rooms.questions.quantities` ask for enough to be seen. Of a marked thing only what the camera sees is known:
its truth is the upright box around its measured points, and where the mark reaches the border of the image no size and
no place is known.

May import: torch, NumPy, `rooms` and the files at the top of the package.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from transformers_sr3d.records.making.things import Thing
from transformers_sr3d.region_geometry_sr3d import points_in_box
from transformers_sr3d.region_prompts_sr3d import read_regions
from transformers_sr3d.rooms.rendering.scenes import SEEN_SHARES, SEEN_TOLERANCE
from transformers_sr3d.rooms.world import NO_OBJECT, ObjectFacts, RoomFacts, ViewFacts
from transformers_sr3d.viewing.companions import measure_companions


MAX_TILT_DEG = 5.0  # of a box that counts as upright
TILTED = "its box leans, so it has no width and height"
UNSEEN = "no view shows it"
CUT = "its mark reaches the border of the image"
UNMEASURED = "too few measured points under its mark"


class MeasuredScene(NamedTuple):
    """What is known of a scene. The world has z up.

    Attributes:
        facts (`RoomFacts`): Of all things, in their order; its `floor` says nothing.
        instances (`list[np.ndarray]` of shape `(H, W)`): Which thing each pixel of each image shows, -1 none.
        boxed (`tuple[bool, ...]`): Which things have a box that somebody drew.
        limits (`Counter`): How many things have no size or place, by reason.
    """

    facts: RoomFacts
    instances: list[np.ndarray]
    boxed: tuple[bool, ...]
    limits: Counter


class _Box(NamedTuple):
    """A box in the z-up world; without `is_known` its numbers say nothing."""

    center: np.ndarray
    size: np.ndarray
    rotation: np.ndarray
    limit: str | None


def measure_scene(
    views: Mapping[str, Any], things: Sequence[Thing], instances: Sequence[np.ndarray] | None = None, *, split: str
) -> MeasuredScene:
    """Measure the things of a scene.

    Args:
        views (`Mapping`):
            From `prepare_views`, with metric depth; several views with poses.
        things (`Sequence[Thing]`):
            All boxed or all marked.
        instances (`Sequence[np.ndarray]` of shape `(H, W)`, *optional*):
            Which boxed thing each pixel shows; found by the boxes if not given.
        split (`str`):
            Whose phrasings are used.

    Returns:
        `MeasuredScene`: The facts.

    Raises:
        ValueError: If depth is missing, not metric, or a view has no camera; or a mark is refused.
    """
    _check_views(views)
    if things[0].box is None:
        boxes, masks = _measure_marks(views, things)
        maps = [_stack_masks([masks[k][v] for k in range(len(things))], _size(views, v)) for v in _count(views)]
    else:
        boxes = [_upright(thing, views) for thing in things]
        maps = list(instances) if instances is not None else [_boxed_map(views, boxes, view) for view in _count(views)]
    seen = [_seen_in_view(views, view, maps[view], boxes) for view in _count(views)]
    objects = [_facts(things[k], boxes[k], [view[k] for view in seen]) for k in range(len(things))]
    limits = Counter(box.limit for box in boxes if box.limit)
    limits[UNSEEN] += sum(not thing.visible_pixels.any() for thing in objects)
    facts = RoomFacts(split, 0, "room", np.zeros((0, 2)), 0.0, 0.0, objects, _cameras(views))
    return MeasuredScene(facts, maps, tuple(thing.box is not None for thing in things), +limits)


def _check_views(views: Mapping[str, Any]) -> None:
    if views["geometry"] != "metric":
        raise ValueError(
            f"Questions in metres need depth in metres, got geometry {views['geometry']!r}. Import the scene with "
            "measured depth, or with a metric depth model (docs/estimators.md)."
        )
    keys = ("points", "intrinsics", "camera_to_world")
    bare = [view for view in _count(views) if any(views[key][view] is None for key in keys)]
    if bare and len(views["images"]) > 1:
        raise ValueError(
            f"Every view must have depth, intrinsics and a pose, got none of one of them for the views {bare}. Import "
            "the scene without these views."
        )


def _count(views: Mapping[str, Any]) -> range:
    return range(len(views["images"]))


def _size(views: Mapping[str, Any], view: int) -> tuple[int, int]:
    picture = views["images"][view]
    return picture.height, picture.width


def _cameras(views: Mapping[str, Any]) -> list[ViewFacts]:
    poses = [_array(pose) for pose in views["camera_to_world"]]
    return [ViewFacts(poses[view], _array(views["intrinsics"][view]), _size(views, view)) for view in _count(views)]


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.double().numpy()


def _upright(thing: Thing, views: Mapping[str, Any]) -> _Box:
    """Turn a box into the z-up world, its third axis up."""
    if thing.box is None:
        raise ValueError(f"`things` must all be boxed or all be marked, got {thing.name!r} without box. Split them.")
    turn = _array(views["up_from_user_world"])
    center, size = turn @ np.array(thing.box["center"]), np.array(thing.box["size"], dtype=float)
    rotation = turn @ np.array(thing.box["rotation"], dtype=float)
    up = int(np.abs(rotation[2]).argmax())
    leans = np.degrees(np.arccos(min(1.0, abs(rotation[2, up])))) > MAX_TILT_DEG
    order = [(up + 1) % 3, (up + 2) % 3, up]
    rotation, size = rotation[:, order], size[order]
    if rotation[2, 2] < 0:
        rotation = rotation * np.array([-1.0, 1.0, -1.0])
    return _Box(center, size, rotation, TILTED if leans else None)


def _measure_marks(
    views: Mapping[str, Any], things: Sequence[Thing]
) -> tuple[list[_Box], list[list[torch.Tensor | None]]]:
    """Boxes around what is measured under marks, and masks per thing and view."""
    entries = [mark | {"region": number} for number, thing in enumerate(things) for mark in thing.marks]
    regions = read_regions(entries, views)
    boxes = []
    for companion in measure_companions(regions, views):
        if companion.center is None or companion.size is None or companion.rotation is None:
            boxes.append(_Box(np.zeros(3), np.ones(3), np.eye(3), UNMEASURED))
            continue
        center, size, rotation = map(_array, (companion.center, companion.size, companion.rotation))
        boxes.append(_Box(center, size, rotation, CUT if companion.touches_border else None))
    return boxes, [region["masks"] for region in regions]


def _stack_masks(masks: Sequence[torch.Tensor | None], size_hw: tuple[int, int]) -> np.ndarray:
    """Numbers of things per pixel, the smaller of two masks above."""
    stacked = np.full(size_hw, NO_OBJECT, dtype=np.int16)
    areas = [0 if mask is None else int(mask.count_nonzero()) for mask in masks]
    for number in sorted(range(len(masks)), key=lambda number: -areas[number]):
        mask = masks[number]
        if mask is not None:
            stacked[mask.numpy()] = number
    return stacked


def _boxed_map(views: Mapping[str, Any], boxes: Sequence[_Box], view: int) -> np.ndarray:
    """Numbers of things per pixel of an image, the smaller of two boxes above."""
    points, valid = views["points"][view].double(), views["valid"][view]
    stacked = torch.full(valid.shape, NO_OBJECT, dtype=torch.float32)
    for number in sorted(range(len(boxes)), key=lambda number: -float(np.prod(boxes[number].size))):
        center, size, rotation = (torch.from_numpy(part) for part in boxes[number][:3])
        stacked[points_in_box(points, valid, center=center, size=size, rotation=rotation)] = number
    return _on_image(stacked[..., None], _size(views, view))[..., 0].to(torch.int16).numpy()


def _on_image(values: torch.Tensor, size_hw: tuple[int, int]) -> torch.Tensor:
    """Look `(h, w, c)` values of a depth map up at every pixel of its image."""
    batch = values.movedim(-1, 0)[None]
    return torch.nn.functional.interpolate(batch, size=size_hw, mode="nearest-exact")[0].movedim(0, -1)


def _seen_in_view(
    views: Mapping[str, Any], view: int, instances: np.ndarray, boxes: Sequence[_Box]
) -> list[tuple[int, np.ndarray, bool, np.ndarray]]:
    """Pixels, rectangle `(4,)`, whether cut, and extents `(3, 2)` of every thing in a view."""
    height, width = instances.shape
    points = _on_image(views["points"][view].double(), (height, width)).numpy()
    valid = _on_image(views["valid"][view].double()[..., None], (height, width))[..., 0].numpy() > 0
    seen = []
    for number, box in enumerate(boxes):
        rows, columns = np.nonzero(instances == number)
        if not len(rows):
            seen.append((0, np.zeros(4), False, np.full((3, 2), np.nan)))
            continue
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        is_cut = bool(left == 0 or top == 0 or right == width or bottom == height)
        measured = points[rows, columns][valid[rows, columns]]
        rectangle = np.array([left, top, right, bottom], dtype=float)
        seen.append((len(rows), rectangle, is_cut, _seen_extents(measured, box)))
    return seen


def _seen_extents(points: np.ndarray, box: _Box) -> np.ndarray:
    """What `(N, 3)` points show of a box along its own axes, in extents, `(3, 2)`."""
    if box.limit is not None or not len(points):
        return np.full((3, 2), np.nan)
    own = (points - box.center) @ box.rotation / box.size
    low, high = np.quantile(own, SEEN_SHARES, axis=0)
    return np.stack((low - SEEN_TOLERANCE, high + SEEN_TOLERANCE), axis=1).clip(-0.5, 0.5)


def _facts(thing: Thing, box: _Box, seen: Sequence[tuple[int, np.ndarray, bool, np.ndarray]]) -> ObjectFacts:
    pixels, rectangles, cut, extents = zip(*seen, strict=True)
    return ObjectFacts(
        name=thing.name,
        model="",
        center=box.center,
        size=box.size,
        rotation=box.rotation,
        support=None,
        visible_pixels=np.array(pixels),
        boxes_xyxy=np.stack(rectangles),
        cut=np.array(cut),
        seen=np.stack(extents),
    )
