# Copyright 2026 The transformers-sr3d contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Stage 5 of 5, answers: answer text -> metres, option letter, region numbers.

Pure functions on strings: no model, no tensors. `pipeline_sr3d.py` types every answer with them, and an evaluation
reads predictions with them, so that a demo and a score never disagree about what a sentence says.

Decision: a reader returns None where the text is not clear, and never a guess: a number without a unit is no length,
a letter that contradicts the option written behind it is no choice. The price is that such an answer counts as not
read. Where a text holds several lengths, the first one counts; of a range ("0.5 to 0.7 m") its middle counts.

Units are metres on the way out. Imports: the standard library only, because this file is copied to the Hub.
"""

import math
import re
import string


METERS_PER_UNIT = {
    "m": 1.0,
    "meter": 1.0,
    "metre": 1.0,
    "cm": 0.01,
    "centimeter": 0.01,
    "centimetre": 0.01,
    "mm": 0.001,
    "millimeter": 0.001,
    "millimetre": 0.001,
    "km": 1000.0,
    "kilometer": 1000.0,
    "kilometre": 1000.0,
    "ft": 0.3048,
    "foot": 0.3048,
    "feet": 0.3048,
    "in": 0.0254,
    "inch": 0.0254,
    "yd": 0.9144,
    "yard": 0.9144,
}
MAX_OPTIONS = len(string.ascii_uppercase)

# "1,250" and "1,250.5" are thousands, "0,52" is a decimal comma; a digit group is never read from its middle.
_NUMBER = r"(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+[.,]\d+(?:e[-+]?\d+)?|\d+(?:e[-+]?\d+)?|\.\d+)"
_START = r"(?<![\w.,'\-\u2212])"
# "3 in the room" is a count: the short form of inches needs the end of a phrase or a dimension word behind it.
_INCHES = r"in(?=\.?\s*(?:$|[.,;:!?)]|(?:wide|tall|high|long|deep|thick|apart|away|across|from|and|or|by|x)\b))"
_UNIT = (
    r"(?:(?:kilo|centi|milli)?met(?:er|re)s?|[kcm]?m|feet|foot|ft|inch(?:es)?|yards?|yd|"
    + _INCHES
    + r")(?![\w²³^/])(?!\s*[²³^/])"
)
_FEET_AND_INCHES = re.compile(rf"{_START}(\d+)\s*['\u2032]\s*(\d+(?:\.\d+)?)\s*(?:\"|\u2033|'')")
_LENGTH = re.compile(
    rf"{_START}(?P<first>{_NUMBER})"
    rf"(?:\s*(?:-|\u2013|to)\s*(?P<last>{_NUMBER}))?"
    rf"[\s-]*(?P<unit>{_UNIT})"
    rf"(?:\.?,?\s*(?P<joint>and\s+)?(?P<more>{_NUMBER})[\s-]*(?P<more_unit>{_UNIT}))?",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"\bbetween\s+(?P<first>{_NUMBER})\s+and\s+(?P<last>{_NUMBER})\s*(?P<unit>{_UNIT})", re.IGNORECASE
)
_BARE_NUMBER = re.compile(rf"{_START}{_NUMBER}(?![\w%])", re.IGNORECASE)
_REGION = re.compile(
    r"<region(\d+)>|\bregion[\s_-]*(\d+)\b(?!\.\d)"
    r"|\bregions\s+(\d+\b(?!\.\d)(?:\s*(?:,|&|\band\b|\bor\b)+\s*\d+\b(?!\.\d))*)",
    re.I,
)
_ASKS_LENGTH = re.compile(
    r"\bhow\s+(?:far|wide|tall|high|long|deep|thick|close|distant|much\s+(?:space|room))\b"
    r"|\bwhat\b[^?]*\b(?:distance|width|height|length|depth|gap|thickness|clearance)\b"
    r"|\b(?:estimate|measure|give|tell|report|state|calculate|provide)\b[^?]*\b(?:distance|width|height|length|gap)\b"
    r"|\b(?:centi|milli)?met(?:er|re)s?\b|\b(?:cm|feet|foot|inch|inches)\b",
    re.IGNORECASE,
)


def parse_quantity(text: str, default_unit: str | None = None) -> dict | None:
    """Read the first length that an answer states.

    Reads "0.52 meters", "52 cm", "1,250 mm", "1.7 feet", "5 ft 3 in", `5'3"`, "1 m 20 cm" and "20 inches". A range
    gives its middle. Areas, speeds and negative numbers are no lengths.

    Args:
        text (`str`):
            The answer. Number words ("two meters") are not read.
        default_unit (`str`, *optional*):
            Unit of a number that has none, a key of `METERS_PER_UNIT`. Without it a bare number gives None.

    Returns:
        `dict | None`: `{"value": float, "unit": "m"}` with the value in metres, or None if the text states no length.

    Raises:
        ValueError: If `default_unit` is not a known unit.
    """
    if default_unit is not None and default_unit not in METERS_PER_UNIT:
        raise ValueError(
            f"`default_unit` must be one of {', '.join(METERS_PER_UNIT)}, got {default_unit!r}. "
            "Pass one of them, or leave it out to read lengths with a written unit only."
        )
    text = _REGION.sub(" ", text)  # the 0 of "Region 0 to 3 m" is a name, no length
    meters = _first_written_length(text)
    if meters is None and default_unit is not None:
        bare = _BARE_NUMBER.search(text)
        meters = None if bare is None else _number(bare.group()) * METERS_PER_UNIT[default_unit]
    if meters is None or not math.isfinite(meters):
        return None
    return {"value": meters, "unit": "m"}


def parse_choice(text: str, options: list[str] | tuple[str, ...]) -> str | None:
    """Read which lettered option an answer names.

    Accepts a letter ("B", "(B)", "B.", "The answer is B"), a letter with its option ("B. chair"), and the text of
    exactly one option, whatever its case, article and final punctuation.

    Args:
        text (`str`):
            The answer.
        options (`list[str]`):
            At most 26 options; the first is "A".

    Returns:
        `str | None`: The letter, or None if the text names no option, or two different ones.

    Raises:
        ValueError: If there are more options than letters.
    """
    if len(options) > MAX_OPTIONS:
        raise ValueError(f"`options` may hold at most {MAX_OPTIONS} entries, one per letter, got {len(options)}.")
    letters = string.ascii_uppercase[: len(options)]
    by_text = {
        letter for letter, option in zip(letters, options, strict=True) if _plain_words(option) == _plain_words(text)
    }
    letter, rest = _leading_letter(text, letters)
    if rest:
        behind = {
            mark for mark, option in zip(letters, options, strict=True) if _plain_words(option) == _plain_words(rest)
        }
        by_text |= behind or _listed_letters(rest, letters)
    named = by_text | ({letter} if letter else set())
    return named.pop() if len(named) == 1 else None


def parse_regions(text: str) -> list[int]:
    """List the regions that a text mentions.

    Args:
        text (`str`):
            A question or an answer, with regions as "Region 1", "regions 0 and 2" or "<region1>".

    Returns:
        `list[int]`: Region numbers in the order of their first mention, each once.
    """
    numbers = [
        int(number) for match in _REGION.finditer(text) for number in re.findall(r"\d+", match.group().casefold())
    ]
    return list(dict.fromkeys(numbers))


def asks_for_length(text: str) -> bool:
    """Tell whether a question asks for a length ("how wide", "what is the distance", "in meters").

    Comparisons ("which is wider?") are no such question: they have an answer without a metric scale.

    Args:
        text (`str`):
            The question.

    Returns:
        `bool`: True if the answer is expected to be a length.
    """
    return _ASKS_LENGTH.search(text) is not None


def _first_written_length(text: str) -> float | None:
    feet = _FEET_AND_INCHES.search(text)
    between = _BETWEEN.search(text)
    length = _LENGTH.search(text)
    found = [match for match in (feet, between, length) if match is not None]
    if not found:
        return None
    first = min(found, key=lambda match: match.start())
    if first is feet:
        return int(first.group(1)) * METERS_PER_UNIT["ft"] + float(first.group(2)) * METERS_PER_UNIT["in"]
    meters = _middle(first["first"], first["last"]) * _meters_per(first["unit"])
    return meters if first is between else meters + _second_part(first)


def _second_part(length: re.Match) -> float:
    """Metres of the "3 in" in "5 ft 3 in"; zero where a second length is a statement of its own."""
    if length["more"] is None or length["last"] is not None or not length["first"].isdigit():
        return 0.0
    large, small = _meters_per(length["unit"]), _meters_per(length["more_unit"])
    in_feet = large == METERS_PER_UNIT["ft"] and small == METERS_PER_UNIT["in"]
    in_meters = large == METERS_PER_UNIT["m"] and small == METERS_PER_UNIT["cm"] and length["joint"] is None
    return _number(length["more"]) * small if in_feet or in_meters else 0.0


def _middle(first: str, last: str | None) -> float:
    return _number(first) if last is None else (_number(first) + _number(last)) / 2.0


def _number(digits: str) -> float:
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", digits):
        return float(digits.replace(",", ""))
    return float(digits.replace(",", "."))


def _meters_per(unit: str) -> float:
    name = unit.casefold()
    name = {"inches": "inch", "feet": "foot"}.get(name, name.removesuffix("s"))
    return METERS_PER_UNIT[name]


def _plain_words(text: str) -> str:
    words = re.sub(r"\s+", " ", text.casefold()).strip(" \t\n.,;:!?\"'()")
    return re.sub(r"^(?:the|a|an)\s+(?=\S)", "", words)


def _leading_letter(text: str, letters: str) -> tuple[str | None, str]:
    """The option letter that a text starts with or announces, and the words behind it."""
    alone = re.fullmatch(r"\W*([A-Za-z])\W*", text)
    marked = re.match(r"\s*(?:\(([A-Za-z])\)|([A-Z])(?:\s*[.):,]|\s+-\s))\s*(.*)", text, re.DOTALL)
    announced = re.search(
        r"\b(?:answer|option|choice)(?:\s+is)?\s*:?\s*\(?([A-Z])\b\)?(?!')(?:(?:[.:),/&]|\s(?=(?:and|or)\b))\s*(.*))?",
        text,
        re.I,
    )
    if alone is not None:
        letter, rest = alone.group(1), ""
    elif marked is not None:
        letter, rest = marked.group(1) or marked.group(2), marked.group(3)
    elif announced is not None and announced.group(1).isupper():
        letter, rest = announced.group(1), announced.group(2) or ""
    else:
        return None, ""
    letter = letter.upper()
    return (letter, rest) if letter in letters else (None, "")


def _listed_letters(rest: str, letters: str) -> set[str]:
    """The option letters of a text that goes on listing letters ("B", "or (B)", "B and C"); none of other words."""
    if re.fullmatch(r"(?:[\s.,;:()/&]|\b(?:and|or|[A-Za-z])\b)+", rest) is None:
        return set()
    return {letter.upper() for letter in re.findall(r"\b[A-Za-z]\b", rest) if letter.upper() in letters}
