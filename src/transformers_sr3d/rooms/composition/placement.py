# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, places: floor plan, model and wished poses -> the first pose that hits nothing.

Everything here is in the room's own frame: the floor is `z = 0`, one corner is the origin, walls run along x and y. An
object is tested as an upright oriented box, by separating axes for the footprints and by its interval of heights. Many
wished poses are tested against all objects in one call, which keeps a room below a few milliseconds. Boxes are larger
than what is in them, so a chair that is pushed under a table hits its box; such pairs are named when placing.

May import: NumPy, the word list of `world.py`.
"""

from dataclasses import dataclass, field

import numpy as np

from transformers_sr3d.rooms.world import FurnitureModel, PlacedObject


BODY_MARGIN_M = 0.015
WALL_GAP_M = (0.01, 0.05)
MAX_OCCUPIED_SHARE = 0.62
OCCUPYING_BELOW_M = 1.5
# A large rug lies under everything else, so it only meets other rugs: rugs are tested at heights of their own.
RUG_LEVELS_M = (-2.0, -1.0)
LARGE_RUG_M2 = 1.0
SIGNS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


@dataclass(frozen=True)
class Wall:
    """A straight piece of wall.

    Attributes:
        start (`np.ndarray` of shape `(2,)`): Where it begins, metres.
        along (`np.ndarray` of shape `(2,)`): Unit direction, counter-clockwise around the floor.
        normal (`np.ndarray` of shape `(2,)`): Unit direction into the room.
        length (`float`): Metres.
    """

    start: np.ndarray
    along: np.ndarray
    normal: np.ndarray
    length: float

    @property
    def yaw(self) -> float:
        """Heading, in radians, of an object whose back is to this wall."""
        return facing(self.normal)

    def at(self, position: float, distance: float) -> np.ndarray:
        """Give the point at `position` metres along and `distance` metres in front of the wall, shape `(2,)`."""
        return self.start + position * self.along + distance * self.normal


def facing(direction: np.ndarray) -> float:
    """Give the heading of an object whose front looks in a direction.

    Args:
        direction (`np.ndarray` of shape `(2,)`): Room or world frame, any length above zero.

    Returns:
        `float`: Radians from x towards y; the object's own -y axis then has that direction.
    """
    return float(np.arctan2(direction[0], -direction[1]))


def yaw_rotation(yaw: float) -> np.ndarray:
    """Give the turn about the vertical by `yaw` radians, shape `(3, 3)`."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def footprint(thing: PlacedObject) -> np.ndarray:
    """Give the corners of an object's bottom rectangle.

    Args:
        thing (`PlacedObject`): In any frame with z up.

    Returns:
        `np.ndarray` of shape `(4, 2)`: Metres, counter-clockwise, in the frame of its centre.
    """
    return (SIGNS * thing.size[:2]) @ thing.rotation[:2, :2].T + thing.center[:2]


def objects_collide(first: PlacedObject, second: PlacedObject, *, tolerance: float = 0.0) -> bool:
    """Say whether the oriented boxes of two objects intersect.

    Args:
        first (`PlacedObject`): In any frame with z up.
        second (`PlacedObject`): In the same frame.
        tolerance (`float`, defaults to 0.0): Overlap up to this many metres is no collision.

    Returns:
        `bool`: Boxes that touch do not collide.
    """
    return bool(_overlaps(_row(first)[None], _row(second)[None], margin=-tolerance)[0, 0])


def _row(thing: PlacedObject) -> np.ndarray:
    cos, sin = thing.rotation[0, 0], thing.rotation[1, 0]
    low, high = thing.center[2] - thing.size[2] / 2, thing.center[2] + thing.size[2] / 2
    return np.array([*thing.center[:2], thing.size[0] / 2, thing.size[1] / 2, cos, sin, low, high])


def _overlaps(first: np.ndarray, second: np.ndarray, margin: float) -> np.ndarray:
    """Test upright boxes `(K, 8)` against `(N, 8)`; rows are x, y, half sides, cosine, sine, bottom, top."""
    x, y, wide, deep, cos, sin, low, high = first.T[:, :, None]
    x2, y2, wide2, deep2, cos2, sin2, low2, high2 = second.T[:, None, :]
    across = np.abs(cos * cos2 + sin * sin2)
    askew = np.abs(sin * cos2 - cos * sin2)
    dx, dy = x2 - x, y2 - y
    return (
        (np.abs(dx * cos + dy * sin) < wide + wide2 * across + deep2 * askew + margin)
        & (np.abs(dy * cos - dx * sin) < deep + wide2 * askew + deep2 * across + margin)
        & (np.abs(dx * cos2 + dy * sin2) < wide2 + wide * across + deep * askew + margin)
        & (np.abs(dy * cos2 - dx * sin2) < deep2 + wide * askew + deep * across + margin)
        & (low < high2 + min(margin, 0.0))
        & (low2 < high + min(margin, 0.0))
    )


@dataclass(frozen=True)
class Contacts:
    """Objects that a new one may come near to.

    Attributes:
        beside (`tuple[int, ...]`): Objects whose clearance it may enter.
        under (`int`, *optional*): Object whose box it may intersect.
        support (`int`, *optional*): Object that it stands on.
    """

    beside: tuple[int, ...] = ()
    under: int | None = None
    support: int | None = None


NO_CONTACTS = Contacts()


@dataclass
class FloorPlan:
    """A room that is being furnished, in its own frame.

    Attributes:
        width (`float`): Extent along x, metres.
        depth (`float`): Extent along y, metres.
        height (`float`): Of the ceiling, metres.
        cut (`tuple[float, float, float, float]`, *optional*): Corner that an L-shaped floor lacks, as lowest x and y
            and highest x and y, metres.
        limit (`int`): Number of objects after which nothing more is placed.
        objects (`list[PlacedObject]`): What has been placed, in the room's own frame.
    """

    width: float
    depth: float
    height: float
    cut: tuple[float, float, float, float] | None
    limit: int
    objects: list[PlacedObject] = field(default_factory=list)
    _claims: list[np.ndarray] = field(default_factory=list, repr=False)
    _occupied: float = 0.0

    @property
    def full(self) -> bool:
        """Whether the wanted number of objects has been reached."""
        return len(self.objects) >= self.limit

    @property
    def area(self) -> float:
        """Of the floor, square metres."""
        missing = 0.0 if self.cut is None else (self.cut[2] - self.cut[0]) * (self.cut[3] - self.cut[1])
        return self.width * self.depth - missing

    @property
    def corners(self) -> np.ndarray:
        """Of the floor, counter-clockwise, shape `(4, 2)` or `(6, 2)`, metres."""
        width, depth = self.width, self.depth
        square = [(0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)]
        if self.cut is None:
            return np.array(square)
        x0, y0, x1, y1 = self.cut
        inner = (x1 if x0 == 0 else x0, y1 if y0 == 0 else y0)
        gone = (0.0 if x0 == 0 else width, 0.0 if y0 == 0 else depth)
        beside = [(inner[0], gone[1]), inner, (gone[0], inner[1])]
        number = square.index(gone)
        # Before a corner on the diagonal the outline runs along y, so it meets the cut there from the other side.
        return np.array([*square[:number], *(beside if number in (1, 3) else beside[::-1]), *square[number + 1 :]])

    @property
    def walls(self) -> list[Wall]:
        """All pieces of wall, counter-clockwise."""
        corners = self.corners
        sides = np.roll(corners, -1, axis=0) - corners
        lengths = np.linalg.norm(sides, axis=1)
        return [
            Wall(start, side / length, np.array([-side[1], side[0]]) / length, float(length))
            for start, side, length in zip(corners, sides, lengths, strict=True)
        ]

    def place(
        self,
        model: FurnitureModel,
        size: np.ndarray,
        poses: np.ndarray,
        *,
        bottom: float = 0.0,
        clearance: float = 0.0,
        contacts: Contacts = NO_CONTACTS,
        margin: float = BODY_MARGIN_M,
    ) -> int | None:
        """Put an object at the first of the wished poses that is free.

        Args:
            model (`FurnitureModel`): What it is.
            size (`np.ndarray` of shape `(3,)`): Its extents, metres.
            poses (`np.ndarray` of shape `(K, 3)`): x and y in metres and heading in radians, room frame, best first.
            bottom (`float`, defaults to 0.0): Height of its lower face, metres.
            clearance (`float`, defaults to 0.0): Free space wanted in front of it, metres.
            contacts (`Contacts`): Objects that it may come near to.
            margin (`float`, defaults to `BODY_MARGIN_M`): Distance from other objects, metres.

        Returns:
            `int`, *optional*: Its position in `objects`; None if no pose is free, the ceiling is too low, the floor
            too full or the limit reached.
        """
        rug = model.label == "rug"
        occupies = (
            0.0 if rug or contacts.support is not None or bottom > OCCUPYING_BELOW_M else float(size[0] * size[1])
        )
        too_full = occupies > 0 and self._occupied + occupies > MAX_OCCUPIED_SHARE * self.area
        if self.full or too_full or len(poses) == 0 or bottom + size[2] > self.height + 1e-6:
            return None
        claims = _claim_rows(poses, size, bottom, clearance)
        if rug:
            claims[:, 6:] = RUG_LEVELS_M if size[0] * size[1] > LARGE_RUG_M2 else (RUG_LEVELS_M[0], size[2])
        free = self._inside(claims) & ~self._hit(claims, contacts, margin)
        if not free.any():
            return None
        best = int(np.argmax(free))
        x, y, yaw = poses[best]
        center = np.array([x, y, bottom + size[2] / 2])
        self.objects.append(PlacedObject(model, center, np.asarray(size, float), yaw_rotation(yaw), contacts.support))
        self._claims.append(claims[best])
        self._occupied += occupies
        return len(self.objects) - 1

    def _inside(self, rows: np.ndarray) -> np.ndarray:
        x, y, wide, deep, cos, sin, _, _ = rows.T
        reach_x = wide * np.abs(cos) + deep * np.abs(sin)
        reach_y = wide * np.abs(sin) + deep * np.abs(cos)
        inside = (x >= reach_x) & (x <= self.width - reach_x) & (y >= reach_y) & (y <= self.depth - reach_y)
        if self.cut is not None:
            x0, y0, x1, y1 = self.cut
            gone = np.array([[(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2, 1.0, 0.0, -9.0, 9.0]])
            inside &= ~_overlaps(rows, gone, margin=0.0)[:, 0]
        return inside

    def _hit(self, rows: np.ndarray, contacts: Contacts, margin: float) -> np.ndarray:
        others = [
            _row(self.objects[number]) if number in contacts.beside else claim
            for number, claim in enumerate(self._claims)
            if number not in (contacts.under, contacts.support)
        ]
        if not others:
            return np.zeros(len(rows), dtype=bool)
        return np.any(_overlaps(rows, np.array(others), margin), axis=1)


def _claim_rows(poses: np.ndarray, size: np.ndarray, bottom: float, clearance: float) -> np.ndarray:
    """Give the boxes that an object claims: itself and the clearance in front of it, rows as in `_overlaps`."""
    x, y, yaw = np.asarray(poses, float).T
    cos, sin = np.cos(yaw), np.sin(yaw)
    same = np.ones(len(x))
    return np.stack(
        [
            x + sin * clearance / 2,
            y - cos * clearance / 2,
            same * size[0] / 2,
            same * (size[1] + clearance) / 2,
            cos,
            sin,
            same * bottom,
            same * (bottom + size[2]),
        ],
        axis=1,
    )
