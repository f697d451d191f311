# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, poses as files have them: quaternions, axis-angle, other camera axes, the other direction -> `(4, 4)`.

May import: NumPy.
"""

import numpy as np


# An OpenGL camera (+x right, +y up, +z backward) in the frame of the OpenCV camera at the same place, and back.
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
UNIT_QUATERNION_TOLERANCE = 1e-2


def rigid(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Put a transform together.

    Args:
        rotation (`np.ndarray` of shape `(3, 3)`):
            Rotation.
        translation (`np.ndarray` of shape `(3,)`):
            Translation.

    Returns:
        `np.ndarray` of shape `(4, 4)`, float64.
    """
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, translation
    return matrix


def invert_pose(pose: np.ndarray) -> np.ndarray:
    """Turn world-to-camera into camera-to-world, and back.

    Args:
        pose (`np.ndarray` of shape `(4, 4)`):
            Rigid.

    Returns:
        `np.ndarray` of shape `(4, 4)`, float64.
    """
    rotation = np.asarray(pose, dtype=np.float64)[:3, :3].T
    return rigid(rotation, -rotation @ np.asarray(pose, dtype=np.float64)[:3, 3])


def opencv_from_opengl(camera_to_world: np.ndarray) -> np.ndarray:
    """Give the pose of the OpenCV camera where an OpenGL camera has the given one.

    Args:
        camera_to_world (`np.ndarray` of shape `(4, 4)`):
            Of the camera with +x right, +y up, +z backward.

    Returns:
        `np.ndarray` of shape `(4, 4)`, float64.
    """
    return np.asarray(camera_to_world, dtype=np.float64) @ OPENCV_FROM_OPENGL


def rotation_from_quaternion(x: float, y: float, z: float, w: float) -> np.ndarray:
    """Turn a unit quaternion into a rotation.

    Args:
        x (`float`):
            Times i.
        y (`float`):
            Times j.
        z (`float`):
            Times k.
        w (`float`):
            Scalar part; some files have it first.

    Returns:
        `np.ndarray` of shape `(3, 3)`, float64.

    Raises:
        ValueError: If its length is not 1.
    """
    length = float(np.sqrt(x * x + y * y + z * z + w * w))
    if not abs(length - 1.0) <= UNIT_QUATERNION_TOLERANCE:
        raise ValueError(
            f"A quaternion must have the length 1, got ({x:g}, {y:g}, {z:g}, {w:g}) with {length:.4g}. "
            "Check the order of the numbers in its line."
        )
    x, y, z, w = x / length, y / length, z / length, w / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotation_from_axis_angle(vector: np.ndarray) -> np.ndarray:
    """Turn an axis times an angle into a rotation.

    Args:
        vector (`np.ndarray` of shape `(3,)`):
            Axis of rotation; its length is the angle in radians.

    Returns:
        `np.ndarray` of shape `(3, 3)`, float64.
    """
    vector = np.asarray(vector, dtype=np.float64)
    angle = float(np.linalg.norm(vector))
    if angle < np.finfo(np.float64).eps:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross)
