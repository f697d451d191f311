# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, what questions are about: facts + region numbers -> measurements; the content of a question.

A content is what a question asks and what is true of it, before it is put into words.

May import: NumPy, `quantities`, `rooms.world`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from transformers_sr3d.rooms.questions import quantities as quantities
from transformers_sr3d.rooms.world import ObjectFacts, RoomFacts


MIN_AREA_M2 = 1.0  # smaller ones lose too much to the rounding of an answer
MIN_DEPTH_M = 0.1  # a centre nearer to the camera plane has no place in the image


@dataclass(frozen=True)
class Content:
    """What a question asks, without words.

    Attributes:
        category (`str`): One of `CATEGORIES`.
        key (`tuple`): Equal for contents that ask the same.
        kind (`str`): Key of the phrasings of the question.
        answer_kind (`str`): Key of the phrasings of the answer.
        form (`str`): `"choice"`, `"predicate"`, `"options"` or `"open"`.
        scoring (`str`): How answers are scored.
        regions (`dict[str, int]`): From names in templates to region numbers.
        listed (`tuple[int, ...]`): Candidates that the question lists.
        words (`dict[str, str]`): From other names in templates to text.
        truth (`dict[str, Any]`): Fields of the question that hold its truth.
    """

    category: str
    key: tuple[Any, ...]
    kind: str
    answer_kind: str
    form: str
    scoring: str
    regions: dict[str, int] = field(default_factory=dict)
    listed: tuple[int, ...] = ()
    words: dict[str, str] = field(default_factory=dict)
    truth: dict[str, Any] = field(default_factory=dict)


def scale_content(content: Content, factor: float) -> Content | None:
    """Give what is true of a content where the room is shown in another size.

    Args:
        content (`Content`): True of the room as it is.
        factor (`float`): All lengths are multiplied by it.

    Returns:
        `Content | None`: The content; None for a length or an area that is then too small to be written.
    """
    truth = dict(content.truth)
    power = {"length": 1, "region": 1, "order": 1, "area": 2}.get(
        content.scoring, 0
    )  # all values of regions are lengths
    for name in ("metres", "square_metres", "value"):
        if name in truth:
            truth[name] *= factor**power
    if content.category == "above_below":  # its margin is in metres, others are ratios or shares of the image
        truth["margin"] *= factor
    too_small = truth.get("metres", 1.0) < quantities.MIN_LENGTH_M or truth.get("square_metres", 1.0) < MIN_AREA_M2
    return None if too_small else replace(content, truth=truth)


class NumberedRoom:
    """Facts of a room and the region numbers of some of its objects, with what the views show of each.

    Args:
        facts (`RoomFacts`): The room.
        numbers (`dict[int, int]`): From region number to the position of the object.
    """

    def __init__(self, facts: RoomFacts, numbers: dict[int, int]):
        self.facts = facts
        self.numbers = numbers
        self.things: dict[int, ObjectFacts] = {number: facts.objects[index] for number, index in numbers.items()}

    @cached_property
    def placed(self) -> list[int]:
        """Region numbers of objects whose place is shown."""
        return [number for number, index in self.numbers.items() if quantities.shows_place(self.facts, index)]

    @cached_property
    def in_image(self) -> list[int]:
        """The same, with the centre before the camera of the first view."""
        return [number for number in self.placed if self.in_camera(number)[2] >= MIN_DEPTH_M]

    def sized(self, shows: Callable[[ObjectFacts], bool]) -> list[int]:
        """Region numbers of visible objects that pass a gate on sizes."""
        visible = [number for number, index in self.numbers.items() if quantities.is_visible(self.facts, index)]
        return [number for number in visible if shows(self.things[number])]

    def in_camera(self, number: int) -> np.ndarray:
        """Centre of a region's object in the camera of the first view, shape `(3,)`, metres."""
        return quantities.center_in_camera(self.facts, self.numbers[number])

    def in_image_at(self, number: int) -> tuple[float, float]:
        """Column and row of that centre in shares of the image."""
        return quantities.center_in_image(self.facts, self.numbers[number])

    def shown_column(self, number: int) -> float:
        """Middle column of the pixels that show a region's object in the first view."""
        box_xyxy = self.things[number].boxes_xyxy[0]
        return float(box_xyxy[0] + box_xyxy[2]) / 2

    def distances(self, anchor: int, others: list[int]) -> dict[int, float]:
        """Distances of regions from an anchor, metres."""
        return {number: quantities.distance(self.things[anchor], self.things[number]) for number in others}


ContentStream = Callable[[NumberedRoom, str, np.random.Generator], Iterator[Content]]
