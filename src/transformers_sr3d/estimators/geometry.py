# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A source without depth -> the same source with estimated depth, and intrinsics where they are missing.

    focal length   that of the source; else the field of view that the caller states; else EXIF; else the estimator's
                   own; else it is refused. A caller who states one while the source has intrinsics is refused, too.
    metres         a metric estimate is metres and goes with poses in metres
    no unit        a relative estimate or a disparity becomes relative depth; it goes with one view and no poses,
                   because every view of it has a scale of its own

Depth is computed when it is asked for, and kept on disk (`depth_cache`). Only where the estimator must tell the focal
length is it run at once. What was estimated, by what and under which licence is said in `Source.conventions`.

May import: NumPy, PIL, the geometry and siblings.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from transformers_sr3d.estimators.array_files import default_cache_folder
from transformers_sr3d.estimators.depth import DepthEstimate, DepthEstimator, TransformersDepth
from transformers_sr3d.estimators.depth_cache import DepthCache
from transformers_sr3d.estimators.focal_length import (
    PHONE_FOV_DEG,
    FocalLength,
    estimated_focal_length,
    exif_focal_length,
    stated_focal_length,
)
from transformers_sr3d.geometry_sr3d import disparity_to_depth
from transformers_sr3d.inputs.source import Source, SourceView


# Metres beyond this count as not measured: a scene keeps millimetres in 16 bits.
FARTHEST_M = 65.0
KINDS = {"metric": "metres", "relative": "depth without a unit", "disparity": "disparity, turned into relative depth"}


def estimate_geometry(
    source: Source,
    model: str | DepthEstimator,
    *,
    depth_kind: str | None = None,
    horizontal_fov_deg: float | None = None,
    revision: str | None = None,
    device: str | None = None,
    cache_folder: str | Path | None = None,
) -> Source:
    """Give every view of a source estimated depth, and intrinsics if it has none.

    Args:
        source (`Source`):
            Without depth: one view, or several with poses in metres.
        model (`str` or `DepthEstimator`):
            Folder or Hub repository of a depth estimation model of Transformers, or an estimator.
        depth_kind (`str`, *optional*):
            `"metric"`, `"relative"` or `"disparity"`, where the checkpoint does not tell; see `TransformersDepth`.
        horizontal_fov_deg (`float`, *optional*):
            Degrees across the images, where the source has no intrinsics.
        revision (`str`, *optional*):
            Of the repository.
        device (`str`, *optional*):
            For example `"cpu"`; an accelerator if there is one.
        cache_folder (`str` or `Path`, *optional*):
            Where estimates are kept; a hidden folder beside the source by default.

    Returns:
        `Source`: Its views load their depth when they are asked to; its `conventions` tell what was estimated.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the source has depth, its views cannot be put into one world, a focal length is missing, or an
            option has no effect.
    """
    estimator = make_estimator(model, depth_kind=depth_kind, revision=revision, device=device)
    _check_source(source, estimator, horizontal_fov_deg)
    folder = default_cache_folder(source.path) if cache_folder is None else Path(cache_folder)
    cached = CachedDepth(estimator, DepthCache(folder, estimator.identity, estimator.kind))
    located = [_with_depth(view, cached, horizontal_fov_deg) for view in source.views]
    origins = Counter(origin for _, origin in located)
    return replace(
        source,
        views=tuple(view for view, _ in located),
        world_unit="m" if estimator.kind == "metric" else "unknown",
        depth_is_estimated=True,
        conventions=(
            *source.conventions,
            f"Depth was estimated from single images by {estimator.name}: {KINDS[estimator.kind]}.",
            estimator.licence.sentence(),
            *(f"Focal length of {count} of {len(located)} views: {origin}." for origin, count in origins.items()),
        ),
    )


@dataclass
class CachedDepth:
    """An estimator that remembers on disk.

    Attributes:
        estimator (`DepthEstimator`): Asked where nothing is remembered.
        cache (`DepthCache`): Its memory.
    """

    estimator: DepthEstimator
    cache: DepthCache

    def estimate(self, image: Image.Image, focal_px: float | None) -> DepthEstimate:
        """Look an estimate up, or make and keep it.

        Args:
            image (`PIL.Image.Image`):
                RGB.
            focal_px (`float`, *optional*):
                Horizontal focal length, pixels.

        Returns:
            `DepthEstimate`: Of the size of the image.

        Raises:
            ValueError: If the estimator gives another size or no depth at all.
        """
        image = image.convert("RGB")
        found = self.cache.load(image, focal_px)
        if found is None:
            found = self.estimator.estimate(image, focal_px)
            _check_estimate(found, image, self.estimator.name)
            self.cache.save(image, focal_px, found)
        return found


def make_estimator(
    model: str | DepthEstimator,
    *,
    depth_kind: str | None = None,
    revision: str | None = None,
    device: str | None = None,
) -> DepthEstimator:
    """Take an estimator as it is, or make one of a checkpoint.

    Args:
        model (`str` or `DepthEstimator`):
            Folder or Hub repository of a depth estimation model of Transformers, or an estimator.
        depth_kind (`str`, *optional*):
            See `TransformersDepth`, as for the others.
        revision (`str`, *optional*):
            Of the repository.
        device (`str`, *optional*):
            For example `"cpu"`.

    Returns:
        `DepthEstimator`: Its weights are loaded when they are needed.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the checkpoint is no depth model, or an option has no effect.
    """
    if isinstance(model, str | Path):
        return TransformersDepth(str(model), depth_kind=depth_kind, revision=revision, device=device)
    given = {"depth_kind": depth_kind, "revision": revision, "device": device}
    unused = next((name for name, value in given.items() if value is not None), None)
    if unused is not None:
        raise ValueError(
            f"`{unused}` has no effect beside an estimator, got {given[unused]!r}. Pass it to {type(model).__name__}."
        )
    return model


def _check_source(source: Source, estimator: DepthEstimator, horizontal_fov_deg: float | None) -> None:
    measured = next((view.name for view in source.views if view.load_depth is not None), None)
    if measured is not None:
        raise ValueError(
            f"`source` must have no depth where depth is to be estimated, got depth of {measured} in {source.path}. "
            "Use what was measured, or remove its depth."
        )
    known = next((view.name for view in source.views if view.intrinsics is not None), None)
    if horizontal_fov_deg is not None and known is not None:
        raise ValueError(
            f"`horizontal_fov_deg` must be left out where there are intrinsics, got {horizontal_fov_deg:g} beside "
            f"those of {known} in {source.path}. Leave it out."
        )
    posed = [view.camera_to_world is not None for view in source.views]
    if len(posed) > 1 and not all(posed):
        raise ValueError(
            f"`source` must have one view, or a pose for each, for depth from single images, got {len(posed)} views "
            f"with {sum(posed)} poses in {source.path}. Take one view, with `--views 1` of `sr3d scene import`, or "
            "estimate poses, with `--structure-from-motion`."
        )
    if any(posed) and (estimator.kind != "metric" or source.world_unit != "m"):
        raise ValueError(
            f"`model` must estimate metres for poses in metres, got {KINDS[estimator.kind]} by {estimator.name} and "
            f"poses in unit {source.world_unit!r} of {source.path}. Their scales would differ: use a metric model and "
            "metric poses, or one view without its pose."
        )


def _with_depth(view: SourceView, cached: CachedDepth, horizontal_fov_deg: float | None) -> tuple[SourceView, str]:
    """Give a view depth and intrinsics, and say where its focal length comes from."""
    if view.intrinsics is not None:
        intrinsics, origin = np.asarray(view.intrinsics, dtype=np.float64), "given by the source"
        known_px: float | None = float(intrinsics[0, 0])
    else:
        image = view.load_image()
        focal, known_px = _focal_length(image, view.name, cached, horizontal_fov_deg)
        intrinsics, origin = focal.intrinsics((image.height, image.width)), focal.origin
    return replace(view, intrinsics=intrinsics, load_depth=_depth_loader(view, cached, known_px)), origin


def _focal_length(
    image: Image.Image, name: str, cached: CachedDepth, horizontal_fov_deg: float | None
) -> tuple[FocalLength, float | None]:
    """Find the focal length, and what of it the estimator is to be told: nothing where it is its own."""
    if horizontal_fov_deg is not None:
        stated = stated_focal_length(horizontal_fov_deg, (image.height, image.width))
        return stated, stated.fx
    found = exif_focal_length(image)
    if isinstance(found, FocalLength):
        return found, found.fx
    if cached.estimator.finds_focal:
        focal_px = cached.estimate(image, None).focal_px
        if focal_px is not None:
            return estimated_focal_length(focal_px, image, cached.estimator.name), None
    raise ValueError(
        f"`horizontal_fov_deg` must be given for {name}, got None: the source has no intrinsics, {found}, and "
        f"{cached.estimator.name} does not estimate the focal length. State the field of view ({PHONE_FOV_DEG}), "
        "or choose a model that estimates it, such as DepthPro."
    )


def _depth_loader(view: SourceView, cached: CachedDepth, focal_px: float | None) -> Callable[[], np.ndarray]:
    def load() -> np.ndarray:
        estimate = cached.estimate(view.load_image(), focal_px)
        if estimate.kind == "disparity":
            return disparity_to_depth(torch.from_numpy(estimate.depth)).numpy()
        depth = np.where(np.isfinite(estimate.depth) & (estimate.depth > 0), estimate.depth, 0)
        if estimate.kind == "metric":
            depth = np.where(depth <= FARTHEST_M, depth, 0)
        return depth.astype(np.float32)

    return load


def _check_estimate(estimate: DepthEstimate, image: Image.Image, name: str) -> None:
    size_hw = (image.height, image.width)
    if estimate.depth.shape != size_hw:
        raise ValueError(
            f"`depth` of {name} must have the size of its image {size_hw}, got {estimate.depth.shape}. Resize it in "
            "the estimator."
        )
    if not (np.isfinite(estimate.depth) & (estimate.depth > 0)).any():
        raise ValueError(
            f"`depth` of {name} must be positive somewhere, got none in {estimate.depth.shape}. Check the weights and "
            "whether the image shows anything."
        )
