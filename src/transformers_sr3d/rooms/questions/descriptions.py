# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, contents that describe: widths, heights, distances, names, counts, what there is, the room's size.

Every category is a generator that draws contents in random order and stops when it has no more. Counts and names are
asked only where they are clear: see `names`.

May import: NumPy and siblings in `rooms`.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from transformers_sr3d.rooms.furniture.classes import plural
from transformers_sr3d.rooms.questions import quantities as quantities
from transformers_sr3d.rooms.questions.contents import Content, ContentStream, NumberedRoom
from transformers_sr3d.rooms.questions.names import (
    absent_names,
    all_visible,
    count_visible,
    is_clear_name,
    is_countable,
    objects_by_unique_name,
    with_article,
)


MIN_VIEWS_ROOM = 4  # fewer do not show a room


def _lengths(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    """Widths or heights."""
    is_width = category == "width"
    numbers = room.sized(quantities.shows_width if is_width else quantities.shows_height)
    for number in map(int, rng.permutation(numbers)):
        metres = room.things[number].width if is_width else room.things[number].height
        if metres >= quantities.MIN_LENGTH_M:
            yield _length(category, (category, number), metres, regions={"a": number})


def _distances(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    pairs = list(combinations(sorted(room.placed), 2))
    for position in rng.permutation(len(pairs)):
        a, b = map(int, rng.permutation(pairs[position]))
        metres = quantities.distance(room.things[a], room.things[b])
        if metres >= quantities.MIN_LENGTH_M:
            key = ("distance", *sorted((room.numbers[a], room.numbers[b])))
            yield _length(category, key, metres, regions={"a": a, "b": b})


def _named_distances(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    unique = objects_by_unique_name(room.facts)
    placed = {name: index for name, index in unique.items() if quantities.shows_place(room.facts, index)}
    pairs = list(combinations(placed, 2))
    for position in rng.permutation(len(pairs)):
        first, second = map(str, rng.permutation(pairs[position]))
        metres = quantities.distance(*(room.facts.objects[placed[name]] for name in (first, second)))
        if metres >= quantities.MIN_LENGTH_M:
            key = ("distance", *sorted((placed[first], placed[second])))
            yield _length(category, key, metres, words={"first": first, "second": second})


def _length(
    category: str,
    key: tuple[Any, ...],
    metres: float,
    *,
    regions: dict[str, int] | None = None,
    words: dict[str, str] | None = None,
) -> Content:
    return Content(
        category=category,
        key=key,
        kind=category,
        answer_kind=category,
        form="open",
        scoring="length",
        regions=regions or {},
        words=words or {},
        truth={"metres": metres, "value": metres},
    )


def _namings(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    numbers = [number for number, index in room.numbers.items() if quantities.shows_name(room.facts, index)]
    for number in map(int, rng.permutation(numbers)):
        name = room.things[number].name
        yield Content(
            category=category,
            key=(category, number),
            kind=category,
            answer_kind="naming" if is_countable(name) else "naming_plural",
            form="open",
            scoring="name",
            regions={"a": number},
            words={"name": name, "a_name": with_article(name)},
            truth={"name": name},
        )


def _counts(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    """How many of a name there are; of names that occur once a room asks for no more than of others, or for one."""
    counts = {
        name: count
        for name, count in count_visible(room.facts).items()
        if is_countable(name) and is_clear_name(room.facts, name)
    }
    single = [str(name) for name in rng.permutation([name for name, count in counts.items() if count == 1])]
    for name in single[max(1, len(counts) - len(single)) :]:
        del counts[name]
    while counts:
        count = int(rng.choice(sorted(set(counts.values()))))
        name = str(rng.choice([name for name, number in counts.items() if number == count]))
        in_room = all_visible(room.facts, name) and rng.uniform() < 0.5
        del counts[name]
        yield Content(
            category=category,
            key=(category, name),
            kind="counting_room" if in_room else "counting_visible",
            answer_kind=category,
            form="open",
            scoring="count",
            words={
                "names": plural(name),
                "are": "is" if count == 1 else "are",
                "count_names": f"{count} {name if count == 1 else plural(name)}",
            },
            truth={"count": count, "value": float(count + 1)},
        )


def _existences(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    present = [name for name in count_visible(room.facts) if is_countable(name)]
    pools = {True: present, False: absent_names(room.facts)}
    while any(pools.values()):
        yes = bool(rng.uniform() < 0.5)
        yes = yes if pools[yes] else not yes
        name = pools[yes].pop(int(rng.integers(len(pools[yes]))))
        yield Content(
            category=category,
            key=(category, name),
            kind=category,
            answer_kind="existence_yes" if yes else "existence_no",
            form="predicate",
            scoring="yes_no",
            words={"name": name, "a_name": with_article(name)},
            truth={"yes": yes},
        )


def _room_sizes(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    if len(room.facts.views) >= MIN_VIEWS_ROOM:
        area = room.facts.floor_area
        truth = {"square_metres": area, "value": area}
        yield Content(category, (category,), category, category, "open", "area", truth=truth)


DESCRIPTIONS: dict[str, ContentStream] = {
    "width": _lengths,
    "height": _lengths,
    "distance": _distances,
    "naming": _namings,
    "counting": _counts,
    "existence": _existences,
    "room_size": _room_sizes,
    "named_distance": _named_distances,
}
