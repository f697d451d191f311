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
# Width of the edge around a padded grid; no neighbour is further away.
MARGIN = 4
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
        points (`np.ndarray` of shape `(3, P)`, float32): Metres, world.
        normals (`np.ndarray` of shape `(3, P)`, float32): Smooth, unit length, towards the camera.
        flat_normals (`np.ndarray` of shape `(3, P)`, float32): Of the faces, unit length, towards the camera.
        depth (`np.ndarray` of shape `(P,)`, float32): Metres along the optical axis.
        on_object (`np.ndarray` of shape `(Q,)`, int): Numbers of the pixels that see an object.
    """

    points: np.ndarray
    normals: np.ndarray
    flat_normals: np.ndarray
    depth: np.ndarray
    on_object: np.ndarray


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
    planes = np.concatenate((surface.points, surface.flat_normals)).reshape(6, height, width)
    values = _probe(caster, lamp, planes[:, ::2, ::2], surface.depth.reshape(size_hw)[::2, ::2])
    source, rows = _padded(planes[:, ::2, ::2]), values.shape[1]
    own = source.reshape(6, -1)[:, MARGIN * source.shape[2] + MARGIN :]
    values = _gather(values, source, own, rows, [(down, right) for down in range(-2, 2) for right in range(-2, 2)])
    # Nearby surfaces darken gradually; another average over a wider grid hides that there are sixteen directions only.
    wider = [(down, right) for down in (-4, 0, 4) for right in (-4, 0, 4)]
    values[1:] = _gather(values[1:], source, own, rows, wider)
    full = np.empty((2, height, width), np.float32)
    full[:, ::2, ::2] = values
    for row, column in ((0, 1), (1, 0), (1, 1)):
        part = full[:, row::2, column::2]
        target = np.zeros((6, part.shape[1], source.shape[2]), np.float32)
        target[:, :, : part.shape[2]] = planes[:, row::2, column::2]
        offsets = [(down, right) for down in range(row + 1) for right in range(column + 1)]
        found = _gather(values, source, target.reshape(6, -1), part.shape[1], offsets)
        part[:] = found[:, :, : part.shape[2]]
    return full.reshape(2, -1)


def _probe(caster: RayCaster, lamp: Light, planes: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """One ray each: whether the light is seen, and how open space is in one direction; shape `(2, h, w)`."""
    rows, columns = np.indices(depth.shape)
    turn = ((rows % 4) * 4 + columns % 4).ravel()
    points, normals = planes[:3].reshape(3, -1), planes[3:].reshape(3, -1)
    starts = points + normals * (LIFT_M + np.float32(0.001) * depth.ravel())
    spots = (lamp.center[:, None] + lamp.half_edges.T @ SPREAD.T).astype(np.float32)
    shadow = caster.blocked(starts.T, (spots.take(turn, axis=1) - starts).T)
    ways = normals + SPHERE.T.take(turn, axis=1)  # cosine-weighted around the normal
    x, y, z = ways
    ways *= np.float32(CORNER_REACH_M) / np.sqrt(x * x + y * y + z * z).clip(1e-3)
    free = caster.free_shares(starts.T, ways.T)
    return np.stack((~shadow, free * np.sqrt(free))).astype(np.float32).reshape(2, *depth.shape)


def _padded(grid: np.ndarray) -> np.ndarray:
    return np.pad(grid, [(0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)], mode="edge")


def _gather(
    values: np.ndarray, source: np.ndarray, target: np.ndarray, rows: int, offsets: list[tuple[int, int]]
) -> np.ndarray:
    """Average the values `(D, h, w)` at neighbours (rows down, columns right) on the plane of the target.

    `source` holds points and normals of the values, `(6, h + 8, w + 8)`, padded. `target` holds those of `rows` of the
    same padded length, one after the other, so that each step is one pass over contiguous numbers; what lies beyond
    column w is not used. Gives `(D, rows, w)`.
    """
    length, depth = source.shape[2], len(values)
    count, start = rows * length - 2 * MARGIN, MARGIN * length + MARGIN
    lines, planes = _padded(values).reshape(depth, -1), source.reshape(6, -1)
    x, y, z, normal_x, normal_y, normal_z = target[:, :count]
    level = x * normal_x + y * normal_y + z * normal_z
    total = np.zeros((depth, rows * length), np.float32)
    weights, away, side, part = np.zeros(count, np.float32), *np.empty((3, count), np.float32)
    for down, right in offsets:
        window = slice(start + down * length + right, start + down * length + right + count)
        x, y, z, other_x, other_y, other_z = planes[:, window]
        np.multiply(x, normal_x, out=away)
        away += np.multiply(y, normal_y, out=part)
        away += np.multiply(z, normal_z, out=part)
        away -= level
        np.multiply(other_x, normal_x, out=side)
        side += np.multiply(other_y, normal_y, out=part)
        side += np.multiply(other_z, normal_z, out=part)
        near = (np.abs(away, out=away) < SAME_PLANE_M) & (side > SAME_SIDE_COSINE)
        weight = np.add(near, STRANGER, out=side)
        for sums, line in zip(total, lines, strict=True):
            sums[:count] += np.multiply(line[window], weight, out=part)
        weights += weight
    total[:, :count] /= weights
    return total.reshape(depth, rows, length)[:, :, : length - 2 * MARGIN]
