# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Question files of other projects, written here in their published layouts, become records."""

import json

import numpy as np
import pytest
from closed_form_rooms import write_rooms
from PIL import Image

from transformers_sr3d.cli.main import main
from transformers_sr3d.inputs.embodiedscan_boxes import box_of_nine
from transformers_sr3d.records.check import check_records
from transformers_sr3d.records.format import read_records
from transformers_sr3d.records.making.questions import run_lengths


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (60, 40)).save(tmp_path / "photos" / "a.jpg")
    write_rooms(tmp_path / "rooms", (2,))
    (tmp_path / "scans").mkdir()
    next((tmp_path / "rooms").rglob("scene.json")).parent.rename(tmp_path / "scans" / "scene0000_00")
    return tmp_path


def run(folder, kind, *contents, options=(), status=0):
    sources = []
    for number, content in enumerate(contents):
        path = folder / f"source{number}.json"
        path.write_text(json.dumps(content))
        sources.append(str(path))
    out = folder / "out.jsonl"
    out.unlink(missing_ok=True)
    assert main(["data", "import", kind, *sources, "--out", str(out), *options]) == status
    if status == 2:
        return []
    assert not check_records([out]).problems
    return read_records(out)


def places(folder, name, option):
    return (f"--{option}", str(folder / name))


def test_llava(folder, capsys):
    turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A wall."}]
    content = [
        {"id": "x", "image": "a.jpg", "conversations": turns},
        {"id": "y", "conversations": [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]},
        {"id": "z", "image": "b.jpg", "conversations": turns},
        {"id": "w", "image": "a.jpg", "conversations": turns[:1]},
        {"id": "v", "image": "a.jpg"},
    ]
    first, second = run(folder, "llava", content, options=places(folder, "photos", "images"), status=1)
    assert first.sample["images"] == [str(folder / "photos" / "a.jpg")]
    assert first.turns == [("What is it?", "A wall.")]
    assert second.sample == {}
    printed = capsys.readouterr().out
    assert "left out 1: its picture is missing" in printed
    assert "left out 1: is refused as a record" in printed
    assert "left out 1: lacks the key 'conversations'" in printed


def test_spatialrgpt_regions_are_numbered_by_what_they_are(folder):
    masks = [np.zeros((40, 60), bool) for _ in range(2)]
    masks[0][2:9, 3:20] = True
    masks[1][20:30, 30:50] = True
    first, second = map(run_lengths, masks)
    content = [
        {
            "filename": "a",
            "rle": [first, second, second],
            "bbox": [[3, 2, 20, 9]] * 3,
            "conversations": [
                {"from": "human", "value": "<image>\nIs <mask> <depth> left of <mask> <depth>?"},
                {"from": "gpt", "value": "Yes, Region [0] is left of Region [1]."},
                {"from": "human", "value": "How wide is <mask> <depth>?"},
                {"from": "gpt", "value": "Region [0] is 0.4 meters wide."},
            ],
        }
    ]
    [record] = run(folder, "spatialrgpt", content, options=places(folder, "photos", "images"))
    assert record.turns == [
        ("Is <region0> left of <region1>?", "Yes, Region 0 is left of Region 1."),
        ("How wide is <region1>?", "Region 1 is 0.4 meters wide."),
    ]
    assert [region["mask"] for region in record.sample["regions"]] == [first, second]


def test_spatialrgpt_boxes_stand_in_for_masks_and_bad_counts_are_left_out(folder, capsys):
    turns = [
        {"from": "human", "value": "How tall is <mask> <depth>?"},
        {"from": "gpt", "value": "[0] is tall."},
    ]
    good = {"filename": "a", "bbox": [[3, 2, 20, 9]], "conversations": turns}
    lost = {"filename": "a", "bbox": [], "conversations": turns}
    strange = {**good, "conversations": [turns[0], {"from": "gpt", "value": "Region [3] is tall."}]}
    options = places(folder, "photos", "images")
    [record] = run(folder, "spatialrgpt", [good, lost, strange], options=options, status=1)
    assert record.sample["regions"] == [{"box_xyxy": [3, 2, 20, 9]}]
    printed = capsys.readouterr().out
    assert "more regions are mentioned than marked" in printed
    assert "names a region that its question does not" in printed


def test_scanqa(folder, capsys):
    entry = {
        "scene_id": "scene0000_00",
        "question_id": "q",
        "question": "What color is it?",
        "answers": ["red", "dark red"],
    }
    content = [entry, {**entry, "scene_id": "scene0001_00"}, {**entry, "answers": []}]
    [record] = run(folder, "scanqa", content, options=places(folder, "scans", "scenes"), status=1)
    assert record.turns == [("What color is it? Answer the question simply.", "red")]
    assert record.truth == {"text": "red"}
    printed = capsys.readouterr().out
    assert "its scene is missing" in printed
    assert "no answer" in printed


def test_sqa3d_joins_two_files(folder):
    questions = {
        "questions": [
            {
                "scene_id": "scene0000_00",
                "situation": "I stand at the door.",
                "question": "What is behind me?",
                "question_id": 7,
            }
        ]
    }
    annotations = {"annotations": [{"question_id": 7, "answers": [{"answer": "chair"}]}]}
    [record] = run(folder, "sqa3d", questions, annotations, options=places(folder, "scans", "scenes"))
    expected = "I stand at the door. What is behind me? Answer the question using a single word or phrase."
    assert record.turns == [(expected, "chair")]
    run(folder, "sqa3d", questions, options=places(folder, "scans", "scenes"), status=2)


def test_scan2cap_needs_boxes(folder, capsys):
    content = [{"scene_id": "scene0000_00", "object_id": "4", "description": "A brown table."}]
    box = {"center": [1.2, 1.0, 0.4], "size": [1.2, 0.8, 0.8], "rotation": np.eye(3).tolist()}
    (folder / "boxes.json").write_text(json.dumps({"scene0000_00": {"4": box}}))
    scenes = places(folder, "scans", "scenes")
    [record] = run(folder, "scan2cap", content, options=(*scenes, *places(folder, "boxes.json", "boxes")))
    assert record.sample["regions"] == [{"box_3d": box}]
    assert record.turns == [("Describe <region0> in detail.", "A brown table.")]
    run(folder, "scan2cap", content, options=scenes, status=2)


def test_mmscan_boxes_turn_about_z_then_x_then_y(folder):
    nine = [1.2, 1.0, 0.4, 1.2, 0.8, 0.8, 0.0, 0.0, 0.0]
    content = [
        {
            "ID": "q",
            "scan_id": "scene0000_00",
            "question": "What is it?",
            "answers": ["A table."],
            "input_bboxes": [nine],
        }
    ]
    [record] = run(folder, "mmscan", content, options=places(folder, "scans", "scenes"))
    assert record.turns == [("What is it? (<region0>)", "A table.")]
    turned = np.array(box_of_nine([0, 0, 0, 1, 1, 1, np.pi / 2, np.pi / 2, 0])["rotation"])
    assert turned @ [1, 0, 0] == pytest.approx([0, 1, 0], abs=1e-12)  # about x nothing, then about z to y
    assert turned @ [0, 1, 0] == pytest.approx([0, 0, 1], abs=1e-12)  # about x to z, which stays
    about_y = np.array(box_of_nine([0, 0, 0, 1, 1, 1, 0, 0, np.pi / 2])["rotation"])
    assert about_y @ [0, 0, 1] == pytest.approx([1, 0, 0], abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("coco", [], "FORMAT"),
        ("llava", {"a": 1}, "must hold a list"),
        ("llava", [], "at least one record"),
        ("scanqa", [{"scene_id": "s", "question": "q", "answers": ["a"]}], "--scenes"),
    ],
)
def test_what_is_no_such_file_is_refused(folder, capsys, kind, content, words):
    run(folder, kind, content, status=2)
    assert words in capsys.readouterr().err
