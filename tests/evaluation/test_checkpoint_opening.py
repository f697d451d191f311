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
