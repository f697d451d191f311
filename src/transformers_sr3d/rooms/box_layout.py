# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Box rooms, first step: random generator -> room, boxes that do not intersect, surfaces and lights.

Everything here is in the room frame: the floor is `z = 0`, one corner is the origin, the walls are axis-aligned, z is
up, lengths are metres. `boxes.py` places the room in a world of its own, so that nothing can be learnt from axes.
Boxes turn about the vertical only; that keeps "width" and "height" exact words, at the price of no tilted things.

May import: NumPy.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


ROOM_SIDE_M = (2.5, 8.0)
ROOM_HEIGHT_M = (2.3, 3.2)
BOX_WIDTH_M = (0.1, 2.2)
BOX_HEIGHT_M = (0.08, 2.0)
NUM_BOXES = (3, 8)
PLACEMENTS = ("floor", "against_wall", "stacked", "on_wall")
PLACEMENT_SHARES = (0.35, 0.25, 0.22, 0.18)
TEXTURES = ("plain", "stripes", "checker", "planks")
WALL_GAP_M = 0.005
PLACEMENT_TRIES = 80


@dataclass(frozen=True)
class Surface:
    """Colour and pattern of a box, of the floor or of the walls.

    Attributes:
        albedo (`np.ndarray` of shape `(3,)`): Linear reflectance in [0, 1].
        texture (`str`): One of `TEXTURES`.
        period_m (`float`): Period of the pattern, in metres.
        contrast (`float`): How much darker the dark part of the pattern is, in [0, 1).
    """

    albedo: np.ndarray
    texture: str
    period_m: float
    contrast: float


@dataclass(frozen=True)
class LayoutBox:
    """One box in the room frame.

    Attributes:
        center (`np.ndarray` of shape `(3,)`): Metres.
        size (`np.ndarray` of shape `(3,)`): Full extents along the box's own x, y and z axes, in metres.
        yaw (`float`): Rotation about the vertical, in radians.
        surface (`Surface`): Its look.
    """

    center: np.ndarray
    size: np.ndarray
    yaw: float
    surface: Surface

    @cached_property
    def rotation(self) -> np.ndarray:
        """Box-to-room rotation, shape `(3, 3)`."""
        return yaw_rotation(self.yaw)

    @cached_property
    def footprint(self) -> np.ndarray:
        """Corners of the bottom rectangle in order, shape `(4, 2)`, metres."""
        signs = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
        return (signs * self.size[:2]) @ self.rotation[:2, :2].T + self.center[:2]

    @cached_property
    def corners(self) -> np.ndarray:
        """All corners, the lower four first, shape `(8, 3)`, metres."""
        return np.array([[x, y, level] for level in (self.bottom, self.top) for x, y in self.footprint.tolist()])

    @property
    def bottom(self) -> float:
        """Height of the lower face, metres."""
        return float(self.center[2] - self.size[2] / 2)

    @property
    def top(self) -> float:
        """Height of the upper face, metres."""
        return float(self.center[2] + self.size[2] / 2)


@dataclass(frozen=True)
class RoomLayout:
    """A room with its boxes and lights, in the room frame.

    Attributes:
        size (`np.ndarray` of shape `(3,)`): Extents of the room, metres; its corner is the origin.
        boxes (`tuple[LayoutBox, ...]`): The objects.
        floor, walls, ceiling (`Surface`): The looks of the room itself.
        light (`np.ndarray` of shape `(3,)`): Position of the lamp, metres.
        light_color (`np.ndarray` of shape `(3,)`): Linear colour and strength of the lamp.
        sun (`np.ndarray` of shape `(3,)`): Direction towards a second, distant light without shadows, unit length.
        ambient (`float`): Light that comes from everywhere.
    """

    size: np.ndarray
    boxes: tuple[LayoutBox, ...]
    floor: Surface
    walls: Surface
    ceiling: Surface
    light: np.ndarray
    light_color: np.ndarray
    sun: np.ndarray
    ambient: float


def yaw_rotation(yaw: float) -> np.ndarray:
    """Rotate about the vertical.

    Args:
        yaw (`float`): Radians, from x towards y.

    Returns:
        `np.ndarray` of shape `(3, 3)`.
    """
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def compose_layout(rng: np.random.Generator) -> RoomLayout:
    """Draw a room with 3 to 8 boxes that stand, are stacked or hang on walls, none intersecting another.

    Args:
        rng (`np.random.Generator`): Source of all randomness.

    Returns:
        `RoomLayout`: With at least two boxes (a small room may hold fewer than were drawn).
    """
    room = np.array([rng.uniform(*ROOM_SIDE_M), rng.uniform(*ROOM_SIDE_M), rng.uniform(*ROOM_HEIGHT_M)])
    wanted = int(rng.integers(NUM_BOXES[0], NUM_BOXES[1] + 1))
    boxes: list[LayoutBox] = []
    tries = 0
    while len(boxes) < wanted and (tries < PLACEMENT_TRIES or len(boxes) < 2):
        tries += 1
        box = _draw_box(rng, room, boxes)
        if box is not None and _is_inside(box, room) and not any(boxes_intersect(box, other) for other in boxes):
            boxes.append(box)
    floor, walls, ceiling = _draw_room_surfaces(rng)
    light, light_color, sun, ambient = _draw_lights(rng, room)
    return RoomLayout(
        size=room,
        boxes=tuple(boxes),
        floor=floor,
        walls=walls,
        ceiling=ceiling,
        light=light,
        light_color=light_color,
        sun=sun,
        ambient=ambient,
    )


def boxes_intersect(first: LayoutBox, second: LayoutBox, tolerance: float = 1e-6) -> bool:
    """Tell whether two upright boxes share volume, by separating axes of their footprints and their heights.

    Args:
        first (`LayoutBox`): A box.
        second (`LayoutBox`): Another box.
        tolerance (`float`, defaults to 1e-6): Metres of overlap that still count as touching.

    Returns:
        `bool`: True if they overlap by more than `tolerance` along every axis.
    """
    if min(first.top, second.top) - max(first.bottom, second.bottom) <= tolerance:
        return False
    axes = np.concatenate((first.rotation[:2, :2].T, second.rotation[:2, :2].T))
    spans_first, spans_second = first.footprint @ axes.T, second.footprint @ axes.T
    overlap = np.minimum(spans_first.max(0), spans_second.max(0)) - np.maximum(spans_first.min(0), spans_second.min(0))
    return bool((overlap > tolerance).all())


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _is_inside(box: LayoutBox, room: np.ndarray) -> bool:
    corners = box.footprint
    return bool(
        corners.min() >= WALL_GAP_M - 1e-9 and (corners <= room[:2] - WALL_GAP_M + 1e-9).all() and box.top < room[2]
    )


def _draw_box(rng: np.random.Generator, room: np.ndarray, boxes: list[LayoutBox]) -> LayoutBox | None:
    placement = rng.choice(PLACEMENTS, p=PLACEMENT_SHARES) if len(boxes) >= 2 else "floor"
    width = min(_log_uniform(rng, *BOX_WIDTH_M), 0.6 * room[:2].min())
    size = np.array([width, width * rng.uniform(0.3, 1.0), min(_log_uniform(rng, *BOX_HEIGHT_M), room[2] - 0.3)])
    surface = _draw_surface(rng, plain_share=0.65)
    if placement == "stacked":
        return _stack_on(rng, boxes[int(rng.integers(len(boxes)))], size, surface)
    if placement == "floor":
        position = rng.uniform((0.0, 0.0), room[:2])
        return LayoutBox(np.array([*position, size[2] / 2]), size, float(rng.uniform(0, 2 * np.pi)), surface)
    if placement == "on_wall":
        size[1] = min(size[1], 0.4)
    bottom = rng.uniform(0.5, 1.7) if placement == "on_wall" else 0.0
    return _put_at_wall(rng, room, size, surface, bottom)


def _put_at_wall(
    rng: np.random.Generator, room: np.ndarray, size: np.ndarray, surface: Surface, bottom: float
) -> LayoutBox:
    axis, side, along = int(rng.integers(2)), int(rng.integers(2)), rng.uniform()
    distance = WALL_GAP_M + size[1] / 2
    center = np.empty(3)
    center[axis] = distance if side == 0 else room[axis] - distance
    center[1 - axis] = along * room[1 - axis]
    center[2] = bottom + size[2] / 2
    return LayoutBox(center, size, np.pi / 2 if axis == 0 else 0.0, surface)


def _stack_on(rng: np.random.Generator, support: LayoutBox, size: np.ndarray, surface: Surface) -> LayoutBox | None:
    size = size * min(1.0, 0.9 * support.size[:2].min() / size[0])
    size[2] = max(size[2], BOX_HEIGHT_M[0])
    if size[0] < BOX_WIDTH_M[0] or support.top > 1.5:
        return None
    slack = (support.size[:2].min() - np.hypot(size[0], size[1])) / 2
    yaw = float(rng.uniform(0, 2 * np.pi)) if slack > 0 else support.yaw
    room_to_slide = (support.size[:2] - size[:2]) / 2 if slack <= 0 else np.full(2, slack)
    offset = rng.uniform(-1, 1, 2) * room_to_slide
    center = support.center + support.rotation @ np.array([*offset, 0.0])
    center[2] = support.top + size[2] / 2
    return LayoutBox(center, size, yaw, surface)


def _draw_surface(rng: np.random.Generator, *, plain_share: float) -> Surface:
    hue, saturation, value = rng.uniform(0, 6), rng.uniform(0.05, 0.95), rng.uniform(0.15, 0.95)
    rainbow = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1, 0, 1)
    albedo = (value * (1 - saturation + saturation * rainbow)) ** 2
    texture = "plain" if rng.uniform() < plain_share else str(rng.choice(TEXTURES[1:]))
    return Surface(albedo, texture, rng.uniform(0.06, 0.5), rng.uniform(0.1, 0.5))


def _draw_pale_surface(rng: np.random.Generator, brightness: tuple[float, float], tint: float) -> Surface:
    albedo = np.clip(rng.uniform(*brightness) + rng.uniform(-tint, tint, 3), 0.04, 0.95) ** 2
    texture = "plain" if rng.uniform() < 0.5 else str(rng.choice(TEXTURES[1:]))
    return Surface(albedo, texture, rng.uniform(0.1, 0.9), rng.uniform(0.03, 0.25))


def _draw_room_surfaces(rng: np.random.Generator) -> tuple[Surface, Surface, Surface]:
    """Floor, walls and ceiling."""
    floor = _draw_pale_surface(rng, (0.3, 0.8), 0.15)
    walls = _draw_pale_surface(rng, (0.45, 0.95), 0.12)
    ceiling = Surface(np.full(3, rng.uniform(0.6, 0.9)), "plain", 1.0, 0.0)
    return floor, walls, ceiling


def _draw_lights(rng: np.random.Generator, room: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Position of the lamp, its colour, direction of the sun, ambient light."""
    lamp = np.array([*(rng.uniform(0.2, 0.8, 2) * room[:2]), room[2] - rng.uniform(0.05, 0.3)])
    sun = np.array([*rng.normal(size=2), rng.uniform(0.3, 1.0)])
    color = rng.uniform(0.7, 1.5) * (1 + rng.uniform(-0.12, 0.12, 3))
    ambient = float(rng.uniform(0.25, 0.5))
    return lamp, color, sun / np.linalg.norm(sun), ambient
