# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Occlusion and cut-off: a sample + random numbers -> it seen past a hand or pole, or through a smaller window.

Both keep every region answerable: a cover or window that leaves less than `MIN_KEPT_SHARE` of the pixels of a mark is
drawn again, and after some tries the view stays as it was. The price: views full of small regions change less often.

May import: NumPy and siblings in `rooms`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transformers_sr3d.camera_matrices_sr3d import PRINCIPAL_POINT_SHARES
from transformers_sr3d.rooms.degradations.depth_errors import smooth_field
from transformers_sr3d.rooms.degradations.plain_samples import read_marks, read_sample, with_depths


MIN_KEPT_SHARE = 0.6
TRIES = 8
COVER_DEPTH_M = (0.3, 0.6)
# Where depth has no unit, the cover stands at this share of the nearest measured depth.
COVER_SHARE_OF_NEAREST = (0.4, 0.9)
POLE_WIDTH_SHARE = (0.04, 0.12)
BLOB_RADIUS_SHARE = (0.12, 0.30)
WINDOW_SHARE = (0.60, 0.95)
# Inside of what the processor accepts, so that rounding to whole pixels never leaves it.
PRINCIPAL_POINT_MARGIN = 0.02


def cover_views(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Hold something in front of every camera: a pole, or a blob that reaches in from the border.

    It hides picture and depth wherever it is nearer, and the pixels of masks; boxes, polygons and points stay, as a
    user would draw them around what is partly hidden.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample; regions are marked in pictures.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample. The cover is 0.3 to 0.6 m away, or nearer than all else where depth has no unit.

    Raises:
        ValueError: If the sample cannot be read, or has a region that is a 3D box.
    """
    plain = read_sample(sample)
    marks = read_marks(plain)
    images, depths = list(plain["images"]), list(plain.get("depths", [None] * len(plain["images"])))
    covers = []
    for view, (image, depth) in enumerate(zip(images, depths, strict=True)):
        cover_depth = _cover_depth(image.shape[:2], depth, relative="depth_kind" in plain, rng=rng)
        cover = _draw_cover(image.shape[:2], _marks_of(marks, view), rng)
        if depth is not None:
            cover &= (depth == 0) | (depth > cover_depth)
            depths[view] = np.where(cover, cover_depth, depth)
        images[view] = np.where(cover[..., None], _cover_colors(image.shape[:2], rng), image)
        covers.append(cover)
    covered = with_depths(plain | {"images": images}, depths) if "depths" in plain else plain | {"images": images}
    if "regions" in plain:
        entries = zip(plain["regions"], marks, strict=True)
        covered["regions"] = [
            region if region.get("mask") is None else {**region, "mask": mask & ~covers[view]}
            for region, (view, mask) in entries
        ]
    return covered


def crop_views(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Show a random window of every view, 60 to 95 % of each side; the principal point moves with it.

    Masks and polygons become masks of the window, boxes are clipped to it, points must lie in it.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample; regions are marked in pictures.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample whose pictures differ in size.

    Raises:
        ValueError: If the sample cannot be read, or has a region that is a 3D box.
    """
    plain = read_sample(sample)
    marks = read_marks(plain)
    cameras = plain.get("intrinsics", [None] * len(plain["images"]))
    windows = [
        _draw_window(image.shape[:2], camera, _marks_of(marks, view), rng)
        for view, (image, camera) in enumerate(zip(plain["images"], cameras, strict=True))
    ]
    cropped = plain | {"images": [_cut(image, window) for image, window in zip(plain["images"], windows, strict=True)]}
    if "intrinsics" in plain:
        cropped["intrinsics"] = [_shift(*pair) for pair in zip(cameras, windows, strict=True)]
    if "regions" in plain:
        entries = zip(plain["regions"], marks, strict=True)
        cropped["regions"] = [_cut_region(region, mask, windows[view]) for region, (view, mask) in entries]
    if "depths" not in plain:
        return cropped
    return with_depths(
        cropped,
        [
            None if depth is None else _cut(depth, window)
            for depth, window in zip(plain["depths"], windows, strict=True)
        ],
    )


def _marks_of(marks: Sequence[tuple[int, np.ndarray]], view: int) -> list[np.ndarray]:
    return [mask for marked_view, mask in marks if marked_view == view]


def _draw_cover(size_hw: tuple[int, int], marks: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Pixels that the cover hides, none if no try leaves enough of every mark."""
    for _ in range(TRIES):
        cover = _pole(size_hw, rng) if rng.uniform() < 0.5 else _blob(size_hw, rng)
        if all(np.count_nonzero(mask & ~cover) >= MIN_KEPT_SHARE * np.count_nonzero(mask) for mask in marks):
            return cover
    return np.zeros(size_hw, bool)


def _grid(size_hw: tuple[int, int], center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows from a point, in shares of the longer side."""
    height, width = size_hw
    longer = np.float32(max(size_hw))
    columns = (np.arange(width, dtype=np.float32) - np.float32(center[0] * width)) / longer
    rows = (np.arange(height, dtype=np.float32) - np.float32(center[1] * height)) / longer
    return columns[None, :], rows[:, None]


def _pole(size_hw: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    x, y = _grid(size_hw, rng.uniform(0.05, 0.95, 2))
    lean = np.radians(rng.normal(0, 20)) + (np.pi / 2 if rng.uniform() < 0.25 else 0.0)
    return np.abs(x * np.float32(np.cos(lean)) + y * np.float32(np.sin(lean))) < rng.uniform(*POLE_WIDTH_SHARE) / 2


def _blob(size_hw: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    center = rng.uniform(0, 1, 2)
    center[rng.integers(2)] = rng.integers(2)  # on the border
    x, y = _grid(size_hw, center)
    angle = np.arctan2(y, x)
    first, second = rng.uniform(0, 2 * np.pi, 2)
    wobble = 1 + 0.25 * np.sin(2 * angle + np.float32(first)) + 0.12 * np.sin(5 * angle + np.float32(second))
    radius = np.float32(rng.uniform(*BLOB_RADIUS_SHARE)) * wobble
    return x * x + y * y < radius * radius


def _cover_depth(
    size_hw: tuple[int, int], depth: np.ndarray | None, *, relative: bool, rng: np.random.Generator
) -> np.ndarray:
    """Depth of a cover that fills the view, gently bent."""
    unit = 1.0
    low, high = COVER_DEPTH_M
    if relative and depth is not None:
        unit = float(depth[depth > 0].min())
        low, high = COVER_SHARE_OF_NEAREST
    surface = rng.uniform(low, high) * (1 + 0.03 * smooth_field(size_hw, rng, cells=3))
    return (np.clip(surface, low, high) * unit).astype(np.float32)


def _cover_colors(size_hw: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    shade = 1 + 0.2 * smooth_field(size_hw, rng, cells=4)
    grain = 4 * rng.standard_normal(size_hw, np.float32)
    color = rng.uniform(15, 240, 3).astype(np.float32)
    return np.clip(shade[..., None] * color + grain[..., None], 0, 255).astype(np.uint8)


def _draw_window(
    size_hw: tuple[int, int], camera: np.ndarray | None, marks: list[np.ndarray], rng: np.random.Generator
) -> tuple[slice, slice]:
    """Rows and columns of a window, all of them if no try leaves enough of every mark."""
    centers = (None, None) if camera is None else (float(camera[1, 2]), float(camera[0, 2]))
    for _ in range(TRIES):
        rows, columns = (_draw_span(side, center, rng) for side, center in zip(size_hw, centers, strict=True))
        if all(np.count_nonzero(mask[rows, columns]) >= MIN_KEPT_SHARE * np.count_nonzero(mask) for mask in marks):
            return rows, columns
    return slice(0, size_hw[0]), slice(0, size_hw[1])


def _draw_span(side: int, center: float | None, rng: np.random.Generator) -> slice:
    """Part of one side whose principal point stays where the processor accepts it."""
    length = max(1, round(rng.uniform(*WINDOW_SHARE) * side))
    first, last = 0, side - length
    if center is not None:
        share = (center + 0.5) / side
        low, high = (
            PRINCIPAL_POINT_SHARES[0] + PRINCIPAL_POINT_MARGIN,
            PRINCIPAL_POINT_SHARES[1] - PRINCIPAL_POINT_MARGIN,
        )
        first = max(first, int(np.ceil(center + 0.5 - max(high, share) * length)))
        last = min(last, int(np.floor(center + 0.5 - min(low, share) * length)))
    if first > last:
        return slice(0, side)
    start = int(rng.integers(first, last + 1))
    return slice(start, start + length)


def _cut(values: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    return np.ascontiguousarray(values[window])


def _shift(camera: np.ndarray | None, window: tuple[slice, slice]) -> np.ndarray | None:
    if camera is None:
        return None
    shifted = camera.copy()
    shifted[:2, 2] -= (window[1].start, window[0].start)
    return shifted


def _cut_region(region: Mapping[str, Any], mask: np.ndarray, window: tuple[slice, slice]) -> dict[str, Any]:
    """Express a mark in the pixels of a window."""
    top, left = window[0].start, window[1].start
    if region.get("box_xyxy") is not None:
        height, width = window[0].stop - top, window[1].stop - left
        corners = np.asarray(region["box_xyxy"], float).reshape(2, 2) - (left, top)
        return {**region, "box_xyxy": np.clip(corners, 0, (width, height)).ravel().tolist()}
    if region.get("point_xy") is not None:
        return {**region, "point_xy": [float(region["point_xy"][0]) - left, float(region["point_xy"][1]) - top]}
    kept = {key: value for key, value in region.items() if key not in ("polygon", "mask")}
    return kept | {"mask": _cut(mask, window)}
