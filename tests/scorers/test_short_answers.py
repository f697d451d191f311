# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Short answers: every rule of the published normaliser, and what counts as a match."""

import pytest

from transformers_sr3d.evaluation.scorers.short_answers import (
    is_exact,
    is_refined_match,
    normalise_answer,
    question_type,
)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("  Brown   Chair ", "brown chair"),
        ("it's brown, red-ish: 3:15!?", "it's brown, red-ish: three:fifteen"),
        ("to the letf", "to left"),
        ("let", "left"),
        ("tehre, rigth, rght", "there, right, right"),
        ("behine chai", "behind chair"),
        ("wasing machine waslked", "washing machine walked"),
        ("tv", "TV"),
        ("a TV.", "TV"),
        ("3 oclock", "three o'clock"),
        ("3 o'  clock", "three o'clock"),
        ("3 o clock", "three o clock"),  # not among the published rules
        ("0", "zero"),
        ("none", "zero"),
        ("20", "twenty"),
        ("21", "21"),
        ("23", "twenty-three"),
        ("chair2", "chair"),
        ("chair22", "chair22"),
        ("the a table", "table"),  # the articles go one after the other
        ("a the chair", "chair"),
        ("an apple", "apple"),
        ("backwards", "backward"),
        ("café", "caf"),
        ("", ""),
    ],
)
def test_answers_are_normalised_rule_by_rule(text, normalised):
    assert normalise_answer(text) == normalised


def test_exact_match_takes_every_letter_seriously():
    assert is_exact("brown", ["red", "brown"])
    assert not is_exact("Brown", ["brown"])
    assert not is_exact("brown.", ["brown"])


@pytest.mark.parametrize(
    ("answer", "truths", "matches"),
    [
        ("brown chair", ["chair"], True),
        ("chair", ["the brown chair"], True),
        ("arm chair", ["armchair"], True),
        ("table", ["chair", "stool"], False),
        ("", ["chair"], False),
        ("chair", [""], False),
    ],
)
def test_refined_match_is_containment_without_spaces(answer, truths, matches):
    assert is_refined_match(answer, truths) is matches


def test_question_types_are_first_words():
    questions = ["What is it?", "Is it?", "how many", "CAN I", "Which one?", "In front of me?", ""]
    assert [question_type(text) for text in questions] == ["what", "is", "how", "can", "which", "others", "others"]
