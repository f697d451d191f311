# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, wordings: kind of question -> the phrasings of a split, and the phrasings of the answer.

Comparisons of two regions are put together from frames ("Which is {more}, {a} or {b}?") and words ("wider"), so
that every direction is asked in as many ways as every other; what all other kinds say stands in `wordings`.
About a fifth of the phrasings of each kind is asked in the test split only: a model that knows the words of its
training by heart is found out there. The price of frames is that some sentences are stiff. Training has more of its
own (`more_wordings.yaml`), which no benchmark asks.

May import: yaml, `wordings`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from transformers_sr3d.rooms.questions import wordings as room_wordings


TRAIN_SPLIT, TEST_SPLIT = "train", "test"


@dataclass(frozen=True)
class Direction:
    """Words of one direction of a comparison.

    Attributes:
        opposite (`str`): The direction that is true of the other region.
        words (`tuple[tuple[str, str], ...]`): Pairs of what stands alone ("wider") and what takes the other region
            ("wider than"); the first pair also makes the answers.
        choices (`tuple[str, ...]`): Choices that fit no frame.
        held_out_choices (`tuple[str, ...]`): The same, of the test split.
        predicates (`tuple[str, ...]`): Yes-or-no questions that fit no frame.
        held_out_predicates (`tuple[str, ...]`): The same, of the test split.
    """

    opposite: str
    words: tuple[tuple[str, str], ...]
    choices: tuple[str, ...]
    held_out_choices: tuple[str, ...]
    predicates: tuple[str, ...]
    held_out_predicates: tuple[str, ...]


CHOICE_FRAMES = (
    "Which is {more}, {a} or {b}?",
    "Is {a} or {b} {more}?",
    "Between {a} and {b}, which one is {more}?",
    "Which of {a} and {b} is {more}?",
    "Out of {a} and {b}, which is {more}?",
    "Tell me which one is {more}, {a} or {b}.",
    "Compare {a} and {b}. Which is {more}?",
    "Which region is {more}: {a} or {b}?",
)
HELD_OUT_CHOICE_FRAMES = (
    "I see {a} and {b}. Which of the two is {more}?",
    "If you had to pick the one that is {more}, would it be {a} or {b}?",
)
PREDICATE_FRAMES = (
    "Is {a} {relation} {b}?",
    "Would you say that {a} is {relation} {b}?",
    "Can you confirm that {a} is {relation} {b}?",
    "Is it true that {a} is {relation} {b}?",
    "Do you think {a} is {relation} {b}?",
    "Does it look like {a} is {relation} {b}?",
    "Compare {a} with {b}. Is {a} {relation} {b}?",
    "Tell me whether {a} is {relation} {b}.",
)
HELD_OUT_PREDICATE_FRAMES = (
    "Am I right that {a} is {relation} {b}?",
    "Is it correct to say {a} is {relation} {b}?",
)

DIRECTIONS = {
    "wider": Direction(
        opposite="thinner",
        words=(("wider", "wider than"), ("broader", "broader than")),
        choices=("Which of {a} and {b} has the greater width?", "Which one has the larger width, {a} or {b}?"),
        held_out_choices=("Would a tape measure show more width at {a} or at {b}?",),
        predicates=("Does {a} have a greater width than {b}?", "Is the width of {a} larger than that of {b}?"),
        held_out_predicates=("Would a tape measure show more width at {a} than at {b}?",),
    ),
    "thinner": Direction(
        opposite="wider",
        words=(("thinner", "thinner than"), ("narrower", "narrower than")),
        choices=("Which of {a} and {b} has the smaller width?", "Which one is less wide, {a} or {b}?"),
        held_out_choices=("Would a tape measure show less width at {a} or at {b}?",),
        predicates=("Does {a} have a smaller width than {b}?", "Is the width of {a} smaller than that of {b}?"),
        held_out_predicates=("Would a tape measure show less width at {a} than at {b}?",),
    ),
    "taller": Direction(
        opposite="shorter",
        words=(("taller", "taller than"),),
        choices=(
            "Which of {a} and {b} has the greater height?",
            "Which one is higher from its bottom to its top, {a} or {b}?",
            "Which one has the larger height, {a} or {b}?",
        ),
        held_out_choices=("Would a tape measure show more height at {a} or at {b}?",),
        predicates=(
            "Does {a} have a greater height than {b}?",
            "Is the height of {a} larger than that of {b}?",
            "Does {a} measure more from bottom to top than {b}?",
        ),
        held_out_predicates=("Would a tape measure show more height at {a} than at {b}?",),
    ),
    "shorter": Direction(
        opposite="taller",
        words=(("shorter", "shorter than"),),
        choices=(
            "Which of {a} and {b} has the smaller height?",
            "Which one is less tall, {a} or {b}?",
            "Which one has the lower height, {a} or {b}?",
        ),
        held_out_choices=("Would a tape measure show less height at {a} or at {b}?",),
        predicates=(
            "Does {a} have a smaller height than {b}?",
            "Is the height of {a} smaller than that of {b}?",
            "Is {a} less tall than {b}?",
        ),
        held_out_predicates=("Would a tape measure show less height at {a} than at {b}?",),
    ),
    "bigger": Direction(
        opposite="smaller",
        words=(("bigger", "bigger than"), ("larger", "larger than")),
        choices=("Which of {a} and {b} has the greater volume?", "Which one takes up more space, {a} or {b}?"),
        held_out_choices=("Would {a} or {b} need the bigger moving box?",),
        predicates=("Does {a} have a greater volume than {b}?", "Does {a} take up more space than {b}?"),
        held_out_predicates=("Would {a} need a bigger moving box than {b}?",),
    ),
    "smaller": Direction(
        opposite="bigger",
        words=(("smaller", "smaller than"), ("less big", "less big than")),
        choices=("Which of {a} and {b} has the smaller volume?", "Which one takes up less space, {a} or {b}?"),
        held_out_choices=("Would {a} or {b} fit into the smaller moving box?",),
        predicates=("Does {a} have a smaller volume than {b}?", "Does {a} take up less space than {b}?"),
        held_out_predicates=("Would {a} fit into a smaller moving box than {b}?",),
    ),
    "left": Direction(
        opposite="right",
        words=(("further to the left", "to the left of"), ("on the left", "left of")),
        choices=(
            "Looking at the picture, which is left of the other: {a} or {b}?",
            "Which of {a} and {b} appears more to the left?",
        ),
        held_out_choices=("Reading the image from left to right, is the middle of {a} or of {b} met first?",),
        predicates=("Does {a} appear to the left of {b}?", "In the picture, is {a} on the left side of {b}?"),
        held_out_predicates=("Reading the image from left to right, does the middle of {a} come before that of {b}?",),
    ),
    "right": Direction(
        opposite="left",
        words=(("further to the right", "to the right of"), ("on the right", "right of")),
        choices=(
            "Looking at the picture, which is right of the other: {a} or {b}?",
            "Which of {a} and {b} appears more to the right?",
        ),
        held_out_choices=("Reading the image from right to left, is the middle of {a} or of {b} met first?",),
        predicates=("Does {a} appear to the right of {b}?", "In the picture, is {a} on the right side of {b}?"),
        held_out_predicates=("Reading the image from left to right, does the middle of {a} come after that of {b}?",),
    ),
    "above": Direction(
        opposite="below",
        words=(("higher up", "higher up than"), ("above the other", "above")),
        choices=(
            "Which of {a} and {b} sits at the greater height?",
            "Which is up higher, {a} or {b}?",
        ),
        held_out_choices=("Would I have to reach higher for {a} or for {b}?",),
        predicates=("Does {a} sit higher up than {b}?", "Is {a} located above {b}?"),
        held_out_predicates=("Would I have to reach higher for {a} than for {b}?",),
    ),
    "below": Direction(
        opposite="above",
        words=(("lower down", "lower down than"), ("below the other", "below")),
        choices=("Which of {a} and {b} has its center nearer to the floor?", "Which is further down, {a} or {b}?"),
        held_out_choices=("Would I have to reach lower for {a} or for {b}?",),
        predicates=("Does {a} sit lower down than {b}?", "Is {a} located below {b}?"),
        held_out_predicates=("Would I have to reach lower for {a} than for {b}?",),
    ),
    "closer": Direction(
        opposite="farther",
        words=(
            ("closer to the camera", "closer to the camera than"),
            ("nearer to the viewer", "nearer to the viewer than"),
        ),
        choices=("Which is closer, {a} or {b}?", "Seen from the camera, which is in front: {a} or {b}?"),
        held_out_choices=("If you walked away from the camera, would you pass {a} or {b} first?",),
        predicates=("Seen from the camera, is {a} in front of {b}?", "Is {a} nearer than {b}?"),
        held_out_predicates=("If you walked away from the camera, would you pass {a} before {b}?",),
    ),
    "farther": Direction(
        opposite="closer",
        words=(
            ("farther from the camera", "farther from the camera than"),
            ("further away from the viewer", "further away from the viewer than"),
        ),
        choices=("Which is farther away, {a} or {b}?", "Seen from the camera, which is behind: {a} or {b}?"),
        held_out_choices=("If you walked away from the camera, would you pass {a} or {b} last?",),
        predicates=("Seen from the camera, is {a} behind {b}?", "Is {a} more distant than {b}?"),
        held_out_predicates=("If you walked away from the camera, would you pass {a} after {b}?",),
    ),
}


def phrasings(kind: str, split: str) -> tuple[str, ...]:
    """Give the wordings of a question.

    Args:
        kind (`str`): For example `"wider_choice"` or `"width"`; one of `question_kinds`.
        split (`str`): The test split adds those that no other split asks.

    Returns:
        `tuple[str, ...]`: Templates; what stands in braces is described in `wordings`.

    Raises:
        ValueError: If there is no such kind.
    """
    if kind not in _QUESTIONS:
        raise ValueError(f"`kind` must be one of {', '.join(_QUESTIONS)}, got {kind!r}. Choose one of them.")
    return _QUESTIONS[kind] + (held_out_phrasings(kind) if split == TEST_SPLIT else ())


def held_out_phrasings(kind: str) -> tuple[str, ...]:
    """Give the wordings that only the test split asks.

    Args:
        kind (`str`): One of `question_kinds`.

    Returns:
        `tuple[str, ...]`: Templates, about a fifth of all of the kind.
    """
    return _HELD_OUT[kind]


def training_phrasings(kind: str) -> tuple[str, ...]:
    """Give the further wordings that only training asks.

    Args:
        kind (`str`): One of `question_kinds`.

    Returns:
        `tuple[str, ...]`: Templates.
    """
    return _TRAINING_ONLY[kind]


def question_kinds() -> tuple[str, ...]:
    """Give every kind of question that has wordings.

    Returns:
        `tuple[str, ...]`: For each direction of `DIRECTIONS` the kinds `"<direction>_choice"` and
        `"<direction>_predicate"`, and the keys of `room_wordings.QUESTIONS`.
    """
    return tuple(_QUESTIONS)


def answer_phrasings(kind: str) -> tuple[str, ...]:
    """Give the wordings of an answer.

    Args:
        kind (`str`): For a comparison `"<direction>_choice"`, `"<direction>_yes"` or `"<direction>_no"`, else a key of
            `room_wordings.ANSWERS`.

    Returns:
        `tuple[str, ...]`: At least three templates.
    """
    return _ANSWERS[kind]


def _fill_frames(frames: Iterable[str], words: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(
        frame.replace("{more}", more).replace("{relation}", relation) for more, relation in words for frame in frames
    )


def _comparison_answers(name: str, direction: Direction) -> dict[str, tuple[str, ...]]:
    more, relation = direction.words[0]
    less, opposite = DIRECTIONS[direction.opposite].words[0]
    return {
        f"{name}_choice": (
            f"{{best}} is {more}.",
            f"{{best}} is {relation} {{other}}.",
            f"Of the two, {{best}} is {more}.",
        ),
        f"{name}_yes": (
            f"Yes, {{a}} is {more}.",
            f"Yes, {{a}} is {relation} {{b}}.",
            f"Yes, {{b}} is {less}.",
        ),
        f"{name}_no": (
            f"No, {{a}} is {less}.",
            f"No, {{a}} is {opposite} {{b}}.",
            f"No, {{b}} is {more}.",
        ),
    }


_MORE = yaml.safe_load(Path(__file__).with_name("more_wordings.yaml").read_text(encoding="utf-8"))
_QUESTIONS: dict[str, tuple[str, ...]] = {}
_HELD_OUT: dict[str, tuple[str, ...]] = {}
_TRAINING_ONLY: dict[str, tuple[str, ...]] = {kind: tuple(texts) for kind, texts in _MORE["questions"].items()}
_ANSWERS: dict[str, tuple[str, ...]] = dict(room_wordings.ANSWERS)
for _name, _words in DIRECTIONS.items():
    _QUESTIONS[f"{_name}_choice"] = _fill_frames(CHOICE_FRAMES, _words.words) + _words.choices
    _QUESTIONS[f"{_name}_predicate"] = _fill_frames(PREDICATE_FRAMES, _words.words) + _words.predicates
    _HELD_OUT[f"{_name}_choice"] = _fill_frames(HELD_OUT_CHOICE_FRAMES, _words.words) + _words.held_out_choices
    _HELD_OUT[f"{_name}_predicate"] = (
        _fill_frames(HELD_OUT_PREDICATE_FRAMES, _words.words) + _words.held_out_predicates
    )
    for _form in ("choice", "predicate"):
        _frames, _texts = _MORE[f"{_form}_frames"], _MORE[f"{_form}s"][_name]
        _TRAINING_ONLY[f"{_name}_{_form}"] = _fill_frames(_frames, _words.words) + tuple(_texts)
    _ANSWERS |= _comparison_answers(_name, _words)
_QUESTIONS |= room_wordings.QUESTIONS
_HELD_OUT |= room_wordings.HELD_OUT_QUESTIONS
