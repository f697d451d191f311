# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Models in the Wavefront format: text of an OBJ file, its MTL files and pictures -> `FurnitureMesh`.

Only what furniture needs: polygons (also concave ones) become triangles, each material keeps its diffuse colour or
its picture. A picture replaces the colour, which is what nearly all of these files mean: their exporters left the
colour of a textured material at a random grey. Normals, groups, lines and reflections are read over. Transparent
materials stay opaque, and so do the clear parts of pictures, which get the mean colour of the rest. A material or
picture that is missing becomes a plain colour instead of an error, because a few published models lack one. One that
is there and cannot be read is an error.

May import: NumPy and Pillow.
"""

import io
import itertools
import math
import posixpath
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from transformers_sr3d.rooms.world import FurnitureMesh


PLAIN_COLOR = (204, 204, 204)  # of a material that is nowhere described
CLEAR_ALPHA = 128
MAX_CORNERS = 2048  # of a polygon; cutting the ears off one takes up to the cube of their number
MAX_MATERIALS = 32767  # what int16 counts to
LARGEST_NUMBER = 1e15  # of a position in any unit; published texture coordinates reach 3e9
MAX_PICTURE_PIXELS = 8192**2
# What the decoders of Pillow raise on damaged pictures.
PICTURE_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, RuntimeError, OverflowError, LookupError, TypeError),
    *(struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning),
)


@dataclass
class _Polygons:
    """What an OBJ file says, corners of all polygons one after the other."""

    positions: list[str] = field(default_factory=list)
    uv: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    corners: list[int] = field(default_factory=list)
    corner_uv: list[int] = field(default_factory=list)
    materials: list[int] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)


def read_wavefront(
    text: str, read: Callable[[str], bytes | None], *, texture_px: int, folder: str = ""
) -> FurnitureMesh:
    """Read a model in the units and axes of its file.

    Args:
        text (`str`):
            The OBJ file.
        read (`Callable[[str], bytes | None]`):
            Gives the file of a path, or None where there is none.
        texture_px (`int`):
            Longest side of a picture, pixels; larger ones are shrunk.
        folder (`str`, *optional*, defaults to `""`):
            Of the OBJ file, in front of the names that it mentions.

    Returns:
        `FurnitureMesh`: Triangles without those of no area; vertices in the units and axes of the file.

    Raises:
        ValueError: If the file has no face with an area, a face that names a vertex which is not there, a line that
            cannot be read, or a picture that cannot be read.
    """
    polygons = _parse(text)
    positions = _table(polygons.positions, "v", 3)
    given_uv = _table(polygons.uv, "vt", 2)
    texture_uv = np.vstack([given_uv, np.zeros((1, 2))])  # the last is for corners without one
    corners, corner_uv = np.array(polygons.corners, dtype=np.int64), np.array(polygons.corner_uv, dtype=np.int64)
    if len(corners) and (corners.max() >= len(positions) or corner_uv.max() >= len(given_uv)):
        raise ValueError(
            f"`text` names vertices beyond the {len(positions)} that it has, or texture coordinates beyond the "
            f"{len(given_uv)}. The file is damaged."
        )
    triangles, owners = _triangulate(polygons.sizes, positions[corners])
    faces = corners[triangles]
    solid = _areas(positions, faces) > 0
    if not solid.any():
        raise ValueError(
            f"`text` must have faces with an area, got {len(faces)} without. The file is damaged or empty."
        )
    triangles, faces, owners = triangles[solid], faces[solid], owners[solid]
    colors, textures = _read_materials(polygons, read, folder, texture_px)
    return FurnitureMesh(
        vertices=positions.astype(np.float32),
        faces=faces.astype(np.int32),
        corner_uv=texture_uv[corner_uv[triangles]].astype(np.float32),
        face_materials=np.array(polygons.materials, dtype=np.int16)[owners],
        colors=colors,
        textures=textures,
    )


def _parse(text: str) -> _Polygons:
    polygons, material = _Polygons(), None
    for line in text.replace("\\\n", " ").splitlines():
        kind, _, rest = line.strip().partition(" ")
        if kind == "v":
            polygons.positions.append(rest)
        elif kind == "vt":
            polygons.uv.append(rest)
        elif kind == "f":
            if material is None:
                material = polygons.names.setdefault("", len(polygons.names))
            _add_polygon(polygons, rest.split(), material)
        elif kind == "usemtl":
            material = polygons.names.setdefault(rest.strip(), len(polygons.names))
        elif kind == "mtllib":
            polygons.libraries.append(rest.strip())
    return polygons


def _add_polygon(polygons: _Polygons, corners: list[str], material: int) -> None:
    if len(corners) < 3:
        return
    if len(corners) > MAX_CORNERS or len(polygons.names) > MAX_MATERIALS:
        raise ValueError(
            f"`text` must have at most {MAX_CORNERS} corners a face and {MAX_MATERIALS} materials, got "
            f"{len(corners)} and {len(polygons.names)}. Divide the face or the file."
        )
    polygons.sizes.append(len(corners))
    polygons.materials.append(material)
    for corner in corners:
        position, _, rest = corner.partition("/")
        uv = rest.partition("/")[0]
        polygons.corners.append(_from_zero(int(position), len(polygons.positions)))
        polygons.corner_uv.append(_from_zero(int(uv), len(polygons.uv)) if uv else -1)


def _from_zero(number: int, count: int) -> int:
    """Number from zero of what a file counts from 1, or backwards from -1."""
    if number == 0 or number < -count:
        raise ValueError(f"`text` has a face that names number {number} of {count}. The file is damaged.")
    return number - 1 if number > 0 else count + number


def _table(lines: list[str], kind: str, columns: int) -> np.ndarray:
    """Numbers of the lines, shape `(N, columns)`; a line may have more, for example a weight."""
    try:
        table = np.array([line.split()[:columns] for line in lines], dtype=np.float64).reshape(len(lines), columns)
    except ValueError as error:
        raise ValueError(f"`text` must have {columns} numbers after each `{kind}`: {error}.") from error
    if np.abs(table).max(initial=0.0) <= LARGEST_NUMBER:
        return table
    raise ValueError(f"`text` must have finite numbers of at most {LARGEST_NUMBER:g} after `{kind}`. It is damaged.")


def _areas(positions: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = np.moveaxis(positions[faces], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=-1) / 2


def _triangulate(sizes: list[int], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split polygons into triangles.

    Args:
        sizes (`list[int]`): Corners of each polygon.
        points (`np.ndarray` of shape `(C, 3)`): All corners, one polygon after the other.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: Corner numbers `(F, 3)`, and the polygon of each triangle `(F,)`.
    """
    triangles, owners = [], []
    counts = np.array(sizes, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    for size in np.unique(counts):
        chosen = np.nonzero(counts == size)[0]
        pieces = [_fan(range(size))] * len(chosen)
        for row in np.nonzero(_is_concave(points, starts[chosen], size))[0]:
            start = starts[chosen[row]]
            pieces[row] = _clip_ears(points[start : start + size])
        triangles.append((np.array(pieces, dtype=np.int64) + starts[chosen][:, None, None]).reshape(-1, 3))
        owners.append(np.repeat(chosen, size - 2))
    if not triangles:
        return np.zeros((0, 3), dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(triangles), np.concatenate(owners)


def _fan(corners: range | list[int]) -> list[tuple[int, int, int]]:
    return [(corners[0], b, c) for b, c in itertools.pairwise(corners[1:])]


def _is_concave(points: np.ndarray, starts: np.ndarray, size: int) -> np.ndarray:
    """Whether a fan from the first corner folds back, for polygons of one size, shape `(P,)`."""
    arms = points[starts[:, None] + np.arange(1, size)] - points[starts][:, None]
    normals = np.cross(arms[:, :-1], arms[:, 1:])  # (P, size - 2, 3)
    return ((normals @ normals.sum(1)[:, :, None]) < 0).any(axis=(1, 2))


def _clip_ears(points: np.ndarray) -> list[tuple[int, int, int]]:
    """Cut corners without another corner inside off a simple polygon `(N, 3)` until a triangle remains."""
    arms = points[1:] - points[0]
    normal = np.cross(arms[:-1], arms[1:]).sum(0)
    corners = list(range(len(points)))
    triangles: list[tuple[int, int, int]] = []
    while len(corners) > 3:
        ear = next((place for place in range(len(corners)) if _is_ear(points, normal, corners, place)), None)
        if ear is None:
            return triangles + _fan(corners)  # a polygon that crosses itself has no better answer
        triangles.append((corners[ear - 1], corners[ear], corners[(ear + 1) % len(corners)]))
        del corners[ear]
    return [*triangles, (corners[0], corners[1], corners[2])]


def _is_ear(points: np.ndarray, normal: np.ndarray, corners: list[int], place: int) -> bool:
    tip = [corners[place - 1], corners[place], corners[(place + 1) % len(corners)]]
    edges = points[np.roll(tip, -1)] - points[tip]
    if np.cross(edges[0], edges[1]) @ normal <= 0:
        return False
    others = points[[corner for corner in corners if corner not in tip]]
    inside = np.cross(edges, others[:, None] - points[tip]) @ normal  # (others, 3), positive to the left of an edge
    return not (inside >= 0).all(1).any()


def _read_materials(
    polygons: _Polygons, read: Callable[[str], bytes | None], folder: str, texture_px: int
) -> tuple[np.ndarray, list[np.ndarray | None]]:
    described: dict[str, dict[str, str]] = {}
    for library in polygons.libraries:
        path = posixpath.normpath(posixpath.join(folder, library))
        found = _parse_materials((read(path) or b"").decode("latin-1"), posixpath.dirname(path))
        described = {**found, **described}
    colors: list[tuple[int, ...]] = []
    textures: list[np.ndarray | None] = []
    for name in polygons.names:
        material = described.get(name, {})
        texture = _read_texture(material.get("picture"), read, texture_px)
        textures.append(texture)
        colors.append(_color(name, material.get("color"), texture))
    return np.array(colors, dtype=np.uint8).reshape(-1, 3), textures


def _parse_materials(text: str, folder: str) -> dict[str, dict[str, str]]:
    materials: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        kind, _, rest = line.strip().partition(" ")
        if kind == "newmtl":
            current = materials.setdefault(rest.strip(), {})
        elif kind == "Kd":
            current["color"] = rest
        elif kind.lower() == "map_kd":
            current["picture"] = posixpath.normpath(posixpath.join(folder, rest.strip().replace("\\", "/")))
    return materials


def _color(name: str, numbers: str | None, texture: np.ndarray | None) -> tuple[int, ...]:
    """Mean colour of a picture, else the colour that the material says."""
    if texture is not None:
        return tuple(round(float(value)) for value in texture.reshape(-1, 3).mean(0))
    if numbers is None:
        return PLAIN_COLOR
    try:
        values = [float(value) for value in numbers.split()[:3]]
    except ValueError:
        values = []
    if len(values) != 3 or any(math.isnan(value) for value in values):
        raise ValueError(f"Material {name!r} must have three numbers after `Kd`, got {numbers[:100]!r}.")
    return tuple(round(255 * min(1.0, max(0.0, value))) for value in values)


def _read_texture(path: str | None, read: Callable[[str], bytes | None], texture_px: int) -> np.ndarray | None:
    data = None if path is None else read(path)
    if data is None:
        return None
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > MAX_PICTURE_PIXELS:
                raise ValueError(f"{picture.width} x {picture.height} pixels are more than {MAX_PICTURE_PIXELS}")
            return shrink_texture(_opaque(picture.convert("RGBA")), texture_px)
    except PICTURE_ERRORS as error:
        raise ValueError(f"Picture {path!r} must be one that Pillow can read ({str(error)[:200]}).") from error


def _opaque(picture: Image.Image) -> np.ndarray:
    """Give the clear parts of a picture the mean colour of the rest, shape `(h, w, 3)`."""
    pixels = np.asarray(picture)
    clear = pixels[..., 3] < CLEAR_ALPHA
    colors = pixels[..., :3].copy()
    if clear.any() and not clear.all():
        colors[clear] = colors[~clear].mean(0).round()
    return colors


def shrink_texture(texture: np.ndarray, texture_px: int) -> np.ndarray:
    """Shrink a picture so that its longest side has at most so many pixels; smaller ones stay as they are.

    Args:
        texture (`np.ndarray` of shape `(h, w, 3)`, uint8):
            sRGB.
        texture_px (`int`):
            Longest side, pixels.

    Returns:
        `np.ndarray` of shape `(h', w', 3)`, uint8: The picture.
    """
    height, width = texture.shape[:2]
    scale = texture_px / max(height, width)
    if scale >= 1:
        return texture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(texture).resize(size, Image.Resampling.BOX))
