# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Every `sr3d` command of docs/evaluation.md and docs/benchmarks.md, run as it stands on tiny official files."""

import json
import re
import shlex
from pathlib import Path

import official_files
import pytest
from closed_form_rooms import write_rooms

from transformers_sr3d.cli.main import main
from transformers_sr3d.evaluation.benchmarks.sr3d_bench_builder import build_sr3d_bench
from transformers_sr3d.evaluation.benchmarks.tasks import TASKS
from transformers_sr3d.records.making.run import MakeSettings, make_records


ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("evaluation.md", "benchmarks.md")}
COMMANDS = {name: "".join(FENCE.findall(text)).splitlines() for name, text in PAGES.items()}
# Rendered rooms, 51 lengths, and what needs Java, of which the fast ones see nothing: run by `make test-all`.
SLOW = re.compile(r"rules=llava-3d|rooms-bench|kinect|no-depth oracle|punctuation=dropped")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder that the pages speak of."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "checkpoints").symlink_to(ROOT / "checkpoints")
    official_files.write_scans(folder / "scans", num_views=2)
    official_files.write_scans(folder / "scans", ("scannet/scene0011_00",), num_views=2)
    data = folder / "data"
    for name in ("scanqa", "sqa3d", "scan2cap", "vsi_bench", "sat", "coco", "realworldqa", "embspatial"):
        (data / name.replace("_", "-")).mkdir(parents=True)
        getattr(official_files, f"write_{name}")(data / name.replace("_", "-"))
    official_files.write_spatial_rgpt(data / "spatialrgpt-bench")
    official_files.write_blink(data / "blink")
    official_files.write_blink(data / "blink", "Relative_Depth")
    info = official_files.write_embodiedscan(folder)
    build_sr3d_bench(info, data / "sr3d-bench", share=0.005)
    write_rooms(data / "own", (2,))
    make_records([data / "own" / "scene-000000"], data / "own" / "own.jsonl", MakeSettings(questions=3, split="test"))
    answers = [{"id": f"val-scene0011_0{k}-{n}", "answer": "chair"} for k, n in (("0", 0), ("0", 1), ("1", 0))]
    (folder / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in answers))
    return folder


@pytest.fixture
def without_java(monkeypatch):
    monkeypatch.setenv("PATH", "")


def run(line, place, monkeypatch):
    monkeypatch.chdir(place)
    words = shlex.split(line)
    assert words[0] == "sr3d"
    assert main(words[1:]) in ((0, 1) if "rebuild-bench" in line else (0,)), line


@pytest.mark.usefixtures("without_java")
def test_commands_of_evaluation_run_in_their_order(place, monkeypatch, capsys):
    lines = [line for line in COMMANDS["evaluation.md"] if not SLOW.search(line)]
    assert len(lines) >= 9
    for line in lines:
        run(line, place, monkeypatch)
    assert "## scan2cap" in capsys.readouterr().out


@pytest.mark.usefixtures("without_java")
@pytest.mark.parametrize("line", [line for line in COMMANDS["benchmarks.md"] if not SLOW.search(line)])
def test_commands_of_benchmarks_run(line, place, monkeypatch, capsys):
    run(line, place, monkeypatch)
    assert "|" in capsys.readouterr().out or "records" in line


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for text in COMMANDS.values() for line in text if SLOW.search(line)])
def test_slow_commands_run(line, place, monkeypatch):
    run(line, place, monkeypatch)


def test_every_task_has_a_section_with_a_command_and_its_switches():
    sections = {part.splitlines()[0].strip(): part for part in PAGES["benchmarks.md"].split("\n## ")[1:]}
    for name, task in TASKS.items():
        assert f"sr3d eval {name} " in sections[name]
        for switch, values in task.switches.items():
            assert switch in sections[name], f"{name}: {switch}"
            assert all(value in sections[name] for value in values), f"{name}: {switch}"
