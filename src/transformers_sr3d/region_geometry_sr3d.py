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
"""Stage 1 of 5, region geometry: points of one region -> a small descriptor; boxes <-> points and masks.

Pure functions on tensors. The decision is to measure a region on its own pixels, before anything is averaged over
patches: a mean tells where a region is, not how large it is. The price is a few milliseconds a region, bounded by
sampling at most 4096 points.

    frames     z up: the horizontal plane is x, y. Boxes turn about z only in `box_from_points`, freely elsewhere.
    boxes      `center` (3,), `size` (3,) full extents, `rotation` (3, 3) box axes as columns in the world frame.
    extents    from the 2nd to the 98th percentile, divided by 0.96: stray points at depth edges do not count.

This file is copied to the Hub next to the weights: it may import only torch and sibling `*_sr3d` files.
"""

import math
from collections.abc import Sequence

import torch

from .geometry_sr3d import check_rigid, project_points, transform_points
from .tensor_helpers_sr3d import check_shape, quantile, sample_evenly


REGION_DESCRIPTOR_SIZE = 13
"""Numbers in a region's descriptor."""

MAX_REGION_POINTS = 4096
"""Points of a region that are looked at, at most."""

MAX_ORIENTATION_POINTS = 512
TRIM = 0.02
MIN_EXTENT = 1e-3
MIN_BOX_POINTS = 3
NEAR_PLANE_M = 0.01


def sample_views(points_of_views: Sequence[torch.Tensor], max_points: int) -> list[torch.Tensor]:
    """Take about `max_points` points, evenly from each view: the same ones in whatever order the views come.

    Args:
        points_of_views (`Sequence[torch.Tensor]`, each of shape `(N, D)`):
            Any unit; a view may have no point.
        max_points (`int`):
            Points to keep; if there are no more, all are kept. Each view with points keeps at least one.

    Returns:
        `list[torch.Tensor]`: Of the views, in their order.
    """
    total = sum(len(points) for points in points_of_views)
    if total <= max_points:
        return list(points_of_views)
    return [sample_evenly(points, max(1, max_points * len(points) // total)) for points in points_of_views]


def _percentile_range(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the 2nd and the 98th percentile of `(*, N)` along the last axis."""
    return quantile(values, TRIM), quantile(values, 1.0 - TRIM)


def _turned(points_xy: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Return `(2, A, N)`: the coordinates of `(N, 2)` points along two axes turned by each of `(A,)` angles."""
    x, y = points_xy.unbind(-1)
    cosine, sine = angles.cos()[:, None], angles.sin()[:, None]
    return torch.stack((x * cosine + y * sine, y * cosine - x * sine))


def _orientation_cost(points_xy: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Return `(A,)`: the mean distance of `(N, 2)` points from the nearest side of their rectangle at each angle."""
    along = _turned(points_xy, angles)  # (2, A, N)
    low, high = (bound[..., None] for bound in _percentile_range(along))
    return torch.minimum(along - low, high - along).abs().amin(dim=0).mean(dim=-1)


def _horizontal_angle(points_xy: torch.Tensor) -> float:
    """Return the angle in radians, modulo a quarter turn, of the rectangle whose sides `(N, 2)` points follow best.

    The camera sees one or two upright faces of a box, an "L" from above. Neither the principal axes of an L nor its
    smallest rectangle lie along its sides; the rectangle that its points are closest to does.

    Source: Zhang et al., Efficient L-Shape Fitting for Vehicle Detection Using Laser Scanners, 2017 (closeness).
    """
    step = math.radians(3.0)
    coarse = torch.arange(30, dtype=points_xy.dtype, device=points_xy.device) * step
    best = coarse[_orientation_cost(points_xy, coarse).argmin()]
    fine = best + torch.linspace(-step, step, 13, dtype=points_xy.dtype, device=points_xy.device)
    return float(fine[_orientation_cost(points_xy, fine).argmin()])


def _oriented_axes(points_of_views: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return `rotation` (3, 3) with the axes long, short, up as columns, and `low`, `high` (3,) along them."""
    points = torch.cat(list(points_of_views))
    angle = _horizontal_angle(torch.cat(sample_views(points_of_views, MAX_ORIENTATION_POINTS))[:, :2])
    cosine, sine = math.cos(angle), math.sin(angle)
    rotation = points.new_tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    low, high = _percentile_range((points @ rotation).T)
    if high[1] - low[1] > high[0] - low[0]:
        # The second axis becomes the first; the old first, reversed, the second: still right-handed.
        rotation = torch.stack((rotation[:, 1], -rotation[:, 0], rotation[:, 2]), dim=1)
        low, high = torch.stack((low[1], -high[0], low[2])), torch.stack((high[1], -low[0], high[2]))
    return rotation, low, high


def region_descriptor(
    points_of_views: Sequence[torch.Tensor],
    *,
    metric_scale: float,
    valid_share: float,
    kept_share: float,
    touches_border: bool,
) -> torch.Tensor:
    """Describe the points of one region by 13 numbers.

    | index | content | unit |
    |---|---|---|
    | 0-2 | centre of the robust oriented box | canonical |
    | 3-5 | standard deviation along the long and the short horizontal axis and up | canonical |
    | 6-8 | log of the extents along the same axes, at least `MIN_EXTENT` | log metres, or log canonical units |
    | 9 | 1 if the extents are metric, else 0 | - |
    | 10 | share of the mask's pixels with measured depth | - |
    | 11 | share of the mask's pixels kept by the depth cluster | - |
    | 12 | 1 if the mask touches the border of an image, else 0 | - |

    Without any point the first ten are zero; one point is a thing of the smallest extent.

    Args:
        points_of_views (`Sequence[torch.Tensor]`, each of shape `(N, 3)`):
            Canonical frame, the measured points of the region in each view; the order of the views does not count.
        metric_scale (`float`):
            Metres per canonical unit; 0 means unknown.
        valid_share (`float`):
            See the table.
        kept_share (`float`):
            See the table.
        touches_border (`bool`):
            See the table.

    Returns:
        `torch.Tensor` of shape `(13,)`.

    Raises:
        ValueError: If the shape is wrong or `metric_scale` is negative or not finite.
    """
    for points in points_of_views:
        check_shape("points_of_views", points, ("N", 3))
    if not 0 <= metric_scale < math.inf:
        raise ValueError(
            f"`metric_scale` must be finite and at least 0, got {metric_scale}. "
            "Give metres per canonical unit, 0 if unknown."
        )
    sample = sample_views(points_of_views, MAX_REGION_POINTS)
    points = torch.cat(sample) if sample else torch.zeros(0, 3)
    descriptor = points.new_zeros(REGION_DESCRIPTOR_SIZE)
    is_metric = metric_scale > 0
    has_points = len(points) > 0
    descriptor[9:] = descriptor.new_tensor([is_metric and has_points, valid_share, kept_share, touches_border])
    if not has_points:
        return descriptor

    rotation, low, high = _oriented_axes(sample)
    extents = (high - low) / (1.0 - 2.0 * TRIM) * (metric_scale if is_metric else 1.0)
    descriptor[0:3] = rotation @ ((low + high) / 2)
    descriptor[3:6] = (points @ rotation).std(dim=0, correction=0)
    descriptor[6:9] = extents.clamp(min=MIN_EXTENT).log()
    return descriptor


def dominant_depth_cluster(depth: torch.Tensor, mask: torch.Tensor, *, gap: float = 0.05) -> torch.Tensor:
    """Keep the pixels of a mask that belong to its largest group of similar depths.

    The measured depths in the mask are sorted and cut wherever the next one is farther by more than `gap` times the
    depth. The group with the most pixels stays, the nearest of equals. Pixels without depth stay too: nothing says
    that they are background, and on glass or in sparse depth they are most of the region.

    Args:
        depth (`torch.Tensor` of shape `(H, W)`):
            Metres or relative units. Zero, negative and non-finite values mean "not measured".
        mask (`torch.Tensor` of shape `(H, W)`):
            Boolean.
        gap (`float`, defaults to 0.05):
            Relative step in depth that separates two groups.

    Returns:
        `torch.Tensor` of shape `(H, W)`, boolean: a subset of `mask`, and `mask` itself if it has no measured depth.

    Raises:
        ValueError: If a shape is wrong or `gap` is not positive.
    """
    check_shape("mask", mask, ("H", "W"))
    check_shape("depth", depth, tuple(mask.shape))
    if not gap > 0:
        raise ValueError(f"`gap` must be positive, got {gap}. It is a relative step in depth, such as 0.05.")
    measured = mask & torch.isfinite(depth) & (depth > 0)
    ordered = depth[measured].sort().values
    if len(ordered) == 0:
        return mask
    ends = ((ordered[1:] - ordered[:-1]) > gap * ordered[:-1]).nonzero()[:, 0]  # last index of all groups but one
    bounds = torch.cat((ends.new_tensor([-1]), ends, ends.new_tensor([len(ordered) - 1])))
    largest = int((bounds[1:] - bounds[:-1]).argmax())
    nearest, farthest = ordered[bounds[largest] + 1], ordered[bounds[largest + 1]]
    return mask & ~(measured & ((depth < nearest) | (depth > farthest)))


def _check_box(center: torch.Tensor, size: torch.Tensor, rotation: torch.Tensor) -> None:
    """Raise if the three parts are not an oriented box."""
    check_shape("center", center, (3,))
    check_shape("size", size, (3,))
    check_shape("rotation", rotation, (3, 3))
    if not bool((torch.isfinite(center) & torch.isfinite(size) & (size > 0)).all()):
        raise ValueError(
            f"`center` must be finite and `size` positive, got {center.tolist()} and {size.tolist()}. "
            "Sizes are full extents along the box's own axes."
        )
    check_rigid("rotation", torch.block_diag(rotation, rotation.new_ones(1, 1)))


def points_in_box(
    points_world: torch.Tensor,
    valid: torch.Tensor,
    *,
    center: torch.Tensor,
    size: torch.Tensor,
    rotation: torch.Tensor,
) -> torch.Tensor:
    """Tell which measured points lie in an oriented box grown by max(1 cm, 2 % of its extent) on each side.

    Args:
        points_world (`torch.Tensor` of shape `(*, 3)`):
            Metres.
        valid (`torch.Tensor` of shape `(*)`):
            Boolean.
        center (`torch.Tensor` of shape `(3,)`):
            Metres.
        size (`torch.Tensor` of shape `(3,)`):
            Metres, full extents.
        rotation (`torch.Tensor` of shape `(3, 3)`):
            Box to world.

    Returns:
        `torch.Tensor` of shape `(*)`, boolean.

    Raises:
        ValueError: If a shape is wrong, a size is not positive or the rotation is not one.
    """
    check_shape("points_world", points_world, (*valid.shape, 3))
    _check_box(center, size, rotation)
    center, size, rotation = (part.to(points_world.dtype) for part in (center, size, rotation))
    points_box = (points_world - center) @ rotation
    limits = size / 2 + (0.02 * size).clamp(min=0.01)
    return valid & (points_box.abs() <= limits).all(dim=-1)


def box_corners(center: torch.Tensor, size: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
    """Return the corners of an oriented box; bits 4, 2, 1 of the index choose the upper end along x, y, z.

    Args:
        center (`torch.Tensor` of shape `(3,)`):
            Metres.
        size (`torch.Tensor` of shape `(3,)`):
            Metres, full extents.
        rotation (`torch.Tensor` of shape `(3, 3)`):
            Box to world.

    Returns:
        `torch.Tensor` of shape `(8, 3)`, metres, world frame.

    Raises:
        ValueError: If a shape is wrong, a size is not positive or the rotation is not one.
    """
    _check_box(center, size, rotation)
    ends = torch.tensor([-0.5, 0.5], dtype=center.dtype, device=center.device)
    return (torch.cartesian_prod(ends, ends, ends) * size) @ rotation.T + center


def _clip_near(corners_camera: torch.Tensor) -> torch.Tensor:
    """Return the corners of a box beyond the near plane, and where its edges meet that plane."""
    pairs = [(i, i | bit) for bit in (1, 2, 4) for i in range(8) if not i & bit]
    start, end = corners_camera[[i for i, _ in pairs]], corners_camera[[j for _, j in pairs]]  # (12, 3)
    depth_start, depth_end = start[:, 2] - NEAR_PLANE_M, end[:, 2] - NEAR_PLANE_M
    crosses = depth_start * depth_end < 0
    share = (depth_start / (depth_start - depth_end))[crosses, None]
    crossings = start[crosses] + share * (end[crosses] - start[crosses])
    return torch.cat((corners_camera[corners_camera[:, 2] >= NEAR_PLANE_M], crossings))


def _half_hull(ordered: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the chain of left turns through sorted points, without its last point."""
    chain: list[tuple[float, float]] = []
    for x, y in ordered:
        while len(chain) >= 2:
            (ax, ay), (bx, by) = chain[-2:]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain[:-1]


def _convex_hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the corners of the convex hull in one sense of rotation (Andrew's monotone chain)."""
    ordered = sorted(set(points))
    return _half_hull(ordered) + _half_hull(ordered[::-1])


def project_box_mask(
    corners_world: torch.Tensor, world_to_camera: torch.Tensor, intrinsics: torch.Tensor, size_hw: tuple[int, int]
) -> torch.Tensor:
    """Mark the pixels whose centre lies in the projection of a box, ignoring what may stand in front of it.

    Used where a view has no depth. The box is cut at `NEAR_PLANE_M` in front of the camera, so a box that the camera
    stands in still covers what it should.

    Args:
        corners_world (`torch.Tensor` of shape `(8, 3)`):
            Metres, from `box_corners`.
        world_to_camera (`torch.Tensor` of shape `(4, 4)`):
            Inverse of the pose.
        intrinsics (`torch.Tensor` of shape `(3, 3)`):
            Pixels, at `size_hw`.
        size_hw (`tuple[int, int]`):
            Pixels, rows first.

    Returns:
        `torch.Tensor` of shape `size_hw`, boolean; all false if the box is behind the camera.

    Raises:
        ValueError: If a shape is wrong.
    """
    check_shape("corners_world", corners_world, (8, 3))
    corners_camera = transform_points(corners_world.double(), world_to_camera)
    pixels_uv, _ = project_points(_clip_near(corners_camera), intrinsics)
    hull = _convex_hull([tuple(pixel) for pixel in pixels_uv.tolist()])
    height, width = size_hw
    if len(hull) < 3:
        return torch.zeros(height, width, dtype=torch.bool, device=corners_world.device)
    v = torch.arange(height, dtype=torch.float64, device=corners_world.device)[:, None]
    u = torch.arange(width, dtype=torch.float64, device=corners_world.device)[None, :]
    mask = torch.ones(height, width, dtype=torch.bool, device=corners_world.device)
    for (ax, ay), (bx, by) in zip(hull, hull[1:] + hull[:1], strict=True):
        mask &= (bx - ax) * (v - ay) - (by - ay) * (u - ax) >= 0
    return mask


def box_from_points(points: torch.Tensor) -> dict[str, torch.Tensor]:
    """Fit a robust oriented box that stands on the horizontal plane.

    The distance of two regions is that of their centres, the width is `size[0]`, the height `size[2]`.

    Args:
        points (`torch.Tensor` of shape `(N, 3)`):
            Metres, z-up frame, at least three.

    Returns:
        `dict[str, torch.Tensor]`: `center` (3,), `size` (3,) along the long and the short horizontal axis and up, and
        `rotation` (3, 3), box to world.

    Raises:
        ValueError: If the shape is wrong or there are fewer than three points.
    """
    check_shape("points", points, ("N", 3))
    if len(points) < MIN_BOX_POINTS:
        raise ValueError(
            f"`points` must hold at least {MIN_BOX_POINTS} points, got {len(points)}. Mark a larger region."
        )
    rotation, low, high = _oriented_axes(sample_views([points], MAX_REGION_POINTS))
    return {"center": rotation @ ((low + high) / 2), "size": (high - low) / (1.0 - 2.0 * TRIM), "rotation": rotation}
