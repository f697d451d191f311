# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Floors, walls, windows and doors as paint: pattern and place on the surface in metres -> linear colour.

A pattern fades where a pixel is as wide as its parts, so that it does not turn into moire far away. Windows and doors
are painted on the walls: colour without geometry, and no object of the room.

May import: NumPy.
"""

from dataclasses import dataclass

import numpy as np


KINDS = ("plain", "planks", "tiles", "bricks", "checker", "carpet", "stripes")
OPENING_KINDS = ("window", "door")
NOISE_SIZE = 64  # a power of two
FRAME_WIDTH_M = 0.06

_NOISE = np.random.default_rng(20240229).uniform(-1, 1, (NOISE_SIZE, NOISE_SIZE)).astype(np.float32)


@dataclass(frozen=True)
class Pattern:
    """Paint of a floor, wall or ceiling.

    Attributes:
        kind (`str`): One of `KINDS`.
        color (`np.ndarray` of shape `(3,)`): Linear reflectance from 0 to 1.
        second (`np.ndarray` of shape `(3,)`): The same of joints, stripes or every other tile.
        period_m (`tuple[float, float]`): Length of the pattern along its own two axes, metres.
        angle (`float`): Of the pattern's first axis on the surface, radians.
        contrast (`float`): Variation of brightness between its parts and within them, 0 to 1.
    """

    kind: str
    color: np.ndarray
    second: np.ndarray
    period_m: tuple[float, float]
    angle: float
    contrast: float


@dataclass(frozen=True)
class Opening:
    """A window or door painted on a wall.

    Attributes:
        kind (`str`): One of `OPENING_KINDS`.
        wall (`int`): The wall from this corner of the floor to the next.
        left, right (`float`): Along the wall from that corner, metres.
        bottom, top (`float`): Above the floor, metres.
        frame (`np.ndarray` of shape `(3,)`): Linear colour of frame or door leaf.
        sky (`np.ndarray` of shape `(3,)`): Linear light that comes through the upper part of a window.
        ground (`np.ndarray` of shape `(3,)`): The same for its lower part.
        num_panes (`tuple[int, int]`): Panes, or panels of a door, across and up.
    """

    kind: str
    wall: int
    left: float
    right: float
    bottom: float
    top: float
    frame: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    num_panes: tuple[int, int]


def paint(pattern: Pattern, places: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Give the colour of a patterned surface.

    Args:
        pattern (`Pattern`): The paint.
        places (`np.ndarray` of shape `(P, 2)`): On the surface, metres.
        footprint (`np.ndarray` of shape `(P,)`): Width of a pixel there, metres.

    Returns:
        `np.ndarray` of shape `(P, 3)`, float32: Linear reflectance.
    """
    cos, sin = np.cos(pattern.angle), np.sin(pattern.angle)
    turned = places.astype(np.float32) @ np.array([[cos, -sin], [sin, cos]], np.float32)
    cells = turned / np.array(pattern.period_m, np.float32)
    part_m = {"carpet": 0.05}.get(pattern.kind, min(pattern.period_m))
    fade = np.clip(1.5 - 2 * footprint / part_m, 0, 1).astype(np.float32)
    mix, brightness = _PAINTERS[pattern.kind](pattern, cells, turned, footprint)
    brightness = 1 + np.float32(pattern.contrast) * brightness * fade
    average = {"checker": 0.5, "stripes": 0.5}.get(pattern.kind, 0.0)
    mix = (average + (mix - average) * fade)[:, None].astype(np.float32)
    color = pattern.color.astype(np.float32) * (1 - mix) + pattern.second.astype(np.float32) * mix
    return np.clip(color * brightness[:, None], 0, 1)


def paint_opening(opening: Opening, along: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give colour and light of a window or door at places inside of it.

    Args:
        opening (`Opening`): The window or door.
        along (`np.ndarray` of shape `(P,)`): From the wall's first corner, metres.
        up (`np.ndarray` of shape `(P,)`): Above the floor, metres.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: Linear reflectance and linear light of its own, each `(P, 3)`, float32.
    """
    width, height = opening.right - opening.left, opening.top - opening.bottom
    x, y = along - opening.left, up - opening.bottom
    across, upward = opening.num_panes
    bars_x = np.abs((x / width * across + 0.5) % 1 - 0.5) * width / across  # distance from the nearest bar
    bars_y = np.abs((y / height * upward + 0.5) % 1 - 0.5) * height / upward
    edge = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y))
    on_frame = (edge < FRAME_WIDTH_M) | (np.minimum(bars_x, bars_y) < FRAME_WIDTH_M / 2)
    albedo = np.broadcast_to(opening.frame.astype(np.float32), (len(x), 3)).copy()
    light = np.zeros_like(albedo)
    if opening.kind == "window":
        share = np.clip(y / height * 1.6 - 0.3 + 0.1 * _noise(x * 3, y * 0.5), 0, 1)[:, None].astype(np.float32)
        view = opening.ground.astype(np.float32) * (1 - share) + opening.sky.astype(np.float32) * share
        light[~on_frame] = view[~on_frame]
        albedo[~on_frame] = 0
        return albedo, light
    groove = np.abs(np.minimum(np.minimum(bars_x, bars_y), edge) - 2 * FRAME_WIDTH_M) < FRAME_WIDTH_M / 6
    albedo[groove | (edge < FRAME_WIDTH_M / 4)] *= np.float32(0.55)
    handle = np.hypot(x - 0.9 * width, (y - 1.03) * 1.5) < 0.05
    albedo[handle] = np.float32(0.35)
    return albedo, light


def _noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Look up noise from -1 to 1 in a table that repeats."""
    return _NOISE.take(_cell(x) + NOISE_SIZE * _cell(y))


def _cell(x: np.ndarray) -> np.ndarray:
    """Column or row of the table."""
    return np.floor(x).astype(np.int32) & (NOISE_SIZE - 1)


def _soft_noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same without edges between the cells."""
    left, upper = _cell(x), NOISE_SIZE * _cell(y)
    right, lower = (left + 1) & (NOISE_SIZE - 1), (upper + NOISE_SIZE) & (NOISE_SIZE * NOISE_SIZE - 1)
    s, t = x - np.floor(x), y - np.floor(y)
    above = _NOISE.take(left + upper) * (1 - s) + _NOISE.take(right + upper) * s
    below = _NOISE.take(left + lower) * (1 - s) + _NOISE.take(right + lower) * s
    return above * (1 - t) + below * t


def _plain(pattern: Pattern, cells: np.ndarray, metres: np.ndarray, footprint: np.ndarray) -> tuple:
    return np.zeros(len(cells), np.float32), 0.5 * _soft_noise(metres[:, 0] * 1.3, metres[:, 1] * 1.3)


def _joints(cells: np.ndarray, pattern: Pattern, footprint: np.ndarray) -> np.ndarray:
    """Share of each pixel that joints of 6 mm between cells fill."""
    inside = np.abs((cells + 0.5) % 1 - 0.5) * np.array(pattern.period_m, np.float32)
    nearest = inside.min(axis=1)
    return np.clip((0.003 + 0.5 * footprint - nearest) / np.maximum(footprint, 0.002), 0, 1) * np.minimum(
        1, 0.006 / np.maximum(footprint, 1e-4)
    )


def _planks(pattern: Pattern, cells: np.ndarray, metres: np.ndarray, footprint: np.ndarray) -> tuple:
    row = np.floor(cells[:, 1])
    shifted = np.stack((cells[:, 0] + 0.37 * row + 0.11 * row % 3, cells[:, 1]), axis=1)
    board = _noise(np.floor(shifted[:, 0]) + 7 * row, row)
    grain = _soft_noise(metres[:, 0] * 2.5 + 9 * row, metres[:, 1] * 70)
    return _joints(shifted, pattern, footprint) * 0.7, 0.65 * board + 0.35 * grain


def _tiles(pattern: Pattern, cells: np.ndarray, metres: np.ndarray, footprint: np.ndarray) -> tuple:
    tile = _noise(cells[:, 0], cells[:, 1])
    return _joints(cells, pattern, footprint), 0.4 * tile + 0.3 * _soft_noise(metres[:, 0] * 8, metres[:, 1] * 8)


def _bricks(pattern: Pattern, cells: np.ndarray, metres: np.ndarray, footprint: np.ndarray) -> tuple:
    shifted = np.stack((cells[:, 0] + 0.5 * (np.floor(cells[:, 1]) % 2), cells[:, 1]), axis=1)
    return _joints(shifted, pattern, footprint), _noise(shifted[:, 0], shifted[:, 1])


def _checker(pattern: Pattern, cells: np.ndarray, metres: np.ndarray, footprint: np.ndarray) -> tuple:
    odd = np.floor(cells).sum(axis=1) % 2
    return odd, 0.3 * _soft_noise(metres[:, 0] * 6, metres[:, 1] * 6)


def _carpet(pattern: Pattern, cells: np.ndarray, metres: np.ndarray, footprint: np.ndarray) -> tuple:
    fine = _noise(metres[:, 0] * 90, metres[:, 1] * 90)
    return np.zeros(len(cells), np.float32), 0.6 * fine + 0.4 * _soft_noise(metres[:, 0] * 7, metres[:, 1] * 7)


def _stripes(pattern: Pattern, cells: np.ndarray, metres: np.ndarray, footprint: np.ndarray) -> tuple:
    return (cells[:, 0] % 1 < 0.5).astype(np.float32), np.zeros(len(cells), np.float32)


_PAINTERS = {
    "plain": _plain,
    "planks": _planks,
    "tiles": _tiles,
    "bricks": _bricks,
    "checker": _checker,
    "carpet": _carpet,
    "stripes": _stripes,
}
