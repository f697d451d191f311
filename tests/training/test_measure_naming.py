# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Naming regions from features: classes that can be told apart are, and the tool runs on the settings of a run."""

import importlib
import re
from pathlib import Path

import pytest
import torch
from training_settings import tiny_settings

from transformers_sr3d.training.settings import write_settings


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "tools"))
    module = importlib.import_module("measure_naming")
    monkeypatch.setattr(module, "STEPS", 60)
    return module


def test_what_can_be_told_apart_is_named(tool):
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(300) % 3 + 1
    inputs = torch.randn(300, 5, generator=generator) + 3.0 * torch.nn.functional.one_hot(classes, 5)
    named = tool.name_regions(inputs[:200], classes[:200], inputs[200:], seed=0)
    assert tool.score(named, classes[200:], [1, 2, 3])[1] > 90
    blind = tool.name_regions(torch.zeros(200, 5), classes[:200], torch.zeros(100, 5), seed=0)
    assert tool.score(blind, classes[200:], [1, 2, 3])[1] < 50


def test_the_mean_over_classes_counts_each_class_once(tool):
    classes = torch.tensor([1, 1, 1, 2])
    assert tool.score(torch.tensor([1, 1, 1, 1]), classes, [1, 2, 3]) == (75.0, 50.0)


def test_the_tool_prints_a_line_per_input(tool, tmp_path, cache_dir, data, capsys):
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=cache_dir, freeze_vision=True, eval_steps=1)
    write_settings(settings, tmp_path / "settings.yaml")
    tool.main(["--config", str(tmp_path / "settings.yaml"), "--seeds", "1"])
    shown = capsys.readouterr().out
    for name in ("majority", "descriptor", "features", "both"):
        assert re.search(rf"^{name} +\d+\.\d % of regions, +\d+\.\d % mean over classes$", shown, re.M)


@pytest.mark.parametrize(("name", "value"), [("freeze_vision", False), ("eval_steps", None)])
def test_settings_without_stored_features_are_refused(tool, tmp_path, name, value):
    optimisation = {"freeze_vision": True, "eval_steps": 1} | {name: value}
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=tmp_path, **optimisation)
    write_settings(settings, tmp_path / "settings.yaml")
    with pytest.raises(ValueError, match=rf"`optimisation.{name}` must be .* to name regions, got {value}"):
        tool.main(["--config", str(tmp_path / "settings.yaml")])
