# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Batching of encoded samples. Samples are told apart by the numbers that fill their tensors."""

import pytest
import torch

from transformers_sr3d.batching_sr3d import gather_provenance, gather_samples, mentioned_regions


def sample(num_tiles: int, num_regions: int, fill: float, *, geometry: str = "metric") -> dict:
    """Region r of a sample is filled with `fill + r / 10`."""
    marks = fill + torch.arange(num_regions) / 10
    return {
        "pixel_values": torch.full((num_tiles, 3, 2, 2), fill),
        "num_tiles": [num_tiles],
        "patch_points": torch.full((num_tiles, 1, 1, 3), fill),
        "patch_valid": torch.full((num_tiles, 1, 1), geometry != "none"),
        "metric_scale": fill if geometry == "metric" else 0.0,
        "region_numbers": list(range(num_regions)),
        "region_coverage": marks[None, :, None, None].expand(num_tiles, -1, 1, 1),
        "region_descriptors": marks[:, None].expand(-1, 13),
        "provenance": {
            "geometry": geometry,
            "gravity": "none",
            "regions": [{"region": r} for r in range(num_regions)],
        },
    }


def test_tiles_are_concatenated_and_scales_repeated():
    data = gather_samples([sample(2, 0, 1.0), None, sample(1, 0, 5.0)], [[], [], []])
    assert data["pixel_values"][:, 0, 0, 0].tolist() == [1.0, 1.0, 5.0]
    assert data["metric_scale"].tolist() == [[1.0], [1.0], [5.0]]
    assert "region_coverage" not in data


def test_mentions_follow_the_text_and_are_padded_with_zeros():
    data = gather_samples([sample(2, 2, 1.0), sample(1, 1, 5.0)], [[1, 0, 1], [0]])
    channels = data["region_coverage"][:, :, 0, 0]
    torch.testing.assert_close(channels, torch.tensor([[1.1, 1.0, 1.1], [1.1, 1.0, 1.1], [5.0, 0.0, 0.0]]))
    assert torch.equal(data["region_descriptors"], channels[..., None].expand(-1, -1, 13))


def test_relative_depth_has_scale_zero():
    data = gather_samples([sample(1, 0, 2.0, geometry="relative"), sample(1, 0, 3.0)], [[], []])
    assert data["metric_scale"].tolist() == [[0.0], [3.0]]


def test_depth_keys_appear_with_the_first_depth():
    without = gather_samples([sample(1, 0, 2.0, geometry="none")], [[]])
    assert set(without) == {"pixel_values"}
    mixed = gather_samples([sample(1, 0, 2.0, geometry="none"), sample(1, 0, 3.0)], [[], []])
    assert mixed["patch_valid"].flatten().tolist() == [False, True]


def test_texts_alone_give_nothing():
    assert gather_samples([None, None], [[], []]) == {}


def test_mentions_are_looked_up_in_their_own_sample():
    items = [[{"type": "image"}, {"type": "region", "number": 1}, {"type": "region", "number": 0}], []]
    assert mentioned_regions([sample(1, 2, 1.0), None], items) == [[1, 0], []]


def test_a_text_without_images_mentions_no_region():
    with pytest.raises(ValueError, match=r"`text\[1\]` mentions <region0>, but its sample has no regions"):
        mentioned_regions([None, None], [[], [{"type": "region", "number": 0}]])


def test_provenance_lists_regions_that_nobody_mentions():
    first, second = gather_provenance([sample(1, 2, 1.0), None], [[1], []])
    assert first["regions"] == [{"region": 0, "mentioned": False}, {"region": 1, "mentioned": True}]
    assert second == {"geometry": "none", "gravity": "none", "regions": []}
