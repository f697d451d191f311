# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stages 3 to 5, the network: identities at initialisation, switches, counts, attention, towers and key names."""

import math

import pytest
import torch
from tiny_model import make_lively_model, make_model_inputs, make_tiny_config, make_tiny_model, wake_zero_layers
from transformers import AutoConfig

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration, SR3DMultiModalProjector, SR3DSpaceToDepth
from transformers_sr3d.region_extractor_sr3d import expand_descriptors


GEOMETRY = ("patch_points", "patch_valid", "metric_scale")
# 20 random models on a CPU in float32, logits of order 0.5. Row alone against row in a batch: at most 2e-7; eager
# attention against SDPA in lively models: at most 1.4e-6.
LOGIT_TOLERANCE = {"atol": 1e-5, "rtol": 1e-5}
# Flex attention against SDPA, 20 lively models of four times the width: at most 1.4e-5; without a mask 0.7.
FLEX_TOLERANCE = {"atol": 1e-4, "rtol": 0.0}
# bfloat16 against float32, 20 small models: at most 0.005. Masks that are mirrored move logits by 0.009 and more.
BFLOAT16_TOLERANCE = {"atol": 0.008, "rtol": 0.0}


@pytest.fixture
def model():
    return make_tiny_model()


@pytest.fixture
def awake_model():
    model = make_tiny_model()
    wake_zero_layers(model)
    return model


def logits(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits


def without(inputs, *names):
    return {name: tensor for name, tensor in inputs.items() if name not in names}


# Identities


def test_fresh_position_encoding_changes_no_logit(model, model_inputs):
    assert torch.equal(logits(model, model_inputs), logits(model, without(model_inputs, *GEOMETRY)))


def test_fresh_region_geometry_changes_no_logit(model, model_inputs):
    changed = model_inputs | {"region_descriptors": torch.randn_like(model_inputs["region_descriptors"])}
    assert torch.equal(logits(model, model_inputs), logits(model, changed))


@pytest.mark.parametrize("switch", ["use_position_encoding", "use_region_geometry"])
def test_model_with_a_branch_switched_off_equals_a_fresh_one(switch, model, model_inputs):
    smaller = SR3DForConditionalGeneration(make_tiny_config(**{switch: False})).eval()
    missing, unexpected = smaller.load_state_dict(model.state_dict(), strict=False)
    assert missing == []
    assert unexpected
    assert torch.equal(logits(smaller, model_inputs), logits(model, model_inputs))


def test_no_depth_equals_encoding_off_bit_for_bit(awake_model, model_inputs):
    no_points = model_inputs | {
        "patch_points": torch.zeros_like(model_inputs["patch_points"]),
        "patch_valid": torch.zeros_like(model_inputs["patch_valid"]),
        "metric_scale": torch.zeros_like(model_inputs["metric_scale"]),
    }
    assert torch.equal(logits(awake_model, no_points), logits(awake_model, without(model_inputs, *GEOMETRY)))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("patch_points", lambda points: points * 0.5),
        ("patch_valid", torch.logical_not),
        ("metric_scale", lambda metres: metres + 1.0),
        ("region_coverage", lambda coverage: coverage.flip(-1)),
        ("region_descriptors", lambda descriptors: descriptors * 0.5),
    ],
)
def test_every_vision_input_has_a_say_once_awake(name, change, awake_model, model_inputs):
    changed = change(model_inputs[name])
    assert not torch.allclose(logits(awake_model, model_inputs | {name: changed}), logits(awake_model, model_inputs))


def test_region_token_of_the_full_mask_is_the_mean_of_the_features(awake_model, model_inputs):
    full = model_inputs | {"region_coverage": torch.ones_like(model_inputs["region_coverage"])}
    full["region_coverage"][0, 1] = 0
    model = awake_model.model
    with torch.no_grad():
        features = model.get_image_features(**without(full, "input_ids", "attention_mask")).last_hidden_state
        tokens = model(**full).region_hidden_states
        expected = model.region_extractor(
            features[1:].mean((0, 1))[None, None],
            torch.ones(1, 1),
            expand_descriptors(full["region_descriptors"][1:2, :1], full["metric_scale"][1:2]),
        )
    torch.testing.assert_close(tokens[1, 0], expected[0, 0], **LOGIT_TOLERANCE)


def test_order_of_views_changes_no_region_token(awake_model, model_inputs):
    order = torch.tensor([0, 2, 1])  # swap the two tiles of the second row
    swapped = {
        name: tensor if name in ("input_ids", "attention_mask") else tensor[order]
        for name, tensor in model_inputs.items()
    }
    with torch.no_grad():
        before = awake_model.model(**model_inputs).region_hidden_states
        after = awake_model.model(**swapped).region_hidden_states
    torch.testing.assert_close(before, after, **LOGIT_TOLERANCE)


def test_a_row_alone_equals_the_row_in_a_batch(awake_model, model_inputs):
    tiles = {0: slice(0, 1), 1: slice(1, 3)}
    for row in (0, 1):
        alone = {
            name: tensor[row : row + 1] if name in ("input_ids", "attention_mask") else tensor[tiles[row]]
            for name, tensor in model_inputs.items()
        }
        torch.testing.assert_close(
            logits(awake_model, alone)[0], logits(awake_model, model_inputs)[row], **LOGIT_TOLERANCE
        )


# Counts and shapes


def test_more_image_tokens_than_features_are_refused(model, model_inputs):
    model_inputs["input_ids"][0, 10] = model.config.image_token_id
    with pytest.raises(ValueError, match=r"tokens: 13, features: 12 \(3 tiles of 4\)"):
        model(**model_inputs)


def test_masks_of_unmentioned_regions_are_refused(model, model_inputs):
    model_inputs["input_ids"][1, 22] = 5
    with pytest.raises(ValueError, match=r"mentions \[1, 1\] regions .* masks for \[1, 2\] of 2"):
        model(**model_inputs)


def test_more_mentions_than_masks_are_refused(model, model_inputs):
    model_inputs["input_ids"][1, 21] = model.config.region_token_id
    with pytest.raises(ValueError, match=r"mentions \[1, 3\] regions"):
        model(**model_inputs)


def test_a_mention_whose_mask_is_empty_is_refused(model, model_inputs):
    model_inputs["region_coverage"][1:, 1] = 0
    with pytest.raises(ValueError, match=r"mentions \[1, 2\] regions .* masks for \[1, 1\] of 2"):
        model(**model_inputs)


def test_image_tokens_that_fill_no_whole_tile_are_refused(model, model_inputs):
    model_inputs["input_ids"][0, 0], model_inputs["input_ids"][1, 12] = 5, model.config.image_token_id
    with pytest.raises(ValueError, match=r"whole tiles of 4, got \[0, 2\] whole tiles for 3"):
        model(**model_inputs)


def test_withheld_scale_leaves_no_trace_of_metres(model_inputs):
    model = make_tiny_model(make_tiny_config(use_metric_scale=False))
    wake_zero_layers(model)
    doubled = model_inputs | {
        "metric_scale": 2 * model_inputs["metric_scale"],
        "region_descriptors": model_inputs["region_descriptors"].clone(),
    }
    for inputs in (model_inputs, doubled):
        inputs["region_descriptors"][..., 9] = (inputs["metric_scale"] > 0).float()
    doubled["region_descriptors"][:1, :, 6:9] += math.log(2.0)  # the first row's depth is metric
    torch.testing.assert_close(logits(model, doubled), logits(model, model_inputs), **LOGIT_TOLERANCE)


def test_mentions_without_any_mask_are_refused(model, model_inputs):
    with pytest.raises(ValueError, match="mentions regions but no region features"):
        model(**without(model_inputs, "region_coverage", "region_descriptors"))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("pixel_values", r"\(3, 3, 56, 56\)"),
        ("patch_points", r"\(3, 4, 4, 3\)"),
        ("patch_valid", r"\(3, 4, 4\)"),
        ("metric_scale", r"\(3, 1\)"),
        ("region_coverage", r"\(3, 2, 4, 4\)"),
        ("region_descriptors", r"\(3, 2, 13\)"),
    ],
)
def test_a_vision_input_of_another_shape_is_refused_by_name(name, shape, model, model_inputs):
    wrong = model_inputs[name][:, :, :28] if name == "pixel_values" else model_inputs[name][:1]
    with pytest.raises(ValueError, match=f"`{name}` must have shape {shape} for 3 tiles, got"):
        model(**model_inputs | {name: wrong})


@pytest.mark.parametrize("name", ["patch_points", "patch_valid", "metric_scale", "region_descriptors"])
def test_a_missing_companion_is_refused_by_name(name, model, model_inputs):
    with pytest.raises(ValueError, match=f"`{name}` is required with"):
        model(**without(model_inputs, name))


# Attention and embeddings


def with_padding(inputs, length=5):
    """Five words before the second row, and five places of padding before the first."""
    words, mask = torch.full((2, length), 7), torch.ones(2, length, dtype=torch.long)
    mask[0] = 0
    return inputs | {
        "input_ids": torch.cat((words, inputs["input_ids"]), dim=1),
        "attention_mask": torch.cat((mask, inputs["attention_mask"]), dim=1),
    }


def assert_equal_attention(implementation, model, inputs, tolerance):
    seen = inputs["attention_mask"].bool()
    expected = logits(model, inputs)[seen]
    model.set_attn_implementation(implementation)
    torch.testing.assert_close(logits(model, inputs)[seen], expected, **tolerance)


def test_eager_attention_equals_sdpa(model_inputs):
    assert_equal_attention("eager", make_lively_model(), with_padding(model_inputs), LOGIT_TOLERANCE)


@pytest.mark.slow  # compiles a kernel for the tower and one for the language model
def test_flex_attention_equals_sdpa():
    """Heads of 32 channels: with 8 or 16 and a text of 24 tokens the CPU kernel of torch 2.13 itself is wrong."""
    tower = {**make_tiny_config().vision_config.to_dict(), "hidden_size": 64}
    text = {**make_tiny_config().text_config.to_dict(), "hidden_size": 128}
    config = make_tiny_config(vision_config=tower, text_config=text)
    inputs = with_padding(make_model_inputs(config))
    assert_equal_attention("flex_attention", make_lively_model(config), inputs, FLEX_TOLERANCE)


def test_flex_attention_refuses_training_on_a_cpu(model, model_inputs):
    model.set_attn_implementation("flex_attention")
    with pytest.raises(NotImplementedError, match="does not support backward on CPU"):
        model(**model_inputs, labels=model_inputs["input_ids"])


def test_embeddings_instead_of_ids_give_the_same_logits(awake_model, model_inputs):
    embeds = awake_model.get_input_embeddings()(model_inputs["input_ids"])
    expected = logits(awake_model, model_inputs)
    assert torch.equal(logits(awake_model, without(model_inputs, "input_ids") | {"inputs_embeds": embeds}), expected)


# Towers, projectors and key names


def test_space_to_depth_pads_below_and_right_and_keeps_row_major_order():
    features = torch.arange(1.0, 10.0).view(1, 3, 3, 1)
    tokens = SR3DSpaceToDepth(2)(features)
    assert tokens.tolist() == [[[1, 2, 4, 5], [3, 0, 6, 0], [7, 8, 0, 0], [9, 0, 0, 0]]]


def test_projector_3x3_has_the_layers_and_size_of_nvila_lite():
    with torch.device("meta"):
        projector = SR3DMultiModalProjector(SR3DConfig())
    shapes = {name: tuple(parameter.shape) for name, parameter in projector.named_parameters()}
    assert [name for name in shapes if name.endswith("weight")] == [f"layers.{i}.weight" for i in (1, 2, 4, 5, 7)]
    assert (shapes["layers.2.weight"], shapes["layers.5.weight"]) == ((3456, 10368), (3584, 3456))
    assert sum(parameter.numel() for parameter in projector.parameters()) == 61_101_440


def test_projector_2x2_has_layers_1_2_4():
    names = dict(SR3DMultiModalProjector(make_tiny_config()).named_parameters())
    assert [name for name in names if name.endswith("weight")] == [f"layers.{i}.weight" for i in (1, 2, 4)]


def tower_config(model_type, **settings):
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14}
    return AutoConfig.for_model(model_type, **sizes, **settings).to_dict()


@pytest.mark.parametrize(
    ("model_type", "prefix", "settings"),
    [("dinov2", 1, {}), ("dinov2_with_registers", 5, {}), ("clip_vision_model", 1, {"intermediate_size": 32})],
)
def test_other_towers_work_once_their_prefix_tokens_are_named(model_type, prefix, settings, model_inputs):
    config = make_tiny_config(vision_config=tower_config(model_type, **settings), num_prefix_tokens=prefix)
    model = make_tiny_model(config)
    assert model(**make_model_inputs(config)).logits.shape == (2, 24, 100)


def convolutional_tower(**settings):
    """Three blocks at stride 16 in all: maps of 4x4 with 24 channels from 64 pixels."""
    blocks = {"in_channels": [32, 8, 16], "out_channels": [8, 16, 24], "strides": [2, 2, 2], "kernel_sizes": [3, 3, 3]}
    repeats = {"num_block_repeats": [1, 1, 1], "expand_ratios": [1, 2, 2], "hidden_dim": 1280}
    scale = {"width_coefficient": 1.0, "depth_coefficient": 1.0}
    sides = {"image_size": 64, "patch_size": 16, "hidden_size": 24}
    return {"model_type": "efficientnet", **blocks, **repeats, **scale, **sides, **settings}


def test_a_convolutional_tower_works_like_one_of_tokens():
    config = make_tiny_config(vision_config=convolutional_tower(), vision_feature_layer=-1)
    model = make_tiny_model(config)
    assert model(**make_model_inputs(config)).logits.shape == (2, 24, 100)
    maps = torch.randn(3, 24, 4, 4)
    torch.testing.assert_close(model.model._patch_grid(maps), model.model._patch_grid(maps.flatten(2).transpose(1, 2)))


def test_maps_that_are_not_square_are_refused():
    model = make_tiny_model(make_tiny_config(vision_config=convolutional_tower(), vision_feature_layer=-1))
    with pytest.raises(ValueError, match=r"a map \(tiles, D, 4, 4\), got \(3, 24, 2, 8\)"):
        model.model._patch_grid(torch.randn(3, 24, 2, 8))


def test_a_tower_with_undeclared_prefix_tokens_is_refused():
    config = make_tiny_config(vision_config=tower_config("dinov2"))
    with pytest.raises(ValueError, match=r"0 prefix tokens and a 4x4 grid .* got \(3, 17, 24\)"):
        make_tiny_model(config)(**make_model_inputs(config))


@pytest.mark.parametrize("model_type", ["llama", "qwen3"])
def test_other_language_models_work(model_type):
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    text_config = {"model_type": model_type, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 100, **sizes}
    config = make_tiny_config(text_config=text_config, tie_word_embeddings=False)
    assert make_tiny_model(config)(**make_model_inputs(config)).logits.shape == (2, 24, 100)


# Saving, training, compiling


def test_saved_and_reloaded_model_is_equal_to_the_last_bit(awake_model, model_inputs, tmp_path):
    awake_model.save_pretrained(tmp_path)
    reloaded = SR3DForConditionalGeneration.from_pretrained(tmp_path).eval()
    assert torch.equal(logits(reloaded, model_inputs), logits(awake_model, model_inputs))


def test_missing_3d_branches_start_at_zero_when_a_2d_checkpoint_is_loaded(model, model_inputs, tmp_path):
    smaller = SR3DForConditionalGeneration(make_tiny_config(use_position_encoding=False, use_region_geometry=False))
    smaller.save_pretrained(tmp_path)
    grown = SR3DForConditionalGeneration.from_pretrained(tmp_path, config=make_tiny_config()).eval()
    assert torch.equal(logits(grown, model_inputs), logits(smaller.eval(), model_inputs))


def test_gradients_reach_the_3d_branches_from_the_first_step(model, model_inputs):
    model(**model_inputs, labels=model_inputs["input_ids"]).loss.backward()
    for name in ("position_encoding.fc2", "position_encoding.metric_scale.fc2", "region_extractor.geometry_fc2"):
        assert model.model.get_submodule(name).weight.grad.abs().max() > 0, name


def test_bfloat16_model_with_float32_inputs_is_near_the_float32_one(awake_model, model_inputs):
    inputs = with_padding(model_inputs)
    seen = inputs["attention_mask"].bool()
    expected = logits(awake_model, inputs)[seen]
    found = logits(awake_model.to(torch.bfloat16), inputs)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float()[seen], expected, **BFLOAT16_TOLERANCE)


@pytest.mark.parametrize("tower", ["siglip_vision_model", "clip_vision_model"])
@pytest.mark.parametrize("language_model", ["qwen2", "llama"])
def test_loading_through_the_meta_device_leaves_every_buffer_right(tower, language_model, tmp_path):
    """Buffers that no file holds (rotary frequencies, patch numbers) must be computed anew."""
    text = {"model_type": language_model, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100}
    if language_model == "llama":
        text["rope_parameters"] = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0}
        text["rope_parameters"] |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 64}
    config = make_tiny_config(
        vision_config=tower_config(tower, intermediate_size=32),
        num_prefix_tokens=int(tower == "clip_vision_model"),
        text_config=text,
        tie_word_embeddings=False,
    )
    built = make_tiny_model(config)
    built.save_pretrained(tmp_path)
    not_saved = dict(built.named_buffers()).keys() - built.state_dict().keys()
    assert {name.rsplit(".", 1)[1] for name in not_saved} >= {"position_ids", "inv_freq"}
    for settings in ({}, {"device_map": "cpu"}, {"dtype": torch.bfloat16}):
        loaded = dict(SR3DForConditionalGeneration.from_pretrained(tmp_path, **settings).named_buffers())
        assert loaded.keys() == dict(built.named_buffers()).keys()
        for name, buffer in built.named_buffers():
            assert loaded[name].device.type == "cpu"
            assert torch.equal(loaded[name], buffer), name


@pytest.mark.slow
def test_compiled_forward_has_no_graph_break(awake_model, model_inputs):
    # The first call of a tower installs hooks under a lock, which no graph can hold (with any model of the library).
    expected = logits(awake_model, model_inputs)
    compiled = torch.compile(awake_model, fullgraph=True)
    torch.testing.assert_close(logits(compiled, model_inputs), expected, **LOGIT_TOLERANCE)
