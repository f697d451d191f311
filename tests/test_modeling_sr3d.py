# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stages 3 to 5, the network: identities at initialisation, switches, counts, beams, towers and key names."""

import math

import pytest
import torch
from tiny_model import make_model_inputs, make_tiny_config, make_tiny_model, wake_zero_layers
from transformers import AutoConfig

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration, SR3DMultiModalProjector, SR3DSpaceToDepth
from transformers_sr3d.region_extractor_sr3d import expand_descriptors


GEOMETRY = ("patch_points", "patch_valid", "metric_scale")
# Row alone against row in a batch, 20 random models on a CPU in float32: at most 2e-7 on logits of order 0.1.
LOGIT_TOLERANCE = {"atol": 2e-6, "rtol": 1e-5}


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


@pytest.mark.parametrize("chunk_size", [1, 5, 8])
def test_chunked_prefill_with_regions_fails_loudly(chunk_size, model, model_inputs):
    with pytest.raises(ValueError, match="chunked prefill cannot carry regions"):
        model.generate(**model_inputs, max_new_tokens=2, do_sample=False, prefill_chunk_size=chunk_size)


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


# Generation


def test_beams_with_one_sequence_each_keep_regions_apart(awake_model, model_inputs):
    """Expanding [A, B] to [A, A, B, B]: the scores of both copies equal those of the unexpanded batch."""
    settings = {"max_new_tokens": 1, "do_sample": False, "return_dict_in_generate": True, "output_scores": True}
    plain = awake_model.generate(**model_inputs, **settings).scores[0]
    expanded = awake_model.generate(**model_inputs, num_beams=2, **settings).scores[0]
    expected = plain.log_softmax(-1).repeat_interleave(2, 0)
    torch.testing.assert_close(expanded.log_softmax(-1), expected, atol=1e-5, rtol=1e-5)


def test_generation_equals_repeated_forward_passes(awake_model, model_inputs):
    generated = awake_model.generate(**model_inputs, max_new_tokens=3, do_sample=False)[:, -3:]
    ids = model_inputs["input_ids"]
    for step in range(3):
        attention_mask = torch.ones_like(ids)
        following = logits(awake_model, model_inputs | {"input_ids": ids, "attention_mask": attention_mask})[
            :, -1
        ].argmax(-1)
        assert torch.equal(following, generated[:, step])
        ids = torch.cat((ids, following[:, None]), dim=1)


def test_static_cache_equals_dynamic_cache(awake_model, model_inputs):
    settings = {"max_new_tokens": 4, "do_sample": False}
    dynamic = awake_model.generate(**model_inputs, **settings)
    static = awake_model.generate(**model_inputs, cache_implementation="static", disable_compile=True, **settings)
    assert torch.equal(dynamic, static)


def test_sampled_sequences_of_one_row_keep_regions_apart(awake_model, model_inputs):
    settings = {"max_new_tokens": 1, "return_dict_in_generate": True, "output_logits": True}
    plain = awake_model.generate(**model_inputs, do_sample=False, **settings).logits[0]
    sampled = awake_model.generate(**model_inputs, do_sample=True, num_return_sequences=3, **settings).logits[0]
    torch.testing.assert_close(sampled, plain.repeat_interleave(3, 0), **LOGIT_TOLERANCE)


def test_prompt_lookup_with_regions_equals_greedy_decoding(awake_model, model_inputs):
    """The prompt ends like a passage before a region, so lookup would propose a region that has no mask."""
    row = {name: tensor[1:2] if len(tensor) == 2 else tensor[1:] for name, tensor in model_inputs.items()}
    row["input_ids"][0, 18] = row["input_ids"][0, 23]
    settings = {"max_new_tokens": 6, "do_sample": False}
    looked_up = awake_model.generate(**row, prompt_lookup_num_tokens=3, **settings)
    assert torch.equal(looked_up, awake_model.generate(**row, **settings))


def test_chunked_prefill_without_regions_equals_one_prefill(awake_model, model_inputs):
    inputs = without(model_inputs, "region_coverage", "region_descriptors")
    inputs["input_ids"][inputs["input_ids"] == awake_model.config.region_token_id] = 7
    settings = {"max_new_tokens": 4, "do_sample": False}
    chunked = awake_model.generate(**inputs, prefill_chunk_size=5, **settings)
    assert torch.equal(chunked, awake_model.generate(**inputs, **settings))


def test_eager_attention_equals_sdpa(awake_model, model_inputs):
    expected = logits(awake_model, model_inputs)
    awake_model.set_attn_implementation("eager")
    torch.testing.assert_close(logits(awake_model, model_inputs), expected, **LOGIT_TOLERANCE)


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


def test_bfloat16_model_runs_with_float32_inputs(model_inputs):
    model = make_tiny_model().to(torch.bfloat16)
    assert model(**model_inputs).logits.dtype == torch.bfloat16


@pytest.mark.slow
def test_compiled_forward_has_no_graph_break(awake_model, model_inputs):
    compiled = torch.compile(awake_model, fullgraph=True)
    torch.testing.assert_close(logits(compiled, model_inputs), logits(awake_model, model_inputs), **LOGIT_TOLERANCE)
