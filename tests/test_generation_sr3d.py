# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 5, generation: each way of decoding against forward passes or against decoding one sample at a time.

Answers are those of a model that writes another token at each step and tells one region from another; sequences are
compared by their tokens, scores within a tolerance.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import box_room, flat_wall, orbiting_cameras
from tiny import make_tiny_processor
from tiny_model import make_lively_model, make_tiny_config
from transformers import Qwen2ForCausalLM


GREEDY = {"max_new_tokens": 8, "do_sample": False}
REGION_INPUTS = ("region_coverage", "region_descriptors")
# Row alone against row in a padded batch, 8 steps and 20 random models on a CPU in float32: at most 1.4e-6 on logits
# of order 0.5. Another mask or another point map moves them by more than 1e-3.
SCORE_TOLERANCE = {"atol": 1e-5, "rtol": 1e-5}


def picture(seed: int, size_hw: tuple[int, int] = (48, 64)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size_hw, 3), dtype=np.uint8))


def ragged_samples() -> list[dict]:
    """One tile with depth and three mentions, five tiles without depth, three views, no region."""
    wall = flat_wall(2.0, tilt=0.3)
    views = [box_room(pose) for pose in orbiting_cameras(3)]
    return [
        {
            "text": "<image>How far is <region0> from <region1>? Is <region1> wide?",
            "images": [picture(0)],
            "depths": [wall["depth"].numpy()],
            "intrinsics": [wall["intrinsics"].numpy()],
            "regions": [{"box_xyxy": [0, 0, 32, 48]}, {"box_xyxy": [32, 0, 64, 24]}],
        },
        {
            "text": "<image>What is <region0>?",
            "images": [picture(1, (112, 112))],
            "regions": [{"box_xyxy": [10, 30, 70, 80]}],
        },
        {
            "text": "<image><image><image>How wide is <region0>?",
            "images": [picture(seed) for seed in (2, 3, 4)],
            "depths": [view["depth"].numpy() for view in views],
            "intrinsics": [view["intrinsics"].numpy() for view in views],
            "camera_to_world": [view["camera_to_world"].numpy() for view in views],
            "world_up": "+z",
            "regions": [{"box_xyxy": [5, 5, 40, 40], "view": 1}],
        },
        {"text": "<image>What is this?", "images": [picture(5)]},
    ]


def encode(processor, samples: list[dict]) -> dict[str, torch.Tensor]:
    names = ("text", "images", "depths", "intrinsics", "camera_to_world", "world_up", "regions")
    columns = {name: [sample.get(name) for sample in samples] for name in names}
    return dict(processor(**columns, padding=True, return_tensors="pt"))


@pytest.fixture(scope="module")
def processor():
    return make_tiny_processor()


@pytest.fixture(scope="module")
def model(processor):
    return make_lively_model(
        make_tiny_config(
            vocab_size=len(processor.tokenizer),
            image_token_id=processor.image_token_id,
            region_token_id=processor.region_token_id,
        )
    )


@pytest.fixture(scope="module")
def singles(processor):
    return [encode(processor, [sample]) for sample in ragged_samples()]


@pytest.fixture(scope="module")
def ragged(processor):
    return encode(processor, ragged_samples())


@pytest.fixture
def row(singles):
    """One sample with three mentions, free to be changed."""
    return {name: tensor.clone() for name, tensor in singles[0].items()}


def answer(model, inputs, **settings):
    """New tokens only."""
    settings = {**GREEDY, **settings}
    return model.generate(**inputs, **settings)[:, -settings["max_new_tokens"] :]


def with_text(inputs, *ids):
    """Inputs whose text goes on."""
    more = torch.cat((inputs["input_ids"], *ids), dim=1)
    return inputs | {"input_ids": more, "attention_mask": torch.ones_like(more)}


def without(inputs, *names):
    return {name: tensor for name, tensor in inputs.items() if name not in names}


def text_ids(processor, text):
    return processor.tokenizer(text, return_tensors="pt").input_ids


# Greedy, and its equals


def test_answers_change_from_step_to_step_and_from_sample_to_sample(model, singles):
    """What the other tests rely on."""
    answers = [answer(model, single)[0].tolist() for single in singles]
    assert all(len(set(ids)) > 4 for ids in answers)
    assert len({tuple(ids) for ids in answers}) == len(answers)


@pytest.mark.parametrize("name", ["pixel_values", "patch_points", *REGION_INPUTS])
def test_each_input_moves_the_next_token_by_more_than_the_tolerance(name, model, row):
    with torch.no_grad():
        difference = model(**row).logits[:, -1] - model(**row | {name: row[name].flip(1)}).logits[:, -1]
    assert difference.abs().max() > 1e-3


def test_greedy_tokens_equal_repeated_forward_passes(model, row):
    generated = answer(model, row)
    inputs = row
    for step in range(generated.shape[1]):
        with torch.no_grad():
            scores = model(**inputs).logits[:, -1]
        scores[:, [model.config.image_token_id, model.config.region_token_id]] = -torch.inf
        following = scores.argmax(-1, keepdim=True)
        assert torch.equal(following, generated[:, step : step + 1])
        inputs = with_text(inputs, following)


def test_ragged_batch_has_the_logits_of_its_rows_one_by_one(model, singles, ragged):
    assert (ragged["attention_mask"] == 0).any(1).sum() == len(singles) - 1  # padded, all but the longest
    settings = {**GREEDY, "return_dict_in_generate": True, "output_logits": True}
    batch = torch.stack(model.generate(**ragged, **settings).logits, dim=1)
    for index, single in enumerate(singles):
        alone = torch.stack(model.generate(**single, **settings).logits, dim=1)
        torch.testing.assert_close(batch[index], alone[0], **SCORE_TOLERANCE)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_beams": 3},
        {"num_beams": 3, "num_return_sequences": 2, "length_penalty": 0.5},
        {"cache_implementation": "static", "disable_compile": True},
        {"use_cache": False},
        {"repetition_penalty": 1.3},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_ragged_batch_is_answered_as_its_rows_one_by_one(settings, model, singles, ragged):
    alone = torch.cat([answer(model, single, **settings) for single in singles])
    assert torch.equal(answer(model, ragged, **settings), alone)


@pytest.mark.parametrize(
    "settings",
    [
        {"cache_implementation": "static", "disable_compile": True},
        {"use_cache": False},
        {"do_sample": True, "top_k": 1},
    ],
    ids=["static cache", "no cache", "sampling of one token"],
)
def test_other_ways_to_the_greedy_answer(settings, model, ragged):
    assert torch.equal(answer(model, ragged, **settings), answer(model, ragged))


# Sampling and beams


def test_sampling_with_one_seed_is_the_same_with_either_cache(model, ragged):
    torch.manual_seed(7)
    dynamic = answer(model, ragged, do_sample=True, num_return_sequences=2)
    torch.manual_seed(7)
    static = answer(
        model, ragged, do_sample=True, num_return_sequences=2, cache_implementation="static", disable_compile=True
    )
    assert torch.equal(dynamic, static)
    assert not torch.equal(dynamic[0::2], dynamic[1::2])


def test_sampled_sequences_of_one_row_keep_tiles_and_regions_together(model, ragged):
    settings = {"max_new_tokens": 1, "return_dict_in_generate": True, "output_logits": True}
    plain = model.generate(**ragged, do_sample=False, **settings).logits[0]
    sampled = model.generate(**ragged, do_sample=True, num_return_sequences=3, **settings).logits[0]
    torch.testing.assert_close(sampled, plain.repeat_interleave(3, 0), **SCORE_TOLERANCE)


def test_beam_scores_are_mean_log_probabilities_of_their_sequences(model, singles, ragged):
    settings = {**GREEDY, "num_beams": 3, "num_return_sequences": 3, "return_dict_in_generate": True}
    out = model.generate(**ragged, **settings, output_scores=True)
    steps = GREEDY["max_new_tokens"]
    for index, new_ids in enumerate(out.sequences[:, -steps:]):
        with torch.no_grad():
            logits = model(**with_text(singles[index // 3], new_ids[None])).logits[0, -steps - 1 : -1]
        score = logits.log_softmax(-1).gather(1, new_ids[:, None]).mean()
        torch.testing.assert_close(out.sequences_scores[index], score, **SCORE_TOLERANCE)


# Assistants


def test_prompt_lookup_with_regions_equals_greedy_decoding(model, row):
    """The prompt ends like a passage before a region, so lookup would propose a region that has no mask."""
    mention = int((row["input_ids"][0] == model.config.region_token_id).nonzero()[0])
    row = with_text(row, row["input_ids"][:, mention - 2 : mention])
    assert torch.equal(answer(model, row, prompt_lookup_num_tokens=3), answer(model, row))


@pytest.mark.parametrize("drafts", ["of a stranger", "of its own language model"])
def test_a_text_model_as_assistant_changes_no_greedy_token(drafts, model, row, monkeypatch):
    assistant = Qwen2ForCausalLM(model.config.text_config).eval()
    if drafts == "of its own language model":
        assistant.model = model.model.language_model
        assistant.lm_head = model.lm_head
    calls = []
    monkeypatch.setattr(
        assistant,
        "generate",
        lambda *args, **kwargs: calls.append(1) or Qwen2ForCausalLM.generate(assistant, *args, **kwargs),
    )
    assert torch.equal(answer(model, row, assistant_model=assistant), answer(model, row))
    assert calls


def test_an_sr3d_model_as_assistant_is_refused_with_regions(model, row):
    with pytest.raises(ValueError, match=r"cannot carry regions, nor can an SR-3D model as an assistant"):
        answer(model, row, assistant_model=make_lively_model(model.config))


def test_an_sr3d_model_assists_without_regions(model, singles):
    """The library hands it no image, so its guesses are blind; those that are wrong cost time only."""
    assistant = make_lively_model(model.config)
    assert torch.equal(answer(model, singles[3], assistant_model=assistant), answer(model, singles[3]))


# Chunks, embeddings, turns


@pytest.mark.parametrize("chunk_size", [1, 5, 8])
def test_chunked_prefill_with_regions_is_refused(chunk_size, model, row):
    with pytest.raises(ValueError, match="chunked prefill cannot carry regions"):
        answer(model, row, prefill_chunk_size=chunk_size)


@pytest.mark.parametrize("chunk_size", [1, 5, 8])
def test_chunked_prefill_without_regions_equals_one_prefill(chunk_size, model, singles):
    assert torch.equal(answer(model, singles[3], prefill_chunk_size=chunk_size), answer(model, singles[3]))


@pytest.mark.parametrize(
    "settings", [{}, {"num_beams": 3}, {"do_sample": True, "top_k": 1, "num_return_sequences": 2}]
)
def test_embeddings_instead_of_ids_are_answered_alike(settings, model, ragged):
    embeds = {**without(ragged, "input_ids"), "inputs_embeds": model.get_input_embeddings()(ragged["input_ids"])}
    assert torch.equal(answer(model, embeds, **settings), answer(model, ragged, **settings))


@pytest.mark.parametrize("kind", ["input_ids", "inputs_embeds"])
@pytest.mark.parametrize("missing", ["regions", "regions and images"])
def test_mentions_without_masks_are_refused(missing, kind, model, row):
    kept = ("input_ids", "attention_mask") if missing == "regions and images" else set(row) - set(REGION_INPUTS)
    inputs = {name: row[name] for name in kept}
    if kind == "inputs_embeds":
        inputs["inputs_embeds"] = model.get_input_embeddings()(inputs.pop("input_ids"))
    with pytest.raises(ValueError, match="mentions regions but no region features"):
        answer(model, inputs)


def test_a_second_turn_on_the_cache_equals_a_new_prefill(model, processor, row):
    first = model.generate(**row, **GREEDY, return_dict_in_generate=True)
    grown = with_text({"input_ids": first.sequences}, text_ids(processor, "Are you sure?"))
    whole = answer(model, {**row, **grown})
    assert torch.equal(answer(model, grown, past_key_values=first.past_key_values), whole)
    assert not torch.equal(whole, answer(model, row | with_text({"input_ids": first.sequences})))


@pytest.mark.parametrize(("vision", "message"), [(False, "no region features"), (True, "do not match, tokens: 0")])
def test_a_second_turn_on_the_cache_may_not_mention_regions(vision, message, model, processor, row):
    first = model.generate(**row, **GREEDY, return_dict_in_generate=True)
    grown = with_text({"input_ids": first.sequences}, text_ids(processor, "And <region>?"))
    with pytest.raises(ValueError, match=message):
        answer(model, {**row, **grown} if vision else grown, past_key_values=first.past_key_values)


def test_a_region_of_the_second_turn_changes_the_second_turn_only(model, processor):
    def chat(box):
        wall, question = ragged_samples()[0], "How wide is it?"
        image = {"type": "image", "image": wall["images"][0], "depth": wall["depths"][0]}
        image["intrinsics"] = wall["intrinsics"][0]
        first = [image, {"type": "region", "region": wall["regions"][0]}, {"type": "text", "text": question}]
        second = [{"type": "region", "region": {"box_xyxy": box}}, {"type": "text", "text": question}]
        turns = [{"role": "user", "content": first}, {"role": "assistant", "content": "Region 0 is 1.2 meters wide."}]
        return processor.apply_chat_template(
            [*turns, {"role": "user", "content": second}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )

    left, right = chat([0, 0, 16, 48]), chat([40, 0, 64, 30])
    assert torch.equal(left["input_ids"], right["input_ids"])
    second = int((left["input_ids"][0] == model.config.region_token_id).nonzero()[1])
    with torch.no_grad():
        difference = (model(**left).logits - model(**right).logits)[0].abs().amax(-1)
    assert difference[:second].max() == 0
    assert difference[second:].min() > 1e-3
    assert not torch.equal(answer(model, left), answer(model, right))
