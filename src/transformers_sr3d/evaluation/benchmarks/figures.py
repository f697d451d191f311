# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Figures of a table: scores of samples -> a mean, a share or a macro average with its 95 % interval.

May import: NumPy and siblings.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from transformers_sr3d.evaluation.metrics import Z_95, wilson_interval


ALL = "all"
RESAMPLINGS = 1000


class Figure(NamedTuple):
    """One cell.

    Attributes:
        metric (`str`): For example `"EM"`.
        group (`str`): Which samples, or `"all"`.
        value (`float`, *optional*): In percent, or in the metric's usual unit; None if it was not computed.
        low (`float`, *optional*): Lower end of the interval.
        high (`float`, *optional*): Upper end.
        of (`int`): How many samples.
        note (`str`): Why it was not computed.
    """

    metric: str
    group: str
    value: float | None
    low: float | None
    high: float | None
    of: int
    note: str = ""


def share(metric: str, group: str, right: Sequence[bool]) -> Figure:
    """Count what is right, with the Wilson interval.

    Args:
        metric (`str`):
            Its name.
        group (`str`):
            Which samples.
        right (`Sequence[bool]`):
            At least one.

    Returns:
        `Figure`: In percent.
    """
    low, high = wilson_interval(sum(right), len(right))
    return Figure(metric, group, 100.0 * sum(right) / len(right), 100.0 * low, 100.0 * high, len(right))


def mean(
    metric: str, group: str, scores: Sequence[float], *, scale: float = 100.0, largest: float | None = 1.0
) -> Figure:
    """Average scores that are not negative, with the interval of the normal distribution.

    Args:
        metric (`str`):
            Its name.
        group (`str`):
            Which samples.
        scores (`Sequence[float]`):
            At least one.
        scale (`float`, defaults to 100.0):
            What scores are multiplied by.
        largest (`float`, *optional*, defaults to 1.0):
            Largest score there can be; None if there is none.

    Returns:
        `Figure`: The mean; without an interval for a single score that has no largest one. Two scores of zero and two
        of the largest one are added for the interval, so that a few scores that happen to be alike do not look
        certain.

    Source: Agresti and Coull, Approximate is better than "exact" for interval estimation of binomial proportions,
    1998, for shares; here for all scores that have a smallest and a largest value.
    """
    value, of = scale * float(np.mean(scores)), len(scores)
    values = scale * np.array([*scores, *([] if largest is None else [0.0, 0.0, largest, largest])])
    if len(values) < 2:
        return Figure(metric, group, value, None, None, of)
    middle, half = float(np.mean(values)), Z_95 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    low, high = max(0.0, min(middle - half, value)), max(middle + half, value)
    return Figure(metric, group, value, low, high if largest is None else min(scale * largest, high), of)


def macro(metric: str, group: str, parts: Sequence[Sequence[float]], weights: Sequence[float] | None = None) -> Figure:
    """Average the means of groups, however many samples each has.

    Args:
        metric (`str`):
            Its name.
        group (`str`):
            What the average is called.
        parts (`Sequence[Sequence[float]]`):
            Scores from 0 to 1 of each group, at least one.
        weights (`Sequence[float]`, *optional*):
            Of each group; alike by default.

    Returns:
        `Figure`: In percent; the groups' errors are independent.

    Source: Zou and Donner, Construction of confidence limits about effect measures, 2008, for the interval.
    """
    wanted = np.ones(len(parts)) if weights is None else np.asarray(weights, dtype=float)
    shares = wanted / wanted.sum()
    each = [mean(metric, group, part) for part in parts]
    lows, values, highs = np.array([(figure.low, figure.value, figure.high) for figure in each]).T
    value = float(shares @ values)
    low, high = value - np.linalg.norm(shares * (values - lows)), value + np.linalg.norm(shares * (highs - values))
    return Figure(metric, group, value, float(low), float(high), sum(map(len, parts)))


def resampled(metric: str, group: str, counts: np.ndarray, score: Callable[[np.ndarray], float]) -> Figure:
    """Score what adds up over samples, with the percentiles of 1000 resamplings of the samples.

    Args:
        metric (`str`):
            Its name.
        group (`str`):
            Which samples.
        counts (`np.ndarray` of shape `(samples, C)`):
            What is added up.
        score (`Callable[[np.ndarray], float]`):
            From the sum, of shape `(C,)`.

    Returns:
        `Figure`: In percent.
    """
    rng = np.random.default_rng(0)
    drawn = [score(counts[rng.integers(0, len(counts), len(counts))].sum(0)) for _ in range(RESAMPLINGS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Figure(metric, group, 100.0 * score(counts.sum(0)), 100.0 * float(low), 100.0 * float(high), len(counts))


def not_computed(metric: str, group: str, of: int, note: str) -> Figure:
    """Say that a figure was not computed.

    Args:
        metric (`str`):
            Its name.
        group (`str`):
            Which samples.
        of (`int`):
            How many.
        note (`str`):
            Why not.

    Returns:
        `Figure`: Without a value.
    """
    return Figure(metric, group, None, None, None, of, note)


def by_group(samples: Sequence[dict[str, Any]], key: str = "category") -> dict[str, list[dict[str, Any]]]:
    """Sort samples into groups.

    Args:
        samples (`Sequence[dict]`):
            Scored samples.
        key (`str`, defaults to `"category"`):
            What they are grouped by.

    Returns:
        `dict[str, list[dict]]`: Groups in the order of their names.
    """
    names = sorted({sample[key] for sample in samples})
    return {name: [sample for sample in samples if sample[key] == name] for name in names}


def accuracy_rows(samples: Sequence[dict[str, Any]], metric: str = "accuracy") -> list[Figure]:
    """Count right answers by category and of all.

    Args:
        samples (`Sequence[dict]`):
            With `category` and `right`.
        metric (`str`, defaults to `"accuracy"`):
            Its name.

    Returns:
        `list[Figure]`: All first, then categories if there are several.
    """
    groups = by_group(samples)
    rows = [share(metric, ALL, [sample["right"] for sample in samples])]
    if len(groups) > 1:
        rows += [share(metric, name, [sample["right"] for sample in group]) for name, group in groups.items()]
    return rows
