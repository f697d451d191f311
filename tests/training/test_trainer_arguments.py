# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of `Trainer`: what several processes cannot share is refused, Muon gets its weights."""

import math

import pytest
from training_settings import tiny_settings

from transformers_sr3d.training.settings import OptimisationSettings
from transformers_sr3d.training.sft import build_trainer
from transformers_sr3d.training.starting_model import build_model
from transformers_sr3d.training.trainer_arguments import check_optimisation, check_processes, training_arguments


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=tmp_path)
    with pytest.raises(ValueError, match="`batch_size` must be a multiple of the 3 processes, got 4"):
        training_arguments(settings.run_dir, 0, settings.optimisation)


def test_several_processes_cannot_be_limited_in_minutes(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=tmp_path, max_minutes=3.0)
    with pytest.raises(ValueError, match=r"`max_minutes` must be left out with 2 processes, .* got 3.0"):
        training_arguments(settings.run_dir, 0, settings.optimisation)


def test_several_processes_do_not_choose_their_own_precision(tmp_path):
    settings = tiny_settings(tmp_path / "a", tmp_path / "b", cache_dir=tmp_path, bf16=None)
    check_processes(settings.optimisation, 1)
    with pytest.raises(ValueError, match=r"`bf16` must be given with 2 processes, .* got none"):
        check_processes(settings.optimisation, 2)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learning_rate", 0.0, "`optimisation.learning_rate` must be a number above 0, got 0.0"),
        ("muon_learning_rate", -1e-3, "`optimisation.muon_learning_rate` must be a number above 0, got -0.001"),
        ("number_loss_weight", -1.0, "`optimisation.number_loss_weight` must be a number from 0 on, got -1.0"),
        ("name_loss_weight", math.nan, "`optimisation.name_loss_weight` must be a number from 0 on, got nan"),
    ],
)
def test_rates_and_weights_of_the_wrong_sign_are_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        check_optimisation(OptimisationSettings(**{name: value}))


def test_muon_takes_the_matrices_of_the_layers(tmp_path, cache_dir, data):
    settings = tiny_settings(
        tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, learning_rate=1e-3, muon_learning_rate=4e-3
    )
    trainer = build_trainer(settings, build_model(settings, data[0]), data[0], {"train": data[1]})
    names = {id(weight): name for name, weight in trainer.model.named_parameters()}
    matrices, vectors, muon = trainer.create_optimizer().param_groups
    assert (matrices["lr"], vectors["lr"], muon["lr"]) == (1e-3, 1e-3, 4e-3)
    assert len(muon["params"]) == 2 * 7  # q, k, v, o, gate, up and down of two layers
    assert all("language_model.layers." in names[id(weight)] for weight in muon["params"])
    assert sum(len(group["params"]) for group in (matrices, vectors, muon)) == len(names)
