# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, sparse models of COLMAP in binary: `.bin` files -> cameras, images and points; all little-endian.

    cameras.bin     u64 count; each: u32 id, i32 model, u64 width, u64 height, f64 parameters of the model
    images.bin      u64 count; each: u32 id, f64 qw qx qy qz tx ty tz, u32 camera, name and a zero byte,
                    u64 count; each: f64 x, f64 y, u64 point, 2^64 - 1 for none
    points3D.bin    u64 count; each: u64 id, f64 x y z, u8 red green blue, f64 error,
                    u64 count; each: u32 image, u32 number of the keypoint

Every count is checked against what is left of the file before anything of that size is made. The keypoints of images
are long, so only where they stand is remembered, and they are read when they are asked for.

Source: COLMAP, src/colmap/scene/reconstruction_io_binary.cc.

May import: the standard library, NumPy, and siblings in `inputs`.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from transformers_sr3d.inputs.colmap_model import (
    CAMERA_MODELS,
    NO_POINT,
    ColmapCamera,
    ColmapImage,
    ColmapPoints,
    decode_name,
    make_camera,
    make_points,
    make_pose,
)


MAX_NAME_BYTES = 4096
COUNT = struct.Struct("<Q")
CAMERA_HEAD, IMAGE_HEAD, POINT_HEAD = struct.Struct("<IiQQ"), struct.Struct("<I7dI"), struct.Struct("<Q3d3Bd")
# 2^64 - 1 reads as -1.
KEYPOINT = np.dtype([("xy", "<f8", 2), ("point", "<i8")])
TRACK_ENTRY_BYTES = 8


def read_cameras_binary(path: Path) -> list[ColmapCamera]:
    """Read `cameras.bin`.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `list[ColmapCamera]`: As they stand there.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is truncated, goes on, or has an unknown model; the message names file and id.
    """
    cameras = []
    with _open(path) as file:
        for index in range(file.take_count(CAMERA_HEAD.size, "cameras", "the model")):
            number, model, width, height = file.take(CAMERA_HEAD, f"camera number {index}")
            where = f"{path} camera {number}"
            if model not in CAMERA_MODELS:
                raise ValueError(
                    f"`{where}` must have a model from 0 to {max(CAMERA_MODELS)}, got {model}: the file is damaged or "
                    "of a later version. Convert the model to PINHOLE (`image_undistorter`)."
                )
            layout = struct.Struct(f"<{len(CAMERA_MODELS[model][1].split())}d")
            parameters = file.take(layout, f"the parameters of camera {number}")
            cameras.append(make_camera(number, CAMERA_MODELS[model], (height, width), parameters, where))
        file.check_end(f"{len(cameras)} cameras")
    return cameras


def read_images_binary(path: Path) -> list[ColmapImage]:
    """Read `images.bin` without its keypoints.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `list[ColmapImage]`: As they stand there.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is truncated, goes on, or has a bad pose; the message names file and id.
    """
    images = []
    with _open(path) as file:
        for index in range(file.take_count(IMAGE_HEAD.size + 1 + COUNT.size, "images", "the model")):
            number, *pose, camera = file.take(IMAGE_HEAD, f"image number {index}")
            name = file.take_text(f"the name of image {number}")
            num_keypoints = file.take_count(KEYPOINT.itemsize, "keypoints", f"image {number}")
            offset = file.skip(num_keypoints * KEYPOINT.itemsize, f"the keypoints of image {number}")
            world_to_camera = make_pose(pose, f"{path} image {number}")
            num_observed = _count_observed(file.content, offset, num_keypoints)
            images.append(ColmapImage(number, name, camera, world_to_camera, offset, num_keypoints, num_observed))
        file.check_end(f"{len(images)} images")
    return images


def _count_observed(content: bytes | mmap.mmap, offset: int, count: int) -> int:
    if not count:
        return 0
    return int(np.count_nonzero(np.frombuffer(content, KEYPOINT, count, offset)["point"] != NO_POINT))


def read_keypoints_binary(path: Path, image: ColmapImage) -> tuple[np.ndarray, np.ndarray]:
    """Read the keypoints of an image.

    Args:
        path (`Path`):
            Of `images.bin`.
        image (`ColmapImage`):
            From there.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: Positions of shape `(N, 2)`, pixels, the centre of the first at (0.5, 0.5),
        and ids of their points of shape `(N,)`, -1 for none.

    Raises:
        ValueError: If the file has become shorter.
    """
    found = np.fromfile(path, KEYPOINT, image.num_keypoints, offset=image.offset)
    if len(found) != image.num_keypoints:
        raise ValueError(
            f"`{path}` must have {image.num_keypoints} keypoints of image {image.number}, got {len(found)}: it has "
            "changed since it was opened. Open it again."
        )
    return found["xy"], found["point"]


def read_points_binary(path: Path) -> ColmapPoints:
    """Read `points3D.bin` without colours and tracks.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `ColmapPoints`: All points.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is truncated, goes on, or has a bad point; the message names file and id.
    """
    with _open(path) as file:
        count = file.take_count(POINT_HEAD.size + COUNT.size, "points", "the model")
        numbers, positions = np.empty(count, dtype=np.int64), np.empty((count, 3))
        for index in range(count):
            number, *values = file.take(POINT_HEAD, f"point number {index}")
            numbers[index], positions[index] = min(number, np.iinfo(np.int64).max), values[:3]
            length = file.take_count(TRACK_ENTRY_BYTES, "track entries", f"point {number}")
            file.skip(length * TRACK_ENTRY_BYTES, f"the track of point {number}")
        file.check_end(f"{count} points")
    return make_points(numbers, positions, str(path))


class _BinaryFile:
    """Values of a file, one after the other; each is checked against the end of the file."""

    def __init__(self, path: Path, content: bytes | mmap.mmap):
        self.path = path
        self.content = content
        self.offset = 0

    def skip(self, num_bytes: int, where: str) -> int:
        """Pass over bytes that must be there, and tell where they start."""
        start, left = self.offset, len(self.content) - self.offset
        if num_bytes > left:
            raise ValueError(
                f"`{self.path}` must have {num_bytes} bytes at {start} for {where}, got {left} up to its end: it is "
                "truncated or of another version. Copy or export it again."
            )
        self.offset += num_bytes
        return start

    def take(self, layout: struct.Struct, where: str) -> tuple:
        return layout.unpack_from(self.content, self.skip(layout.size, where))

    def take_count(self, num_bytes: int, what: str, whose: str) -> int:
        """Read how many entries of at least so many bytes follow; the rest of the file must have room for them."""
        (count,) = self.take(COUNT, f"the number of {what} of {whose}")
        left = len(self.content) - self.offset
        if count * num_bytes > left:
            raise ValueError(
                f"`{self.path}` must hold the {count} {what} of {whose} that it announces, got {left} bytes up to its "
                f"end, enough for {left // num_bytes}: it is truncated or of another kind. Copy or export it again."
            )
        return count

    def take_text(self, where: str) -> str:
        """Read text up to a zero byte."""
        end = self.content.find(b"\0", self.offset, self.offset + MAX_NAME_BYTES)
        if end < 0:
            raise ValueError(
                f"`{self.path}` must have a zero byte within {MAX_NAME_BYTES} bytes from {self.offset} for {where}, "
                "got none: it is truncated or of another version. Copy or export it again."
            )
        start = self.skip(end + 1 - self.offset, where)
        return decode_name(self.content[start:end], f"{self.path} {where}")

    def check_end(self, what: str) -> None:
        """Refuse a file that goes on."""
        left = len(self.content) - self.offset
        if left:
            raise ValueError(
                f"`{self.path}` must end after {what}, got {left} bytes more: counts and content disagree. "
                "Export it again."
            )


@contextmanager
def _open(path: Path) -> Iterator[_BinaryFile]:
    """Map a file, without loading it."""
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be a file of a COLMAP model, got none there. Restore it.")
    if path.stat().st_size == 0:  # which cannot be mapped
        yield _BinaryFile(path, b"")
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield _BinaryFile(path, content)
