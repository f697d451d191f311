# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of rooms-bench: a question's truth and an answer -> right or wrong.

One rule per kind of truth, and no judge model: what a rule cannot read is wrong. An answer may take any words, as
long as the first thing it states is right; a direction must be the only one that it names.

This module may import `answers_sr3d`, `evaluation.metrics`, `rooms.furniture.classes` and
`rooms.questions.conversations`.
"""

import re
import string
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from transformers_sr3d.answers_sr3d import parse_choice, parse_quantity, parse_regions
from transformers_sr3d.evaluation.metrics import is_quantity_right, is_region_right, is_within_ratio
from transformers_sr3d.rooms.furniture.classes import LABEL_NAMES, SYNONYMS, plural
from transformers_sr3d.rooms.questions.conversations import RoomQuestion


NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
COUNT_WORDS = {word: number for number, word in enumerate(NUMBER_WORDS)} | {"no": 0, "none": 0}
SQUARE_METRES = {"meter": 1.0, "metre": 1.0, "m": 1.0, "foot": 0.3048**2, "feet": 0.3048**2, "ft": 0.3048**2}
DIRECTION_WORDS = {
    "front": ("front", "ahead", "forward"),
    "behind": ("behind", "back", "rear", "backward"),
    "left": ("left",),
    "right": ("right",),
}

_NUMBER = r"(?<![\w.,-])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_AREA = re.compile(
    _NUMBER + r"\s*(?:(?:square|sq\.?)[\s-]*(met(?:er|re)s?|m|feet|foot|ft)\b|(m|ft)(?:\^?2|²))", re.IGNORECASE
)
_REGION = re.compile(r"<region\d+>|\bregion[\s_-]*\d+\b", re.IGNORECASE)


def is_right(question: RoomQuestion | Mapping[str, Any], answer: str) -> bool:
    """Tell whether an answer is right.

    Args:
        question (`RoomQuestion` or `Mapping`):
            The question, or its fields by name, as a file holds them.
        answer (`str`):
            What the model wrote.

    Returns:
        `bool`: False also if the answer does not state what was asked.

    Raises:
        ValueError: If the question's `scoring` is unknown.
    """
    truth = question if isinstance(question, Mapping) else vars(question)
    scoring = truth["scoring"]
    if scoring not in SCORERS:
        raise ValueError(f"`scoring` must be one of {', '.join(SCORERS)}, got {scoring!r}. Update the benchmark file.")
    return SCORERS[scoring](truth, answer)


def stated_quantity(question: RoomQuestion | Mapping[str, Any], answer: str) -> float | None:
    """Read the number that an answer gives to a question about a quantity.

    Args:
        question (`RoomQuestion` or `Mapping`):
            The question, or its fields by name.
        answer (`str`):
            What the model wrote.

    Returns:
        `float | None`: Metres, square metres or a count; None if the answer states none or none was asked.
    """
    scoring = (question if isinstance(question, Mapping) else vars(question))["scoring"]
    if scoring == "length":
        length = parse_quantity(answer)
        return None if length is None else length["value"]
    if scoring == "area":
        return parse_area(answer)
    return parse_count(answer) if scoring == "count" else None


def parse_area(text: str) -> float | None:
    """Read the first area that a text states.

    Args:
        text (`str`):
            For example "24.3 square meters", "24.3 m²" or "260 sq ft".

    Returns:
        `float | None`: Square metres; None without a number that has a unit of area.
    """
    found = _AREA.search(text)
    if found is None:
        return None
    unit = (found[2] or found[3]).casefold()
    return float(found[1].replace(",", "")) * SQUARE_METRES[unit.removesuffix("s")]


def parse_direction(text: str) -> str | None:
    """Read the direction that a text names.

    Args:
        text (`str`):
            For example "It is to your left."; "right behind you" is behind.

    Returns:
        `str | None`: "front", "behind", "left" or "right"; None where none is named, or two different ones.
    """
    plain = re.sub(r"\bright (?=behind|in front|ahead)", " ", text.casefold())
    words = set(re.findall(r"[a-z]+", plain))
    named = [direction for direction, names in DIRECTION_WORDS.items() if words.intersection(names)]
    return named[0] if len(named) == 1 else None


def parse_count(text: str) -> int | None:
    """Read the first whole number of a text, in digits or as a word up to twenty.

    Args:
        text (`str`):
            For example "There are 4 chairs."; the number of a region is none.

    Returns:
        `int | None`: None if there is none, or if the first number is no whole one.
    """
    for word in re.findall(r"\d+(?:[.,]\d+)?|[a-z]+", _REGION.sub(" ", text).casefold()):
        if word in COUNT_WORDS:
            return COUNT_WORDS[word]
        if word[0].isdigit():
            return int(word) if word.isdigit() else None
    return None


def first_name(text: str, name: str) -> str | None:
    """Find the first name of a thing in a text.

    Args:
        text (`str`):
            An answer.
        name (`str`):
            A class that is looked for, beside all classes and synonyms of `rooms.furniture.classes`.

    Returns:
        `str | None`: A class or synonym in lower case and singular; of those that start at the same word the longest.
        None if there is none.
    """
    pattern, singulars = _name_pattern(name)
    found = pattern.search(_REGION.sub(" ", text).casefold())
    return None if found is None else singulars[found.group()]


@cache
def _name_pattern(name: str) -> tuple[re.Pattern[str], dict[str, str]]:
    names = {name, *SYNONYMS, *LABEL_NAMES, *(word for words in SYNONYMS.values() for word in words)}
    singulars = {plural(word): word for word in names} | {word: word for word in names}
    longest_first = sorted(singulars, key=lambda word: (-len(word), word))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)"), singulars


def _is_yes_no_right(truth: Mapping[str, Any], answer: str) -> bool:
    found = re.search(r"\b(yes|no)\b", answer, re.IGNORECASE)
    return found is not None and (found[1].casefold() == "yes") == truth["yes"]


def _is_option_right(truth: Mapping[str, Any], answer: str) -> bool:
    """A letter counts only where the question showed letters, and one that contradicts its words is wrong."""
    options = list(truth["options"])
    letters = string.ascii_uppercase[: len(options)] if truth["form"] == "options" else ""
    letter = parse_choice(answer, options) if letters else None
    if letter is not None:
        return options[letters.index(letter)] == truth["option"]
    is_contradiction = any(re.search(rf"\b{mark}\b", answer) for mark in letters)
    return not is_contradiction and parse_direction(answer) == truth["option"]


def _is_name_right(truth: Mapping[str, Any], answer: str) -> bool:
    accepted = {truth["name"], *SYNONYMS.get(truth["name"], ())}
    return first_name(answer, truth["name"]) in accepted


def _is_area_right(truth: Mapping[str, Any], answer: str) -> bool:
    area = parse_area(answer)
    return area is not None and is_within_ratio(area, truth["square_metres"])


SCORERS: dict[str, Callable[[Mapping[str, Any], str], bool]] = {
    "region": lambda truth, answer: is_region_right(answer, truth["region"]),
    "yes_no": _is_yes_no_right,
    "option": _is_option_right,
    "order": lambda truth, answer: parse_regions(answer) == list(truth["order"]),
    "name": _is_name_right,
    "count": lambda truth, answer: parse_count(answer) == truth["count"],
    "length": lambda truth, answer: is_quantity_right(answer, truth["metres"]),
    "area": _is_area_right,
}
