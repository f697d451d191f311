# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures: tinted regions stay inside their masks, numbers lie on them, sheets hold every row."""

import numpy as np
import pytest
from PIL import Image

from transformers_sr3d.visualization import answer_sheet, draw_regions, region_colour


GREY = Image.new("RGB", (120, 80), (100, 100, 100))


def square_mask(left, top, side):
    mask = np.zeros((80, 120), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_only_pixels_of_the_region_are_tinted():
    mask = square_mask(10, 10, 40)
    drawn = np.asarray(draw_regions(GREY, {0: mask}))
    assert (drawn[~mask] == 100).all()
    assert tuple(drawn[10, 30]) == region_colour(0)  # the outline has the full colour
    expected = np.round(0.6 * 100 + 0.4 * np.array(region_colour(0)))
    assert np.abs(drawn[15, 15] - expected).max() <= 1


def test_number_lies_inside_a_ring_shaped_region():
    mask = square_mask(10, 10, 60) & ~square_mask(20, 20, 40)
    drawn = np.asarray(draw_regions(GREY, {3: mask}))
    dark = (drawn.sum(-1) < 100).nonzero()
    assert mask[int(np.median(dark[0])), int(np.median(dark[1]))]


def test_a_region_that_is_not_visible_changes_nothing():
    assert np.array_equal(np.asarray(draw_regions(GREY, {0: None, 1: np.zeros((80, 120), bool)})), np.asarray(GREY))


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"mask of region 2 must have the size of its view \(80, 120\), got \(4, 4\)"):
        draw_regions(GREY, {2: np.ones((4, 4), dtype=bool)})


def test_sheet_grows_with_its_rows():
    row = {"question": "How wide is <region0>?", "answer": "Region 0 is 0.40 meters wide.", "truth": "0.43 m"}
    one, three = (answer_sheet([GREY, GREY], [row] * count, title="A photo") for count in (1, 3))
    assert one.width == three.width == 960
    assert three.height - one.height == 2 * 46
    assert (np.asarray(three)[one.height :] < 200).any()  # text is there
