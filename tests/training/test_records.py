# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scene cache and the order of a run."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from transformers_sr3d.rooms.composition.kinds import placed_names
from transformers_sr3d.rooms.questions.conversations import number_objects
from transformers_sr3d.rooms.rendering.scenes import SceneSettings, make_scene
from transformers_sr3d.rooms.world import RoomFacts
from transformers_sr3d.training import room_scenes
from transformers_sr3d.training.collator import IGNORED_LABEL
from transformers_sr3d.training.records import (
    SCALES,
    Augmentation,
    ConversationDataset,
    Turn,
    plan_order,
    scale_scene,
    turn_scene,
    without_pixels,
)
from transformers_sr3d.training.room_scenes import RoomConversations, drop_words, filler_words, room_sample


NORMALISATION = {"image_mean": (0.5, 0.5, 0.5), "image_std": (0.5, 0.5, 0.5)}


def dataset(cache, **kwargs):
    settings = {"ask": RoomConversations(1, 3, {}), "num_items": 20, "seed": 3, "batch_size": 4}
    settings["augmentation"] = Augmentation()
    return ConversationDataset(cache, **settings | kwargs)


def test_each_pass_shows_each_scene_once():
    order = plan_order([5, 1, 3, 2], num_items=8, seed=0, batch_size=2, group=2)
    assert Counter(order) == dict.fromkeys(range(4), 2)


def test_scenes_of_like_length_share_a_step():
    lengths = [1, 5] * 8
    order = plan_order(lengths, num_items=16, seed=0, batch_size=4)
    steps = [{lengths[scene] for scene in order[start : start + 4]} for start in range(0, 16, 4)]
    assert all(len(step) == 1 for step in steps)


def test_each_pass_puts_other_scenes_together():
    order = plan_order([1] * 32, num_items=64, seed=0, batch_size=4, group=8)
    steps = [frozenset(order[start : start + 4]) for start in range(0, 64, 4)]
    assert set(steps[:8]) != set(steps[8:])


@pytest.mark.parametrize("seed", range(3))
def test_incomplete_step_stays_last(seed):
    order = plan_order(list(range(14)), num_items=14, seed=seed, batch_size=4)
    assert sorted(order[12:]) == [12, 13]


def test_same_seed_gives_the_same_items(cache):
    first, again, other = dataset(cache), dataset(cache), dataset(cache, seed=4)
    assert first.order == again.order
    assert first[7]["conversation"] == again[7]["conversation"]
    assert [first[i]["conversation"] for i in range(8)] != [other[i]["conversation"] for i in range(8)]


def test_scene_seen_again_gets_new_questions(cache):
    items = dataset(cache, num_items=64)
    places = [index for index, scene in enumerate(items.order) if scene == 0]
    assert len({str(items[place]["conversation"]) for place in places}) > 1


def test_quarter_turn_moves_x_to_y(cache, walk):
    encoded = cache[walk]["encoded"]
    turned = turn_scene(encoded, math.pi / 2)
    x, y, z = encoded["patch_points"].unbind(-1)
    torch.testing.assert_close(turned["patch_points"], torch.stack((-y, x, z), dim=-1))
    centre, turned_centre = encoded["region_descriptors"][:, :3], turned["region_descriptors"][:, :3]
    torch.testing.assert_close(turned_centre, torch.stack((-centre[:, 1], centre[:, 0], centre[:, 2]), dim=-1))
    assert torch.equal(turned["region_descriptors"][:, 3:], encoded["region_descriptors"][:, 3:])


def test_walks_are_turned_anew_each_time(cache, walk):
    items = dataset(cache, num_items=64)
    first, again = [items[index]["encoded"] for index in range(64) if items.order[index] == walk][:2]
    stored = cache[walk]["encoded"]["patch_points"]
    for name, other in (("stored", stored), ("again", again["patch_points"])):
        assert not torch.allclose(first["patch_points"], other, atol=0.01), name
    torch.testing.assert_close(first["patch_points"].norm(dim=-1), stored.norm(dim=-1))
    plain = dataset(cache, num_items=64, augmentation=Augmentation(yaw=False))
    assert torch.equal(plain[plain.order.index(walk)]["encoded"]["patch_points"], stored)


def test_photos_are_not_turned(cache):
    items = dataset(cache)
    photo = next(index for index, scene in enumerate(items.order) if len(cache[scene]["encoded"]["num_tiles"]) == 1)
    stored = cache[items.order[photo]]["encoded"]
    assert torch.equal(items[photo]["encoded"]["patch_points"], stored["patch_points"])


def test_a_scaled_scene_is_what_the_processor_makes_of_a_doll_house(processor, make_sample):
    scene = make_scene(
        make_sample.furniture, "train", 0, 0, SceneSettings(image_size=64, num_views=(3, 3), photo_share=0)
    )
    numbers = number_objects(scene.facts, np.random.default_rng(0), max_regions=4)
    sample = room_sample(scene.facts, scene.views, numbers, np.random.default_rng(0), exact=False)  # no 3D boxes
    small = dict(sample, depths=[depth * 0.4 for depth in sample["depths"]])
    small["camera_to_world"] = [pose * np.array([1, 1, 1, 0.4]) for pose in sample["camera_to_world"]]
    for pose in small["camera_to_world"]:
        pose[3, 3] = 1.0
    wanted, scaled = processor.encode_views(**small), scale_scene(processor.encode_views(**sample), 0.4)
    assert scaled["metric_scale"] == pytest.approx(wanted["metric_scale"], rel=1e-4)
    for name in ("patch_points", "region_descriptors", "region_coverage"):
        torch.testing.assert_close(scaled[name], wanted[name], atol=2e-4, rtol=0)


def test_without_metres_a_scene_keeps_its_descriptors(cache, walk):
    encoded = dict(cache[walk]["encoded"], metric_scale=0.0)
    encoded["region_descriptors"] = encoded["region_descriptors"] * (torch.arange(13) != 9)
    scaled = scale_scene(encoded, 0.5)
    assert scaled["metric_scale"] == 0.0
    assert torch.equal(scaled["region_descriptors"], encoded["region_descriptors"])


def test_scaled_scenes_are_asked_for_their_new_sizes(cache):
    scales = []

    def ask(truth, seed, scale):
        scales.append(scale)
        return [Turn("question", "answer", (0.0,), ())]

    items = dataset(cache, ask=ask, num_items=64, augmentation=Augmentation(scale=0.5))
    for index in range(64):
        stored, shown = cache[items.order[index]]["encoded"]["metric_scale"], items[index]["encoded"]["metric_scale"]
        assert shown == pytest.approx(stored * scales[-1])
        assert scales[-1] == 1.0 or stored  # what has no metres is shown as it is
    changed = [scale for scale in scales if scale != 1.0]
    assert 0.2 < len(changed) / 64 < 0.6
    assert SCALES[0] <= min(changed) < 0.5 < 1.0 < max(changed) <= SCALES[1]


def test_a_smaller_room_has_shorter_answers_and_no_names(cache, walk, monkeypatch):
    truth = cache[walk]["truth"]
    facts = RoomFacts.from_json(truth["facts"])
    asked = []
    real = room_scenes.sample_conversation
    monkeypatch.setattr(room_scenes, "sample_conversation", lambda *a, **k: asked.append(real(*a, **k)) or asked[-1])
    ask = RoomConversations(8, 8, {"distance": 4.0})
    turns = {scale: [turn for seed in range(20) for turn in ask(truth, seed, scale)] for scale in (1.0, 0.5)}
    categories = [{question.category for part in half for question in part} for half in (asked[:20], asked[20:])]
    assert {"naming", "counting"} <= categories[0]
    assert not {"naming", "counting", "existence", "named_distance"} & categories[1]
    assert all(name == IGNORED_LABEL for turn in turns[0.5] for name in turn.names)
    assert any(name != IGNORED_LABEL for turn in turns[1.0] for name in turn.names)
    centers = [thing.center for thing in facts.objects]
    distances = {math.dist(first, second) / 2 for first in centers for second in centers}
    shown = [question for part in asked[20:] for question in part if question.category == "distance"]
    assert shown
    for question in shown:
        assert min(abs(question.metres - distance) for distance in distances) < 1e-6
        assert question.value == question.metres >= 0.1


def test_scene_without_questions_gives_way_to_the_next(cache):
    facts = [cache[index]["truth"] for index in range(len(cache))]

    def ask(truth, seed, scale):
        index = facts.index(truth)
        return [] if index == 3 else [Turn("question", str(index), (0.0,), ())]

    items = dataset(cache, ask=ask)
    place = items.order.index(3)
    assert items[place]["conversation"] == [("question", "4")]
    with pytest.raises(ValueError, match="none for all 9"):
        dataset(cache, ask=lambda truth, seed, scale: [])[0]


def test_fewer_than_one_question_is_refused():
    with pytest.raises(ValueError, match="got 0 and 3"):
        RoomConversations(0, 3, {})


def test_a_category_that_nobody_asks_is_refused():
    with pytest.raises(
        ValueError, match=r"`category_weights` must name categories of questions, got namig. Choose from .*naming"
    ):
        RoomConversations(1, 3, {"namig": 2.0, "width": 1.0})


@pytest.mark.parametrize("weight", [-1.0, math.inf, "much"])
def test_a_weight_that_is_no_share_is_refused(weight):
    with pytest.raises(ValueError, match=r"`category_weights.naming` must be a number from 0 on, got"):
        RoomConversations(1, 3, {"naming": weight})


def test_without_pixels_only_the_geometry_of_regions_is_left(cache, walk):
    encoded = cache[walk]["encoded"]
    blank = without_pixels(encoded)
    assert blank["num_tiles"] == [1]
    assert len({len(blank[name]) for name in ("pixel_values", "patch_points", "patch_valid", "region_coverage")}) == 1
    assert not blank["pixel_values"].any()
    assert not blank["patch_valid"].any()
    assert blank["region_coverage"].min() == 1
    assert torch.equal(blank["region_descriptors"], encoded["region_descriptors"])
    assert dataset(cache, pixels=False)[0]["encoded"]["num_tiles"] == [1]


def test_filler_words_are_dropped_and_nothing_that_is_asked_for():
    text = "If you compare <region3>, <region11> and the others, which is the widest in centimeters?"
    asked = ["<region3>,", "<region11>", "others,", "widest", "centimeters?"]
    rng = np.random.default_rng(0)
    assert drop_words(text, 0.0, rng) == text
    lengths = []
    for _ in range(200):
        left = drop_words(text, 0.25, rng).split(" ")
        words = iter(text.split(" "))
        assert all(word in words for word in left)  # in order
        assert [word for word in left if word in asked] == asked
        lengths.append(len(left))
    fillers = len(text.split(" ")) - len(asked)
    assert np.mean(lengths) == pytest.approx(len(asked) + 0.75 * fillers, abs=0.5)
    with pytest.raises(ValueError, match=r"`word_dropout` must be from 0 to below 1, got 1\.0"):
        RoomConversations(1, 3, {}, word_dropout=1.0)


def test_no_word_that_tells_kinds_apart_is_a_filler():
    told = (
        "wider",
        "narrower",
        "left",
        "right",
        "closest",
        "farthest",
        "taller",
        "less",
        "smaller",
        "meters",
        "room",
        "chair",
    )
    assert not filler_words() & {*told, *placed_names()}
