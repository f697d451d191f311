# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, contents that relate regions: comparisons, depth order, best of several, directions.

Every category is a generator that draws contents in random order and stops when it has no more, so nothing is
enumerated that nobody asks for. All keep clear of ties and of what the views do not show; answers are balanced where
a scene allows it: yes and no, first and second, the four directions.

May import: NumPy and siblings in `rooms`.
"""

import math
from collections.abc import Iterator
from itertools import combinations, pairwise, permutations

import numpy as np

from transformers_sr3d.rooms.questions import quantities as quantities
from transformers_sr3d.rooms.questions.contents import Content, ContentStream, NumberedRoom
from transformers_sr3d.rooms.questions.phrasings import DIRECTIONS


# Category -> the direction in which the larger value wins. Left and right are columns of box centres in the image,
# above and below heights of box centres in the room, closer and farther distances of box centres from the camera.
DIRECTIONS_OF_LARGER = {
    "wide_thin": "wider",
    "tall_short": "taller",
    "big_small": "bigger",
    "front_behind": "farther",
    "left_right": "right",
    "above_below": "above",
}
MIN_RATIOS = {"wide_thin": 1.25, "tall_short": 1.25, "big_small": 1.5, "front_behind": 1.2}
DIFFERENCES = ("left_right", "above_below")  # compared by difference, not by ratio
MIN_IMAGE_SHARE = 0.05  # of the image's width for left and right, of its height for above and below
MIN_ABOVE_M = 0.25  # difference of heights for above and below, beside the one in the image
MIN_BEST_RATIO = 1.25  # best to second best of several
MOST_CANDIDATES = 5  # of which a question asks for the best
NUM_DRAWS = 60  # of several candidates; a scene in which none is well-posed has no such question
NUM_TRIPLES = 100  # of standpoint, faced and sought region that a scene looks at
SUPERLATIVE_SHARES = {"closest": 0.35, "farthest": 0.35, "tallest": 0.15, "widest": 0.15}
SEVERAL_SHARE = 0.2  # of multi_complex: closest or farthest of several; the rest asks for directions


def _comparisons(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    values = _compared_values(room, category)
    pairs = list(combinations(sorted(values), 2))
    for position in rng.permutation(len(pairs)):
        small, large = sorted(pairs[position], key=values.__getitem__)
        if _is_clear(room, category, small=(small, values[small]), large=(large, values[large])):
            more = DIRECTIONS_OF_LARGER[category]
            yield _comparison(category, more, (large, small), values, rng)


def _comparison(
    category: str, more: str, ranked: tuple[int, int], values: dict[int, float], rng: np.random.Generator
) -> Content:
    """Ask for one of two regions, of which the first has the larger value, or whether one of them has it."""
    direction = more if rng.uniform() < 0.5 else DIRECTIONS[more].opposite
    best, other = ranked if direction == more else ranked[::-1]
    is_predicate, best_first = rng.uniform() < 0.5, bool(rng.uniform() < 0.5)
    a, b = (best, other) if best_first else (other, best)
    margin = values[b] - values[a] if category in DIFFERENCES else float(np.log(values[b] / values[a]))
    return Content(
        category=category,
        key=(category, *sorted(ranked)),
        kind=f"{direction}_predicate" if is_predicate else f"{direction}_choice",
        answer_kind=f"{direction}_{'yes' if best_first else 'no'}" if is_predicate else f"{direction}_choice",
        form="predicate" if is_predicate else "choice",
        scoring="yes_no" if is_predicate else "region",
        regions={"a": a, "b": b, "best": best, "other": other},
        truth={"margin": margin} | ({"yes": best_first} if is_predicate else {"region": best}),
    )


def _compared_values(room: NumberedRoom, category: str) -> dict[int, float]:
    """Values of the regions whose objects are seen well enough to compare them."""
    if category == "wide_thin":
        return {number: room.things[number].width for number in room.sized(quantities.shows_width)}
    if category == "tall_short":
        return {number: room.things[number].height for number in room.sized(quantities.shows_height)}
    if category == "big_small":
        return {number: room.things[number].volume for number in room.sized(quantities.shows_volume)}
    if category == "left_right":
        return {number: room.in_image_at(number)[0] for number in room.in_image}
    if category == "above_below":
        return {number: float(room.things[number].center[2]) for number in room.in_image}
    return _camera_distances(room)


def _camera_distances(room: NumberedRoom) -> dict[int, float]:
    clear = quantities.MIN_CLEAR_PIXELS
    numbers = [n for n in room.in_image if quantities.is_visible(room.facts, room.numbers[n], pixels=clear)]
    return {number: float(np.linalg.norm(room.in_camera(number))) for number in numbers}


def _is_clear(room: NumberedRoom, category: str, *, small: tuple[int, float], large: tuple[int, float]) -> bool:
    """Whether two regions, each with its value, differ so much that no reading of the words gives another answer."""
    (first, low), (second, high) = small, large
    if category == "left_right":
        return high - low >= MIN_IMAGE_SHARE and room.shown_column(second) > room.shown_column(first)
    if category == "above_below":
        rows_up = room.in_image_at(first)[1] - room.in_image_at(second)[1]
        return high - low >= MIN_ABOVE_M and rows_up >= MIN_IMAGE_SHARE
    if category == "front_behind":
        in_depth_order = room.in_camera(second)[2] > room.in_camera(first)[2]
        return bool(in_depth_order) and high >= MIN_RATIOS[category] * low
    return high >= MIN_RATIOS[category] * low


def _depth_orders(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    values = _camera_distances(room)
    triples = list(combinations(sorted(values), 3))
    for position in rng.permutation(len(triples)):
        order = tuple(sorted(triples[position], key=values.__getitem__))
        steps = [((first, values[first]), (second, values[second])) for first, second in pairwise(order)]
        if all(_is_clear(room, "front_behind", small=small, large=large) for small, large in steps):
            listed = tuple(int(number) for number in rng.permutation(order))
            yield Content(
                category=category,
                key=(category, *sorted(order)),
                kind=category,
                answer_kind=category,
                form="open",
                scoring="order",
                listed=listed,
                words={"order": ", ".join(f"Region {number}" for number in order)},
                truth={"order": order, "value": values[order[0]], "falls": _falls(listed, values, order[0])},
            )


def _superlatives(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    """Closest to or farthest from an anchor, tallest or widest, of three to five."""
    kinds, shares = list(SUPERLATIVE_SHARES), list(SUPERLATIVE_SHARES.values())
    sized = {"tallest": room.sized(quantities.shows_height), "widest": room.sized(quantities.shows_width)}
    for _ in range(NUM_DRAWS):
        kind = str(rng.choice(kinds, p=shares))
        if kind in sized:
            listed = _draw_candidates(sized[kind], rng, most=4)
            values = {n: room.things[n].height if kind == "tallest" else room.things[n].width for n in listed}
            content = _best_of(category, kind, values)
        else:
            content = _anchored_best(room, category, kind, rng)
        if content is not None:
            yield content


def _anchored_best(room: NumberedRoom, category: str, kind: str, rng: np.random.Generator) -> Content | None:
    numbers = _draw_candidates(room.placed, rng, most=MOST_CANDIDATES + 1, least=4)
    if not numbers:
        return None
    values = room.distances(numbers[0], numbers[1:])
    if category == "multi_simple":
        return _best_of(category, kind, values, regions={"anchor": numbers[0]})
    content = _best_of(category, f"standing_{kind}", values, regions={"a": numbers[0]})
    if content is None:
        return None
    from_above = {n: quantities.horizontal_distance(room.things[numbers[0]], room.things[n]) for n in numbers[1:]}
    again = _best_of(category, content.kind, from_above)  # someone who stands there may think of the floor only
    return content if again is not None and again.truth["region"] == content.truth["region"] else None


def _draw_candidates(numbers: list[int], rng: np.random.Generator, *, most: int, least: int = 3) -> list[int]:
    if len(numbers) < least:
        return []
    count = int(rng.integers(least, min(most, len(numbers)) + 1))
    return [int(number) for number in rng.permutation(sorted(numbers))[:count]]


def _best_of(
    category: str, kind: str, values: dict[int, float], *, regions: dict[str, int] | None = None
) -> Content | None:
    """Ask for the best of several regions, or give None if the best two do not differ clearly."""
    smallest_wins = kind.endswith("closest")
    ranked = sorted(values, key=values.__getitem__, reverse=not smallest_wins)
    if not ranked:
        return None
    low, high = sorted((values[ranked[0]], values[ranked[1]]))
    if high < MIN_BEST_RATIO * low:
        return None
    regions = regions or {}
    return Content(
        category=category,
        key=(kind.removeprefix("standing_"), *regions.values(), frozenset(values)),
        kind=kind,
        answer_kind=kind,
        form="choice",
        scoring="region",
        regions=regions | {"best": ranked[0]},
        listed=tuple(values),
        truth={"region": ranked[0], "value": values[ranked[0]], "falls": _falls(tuple(values), values, ranked[0])},
    )


def _falls(listed: tuple[int, ...], values: dict[int, float], best: int) -> tuple[float, ...]:
    logs = {number: math.log(max(value, 0.01)) for number, value in values.items()}  # one may hang right above another
    return tuple(abs(logs[number] - logs[best]) for number in listed)


def _standpoints(room: NumberedRoom, category: str, rng: np.random.Generator) -> Iterator[Content]:
    """Directions for someone who stands at one region and faces another; now and then the best of several."""
    buckets = _directions(room, rng)
    draws = NUM_DRAWS
    while draws or any(buckets.values()):
        if draws and (rng.uniform() < SEVERAL_SHARE or not any(buckets.values())):
            draws -= 1
            content = _anchored_best(room, category, str(rng.choice(["closest", "farthest"])), rng)
            if content is not None:
                yield content
        elif any(buckets.values()):
            where = str(rng.choice([where for where, bucket in buckets.items() if bucket]))
            triple, bearing = buckets[where].pop()
            yield _standpoint(category, triple, bearing, where=where, rng=rng)


def _directions(room: NumberedRoom, rng: np.random.Generator) -> dict[str, list[tuple]]:
    """Triples of regions with their bearing, by the sector in which the third lies."""
    triples = list(permutations(sorted(room.placed), 3))
    buckets: dict[str, list[tuple]] = {where: [] for where in quantities.SECTORS}
    for position in rng.permutation(len(triples))[:NUM_TRIPLES]:
        triple = triples[position]
        bearing = quantities.bearing(*(room.things[number] for number in triple))
        where = None if bearing is None else quantities.sector(bearing)
        if where is not None:
            buckets[where].append((triple, bearing))
    return buckets


def _standpoint(
    category: str,
    triple: tuple[int, int, int],
    bearing: tuple[float, float],
    *,
    where: str,
    rng: np.random.Generator,
) -> Content:
    is_open = rng.uniform() < 0.5
    options = quantities.SECTORS if is_open else tuple(str(option) for option in rng.permutation(quantities.SECTORS))
    side = {"front": "in front of you", "behind": "behind you", "left": "to your left", "right": "to your right"}
    lettered = " ".join(f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=True))
    letter = "ABCD"[options.index(where)]
    return Content(
        category=category,
        key=("standing", *triple),
        kind="standing" if is_open else "standing_options",
        answer_kind="standing" if is_open else "standing_options",
        form="open" if is_open else "options",
        scoring="option",
        regions=dict(zip("abc", triple, strict=True)),
        words={"direction": side[where], "option": where, "letter": letter, "options": lettered},
        truth={"option": where, "options": options, "bearing": bearing},
    )


RELATIONS: dict[str, ContentStream] = dict.fromkeys(DIRECTIONS_OF_LARGER, _comparisons)
RELATIONS |= {"depth_order": _depth_orders, "multi_simple": _superlatives, "multi_complex": _standpoints}
