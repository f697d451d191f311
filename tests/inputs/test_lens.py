# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Lens distortion: how far it moves a corner, by hand, and what is refused."""

import math

import numpy as np
import pytest

from transformers_sr3d.inputs.lens import Lens, check_lens, lens_convention


INTRINSICS = np.array([[100.0, 0.0, 0.0], [0.0, 100.0, 0.0], [0.0, 0.0, 1.0]])
SIZE_HW = (51, 101)  # the farthest corner is at x = 1, y = 0.5, r^2 = 1.25; two others are on an axis


@pytest.mark.parametrize(
    ("lens", "right_px", "down_px"),
    [
        (Lens(radial=(0.05,)), 6.25, 3.125),
        (Lens(radial=(0.0, 0.05)), 7.8125, 3.90625),
        (Lens(radial=(0.0, 0.0, 0.08, 0.0)), 15.625, 7.8125),
        (Lens(divisor=(-0.2,)), 100 / 3, 50 / 3),
        (Lens(radial=(0.2,), divisor=(0.1,)), 100 * (1.25 / 1.125 - 1), 50 * (1.25 / 1.125 - 1)),
        (Lens(tangential=(0.01, 0.0)), 1.0, 1.75),  # 2 p1 x y, p1 (r^2 + 2 y^2)
        (Lens(tangential=(0.0, 0.01)), 3.25, 1.0),  # p2 (r^2 + 2 x^2), 2 p2 x y
    ],
    ids=["r2", "r4", "r6", "division", "rational", "p1", "p2"],
)
def test_the_farthest_corner_is_measured(lens, right_px, down_px):
    shift_px = lens.corner_shift_px(INTRINSICS, SIZE_HW)
    assert shift_px == pytest.approx(math.hypot(right_px, down_px))
    assert check_lens(lens, INTRINSICS, SIZE_HW, "a.txt camera 1", ignore_distortion=True) == shift_px
    with pytest.raises(
        ValueError, match=rf"`a\.txt camera 1` must have no lens distortion, .* 101x51 .* {shift_px:.3g} px"
    ):
        check_lens(lens, INTRINSICS, SIZE_HW, "a.txt camera 1", ignore_distortion=False)


def test_a_lens_without_distortion_moves_nothing():
    lens = Lens(radial=(0.0, 0.0), divisor=(0.0,))
    assert check_lens(lens, INTRINSICS, SIZE_HW, "a", ignore_distortion=False) == 0.0
    assert lens_convention(0.0) == ()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_distortion_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=r"`a` must have finite distortion, got \[0\.1, (nan|inf), 0\.0, 0\.0\]"):
        check_lens(Lens(radial=(0.1, bad)), INTRINSICS, SIZE_HW, "a", ignore_distortion=True)


def test_absurd_distortion_still_gives_a_message():
    with pytest.raises(ValueError, match=r"by (inf|nan|[\d.e+]+) px"):
        check_lens(Lens(radial=(1e308, 1e308)), INTRINSICS, SIZE_HW, "a", ignore_distortion=False)
