# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of one scene and nothing else -> depth, intrinsics and poses in one world, by whoever estimates all three.

The world of an estimate has no known up, and its unit is the metre only where the estimator says so. All views are
estimated together and at once, because each of them moves the others, and the estimate is kept on disk.

May import: NumPy, torch, PIL, the geometry and siblings.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from transformers_sr3d.estimators.array_files import default_cache_folder
from transformers_sr3d.estimators.geometry import FARTHEST_M
from transformers_sr3d.estimators.multi_view_cache import MultiViewCache
from transformers_sr3d.estimators.multi_view_types import MultiViewEstimate, MultiViewEstimator
from transformers_sr3d.geometry_sr3d import resize_intrinsics
from transformers_sr3d.inputs.source import Source


def estimate_multi_view_geometry(
    source: Source,
    estimator: MultiViewEstimator,
    *,
    min_confidence: float | None = None,
    cache_folder: str | Path | None = None,
) -> Source:
    """Give the views of a source estimated depth, intrinsics and poses.

    Args:
        source (`Source`):
            Pictures of one size, without depth, intrinsics and poses.
        estimator (`MultiViewEstimator`):
            Who estimates.
        min_confidence (`float`, *optional*):
            Depth of a lower confidence counts as not measured, in the estimator's own scale.
        cache_folder (`str` or `Path`, *optional*):
            Where the estimate is kept; a hidden folder beside the source by default.

    Returns:
        `Source`: With `world_up` "unknown", and `world_unit` "m" only for a metric estimator.

    Raises:
        ValueError: If the source has any geometry of its own or pictures of several sizes, the estimate does not fit
            its views, or `min_confidence` has no effect or leaves nothing.
    """
    _check_has_no_geometry(source)
    images = [view.load_image().convert("RGB") for view in source.views]
    check_one_size({image.size for image in images}, source)
    folder = default_cache_folder(source.path) if cache_folder is None else Path(cache_folder)
    cache = MultiViewCache(folder, estimator.identity)
    estimate = cache.load(images)
    if estimate is None:
        estimate = estimator.estimate(images)
        _check_shapes(estimate, len(images), estimator.name)
        cache.save(images, estimate)
    depths = _measured_depths(estimate, min_confidence, estimator.name)
    from_hw, to_hw = depths.shape[1:], (images[0].height, images[0].width)
    matrices = torch.from_numpy(estimate.intrinsics.astype(np.float64))
    views = tuple(
        replace(
            view,
            load_depth=partial(np.copy, depth),
            intrinsics=resize_intrinsics(matrix, from_hw, to_hw).numpy(),
            depth_intrinsics=matrix.numpy(),
            camera_to_world=pose.astype(np.float64),
        )
        for view, depth, matrix, pose in zip(source.views, depths, matrices, estimate.camera_to_world, strict=True)
    )
    unit = "metres" if estimate.is_metric else "a unit that nobody knows"
    return replace(
        source,
        views=views,
        world_up="unknown",
        world_unit="m" if estimate.is_metric else "unknown",
        depth_is_estimated=True,
        conventions=(
            *source.conventions,
            f"Depth, intrinsics and poses were estimated together by {estimator.name}, in {unit}.",
            estimator.licence.sentence(),
        ),
    )


def check_one_size(sizes: Collection[tuple[int, int]], source: Source) -> None:
    """Refuse pictures of several sizes.

    Args:
        sizes (`Collection[tuple[int, int]]`):
            Those that occur, columns first.
        source (`Source`):
            Whose pictures they are.

    Raises:
        ValueError: If there are several.
    """
    if len(sizes) > 1:
        first, second = sorted(sizes)[:2]
        raise ValueError(
            f"`source` must have pictures of one size for a joint estimate, got {len(sizes)} sizes such as {first} "
            f"and {second} in {source.path}. Select views of one size."
        )


def _check_has_no_geometry(source: Source) -> None:
    for view in source.views:
        for name in ("load_depth", "camera_to_world", "intrinsics"):
            if getattr(view, name) is not None:
                raise ValueError(
                    f"`source` must have no depth, poses and intrinsics where all are to be estimated, got "
                    f"{name.removeprefix('load_')} of {view.name} in {source.path}. They would be replaced: leave "
                    "them out if that is meant, or estimate depth alone."
                )


def _check_shapes(estimate: MultiViewEstimate, num_views: int, name: str) -> None:
    expected = {"depths": (num_views, None, None), "intrinsics": (num_views, 3, 3)}
    expected |= {"camera_to_world": (num_views, 4, 4)}
    if estimate.confidence is not None:
        expected["confidence"] = estimate.depths.shape
    for key, wanted in expected.items():
        shape = getattr(estimate, key).shape
        fits = len(shape) == len(wanted) and all(w in (None, s) for w, s in zip(wanted, shape, strict=True))
        if not fits:
            raise ValueError(
                f"`{key}` of {name} must have shape {wanted} for {num_views} views, got {shape}. Correct the adapter."
            )


def _measured_depths(estimate: MultiViewEstimate, min_confidence: float | None, name: str) -> np.ndarray:
    depths = np.where(np.isfinite(estimate.depths) & (estimate.depths > 0), estimate.depths, 0).astype(np.float32)
    if estimate.is_metric:
        depths[depths > FARTHEST_M] = 0
    if min_confidence is not None:
        if estimate.confidence is None:
            raise ValueError(
                f"`min_confidence` has no effect on {name}, which gives no confidence, got {min_confidence:g}. Leave "
                "it out."
            )
        depths[estimate.confidence < min_confidence] = 0
    if not depths.any():
        told = "" if estimate.confidence is None else f"; confidence goes up to {estimate.confidence.max():.3g}"
        raise ValueError(
            f"`min_confidence` must leave depth in some view of {name}, got {min_confidence} and no depth{told}. "
            "Take a lower one, or check the weights."
        )
    return depths
