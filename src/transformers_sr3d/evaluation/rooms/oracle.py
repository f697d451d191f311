# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Geometric oracle: marked pixels and depth of a sample -> answers to questions of geometry, without a network.

It measures a box around the points of every region and compares boxes: a plain reference for what the inputs alone
say, and not an upper bound, for it sees only the side of a thing that faces the cameras. It reads what the model is
given, degraded alike. What needs a name (naming, counting, existence) or the whole room it does not answer.

This module may import numpy, torch and the whole package.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import atan2, degrees
from typing import Any

import numpy as np
import torch

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.region_geometry_sr3d import MIN_BOX_POINTS, box_from_points
from transformers_sr3d.region_prompts_sr3d import read_regions, region_points
from transformers_sr3d.rooms.questions.conversations import RoomQuestion
from transformers_sr3d.rooms.questions.phrasings import TEST_SPLIT, phrasings, training_phrasings
from transformers_sr3d.rooms.questions.quantities import SECTOR_DEG, SECTORS


@dataclass(frozen=True)
class MeasuredRegion:
    """Box around the points of a region.

    Attributes:
        center (`np.ndarray` of shape `(3,)`): In the z-up world of the sample, metres (units of relative depth).
        size (`np.ndarray` of shape `(3,)`): Long and short horizontal side and height.
        in_camera (`np.ndarray` of shape `(3,)`): The centre in the first view's camera, OpenCV axes; NaN if its pose
            is unknown.
    """

    center: np.ndarray
    size: np.ndarray
    in_camera: np.ndarray


# Value of a region by the direction of a comparison in which the larger value wins.
VALUES: dict[str, Callable[[MeasuredRegion], float]] = {
    "wider": lambda region: region.size[0],
    "taller": lambda region: region.size[2],
    "bigger": lambda region: float(np.prod(region.size)),
    "right": lambda region: region.in_camera[0] / region.in_camera[2],
    "above": lambda region: region.center[2],
    "farther": lambda region: float(np.linalg.norm(region.in_camera)),
}
OPPOSITES = {
    "thinner": "wider",
    "shorter": "taller",
    "smaller": "bigger",
    "left": "right",
    "below": "above",
    "closer": "farther",
}
IN_CAMERA = ("right", "farther")
LENGTHS = ("width", "height", "distance")
BEST_OF = {"tallest": "taller", "widest": "wider"}
BY_DISTANCE = ("closest", "farthest", "standing_closest", "standing_farthest")
STANDING = ("standing", "standing_options")


def measure_regions(sample: Mapping[str, Any]) -> tuple[dict[int, MeasuredRegion] | None, bool]:
    """Fit a box around the measured points of each region of a sample.

    Args:
        sample (`Mapping[str, Any]`):
            Arguments of `SR3DProcessor.encode_views`.

    Returns:
        `tuple[dict[int, MeasuredRegion] | None, bool]`: Boxes by region number, without those that have fewer than
        three measured points, or None without any depth; and whether lengths are metres.

    Raises:
        ValueError: As the processor.
    """
    views = prepare_views(**{name: value for name, value in sample.items() if name != "regions"})
    if views["geometry"] == "none":
        return None, False
    pose = views["camera_to_world"][0]
    boxes = {}
    for region in read_regions(sample["regions"], views):
        points = torch.cat([torch.zeros(0, 3), *region_points(region["masks"], views)])
        if len(points) >= MIN_BOX_POINTS:
            box = box_from_points(points)
            boxes[region["number"]] = _measured(box, None if pose is None else torch.linalg.inv(pose.double()))
    return boxes, bool(views["metric"])


def _measured(box: dict[str, torch.Tensor], world_to_camera: torch.Tensor | None) -> MeasuredRegion:
    center = box["center"].double()
    in_camera = torch.full((3,), torch.nan)
    if world_to_camera is not None:
        in_camera = world_to_camera[:3, :3] @ center + world_to_camera[:3, 3]
    return MeasuredRegion(center.numpy(), box["size"].double().numpy(), in_camera.numpy())


def is_geometric(question: RoomQuestion) -> bool:
    """Tell whether the oracle answers questions of this kind.

    Args:
        question (`RoomQuestion`):
            The question.

    Returns:
        `bool`: False for what needs names or the whole room.
    """
    kinds = (*LENGTHS, *BEST_OF, *BY_DISTANCE, *STANDING, "depth_order")
    return question.kind in kinds or _direction(question.kind) is not None


def oracle_answer(question: RoomQuestion, boxes: Mapping[int, MeasuredRegion]) -> str | None:
    """Answer a question from measured boxes.

    Only the words of the question are used: its kind, the regions in the order of their mention, and its options.

    Args:
        question (`RoomQuestion`):
            One of which `is_geometric` is true.
        boxes (`Mapping[int, MeasuredRegion]`):
            From `measure_regions`.

    Returns:
        `str` or `None`: An answer in the words of `RoomQuestion.answer`; None if a region or the first view's pose is
        not known.
    """
    direction = _direction(question.kind)
    needs_camera = question.kind == "depth_order" or OPPOSITES.get(direction or "", direction) in IN_CAMERA
    if any(number not in boxes for number in question.regions):
        return None
    if needs_camera and any(np.isnan(boxes[number].in_camera).any() for number in question.regions):
        return None
    if direction is not None:
        return _compare(question, direction, boxes)
    if question.kind in LENGTHS:
        return f"{_length(question, boxes):.4f} meters"
    if question.kind in STANDING:
        return _sector(*(boxes[number].center for number in question.regions))
    if question.kind == "depth_order":
        ranked = sorted(question.regions, key=lambda number: VALUES["farther"](boxes[number]))
        return ", ".join(f"Region {number}" for number in ranked)
    return f"Region {_best_of_several(question, boxes)}"


def _direction(kind: str) -> str | None:
    """Return the direction of a comparison of two, for example "wider" for "wider_choice"."""
    name = kind.removesuffix("_choice").removesuffix("_predicate")
    return name if name != kind and (name in VALUES or name in OPPOSITES) else None


def _compare(question: RoomQuestion, direction: str, boxes: Mapping[int, MeasuredRegion]) -> str:
    a, b = question.regions
    value = VALUES[OPPOSITES.get(direction, direction)]
    a_is_more = value(boxes[a]) > value(boxes[b])
    a_wins = a_is_more != (direction in OPPOSITES)
    if question.form == "predicate":
        return "Yes." if a_wins else "No."
    return f"Region {a if a_wins else b}"


def _length(question: RoomQuestion, boxes: Mapping[int, MeasuredRegion]) -> float:
    if question.kind == "distance":
        first, second = (boxes[number].center for number in question.regions)
        return float(np.linalg.norm(first - second))
    return float(boxes[question.regions[0]].size[0 if question.kind == "width" else 2])


def _best_of_several(question: RoomQuestion, boxes: Mapping[int, MeasuredRegion]) -> int:
    if question.kind in BEST_OF:
        value = VALUES[BEST_OF[question.kind]]
        return max(question.regions, key=lambda number: value(boxes[number]))
    start = anchor_of(question)
    others = [number for number in question.regions if number != start]
    best = min if question.kind.endswith("closest") else max
    return best(others, key=lambda number: float(np.linalg.norm(boxes[number].center - boxes[start].center)))


def anchor_of(question: RoomQuestion) -> int:
    """Find the region from which a question measures distances.

    Args:
        question (`RoomQuestion`):
            Asks for the closest or the farthest of several.

    Returns:
        `int`: Number of the region. It stands first, but where the wording lists the candidates before it.
    """
    for template in (*phrasings(question.kind, TEST_SPLIT), *training_phrasings(question.kind)):
        pattern = re.sub(r"\\{(anchor|a)\\}", r"<region(?P<start>\\d+)>", re.escape(template))
        found = re.fullmatch(re.sub(r"\\{\w+\\}", ".+", pattern), question.text)
        if found is not None:
            return int(found["start"])
    return question.regions[0]


def _sector(stand: np.ndarray, facing: np.ndarray, target: np.ndarray) -> str:
    ahead_x, ahead_y = (facing - stand)[:2]
    x, y = (target - stand)[:2]
    right, ahead = x * ahead_y - y * ahead_x, x * ahead_x + y * ahead_y
    return SECTORS[round(degrees(atan2(right, ahead)) % 360.0 / SECTOR_DEG) % len(SECTORS)]
