# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Errors of depth maps. Expected values follow from planes, steps and the geometry of the sensor."""

import numpy as np
import pytest
from scenes import box_room, look_at, pinhole

from transformers_sr3d.rooms.degradations.depth_errors import (
    KINECT_BASELINE_M,
    KINECT_STEP_PER_M,
    KinectSettings,
    bleed_edges,
    draw_kinect,
    incidence_cosine,
    measure_like_kinect,
    projector_shadow,
    smooth_field,
)


SIZE_HW = (192, 256)
FOCAL_PX = 232.0  # of a Kinect's 580 px at 640 columns
INTRINSICS = pinhole(FOCAL_PX, SIZE_HW).numpy()
# Range and speckles out of the way: what is left are steps, shadows and grazing light.
CLEAN = KinectSettings(range_m=6.0, min_cosine=0.15, speckle_share=0.0, patch_level=99.0, margins=(0.0,) * 4)


def measure(depth: np.ndarray, settings: KinectSettings = CLEAN, seed: int = 0) -> np.ndarray:
    return measure_like_kinect(depth.astype(np.float32), INTRINSICS, settings, np.random.default_rng(seed))


def flat(distance_m: float) -> np.ndarray:
    return np.full(SIZE_HW, distance_m, np.float32)


def step(near_m: float, far_m: float, edge: int = 128) -> np.ndarray:
    """A near thing that fills the columns from `edge` on, and a wall behind it."""
    depth = flat(far_m)
    depth[:, edge:] = near_m
    return depth


def furnished_room(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    boxes = tuple((tuple(rng.uniform((0.5, 2.0, 0.3), (4.5, 3.5, 0.9))), (0.5, 0.4, 0.8)) for _ in range(6))
    pose = look_at((rng.uniform(1, 4), 0.3, 1.5), (2.5, 3.5, 0.8))
    return box_room(pose, boxes=boxes, intrinsics=pinhole(FOCAL_PX, SIZE_HW), size_hw=SIZE_HW)["depth"].numpy()


# Kinect


@pytest.mark.parametrize("distance_m", [0.6, 1.0, 2.0, 4.0])
def test_kinect_keeps_a_wall_within_a_step_that_grows_with_the_square(distance_m):
    measured = measure(flat(distance_m))
    step_m = KINECT_STEP_PER_M * distance_m**2
    assert (measured > 0).all()
    # half a step of rounding, and 5 standard deviations of a sixth of a step
    assert np.abs(measured - distance_m).max() < 1.4 * step_m * (1 + distance_m * KINECT_STEP_PER_M)
    gaps = np.diff(np.unique(measured))
    np.testing.assert_allclose(gaps, step_m, rtol=0.05)


@pytest.mark.parametrize(("near_m", "far_m"), [(0.8, 2.5), (1.5, 2.5), (1.5, 1.8)])
def test_kinect_shadow_lies_left_of_the_near_thing_and_has_the_width_of_the_parallax(near_m, far_m):
    width = FOCAL_PX * KINECT_BASELINE_M * (1 / near_m - 1 / far_m)
    shadow = projector_shadow(step(near_m, far_m), FOCAL_PX)
    assert not shadow[:, 128:].any()
    assert (np.count_nonzero(shadow, axis=1) == np.flatnonzero(shadow[0]).size).all()
    assert abs(np.count_nonzero(shadow[0]) - width) <= 1
    assert shadow[0, 127] == (width > 1)
    mirrored = projector_shadow(step(near_m, far_m)[:, ::-1], FOCAL_PX)
    assert not mirrored.any()  # the projector stands on the other side


def test_kinect_loses_pixels_only_near_the_edge_of_a_step():
    holes = measure(step(1.0, 2.5)) == 0
    columns = np.flatnonzero(holes.any(axis=0))
    width = FOCAL_PX * KINECT_BASELINE_M * (1 - 1 / 2.5)
    jitter_px = 4
    assert holes.mean(axis=0)[120:127].min() > 0.5
    assert columns.min() >= 128 - width - jitter_px
    assert columns.max() <= 128 + jitter_px


def test_kinect_edges_wander_by_about_a_pixel():
    measured = measure(step(1.0, 2.5))
    first = ((measured > 0) & (measured < 1.5)).argmax(axis=1)
    assert 0.3 < first.std() < 1.5
    assert abs(first.mean() - 128) < 1


@pytest.mark.parametrize(("distance_m", "seen"), [(0.40, 0.0), (0.5, 1.0), (4.0, 1.0), (6.1, 0.0)])
def test_kinect_measures_from_45_centimetres_to_its_range(distance_m, seen):
    assert (measure(flat(distance_m)) > 0).mean() == seen


def test_incidence_cosine_of_a_tilted_plane_is_that_of_its_normal():
    tilt = np.radians(50)
    normal = np.array([np.sin(tilt), 0, np.cos(tilt)])
    v, u = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    rays = np.stack([(u - INTRINSICS[0, 2]) / FOCAL_PX, (v - INTRINSICS[1, 2]) / FOCAL_PX, np.ones(SIZE_HW)], axis=-1)
    depth = (2 * np.cos(tilt) / (rays @ normal)).astype(np.float32)
    expected = (rays @ normal) / np.linalg.norm(rays, axis=-1)
    np.testing.assert_allclose(incidence_cosine(depth, INTRINSICS), expected, atol=0.01)


def test_incidence_cosine_does_not_take_an_edge_for_a_grazing_surface():
    depth = step(1.0, 2.5)
    rays = incidence_cosine(flat(1.0), INTRINSICS)
    np.testing.assert_allclose(incidence_cosine(depth, INTRINSICS), rays, atol=1e-4)


def test_kinect_sees_a_wall_from_the_front_and_loses_it_under_grazing_light():
    rows = np.arange(SIZE_HW[0])[:, None].repeat(SIZE_HW[1], axis=1)
    for tilt_deg, low, high in ((45, 0.95, 1.0), (86, 0.0, 0.1)):
        tilt = np.radians(tilt_deg)
        depth = 1.0 * np.cos(tilt) / (np.cos(tilt) + (rows - INTRINSICS[1, 2]) / 2000 * np.sin(tilt))
        camera = INTRINSICS.copy()
        camera[0, 0] = camera[1, 1] = 2000.0  # narrow: one angle over the whole picture
        measured = measure_like_kinect(depth.astype(np.float32), camera, CLEAN, np.random.default_rng(0))
        assert low <= (measured > 0)[2:-2].mean() <= high


def test_kinect_margins_and_patches_are_lost():
    margins = measure(flat(2.0), KinectSettings(6.0, 0.15, 0.0, 99.0, (0.05, 0.0, 0.0, 0.02)))
    assert (np.flatnonzero(margins.any(axis=0))[[0, -1]] == (round(0.05 * 256), 255)).all()
    assert (np.flatnonzero(margins.any(axis=1))[[0, -1]] == (0, round(0.98 * 192) - 1)).all()
    patched = measure(flat(2.0), KinectSettings(6.0, 0.15, 0.0, 2.0, (0.0,) * 4))
    assert 0.005 < (patched == 0).mean() < 0.06
    speckled = measure(flat(2.0), KinectSettings(6.0, 0.15, 0.01, 99.0, (0.0,) * 4))
    assert 0.005 < (speckled == 0).mean() < 0.015


def test_kinect_loses_5_to_25_percent_of_furnished_rooms():
    shares = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        depth = furnished_room(seed)
        shares.append((measure_like_kinect(depth, INTRINSICS, draw_kinect(rng), rng) == 0).mean())
    assert min(shares) > 0.05
    assert max(shares) < 0.25
    assert 0.08 < np.median(shares) < 0.2


# Smooth fields and bleeding


@pytest.mark.parametrize("cells", [3, 12])
def test_smooth_field_is_normalised_and_smoother_with_fewer_cells(cells):
    field = smooth_field(SIZE_HW, np.random.default_rng(0), cells=cells)
    assert field.shape == SIZE_HW
    assert abs(field.mean()) < 1e-4
    assert abs(field.std() - 1) < 1e-4
    assert np.abs(np.diff(field, axis=1)).max() < 8 * cells / SIZE_HW[1]


def test_bleeding_rounds_an_edge_and_leaves_a_plane_alone():
    blurred = bleed_edges(step(1.0, 2.0), 1.5)
    assert 1.4 < blurred[90, 127:129].mean() < 1.6
    assert ((blurred[90, 124:132] > 1) & (blurred[90, 124:132] < 2)).all()
    np.testing.assert_allclose(blurred[:, [0, 119, 136, 255]], step(1.0, 2.0)[:, [0, 119, 136, 255]], rtol=1e-5)
    ramp = 1 + np.tile(np.arange(256, dtype=np.float32) / 256, (192, 1))
    np.testing.assert_allclose(bleed_edges(ramp, 1.5)[:, 8:-8], ramp[:, 8:-8], rtol=1e-5)


def test_bleeding_does_not_mix_in_what_was_not_measured():
    depth = flat(2.0)
    depth[50:60, 50:60] = 0
    blurred = bleed_edges(depth, 2.0)
    assert (blurred[50:60, 50:60] == 0).all()
    np.testing.assert_allclose(blurred[depth > 0], 2.0, rtol=1e-5)
