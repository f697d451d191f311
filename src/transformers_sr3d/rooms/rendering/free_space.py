# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Free space in a room: places -> whether a camera, or a person, fits there.

Objects count as their oriented boxes, so the space below a table is not free; walls keep their distance too.

May import: NumPy and siblings in `rooms`.
"""

import numpy as np

from transformers_sr3d.rooms.rendering.ray_casting import floor_triangles
from transformers_sr3d.rooms.world import Room


CLEARANCE_M = 0.25
WALL_CLEARANCE_M = 0.2
# A person walks over what is lower (carpets) and below what hangs higher.
STEP_M, HEADROOM_M = 0.06, 1.9
BODY_CLEARANCE_M = 0.2
DRAWS = 64


class FreeSpace:
    """The free space of a room.

    Args:
        room (`Room`): The room.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self._centers = np.array([thing.center for thing in room.objects]).reshape(-1, 3)
        self._halves = np.array([thing.size / 2 for thing in room.objects]).reshape(-1, 3)
        self._rotations = np.array([thing.rotation for thing in room.objects]).reshape(-1, 3, 3)
        bottoms, tops = self._centers[:, 2] - self._halves[:, 2], self._centers[:, 2] + self._halves[:, 2]
        self._blocks = (tops > room.floor_z + STEP_M) & (bottoms < room.floor_z + HEADROOM_M)

    def is_free(self, places: np.ndarray) -> np.ndarray:
        """Tell where a camera fits.

        Args:
            places (`np.ndarray` of shape `(N, 3)`): Metres, world.

        Returns:
            `np.ndarray` of shape `(N,)`, bool: In the room, `WALL_CLEARANCE_M` from its walls, floor and ceiling and
            `CLEARANCE_M` from all objects.
        """
        free = self._wall_distance(places[:, :2]) > WALL_CLEARANCE_M
        above = places[:, 2] - self.room.floor_z
        free &= (above > WALL_CLEARANCE_M) & (above < self.room.height - WALL_CLEARANCE_M)
        return free & (self._outside(places).min(axis=1, initial=np.inf) > CLEARANCE_M)

    def is_walkable(self, places: np.ndarray) -> np.ndarray:
        """Tell where a person can stand.

        Args:
            places (`np.ndarray` of shape `(N, 2)`): Metres, world.

        Returns:
            `np.ndarray` of shape `(N,)`, bool.
        """
        free = self._wall_distance(places) > WALL_CLEARANCE_M
        level = np.full((len(places), 1), self.room.floor_z)
        gaps = self._outside(np.concatenate((places, level), axis=1), horizontal=True)[:, self._blocks]
        return free & (gaps.min(axis=1, initial=np.inf) > BODY_CLEARANCE_M)

    def draw(self, rng: np.random.Generator, heights: tuple[float, float]) -> np.ndarray:
        """Draw a place for a camera.

        Args:
            rng (`np.random.Generator`): Source of randomness.
            heights (`tuple[float, float]`): Above the floor, metres.

        Returns:
            `np.ndarray` of shape `(3,)`: A free place; in a room without any, the one farthest from everything.
        """
        places = self.draw_many(rng, heights, DRAWS)
        free = np.flatnonzero(self.is_free(places))
        if len(free):
            return places[free[0]]
        gaps = np.minimum(self._outside(places).min(axis=1, initial=np.inf), self._wall_distance(places[:, :2]))
        return places[gaps.argmax()]

    def draw_many(self, rng: np.random.Generator, heights: tuple[float, float], count: int) -> np.ndarray:
        """Draw places above the floor, free or not.

        Args:
            rng (`np.random.Generator`): Source of randomness.
            heights (`tuple[float, float]`): Above the floor, metres.
            count (`int`): How many.

        Returns:
            `np.ndarray` of shape `(count, 3)`: Metres, world.
        """
        corners = self.room.floor[floor_triangles(self.room.floor)]  # T, 3, 2
        sides = corners[:, 1:] - corners[:, :1]
        areas = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
        chosen = rng.choice(len(corners), count, p=areas / areas.sum())
        shares = rng.uniform(size=(count, 2))
        shares = np.where(shares.sum(axis=1, keepdims=True) > 1, 1 - shares, shares)
        flat = corners[chosen, 0] + np.einsum("nk,nkd->nd", shares, sides[chosen])
        return np.column_stack((flat, self.room.floor_z + rng.uniform(*heights, count)))

    def _outside(self, places: np.ndarray, *, horizontal: bool = False) -> np.ndarray:
        """Distance of places from the boxes of all objects, shape `(N, M)`, 0 inside."""
        own = np.einsum("nmd,mde->nme", places[:, None] - self._centers, self._rotations)
        gaps = np.maximum(np.abs(own) - self._halves, 0)
        return np.linalg.norm(gaps[..., :2] if horizontal else gaps, axis=2)

    def _wall_distance(self, places: np.ndarray) -> np.ndarray:
        """Distance to the nearest wall, shape `(N,)`, negative outside of the room."""
        starts = self.room.floor
        ways = np.roll(starts, -1, axis=0) - starts
        offsets = places[:, None] - starts
        shares = (np.einsum("nkd,kd->nk", offsets, ways) / (ways * ways).sum(axis=1)).clip(0, 1)
        distances = np.linalg.norm(offsets - shares[..., None] * ways, axis=2).min(axis=1)
        crosses = (starts[:, 1] > places[:, 1:2]) != (np.roll(starts, -1, axis=0)[:, 1] > places[:, 1:2])
        with np.errstate(divide="ignore", invalid="ignore"):
            where = starts[:, 0] + (places[:, 1:2] - starts[:, 1]) / ways[:, 1] * ways[:, 0]
        inside = (crosses & (places[:, :1] < where)).sum(axis=1) % 2 == 1
        return np.where(inside, distances, -distances)
