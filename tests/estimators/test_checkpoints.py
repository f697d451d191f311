# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Identity of weights: another byte is another identity, a commit of the Hub is one, and typing errors are told."""

from pathlib import Path

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from transformers_sr3d.estimators import checkpoints
from transformers_sr3d.estimators.checkpoints import checkpoint_identity


def test_identity_of_a_folder_follows_its_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"\0" * 100)
    first = checkpoint_identity(str(tmp_path))
    (tmp_path / "notes.txt").write_text("no weight", encoding="utf-8")
    assert checkpoint_identity(str(tmp_path)) == first
    weights.write_bytes(b"\0" * 99 + b"\1")
    assert checkpoint_identity(str(tmp_path)) != first


def test_identity_of_a_repository_is_its_commit(monkeypatch):
    asked = []

    def download(model, file, *, revision):
        asked.append((model, file, revision))
        return str(Path("/cache/models--a--b/snapshots/0123abcd/config.json"))

    monkeypatch.setattr(checkpoints, "hf_hub_download", download)
    assert checkpoint_identity("a/b", "main") == "a/b@0123abcd"
    assert asked == [("a/b", "config.json", "main")]


def test_revision_of_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`revision` belongs to a repository .* got 'main'"):
        checkpoint_identity(str(tmp_path), "main")


def test_missing_folder_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`model` must be a folder or a repository .* which is neither"):
        checkpoint_identity(str(tmp_path / "nothing"))


def test_unreachable_repository_is_told(monkeypatch):
    def refuse(*_arguments, **_settings):
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(checkpoints, "hf_hub_download", refuse)
    with pytest.raises(FileNotFoundError, match=r"'a/b', which is no folder .* from the Hub: no connection"):
        checkpoint_identity("a/b")
