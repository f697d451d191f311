# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Light on what rays meet: a lit room and a camera -> hits of the pixels' rays and the light that comes from there.

Surfaces are matt with a little gloss. The first light casts soft shadows, the others pass through everything; that is
the price of a frame in some hundredths of a second. Depth and instances come from one ray through the centre of each
pixel; colour may take three more where neighbours differ, as a lens averages over the pixel.

May import: NumPy and siblings in `rooms`.
"""

from dataclasses import dataclass

import numpy as np

from transformers_sr3d.rooms.rendering.looks import Light, RoomLook, wall_frame
from transformers_sr3d.rooms.rendering.meshes import SurfaceTables, texture_colors
from transformers_sr3d.rooms.rendering.patterns import paint, paint_opening
from transformers_sr3d.rooms.rendering.ray_casting import CEILING, FIRST_WALL, FLOOR, Hits, RayCaster, pixel_directions
from transformers_sr3d.rooms.rendering.soft_light import Surface, soft_light
from transformers_sr3d.rooms.world import Room, ViewFacts


HIGHLIGHT_EXPONENT = 30
# Places of the additional rays in a pixel, the centre being the first, pixels.
SUBPIXELS = np.array([[0.36, 0.10], [-0.27, 0.27], [-0.09, -0.37]])
# Where rays are added: difference of brightness between neighbours, and the largest share of all pixels.
EDGE_CONTRAST = 0.1
EDGE_SHARE = 0.12

_LEVELS = np.arange(256) / 255.0
LINEAR_OF_SRGB = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)


@dataclass(frozen=True)
class LitRoom:
    """A room with all that its pictures are made from.

    Attributes:
        room (`Room`): The room.
        caster (`RayCaster`): Of the room.
        tables (`SurfaceTables`): Of the same faces.
        look (`RoomLook`): Paints and lights.
    """

    room: Room
    caster: RayCaster
    tables: SurfaceTables
    look: RoomLook


def shade_view(lit: LitRoom, camera: ViewFacts) -> tuple[Hits, np.ndarray]:
    """Look into a room.

    Args:
        lit (`LitRoom`): The room.
        camera (`ViewFacts`): Where from.

    Returns:
        `tuple[Hits, np.ndarray]`: What the ray of each pixel meets, row by row (its distance is z-depth), and the
        linear colour of shape `(3, H, W)`, float32.
    """
    directions = pixel_directions(camera.intrinsics, camera.image_size_hw, camera.camera_to_world[:3, :3])
    eye, focal = camera.camera_to_world[:3, 3], float(camera.intrinsics[0, 0])
    hits = lit.caster.first_hits(eye, directions.T)
    surface = surface_of(lit, hits, directions, eye)
    visible = soft_light(lit.caster, lit.look.lights[0], surface, camera.image_size_hw)
    color = shade(lit, hits, surface, visible, eye=eye, focal_px=focal)
    if lit.look.camera.smooth_edges:
        _smooth_edges(lit, camera, directions, (color, surface, visible))
    return hits, color.reshape(3, *camera.image_size_hw)


def surface_of(lit: LitRoom, hits: Hits, directions: np.ndarray, eye: np.ndarray) -> Surface:
    """Locate what rays meet.

    Args:
        lit (`LitRoom`): The room.
        hits (`Hits`): What the rays meet, shape `(P,)`.
        directions (`np.ndarray` of shape `(3, P)`, float32): Of the rays, world.
        eye (`np.ndarray` of shape `(3,)`): Where they start, metres, world.

    Returns:
        `Surface`: Places and normals.
    """
    points = directions * hits.distances
    points += _column(eye)
    flat = lit.tables.face_normals.take(hits.faces, axis=1)
    flip = np.where(_dot(flat, directions) > 0, np.float32(-1), np.float32(1))
    flat *= flip
    on_object = np.flatnonzero(hits.faces >= len(lit.caster.triangles.shell_parts))
    part = hits.take(on_object)
    first, second, third = lit.tables.corner_normals.take(part.faces, axis=0).transpose(1, 2, 0)
    smooth = first * (1 - part.u - part.v) + second * part.u + third * part.v
    smooth *= flip.take(on_object) / _length(smooth)
    normals = flat.copy()
    _put(normals, on_object, smooth)
    return Surface(points, normals, flat, hits.distances, on_object)


def shade(
    lit: LitRoom, hits: Hits, surface: Surface, visible: np.ndarray, *, eye: np.ndarray, focal_px: float
) -> np.ndarray:
    """Give the light that comes from every place.

    Args:
        lit (`LitRoom`): The room.
        hits (`Hits`): What rays meet, shape `(P,)`.
        surface (`Surface`): Where that is.
        visible (`np.ndarray` of shape `(2, P)`): Share of the first light and of open space that is seen from there.
        eye (`np.ndarray` of shape `(3,)`): Where the rays start, metres, world.
        focal_px (`float`): Focal length, pixels.

    Returns:
        `np.ndarray` of shape `(3, P)`, float32: Linear colour; black where a ray meets nothing.
    """
    color, own_light = surface_colors(lit, hits, surface, eye, focal_px)
    look = lit.look
    upward = (0.5 + 0.5 * surface.normals[2]) * visible[1]
    from_above, from_below = (_column(ambient) for ambient in look.ambient)
    light = from_above * upward
    light += from_below * (visible[1] - upward)
    for number, lamp in enumerate(look.lights):
        strength, towards = _arriving(lamp, surface)
        if number == 0:
            strength *= visible[0]
            _add_highlights(lit, own_light, (hits, surface), (strength, towards), eye)
        light += _column(lamp.color) * strength
    color *= light
    color += own_light
    if (hits.faces < 0).any():
        color[:, hits.faces < 0] = 0
    return color


def surface_colors(
    lit: LitRoom, hits: Hits, surface: Surface, eye: np.ndarray, focal_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give the colour of every place, without light on it.

    Args:
        lit (`LitRoom`): The room.
        hits (`Hits`): What rays meet, shape `(P,)`.
        surface (`Surface`): Where that is.
        eye (`np.ndarray` of shape `(3,)`): Where the rays start, metres, world.
        focal_px (`float`): Focal length, pixels.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: Linear reflectance and linear light of its own, each `(3, P)`, float32.
    """
    away = surface.points - _column(eye)
    cosine = np.abs(_dot(away, surface.flat_normals)) / _length(away)
    footprint = surface.depth / (np.float32(focal_px) * np.sqrt(cosine.clip(0.02, 1)))
    albedo, own_light = np.zeros((2, 3, len(hits.faces)), np.float32)
    if len(surface.on_object):
        colors, owners = _object_colors(lit, hits.take(surface.on_object), footprint.take(surface.on_object))
        _put(albedo, surface.on_object, colors)
        if lit.look.glow.any():
            _put(own_light, surface.on_object, colors * lit.look.glow.astype(np.float32).take(owners))
    shell_parts = lit.caster.triangles.shell_parts
    parts = np.append(shell_parts, np.int16(-1)).astype(np.int8).take(hits.faces, mode="clip")
    parts[hits.faces < 0] = -1
    for number in np.unique(shell_parts):
        chosen = np.flatnonzero(parts == number)
        if len(chosen):
            paint_on, light = _shell_colors(
                lit, int(number), surface.points.take(chosen, axis=1), footprint.take(chosen)
            )
            _put(albedo, chosen, paint_on)
            if light is not None:
                _put(own_light, chosen, light)
    return albedo, own_light


def _object_colors(lit: LitRoom, hits: Hits, footprint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear reflectance `(3, Q)` of what rays to objects meet, and the numbers of the objects."""
    owners = lit.caster.triangles.face_objects.take(hits.faces)
    colors = LINEAR_OF_SRGB.take(texture_colors(lit.tables, hits, footprint).T)
    colors *= lit.look.tints.T.astype(np.float32).take(owners, axis=1)
    return np.minimum(colors, 1, out=colors), owners


def _shell_colors(
    lit: LitRoom, part: int, points: np.ndarray, footprint: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    look, room = lit.look, lit.room
    if part in (FLOOR, CEILING):
        return paint(look.floor if part == FLOOR else look.ceiling, points[0], points[1], footprint), None
    wall = part - FIRST_WALL
    start, along, _, _ = wall_frame(room, wall)
    first, along = start.astype(np.float32), along.astype(np.float32)
    x, z = (points[0] - first[0]) * along[0] + (points[1] - first[1]) * along[1], points[2] - first[2]
    albedo = paint(look.walls[wall], x, z, footprint)
    own_light = None
    if look.skirting[0] > 0:
        albedo[:, z < look.skirting[0]] = _column(look.skirting[1])
    for opening in look.openings:
        inside = (x > opening.left) & (x < opening.right) & (z > opening.bottom) & (z < opening.top)
        if opening.wall == wall and inside.any():
            own_light = np.zeros_like(albedo) if own_light is None else own_light
            albedo[:, inside], own_light[:, inside] = paint_opening(opening, x[inside], z[inside])
    return albedo, own_light


def _column(values: np.ndarray) -> np.ndarray:
    """Three numbers to go with `(3, P)`."""
    return values.astype(np.float32)[:, None]


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Products of the columns of `(3, P)`."""
    total = first[0] * second[0]
    total += first[1] * second[1]
    total += first[2] * second[2]
    return total


def _length(vectors: np.ndarray) -> np.ndarray:
    """Length of each column, at least a micrometre."""
    squared = _dot(vectors, vectors)
    return np.sqrt(squared, out=squared).clip(1e-6)


def _put(to: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
    """Write values `(3, Q)` into columns of `(3, P)`; row by row is faster than at once."""
    for row, line in zip(to, values, strict=True):
        row[places] = line


def _arriving(lamp: Light, surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Share of a lamp's light that falls on every place if nothing is between, and the vector towards the lamp."""
    towards = _column(lamp.center) - surface.points
    distance = _length(towards)
    strength = _dot(towards, surface.normals).clip(0)
    strength *= 5 / ((0.7 + distance * distance) * distance)
    if lamp.direction is not None:
        strength *= _dot(towards, _column(-lamp.direction)).clip(0) / distance
    return strength, towards


def _add_highlights(
    lit: LitRoom,
    own_light: np.ndarray,
    seen: tuple[Hits, Surface],
    arriving: tuple[np.ndarray, np.ndarray],
    eye: np.ndarray,
) -> None:
    """Add the mirror image of the first lamp on glossy objects; `arriving` is its strength and the way to it."""
    hits, surface = seen
    strength, towards = arriving
    if not lit.look.gloss.any():
        return
    owners = lit.caster.triangles.face_objects.take(hits.faces.take(surface.on_object))
    amount = lit.look.gloss.astype(np.float32).take(owners) * strength.take(surface.on_object)
    glossy = np.flatnonzero(amount)
    shiny = surface.on_object[glossy]
    way, back = towards.take(shiny, axis=1), _column(eye) - surface.points.take(shiny, axis=1)
    middle = way / _length(way) + back / _length(back)
    cosine = (_dot(middle, surface.normals.take(shiny, axis=1)) / _length(middle)).clip(0)
    amount = 3 * amount[glossy] * cosine**HIGHLIGHT_EXPONENT
    for row, share in zip(own_light, lit.look.lights[0].color.astype(np.float32), strict=True):
        row[shiny] += amount * share


def _smooth_edges(
    lit: LitRoom, camera: ViewFacts, directions: np.ndarray, shaded: tuple[np.ndarray, Surface, np.ndarray]
) -> None:
    """Average pixels that differ from a neighbour over four rays; changes the colour in place."""
    color, surface, visible = shaded
    height, width = camera.image_size_hw
    chosen = _edges(color, camera.image_size_hw)
    focal = np.array([camera.intrinsics[0, 0], camera.intrinsics[1, 1]])
    shifts = camera.camera_to_world[:3, :2] @ (SUBPIXELS / focal).T
    rays = directions.take(chosen, axis=1)[:, None] + shifts.astype(np.float32)[:, :, None]
    rays = rays.reshape(3, -1)
    eye = camera.camera_to_world[:3, 3]
    hits = lit.caster.first_hits(eye, rays.T)
    seen = surface_of(lit, hits, rays, eye)
    nearest = _nearest_beside(surface, seen, chosen, (height, width))
    extra = shade(lit, hits, seen, visible.take(nearest, axis=1), eye=eye, focal_px=float(focal[0]))
    mean = (color.take(chosen, axis=1) + extra.reshape(3, len(SUBPIXELS), -1).sum(axis=1)) / (1 + len(SUBPIXELS))
    _put(color, chosen, mean)


def _nearest_beside(surface: Surface, seen: Surface, chosen: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """For each of the additional rays the pixel whose place is nearest to the plane of what the ray meets.

    Candidates are the pixel itself and the three that the ray lies towards.
    """
    height, width = size_hw
    rows, columns = np.divmod(np.tile(chosen, len(SUBPIXELS)), width)
    to_right, to_below = np.repeat(np.sign(SUBPIXELS).astype(int), len(chosen), axis=0).T
    level = _dot(seen.points, seen.flat_normals)
    nearest, smallest = np.tile(chosen, len(SUBPIXELS)), np.full(len(level), np.inf, np.float32)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        beside = (rows + down * to_below).clip(0, height - 1) * width + (columns + right * to_right).clip(0, width - 1)
        away = np.abs(_dot(surface.points.take(beside, axis=1), seen.flat_normals) - level)
        nearer = away < smallest
        nearest[nearer], smallest[nearer] = beside[nearer], away[nearer]
    return nearest


def _edges(color: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Numbers of the pixels whose brightness differs from a neighbour's, the strongest if they are too many."""
    tone = np.sqrt(color[1].reshape(size_hw))
    tone = np.minimum(tone / max(float(tone.mean()), 1e-6), 2)
    contrast = np.zeros(size_hw, np.float32)
    for axis in (0, 1):
        step = np.moveaxis(np.abs(np.diff(tone, axis=axis)), axis, 0)
        lines = np.moveaxis(contrast, axis, 0)
        np.maximum(lines[1:], step, out=lines[1:])
        np.maximum(lines[:-1], step, out=lines[:-1])
    limit = max(EDGE_CONTRAST, float(np.quantile(contrast.ravel()[::7], 1 - EDGE_SHARE)))
    return np.flatnonzero(contrast > limit)
