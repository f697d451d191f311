# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scene cache: what comes back is what went in, and nothing stale or half-written counts."""

import copy
import dataclasses
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_settings import tiny_settings

from transformers_sr3d.rooms.furniture.pack import CC0_PACK
from transformers_sr3d.training import scene_cache
from transformers_sr3d.training.data import cache_key
from transformers_sr3d.training.room_scenes import RoomScenes
from transformers_sr3d.training.scene_cache import SceneCache, build_cache, check_cache, write_shard


NORMALISATION = {"image_mean": (0.5, 0.5, 0.5), "image_std": (0.5, 0.5, 0.5)}


def test_cached_scene_equals_a_fresh_one(make_sample, cache):
    stored, fresh = cache[3]["encoded"], make_sample(3)["encoded"]
    assert stored.keys() == fresh.keys()
    for name, value in fresh.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(stored[name], value, atol=1e-6, rtol=0)
        else:
            assert stored[name] == pytest.approx(value) if isinstance(value, float) else stored[name] == value


def test_single_views_leave_the_scenes_of_one_view(cache):
    single = cache.single_views()
    assert 0 < len(single) < len(cache)
    assert {len(single[index]["encoded"]["num_tiles"]) for index in range(len(single))} == {1}


def test_existing_shards_are_kept(tmp_path, make_sample):
    build = {"shard_size": 1, "workers": 0} | NORMALISATION
    first = build_cache(tmp_path, make_sample, seeds=range(2), **build)
    first[1].unlink()
    before = first[0].stat().st_mtime_ns
    again = build_cache(tmp_path, make_sample, seeds=range(2), **build)
    assert again == first
    assert first[0].stat().st_mtime_ns == before
    assert len(SceneCache(again, **NORMALISATION)) == 2


def test_cache_of_another_generator_is_refused(cache):
    def other(seed):
        return {"encoded": cache[0]["encoded"], "truth": {}, "seed": seed}

    with pytest.raises(ValueError, match=r"seed 0 in .* is not what .* \(differs in truth\)"):
        check_cache(cache, other)


@pytest.mark.parametrize("changed", [0, 2, 5, 8])
def test_a_change_anywhere_between_the_first_and_the_last_scene_is_found(cache, changed):
    made = []

    def other(seed):
        made.append(seed)
        return cache[seed] | {"truth": {}} if seed == changed else cache[seed]

    with pytest.raises(ValueError, match=rf"seed {changed} in .* is not what .* \(differs in truth\)"):
        check_cache(cache, other)
    assert made == [seed for seed in cache.spread() if seed <= changed]


def test_scenes_that_are_checked_are_spread_and_have_several_views(cache):
    views = [len(cache[index]["encoded"]["num_tiles"]) for index in range(9)]
    assert cache.spread() == sorted({0, 2, 5, 8, views.index(max(views))})
    photos, walk = copy.copy(cache), copy.copy(cache)
    one, several = cache._scenes[views.index(1)], cache._scenes[views.index(max(views))]
    photos._scenes, walk._scenes = [one] * 100, [one] * 50 + [several] + [one] * 49
    assert photos.spread() == [0, 33, 66, 99]
    assert walk.spread() == [0, 33, 50, 66, 99]


def test_a_cache_of_one_scene_is_checked_once(cache):
    one, made = copy.copy(cache), []
    one._scenes = cache._scenes[:1]
    check_cache(one, lambda seed: made.append(seed) or cache[seed])
    assert made == [0]


@pytest.mark.parametrize("size", [0, 4, 20000])
def test_a_shard_that_was_cut_off_is_named(cache, tmp_path, size):
    shard = tmp_path / cache.shards[0].name
    shard.write_bytes(cache.shards[0].read_bytes()[:size])
    with pytest.raises(ValueError, match=rf"whole safetensors files, got '.*{shard.name}', .*Delete it"):
        SceneCache([shard], **NORMALISATION)


def test_a_file_of_something_else_is_no_shard(tmp_path):
    save_file({"features": torch.zeros(3)}, tmp_path / "shard.safetensors")
    with pytest.raises(ValueError, match=r"got '.*shard\.safetensors', which is damaged .*pixels"):
        SceneCache([tmp_path / "shard.safetensors"], **NORMALISATION)


def test_furniture_counts_by_its_content_and_not_by_its_place(tmp_path, processor):
    samples = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=tmp_path).samples

    def key(furniture):
        return cache_key(dataclasses.replace(samples, furniture=str(furniture)), processor)

    pack = tmp_path / "pack.safetensors"
    shutil.copy(CC0_PACK, pack)
    assert key(pack) == cache_key(samples, processor)
    save_file(load_file(pack), pack, metadata={"other": "pack"})
    assert key(pack) != cache_key(samples, processor)

    for name, content in (("x", b"12"), ("y", b"12"), ("z", b"123")):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "some.sh3f").write_bytes(content)
    assert key(tmp_path / "x") == key(tmp_path / "y") != key(tmp_path / "z")
    (tmp_path / "y" / "more.sh3f").write_bytes(b"")
    assert key(tmp_path / "x") != key(tmp_path / "y")


def test_cache_of_another_processor_is_refused(cache):
    def other(seed):
        scene = cache[0]
        return scene | {"encoded": scene["encoded"] | {"patch_points": scene["encoded"]["patch_points"] + 0.01}}

    with pytest.raises(ValueError, match=r"\(differs in patch_points\)"):
        check_cache(cache, other)


def test_interrupted_shard_does_not_count(tmp_path, make_sample, monkeypatch):
    def stop_halfway(tensors, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(scene_cache, "save_file", stop_halfway)
    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "shard.safetensors", [make_sample(0)], **NORMALISATION)
    assert not (tmp_path / "shard.safetensors").exists()


def test_samples_without_stitching_have_a_cache_of_their_own(tmp_path, processor):
    samples = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=tmp_path).samples
    other = copy.deepcopy(processor)
    other.image_processor.tile_then_stitch = False
    assert cache_key(samples, other) != cache_key(samples, processor)
    assert cache_key(dataclasses.replace(samples, num_samples=3, pixels=False), other) == cache_key(samples, other)


def test_cache_without_shards_is_refused():
    with pytest.raises(ValueError, match="at least one file, got 0"):
        SceneCache([], **NORMALISATION)


def test_walks_are_as_often_short_as_long(make_sample):
    many = copy.copy(make_sample)
    many.samples = dataclasses.replace(make_sample.samples, max_views=32)
    views = [many.scene_settings(number).num_views for number in range(400)]
    assert all(low == high and 2 <= low <= 32 for low, high in views)
    assert 160 < sum(low <= 8 for low, _ in views) < 240
    assert many.scene_settings(7) == many.scene_settings(7)
    many.samples = dataclasses.replace(make_sample.samples, max_views=1)
    assert many.scene_settings(0).num_views == (1, 1)


def test_rooms_seen_in_no_view_are_refused(make_sample):
    none = dataclasses.replace(make_sample.samples, max_views=0)
    with pytest.raises(ValueError, match="`max_views` must be at least 1, got 0"):
        RoomScenes(make_sample.processor, make_sample.furniture, none, split="train")
