# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Finished scenes outlive the run, half a line does not, and two measurements are never mixed."""

import json
import subprocess
import sys

import pytest

from transformers_sr3d.evaluation.progress import MAX_SCENES_WITHOUT_QUESTIONS, Progress, only_run


MANIFEST = {"model": "m", "views": [4, 32], "limit": 9, "date": "today", "machine": {"cpus": 2}}
FIRST = [{"question": "How wide is <region0>?", "right": True}]
SECOND = [{"question": "Is there a sofa?", "right": False}, {"question": "What is <region1>?", "right": True}]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "report.json"


@pytest.fixture
def partial(path):
    progress = Progress(path, MANIFEST)
    progress.add(0, FIRST)
    progress.add(1, SECOND)
    return path.with_name("report.json.partial.jsonl")


def test_a_run_goes_on_where_it_stopped(path, partial):
    again = Progress(path, MANIFEST)
    assert again.done == {0: FIRST, 1: SECOND}
    assert (again.num_samples, again.samples()) == (3, FIRST + SECOND)


def test_only_the_scene_that_was_being_written_is_lost(path, partial):
    partial.write_bytes(partial.read_bytes()[:-7])
    again = Progress(path, MANIFEST)
    assert again.done == {0: FIRST}
    again.add(1, SECOND)
    assert Progress(path, MANIFEST).done == {0: FIRST, 1: SECOND}


def test_a_run_killed_in_its_first_line_begins_anew(path):
    path.with_name("report.json.partial.jsonl").write_text('{"manifest": {"mod')
    assert Progress(path, MANIFEST).done == {}
    assert Progress(path, MANIFEST).done == {}


def test_a_run_of_other_settings_does_not_go_on(path, partial):
    with pytest.raises(ValueError, match=r"with other model \(model: 'm' there, 'other' now\)"):
        Progress(path, MANIFEST | {"model": "other"})
    assert Progress(path, MANIFEST).num_samples == 3


def test_another_limit_day_or_machine_goes_on(path, partial):
    changes = {"limit": 99, "date": "tomorrow", "machine": {"cpus": 64}}
    assert Progress(path, MANIFEST | changes).num_samples == 3


def test_a_file_of_something_else_is_refused(path, partial):
    partial.write_text("no JSON\n")
    with pytest.raises(ValueError, match="cannot be read"):
        Progress(path, MANIFEST)


def test_the_report_takes_the_place_of_the_finished_scenes(path, partial):
    Progress(path, MANIFEST).finish({"samples": FIRST})
    assert json.loads(path.read_text()) == {"samples": FIRST}
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_nothing_is_written_without_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    progress = Progress(None, MANIFEST)
    progress.add(0, FIRST)
    progress.finish({})
    assert progress.samples() == FIRST
    assert not list(tmp_path.iterdir())


def test_settings_that_allow_no_question_end_the_run(path):
    progress = Progress(path, MANIFEST)
    progress.add(0, FIRST)
    for index in range(1, MAX_SCENES_WITHOUT_QUESTIONS):
        progress.add(index, [])
    with pytest.raises(ValueError, match="none in 64 scenes in a row"):
        progress.add(MAX_SCENES_WITHOUT_QUESTIONS, [])


def test_a_second_run_of_the_same_report_is_refused_until_the_first_has_ended(path):
    with only_run(path):
        with (
            pytest.raises(ValueError, match=rf"`json_path` must belong to one run at a time, got '{path}'"),
            only_run(path),
        ):
            pass
        with only_run(path.with_name("other.json")), only_run(None):
            pass
    with only_run(path):
        pass
    assert not list(path.parent.iterdir())


def test_a_killed_run_keeps_nobody_away(path):
    lock = "import filelock, os, sys; filelock.FileLock(sys.argv[1]).acquire(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", lock, f"{path}.lock"], check=False).returncode == 9
    assert path.with_name("report.json.lock").exists()
    with only_run(path):
        pass


def test_a_run_that_fails_lets_the_next_one_in(path):
    with pytest.raises(KeyboardInterrupt), only_run(path):
        raise KeyboardInterrupt
    with only_run(path):
        pass
