# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Geometric companions of an answer: marked pixels and depth -> boxes, sizes, distances and gaps. No model is asked.

    box        around the measured points of a region, from the 2nd to the 98th percentile. Where up is known it stands
               upright: long and short horizontal side, height. Where it is not, it lies along the principal axes of
               the points, and there is no width and no height.
    distance   of two regions: between the centres of their boxes
    gap        of two regions: between their closest points, those outside their boxes left out as stray

A region is what the cameras see of a thing: what is hidden or cut off counts nowhere. Lengths are metres only where
depth is metric. The words are those of docs/conventions.md.

May import: torch and the files at the top of the package.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.geometry_sr3d import invert_rigid
from transformers_sr3d.region_geometry_sr3d import (
    MIN_BOX_POINTS,
    TRIM,
    box_corners,
    box_from_points,
    project_box_mask,
)
from transformers_sr3d.region_prompts_sr3d import read_regions, region_points
from transformers_sr3d.tensor_helpers_sr3d import quantile, sample_evenly


LABEL = "measured by geometry from the marked pixels, not said by the model"
# Points of each of two regions that are compared one by one; beyond it they are sampled evenly.
MAX_GAP_POINTS = 8192
FIRST_GAP_POINTS = 1024
CHUNK = 1024
MIN_SIDE = 1e-6


@dataclass(frozen=True)
class RegionCompanion:
    """What geometry says of one region. The world has z up; lengths are metres, or units of relative depth.

    Attributes:
        number (`int`): Of the region.
        points (`torch.Tensor` of shape `(N, 3)`): Its measured points.
        center (`torch.Tensor` of shape `(3,)`, *optional*): Of the box; None with fewer than three points.
        size (`torch.Tensor` of shape `(3,)`, *optional*): Full extents along the axes of the box.
        rotation (`torch.Tensor` of shape `(3, 3)`, *optional*): Box to world.
        is_upright (`bool`): Whether the third axis is up, and `size` is long and short horizontal side and height.
        measured_share (`float`): Of the marked pixels, those with measured depth.
        filled_share (`float`, *optional*): Of the pixels that the box covers in the views where the region is marked,
            those that are marked; less where something stands in front, or the thing does not fill its box. None
            without camera or box.
        touches_border (`bool`): Whether the region reaches the edge of an image and may go on beyond it.
        num_views (`int`): Views on which it is marked.
    """

    number: int
    points: torch.Tensor
    center: torch.Tensor | None
    size: torch.Tensor | None
    rotation: torch.Tensor | None
    is_upright: bool
    measured_share: float
    filled_share: float | None
    touches_border: bool
    num_views: int


def region_companions(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Measure the regions of one sample.

    Args:
        sample (`Mapping[str, Any]`):
            `images`, depth, cameras and `regions`, as the processor takes them; without `text` and `options`.

    Returns:
        `dict[str, Any]`: See `describe_companions`.

    Raises:
        ValueError: As the processor, or if there is no depth to measure by.
    """
    views = prepare_views(**{name: value for name, value in sample.items() if name != "regions"})
    return describe_companions(measure_companions(read_regions(sample["regions"], views), views), views)


def measure_companions(regions: Sequence[Mapping[str, Any]], views: Mapping[str, Any]) -> list[RegionCompanion]:
    """Fit a box to each region.

    Args:
        regions (`Sequence[Mapping]`):
            From `read_regions`.
        views (`Mapping`):
            From `prepare_views`.

    Returns:
        `list[RegionCompanion]`: In the order of the regions.

    Raises:
        ValueError: If no view has depth.
    """
    if views["geometry"] == "none":
        raise ValueError(
            f"`depths` must be given to measure regions, got none for {len(views['images'])} views. Pass depth, or "
            "estimate it (docs/estimators.md)."
        )
    return [_companion(region, views) for region in regions]


def describe_companions(companions: Sequence[RegionCompanion], views: Mapping[str, Any]) -> dict[str, Any]:
    """Put companions into plain Python, in the user's world.

    Args:
        companions (`Sequence[RegionCompanion]`):
            From `measure_companions`.
        views (`Mapping`):
            From `prepare_views`.

    Returns:
        `dict[str, Any]`: `label` (where the numbers come from), `unit` (`"m"`, or None where depth is relative),
        `gravity`, `regions` with `region`, `box` (`center`, `size`, `rotation`: box to the user's world; or None),
        `width` and `height` (None where up is unknown), `measured_share`, `filled_share`, `touches_border`, `views`;
        and `pairs` with `regions`, `distance` and `gap`.
    """
    to_user = views["up_from_user_world"].double().T
    return {
        "label": LABEL,
        "unit": "m" if views["metric"] else None,
        "gravity": views["gravity"],
        "regions": [_describe(companion, to_user) for companion in companions],
        "pairs": [
            {"regions": [a.number, b.number], "distance": box_distance(a, b), "gap": region_gap(a, b)}
            for a, b in combinations(companions, 2)
        ],
    }


def box_distance(a: RegionCompanion, b: RegionCompanion) -> float | None:
    """Return the distance between the centres of two boxes.

    Args:
        a (`RegionCompanion`):
            One region.
        b (`RegionCompanion`):
            Another.

    Returns:
        `float` or `None`: In the unit of the points; None without a box.
    """
    if a.center is None or b.center is None:
        return None
    return float((a.center.double() - b.center.double()).norm())


def region_gap(a: RegionCompanion, b: RegionCompanion) -> float | None:
    """Return the distance between the closest points of two regions, stray points left out.

    A sample gives an upper bound; only points within it of the other region's bounds can be closer, and those are
    compared one by one. Where more than `MAX_GAP_POINTS` of a region are left, evenly many of them are.

    Args:
        a (`RegionCompanion`):
            One region.
        b (`RegionCompanion`):
            Another.

    Returns:
        `float` or `None`: In the unit of the points; None without a box.
    """
    inside = [_points_inside(companion) for companion in (a, b)]
    if any(points is None or len(points) == 0 for points in inside):
        return None
    first, second = (points.double() for points in inside if points is not None)
    bound = _closest(sample_evenly(first, FIRST_GAP_POINTS), sample_evenly(second, FIRST_GAP_POINTS))
    near_first, near_second = _within(first, second, bound), _within(second, first, bound)
    closer = _closest(sample_evenly(near_first, MAX_GAP_POINTS), sample_evenly(near_second, MAX_GAP_POINTS))
    return min(bound, closer)


def _companion(region: Mapping[str, Any], views: Mapping[str, Any]) -> RegionCompanion:
    points = torch.cat([torch.zeros(0, 3), *region_points(region["masks"], views)])
    is_upright = views["gravity"] == "known"
    box: dict[str, torch.Tensor] | None = None
    if len(points) >= MIN_BOX_POINTS:
        box = box_from_points(points) if is_upright else _principal_box(points)
    return RegionCompanion(
        number=region["number"],
        points=points,
        center=None if box is None else box["center"],
        size=None if box is None else box["size"],
        rotation=None if box is None else box["rotation"],
        is_upright=is_upright,
        measured_share=region["valid_share"],
        filled_share=None if box is None else _filled_share(box, region["masks"], views),
        touches_border=region["touches_border"],
        num_views=region["num_views"],
    )


def _principal_box(points: torch.Tensor) -> dict[str, torch.Tensor]:
    """Fit a robust box along the principal axes of `(N, 3)` points, the longest side first."""
    centred = points.double() - points.double().mean(dim=0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors
    along = points.double() @ axes
    low, high = quantile(along.T, TRIM), quantile(along.T, 1.0 - TRIM)
    order = (high - low).argsort(descending=True)
    axes, low, high = axes[:, order], low[order], high[order]
    if float(torch.linalg.det(axes)) < 0:
        axes[:, 2], low[2], high[2] = -axes[:, 2], -high[2], -low[2]
    box = {"center": axes @ ((low + high) / 2), "size": (high - low) / (1.0 - 2.0 * TRIM), "rotation": axes}
    return {name: part.to(points.dtype) for name, part in box.items()}


def _filled_share(
    box: Mapping[str, torch.Tensor], masks: Sequence[torch.Tensor | None], views: Mapping[str, Any]
) -> float | None:
    corners = box_corners(box["center"].double(), box["size"].double().clamp(min=MIN_SIDE), box["rotation"].double())
    num_covered = num_seen = 0
    for mask, pose, intrinsics in zip(masks, views["camera_to_world"], views["intrinsics"], strict=True):
        if mask is None or pose is None or intrinsics is None:
            continue
        size_hw = (mask.shape[0], mask.shape[1])
        covered = project_box_mask(corners, invert_rigid(pose.double()), intrinsics, size_hw)
        num_covered += int(covered.count_nonzero())
        num_seen += int((covered & mask).count_nonzero())
    return num_seen / num_covered if num_covered else None


def _describe(companion: RegionCompanion, to_user: torch.Tensor) -> dict[str, Any]:
    box = size = None
    if companion.center is not None and companion.size is not None and companion.rotation is not None:
        size = companion.size.tolist()
        box = {
            "center": (to_user @ companion.center.double()).tolist(),
            "size": size,
            "rotation": (to_user @ companion.rotation.double()).tolist(),
        }
    return {
        "region": companion.number,
        "box": box,
        "width": size[0] if size is not None and companion.is_upright else None,
        "height": size[2] if size is not None and companion.is_upright else None,
        "measured_share": companion.measured_share,
        "filled_share": companion.filled_share,
        "touches_border": companion.touches_border,
        "views": companion.num_views,
    }


def _points_inside(companion: RegionCompanion) -> torch.Tensor | None:
    """Points of a region in its box; None without a box."""
    if companion.center is None or companion.size is None or companion.rotation is None:
        return None
    along = (companion.points - companion.center) @ companion.rotation
    return companion.points[(along.abs() <= companion.size / 2 + MIN_SIDE).all(dim=-1)]


def _within(points: torch.Tensor, others: torch.Tensor, bound: float) -> torch.Tensor:
    """Points that are no farther than `bound` from the axis-aligned bounds of others."""
    low, high = others.amin(dim=0), others.amax(dim=0)
    outside = (low - points).clamp(min=0) + (points - high).clamp(min=0)
    return points[outside.norm(dim=-1) <= bound + MIN_SIDE]


def _closest(first: torch.Tensor, second: torch.Tensor) -> float:
    """Smallest distance between `(N, 3)` and `(M, 3)` points, a chunk at a time."""
    mode = "donot_use_mm_for_euclid_dist"  # the other way loses millimetres far from the origin
    return min(float(torch.cdist(chunk, second, compute_mode=mode).min()) for chunk in first.split(CHUNK))
