# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Degradations: bounds, statistics, and the promise that the processor accepts what comes out."""

import copy
import io
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import box_room, orbiting_cameras, pinhole
from tiny import make_tiny_processor

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.geometry_sr3d import check_rigid
from transformers_sr3d.rooms.degradations.degrade import (
    DEGRADATIONS,
    PICTURE_SHARES,
    SEVERAL_VIEWS_SHARES,
    SINGLE_VIEW_SHARES,
    degrade,
    depth_noise,
    draw_degradations,
    jpeg,
    pose_noise,
    relative_depth,
    without_depth,
    without_poses,
    without_some_depths,
)


SIZE_HW = (48, 64)
BOXES = (((2.5, 2.0, 0.5), (0.8, 0.6, 1.0)), ((1.6, 2.6, 0.3), (0.5, 0.5, 0.6)))
VIEW_NAMES = ("depths", "depth_kind", "intrinsics", "camera_to_world", "world_up", "gravity_camera")
ONLY_ONE_VIEW, ONLY_SEVERAL_VIEWS = ("relative_depth",), ("without_some_depths",)


@pytest.fixture(scope="module")
def processor():
    return make_tiny_processor()


def room_sample(num_views: int, *, posed: bool = True) -> dict:
    poses = orbiting_cameras(max(num_views, 3))[:num_views]
    views = [box_room(pose, boxes=BOXES) for pose in poses]
    rng = np.random.default_rng(0)
    sample = {
        "images": [rng.integers(0, 255, (*SIZE_HW, 3), dtype=np.uint8) for _ in views],
        "depths": [view["depth"].numpy() for view in views],
        "intrinsics": [view["intrinsics"].numpy() for view in views],
        "regions": [
            {"mask": views[0]["labels"].numpy() == 0, "view": 0, "region": 0},
            {"box_xyxy": [20, 12, 46, 40], "view": num_views - 1, "region": 1},
        ],
    }
    if posed:
        return sample | {"camera_to_world": [pose.numpy() for pose in poses], "world_up": "+z"}
    return sample | {"gravity_camera": -poses[0].numpy()[2, :3]}


def draws(name: str, sample: dict, count: int) -> list[dict]:
    return [DEGRADATIONS[name](sample, np.random.default_rng(seed)) for seed in range(count)]


def view_arguments(sample: dict) -> dict:
    return {name: sample[name] for name in VIEW_NAMES if name in sample}


def flat_values(sample: dict) -> list:
    """Sums and sizes of all arrays, enough to tell two samples apart."""
    arrays = [value for values in sample.values() if isinstance(values, list) for value in values]
    return [None if value is None else (np.shape(value), float(np.sum(value, dtype=float))) for value in arrays]


def assert_equal(first, second):
    assert type(first) is type(second)
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_equal(one, other)
    elif isinstance(first, np.ndarray):
        np.testing.assert_array_equal(first, second)
    else:
        assert first == second


# All of them


@pytest.mark.parametrize(
    ("name", "num_views"),
    [(name, 1) for name in DEGRADATIONS if name not in ONLY_SEVERAL_VIEWS]
    + [(name, 3) for name in DEGRADATIONS if name not in ONLY_ONE_VIEW],
)
def test_the_processor_accepts_what_comes_out(processor, name, num_views):
    for posed in (True, False) if num_views == 1 else (True,):
        for sample in draws(name, room_sample(num_views, posed=posed), 3):
            arguments = {key: value for key, value in sample.items() if key not in ("images", "regions")}
            encoded = processor.encode_views(sample["images"], regions=sample["regions"], **arguments)
            assert encoded["region_numbers"] == [0, 1]
            assert torch.isfinite(encoded["region_descriptors"]).all()


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_the_input_stays_as_it_was_and_equal_seeds_give_equal_samples(name):
    sample = room_sample(1 if name in ONLY_ONE_VIEW else 2)
    before = copy.deepcopy(sample)
    first, again = (DEGRADATIONS[name](sample, np.random.default_rng(7)) for _ in range(2))
    assert_equal(sample, before)
    assert_equal(first, again)


@pytest.mark.parametrize("name", [name for name in DEGRADATIONS if name != "without_depth"])
def test_other_seeds_give_other_samples(name):
    sample = room_sample(1 if name in ONLY_ONE_VIEW else 3)
    del sample["regions"]
    given = draws(name, sample, 8)
    assert len({repr(flat_values(one)) for one in given}) > 1


def test_every_pair_that_training_draws_is_accepted(processor):
    for num_views in (1, 2):
        rng = np.random.default_rng(num_views)
        names = {draw_degradations(rng, num_views=num_views) for _ in range(600)}
        assert len(names) > 20
        for pair in sorted(names):
            sample = degrade(room_sample(num_views), pair, rng)
            arguments = {key: value for key, value in sample.items() if key not in ("images", "regions")}
            processor.encode_views(sample["images"], regions=sample["regions"], **arguments)


def test_degrade_applies_names_in_order():
    sample = room_sample(1)
    degraded = degrade(sample, ["pose_noise", "relative_depth"], np.random.default_rng(3))
    rng = np.random.default_rng(3)
    assert_equal(degraded, relative_depth(pose_noise(sample, rng), rng))
    assert_equal(degrade(sample, (), rng), sample)


def test_degrade_names_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"`names` must be out of \('cover_views'.*got 'fog'"):
        degrade(room_sample(1), ("jpeg", "fog"), np.random.default_rng(0))


@pytest.mark.parametrize(
    "name", ["kinect_depth", "depth_noise", "scale_drift", "estimated_geometry", "relative_depth"]
)
def test_depth_is_needed_to_degrade_it(name):
    with pytest.raises(ValueError, match=f"must have .*depth for '{name}', got no depth"):
        degrade(room_sample(1), ("without_depth", name), np.random.default_rng(0))


def test_kinect_needs_metric_depth():
    with pytest.raises(ValueError, match="must have metric depth for 'kinect_depth', got relative depth"):
        degrade(room_sample(1), ("relative_depth", "kinect_depth"), np.random.default_rng(0))


# Depth


def test_kinect_leaves_a_view_that_it_cannot_measure_without_depth():
    sample = room_sample(2)
    sample["depths"][0] = np.full(SIZE_HW, 9.0, np.float32)
    measured = DEGRADATIONS["kinect_depth"](sample, np.random.default_rng(0))
    assert measured["depths"][0] is None
    assert (measured["depths"][1] > 0).mean() > 0.6
    alone = {name: sample[name][:1] for name in ("images", "depths", "intrinsics")}
    assert DEGRADATIONS["kinect_depth"](alone, np.random.default_rng(0)).keys() == {"images"}


def test_depth_noise_has_a_spread_of_half_to_three_percent_and_no_bias():
    sample = room_sample(1)
    ratios = np.stack([noisy["depths"][0] / sample["depths"][0] for noisy in draws("depth_noise", sample, 40)])
    spreads = ratios.std(axis=(1, 2))
    assert 0.0045 < spreads.min() < 0.009
    assert 0.022 < spreads.max() < 0.0315
    assert abs(ratios.mean() - 1) < 1e-3
    assert np.abs(ratios - 1).max() < 0.03 * 3 * 2**0.5 + 1e-6
    steps = np.diff(ratios, axis=2).std(axis=(1, 2)) / spreads  # 2**0.5 without a smooth part, near 0 without another
    assert ((steps > 0.5) & (steps < 1.35)).all()


def test_depth_noise_leaves_holes():
    sample = room_sample(1)
    sample["depths"][0][10:20] = 0
    noisy = depth_noise(sample, np.random.default_rng(0))["depths"][0]
    np.testing.assert_array_equal(noisy == 0, sample["depths"][0] == 0)


def test_drift_scales_every_view_by_one_number_and_the_cameras_by_the_common_one():
    sample = room_sample(3)
    commons, owns = [], []
    for drifted in draws("scale_drift", sample, 60):
        ratios = [after / before for after, before in zip(drifted["depths"], sample["depths"], strict=True)]
        assert max(float(np.ptp(ratio)) for ratio in ratios) < 1e-6
        before, after = (np.stack(one["camera_to_world"])[:, :3, 3] for one in (sample, drifted))
        common = np.linalg.norm(after[1] - after[0]) / np.linalg.norm(before[1] - before[0])
        np.testing.assert_allclose(after - after.mean(axis=0), common * (before - before.mean(axis=0)), atol=1e-5)
        np.testing.assert_allclose(after.mean(axis=0), before.mean(axis=0), atol=1e-6)
        commons.append(common)
        owns += [float(ratio.mean()) / common for ratio in ratios]
    assert 0.97 - 1e-6 <= min(commons) < 0.98
    assert 1.02 < max(commons) <= 1.03 + 1e-6
    assert 0.95 - 1e-5 <= min(owns) < 0.96
    assert 1.04 < max(owns) <= 1.05 + 1e-5


def test_drift_of_one_view_stays_within_three_percent():
    sample = room_sample(1)
    scales = [
        float((drifted["depths"][0] / sample["depths"][0]).mean()) for drifted in draws("scale_drift", sample, 60)
    ]
    assert 0.97 - 1e-5 <= min(scales) < 0.975
    assert 1.025 < max(scales) <= 1.03 + 1e-5


def test_relative_depth_differs_by_a_factor_and_stands_upright_as_before():
    sample = room_sample(1)
    upright = prepare_views(sample["images"], **view_arguments(sample))["points"][0]
    factors = []
    for relative in draws("relative_depth", sample, 30):
        ratio = relative["depths"][0] / sample["depths"][0]
        assert np.ptp(ratio) / ratio.mean() < 1e-5
        factors.append(ratio.mean())
        views = prepare_views(relative["images"], **view_arguments(relative))
        assert (views["geometry"], views["gravity"]) == ("relative", "known")
        heights = views["points"][0][..., 2] / float(ratio.mean())
        torch.testing.assert_close(
            heights - heights.mean(), upright[..., 2] - upright[..., 2].mean(), atol=1e-4, rtol=0
        )
    assert min(factors) < 0.4
    assert max(factors) > 2.5


def test_relative_depth_refuses_several_views():
    with pytest.raises(ValueError, match="must have one view for 'relative_depth', got 2"):
        relative_depth(room_sample(2), np.random.default_rng(0))


def test_estimates_are_off_by_a_few_percent_and_bleed_over_edges():
    sample = room_sample(1)
    for estimated in draws("estimated_geometry", sample, 10):
        ratio = estimated["depths"][0] / sample["depths"][0]
        assert 0.005 < ratio.std() < 0.12
        assert abs(np.median(ratio) - 1) < 0.12


def test_estimates_bleed_over_edges_by_a_few_pixels():
    step = {"images": [np.zeros((192, 256, 3), np.uint8)], "intrinsics": pinhole(250.0, (192, 256))}
    step["depths"] = [np.where(np.arange(256) < 128, 1.0, 2.0)[None].repeat(192, 0).astype(np.float32)]
    for estimated in draws("estimated_geometry", step, 10):
        profile = estimated["depths"][0][96]
        between = np.flatnonzero((profile > 1.2) & (profile < 1.7))
        assert 1 <= len(between) <= 6
        assert 124 <= between.min() <= between.max() <= 131


# Poses


def test_pose_noise_stays_rigid_and_within_two_degrees_and_five_centimetres():
    sample = room_sample(3)
    turns, shifts = [], []
    for noisy in draws("pose_noise", sample, 80):
        for pose, before in zip(noisy["camera_to_world"], sample["camera_to_world"], strict=True):
            check_rigid("camera_to_world", torch.tensor(pose), tolerance=1e-6)
            turn = before[:3, :3].T.astype(float) @ pose[:3, :3]
            turns.append(np.degrees(np.arcsin(np.linalg.norm(turn - turn.T) / 8**0.5)))
            shifts.append(np.linalg.norm(pose[:3, 3] - before[:3, 3]))
    assert 1.8 < max(turns) < 2.001
    assert 0.045 < max(shifts) < 0.05001
    assert 0.8 < np.mean(turns) < 1.2
    assert 0.02 < np.mean(shifts) < 0.03


def test_pose_noise_turns_gravity_where_there_is_no_pose():
    sample = room_sample(1, posed=False)
    gravity = pose_noise(sample, np.random.default_rng(0))["gravity_camera"]
    cosine = gravity @ sample["gravity_camera"]
    assert np.cos(np.radians(2)) <= cosine < 1 - 1e-7
    assert abs(np.linalg.norm(gravity) - 1) < 1e-6


def test_without_poses_the_view_with_most_regions_keeps_its_depth():
    sample = room_sample(3)
    sample["regions"] = [{"point_xy": [30, 20], "view": view} for view in (1, 2, 1)]
    given = without_poses(sample, np.random.default_rng(0))
    assert [depth is not None for depth in given["depths"]] == [False, True, False]
    assert not {"camera_to_world", "world_up", "gravity_camera"} & given.keys()
    assert len(given["images"]) == 3
    sample["regions"] = []
    kept = {[depth is not None for depth in one["depths"]].index(True) for one in draws("without_poses", sample, 20)}
    assert kept == {0, 1, 2}


def test_without_poses_a_single_view_keeps_its_depth_and_forgets_gravity():
    for posed in (True, False):
        given = without_poses(room_sample(1, posed=posed), np.random.default_rng(0))
        assert prepare_views(given["images"], **view_arguments(given))["gravity"] == "unknown"
        np.testing.assert_array_equal(given["depths"][0], room_sample(1)["depths"][0])


# What is missing


def test_without_depth_only_pictures_and_regions_stay():
    for num_views in (1, 3):
        given = without_depth(room_sample(num_views) | {"text": "?"}, np.random.default_rng(0))
        assert given.keys() == {"images", "regions", "text"}


def test_without_some_depths_drops_at_least_one_and_never_all():
    counts = Counter()
    for given in draws("without_some_depths", room_sample(3), 60):
        counts[sum(depth is not None for depth in given["depths"])] += 1
        assert len(given["camera_to_world"]) == 3
    assert counts.keys() == {1, 2}
    assert min(counts.values()) > 15


def test_without_some_depths_refuses_a_single_view():
    with pytest.raises(ValueError, match="two views or more for 'without_some_depths', got 1"):
        without_some_depths(room_sample(1), np.random.default_rng(0))


# Pictures


def test_jpeg_changes_all_pictures_as_one_quality_does():
    smooth = np.add.outer(np.arange(48), np.arange(64))[..., None].repeat(3, -1).astype(np.uint8)
    compressed = jpeg({"images": [smooth, smooth]}, np.random.default_rng(0))["images"]
    np.testing.assert_array_equal(*compressed)
    assert 0 < np.abs(compressed[0].astype(int) - smooth).mean() < 8
    possible = []
    for quality in range(20, 71):
        buffer = io.BytesIO()
        Image.fromarray(smooth).save(buffer, format="JPEG", quality=quality)
        possible.append(np.asarray(Image.open(buffer)))
    assert any(np.array_equal(compressed[0], one) for one in possible)


# The training mix


@pytest.mark.parametrize(("num_views", "geometry"), [(1, SINGLE_VIEW_SHARES), (3, SEVERAL_VIEWS_SHARES)])
def test_the_training_mix_has_the_stated_shares(num_views, geometry):
    rng = np.random.default_rng(0)
    drawn = [draw_degradations(rng, num_views=num_views) for _ in range(8000)]
    counts = Counter(name for names in drawn for name in names)
    shares = PICTURE_SHARES | geometry
    assert counts.keys() == shares.keys()
    for name, share in shares.items():
        assert abs(counts[name] / len(drawn) - share) < 0.01, name
    lengths = Counter(len(names) for names in drawn)
    assert lengths.keys() == {0, 1, 2}
    assert abs(lengths[0] / len(drawn) - 0.48) < 0.02
    assert all(names == tuple(sorted(names, key=list(DEGRADATIONS).index)) for names in set(drawn))


def test_a_mix_contains_only_what_fits_the_number_of_views():
    assert not set(ONLY_SEVERAL_VIEWS) & SINGLE_VIEW_SHARES.keys()
    assert not set(ONLY_ONE_VIEW) & SEVERAL_VIEWS_SHARES.keys()
    assert (PICTURE_SHARES | SINGLE_VIEW_SHARES | SEVERAL_VIEWS_SHARES).keys() == DEGRADATIONS.keys()
