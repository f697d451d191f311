# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Which views of a scan: against sets counted one point after the other, and scans whose answer is known."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from known_source import known_views

from transformers_sr3d.inputs import selection
from transformers_sr3d.inputs.selection import select_by_coverage, select_uniform
from transformers_sr3d.inputs.source import Source, SourceView


CAMERA = np.array([[8.0, 0, 7.5], [0, 8.0, 5.5], [0, 0, 1]])
SIZE_HW = (12, 16)


def make_source(poses, depths, *, world_unit="m", intrinsics=CAMERA, **settings):
    """A source of views that load what is given; None for a view without pose or depth."""
    views = tuple(
        SourceView(
            name=str(index),
            load_image=fail_to_load,
            intrinsics=intrinsics,
            load_depth=None if depth is None else partial(np.asarray, depth),
            camera_to_world=pose,
        )
        for index, (pose, depth) in enumerate(zip(poses, depths, strict=True))
    )
    return Source("test", Path("scan"), views, world_up="+z", world_unit=world_unit, **settings)


def fail_to_load():
    raise RuntimeError("an image was loaded")


def at(x, y=0.0, z=0.0):
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def flat(metres, size_hw=SIZE_HW):
    return np.full(size_hw, metres, dtype=np.float32)


def random_scan(seed, num_views=12):
    """Views that turn about the vertical in a crowd of depths, so that what they see overlaps."""
    generator = np.random.default_rng(seed)
    poses, depths = [], []
    for _ in range(num_views):
        angle = generator.uniform(0, 2 * np.pi)
        pose = at(*generator.uniform(-0.5, 0.5, 3))
        pose[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
        poses.append(pose)
        depth = generator.uniform(0.5, 3.0, SIZE_HW).astype(np.float32)
        depth[generator.random(SIZE_HW) < generator.uniform(0, 0.8)] = 0
        depths.append(depth)
    return poses, depths


def voxels_by_hand(pose, depth, voxel):
    """Every pixel of a view, one after the other."""
    seen = set()
    for v in range(depth.shape[0]):
        for u in range(depth.shape[1]):
            z = float(depth[v, u])
            if z > 0 and np.isfinite(z):
                x, y = (u - CAMERA[0, 2]) * z / CAMERA[0, 0], (v - CAMERA[1, 2]) * z / CAMERA[1, 1]
                seen.add(tuple(np.round((pose @ [x, y, z, 1.0])[:3] / voxel).astype(int).tolist()))
    return seen


def cover_by_hand(sets, wanted):
    chosen, covered = [], set()
    for _ in range(min(wanted, len(sets))):
        gains = [-1 if index in chosen else len(seen - covered) for index, seen in enumerate(sets)]
        chosen.append(gains.index(max(gains)))
        covered |= sets[chosen[-1]]
    return sorted(chosen)


@pytest.mark.parametrize(("num_views", "wanted"), [(n, k) for n in (1, 2, 7, 32, 33, 100, 999) for k in (1, 2, 8, 32)])
def test_uniform_views_are_those_of_linspace(num_views, wanted):
    chosen = select_uniform(num_views, wanted)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(num_views, wanted)
    if num_views > wanted:
        assert chosen == np.linspace(0, num_views - 1, wanted).astype(int).tolist()
        assert chosen[0] == 0
        assert wanted == 1 or chosen[-1] == num_views - 1
        assert max(np.diff(chosen), default=0) - min(np.diff(chosen), default=0) <= 1
    assert all(type(index) is int for index in chosen)


def test_uniform_views_are_never_the_same():
    for num_views in range(1, 120):
        for wanted in range(1, num_views + 1):
            assert len(set(select_uniform(num_views, wanted))) == wanted


@pytest.mark.parametrize("counts", [(0, 4), (4, 0), (-1, 4), (4, -2)])
def test_counts_below_one_are_refused(counts):
    with pytest.raises(ValueError, match=rf"`num_views` and `wanted` must be at least 1, got {counts[0]} and"):
        select_uniform(*counts)


@pytest.mark.parametrize("seed", range(8))
def test_coverage_is_that_of_sets_counted_by_hand(seed):
    poses, depths = random_scan(seed)
    source = make_source(poses, depths)
    sets = [voxels_by_hand(pose, depth, 0.1) for pose, depth in zip(poses, depths, strict=True)]
    for index, seen in enumerate(sets):
        assert len(selection.view_voxels(source, index, 0.1, 10**6)) == len(seen)
    for wanted in (1, 2, 5, 11, 12, 20):
        assert select_by_coverage(source, wanted) == cover_by_hand(sets, wanted)


def test_voxels_are_the_same_where_the_points_are():
    # From 1 m to the left, a wall at 2 m shows the same places as from here: 4 pixels of 0.25 m further on.
    here = selection.view_voxels(make_source([at(0)], [flat(2.0)]), 0, 0.1, 10**6)
    left = selection.view_voxels(make_source([at(-1)], [flat(2.0)]), 0, 0.1, 10**6)
    assert len(here) == len(left) == 16 * 12
    assert len(np.intersect1d(here, left)) == 12 * 12


def test_views_of_disjoint_parts_come_first():
    """Five rooms 100 m apart, each seen three times: best from the second place."""
    poses = [at(100.0 * room, 0.01 * number) for room in range(5) for number in range(3)]
    depths = []
    for _ in range(5):
        middle = flat(2.0)
        less, least = middle.copy(), middle.copy()
        less[:2], least[:6] = 0, 0
        depths += [less, middle, least]
    source = make_source(poses, depths)
    assert select_by_coverage(source, 5, voxel_m=0.2) == [1, 4, 7, 10, 13]
    assert select_by_coverage(source, 2, voxel_m=0.2) == [1, 4]  # rooms are alike: the earlier ones


def test_ties_go_to_the_earlier_view_and_views_that_add_nothing_fill_up():
    source = make_source([at(0)] * 3 + [at(50.0)], [flat(2.0)] * 4)
    assert select_by_coverage(source, 2) == [0, 3]
    assert select_by_coverage(source, 3) == [0, 1, 3]


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_views_does_not_matter(seed):
    poses, depths = random_scan(seed, num_views=15)
    order = np.random.default_rng(seed + 100).permutation(15)
    turned = make_source([poses[index] for index in order], [depths[index] for index in order])
    for wanted in (3, 7):
        expected = select_by_coverage(make_source(poses, depths), wanted)
        assert sorted(order[select_by_coverage(turned, wanted)].tolist()) == expected


@pytest.mark.parametrize("factor", [0.01, 1.0, 730.0])
def test_without_a_unit_the_scale_of_the_scan_does_not_matter(factor):
    poses, depths = random_scan(5)
    scaled = [np.block([[pose[:3, :3], pose[:3, 3:] * factor], [pose[3:]]]) for pose in poses]
    source = make_source(scaled, [depth * np.float32(factor) for depth in depths], world_unit="unknown")
    medians = [np.median(depth[depth > 0]) for depth in depths]
    sets = [voxels_by_hand(pose, depth, 0.05 * np.median(medians)) for pose, depth in zip(poses, depths, strict=True)]
    assert select_by_coverage(source, 5) == cover_by_hand(sets, 5)


def test_views_without_depth_or_pose_come_last():
    poses = [at(0), None, at(9.0), at(18.0), at(27.0)]
    depths = [None, flat(2.0), flat(2.0), flat(0.0), flat(2.0)]
    source = make_source(poses, depths)
    assert select_by_coverage(source, 2) == [2, 4]
    assert select_by_coverage(source, 3) == [2, 3, 4]  # a map with nothing measured before none at all
    assert select_by_coverage(source, 4) == [0, 2, 3, 4]
    assert select_by_coverage(source, 9) == [0, 1, 2, 3, 4]


def test_a_source_without_geometry_is_refused():
    with pytest.raises(ValueError, match=r"needs views with depth, intrinsics and a pose, got none among 2 in scan"):
        select_by_coverage(make_source([at(0), None], [None, flat(1.0)]), 1)
    with pytest.raises(ValueError, match=r"needs views with depth, intrinsics and a pose, got none among 1"):
        select_by_coverage(make_source([at(0)], [flat(1.0)], intrinsics=None), 4)
    for unit in ("m", "unknown"):
        with pytest.raises(ValueError, match=r"needs measured depth, got none in"):
            select_by_coverage(make_source([at(0)] * 3, [flat(0.0)] * 3, world_unit=unit), 2)


@pytest.mark.parametrize("settings", [{"voxel_m": 0.0}, {"voxel_m": np.nan}, {"max_points_per_view": 0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=r"`voxel_m` must be positive and `max_points_per_view` at least 1, got"):
        select_by_coverage(make_source([at(0)] * 3, [flat(2.0)] * 3), 2, **settings)


def test_a_voxel_too_small_for_the_scene_is_refused():
    with pytest.raises(ValueError, match=r"`voxel_m` must be large enough .* got 1e-06, by which view 0 of scan"):
        select_by_coverage(make_source([at(5.0)] * 3, [flat(2.0)] * 3), 2, voxel_m=1e-6)


def test_negative_places_have_voxels_of_their_own():
    places = [at(x, y, z) for x in (-3.0, 3.0) for y in (-3.0, 3.0) for z in (-3.0, 3.0)]
    source = make_source(places, [np.full((1, 1), 0.5, dtype=np.float32)] * 8)
    assert len(np.unique([selection.view_voxels(source, index, 0.1, 9) for index in range(8)])) == 8


def test_depth_of_another_camera_or_size_is_where_it_belongs():
    known = known_views(3, depth_size_hw=(24, 32))
    views = tuple(
        SourceView(str(index), partial(view_image, view), view.intrinsics, partial(np.asarray, view.depth),
                   depth_intrinsics, view.camera_to_world)
        for index, view in enumerate(known)
        for depth_intrinsics in (view.depth_intrinsics, None)
    )  # fmt: skip
    source = Source("test", Path("scan"), views, world_up="+z", depth_field_of_view="same")
    for index, view in enumerate(known):
        keys = [selection.view_voxels(source, 2 * index + number, 0.05, 10**6) for number in range(2)]
        assert np.array_equal(*keys)
        places = np.round(view.points_world.reshape(-1, 3) / 0.05).astype(np.int64) + selection.KEY_LIMIT
        by_hand = {(int(x) << 42) | (int(y) << 21) | int(z) for x, y, z in places}
        # Depth is float64 in the test and poses are rounded: a point on the border of two voxels may change sides.
        assert len(by_hand.symmetric_difference(keys[0].tolist())) <= 0.02 * len(by_hand)


def view_image(view):
    from PIL import Image

    return Image.fromarray(view.image)


def test_a_grid_of_pixels_stands_for_all():
    view = known_views(1, size_hw=(120, 160))[0]
    source = make_source([view.camera_to_world], [view.depth.astype(np.float32)], intrinsics=view.intrinsics)
    all_pixels = selection.view_voxels(source, 0, 0.2, 10**6)
    sampled = selection.view_voxels(source, 0, 0.2, 3000)  # every third
    assert np.isin(sampled, all_pixels).all()
    assert len(sampled) > 0.9 * len(all_pixels)


def load_counted(counts, index):
    """A wall of 20 m with 400 places to stand, each looked at five times."""
    counts[index] = counts.get(index, 0) + 1
    depth = flat(2.0, (48, 64))
    depth[: index // 400] = 0
    return depth


def test_two_thousand_views_are_chosen_among_in_seconds_and_loaded_once():
    counts: dict[int, int] = {}
    camera = np.array([[32.0, 0, 31.5], [0, 32.0, 23.5], [0, 0, 1]])
    views = tuple(
        SourceView(str(index), fail_to_load, camera, partial(load_counted, counts, index),
                   camera_to_world=at(0.5 * (index % 400)))
        for index in range(2000)
    )  # fmt: skip
    source = Source("test", Path("scan"), views, world_up="+z")
    started = time.process_time()
    chosen = select_by_coverage(source, 32)
    assert time.process_time() - started < 10.0
    assert set(counts.values()) == {1}
    assert len(counts) == 2000
    # A view shows 4 m of the wall, so that 32 of them need not overlap; those of the first 400 have no gap.
    assert max(chosen) < 400
    assert min(np.diff(chosen)) >= 8
