# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Wordings of questions about furnished rooms: how many there are, which are held out, and what none may say."""

import re
from collections import Counter
from difflib import SequenceMatcher
from string import Formatter

import pytest

from transformers_sr3d.rooms.questions.phrasings import (
    DIRECTIONS,
    answer_phrasings,
    held_out_phrasings,
    phrasings,
    question_kinds,
    training_phrasings,
)


KINDS_OF = {
    "wide_thin": ("wider_choice", "wider_predicate", "thinner_choice", "thinner_predicate"),
    "tall_short": ("taller_choice", "taller_predicate", "shorter_choice", "shorter_predicate"),
    "big_small": ("bigger_choice", "bigger_predicate", "smaller_choice", "smaller_predicate"),
    "left_right": ("left_choice", "left_predicate", "right_choice", "right_predicate"),
    "above_below": ("above_choice", "above_predicate", "below_choice", "below_predicate"),
    "front_behind": ("closer_choice", "closer_predicate", "farther_choice", "farther_predicate"),
    "multi_simple": ("closest", "farthest", "tallest", "widest"),
    "multi_complex": ("standing", "standing_options", "standing_closest", "standing_farthest"),
    "counting": ("counting_visible", "counting_room"),
} | {
    kind: (kind,)
    for kind in (
        *("width", "height", "distance", "depth_order", "naming", "existence", "room_size", "named_distance"),
    )
}
REGION_SLOTS = {
    "width": {"a"},
    "height": {"a"},
    "distance": {"a", "b"},
    "closest": {"anchor"},
    "farthest": {"anchor"},
    "standing": {"a", "b", "c"},
    "standing_options": {"a", "b", "c"},
    "standing_closest": {"a"},
    "standing_farthest": {"a"},
    "naming": {"a"},
}


def slots(template):
    return [name for _, name, _, _ in Formatter().parse(template) if name]


def test_every_kind_belongs_to_a_category():
    assert sorted(kind for kinds in KINDS_OF.values() for kind in kinds) == sorted(question_kinds())


@pytest.mark.parametrize("category", KINDS_OF)
def test_a_category_has_twenty_phrasings(category):
    templates = [template for kind in KINDS_OF[category] for template in phrasings(kind, "test")]
    assert len(templates) == len(set(templates)) >= 20


@pytest.mark.parametrize("kind", question_kinds())
def test_a_kind_has_six_phrasings_and_holds_out_about_a_fifth(kind):
    common, every = phrasings(kind, "val"), phrasings(kind, "test")
    assert len(common) >= 6
    assert every == common + held_out_phrasings(kind)
    assert 0.1 <= len(held_out_phrasings(kind)) / len(every) <= 0.3
    assert not set(held_out_phrasings(kind)) & set(common)


@pytest.mark.parametrize("kind", question_kinds())
def test_training_has_phrasings_of_its_own_that_are_not_those_of_the_test(kind):
    assert phrasings(kind, "train") == phrasings(kind, "val")
    own = training_phrasings(kind)
    assert len(set(own)) == len(own) >= 10
    assert not set(own) & set(phrasings(kind, "test"))
    for template in own:
        near = max(SequenceMatcher(None, template, other).ratio() for other in held_out_phrasings(kind))
        assert near < 0.9, template


@pytest.mark.parametrize("kind", question_kinds())
def test_phrasings_of_a_kind_ask_about_the_same_regions(kind):
    expected = REGION_SLOTS.get(kind, {"a", "b"} if kind.endswith(("_choice", "_predicate")) else set())
    for template in phrasings(kind, "test") + training_phrasings(kind):
        assert set(slots(template)) & {"a", "b", "c", "anchor"} == expected
        if kind.endswith(("_choice", "_predicate")):
            assert slots(template)[0] == "a"  # the margin of a comparison counts on it
        is_several = kind in ("closest", "farthest", "tallest", "widest", "standing_closest", "standing_farthest")
        assert bool({"all", "any"} & set(slots(template))) == (is_several or kind == "depth_order")


@pytest.mark.parametrize("kind", ["width", "height", "distance", "named_distance", "room_size"])
def test_most_phrasings_of_quantities_can_name_a_unit(kind):
    without = [template for template in phrasings(kind, "test") if "{unit}" not in template]
    assert len(without) == 1
    assert re.search(r"\bmeters\b", without[0])


def test_no_phrasing_speaks_of_gaps_or_names_two_units():
    for kind in question_kinds():
        for template in phrasings(kind, "test") + training_phrasings(kind):
            assert not re.search(r"\b(?:gap|surfaces?|clearance|deep|depth (?:of|is))\b", template)
            assert not re.search(r"meters.*\{unit\}", template)
            assert template[0] in "{" or template[0].isupper()
            assert template.endswith((".", "?", "{options}"))


def test_every_answer_has_three_phrasings():
    kinds = [f"{name}_{end}" for name in DIRECTIONS for end in ("choice", "yes", "no")]
    kinds += [
        "width",
        "height",
        "distance",
        "closest",
        "farthest",
        "tallest",
        "widest",
        "standing",
        "standing_options",
    ]
    kinds += ["standing_closest", "standing_farthest", "depth_order", "naming", "naming_plural", "counting"]
    kinds += ["existence_yes", "existence_no", "room_size", "named_distance"]
    for kind in kinds:
        assert len(set(answer_phrasings(kind))) >= 3


def test_opposites_are_mutual():
    assert all(DIRECTIONS[direction.opposite].opposite == name for name, direction in DIRECTIONS.items())


def test_choices_and_their_opposites_share_no_phrasing():
    every = (phrasings(kind, "test") + training_phrasings(kind) for kind in question_kinds())
    counts = Counter(template for templates in every for template in templates)
    assert max(counts.values()) == 1


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"`kind` must be one of .*got 'gap'"):
        phrasings("gap", "train")
