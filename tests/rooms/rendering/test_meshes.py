# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Meshes made ready for shading: normals across and along creases, and which texel a place shows."""

import numpy as np
import pytest
from cube_rooms import CubeFurniture, cube_mesh, lit_room, make_room, place

from transformers_sr3d.rooms.rendering.meshes import (
    TEXTURE_LEVELS,
    prepare_mesh,
    prepared_mesh,
    smooth_normals,
    texture_colors,
)
from transformers_sr3d.rooms.rendering.ray_casting import Hits


def cylinder(sides, flipped=()):
    """The side of a cylinder around z; sides in `flipped` are wound the other way."""
    angles = 2 * np.pi * np.arange(sides) / sides
    ring = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    vertices = np.concatenate([np.column_stack((ring, np.full(sides, z))) for z in (0.0, 1.0)])
    faces = []
    for start in range(sides):
        end = (start + 1) % sides
        pair = [[start, end, sides + end], [start, sides + end, sides + start]]
        faces += [corners[::-1] if start in flipped else corners for corners in pair]
    return vertices.astype(np.float32), np.array(faces)


def test_cube_keeps_its_edges():
    mesh = cube_mesh()
    normals = smooth_normals(mesh.vertices, mesh.faces)
    np.testing.assert_allclose(normals, np.repeat(normals[:, :1], 3, axis=1), atol=1e-6)
    np.testing.assert_allclose(np.abs(normals).max(axis=2), 1, atol=1e-6)


@pytest.mark.parametrize("flipped", [(), (3, 4, 9)])
def test_cylinder_is_round_however_its_sides_are_wound(flipped):
    vertices, faces = cylinder(24, flipped)
    normals = smooth_normals(vertices, faces)
    outwards = vertices[faces] * [1, 1, 0]
    inside_out = np.repeat([side in flipped for side in range(24)], 2)
    # One corner of each side counts twice, because two triangles of it meet there: up to 2.5 degrees.
    assert (np.einsum("fcd,fcd->fc", normals, outwards) * np.where(inside_out, -1, 1)[:, None] > 0.999).all()


def test_degenerate_face_has_a_normal_of_unit_length():
    normals = smooth_normals(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]]))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1)


def test_normals_of_a_stretched_object_stay_upright_on_its_surface():
    mesh = cube_mesh()
    room = make_room([place([0, 3, 1], size=[2.0, 0.5, 1.0], angle=0.6)])
    tables = lit_room(room, mesh).tables
    normals = tables.corner_normals[-12:]
    units = normals / np.linalg.norm(normals, axis=2, keepdims=True)
    np.testing.assert_allclose(units, np.repeat(tables.face_normals.T[-12:, None], 3, axis=1), atol=1e-5)


def colors_at(texture, uv, footprint):
    """Colours of a cube's first face at texture coordinates in its first triangle."""
    lit = lit_room(make_room([place([0, 3, 0.5])]), cube_mesh(texture=texture))
    face = len(lit.caster.triangles.shell_parts)
    right, up = np.array(uv, np.float32).T
    # The corners are at uv (0, 0), (1, 0) and (1, 1).
    hits = Hits(np.full(len(up), face), np.ones(len(up), np.float32), right - up, up)
    return texture_colors(lit.tables, hits, np.full(len(up), footprint))


def test_texture_is_read_with_v_upwards():
    texture = np.zeros((2, 2, 3), np.uint8)
    texture[0, 1], texture[1, 0], texture[1, 1] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    found = colors_at(texture, [(0.95, 0.9), (0.2, 0.1), (0.9, 0.1)], 0.01)
    assert found.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_texture_fades_to_its_mean_where_a_pixel_covers_it():
    texture = np.zeros((16, 16, 3), np.uint8)
    texture[::2] = 200
    assert set(colors_at(texture, [(0.9, y) for y in (0.03, 0.1, 0.16, 0.22)], 0.01)[:, 0]) == {0, 200}
    assert (colors_at(texture, [(0.9, y) for y in (0.03, 0.1, 0.16, 0.22)], 0.2) == 100).all()


def test_plain_colour_is_one_texel_at_every_level():
    ready = prepare_mesh(cube_mesh(color=(10, 20, 30)))
    assert ready.texels.tolist() == [[10, 20, 30]]
    assert ready.layouts.tolist() == [[[0, 1, 1]] * TEXTURE_LEVELS]


def test_prepared_mesh_is_kept_for_its_furniture():
    first, second = CubeFurniture(), CubeFurniture()
    assert prepared_mesh(first, "chair") is prepared_mesh(first, "chair")
    assert prepared_mesh(first, "chair") is not prepared_mesh(second, "chair")


def test_mesh_without_material_is_refused():
    mesh = cube_mesh()
    bare = type(mesh)(**(vars(mesh) | {"colors": np.zeros((0, 3), np.uint8), "textures": []}))
    with pytest.raises(ValueError, match="`mesh` must have at least one material, got none"):
        prepare_mesh(bare)
