# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stored features: the model says the same with them as with its frozen tower on the pixels."""

import copy
import dataclasses

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_settings import tiny_settings

from transformers_sr3d.training.collator import SR3DDataCollator
from transformers_sr3d.training.data import conversations_of
from transformers_sr3d.training.efficientnet_lite import efficientnet_lite0
from transformers_sr3d.training.starting_model import build_model
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
    records = conversations_of(settings, cache, num_items=4, seed=0, augment=True)
    batch = SR3DDataCollator(processor)([records[index] for index in range(4)])
    with torch.no_grad():
        return model(**batch).loss


def test_the_loss_is_that_of_the_tower(model, settings, processor, cache):
    expected = loss_of(model, settings, processor, cache)
    layer = model.config.vision_feature_layer
    stored = store_features(cache, model.model.vision_tower, layer)
    model.model.vision_tower = StoredTower(layer)
    # float16 moves the loss by 1e-6; features in another order by more than 1e-4.
    torch.testing.assert_close(loss_of(model, settings, processor, stored), expected, atol=2e-5, rtol=0)
    blank = dataclasses.replace(settings, samples=dataclasses.replace(settings.samples, pixels=False))
    assert abs(loss_of(model, blank, processor, stored) - expected) > 1e-4


def test_features_in_another_order_change_the_loss(model, settings, processor, cache, monkeypatch):
    expected = loss_of(model, settings, processor, cache)
    stored = store_features(cache, model.model.vision_tower, -1)
    model.model.vision_tower = StoredTower(-1)
    take = StoredTower.take
    monkeypatch.setattr(StoredTower, "take", lambda tower, features, size: take(tower, features.flip(1), size))
    assert abs(loss_of(model, settings, processor, stored) - expected) > 1e-4


def test_damaged_features_are_refused(model, cache, tmp_path):
    tower = model.model.vision_tower
    file = store_features(cache, tower, -1)._features[0]
    kept = file.read_bytes()
    save_file({"features": load_file(file)["features"] + 1}, file)
    with pytest.raises(ValueError, match="are not what the vision tower gives now"):
        store_features(cache, tower, -1)
    file.write_bytes(kept)


@pytest.mark.parametrize("damage", ["cut off", "fewer"])
def test_features_that_are_cut_off_or_too_few_are_named(model, cache, damage):
    tower = model.model.vision_tower
    file = store_features(cache, tower, -1)._features[-1]
    kept = file.read_bytes()
    if damage == "cut off":
        file.write_bytes(kept[:-100])
    else:
        save_file({"features": load_file(file)["features"][1:]}, file)
    message = {"cut off": rf"got '.*{file.name}', which is damaged", "fewer": rf"features of all \d+ .*{file.name}"}
    with pytest.raises(ValueError, match=rf"{message[damage]}.*Delete"):
        store_features(cache, tower, -1)
    file.unlink()
    assert store_features(cache, tower, -1)._features[-1].read_bytes() == kept


def test_features_beyond_float16_are_refused(model, cache):
    tower = copy.deepcopy(model.model.vision_tower)
    tower.post_layernorm = torch.nn.Identity()
    tower.embeddings.patch_embedding.weight.data.mul_(1e9)
    with pytest.raises(ValueError, match=r"of layer -1 of SiglipVisionModel must fit into float16, got up to"):
        store_features(cache, tower, -1)


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
    before = stored[0]["encoded"]["pixel_values"]
    first, *others = stored._features
    written = others[0].stat().st_mtime_ns
    first.unlink()
    again = store_features(cache, tower, -1)
    assert others[0].stat().st_mtime_ns == written
    torch.testing.assert_close(again[0]["encoded"]["pixel_values"], before)


def test_whatever_decides_the_features_has_another_name(model, cache):
    tower = model.model.vision_tower
    other = copy.deepcopy(tower)
    next(other.parameters()).data += 1e-3
    same_weights = copy.deepcopy(tower)
    same_weights.config.hidden_act = "relu"
    lighter = copy.copy(cache)
    lighter.image_mean = cache.image_mean + 0.1
    towers = (
        (tower, -1, cache),
        (tower, -2, cache),
        (other, -1, cache),
        (same_weights, -1, cache),
        (tower, -1, lighter),
    )
    assert len({hash_tower(*arguments) for arguments in towers}) == 5
    assert hash_tower(copy.deepcopy(tower), -1, cache) == hash_tower(tower, -1, cache)
    assert hash_tower(efficientnet_lite0(64), -1, cache) == hash_tower(efficientnet_lite0(64), -1, cache)


def test_maps_of_a_convolutional_tower_are_handed_on():
    features = torch.rand(2, 112, 4, 4)
    tower = StoredTower(-1)
    pixels = tower.take(features, 64)
    assert pixels.shape == (2, 3, 64, 64)
    assert torch.equal(tower(pixels, output_hidden_states=True).hidden_states[-1], features)
