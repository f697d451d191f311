# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The configuration: defaults of NVILA-Lite-8B, derived sizes, and one check per rule."""

import json

import pytest
from tiny_model import make_tiny_config

from transformers_sr3d.configuration_sr3d import SR3DConfig


def test_defaults_have_the_shapes_of_nvila_lite_8b():
    config = SR3DConfig()
    assert (config.vision_config.hidden_size, config.vision_config.num_hidden_layers) == (1152, 27)
    assert (config.text_config.hidden_size, config.text_config.num_hidden_layers) == (3584, 28)
    assert (config.tile_size, config.patches_per_side, config.image_tokens_per_tile) == (448, 32, 121)
    assert config.vision_config.vision_use_head is False


@pytest.mark.parametrize(
    ("projector", "patches", "tokens"),
    [
        ("mlp_downsample", 4, 4),
        ("mlp_downsample_3x3_fix", 4, 4),
        ("mlp_downsample", 5, 9),
        ("mlp_downsample_3x3_fix", 7, 9),
    ],
)
def test_incomplete_rows_of_the_patch_grid_count_as_tokens(projector, patches, tokens):
    vision = {"model_type": "siglip_vision_model", "image_size": 14 * patches, "patch_size": 14}
    assert make_tiny_config(vision_config=vision, projector_type=projector).image_tokens_per_tile == tokens


def test_round_trip_through_a_file_keeps_every_setting(tmp_path):
    config = make_tiny_config(position_temperature=50.0, use_metric_scale=False)
    config.save_pretrained(tmp_path)
    reloaded = SR3DConfig.from_pretrained(tmp_path)
    assert reloaded.to_dict() == config.to_dict() | {"_name_or_path": str(tmp_path)} or (
        json.loads(reloaded.to_json_string(use_diff=False)) == json.loads(config.to_json_string(use_diff=False))
    )


@pytest.mark.parametrize(("outer", "inner"), [(False, False), (False, True), (True, False), (True, True)])
def test_embeddings_are_tied_in_both_configurations_or_in_none(outer, inner, tmp_path):
    text = {"model_type": "qwen2", "hidden_size": 32, "vocab_size": 100, "tie_word_embeddings": inner}
    config = make_tiny_config(text_config=text, tie_word_embeddings=outer)
    config.save_pretrained(tmp_path)
    for settings in (config, SR3DConfig.from_pretrained(tmp_path)):
        assert settings.tie_word_embeddings is settings.text_config.tie_word_embeddings is (outer or inner)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"projector_type": "linear"}, "`projector_type` must be one of .*got 'linear'"),
        ({"max_tiles": 0}, "`max_tiles` must be at least 1, got 0"),
        ({"min_tiles": 5}, r"`min_tiles` \(5\) must not exceed `max_tiles` \(4\)"),
        ({"image_token_id": 100}, r"`image_token_id` must lie in the vocabulary \(0 to 99\), got 100"),
        ({"region_token_id": -1}, r"`region_token_id` must lie in the vocabulary \(0 to 99\), got -1"),
        ({"region_token_id": 98}, "must differ, both are 98"),
        ({"position_temperature": 0}, "`position_temperature` must be positive, got 0"),
        ({"position_input_scale": -1.0}, "`position_input_scale` must be positive, got -1"),
        (
            {"vision_config": {"model_type": "siglip_vision_model", "image_size": [56, 28], "patch_size": 14}},
            r"`image_size` must be square, got \[56, 28\]",
        ),
        (
            {"vision_config": {"model_type": "siglip_vision_model", "image_size": 7, "patch_size": 14}},
            r"`patch_size` \(14\) must not exceed its `image_size` \(7\)",
        ),
    ],
)
def test_each_rule_names_the_value_that_breaks_it(changes, message):
    with pytest.raises(Exception, match=message):
        make_tiny_config(**changes)
