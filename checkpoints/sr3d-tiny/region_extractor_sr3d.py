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
"""Stage 4 of 5, regions: vision features + soft region masks + region geometry -> one token per mention.

A region token is the mean of the stitched vision features under the region's soft mask, over all tiles and views of
its sample jointly. A mean over stitched tiles is the sum of per-tile sums over the sum of per-tile weights, so no
stitched map is ever built and every tensor stays tile-major; `tests/test_region_extractor_sr3d.py` keeps the slow
twin that really stitches. The price: only means can be pooled this way, not maxima.

A mean tells where a region is long before it tells how large it is, so a small descriptor of the region's own points
(`region_geometry_sr3d.py`) enters through an MLP whose last layer starts at zero. Its lengths are expanded in sines
and cosines first, and the centre is repeated in metres.

This file is copied to the Hub next to the weights: it imports torch and sibling `*_sr3d` files only.
"""

import torch
from torch import nn

from .configuration_sr3d import SR3DConfig
from .position_encoding_sr3d import SR3DZeroInitLinear
from .region_geometry_sr3d import REGION_DESCRIPTOR_SIZE


NUM_LENGTHS = 9  # entries of the descriptor that are lengths: centre, spread, log extents
LENGTH_OCTAVES = 5  # 1, 2, 4, 8, 16 radians per unit: the finest wave tells log extents apart that differ by 20 %
NUM_GEOMETRY_FEATURES = (NUM_LENGTHS + 3) * (1 + 2 * LENGTH_OCTAVES) + REGION_DESCRIPTOR_SIZE - NUM_LENGTHS


def pool_regions(features: torch.Tensor, coverage: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum the vision features of each tile under each region's soft mask.

    Args:
        features (`torch.Tensor` of shape `(tiles, h, w, D)`):
            Vision features on the patch grid.
        coverage (`torch.Tensor` of shape `(tiles, mentions, h, w)`):
            Share of each patch that the mentioned region covers, 0 to 1; zero on a thumbnail.

    Returns:
        `tuple[torch.Tensor, torch.Tensor]`: sums of shape `(tiles, mentions, D)` and weights of shape
        `(tiles, mentions)`, float32. Sums over the tiles of a sample, divided by the weights, are region features.
    """
    # float32, also under autocast: the sum runs over up to 32 views of 1024 patches, more than bfloat16 can count.
    with torch.autocast(features.device.type, enabled=False):
        coverage = coverage.float().flatten(2)
        return coverage @ features.float().flatten(1, 2), coverage.sum(-1)


def expand_descriptors(
    descriptors: torch.Tensor, metric_scale: torch.Tensor | None, *, withhold_scale: bool = False
) -> torch.Tensor:
    """Turn region descriptors into features that a network reads easily.

    The centre is repeated in metres, so that the distance of two regions no longer hides in a product, and every
    length `x` is joined by `sin(2^k x)` and `cos(2^k x)`.

    Args:
        descriptors (`torch.Tensor` of shape `(tiles, mentions, REGION_DESCRIPTOR_SIZE)`):
            See `region_descriptor`.
        metric_scale (`torch.Tensor` of shape `(tiles, 1)` or `None`):
            Metres per canonical unit; 0, or none at all, means unknown and puts the centre in metres at zero.
        withhold_scale (`bool`, *optional*, defaults to `False`):
            Whether to give extents in canonical units and no metres at all, as if the depth were relative.

    Returns:
        `torch.Tensor` of shape `(tiles, mentions, NUM_GEOMETRY_FEATURES)`, float32.
    """
    place, log_extents, is_metric, shares = descriptors.float().split((6, 3, 1, 3), dim=-1)
    scale = torch.zeros_like(is_metric[:, :1]) if metric_scale is None else metric_scale.float()[..., None]
    if withhold_scale:
        log_extents = log_extents - is_metric * torch.where(scale > 0, scale, 1.0).log()
        scale, is_metric = torch.zeros_like(scale), torch.zeros_like(is_metric)
    lengths = torch.cat((place, log_extents, place[..., :3] * scale), dim=-1)  # (tiles, mentions, 12)
    octaves = 2.0 ** torch.arange(LENGTH_OCTAVES, device=lengths.device, dtype=torch.float32)
    angles = (lengths[..., None] * octaves).flatten(-2)  # (tiles, mentions, 12 * octaves)
    return torch.cat((lengths, angles.sin(), angles.cos(), is_metric, shares), dim=-1)


class SR3DRegionExtractor(nn.Module):
    """Project pooled vision features, and the descriptor of a region's own points, to the language model's width."""

    def __init__(self, config: SR3DConfig):
        super().__init__()
        hidden_size = config.get_text_config().hidden_size
        self.projector = nn.Linear(config.vision_config.hidden_size, hidden_size)
        self.geometry_fc1 = nn.Linear(NUM_GEOMETRY_FEATURES, hidden_size) if config.use_region_geometry else None
        self.geometry_fc2 = SR3DZeroInitLinear(hidden_size, hidden_size) if config.use_region_geometry else None

    def forward(self, sums: torch.Tensor, weights: torch.Tensor, geometry: torch.Tensor | None) -> torch.Tensor:
        """
        Args:
            sums (`torch.Tensor` of shape `(*, mentions, vision_hidden_size)`):
                Features summed over the tiles of each sample.
            weights (`torch.Tensor` of shape `(*, mentions)`):
                Weights summed over the same tiles. A region without weight gets a zero feature.
            geometry (`torch.Tensor` of shape `(*, mentions, NUM_GEOMETRY_FEATURES)` or `None`):
                What `expand_descriptors` returned. Not used with `use_region_geometry=False`.

        Returns:
            `torch.Tensor` of shape `(*, mentions, hidden_size)`.
        """
        features = sums / weights.clamp(min=1e-8)[..., None]
        tokens = self.projector(features.to(self.projector.weight.dtype))
        if self.geometry_fc1 is None:
            return tokens
        hidden = nn.functional.gelu(self.geometry_fc1(geometry.to(self.geometry_fc1.weight.dtype)))
        return tokens + self.geometry_fc2(hidden)


__all__ = ["SR3DRegionExtractor", "expand_descriptors", "pool_regions"]
