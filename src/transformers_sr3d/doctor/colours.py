# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 5 of the examination: do pictures and depth show the same moments?

Where the depth of two views agrees, their pictures should show the same colour. The pictures are tried some views
earlier and later; those of the right moment match best. Depth alone cannot tell this.

May import: NumPy and siblings in `doctor`.
"""

from dataclasses import dataclass

import numpy as np

from transformers_sr3d.doctor.correction import PosedViews
from transformers_sr3d.doctor.evidence import TOLERANCE, compare_views
from transformers_sr3d.doctor.sampling import SampledViews


MAX_SHIFT = 4
MIN_PIXELS = 200
MIN_VIEWS = 3
# A difference of colours below this is none: one grey level.
SMALLEST_DIFFERENCE = 1 / 255
# Pictures of other moments must bring the difference below this share of what it was.
NEEDED_RATIO = 0.75


@dataclass(frozen=True)
class ColourMatch:
    """How well colours match.

    Attributes:
        difference (`float`): Mean difference of colours as they are, 0 to 1, where the best pictures show something.
        shift (`int`): How many of the sampled views later the best pictures are; 0 where none are clearly better.
        best_difference (`float`): With those, over the same pixels.
    """

    difference: float
    shift: int
    best_difference: float


def match_colours(views: SampledViews, corrected: PosedViews) -> ColourMatch | None:
    """Compare colours where depths agree, with the pictures of other moments too.

    Args:
        views (`SampledViews`):
            With colours.
        corrected (`PosedViews`):
            The same views with a geometry that fits.

    Returns:
        `ColourMatch`: Or None where too few pixels agree.
    """
    comparison = compare_views(corrected)
    other, view, pixel = np.nonzero(comparison.landed & (np.abs(comparison.residuals) < TOLERANCE))
    here = (comparison.rows[view, pixel], comparison.columns[view, pixel])
    there = (comparison.at_rows[other, view, pixel], comparison.at_columns[other, view, pixel])
    places = np.array(corrected.places, int)
    ratios, differences = {}, {}
    for shift in range(-MAX_SHIFT, MAX_SHIFT + 1):
        if len(views.colors) - abs(shift) >= MIN_VIEWS:
            pixels = ((places[view] + shift, *here), (places[other] + shift, *there))
            differences[shift] = _differences(views, pixels, shift)
            plain, moved = (np.maximum(value, SMALLEST_DIFFERENCE) for value in differences[shift])
            ratios[shift] = moved / plain
    known = {shift: ratio for shift, ratio in ratios.items() if np.isfinite(ratio)}
    if 0 not in known:
        return None
    best = min(known, key=lambda shift: known[shift])
    if known[best] >= NEEDED_RATIO:
        best = 0
    return ColourMatch(differences[best][0], best, differences[best][1])


def _differences(views: SampledViews, pixels: tuple[tuple, tuple], shift: int) -> tuple[float, float]:
    """Mean differences of the colours of two lists of (picture, row, column), by pictures as they are and shifted.

    Both are taken over the same pixels, so that they can be compared; NaN where these are too few.
    """
    count = len(views.colors)
    inside = (pixels[0][0] >= 0) & (pixels[0][0] < count) & (pixels[1][0] >= 0) & (pixels[1][0] < count)
    moved, plain = [], []
    for picture, row, column in pixels:
        moved.append(views.colors[picture[inside], row[inside], column[inside]].astype(np.float32))
        plain.append(views.colors[picture[inside] - shift, row[inside], column[inside]].astype(np.float32))
    by_pixel = [np.abs(pair[0] - pair[1]).mean(axis=-1) for pair in (plain, moved)]
    known = np.isfinite(by_pixel[0]) & np.isfinite(by_pixel[1])
    if known.sum() < MIN_PIXELS:
        return float("nan"), float("nan")
    return float(by_pixel[0][known].mean()), float(by_pixel[1][known].mean())
