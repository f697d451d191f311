# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, the TUM RGB-D benchmark, and recordings in its format.

    rgb.txt           timestamp filename               rgb/1305031102.175304.png, 8-bit colours
    depth.txt         timestamp filename               depth/1305031102.160407.png, 16-bit, 5000 per metre, 0: no data
    groundtruth.txt   timestamp tx ty tz qx qy qz qw   metres; pose of the optical centre of the colour camera

Lines that start with # are comments. The three were recorded at times of their own. Each image gets the depth map and
the pose that are nearest in time, poses as they were measured and none in between; an image without both is left out.
`associate.py` of the benchmark also lets no depth map serve two images; here it may, if it is the nearest of both.

Sources: Sturm et al., A Benchmark for the Evaluation of RGB-D SLAM Systems, IROS 2012, and the page `CALIBRATION_PAGE`
for units, pose direction ("with respect to the world origin"), the order of the quaternion, the pixel-to-pixel
registration of depth to colour, and the calibrations. It says that the depth images are scaled by their correction
factors (1.035, 1.031, 1) already, so 5000 holds for all; ORB-SLAM2 (section IV-C, TUM2.yaml) still found freiburg2 off
by 4 % and divides by 5208 there (`depth_scale=1 / 5208`). Two sets of intrinsics stand on the page: those calibrated
per camera, used here, with lens distortion for freiburg1 and 2; and 525, 525, 319.5, 239.5 for all, uncalibrated,
which it recommends to those who do not undistort, because undistorting registered depth is not trivial. Neither is
right in every pixel: `conventions` tells how far the distortion moves them, and `intrinsics` takes the other set.
That +z is up is stated nowhere; in published poses of each of the three rooms the camera's +y points to -z.

May import: the standard library, NumPy, the checks of depth and cameras, and siblings in `inputs`.
"""

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transformers_sr3d.camera_matrices_sr3d import WORLD_UP
from transformers_sr3d.depth_files_sr3d import check_depth_settings
from transformers_sr3d.input_checks_sr3d import check_choice
from transformers_sr3d.inputs.files import depth_loader, image_loader, numbers, read_table
from transformers_sr3d.inputs.headers import camera_matrix, picture_size_hw
from transformers_sr3d.inputs.named_files import file_inside
from transformers_sr3d.inputs.poses import rigid, rotation_from_quaternion
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "tum"
IMAGE_LIST, DEPTH_LIST, POSE_LIST = "rgb.txt", "depth.txt", "groundtruth.txt"
MAX_TIME_DIFFERENCE_S = 0.02  # the default of `associate.py`
DEPTH_SCALE = 1 / 5000
FREIBURG_UP = "+z"
CALIBRATION_PAGE = "https://cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats"
CALIBRATED_SIZE_HW = (480, 640)
# "Freiburg 1 RGB" and so on: fx, fy, cx, cy, and d0 to d4 in the order of OpenCV (k1, k2, p1, p2, k3).
CALIBRATIONS = {
    "1": ((517.3, 516.5, 318.6, 255.3), (0.2624, -0.9531, -0.0054, 0.0026, 1.1633)),
    "2": ((520.9, 521.0, 325.1, 249.7), (0.2312, -0.7849, -0.0033, -0.0001, 0.9172)),
    "3": ((535.4, 539.2, 320.1, 247.6), (0.0, 0.0, 0.0, 0.0, 0.0)),
}
# The benchmark calls its sequences "rgbd_dataset_freiburg1_desk" and "fr1/desk".
CAMERA_IN_NAME = re.compile(r"(?:freiburg|(?<![a-z0-9])fr)([123])(?![0-9])", re.IGNORECASE)


class _Entry(NamedTuple):
    """A line of one of the three files."""

    time_s: float
    line: int
    words: list[str]


def is_tum(path: Path) -> bool:
    """Tell whether a path is a folder in the format of the TUM RGB-D benchmark.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it has the lists of images and of depth maps.
    """
    return all(os.path.isfile(path / name) for name in (IMAGE_LIST, DEPTH_LIST))


def read_tum(
    path: str | Path,
    *,
    max_time_difference_s: float = MAX_TIME_DIFFERENCE_S,
    intrinsics: Any = None,
    depth_scale: float = DEPTH_SCALE,
    world_up: str | None = None,
) -> Source:
    """Read a folder of the TUM RGB-D benchmark, or one in its format.

    Args:
        path (`str` or `Path`):
            The folder; see the top of this file.
        max_time_difference_s (`float`, defaults to 0.02):
            Seconds that the depth map and the pose of an image may be earlier or later.
        intrinsics (`np.ndarray`, `list` or `dict`, *optional*):
            3x3 in pixels of the images, or `fx`, `fy`, `cx`, `cy`. Needed unless the name of the folder, or of one
            that it is in, says "freiburg1", "freiburg2" or "freiburg3" ("fr1", ...), whose calibration is published.
        depth_scale (`float`, defaults to 1 / 5000):
            Metres per unit of the depth maps.
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`. Needed, with the same exception, whose +z is up.

    Returns:
        `Source`: One view per image that has depth and pose, by time; the others are in `left_out`.

    Raises:
        FileNotFoundError: If a list is missing, or a file that it names.
        TypeError: If an option is of a wrong type.
        ValueError: If a line is bad, a name leads out of the folder, no image has depth and pose, or something is not
            said that must be.
    """
    path = Path(path)
    _check_options(max_time_difference_s, depth_scale, world_up)
    camera = None if intrinsics is not None and world_up is not None else _find_camera(path)
    up, world = _world(path, world_up, camera)
    images = _read_list(path / IMAGE_LIST, 2)
    files = _image_files(path, images)
    matrix, origin = _intrinsics(path, intrinsics, camera, picture_size_hw(files[0]))
    views, left_out = [], {}
    for image, file, depth, pose, reason in _associate(path, images, files, max_time_difference_s):
        if reason:
            left_out[image.words[0]] = reason
            continue
        view = SourceView(
            name=image.words[0],
            load_image=image_loader(file),
            intrinsics=matrix,
            load_depth=depth_loader(_file(path, DEPTH_LIST, depth), depth_scale=depth_scale),
            camera_to_world=_pose(path / POSE_LIST, pose),
            time_s=image.time_s,
        )
        views.append(view)
    if not views:
        raise ValueError(
            f"`max_time_difference_s` must leave at least one image of {path} with depth and pose, got "
            f"{max_time_difference_s:g} and {images[0].words[0]} with {left_out[images[0].words[0]]}. "
            "Pass more seconds, or check that the three files have one clock."
        )
    conventions = _conventions(origin, depth_scale, world, max_time_difference_s)
    return Source(KIND, path, tuple(views), world_up=up, left_out=left_out, conventions=conventions)


def _check_options(seconds: Any, depth_scale: Any, world_up: Any) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | np.number):
        raise TypeError(f"`max_time_difference_s` must be a number, got {seconds!r}. Pass seconds, such as 0.02.")
    if not 0 <= seconds < math.inf:
        raise ValueError(
            f"`max_time_difference_s` must be seconds, 0 or more, got {seconds:g}. Pass seconds, such as 0.02."
        )
    check_depth_settings(depth_unit=None, depth_scale=depth_scale, depth_kind="metric")
    if world_up is not None:
        check_choice(world_up, "world_up", WORLD_UP)


def _find_camera(path: Path) -> str | None:
    """Number of the camera, by the innermost folder that names one."""
    for part in reversed(Path(os.path.abspath(path)).parts):
        found = sorted(set(CAMERA_IN_NAME.findall(part)))
        if len(found) > 1:
            raise ValueError(
                f"`{path}` must name one camera, got freiburg{' and freiburg'.join(found)} in {part!r}. "
                "Pass `intrinsics` and `world_up`, or rename the folder."
            )
        if found:
            return found[0]
    return None


def _read_list(path: Path, columns: int) -> list[_Entry]:
    """Entries by time."""
    entries = []
    for line, words in read_table(path, columns):
        time_s = float(numbers(words[:1], f"{path} line {line}")[0])
        if not math.isfinite(time_s):
            raise ValueError(f"`{path} line {line}` must start with seconds, got {words[0]!r}. Repair the line.")
        entries.append(_Entry(time_s, line, words[1:]))
    if not entries:
        raise ValueError(f"`{path}` must list something, got no line but comments. Restore the file.")
    return sorted(entries, key=lambda entry: entry.time_s)


def _associate(
    path: Path, images: list[_Entry], files: list[Path], max_time_difference_s: float
) -> Iterator[tuple[_Entry, Path, _Entry, _Entry, str]]:
    """Image, its file, depth map and pose that are nearest in time, and why the image is left out, if it is."""
    depths, poses = _read_list(path / DEPTH_LIST, 2), _read_list(path / POSE_LIST, 8)
    depth_of, depth_gaps_s = _nearest(images, depths)
    pose_of, pose_gaps_s = _nearest(images, poses)
    for index, (image, file) in enumerate(zip(images, files, strict=True)):
        gaps_s = {"depth map": depth_gaps_s[index], "pose": pose_gaps_s[index]}
        reason = _why_left_out(gaps_s, max_time_difference_s)
        yield image, file, depths[depth_of[index]], poses[pose_of[index]], reason


def _nearest(wanted: list[_Entry], offered: list[_Entry]) -> tuple[np.ndarray, np.ndarray]:
    """For each of the wanted, which of the offered is nearest in time, and how many seconds away it is."""
    times_s = np.array([entry.time_s for entry in wanted])
    offers_s = np.array([entry.time_s for entry in offered])
    after = np.searchsorted(offers_s, times_s).clip(0, len(offers_s) - 1)
    before = (after - 1).clip(0)
    gaps_s = np.abs(offers_s[np.stack((before, after))] - times_s)
    return np.where(gaps_s[0] <= gaps_s[1], before, after), gaps_s.min(axis=0)


def _why_left_out(gaps_s: dict[str, float], max_time_difference_s: float) -> str:
    return "; ".join(
        f"no {what} within {max_time_difference_s:g} s, the nearest is {gap_s:.4g} s away"
        for what, gap_s in gaps_s.items()
        if gap_s > max_time_difference_s
    )


def _image_files(path: Path, images: list[_Entry]) -> list[Path]:
    lines: dict[str, int] = {}
    for image in images:
        name = image.words[0]
        if name in lines:
            raise ValueError(
                f"`{path / IMAGE_LIST} line {image.line}` must name a file of its own, got {name!r} as in line "
                f"{lines[name]}. Remove one of the lines."
            )
        lines[name] = image.line
    return [_file(path, IMAGE_LIST, image) for image in images]


def _file(path: Path, list_name: str, entry: _Entry) -> Path:
    return file_inside(path, entry.words[0], f"{path / list_name} line {entry.line}")


def _pose(path: Path, entry: _Entry) -> np.ndarray:
    where = f"{path} line {entry.line}"
    tx, ty, tz, qx, qy, qz, qw = numbers(entry.words, where)
    try:
        pose = rigid(rotation_from_quaternion(qx, qy, qz, qw), np.array([tx, ty, tz]))
    except ValueError as error:
        raise ValueError(f"`{where}` must be tx ty tz qx qy qz qw with a unit quaternion. {error}") from error
    check_pose(pose, where)
    return pose


def _intrinsics(path: Path, given: Any, camera: str | None, size_hw: tuple[int, int]) -> tuple[np.ndarray, str]:
    """Matrix of all images, and what to tell about it."""
    if given is not None:
        return camera_matrix(given, "intrinsics", size_hw), "Intrinsics: as the caller said, without lens distortion."
    if camera is None:
        raise ValueError(
            f"`intrinsics` must be given for {path}, got None, and no folder is called freiburg1, freiburg2 or "
            "freiburg3, whose calibration is known. Pass the 3x3 matrix of the colour camera, in pixels."
        )
    if size_hw != CALIBRATED_SIZE_HW:
        raise ValueError(
            f"`intrinsics` must be given for {path}, got None and images of {size_hw[1]}x{size_hw[0]}, while "
            f"freiburg{camera} was calibrated at {CALIBRATED_SIZE_HW[1]}x{CALIBRATED_SIZE_HW[0]}. Pass the matrix of "
            "the images as they are."
        )
    fx, fy, cx, cy = CALIBRATIONS[camera][0]
    origin = f"Intrinsics: Freiburg {camera} RGB of {CALIBRATION_PAGE}; {_distortion(camera)}"
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), origin


def _distortion(camera: str) -> str:
    """Say how far the published lens distortion, which no reader removes, moves the pixels."""
    (fx, fy, cx, cy), (k1, k2, p1, p2, k3) = CALIBRATIONS[camera]
    rows, columns = np.indices(CALIBRATED_SIZE_HW)
    x, y = (columns - cx) / fx, (rows - cy) / fy
    square = x * x + y * y
    radial = square * (k1 + square * (k2 + square * k3))
    right = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x)
    down = y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y
    moved = np.hypot(right * fx, down * fy)
    if not moved.any():
        return "its images are published without lens distortion."
    return f"lens distortion is not removed: {np.median(moved):.0f} px typically, {moved.max():.0f} px in a corner."


def _world(path: Path, given: str | None, camera: str | None) -> tuple[str, str]:
    """Axis that points up, and what to tell about the world."""
    if given is not None:
        return given, f"World: of the poses; up is {given}, as the caller said."
    if camera is None:
        raise ValueError(
            f"`world_up` must be given for {path}, got None, and no folder is called freiburg1, freiburg2 or "
            'freiburg3, where +z is up. Pass the axis of the poses that points up, "+x" to "-z", or "unknown".'
        )
    return FREIBURG_UP, f"World: of the motion capture of freiburg{camera}; up is {FREIBURG_UP}."


def _conventions(origin: str, depth_scale: float, world: str, max_time_difference_s: float) -> tuple[str, ...]:
    return (
        "Poses: camera to world, metres, of the colour camera: +x right, +y down, +z forward.",
        f"Depth: 16-bit, {1 / depth_scale:g} per metre, along +z, registered to the image pixel by pixel, 0: no data.",
        origin,
        world,
        f"Time: of the image, seconds; depth and pose are the nearest within {max_time_difference_s:g} s.",
    )
