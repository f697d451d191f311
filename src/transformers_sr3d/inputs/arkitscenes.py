# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, ARKitScenes: one video of the `3dod` or of the `raw` data set, as `download_data.py` leaves it.

    <id>/<id>_frames/            of `3dod`; in `raw` the same files lie in <id>/
        lowres_wide/             <id>_<timestamp>.png, 8-bit colours, 256x192
        lowres_wide_intrinsics/  <id>_<timestamp>.pincam: width height fx fy cx cy
        lowres_depth/            <id>_<timestamp>.png, 16 bits, millimetres, 256x192, 0: no data
        lowres_wide.traj         timestamp rx ry rz tx ty tz; radians (axis times angle), metres
        confidence/              `raw` only: <id>_<timestamp>.png, 8 bits, 0 low, 1 medium, 2 high
        vga_wide/, vga_wide_intrinsics/     `raw` only: 640x480

Timestamps are seconds. What belongs together was not always rounded alike: the official loader looks for a `.pincam`
0.001 s earlier and later, and takes a pose less than 0.005 s away. So does this reader, which takes the nearest, where
that loader takes the last that is near enough. In `raw` there are 60 pictures and 10 poses a second (issue 8), so five
of six pictures are left out. Depth of `vga_wide` is that of `lowres_depth`, as wide as the picture.

DATA.md calls a line of the trajectory a "camera position"; it is not: `TrajStringToMatrix` reads world to camera and
inverts it. Camera axes (+x right, +y down, +z forward) and world (+z up) are those of the maintainers' answer in issue
81, and of `rotation.py` and `rectify_im.py`. Depth is unprojected by `generate_point` at whole pixel numbers, so the
intrinsics count from the centre of the first pixel. Those of the three image sizes are multiples of each other, which
cannot be exact for all of them: the centre may be off by up to 0.4 px of a depth map.

Most videos were taken with a turned device. Pictures stay as they are stored, with the geometry that belongs to them;
where the sky is, is told from the poses, because `sky_direction` of metadata.csv is wrong for some (DUSt3R,
`preprocess_arkitscenes.py`).

Sources: apple/ARKitScenes, DATA.md, raw/README.md, `threedod/benchmark_scripts/utils/tenFpsDataLoader.py`,
`rotation.py` and `rectify_im.py`; Baruch et al., ARKitScenes, NeurIPS 2021 Datasets and Benchmarks.

May import: the standard library, NumPy, the checks of images and depth, and siblings in `inputs`.
"""

import math
import os
import re
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from transformers_sr3d.depth_files_sr3d import load_depth
from transformers_sr3d.input_checks_sr3d import check_choice
from transformers_sr3d.inputs.arkit_confidence import check_min_confidence, keep_confident, load_confidence
from transformers_sr3d.inputs.files import numbers, read_table
from transformers_sr3d.inputs.headers import camera_matrix, picture_size_hw
from transformers_sr3d.inputs.json_values import json_pixels
from transformers_sr3d.inputs.named_files import check_size, sized_image_loader
from transformers_sr3d.inputs.poses import invert_pose, rigid, rotation_from_axis_angle
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "arkitscenes"
IMAGE_FOLDERS = ("lowres_wide", "vga_wide")
DEPTH_FOLDER, CONFIDENCE_FOLDER, TRAJECTORY = "lowres_depth", "confidence", "lowres_wide.traj"
# In milliseconds, to which all names are rounded: files of one moment, and a pose less than 0.005 s away.
SAME_MS, POSE_MS = 1, 4
TIMED_NAME = re.compile(r"(.+)_([0-9]{1,12}(?:\.[0-9]{1,12})?)")
MAX_ANGLE_RAD = 2 * math.pi + 1e-3


class _File(NamedTuple):
    """A file, and when it was taken."""

    time_s: float
    path: Path


class _Pose(NamedTuple):
    """A line of the trajectory."""

    time_s: float
    camera_to_world: np.ndarray


Timed = TypeVar("Timed", _File, _Pose)


class _Frame(NamedTuple):
    """What belongs to a picture; None where nothing of its time is there."""

    picture: _File
    camera: _File | None
    depth: _File | None
    pose: _Pose | None
    confidence: _File | None


def is_arkitscenes(path: Path) -> bool:
    """Tell whether a path is a video of ARKitScenes.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it, or a folder called `<id>_frames` in it, has a trajectory and depth maps.
    """
    return bool(_frame_folders(path))


def read_arkitscenes(path: str | Path, *, images: str = "lowres_wide", min_confidence: int = 0) -> Source:
    """Read a video of ARKitScenes.

    Args:
        path (`str` or `Path`):
            The folder called by the number of the video, or `<id>_frames` in it.
        images (`str`, defaults to `"lowres_wide"`):
            `"lowres_wide"` or `"vga_wide"`: which pictures.
        min_confidence (`int`, defaults to 0):
            0, 1 or 2: depth of a lower confidence is not measured. 0 takes all, as the official loader does.

    Returns:
        `Source`: One view per picture that has depth and a pose, by time; the others are in `left_out`, and so are
        depth maps without a picture.

    Raises:
        FileNotFoundError: If a folder, the trajectory, or the intrinsics of a picture are missing.
        ValueError: If a file is bad or called otherwise, or no picture has depth and pose.
    """
    path = Path(path)
    check_choice(images, "images", IMAGE_FOLDERS)
    check_min_confidence(min_confidence)
    folder = _frames_folder(path)
    poses = _read_trajectory(folder / TRAJECTORY)
    depths = _timed_files(folder / DEPTH_FOLDER, ".png")
    frames = _frames(folder, images, depths, poses, with_confidence=min_confidence > 0)
    views: list[SourceView] = []
    left_out: dict[str, str] = {}
    for frame in frames:
        reason = _why_left_out(frame, min_confidence)
        if reason:
            left_out[frame.picture.path.name] = reason
        else:
            views.append(_view(frame, images, min_confidence, is_first=not views))
    used = {frame.depth.path for frame in frames if frame.depth is not None}
    for depth in depths:
        if depth.path not in used:
            left_out[f"{DEPTH_FOLDER}/{depth.path.name}"] = f"no picture of its time in {images}"
    if not views:
        name, reason = next(iter(left_out.items()))
        raise ValueError(
            f"`{folder}` must have a picture with depth and pose, got {len(left_out)} without, the first being {name} "
            f"with {reason}. Download all of {images}, {DEPTH_FOLDER} and {TRAJECTORY}."
        )
    return Source(
        KIND,
        path,
        tuple(views),
        world_up="+z",
        depth_field_of_view="same",
        left_out=left_out,
        conventions=_conventions(views, min_confidence),
    )


def _frame_folders(path: Path) -> list[Path]:
    """Folders that have what every video has: the path itself, or one in it that is called like `<id>_frames`."""
    return [
        folder
        for folder in (path, *sorted(path.glob("*_frames")))
        if os.path.isfile(folder / TRAJECTORY) and os.path.isdir(folder / DEPTH_FOLDER)
    ]


def _frames_folder(path: Path) -> Path:
    folders = _frame_folders(path)
    if not folders:
        raise FileNotFoundError(
            f"`{path}` must have {TRAJECTORY} and {DEPTH_FOLDER}/, in it or in a folder called <id>_frames, got none. "
            "Check the path: it is that of one video. 24 videos of the raw data have no trajectory."
        )
    if len(folders) > 1:
        raise ValueError(
            f"`{path}` must hold one video, got {', '.join(folder.name for folder in folders)}. "
            "Pass the path of one of them."
        )
    return folders[0]


def _read_trajectory(path: Path) -> list[_Pose]:
    """Poses by time."""
    poses: dict[int, _Pose] = {}
    for line, words in read_table(path, 7):
        where = f"{path} line {line}"
        values = numbers(words, where)
        angle = float(np.linalg.norm(values[1:4]))
        if not np.isfinite(values).all() or angle > MAX_ANGLE_RAD:
            raise ValueError(
                f"`{where}` must be a time, a rotation of at most 2 pi radians and metres, all finite, got "
                f"{' '.join(words)[:120]!r} with {angle:.4g} radians. Check the order of the columns."
            )
        time_s = round(float(values[0]), 3)
        camera_to_world = invert_pose(rigid(rotation_from_axis_angle(values[1:4]), values[4:7]))
        check_pose(camera_to_world, where)
        known = poses.get(_milliseconds(time_s))
        if known is not None and not np.allclose(known.camera_to_world, camera_to_world, atol=1e-6):
            raise ValueError(f"`{where}` must have a time of its own, got {words[0]} again. Remove one of the lines.")
        poses[_milliseconds(time_s)] = _Pose(time_s, camera_to_world)
    if not poses:
        raise ValueError(f"`{path}` must have poses, got no line. Download the file again.")
    return sorted(poses.values(), key=lambda pose: pose.time_s)


def _timed_files(folder: Path, suffix: str) -> list[_File]:
    """Files called `<id>_<timestamp>`, by time."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"`{folder}` must be a folder, got none. Download it; `raw` has an asset of that name."
        )
    files: dict[int, _File] = {}
    videos: dict[str, str] = {}
    for name in sorted(os.listdir(folder)):
        if name.startswith(".") or not name.lower().endswith(suffix):
            continue
        found = TIMED_NAME.fullmatch(name[: -len(suffix)])
        if found is None:
            raise ValueError(
                f"`{folder / name}` must be called <id>_<timestamp>{suffix}, got another name. Move it elsewhere."
            )
        file = _File(float(found[2]), folder / name)
        other = files.setdefault(_milliseconds(file.time_s), file)
        videos.setdefault(found[1], name)
        if other is not file or len(videos) > 1:
            other_name = other.path.name if other is not file else next(iter(videos.values()))
            raise ValueError(
                f"`{folder}` must hold one video with one file per time, got {other_name!r} and {name!r}. "
                "Move one of them elsewhere."
            )
    if not files:
        raise FileNotFoundError(
            f"`{folder}` must hold files called <id>_<timestamp>{suffix}, got none. Download them."
        )
    return sorted(files.values(), key=lambda file: file.time_s)


def _frames(
    folder: Path, images: str, depths: list[_File], poses: list[_Pose], *, with_confidence: bool
) -> list[_Frame]:
    """Every picture, by time, with what belongs to it."""
    pictures = _timed_files(folder / images, ".png")
    times_s = [picture.time_s for picture in pictures]
    cameras = _timed_files(folder / f"{images}_intrinsics", ".pincam")
    confidences = _timed_files(folder / CONFIDENCE_FOLDER, ".png") if with_confidence else []
    columns = (
        _nearest(times_s, cameras, SAME_MS),
        _nearest(times_s, depths, SAME_MS),
        _nearest(times_s, poses, POSE_MS),
        _nearest(times_s, confidences, SAME_MS),
    )
    return [_Frame(*row) for row in zip(pictures, *columns, strict=True)]


def _nearest(times_s: list[float], offered: list[Timed], max_ms: int) -> list[Timed | None]:
    """For each time what is nearest to it, if that is near enough; what is offered is sorted by time."""
    if not offered:
        return [None] * len(times_s)
    wanted_ms = np.array([_milliseconds(time_s) for time_s in times_s])
    offered_ms = np.array([_milliseconds(entry.time_s) for entry in offered])
    after = np.searchsorted(offered_ms, wanted_ms).clip(0, len(offered) - 1)
    before = (after - 1).clip(0)
    nearest = np.where(wanted_ms - offered_ms[before] <= offered_ms[after] - wanted_ms, before, after)
    gaps_ms = np.abs(offered_ms[nearest] - wanted_ms)
    return [offered[index] if gap <= max_ms else None for index, gap in zip(nearest, gaps_ms, strict=True)]


def _milliseconds(time_s: float) -> int:
    return round(time_s * 1000)


def _why_left_out(frame: _Frame, min_confidence: int) -> str:
    missing = []
    if frame.depth is None:
        missing.append(f"no depth map within {SAME_MS / 1000:g} s")
    elif min_confidence and frame.confidence is None:
        missing.append(f"no confidence map within {SAME_MS / 1000:g} s")
    if frame.pose is None:
        missing.append(f"no pose less than {(POSE_MS + 1) / 1000:g} s away")
    return "; ".join(missing)


def _view(frame: _Frame, images: str, min_confidence: int, *, is_first: bool) -> SourceView:
    if frame.camera is None or frame.depth is None or frame.pose is None:
        picture = frame.picture.path
        raise FileNotFoundError(
            f"`{picture.parent}_intrinsics/{picture.stem}.pincam` must be a file, or one {SAME_MS / 1000:g} s earlier "
            f"or later, got none for {picture.name}. Download {images}_intrinsics again, or remove the picture."
        )
    intrinsics, size_hw = _read_pincam(frame.camera.path)
    picture, where = frame.picture.path, str(frame.camera.path)
    if is_first:
        check_size(picture, picture_size_hw(picture), size_hw, where)
    # Depth has the size of these pictures, and no intrinsics of its own.
    depth_size_hw = size_hw if images == IMAGE_FOLDERS[0] else None
    confidence = frame.confidence.path if frame.confidence is not None else None
    return SourceView(
        name=picture.name,
        load_image=sized_image_loader(picture, size_hw, where),
        intrinsics=intrinsics,
        load_depth=partial(_load_depth, frame.depth.path, depth_size_hw, where, confidence, min_confidence),
        camera_to_world=frame.pose.camera_to_world,
        time_s=frame.picture.time_s,
    )


def _read_pincam(path: Path) -> tuple[np.ndarray, tuple[int, int]]:
    """Intrinsics, and rows and columns of the picture."""
    rows = read_table(path, 6)
    if len(rows) != 1:
        raise ValueError(f"`{path}` must have one line, got {len(rows)}. Download it again.")
    line, words = rows[0]
    where = f"{path} line {line}"
    values = numbers(words, where)
    if not np.isfinite(values).all():
        raise ValueError(f"`{where}` must be finite numbers, got {' '.join(words)[:120]!r}. Download the file again.")
    width, height, fx, fy, cx, cy = (float(value) for value in values)
    size_hw = (json_pixels(height, f"{where} height"), json_pixels(width, f"{where} width"))
    intrinsics = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    return camera_matrix(intrinsics, where, size_hw), size_hw


def _load_depth(
    file: Path, size_hw: tuple[int, int] | None, where: str, confidence_file: Path | None, min_confidence: int
) -> np.ndarray:
    depth = load_depth(file, name=str(file), depth_unit="mm").numpy()
    if size_hw is not None:
        check_size(file, (depth.shape[0], depth.shape[1]), size_hw, where)
    if confidence_file is None:
        return depth
    return keep_confident(depth, load_confidence(confidence_file), min_confidence, str(confidence_file))


def _conventions(views: list[SourceView], min_confidence: int) -> tuple[str, ...]:
    depth = f"confidence {min_confidence} or more of 0 to 2" if min_confidence else "of any confidence"
    return (
        "Poses: world to camera in the file, metres, inverted here; cameras +x right, +y down, +z forward.",
        f"Images: as stored; by the poses the sky is {_sky(views)} in most of them, and they are not turned.",
        "Pixels: whole numbers are centres, as the official loader unprojects.",
        f"Depth: millimetres along +z, as wide as the picture, {depth}, 0: no data.",
        "World: up is +z.",
        f"Time: the name, seconds; the pose is the nearest, less than {(POSE_MS + 1) / 1000:g} s away.",
    )


def _sky(views: list[SourceView]) -> str:
    """Side of most pictures that is up in the world."""
    ups = np.array([view.camera_to_world[2, :2] for view in views if view.camera_to_world is not None])
    right, down = ups.mean(axis=0)
    if abs(down) >= abs(right):
        return "at the top" if down <= 0 else "at the bottom"
    return "at the right" if right > 0 else "at the left"
