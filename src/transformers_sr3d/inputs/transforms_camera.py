# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, the camera of one entry of a `transforms.json`; see `transforms_json` for its keys and their sources.

May import: the standard library, NumPy, and siblings in `inputs`.
"""

import math
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transformers_sr3d.inputs.headers import camera_matrix, picture_size_hw
from transformers_sr3d.inputs.json_values import json_number, json_pixels
from transformers_sr3d.inputs.lens import Lens, check_lens


PERSPECTIVE_MODELS = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV")
NUMBER_KEYS = (
    *("w", "h", "fl_x", "fl_y", "camera_angle_x", "camera_angle_y", "cx", "cy"),
    *("k1", "k2", "k3", "k4", "p1", "p2"),
)
# What would change the camera if it were read.
UNREAD_KEYS = (
    *("distortion_params", "is_fisheye", "latlong", "equirectangular", "ftheta_p0", "x_fov", "y_fov"),
    *("transform_matrix_start", "transform_matrix_end"),
)


class TransformsCamera(NamedTuple):
    """Camera of one picture.

    Attributes:
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels; integers are pixel centres.
        size_hw (`tuple[int, int]`): Rows and columns of its picture.
        shift_px (`float`): How far the distortion that is ignored moves its corner.
    """

    intrinsics: np.ndarray
    size_hw: tuple[int, int]
    shift_px: float


def read_camera(
    meta: Mapping[str, Any], frame: Mapping[str, Any], picture: Path, where: str, *, ignore_distortion: bool
) -> TransformsCamera:
    """Read the camera of one entry.

    Args:
        meta (`Mapping`):
            The top of the file.
        frame (`Mapping`):
            The entry.
        picture (`Path`):
            Its picture, whose head is read if the file does not state its size.
        where (`str`):
            File and entry, for messages.
        ignore_distortion (`bool`):
            Whether to take a picture with lens distortion as if it had none.

    Returns:
        `TransformsCamera`: Of the picture.

    Raises:
        ValueError: If it is no pinhole camera, contradicts itself or the picture, or lacks a focal length.
    """
    _check_model(meta, frame, where)
    values = {key: _stated_number(meta, frame, key, where) for key in NUMBER_KEYS}
    size_hw = _size_hw(values["h"], values["w"], picture, where)
    focal_x, focal_y = _focal_lengths(values, size_hw, where)
    centre_x = _or(values["cx"], size_hw[1] / 2)
    centre_y = _or(values["cy"], size_hw[0] / 2)
    # From "the first pixel has its centre at 0.5" to "at 0".
    given = {"fx": focal_x, "fy": focal_y, "cx": centre_x - 0.5, "cy": centre_y - 0.5}
    intrinsics = camera_matrix(given, where, size_hw)
    lens = Lens(
        radial=tuple(_or(values[key], 0.0) for key in ("k1", "k2", "k3", "k4")),
        tangential=(_or(values["p1"], 0.0), _or(values["p2"], 0.0)),
    )
    shift_px = check_lens(lens, intrinsics, size_hw, where, ignore_distortion=ignore_distortion)
    return TransformsCamera(intrinsics, size_hw, shift_px)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _stated(meta: Mapping[str, Any], frame: Mapping[str, Any], key: str, where: str) -> Any:
    """Value of a key that may stand at the top, in the entry, or alike in both."""
    at_top, here = meta.get(key), frame.get(key)
    if at_top is not None and here is not None and at_top != here:
        raise ValueError(
            f"`{where}[{key!r}]` must be that of the top of the file, got {reprlib.repr(here)} and "
            f"{reprlib.repr(at_top)} there; nerfstudio would take the latter and instant-ngp the former. Remove one."
        )
    return at_top if here is None else here


def _stated_number(meta: Mapping[str, Any], frame: Mapping[str, Any], key: str, where: str) -> float | None:
    value = _stated(meta, frame, key, where)
    return None if value is None else json_number(value, f"{where}[{key!r}]")


def _check_model(meta: Mapping[str, Any], frame: Mapping[str, Any], where: str) -> None:
    model = _stated(meta, frame, "camera_model", where)
    if model is not None and model not in PERSPECTIVE_MODELS:
        raise ValueError(
            f"`{where}['camera_model']` must be a perspective one of {PERSPECTIVE_MODELS}, got {reprlib.repr(model)}. "
            "Undistort the pictures to a pinhole camera first."
        )
    unread = next((key for key in UNREAD_KEYS if _stated(meta, frame, key, where) not in (None, False)), None)
    if unread is not None:
        raise ValueError(
            f"`{where}[{unread!r}]` must not be there, got {reprlib.repr(_stated(meta, frame, unread, where))}, which "
            "this reader cannot follow. Write `fl_x`, `k1` ... and `transform_matrix` instead."
        )


def _size_hw(height: float | None, width: float | None, picture: Path, where: str) -> tuple[int, int]:
    if height is None or width is None:
        return picture_size_hw(picture)
    return json_pixels(height, f"{where}['h']"), json_pixels(width, f"{where}['w']")


def _focal_lengths(values: Mapping[str, float | None], size_hw: tuple[int, int], where: str) -> tuple[float, float]:
    """Pixels across and down; where one is missing, pixels are square."""
    found = [
        _focal_px(values[f"fl_{axis}"], values[f"camera_angle_{axis}"], size, f"{where}['camera_angle_{axis}']")
        for axis, size in (("x", size_hw[1]), ("y", size_hw[0]))
    ]
    known = next((focal_px for focal_px in found if focal_px is not None), None)
    if known is None:
        raise ValueError(
            f"`{where}` must have `fl_x` or `camera_angle_x`, here or at the top of the file, got neither. Add the "
            "focal length in pixels."
        )
    return _or(found[0], known), _or(found[1], known)


def _focal_px(focal_px: float | None, angle: float | None, size: int, where: str) -> float | None:
    if focal_px is not None or angle is None:
        return focal_px
    if not 0 < angle < math.pi:
        raise ValueError(f"`{where}` must be an angle between 0 and pi radians, got {angle:g}. Is it in degrees?")
    return 0.5 * size / math.tan(0.5 * angle)
