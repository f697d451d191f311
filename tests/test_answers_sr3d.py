# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 5, answers. Every expected value is a unit definition worked out by hand."""

import pytest

from transformers_sr3d.answers_sr3d import asks_for_length, parse_choice, parse_quantity, parse_regions


FURNITURE = ["chair", "round table", "A lamp"]


@pytest.mark.parametrize(
    ("text", "meters"),
    [
        ("0.52 meters", 0.52),
        ("Region 0 and Region 1 are 0.52 meters apart.", 0.52),
        ("It is 1.3 metres wide.", 1.3),
        ("52 cm", 0.52),
        ("52cm.", 0.52),
        ("1,250 mm", 1.25),
        ("1,250.5 millimeters", 1.2505),
        ("0,52 m", 0.52),
        ("1.7 feet", 1.7 * 0.3048),
        ("1 foot", 0.3048),
        ("20 inches", 20 * 0.0254),
        ("20 in.", 20 * 0.0254),
        ("20 in wide", 20 * 0.0254),
        ("a 20-inch gap", 20 * 0.0254),
        ("5 ft 3 in", 5 * 0.3048 + 3 * 0.0254),
        ("5 feet and 3 inches", 5 * 0.3048 + 3 * 0.0254),
        ("5'3\"", 5 * 0.3048 + 3 * 0.0254),
        ("5' 3.5\" tall", 5 * 0.3048 + 3.5 * 0.0254),
        ("1 m 20 cm", 1.2),
        ("2 yards", 2 * 0.9144),
        ("1.2 km", 1200.0),
        (".5 m", 0.5),
        ("5.2e-1 m", 0.52),
        ("About 2 Meters", 2.0),
        ("0.5 to 0.7 m", 0.6),
        ("0.5-0.7 meters", 0.6),
        ("between 1 and 2 meters", 1.5),
        ("Region 0 is 0.5 m wide and Region 1 is 0.8 m wide.", 0.5),
        ("0.5 m and 20 cm", 0.5),
        ("3 m and 20 cm", 3.0),
        ("There are 3 in the room, 2 m apart", 2.0),
        ("Region 0 to 3 m", 3.0),
        ("Region 2 in, 0.52 m", 0.52),
        ("<region1> - 2 m", 2.0),
        ("Regions 0 and 1.5 m", 1.5),
    ],
)
def test_a_written_length_is_read_in_metres(text, meters):
    assert parse_quantity(text) == {"value": pytest.approx(meters, rel=1e-12), "unit": "m"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two meters",
        "0.52",
        "Region 1",
        "3 in the room",
        "-0.5 m",
        "4 m^2",
        "4 m²",
        "3 m/s",
        "5 men",
        "wide",
        "1e999 m",
        "Region 3 m",
    ],
)
def test_a_text_without_a_length_gives_none(text):
    assert parse_quantity(text) is None


@pytest.mark.parametrize(
    ("text", "unit", "meters"),
    [("0.52", "m", 0.52), ("Region 1: 52", "cm", 0.52), ("2 feet", "m", 0.6096), ("nothing", "m", None)],
)
def test_a_bare_number_needs_a_default_unit(text, unit, meters):
    quantity = parse_quantity(text, default_unit=unit)
    assert (quantity and quantity["value"]) == (meters and pytest.approx(meters))


def test_an_unknown_default_unit_is_refused():
    with pytest.raises(ValueError, match=r"`default_unit` must be one of m, .*got 'parsec'"):
        parse_quantity("3", default_unit="parsec")


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B.", "B"),
        ("B. round table", "B"),
        ("B) round table", "B"),
        ("B - round table", "B"),
        ("(b) the round table", "B"),
        ("The answer is B.", "B"),
        ("Answer: (C)", "C"),
        ("Option C", "C"),
        ("round table", "B"),
        ("Round  Table.", "B"),
        ("the chair", "A"),
        ("a lamp", "C"),
    ],
)
def test_a_letter_or_the_text_of_one_option_is_a_choice(text, letter):
    assert parse_choice(text, FURNITURE) == letter


@pytest.mark.parametrize(
    "text",
    [
        "",
        "D",
        "(Z)",
        "sofa",
        "A sofa",
        "chair or round table",
        "A. round table",
        "The answer is a sofa",
        "Because.",
        "A-frame",
        "A, B",
        "A, B and C",
        "(A) or (B)",
        "The answer is A or B",
        "The answer is A, B.",
    ],
)
def test_an_unclear_text_is_no_choice(text):
    assert parse_choice(text, FURNITURE) is None


def test_options_that_read_alike_give_no_choice():
    assert parse_choice("chair", ["chair", "Chair."]) is None
    assert parse_choice("B", ["B", "A"]) is None


def test_more_options_than_letters_are_refused():
    with pytest.raises(ValueError, match=r"at most 26 entries.*got 27"):
        parse_choice("A", [f"thing {index}" for index in range(27)])


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Region 1 is wider", [1]),
        ("<region0> or <region12>?", [0, 12]),
        ("Region 2 is closer than region 0, so Region 2", [2, 0]),
        ("regions 0, 1 and 3", [0, 1, 3]),
        ("Region 0 and 1.5 meters", [0]),
        ("regions 0,1 and 1.5 meters", [0, 1]),
        ("regional 5", []),
        ("", []),
    ],
)
def test_regions_are_listed_in_order_of_mention(text, numbers):
    assert parse_regions(text) == numbers


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How wide is <region0>?", True),
        ("What is the distance of <region0> from <region1>?", True),
        ("Give the height of <region0>.", True),
        ("Is it more than two meters?", True),
        ("Which is wider, <region0> or <region1>?", False),
        ("What is <region0>?", False),
        ("How many chairs are there?", False),
    ],
)
def test_only_questions_for_a_length_ask_for_metres(question, asked):
    assert asks_for_length(question) is asked
