# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Making records, the categories of SpatialRGPT-Bench that rooms-bench lacks: facts -> questions with exact truth.

    horizontal_distance   between the centres of two boxes, seen from above
    vertical_distance     between the heights of their centres
    direction             of one box from another on the face of a clock, seen from above; 12 lies straight ahead of
                          the camera of the first view, and the question says so

Its other categories are those of `rooms.questions`. Names of the categories: SpatialRGPT-Bench (`qa_info`).

May import: NumPy and `rooms`.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations
from math import atan2, degrees

import numpy as np

from transformers_sr3d.rooms.questions import quantities
from transformers_sr3d.rooms.questions.contents import NumberedRoom
from transformers_sr3d.rooms.questions.conversations import LENGTH_UNITS, RoomQuestion, format_quantity


SPATIAL_RGPT_CATEGORIES = ("horizontal_distance", "vertical_distance", "direction")
QUESTIONS = {
    "horizontal_distance": (
        "What is the horizontal distance between {a} and {b}{unit}?",
        "Seen from above, how far is {a} from {b}{unit}?",
        "How far apart are {a} and {b} horizontally{unit}?",
        "Measure the distance between {a} and {b} along the floor{unit}.",
    ),
    "vertical_distance": (
        "What is the vertical distance between {a} and {b}{unit}?",
        "How far apart are {a} and {b} in height{unit}?",
        "Measure how much the centre of {a} differs in height from the centre of {b}{unit}.",
        "Disregarding the horizontal, how far is {a} from {b}{unit}?",
    ),
    "direction": (
        "Seen from above, with 12 o'clock straight ahead of the camera, in which direction from {a} is {b}?",
        "Put a clock flat on the floor at {a}, its 12 pointing away from the camera. At which hour is {b}?",
        "With 12 o'clock pointing where the camera of the first view looks, what hour leads from {a} to {b}?",
    ),
}
ANSWERS = {
    "horizontal_distance": "{a} and {b} are {value} apart horizontally.",
    "vertical_distance": "{a} and {b} are {value} apart vertically.",
    "direction": "{b} is at {value} o'clock from {a}.",
}
HOUR_DEG = 30.0
MAX_OFF_HOUR_DEG = 10.0  # farther from the hour, two hours are as good
MIN_LOOKING_DEG = 20.0  # a camera that looks steeper up or down has no "straight ahead"


def sample_spatial_rgpt(
    room: NumberedRoom, rng: np.random.Generator, num_questions: int, *, categories: Sequence[str]
) -> list[RoomQuestion]:
    """Draw different questions.

    Args:
        room (`NumberedRoom`):
            Facts and region numbers.
        rng (`np.random.Generator`):
            Source of randomness.
        num_questions (`int`):
            At most this many.
        categories (`Sequence[str]`):
            Of `SPATIAL_RGPT_CATEGORIES`.

    Returns:
        `list[RoomQuestion]`: No pair is asked twice in one category.
    """
    streams = {category: _ask_pairs(room, category, rng) for category in categories}
    questions: list[RoomQuestion] = []
    while streams and len(questions) < num_questions:
        category = str(rng.choice(list(streams)))
        question = next(streams[category], None)
        if question is None:
            del streams[category]
        else:
            questions.append(question)
    return questions


def clock_hour(room: NumberedRoom, stand: int, target: int) -> int | None:
    """Tell at which hour one region lies from another.

    Args:
        room (`NumberedRoom`):
            Facts and region numbers.
        stand (`int`):
            Region number of where the clock lies.
        target (`int`):
            Region number of what is sought.

    Returns:
        `int` or `None`: 1 to 12; None close to the middle between two hours, within `quantities.MIN_STANDING_M`, or
        with a camera that looks steeply up or down.
    """
    ahead = room.facts.views[0].camera_to_world[:3, 2]
    away = (room.things[target].center - room.things[stand].center)[:2]
    is_steep = np.hypot(*ahead[:2]) < np.sin(np.radians(MIN_LOOKING_DEG))
    if is_steep or np.hypot(*away) < quantities.MIN_STANDING_M:
        return None
    angle = degrees(atan2(ahead[1], ahead[0]) - atan2(away[1], away[0])) % 360.0  # clockwise from above
    hour = round(angle / HOUR_DEG)
    return None if abs(angle - hour * HOUR_DEG) > MAX_OFF_HOUR_DEG else (hour - 1) % 12 + 1


def _ask_pairs(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[RoomQuestion]:
    pairs = list(permutations(sorted(room.placed), 2))
    asked = set()
    for position in rng.permutation(len(pairs)):
        a, b = pairs[position]
        question = _ask(room, category, (a, b), rng)
        if question is not None and frozenset((a, b)) not in asked:
            asked.add(frozenset((a, b)))
            yield question


def _ask(room: NumberedRoom, category: str, pair: tuple[int, int], rng: np.random.Generator) -> RoomQuestion | None:
    first, second = (room.things[number] for number in pair)
    if category == "direction":
        hour = clock_hour(room, *pair)
        return None if hour is None else _write(category, pair, rng, value=str(hour), hour=hour)
    if category == "horizontal_distance":
        metres = quantities.horizontal_distance(first, second)
    else:
        metres = abs(float(first.center[2] - second.center[2]))
    if metres < quantities.MIN_LENGTH_M:
        return None
    unit = str(rng.choice(list(LENGTH_UNITS), p=[share for *_, share in LENGTH_UNITS.values()]))
    return _write(category, pair, rng, value=format_quantity(metres, unit), unit=unit, metres=metres)


def _write(
    category: str,
    pair: tuple[int, int],
    rng: np.random.Generator,
    *,
    value: str,
    unit: str | None = None,
    metres: float | None = None,
    hour: int | None = None,
) -> RoomQuestion:
    a, b = pair
    named = "" if unit in (None, "m") else f" in {LENGTH_UNITS[str(unit)][1]}"
    text = str(rng.choice(QUESTIONS[category])).format(a=f"<region{a}>", b=f"<region{b}>", unit=named)
    answer = ANSWERS[category].format(a=f"Region {a}", b=f"Region {b}", value=value)
    return RoomQuestion(
        category=category,
        kind=category,
        form="open",
        text=text,
        answer=answer,
        scoring="count" if hour is not None else "length",
        regions=pair,
        held_out=False,
        count=hour,
        metres=metres,
        unit=unit,
    )
