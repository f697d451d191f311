# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Check on a real photo: answers written by hand are scored, a tiny checkpoint goes all the way to the table."""

import argparse
import json
import shutil

import pytest
import torch
from tiny import make_tiny_processor
from tiny_checkpoint import export_tiny_checkpoint

from transformers_sr3d.cli.eval_kinect import add_kinect_parser
from transformers_sr3d.evaluation.kinect import add_score, ask, evaluate_kinect, format_table, table_rows
from transformers_sr3d.evaluation.kinect_photo import PHOTO_FOLDER, make_samples, read_photo
from transformers_sr3d.evaluation.progress import only_run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    export_tiny_checkpoint(folder)
    return folder


@pytest.fixture
def small_photo(tmp_path):
    """The photo with three quantities only."""
    folder = tmp_path / "photo"
    shutil.copytree(PHOTO_FOLDER, folder)
    marks = json.loads((folder / "objects.json").read_text(encoding="utf-8"))
    kinds = {entry["kind"]: entry for entry in marks["quantities"]}
    asked = {name for entry in kinds.values() for name in entry["objects"]}
    things = [thing for thing in marks["objects"] if thing["name"] in asked]
    (folder / "objects.json").write_text(json.dumps({"objects": things, "quantities": list(kinds.values())}))
    return folder


def answered(kind, metres, answer, *, marking="masks", quantity=0, oracle=True):
    sample = {
        "marking": marking,
        "kind": kind,
        "quantity": quantity,
        "metres": metres,
        "oracle_right": oracle,
        "constant_right": False,
    }
    add_score(sample, answer)
    return sample


def test_answers_are_read_in_any_unit_and_scored_by_ratio():
    samples = [
        answered("width", 0.5, "Region 0 is 0.60 meters wide."),
        answered("width", 0.5, "It is 65 centimeters."),
        answered("width", 0.5, "Region 0."),
    ]
    assert [sample["right"] for sample in samples] == [True, False, False]
    assert [sample["ratio"] for sample in samples] == [pytest.approx(1.2), pytest.approx(1.3), None]


def test_rows_count_per_marking_and_kind():
    samples = [
        answered("width", 0.5, "0.5 meters"),
        answered("width", 0.5, "1.5 meters"),
        answered("height", 1.0, "0.9 m", quantity=1),
        answered("distance", 1.0, "none", marking="boxes", quantity=2, oracle=False),
    ]
    rows = {(row["marking"], row["kind"]): row for row in table_rows(samples)}
    assert list(rows) == [
        ("masks", "width"),
        ("masks", "height"),
        ("masks", "all"),
        ("boxes", "distance"),
        ("boxes", "all"),
    ]
    assert (rows["masks", "width"]["n"], rows["masks", "width"]["quantities"]) == (2, 1)
    assert rows["masks", "width"]["median_ratio"] == pytest.approx(2.0)
    assert rows["masks", "all"]["percent"] == pytest.approx(200 / 3)
    assert rows["boxes", "distance"]["median_ratio"] is None
    assert rows["boxes", "distance"]["oracle"] == 0.0


def test_interval_over_quantities_is_wider():
    samples = [answered("width", 0.5, "0.5 m", quantity=place) for place in range(10) for _ in range(3)]
    row = table_rows(samples)[0]
    assert row["interval_quantities"][0] < row["interval"][0] < 100.0


def test_table_shows_percentages_and_remarks():
    text = format_table(table_rows([answered("width", 0.5, "0.5 m"), answered("width", 0.5, "no")]))
    assert "masks      width             2   50.0    9.5 -  90.5          1.00       0.0   100.0" in text
    assert "by construction" in text


def test_answers_are_what_stands_behind_the_prompt(small_photo):
    processor = make_tiny_processor()
    said = torch.tensor(processor.tokenizer(" 0.5 meters.")["input_ids"])

    class Network:
        device = "cpu"

        def generate(self, input_ids, attention_mask, **kwargs):
            assert attention_mask[:, -1].all()  # padding stands left, where generation goes on
            return torch.cat((input_ids, said.expand(len(input_ids), -1)), dim=1)

    photo = read_photo(small_photo)
    samples = make_samples(photo, repeats=1, seed=0)
    batch = [
        next(s for s in samples if s["kind"] == kind and s["marking"] == "boxes") for kind in ("width", "distance")
    ]
    assert ask(Network(), processor, photo, batch) == ["0.5 meters.", "0.5 meters."]


def test_command_asks_a_checkpoint_and_writes_a_report(checkpoint, small_photo, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    add_kinect_parser(parser.add_subparsers())
    target = tmp_path / "report.json"
    words = f"kinect --model {checkpoint} --photo {small_photo} --repeats 1 --batch-size 5 --json {target}"
    args = parser.parse_args(words.split())
    assert args.run(args) == 0
    assert "masks      all               3" in capsys.readouterr().out
    report = json.loads(target.read_text(encoding="utf-8"))
    assert len(report["samples"]) == 6
    assert all(isinstance(sample["answer"], str) for sample in report["samples"])
    assert len(report["manifest"]["weights_sha256"]) == 64
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repeats": 0}, "`repeats` must be from 1 to 10, got 0"),
        ({"repeats": 11}, "`repeats` must be from 1 to 10, got 11"),
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
    ],
)
def test_numbers_out_of_range_are_refused(change, message, checkpoint):
    with pytest.raises(ValueError, match=message):
        evaluate_kinect(checkpoint, **change)


def test_a_report_that_another_run_writes_is_refused(checkpoint, small_photo, tmp_path):
    path = tmp_path / "report.json"
    with only_run(path), pytest.raises(ValueError, match=rf"`json_path` must belong to one run .* got '{path}'"):
        evaluate_kinect(checkpoint, folder=small_photo, repeats=1, json_path=path)


def test_missing_places_are_refused_before_the_work(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match="`model` must be the folder of a checkpoint"):
        evaluate_kinect(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="`json_path` must be in a folder that exists"):
        evaluate_kinect(checkpoint, json_path=tmp_path / "nothing" / "report.json")
