# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stored features: the model says the same with them as with its frozen tower on the pixels."""

import copy
import dataclasses

import pytest
import torch
from training_settings import tiny_settings

from transformers_sr3d.training.collator import SR3DDataCollator
from transformers_sr3d.training.data import conversations_of
from transformers_sr3d.training.efficientnet_lite import efficientnet_lite0
from transformers_sr3d.training.sft import build_model
from transformers_sr3d.training.stored_features import StoredTower, hash_tower, store_features


@pytest.fixture
def settings(tmp_path, cache_dir):
    return tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=cache_dir)


@pytest.fixture
def model(settings, processor):
    torch.manual_seed(0)
    model = build_model(settings, processor).eval()
    tower = model.model.vision_tower
    tower.to(torch.bfloat16).float()  # as the exported checkpoint holds it
    return model


def loss_of(model, settings, processor, cache):
    records = conversations_of(settings, cache, num_items=4, seed=0, augment_yaw=True)
    batch = SR3DDataCollator(processor)([records[index] for index in range(4)])
    with torch.no_grad():
        return model(**batch).loss


def test_the_loss_is_that_of_the_tower(model, settings, processor, cache):
    expected = loss_of(model, settings, processor, cache)
    layer = model.config.vision_feature_layer
    stored = store_features(cache, model.model.vision_tower, layer)
    model.model.vision_tower = StoredTower(layer)
    torch.testing.assert_close(loss_of(model, settings, processor, stored), expected, atol=1e-3, rtol=0)
    blank = dataclasses.replace(settings, samples=dataclasses.replace(settings.samples, pixels=False))
    assert torch.isfinite(loss_of(model, blank, processor, stored))


def test_single_views_keep_their_features(model, cache):
    stored = store_features(cache, model.model.vision_tower, -1)
    single = stored.single_views()
    index = next(index for index in range(len(stored)) if len(stored[index]["encoded"]["num_tiles"]) == 1)
    features = single[0]["encoded"]["pixel_values"]
    assert features.shape[1:] == (16, 32)
    assert torch.equal(features, stored[index]["encoded"]["pixel_values"])


def test_features_are_computed_once_and_missing_files_again(model, cache):
    tower = model.model.vision_tower
    stored = store_features(cache, tower, -1)
    first, *others = stored._features
    before = others[0].stat().st_mtime_ns
    first.unlink()
    again = store_features(cache, tower, -1)
    assert others[0].stat().st_mtime_ns == before
    assert torch.equal(again[0]["encoded"]["pixel_values"], stored[0]["encoded"]["pixel_values"])


def test_another_tower_or_layer_has_another_name(model):
    tower = model.model.vision_tower
    other = copy.deepcopy(tower)
    next(other.parameters()).data += 1e-3
    assert len({hash_tower(tower, -1), hash_tower(tower, -2), hash_tower(other, -1)}) == 3
    assert hash_tower(copy.deepcopy(tower), -1) == hash_tower(tower, -1)


def test_maps_of_a_convolutional_tower_are_handed_on():
    features = torch.rand(2, 112, 4, 4)
    tower = StoredTower(-1)
    pixels = tower.take(features, 64)
    assert pixels.shape == (2, 3, 64, 64)
    assert torch.equal(tower(pixels, output_hidden_states=True).hidden_states[-1], features)
    assert hash_tower(efficientnet_lite0(64), -1) == hash_tower(efficientnet_lite0(64), -1)
