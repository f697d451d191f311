# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Run of the room benchmark: reports are complete, killed runs go on, workers change nothing."""

import json
import os
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import torch
from closed_form_rooms import write_rooms
from loopback_hub import LoopbackHub

from transformers_sr3d.evaluation.measured_with import check_model_exists, describe_model, hash_weights
from transformers_sr3d.evaluation.progress import only_run
from transformers_sr3d.evaluation.rooms.rooms_bench import BenchScenes, BenchSettings
from transformers_sr3d.evaluation.rooms.runner import (
    make_ahead,
    run_benchmark,
    share_cores,
)
from transformers_sr3d.inputs.scene import SCENE_FILE


ALL = ("majority", "oracle", "blind", "no_depth")
VARYING = ("date", "machine")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture
def settings(rooms_folder):
    return BenchSettings(scenes=rooms_folder, questions_per_scene=2)


def without_dates(report):
    manifest = {name: value for name, value in report["manifest"].items() if name not in VARYING}
    return report | {"manifest": manifest}


def test_report_holds_every_answer_and_what_it_was_measured_with(tiny_folder, settings, tmp_path):
    path = tmp_path / "report.json"
    settings = replace(settings, baselines=ALL)
    report = run_benchmark(tiny_folder, settings, limit=5, workers=0, json_path=path)
    assert json.loads(path.read_text()) == report
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]
    assert [sample["scene"] for sample in report["samples"]] == [0, 0, 1, 1, 2]
    for sample in report["samples"]:
        assert {"answer", "blind_answer", "no_depth_answer", "oracle_answer"} <= sample.keys()
        assert {type(sample[name]) for name in ("right", "majority_right", "blind_right", "no_depth_right")} == {bool}
        is_counted = sample["scoring"] in ("length", "area", "count")
        assert (sample["mra"] is not None) == is_counted
    manifest = report["manifest"]
    assert (manifest["benchmark"], manifest["split"], manifest["limit"]) == ("rooms-bench", "test", 5)
    assert manifest["weights_sha256"] == hash_weights(tiny_folder)
    assert manifest["scenes"]["number"] == 4
    assert report["summary"]["all"]["n"] == 5
    assert report["summary"]["scenes"] == {"single": 2, "multi": 1, "views": 6, "most_views": 4}


def test_a_folder_that_ends_early_gives_fewer_questions(tiny_folder, settings):
    report = run_benchmark(tiny_folder, replace(settings, questions_per_scene=1), limit=1000, workers=0)
    assert report["summary"]["all"]["n"] == 4


def test_a_killed_run_goes_on_where_it_stopped(tiny_folder, tmp_path):
    folder = tmp_path / "rooms"
    settings = BenchSettings(scenes=write_rooms(folder, (1, 3, 1, 2)), questions_per_scene=1, baselines=("majority",))
    whole = run_benchmark(tiny_folder, settings, limit=4, workers=0, json_path=tmp_path / "whole.json")

    path, scene = tmp_path / "report.json", folder / "scene-000002" / "depth_000.png"
    content = scene.read_bytes()
    scene.unlink()
    with pytest.raises(FileNotFoundError):
        run_benchmark(tiny_folder, settings, limit=4, workers=0, json_path=path)
    partial = tmp_path / "report.json.partial.jsonl"
    lines = partial.read_text().splitlines()
    assert [json.loads(line).get("scene") for line in lines] == [None, 0, 1]
    partial.write_text("\n".join(lines) + '\n{"scene": 2, "sam')

    scene.write_bytes(content)
    for finished in ("scene-000000", "scene-000001"):  # are not read again
        (folder / finished / "image_000.png").write_bytes(b"")
    report = run_benchmark(tiny_folder, settings, limit=4, workers=0, json_path=path)
    assert without_dates(report) == without_dates(whole)
    assert not partial.exists()


def test_a_run_of_other_settings_does_not_go_on(tiny_folder, settings, tmp_path):
    path = tmp_path / "report.json"
    (tmp_path / "report.json.partial.jsonl").write_text('{"manifest": {"benchmark": "rooms-bench", "seed": 3}}\n')
    with pytest.raises(ValueError, match=r"with other baselines, .*Give the same settings to go on"):
        run_benchmark(tiny_folder, settings, limit=4, workers=0, json_path=path)


def test_two_runs_do_not_write_one_report(tiny_folder, settings, tmp_path):
    path = tmp_path / "report.json"
    with only_run(path), pytest.raises(ValueError, match=rf"`json_path` must belong to one run .* got '{path}'"):
        run_benchmark(tiny_folder, settings, limit=4, workers=0, json_path=path)
    assert not list(tmp_path.iterdir())


def test_workers_make_the_same_scenes_to_the_last_bit(tiny_folder, settings):
    scenes = BenchScenes(tiny_folder, settings)
    with share_cores(1):
        helped = list(make_ahead(scenes, [0, 1], 1))
    for alone, other in zip(make_ahead(scenes, [0, 1], 0), helped, strict=True):
        assert (alone.index, alone.samples) == (other.index, other.samples)
        for name, value in alone.encoded["model"].items():
            assert np.array_equal(value, other.encoded["model"][name]), name


@pytest.mark.parametrize("workers", [0, 1])
def test_things_come_in_order_and_endless_indices_are_not_used_up(workers):
    indices = count()
    assert list(islice(make_ahead(abs, indices, workers), 5)) == [0, 1, 2, 3, 4]
    assert next(indices) < 12


def test_cores_are_shared_and_given_back(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    with share_cores(1):
        assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == (2, "1", "1")
    with share_cores(8):
        assert torch.get_num_threads() == 1
    assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (3, "7")
    assert "MKL_NUM_THREADS" not in os.environ
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "`limit` must be at least 1, got 0"),
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
        ({"workers": -1}, "`workers` must be at least 0, got -1"),
        ({"workers": 100000}, "`workers` must be at most 256, got 100000"),
    ],
)
def test_numbers_that_are_too_small_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        run_benchmark("unused", BenchSettings(), **arguments)


def test_a_report_without_a_folder_is_refused_before_anything_is_asked(tiny_folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`json_path` must be in a folder that exists, got .*nowhere"):
        run_benchmark(tiny_folder, BenchSettings(), json_path=tmp_path / "nowhere" / "report.json")


@pytest.mark.parametrize("model", ["sr3d-tiny", "a/b/c", "./missing", "~/missing", "tests/missing", "/missing"])
def test_a_checkpoint_that_is_not_there_is_not_looked_for_on_the_hub(model, monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    with pytest.raises(FileNotFoundError, match=f"`model` must be the folder of a checkpoint, got '{model}'"):
        check_model_exists(model)


def test_names_on_the_hub_and_folders_are_let_through(tmp_path):
    check_model_exists("someone/sr3d")
    check_model_exists(tmp_path)


def test_weights_are_hashed_in_the_order_of_their_names(tmp_path):
    (tmp_path / "model-2.safetensors").write_bytes(b"b")
    (tmp_path / "model-1.safetensors").write_bytes(b"a")
    expected = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"  # SHA-256 of "ab"
    assert hash_weights(tmp_path) == expected
    assert hash_weights("someone/sr3d") is None


def test_checkpoints_of_the_hub_are_named_by_their_commit(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    config = (Path(tiny_folder) / "config.json").read_bytes()
    with LoopbackHub() as hub:
        hub.be_the_hub(monkeypatch)
        hub.repositories["someone/sr3d"] = [{"config.json": config}]
        described = describe_model("someone/sr3d")
        assert described == {"model": "someone/sr3d", "weights_sha256": None, "hub_commit": hub.sha("someone/sr3d")}
    assert describe_model(tiny_folder)["hub_commit"] is None


def test_rooms_bench_is_no_work_for_several_processes(tiny_folder, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="WORLD_SIZE"):
        run_benchmark(tiny_folder, BenchSettings(), limit=1)


def test_scenes_without_any_question_are_refused(tiny_folder, rooms_folder, tmp_path):
    photo = tmp_path / "rooms" / "scene-000000"
    photo.parent.mkdir()
    photo.symlink_to(f"{rooms_folder}/scene-000000", target_is_directory=True)
    assert (photo / SCENE_FILE).exists()
    settings = BenchSettings(scenes=str(photo), region_kind="box_3d")
    with pytest.raises(ValueError, match="`settings` must allow at least one question, got none"):
        run_benchmark(tiny_folder, settings, workers=0)
