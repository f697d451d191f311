# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Aligned depth: a known factor and shift come back, through noise and outliers, and what does not fit is refused."""

import numpy as np
import pytest
from textured_corner import poses_of, render

from transformers_sr3d.estimators.depth_alignment import align_depth


DEPTH = render(poses_of(1)[0])[1][::4, ::4]


def sparse_of(depth, *, outliers=0.0):
    """Every 29th pixel of a map, some of them wrong by a lot."""
    rng = np.random.default_rng(3)
    sparse = np.where(np.arange(depth.size).reshape(depth.shape) % 29 == 0, depth, 0)
    wrong = (sparse > 0) & (rng.uniform(size=depth.shape) < outliers)
    return np.where(wrong, sparse * rng.uniform(0.2, 4, size=depth.shape), sparse)


@pytest.mark.parametrize("kind", ["metric", "relative"])
@pytest.mark.parametrize("outliers", [0.0, 0.35])
def test_depth_is_scaled_to_the_points(kind, outliers):
    seen = DEPTH / 3.5
    seen[0, :4] = [0, -1, np.nan, np.inf]
    found = align_depth(seen, sparse_of(DEPTH, outliers=outliers), kind)
    assert found.depth.dtype == np.float32
    assert found.depth[0, :4].tolist() == [0, 0, 0, 0]
    assert np.allclose(found.depth[1:], DEPTH[1:], rtol=1e-3)
    assert (found.scale, found.shift) == (pytest.approx(3.5, rel=1e-3), 0)
    assert found.error < 1e-3 or outliers


@pytest.mark.parametrize("outliers", [0.0, 0.35])
def test_disparity_is_scaled_and_shifted_to_the_points(outliers):
    disparity = (1 / DEPTH + 0.2) / 0.05
    disparity[0, :3] = [np.nan, 4.0, 0.0]  # 0.05 * 4 - 0.2 is infinitely far
    found = align_depth(disparity, sparse_of(DEPTH, outliers=outliers), "disparity")
    assert found.depth[0, [0, 2]].tolist() == [0, 0]
    assert np.allclose(found.depth[1:], DEPTH[1:], rtol=1e-3)
    assert (found.scale, found.shift) == (pytest.approx(0.05, rel=1e-3), pytest.approx(-0.2, rel=1e-3))


@pytest.mark.parametrize(
    ("depth", "sparse", "kind", "message"),
    [
        (DEPTH, DEPTH, "inverse", r"`kind` must be one of .*, got 'inverse'"),
        (DEPTH, DEPTH[::2], "metric", r"must have the shape of .*got \(45, 60\) and \(23, 60\)"),
        (DEPTH, np.eye(45, 60) * (np.arange(60) < 19), "metric", r"at least 20 pixels .*, got 19"),
        (DEPTH, DEPTH**6, "metric", r"must fit `sparse_depth` to 25% in the median, got \d+% as"),
        (DEPTH, DEPTH, "disparity", r"must (grow where things are nearer|fit `sparse_depth`)"),
        (np.ones((45, 60)), DEPTH, "disparity", r"must grow where things are nearer"),
    ],
    ids=["kind", "shape", "few", "misfit", "depth as disparity", "flat"],
)
def test_maps_that_do_not_fit_are_refused(depth, sparse, kind, message):
    with pytest.raises(ValueError, match=message):
        align_depth(depth, sparse, kind)


@pytest.mark.parametrize("kind", ["metric", "disparity"])
def test_noise_and_outliers_leave_the_factor(kind):
    # 2 % of noise on each of about 90 points, a third of them wrong by up to five times.
    noise = 1 + 0.02 * np.random.default_rng(4).standard_normal(DEPTH.shape)
    seen = 2.5 * DEPTH * noise if kind == "metric" else noise / DEPTH / 2.5
    found = align_depth(seen, sparse_of(DEPTH, outliers=0.33), kind)
    assert found.scale == pytest.approx(0.4 if kind == "metric" else 2.5, rel=0.05)
    assert np.median(np.abs(found.depth / DEPTH - 1)) < 0.03


def test_a_wall_with_most_of_the_points_does_not_hide_the_rest():
    # 80 % of the points are between 4.0 and 4.1, the others from 1 to 3: the wall alone would leave the shift open.
    rng = np.random.default_rng(7)
    depth = np.where(rng.uniform(size=(45, 60)) < 0.8, rng.uniform(4, 4.1, (45, 60)), rng.uniform(1, 3, (45, 60)))
    disparity = (1 / depth) * (1 + 0.02 * rng.standard_normal(depth.shape)) / 0.05 - 3
    found = align_depth(disparity, sparse_of(depth), "disparity")
    assert (found.scale, found.shift) == (pytest.approx(0.05, rel=0.05), pytest.approx(0.15, rel=0.1))
    assert np.median(np.abs(found.depth / depth - 1)[depth < 3]) < 0.04
