# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Meshes made ready for shading: mesh -> smooth normals and one flat list of texels -> tables of a whole room.

Colour lookups must not loop over objects. So every material becomes a texture (a plain colour is one texel), every
texture a pyramid of ever smaller pictures, and all of them lie behind one another in one array. Which level a pixel
reads follows from how many texels it covers, which spares most of the aliasing that one ray per pixel would show.

May import: NumPy and siblings in `rooms`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np

from transformers_sr3d.rooms.rendering.ray_casting import Hits, RoomTriangles
from transformers_sr3d.rooms.world import FurnitureMesh, FurnitureModel, Room


TEXTURE_LEVELS = 6
# Faces that meet at a smaller angle are shaded as one round surface.
CREASE_COSINE = float(np.cos(np.radians(38)))
MAX_FACES_PER_CORNER = 32
WELD_M = 1e-4
TINY = 1e-12
MAX_CACHED_MESHES = 300


@dataclass(frozen=True)
class PreparedMesh:
    """A mesh with what shading looks up.

    Attributes:
        mesh (`FurnitureMesh`): The mesh.
        corner_normals (`np.ndarray` of shape `(F, 3, 3)`, float32): Unit length, own frame.
        texel_density (`np.ndarray` of shape `(F,)`, float32): Texels per metre on each face.
        texels (`np.ndarray` of shape `(T, 3)`, uint8): sRGB.
        layouts (`np.ndarray` of shape `(M, L, 3)`, int32): Where each level of each material's texture starts in
            `texels`, its width and its height.
    """

    mesh: FurnitureMesh
    corner_normals: np.ndarray
    texel_density: np.ndarray
    texels: np.ndarray
    layouts: np.ndarray


@dataclass(frozen=True)
class SurfaceTables:
    """What shading looks up for every face of a room; the faces of the shell come first and have no texture.

    Attributes:
        face_normals (`np.ndarray` of shape `(3, F)`, float32): World, unit length, by the order of the corners.
        corner_normals (`np.ndarray` of shape `(F, 3, 3)`, float32): World, about unit length.
        corner_uv (`np.ndarray` of shape `(F, 3, 2)`, float32): Texture coordinates.
        face_materials (`np.ndarray` of shape `(F,)`, int32): Row of `layouts`.
        texel_density (`np.ndarray` of shape `(F,)`, float32): Texels per metre.
        texels (`np.ndarray` of shape `(T, 3)`, uint8): sRGB.
        layouts (`np.ndarray` of shape `(M, L, 3)`, int32): Start, width and height of each level.
    """

    face_normals: np.ndarray
    corner_normals: np.ndarray
    corner_uv: np.ndarray
    face_materials: np.ndarray
    texel_density: np.ndarray
    texels: np.ndarray
    layouts: np.ndarray


class Furniture(Protocol):
    """Where models and meshes come from, for example a `FurniturePack`."""

    def models_of(self, split: str) -> list[FurnitureModel]:
        """Give the models of a split."""
        ...

    def mesh(self, key: str) -> FurnitureMesh:
        """Read the mesh of a model."""
        ...


def prepared_mesh(furniture: Furniture, key: str) -> PreparedMesh:
    """Read and prepare a mesh, or give it again: the last `MAX_CACHED_MESHES` of each furniture are kept.

    Args:
        furniture (`Furniture`): Where it comes from.
        key (`str`): `FurnitureModel.key`.

    Returns:
        `PreparedMesh`: The mesh; it must not be changed.
    """
    known = _PREPARED.setdefault(furniture, {})
    if key not in known:
        if len(known) >= MAX_CACHED_MESHES:
            known.pop(next(iter(known)))
        known[key] = prepare_mesh(furniture.mesh(key))
    return known[key]


_PREPARED: WeakKeyDictionary[Furniture, dict[str, PreparedMesh]] = WeakKeyDictionary()


def prepare_mesh(mesh: FurnitureMesh) -> PreparedMesh:
    """Make a mesh ready for shading.

    Args:
        mesh (`FurnitureMesh`): The mesh.

    Returns:
        `PreparedMesh`: With normals and texels.
    """
    texels, layouts = _texture_pyramids(mesh)
    normals = smooth_normals(mesh.vertices, mesh.faces)
    return PreparedMesh(mesh, normals, _texel_density(mesh, layouts), texels, layouts)


def smooth_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Average at each corner the normals of the faces around it that are not across a crease.

    Faces are weighted by area. Faces wound the other way are turned first, because catalogues mix both.

    Args:
        vertices (`np.ndarray` of shape `(V, 3)`): Metres.
        faces (`np.ndarray` of shape `(F, 3)`, int): Vertex numbers.

    Returns:
        `np.ndarray` of shape `(F, 3, 3)`, float32: A unit normal per corner, on the side of its face's normal.
    """
    corners = vertices[faces].astype(np.float64)
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    units = _unit(areas)
    welded = _weld(vertices)[faces].ravel()
    order = np.argsort(welded, kind="stable")
    # In this order the corners at one place are neighbours.
    places, around, facing = welded[order], areas[order // 3].T.copy(), units[order // 3].T.copy()
    total, first = around.copy(), np.arange(len(order))
    for shift in range(1, MAX_FACES_PER_CORNER):
        first = first[: np.searchsorted(first, len(order) - shift)]
        first = first[places.take(first) == places.take(first + shift)]
        if not len(first):
            break
        cosine = sum(row.take(first) * row.take(first + shift) for row in facing)
        keep = np.abs(cosine) > CREASE_COSINE
        near, side = first[keep], np.sign(cosine[keep])
        for row, area in zip(total, around, strict=True):
            row[near] += side * area.take(near + shift)
            row[near + shift] += side * area.take(near)
    lengths = np.sqrt((total * total).sum(axis=0))
    normals = np.empty((len(order), 3), np.float32)
    normals[order] = np.where(lengths > TINY, total / np.maximum(lengths, TINY), [[0.0], [0.0], [1.0]]).T
    return normals.reshape(-1, 3, 3)


def surface_tables(room: Room, meshes: Sequence[PreparedMesh], triangles: RoomTriangles) -> SurfaceTables:
    """Join the tables of all objects, with their normals turned into the world.

    Args:
        room (`Room`): The room.
        meshes (`Sequence[PreparedMesh]`): In the order of `room.objects`.
        triangles (`RoomTriangles`): Of the same room and meshes.

    Returns:
        `SurfaceTables`: In the order of the faces of `triangles`.
    """
    num_shell_faces = len(triangles.shell_parts)
    normals = [np.zeros((num_shell_faces, 3, 3), np.float32)]
    uv = [np.zeros((num_shell_faces, 3, 2), np.float32)]
    materials, density = [np.zeros(num_shell_faces, np.int32)], [np.zeros(num_shell_faces, np.float32)]
    texels, layouts = [np.zeros((1, 3), np.uint8)], [np.tile(np.array([0, 1, 1], np.int32), (1, TEXTURE_LEVELS, 1))]
    num_texels, num_materials = 1, 1
    for thing, ready in zip(room.objects, meshes, strict=True):
        shrink = np.array(thing.model.size) / thing.size
        turn = (thing.rotation * shrink).T.astype(np.float32)
        normals.append((ready.corner_normals.reshape(-1, 3) @ turn).reshape(-1, 3, 3))
        uv.append(ready.mesh.corner_uv)
        materials.append(ready.mesh.face_materials.astype(np.int32) + num_materials)
        density.append(ready.texel_density * np.float32(shrink.mean()))
        texels.append(ready.texels)
        layouts.append(ready.layouts + np.array([num_texels, 0, 0], np.int32))
        num_texels, num_materials = num_texels + len(ready.texels), num_materials + len(ready.layouts)
    joined = [np.concatenate(parts) for parts in (normals, uv, materials, density, texels, layouts)]
    return SurfaceTables(_face_normals(triangles), *joined)


def _face_normals(triangles: RoomTriangles) -> np.ndarray:
    """Unit normals by the order of the corners, `(3, F)`, float32."""
    places, faces = triangles.vertices.T.astype(np.float32), triangles.faces.T.astype(np.intp)
    first, second, third = (places.take(numbers, axis=1) for numbers in faces)
    (ax, ay, az), (bx, by, bz) = second - first, third - first
    normals = np.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx))
    x, y, z = normals
    normals /= np.sqrt(x * x + y * y + z * z).clip(TINY)
    return normals


def texture_colors(tables: SurfaceTables, hits: Hits, footprint: np.ndarray) -> np.ndarray:
    """Look up the colour of what each ray meets.

    Args:
        tables (`SurfaceTables`): Of the room.
        hits (`Hits`): On objects, shape `(P,)`.
        footprint (`np.ndarray` of shape `(P,)`): Width of a pixel on the surface, metres.

    Returns:
        `np.ndarray` of shape `(P, 3)`, uint8: sRGB.
    """
    covered = np.maximum(tables.texel_density.take(hits.faces) * footprint, 1)
    level = np.minimum(np.log2(covered).astype(np.int32), TEXTURE_LEVELS - 1)
    start, width, height = tables.layouts[tables.face_materials.take(hits.faces), level].T
    first, second, third = tables.corner_uv.take(hits.faces, axis=0).transpose(1, 2, 0)
    u, v = first * (1 - hits.u - hits.v) + second * hits.u + third * hits.v
    column = np.minimum(((u - np.floor(u)) * width).astype(np.int32), width - 1)
    row = np.minimum(((1 - (v - np.floor(v))) * height).astype(np.int32), height - 1)
    return tables.texels.take(start + row * width + column, axis=0)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(TINY)


def _weld(vertices: np.ndarray) -> np.ndarray:
    """Number of the place of each vertex; vertices within a tenth of a millimetre share one."""
    steps = np.round(vertices.astype(np.float64) / WELD_M).astype(np.int64)
    steps -= steps.min(axis=0, initial=0)
    packed = (steps[:, 0] << 42) | (steps[:, 1] << 21) | steps[:, 2]
    return np.unique(packed, return_inverse=True)[1]


def _texture_pyramids(mesh: FurnitureMesh) -> tuple[np.ndarray, np.ndarray]:
    pieces: list[np.ndarray] = []
    layouts = np.empty((len(mesh.colors), TEXTURE_LEVELS, 3), np.int32)
    start = 0
    for material, (color, texture) in enumerate(zip(mesh.colors, mesh.textures, strict=True)):
        picture = color.reshape(1, 1, 3) if texture is None else texture
        for level in range(TEXTURE_LEVELS):
            height, width = picture.shape[:2]
            layouts[material, level] = start, width, height
            smaller = _halve(picture)
            if level == TEXTURE_LEVELS - 1 or smaller.shape != picture.shape:
                pieces.append(picture.reshape(-1, 3))
                start += height * width
                picture = smaller
    if not pieces:
        raise ValueError("`mesh` must have at least one material, got none. Give it a colour.")
    return np.concatenate(pieces).astype(np.uint8), layouts


def _halve(picture: np.ndarray) -> np.ndarray:
    """Average blocks of 2 x 2 texels; a side of 1 stays, an odd last row or column is left out."""
    height, width = picture.shape[:2]
    smaller: np.ndarray = picture.astype(np.float32)
    if height > 1:
        smaller = (smaller[0 : height - 1 : 2] + smaller[1::2]) / 2
    if width > 1:
        smaller = (smaller[:, 0 : width - 1 : 2] + smaller[:, 1::2]) / 2
    return np.round(smaller).astype(np.uint8)


def _texel_density(mesh: FurnitureMesh, layouts: np.ndarray) -> np.ndarray:
    corners, uv = mesh.vertices[mesh.faces], mesh.corner_uv
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    along, across = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    uv_area = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
    texels = layouts[mesh.face_materials, 0, 1] * layouts[mesh.face_materials, 0, 2]
    return np.sqrt(uv_area * texels / np.maximum(area, TINY)).astype(np.float32)
