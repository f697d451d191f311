# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Cameras in furnished rooms: in free space, within their limits, and looking at something."""

import numpy as np
import pytest
from cube_rooms import L_SHAPE, lit_room, look_along, make_room, place

from transformers_sr3d.rooms.rendering.cameras import (
    ASPECTS,
    HORIZONTAL_FOV_DEG,
    LONGEST_FOV_DEG,
    PITCH_DEG,
    TURN_DEG,
    draw_lens,
    look_rotation,
    photo_camera,
    probe_views,
    walk_cameras,
)
from transformers_sr3d.rooms.rendering.free_space import CLEARANCE_M, WALL_CLEARANCE_M, FreeSpace
from transformers_sr3d.rooms.rendering.walking import walk_positions


PRINCIPAL_POINT = np.array([[0.0, 0, 39.5], [0, 0, 29.5], [0, 0, 0]])
THINGS = [
    place([-2.2, 5.0, 0.5], angle=0.3),
    place([0.0, 5.2, 0.4], size=[1.6, 0.8, 0.8]),
    place([2.3, 4.8, 0.5], angle=1.0),
    place([2.2, 1.0, 1.0], size=[0.8, 0.8, 2.0]),
    place([-0.2, 5.2, 0.9], size=[0.3, 0.2, 0.2], support=1),
    place([0.3, 5.2, 0.95], size=[0.2, 0.2, 0.3], support=1),
]


@pytest.fixture(scope="module")
def lit():
    return lit_room(make_room(THINGS))


def box_distance(place, thing):
    own = np.abs((place - thing.center) @ thing.rotation) - thing.size / 2
    return np.linalg.norm(np.maximum(own, 0))


def angles(camera):
    """Yaw and pitch of the optical axis, degrees."""
    x, y, z = camera.camera_to_world[:3, 2]
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arcsin(z))


def test_lens_stays_within_its_angles_and_aspects():
    for seed in range(60):
        lens = draw_lens(np.random.default_rng(seed), 256)
        height, width = lens.image_size_hw
        assert max(height, width) == 256
        assert min(abs(width / height - aspect) for aspect in ASPECTS) < 0.01
        longest = 2 * np.degrees(np.arctan(128 / lens.intrinsics[0, 0]))
        assert HORIZONTAL_FOV_DEG[0] - 35 < np.degrees(lens.fov) <= HORIZONTAL_FOV_DEG[1] + 1e-9
        assert longest <= LONGEST_FOV_DEG + 1e-9
        assert lens.intrinsics[0, 0] == lens.intrinsics[1, 1]


def test_lens_is_the_same_camera_at_every_size():
    small, large = (draw_lens(np.random.default_rng(3), size) for size in (128, 512))
    assert small.fov == pytest.approx(large.fov, abs=0.02)


def test_level_camera_that_looks_north_has_opencv_axes():
    expected = np.stack(([1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]), axis=1)  # right, down, forward
    np.testing.assert_allclose(look_rotation(np.pi / 2, 0.0, 0.0), expected, atol=1e-12)
    assert look_rotation(0.3, 0.2, 0.0)[2, 2] == pytest.approx(np.sin(0.2))
    np.testing.assert_allclose(look_rotation(0.3, 0.2, 0.1) @ look_rotation(0.3, 0.2, 0.1).T, np.eye(3), atol=1e-12)


def test_photos_are_free_within_their_limits_and_show_things(lit):
    counts = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        camera = photo_camera(lit.room, lit.caster, draw_lens(rng, 128), rng)
        eye = camera.camera_to_world[:3, 3]
        assert min(box_distance(eye, thing) for thing in THINGS) > CLEARANCE_M
        assert (eye > [-2.8, -0.8, 0.2]).all()
        assert (eye < [2.8, 5.8, 2.3]).all()
        assert PITCH_DEG[0] - 1e-6 <= angles(camera)[1] <= PITCH_DEG[1] + 1e-6
        counts.append(probe_views(lit.room, lit.caster, [camera])[0].seen.sum())
    assert min(counts) >= 1
    assert np.median(counts) >= 3


def test_walk_is_smooth_and_shows_most_things(lit):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        cameras = walk_cameras(lit.room, lit.caster, draw_lens(rng, 128), 8, rng)
        assert len(cameras) == 8
        assert len({camera.intrinsics.tobytes() for camera in cameras}) == 1
        eyes = np.stack([camera.camera_to_world[:3, 3] for camera in cameras])
        assert np.linalg.norm(np.diff(eyes, axis=0), axis=1).max() < 1.0
        assert (eyes[:, 2] > 1.1).all()
        assert (eyes[:, 2] < 1.9).all()
        yaws = np.unwrap([np.radians(angles(camera)[0]) for camera in cameras])
        assert np.abs(np.diff(yaws)).max() <= np.radians(TURN_DEG) + 1e-6
        shown = np.any([probe_views(lit.room, lit.caster, [camera])[0].seen for camera in cameras], axis=0)
        assert shown.sum() >= 4


def test_walk_goes_over_free_floor():
    space = FreeSpace(make_room(THINGS))
    for seed in range(6):
        positions = walk_positions(space, 6, np.random.default_rng(seed))
        assert space.is_walkable(positions[:, :2]).all()
        steps = np.linalg.norm(np.diff(positions[:, :2], axis=0), axis=1)
        assert steps.max() - steps.min() < 0.15  # corners make steps a little shorter


def test_full_room_is_looked_at_from_one_place():
    space = FreeSpace(make_room([place([0, 2.5, 1.2], size=[6.0, 7.0, 2.4])]))
    positions = walk_positions(space, 3, np.random.default_rng(0))
    assert (positions == positions[0]).all()


def test_space_is_free_outside_of_boxes_and_inside_of_walls():
    space = FreeSpace(make_room([place([0, 3, 0.5], angle=np.pi / 4)]))
    near = CLEARANCE_M + np.sqrt(0.5)
    places = [
        [near + 0.01, 3, 0.5],
        [near - 0.01, 3, 0.5],
        [0, 3, 1.2],
        [0, 3, 1.3],
        [2.9, 0, 1],
        [4, 0, 1],
        [0, 0, 2.4],
    ]
    assert space.is_free(np.array(places)).tolist() == [True, False, False, True, False, False, False]


def test_notch_of_an_l_is_outside():
    space = FreeSpace(make_room([], floor=L_SHAPE))
    places = [[1, 3, 1], [4, 1, 1], [4, 3, 1], [3 - WALL_CLEARANCE_M / 2, 3, 1], [2.9, 1.9, 1]]
    assert space.is_free(np.array(places, float)).tolist() == [True, True, False, False, False]
    drawn = space.draw_many(np.random.default_rng(0), (0.5, 1.5), 4000)
    assert not ((drawn[:, 0] > 3) & (drawn[:, 1] > 2)).any()
    assert (drawn[:, 0] > 3).mean() == pytest.approx(4 / 16, abs=0.03)


def test_person_walks_over_carpets_and_below_lamps_but_not_through_tables():
    carpet = place([-1, 2, 0.01], size=[1, 1, 0.02])
    lamp = place([0, 2, 2.2], size=[0.4, 0.4, 0.4])
    table = place([1.5, 2, 0.4], size=[1, 1, 0.8])
    space = FreeSpace(make_room([carpet, lamp, table]))
    assert space.is_walkable(np.array([[-1.0, 2], [0, 2], [1.5, 2], [0.85, 2]])).tolist() == [True, True, False, False]


def test_probe_counts_shares_of_the_whole_image():
    room = make_room([place([0, 2.5, 1.25], size=[6, 0.2, 2.5])])
    camera = look_along(eye=(0, 0, 1.25), size_hw=(60, 80), intrinsics=np.diag([40.0, 40.0, 1.0]) + PRINCIPAL_POINT)
    away = look_along(yaw=-np.pi / 2, eye=(0, 0, 1.25), size_hw=(60, 80), intrinsics=camera.intrinsics)
    probe, empty = probe_views(room, lit_room(room).caster, [camera, away])
    assert empty.shares.tolist() == [0]
    assert probe.shares[0] == pytest.approx(2.5 / 2.4 * 40 / 60, abs=0.03)
    assert probe.seen.tolist() == [True]
