# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The examples run, at tiny size: scenes to questions, a tuned checkpoint, figures before and after, a dry push."""

import json
import sys
from pathlib import Path

import pytest
from closed_form_rooms import write_rooms
from tiny_checkpoint import export_tiny_checkpoint

from transformers_sr3d.answers_sr3d import parse_quantity


EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def own_scenes(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import own_scenes

    yield own_scenes
    sys.modules.pop("own_scenes", None)


def scenes_below(folder, num_views):
    """A folder of scene folders, as `--scenes` wants it."""
    write_rooms(folder, num_views)
    return next(path.parents[1] for path in folder.rglob("scene.json"))


def test_own_scenes_become_a_checkpoint_that_was_measured(own_scenes, tmp_path, capsys):
    start = tmp_path / "start"
    export_tiny_checkpoint(start)
    (start / "README.md").write_text("---\nlicense: mit\n---\n")
    train, held_out = scenes_below(tmp_path / "train", (2, 2)), scenes_below(tmp_path / "held", (2, 2))
    arguments = ["--scenes", str(train), "--held-out", str(held_out), "--out", str(tmp_path / "out")]
    arguments += ["--model", str(start), "--questions", "4", "--held-out-questions", "3", "--epochs", "2"]
    assert own_scenes.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "points" in printed
    assert "would send   model.safetensors" in printed
    lines = [json.loads(line) for line in (train / "own_words_4.jsonl").read_text().splitlines()]
    assert len(lines) == 4
    for line in lines:
        question, answer = (message["content"] for message in line["messages"])
        assert question.startswith(("Gap that <region", "Headroom that <region", "Cable from <region"))
        assert parse_quantity(answer)["value"] == pytest.approx(line["truth"]["value"], rel=0.05)  # rounded, any unit
    done = (tmp_path / "out" / "checkpoint" / "model.safetensors").stat().st_mtime_ns
    assert own_scenes.main(arguments) == 0  # again: nothing is done twice
    assert (tmp_path / "out" / "checkpoint" / "model.safetensors").stat().st_mtime_ns == done


def test_too_few_scenes_are_refused(own_scenes, tmp_path):
    scenes = scenes_below(tmp_path, (1,))
    with pytest.raises(ValueError, match="`--scenes` must give 500 questions, got"):
        own_scenes.write_questions(scenes, 500, seed=0)
