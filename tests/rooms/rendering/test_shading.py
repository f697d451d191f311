# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Light in rooms of cubes: known colours under light from everywhere, shadows, paint and the camera."""

from dataclasses import replace

import numpy as np
import pytest
from cube_rooms import SIZE_HW, cube_mesh, lit_room, look_along, make_room, place

from transformers_sr3d.rooms.rendering.looks import draw_look
from transformers_sr3d.rooms.rendering.patterns import KINDS, Opening, Pattern, paint, paint_opening
from transformers_sr3d.rooms.rendering.photo import develop
from transformers_sr3d.rooms.rendering.ray_casting import pixel_directions
from transformers_sr3d.rooms.rendering.shading import LINEAR_OF_SRGB, shade, shade_view, surface_colors, surface_of
from transformers_sr3d.rooms.rendering.soft_light import SPHERE, SPREAD, soft_light


def seen_by(lit, camera):
    directions = pixel_directions(camera.intrinsics, camera.image_size_hw, camera.camera_to_world[:3, :3])
    eye = camera.camera_to_world[:3, 3]
    hits = lit.caster.first_hits(eye, directions.T)
    return hits, surface_of(lit, hits, directions, eye)


def with_look(lit, **changes):
    return replace(lit, look=replace(lit.look, **changes))


def test_texture_colour_is_seen_as_it_is_under_light_from_everywhere():
    texture = np.full((4, 4, 3), (250, 40, 90), np.uint8)
    texture[:, 2:] = (20, 200, 70)
    lit = lit_room(make_room([place([0, 3, 1.2])]), cube_mesh(texture=texture))
    hits, surface = seen_by(lit, look_along(eye=(0, 0, 1.2)))
    open_space = np.ones((2, len(hits.faces)), np.float32)
    color = shade(lit, hits, surface, open_space, eye=np.array([0, 0, 1.2]), focal_px=50.0).reshape(3, *SIZE_HW)
    left, right = color[:, 29, 34], color[:, 29, 46]  # of the side that faces the camera, seen from outside
    np.testing.assert_allclose(left, LINEAR_OF_SRGB[[250, 40, 90]], rtol=1e-4)
    np.testing.assert_allclose(right, LINEAR_OF_SRGB[[20, 200, 70]], rtol=1e-4)


def test_tint_and_own_light_change_only_their_object():
    lit = lit_room(make_room([place([-0.7, 3, 1.2]), place([0.7, 3, 1.2])]))
    lit = with_look(lit, tints=np.array([[0.5, 1, 1], [1, 1, 1]]), glow=np.array([0.0, 2.0]))
    hits, surface = seen_by(lit, look_along(eye=(0, 0, 1.2)))
    albedo, own_light = surface_colors(lit, hits, surface, np.array([0, 0, 1.2]), 50.0)
    owners = lit.caster.instances(hits.faces)
    red = LINEAR_OF_SRGB[188]
    np.testing.assert_allclose(albedo[0, owners == 0], red / 2, rtol=1e-5)
    np.testing.assert_allclose(own_light[0, owners == 1], 2 * red, rtol=1e-5)
    assert not own_light[:, owners != 1].any()


def test_normals_look_at_the_camera():
    lit = lit_room(make_room([place([0, 3, 0.5], angle=0.5)]))
    camera = look_along()
    _, surface = seen_by(lit, camera)
    towards = camera.camera_to_world[:3, 3:] - surface.points
    assert ((surface.flat_normals * towards).sum(axis=0) >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=0), 1, atol=1e-5)


def test_lamp_lights_the_floor_but_not_below_a_cube():
    lit = lit_room(make_room([place([0, 2.0, 1.5])]), ambient=0.0, lamp=1.0)
    _, surface = seen_by(lit, look_along(pitch=-0.4, eye=(0, -0.5, 1.0)))
    seen, openness = soft_light(lit.caster, lit.look.lights[0], surface, SIZE_HW)
    x, y, z = surface.points
    floor = z < 0.01
    # The lamp hangs at 2.3 m above the middle; the cube from 1 to 2 m throws a shadow 2.3 / 0.3 times as wide.
    assert floor.sum() > 500
    assert (seen[floor & (np.hypot(x, y - 2) < 1.0)] < 0.01).all()
    assert (openness[floor] > 0.3).all()
    assert shade_view(lit, look_along(pitch=-0.4, eye=(0, -0.5, 1.0)))[1].max() > 0


def test_open_floor_sees_the_light_and_corners_are_darker():
    lit = lit_room(make_room([]), lamp=1.0)
    _, surface = seen_by(lit, look_along(pitch=-0.5, eye=(0, 0.5, 1.0)))
    seen, openness = soft_light(lit.caster, lit.look.lights[0], surface, SIZE_HW)
    assert seen.min() == pytest.approx(1)
    x, y, z = surface.points
    floor = z < 0.01
    middle = floor & (np.maximum(np.abs(x), np.abs(y - 2.5)) < 1)
    corner = floor & (y > 5.7)
    assert openness[middle].mean() > 0.98
    assert openness[corner].mean() < 0.95


def test_rays_of_the_soft_light_are_spread_evenly():
    assert (np.sort(SPREAD, axis=0)[:, 0] == np.sort(SPREAD, axis=0)[:, 1]).all()
    np.testing.assert_allclose(np.diff(np.sort(SPREAD[:, 0])), 1 / 8)
    np.testing.assert_allclose(np.linalg.norm(SPHERE, axis=1), 1, atol=1e-6)
    assert np.abs(SPHERE.mean(axis=0)).max() < 0.1


def test_smoothed_edges_leave_geometry_and_flat_places_alone():
    lit = lit_room(make_room([place([0.05, 3.0, 1.21], angle=0.3)]), lamp=0.5)
    camera = look_along(eye=(0, 0, 1.2))
    hits, rough = shade_view(lit, camera)
    smooth_hits, smooth = shade_view(with_look(lit, camera=replace(lit.look.camera, smooth_edges=True)), camera)
    assert np.array_equal(hits.distances, smooth_hits.distances)
    changed = np.abs(smooth - rough).max(axis=0) > 1e-4
    assert 0.005 < changed.mean() < 0.2
    assert smooth.min() >= rough.min() - 1e-4
    assert smooth.max() <= rough.max() + 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_paint_is_a_colour_and_calm_where_pixels_are_wide(kind):
    pattern = Pattern(kind, np.full(3, 0.4), np.full(3, 0.2), (0.3, 0.2), 0.3, 0.2)
    x, y = np.random.default_rng(0).uniform(-5, 5, (2, 4000)).astype(np.float32)
    near, far = (paint(pattern, x, y, np.full(4000, footprint, np.float32)) for footprint in (0.001, 0.5))
    assert near.dtype == np.float32
    assert near.min() >= 0
    assert near.max() <= 1
    assert near.std() > 0.01
    assert far.std() < 0.02


def test_checker_and_stripes_change_at_half_metres():
    for kind, places in (
        ("checker", [[0.2, 0.2], [0.7, 0.2], [0.7, 0.7]]),
        ("stripes", [[0.2, 0], [0.4, 0], [0.2, 5]]),
    ):
        period = (0.5, 0.5) if kind == "checker" else (0.6, 0.6)
        pattern = Pattern(kind, np.ones(3) * 0.6, np.zeros(3), period, 0.0, 0.0)
        x, y = np.array(places, np.float32).T
        dark = paint(pattern, x, y, np.full(3, 1e-4, np.float32))[0] < 0.3
        assert dark.tolist() == ([False, True, False] if kind == "checker" else [True, False, True])


def test_window_shines_and_door_does_not():
    colors = (np.full(3, 0.5), np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.1]))
    window = Opening("window", 0, 1.0, 2.0, 1.0, 2.0, *colors, num_panes=(1, 1))
    albedo, light = paint_opening(window, np.array([1.01, 1.5, 1.5]), np.array([1.5, 1.2, 1.9]))
    assert albedo[0].tolist() == [0.5, 0, 0]
    assert light[:, 0].max() == 0
    assert light[2, 2] == pytest.approx(3)
    _, light = paint_opening(replace(window, kind="door"), np.array([1.5]), np.array([1.5]))
    assert not light.any()


def test_camera_brings_every_room_to_similar_brightness():
    rng = np.random.default_rng(0)
    look = draw_look(make_room([place([0, 3, 0.5])]), np.random.default_rng(1)).camera
    color = rng.uniform(0.2, 0.4, (3, 60, 80)).astype(np.float32)
    dim, bright = (develop(color * gain, replace(look, noise=0.0), np.random.default_rng(2)) for gain in (0.01, 5))
    assert dim.dtype == np.uint8
    assert np.abs(dim.astype(int) - bright).max() <= 2
    assert 60 < dim.mean() < 200


def test_blur_keeps_a_flat_picture():
    look = draw_look(make_room([]), np.random.default_rng(1)).camera
    look = replace(look, blur=0.12, noise=0.0, vignette=0.0, white=np.ones(3))
    picture = develop(np.full((3, 20, 30), 0.3, np.float32), look, np.random.default_rng(0))
    assert len(np.unique(picture)) == 1


def test_look_is_the_same_for_the_same_random_numbers():
    room = make_room([place([0, 3, 0.5]), place([1, 3, 0.5])])
    first, second = (draw_look(room, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.tints, second.tints)
    assert [vars(a).keys() for a in first.openings] == [vars(b).keys() for b in second.openings]
    assert np.array_equal(first.lights[0].center, second.lights[0].center)


def test_doors_and_windows_are_not_hidden_behind_furniture():
    wardrobe = place([0, 5.6, 1.0], size=[5.9, 0.7, 2.0])  # fills the wall at y = 6
    for seed in range(15):
        for opening in draw_look(make_room([wardrobe]), np.random.default_rng(seed)).openings:
            assert opening.wall != 2 or opening.bottom > 2.0
