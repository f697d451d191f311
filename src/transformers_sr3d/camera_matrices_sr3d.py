# Copyright 2026 The transformers-sr3d contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Stage 0 of 5, cameras: intrinsics and poses as the user gave them -> checked matrices, one per view or None.

Nothing is guessed: the pose direction is in the argument's name, axes and up are words from a list, and a matrix that
looks normalised, inverted or transposed is refused with a hint. Intrinsics of another picture size show by their
principal point, which must lie well inside the picture. What this cannot see: those of a picture less than about 1.8
times as large, or down to about a fifth as large. The price: a picture cropped far off its optical axis is refused.
Poses under which most cameras hang upside down are only warned of, for such cameras exist.

This file is copied to the Hub next to the weights: it may import only torch, NumPy and sibling `*_sr3d` files.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .geometry_sr3d import (
    WORLD_UP_ROWS,
    check_rigid,
    gravity_rotation,
    invert_rigid,
    level_camera_rotation,
    opengl_to_opencv,
    world_up_rotation,
)
from .input_checks_sr3d import check_choice, check_keys, describe_value, item_name, to_array


CAMERA_AXES = ("opencv", "opengl")
WORLD_UP = tuple(WORLD_UP_ROWS)
WORLD_UNITS = ("m", "unknown")
INTRINSICS_KEYS = ("fx", "fy", "cx", "cy")
# Where the principal point may lie, as shares of the width and of the height. Intrinsics of a picture twice as large
# put it at the far edge of this one.
PRINCIPAL_POINT_SHARES = (0.1, 0.9)
# Beyond this, float32 resolves no millimetres any more.
MAX_TRANSLATION_M = 10_000.0
# Height of a unit step down the image, above which the camera hangs upside down; 0 for one that lies on its side.
UPSIDE_DOWN_RISE = 0.5

CameraLike = Mapping[str, float] | Sequence[Any] | np.ndarray | torch.Tensor


def _rank(value: Any) -> int:
    """Count the nested axes, looking at first entries only; a dictionary counts as one matrix."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return value.ndim
    if isinstance(value, Mapping):
        return 2
    if isinstance(value, list | tuple):
        given = [item for item in value if item is not None]
        return 1 + (_rank(given[0]) if given else 2)
    return 0


def per_view(value: Any, name: str, num_views: int, *, shared: bool) -> list[Any]:
    """Spread a matrix or a list of matrices over the views.

    Args:
        value (`dict`, `list`, `np.ndarray`, `torch.Tensor` or `None`):
            One matrix, or one per view with None where a view has none.
        name (`str`):
            How messages call it.
        num_views (`int`):
            Number of views.
        shared (`bool`):
            Whether one matrix may stand for all views.

    Returns:
        `list` with one entry per view.

    Raises:
        TypeError: If it is neither a matrix nor a list of matrices.
        ValueError: If the count does not match.
    """
    if value is None:
        return [None] * num_views
    rank = _rank(value)
    if rank not in (2, 3):
        raise TypeError(
            f"`{name}` must be one matrix or a list of one per view, got {describe_value(value)}. "
            "Pass arrays, tensors or nested lists."
        )
    if rank == 2 and (shared or num_views == 1):
        return [value] * num_views
    entries = [value] if rank == 2 else list(value)
    if len(entries) != num_views:
        raise ValueError(
            f"`{name}` must have one entry per view ({num_views}), got {len(entries)}. "
            "Pass a list in the order of the images, with None for a view that has none."
        )
    return entries


def _matrix(value: Any, name: str, shape: tuple[int, int]) -> torch.Tensor:
    array = to_array(value, name)
    if array.shape != shape:
        hint = "Pass the upper left 3x3 part." if array.shape == (4, 4) else "Add the row (0, 0, 0, 1)."
        hint = hint if array.shape in ((4, 4), (3, 4)) else "Pass one matrix per view."
        raise ValueError(f"`{name}` must have shape {shape}, got {array.shape}. {hint}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"`{name}` must be finite, got {array.round(4).tolist()}. A view whose tracking was lost has NaN or "
            "infinity there: drop that view."
        )
    return torch.from_numpy(array.astype(np.float64))


def read_intrinsics(
    intrinsics: CameraLike | None, name: str, sizes_hw: Sequence[tuple[int, int] | None]
) -> list[torch.Tensor | None]:
    """Read the intrinsics of every view.

    Args:
        intrinsics (`dict`, `list`, `np.ndarray`, `torch.Tensor` or `None`):
            A 3x3 matrix or a dictionary with `fx`, `fy`, `cx`, `cy` for all views, or a list with one per view.
            Pixels of the picture (or depth map) as given; integer values are pixel centres.
        name (`str`):
            How messages call it.
        sizes_hw (`Sequence[tuple[int, int] | None]`):
            Pixels, rows first, of what each matrix refers to; None where a view has no such picture.

    Returns:
        `list[torch.Tensor | None]`: matrices of shape `(3, 3)`, float32, in pixels.

    Raises:
        TypeError: If an entry is no matrix and no dictionary.
        ValueError: If a count, shape, key or value is wrong.
    """
    entries = per_view(intrinsics, name, len(sizes_hw), shared=True)
    shared = intrinsics is not None and _rank(intrinsics) == 2
    matrices: list[torch.Tensor | None] = []
    for index, (entry, size_hw) in enumerate(zip(entries, sizes_hw, strict=True)):
        if entry is None or size_hw is None:
            matrices.append(None)
            continue
        label = name if shared else item_name(name, index, len(entries))
        matrix = _intrinsics_matrix(entry, label)
        _check_intrinsics(matrix, label, size_hw)
        matrices.append(matrix.float())
    return matrices


def _intrinsics_matrix(entry: Any, name: str) -> torch.Tensor:
    if not isinstance(entry, Mapping):
        return _matrix(entry, name, (3, 3))
    check_keys(entry, name, required=INTRINSICS_KEYS)
    fx, fy, cx, cy = (_number(entry[key], f"{name}[{key!r}]") for key in INTRINSICS_KEYS)
    return _matrix([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]], name, (3, 3))


def _number(value: Any, name: str) -> float:
    array = to_array(value, name)
    if array.ndim != 0:
        raise TypeError(f"`{name}` must be one number, got {describe_value(value)}. Pass pixels.")
    return float(array)


def _check_intrinsics(matrix: torch.Tensor, name: str, size_hw: tuple[int, int]) -> None:
    """Refuse matrices that are transposed, singular, skewed, inverted, normalised or made for another picture."""
    height, width = size_hw
    (fx, skew, cx), (lower, fy, cy), last_row = matrix.tolist()
    if max(abs(last_row[0]), abs(last_row[1]), abs(last_row[2] - 1)) > 1e-6:
        raise ValueError(
            f"`{name}` must have the last row (0, 0, 1), got {tuple(last_row)}. Is the matrix transposed or scaled?"
        )
    if min(fx, fy) <= 0:
        raise ValueError(
            f"`{name}` must have positive focal lengths, got fx={fx:g} and fy={fy:g}. A singular or flipped matrix is "
            "no camera; for OpenGL cameras pass positive focal lengths and `camera_axes='opengl'`."
        )
    if min(cx, cy) >= 0 and max(cx, cy) <= 1 and min(width, height) > 4:
        raise ValueError(
            f"`{name}` must be in pixels of a {width}x{height} picture, got the normalised centre cx={cx:g}, "
            f"cy={cy:g}. Multiply the first row by the width and the second by the height."
        )
    if fx < min(10.0, 0.1 * width) or fy < min(10.0, 0.1 * height):
        raise ValueError(
            f"`{name}` must be in pixels of a {width}x{height} picture, got fx={fx:g} and fy={fy:g}. "
            "The matrix looks inverted or normalised: pass fx, fy, cx, cy in pixels."
        )
    if max(abs(skew) / fx, abs(lower) / fy) > 1e-3:
        raise ValueError(
            f"`{name}` must have no skew, got {skew:g} and {lower:g} beside the focal lengths. "
            "Rectify the picture, or check that this is not a projection matrix."
        )
    low, high = PRINCIPAL_POINT_SHARES
    if not all(low <= share <= high for share in ((cx + 0.5) / width, (cy + 0.5) / height)):
        raise ValueError(
            f"`{name}` must have its principal point in the middle {100 * low:g} to {100 * high:g} % of the "
            f"{width}x{height} picture, got cx={cx:g}, cy={cy:g}. Scale intrinsics of another resolution: fx * s, "
            "fy * s, (cx + 0.5) * s - 0.5, (cy + 0.5) * s - 0.5. A picture cropped that far off centre must be padded "
            "or passed whole."
        )


def read_world(
    *,
    num_views: int,
    camera_to_world: CameraLike | None,
    world_to_camera: CameraLike | None,
    camera_axes: str,
    world_up: str | None,
    gravity_camera: Sequence[float] | np.ndarray | torch.Tensor | None,
) -> tuple[list[torch.Tensor | None] | None, torch.Tensor, bool]:
    """Read the poses, or take one camera as the world.

    Args:
        num_views (`int`):
            Number of views.
        camera_to_world (`list`, `np.ndarray`, `torch.Tensor` or `None`):
            Rigid 4x4 matrices, one per view (None for a view without), camera to world, metres.
        world_to_camera (`list`, `np.ndarray`, `torch.Tensor` or `None`):
            The inverse direction, instead.
        camera_axes (`str`):
            `"opencv"` or `"opengl"`: axes of the camera frame of poses and of `gravity_camera`.
        world_up (`str`, *optional*):
            Axis of the world that points up; required with poses.
        gravity_camera (`Sequence[float]`, *optional*):
            Downward direction in the camera frame, for one view without pose.

    Returns:
        `tuple[list | None, torch.Tensor, bool]`: per view the pose of the OpenCV camera in the z-up world, `(4, 4)`
        float64, or None if no poses were given; the rotation `(3, 3)` from the user's world to the z-up world (for a
        view without pose: from its OpenCV camera frame); and whether the direction of gravity is known.

    Raises:
        TypeError: If a matrix or vector is of a wrong type.
        ValueError: If directions, up or gravity are missing, contradictory or not among the allowed values, or a
            matrix is not a pose.
    """
    check_choice(camera_axes, "camera_axes", CAMERA_AXES)
    if world_up is not None:
        check_choice(world_up, "world_up", WORLD_UP)
    if camera_to_world is not None and world_to_camera is not None:
        raise ValueError(
            "`camera_to_world` and `world_to_camera` exclude each other, got both. "
            "Pass the one whose direction you know."
        )
    if camera_to_world is None and world_to_camera is None:
        _check_no_world_up(world_up)
        rotation = _camera_rotation(gravity_camera, camera_axes, num_views)
        return None, rotation, gravity_camera is not None
    if world_up is None:
        raise ValueError(
            f"`world_up` is required with poses, got None. Pass the axis of your world that points up, "
            f"one of {WORLD_UP}."
        )
    if gravity_camera is not None:
        raise ValueError(
            "`gravity_camera` is for one view without a pose, got it together with poses. Leave it out; `world_up` "
            "tells the direction of gravity."
        )
    rotation = world_up_rotation(world_up).double()
    poses = read_poses(camera_to_world, world_to_camera, num_views, camera_axes=camera_axes)
    upright = torch.eye(4, dtype=torch.float64)
    upright[:3, :3] = rotation
    poses = [None if pose is None else upright @ pose for pose in poses]
    if world_up != "unknown":
        _warn_if_upside_down(poses, camera_axes, world_up)
    return poses, rotation, world_up != "unknown"


def _warn_if_upside_down(poses: Sequence[torch.Tensor | None], camera_axes: str, world_up: str) -> None:
    """Warn where image down (+y of the OpenCV camera) points clearly up in most posed views of the z-up world."""
    rises = [float(pose[2, 1]) for pose in poses if pose is not None]
    upside_down = sum(rise > UPSIDE_DOWN_RISE for rise in rises)
    if 2 * upside_down > len(rises):
        warnings.warn(
            f"`camera_to_world` or `world_to_camera` should hold most cameras upright, got {upside_down} of "
            f"{len(rises)} upside down with `camera_axes={camera_axes!r}` and `world_up={world_up!r}`. Check the axes "
            "of the poses (OpenCV or OpenGL) and the sign of `world_up`, unless the cameras really hung upside down.",
            stacklevel=2,
        )


def _check_no_world_up(world_up: str | None) -> None:
    if world_up not in (None, "unknown"):
        raise ValueError(
            f"`world_up` describes the world of the poses, got {world_up!r} without poses. Pass `camera_to_world` or "
            "`world_to_camera`; for one view without a pose pass `gravity_camera` instead, or nothing if it is level."
        )


def read_poses(
    camera_to_world: CameraLike | None, world_to_camera: CameraLike | None, num_views: int, *, camera_axes: str
) -> list[torch.Tensor | None]:
    """Read poses of either direction and either camera convention as OpenCV `camera_to_world`.

    Args:
        camera_to_world (`list`, `np.ndarray`, `torch.Tensor` or `None`):
            Camera to world, `(4, 4)` each, metres.
        world_to_camera (`list`, `np.ndarray`, `torch.Tensor` or `None`):
            World to camera, used if the first is None.
        num_views (`int`):
            Number of views.
        camera_axes (`str`):
            `"opencv"` or `"opengl"`.

    Returns:
        `list[torch.Tensor | None]`: OpenCV camera to the user's world, `(4, 4)` float64.

    Raises:
        TypeError: If an entry is no matrix.
        ValueError: If a count, shape or value is wrong.
    """
    inverse = camera_to_world is None
    name, value = ("world_to_camera", world_to_camera) if inverse else ("camera_to_world", camera_to_world)
    poses: list[torch.Tensor | None] = []
    for index, entry in enumerate(per_view(value, name, num_views, shared=False)):
        if entry is None:
            poses.append(None)
            continue
        pose = _pose(entry, item_name(name, index, num_views))
        pose = invert_rigid(pose) if inverse else pose
        poses.append(opengl_to_opencv(pose) if camera_axes == "opengl" else pose)
    return poses


def _pose(entry: Any, name: str) -> torch.Tensor:
    matrix = _matrix(entry, name, (4, 4))
    column, row = matrix[:3, 3], matrix[3, :3]
    if bool(row.abs().max() > 1e-3) and bool(column.abs().max() < 1e-6):
        raise ValueError(
            f"`{name}` must have its translation in the last column, got it in the last row: "
            f"{tuple(round(x, 4) for x in row.tolist())}. The matrix is transposed: pass `matrix.T`."
        )
    check_rigid(name, matrix)
    if bool(column.abs().max() > MAX_TRANSLATION_M):
        raise ValueError(
            f"`{name}` must lie within {MAX_TRANSLATION_M:g} m of the origin, got the translation "
            f"{tuple(round(x, 1) for x in column.tolist())}. Subtract a common offset from all poses, and pass metres."
        )
    return matrix


def _camera_rotation(gravity_camera: Any, camera_axes: str, num_views: int) -> torch.Tensor:
    """Rotation from the OpenCV camera of a view without pose to the z-up world: by gravity, or as if level."""
    if gravity_camera is None:
        return level_camera_rotation().double()
    if num_views > 1:
        raise ValueError(
            f"`gravity_camera` is for one view, got {num_views} views. Pass poses and `world_up` for several views."
        )
    gravity = to_array(gravity_camera, "gravity_camera").astype(np.float64)
    if gravity.shape != (3,) or not np.isfinite(gravity).all() or not np.linalg.norm(gravity) > 1e-6:
        raise ValueError(
            f"`gravity_camera` must be 3 finite numbers that are not all zero, got {gravity.tolist()}. "
            "Pass the downward direction in the camera frame, (0, 1, 0) for a level camera with OpenCV axes."
        )
    flip = np.array([1.0, -1.0, -1.0]) if camera_axes == "opengl" else np.ones(3)
    return gravity_rotation(torch.from_numpy(gravity * flip)).double()
