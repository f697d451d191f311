# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of single answers, and the Wilson interval against published values."""

import pytest

from transformers_sr3d.evaluation.metrics import (
    is_quantity_right,
    is_region_right,
    is_within_ratio,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("answer", "right"),
    [("Region 1 is taller than Region 0.", True), ("Region 0 is taller than Region 1.", False), ("Neither.", False)],
    ids=["named first", "named second", "no region"],
)
def test_first_region_of_the_answer_is_the_choice(answer, right):
    assert is_region_right(answer, 1) is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [("1.25 meters", True), ("80 cm wide", True), ("1.26 m", False), ("0.79 m", False), ("wide", False)],
    ids=["upper end", "lower end", "above", "below", "no length"],
)
def test_length_within_a_quarter_is_right(answer, right):
    assert is_quantity_right(answer, 1.0) is right


def test_zero_is_close_to_nothing():
    assert not is_within_ratio(0.0, 1.0)
    assert not is_within_ratio(1.0, 0.0)


# R, binom::binom.confint(8, 10, methods = "wilson"): 0.4901625, 0.9433178
@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(8, 10, 0.4901625, 0.9433178), (0, 10, 0.0, 0.2775328), (10, 10, 0.7224672, 1.0)],
    ids=["some", "none", "all"],
)
def test_wilson_interval_has_published_values(right, total, low, high):
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=1e-6)


def test_wilson_interval_stays_a_share():
    ends = [wilson_interval(right, total) for total in range(1, 200) for right in (0, total)]
    assert min(low for low, _ in ends) == 0.0
    assert max(high for _, high in ends) == 1.0


@pytest.mark.parametrize(("right", "total"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(right, total):
    with pytest.raises(ValueError, match=f"got {right} of {total}"):
        wilson_interval(right, total)
