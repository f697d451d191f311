# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""sr3d-bench-rebuilt: counts, wordings and truths of the builder, the same again from one seed, and its oracle."""

import json
from pathlib import Path

import numpy as np
import official_files
import pytest
from closed_form_rooms import FURNITURE

from transformers_sr3d.evaluation.benchmarks import sr3d_bench_builder
from transformers_sr3d.evaluation.benchmarks.run import RunSettings, run_task
from transformers_sr3d.evaluation.benchmarks.sr3d_bench import COUNTS, QUALITATIVE
from transformers_sr3d.evaluation.benchmarks.sr3d_bench_builder import build_sr3d_bench
from transformers_sr3d.evaluation.benchmarks.tasks import find_task


CHECKPOINT = str(Path(__file__).parents[2] / "checkpoints" / "sr3d-tiny")
SHARE = 0.02
SIZES = {name: size for name, _, size in FURNITURE}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return official_files.write_embodiedscan(tmp_path_factory.mktemp("embodiedscan"))


@pytest.fixture(scope="module")
def bench(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "bench"
    return folder, build_sr3d_bench(source, folder, share=SHARE)


def questions_of(folder):
    return [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]


def test_official_counts_are_those_of_the_paper():
    assert sum(COUNTS.values()) == 2500
    assert sum(QUALITATIVE.values()) == 1298


def test_counts_are_kept_and_what_is_short_is_said(bench):
    folder, manifest = bench
    lines = questions_of(folder)
    for category, count in COUNTS.items():
        found = sum(line["category"] == category for line in lines)
        assert found + manifest["short"].get(category, 0) == max(1, round(count * SHARE))
    assert manifest["questions"] == {
        name: sum(line["category"] == name for line in lines) for name in manifest["questions"]
    }
    assert manifest["seed"] == 0
    assert len(manifest["info_sha256"]) == 64
    assert set(manifest["forms"]) <= {"choice", "predicate", "options", "open"}
    assert not (folder / ".pool.jsonl").exists()


def test_truths_are_those_of_the_boxes(bench):
    widths = {round(max(size[:2]), 4) for size in SIZES.values()}
    heights = {round(size[2], 4) for size in SIZES.values()}
    centres = [np.array(center) for _, center, _ in FURNITURE]
    apart = {round(float(np.linalg.norm(a - b)), 4) for a in centres for b in centres}
    for line in questions_of(bench[0]):
        if line["category"] in ("width", "height", "distance"):
            known = {"width": widths, "height": heights, "distance": apart}[line["category"]]
            assert line["truth"]["value"] in known


def test_one_seed_gives_the_same_and_another_does_not(bench, source, tmp_path):
    build_sr3d_bench(source, tmp_path / "again", share=SHARE)
    assert questions_of(tmp_path / "again") == questions_of(bench[0])
    build_sr3d_bench(source, tmp_path / "other", share=SHARE, seed=1)
    assert questions_of(tmp_path / "other") != questions_of(bench[0])


def test_a_killed_build_goes_on(bench, source, tmp_path, monkeypatch):
    asked, ask = [], sr3d_bench_builder._ask_scene

    def stop_at_second(*arguments):
        asked.append(arguments[1].name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return ask(*arguments)

    monkeypatch.setattr(sr3d_bench_builder, "_ask_scene", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        build_sr3d_bench(source, tmp_path / "cut", share=SHARE)
    build_sr3d_bench(source, tmp_path / "cut", share=SHARE)
    assert asked[1] == asked[2] != asked[0]
    assert questions_of(tmp_path / "cut") == questions_of(bench[0])


def test_a_bad_scene_costs_only_itself(source, tmp_path):
    (tmp_path / "data").mkdir()
    broken = official_files.write_embodiedscan(tmp_path / "data")
    next((tmp_path / "data").rglob("scene0001_00/00002.png")).write_bytes(b"no picture")
    manifest = build_sr3d_bench(broken, tmp_path / "bench", share=SHARE)
    assert list(manifest["refused"]) == ["scannet/scene0001_00"]
    assert {line["scene"] for line in questions_of(tmp_path / "bench")} == {"scenes/scannet__scene0000_00"}


def test_what_cannot_be_built_is_refused(bench, source, tmp_path):
    with pytest.raises(FileExistsError, match="Choose another folder"):
        build_sr3d_bench(source, bench[0], share=SHARE)
    with pytest.raises(ValueError, match="share"):
        build_sr3d_bench(source, tmp_path / "x", share=0.0)


def test_model_and_oracle_answer_the_questions(bench):
    task = find_task("sr3d-bench-rebuilt")
    report = run_task(task, CHECKPOINT, RunSettings(str(bench[0]), baselines=("oracle", "blind")))
    table = {(row["metric"], row["group"]): row["cells"] for row in report["rows"]}
    average = table["success, average of categories", "all"]
    assert average["oracle"]["value"] > 60.0
    assert average["model"]["value"] > average["blind"]["value"]
    parts = [table["success", name]["model"]["value"] for name in ("width", "distance", "height")]
    assert table["success, average of categories", "quantitative"]["model"]["value"] == pytest.approx(np.mean(parts))
