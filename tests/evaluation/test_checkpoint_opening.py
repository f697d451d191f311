# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint that is not whole is never measured."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from transformers_sr3d.evaluation.checkpoint import open_checkpoint


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def edit_config(folder, change):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def test_a_whole_checkpoint_is_opened(tiny_folder):
    network, processor = open_checkpoint(tiny_folder)
    assert not network.training
    assert processor.tokenizer is not None


def test_missing_weights_are_refused(copy):
    weights = load_file(copy / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "vision_tower" not in name}
    assert len(kept) < len(weights)
    save_file(kept, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"`model` must have all weights, got .* without model\.vision_tower.* others"
    ):
        open_checkpoint(copy)


def test_damaged_weights_are_refused(copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"`model` must have whole weights of the sizes of its config, got"):
        open_checkpoint(copy)


def test_weights_of_other_sizes_are_refused(copy):
    edit_config(
        copy,
        lambda config: config["text_config"].update(intermediate_size=config["text_config"]["intermediate_size"] * 2),
    )
    with pytest.raises(ValueError, match=r"`model` must have whole weights of the sizes of its config, got"):
        open_checkpoint(copy)


def test_another_architecture_is_refused_before_it_is_built(copy):
    edit_config(copy, lambda config: config.update(model_type="qwen2"))
    with pytest.raises(ValueError, match=r"`model` must be an SR-3D, got .* with the model type 'qwen2'"):
        open_checkpoint(copy)


def test_weights_of_more_layers_than_the_config_has_are_refused(copy):
    edit_config(copy, lambda config: config["vision_config"].update(num_hidden_layers=1))
    with pytest.raises(
        ValueError, match=r"`model` must have no weights that .* with model\.vision_tower\..*layers\.1"
    ):
        open_checkpoint(copy)


@pytest.mark.parametrize(
    "changes", [{"max_tiles": 0}, {"projector_type": 5}, {"vision_config": 5}, {"text_config": {"model_type": "none"}}]
)
def test_settings_that_cannot_be_are_refused(copy, changes):
    edit_config(copy, lambda config: config.update(changes))
    with pytest.raises(
        ValueError, match=r"`model` must have settings of SR3DConfig in its config\.json, got '.*copy'"
    ):
        open_checkpoint(copy)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "processor_config.json"])
def test_a_file_that_was_cut_off_is_named(copy, name):
    path = copy / name
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ValueError, match=rf"`model` must have whole JSON files, got '.*{name}'"):
        open_checkpoint(copy)
