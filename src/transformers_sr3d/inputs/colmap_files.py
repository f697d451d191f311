# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, files of COLMAP: sparse models, in binary or as text, and dense depth maps.

A model in a folder is `cameras`, `images` and `points3D`, all `.bin` or all `.txt`; where both are there, COLMAP takes
the binary ones. Since 3.12 it writes `rigs` and `frames` beside them, and the pose of each image that follows from
these into `images` as before ("fully compatible with old outputs"), so they are not read.

A dense depth map is "width&height&channels&" in ASCII, then little-endian f32, row by row.

Sources: COLMAP, doc/format.rst, src/colmap/mvs/mat.h.

May import: the standard library, NumPy, the check of picture sizes, and siblings in `inputs`.
"""

import os
import re
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from transformers_sr3d.depth_files_sr3d import MIN_MEASURED_PIXELS
from transformers_sr3d.input_checks_sr3d import check_pixel_count
from transformers_sr3d.inputs.colmap_binary import (
    read_cameras_binary,
    read_images_binary,
    read_keypoints_binary,
    read_points_binary,
)
from transformers_sr3d.inputs.colmap_model import NO_POINT, ColmapCamera, ColmapImage, ColmapPoints, check_unique
from transformers_sr3d.inputs.colmap_text import (
    read_cameras_text,
    read_images_text,
    read_keypoints_text,
    read_points_text,
)


SUFFIXES = (".bin", ".txt")  # in the order of COLMAP's preference
CAMERAS, IMAGES, POINTS = "cameras", "images", "points3D"
ARRAY_HEAD = re.compile(rb"([0-9]{1,9})&([0-9]{1,9})&([0-9]{1,9})&")
MAX_HEAD_BYTES = 64


def model_suffix(folder: Path) -> str | None:
    """Tell how a folder stores a model.

    Args:
        folder (`Path`):
            Anything.

    Returns:
        `str`, *optional*: `".bin"` or `".txt"`; None if it has no model.
    """
    return next((suffix for suffix in SUFFIXES if _has_model(folder, suffix)), None)


def _has_model(folder: Path, suffix: str) -> bool:
    return all(os.path.isfile(folder / f"{name}{suffix}") for name in (CAMERAS, IMAGES))


def read_cameras(path: Path) -> dict[int, ColmapCamera]:
    """Read the cameras of a model.

    Args:
        path (`Path`):
            `cameras.bin` or `cameras.txt`.

    Returns:
        `dict[int, ColmapCamera]`: By id.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is bad.
    """
    cameras = read_cameras_binary(path) if path.suffix == ".bin" else read_cameras_text(path)
    check_unique([camera.number for camera in cameras], "camera", str(path))
    return {camera.number: camera for camera in cameras}


def read_images(path: Path) -> list[ColmapImage]:
    """Read the images of a model, without their keypoints.

    Args:
        path (`Path`):
            `images.bin` or `images.txt`.

    Returns:
        `list[ColmapImage]`: As they stand there.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is bad.
    """
    images = read_images_binary(path) if path.suffix == ".bin" else read_images_text(path)
    check_unique([image.number for image in images], "image", str(path))
    check_unique([image.name for image in images], "image called", str(path))
    return images


def sparse_depth_loader(path: Path, image: ColmapImage, size_hw: tuple[int, int]) -> Callable[[], np.ndarray]:
    """Make a depth map of the points that an image observes, when it is asked for.

    A point counts at the pixel of its keypoint, with its z in the camera; where several share a pixel, the nearest
    counts. Points behind the camera, and keypoints that undistortion moved out of the picture, are not measured.

    Args:
        path (`Path`):
            `images.bin` or `images.txt`, beside the points.
        image (`ColmapImage`):
            From there.
        size_hw (`tuple[int, int]`):
            Rows and columns of the picture.

    Returns:
        `Callable[[], np.ndarray]`: Loads it as `(h, w)`, float32, 0 where not measured; raises a `ValueError` that
        names file and image if a point is missing or hardly any is measured.
    """
    return partial(_load_sparse, path, image, size_hw)


def _load_sparse(path: Path, image: ColmapImage, size_hw: tuple[int, int]) -> np.ndarray:
    read_keypoints = read_keypoints_binary if path.suffix == ".bin" else read_keypoints_text
    keypoints, points = read_keypoints(path, image)
    observed = points != NO_POINT
    keypoints, where = keypoints[observed], f"{path} image {image.number}"
    if not np.isfinite(keypoints).all():
        raise ValueError(f"`{where}` must have finite keypoints, got others. Export the model again.")
    positions = _find_points(path.with_name(f"{POINTS}{path.suffix}"), points[observed], where)
    z = positions @ image.world_to_camera[2, :3] + image.world_to_camera[2, 3]
    height, width = size_hw
    # The centre of the first pixel is (0.5, 0.5) and its corner (0, 0), so the whole part is the index.
    inside = (keypoints >= 0).all(axis=1) & (keypoints < [width, height]).all(axis=1) & (z > 0)
    columns, rows = keypoints[inside].astype(np.int64).T
    depth = np.full(size_hw, np.inf, dtype=np.float32)
    np.minimum.at(depth, (rows, columns), z[inside].astype(np.float32))
    depth[np.isinf(depth)] = 0
    measured = int(np.count_nonzero(depth))
    if measured < MIN_MEASURED_PIXELS:
        raise ValueError(
            f"`{where}` must observe points in at least {MIN_MEASURED_PIXELS} pixels of its picture, got {measured}. "
            "Leave this view out, or pass `sparse_depth=False`."
        )
    return depth


def _find_points(path: Path, numbers: np.ndarray, where: str) -> np.ndarray:
    """Positions of points by id."""
    status = path.stat()
    points = _read_points(path, status.st_size, status.st_mtime_ns)
    places = np.searchsorted(points.numbers, numbers)
    known = places < len(points.numbers)
    known[known] = points.numbers[places[known]] == numbers[known]
    if not known.all():
        raise ValueError(
            f"`{where}` must observe points of {path}, got point {numbers[~known][0]} and {int((~known).sum()) - 1} "
            "more that are not there. The files do not belong together: export the model again."
        )
    return points.positions[places]


@lru_cache(maxsize=2)
def _read_points(path: Path, _size: int, _changed_ns: int) -> ColmapPoints:
    """Points of a file as it is now; the views of a source all ask for the same ones."""
    return read_points_binary(path) if path.suffix == ".bin" else read_points_text(path)


def dense_depth_loader(path: Path) -> Callable[[], np.ndarray]:
    """Load a dense depth map when it is asked for.

    Args:
        path (`Path`):
            `stereo/depth_maps/*.bin`.

    Returns:
        `Callable[[], np.ndarray]`: Loads it as `(h, w)`, float32, 0 where not measured; raises a `ValueError` that
        names it if it is bad.
    """
    return partial(_load_dense, path)


def _load_dense(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        head = ARRAY_HEAD.match(file.read(MAX_HEAD_BYTES))
        if head is None:
            raise ValueError(
                f"`{path}` must start with width&height&channels&, got something else. Run `patch_match_stereo` again."
            )
        width, height, channels = map(int, head.groups())
        check_pixel_count((height, width), str(path))
        expected, size = head.end() + 4 * width * height, os.fstat(file.fileno()).st_size
        if channels != 1 or size != expected:
            raise ValueError(
                f"`{path}` must be 1 channel of {width}x{height} numbers in {expected} bytes, as its head says, got "
                f"{channels} in {size} bytes. It is truncated, or no depth map: run `patch_match_stereo` again."
            )
        file.seek(head.end())
        depth = np.frombuffer(file.read(4 * width * height), dtype="<f4").reshape(height, width)
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)
