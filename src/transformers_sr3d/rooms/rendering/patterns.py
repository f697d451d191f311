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


def paint(pattern: Pattern, x: np.ndarray, y: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Give the colour of a patterned surface.

    Args:
        pattern (`Pattern`): The paint.
        x (`np.ndarray` of shape `(P,)`, float32): On the surface, metres.
        y (`np.ndarray` of shape `(P,)`, float32): The same along the surface's other axis.
        footprint (`np.ndarray` of shape `(P,)`, float32): Width of a pixel there, metres.

    Returns:
        `np.ndarray` of shape `(3, P)`, float32: Linear reflectance.
    """
    cos, sin = np.float32(np.cos(pattern.angle)), np.float32(np.sin(pattern.angle))
    ground = _Ground(pattern.period_m, x * cos + y * sin, y * cos - x * sin, footprint)
    part_m = {"carpet": 0.05}.get(pattern.kind, min(pattern.period_m))
    fade = np.clip(1.5 - np.float32(2 / part_m) * footprint, 0, 1)
    mix, brightness = _PAINTERS[pattern.kind](ground)
    color = np.repeat(pattern.color.astype(np.float32)[:, None], len(x), axis=1)
    if mix is not None:
        average = np.float32(0.5 if pattern.kind in ("checker", "stripes") else 0)
        mix = average + (mix - average) * fade
        color += (pattern.second - pattern.color).astype(np.float32)[:, None] * mix
    if brightness is not None:
        color *= 1 + np.float32(pattern.contrast) * brightness * fade
    return np.clip(color, 0, 1, out=color)


def paint_opening(opening: Opening, along: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give colour and light of a window or door at places inside of it.

    Args:
        opening (`Opening`): The window or door.
        along (`np.ndarray` of shape `(P,)`): From the wall's first corner, metres.
        up (`np.ndarray` of shape `(P,)`): Above the floor, metres.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: Linear reflectance and linear light of its own, each `(3, P)`, float32.
    """
    width, height = opening.right - opening.left, opening.top - opening.bottom
    x, y = along - opening.left, up - opening.bottom
    across, upward = opening.num_panes
    bars_x = np.abs((x / width * across + 0.5) % 1 - 0.5) * width / across  # distance from the nearest bar
    bars_y = np.abs((y / height * upward + 0.5) % 1 - 0.5) * height / upward
    edge = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y))
    albedo = np.repeat(opening.frame.astype(np.float32)[:, None], len(x), axis=1)
    if opening.kind == "window":
        glass = (edge >= FRAME_WIDTH_M) & (np.minimum(bars_x, bars_y) >= FRAME_WIDTH_M / 2)
        share = np.clip(y / height * 1.6 - 0.3 + 0.1 * _noise(x * 3, y * 0.5), 0, 1).astype(np.float32)
        ground = opening.ground.astype(np.float32)[:, None]
        return albedo * ~glass, (ground + (opening.sky.astype(np.float32)[:, None] - ground) * share) * glass
    groove = np.abs(np.minimum(np.minimum(bars_x, bars_y), edge) - 2 * FRAME_WIDTH_M) < FRAME_WIDTH_M / 6
    albedo[:, groove | (edge < FRAME_WIDTH_M / 4)] *= np.float32(0.55)
    albedo[:, np.hypot(x - 0.9 * width, (y - 1.03) * 1.5) < 0.05] = np.float32(0.35)  # the handle
    return albedo, np.zeros_like(albedo)


class _Ground:
    """Places along a pattern's own axes: metres `(P,)` and whole cells; width of a pixel there."""

    def __init__(self, period_m: tuple[float, float], x: np.ndarray, y: np.ndarray, footprint: np.ndarray) -> None:
        self.x, self.y, self.footprint = x, y, footprint
        self.period_m = tuple(np.float32(length) for length in period_m)

    @property
    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Place in lengths of the pattern."""
        return self.x / self.period_m[0], self.y / self.period_m[1]

    def noise(self, frequency: float) -> np.ndarray:
        """Noise without edges, cells per metre."""
        return _soft_noise(self.x * np.float32(frequency), self.y * np.float32(frequency))

    def joints(self, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Share of each pixel that joints of 6 mm between cells fill."""
        nearest = np.minimum(
            *(_from_whole(at) * length for at, length in zip((column, row), self.period_m, strict=True))
        )
        width = self.footprint
        filled = np.clip((0.003 + 0.5 * width - nearest) / np.maximum(width, 0.002), 0, 1)
        return filled * np.minimum(1, 0.006 / np.maximum(width, 1e-4))


def _from_whole(x: np.ndarray) -> np.ndarray:
    """Distance from the nearest whole number."""
    return np.abs(x - np.rint(x))


def _noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Look up noise from -1 to 1 in a table that repeats."""
    return _NOISE.take(_cell(x) + NOISE_SIZE * _cell(y))


def _cell(x: np.ndarray) -> np.ndarray:
    """Column or row of the table."""
    return np.floor(x).astype(np.int32) & (NOISE_SIZE - 1)


def _soft_noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same without edges between the cells."""
    whole_x, whole_y = np.floor(x), np.floor(y)
    s, t = x - whole_x, y - whole_y
    left = whole_x.astype(np.int32) & (NOISE_SIZE - 1)
    upper = (whole_y.astype(np.int32) & (NOISE_SIZE - 1)) * NOISE_SIZE
    right, lower = (left + 1) & (NOISE_SIZE - 1), (upper + NOISE_SIZE) & (NOISE_SIZE * NOISE_SIZE - 1)
    above = _NOISE.take(left + upper)
    above += (_NOISE.take(right + upper) - above) * s
    below = _NOISE.take(left + lower)
    below += (_NOISE.take(right + lower) - below) * s
    below -= above
    below *= t
    above += below
    return above


_Paint = tuple[np.ndarray | None, np.ndarray | None]  # share of the second colour, variation of brightness


def _plain(ground: _Ground) -> _Paint:
    return None, np.float32(0.5) * ground.noise(1.3)


def _planks(ground: _Ground) -> _Paint:
    column, y = ground.cells
    row = np.floor(y)
    column += np.float32(0.37) * row + np.float32(0.11) * row % 3
    board = _noise(np.floor(column) + 7 * row, row)
    grain = _soft_noise(ground.x * np.float32(2.5) + 9 * row, ground.y * 70)
    return ground.joints(column, y) * np.float32(0.7), np.float32(0.65) * board + np.float32(0.35) * grain


def _tiles(ground: _Ground) -> _Paint:
    column, row = ground.cells
    return ground.joints(column, row), np.float32(0.4) * _noise(column, row) + np.float32(0.3) * ground.noise(8)


def _bricks(ground: _Ground) -> _Paint:
    column, row = ground.cells
    column += np.float32(0.5) * (np.floor(row) % 2)
    return ground.joints(column, row), _noise(column, row)


def _checker(ground: _Ground) -> _Paint:
    column, row = ground.cells
    return (np.floor(column) + np.floor(row)) % 2, np.float32(0.3) * ground.noise(6)


def _carpet(ground: _Ground) -> _Paint:
    fine = _noise(ground.x * 90, ground.y * 90)
    return None, np.float32(0.6) * fine + np.float32(0.4) * ground.noise(7)


def _stripes(ground: _Ground) -> _Paint:
    column, _ = ground.cells
    return (column - np.floor(column) < 0.5).astype(np.float32), None


_PAINTERS = {
    "plain": _plain,
    "planks": _planks,
    "tiles": _tiles,
    "bricks": _bricks,
    "checker": _checker,
    "carpet": _carpet,
    "stripes": _stripes,
}
