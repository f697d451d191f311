# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Soft shadows and dark corners: the surface that an image shows -> shares of the first light and of open space.

One ray each for every fourth pixel, to one of sixteen points of the light and in one of sixteen directions in turn;
then the average of sixteen neighbours on the same plane. That is as smooth as sixteen rays a pixel, at the price of
shadows that are blurred over some pixels.

May import: NumPy and siblings in `rooms`.
"""

from dataclasses import dataclass

import numpy as np

from transformers_sr3d.rooms.rendering.looks import Light
from transformers_sr3d.rooms.rendering.ray_casting import RayCaster


# How far nearby surfaces darken a place, metres.
CORNER_REACH_M = 1.5
# Rays start this far off their surface, so that it does not shade itself.
LIFT_M = 0.004
SAME_PLANE_M = 0.03
SAME_SIDE_COSINE = 0.8
# Weight of a neighbour on another surface, so that a place without neighbours has an average too.
STRANGER = np.float32(1e-4)

# Sixteen places of a square from -1 to 1, no two in a row or column, in an order that spreads neighbours.
_ORDER = np.array([0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5])
_REVERSED = np.array([int(f"{number:04b}"[::-1], 2) for number in range(16)])
SPREAD = ((2 * np.stack((_ORDER, _REVERSED[_ORDER]), axis=1) - 15) / 16).astype(np.float32)
# Sixteen unit vectors in all directions.
_RING = np.sqrt(1 - SPREAD[:, 0] ** 2)
_ANGLE = SPREAD[:, 1] * np.pi
SPHERE = np.stack((_RING * np.cos(_ANGLE), _RING * np.sin(_ANGLE), SPREAD[:, 0]), axis=1).astype(np.float32)


@dataclass(frozen=True)
class Surface:
    """What pixels see.

    Attributes:
        points (`np.ndarray` of shape `(P, 3)`, float32): Metres, world.
        normals (`np.ndarray` of shape `(P, 3)`, float32): Smooth, unit length, towards the camera.
        flat_normals (`np.ndarray` of shape `(P, 3)`, float32): Of the faces, unit length, towards the camera.
        depth (`np.ndarray` of shape `(P,)`, float32): Metres along the optical axis.
    """

    points: np.ndarray
    normals: np.ndarray
    flat_normals: np.ndarray
    depth: np.ndarray


def soft_light(caster: RayCaster, lamp: Light, surface: Surface, size_hw: tuple[int, int]) -> np.ndarray:
    """Measure how much of a light and of open space every pixel of an image sees.

    Args:
        caster (`RayCaster`): Of the room.
        lamp (`Light`): The light that casts shadows.
        surface (`Surface`): What the pixels see, row by row.
        size_hw (`tuple[int, int]`): Height and width of the image, pixels.

    Returns:
        `np.ndarray` of shape `(2, H * W)`, float32: Share of the light, and openness; 0 to 1.
    """
    height, width = size_hw
    planes = np.concatenate((surface.points.T, surface.flat_normals.T)).reshape(6, height, width)
    small = np.ascontiguousarray(planes[:, ::2, ::2])
    values = _probe(caster, lamp, small, surface.depth.reshape(size_hw)[::2, ::2])
    values = _gather(values, small, small, [(down, right) for down in range(-2, 2) for right in range(-2, 2)])
    # Nearby surfaces darken gradually; another average over a wider grid hides that there are sixteen directions only.
    values[1:] = _gather(values[1:], small, small, [(down, right) for down in (-4, 0, 4) for right in (-4, 0, 4)])
    full = np.empty((2, height, width), np.float32)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        part = (slice(None), slice(row, None, 2), slice(column, None, 2))
        offsets = [(down, right) for down in range(row + 1) for right in range(column + 1)]
        full[part] = _gather(values, small, np.ascontiguousarray(planes[part]), offsets)
    return full.reshape(2, -1)


def _probe(caster: RayCaster, lamp: Light, planes: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """One ray each: whether the light is seen, and how open space is in one direction; shape `(2, h, w)`."""
    rows, columns = np.indices(depth.shape)
    turn = ((rows % 4) * 4 + columns % 4).ravel()
    points, normals = planes[:3].reshape(3, -1).T, planes[3:].reshape(3, -1).T
    starts = points + normals * (LIFT_M + 0.001 * depth.reshape(-1, 1))
    targets = (lamp.center + SPREAD[turn] @ lamp.half_edges).astype(np.float32)
    shadow = caster.blocked(starts, targets - starts)
    ways = normals + SPHERE[turn]  # cosine-weighted around the normal
    ways *= np.float32(CORNER_REACH_M) / np.sqrt(np.einsum("pd,pd->p", ways, ways)).clip(1e-3)[:, None]
    free = caster.first_hits(starts, ways, reach=1.0).distances
    openness = np.where(free > 0, free, np.float32(1)) ** np.float32(1.5)
    return np.stack((~shadow, openness)).astype(np.float32).reshape(2, *depth.shape)


def _gather(values: np.ndarray, source: np.ndarray, target: np.ndarray, offsets: list[tuple[int, int]]) -> np.ndarray:
    """Average the values at neighbours (rows down, columns right) that lie on the plane of the target.

    `source` and `target` hold points and normals, `(6, h, w)` and `(6, k, l)`; `values` are `(D, h, w)`.
    """
    height, width = target.shape[1:]
    margin = max(abs(step) for offset in offsets for step in offset)
    frame = [(0, 0), (margin, margin), (margin, margin)]
    values, source = np.pad(values, frame, mode="edge"), np.pad(source, frame, mode="edge")
    x, y, z, normal_x, normal_y, normal_z = target
    level = x * normal_x + y * normal_y + z * normal_z
    total = np.zeros((len(values), height, width), np.float32)
    weights = np.zeros((height, width), np.float32)
    for down, right in offsets:
        window = (
            slice(None),
            slice(margin + down, margin + down + height),
            slice(margin + right, margin + right + width),
        )
        x, y, z, other_x, other_y, other_z = source[window]
        near = np.abs(x * normal_x + y * normal_y + z * normal_z - level) < SAME_PLANE_M
        near &= other_x * normal_x + other_y * normal_y + other_z * normal_z > SAME_SIDE_COSINE
        weight = near + STRANGER
        total += values[window] * weight
        weights += weight
    return total / weights
