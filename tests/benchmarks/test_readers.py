# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Official files: every loader on small files of the exact layout, and what it says of files that are not so."""

import json

import numpy as np
import official_files
import pytest
from PIL import Image

from transformers_sr3d.cli.eval_benchmarks import BENCHMARKS, folders_of, list_tasks, switches_of
from transformers_sr3d.evaluation.benchmarks.files import MissingDataError
from transformers_sr3d.evaluation.benchmarks.shown import Shown, ShowSettings
from transformers_sr3d.evaluation.benchmarks.tasks import TASKS, find_task


WRITERS = {
    "scanqa": official_files.write_scanqa,
    "sqa3d": official_files.write_sqa3d,
    "scan2cap": official_files.write_scan2cap,
    "vsi-bench": official_files.write_vsi_bench,
    "spatialrgpt-bench": official_files.write_spatial_rgpt,
    "blink-depth": lambda folder: official_files.write_blink(folder, "Relative_Depth"),
    "blink-spatial": official_files.write_blink,
    "coco-regions": official_files.write_coco,
    "realworldqa": official_files.write_realworldqa,
    "embspatial": official_files.write_embspatial,
    "sat": official_files.write_sat,
}


SQA3D_QUESTIONS = "v1_balanced_questions_test_scannetv2.json"
COCO = "annotations/instances_val2017.json"


def read(name, folder, *switches):
    task = find_task(name)
    return task.read(folder, task.read_switches(switches))


@pytest.fixture
def records(tmp_path):
    return {
        name: read(name, write(tmp_path / name))
        for name, write in WRITERS.items()
        if (tmp_path / name).mkdir() is None
    }


def test_command_line_and_table_of_tasks_agree():
    assert {name: task.about for name, task in TASKS.items()} == BENCHMARKS
    assert all(name in list_tasks() for name in TASKS)


def test_every_loader_reads_its_official_layout(records):
    assert {name: len(found) for name, found in records.items()} == {
        "scanqa": 3,
        "sqa3d": 4,
        "scan2cap": 2,
        "vsi-bench": 5,
        "spatialrgpt-bench": 5,
        "blink-depth": 2,
        "blink-spatial": 2,
        "coco-regions": 2,
        "realworldqa": 2,
        "embspatial": 2,
        "sat": 2,
    }
    for found in records.values():
        assert len({record.id for record in found}) == len(found)


def test_prompts_are_those_of_the_protocols(records):
    first = {name: found[0].turns[0][0] for name, found in records.items()}
    assert first["scanqa"] == "What is beside the table? Answer the question simply."
    assert first["sqa3d"] == (
        "I stand by the table. What is to my left? Answer the question using a single word or phrase."
    )
    assert first["vsi-bench"] == (
        "These are frames of a video.\nStanding by the table, where is the stool?\nOptions:\nA. left\nB. right\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert records["vsi-bench"][2].turns[0][0].endswith("Please answer the question using a single word or phrase.")
    assert first["spatialrgpt-bench"] == "How wide is <region0>?"
    assert records["spatialrgpt-bench"][1].turns[0][0] == "How far is <region0> from <region1>?"
    assert first["embspatial"].splitlines()[1] == "A. left of the table"


def test_truths_and_categories(records):
    assert records["scanqa"][0].truth == {"answers": ["chair", "brown chair"]}
    assert [record.category for record in records["sqa3d"]] == ["what", "how", "is", "others"]
    assert records["vsi-bench"][1].truth["letter"] == "B"
    assert records["vsi-bench"][3].truth == {"number": 120.0, "category": "object_size_estimation"}
    assert [record.category for record in records["spatialrgpt-bench"]] == [
        "width",
        "distance",
        "direction",
        "left/right",
        "tall/short",
    ]
    assert records["sat"][1].truth["letter"] == "B"
    assert len(records["sat"][1].sample["images"]) == 2
    assert records["realworldqa"][0].truth == {"letter": "A"}
    assert records["realworldqa"][1].truth == {"text": "Yes"}
    assert records["coco-regions"][1].truth["name"] == "dining table"


def test_scan2cap_takes_the_best_proposal(records, tmp_path):
    table, chair = records["scan2cap"]
    assert table.truth["answers"] == ["This is a brown table. It is big.", "a wide table, next to a chair"]
    assert table.truth["iou"] == pytest.approx(1.15 / 1.25)
    assert chair.truth["iou"] == pytest.approx(0.1 / 0.7)
    assert table.sample["regions"][0]["box_3d"]["center"] == [1.25, 1.0, 0.4]
    easier = read("scan2cap", tmp_path / "scan2cap", "boxes=ground-truth")
    assert [record.truth["iou"] for record in easier] == [1.0, 1.0]
    assert easier[1].sample["regions"][0]["box_3d"]["size"] == pytest.approx([0.4, 0.4, 0.9])


def test_switches_choose_parts(tmp_path):
    folder = official_files.write_vsi_bench(tmp_path)
    assert len(read("vsi-bench", folder, "types=sr3d")) == 4  # no counting
    with pytest.raises(ValueError, match="Did you mean types"):
        read("vsi-bench", folder, "type=sr3d")
    with pytest.raises(ValueError, match="must be given once"):
        read("vsi-bench", folder, "types=sr3d", "types=all")
    with pytest.raises(ValueError, match="must be one of all, sr3d"):
        read("vsi-bench", folder, "types=five")


@pytest.mark.parametrize("name", WRITERS)
def test_missing_files_name_their_official_place(name, tmp_path):
    with pytest.raises(MissingDataError, match=r"https?://"):
        read(name, tmp_path)


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_are_refused_with_their_name(name, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    WRITERS[name](folder)
    for path in folder.rglob("*"):
        if path.suffix in (".json", ".jsonl", ".parquet") and path.name != "proposals.json":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"json|parquet"):
        read(name, folder)


@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        ("scanqa", "ScanQA_v1.0_val.json", lambda rows: rows[0].pop("answers"), "`answers` must be there"),
        ("scanqa", "ScanQA_v1.0_val.json", lambda rows: rows[1].update(answers=[]), "`answers` must be texts"),
        ("scanqa", "ScanQA_v1.0_val.json", list.clear, "at least one question"),
        ("embspatial", "embspatial_bench.json", lambda rows: rows[1].update(answer=4), "a place among"),
        ("embspatial", "embspatial_bench.json", lambda rows: rows[1].update(image="%%"), "base64"),
        ("scan2cap", "ScanRefer_filtered_val.json", lambda rows: rows[1].update(object_id="77"), "must have a box"),
        ("embspatial", "embspatial_bench.json", lambda rows: rows[1].update(image="\u00e9"), "base64"),
        (
            "sqa3d",
            SQA3D_QUESTIONS,
            lambda file: file["questions"][0].pop("question_id"),
            "`question_id` must be there",
        ),
        ("sqa3d", SQA3D_QUESTIONS, lambda file: file["questions"][0].update(question_id=[1]), "must have an answer"),
        ("sqa3d", SQA3D_QUESTIONS, lambda file: file.update(questions=[None]), "list of objects"),
        ("coco-regions", COCO, lambda file: file["categories"][0].pop("name"), "categories#0: `name` must be there"),
        ("coco-regions", COCO, lambda file: file.update(images=["a"]), "list of objects"),
        (
            "coco-regions",
            COCO,
            lambda file: file["annotations"][0].update(image_id=[139]),
            "must be an object of COCO",
        ),
        ("coco-regions", COCO, lambda file: file["annotations"][0].pop("id"), "`id` must be there"),
    ],
)
def test_malformed_entries_are_named(name, file, change, message, tmp_path):
    WRITERS[name](tmp_path)
    rows = json.loads((tmp_path / file).read_text())
    change(rows)
    (tmp_path / file).write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=message):
        read(name, tmp_path)


def test_a_question_without_an_annotation_is_refused(tmp_path):
    folder = official_files.write_sqa3d(tmp_path)
    path = folder / "v1_balanced_sqa_annotations_test_scannetv2.json"
    content = json.loads(path.read_text())
    content["annotations"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="must have an answer"):
        read("sqa3d", folder)


def test_boxes_that_are_no_boxes_are_refused(tmp_path):
    folder = official_files.write_scan2cap(tmp_path)
    np.save(folder / "boxes" / "scene0011_00_aligned_bbox.npy", np.zeros((3, 6)))
    with pytest.raises(ValueError, match=r"\(objects, 8\)"):
        read("scan2cap", folder)
    (folder / "proposals.json").unlink()
    official_files.write_scan2cap(tmp_path / "again" if (tmp_path / "again").mkdir() is None else None)
    (tmp_path / "again" / "proposals.json").unlink()
    with pytest.raises(MissingDataError, match="boxes=ground-truth"):
        read("scan2cap", tmp_path / "again")


def test_damaged_arrays_and_pictures_are_named(tmp_path):
    folder = official_files.write_scan2cap(tmp_path)
    path = folder / "boxes" / "scene0011_00_aligned_bbox.npy"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"scene0011_00_aligned_bbox\.npy"):
        read("scan2cap", folder)
    task = find_task("blink-spatial")
    records = read("blink-spatial", official_files.write_blink(tmp_path / "blink", image=b"no picture"))
    with pytest.raises(ValueError, match=r"val-00000-of-00001\.parquet#0: .* must be a picture"):
        Shown(task, tmp_path / "blink", ShowSettings()).arguments(records[0])


def test_regions_that_are_no_regions_are_named(tmp_path):
    folder = official_files.write_coco(tmp_path)
    content = json.loads((folder / COCO).read_text())
    content["annotations"][0]["segmentation"] = [["a", 1, 2, 3, 4, 5]]
    (folder / COCO).write_text(json.dumps(content))
    records = read("coco-regions", folder, "prompt=mask")
    with pytest.raises(ValueError, match=r"instances_val2017\.json#1: `polygon` must hold real numbers"):
        Shown(find_task("coco-regions"), folder, ShowSettings()).arguments(records[0])


@pytest.mark.parametrize(
    ("name", "picture"), [("coco-regions", "val2017/000000000139.jpg"), ("spatialrgpt-bench", "hypersim/a.png")]
)
def test_pictures_of_another_size_than_their_regions_are_refused(name, picture, tmp_path):
    WRITERS[name](tmp_path)
    Image.new("RGB", (32, 24)).save(tmp_path / picture)
    with pytest.raises(ValueError, match=r"must be 64 x 48 as its regions are, got \(32, 24\)"):
        Shown(find_task(name), tmp_path, ShowSettings()).arguments(read(name, tmp_path)[0])


def test_pictures_must_lie_inside_the_data(tmp_path):
    folder = official_files.write_spatial_rgpt(tmp_path / "data")
    path = folder / "SpatialRGPT-Bench_v1.jsonl"
    path.write_text(path.read_text().replace("hypersim/a.png", "../a.png"))
    with pytest.raises(ValueError, match="inside --data"):
        read("spatialrgpt-bench", folder)
    path.write_text(path.read_text().replace("../a.png", "hypersim/b.png"))
    with pytest.raises(MissingDataError, match=r"hypersim/b\.png"):
        read("spatialrgpt-bench", folder)


def test_regions_must_be_as_many_as_mentioned(tmp_path):
    folder = official_files.write_spatial_rgpt(tmp_path / "data")
    path = folder / "SpatialRGPT-Bench_v1.jsonl"
    path.write_text(
        path.read_text().replace("How wide is <mask> <depth>?", "How wide is <mask> <depth> <mask> <depth>?")
    )
    with pytest.raises(ValueError, match="as many regions"):
        read("spatialrgpt-bench", folder)


def test_folders_of_several_tasks_are_named():
    assert folders_of(["scanqa"], None) == ["data/scanqa"]
    assert folders_of(["scanqa"], ["x"]) == ["x"]
    assert folders_of(["scanqa", "sat"], ["sat=y", "scanqa=x"]) == ["x", "y"]
    with pytest.raises(ValueError, match="TASK=DIR"):
        folders_of(["scanqa", "sat"], ["x"])


def test_switches_of_several_tasks_name_theirs():
    both = ["scanqa", "scan2cap"]
    given = ["scanqa.rules=llava-3d", "scan2cap.iou=0.25", "scan2cap.split=train"]
    assert switches_of("scan2cap", both, given) == ["iou=0.25", "split=train"]
    assert switches_of("scanqa", both, given) == ["rules=llava-3d"]
    assert switches_of("scan2cap", ["scan2cap"], ["iou=0.25", "scan2cap.split=train"]) == ["iou=0.25", "split=train"]
    with pytest.raises(ValueError, match="got 'split=train'"):
        switches_of("scanqa", both, ["split=train"])


def test_unknown_tasks_suggest_one():
    with pytest.raises(ValueError, match="Did you mean scanqa"):
        find_task("scanq")
