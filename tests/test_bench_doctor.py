# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`benchmarks/bench_doctor.py`: what it counts, and that it goes on where it was stopped."""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from examined_rooms import make_source

from transformers_sr3d.doctor.planted import PLANTED
from transformers_sr3d.inputs.open_source import import_scene


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))
    import bench_doctor

    yield bench_doctor
    for name in ("common", "bench_doctor"):
        sys.modules.pop(name, None)


@pytest.fixture
def few_faults(bench, monkeypatch):
    kept = ("nothing", "poses inverted")
    monkeypatch.setattr(bench, "PLANTED", {fault: PLANTED[fault] for fault in kept})


def test_wilson_interval_is_that_of_the_textbook(bench):
    assert bench.wilson_interval(8, 10) == pytest.approx((0.4901, 0.9433), abs=2e-4)
    assert bench.wilson_interval(200, 200)[0] == pytest.approx(0.9812, abs=2e-4)


def test_a_second_call_goes_on_where_the_first_was_stopped(bench, few_faults, tmp_path):
    import_scene(make_source(), tmp_path / "scene-000000")
    args = Namespace(results=tmp_path / "results.jsonl", sensor="exact", seed=0)
    first = next(bench.examine_all([tmp_path / "scene-000000"], args))
    assert (first["fault"], first["is_correct"]) == ("nothing", True)
    with args.results.open("a") as file:
        file.write('{"scene": "cut o')
    entries = list(bench.examine_all([tmp_path / "scene-000000"], args))
    assert [entry["fault"] for entry in entries] == ["nothing", "poses inverted"]
    assert len(bench.read_results(args.results)) == 2
    rows = bench.summarise(entries)
    assert [(row["correct"], row["mended"], row["mendable"]) for row in rows] == [(1, 0, 0), (1, 1, 1)]
    assert "| all faults | | 1 | 100.0% |" in bench.format_table(rows)


def test_what_was_found_instead_is_counted(bench, few_faults):
    entry = {"is_correct": False, "is_mended": None, "says_unchecked": False, "cpu_seconds": 0.1}
    entries = [entry | {"fault": "poses inverted", "found": found} for found in ([], ["scale"], ["scale"])]
    (row,) = bench.summarise(entries)
    assert row["found_instead"] == {"nothing": 1, "scale": 2}
    assert "nothing (1), scale (2)" in bench.format_table([row])


def test_a_sensor_makes_steps_and_holes(bench):
    source = make_source(1)
    assert bench.with_sensor(source, "exact", np.random.default_rng(0)) is source
    depth = bench.with_sensor(source, "kinect", np.random.default_rng(0)).views[0].load_depth()
    assert 0.3 < (depth > 0).mean() < 1
    assert np.abs(depth - source.views[0].load_depth())[depth > 0].mean() > 1e-4
