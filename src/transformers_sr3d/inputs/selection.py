# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, which views of a scan: too many views -> the numbers of those to keep, in the order of the source.

Two ways, those of Video-3D-LLM (Zheng, Huang and Wang, CVPR 2025, arXiv:2412.00493, section 3.4; its official code is
`llava/video_utils.py` and `scripts/3d/preprocessing/max_coverage_sampling.py`):

    uniform    `np.linspace(0, num_views - 1, wanted, dtype=int)`: the first view, the last one, and equal steps
               between them, rounded down
    coverage   again and again the view whose measured points fall into the most voxels that no chosen view has seen
               (greedy maximum coverage, at least 1 - 1/e of the best: Nemhauser, Wolsey and Fisher, 1978)

Uniform steps are theirs to the last view, so that results can be compared. Coverage differs in four points: pixels
without depth are left out instead of counting at the camera, a tie goes to the earlier view instead of a random one,
there is no mesh of the scene to count by, and a grid of pixels stands for all.

May import: NumPy, torch, tqdm, the geometry and `source`.
"""

import heapq
import math

import numpy as np
import torch
from tqdm.auto import tqdm

from transformers_sr3d.geometry_sr3d import resize_intrinsics, transform_points, unproject_depth
from transformers_sr3d.inputs.source import Source, SourceView


VOXEL_M = 0.1
# Without a unit the median depth of a scan counts as this many metres, about that of a room.
TYPICAL_DEPTH_M = 2.0
MAX_POINTS_PER_VIEW = 16_384
# A voxel is one 64-bit key: three signed numbers of 21 bits.
KEY_BITS = 21
KEY_LIMIT = 1 << (KEY_BITS - 1)


def select_uniform(num_views: int, wanted: int) -> list[int]:
    """Choose views at equal steps, from the first to the last.

    Args:
        num_views (`int`):
            How many there are.
        wanted (`int`):
            How many to keep; one is the first.

    Returns:
        `list[int]`: Their numbers, ascending, none twice; all of them where there are no more than `wanted`.

    Raises:
        ValueError: If either number is below 1.
    """
    _check_counts(num_views, wanted)
    if num_views <= wanted:
        return list(range(num_views))
    return [int(index) for index in np.linspace(0, num_views - 1, wanted, dtype=int)]


def select_by_coverage(
    source: Source, wanted: int, *, voxel_m: float = VOXEL_M, max_points_per_view: int = MAX_POINTS_PER_VIEW
) -> list[int]:
    """Choose views that together see as much of the scene as possible.

    Depth maps are loaded one after the other, and 8 bytes per voxel and view are kept, at most
    `8 * max_points_per_view` bytes a view. What is chosen does not depend on the order of the views but for ties.

    Args:
        source (`Source`):
            With depth, intrinsics and poses; views without them are taken only where all others are.
        wanted (`int`):
            How many to keep. Views that add no voxel fill up, earlier ones first.
        voxel_m (`float`, defaults to 0.1):
            Side of a voxel, in metres. In a source of unknown unit the median depth counts as 2 m, so that the default
            is a twentieth of it; depth maps are then loaded twice.
        max_points_per_view (`int`, defaults to 16384):
            Pixels of each depth map that are looked at, on a regular grid.

    Returns:
        `list[int]`: Their numbers, ascending; all of them where there are no more than `wanted`.

    Raises:
        ValueError: If no view has depth, intrinsics and a pose, no depth is measured, or a number is out of range.
    """
    _check_counts(len(source.views), wanted)
    if not (math.isfinite(voxel_m) and voxel_m > 0) or max_points_per_view < 1:
        raise ValueError(
            f"`voxel_m` must be positive and `max_points_per_view` at least 1, got {voxel_m!r} and "
            f"{max_points_per_view!r}. Leave them out for the defaults."
        )
    located = [index for index, view in enumerate(source.views) if _is_located(view)]
    if not located:
        raise ValueError(
            f"`select` by coverage needs views with depth, intrinsics and a pose, got none among {len(source.views)} "
            f"in {source.path}. Select uniformly, or add what is missing."
        )
    if len(source.views) <= wanted:
        return list(range(len(source.views)))
    if source.world_unit != "m":
        voxel_m *= _median_depth(source, located, max_points_per_view) / TYPICAL_DEPTH_M
    voxels = [
        view_voxels(source, index, voxel_m, max_points_per_view)
        for index in tqdm(located, unit="view", desc="coverage", disable=None)
    ]
    chosen = [located[number] for number in _cover(voxels, wanted)]
    rest = [index for index in range(len(source.views)) if index not in set(located)]
    return sorted([*chosen, *rest][:wanted])


def view_voxels(source: Source, index: int, voxel_m: float, max_points: int) -> np.ndarray:
    """Find the voxels that a view sees.

    Args:
        source (`Source`):
            Of the view.
        index (`int`):
            Number of a view with depth, intrinsics and a pose.
        voxel_m (`float`):
            Side of a voxel, in the unit of the source.
        max_points (`int`):
            How many pixels are looked at.

    Returns:
        `np.ndarray` of shape `(num_voxels,)`, int64, ascending: a voxel is the place of a point divided by the side,
        rounded.

    Raises:
        ValueError: If a point is more than a million voxels from the origin.
    """
    view = source.views[index]
    depth, step = _sample_depth(view, max_points)
    intrinsics = torch.as_tensor(_depth_intrinsics(source, view, depth.shape), dtype=torch.float64)
    first = step // 2
    intrinsics = intrinsics - intrinsics.new_tensor([[0, 0, first], [0, 0, first], [0, 0, 0]])
    intrinsics[:2] /= step  # pixel `first + step * n` is number n
    points_camera, valid = unproject_depth(torch.as_tensor(depth[first::step, first::step]).double(), intrinsics)
    pose = torch.as_tensor(np.asarray(view.camera_to_world), dtype=torch.float64)
    places = torch.round(transform_points(points_camera[valid], pose) / voxel_m).numpy()
    if np.abs(places).max(initial=0) >= KEY_LIMIT:
        raise ValueError(
            f"`voxel_m` must be large enough for the scene, got {voxel_m:g}, by which view {view.name} of "
            f"{source.path} has a point {np.abs(places).max():.3g} voxels from the origin. Check unit and poses, or "
            "take larger voxels."
        )
    x, y, z = (places.astype(np.int64) + KEY_LIMIT).T
    return np.unique(((x << KEY_BITS) | y) << KEY_BITS | z)


def _check_counts(num_views: int, wanted: int) -> None:
    if num_views < 1 or wanted < 1:
        raise ValueError(
            f"`num_views` and `wanted` must be at least 1, got {num_views!r} and {wanted!r}. Ask for one view or more."
        )


def _is_located(view: SourceView) -> bool:
    has_camera = view.intrinsics is not None or view.depth_intrinsics is not None
    return view.load_depth is not None and view.camera_to_world is not None and has_camera


def _sample_depth(view: SourceView, max_points: int) -> tuple[np.ndarray, int]:
    """Load a depth map, and find the step between the pixels to look at."""
    depth = np.asarray(view.load_depth()) if view.load_depth is not None else np.zeros((0, 0))
    return depth, max(1, math.ceil(math.sqrt(depth.size / max_points)))


def _depth_intrinsics(source: Source, view: SourceView, size_hw: tuple[int, ...]) -> torch.Tensor | np.ndarray:
    if view.depth_intrinsics is not None:
        return view.depth_intrinsics
    intrinsics = torch.as_tensor(np.asarray(view.intrinsics), dtype=torch.float64)
    if source.depth_field_of_view != "same":
        return intrinsics  # the depth map has the size of the image
    image = view.load_image()
    return resize_intrinsics(intrinsics, (image.height, image.width), (size_hw[0], size_hw[1]))


def _median_depth(source: Source, located: list[int], max_points: int) -> float:
    """Median over views of their median depth, in the unit of the source."""
    medians = []
    for index in tqdm(located, unit="view", desc="median depth", disable=None):
        depth, step = _sample_depth(source.views[index], max_points)
        measured = depth[step // 2 :: step, step // 2 :: step]
        measured = measured[np.isfinite(measured) & (measured > 0)]
        medians += [float(np.median(measured))] if measured.size else []
    if not medians:
        raise ValueError(
            f"`select` by coverage needs measured depth, got none in {len(located)} depth maps of {source.path}. "
            "Select uniformly."
        )
    return float(np.median(medians))


def _cover(voxels: list[np.ndarray], wanted: int) -> list[int]:
    """Choose greedily; a gain never grows, so that one that was counted earlier is an upper bound (Minoux 1978)."""
    known, positions = np.unique(np.concatenate(voxels), return_inverse=True)
    if not len(known):
        raise ValueError("`select` by coverage needs measured depth, got none in any view. Select uniformly.")
    parts = np.split(positions.astype(np.int32), np.cumsum([len(part) for part in voxels])[:-1])
    is_covered = np.zeros(len(known), dtype=bool)
    heap = [(-len(part), number) for number, part in enumerate(parts)]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < wanted:
        bound, number = heapq.heappop(heap)
        gain = int(np.count_nonzero(~is_covered[parts[number]]))
        if gain < -bound:
            heapq.heappush(heap, (-gain, number))
            continue
        chosen.append(number)
        is_covered[parts[number]] = True
    return chosen
