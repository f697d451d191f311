# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, what a source holds: views -> counts, sizes, units and lengths, as plain values.

Poses are looked at in all views; images and depth maps in a few, at equal steps, because each must be loaded.

May import: NumPy and siblings in `inputs`.
"""

from typing import Any

import numpy as np

from transformers_sr3d.inputs.selection import select_uniform
from transformers_sr3d.inputs.source import Source, SourceView


SAMPLED_VIEWS = 8


def summarise_source(source: Source, *, num_sampled: int = SAMPLED_VIEWS) -> dict[str, Any]:
    """Say what a source holds.

    Args:
        source (`Source`):
            From `open_source`.
        num_sampled (`int`, defaults to 8):
            How many images, and how many depth maps, are loaded at most.

    Returns:
        `dict[str, Any]`: `kind`, `path`, `num_views`, `num_with_depth`, `num_with_poses`, `num_with_intrinsics`,
        `left_out`, `world_up`, `world_unit`, `camera_extent` (along x, y and z of the source's world, in `world_unit`,
        or None), `time_span_s` (or None), `image_sizes_hw` and `depth_sizes_hw` (those found, largest first),
        `num_images_sampled`, `num_depth_sampled`, `measured_depth_share` and `median_depth` (in `world_unit`; None
        without), and `conventions`. All of it is JSON.

    Raises:
        ValueError: If a view does not load.
    """
    views = source.views
    times = [view.time_s for view in views if view.time_s is not None]
    centres = np.array([np.asarray(view.camera_to_world)[:3, 3] for view in views if view.camera_to_world is not None])
    images = _sample(list(views), num_sampled)
    return {
        "kind": source.kind,
        "path": str(source.path),
        "num_views": len(views),
        "num_with_depth": sum(view.load_depth is not None for view in views),
        "num_with_poses": len(centres),
        "num_with_intrinsics": sum(view.intrinsics is not None for view in views),
        "left_out": dict(source.left_out or {}),
        "world_up": source.world_up,
        "world_unit": source.world_unit,
        "camera_extent": np.ptp(centres, axis=0).tolist() if len(centres) else None,
        "time_span_s": max(times) - min(times) if times else None,
        "image_sizes_hw": _largest_first({(image.height, image.width) for image in map(_load_image, images)}),
        "num_images_sampled": len(images),
        **_summarise_depth(_sample([view for view in views if view.load_depth is not None], num_sampled)),
        "conventions": list(source.conventions),
    }


def _sample(views: list[SourceView], num_sampled: int) -> list[SourceView]:
    return [views[index] for index in select_uniform(len(views), num_sampled)] if views else []


def _load_image(view: SourceView) -> Any:
    return view.load_image()


def _largest_first(sizes_hw: set[tuple[int, int]]) -> list[list[int]]:
    return [list(size) for size in sorted(sizes_hw, key=lambda size: (-size[0] * size[1], size))]


def _summarise_depth(views: list[SourceView]) -> dict[str, Any]:
    """Sizes, share of measured pixels, and the median over views of their median."""
    sizes_hw, shares, medians = set(), [], []
    for view in views:
        depth = np.asarray(view.load_depth() if view.load_depth is not None else [[]])
        is_measured = np.isfinite(depth) & (depth > 0)
        sizes_hw.add((depth.shape[0], depth.shape[1]))
        shares.append(float(is_measured.mean()))
        medians += [float(np.median(depth[is_measured]))] if is_measured.any() else []
    return {
        "depth_sizes_hw": _largest_first(sizes_hw),
        "num_depth_sampled": len(views),
        "measured_depth_share": float(np.mean(shares)) if shares else None,
        "median_depth": float(np.median(medians)) if medians else None,
    }
