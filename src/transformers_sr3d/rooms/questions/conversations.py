# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, questions: facts + region numbers -> conversations with answers and exact truth.

Everything comes from what the generator knows, no pixel is looked at. Answers are true of whole objects, also where
views show a part; each is asked only where the views show enough of it (`quantities`) and no tie is near
(`relations`), so that every question has one defensible answer. The price: what is hard to see is not asked.

May import: NumPy and siblings in `rooms`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transformers_sr3d.rooms.questions import quantities as quantities
from transformers_sr3d.rooms.questions.contents import Content, NumberedRoom, scale_content
from transformers_sr3d.rooms.questions.descriptions import DESCRIPTIONS
from transformers_sr3d.rooms.questions.phrasings import (
    TEST_SPLIT,
    TRAIN_SPLIT,
    answer_phrasings,
    held_out_phrasings,
    phrasings,
    training_phrasings,
)
from transformers_sr3d.rooms.questions.relations import RELATIONS
from transformers_sr3d.rooms.world import RoomFacts


MULTI_VIEW_CATEGORIES = (
    *("wide_thin", "tall_short", "big_small", "multi_simple", "multi_complex", "width", "height", "distance"),
    *("naming", "counting", "existence", "room_size", "named_distance"),
)
SINGLE_VIEW_CATEGORIES = (
    *("left_right", "above_below", "front_behind", "depth_order", "wide_thin", "tall_short", "big_small"),
    *("multi_simple", "multi_complex", "width", "height", "distance"),
    *("naming", "counting", "existence", "named_distance"),
)
# Metres or square metres in one unit, its name, decimals of a written number, share of the questions.
LENGTH_UNITS = {"m": (1.0, "meters", 2, 0.84), "cm": (0.01, "centimeters", 0, 0.1), "ft": (0.3048, "feet", 2, 0.06)}
AREA_UNITS = {"m2": (1.0, "square meters", 1, 0.84), "ft2": (0.3048**2, "square feet", 0, 0.16)}
TRAINING_PHRASINGS_SHARE = 0.5  # of the questions of training, which the other splits do not ask in such words
UNIT_NAMED_SHARE = 0.25  # of the questions in metres or square metres; another unit is always named


@dataclass(frozen=True)
class RoomQuestion:
    """A question with its answer and exact truth.

    Attributes:
        category (`str`): One of `MULTI_VIEW_CATEGORIES` or `SINGLE_VIEW_CATEGORIES`.
        kind (`str`): Which phrasings it uses, for example `"wider_choice"`; see `phrasings.question_kinds`.
        form (`str`): `"choice"` (between regions), `"predicate"` (yes or no), `"options"` (lettered) or `"open"`.
        text (`str`): The question; regions are written `<region0>`.
        answer (`str`): The answer sentence; regions are written `Region 0`.
        scoring (`str`): Which truth counts: `"region"`, `"yes_no"`, `"option"`, `"order"`, `"name"`, `"count"`,
            `"length"` or `"area"`.
        regions (`tuple[int, ...]`): Region numbers in the question, in order of first mention.
        held_out (`bool`): Whether only the test split asks in these words.
        region (`int`, *optional*): The right region.
        yes (`bool`, *optional*): Whether the answer is yes.
        option (`str`, *optional*): Text of the right option.
        options (`tuple[str, ...]`): The options, the first lettered A; without letters if the form is `"open"`.
        order (`tuple[int, ...]`, *optional*): Region numbers from nearest to farthest.
        name (`str`, *optional*): Class of the object.
        count (`int`, *optional*): Number of objects.
        metres (`float`, *optional*): The true length, unrounded.
        square_metres (`float`, *optional*): The true area, unrounded.
        unit (`str`, *optional*): Unit of the answer's number, a key of `LENGTH_UNITS` or `AREA_UNITS`.
        value (`float`, *optional*): A positive number behind the answer whose logarithm an auxiliary loss may ask for:
            metres, square metres, the count plus 1, and for the best of several or an order the value of the first.
        margin (`float`, *optional*): Of a comparison of two, how far the value of the second in the text lies above
            that of the first: difference of logarithms; for `"left_right"` in widths of the image, to the right; for
            `"above_below"` in metres, upwards.
        falls (`tuple[float, ...]`): Of the best of several or an order, how far the value of each that the text lists
            lies from that of the best or first: difference of logarithms, 0 or above.
        bearing (`tuple[float, float]`, *optional*): Where the third region lies for someone who stands at the first
            and faces the second: unit vector (right, forward).
    """

    category: str
    kind: str
    form: str
    text: str
    answer: str
    scoring: str
    regions: tuple[int, ...]
    held_out: bool
    region: int | None = None
    yes: bool | None = None
    option: str | None = None
    options: tuple[str, ...] = ()
    order: tuple[int, ...] | None = None
    name: str | None = None
    count: int | None = None
    metres: float | None = None
    square_metres: float | None = None
    unit: str | None = None
    value: float | None = None
    margin: float | None = None
    falls: tuple[float, ...] = ()
    bearing: tuple[float, float] | None = None


def number_objects(facts: RoomFacts, rng: np.random.Generator, *, max_regions: int = 8) -> dict[int, int]:
    """Give visible objects region numbers in random order.

    Objects of which the views show much, and of names not drawn yet, are drawn more often.

    Args:
        facts (`RoomFacts`): The room.
        rng (`np.random.Generator`): Source of randomness.
        max_regions (`int`, defaults to 8): At most this many objects are numbered.

    Returns:
        `dict[int, int]`: From region number (0, 1, ...) to the position in `facts.objects`.
    """
    visible = [index for index in range(len(facts.objects)) if quantities.is_visible(facts, index)]
    interest = {index: _interest(facts, index) for index in visible}
    chosen: list[int] = []
    while len(chosen) < min(max_regions, len(visible)):
        rest = [index for index in visible if index not in chosen]
        names = [facts.objects[index].name for index in chosen]
        weights = np.array([interest[index] / (1 + names.count(facts.objects[index].name)) ** 2 for index in rest])
        chosen.append(int(rng.choice(rest, p=weights / weights.sum())))
    return {number: int(index) for number, index in enumerate(rng.permutation(chosen))}


def _interest(facts: RoomFacts, index: int) -> float:
    thing = facts.objects[index]
    gates = (quantities.shows_width(thing), quantities.shows_height(thing), quantities.shows_volume(thing))
    return 1.0 + sum(gates) + 2 * quantities.shows_place(facts, index)


def categories_of(facts: RoomFacts) -> tuple[str, ...]:
    """Give the categories of questions that the views of a room may be asked.

    Args:
        facts (`RoomFacts`): The room.

    Returns:
        `tuple[str, ...]`: `SINGLE_VIEW_CATEGORIES` or `MULTI_VIEW_CATEGORIES`.
    """
    return SINGLE_VIEW_CATEGORIES if len(facts.views) == 1 else MULTI_VIEW_CATEGORIES


def sample_conversation(
    facts: RoomFacts,
    numbers: dict[int, int],
    rng: np.random.Generator,
    num_questions: int,
    *,
    categories: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    scale: float = 1.0,
) -> list[RoomQuestion]:
    """Draw different questions about a room and its numbered objects.

    Args:
        facts (`RoomFacts`): The room.
        numbers (`dict[int, int]`): From `number_objects`.
        rng (`np.random.Generator`): Source of randomness.
        num_questions (`int`): At most this many; a scene with few well-posed questions gives fewer.
        categories (`Sequence[str]`, *optional*): Draws from these only, of those that `categories_of` gives.
        weights (`Mapping[str, float]`, *optional*): How much more often than others a category is drawn; 1 for those
            that it lacks. By default all that still have contents are equally likely.
        scale (`float`, defaults to 1.0): How much larger than true the room is shown; its answers are for that size.

    Returns:
        `list[RoomQuestion]`: No content is asked twice.

    Raises:
        ValueError: If `categories` has one that these views may not be asked.
    """
    allowed = categories_of(facts)
    unknown = set(categories or ()) - set(allowed)
    if unknown:
        raise ValueError(
            f"`categories` must be among {', '.join(allowed)} for {len(facts.views)} views, got "
            f"{', '.join(sorted(unknown))}. Leave them out, or pass a room with other views."
        )
    room, streams = NumberedRoom(facts, numbers), {**RELATIONS, **DESCRIPTIONS}
    pools = {name: streams[name](room, name, rng) for name in allowed if categories is None or name in categories}
    asked: set[tuple] = set()
    questions: list[RoomQuestion] = []
    while pools and len(questions) < num_questions:
        shares = np.array([(weights or {}).get(name, 1.0) for name in pools], dtype=float)
        if not shares.sum():
            break
        category = str(rng.choice(list(pools), p=shares / shares.sum()))
        content = next((content for content in pools[category] if content.key not in asked), None)
        if content is None:
            del pools[category]
        else:
            asked.add(content.key)
            shown = scale_content(content, scale)
            questions += [] if shown is None else [write_question(shown, facts.split, rng)]
    return questions


def write_question(content: Content, split: str, rng: np.random.Generator) -> RoomQuestion:
    """Put a content into words.

    Args:
        content (`Content`): What is asked.
        split (`str`): The test split has phrasings of its own.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `RoomQuestion`: With its answer and truth.
    """
    unit, written, words = None, "", {"unit": ""}
    templates = phrasings(content.kind, split)
    if split == TRAIN_SPLIT and rng.uniform() < TRAINING_PHRASINGS_SHARE:
        templates = training_phrasings(content.kind)
    if content.scoring in ("length", "area"):
        units = LENGTH_UNITS if content.scoring == "length" else AREA_UNITS
        unit = str(rng.choice(list(units), p=[share for *_, share in units.values()]))
        written = format_quantity(content.truth["value"], unit)
        if unit in ("m", "m2"):
            words["unit"] = f" in {units[unit][1]}" if rng.uniform() < UNIT_NAMED_SHARE else ""
        else:
            words["unit"] = f" in {units[unit][1]}"
            templates = tuple(template for template in templates if "{unit}" in template)
    template = str(rng.choice(templates))
    text = template.format(**_region_words(content, "<region{}>"), **content.words, **words)
    answers = answer_phrasings(content.answer_kind)
    # The question decides how the answer is worded: who learns to answer need not guess words, only what is true.
    asked = phrasings(content.kind, TEST_SPLIT)
    answer = answers[asked.index(template) % len(answers)] if template in asked else answers[0]
    return RoomQuestion(
        category=content.category,
        kind=content.kind,
        form=content.form,
        text=text,
        answer=answer.format(**_region_words(content, "Region {}"), **content.words, value=written),
        scoring=content.scoring,
        regions=tuple(dict.fromkeys(int(number) for number in re.findall(r"<region(\d+)>", text))),
        held_out=template in held_out_phrasings(content.kind),
        unit=unit,
        **content.truth,
    )


def format_quantity(quantity: float, unit: str) -> str:
    """Write a length or an area with its unit.

    Args:
        quantity (`float`): Metres or square metres.
        unit (`str`): A key of `LENGTH_UNITS` or `AREA_UNITS`.

    Returns:
        `str`: For example `"0.52 meters"` or `"163 square feet"`.

    Raises:
        ValueError: If the unit is unknown.
    """
    units = LENGTH_UNITS | AREA_UNITS
    if unit not in units:
        raise ValueError(f"`unit` must be one of {tuple(units)}, got {unit!r}. Convert the quantity to one of them.")
    size, word, decimals, _ = units[unit]
    return f"{quantity / size:.{decimals}f} {word}"


def _region_words(content: Content, pattern: str) -> dict[str, str]:
    words = {name: pattern.format(number) for name, number in content.regions.items()}
    if content.listed:
        *first, last = [pattern.format(number) for number in content.listed]
        words |= {"all": f"{', '.join(first)} and {last}", "any": f"{', '.join(first)} or {last}"}
    return words
