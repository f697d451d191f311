# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval rooms-bench`: what the command line turns into, what it prints, and how it refuses."""

import json

import pytest
from closed_form_rooms import write_rooms
from tiny_checkpoint import export_tiny_checkpoint

from transformers_sr3d.cli.main import build_parser, main


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a checkpoint `model` and rooms `rooms/scene-000000` (photo) and `rooms/scene-000001` (walk)."""
    folder = tmp_path_factory.mktemp("eval")
    export_tiny_checkpoint(folder / "model")
    write_rooms(folder / "rooms", (1, 3))
    return folder


def arguments(folder, *more):
    source = ["--model", f"{folder}/model", "--scenes", f"{folder}/rooms"]
    return ["eval", "rooms-bench", *source, "--workers", "0", *more]


def test_defaults_ask_about_new_rooms_of_the_test_split():
    args = build_parser().parse_args(["eval", "rooms-bench", "--model", "m"])
    assert (args.split, args.seed, args.limit, args.views, args.workers) == ("test", 0, 400, 32, 1)
    assert (args.scenes, args.furniture, args.region_kind, args.json) == (None, None, None, None)
    assert args.baselines == ["majority", "oracle"]


def test_a_table_is_printed_and_a_report_written(folder, tmp_path, capsys):
    options = ["--limit", "8", "--baselines", "majority", "no-depth", "--json", str(tmp_path / "report.json")]
    assert main(arguments(folder, *options)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("average over categories")
    assert lines[-1].split()[:2] == ["all", "8"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["manifest"]["baselines"] == ["majority", "no_depth"]
    assert {"right", "majority_right", "no_depth_right"} <= report["samples"][0].keys()


def test_options_reach_the_settings(folder, tmp_path):
    path = tmp_path / "report.json"
    options = ["--views", "2", "--seed", "5", "--region-kind", "boxes", "--degrade", "jpeg", "--no-depth", "--blind"]
    assert main(arguments(folder, "--limit", "16", "--baselines", "--json", str(path), *options)) == 0
    report = json.loads(path.read_text())
    manifest = report["manifest"]
    assert (manifest["max_views"], manifest["seed"], manifest["blind"]) == (2, 5, True)
    assert (manifest["degradations"], manifest["baselines"]) == (["jpeg", "without_depth"], [])
    assert {(sample["views"], sample["region_kind"]) for sample in report["samples"]} == {(1, "box"), (2, "boxes")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--limit", "0"], "`limit` must be at least 1, got 0"),
        (["--limit", "-1"], "`limit` must be at least 1, got -1"),
        (["--seed", "-1"], "`seed` must be at least 0, got -1"),
        (["--batch-size", "0"], "`batch_size` must be at least 1, got 0"),
        (["--views", "0"], "`max_views` must be at least 1, got 0"),
        (["--views", "1000000000"], "`max_views` must be at most 1000, got 1000000000"),
        (["--workers", "-1"], "`workers` must be at least 0, got -1"),
        (["--region-kind", "lasso"], "`region_kind` must be out of masks"),
        (["--baselines", "luck"], "`baselines` must be out of majority"),
        (["--degrade", "rain"], "`degradations` must be out of"),
        (["--model", "missing"], "`model` must be the folder of a checkpoint, got 'missing'"),
        (["--json", "no/such/folder/report.json"], "`json_path` must be in a folder that exists"),
        (["--scenes", "nowhere"], "`scenes` must be a folder with rendered scenes, got none in 'nowhere'"),
    ],
)
def test_wrong_options_are_one_line(folder, options, message, capsys):
    assert main(arguments(folder, *options)) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("sr3d eval: ")
    assert message in printed
    assert printed.count("\n") == 1


def test_an_error_of_several_lines_is_printed_as_one(folder, monkeypatch, capsys):
    def fail(*args, **kwargs):
        raise ValueError("`model` is bad:\n\tsize mismatch\nfor a  b")

    monkeypatch.setattr("transformers_sr3d.evaluation.rooms.runner.run_benchmark", fail)
    assert main(arguments(folder)) == 2
    assert capsys.readouterr().err == "sr3d eval: `model` is bad: \tsize mismatch for a  b\n"
