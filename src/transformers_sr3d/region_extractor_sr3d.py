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
(`region_geometry_sr3d.py`) enters through an MLP whose last layer starts at zero.

This file is copied to the Hub next to the weights: it imports torch and sibling `*_sr3d` files only.
"""

import torch
from torch import nn

from .configuration_sr3d import SR3DConfig
from .position_encoding_sr3d import SR3DZeroInitLinear
from .region_geometry_sr3d import REGION_DESCRIPTOR_SIZE


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
    # float32: the sum runs over up to 32 views of 1024 patches, more than bfloat16 can count.
    coverage = coverage.float().flatten(2)
    return coverage @ features.float().flatten(1, 2), coverage.sum(-1)


class SR3DRegionExtractor(nn.Module):
    """Project pooled vision features, and the descriptor of a region's own points, to the language model's width."""

    def __init__(self, config: SR3DConfig):
        super().__init__()
        hidden_size = config.get_text_config().hidden_size
        self.projector = nn.Linear(config.vision_config.hidden_size, hidden_size)
        self.geometry_fc1 = nn.Linear(REGION_DESCRIPTOR_SIZE, hidden_size) if config.use_region_geometry else None
        self.geometry_fc2 = SR3DZeroInitLinear(hidden_size, hidden_size) if config.use_region_geometry else None

    def forward(self, sums: torch.Tensor, weights: torch.Tensor, descriptors: torch.Tensor | None) -> torch.Tensor:
        """
        Args:
            sums (`torch.Tensor` of shape `(*, mentions, vision_hidden_size)`):
                Features summed over the tiles of each sample.
            weights (`torch.Tensor` of shape `(*, mentions)`):
                Weights summed over the same tiles. A region without weight gets a zero feature.
            descriptors (`torch.Tensor` of shape `(*, mentions, REGION_DESCRIPTOR_SIZE)` or `None`):
                Geometry of each mentioned region. Not used with `use_region_geometry=False`.

        Returns:
            `torch.Tensor` of shape `(*, mentions, hidden_size)`.
        """
        features = sums / weights.clamp(min=1e-8)[..., None]
        tokens = self.projector(features.to(self.projector.weight.dtype))
        if self.geometry_fc1 is None:
            return tokens
        geometry = nn.functional.gelu(self.geometry_fc1(descriptors.to(self.geometry_fc1.weight.dtype)))
        return tokens + self.geometry_fc2(geometry)


__all__ = ["SR3DRegionExtractor", "pool_regions"]
