# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Whole runs of fine-tuning on rooms of boxes: what changes, what stays, resuming, batches, processes, features."""

import json
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from finetuning_rooms import start_run, weights, write_recipe, write_start
from loopback_hub import LoopbackHub
from safetensors.torch import load_file

from transformers_sr3d.finetuning import run as finetuning_run
from transformers_sr3d.finetuning.run import run_finetuning
from transformers_sr3d.finetuning.settings import read_finetune_settings
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.training.budget import newest_checkpoint


# Sums of two halves against one sum in float32, after four steps of Adam whose first steps have the size of the rate.
CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "sr3d-tiny"
SPLIT_TOLERANCE = {"atol": 2e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("finetuning"))


def tune(folder, name, **changes):
    return run_finetuning(read_finetune_settings(write_recipe(folder, name, **changes)))


def losses(folder, name):
    lines = [json.loads(line) for line in (folder / f"{name}_run" / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def changed_parts(folder, result):
    before, after = weights(folder / "start"), weights(result)
    assert before.keys() == after.keys()
    return {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}


@pytest.fixture(scope="module")
def whole(folder):
    return tune(folder, "whole")


def test_only_parts_with_a_rate_change(folder, whole):
    assert changed_parts(folder, whole) == {"language_model", "position_encoding", "region_extractor"}
    geometry = tune(folder, "geometry", tuning={"learning_rate": 0.0}, schedule={"max_steps": 2})
    assert changed_parts(folder, geometry) == {"position_encoding", "region_extractor"}
    vision = {"vision_learning_rate": 1e-3, "projector_learning_rate": 1e-3}
    everything = tune(folder, "everything", tuning=vision, schedule={"max_steps": 2})
    assert changed_parts(folder, everything) >= {"vision_tower", "multi_modal_projector", "language_model"}


def test_loss_falls_and_is_evaluated(folder):
    tune(
        folder,
        "learning",
        tuning={"learning_rate": 5e-3},
        schedule={"max_steps": 24, "eval_steps": 12, "save_steps": 50},
        eval=[str(folder / "eval.jsonl")],
    )
    seen = losses(folder, "learning")
    assert sum(seen[-4:]) < 0.8 * sum(seen[:4])
    lines = [json.loads(line) for line in (folder / "learning_run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "eval_loss" in line] == [12, 24]


def test_finished_run_is_not_done_again_and_another_recipe_is_refused(folder, whole):
    before = (whole / "model.safetensors").stat().st_mtime_ns
    tune(folder, "whole")
    assert (whole / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="started with"):
        tune(folder, "whole", tuning={"learning_rate": 2e-3})


def test_finished_run_is_published_with_the_licence_of_its_start(folder, whole, monkeypatch):
    with LoopbackHub() as hub:
        hub.be_the_hub(monkeypatch)
        tune(folder, "whole", push_to_hub="someone/tuned")
        published = hub.files("someone/tuned")
    assert published["model.safetensors"] == (whole / "model.safetensors").read_bytes()
    assert b"license: mit" in published["README.md"]
    assert b"own records, 4 steps" in published["README.md"]


def test_resumed_run_ends_with_the_same_weights(folder, whole, monkeypatch):
    class StopError(Exception):
        pass

    save = finetuning_run.TrainingBudget.on_save

    def stop_after_two(self, args, state, control, **kwargs):
        save(self, args, state, control, **kwargs)
        if state.global_step == 2:
            raise StopError

    monkeypatch.setattr(finetuning_run.TrainingBudget, "on_save", stop_after_two)
    with pytest.raises(StopError):
        tune(folder, "resumed")
    monkeypatch.undo()
    assert newest_checkpoint(folder / "resumed_run").name == "checkpoint-2"
    again = weights(tune(folder, "resumed"))
    assert all(torch.equal(again[name], weight) for name, weight in weights(whole).items())


def test_accumulated_batches_train_as_one(folder, whole):
    split = weights(tune(folder, "split", schedule={"accumulation": 4}))
    for name, weight in weights(whole).items():
        torch.testing.assert_close(split[name], weight, **SPLIT_TOLERANCE, msg=name)


def test_stored_features_give_the_same_weights(folder, whole):
    plain = weights(tune(folder, "plain", store_features=False))
    assert losses(folder, "plain") == losses(folder, "whole")
    assert all(torch.equal(plain[name], weight) for name, weight in weights(whole).items())
    assert list((folder / "whole_run" / "features").rglob("*.safetensors"))


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_adapters_become_part_of_the_checkpoint(folder, method):
    start = CHECKPOINT if method == "qlora" else folder / "start"  # its kernels ask for sides of 32 and more
    result = tune(folder, method, model=str(start), tuning={"method": method, "learning_rate": 1e-2, "rank": 4})
    before, after = weights(start), weights(result)
    changed = {name for name in before if not torch.equal(before[name].float(), after[name].float())}
    assert changed
    adapted = ("proj.weight", "position_encoding", "region_extractor")
    assert all(any(part in name for part in adapted) for name in changed)
    assert not any("vision_tower" in name for name in changed)
    SR3DForConditionalGeneration.from_pretrained(result)
    adapter = load_file(folder / f"{method}_run" / "adapter" / "adapter_model.safetensors")
    assert any("lora_A" in name for name in adapter)


@pytest.mark.slow
def test_two_processes_train_as_one(folder, whole):
    process = start_run(write_recipe(folder, "two"), processes=2)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-2000:]
    two = weights(folder / "two")
    for name, weight in weights(whole).items():
        torch.testing.assert_close(two[name], weight, **SPLIT_TOLERANCE, msg=name)


def count_lines(path):
    return path.read_text().count("\n") if path.exists() else 0


def kill_repeatedly(folder, name, times, seed):
    """Kill a run at random moments until it was killed so often, then let it finish."""
    rng, recipe, killed = random.Random(seed), write_recipe(folder, name, schedule={"max_steps": 4 + 3 * times}), 0
    while True:
        process = start_run(recipe)
        log = folder / f"{name}_run" / "log.jsonl"
        begun = count_lines(log)
        while killed < times and process.poll() is None and count_lines(log) < begun + 2:
            time.sleep(0.05)
        if killed < times and process.poll() is None:
            time.sleep(rng.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
            continue
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-2000:]
        return killed


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("times", [20])
def test_killed_run_ends_with_the_weights_of_an_uninterrupted_one(folder, times):
    straight = tune(folder, "straight", schedule={"max_steps": 4 + 3 * times, "save_steps": 1000})
    assert kill_repeatedly(folder, "killed", times, seed=times) >= times // 2
    killed = weights(folder / "killed")
    assert all(torch.equal(killed[name], weight) for name, weight in weights(straight).items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tunning": {}}, "tunning"),
        ({"tuning": {"method": "prefix"}}, "tuning.method"),
        ({"tuning": {"learning_rate": -1.0}}, "tuning.learning_rate"),
        ({"tuning": {"learning_rate": 0.0, "geometry_learning_rate": 0.0}}, "train something"),
        ({"data": []}, "data"),
        ({"data": [3]}, r"data\[0\]"),
        ({"data": [{"file": "x", "wait": 1}]}, "wait"),
        ({"schedule": {"batch_size": 0}}, "batch_size"),
        ({"schedule": {"eval_steps": 2}}, "eval"),
        ({"schedule": {"batch_size": 4, "accumulation": 3}}, "multiple"),
        ({"augmentation": {"jitter": 0.9}}, "jitter"),
    ],
)
def test_recipe_is_checked(folder, changes, words):
    with pytest.raises(ValueError, match=words):
        read_finetune_settings(write_recipe(folder, "refused", **changes))


def test_too_long_sequences_are_refused_before_training_with_their_number(folder):
    with pytest.raises(ValueError, match=r"12 of 12.*eval|\d+ of \d+ that are longer.*train\.jsonl:\d+"):
        tune(folder, "long", max_tokens=10)
    assert not list((folder / "long_run").glob("checkpoint-*"))


@pytest.mark.parametrize("path", sorted((CHECKPOINT.parents[1] / "configs" / "finetune").glob("*.yaml")))
def test_recipes_that_come_along_are_read(path):
    assert read_finetune_settings(path).data[0].weight > 0
