# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, sparse models of COLMAP as text: `.txt` files -> cameras, images and points.

    cameras.txt     CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]
    images.txt      two lines per image: IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME
                    and POINTS2D[] as X Y POINT3D_ID (-1 for none), which may be empty
    points3D.txt    POINT3D_ID X Y Z R G B ERROR TRACK[] as IMAGE_ID POINT2D_IDX

Lines that start with # are comments, but the count in "# Number of images: 2" must hold where there is one: a file
that lost its last lines looks complete otherwise. Keypoints are long, so only where their line stands is remembered.

Sources: COLMAP, doc/format.rst, src/colmap/scene/reconstruction_io_text.cc.

May import: the standard library, NumPy, and siblings in `inputs`.
"""

import re
import reprlib
from collections.abc import Iterator, Sequence
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


MAX_LINE_BYTES = 64 * 1024 * 1024
MAX_NUMBER_DIGITS = 19
ANNOUNCED = re.compile(rb"#\s*Number of (?:cameras|images|points):\s*([0-9]{1,19})\b")


def read_cameras_text(path: Path) -> list[ColmapCamera]:
    """Read `cameras.txt`.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `list[ColmapCamera]`: As they stand there.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If a line is bad or the count is another; the message names file and line.
    """
    models = {name: (name, words) for name, words in CAMERA_MODELS.values()}
    cameras, lines = [], _Lines(path)
    for where, _, line in lines:
        words = line.split()
        model = models.get(words[1].decode("ascii", "replace")) if len(words) > 4 else None
        if model is None:
            raise ValueError(
                f"`{where}` must be CAMERA_ID MODEL WIDTH HEIGHT PARAMS[] with a model that is known, got "
                f"{reprlib.repr(line)}. Repair the line, or convert the model to PINHOLE (`image_undistorter`)."
            )
        number, width, height = (_whole(word, where) for word in (words[0], words[2], words[3]))
        cameras.append(make_camera(number, model, (height, width), _numbers(words[4:], where).tolist(), where))
    lines.check_count(len(cameras))
    return cameras


def read_images_text(path: Path) -> list[ColmapImage]:
    """Read `images.txt` without its keypoints.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `list[ColmapImage]`: As they stand there.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If a line is bad or the count is another; the message names file and line.
    """
    images, lines = [], _Lines(path)
    for where, _, line in lines:
        words = line.split(maxsplit=9)
        if len(words) != 10:
            raise ValueError(
                f"`{where}` must be IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, got {reprlib.repr(line)}. "
                "An image has two lines; where it has no keypoints, the second is empty."
            )
        number, camera = _whole(words[0], where), _whole(words[8], where)
        pose = make_pose(_numbers(words[1:8], where).tolist(), f"{where}, image {number}")
        offset, keypoints = lines.take_any()
        points = _keypoint_words(keypoints, f"{where}, image {number}, next line")[2::3]
        num_observed = sum(point != b"-1" for point in points)
        name = decode_name(words[9], f"{where} NAME")
        images.append(ColmapImage(number, name, camera, pose, offset, len(points), num_observed))
    lines.check_count(len(images))
    return images


def _keypoint_words(line: bytes, where: str) -> list[bytes]:
    words = line.split()
    if len(words) % 3:
        raise ValueError(
            f"`{where}` must be keypoints of X Y POINT3D_ID, got {len(words)} words: {reprlib.repr(line[:200])}. "
            "An image has two lines; where it has no keypoints, the second is empty."
        )
    return words


def read_keypoints_text(path: Path, image: ColmapImage) -> tuple[np.ndarray, np.ndarray]:
    """Read the keypoints of an image.

    Args:
        path (`Path`):
            Of `images.txt`.
        image (`ColmapImage`):
            From there.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: Positions of shape `(N, 2)`, pixels, the centre of the first at (0.5, 0.5),
        and ids of their points of shape `(N,)`, -1 for none.

    Raises:
        ValueError: If a word is no number, or the file has changed.
    """
    where = f"{path} keypoints of image {image.number}"
    with path.open("rb") as file:
        file.seek(image.offset)
        words = file.readline(MAX_LINE_BYTES).split()
    if len(words) != 3 * image.num_keypoints:
        raise ValueError(
            f"`{where}` must be {image.num_keypoints}, got {len(words)} words: the file has changed since it was "
            "opened. Open it again."
        )
    points = [NO_POINT if word == b"-1" else _whole(word, where) for word in words[2::3]]
    x, y = _numbers(words[0::3], where), _numbers(words[1::3], where)
    return np.stack((x, y), axis=1), np.array(points, dtype=np.int64)


def read_points_text(path: Path) -> ColmapPoints:
    """Read `points3D.txt` without colours and tracks.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `ColmapPoints`: All points.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If a line is bad or the count is another; the message names file and line.
    """
    numbers, positions, lines = [], [], _Lines(path)
    for where, _, line in lines:
        words = line.split(maxsplit=8)
        if len(words) < 8:
            raise ValueError(
                f"`{where}` must be POINT3D_ID X Y Z R G B ERROR TRACK[], got {reprlib.repr(line)}. Repair the line."
            )
        numbers.append(_whole(words[0], where))
        positions.append(_numbers(words[1:4], where))
    lines.check_count(len(numbers))
    return make_points(np.array(numbers, dtype=np.int64), np.array(positions).reshape(-1, 3), str(path))


def _numbers(words: Sequence[bytes], where: str) -> np.ndarray:
    try:
        return np.array([float(word) for word in words])
    except ValueError as error:
        raise ValueError(f"`{where}` must have numbers, got {reprlib.repr(words)}. Repair the line.") from error


def _whole(word: bytes, where: str) -> int:
    value = int(word) if word.isdigit() and len(word) <= MAX_NUMBER_DIGITS else np.iinfo(np.int64).max + 1
    if value > np.iinfo(np.int64).max:
        raise ValueError(f"`{where}` must have a whole number, got {reprlib.repr(word)}. Repair the line.")
    return value


class _Lines:
    """Lines of a file that say something, one after the other, each with file and line, and where it starts."""

    def __init__(self, path: Path):
        if not path.is_file():
            raise FileNotFoundError(f"`{path}` must be a file of a COLMAP model, got none there. Restore it.")
        self.path = path
        self.number = 0
        self.announced: int | None = None
        self._lines = self._read()

    def _read(self) -> Iterator[tuple[int, bytes]]:
        offset = 0
        with self.path.open("rb") as file:
            while line := file.readline(MAX_LINE_BYTES):
                self.number += 1
                if len(line) == MAX_LINE_BYTES:
                    raise ValueError(
                        f"`{self.path} line {self.number}` must be shorter than {MAX_LINE_BYTES} bytes, got more. "
                        "Is it a text file?"
                    )
                yield offset, line.strip()
                offset += len(line)

    def __iter__(self) -> Iterator[tuple[str, int, bytes]]:
        for offset, line in self._lines:
            if line.startswith(b"#"):
                found = ANNOUNCED.match(line)
                self.announced = int(found[1]) if found else self.announced
            elif line:
                yield f"{self.path} line {self.number}", offset, line

    def take_any(self) -> tuple[int, bytes]:
        """Read the next line, which may be empty or missing at the end of the file."""
        return next(self._lines, (0, b""))

    def check_count(self, count: int) -> None:
        if self.announced not in (None, count):
            raise ValueError(
                f"`{self.path}` must have {self.announced} entries, as its comment announces, got {count}: it is "
                "truncated or was edited. Export it again, or correct the comment."
            )
