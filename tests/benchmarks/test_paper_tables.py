# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval report`: comparable rows beside published ones, everything else apart, and averages that add up."""

import json

import pytest
from official_files import write_json

from transformers_sr3d.cli.main import main
from transformers_sr3d.evaluation.benchmarks.paper_tables import draw_tables
from transformers_sr3d.evaluation.benchmarks.published import PAPER_TABLES, SR3D_BENCH_PUBLISHED
from transformers_sr3d.evaluation.benchmarks.tasks import TASKS


SCANQA = {"rules": "video-3d-llm", "split": "val"}


SCANQA_KEYS = [(metric, "all") for metric in ("EM", "CIDEr", "BLEU-1", "BLEU-4", "METEOR", "ROUGE-L")]


def write_report(path, task, switches, *, geometry="official", limit=None, keys=SCANQA_KEYS, frames=32):
    cell = {"value": 12.3, "low": 10.0, "high": 15.0, "of": 5, "note": ""}
    manifest = {"benchmark": task, "model": "my/model", "switches": switches, "questions": 5, "limit": limit}
    manifest["shown"] = {"geometry": geometry, "frames": frames}
    rows = [{"metric": metric, "group": group, "cells": {"model": cell}} for metric, group in keys]
    samples = [{"id": "0", "category": "all", "right": True}]
    return write_json(path, {"manifest": manifest, "rows": rows, "samples": samples, "empty_answers": 0})


def test_published_protocols_are_switches_of_their_tasks():
    for table in PAPER_TABLES:
        switches = TASKS[table.task].switches
        assert all(value in switches[name] for name, value in table.protocol.items())


def test_published_averages_add_up():
    figures = SR3D_BENCH_PUBLISHED[0].figures
    names = ("wide_thin", "tall_short", "big_small", "multi_simple", "multi_complex")
    mean = sum(figures["success", name] for name in names) / 5
    assert mean == pytest.approx(figures["success, average of categories", "qualitative"], abs=0.06)
    lengths = sum(figures["success", name] for name in ("width", "height", "distance")) / 3
    assert lengths == pytest.approx(figures["success, average of categories", "quantitative"], abs=0.06)
    all_names = (*names, "width", "height", "distance")
    assert sum(figures["success", name] for name in all_names) / 8 == pytest.approx(
        figures["success, average of categories", "all"], abs=0.06
    )
    vsi = next(table for table in PAPER_TABLES if table.task == "vsi-bench").rows[0].figures
    tasks = [value for (metric, _), value in vsi.items() if metric != "average"]
    assert sum(tasks) / 5 == pytest.approx(vsi["average", "5 tasks"], abs=0.06)


def test_comparable_figures_stand_in_one_table(tmp_path):
    text = draw_tables([write_report(tmp_path / "mine.json", "scanqa", SCANQA)])
    head, row = (next(line for line in text.splitlines() if line.startswith(start)) for start in ("| figure", "| EM"))
    heads = [cell.strip() for cell in head.strip("|").split("|")]
    assert heads[0] == "figure"
    assert heads[1] == "SR-3D, published (Table 4)"
    assert heads[2:5] == [
        "SR-3D, neither stage 1 nor 3D encoding, published (Table 8)",
        "SR-3D, stage 1 only, published (Table 8)",
        "SR-3D, 3D encoding only, published (Table 8)",
    ]
    assert heads[5:] == ["Video-3D-LLM, published (table not noted)", "my/model (mine.json, 5 questions)"]
    assert row == "| EM, all | 30.4 |  |  |  | 30.1 | 12.3 (10.0 to 15.0) |"
    assert "| CIDEr, all | 109.3 | 101.3 | 108.2 | 102.9 | 102.1 | 12.3 (10.0 to 15.0) |" in text
    assert "Not comparable" not in text
    assert "Table 11 gives METEOR 21.1" in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"switches": SCANQA | {"rules": "llava-3d"}}, "rules is llava-3d and not video-3d-llm"),
        ({"geometry": "none"}, "geometry is none and not official"),
        ({"limit": 5}, "only the first 5 questions"),
        ({"frames": 8}, "up to 8 frames and not 32"),
        ({"keys": SCANQA_KEYS[:1]}, "no CIDEr of all"),
    ],
)
def test_other_protocols_stand_apart_with_the_reason(changes, reason, tmp_path):
    settings = {"switches": SCANQA} | changes
    text = draw_tables([write_report(tmp_path / "mine.json", "scanqa", **settings)])
    assert reason in text
    assert not any("published" in line and "my/model" in line for line in text.splitlines())
    assert "As published:" in text


def test_where_the_number_of_questions_is_known_it_counts(tmp_path):
    text = draw_tables(
        [write_report(tmp_path / "mine.json", "blink-spatial", {}, geometry="none", keys=[("accuracy", "all")])]
    )
    assert "5 questions and not 143" in text


def test_estimated_geometry_has_a_table_of_its_own(tmp_path):
    text = draw_tables([write_report(tmp_path / "mine.json", "scanqa", SCANQA, geometry="estimator")])
    assert "| EM, all | 30.2 |" in text
    assert "CUT3R" in text


def test_the_rebuilt_bench_never_stands_beside_the_published_one(tmp_path):
    keys = (("success", "width"), ("success, average of categories", "quantitative"))
    path = write_report(tmp_path / "mine.json", "sr3d-bench-rebuilt", {"threshold": "ratio-1.25"}, keys=keys)
    own, published = draw_tables([path]).split("## SR-3D-Bench, as published")
    assert "87.7" not in own
    assert "my/model" not in published
    assert "| success, width | 87.7 |" in published


def test_command_writes_markdown_and_refuses_other_files(tmp_path, capsys):
    path = write_report(tmp_path / "mine.json", "sat", {"split": "test"}, geometry="none", keys=(("accuracy", "all"),))
    assert main(["eval", "report", str(path), "--out", str(tmp_path / "table.md")]) == 0
    assert "| accuracy, all | 64.0 | 62.6 | 12.3 (10.0 to 15.0) |" in (tmp_path / "table.md").read_text()
    other = json.loads(path.read_text())
    del other["manifest"]["switches"]
    write_json(tmp_path / "other.json", other)
    assert main(["eval", "report", str(tmp_path / "other.json")]) == 2
    assert "must be a report of a benchmark" in capsys.readouterr().err
    for odd in ({"manifest": []}, {"rows": [1]}, {"manifest": {"switches": {}}}, {"manifest": {"benchmark": 3}}):
        write_json(tmp_path / "other.json", json.loads(path.read_text()) | odd)
        assert main(["eval", "report", str(tmp_path / "other.json")]) == 2
        assert "other.json" in capsys.readouterr().err
