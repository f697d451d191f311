# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Box rooms, last step: scene + region numbers -> inputs with regions drawn as a user may, and questions with truth.

Answers are the true values of the whole boxes even where a view shows a part of them; questions about sizes are asked
only of boxes that their best view shows whole and mostly unhidden, and choices only where the two values differ
clearly, so that every question has one defensible answer.

May import: NumPy and siblings in `rooms`.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from transformers_sr3d.rooms.box_phrasings import ANSWERS, QUESTIONS
from transformers_sr3d.rooms.boxes import BoxScene, BoxView


SINGLE_VIEW_TYPES = ("left", "right", "closer", "taller", "wider", "distance", "width", "height")
MULTI_VIEW_TYPES = ("taller", "wider", "farther_from", "closer_to", "distance", "width", "height")
CHOICE_TYPES = ("left", "right", "closer", "taller", "wider", "farther_from", "closer_to")
SIZE_TYPES = ("taller", "wider", "width", "height")
ANCHORED_TYPES = ("farther_from", "closer_to")
SIDEWAYS_TYPES = ("left", "right")
SMALLEST_WINS = ("left", "closer", "closer_to")
MIN_RATIO = 1.25  # between the two values of a choice
MIN_SIDEWAYS_SHARE = 0.05  # of the image width, for left and right
SIZE_VISIBLE_SHARE = 0.6
PLACE_VISIBLE_SHARE = 0.3
MIN_BOX_FILL = 0.5  # a rectangle marks an object only if the object fills this share of it
MIN_MASK_PIXELS = 8
UNITS = {"m": (1.0, "meters", 2), "cm": (0.01, "centimeters", 0), "ft": (0.3048, "feet", 2)}
UNIT_SHARES = {"m": 0.84, "cm": 0.1, "ft": 0.06}
UNIT_NAMED_SHARE = 0.25  # of the questions in metres; another unit is always named


@dataclass(frozen=True)
class Question:
    """A question with its answer and exact truth.

    Attributes:
        kind (`str`): One of `SINGLE_VIEW_TYPES` or `MULTI_VIEW_TYPES`.
        text (`str`): The question; regions are written `<region0>`.
        answer (`str`): The answer sentence; regions are written `Region 0`.
        region (`int`, *optional*): The right region number, for a choice.
        metres (`float`, *optional*): The true quantity, unrounded, for a measurement.
        unit (`str`, *optional*): Unit of the answer's number: `"m"`, `"cm"` or `"ft"`.
        regions (`tuple[int, ...]`): Region numbers in the question, in order of mention.
        anchor (`int`, *optional*): The one of `regions` that the distances of a choice start from, where its kind is
            one of `ANCHORED_TYPES`.
        margin (`float`, *optional*): For a choice, how far the value of the second candidate in the text lies above
            that of the first: difference of logarithms, or of image columns in widths of the image.
    """

    kind: str
    text: str
    answer: str
    region: int | None
    metres: float | None
    unit: str | None
    regions: tuple[int, ...]
    anchor: int | None = None
    margin: float | None = None


def number_regions(scene: BoxScene, rng: np.random.Generator, *, max_regions: int = 8) -> dict[int, int]:
    """Give the visible objects of a scene region numbers in random order.

    Args:
        scene (`BoxScene`): The scene.
        rng (`np.random.Generator`): Source of randomness.
        max_regions (`int`, defaults to 8): At most this many objects are numbered.

    Returns:
        `dict[int, int]`: From region number (0, 1, ...) to the position in `scene.objects`.
    """
    order = rng.permutation(scene.visible_objects)[:max_regions]
    return {number: int(index) for number, index in enumerate(order)}


def scene_sample(
    scene: BoxScene, rng: np.random.Generator, region_numbers: dict[int, int] | None = None
) -> dict[str, object]:
    """Turn a scene into the arguments of the processor, with every region marked in a randomly chosen way.

    A region is a mask in all views, a mask in one view, a rectangle in one view or, with poses, a 3D box. A single
    photo has no pose; in half of the samples its gravity is given.

    Args:
        scene (`BoxScene`): The scene.
        rng (`np.random.Generator`): Source of randomness.
        region_numbers (`dict[int, int]`, *optional*): From `number_regions`; drawn with `rng` if not given.

    Returns:
        `dict[str, object]`: Keyword arguments `images`, `depths`, `intrinsics`, `regions`, and either
        `camera_to_world` and `world_up` (several views) or sometimes `gravity_camera` (one view).
    """
    region_numbers = number_regions(scene, rng) if region_numbers is None else region_numbers
    sample: dict[str, object] = {
        "images": [view.image for view in scene.views],
        "depths": [view.depth for view in scene.views],
        "intrinsics": [view.intrinsics for view in scene.views],
        "regions": [entry for number, index in region_numbers.items() for entry in mark(scene, number, index, rng)],
    }
    if len(scene.views) > 1:
        sample |= {"camera_to_world": [view.camera_to_world for view in scene.views], "world_up": "+z"}
    elif rng.uniform() < 0.5:
        sample["gravity_camera"] = scene.views[0].gravity_camera
    return sample


def mark(
    scene: BoxScene, number: int, index: int, rng: np.random.Generator, *, kind: str | None = None
) -> list[dict[str, object]]:
    """Mark one object as a region.

    Args:
        scene (`BoxScene`): The scene.
        number (`int`): Region number.
        index (`int`): The object.
        rng (`np.random.Generator`): Source of randomness.
        kind (`str`, *optional*): `"masks"` (all views), `"mask"`, `"box"` (best view) or `"box_3d"`; drawn if not
            given. A rectangle that the object does not fill by half becomes a mask.

    Returns:
        `list[dict[str, object]]`: Region dictionaries that share the number.
    """
    if kind is None:
        kinds = ("masks", "mask", "box", "box_3d") if len(scene.views) > 1 else ("mask", "box")
        kind = str(rng.choice(kinds))
    best = scene.best_view(index)
    if kind == "box_3d":
        thing = scene.objects[index]
        return [{"region": number, "box_3d": {"center": thing.center, "size": thing.size, "rotation": thing.rotation}}]
    if kind == "box":
        box_xyxy, fill = visible_box(scene.views[best], index)
        if fill >= MIN_BOX_FILL:
            return [{"region": number, "box_xyxy": box_xyxy, "view": best}]
    enough = [view for view, pixels in enumerate(scene.visible_pixels[:, index]) if pixels >= MIN_MASK_PIXELS]
    views = enough if kind == "masks" else [best]
    return [{"region": number, "mask": scene.views[view].instances == index, "view": view} for view in views]


def visible_box(view: BoxView, index: int) -> tuple[list[float], float]:
    """Give the rectangle around the visible pixels of an object.

    Args:
        view (`BoxView`): A view in which the object is visible.
        index (`int`): The object.

    Returns:
        `tuple[list[float], float]`: `[x0, y0, x1, y1]` in pixel edges, and the share of it that the object fills.
    """
    mask = view.instances == index
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box_xyxy = [float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)]
    area = (box_xyxy[2] - box_xyxy[0]) * (box_xyxy[3] - box_xyxy[1])
    return box_xyxy, float(mask.sum() / area)


def sample_conversation(
    scene: BoxScene, region_numbers: dict[int, int], rng: np.random.Generator, num_questions: int
) -> list[Question]:
    """Draw different questions about the numbered objects of a scene.

    Args:
        scene (`BoxScene`): The scene.
        region_numbers (`dict[int, int]`): From `number_regions`.
        rng (`np.random.Generator`): Source of randomness.
        num_questions (`int`): At most this many; a scene with few well-posed questions gives fewer.

    Returns:
        `list[Question]`: Types drawn evenly from those that the scene allows, no content asked twice.
    """
    visible = {
        "size": [number for number, index in region_numbers.items() if is_size_visible(scene, index)],
        "place": [number for number, index in region_numbers.items() if is_place_visible(scene, index)],
    }
    pools = {kind: _contents(scene, kind, region_numbers, visible) for kind in question_types(scene)}
    questions: list[Question] = []
    while len(questions) < num_questions and any(pools.values()):
        kind = str(rng.choice([kind for kind, pool in pools.items() if pool]))
        content = pools[kind].pop(int(rng.integers(len(pools[kind]))))
        questions.append(write_question(scene, kind, content, rng, region_numbers=region_numbers))
    return questions


def question_types(scene: BoxScene) -> tuple[str, ...]:
    """Give the question types of a scene.

    Args:
        scene (`BoxScene`): The scene.

    Returns:
        `tuple[str, ...]`: `SINGLE_VIEW_TYPES` or `MULTI_VIEW_TYPES`.
    """
    return SINGLE_VIEW_TYPES if len(scene.views) == 1 else MULTI_VIEW_TYPES


def is_size_visible(scene: BoxScene, index: int) -> bool:
    """Tell whether an object shows enough of itself for questions about its size.

    Args:
        scene (`BoxScene`): The scene.
        index (`int`): The object.

    Returns:
        `bool`: The best view shows it within the image border and at least 60 % of its silhouette.
    """
    view = scene.views[scene.best_view(index)]
    return bool(not view.cut[index] and view.visible_share[index] >= SIZE_VISIBLE_SHARE)


def is_place_visible(scene: BoxScene, index: int) -> bool:
    """Tell whether an object shows enough of itself for questions about where it is.

    Args:
        scene (`BoxScene`): The scene.
        index (`int`): The object.

    Returns:
        `bool`: The best view shows at least 30 % of its silhouette, parts outside the image counted.
    """
    return bool(scene.views[scene.best_view(index)].visible_share[index] >= PLACE_VISIBLE_SHARE)


def _quantity(scene: BoxScene, kind: str, index: int, other: int | None) -> float:
    """The number that a question is about; `other` is the second object of a distance or the anchor of a choice."""
    thing = scene.objects[index]
    if other is not None:
        return float(np.linalg.norm(thing.center - scene.objects[other].center))
    if kind in ("taller", "height"):
        return thing.height
    if kind in ("wider", "width"):
        return thing.width
    view = scene.views[0]
    center = (thing.center - view.camera_to_world[:3, 3]) @ view.camera_to_world[:3, :3]
    if kind == "closer":
        return float(np.linalg.norm(center))
    return float(view.intrinsics[0, 0] * center[0] / center[2] + view.intrinsics[0, 2])


def _contents(
    scene: BoxScene, kind: str, region_numbers: dict[int, int], visible: dict[str, list[int]]
) -> list[tuple[int, ...]]:
    """All well-posed contents of a type as region numbers, the anchor last; every unordered pair stands once."""
    numbers = visible["size" if kind in SIZE_TYPES else "place"]
    if kind in ("width", "height"):
        return [(number,) for number in numbers]
    pairs: list[tuple[int, ...]] = list(combinations(numbers, 2))
    if kind == "distance":
        return pairs
    contents: list[tuple[int, ...]] = []
    for anchor in numbers if kind in ANCHORED_TYPES else [None]:
        index = None if anchor is None else region_numbers[anchor]
        values = {
            number: _quantity(scene, kind, region_numbers[number], index) for number in numbers if number != anchor
        }
        clear = [pair for pair in pairs if anchor not in pair and _is_clear(scene, kind, *(values[n] for n in pair))]
        contents += [pair if anchor is None else (*pair, anchor) for pair in clear]
    return contents


def _is_clear(scene: BoxScene, kind: str, first: float, second: float) -> bool:
    if kind in SIDEWAYS_TYPES:
        return abs(first - second) >= MIN_SIDEWAYS_SHARE * scene.settings.image_size_hw[1]
    return max(first, second) >= MIN_RATIO * min(first, second)


def write_question(
    scene: BoxScene, kind: str, content: tuple[int, ...], rng: np.random.Generator, *, region_numbers: dict[int, int]
) -> Question:
    """Put a question into words.

    Args:
        scene (`BoxScene`): The scene.
        kind (`str`): The type.
        content (`tuple[int, ...]`): Region numbers: the two of a choice or distance and then the anchor if the type
            has one, or the one whose size is asked. The order of the two is drawn.
        rng (`np.random.Generator`): Source of randomness.
        region_numbers (`dict[int, int]`): From `number_regions`.

    Returns:
        `Question`: With its answer and truth.
    """
    pair = [content[i] for i in rng.permutation(min(len(content), 2))]
    names = dict(zip("ab", pair, strict=False)) | ({"anchor": content[2]} if kind in ANCHORED_TYPES else {})
    if kind in CHOICE_TYPES:
        return _write_choice(scene, kind, names, rng, region_numbers=region_numbers)
    other = region_numbers[names["b"]] if kind == "distance" else None
    metres = _quantity(scene, kind, region_numbers[names["a"]], other)
    unit = str(rng.choice(list(UNIT_SHARES), p=list(UNIT_SHARES.values())))
    templates = [text for text in QUESTIONS[kind] if unit == "m" or "{unit}" in text]
    template = str(rng.choice(templates))
    named = unit != "m" or rng.uniform() < UNIT_NAMED_SHARE
    text = _fill(template, names, "<region{}>", unit=f" in {UNITS[unit][1]}" if named else "")
    answer = _fill(str(rng.choice(ANSWERS[kind])), names, "Region {}", value=format_quantity(metres, unit))
    return Question(kind, text, answer, None, metres, unit, _mentions(template, names))


def _write_choice(
    scene: BoxScene, kind: str, names: dict[str, int], rng: np.random.Generator, *, region_numbers: dict[int, int]
) -> Question:
    anchor = names.get("anchor")
    index = None if anchor is None else region_numbers[anchor]
    values = {number: _quantity(scene, kind, region_numbers[number], index) for number in (names["a"], names["b"])}
    choose = min if kind in SMALLEST_WINS else max
    best = choose(values, key=values.__getitem__)
    other = names["b"] if best == names["a"] else names["a"]
    template = str(rng.choice(QUESTIONS[kind]))
    answer = _fill(str(rng.choice(ANSWERS[kind])), names | {"best": best, "other": other}, "Region {}")
    text = _fill(template, names, "<region{}>")
    margin = _margin(scene, kind, values[names["a"]], values[names["b"]])
    return Question(kind, text, answer, best, None, None, _mentions(template, names), anchor, margin)


def _margin(scene: BoxScene, kind: str, first: float, second: float) -> float:
    if kind in SIDEWAYS_TYPES:
        return (second - first) / scene.settings.image_size_hw[1]
    return float(np.log(second / first))


def format_quantity(metres: float, unit: str) -> str:
    """Write a length with its unit.

    Args:
        metres (`float`): The length.
        unit (`str`): `"m"` or `"ft"` (two decimals), or `"cm"` (none).

    Returns:
        `str`: For example `"0.52 meters"`.

    Raises:
        ValueError: If the unit is unknown.
    """
    if unit not in UNITS:
        raise ValueError(f"`unit` must be one of {tuple(UNITS)}, got {unit!r}. Convert the length to metres first.")
    metres_per_unit, word, decimals = UNITS[unit]
    return f"{metres / metres_per_unit:.{decimals}f} {word}"


def _fill(template: str, names: dict[str, int], pattern: str, **words: str) -> str:
    return template.format(**{name: pattern.format(number) for name, number in names.items()}, **words)


def _mentions(template: str, names: dict[str, int]) -> tuple[int, ...]:
    order = sorted(
        (name for name in names if f"{{{name}}}" in template), key=lambda name: template.index(f"{{{name}}}")
    )
    return tuple(names[name] for name in order)
