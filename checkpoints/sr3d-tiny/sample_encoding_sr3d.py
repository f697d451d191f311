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
"""Stages 1 and 2 of 5, one sample: views in a world + regions -> tiles, patch points, masks and region geometry.

    points of all views     -> one shift and one scale              canonical_frame
    points of each view     -> canonical frame, per pixel           to_canonical
    points of each region   -> 13 numbers, over all views jointly   region_descriptor
    images, points, masks   -> tiles on one common grid             SR3DImageProcessor

This is the only place that puts geometry into the canonical frame. Region geometry is taken from pixels, not from
patches, because a patch mean blurs what is smaller than a patch; the price is one pass over the points of each region.

This file is copied to the Hub next to the weights: it imports torch and sibling `*_sr3d` files only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from .geometry_sr3d import canonical_frame, to_canonical
from .region_geometry_sr3d import REGION_DESCRIPTOR_SIZE, region_descriptor
from .region_prompts_sr3d import region_points


def encode_sample(
    views: Mapping[str, Any], regions: Sequence[Mapping[str, Any]], cut_into_tiles: Callable, patch_size: int
) -> dict[str, Any]:
    """Encode the views and regions of one sample.

    Args:
        views (`Mapping[str, Any]`):
            What `prepare_views` returned.
        regions (`Sequence[Mapping[str, Any]]`):
            What `read_regions` returned.
        cut_into_tiles (`Callable`):
            Takes images, `point_maps`, `point_valid` and `region_masks`, as `SR3DImageProcessor` does, and returns
            tensors.
        patch_size (`int`):
            Side of a patch in pixels.

    Returns:
        `dict[str, Any]`: See `SR3DProcessor.encode_views`.
    """
    maps = [pair for pair in zip(views["points"], views["valid"], strict=True) if pair[0] is not None]
    frame = canonical_frame([points for points, _ in maps], [valid for _, valid in maps])
    # Metres per canonical unit is the scale that was divided out; 0 says that nobody knows it.
    metric_scale = float(frame[1]) if views["metric"] else 0.0

    points_canonical = [
        None if points is None else to_canonical(points, valid, *frame)
        for points, valid in zip(views["points"], views["valid"], strict=True)
    ]
    tiles = cut_into_tiles(
        views["images"],
        point_maps=points_canonical,
        point_valid=views["valid"],
        region_masks=[_masks_of_view(regions, index) for index in range(len(views["images"]))],
    )
    num_tiles, side = len(tiles["pixel_values"]), tiles["pixel_values"].shape[-1] // patch_size
    return {
        "patch_points": torch.zeros((num_tiles, side, side, 3)),
        "patch_valid": torch.zeros((num_tiles, side, side), dtype=torch.bool),
        "region_coverage": torch.zeros((num_tiles, len(regions), side, side)),
        **tiles,
        "metric_scale": metric_scale,
        "region_numbers": [region["number"] for region in regions],
        "region_descriptors": _describe_regions(regions, views, frame, metric_scale),
        "provenance": _provenance(views, regions),
    }


def _masks_of_view(regions: Sequence[Mapping[str, Any]], view: int) -> torch.Tensor | None:
    """Return the masks of all regions on one view, `(R, H, W)`, or `None` where the view shows no region."""
    masks = [region["masks"][view] for region in regions]
    shown = next((mask for mask in masks if mask is not None), None)
    if shown is None:
        return None
    return torch.stack([torch.zeros_like(shown) if mask is None else mask for mask in masks])


def _describe_regions(
    regions: Sequence[Mapping[str, Any]],
    views: Mapping[str, Any],
    frame: tuple[torch.Tensor, torch.Tensor],
    metric_scale: float,
) -> torch.Tensor:
    center, scale = frame
    descriptors = torch.zeros((len(regions), REGION_DESCRIPTOR_SIZE))
    for row, region in enumerate(regions):
        # Not clamped as the patches are: what lies far out keeps its true size.
        descriptors[row] = region_descriptor(
            [(points - center) / scale for points in region_points(region["masks"], views)],
            metric_scale=metric_scale,
            valid_share=region["valid_share"],
            kept_share=region["kept_share"],
            touches_border=region["touches_border"],
        )
    return descriptors


def _provenance(views: Mapping[str, Any], regions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = {"region": "number", "valid": "valid_share", "kept": "kept_share", "views": "num_views"}
    return {
        "geometry": views["geometry"],
        "gravity": views["gravity"],
        "regions": [{name: region[key] for name, key in names.items()} for region in regions],
        **({"suspicions": views["suspicions"]} if "suspicions" in views else {}),
    }
