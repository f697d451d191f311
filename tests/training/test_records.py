# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scene cache and the order of a run."""

import math
from collections import Counter

import pytest
import torch

from transformers_sr3d.rooms.questions import Question
from transformers_sr3d.training import records
from transformers_sr3d.training.box_rooms import BoxRoomQuestions, BoxRoomScenes
from transformers_sr3d.training.records import (
    ConversationDataset,
    SceneCache,
    build_cache,
    check_cache,
    plan_order,
    turn_scene,
    without_pixels,
    write_shard,
)


NORMALISATION = {"image_mean": (0.5, 0.5, 0.5), "image_std": (0.5, 0.5, 0.5)}


def dataset(cache, **kwargs):
    settings = {"ask": BoxRoomQuestions(1, 3), "num_items": 20, "seed": 3, "batch_size": 4}
    return ConversationDataset(cache, **settings | kwargs)


def test_cached_scene_equals_a_fresh_one(processor, cache):
    stored, fresh = cache[3]["encoded"], BoxRoomScenes(processor, "train")(3)["encoded"]
    assert stored.keys() == fresh.keys()
    for name, value in fresh.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(stored[name], value, atol=1e-6, rtol=0)
        else:
            assert stored[name] == pytest.approx(value) if isinstance(value, float) else stored[name] == value


def test_even_scenes_are_photos_and_odd_ones_walks(cache):
    assert [len(cache[index]["encoded"]["num_tiles"]) > 1 for index in range(4)] == [False, True, False, True]


def test_existing_shards_are_kept(tmp_path, processor):
    make_scene = BoxRoomScenes(processor, "train")
    build = {"shard_size": 1, "workers": 0} | NORMALISATION
    first = build_cache(tmp_path, make_scene, seeds=range(2), **build)
    first[1].unlink()
    before = first[0].stat().st_mtime_ns
    again = build_cache(tmp_path, make_scene, seeds=range(2), **build)
    assert again == first
    assert first[0].stat().st_mtime_ns == before
    assert len(SceneCache(again, **NORMALISATION)) == 2


def test_cache_of_another_generator_is_refused(cache):
    def other(seed):
        return {"encoded": cache[0]["encoded"], "truth": {}, "seed": seed}

    with pytest.raises(ValueError, match=r"seed 0 is not what .* \(differs in truth\)"):
        check_cache(cache, other)


def test_cache_of_another_processor_is_refused(cache):
    def other(seed):
        scene = cache[0]
        return scene | {"encoded": scene["encoded"] | {"patch_points": scene["encoded"]["patch_points"] + 0.01}}

    with pytest.raises(ValueError, match=r"\(differs in patch_points\)"):
        check_cache(cache, other)


def test_interrupted_shard_does_not_count(tmp_path, cache, monkeypatch):
    def stop_halfway(tensors, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(records, "save_file", stop_halfway)
    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "shard.safetensors", [cache[0]], **NORMALISATION)
    assert not (tmp_path / "shard.safetensors").exists()


def test_cache_without_shards_is_refused():
    with pytest.raises(ValueError, match="at least one file, got 0"):
        SceneCache([], **NORMALISATION)


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


def test_quarter_turn_moves_x_to_y(cache):
    encoded = cache[1]["encoded"]
    turned = turn_scene(encoded, math.pi / 2)
    x, y, z = encoded["patch_points"].unbind(-1)
    torch.testing.assert_close(turned["patch_points"], torch.stack((-y, x, z), dim=-1))
    centre, turned_centre = encoded["region_descriptors"][:, :3], turned["region_descriptors"][:, :3]
    torch.testing.assert_close(turned_centre, torch.stack((-centre[:, 1], centre[:, 0], centre[:, 2]), dim=-1))
    assert torch.equal(turned["region_descriptors"][:, 3:], encoded["region_descriptors"][:, 3:])


def test_walks_are_turned_anew_each_time(cache):
    items = dataset(cache, num_items=64)
    first, again = [items[index]["encoded"] for index in range(64) if items.order[index] == 1][:2]
    stored = cache[1]["encoded"]["patch_points"]
    for name, other in (("stored", stored), ("again", again["patch_points"])):
        assert not torch.allclose(first["patch_points"], other, atol=0.01), name
    torch.testing.assert_close(first["patch_points"].norm(dim=-1), stored.norm(dim=-1))
    plain = dataset(cache, num_items=64, augment_yaw=False)
    assert torch.equal(plain[plain.order.index(1)]["encoded"]["patch_points"], stored)


def test_photos_are_not_turned(cache):
    items = dataset(cache)
    photo = next(index for index, scene in enumerate(items.order) if scene % 2 == 0)
    stored = cache[items.order[photo]]["encoded"]
    assert torch.equal(items[photo]["encoded"]["patch_points"], stored["patch_points"])


def test_scene_without_questions_gives_way_to_the_next(cache):
    def ask(truth, seed):
        answer = str(truth["facts"]["index"])
        return [] if truth["facts"]["index"] % 2 else [Question("width", "question", answer, None, 1.0, "m", (0,))]

    items = dataset(cache, ask=ask)
    place = items.order.index(3)
    assert items[place]["conversation"] == [("question", "4")]
    with pytest.raises(ValueError, match="none for all 8"):
        dataset(cache, ask=lambda truth, seed: [])[0]


def test_fewer_than_one_question_is_refused():
    with pytest.raises(ValueError, match="got 0 and 3"):
        BoxRoomQuestions(0, 3)


def test_without_pixels_only_the_geometry_of_regions_is_left(cache):
    encoded = cache[1]["encoded"]
    blank = without_pixels(encoded)
    assert blank["num_tiles"] == [1]
    assert len({len(blank[name]) for name in ("pixel_values", "patch_points", "patch_valid", "region_coverage")}) == 1
    assert not blank["pixel_values"].any()
    assert not blank["patch_valid"].any()
    assert blank["region_coverage"].min() == 1
    assert torch.equal(blank["region_descriptors"], encoded["region_descriptors"])
    assert dataset(cache, pixels=False)[0]["encoded"]["num_tiles"] == [1]
