# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Questions about one scene share its vision, and get the answers that they would get alone, pixels and all."""

import numpy as np
import pytest
import torch
from tiny import make_tiny_processor
from tiny_model import make_lively_model, make_tiny_config

from transformers_sr3d.evaluation.scene_answers import answer_questions, features_of_questions, scene_features
from transformers_sr3d.training.collator import render_prompt


QUESTIONS = [
    "How far apart are <region4> and <region0>?",
    "Is there a chair?",
    "How wide is <region7>?",
    "Which is taller, <region7>, <region0> or <region7>?",
    "How wide is <region4>?",
]
REGIONS = [
    {"box_xyxy": [4, 4, 30, 40], "view": 0, "region": 0},
    {"box_xyxy": [30, 10, 60, 44], "view": 1, "region": 4},
    {"box_xyxy": [10, 20, 50, 44], "view": 0, "region": 7},
]


@pytest.fixture(scope="module")
def processor():
    return make_tiny_processor()


@pytest.fixture(scope="module")
def network(processor):
    ids = {"image_token_id": processor.image_token_id, "region_token_id": processor.region_token_id}
    return make_lively_model(make_tiny_config(vocab_size=len(processor.tokenizer), **ids))


def encode(processor, regions, **geometry):
    images = np.random.default_rng(0).integers(0, 255, (2, 48, 64, 3), dtype=np.uint8)
    return processor.encode_views(list(images), regions=regions, **geometry)


def depth():
    pose = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 1.5], [0, 0, 0, 1]])
    return {
        "depths": list(np.random.default_rng(1).uniform(1, 3, (2, 48, 64)).astype(np.float32)),
        "intrinsics": np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]]),
        "camera_to_world": [pose, pose],
        "world_up": "+z",
    }


def answers_with_pixels(network, processor, encoded):
    prompts = [render_prompt(question, num_images=2) for question in QUESTIONS]
    batch = processor.batch_encoded(
        prompts, [encoded] * len(prompts), padding=True, padding_side="left", return_tensors="pt"
    )
    generated = network.generate(**batch, do_sample=False, max_new_tokens=48)
    new_tokens = generated[:, batch["input_ids"].shape[1] :]
    return [text.strip() for text in processor.batch_decode(new_tokens, skip_special_tokens=True)]


@pytest.mark.parametrize("geometry", [{}, depth()], ids=["plain", "depth"])
def test_answers_are_those_of_every_question_with_its_own_pixels(network, processor, geometry):
    encoded = encode(processor, REGIONS, **geometry)
    expected = answers_with_pixels(network, processor, encoded)
    assert len(set(expected)) > 2
    assert answer_questions(network, processor, encoded, QUESTIONS) == expected


def test_batches_do_not_change_answers(network, processor):
    encoded = encode(processor, REGIONS, **depth())
    together = answer_questions(network, processor, encoded, QUESTIONS, batch_size=8)
    assert answer_questions(network, processor, encoded, QUESTIONS, batch_size=2) == together
    assert answer_questions(network, processor, encoded, QUESTIONS, batch_size=1) == together


def test_the_vision_tower_runs_once_for_a_scene(network, processor):
    runs = []
    hook = network.model.vision_tower.register_forward_hook(lambda *arguments: runs.append(1))
    answer_questions(network, processor, encode(processor, REGIONS), QUESTIONS, batch_size=2)
    hook.remove()
    assert len(runs) == 1


def test_questions_take_the_regions_that_they_mention(network, processor):
    features = scene_features(network, processor, encode(processor, REGIONS, **depth()))
    tiles = len(features.pooler_output)
    repeated = features_of_questions(features, [[1, 0], [2]])
    assert repeated.region_sums.shape[:2] == (2 * tiles, 2)
    assert torch.equal(repeated.region_sums[:tiles, 0], features.region_sums[:, 1])
    assert torch.equal(repeated.region_weights[tiles:, 0], features.region_weights[:, 2])
    assert not repeated.region_weights[tiles:, 1].any()


def test_a_scene_without_regions_is_asked_about_as_a_whole(network, processor):
    assert len(answer_questions(network, processor, encode(processor, []), ["Is there a chair?"])) == 1


def test_an_unknown_region_is_refused(network, processor):
    with pytest.raises(ValueError, match=r"`questions\[0\]` mentions <region3>"):
        answer_questions(network, processor, encode(processor, REGIONS), ["How wide is <region3>?"])
