# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores: an answer and the truth -> right or wrong; counts -> a share with its confidence interval.

This module may import `answers_sr3d` and the standard library.
"""

import math

from transformers_sr3d.answers_sr3d import parse_quantity, parse_regions


MAX_RATIO = 1.25
Z_95 = 1.959964
NUM_THRESHOLDS = 10  # of the mean relative accuracy
ERROR_ROUNDING = 1e-9  # an error of 5 % may be 0.05000000000000004


def is_region_right(answer: str, region: int) -> bool:
    """Tell whether an answer chooses the right region.

    Args:
        answer (`str`):
            What the model wrote. The region that it mentions first is its choice.
        region (`int`):
            The right number.

    Returns:
        `bool`: False also if no region is mentioned.
    """
    return parse_regions(answer)[:1] == [region]


def is_quantity_right(answer: str, metres: float, *, max_ratio: float = MAX_RATIO) -> bool:
    """Tell whether an answer states a length close to the truth.

    Args:
        answer (`str`):
            What the model wrote, in any unit that `parse_quantity` knows.
        metres (`float`):
            The true length.
        max_ratio (`float`, defaults to 1.25):
            Largest allowed ratio of the greater to the smaller of the two.

    Returns:
        `bool`: False also if no length is stated.
    """
    quantity = parse_quantity(answer)
    return quantity is not None and is_within_ratio(quantity["value"], metres, max_ratio=max_ratio)


def is_within_ratio(value: float, truth: float, *, max_ratio: float = MAX_RATIO) -> bool:
    """Compare two lengths by their ratio.

    Args:
        value (`float`):
            Metres; what is not positive is never close.
        truth (`float`):
            Metres, the same.
        max_ratio (`float`, defaults to 1.25):
            Largest allowed ratio of the greater to the smaller.

    Returns:
        `bool`: Whether they are close.
    """
    return value > 0 and truth > 0 and max(value / truth, truth / value) <= max_ratio


def mean_relative_accuracy(value: float | None, truth: float) -> float:
    """Grade a number by how close it is to the truth: the share of ten thresholds that its relative error meets.

    `mean over t in {0.50, 0.55, ..., 0.95} of [ |value - truth| / truth <= 1 - t ]`

    Args:
        value (`float`, *optional*):
            The stated number; None, where an answer states none, gives zero.
        truth (`float`):
            The true number, in the same unit.

    Returns:
        `float`: From 0 to 1 in steps of 0.1.

    Raises:
        ValueError: If the truth is not positive.

    Source: Yang et al., Thinking in Space: How Multimodal Large Language Models See, Remember, and Recall Spaces,
    2024, equation 1.
    """
    if not truth > 0:
        raise ValueError(f"`truth` must be positive, got {truth}. A relative error needs a size to relate to.")
    if value is None:
        return 0.0
    error = abs(value - truth) / truth
    met = sum(error <= step / 20 + ERROR_ROUNDING for step in range(1, NUM_THRESHOLDS + 1))  # 1 - t from 0.05 to 0.5
    return met / NUM_THRESHOLDS


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Give the 95 % Wilson score interval of a share.

    Args:
        right (`int`):
            Successes.
        total (`int`):
            Trials, at least 1.

    Returns:
        `tuple[float, float]`: Lower and upper end, from 0 to 1.

    Raises:
        ValueError: If there are no trials, or more successes than trials.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    if not 0 <= right <= total or total < 1:
        raise ValueError(
            f"`right` must be from 0 to `total` with `total` above 0, got {right} of {total}. Count again."
        )
    share, weight = right / total, Z_95**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = Z_95 / (1 + weight) * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return max(0.0, middle - half), min(1.0, middle + half)
