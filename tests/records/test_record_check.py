# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d data check` and `sr3d data make`: every problem with its line; tokens as the processor counts them."""

import json
from pathlib import Path

import numpy as np
import pytest
from closed_form_rooms import write_rooms
from PIL import Image

from transformers_sr3d.cli.main import main
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.records.check import check_records, count_tokens
from transformers_sr3d.records.format import read_records
from transformers_sr3d.training.collator import render_conversation


CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "sr3d-tiny"
TURN = [{"role": "user", "content": "How tall is <region0>?"}, {"role": "assistant", "content": "0.9 meters."}]


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "photo.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    return tmp_path


def record(**changes):
    return {"images": ["photo.png"], "regions": [{"box_xyxy": [1, 2, 30, 30]}], "messages": TURN} | changes


def write(folder, *lines):
    path = folder / "my.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_every_problem_is_found_with_its_line(folder):
    depth = {"depths": [None, None], "intrinsics": [[50, 0, 30], [0, 50, 20], [0, 0, 1]]}
    path = write(
        folder,
        record(id="a"),
        record(images=["missing.png"]),
        record(images=["broken.png"]),
        record(**depth),
        record(regions=[{"box_xyxy": [100, 2, 130, 30]}]),
        record(regions=[{"box_xyxy": [1, 2, 30, 30], "view": 3}]),
        record(messages=[]),
        record(id="a"),
    )
    report = check_records([path])
    assert [problem.split(":")[1] for problem in report.problems] == ["2", "3", "4", "5", "6", "7", "8"]
    assert report.summary["records"] == 8


def test_sound_records_are_counted(folder):
    report = check_records([write(folder, record(category="height"), record(category="width"))])
    assert not report.problems
    assert report.summary["categories"] == {"height": 1, "width": 1}
    assert report.summary["regions"] == {"box_xyxy": 2}


def test_tokens_are_those_of_the_batch(folder):
    processor = SR3DProcessor.from_pretrained(CHECKPOINT)
    alone = {"messages": [{"role": "user", "content": "How are you?"}, TURN[1]]}
    twice = record(images=["photo.png"] * 2, regions=[{"box_xyxy": [1, 2, 30, 30], "view": 1}])
    path = write(folder, record(messages=TURN * 2), twice, alone)
    for one, sizes in zip(read_records(path), ([(40, 60)], [(40, 60)] * 2, []), strict=True):
        encoded = processor.encode_views(**one.sample) if one.sample else None
        text = render_conversation(one.turns, num_images=len(sizes))
        expected = processor.batch_encoded([text], [encoded], return_tensors="pt")["input_ids"].shape[1]
        assert count_tokens(one, sizes, processor) == expected


def test_too_long_sequences_are_counted_with_the_remedy(folder):
    processor = SR3DProcessor.from_pretrained(CHECKPOINT)
    report = check_records([write(folder, record(), record())], processor=processor, max_tokens=20)
    assert report.summary["too_long"] == 2
    assert "fewer views" in report.problems[0]


def test_command_prints_problems_and_gives_a_status(folder, capsys):
    path = str(write(folder, record(), record(images=["missing.png"])))
    assert main(["data", "check", path]) == 1
    assert "my.jsonl:2" in capsys.readouterr().out
    assert main(["data", "check", path, "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1
    assert main(["data", "check", str(write(folder, record())), "--model", str(CHECKPOINT)]) == 0
    assert "longest sequence" in capsys.readouterr().out
    assert main(["data", "check", str(folder / "none.jsonl")]) == 2


def test_made_records_pass_the_check(tmp_path, capsys):
    write_rooms(tmp_path, (4, 1))
    scenes = [str(path.parent) for path in sorted(tmp_path.rglob("scene.json"))]
    out = tmp_path / "made.jsonl"
    assert main(["data", "make", *scenes, "--out", str(out), "--questions", "6", "--turns", "2"]) == 0
    assert "records of 2 scenes" in capsys.readouterr().out
    assert main(["data", "check", str(out), "--model", str(CHECKPOINT)]) == 0
    assert main(["data", "make", *scenes, "--out", str(out)]) == 2  # never over another file
    assert "must not be there yet" in capsys.readouterr().err
