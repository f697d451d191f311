# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 1 of the examination: a source of views -> a few small ones, as arrays.

Pixels of a depth map are skipped, never averaged, because an average over an edge is a point in the air.

May import: NumPy, torch, the geometry, `inputs` and siblings in `doctor`.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from transformers_sr3d.doctor.depth_maps import DepthMaps, stack_maps
from transformers_sr3d.geometry_sr3d import resize_intrinsics
from transformers_sr3d.inputs.selection import select_uniform
from transformers_sr3d.inputs.source import Source, SourceView


MAX_VIEWS = 12
# Longest side of the maps that are compared, pixels.
MAX_SIDE = 160


@dataclass(frozen=True)
class SampledViews:
    """Views with depth, intrinsics and poses, small enough to be compared many times.

    Attributes:
        indices (`tuple[int, ...]`): Their numbers in the source.
        maps (`DepthMaps`): In the unit of the source.
        intrinsics (`tuple[np.ndarray, ...]`): `(3, 3)`, pixels of these maps.
        poses (`dict[int, np.ndarray]`): `(4, 4)`, camera to world, of all posed views of the source by their number.
        colors (`np.ndarray` of shape `(V, H, W, 3)`, float16): 0 to 1, what the image of each view shows at each pixel
            of its depth map; NaN outside of it.
        unstated (`tuple[int, ...]`): Numbers of views whose depth map has another size than the image, where nothing
            says how they belong together.
    """

    indices: tuple[int, ...]
    maps: DepthMaps
    intrinsics: tuple[np.ndarray, ...]
    poses: dict[int, np.ndarray]
    colors: np.ndarray
    unstated: tuple[int, ...]


def sample_views(source: Source, *, max_views: int = MAX_VIEWS) -> SampledViews:
    """Load views with depth and intrinsics, at equal steps.

    Args:
        source (`Source`):
            From `open_source`.
        max_views (`int`, defaults to 12):
            How many are loaded at most.

    Returns:
        `SampledViews`: Possibly none. Where poses exist, only posed views count.

    Raises:
        ValueError: If a view does not load.
    """
    posed = any(view.camera_to_world is not None for view in source.views)
    usable = [index for index, view in enumerate(source.views) if _is_usable(view, posed=posed)]
    chosen = [usable[place] for place in select_uniform(len(usable), max_views)] if usable else []
    loaded = [_load(source.views[index]) for index in chosen]
    maps = stack_maps([view.depth for view in loaded])
    colors = np.full((*maps.depth.shape, 3), np.nan, np.float16)
    for place, view in enumerate(loaded):
        colors[place, : view.depth.shape[0], : view.depth.shape[1]] = view.colors
    stated = source.depth_field_of_view is not None
    poses = {
        index: np.asarray(view.camera_to_world, np.float64)
        for index, view in enumerate(source.views)
        if view.camera_to_world is not None
    }
    return SampledViews(
        indices=tuple(chosen),
        maps=maps,
        intrinsics=tuple(view.intrinsics for view in loaded),
        poses=poses,
        colors=colors,
        unstated=() if stated else tuple(i for i, view in zip(chosen, loaded, strict=True) if view.is_unstated),
    )


def depth_matrix(view: SourceView, image_size_hw: tuple[int, int], depth_size_hw: tuple[int, int]) -> np.ndarray:
    """Find the intrinsics of a depth map.

    Args:
        view (`SourceView`):
            With `intrinsics` or `depth_intrinsics`.
        image_size_hw (`tuple[int, int]`):
            Pixels of its image.
        depth_size_hw (`tuple[int, int]`):
            Pixels of its depth map.

    Returns:
        `np.ndarray` of shape `(3, 3)`, pixels of the depth map. Where nothing says how a map of another size
        belongs to its image, both are taken to show the same.
    """
    if view.depth_intrinsics is not None:
        return np.asarray(view.depth_intrinsics, np.float64)
    matrix = torch.as_tensor(np.asarray(view.intrinsics, np.float64))
    return resize_intrinsics(matrix, image_size_hw, depth_size_hw).numpy()


def _is_usable(view: SourceView, *, posed: bool) -> bool:
    has_camera = view.intrinsics is not None or view.depth_intrinsics is not None
    return view.load_depth is not None and has_camera and (view.camera_to_world is not None or not posed)


class _LoadedView(NamedTuple):
    depth: np.ndarray
    intrinsics: np.ndarray
    colors: np.ndarray
    is_unstated: bool


def _load(view: SourceView) -> _LoadedView:
    depth = np.asarray(view.load_depth(), np.float64) if view.load_depth is not None else np.zeros((1, 1))
    depth = np.where(np.isfinite(depth) & (depth > 0), depth, 0)
    image = view.load_image()
    image_size, size_hw = (image.height, image.width), (depth.shape[0], depth.shape[1])
    matrix = depth_matrix(view, image_size, size_hw)
    step = max(1, math.ceil(max(size_hw) / MAX_SIDE))
    first = step // 2
    small = matrix.copy()
    small[:2, 2] -= first
    small[:2] /= step  # pixel `first + step * n` is number n
    depth = depth[first::step, first::step]
    of_image = view.intrinsics
    if of_image is None:
        of_image = resize_intrinsics(torch.from_numpy(matrix), size_hw, image_size).numpy()
    colors = _colors_at(np.asarray(image.convert("RGB")), np.asarray(of_image) @ np.linalg.inv(small), depth.shape)
    return _LoadedView(depth, small, colors, size_hw != image_size and view.depth_intrinsics is None)


def _colors_at(pixels: np.ndarray, to_image: np.ndarray, size_hw: tuple[int, ...]) -> np.ndarray:
    """Look up in an image what a grid of pixels of another camera at the same place shows."""
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    u = np.rint(to_image[0, 0] * columns + to_image[0, 1] * rows + to_image[0, 2]).astype(int)
    v = np.rint(to_image[1, 0] * columns + to_image[1, 1] * rows + to_image[1, 2]).astype(int)
    is_inside = (u >= 0) & (u < pixels.shape[1]) & (v >= 0) & (v < pixels.shape[0])
    colors = pixels[v.clip(0, pixels.shape[0] - 1), u.clip(0, pixels.shape[1] - 1)] / 255
    return np.where(is_inside[..., None], colors, np.nan)
