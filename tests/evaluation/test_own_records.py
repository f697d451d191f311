# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval records`: scores by rule, batches and processes that answer alike, going on after a kill."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from closed_form_rooms import write_rooms

from transformers_sr3d.cli.main import main
from transformers_sr3d.evaluation import own_records
from transformers_sr3d.evaluation.own_records import evaluate_records, format_rows, is_record_right, score_rows
from transformers_sr3d.records.making.run import MakeSettings, make_records


CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "sr3d-tiny"


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    write_rooms(folder, (2, 1))
    scenes = sorted(path.parent for path in folder.rglob("scene.json"))
    make_records(scenes, folder / "own.jsonl", MakeSettings(questions=7, split="test"))
    return folder / "own.jsonl"


@pytest.fixture(scope="module")
def report(questions):
    return evaluate_records(CHECKPOINT, [questions])


@pytest.mark.parametrize(
    ("truth", "answer", "right"),
    [
        ({"value": 1.0, "unit": "m"}, "It is 1.25 meters.", True),
        ({"value": 1.0, "unit": "m"}, "It is 126 cm.", False),
        ({"value": 1.0, "unit": "m"}, "I cannot tell.", False),
        ({"choice": "B"}, "B. chair", True),
        ({"choice": "B"}, "A", False),
        ({"text": "yes"}, "Yes, it is.", True),
        ({"text": "yes"}, "No, yes is wrong.", False),
        ({"text": "Region 1"}, "Region 1 is wider than Region 0.", True),
        ({"text": "Region 1"}, "Region 0 is wider than Region 1.", False),
        ({"text": "Region 2, Region 0"}, "Region 2, then Region 0.", True),
        ({"text": "Region 2, Region 0"}, "Region 0, then Region 2.", False),
        ({"text": "coffee table"}, "Region 0 is a Coffee-table.", True),
        ({"text": "table"}, "It is a stable.", False),
    ],
)
def test_answers_are_scored_by_rule(truth, answer, right):
    assert is_record_right(truth, answer) is right


def test_report_has_every_question_and_rows_add_up(report, questions):
    ids = [json.loads(line)["id"] for line in questions.read_text().splitlines()]
    assert [sample["id"] for sample in report["samples"]] == ids
    *categories, total = report["rows"]
    assert total["category"] == "all"
    assert total["total"] == len(ids) == sum(row["total"] for row in categories)
    assert total["right"] == sum(row["right"] for row in categories)
    assert format_rows(report["rows"]).count("\n") == len(report["rows"])


def test_batches_answer_as_single_questions_do(report, questions):
    alone = evaluate_records(CHECKPOINT, [questions], batch_size=1)
    assert [s["answer"] for s in alone["samples"]] == [s["answer"] for s in report["samples"]]


def test_killed_run_goes_on(report, questions, tmp_path, monkeypatch):
    asked, answer = [], own_records.answer_records

    def stop_at_third(network, processor, batch):
        asked.append(len(batch))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return answer(network, processor, batch)

    monkeypatch.setattr(own_records, "answer_records", stop_at_third)
    for _ in range(2):
        try:
            again = evaluate_records(CHECKPOINT, [questions], batch_size=3, json_path=tmp_path / "out.json")
        except KeyboardInterrupt:
            assert not (tmp_path / "out.json").exists()
    assert [s["answer"] for s in again["samples"]] == [s["answer"] for s in report["samples"]]
    assert sum(asked) == len(report["samples"]) + 3  # one batch was asked twice
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_mean_relative_accuracy_is_given_for_lengths_only():
    rows = score_rows(
        [
            {"category": "width", "right": True, "mra": 0.5},
            {"category": "naming", "right": False},
        ]
    )
    assert [row["mra"] for row in rows] == [None, 50.0, 50.0]
    assert [row["percent"] for row in rows] == [0.0, 100.0, 50.0]


def test_records_without_truth_are_refused(questions, tmp_path):
    line = json.loads(questions.read_text().splitlines()[0])
    del line["truth"]
    bare = questions.with_name("bare.jsonl")
    bare.write_text(json.dumps(line) + "\n")
    with pytest.raises(ValueError, match=r"bare\.jsonl:1: `truth`"):
        evaluate_records(CHECKPOINT, [bare])


def test_command_prints_a_table(questions, capsys):
    assert main(["eval", "records", str(questions), "--model", str(CHECKPOINT), "--limit", "2"]) == 0
    assert "all" in capsys.readouterr().out


@pytest.mark.slow
def test_two_processes_report_what_one_does(report, questions, tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = ["-m", "transformers_sr3d.cli.main", "eval", "records", str(questions), "--model", str(CHECKPOINT)]
    subprocess.run(
        [*launcher, *command, "--json", str(tmp_path / "out.json"), "--batch-size", "2"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
    )
    two = json.loads((tmp_path / "out.json").read_text())
    assert [s["answer"] for s in two["samples"]] == [s["answer"] for s in report["samples"]]
    assert two["rows"] == report["rows"]
    assert two["manifest"]["machine"]["processes"] == 2
