# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings that cannot be are refused by name, before anything is rendered or written."""

from dataclasses import replace
from pathlib import Path

import pytest
from training_settings import MODEL, tiny_settings

from transformers_sr3d.training.checks import check_settings, read_model_settings
from transformers_sr3d.training.code_version import wordings_version
from transformers_sr3d.training.settings import read_settings


CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def settings(tmp_path):
    return tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=tmp_path)


def test_settings_that_can_be_are_let_through(settings):
    check_settings(settings, processes=1)


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("optimisation", {"max_steps": 0}, r"`optimisation\.max_steps` must be at least 1, got 0"),
        ("optimisation", {"batch_size": 0}, r"`optimisation\.batch_size` must be at least 1, got 0"),
        ("optimisation", {"threads": -1}, r"`optimisation\.threads` must be at least 1, got -1"),
        ("optimisation", {"save_steps": 0}, r"`optimisation\.save_steps` must be at least 1, got 0"),
        ("optimisation", {"eval_steps": -1}, r"`optimisation\.eval_steps` must be at least 1, got -1"),
        ("optimisation", {"dataloader_workers": -1}, r"`optimisation\.dataloader_workers` must be at least 0, got -1"),
        ("optimisation", {"adam_beta2": 1.5}, r"`optimisation\.adam_beta2` must be between 0 and 1 .* got 1\.5"),
        ("optimisation", {"max_grad_norm": float("nan")}, r"`optimisation\.max_grad_norm` above 0, got .* nan"),
        (
            "optimisation",
            {"augment_scale": 1.5},
            r"`optimisation\.augment_scale` must be a share from 0 to 1, got 1\.5",
        ),
        ("optimisation", {"word_dropout": 1.0}, r"`word_dropout` must be from 0 to below 1, got 1\.0"),
        ("samples", {"num_samples": 0}, r"`samples\.num_samples` must be at least 1, got 0"),
        ("samples", {"samples_per_scene": 0}, r"`samples\.samples_per_scene` must be at least 1, got 0"),
        ("samples", {"shard_size": 0}, r"`samples\.shard_size` must be at least 1, got 0"),
        ("samples", {"max_regions": 0}, r"`samples\.max_regions` must be at least 1, got 0"),
        ("samples", {"seed": -1}, r"`samples\.seed` must be at least 0, got -1"),
        ("samples", {"photo_share": 2.0}, r"`samples\.photo_share` must be from 0 to 1, got 2\.0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(settings, part, changes, message):
    changed = replace(settings, **{part: replace(getattr(settings, part), **changes)})
    with pytest.raises(ValueError, match=message):
        check_settings(changed, processes=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_tile": 4}, r"`model\.max_tile` is no setting of SR3DConfig\. Did you mean `max_tiles`\?"),
        (
            {"text_config": MODEL["text_config"] | {"num_hiden_layers": 9}},
            r"`model\.text_config\.num_hiden_layers` is no setting of Qwen2Config\. Did you mean `num_hidden_layers`",
        ),
        ({"projector_type": "x"}, r"`model` must be arguments of SR3DConfig, got others: .*projector_type"),
        ({"max_tiles": 0}, r"`model` must be arguments of SR3DConfig, got others: .*max_tiles"),
        ({"text_config": 5}, r"`model` must be arguments of SR3DConfig, got others"),
        ({"text_config": {"model_type": "none"}}, r"got others: Unrecognized model type .* none\. .{,300}\. Change"),
    ],
)
def test_model_settings_that_would_have_no_effect_are_refused(settings, changes, message):
    with pytest.raises(ValueError, match=message):
        check_settings(replace(settings, model=settings.model | changes), processes=1)


@pytest.mark.parametrize("layer", [3, 99, -4])
def test_a_layer_that_the_vision_tower_does_not_have_is_refused(settings, layer):
    with pytest.raises(
        ValueError, match=rf"`model\.vision_feature_layer` must be from -3 to 2, .* SiglipVisionModel, got {layer}"
    ):
        check_settings(replace(settings, model=settings.model | {"vision_feature_layer": layer}), processes=1)


@pytest.mark.parametrize("layer", [2, 0, -3])
def test_every_layer_of_the_vision_tower_is_let_through(settings, layer):
    check_settings(replace(settings, model=settings.model | {"vision_feature_layer": layer}), processes=1)


def test_settings_of_a_run_with_other_wordings_are_refused(settings):
    check_settings(replace(settings, wordings=wordings_version()), processes=1)
    with pytest.raises(
        ValueError, match=r"`wordings` must be those of this version, \w{10}, got 'old'\. Remove the li"
    ):
        check_settings(replace(settings, wordings="old"), processes=1)


@pytest.mark.parametrize(
    "path", sorted([*CONFIGS.glob("train/*.yaml"), *CONFIGS.glob("experiments/*.yaml")]), ids=lambda path: path.stem
)
def test_model_settings_of_the_recipes_are_known(path):
    assert read_model_settings(read_settings(path).model).tile_size == 192


def test_places_that_cannot_be_are_refused(settings, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"`output_dir` must be a folder, got the file"):
        check_settings(replace(settings, output_dir=str(tmp_path / "file")), processes=1)
    with pytest.raises(
        ValueError, match=r"`init_from` must be the `output_dir` of an earlier stage, got 'nowhere/out'"
    ):
        check_settings(replace(settings, init_from="nowhere/out"), processes=1)
    with pytest.raises(ValueError, match=r"`seed` must be at least 0, got -1"):
        check_settings(replace(settings, seed=-1), processes=1)
    assert not (tmp_path / "run").exists()
