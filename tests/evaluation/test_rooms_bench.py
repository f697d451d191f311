# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of the room benchmark: repeatable, regions in turn, and baselines that see no more than they should."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from closed_form_rooms import FURNITURE
from known_rooms import known_room

from transformers_sr3d.evaluation.rooms.bench_rooms import RenderedRooms, StoredRooms
from transformers_sr3d.evaluation.rooms.bench_views import choose_kind, fitting_degradations, to_tensors
from transformers_sr3d.evaluation.rooms.room_scores import is_right
from transformers_sr3d.evaluation.rooms.rooms_bench import BenchScenes, BenchSettings, question_sample, region_share
from transformers_sr3d.rooms.questions.conversations import RoomQuestion


@pytest.fixture
def settings(rooms_folder):
    return BenchSettings(scenes=rooms_folder)


def make(tiny_folder, settings, index, **changes):
    return BenchScenes(tiny_folder, replace(settings, **changes))(index)


def test_scenes_are_the_same_each_time_on_any_number_of_threads(tiny_folder, settings):
    threads = torch.get_num_threads()
    first = make(tiny_folder, settings, 1)
    torch.set_num_threads(threads + 1)
    again = make(tiny_folder, settings, 1)
    assert torch.get_num_threads() == threads + 1
    torch.set_num_threads(threads)
    assert first.samples == again.samples
    for name in ("pixel_values", "patch_points", "region_coverage", "region_descriptors"):
        assert np.array_equal(first.encoded["model"][name], again.encoded["model"][name])


def test_another_seed_asks_other_questions(tiny_folder, settings):
    texts = [{sample["question"] for sample in make(tiny_folder, settings, 1, seed=seed).samples} for seed in (0, 1)]
    assert texts[0] != texts[1]


def test_samples_are_plain_and_right_in_their_own_words(tiny_folder, settings):
    for index in range(4):
        scene = make(tiny_folder, settings, index, questions_per_scene=30)
        assert len(json.loads(json.dumps(scene.samples, allow_nan=False))) == len(scene.samples) > 8
        assert all(is_right(sample, sample["reference"]) for sample in scene.samples)
        assert {sample["scene"] for sample in scene.samples} == {index}


def test_both_halves_of_the_table_are_asked(tiny_folder, settings):
    scenes = [make(tiny_folder, settings, index) for index in range(2)]
    assert [scene.samples[0]["views"] for scene in scenes] == [1, 4]
    assert [len(scene.encoded["model"]["num_tiles"]) for scene in scenes] == [1, 4]


def test_ways_of_giving_regions_take_turns():
    assert [choose_kind(index, None, single=True) for index in (0, 2, 4)] == ["mask", "box", "mask"]
    walks = [choose_kind(index, None, single=False) for index in (1, 3, 5, 7, 9, 11)]
    assert walks == ["masks", "mask", "boxes", "box", "box_3d", "masks"]


def test_one_way_of_giving_regions_counts_for_all_scenes_that_can():
    assert [choose_kind(0, kind, single=True) for kind in ("masks", "boxes", "box")] == ["mask", "box", "box"]
    assert choose_kind(1, "box_3d", single=False) == "box_3d"
    assert choose_kind(0, "box_3d", single=True) is None


def test_photos_are_not_asked_about_3d_boxes(tiny_folder, settings):
    assert make(tiny_folder, settings, 0, region_kind="box_3d").samples == []
    assert make(tiny_folder, settings, 1, region_kind="box_3d").samples[0]["region_kind"] == "box_3d"


def test_the_oracle_answers_what_is_geometry(tiny_folder, settings):
    samples = make(tiny_folder, settings, 1, questions_per_scene=30).samples
    for sample in samples:
        needs_names = sample["category"] in ("naming", "counting", "existence", "room_size", "named_distance")
        assert (sample["oracle_right"] is None) == needs_names
    assert all(sample["oracle_right"] for sample in samples if sample["category"] == "distance")


def test_without_the_oracle_its_columns_are_left_out(tiny_folder, settings):
    assert "oracle_right" not in make(tiny_folder, settings, 1, baselines=()).samples[0]


@pytest.mark.parametrize("kind", ["masks", "box_3d"])
def test_no_depth_keeps_pictures_and_marked_pixels_only(tiny_folder, settings, kind):
    scene = make(tiny_folder, settings, 1, region_kind=kind, baselines=("no_depth",))
    full, less = scene.encoded["model"], scene.encoded["no_depth"]
    assert np.array_equal(full["pixel_values"], less["pixel_values"])
    assert np.array_equal(full["region_coverage"], less["region_coverage"])
    assert full["patch_valid"].any()
    assert not less["patch_valid"].any()
    assert less["provenance"]["geometry"] == "none"
    assert not less["region_descriptors"][:, :10].any()


def test_blind_sees_the_same_of_every_scene(tiny_folder, settings):
    blind = [make(tiny_folder, settings, index, baselines=("blind",)).encoded["blind"] for index in (1, 3)]
    for name in ("pixel_values", "patch_points", "region_coverage", "region_descriptors"):
        assert np.array_equal(blind[0][name], blind[1][name])
    assert np.ptp(blind[0]["pixel_values"]) == 0
    assert (blind[0]["region_coverage"] == 1).all()


def test_the_model_itself_may_be_blind(tiny_folder, settings):
    scene = make(tiny_folder, settings, 1, blind=True, baselines=("blind",))
    assert np.array_equal(scene.encoded["model"]["pixel_values"], scene.encoded["blind"]["pixel_values"])


def test_degradations_worsen_what_model_and_oracle_see(tiny_folder, settings):
    plain = make(tiny_folder, settings, 1)
    worse = make(tiny_folder, settings, 1, degradations=("depth_noise", "relative_depth"))
    assert [sample["question"] for sample in worse.samples] == [sample["question"] for sample in plain.samples]
    assert worse.samples[0]["degradations"] == ["depth_noise"]
    assert not np.array_equal(plain.encoded["model"]["patch_points"], worse.encoded["model"]["patch_points"])


def test_without_depth_the_oracle_has_no_answer(tiny_folder, settings):
    samples = make(tiny_folder, settings, 1, degradations=("without_depth",)).samples
    assert {sample["oracle_right"] for sample in samples} == {None}


def test_degradations_that_do_not_fit_are_left_out():
    names = ("jpeg", "relative_depth", "without_some_depths")
    assert fitting_degradations(names, num_views=1) == ("jpeg", "relative_depth")
    assert fitting_degradations(names, num_views=5) == ("jpeg", "without_some_depths")


@pytest.mark.parametrize(
    ("scoring", "truth", "key"),
    [
        ("region", {"region": 2}, "1"),
        ("order", {"order": (2, 0, 5)}, "1, 0, 2"),
        ("yes_no", {"yes": False}, "no"),
        ("option", {"option": "left", "options": ("left", "right")}, "left"),
        ("name", {"name": "chair"}, "chair"),
        ("count", {"count": 0}, "0"),
        ("length", {"metres": 1.5}, None),
        ("area", {"square_metres": 12.0}, None),
    ],
)
def test_majority_counts_answers_without_region_numbers(scoring, truth, key):
    question = RoomQuestion("any", "any", "open", "?", "!", scoring, (0, 2, 5), False, **truth)
    sample = question_sample(question)
    assert sample["majority_key"] == key
    assert sample["quantity"] == truth.get("metres", truth.get("square_metres"))


def test_tensors_come_back_from_arrays(tiny_folder, settings):
    encoded = to_tensors(make(tiny_folder, settings, 0).encoded["model"])
    assert isinstance(encoded["pixel_values"], torch.Tensor)
    assert encoded["patch_valid"].dtype == torch.bool
    assert isinstance(encoded["metric_scale"], float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "exam"}, "`split` must be out of train, val, test, got 'exam'"),
        ({"region_kind": "lasso"}, "`region_kind` must be out of masks,.*got 'lasso'"),
        ({"degradations": ("jpeg", "rain")}, "`degradations` must be out of .*got 'rain'"),
        ({"baselines": ("luck",)}, "`baselines` must be out of majority, blind, no_depth, oracle, got 'luck'"),
        ({"max_views": 0}, "`max_views` must be at least 1, got 0"),
        ({"max_views": 10**9}, "`max_views` must be at most 1000, got 1000000000"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"questions_per_scene": 0}, "`questions_per_scene` must be at least 1, got 0"),
    ],
)
def test_other_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        BenchSettings(**changes)


def test_stored_scenes_with_many_views_show_evenly_spaced_ones(rooms_folder):
    rooms = StoredRooms(rooms_folder, split="test", max_views=2)
    everything = StoredRooms(rooms_folder, split="test", max_views=32)
    assert list(rooms.indices()) == [0, 1, 2, 3]
    chosen, whole = rooms(1), everything(1)
    assert [Path(name).name for name in chosen.arguments["images"]] == ["image_000.png", "image_003.png"]
    assert np.array_equal(chosen.instances[1], whole.instances[3])
    assert np.array_equal(chosen.facts.views[1].camera_to_world, whole.facts.views[3].camera_to_world)
    assert chosen.facts.objects[0].visible_pixels.tolist() == whole.facts.objects[0].visible_pixels[[0, 3]].tolist()


def test_models_of_stored_scenes_are_counted_once(rooms_folder):
    assert StoredRooms(rooms_folder, split="test", max_views=4).model_counts() == dict.fromkeys(
        sorted(name for name, *_ in FURNITURE), 1
    )


def test_furniture_counts_the_models_of_stored_scenes(rooms_folder, tmp_path):
    furniture = RenderedRooms(None, split="test", seed=0, max_views=4)
    pack = tmp_path / "pack.safetensors"
    shutil.copy(
        Path(__file__).parents[2] / "src/transformers_sr3d/rooms/furniture/data/furniture_cc0.safetensors", pack
    )
    rooms = StoredRooms(rooms_folder, split="test", max_views=4, furniture=str(pack))
    assert rooms.model_counts() == furniture.model_counts()


def test_scenes_of_another_split_are_refused(rooms_folder):
    with pytest.raises(ValueError, match=r"`scenes` must be rooms of the split 'val', got .*scene-000001' of 'test'"):
        StoredRooms(rooms_folder, split="val", max_views=4)(1)


def test_a_folder_without_scenes_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="`scenes` must be a folder with rendered scenes, got none in"):
        StoredRooms(str(tmp_path), split="test", max_views=4)


def test_new_rooms_are_photos_and_walks_in_turn():
    rooms = RenderedRooms(None, split="test", seed=0, max_views=4)
    photo, walk = rooms(0), rooms(1)
    assert (len(photo.facts.views), len(walk.facts.views)) == (1, 4)
    assert photo.facts.split == "test"
    assert photo.arguments["images"][0].shape[:2] == photo.facts.views[0].image_size_hw
    assert len(rooms.describe()["furniture"]["sha256"]) == 64


def test_region_share_is_that_of_the_smallest_region_where_it_is_seen_best():
    facts = known_room()
    question = RoomQuestion(
        *("distance", "distance", "open", "", "", "length"), regions=(0, 1), held_out=False, metres=1.0
    )
    first, second = facts.objects[2], facts.objects[0]
    pixels = np.array([math.prod(view.image_size_hw) for view in facts.views])
    expected = min((thing.visible_pixels / pixels).max() for thing in (first, second))
    assert region_share(facts, {0: 2, 1: 0}, question) == pytest.approx(expected)
    assert region_share(facts, {}, replace(question, regions=())) is None
