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
"""Stage 0 of 5, region masks: box, polygon, point or COCO run lengths in one picture -> boolean mask.

Boxes and polygons are in pixel edges (`[0, 0, W, H]` is the whole picture) and own the pixels whose centre they hold;
points are in pixel centres (the top-left centre is `(0, 0)`). Run lengths are decoded in NumPy, so that no C extension
is needed. The price of edges: a box thinner than a pixel may hold no centre and is refused.

This file is copied to the Hub next to the weights: it may import only NumPy and sibling `*_sr3d` files.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .input_checks_sr3d import check_keys, check_pixel_count, describe_value, to_array


# Boxes and polygons may exceed the picture by this much (rounding of the tool that drew them); they are clipped.
EDGE_TOLERANCE_PX = 0.5
POINT_RADIUS_SHARE, MIN_POINT_RADIUS_PX = 0.02, 3.0
# Edges of a polygon that are rasterised at once; bounds the memory.
EDGES_PER_CHUNK = 512


def decode_rle(rle: Mapping[str, Any], name: str = "mask") -> np.ndarray:
    """Decode COCO run lengths: columns first, runs of zeros and ones in turn, starting with zeros.

    Args:
        rle (`Mapping`):
            `{"size": [height, width], "counts": ...}` with counts as a list of integers (uncompressed), or as the
            compressed `str` or `bytes` that pycocotools writes.
        name (`str`, defaults to `"mask"`):
            How messages call it.

    Returns:
        `np.ndarray` of shape `(H, W)`, boolean.

    Raises:
        TypeError: If `rle` is no dictionary or its values are of a wrong type.
        ValueError: If keys are missing, or the counts are damaged or do not fill the mask.

    Source: `rleFrString` and `rleDecode` of the COCO API (maskApi.c).
    """
    check_keys(rle, name, required=("size", "counts"))
    size = to_array(rle["size"], f"{name}['size']")
    if size.shape != (2,) or size.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}['size']` must be two integers (height, width), got {describe_value(rle['size'])}. "
            "Rows come first."
        )
    height, width = (int(side) for side in size)
    check_pixel_count((height, width), name)
    counts = rle["counts"]
    if isinstance(counts, str | bytes):
        runs = _decompress_counts(counts, name)
    else:
        runs = to_array(counts, f"{name}['counts']")
        if runs.ndim != 1 or (runs.size and runs.dtype.kind not in "iu"):
            raise TypeError(
                f"`{name}['counts']` must be a string or a flat list of integers, got {describe_value(counts)}. "
                "Pass it as pycocotools or COCO wrote it."
            )
    total = int(runs.astype(object).sum()) if runs.size else 0
    if (runs < 0).any() or total != height * width:
        raise ValueError(
            f"`{name}['counts']` must be runs that fill {height}x{width} = {height * width} pixels, got a sum of "
            f"{total} in {runs.size} runs. The string is damaged, or the size belongs to "
            "another picture (rows come first)."
        )
    values = np.arange(runs.size) % 2 == 1
    return np.repeat(values, runs.astype(np.int64)).reshape(width, height).T


def _decompress_counts(counts: str | bytes, name: str) -> np.ndarray:
    """Undo COCO's text code: groups of 5 bits, low bits first, and differences to the run before last."""
    text = counts.encode("ascii", errors="backslashreplace") if isinstance(counts, str) else counts
    is_ascii = counts.isascii()
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    ends = (codes & 0x20) == 0
    if not is_ascii or not codes.size or codes.min() < 0 or codes.max() > 63 or not ends[-1]:
        raise ValueError(
            f"`{name}['counts']` must be a complete COCO run-length string, got {text[:40]!r} with {len(text)} "
            "characters. It is cut off or no COCO code; pass it as pycocotools wrote it."
        )
    starts = np.flatnonzero(np.concatenate(([True], ends[:-1])))
    lengths = np.diff(np.append(starts, codes.size))
    if lengths.max() > 7:
        raise ValueError(
            f"`{name}['counts']` must have runs of at most 7 characters, got one of {lengths.max()}. "
            "The string is damaged; pass it as pycocotools wrote it."
        )
    place = np.arange(codes.size) - np.repeat(starts, lengths)
    runs = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    runs -= np.where(codes[ends] & 0x10, np.int64(1) << (5 * lengths), 0)
    # From the fourth run on the code holds the difference to the run two places earlier.
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def box_mask(box_xyxy: Sequence[float], size_hw: tuple[int, int], name: str = "box_xyxy") -> np.ndarray:
    """Mark the pixels whose centre lies in a box.

    Args:
        box_xyxy (`Sequence[float]`):
            Left, top, right, bottom in pixel edges: `[0, 0, W, H]` is the whole picture.
        size_hw (`tuple[int, int]`):
            Pixels of the picture, rows first.
        name (`str`, defaults to `"box_xyxy"`):
            How messages call it.

    Returns:
        `np.ndarray` of shape `(H, W)`, boolean.

    Raises:
        TypeError: If it holds no numbers.
        ValueError: If it is not four finite numbers, inverted, normalised, or outside the picture.
    """
    box = _finite_numbers(box_xyxy, name, (4,))
    height, width = size_hw
    left, top, right, bottom = box.tolist()
    if right <= left or bottom <= top:
        raise ValueError(
            f"`{name}` must be (left, top, right, bottom) with left < right and top < bottom, got {box.tolist()}. "
            "A box written as (x, y, width, height) becomes (x, y, x + width, y + height)."
        )
    if box.max() <= 1 and min(height, width) > 4:
        raise ValueError(
            f"`{name}` must be in pixels of a {width}x{height} picture, got {box.tolist()}, which looks normalised. "
            "Multiply x by the width and y by the height."
        )
    _check_inside(box.reshape(2, 2), size_hw, name)
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    return ((rows >= top) & (rows < bottom))[:, None] & ((columns >= left) & (columns < right))[None, :]


def point_mask(point_xy: Sequence[float], size_hw: tuple[int, int], name: str = "point_xy") -> np.ndarray:
    """Mark a disc around a point: 2 % of the longer side, at least 3 pixels.

    Args:
        point_xy (`Sequence[float]`):
            Column and row; integer values are pixel centres.
        size_hw (`tuple[int, int]`):
            Pixels of the picture, rows first.
        name (`str`, defaults to `"point_xy"`):
            How messages call it.

    Returns:
        `np.ndarray` of shape `(H, W)`, boolean.

    Raises:
        TypeError: If it holds no numbers.
        ValueError: If it is not two finite numbers inside the picture.
    """
    point = _finite_numbers(point_xy, name, (2,))
    height, width = size_hw
    x, y = point.tolist()
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise ValueError(
            f"`{name}` must lie inside the {width}x{height} picture, got {point.tolist()}. "
            "Pass (column, row) in pixels of the image as given."
        )
    radius = max(MIN_POINT_RADIUS_PX, POINT_RADIUS_SHARE * max(height, width))
    return (np.arange(height)[:, None] - y) ** 2 + (np.arange(width)[None, :] - x) ** 2 <= radius**2


def polygon_mask(polygon: Sequence[Any], size_hw: tuple[int, int], name: str = "polygon") -> np.ndarray:
    """Mark the pixels whose centre lies inside a polygon (even-odd rule), or inside any of several.

    Args:
        polygon (`Sequence`):
            Vertices `[(x, y), ...]` in pixel edges, the flat COCO form `[x0, y0, x1, y1, ...]`, or a list of several
            rings in either form, whose union is meant (rings cut no holes, as in COCO; pass a mask for those).
        size_hw (`tuple[int, int]`):
            Pixels of the picture, rows first.
        name (`str`, defaults to `"polygon"`):
            How messages call it.

    Returns:
        `np.ndarray` of shape `(H, W)`, boolean.

    Raises:
        TypeError: If it holds no numbers, or is one number.
        ValueError: If a ring has fewer than 3 vertices or a wrong shape, or lies outside the picture.
    """
    mask = np.zeros(size_hw, dtype=bool)
    for ring in _rings(polygon, name):
        _check_inside(ring, size_hw, name)
        mask |= _rasterise_ring(ring, size_hw)
    return mask


def _rings(polygon: Any, name: str) -> list[np.ndarray]:
    """Bring every accepted way of writing polygons to a list of `(N, 2)` arrays."""
    whole = polygon if isinstance(polygon, list | tuple) else to_array(polygon, name)
    if not isinstance(whole, list | tuple) and whole.ndim == 0:
        raise TypeError(
            f"`{name}` must be a list of vertices, got {describe_value(polygon)}. Pass [(x, y), ...] in pixels."
        )
    entries = [to_array(entry, name) for entry in whole]
    if not entries:
        raise ValueError(f"`{name}` must have at least 3 vertices, got none. Pass [(x, y), ...] in pixels.")
    if all(entry.ndim == 0 for entry in entries) or all(entry.shape == (2,) for entry in entries):
        return [_ring(np.array(entries), name)]
    # Too short for a ring: a vertex among rings, or numbers that are not even a vertex.
    short = [index for index, entry in enumerate(entries) if entry.ndim < 2 and entry.size < 6]
    if short:
        odd = next((index for index in short if entries[index].shape != (2,)), short[0])
        raise ValueError(
            f"`{name}` must hold vertices (x, y), or rings of at least 3 of them, got numbers of shape "
            f"{entries[odd].shape} as entry {odd} of {len(entries)}. Pass [(x, y), ...] in pixels."
        )
    if all(entry.shape == (1, 2) for entry in entries):
        _refuse_opencv((len(entries), 1, 2), name)
    return [_ring(entry, name) for entry in entries]


def _refuse_opencv(shape: tuple[int, ...], name: str) -> None:
    raise ValueError(
        f"`{name}` must have vertices of shape (N, 2), got {shape}, a contour of OpenCV. "
        "Pass `contour.squeeze(1)` instead."
    )


def _ring(ring: np.ndarray, name: str) -> np.ndarray:
    array = ring.astype(np.float64)
    if array.ndim == 3 and array.shape[1:] == (1, 2):
        _refuse_opencv(array.shape, name)
    if array.ndim == 1 and array.size % 2 == 0:
        array = array.reshape(-1, 2)
    if array.ndim != 2 or array.shape[1] != 2 or array.shape[0] < 3:
        raise ValueError(
            f"`{name}` must have at least 3 vertices (x, y), got numbers of shape {array.shape}. "
            "Pass [(x, y), ...] or the flat [x0, y0, x1, y1, ...] in pixels."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"`{name}` must hold finite numbers, got NaN or infinity. Check how it was made.")
    return array


def _rasterise_ring(ring: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Even-odd rule on pixel centres: count the edges crossed to the left of each centre, row by row."""
    height, width = size_hw
    rows = np.arange(height) + 0.5
    crossings = np.zeros((height, width + 1), dtype=np.int32)
    following = np.roll(ring, -1, axis=0)
    for first in range(0, len(ring), EDGES_PER_CHUNK):
        (x0, y0), (x1, y1) = ring[first : first + EDGES_PER_CHUNK].T, following[first : first + EDGES_PER_CHUNK].T
        edge, row = np.nonzero((y0[:, None] <= rows) != (y1[:, None] <= rows))
        crossing_x = x0[edge] + (rows[row] - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
        # The first pixel whose centre is not left of the crossing.
        column = np.clip(np.ceil(crossing_x - 0.5), 0, width).astype(np.int64)
        np.add.at(crossings, (row, column), 1)
    return np.cumsum(crossings, axis=1)[:, :width] % 2 == 1


def _finite_numbers(value: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = to_array(value, name).astype(np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"`{name}` must be {shape[0]} finite numbers, got {describe_value(value)}. Pass pixels.")
    return array


def _check_inside(vertices: np.ndarray, size_hw: tuple[int, int], name: str) -> None:
    height, width = size_hw
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    if min(low) < -EDGE_TOLERANCE_PX or high[0] > width + EDGE_TOLERANCE_PX or high[1] > height + EDGE_TOLERANCE_PX:
        raise ValueError(
            f"`{name}` must lie inside the {width}x{height} picture, got x from {low[0]:g} to {high[0]:g} and y from "
            f"{low[1]:g} to {high[1]:g}. Clip it, and pass pixels of the image as given (not of a resized one)."
        )
