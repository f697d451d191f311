# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of `Trainer`: what several processes cannot share is refused."""

import pytest
from training_settings import tiny_settings

from transformers_sr3d.training.trainer_arguments import check_processes, training_arguments


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
