# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Box rooms: every expected value is derived in the test from the scene's numbers, not from the renderer."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

from transformers_sr3d.rooms.box_facts import scene_from_facts, scene_to_facts
from transformers_sr3d.rooms.box_layout import LayoutBox, RoomLayout, Surface, boxes_intersect, compose_layout
from transformers_sr3d.rooms.box_raycast import ROOM_ID, cast_view, shade
from transformers_sr3d.rooms.boxes import (
    SCENES_PER_SPLIT,
    SPLIT_SEEDS,
    BoxObject,
    BoxSettings,
    degrade_depth,
    look_rotation,
    make_scene,
    scene_seed,
)


FLOAT32_DEPTH_M = 1e-4  # measured worst case 1e-5 m in rooms up to 8 m; a pixel offset would be 1e-2 m
WALK = BoxSettings(num_views=(2, 4))
INTRINSICS = np.array([[100.0, 0.0, 32.0], [0.0, 100.0, 24.0], [0.0, 0.0, 1.0]])
SIZE_HW = (49, 65)  # the optical axis is the central pixel


def make_layout(*boxes):
    plain = Surface(np.full(3, 0.5), "plain", 1.0, 0.0)
    boxes = tuple(LayoutBox(np.array(c, float), np.array(s, float), yaw, plain) for c, s, yaw in boxes)
    lamp, up = np.array([3.0, 2.0, 2.4]), np.array([0.0, 0.0, 1.0])
    return RoomLayout(np.array([6.0, 4.0, 2.5]), boxes, plain, plain, plain, lamp, np.ones(3), up, 0.3)


def camera_at(position, yaw_deg=0.0, pitch_deg=0.0):
    camera = np.eye(4)
    camera[:3, :3] = look_rotation(np.radians(yaw_deg), np.radians(pitch_deg), 0.0)
    camera[:3, 3] = position
    return camera


@pytest.fixture(scope="module")
def walks():
    return [make_scene("val", index, WALK) for index in range(6)]


@pytest.mark.parametrize("size", [(0.4, 0.9, 1.2), (0.9, 0.4, 1.2)])
def test_width_is_the_larger_horizontal_side(size):
    thing = BoxObject(np.zeros(3), np.array(size), np.eye(3))
    assert (thing.width, thing.height) == (0.9, 1.2)


def test_level_camera_looks_along_its_heading():
    np.testing.assert_allclose(look_rotation(np.pi / 2, 0.0, 0.0), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-12)


def test_wall_ahead_has_one_depth_everywhere():
    cast = cast_view(make_layout(), camera_at((1.5, 2.0, 1.2)), INTRINSICS, image_size_hw=SIZE_HW)
    wall = cast.faces == 0  # inward normal along -x
    assert wall[24, 32]
    np.testing.assert_allclose(cast.depth[wall], 4.5, atol=FLOAT32_DEPTH_M)
    assert (cast.instances == ROOM_ID).all()


def test_floor_depth_follows_the_camera_height():
    height, pitch = 1.4, np.radians(-30.0)
    cast = cast_view(make_layout(), camera_at((1.0, 2.0, height), pitch_deg=-30), INTRINSICS, image_size_hw=SIZE_HW)
    assert cast.faces[24, 32] == 5
    assert cast.depth[24, 32] == pytest.approx(height / -np.sin(pitch), abs=FLOAT32_DEPTH_M)


def test_box_face_stands_where_its_size_says():
    layout = make_layout(((4.0, 2.0, 1.2), (1.0, 0.58, 0.78), 0.0))
    cast = cast_view(layout, camera_at((1.0, 2.0, 1.2)), INTRINSICS, image_size_hw=SIZE_HW)
    front = 4.0 - 0.5 - 1.0
    np.testing.assert_allclose(cast.depth[cast.instances == 0], front, atol=FLOAT32_DEPTH_M)
    rows, columns = np.nonzero(cast.instances == 0)
    assert columns.max() - 32 == int(0.29 / front * 100)
    assert 24 - rows.min() == int(0.39 / front * 100)


def test_turned_box_shows_its_edge_first():
    layout = make_layout(((4.0, 2.0, 1.2), (1.0, 1.0, 0.8), np.pi / 4))
    cast = cast_view(layout, camera_at((1.0, 2.0, 1.2)), INTRINSICS, image_size_hw=SIZE_HW)
    assert cast.depth[24, 32] == pytest.approx(3.0 - np.sqrt(0.5), abs=FLOAT32_DEPTH_M)


def test_nearer_box_hides_the_farther_one():
    near, far = ((3.0, 2.0, 1.2), (0.4, 0.4, 0.4), 0.0), ((4.5, 2.0, 1.2), (0.4, 0.4, 0.4), 0.0)
    for boxes, near_index in (((near, far), 0), ((far, near), 1)):
        cast = cast_view(make_layout(*boxes), camera_at((1.0, 2.0, 1.2)), INTRINSICS, image_size_hw=SIZE_HW)
        assert cast.instances[24, 32] == near_index
        assert cast.silhouette_pixels[1 - near_index] > 0
        assert not (cast.instances == 1 - near_index).any()


def test_only_boxes_beyond_the_border_are_cut():
    whole, beyond, behind = (
        ((4.0, 2.0, 1.2), (0.4, 0.4, 0.4), 0.0),
        ((3.0, 2.7, 1.2), (0.4, 0.4, 0.4), 0.0),
        ((0.4, 2.0, 1.2), (0.4, 0.4, 0.4), 0.0),
    )
    cast = cast_view(make_layout(whole, beyond, behind), camera_at((1.0, 2.0, 1.2)), INTRINSICS, image_size_hw=SIZE_HW)
    assert cast.cut.tolist() == [False, True, True]
    assert cast.silhouette_pixels[2] == 0
    front, back, near_face, far_face = 1.8, 2.2, 0.7 - 0.2, 0.7 + 0.2
    visible_sides = [(near_face / front, front), (far_face / front, front), (near_face / back, back)]
    left, right = 100 * min(x for x, _ in visible_sides), 100 * max(x for x, _ in visible_sides)
    tall_front, tall_back = 100 * 0.4 / front, 100 * 0.4 / back
    front_area = 100 * (far_face - near_face) / front * tall_front
    side_area = (100 * near_face / front - left) * (tall_front + tall_back) / 2
    assert right == pytest.approx(50)
    assert cast.full_pixels[1] == pytest.approx(front_area + side_area, rel=1e-6)


def test_lamp_does_not_reach_behind_a_box():
    layout = make_layout(((3.0, 2.0, 1.0), (1.0, 1.0, 0.2), 0.0))
    camera = camera_at((3.0, 0.3, 0.5), yaw_deg=90, pitch_deg=-16)
    cast = cast_view(layout, camera, INTRINSICS, image_size_hw=SIZE_HW)
    dark, light = (shade(layout, camera, cast, shadows=shadows) for shadows in (True, False))
    assert cast.faces[24, 32] == 5
    assert dark[24, 32, 0] < 0.8 * light[24, 32, 0]
    assert (dark <= light + 1e-6).all()


def test_box_above_the_lamp_casts_no_shadow_below_it():
    layout = make_layout(((3.0, 2.0, 1.8), (1.0, 1.0, 0.2), 0.0))
    low_lamp = dataclasses.replace(layout, light=np.array([3.0, 2.0, 1.2]))
    camera = camera_at((3.0, 0.3, 0.5), yaw_deg=90, pitch_deg=-16)
    cast = cast_view(layout, camera, INTRINSICS, image_size_hw=SIZE_HW)
    dark, light = (shade(low_lamp, camera, cast, shadows=shadows) for shadows in (True, False))
    floor = cast.faces == 5
    assert floor.sum() > 100
    np.testing.assert_array_equal(dark[floor], light[floor])


def test_box_beside_the_camera_is_not_seen_through_its_back():
    # Rays run backwards would meet it 0.8 m behind the camera; ahead it ends 22 degrees off the axis, out of view.
    layout = make_layout(((0.76, 2.5, 1.2), (1.48, 0.6, 1.0), 0.0))
    cast = cast_view(layout, camera_at((1.0, 2.0, 1.2)), INTRINSICS, image_size_hw=SIZE_HW)
    assert (cast.instances == ROOM_ID).all()
    assert cast.depth.min() > 0
    assert cast.cut[0]
    assert cast.full_pixels[0] == np.inf


@pytest.mark.parametrize("seed", range(20))
def test_boxes_do_not_intersect_and_stay_inside(seed):
    layout = compose_layout(np.random.default_rng(seed))
    assert 2 <= len(layout.boxes) <= 8
    for box in layout.boxes:
        assert (box.corners >= -1e-9).all()
        assert (box.corners <= layout.size + 1e-9).all()
    grid = np.stack(np.meshgrid(*[np.linspace(-0.499, 0.499, 9)] * 3), -1).reshape(-1, 3)
    for first, second in itertools.permutations(layout.boxes, 2):
        points = (grid * first.size) @ first.rotation.T + first.center
        inside = np.abs((points - second.center) @ second.rotation) < second.size / 2
        assert not inside.all(1).any()


def test_intersection_is_found_where_only_turned_axes_separate():
    plain = Surface(np.ones(3), "plain", 1.0, 0.0)
    square = LayoutBox(np.array([0.0, 0, 0]), np.array([1.0, 1, 1]), 0.0, plain)
    distance = {True: 0.84, False: 0.86}  # a square turned by 45 degrees at a corner: 0.5 + 0.5 / sqrt(2) / sqrt(2)
    for touches, offset in distance.items():
        center = np.array([offset, offset, 0.0]) * (0.5 + np.sqrt(0.5)) / np.sqrt(2) / 0.85
        assert boxes_intersect(square, LayoutBox(center, np.ones(3), np.pi / 4, plain)) is touches


def world_points(view):
    v, u = np.indices(view.depth.shape)
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(view.intrinsics).T
    return (rays * view.depth[..., None]) @ view.camera_to_world[:3, :3].T + view.camera_to_world[:3, 3]


def look_up(view, column, row):
    """Depth between pixels; inverse depth is linear on a plane, so this is exact there."""
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    right, down, inverse = column - left, row - top, 1 / view.depth.astype(np.float64)
    upper = inverse[top, left] * (1 - right) + inverse[top, left + 1] * right
    lower = inverse[top + 1, left] * (1 - right) + inverse[top + 1, left + 1] * right
    return 1 / (upper * (1 - down) + lower * down)


def test_points_of_two_views_coincide(walks):
    for scene in walks:
        first, second = scene.views[:2]
        seen = (world_points(first) - second.camera_to_world[:3, 3]) @ second.camera_to_world[:3, :3]
        pixel = seen @ second.intrinsics.T
        column, row = pixel[..., 0] / pixel[..., 2], pixel[..., 1] / pixel[..., 2]
        height, width = second.depth.shape
        inside = (seen[..., 2] > 0.1) & (column > 0) & (column < width - 1.01) & (row > 0) & (row < height - 1.01)
        left, top = np.floor(column[inside]).astype(int), np.floor(row[inside]).astype(int)
        around = [second.instances[top + down, left + right] for down in (0, 1) for right in (0, 1)]
        inside[inside] = np.ptp(around, axis=0) == 0  # pixels that straddle an outline have no depth in between
        column, row = column[inside], row[inside]
        difference = look_up(second, column, row) - seen[inside][:, 2]
        assert inside.sum() > 500
        assert np.mean(difference > 0.01) < 0.01  # seen from A and missing in B: only at creases
        same = np.abs(difference) < 0.001
        ids = second.instances[np.round(row).astype(int), np.round(column).astype(int)]
        assert same.sum() > 200
        assert (first.instances[inside][same] == ids[same]).mean() > 0.98


def test_points_of_an_object_lie_on_its_true_box(walks):
    for scene in walks:
        for view in scene.views:
            points = world_points(view)
            for index, thing in enumerate(scene.objects):
                local = np.abs((points[view.instances == index] - thing.center) @ thing.rotation) - thing.size / 2
                np.testing.assert_allclose(local.max(-1), 0, atol=10 * FLOAT32_DEPTH_M)


def test_poses_are_rigid_and_boxes_stand_upright(walks):
    for scene in walks:
        for rotation in [view.camera_to_world[:3, :3] for view in scene.views] + [o.rotation for o in scene.objects]:
            np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
            assert np.linalg.det(rotation) == pytest.approx(1)
        for thing in scene.objects:
            np.testing.assert_allclose(thing.rotation[2], [0, 0, 1], atol=1e-12)


def test_gravity_points_down_in_the_world(walks):
    for view in (view for scene in walks for view in scene.views):
        np.testing.assert_allclose(view.camera_to_world[:3, :3] @ view.gravity_camera, [0, 0, -1], atol=1e-9)


def test_visibility_is_counted_from_the_instance_map(walks):
    for scene in walks:
        for view in scene.views:
            counts = [(view.instances == index).sum() for index in range(len(scene.objects))]
            assert view.visible_pixels.tolist() == counts
            assert (view.visible_share >= 0).all()
            assert (view.visible_share <= 1).all()
        expected = [i for i in range(len(scene.objects)) if scene.visible_pixels[:, i].max() >= 40]
        assert scene.visible_objects == expected


def test_same_arguments_give_the_same_scene_to_the_last_bit():
    settings = BoxSettings(num_views=(1, 3), degraded_share=0.5)
    for index in range(3):
        first, second = make_scene("train", index, settings), make_scene("train", index, settings)
        for a, b in zip(first.views, second.views, strict=True):
            assert np.array_equal(a.image, b.image)
            assert np.array_equal(a.depth, b.depth)
            assert np.array_equal(a.camera_to_world, b.camera_to_world)


def test_image_size_changes_neither_room_nor_camera():
    small, large = make_scene("test", 3), make_scene("test", 3, BoxSettings(image_size_hw=(480, 640)))
    assert large.views[0].image.shape == (480, 640, 3)
    np.testing.assert_array_equal(small.views[0].camera_to_world, large.views[0].camera_to_world)
    np.testing.assert_array_equal(small.objects[0].center, large.objects[0].center)
    assert large.views[0].intrinsics[0, 0] == pytest.approx(small.views[0].intrinsics[0, 0] * 640 / 192)


def test_splits_own_disjoint_seeds_and_different_rooms():
    ranges = [range(start, start + SCENES_PER_SPLIT) for start in SPLIT_SEEDS.values()]
    for first, second in itertools.combinations(ranges, 2):
        assert max(first[0], second[0]) > min(first[-1], second[-1])
    sizes = {tuple(make_scene(split, 0).objects[0].size) for split in SPLIT_SEEDS}
    assert len(sizes) == len(SPLIT_SEEDS)


def test_degraded_depth_has_holes_noise_and_millimetre_steps():
    depth = np.full((144, 192), 2.0, np.float32)
    depth[:, 100:] = 4.0
    degraded = degrade_depth(depth, np.random.default_rng(0))
    measured = degraded > 0
    assert (degraded[:, 100] == 0).all()
    assert 0.5 < measured.mean() < 1
    np.testing.assert_allclose(degraded[measured] * 1000, np.round(degraded[measured] * 1000), atol=1e-3)
    assert (degraded[:, :99][measured[:, :99]] / 2.0).std() == pytest.approx(0.005, rel=0.1)


def test_facts_survive_json_and_rebuild_the_scene(walks):
    facts = json.loads(json.dumps(scene_to_facts(walks[0])))
    rebuilt = scene_from_facts(facts)
    assert rebuilt.settings == walks[0].settings
    assert rebuilt.visible_objects == walks[0].visible_objects
    for a, b in zip(rebuilt.objects, walks[0].objects, strict=True):
        assert np.array_equal(a.center, b.center)
    for a, b in zip(rebuilt.views, walks[0].views, strict=True):
        assert np.array_equal(a.visible_share, b.visible_share)
        assert np.array_equal(a.camera_to_world, b.camera_to_world)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scene_seed("dev", 0), "`split` must be one of .* got 'dev'"),
        (lambda: scene_seed("train", -1), "`index` must be from 0 to 999999999, got -1"),
        (lambda: scene_seed("train", SCENES_PER_SPLIT), "got 1000000000"),
        (lambda: BoxSettings(num_views=(0, 2)), r"`num_views` .* got \(0, 2\)"),
        (lambda: BoxSettings(image_size_hw=(4, 200)), r"`image_size_hw` .* got \(4, 200\)"),
    ],
)
def test_bad_arguments_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
