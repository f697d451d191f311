# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of rooms-bench: one rule per kind of truth, on answers written by hand."""

import pytest

from transformers_sr3d.evaluation.metrics import mean_relative_accuracy
from transformers_sr3d.evaluation.rooms.room_scores import (
    first_name,
    is_right,
    parse_area,
    parse_count,
    parse_direction,
    stated_quantity,
)


SIDES = ["left", "behind", "front", "right"]


@pytest.mark.parametrize(
    ("answer", "right"),
    [("Region 2 is wider than Region 0.", True), ("Region 0 is thinner than Region 2.", False), ("It is.", False)],
)
def test_first_region_counts(answer, right):
    assert is_right({"scoring": "region", "region": 2}, answer) is right


@pytest.mark.parametrize(
    ("answer", "yes", "right"),
    [
        ("Yes, it is.", True, True),
        ("No, not at all.", False, True),
        ("no", True, False),
        ("Yes, no doubt.", True, True),
        ("I know it is.", True, False),
        ("", False, False),
    ],
)
def test_first_yes_or_no_counts(answer, yes, right):
    assert is_right({"scoring": "yes_no", "yes": yes}, answer) is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("B", True),
        ("B. behind", True),
        ("behind", True),
        ("It is behind you.", True),
        ("It is right behind you.", True),
        ("A", False),
        ("C. behind", False),
        ("front", False),
        ("behind, to the left", False),
        ("nowhere", False),
    ],
)
def test_option_is_read_as_letter_or_direction(answer, right):
    truth = {"scoring": "option", "form": "options", "options": SIDES, "option": "behind"}
    assert is_right(truth, answer) is right


def test_letter_means_nothing_where_none_was_shown():
    truth = {"scoring": "option", "form": "open", "options": SIDES, "option": "left"}
    assert is_right(truth, "Region 2 is to your left.")
    assert not is_right(truth, "A")


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("on your left side", "left"),
        ("In front of you.", "front"),
        ("straight ahead", "front"),
        ("at your back", "behind"),
        ("right in front of you", "front"),
        ("to the right", "right"),
        ("left or right", None),
        ("copyright", None),
    ],
)
def test_direction_must_be_the_only_one(text, direction):
    assert parse_direction(text) == direction


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Region 2, Region 0, Region 1", True),
        ("regions 2, 0 and 1", True),
        ("Region 2, Region 1, Region 0", False),
        ("Region 2, Region 0", False),
        ("Region 2, Region 0, Region 1, Region 3", False),
    ],
)
def test_order_must_be_exact(answer, right):
    assert is_right({"scoring": "order", "order": [2, 0, 1]}, answer) is right


@pytest.mark.parametrize(
    ("name", "answer", "right"),
    [
        ("sofa", "Region 0 is a sofa.", True),
        ("sofa", "A couch", True),
        ("sofa", "Two SOFAS", True),
        ("sofa", "It is a bed, not a sofa.", False),
        ("sofa", "a sofa bed", False),
        ("table", "a coffee table", False),
        ("table lamp", "Region 1 is a table lamp on a table.", True),
        ("table lamp", "a table with a lamp", False),
        ("table", "a stable", False),
        ("armchair", "a chair", True),
        ("chair", "an armchair", False),
        ("teddy bear", "a teddy bear", True),
        ("chair", "a thing", False),
    ],
)
def test_first_name_counts_with_its_synonyms(name, answer, right):
    assert is_right({"scoring": "name", "name": name}, answer) is right


def test_longest_name_at_a_word_wins():
    assert first_name("Region 0 shows washing machines and a chair", "chair") == "washing machine"
    assert first_name("nothing", "chair") is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("There are 4 chairs.", 4),
        ("There is one chair, or 2.", 1),
        ("twelve", 12),
        ("There are no chairs.", 0),
        ("Region 3 and 5 others", 5),
        ("2.5", None),
        ("some", None),
        ("A total of three", 3),
    ],
)
def test_first_whole_number_counts(text, count):
    assert parse_count(text) == count
    assert is_right({"scoring": "count", "count": 4}, text) is (count == 4)


@pytest.mark.parametrize(
    ("answer", "right"), [("1.25 meters", True), ("80 cm", True), ("4.2 feet", False), ("one", False), ("1", False)]
)
def test_length_may_be_off_by_a_quarter(answer, right):
    assert is_right({"scoring": "length", "metres": 1.0}, answer) is right


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("24.5 square meters", 24.5),
        ("about 24.5 m²", 24.5),
        ("24.5 m^2", 24.5),
        ("24.5 sq. m", 24.5),
        ("20 sqm", 20.0),
        ("100 square feet", 9.290304),
        ("1,000 sq ft", 92.90304),
        ("10 ft2", 0.9290304),
        ("24.5 meters", None),
        ("24.5", None),
        ("5 m wide, 20 square metres", 20.0),
    ],
)
def test_area_needs_a_unit_of_area(text, area):
    assert parse_area(text) == (None if area is None else pytest.approx(area))


def test_area_may_be_off_by_a_quarter():
    truth = {"scoring": "area", "square_metres": 20.0}
    assert is_right(truth, "The room measures 25.0 square meters.")
    assert is_right(truth, "175 square feet")
    assert not is_right(truth, "26 square meters")
    assert not is_right(truth, "20 meters")


def test_stated_quantity_is_metric():
    assert stated_quantity({"scoring": "length"}, "Region 0 is 52 centimeters wide.") == pytest.approx(0.52)
    assert stated_quantity({"scoring": "length"}, "wide") is None
    assert stated_quantity({"scoring": "area"}, "100 square feet") == pytest.approx(9.290304)
    assert stated_quantity({"scoring": "count"}, "There are 3 cups.") == 3
    assert stated_quantity({"scoring": "name"}, "3 cups") is None


def test_unknown_scoring_is_refused():
    with pytest.raises(ValueError, match=r"`scoring` must be one of region, .*got 'taste'"):
        is_right({"scoring": "taste"}, "good")


# Thresholds met by hand: an error of 12 % meets 0.5 to 0.85, which are 8 of 10.
@pytest.mark.parametrize(
    ("value", "accuracy"),
    [
        (2.0, 1.0),
        (2.1, 1.0),
        (1.9, 1.0),
        (2.12, 0.9),
        (2.24, 0.8),
        (1.76, 0.8),
        (3.0, 0.1),
        (1.0, 0.1),
        (3.01, 0.0),
        (0.0, 0.0),
        (None, 0.0),
    ],
)
def test_relative_accuracy_counts_thresholds(value, accuracy):
    assert mean_relative_accuracy(value, 2.0) == pytest.approx(accuracy)


@pytest.mark.parametrize("truth", [0.0, -1.0, float("nan")])
def test_relative_accuracy_needs_a_positive_truth(truth):
    with pytest.raises(ValueError, match="`truth` must be positive, got"):
        mean_relative_accuracy(1.0, truth)
