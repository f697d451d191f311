# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What a run starts from: an earlier stage, whole and of the same tokenizer, or a tower of the kind of its weights."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_settings import tiny_settings

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.training.efficientnet_lite import EFFICIENTNET_LITE0, check_trunk, efficientnet_lite0
from transformers_sr3d.training.settings import read_settings
from transformers_sr3d.training.sft import run_training
from transformers_sr3d.training.starting_model import BRANCHES, build_model


ROOT = Path(__file__).resolve().parents[2]


def test_a_second_stage_starts_from_the_weights_of_the_first(tmp_path, cache_dir, data):
    first = tiny_settings(tmp_path / "a", tmp_path / "run-a", cache_dir=cache_dir, max_steps=1, save_steps=1)
    first = dataclasses.replace(first, samples=dataclasses.replace(first.samples, pixels=False))
    run_training(first)
    processor, _ = data
    second = dataclasses.replace(first, init_from=str(tmp_path / "a"))
    stored = load_file(tmp_path / "a" / "model.safetensors")
    weights = build_model(second, processor).state_dict()
    assert all(torch.equal(weights[name], tensor.float()) for name, tensor in stored.items())


def test_a_first_stage_with_another_tokenizer_is_refused(tmp_path, cache_dir, data):
    first = tiny_settings(tmp_path / "a", tmp_path / "run-a", cache_dir=cache_dir, max_steps=1, save_steps=1)
    run_training(first)
    processor = copy.deepcopy(data[0])
    processor.tokenizer.add_tokens(["<another>"])
    second = dataclasses.replace(first, init_from=str(tmp_path / "a"))
    with pytest.raises(
        ValueError, match=r"`init_from` must be of the same tokenizer \(\d+ tokens\), got .*a with \d+"
    ):
        build_model(second, processor)


@pytest.fixture(scope="module")
def first_stage(tmp_path_factory, cache_dir, data):
    folder = tmp_path_factory.mktemp("first")
    first = tiny_settings(folder / "a", folder / "run-a", cache_dir=cache_dir, max_steps=1, save_steps=1)
    run_training(first)
    return dataclasses.replace(first, init_from=first.output_dir)


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("text_config", {"num_hidden_layers": 1}, r"no weights that `model` leaves out, got .*layers\.1\..* others"),
        ("vision_config", {"num_hidden_layers": 1}, r"no weights that `model` leaves out, got .*tower.*layers\.1\."),
        ("text_config", {"num_hidden_layers": 3}, r"must be a whole model, got .* without .*layers\.2\..* others"),
        ("text_config", {"intermediate_size": 96}, r"whole weights of the sizes that `model` says, got .*a: "),
    ],
)
def test_a_first_stage_of_another_shape_is_refused(first_stage, data, part, changes, message):
    model = first_stage.model | {part: first_stage.model[part] | changes}
    with pytest.raises(ValueError, match=rf"`init_from` must (be|have) .*{message}|`init_from` {message}"):
        build_model(dataclasses.replace(first_stage, model=model), data[0])


@pytest.mark.parametrize("switch", ["use_position_encoding", "use_metric_scale", "use_region_geometry"])
def test_a_branch_that_is_switched_off_is_left_behind(first_stage, data, switch):
    model = build_model(dataclasses.replace(first_stage, model=first_stage.model | {switch: False}), data[0])
    stored = load_file(f"{first_stage.output_dir}/model.safetensors")
    left = stored.keys() - model.state_dict().keys()
    assert left
    assert all(name.startswith(BRANCHES[switch]) for name in left)


@pytest.mark.slow
def test_a_checkpoint_without_its_frozen_tower_is_refused(tmp_path, cache_dir, data):
    first = tiny_settings(tmp_path / "a", tmp_path / "run-a", cache_dir=cache_dir, max_steps=1, freeze_vision=True)
    run_training(first)
    unfinished = tmp_path / "run-a" / "checkpoint-1"
    data[0].save_pretrained(unfinished)
    with pytest.raises(
        ValueError, match=r"`init_from` must be a whole model, got .*checkpoint-1 without model.vision_tow"
    ):
        build_model(dataclasses.replace(first, init_from=str(unfinished)), data[0])


def test_a_tower_that_has_seen_imagenet_is_loaded(tmp_path, cache_dir, data):
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=cache_dir)
    tower = efficientnet_lite0(64)
    model_settings = settings.model | {"vision_config": tower.config.to_dict()}
    settings = dataclasses.replace(settings, model=model_settings, init_vision_from=EFFICIENTNET_LITE0)
    loaded = build_model(settings, data[0]).model.vision_tower.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in tower.state_dict().items())


def test_a_later_stage_keeps_the_tower_of_the_earlier_one(tmp_path, cache_dir, data):
    first = tiny_settings(tmp_path / "a", tmp_path / "run-a", cache_dir=cache_dir, max_steps=1)
    tower = efficientnet_lite0(64)
    config = tower.config.to_dict()
    first = dataclasses.replace(
        first, model=first.model | {"vision_config": config}, init_vision_from=EFFICIENTNET_LITE0
    )
    run_training(first)
    stored = load_file(tmp_path / "a" / "model.safetensors")["model.vision_tower.embeddings.batchnorm.running_mean"]
    later = build_model(dataclasses.replace(first, init_from=str(tmp_path / "a")), data[0])
    mean = later.model.vision_tower.embeddings.batchnorm.running_mean
    assert torch.equal(mean, stored.float())
    assert not torch.equal(mean, tower.embeddings.batchnorm.running_mean.to(torch.bfloat16).float())


def test_weights_of_another_kind_of_tower_are_refused(tmp_path, cache_dir, data):
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=cache_dir)
    config = efficientnet_lite0(64).config.to_dict() | {"hidden_act": "swish"}
    settings = dataclasses.replace(
        settings, model=settings.model | {"vision_config": config}, init_vision_from=EFFICIENTNET_LITE0
    )
    with pytest.raises(ValueError, match=r"`vision_config.hidden_act` must be relu6 .*, got swish"):
        build_model(settings, data[0])


def test_the_tower_of_the_recipe_is_the_one_that_has_seen_imagenet():
    settings = read_settings(ROOT / "configs" / "train" / "sr3d_tiny_1_regions.yaml")
    assert settings.init_vision_from == EFFICIENTNET_LITE0
    check_trunk(SR3DConfig(**settings.model).vision_config)


def test_a_tower_is_taken_from_a_folder(tmp_path, cache_dir, data):
    settings = tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=1)
    tower = build_model(settings, data[0]).model.vision_tower
    tower.save_pretrained(tmp_path / "tower")
    again = build_model(dataclasses.replace(settings, init_vision_from=str(tmp_path / "tower")), data[0])
    weights = again.model.vision_tower.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in tower.state_dict().items())
    smaller = settings.model | {"vision_config": settings.model["vision_config"] | {"num_hidden_layers": 1}}
    settings = dataclasses.replace(settings, model=smaller, init_vision_from=str(tmp_path / "tower"))
    with pytest.raises(ValueError, match=r"`init_vision_from` must hold .* none or others at .*layers\.1.* more"):
        build_model(settings, data[0])
