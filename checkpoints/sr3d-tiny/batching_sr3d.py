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
"""Stages 2 to 4 of 5, batching: encoded samples + the regions that their texts mention -> tile-major tensors.

The first axis of every tensor counts the tiles of the whole batch, so that slicing, beams and data parallel can cut it
without indices that cross samples. Regions become mentions here: one channel per mention in the order of the text,
padded with zeros to the sample with the most mentions. The price is that scale and descriptors are repeated on every
tile of their sample.

This file is copied to the Hub next to the weights: it imports torch, transformers and sibling `*_sr3d` files only.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import BatchFeature

from .chat_sr3d import mention_index


VISION_INPUT_NAMES = [
    "pixel_values",
    "patch_points",
    "patch_valid",
    "metric_scale",
    "region_coverage",
    "region_descriptors",
]


# Coordinates and lengths: in bfloat16 a point 5 m away is known to 2 cm, and fine waves of a length to nothing.
EXACT_INPUT_NAMES = ("patch_points", "metric_scale", "region_descriptors")


class SR3DBatchFeature(BatchFeature):
    """A batch whose geometry stays in float32 where `to` is asked for another floating-point type."""

    def to(self, *args: Any, **kwargs: Any) -> "SR3DBatchFeature":
        """Move the batch, as `BatchFeature.to` does; points, scales and descriptors keep their type."""
        exact = {name: self[name] for name in EXACT_INPUT_NAMES if isinstance(self.get(name), torch.Tensor)}
        super().to(*args, **kwargs)
        for name, tensor in exact.items():
            self[name] = tensor.to(self[name].device)
        return self


def mentioned_regions(
    encoded: Sequence[dict | None], replacements: Sequence[Sequence[dict]], name: str = "text"
) -> list[list[int]]:
    """Find which regions of its sample each text mentions.

    Args:
        encoded (`Sequence[dict | None]`):
            Encoded samples, `None` for a text without images.
        replacements (`Sequence[Sequence[dict]]`):
            What `expand_placeholders` replaced in each text.
        name (`str`, defaults to `"text"`):
            Name of the argument, for messages.

    Returns:
        `list[list[int]]`: For each text the indices of mentioned regions, in order and with repetitions.

    Raises:
        ValueError: If a text mentions a region that its sample does not have.
    """
    numbers = [[] if sample is None else sample["region_numbers"] for sample in encoded]
    return [
        [mention_index(item["number"], known, f"{name}[{index}]") for item in items if item["type"] == "region"]
        for index, (known, items) in enumerate(zip(numbers, replacements, strict=True))
    ]


def gather_samples(encoded: Sequence[dict | None], mentions: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
    """Concatenate encoded samples, with one region channel per mention.

    Args:
        encoded (`Sequence[dict | None]`):
            What `SR3DProcessor.encode_views` returned for each text, `None` for a text without images.
        mentions (`Sequence[Sequence[int]]`):
            For each text the indices of the regions that it mentions, in order and with repetitions.

    Returns:
        `dict[str, torch.Tensor]`: `pixel_values` of shape `(tiles, 3, S, S)`; if any sample has depth `patch_points`
        of shape `(tiles, h, w, 3)`, `patch_valid` of shape `(tiles, h, w)` and `metric_scale` of shape `(tiles, 1)`;
        if any text mentions a region `region_coverage` of shape `(tiles, mentions, h, w)` and `region_descriptors` of
        shape `(tiles, mentions, 13)`. Empty if no sample has images.
    """
    samples = [(sample, mentioned) for sample, mentioned in zip(encoded, mentions, strict=True) if sample is not None]
    if not samples:
        return {}
    pixels = [sample["pixel_values"] for sample, _ in samples]
    data = {"pixel_values": pixels[0] if len(pixels) == 1 else torch.cat(pixels)}  # tens of megabytes: no idle copy
    if any(sample["provenance"]["geometry"] != "none" for sample, _ in samples):
        data["patch_points"] = torch.cat([sample["patch_points"] for sample, _ in samples])
        data["patch_valid"] = torch.cat([sample["patch_valid"] for sample, _ in samples])
        scales = [torch.full((len(sample["pixel_values"]), 1), sample["metric_scale"]) for sample, _ in samples]
        data["metric_scale"] = torch.cat(scales)
    num_mentions = max(len(mentioned) for _, mentioned in samples)
    if num_mentions:
        pairs = [_mentioned_regions(sample, list(mentioned), num_mentions) for sample, mentioned in samples]
        data["region_coverage"] = torch.cat([coverage for coverage, _ in pairs])
        data["region_descriptors"] = torch.cat([descriptors for _, descriptors in pairs])
    return data


def _mentioned_regions(sample: dict, mentioned: list[int], num_mentions: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return coverage `(T, num_mentions, h, w)` and descriptors `(T, num_mentions, D)` of one sample."""
    padding = (0, num_mentions - len(mentioned))
    coverage = torch.nn.functional.pad(sample["region_coverage"][:, mentioned], (0, 0, 0, 0, *padding))
    descriptors = torch.nn.functional.pad(sample["region_descriptors"][mentioned], (0, 0, *padding))
    return coverage, descriptors.expand(len(coverage), -1, -1)


def gather_provenance(encoded: Sequence[dict | None], mentions: Sequence[Sequence[int]]) -> list[dict]:
    """Say for each text what its geometry rests on, and which of its regions it mentions.

    Args:
        encoded (`Sequence[dict | None]`):
            Encoded samples, as for `gather_samples`.
        mentions (`Sequence[Sequence[int]]`):
            Indices of mentioned regions, as for `gather_samples`.

    Returns:
        `list[dict]`: `geometry`, `gravity` and `regions`, a list with one dictionary per region of the sample.
    """
    nothing = {"geometry": "none", "gravity": "none", "regions": []}
    gathered = []
    for sample, mentioned in zip(encoded, mentions, strict=True):
        provenance = nothing if sample is None else sample["provenance"]
        regions = [{**region, "mentioned": index in mentioned} for index, region in enumerate(provenance["regions"])]
        gathered.append({**provenance, "regions": regions})
    return gathered
