# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, a `.sens` file of ScanNet: version 4 of SensReader/src/sensorData.h, little-endian, nothing aligned.

    uint32 version, uint64 length and bytes of the name of the sensor
    float32 4x4 by rows: intrinsics and extrinsics of the colour camera, then of the depth camera
    int32 compression of colours (0 raw RGB, 1 PNG, 2 JPEG), int32 of depth (0 raw, 1 zlib, 2 occi; unsigned 16 bits)
    uint32 width and height of colours, then of depth; float32 depth shift: stored numbers per metre
    uint64 number of frames, and per frame
        float32 4x4 by rows: camera to world, metres, -inf where tracking was lost
        uint64 time of colours and of depth, microseconds; uint64 number of bytes of each; these bytes
    uint64 number of IMU samples of 128 bytes, and these; some writers leave this out

One pass over the heads of the frames finds where their bytes are; these are read when a view is loaded. Nothing is
read or allocated by a number of the file that its size or the size of its pictures does not allow. Depth in `occi`
needs a library of Occipital for Windows and is refused. Many scans have no times, or random ones (ScanNet issues 9 and
39): unless they increase, views have none. A frame without colours is no view and is left out; one without depth has
none. See `scannet_world` for cameras, up and alignment.

Sources disagree on the depth shift: `m_depthShift` is "conversion from float[m] to ushort (typically 1000.0f)", and
`computeDepthImage` and `saveToPointCloud` divide by it, while the demo SensReader/c++/src/main.cpp multiplies.

May import: the standard library, NumPy, PIL, the checks of images and depth maps, and siblings in `inputs`.
"""

import math
import os
import struct
import zlib
from functools import partial
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from transformers_sr3d.depth_files_sr3d import load_depth
from transformers_sr3d.image_files_sr3d import DECODE_ERRORS, load_image_rgb
from transformers_sr3d.input_checks_sr3d import check_pixel_count
from transformers_sr3d.inputs.scannet_world import (
    POSE_CONVENTION,
    TRACKING_LOST,
    World,
    check_extrinsics,
    find_world,
    is_tracking_lost,
    read_camera,
)
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "scannet_sens"
VERSION = 4
HEAD = struct.Struct("<64f2i4IfQ")
FRAME = struct.Struct("<16f4Q")
IMU_SAMPLE_BYTES = 128
MAX_NAME_BYTES = 4096
MAX_FRAMES = 100_000  # an hour of a camera at 30 Hz is as many, a scan of ScanNet less than a tenth
# What a picture may take, however badly it is compressed: so much per pixel, and so much beside.
MAX_BYTES_PER_PIXEL, MAX_BYTES_BESIDE = 4, 1 << 16
RAW_COLOR, PNG, JPEG = 0, 1, 2
COLOR_FORMATS = {RAW_COLOR: "raw", PNG: "PNG", JPEG: "JPEG"}
RAW_DEPTH, ZLIB_DEPTH, OCCI_DEPTH = 0, 1, 2
MICROSECONDS = 1e-6


class _Head(NamedTuple):
    """What the file says before its first frame."""

    color_format: int
    depth_format: int
    color_size_hw: tuple[int, int]
    depth_size_hw: tuple[int, int]
    color_intrinsics: np.ndarray
    depth_intrinsics: np.ndarray
    depth_shift: float
    num_frames: int


class _Bytes(NamedTuple):
    """Where the colours or the depth of a frame are, and how messages call them."""

    path: Path
    offset: int
    num_bytes: int
    what: str


class _Frame(NamedTuple):
    """A frame, not loaded."""

    pose: np.ndarray
    time_us: int
    color: _Bytes
    depth: _Bytes


def is_scannet_sens(path: Path) -> bool:
    """Tell whether a path is a `.sens` file.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it is a file that is called so.
    """
    return path.suffix.lower() == ".sens" and os.path.isfile(path)


def read_scannet_sens(path: str | Path, *, axis_alignment: bool = True, world_up: str | None = None) -> Source:
    """Read a `.sens` file.

    Args:
        path (`str` or `Path`):
            The file; see the top of this module.
        axis_alignment (`bool`, defaults to `True`):
            Whether to align the world with the walls, where the scan says how; `conventions` tells whether it did.
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`. Needed where no name says that this is a scan of ScanNet, whose +z is up.

    Returns:
        `Source`: One view per frame; frames that lost tracking or have no colours are in `left_out`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another version, truncated or damaged, or the cameras are at different places.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be a .sens file, got none there. Check the path.")
    with path.open("rb") as file:
        head = _read_head(file, path)
        frames = _read_frames(file, path, head)
    world = find_world(path, axis_alignment=axis_alignment, world_up=world_up)
    times_s = _times_s(frames)
    left_out = {f"frame {index}": reason for index, frame in enumerate(frames) if (reason := _why_left_out(frame))}
    views = tuple(
        _view(f"frame {index}", frame, head, world, None if times_s is None else times_s[index])
        for index, frame in enumerate(frames)
        if f"frame {index}" not in left_out
    )
    conventions = (
        POSE_CONVENTION,
        f"Depth: 16-bit, {head.depth_shift:g} per metre, along +z, 0: not measured, with intrinsics of its own.",
        world.convention,
        "Time: of the colours, seconds." if times_s is not None else "Time: none, the file has none that increase.",
    )
    return Source(KIND, path, views, world_up=world.up, left_out=left_out, conventions=conventions)


def _read(file: BinaryIO, count: int, path: Path, what: str) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError(
            f"`{path}` must hold {what}, got {len(data)} of {count} bytes and the end of the file. It is truncated: "
            "copy or download it again."
        )
    return data


def _read_head(file: BinaryIO, path: Path) -> _Head:
    (version,) = struct.unpack("<I", _read(file, 4, path, "a version"))
    if version != VERSION:
        raise ValueError(
            f"`{path}` must be a .sens file of version {VERSION}, got version {version}. "
            "Convert it with the tools of its project; version 3 and before are not ScanNet's."
        )
    (length,) = struct.unpack("<Q", _read(file, 8, path, "the length of a name"))
    if length > MAX_NAME_BYTES:
        raise ValueError(
            f"`{path}` must have a sensor name of at most {MAX_NAME_BYTES} bytes, got {length}. The file is damaged."
        )
    _read(file, length, path, "the name of the sensor")
    values = HEAD.unpack(_read(file, HEAD.size, path, "the head before the first frame"))
    matrices = np.array(values[:64], dtype=np.float64).reshape(4, 4, 4)
    color_format, depth_format, *sizes, depth_shift, num_frames = values[64:]
    color_size_hw, depth_size_hw = (sizes[1], sizes[0]), (sizes[3], sizes[2])
    _check_formats(path, color_format, depth_format, depth_shift)
    for name, size_hw, extrinsics in (("color", color_size_hw, matrices[1]), ("depth", depth_size_hw, matrices[3])):
        check_pixel_count(size_hw, f"{name} size of {path}")
        check_extrinsics(extrinsics, f"{name} extrinsics of {path}")
    return _Head(
        color_format,
        depth_format,
        color_size_hw,
        depth_size_hw,
        read_camera(matrices[0], f"color intrinsics of {path}", color_size_hw),
        read_camera(matrices[2], f"depth intrinsics of {path}", depth_size_hw),
        depth_shift,
        num_frames,
    )


def _check_formats(path: Path, color_format: int, depth_format: int, depth_shift: float) -> None:
    if color_format not in COLOR_FORMATS:
        raise ValueError(
            f"`color compression of {path}` must be one of {COLOR_FORMATS}, got {color_format}. The file is damaged."
        )
    if depth_format == OCCI_DEPTH:
        raise ValueError(
            f"`depth compression of {path}` must be {RAW_DEPTH} (raw) or {ZLIB_DEPTH} (zlib), got {OCCI_DEPTH} "
            "(occi), which needs a library of Occipital. Convert it to zlib with sensorData.h on Windows."
        )
    if depth_format not in (RAW_DEPTH, ZLIB_DEPTH):
        raise ValueError(
            f"`depth compression of {path}` must be {RAW_DEPTH} (raw) or {ZLIB_DEPTH} (zlib), got {depth_format}. "
            "The file is damaged."
        )
    if not 1 <= depth_shift < math.inf:
        raise ValueError(
            f"`depth shift of {path}` must be stored numbers per metre, 1 or more, got {depth_shift:g}. "
            "The file is damaged, or its depth has no unit."
        )


def _read_frames(file: BinaryIO, path: Path, head: _Head) -> list[_Frame]:
    """Find the bytes of all frames, reading only their heads."""
    end = os.fstat(file.fileno()).st_size
    rest = end - file.tell()
    if head.num_frames > MAX_FRAMES or head.num_frames * FRAME.size > rest:
        raise ValueError(
            f"`{path}` must hold the {head.num_frames} frames that its head counts, at most {MAX_FRAMES} and each of "
            f"at least {FRAME.size} bytes, got {rest} bytes. It is truncated or damaged: copy or download it again."
        )
    frames = []
    for index in range(head.num_frames):
        which = f"frame {index} of {head.num_frames}"
        values = FRAME.unpack(_read(file, FRAME.size, path, f"the head of {which}"))
        color_count, depth_count = values[18:]
        _check_counts(f"{which} of {path}", head, color_count, depth_count)
        color = _Bytes(path, file.tell(), color_count, f"colours of {which}")
        depth = _Bytes(path, color.offset + color_count, depth_count, f"depth of {which}")
        if depth.offset + depth_count > end:
            raise ValueError(
                f"`{path}` must hold the {color_count} + {depth_count} bytes of {which}, got {end - color.offset}. It "
                "is truncated: copy or download it again."
            )
        file.seek(depth.offset + depth_count)
        frames.append(_Frame(np.array(values[:16]).reshape(4, 4), values[16], color, depth))
    _check_end(file, path, end)
    return frames


def _check_counts(where: str, head: _Head, color_count: int, depth_count: int) -> None:
    """Refuse numbers of bytes that no picture of the size in the head has."""
    for what, count, size_hw, raw_bytes in (
        ("colours", color_count, head.color_size_hw, 3 if head.color_format == RAW_COLOR else None),
        ("depth", depth_count, head.depth_size_hw, 2 if head.depth_format == RAW_DEPTH else None),
    ):
        pixels = math.prod(size_hw)
        most = pixels * MAX_BYTES_PER_PIXEL + MAX_BYTES_BESIDE if raw_bytes is None else pixels * raw_bytes
        if count > most or (raw_bytes is not None and count not in (0, most)):
            raise ValueError(
                f"`{what} of {where}` must have {'at most' if raw_bytes is None else '0 or'} {most} bytes for "
                f"{size_hw[1]}x{size_hw[0]} pixels, got {count}. The file is damaged: copy or download it again."
            )


def _check_end(file: BinaryIO, path: Path, end: int) -> None:
    """Refuse a file that does not end after the IMU samples: its number of frames or of bytes is wrong."""
    rest = end - file.tell()
    if rest == 0:
        return
    (count,) = struct.unpack("<Q", _read(file, 8, path, "the number of IMU samples after the last frame"))
    if rest != 8 + count * IMU_SAMPLE_BYTES:
        raise ValueError(
            f"`{path}` must end after {count} IMU samples of {IMU_SAMPLE_BYTES} bytes, got {rest - 8} bytes behind "
            "the last frame. It is truncated, or its number of frames is wrong: copy or download it again."
        )


def _times_s(frames: list[_Frame]) -> list[float] | None:
    times_us = [frame.time_us for frame in frames]
    increase = len(times_us) > 1 and all(one < other for one, other in pairwise(times_us))
    return [time_us * MICROSECONDS for time_us in times_us] if increase else None


def _why_left_out(frame: _Frame) -> str:
    if is_tracking_lost(frame.pose):
        return TRACKING_LOST
    return "" if frame.color.num_bytes else "it has no colours"


def _view(name: str, frame: _Frame, head: _Head, world: World, time_s: float | None) -> SourceView:
    check_pose(frame.pose, f"the pose of {name} in {frame.color.path}")
    depth = partial(
        _load_depth, frame.depth, format_=head.depth_format, size_hw=head.depth_size_hw, shift=head.depth_shift
    )
    return SourceView(
        name=name,
        load_image=partial(_load_color, frame.color, format_=head.color_format, size_hw=head.color_size_hw),
        intrinsics=head.color_intrinsics,
        load_depth=depth if frame.depth.num_bytes else None,
        depth_intrinsics=head.depth_intrinsics if frame.depth.num_bytes else None,
        camera_to_world=world.aligned_from_world @ frame.pose,
        time_s=time_s,
    )


def _load_bytes(place: _Bytes) -> bytes:
    with place.path.open("rb") as file:
        file.seek(place.offset)
        return _read(file, place.num_bytes, place.path, f"the {place.what}")


def _load_color(place: _Bytes, *, format_: int, size_hw: tuple[int, int]) -> Image.Image:
    data, name = _load_bytes(place), f"{place.what} in {place.path}"
    if format_ == RAW_COLOR:
        return Image.frombytes("RGB", (size_hw[1], size_hw[0]), data)
    try:
        opened = Image.open(BytesIO(data), formats=[COLOR_FORMATS[format_]])
    except (*DECODE_ERRORS, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(
            f"`{name}` must be a {COLOR_FORMATS[format_]} file, got {str(error)[:200]}. The file is damaged."
        ) from error
    if (opened.height, opened.width) != size_hw:
        raise ValueError(
            f"`{name}` must have {size_hw[1]}x{size_hw[0]} pixels, as the head of the file says, got "
            f"{opened.width}x{opened.height}. The file is damaged."
        )
    return load_image_rgb(opened, name, pixel_aligned=True)


def _load_depth(place: _Bytes, *, format_: int, size_hw: tuple[int, int], shift: float) -> np.ndarray:
    data, name = _load_bytes(place), f"{place.what} in {place.path}"
    expected = 2 * math.prod(size_hw)
    if format_ == ZLIB_DEPTH:
        data = _inflate(data, expected, name)
    if len(data) != expected:
        raise ValueError(
            f"`{name}` must have {expected} bytes for {size_hw[1]}x{size_hw[0]} pixels, got {len(data)}. "
            "The file is damaged."
        )
    stored = np.frombuffer(data, dtype="<u2").reshape(size_hw)
    return load_depth(stored, depth_scale=1 / shift, name=name).numpy()


def _inflate(data: bytes, expected: int, name: str) -> bytes:
    """Decompress, but never to more than one byte too many."""
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(data, expected + 1)
    except zlib.error as error:
        raise ValueError(f"`{name}` must be zlib data, got {error}. The file is damaged.") from error
    if not stream.eof and len(inflated) <= expected:
        raise ValueError(
            f"`{name}` must be complete zlib data, got its beginning, {len(inflated)} of {expected} bytes. "
            "The file is damaged."
        )
    return inflated
