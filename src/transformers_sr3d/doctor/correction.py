# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 2 of the examination: what may be done to the views of a scene so that they fit together.

May import: NumPy and siblings in `doctor`.
"""

from dataclasses import dataclass

import numpy as np

from transformers_sr3d.doctor.depth_maps import DepthMaps, stack_maps
from transformers_sr3d.doctor.sampling import SampledViews


OPENGL_AXES = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Correction:
    """One or several changes of the geometry; the defaults change nothing.

    Attributes:
        invert_poses (`bool`): The poses are world to camera.
        opengl_axes (`bool`): The camera frame of the poses is +x right, +y up, +z backward.
        ray_distance (`bool`): Depth is the distance from the camera, not along its axis.
        depth_factor (`float`): What depth is multiplied by.
        intrinsics_factor (`float`): What the intrinsics are multiplied by, as if the map were resized.
        principal_shift (`tuple[float, float]`): What is added to the principal point, shares of the width.
        pose_shift (`int`): View number i gets the pose of number i + `pose_shift`.
    """

    invert_poses: bool = False
    opengl_axes: bool = False
    ray_distance: bool = False
    depth_factor: float = 1.0
    intrinsics_factor: float = 1.0
    principal_shift: tuple[float, float] = (0.0, 0.0)
    pose_shift: int = 0


@dataclass(frozen=True)
class PosedViews:
    """Corrected views, ready to be compared.

    Attributes:
        places (`tuple[int, ...]`): Which of the sampled views; rows of `maps`.
        maps (`DepthMaps`): Of all sampled views.
        depth_factor (`float`): What the maps are multiplied by.
        intrinsics (`np.ndarray` of shape `(V, 3, 3)`): Pixels of the maps.
        poses (`np.ndarray` of shape `(V, 4, 4)`): OpenCV camera to world.
    """

    places: tuple[int, ...]
    maps: DepthMaps
    depth_factor: float
    intrinsics: np.ndarray
    poses: np.ndarray


def correct_views(views: SampledViews, correction: Correction) -> PosedViews:
    """Apply a correction.

    Args:
        views (`SampledViews`):
            From `sample_views`.
        correction (`Correction`):
            What to change.

    Returns:
        `PosedViews`: Those that have a pose after the correction.
    """
    intrinsics = [
        correct_intrinsics(matrix, size_hw, correction)
        for matrix, size_hw in zip(views.intrinsics, views.maps.sizes_hw, strict=True)
    ]
    maps = views.maps
    if correction.ray_distance:
        maps = stack_maps(
            [
                depth[: size[0], : size[1]] / ray_lengths(size, matrix)
                for depth, size, matrix in zip(maps.depth, maps.sizes_hw, intrinsics, strict=True)
            ]
        )
    places = [place for place, index in enumerate(views.indices) if index + correction.pose_shift in views.poses]
    poses = [correct_pose(views.poses[views.indices[place] + correction.pose_shift], correction) for place in places]
    return PosedViews(
        tuple(places),
        maps,
        correction.depth_factor,
        np.array([intrinsics[place] for place in places]).reshape(-1, 3, 3),
        np.array(poses).reshape(-1, 4, 4),
    )


def correct_pose(pose: np.ndarray, correction: Correction) -> np.ndarray:
    """Turn a pose as it was read into camera to world with OpenCV axes.

    Args:
        pose (`np.ndarray` of shape `(4, 4)`):
            As the source says it.
        correction (`Correction`):
            What to change.

    Returns:
        `np.ndarray` of shape `(4, 4)`: OpenCV camera to world.
    """
    pose = np.linalg.inv(pose) if correction.invert_poses else pose
    return pose @ OPENGL_AXES if correction.opengl_axes else pose


def correct_intrinsics(
    matrix: np.ndarray, size_hw: np.ndarray | tuple[int, ...], correction: Correction
) -> np.ndarray:
    """Resize intrinsics, and move their principal point.

    Args:
        matrix (`np.ndarray` of shape `(3, 3)`):
            Pixels.
        size_hw (`tuple[int, int]`):
            Pixels of the map; the width is the unit of the shift.
        correction (`Correction`):
            What to change.

    Returns:
        `np.ndarray` of shape `(3, 3)`, pixels.
    """
    factor = correction.intrinsics_factor
    resize = np.array([[factor, 0, 0.5 * (factor - 1)], [0, factor, 0.5 * (factor - 1)], [0, 0, 1]])
    corrected = resize @ matrix
    corrected[:2, 2] += np.array(correction.principal_shift) * size_hw[1]
    return corrected


def ray_lengths(size_hw: np.ndarray | tuple[int, ...], matrix: np.ndarray) -> np.ndarray:
    """Distance from the camera per unit of z-depth.

    Args:
        size_hw (`tuple[int, int]`):
            Pixels.
        matrix (`np.ndarray` of shape `(3, 3)`):
            Intrinsics, pixels.

    Returns:
        `np.ndarray` of shape `(h, w)`, from 1.
    """
    x = ((np.arange(size_hw[1]) - matrix[0, 2]) / matrix[0, 0])[None]
    y = ((np.arange(size_hw[0]) - matrix[1, 2]) / matrix[1, 1])[:, None]
    return np.sqrt(1 + x * x + y * y)
