# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Whole runs at the smallest size: the loss falls, a stopped run ends as an uninterrupted one, train then eval."""

import csv
import dataclasses
import json
import warnings

import pytest
import torch
from safetensors.torch import load_file
from training_settings import tiny_settings
from transformers import set_seed

from transformers_sr3d.cli.main import main
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.questions import phrasings
from transformers_sr3d.training.budget import COMPLETE_MARK, TrainingBudget, newest_checkpoint
from transformers_sr3d.training.code_version import wordings_version
from transformers_sr3d.training.settings import read_settings, write_settings
from transformers_sr3d.training.sft import claim_run_dir, run_training
from transformers_sr3d.training.starting_model import build_model


class StopAfter(TrainingBudget):
    """Ends training as a kill after a complete checkpoint would."""

    def on_save(self, args, state, control, **kwargs):
        super().on_save(args, state, control, **kwargs)
        raise KeyboardInterrupt


def log_of(run_dir):
    return [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]


def test_twenty_steps_lower_the_loss(tmp_path, cache_dir, data):
    settings = tiny_settings(
        tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=20, learning_rate=5e-3, save_steps=20
    )
    run_training(settings)
    losses = [line["loss"] for line in log_of(tmp_path / "run") if "loss" in line]
    assert losses[-1] < 0.75 * losses[0]
    assert (tmp_path / "out" / "training_settings.yaml").exists()
    credits = (tmp_path / "out" / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert all(model.key in credits for model in open_furniture().models_of("train"))


@pytest.mark.parametrize("variant", [{}, {"freeze_vision": True, "muon_learning_rate": 5e-3}])
def test_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(variant, tmp_path, cache_dir, data, monkeypatch):
    optimisation = {"max_steps": 6, "save_steps": 3, "number_loss_weight": 1.0} | variant
    whole = tiny_settings(tmp_path / "a", tmp_path / "run-a", cache_dir=cache_dir, **optimisation)
    parts = tiny_settings(tmp_path / "b", tmp_path / "run-b", cache_dir=cache_dir, **optimisation)
    run_training(whole)
    with monkeypatch.context() as patch:
        patch.setattr("transformers_sr3d.training.sft.TrainingBudget", StopAfter)
        with pytest.raises(KeyboardInterrupt):
            run_training(parts)
    assert newest_checkpoint(tmp_path / "run-b").name == "checkpoint-3"
    run_training(parts)
    first = load_file(tmp_path / "run-a" / "checkpoint-6" / "model.safetensors")
    second = load_file(tmp_path / "run-b" / "checkpoint-6" / "model.safetensors")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_goes_on_with_its_own_tokenizer(tmp_path, cache_dir, data, monkeypatch):
    """Questions that are worded anew in between would train another one, whose ids mean other words."""
    settings = tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=2, save_steps=1)
    with monkeypatch.context() as patch:
        patch.setattr("transformers_sr3d.training.sft.TrainingBudget", StopAfter)
        with pytest.raises(KeyboardInterrupt):
            run_training(settings)
    before = (newest_checkpoint(tmp_path / "run") / "tokenizer.json").read_text()
    monkeypatch.setattr("transformers_sr3d.training.data.TOKENIZER_QUESTIONS", 1)
    run_training(settings)
    assert (tmp_path / "out" / "tokenizer.json").read_text() == before
    second = tiny_settings(tmp_path / "b", tmp_path / "run-b", cache_dir=cache_dir, max_steps=1, save_steps=1)
    run_training(dataclasses.replace(second, init_from=str(tmp_path / "out")))
    assert (tmp_path / "b" / "tokenizer.json").read_text() == before


def test_train_then_eval_from_the_command_line(tmp_path, cache_dir, data, capsys):
    settings = tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=1, save_steps=1)
    write_settings(settings, tmp_path / "settings.yaml")
    assert main(["train", "--config", str(tmp_path / "settings.yaml")]) == 0
    assert main(["train", "--config", str(tmp_path / "settings.yaml")]) == 0  # finished: nothing to do
    report = tmp_path / "report.json"
    arguments = ["--model", str(tmp_path / "out"), "--limit", "5", "--batch-size", "3", "--json", str(report)]
    assert main(["eval", "rooms-bench", *arguments]) == 0
    assert "oracle" in capsys.readouterr().out
    content = json.loads(report.read_text())
    assert len(content["samples"]) == 5
    assert content["manifest"]["split"] == "test"
    dtypes = {tensor.dtype for tensor in load_file(tmp_path / "out" / "model.safetensors").values()}
    assert dtypes == {torch.bfloat16}
    assert SR3DForConditionalGeneration.from_pretrained(tmp_path / "out").dtype == torch.float32


def test_two_processes_train_as_one(tmp_path, cache_dir, data, monkeypatch):
    """Each takes half of the batch; gradients are averaged, so weights agree up to rounding of the mean loss."""
    weights = []
    for processes in (1, 2):
        settings = tiny_settings(
            tmp_path / f"out-{processes}",
            tmp_path / f"run-{processes}",
            cache_dir=cache_dir,
            max_steps=3,
            save_steps=3,
        )
        write_settings(settings, tmp_path / "settings.yaml")
        arguments = ["train", "--config", str(tmp_path / "settings.yaml"), "--processes", str(processes)]
        assert main(arguments) == 0
        weights.append(load_file(tmp_path / f"run-{processes}" / "checkpoint-3" / "model.safetensors"))
    one, two = weights
    assert one.keys() == two.keys()
    differences = [(one[name] - two[name]).abs().max().item() for name in one]
    assert 0 < max(differences) < 1e-2


def test_what_a_run_reads_can_be_made_beforehand(tmp_path, cache_dir, data, capsys):
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=cache_dir, freeze_vision=True, eval_steps=1)
    write_settings(settings, tmp_path / "settings.yaml")
    assert main(["train", "--config", str(tmp_path / "settings.yaml"), "--cache-only"]) == 0
    assert capsys.readouterr().out == f"train: 9 samples in {cache_dir}\nval: 3 samples in {cache_dir}\n"
    assert not (tmp_path / "b").exists()


def test_a_finished_run_starts_no_processes(tmp_path, cache_dir, data, monkeypatch):
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=cache_dir, max_steps=1)
    write_settings(settings, tmp_path / "settings.yaml")
    run_training(settings)
    monkeypatch.setattr("transformers_sr3d.cli.train._launch", lambda args: 7)
    assert main(["train", "--config", str(tmp_path / "settings.yaml"), "--processes", "2"]) == 0


def test_a_category_that_nobody_asks_is_refused_before_anything_is_rendered(tmp_path, capsys):
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=tmp_path / "c", category_weights={"namig": 2.0})
    write_settings(settings, tmp_path / "settings.yaml")
    assert main(["train", "--config", str(tmp_path / "settings.yaml")]) == 2
    assert "`category_weights` must name categories of questions, got namig" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_no_processes_are_refused(tmp_path, capsys):
    assert main(["train", "--config", str(tmp_path / "none.yaml"), "--processes", "0"]) == 2
    assert "`--processes` must be at least 1, got 0" in capsys.readouterr().err


def test_a_frozen_tower_stays_as_it_is(tmp_path, cache_dir, data):
    settings = tiny_settings(
        tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=2, freeze_vision=True, eval_steps=1
    )
    set_seed(settings.seed)
    before = build_model(settings, data[0]).model.vision_tower.state_dict()
    run_training(settings)
    after = load_file(tmp_path / "out" / "model.safetensors")
    prefix = "model.vision_tower."
    assert all(torch.equal(after[prefix + name], value.to(torch.bfloat16)) for name, value in before.items())


def test_curves_hold_training_and_validation_loss(tmp_path, cache_dir, data):
    settings = tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=2, eval_steps=1)
    run_training(settings)
    rows = list(csv.DictReader((tmp_path / "run" / "curves.csv").open()))
    assert [row["step"] for row in rows] == ["1", "2"]
    assert all(float(row["loss"]) > 0 and float(row["eval_loss"]) > 0 for row in rows)
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000


def test_budget_stops_a_run_and_counts_earlier_minutes(tmp_path, cache_dir, data):
    settings = tiny_settings(
        tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=50, save_steps=1, max_minutes=1e-6
    )
    run_training(settings)
    assert json.loads((tmp_path / "run" / "finished.json").read_text())["steps"] == 1


def test_other_settings_in_the_same_folder_are_refused(tmp_path):
    claim_run_dir(tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=tmp_path, max_steps=5))
    claim_run_dir(tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=tmp_path, max_steps=5, max_minutes=9.0))
    with pytest.raises(ValueError, match=r"`optimisation.max_steps` is 6, but .* started with 5"):
        claim_run_dir(tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=tmp_path, max_steps=6))


@pytest.fixture
def begun(tmp_path):
    """Settings of a run that has begun, and the file where it wrote them down."""
    settings = tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=tmp_path)
    claim_run_dir(settings)
    return settings, tmp_path / "run" / "settings.yaml"


def test_a_run_writes_down_its_wordings(begun):
    settings, path = begun
    assert read_settings(path).wordings == wordings_version()
    assert read_settings(path) == settings
    claim_run_dir(settings)


def test_every_wording_of_training_counts(monkeypatch):
    before = wordings_version()
    names = {"question": "_QUESTIONS", "more": "_TRAINING_ONLY", "answer": "_ANSWERS"}
    for name, kind in (("question", "width"), ("more", "wider_choice"), ("answer", "wider_yes")):
        with monkeypatch.context() as patch:
            texts = getattr(phrasings, names[name])
            patch.setitem(texts, kind, texts[kind][::-1])
            assert wordings_version() != before, name
    with monkeypatch.context() as patch:
        patch.setitem(phrasings._HELD_OUT, "width", ("How wide?",))
        assert wordings_version() == before


def test_a_run_does_not_go_on_with_other_wordings(begun, monkeypatch):
    settings, path = begun
    before = path.read_text()
    monkeypatch.setattr("transformers_sr3d.training.sft.wordings_version", lambda: "other")
    with pytest.raises(ValueError, match=rf"`wordings` .* was started with, {wordings_version()}, got other"):
        claim_run_dir(settings)
    assert path.read_text() == before


def test_a_finished_run_keeps_the_wordings_that_it_had(begun, monkeypatch):
    settings, path = begun
    for file in (path.with_name("finished.json"), path.parents[1] / "out" / "config.json"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}")
    monkeypatch.setattr("transformers_sr3d.training.sft.wordings_version", lambda: "other")
    claim_run_dir(settings)
    assert read_settings(path).wordings == wordings_version()


def test_a_run_of_an_older_version_goes_on_with_one_warning(begun):
    settings, path = begun
    path.write_text("".join(line for line in path.open() if not line.startswith("wordings:")))
    with pytest.warns(UserWarning, match=rf"`wordings` is not recorded in {path}"):
        claim_run_dir(settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        claim_run_dir(settings)


def test_a_damaged_record_of_settings_is_named(begun):
    settings, path = begun
    path.write_text("seed: [")
    with pytest.raises(ValueError, match=rf"`{path}` must be YAML, got"):
        claim_run_dir(settings)


def test_checkpoint_without_its_mark_is_passed_over_and_kept(tmp_path):
    for step in (3, 12, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (3, 12):
        (tmp_path / f"checkpoint-{step}" / COMPLETE_MARK).write_text("{}")
    assert newest_checkpoint(tmp_path).name == "checkpoint-12"
    assert (tmp_path / "checkpoint-20").exists()
