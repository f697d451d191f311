# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 4, regions: pooling tiles apart equals pooling the stitched map, and a full mask is a plain mean."""

import math

import pytest
import torch
from tiny_model import make_tiny_config, wake_zero_layers

from transformers_sr3d.region_extractor_sr3d import SR3DRegionExtractor, expand_descriptors, pool_regions
from transformers_sr3d.tiling_sr3d import stitch_tiles


# Against the slow twin, 100 seeds of six tiles on a CPU in float32: at most 6e-8.
POOLING_TOLERANCE = {"atol": 1e-6, "rtol": 1e-5}


def pool_stitched_twin(features, coverage, grid_hw):
    """Really stitch the tiles, then take each region's weighted mean, pixel by pixel."""
    feature_map = stitch_tiles(features.permute(0, 3, 1, 2)[None], grid_hw)[0]  # (D, H, W)
    coverage_map = stitch_tiles(coverage[None], grid_hw)[0]  # (mentions, H, W)
    means = []
    for mask in coverage_map:
        total, weight = torch.zeros(feature_map.shape[0], dtype=torch.float64), 0.0
        for row in range(mask.shape[0]):
            for column in range(mask.shape[1]):
                total += mask[row, column].double() * feature_map[:, row, column].double()
                weight += float(mask[row, column])
        means.append(total / weight)
    return torch.stack(means).float()


@pytest.mark.parametrize("grid_hw", [(1, 1), (2, 3)], ids=["1x1", "2x3"])
def test_summing_tiles_equals_pooling_the_stitched_map(grid_hw):
    tiles = grid_hw[0] * grid_hw[1]
    features, coverage = torch.randn(tiles, 4, 4, 6), torch.rand(tiles, 3, 4, 4)
    sums, weights = pool_regions(features, coverage)
    expected = pool_stitched_twin(features, coverage, grid_hw)
    torch.testing.assert_close(sums.sum(0) / weights.sum(0)[:, None], expected, **POOLING_TOLERANCE)


def test_full_mask_gives_the_mean_of_the_features():
    features = torch.randn(2, 4, 4, 6)
    sums, weights = pool_regions(features, torch.ones(2, 1, 4, 4))
    torch.testing.assert_close(
        sums.sum(0) / weights.sum(0)[:, None], features.mean((0, 1, 2))[None], **POOLING_TOLERANCE
    )


def test_bfloat16_features_are_summed_in_float32():
    features = torch.ones(1, 64, 64, 2, dtype=torch.bfloat16)
    sums, weights = pool_regions(features, torch.ones(1, 1, 64, 64, dtype=torch.bfloat16))
    assert (sums[0, 0, 0].item(), weights.item()) == (4096.0, 4096.0)


def test_a_region_without_weight_gives_the_projector_bias():
    extractor = SR3DRegionExtractor(make_tiny_config(use_region_geometry=False))
    token = extractor(torch.zeros(1, 1, 24), torch.zeros(1, 1), None)
    torch.testing.assert_close(token[0, 0], extractor.projector.bias)


def test_descriptor_changes_the_token_once_awake():
    extractor = SR3DRegionExtractor(make_tiny_config())
    sums, weights = torch.randn(1, 1, 24), torch.ones(1, 1)
    wake_zero_layers(extractor)
    geometry = [expand_descriptors(torch.full((1, 1, 13), value), None) for value in (0.0, 1.0)]
    assert not torch.allclose(*(extractor(sums, weights, features) for features in geometry))


def test_expanded_descriptor_holds_lengths_waves_and_the_centre_in_metres():
    descriptor = torch.tensor([0.5, -0.25, 0.1, 0.2, 0.1, 0.3, -1.0, -2.0, 0.4, 1.0, 0.9, 0.8, 0.0])
    features = expand_descriptors(descriptor.view(1, 1, 13), torch.tensor([[2.0]]))[0, 0]
    lengths = [*descriptor[:9].tolist(), 1.0, -0.5, 0.2]
    waves = [[wave(2**k * x) for x in lengths for k in range(5)] for wave in (math.sin, math.cos)]
    expected = torch.tensor([*lengths, *waves[0], *waves[1], *descriptor[9:].tolist()])
    # 4e-6: float32 angles of up to 32 radians against double precision.
    torch.testing.assert_close(features, expected, atol=4e-6, rtol=0)


def test_unknown_scale_puts_the_centre_in_metres_at_zero():
    descriptors = torch.randn(2, 3, 13)
    unknown = expand_descriptors(descriptors, torch.zeros(2, 1))
    assert torch.equal(unknown, expand_descriptors(descriptors, None))
    assert torch.equal(unknown[..., 9:12], torch.zeros(2, 3, 3))
