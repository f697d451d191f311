# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Figures: known means, macro averages and intervals, and that intervals cover the truth as often as they say."""

import numpy as np
import pytest

from transformers_sr3d.evaluation.benchmarks.figures import accuracy_rows, macro, mean, resampled, share
from transformers_sr3d.evaluation.metrics import wilson_interval


def test_shares_and_means_have_known_values():
    figure = share("accuracy", "all", [True, True, False, True])
    low, high = wilson_interval(3, 4)
    assert figure[2:6] == (75.0, 100 * low, 100 * high, 4)
    scores = [0.2, 0.4, 0.9, 0.5]
    half = 1.959964 * np.std(scores, ddof=1) / 2
    assert mean("x", "all", scores, largest=None)[2:5] == pytest.approx((50.0, 50 - 100 * half, 50 + 100 * half))
    assert mean("x", "all", [0.3], largest=None)[2:5] == (30.0, None, None)
    wider = [*scores, 0, 0, 1, 1]
    half = 100 * 1.959964 * np.std(wider, ddof=1) / np.sqrt(8)
    middle = 100 * np.mean(wider)
    assert mean("MRA", "all", scores)[2:5] == pytest.approx((50.0, middle - half, middle + half))


@pytest.mark.parametrize("rates", [(0.5, 0.5), (0.9, 0.8), (0.98, 1.0), (0.0, 0.05)])
def test_intervals_of_averages_cover_the_truth_as_often_as_they_say(rates):
    rng = np.random.default_rng(0)
    truth = 100 * np.mean(rates)
    drawn = [
        macro(
            "a", "all", [(rng.random(count) < rate).astype(float) for rate, count in zip(rates, (12, 30), strict=True)]
        )
        for _ in range(1500)
    ]
    assert np.mean([figure.low <= truth <= figure.high for figure in drawn]) > 0.93


def test_a_few_scores_that_are_alike_are_not_certain():
    for scores in ([1.0], [0.0, 0.0], [1.0] * 5):
        figure = mean("MRA", "all", scores)
        assert figure.high - figure.low > 20.0


def test_macro_average_counts_groups_not_samples():
    parts = [[1.0] * 30 + [0.0] * 10, [0.0] * 3 + [1.0]]
    assert macro("a", "all", parts).value == pytest.approx(50.0)
    assert macro("a", "all", parts, [1.0, 3.0]).value == pytest.approx((75 + 3 * 25) / 4)
    assert macro("a", "all", parts).of == 44
    alone = mean("a", "all", parts[0])
    assert macro("a", "all", parts[:1])[2:5] == pytest.approx(alone[2:5])


def test_resampling_gives_the_interval_of_a_mean():
    scores = np.random.default_rng(1).uniform(size=(400, 1))
    figure = resampled(
        "m", "all", np.concatenate([scores, np.ones_like(scores)], 1), lambda total: total[0] / total[1]
    )
    expected = mean("m", "all", scores[:, 0].tolist())
    assert figure.value == pytest.approx(expected.value)
    assert (figure.low, figure.high) == pytest.approx((expected.low, expected.high), abs=0.3)


def test_categories_stand_below_all():
    samples = [{"category": name, "right": right} for name, right in (("b", True), ("a", False), ("b", False))]
    rows = accuracy_rows(samples)
    assert [(row.group, row.of) for row in rows] == [("all", 3), ("a", 1), ("b", 2)]
    assert [row.group for row in accuracy_rows(samples[:1])] == ["all"]
