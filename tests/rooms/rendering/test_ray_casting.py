# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rays into rooms of cubes: depth, instances and places in faces against their closed form."""

import numpy as np
import pytest
from cube_rooms import INTRINSICS, L_SHAPE, RECTANGLE, SIZE_HW, cube_mesh, look_along, make_room, place

from transformers_sr3d.rooms.rendering.ray_casting import (
    CEILING,
    FIRST_WALL,
    FLOOR,
    RayCaster,
    floor_triangles,
    pixel_directions,
    room_triangles,
)
from transformers_sr3d.rooms.world import NO_OBJECT


# Embree computes in float32; rooms are some metres large. A pixel's width on a wall is 100 times as much.
DEPTH_TOLERANCE_M = 1e-4


def caster_of(room):
    return RayCaster(room_triangles(room, [cube_mesh(thing.model.size) for thing in room.objects]))


def cast(caster, camera):
    directions = pixel_directions(camera.intrinsics, camera.image_size_hw, camera.camera_to_world[:3, :3]).T
    return caster.first_hits(camera.camera_to_world[:3, 3], directions), directions


def hit_points(caster, camera):
    hits, directions = cast(caster, camera)
    return camera.camera_to_world[:3, 3] + directions * hits.distances[:, None], hits


def test_facing_side_of_a_cube_has_its_depth_and_area():
    caster = caster_of(make_room([place([0.0, 3.0, 0.5])]))
    hits, _ = cast(caster, look_along())
    shown = caster.instances(hits.faces) == 0
    assert shown.sum() == 20 * 20  # 1 m at 2.5 m, focal length 50
    np.testing.assert_allclose(hits.distances[shown], 2.5, atol=DEPTH_TOLERANCE_M)


def test_walls_floor_and_ceiling_are_where_the_room_ends():
    caster = caster_of(make_room([], floor_z=-0.25))
    points, hits = hit_points(caster, look_along())
    parts = caster.triangles.shell_parts[hits.faces]
    assert set(parts) == {FLOOR, CEILING, FIRST_WALL + 1, FIRST_WALL + 2, FIRST_WALL + 3}
    for part, axis, level in ((FLOOR, 2, -0.25), (CEILING, 2, 2.25), (FIRST_WALL + 1, 0, 3.0), (FIRST_WALL + 2, 1, 6)):
        np.testing.assert_allclose(points[parts == part, axis], level, atol=DEPTH_TOLERANCE_M)


def test_turned_and_stretched_cube_is_hit_on_its_surface():
    thing = place([0.3, 3.0, 0.6], size=[0.8, 0.5, 1.2], angle=0.7)
    caster = caster_of(make_room([thing]))
    points, hits = hit_points(caster, look_along(pitch=-0.1))
    own = (points[caster.instances(hits.faces) == 0] - thing.center) @ thing.rotation / thing.size
    assert len(own) > 300
    np.testing.assert_allclose(np.abs(own).max(axis=1), 0.5, atol=3 * DEPTH_TOLERANCE_M)


def test_weights_of_the_corners_give_the_place_that_was_hit():
    caster = caster_of(make_room([place([0.0, 3.0, 0.5], angle=0.4)]))
    points, hits = hit_points(caster, look_along())
    corners = caster.triangles.vertices[caster.triangles.faces[hits.faces]]
    weights = np.stack((1 - hits.u - hits.v, hits.u, hits.v), axis=1)
    np.testing.assert_allclose(np.einsum("pc,pcd->pd", weights, corners), points, atol=DEPTH_TOLERANCE_M)
    some = hits.take(np.array([7, 5]))
    assert (some.faces.tolist(), some.u.tolist()) == (hits.faces[[7, 5]].tolist(), hits.u[[7, 5]].tolist())


def test_two_views_agree_on_where_the_surface_is():
    caster = caster_of(make_room([place([0.2, 3.0, 0.5], angle=0.4), place([-1.0, 4.0, 0.5], angle=1.0)]))
    points, _ = hit_points(caster, look_along())
    other = np.array([1.5, 0.5, 1.4])
    reach = caster.first_hits(other, points - other).distances  # 1: seen from there too, less: hidden
    assert (reach < 1 + DEPTH_TOLERANCE_M).all()
    assert 0.5 < (reach > 1 - DEPTH_TOLERANCE_M).mean() < 0.99


@pytest.mark.parametrize("floor", [RECTANGLE, L_SHAPE])
def test_no_ray_leaves_a_room(floor):
    caster = caster_of(make_room([], floor=floor))
    rng = np.random.default_rng(0)
    origins = np.column_stack((rng.uniform(0.1, 1.9, (20000, 2)), rng.uniform(0.1, 2.4, 20000)))
    hits = caster.first_hits(origins, rng.normal(size=(20000, 3)))
    assert (hits.faces >= 0).all()
    assert (caster.instances(hits.faces) == NO_OBJECT).all()


@pytest.mark.parametrize("shift", range(6))
def test_triangles_of_an_l_cover_it_from_any_first_corner(shift):
    corners = np.roll(L_SHAPE, shift, axis=0)
    first, second, third = np.moveaxis(corners[floor_triangles(corners)], 1, 0)
    (ax, ay), (bx, by) = (second - first).T, (third - first).T
    areas = (ax * by - ay * bx) / 2
    assert (areas > 0).all()
    assert areas.sum() == pytest.approx(5 * 2 + 3 * 2)


def test_way_is_blocked_only_by_what_stands_between():
    caster = caster_of(make_room([place([0.0, 3.0, 0.5])]))
    ways = np.array([[0.0, 2.4, 0.0], [0.0, 2.6, 0.0], [2.0, 2.6, 0.0]])
    assert caster.blocked(np.array([0.0, 0.0, 0.5]), ways).tolist() == [False, True, False]


def test_rays_of_limited_length_tell_how_far_they_get():
    caster = caster_of(make_room([place([0.0, 3.0, 0.5])]))
    ways = np.array([[0.0, 2.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 1.0]])
    shares = caster.free_shares(np.array([0.0, 0.0, 0.5]), ways)
    np.testing.assert_allclose(shares, [1, 0.5, 1], atol=DEPTH_TOLERANCE_M)


def test_faces_alone_are_those_of_the_hits():
    caster = caster_of(make_room([place([0.0, 3.0, 0.5], angle=0.4)]))
    hits, directions = cast(caster, look_along())
    assert np.array_equal(caster.first_faces(np.array([0.0, 0.0, 0.5]), directions), hits.faces)


def test_pixel_centres_are_at_integers():
    directions = pixel_directions(INTRINSICS, SIZE_HW, np.eye(3)).reshape(3, *SIZE_HW)
    np.testing.assert_allclose(directions[:, 0, 0], [-39.5 / 50, -29.5 / 50, 1], rtol=1e-6)
    np.testing.assert_allclose(directions[2], 1)
    np.testing.assert_allclose(INTRINSICS @ directions[:, 7, 5], [5, 7, 1], atol=1e-5)


def test_rays_turn_with_the_camera():
    camera = look_along(yaw=0.4, pitch=-0.3)
    turned = pixel_directions(INTRINSICS, SIZE_HW, camera.camera_to_world[:3, :3])
    expected = camera.camera_to_world[:3, :3] @ pixel_directions(INTRINSICS, SIZE_HW, np.eye(3))
    np.testing.assert_allclose(turned, expected, atol=1e-6)
