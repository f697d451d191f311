# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, what a sparse model of COLMAP is made of, however it is stored: cameras, images and points, checked.

Sources: COLMAP, doc/format.rst and doc/cameras.rst; src/colmap/sensor/models.h as pycolmap 4.2.1 lists it.

May import: NumPy, the check of picture sizes, and siblings in `inputs`.
"""

import reprlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from transformers_sr3d.input_checks_sr3d import check_pixel_count
from transformers_sr3d.inputs.poses import rigid, rotation_from_quaternion
from transformers_sr3d.inputs.source import check_pose


# Name and parameters, by the number of the model.
CAMERA_MODELS = {
    0: ("SIMPLE_PINHOLE", "f cx cy"),
    1: ("PINHOLE", "fx fy cx cy"),
    2: ("SIMPLE_RADIAL", "f cx cy k"),
    3: ("RADIAL", "f cx cy k1 k2"),
    4: ("OPENCV", "fx fy cx cy k1 k2 p1 p2"),
    5: ("OPENCV_FISHEYE", "fx fy cx cy k1 k2 k3 k4"),
    6: ("FULL_OPENCV", "fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6"),
    7: ("FOV", "fx fy cx cy omega"),
    8: ("SIMPLE_RADIAL_FISHEYE", "f cx cy k"),
    9: ("RADIAL_FISHEYE", "f cx cy k1 k2"),
    10: ("THIN_PRISM_FISHEYE", "fx fy cx cy k1 k2 p1 p2 k3 k4 sx1 sy1"),
    11: ("RAD_TAN_THIN_PRISM_FISHEYE", "fx fy cx cy k0 k1 k2 k3 k4 k5 p0 p1 s0 s1 s2 s3"),
    12: ("SIMPLE_DIVISION", "f cx cy k"),
    13: ("DIVISION", "fx fy cx cy k"),
    14: ("SIMPLE_FISHEYE", "f cx cy"),
    15: ("FISHEYE", "fx fy cx cy"),
    16: ("EUCM", "fx fy cx cy alpha beta"),
    17: ("EQUIRECTANGULAR", "w h"),
}
NO_POINT = -1


class ColmapCamera(NamedTuple):
    """Intrinsics that images share.

    Attributes:
        number (`int`): Its id.
        model (`str`): Name of its model.
        size_hw (`tuple[int, int]`): Rows and columns of its images.
        parameters (`dict[str, float]`): By the names in `CAMERA_MODELS`.
    """

    number: int
    model: str
    size_hw: tuple[int, int]
    parameters: dict[str, float]


class ColmapImage(NamedTuple):
    """An image with its pose, and where its keypoints stand.

    Attributes:
        number (`int`): Its id.
        name (`str`): Relative to the folder of images.
        camera (`int`): Id of its camera.
        world_to_camera (`np.ndarray` of shape `(4, 4)`): Pose.
        offset (`int`): Bytes before its keypoints in the file.
        num_keypoints (`int`): How many it has.
        num_observed (`int`): How many of them belong to a point.
    """

    number: int
    name: str
    camera: int
    world_to_camera: np.ndarray
    offset: int
    num_keypoints: int
    num_observed: int


class ColmapPoints(NamedTuple):
    """Points of a model.

    Attributes:
        numbers (`np.ndarray` of shape `(N,)`): Their ids, rising.
        positions (`np.ndarray` of shape `(N, 3)`): In the world.
    """

    numbers: np.ndarray
    positions: np.ndarray


def make_camera(
    number: int, model: tuple[str, str], size_hw: tuple[int, int], parameters: Sequence[float], where: str
) -> ColmapCamera:
    """Check what a file says of a camera.

    Args:
        number (`int`):
            Its id.
        model (`tuple[str, str]`):
            Entry of `CAMERA_MODELS`.
        size_hw (`tuple[int, int]`):
            Rows and columns of its images.
        parameters (`Sequence[float]`):
            In the order of the model.
        where (`str`):
            File and id, for the message.

    Returns:
        `ColmapCamera`: The camera.

    Raises:
        ValueError: If it has no or too many pixels, other parameters, or one is not finite.
    """
    name, words = model
    keys = words.split()
    if len(parameters) != len(keys) or not np.isfinite(parameters).all():
        raise ValueError(
            f"`{where}` must have {len(keys)} finite parameters of {name}, {words}, got "
            f"{reprlib.repr(list(parameters))}. Export it again."
        )
    check_pixel_count(size_hw, where)
    return ColmapCamera(number, name, size_hw, dict(zip(keys, map(float, parameters), strict=True)))


def make_pose(numbers: Sequence[float], where: str) -> np.ndarray:
    """Turn the seven numbers of a pose into a matrix.

    Args:
        numbers (`Sequence[float]`):
            qw, qx, qy, qz, tx, ty, tz: world to camera.
        where (`str`):
            File and id, for the message.

    Returns:
        `np.ndarray` of shape `(4, 4)`, float64: World to camera.

    Raises:
        ValueError: If the quaternion has not the length 1, or a number is not finite.
    """
    w, x, y, z = numbers[:4]
    try:
        pose = rigid(rotation_from_quaternion(x, y, z, w), np.array(numbers[4:]))
    except ValueError as error:
        raise ValueError(f"`{where}` must have a pose qw qx qy qz tx ty tz. {error}") from error
    check_pose(pose, f"the pose of {where}")
    return pose


def make_points(numbers: np.ndarray, positions: np.ndarray, where: str) -> ColmapPoints:
    """Sort points by id.

    Args:
        numbers (`np.ndarray` of shape `(N,)`):
            Their ids.
        positions (`np.ndarray` of shape `(N, 3)`):
            In the world.
        where (`str`):
            File, for the message.

    Returns:
        `ColmapPoints`: The points.

    Raises:
        ValueError: If an id comes twice, or a position is not finite.
    """
    order = np.argsort(numbers)
    numbers, positions = numbers[order], positions[order]
    bad = numbers[~np.isfinite(positions).all(axis=1)]
    if len(bad):
        raise ValueError(f"`{where} point {bad[0]}` must have a finite position, got another. Export it again.")
    twice = numbers[1:][numbers[1:] == numbers[:-1]]
    if len(twice):
        raise ValueError(f"`{where}` must have one point {twice[0]}, got several. Export it again.")
    return ColmapPoints(numbers, positions)


def check_unique(values: Sequence[int] | Sequence[str], what: str, where: str) -> None:
    """Refuse entries that claim the same id or name.

    Args:
        values (`Sequence`):
            Ids or names.
        what (`str`):
            What they are, for the message.
        where (`str`):
            File, for the message.

    Raises:
        ValueError: If one comes twice.
    """
    seen: set[int | str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"`{where}` must have one {what} {value!r}, got several. Export it again.")
        seen.add(value)


def decode_name(name: bytes, where: str) -> str:
    """Turn a name into text.

    Args:
        name (`bytes`):
            As the file has it.
        where (`str`):
            File and id, for the message.

    Returns:
        `str`: The name.

    Raises:
        ValueError: If it is no UTF-8.
    """
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"`{where}` must be UTF-8, got {reprlib.repr(name)}. Rename the image and export the model again."
        ) from error
