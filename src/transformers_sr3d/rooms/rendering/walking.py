# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A walk through a room: free space -> a smooth path over free floor -> places of a phone along it.

Random free places are joined wherever the straight way between them is free; the shortest ways from one of them give
a path of about the wanted length, whose corners are cut.

May import: NumPy and siblings in `rooms`.
"""

import numpy as np

from transformers_sr3d.rooms.rendering.free_space import FreeSpace


WALK_HEIGHT_M = (1.2, 1.8)
STEP_LENGTH_M = (0.25, 0.9)
HEIGHT_JITTER_M = 0.03
NUM_STATIONS = 36
NUM_STARTS = 5
LONGEST_LEG_M = 3.0
CHECK_EVERY_M = 0.12
CORNER_CUTS = 3


def walk_positions(space: FreeSpace, num_views: int, rng: np.random.Generator) -> np.ndarray:
    """Choose where the views of a walk are taken.

    Args:
        space (`FreeSpace`): Of the room.
        num_views (`int`): How many, at least 1.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `np.ndarray` of shape `(num_views, 3)`: Metres, world, in the order of the walk, at equal steps. Where no floor
        is free to walk, all are at one free place.
    """
    height = rng.uniform(*WALK_HEIGHT_M)
    wanted = (num_views - 1) * rng.uniform(*STEP_LENGTH_M)
    stations = space.draw_many(rng, (height, height), NUM_STATIONS)
    stations = stations[_is_clear(space, stations)]
    if len(stations) < 2:
        return np.repeat(space.draw(rng, WALK_HEIGHT_M)[None], num_views, axis=0)
    path = _smooth_path(space, _choose_path(space, stations, wanted), space.room.floor_z + height)
    places = _along(path, np.linspace(0, min(wanted, _length(path)), num_views))
    levels = space.room.floor_z + height + rng.normal(0, HEIGHT_JITTER_M, num_views).clip(-0.06, 0.06)
    return np.column_stack((places, levels))


def _choose_path(space: FreeSpace, stations: np.ndarray, wanted: float) -> np.ndarray:
    """Corners of a shortest way of at least the wanted length from one of the first stations, or of the longest."""
    places = stations[:, :2]
    legs = np.linalg.norm(places[:, None] - places[None], axis=2)
    first, second = np.nonzero(np.triu(legs < LONGEST_LEG_M, 1))
    shares = np.linspace(0, 1, round(LONGEST_LEG_M / CHECK_EVERY_M))[:, None]
    between = stations[first, None] * (1 - shares) + stations[second, None] * shares
    clear = _is_clear(space, between.reshape(-1, 3)).reshape(len(first), -1).all(axis=1)
    open_legs = np.full_like(legs, np.inf)
    open_legs[first[clear], second[clear]] = open_legs[second[clear], first[clear]] = legs[first[clear], second[clear]]
    best: tuple[float, int, np.ndarray] = (-1.0, 0, np.full(len(places), -1))
    for start in range(min(NUM_STARTS, len(places))):
        lengths, before = _shortest_ways(open_legs, start)
        enough = np.where(np.isfinite(lengths) & (lengths >= wanted), lengths, np.inf)
        goal = int(
            enough.argmin() if np.isfinite(enough).any() else np.where(np.isfinite(lengths), lengths, -1).argmax()
        )
        if lengths[goal] > best[0]:
            best = (float(lengths[goal]), goal, before)
        if best[0] >= wanted:
            break
    _, goal, before = best
    corners = [goal]
    while before[corners[-1]] >= 0:
        corners.append(int(before[corners[-1]]))
    return places[corners[::-1]]


def _shortest_ways(legs: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Dijkstra from one station: length of the way to each, and the station before it (-1 for none)."""
    lengths, before = np.full(len(legs), np.inf), np.full(len(legs), -1)
    lengths[start] = 0
    open_stations = np.ones(len(legs), bool)
    while np.isfinite(lengths[open_stations]).any():
        here = int(np.where(open_stations, lengths, np.inf).argmin())
        open_stations[here] = False
        shorter = lengths[here] + legs[here] < lengths
        lengths = np.where(shorter, lengths[here] + legs[here], lengths)
        before = np.where(shorter, here, before)
    return lengths, before


def _smooth_path(space: FreeSpace, corners: np.ndarray, height: float) -> np.ndarray:
    """Cut the corners of a path where the cuts are free; `height` is that of the phone in the world."""
    path = corners
    for _ in range(CORNER_CUTS):
        if len(path) < 3:
            break
        cut = np.empty((2 * len(path) - 2, 2))
        cut[0::2], cut[1::2] = 0.75 * path[:-1] + 0.25 * path[1:], 0.25 * path[:-1] + 0.75 * path[1:]
        cut[0], cut[-1] = path[0], path[-1]
        places = _along(cut, np.linspace(0, _length(cut), round(_length(cut) / CHECK_EVERY_M) + 2))
        if not _is_clear(space, np.column_stack((places, np.full(len(places), height)))).all():
            break
        path = cut
    return path


def _is_clear(space: FreeSpace, places: np.ndarray) -> np.ndarray:
    """Whether both the person and the phone fit, shape `(N,)`, bool."""
    return space.is_walkable(places[:, :2]) & space.is_free(places)


def _length(path: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _along(path: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Places at these distances from the start of a path, `(N, 2)`."""
    travelled = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))))
    return np.column_stack([np.interp(distances, travelled, column) for column in path.T])
