# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, recordings of the app Record3D: the "Shareable/Internal format", a `.r3d` file, or what is packed in it.

    metadata         JSON
        w, h, dw, dh             columns and rows of images and of depth maps
        K                        3x3 column by column, pixels of the images; of the first frame
        perFrameIntrinsicCoeffs  fx, fy, cx, cy of every frame; newer versions
        poses                    qx, qy, qz, qw, tx, ty, tz of every frame; metres
        initPose                 the same, once
        frameTimestamps, fps     seconds from the start; frames a second
    rgbd/0.jpg       colours
    rgbd/0.depth     LZFSE: float32 row by row, metres, NaN: no data
    rgbd/0.conf      LZFSE: uint8, 0 low, 1 medium, 2 high; LiDAR only

Poses are camera to world (issue 36) in ARKit's camera axes, +x right, +y up, +z backward (issues 33, 64). Images,
depth, K and poses belong together as they are stored: viser, clip-fields, USA-Net and instant-ngp (without `--rotate`)
turn none of them, and neither does this reader. Up to version 1.10 of the app all was stored for a device held
upright, whatever way it was held; since 1.10.1 there are wide images too (dobb-e, pull request 11). K counts from the
centre of the first pixel, as ARKit does (ARCamera.h; Apple's page says "corner", and viser adds half a pixel). Depth
shows what the images show (issue 76).

Where up is, sources disagree. The author says of older versions that the first pose is "zero" and its tilt lost (issue
27). Later ones have `initPose`, which clip-fields multiplies from the left; in still newer ones it is the identity
(issue 95), and the poses are those of ARKit (issue 64), whose +y is up. So +y is taken as up where either the first
pose or `initPose` is turned, and not both; otherwise up is unknown, unless `world_up` says it. As `initPose` is common
to all frames, it changes nothing between them. Recordings of the selfie camera have no poses: all are the identity
(issue 63).

viser, clip-fields and USA-Net keep depth of the highest confidence only, so that is the default where there is one.

Sources: marek-simonik/record3d, the author's answers in the issues named (7 and 93 for the files); nerfstudio-project/
viser, `_record3d.py`; notmahi/clip-fields, `dataloaders/record3d.py`; codekansas/usa, `r3d.py`; NVlabs/instant-ngp,
`record3d2nerf.py`.

May import: the standard library, NumPy, PIL, the checks of images, cameras and depth, and siblings in `inputs`.
"""

import io
import json
import math
import os
import re
import reprlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.camera_inputs_sr3d import ASPECT_TOLERANCE
from transformers_sr3d.camera_matrices_sr3d import WORLD_UP
from transformers_sr3d.depth_files_sr3d import load_depth
from transformers_sr3d.image_files_sr3d import DECODE_ERRORS, load_image_rgb
from transformers_sr3d.input_checks_sr3d import check_choice, check_pixel_count
from transformers_sr3d.inputs.arkit_confidence import check_min_confidence, keep_confident
from transformers_sr3d.inputs.headers import camera_matrix
from transformers_sr3d.inputs.json_values import json_number, json_pixels
from transformers_sr3d.inputs.lzfse_streams import lzfse_decompress, lzfse_module, lzfse_size
from transformers_sr3d.inputs.named_files import check_size
from transformers_sr3d.inputs.poses import opencv_from_opengl, rigid, rotation_from_quaternion
from transformers_sr3d.inputs.record3d_files import list_files, read_file
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "record3d"
MIN_RATE_HZ, MAX_RATE_HZ = 0.01, 10_000.0
SUFFIX, METADATA, FOLDER = ".r3d", "metadata", "rgbd"
IMAGE, DEPTH, CONFIDENCE = ".jpg", ".depth", ".conf"
FRAME_FILE = re.compile(rf"{FOLDER}/(0|[1-9][0-9]{{0,8}})(\.jpg|\.depth|\.conf)")
MAX_METADATA_BYTES, MAX_IMAGE_BYTES = 128 * 1024 * 1024, 64 * 1024 * 1024
HIGH_CONFIDENCE = 2
# Depth maps of versions whose metadata have no `dw` and `dh`: rows and columns, for LiDAR and the selfie camera.
OLD_DEPTH_SIZES_HW = ((256, 192), (640, 480), (960, 720))
# A first pose that is turned by less may be that of a recording that is relative to it.
RELATIVE_ANGLE_DEG = 5.0
# How far the principal point may be from the middle, as a share of width or height. That of ARKit's cameras moves by a
# hundredth; for an image on its side, or of another size, it is farther away.
MAX_PRINCIPAL_OFFSET = 0.1


def is_record3d(path: Path) -> bool:
    """Tell whether a path is a recording of Record3D.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it is a `.r3d` file, or a folder with `metadata` and `rgbd`.
    """
    if os.path.isdir(path):
        return os.path.isfile(path / METADATA) and os.path.isdir(path / FOLDER)
    return path.suffix.lower() == SUFFIX and os.path.isfile(path)


def read_record3d(path: str | Path, *, min_confidence: int | None = None, world_up: str | None = None) -> Source:
    """Read a recording of Record3D.

    Args:
        path (`str` or `Path`):
            The `.r3d` file, or the folder that it was unpacked to.
        min_confidence (`int`, *optional*):
            0, 1 or 2: depth of a lower confidence is not measured. 2 unless given, where the recording has confidence
            maps.
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`: axis of the world that points up; see the top of this file for what is
            taken otherwise.

    Returns:
        `Source`: One view per frame, in their order.

    Raises:
        FileNotFoundError: If there is no such file, or one of a frame is missing.
        ImportError: If the package `lzfse` is not installed.
        ValueError: If the archive or its metadata are bad, counts disagree, or an option does not fit.
    """
    path = Path(path)
    if min_confidence is not None:
        check_min_confidence(min_confidence)
    if world_up is not None:
        check_choice(world_up, "world_up", WORLD_UP)
    lzfse_module()
    files = list_files(path, FOLDER)
    metadata = _read_metadata(path)
    where = f"{path}/{METADATA}"
    size_hw, depth_size_hw = _sizes(metadata, where)
    poses = _list(metadata, "poses", where)
    has_confidence = _check_files(path, files, len(poses), min_confidence)
    matrices = _intrinsics(metadata, len(poses), size_hw, where)
    times_s = _times(metadata, len(poses), where)
    cameras, up, told = _world(metadata, where, world_up)
    lowest = (HIGH_CONFIDENCE if min_confidence is None else min_confidence) if has_confidence else 0
    views = tuple(
        SourceView(
            name=f"{FOLDER}/{index}{IMAGE}",
            load_image=partial(_load_image, path, index, size_hw),
            intrinsics=matrices[index],
            load_depth=partial(_load_depth, path, index, depth_size_hw, lowest),
            camera_to_world=cameras[index],
            time_s=times_s[index],
        )
        for index in range(len(poses))
    )
    conventions = _conventions(told, lowest)
    return Source(KIND, path, views, world_up=up, depth_field_of_view="same", conventions=conventions)


def _read_metadata(path: Path) -> dict[str, Any]:
    data = read_file(path, METADATA, MAX_METADATA_BYTES)
    try:
        metadata = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"`{path}/{METADATA}` must be JSON, got {str(error)[:200]}. Export the recording again."
        ) from error
    if not isinstance(metadata, dict):
        raise ValueError(f"`{path}/{METADATA}` must be an object, got {reprlib.repr(metadata)}. Export it again.")
    return metadata


def _list(metadata: dict[str, Any], key: str, where: str, count: int | None = None) -> list[Any]:
    values = metadata.get(key)
    if not isinstance(values, list) or not values or (count is not None and len(values) != count):
        wanted = "a list" if count is None else f"a list of {count}, one for each of the poses"
        got = f"{len(values)}" if isinstance(values, list) else reprlib.repr(values)
        raise ValueError(f"`{where} ['{key}']` must be {wanted}, got {got}. Export the recording again.")
    return values


def _numbers(values: Any, count: int, where: str) -> list[float]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(f"`{where}` must be {count} numbers, got {reprlib.repr(values)}. Export the recording again.")
    return [json_number(value, where) for value in values]


def _sizes(metadata: dict[str, Any], where: str) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """Rows and columns of images and of depth maps; None where an old version does not tell."""
    pairs = (("h", "w"), ("dh", "dw"))
    sizes: list[tuple[int, int]] = []
    for keys in pairs:
        if keys == pairs[1] and not any(key in metadata for key in keys):
            return sizes[0], None
        rows, columns = (
            json_pixels(json_number(metadata.get(key), f"{where} ['{key}']"), f"{where} ['{key}']") for key in keys
        )
        check_pixel_count((rows, columns), f"{where} ['{keys[1]}', '{keys[0]}']")
        sizes.append((rows, columns))
    (height, width), (depth_height, depth_width) = sizes
    if abs(depth_width * height / (depth_height * width) - 1) > ASPECT_TOLERANCE:
        raise ValueError(
            f"`{where}` must have depth maps of the shape of the images, got {depth_width}x{depth_height} for "
            f"{width}x{height}. One of them is on its side or cropped: export the recording again."
        )
    return sizes[0], sizes[1]


def _check_files(path: Path, files: dict[str, int], count: int, min_confidence: int | None) -> bool:
    """Refuse a recording in which files and poses do not belong together; tell whether it has confidence maps."""
    found: dict[str, set[int]] = {IMAGE: set(), DEPTH: set(), CONFIDENCE: set()}
    for name in files:
        match = FRAME_FILE.fullmatch(name)
        if match is not None:
            found[match[2]].add(int(match[1]))
    has_confidence = bool(found[CONFIDENCE])
    if min_confidence and not has_confidence:
        raise ValueError(
            f"`min_confidence` must be left out for {path}, got {min_confidence} and a recording without confidence "
            "maps. Only those of the LiDAR have them."
        )
    needs_confidence = has_confidence and min_confidence != 0
    for suffix in (IMAGE, DEPTH, *((CONFIDENCE,) if needs_confidence else ())):
        missing, stray = set(range(count)) - found[suffix], found[suffix] - set(range(count))
        if missing or stray:
            what = (
                f"no {FOLDER}/{min(missing)}{suffix}" if missing else f"{FOLDER}/{min(stray)}{suffix}, which has none"
            )
            raise ValueError(
                f"`{path}` must hold {FOLDER}/0{suffix} to {FOLDER}/{count - 1}{suffix} for its {count} poses, got "
                f"{len(found[suffix])} of them and {what}. The recording is not complete: export it again."
            )
    return has_confidence


def _intrinsics(metadata: dict[str, Any], count: int, size_hw: tuple[int, int], where: str) -> list[np.ndarray]:
    key = "perFrameIntrinsicCoeffs"
    if metadata.get(key):
        entries = _list(metadata, key, where, count)
        named = [(f"{where} ['{key}'][{index}]", entry) for index, entry in enumerate(entries)]
        rows = [(name, _numbers(entry, 4, name)) for name, entry in named]
        return [_camera([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], name, size_hw) for name, (fx, fy, cx, cy) in rows]
    columns = np.array(_numbers(metadata.get("K"), 9, f"{where} ['K']")).reshape(3, 3)
    return [_camera(columns.T, f"{where} ['K']", size_hw)] * count


def _camera(matrix: Any, where: str, size_hw: tuple[int, int]) -> np.ndarray:
    """Intrinsics that can be those of an image of this size, and not of the same image on its side."""
    checked = camera_matrix(np.array(matrix, dtype=np.float64), where, size_hw)
    height, width = size_hw
    offsets = ((checked[0, 2] + 0.5) / width - 0.5, (checked[1, 2] + 0.5) / height - 0.5)
    if max(map(abs, offsets)) > MAX_PRINCIPAL_OFFSET:
        raise ValueError(
            f"`{where}` must have its principal point near the middle of {width}x{height} pixels, got "
            f"({checked[0, 2]:g}, {checked[1, 2]:g}). It belongs to images on their side or of another size: use the "
            "images as the app wrote them."
        )
    return checked


def _times(metadata: dict[str, Any], count: int, where: str) -> list[float | None]:
    key = "frameTimestamps"
    if metadata.get(key):
        times_s = _list(metadata, key, where, count)
        return [json_number(time_s, f"{where} ['{key}'][{index}]") for index, time_s in enumerate(times_s)]
    if "fps" not in metadata:
        return [None] * count
    rate_hz = json_number(metadata["fps"], f"{where} ['fps']")
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise ValueError(
            f"`{where} ['fps']` must be from {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g}, got {rate_hz:g}. "
            "Export the recording again."
        )
    return [index / rate_hz for index in range(count)]


def _pose(values: Any, where: str) -> np.ndarray:
    """Pose of the ARKit camera."""
    qx, qy, qz, qw, tx, ty, tz = _numbers(values, 7, where)
    try:
        pose = rigid(rotation_from_quaternion(qx, qy, qz, qw), np.array([tx, ty, tz]))
    except ValueError as error:
        raise ValueError(f"`{where}` must be qx, qy, qz, qw of a unit quaternion and tx, ty, tz. {error}") from error
    check_pose(pose, where)
    return pose


def _world(
    metadata: dict[str, Any], where: str, world_up: str | None
) -> tuple[list[np.ndarray] | list[None], str | None, tuple[str, ...]]:
    """Poses of the OpenCV cameras, axis that points up, and what to tell about them; see the top of this file."""
    poses = [_pose(values, f"{where} ['poses'][{index}]") for index, values in enumerate(metadata["poses"])]
    start = _pose(metadata["initPose"], f"{where} ['initPose']") if "initPose" in metadata else np.eye(4)
    starts_turned = _angle_deg(start) > RELATIVE_ANGLE_DEG
    if all(np.array_equal(pose, np.eye(4)) for pose in poses) and not (len(poses) == 1 and starts_turned):
        if world_up is not None:
            raise ValueError(f"`world_up` must be left out for {where}, got {world_up!r} and no poses. Leave it out.")
        told = "Poses: none; all are the identity, as in recordings of the selfie camera, which may be mirrored."
        return [None] * len(poses), None, (told,)
    is_turned = _angle_deg(poses[0]) > RELATIVE_ANGLE_DEG
    is_known = is_turned != starts_turned
    start = np.eye(4) if is_turned or not starts_turned else start
    up = world_up or ("+y" if is_known else "unknown")
    origin = "as the caller said" if world_up else _reason(is_turned=is_turned, starts_turned=starts_turned)
    told_poses = "Poses: camera to world, metres, turned here from ARKit cameras (+y up, +z backward) to OpenCV ones."
    return [opencv_from_opengl(start @ pose) for pose in poses], up, (told_poses, f"World: up is {up}, {origin}.")


def _reason(*, is_turned: bool, starts_turned: bool) -> str:
    if is_turned and starts_turned:
        return "because both `initPose` and the first pose are turned, and `initPose` was not applied"
    if not is_turned and not starts_turned:
        return "because the first pose is level, as where poses are relative to it and its tilt is lost"
    return "that of ARKit, through `initPose`" if starts_turned else "that of ARKit"


def _angle_deg(pose: np.ndarray) -> float:
    return math.degrees(math.acos(float(np.clip((np.trace(pose[:3, :3]) - 1) / 2, -1, 1))))


def _load_image(path: Path, index: int, size_hw: tuple[int, int]) -> Image.Image:
    name = f"{FOLDER}/{index}{IMAGE}"
    data = read_file(path, name, MAX_IMAGE_BYTES)
    try:
        opened = Image.open(io.BytesIO(data))
    except (*DECODE_ERRORS, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(
            f"`{path / name}` must be a picture, got {str(error)[:200]}. Export the recording again."
        ) from error
    picture = load_image_rgb(opened, str(path / name), pixel_aligned=True)
    check_size(path / name, (picture.height, picture.width), size_hw, f"{path}/{METADATA}")
    return picture


def _load_depth(path: Path, index: int, size_hw: tuple[int, int] | None, min_confidence: int) -> np.ndarray:
    numbers = _load_map(path, f"{FOLDER}/{index}{DEPTH}", size_hw, np.dtype("<f4"))
    depth = load_depth(numbers, name=f"{path}/{FOLDER}/{index}{DEPTH}").numpy()
    if not min_confidence:
        return depth
    name = f"{FOLDER}/{index}{CONFIDENCE}"
    confidence = _load_map(path, name, (depth.shape[0], depth.shape[1]), np.dtype(np.uint8))
    return keep_confident(depth, confidence, min_confidence, f"{path}/{name}")


def _load_map(path: Path, name: str, size_hw: tuple[int, int] | None, kind: np.dtype) -> np.ndarray:
    """Decompress a map of numbers, whose size is known before."""
    sizes_hw = OLD_DEPTH_SIZES_HW if size_hw is None else (size_hw,)
    lengths = {rows * columns * kind.itemsize: (rows, columns) for rows, columns in sizes_hw}
    # What does not get shorter is stored as it is, in blocks with heads of some bytes.
    data = read_file(path, name, 2 * max(lengths) + 4096)
    num_bytes = lzfse_size(data, f"{path}/{name}")
    if num_bytes not in lengths:
        wanted = " or ".join(f"{columns}x{rows}" for rows, columns in lengths.values())
        raise ValueError(
            f"`{path}/{name}` must be {wanted} numbers of {kind.itemsize} bytes, got {num_bytes} bytes. "
            f"Check `dw` and `dh` in {METADATA}, or export the recording again."
        )
    decompressed = lzfse_decompress(data, num_bytes, f"{path}/{name}")
    return np.frombuffer(decompressed, dtype=kind).reshape(lengths[num_bytes])


def _conventions(told: tuple[str, ...], min_confidence: int) -> tuple[str, ...]:
    confidence = f"confidence {min_confidence} or more of 0 to 2" if min_confidence else "of any confidence"
    return (
        *told,
        "Images: as stored, upright or on their side; nothing is turned.",
        "Pixels: of ARKit, which counts from the centre of the first one.",
        f"Depth: metres along the optical axis, as wide as the image, {confidence}, NaN: no data.",
        "Time: seconds from the start.",
    )
