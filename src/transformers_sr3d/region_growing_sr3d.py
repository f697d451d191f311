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
"""Stage 0 of 5, regions larger than their mark: a point -> the thing under it; one view's mask -> masks of the others.

A point grows over neighbouring pixels that differ little in depth and in colour. A region of one view is looked for in
the others by its own 3D box: what is measured inside the box is the region, so occlusion is handled by the geometry.
The price: a point on a thing of many colours grows over a part of it, and what a view does not show of a thing is
missing from its box. `tools/measure_regions.py` measures both against instance masks.

This file is copied to the Hub next to the weights: it imports only torch, NumPy, Pillow and sibling `*_sr3d` files.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageFilter

from .region_geometry_sr3d import MIN_BOX_POINTS, box_from_points, points_in_box


# Neighbours belong together if their depths differ by less than this share, and their colours by less than this.
MAX_DEPTH_STEP = 0.02
MAX_COLOR_STEP = 12
# Pictures are grown over at this many pixels of the longer side at most.
GROWING_GRID = 256
# Fewer pixels than these are noise at the edge of something else.
MIN_FOUND_PIXELS = 10


def grow_from_point(point_xy: Sequence[float], image: Image.Image, depth: torch.Tensor) -> np.ndarray:
    """Grow a point over the thing that it lies on.

    Args:
        point_xy (`Sequence[float]`):
            Column and row inside the image; integers are pixel centres.
        image (`Image.Image`):
            RGB, `(H, W)`.
        depth (`torch.Tensor` of shape `(H, W)`):
            At the pixels of the image, any unit; 0 means not measured.

    Returns:
        `np.ndarray` of shape `(H, W)`, boolean: about one pixel where the point has no depth.
    """
    height, width = depth.shape
    step = -(-max(height, width) // GROWING_GRID)
    colors = np.asarray(image.reduce(step).filter(ImageFilter.GaussianBlur(1)), dtype=np.float32)
    rows = (np.arange(colors.shape[0]) * step + step // 2).clip(max=height - 1)
    columns = (np.arange(colors.shape[1]) * step + step // 2).clip(max=width - 1)
    depths = depth.numpy()[np.ix_(rows, columns)]
    start = (round(float(point_xy[1])) // step, round(float(point_xy[0])) // step)
    grown = _flood(_joined(depths, colors, axis=0), _joined(depths, colors, axis=1), start)
    return np.repeat(np.repeat(grown, step, axis=0), step, axis=1)[:height, :width]


def _joined(depths: np.ndarray, colors: np.ndarray, axis: int) -> np.ndarray:
    """Tell for all neighbours along an axis whether they belong together; never where depth is missing."""
    nearer = np.minimum(np.delete(depths, -1, axis), np.delete(depths, 0, axis))
    color_steps = np.abs(np.diff(colors, axis=axis)).max(axis=-1)
    return (np.abs(np.diff(depths, axis=axis)) < MAX_DEPTH_STEP * nearer) & (color_steps < MAX_COLOR_STEP)


def _flood(joined_down: np.ndarray, joined_right: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """Mark what is joined to a pixel; a sweep of four directions takes a pixel further in each, until none is new."""
    reached = np.zeros((joined_right.shape[0], joined_down.shape[1]), dtype=bool)
    row, column = (min(max(place, 0), side - 1) for place, side in zip(start, reached.shape, strict=True))
    reached[row, column] = True
    count = 0
    while count < (count := int(np.count_nonzero(reached))):
        reached[1:] |= reached[:-1] & joined_down
        reached[:-1] |= reached[1:] & joined_down
        reached[:, 1:] |= reached[:, :-1] & joined_right
        reached[:, :-1] |= reached[:, 1:] & joined_right
    return reached


def find_in_views(
    points: torch.Tensor, views_points: Sequence[torch.Tensor | None], views_valid: Sequence[torch.Tensor | None]
) -> list[torch.Tensor | None]:
    """Find a region in views that it is not marked on: the measured points inside its own oriented box.

    Lengths are relative to the box, so that the unit does not count: it is grown by 1 % of its longest side, or 2 % of
    each, whichever is more.

    Args:
        points (`torch.Tensor` of shape `(N, 3)`):
            Of the region, in the z-up world.
        views_points (`Sequence[torch.Tensor | None]`):
            Point map `(h, w, 3)` of each view in the same world; None for a view to leave alone.
        views_valid (`Sequence[torch.Tensor | None]`):
            Where it is measured, `(h, w)`.

    Returns:
        `list[torch.Tensor | None]`: Of each view the mask `(h, w)`; None where too little of the region is seen.
    """
    if len(points) < MIN_BOX_POINTS:
        return [None] * len(views_points)
    box = box_from_points(points)
    longest = box["size"].max().clamp(min=torch.finfo(points.dtype).tiny)
    size = (box["size"] / longest).clamp(min=torch.finfo(points.dtype).eps)
    masks: list[torch.Tensor | None] = []
    for view_points, valid in zip(views_points, views_valid, strict=True):
        if view_points is None or valid is None:
            masks.append(None)
            continue
        relative = (view_points - box["center"]) / longest
        inside = points_in_box(relative, valid, center=torch.zeros(3), size=size, rotation=box["rotation"])
        masks.append(inside if int(inside.sum()) >= MIN_FOUND_PIXELS else None)
    return masks
