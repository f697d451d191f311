# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 6 of the examination: which axis of the world points up, and how high above the floor the cameras stand.

Two things tell up: cameras are held upright rather than not, and they see more of floors and table tops than of
ceilings. Both vote; cameras that are held sideways or upside down are believed where surfaces agree with what the
source says.

May import: NumPy and siblings in `doctor`.
"""

from dataclasses import dataclass

import numpy as np

from transformers_sr3d.doctor.correction import PosedViews


AXES = {"+x": (1, 0, 0), "-x": (-1, 0, 0), "+y": (0, 1, 0), "-y": (0, -1, 0), "+z": (0, 0, 1), "-z": (0, 0, -1)}
GRID_SIDE = 40
# A surface is horizontal if its normal leaves the vertical by less than this, degrees.
LEVEL_DEG = 20.0
SURFACE_WEIGHT = 2.0
# By how much the votes for another axis must exceed those for the declared one.
NEEDED_LEAD = 0.35
# Cameras count as held sideways or upside down from this mean part of their right, or their down, along up.
ROLLED = 0.7
MIN_LEVEL_POINTS = 60
FLOOR_PERCENTILE = 10


def oriented_points(views: PosedViews, *, grid_side: int = GRID_SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Find points and the directions that their surfaces face.

    Inverse depth of a plane is `a x + b y + c` in image coordinates of focal length 1; `-(a, b, c)` faces the camera.

    Args:
        views (`PosedViews`):
            Corrected.
        grid_side (`int`, defaults to 40):
            Pixels of each view along each side.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: Points and unit normals, `(N, 3)` each, in the world.
    """
    points, normals = [], []
    for number, place in enumerate(views.places):
        maps, matrix, pose = views.maps, views.intrinsics[number], views.poses[number]
        shares = (np.arange(grid_side) + 0.5) / grid_side
        rows, columns = (
            axis.ravel() for axis in np.meshgrid(*(shares * size for size in maps.sizes_hw[place]), indexing="ij")
        )
        rows, columns = rows.astype(int), columns.astype(int)
        keep = maps.is_smooth[place, rows, columns]
        rows, columns = rows[keep], columns[keep]
        x = (columns - matrix[0, 2]) / matrix[0, 0]
        y = (rows - matrix[1, 2]) / matrix[1, 1]
        a = maps.slope_right[place, rows, columns] * matrix[0, 0]
        b = maps.slope_down[place, rows, columns] * matrix[1, 1]
        c = maps.inverse[place, rows, columns] - a * x - b * y
        normal = -np.stack([a, b, c], axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        z = maps.depth[place, rows, columns] * views.depth_factor
        points.append(np.stack([x * z, y * z, z], axis=1) @ pose[:3, :3].T + pose[:3, 3])
        normals.append(normal @ pose[:3, :3].T)
    return np.concatenate(points), np.concatenate(normals)


@dataclass(frozen=True)
class Votes:
    """What speaks for each axis of the world as up.

    Attributes:
        cameras (`dict[str, float]`): For `"+x"` to `"-z"`, mean part of the cameras' own up along it, -1 to 1.
        surfaces (`dict[str, float]`): Share of the points whose surface faces this way, less of those that face the
            other way.
        sides (`dict[str, float]`): Mean part of the cameras' right along it, -1 to 1.
    """

    cameras: dict[str, float]
    surfaces: dict[str, float]
    sides: dict[str, float]

    def total(self, axis: str) -> float:
        """Add the votes of cameras and surfaces, up to about 3."""
        return self.cameras[axis] + SURFACE_WEIGHT * self.surfaces[axis]


def vote_for_up(views: PosedViews, normals: np.ndarray) -> Votes:
    """Count the votes for each axis of the world.

    Args:
        views (`PosedViews`):
            Corrected.
        normals (`np.ndarray` of shape `(N, 3)`):
            Of surfaces, in the world.

    Returns:
        `Votes`: Of cameras and surfaces.
    """
    limit = np.cos(np.radians(LEVEL_DEG))
    camera_up, camera_right = -views.poses[:, :3, 1].mean(axis=0), views.poses[:, :3, 0].mean(axis=0)
    directions = {name: np.array(axis, float) for name, axis in AXES.items()}
    surfaces = {}
    for name, axis in directions.items():
        along = normals @ axis
        surfaces[name] = float((along > limit).mean() - (along < -limit).mean()) if len(normals) else 0.0
    return Votes(
        {name: float(camera_up @ axis) for name, axis in directions.items()},
        surfaces,
        {name: float(camera_right @ axis) for name, axis in directions.items()},
    )


def find_up(votes: Votes, declared: str) -> str:
    """Decide which axis points up.

    Args:
        votes (`Votes`):
            From `vote_for_up`.
        declared (`str`):
            What the source says. It is kept unless another axis is clearly ahead, and where cameras are held sideways
            or upside down and surfaces speak for it.

    Returns:
        `str`: `"+x"` to `"-z"`.
    """
    best = max(AXES, key=votes.total)
    is_rolled = abs(votes.sides[declared]) > ROLLED or votes.cameras[declared] < -ROLLED
    if is_rolled and votes.surfaces[declared] > votes.surfaces[best]:
        return declared
    return best if votes.total(best) > votes.total(declared) + NEEDED_LEAD else declared


def camera_height(views: PosedViews, points: np.ndarray, normals: np.ndarray, up: str) -> float | None:
    """Measure how high the cameras stand above the floor.

    Args:
        views (`PosedViews`):
            Corrected.
        points (`np.ndarray` of shape `(N, 3)`):
            In the world.
        normals (`np.ndarray` of shape `(N, 3)`):
            Of their surfaces.
        up (`str`):
            `"+x"` to `"-z"`.

    Returns:
        `float`: Median over cameras, unit of the poses; None where no floor is seen.
    """
    axis = np.array(AXES[up], float)
    is_level = normals @ axis > np.cos(np.radians(LEVEL_DEG))
    if is_level.sum() < MIN_LEVEL_POINTS:
        return None
    floor = np.percentile(points[is_level] @ axis, FLOOR_PERCENTILE)
    return float(np.median(views.poses[:, :3, 3] @ axis) - floor)
