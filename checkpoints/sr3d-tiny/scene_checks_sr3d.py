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
"""Stage 0 of 5, a look at the views of a sample: do depth maps and poses fit together, or is something swapped?

`prepare_views` refuses what cannot be right. This file warns of what is very likely wrong: pixels of some views are
taken into others, and their depth there is compared with what was measured. It costs a few milliseconds, so it finds
gross faults only (inverted poses, the other camera axes, another unit) and does not tell which; `sr3d doctor` does.

This file is copied to the Hub next to the weights: it imports torch and sibling `*_sr3d` files only.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import torch

from .geometry_sr3d import invert_rigid, project_points, transform_points


# At most this many views are compared with one another, at equal steps.
MAX_COMPARED_VIEWS = 6
GRID_SIDE = 32
# Depths that differ by more than this share are not of the same surface.
DEPTH_TOLERANCE = 0.05
# With fewer pixels of one view on another, nothing is said.
MIN_SHARED_PIXELS = 100
# Points before what another view sees, among these and those that agree. A sound scene has hardly any.
MAX_CONTRADICTED_SHARE = 0.25
# Pixels that agree, among all that fall on a measured one; the rest may be hidden from the other view.
MIN_AGREED_SHARE = 0.3
USUAL_MEDIAN_DEPTH_M = (0.05, 50.0)
# A camera farther than this many times the largest depth from its nearest other one cannot see the same scene.
MAX_BASELINE_IN_DEPTHS = 5.0


def check_baseline(poses: list | None, depths: list[torch.Tensor | None]) -> None:
    """Refuse poses whose distances do not fit the depth, such as millimetres beside metres.

    Args:
        poses (`list[torch.Tensor | None]`, each of shape `(4, 4)`, *optional*):
            Camera to world, of the views.
        depths (`list[torch.Tensor | None]`, each of shape `(h, w)`):
            In the unit of the poses; 0 means not measured.

    Raises:
        ValueError: If a camera is farther from all others than some largest depths.
    """
    largest = max((float(depth.max()) for depth in depths if depth is not None), default=0.0)
    if poses is None or largest == 0.0:
        return
    places = torch.stack([pose[:3, 3] for pose in poses if pose is not None])
    if len(places) < 2:
        return
    distances = torch.cdist(places, places).fill_diagonal_(torch.inf)
    farthest = float(distances.amin(dim=1).max())
    if farthest > MAX_BASELINE_IN_DEPTHS * largest:
        raise ValueError(
            f"`camera_to_world` or `world_to_camera` must be in metres like the depth, got a camera {farthest:g} m "
            f"from its nearest other one with a largest depth of {largest:g} m. Divide the translations by 1000 if "
            "they are in millimetres; leave out a view of another place."
        )


def warn_of_views(views: Mapping[str, Any]) -> list[str]:
    """Warn if depth and poses very likely do not fit together.

    Args:
        views (`Mapping[str, Any]`):
            What `prepare_views` returned.

    Returns:
        `list[str]`: The warnings, which belong to the provenance of every answer, too.
    """
    found = [f"{message} Run `sr3d doctor` on the scene to see what would mend it." for message in suspicions(views)]
    for message in found:
        warnings.warn(message, stacklevel=3)
    return found


def suspicions(views: Mapping[str, Any]) -> list[str]:
    """Find what is very likely wrong with the views of a sample.

    Args:
        views (`Mapping[str, Any]`):
            What `prepare_views` returned.

    Returns:
        `list[str]`: One sentence each; empty for a sound sample.
    """
    found = []
    measured = [
        depth[valid] for depth, valid in zip(views["depths"], views["valid"], strict=True) if depth is not None
    ]
    if views["metric"] and any(len(depth) for depth in measured):
        median = float(torch.cat(measured).median())
        low, high = USUAL_MEDIAN_DEPTH_M
        if not low <= median <= high:
            found.append(f"`depths` have a median of {median:.3g} m, which is unusual for metres.")
    landed, agreed, contradicted = count_agreement(views)
    if landed < MIN_SHARED_PIXELS:
        return found
    share = contradicted / max(1, contradicted + agreed)
    if share > MAX_CONTRADICTED_SHARE or agreed < MIN_AGREED_SHARE * landed:
        found.append(
            f"`depths` and poses of the views do not fit together: of {landed} pixels that fall on another view "
            f"{agreed / landed:.0%} have the depth that it measured, and {contradicted / landed:.0%} lie in front of "
            "what it sees. Check pose direction, camera axes, depth unit and intrinsics."
        )
    return found


def count_agreement(views: Mapping[str, Any]) -> tuple[int, int, int]:
    """Take pixels of some views into the others, and compare depths.

    Args:
        views (`Mapping[str, Any]`):
            What `prepare_views` returned.

    Returns:
        `tuple[int, int, int]`: Pixels that fall on a measured one of another view, those of them whose depth agrees,
        and those in front of what the other view sees.
    """
    usable = [index for index, depth in enumerate(views["depths"]) if depth is not None]
    if len(usable) < 2:
        return 0, 0, 0
    steps = torch.linspace(0, len(usable) - 1, min(MAX_COMPARED_VIEWS, len(usable))).long().tolist()
    looks = [_Look(views, usable[step]) for step in steps]
    counts = torch.zeros(3, dtype=torch.long)
    for here in looks:
        for there in looks:
            counts += there.compare(here.points_world) if there is not here else 0
    landed, agreed, contradicted = counts.tolist()
    return landed, agreed, contradicted


class _Look:
    """One view, on a coarse grid of pixels."""

    def __init__(self, views: Mapping[str, Any], index: int):
        self.depth = views["depths"][index]
        self.world_to_camera = invert_rigid(views["camera_to_world"][index])
        rows, columns = (torch.linspace(0, size - 1, min(GRID_SIDE, size)).round().long() for size in self.depth.shape)
        valid = views["valid"][index][rows][:, columns]
        self.points_world = views["points"][index][rows][:, columns][valid]
        pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)[valid]
        self.intrinsics = _fit_intrinsics(transform_points(self.points_world, self.world_to_camera), pixels)

    def compare(self, points_world: torch.Tensor) -> torch.Tensor:
        """Count points `(N, 3)` that land, agree and contradict."""
        points_camera = transform_points(points_world, self.world_to_camera)
        pixels, in_front = project_points(points_camera, self.intrinsics)
        columns, rows = pixels.round().unbind(-1)
        height, width = self.depth.shape
        inside = in_front & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        seen = self.depth[rows[inside].long(), columns[inside].long()]
        ratio = points_camera[inside, 2][seen > 0] / seen[seen > 0]
        agreed = (ratio - 1).abs() < DEPTH_TOLERANCE
        return torch.stack([torch.tensor(len(ratio)), agreed.sum(), (ratio <= 1 - DEPTH_TOLERANCE).sum()])


def _fit_intrinsics(points_camera: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Find the camera that took points `(N, 3)` to pixels `(N, 2)`: the depth's own, which may not be the image's."""
    rays = points_camera[:, :2] / points_camera[:, 2:]
    intrinsics = torch.eye(3, dtype=rays.dtype)
    for axis in range(2):
        design = torch.stack((rays[:, axis], torch.ones(len(rays), dtype=rays.dtype)), dim=1)
        intrinsics[axis, axis], intrinsics[axis, 2] = torch.linalg.lstsq(
            design, pixels[:, axis, None].to(rays)
        ).solution
    return intrinsics
