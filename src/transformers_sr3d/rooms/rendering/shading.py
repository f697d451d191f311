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
        linear colour of shape `(H, W, 3)`, float32.
    """
    directions = pixel_directions(camera.intrinsics, camera.image_size_hw) @ camera.camera_to_world[:3, :3].T
    eye, focal = camera.camera_to_world[:3, 3], float(camera.intrinsics[0, 0])
    hits = lit.caster.first_hits(eye, directions)
    surface = surface_of(lit, hits, directions, eye)
    visible = soft_light(lit.caster, lit.look.lights[0], surface, camera.image_size_hw)
    color = shade(lit, hits, surface, visible, eye=eye, focal_px=focal)
    if lit.look.camera.smooth_edges:
        _smooth_edges(lit, camera, directions, (color, surface, visible))
    return hits, color.reshape(*camera.image_size_hw, 3)


def surface_of(lit: LitRoom, hits: Hits, directions: np.ndarray, eye: np.ndarray) -> Surface:
    """Locate what rays meet.

    Args:
        lit (`LitRoom`): The room.
        hits (`Hits`): What the rays meet, shape `(P,)`.
        directions (`np.ndarray` of shape `(P, 3)`): Of the rays, world.
        eye (`np.ndarray` of shape `(3,)`): Where they start, metres, world.

    Returns:
        `Surface`: Places and normals.
    """
    directions = directions.astype(np.float32)
    points = directions * hits.distances[:, None] + eye.astype(np.float32)
    flat = lit.tables.face_normals.take(hits.faces, axis=0)
    flip = np.where(np.einsum("pd,pd->p", flat, directions) > 0, np.float32(-1), np.float32(1))[:, None]
    normals = flat.copy()
    on_object = np.flatnonzero(hits.faces >= len(lit.caster.triangles.shell_parts))
    smooth = np.einsum(
        "pc,pcd->pd", hits.weights[on_object], lit.tables.corner_normals.take(hits.faces[on_object], axis=0)
    )
    normals[on_object] = smooth / _length(smooth)[:, None]
    return Surface(points, normals * flip, flat * flip, hits.distances)


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
        `np.ndarray` of shape `(P, 3)`, float32: Linear colour; black where a ray meets nothing.
    """
    albedo, own_light = surface_colors(lit, hits, surface, eye, focal_px)
    look = lit.look
    upward = (0.5 + 0.5 * surface.normals[:, 2]) * visible[1]
    light = np.stack((upward, visible[1] - upward), axis=1) @ look.ambient.astype(np.float32)
    gloss = np.append(look.gloss, 0.0).astype(np.float32)[lit.caster.instances(hits.faces)]
    for number, lamp in enumerate(look.lights):
        strength, towards = _arriving(lamp, surface)
        if number == 0:
            strength *= visible[0]
            _add_highlights(own_light, surface, towards, eye, (strength * gloss, lamp.color))
        light += strength[:, None] * lamp.color.astype(np.float32)
    color = albedo * light + own_light
    color[hits.faces < 0] = 0
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
        `tuple[np.ndarray, np.ndarray]`: Linear reflectance and linear light of its own, each `(P, 3)`, float32.
    """
    away = surface.points - eye.astype(np.float32)
    cosine = np.abs(np.einsum("pd,pd->p", away, surface.flat_normals)) / _length(away)
    footprint = surface.depth / np.float32(focal_px) / np.sqrt(cosine.clip(0.02, 1))
    albedo = np.zeros((len(hits.faces), 3), np.float32)
    own_light = np.zeros_like(albedo)
    triangles = lit.caster.triangles
    on_object = np.flatnonzero(hits.faces >= len(triangles.shell_parts))
    if len(on_object):
        owners = triangles.face_objects[hits.faces[on_object]]
        part = Hits(hits.faces[on_object], hits.distances[on_object], hits.weights[on_object])
        colors = LINEAR_OF_SRGB.take(texture_colors(lit.tables, part, footprint[on_object]))
        albedo[on_object] = np.minimum(colors * lit.look.tints.astype(np.float32).take(owners, axis=0), 1)
        if lit.look.glow.any():
            own_light[on_object] = albedo[on_object] * lit.look.glow.astype(np.float32)[owners, None]
    parts = np.append(triangles.shell_parts, np.int16(-1))[hits.faces.clip(-1, len(triangles.shell_parts))]
    for number in np.unique(triangles.shell_parts):
        chosen = np.flatnonzero(parts == number)
        if len(chosen):
            places = (surface.points[chosen], footprint[chosen])
            albedo[chosen], own_light[chosen] = _shell_colors(lit, int(number), *places)
    return albedo, own_light


def _shell_colors(lit: LitRoom, part: int, points: np.ndarray, footprint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    look, room = lit.look, lit.room
    own_light = np.zeros((len(points), 3), np.float32)
    if part in (FLOOR, CEILING):
        return paint(look.floor if part == FLOOR else look.ceiling, points[:, :2], footprint), own_light
    wall = part - FIRST_WALL
    start, along, _, _ = wall_frame(room, wall)
    offset = points - start.astype(np.float32)
    x, z = offset @ along.astype(np.float32), offset[:, 2]
    albedo = paint(look.walls[wall], np.stack((x, z), axis=1), footprint)
    albedo[z < look.skirting[0]] = look.skirting[1]
    for opening in look.openings:
        if opening.wall == wall:
            inside = (x > opening.left) & (x < opening.right) & (z > opening.bottom) & (z < opening.top)
            albedo[inside], own_light[inside] = paint_opening(opening, x[inside], z[inside])
    return albedo, own_light


def _length(vectors: np.ndarray) -> np.ndarray:
    """Length of each row, at least a micrometre."""
    x, y, z = vectors.T
    return np.sqrt(x * x + y * y + z * z).clip(1e-6)


def _arriving(lamp: Light, surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Share of a lamp's light that falls on every place if nothing is between, and the unit vector towards it."""
    towards = lamp.center.astype(np.float32) - surface.points
    distance = _length(towards)
    towards /= distance[:, None]
    strength = np.einsum("pd,pd->p", towards, surface.normals).clip(0) * (5 / (0.7 + distance * distance))
    if lamp.direction is not None:
        strength *= (towards @ -lamp.direction.astype(np.float32)).clip(0)
    return strength, towards


def _add_highlights(
    own_light: np.ndarray,
    surface: Surface,
    towards: np.ndarray,
    eye: np.ndarray,
    light: tuple[np.ndarray, np.ndarray],
) -> None:
    """Add the mirror image of a lamp where its strength times gloss, the first of `light`, is not 0."""
    strength, color = light
    shiny = np.flatnonzero(strength)
    back = eye.astype(np.float32) - surface.points[shiny]
    middle = towards[shiny] + back / _length(back)[:, None]
    cosine = (np.einsum("pd,pd->p", middle, surface.normals[shiny]) / _length(middle)).clip(0)
    amount = 3 * strength[shiny] * cosine**HIGHLIGHT_EXPONENT
    own_light[shiny] += amount[:, None] * color.astype(np.float32)


def _smooth_edges(
    lit: LitRoom, camera: ViewFacts, directions: np.ndarray, shaded: tuple[np.ndarray, Surface, np.ndarray]
) -> None:
    """Average pixels that differ from a neighbour over four rays; changes the colour in place."""
    color, surface, visible = shaded
    height, width = camera.image_size_hw
    chosen = _edges(color, camera.image_size_hw)
    focal = np.array([camera.intrinsics[0, 0], camera.intrinsics[1, 1]])
    shifts = (SUBPIXELS / focal) @ camera.camera_to_world[:3, :2].T
    rays = (directions[chosen][None] + shifts[:, None]).reshape(-1, 3)
    eye = camera.camera_to_world[:3, 3]
    hits = lit.caster.first_hits(eye, rays)
    seen = surface_of(lit, hits, rays, eye)
    rows, columns = np.divmod(np.tile(chosen, len(SUBPIXELS)), width)
    steps = np.repeat(np.sign(SUBPIXELS).astype(int), len(chosen), axis=0)
    beside = np.stack([  # the pixel itself and the three that the ray lies towards
        (rows + down * steps[:, 1]).clip(0, height - 1) * width + (columns + right * steps[:, 0]).clip(0, width - 1)
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1))
    ])  # fmt: skip
    away = np.abs(np.einsum("npd,pd->np", surface.points[beside] - seen.points, seen.flat_normals))
    nearest = np.take_along_axis(beside, away.argmin(axis=0)[None], axis=0)[0]
    extra = shade(lit, hits, seen, visible[:, nearest], eye=eye, focal_px=float(focal[0]))
    color[chosen] = (color[chosen] + extra.reshape(len(SUBPIXELS), -1, 3).sum(axis=0)) / (1 + len(SUBPIXELS))


def _edges(color: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Numbers of the pixels whose brightness differs from a neighbour's, the strongest if they are too many."""
    tone = np.sqrt(color.reshape(*size_hw, 3)[..., 1])
    tone = np.minimum(tone / max(float(tone.mean()), 1e-6), 2)
    contrast = np.zeros(size_hw, np.float32)
    for axis in (0, 1):
        step = np.moveaxis(np.abs(np.diff(tone, axis=axis)), axis, 0)
        lines = np.moveaxis(contrast, axis, 0)
        np.maximum(lines[1:], step, out=lines[1:])
        np.maximum(lines[:-1], step, out=lines[:-1])
    limit = max(EDGE_CONTRAST, float(np.quantile(contrast.ravel()[::7], 1 - EDGE_SHARE)))
    return np.flatnonzero(contrast > limit)
