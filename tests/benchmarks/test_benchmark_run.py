# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Running tasks: real generation, resuming, batches, processes, geometry, baselines and predictions."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import official_files
import pytest
from depth_models import save_depth_anything
from textured_corner import poses_of, render

from transformers_sr3d.cli.main import main
from transformers_sr3d.evaluation.benchmarks import run
from transformers_sr3d.evaluation.benchmarks.run import RunSettings, batches_of, run_task
from transformers_sr3d.evaluation.benchmarks.scoring import (
    checked_scores,
    common_answers,
    make_report,
    make_sample,
)
from transformers_sr3d.evaluation.benchmarks.shown import Shown, ShowSettings, show_less
from transformers_sr3d.evaluation.benchmarks.task import make_record
from transformers_sr3d.evaluation.benchmarks.tasks import find_task


CHECKPOINT = str(Path(__file__).parents[2] / "checkpoints" / "sr3d-tiny")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Official files of ScanQA, SQA3D and Scan2Cap, and their scans."""
    folder = tmp_path_factory.mktemp("official")
    official_files.write_scans(folder / "scans")
    for name in ("scanqa", "sqa3d", "scan2cap"):
        (folder / name).mkdir()
        getattr(official_files, f"write_{name}")(folder / name)
    return folder


def settings_of(place, name, **settings):
    return RunSettings(data=str(place / name), show=ShowSettings(scenes=str(place / "scans")), **settings)


@pytest.fixture(scope="module")
def report(place):
    return run_task(find_task("sqa3d"), CHECKPOINT, settings_of(place, "sqa3d"))


def table_of(report, column="model"):
    return {(row["metric"], row["group"]): row["cells"][column]["value"] for row in report["rows"]}


def answers_of(report):
    return [(sample["id"], sample["answer"]) for sample in report["samples"]]


def test_every_question_is_answered_in_the_official_order(report):
    assert [sample["id"][-1] for sample in report["samples"]] == ["0", "1", "2", "3"]
    assert sum(bool(sample["answer"]) for sample in report["samples"]) + report["empty_answers"] == 4
    manifest = report["manifest"]
    assert manifest["shown"] == {"geometry": "official", "frames": 32, "views": "uniform"}
    assert manifest["decoding"]["max_new_tokens"] == 48
    assert manifest["questions"] == 4
    assert set(manifest["versions"]) >= {"torch", "transformers"}


def test_batches_do_not_change_answers(report, place):
    alone = run_task(find_task("sqa3d"), CHECKPOINT, settings_of(place, "sqa3d", batch_size=1))
    assert answers_of(alone) == answers_of(report)
    assert alone["manifest"]["questions_sha256"] == report["manifest"]["questions_sha256"]


def test_batches_hold_questions_of_one_scene(place):
    task = find_task("sqa3d")
    records = task.read(place / "sqa3d", task.read_switches([]))
    assert [len(batch) for batch in batches_of(records, 8)] == [2, 2]
    assert [len(batch) for batch in batches_of(records, 1)] == [1] * 4


def test_a_killed_run_goes_on_with_the_next_batch(report, place, tmp_path, monkeypatch):
    asked, make = [], run.make_sample

    def stop_at_third(task, record, answers, switches, judge=None):
        asked.append(record.id)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return make(task, record, answers, switches, judge)

    monkeypatch.setattr(run, "make_sample", stop_at_third)
    for _ in range(2):
        try:
            again = run_task(find_task("sqa3d"), CHECKPOINT, settings_of(place, "sqa3d"), tmp_path / "out.json")
        except KeyboardInterrupt:
            assert not (tmp_path / "out.json").exists()
    assert answers_of(again) == answers_of(report)
    assert len(asked) == 5  # the batch that was cut is asked again, the first one is not
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_other_settings_do_not_go_on_in_a_killed_run(place, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "make_sample", stop)
    with pytest.raises(KeyboardInterrupt):
        run_task(find_task("sqa3d"), CHECKPOINT, settings_of(place, "sqa3d"), tmp_path / "out.json")
    with pytest.raises(ValueError, match="same settings"):
        run_task(find_task("sqa3d"), CHECKPOINT, settings_of(place, "sqa3d", batch_size=2), tmp_path / "out.json")


@pytest.mark.slow  # starts two processes
def test_a_run_that_is_killed_outright_loses_one_batch_at_most(report, place, tmp_path):
    call = [sys.executable, "-m", "transformers_sr3d.cli.main", "eval", "sqa3d", "--model", CHECKPOINT]
    call += ["--data", str(place / "sqa3d"), "--scenes", str(place / "scans"), "--batch-size", "1"]
    call += ["--json", str(tmp_path / "out.json")]
    partial = tmp_path / "out.json.rank0of1.partial.jsonl"
    process = subprocess.Popen(call, stderr=subprocess.DEVNULL)
    while process.poll() is None and (not partial.exists() or len(partial.read_bytes().splitlines()) < 2):
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    kept = len(partial.read_bytes().splitlines()) - 1  # the first line is the manifest
    assert 1 <= kept < 4
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert answers_of(json.loads((tmp_path / "out.json").read_text())) == answers_of(report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.md"]


def test_a_run_goes_on_with_another_number_of_processes(place, tmp_path, monkeypatch):
    path, settings = tmp_path / "out.json", settings_of(place, "sqa3d", batch_size=1)
    whole = run_task(find_task("sqa3d"), CHECKPOINT, settings)
    lines = [{"scene": number, "samples": [sample]} for number, sample in enumerate(whole["samples"])]
    manifest, *lines = [json.dumps(line) + "\n" for line in ({"manifest": whole["manifest"]}, *lines)]
    (tmp_path / "out.json.rank0of2.partial.jsonl").write_text(manifest + lines[2])
    (tmp_path / "out.json.rank1of2.partial.jsonl").write_text(manifest + lines[1] + lines[3][:10])
    asked, make = [], run.make_sample
    monkeypatch.setattr(run, "make_sample", lambda task, one, *rest: asked.append(one.id) or make(task, one, *rest))
    run_task(find_task("sqa3d"), CHECKPOINT, settings, path)
    assert asked == ["220602000000", "220602000003"]
    assert answers_of(json.loads(path.read_text())) == answers_of(whole)
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


def test_reports_of_other_settings_are_not_replaced(place, tmp_path):
    path, settings = tmp_path / "out.json", settings_of(place, "sqa3d", limit=1)
    run_task(find_task("sqa3d"), CHECKPOINT, settings, path)
    run_task(find_task("sqa3d"), CHECKPOINT, settings, path)
    for other in (settings_of(place, "sqa3d", limit=2), replace(settings, baselines=("blind",))):
        with pytest.raises(ValueError, match="Give another file, or delete it"):
            run_task(find_task("sqa3d"), CHECKPOINT, other, path)
    path.write_text("notes")
    with pytest.raises(ValueError, match="must be new or a report"):
        run_task(find_task("sqa3d"), CHECKPOINT, settings, path)
    assert path.read_text() == "notes"


@pytest.mark.slow  # starts four processes
def test_two_processes_give_the_report_of_one(report, place, tmp_path):
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    call += ["-m", "transformers_sr3d.cli.main", "eval", "sqa3d", "--batch-size", "1"]
    call += ["--model", CHECKPOINT, "--data", str(place / "sqa3d"), "--scenes", str(place / "scans")]
    call += ["--json", str(tmp_path / "two.json")]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    both = json.loads((tmp_path / "two.json").read_text())
    assert answers_of(both) == answers_of(report)
    assert table_of(both) == table_of(report)
    assert both["manifest"]["machine"]["processes"] == 2
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["two.json", "two.md"]


def test_several_tasks_at_once_write_a_folder(place, tmp_path, capsys):
    call = ["eval", "sqa3d", "scan2cap", "--model", CHECKPOINT, "--scenes", str(place / "scans")]
    call += ["--data", f"sqa3d={place / 'sqa3d'}", f"scan2cap={place / 'scan2cap'}", "--json", str(tmp_path / "all")]
    assert main([*call, "--limit", "1"]) == 0
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        "scan2cap.json",
        "scan2cap.md",
        "sqa3d.json",
        "sqa3d.md",
    ]
    printed = capsys.readouterr().out
    assert "| CIDEr | IoU 0.5 | 1 |" in printed
    assert (tmp_path / "all" / "sqa3d.md").read_text() in printed


def test_baselines_stand_beside_the_model(place):
    settings = settings_of(place, "sqa3d", baselines=("blind", "majority", "no_depth"))
    report = run_task(find_task("sqa3d"), CHECKPOINT, settings)
    assert list(report["rows"][0]["cells"]) == ["model", "blind", "majority", "no_depth"]
    assert table_of(report, "majority")["EM", "all"] == 100.0  # every type has one question
    assert set(report["samples"][0]["baselines"]) == {"blind", "no_depth"}


def test_baselines_are_shown_less(place):
    task = find_task("scan2cap")
    record = task.read(place / "scan2cap", task.read_switches([]))[0]
    whole = Shown(task, place / "scan2cap", ShowSettings(scenes=str(place / "scans"))).arguments(record)
    assert "box_3d" in whole["regions"][0]
    no_depth = show_less(whole, "no_depth")
    assert set(no_depth) == {"images", "regions"}
    assert no_depth["images"] == whole["images"]
    assert len(no_depth["regions"]) >= 2  # the table, as pixels of the views that show it
    assert all(mark["mask"].any() and mark["region"] == 0 for mark in no_depth["regions"])
    blind = show_less(whole, "blind")
    assert blind["regions"] == [{"region": 0, "box_xyxy": [0, 0, 64, 64], "view": 0}]
    assert len(set(blind["images"][0].ravel().tolist())) == 1


def test_common_answers():
    assert common_answers([{"answers": ["a", "b"]}, {"answers": ["b"]}]) == ["b", "a"]
    assert common_answers([{"answers": ["b"]}, {"answers": ["a"]}]) == ["a", "b"]
    assert common_answers([{"number": 3.0}, {"number": 1.0}, {"number": 8.0}]) == ["3"]
    assert common_answers([{"value": 0.5}, {"value": 1.5}]) == ["1 meters"]
    assert common_answers([{"letter": "B", "options": ["x", "y"]}] * 2) == ["B"]


JUDGED = {"judged": True, "judge_read": True}


def test_majority_is_the_best_constant_answer_and_knows_no_judge():
    task = find_task("spatialrgpt-bench")
    texts = ["Yes, Region [0] is.", "Indeed, it is to the left.", "No.", "True.", "Incorrect."]
    truths = [{"kind": "left/right", "question": "Is it left?", "answer": text, "choice": False} for text in texts]
    record = make_record("x", "0", "Is it left?", {}, "left/right", {})
    samples = [make_sample(task, replace(record, truth=truth), {"model": "No."}, {}) | JUDGED for truth in truths]
    report = make_report(task, {}, samples, ["majority"])
    cells = {row["metric"]: row["cells"] for row in report["rows"] if row["group"] == "all"}
    assert cells["success (parser)"]["model"]["value"] == pytest.approx(40.0)
    assert cells["success (parser)"]["majority"]["value"] == pytest.approx(60.0)
    assert set(cells["success (judge)"]) == {"model"}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("scan2cap", {"baselines": ("majority",)}, "descriptions"),
        ("sqa3d", {"baselines": ("oracle",)}, "only sr3d-bench-rebuilt"),
        ("sqa3d", {"baselines": ("random",)}, "must be among"),
        ("sqa3d", {"batch_size": 0}, "at least 1"),
        ("sqa3d", {"switches": ("split",)}, "must be one of"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_the_model_is_loaded(name, settings, message, place):
    with pytest.raises(ValueError, match=message):
        run_task(find_task(name), CHECKPOINT, settings_of(place, name, **settings))


def test_no_depth_needs_depth(tmp_path):
    data = official_files.write_sat(tmp_path)
    with pytest.raises(ValueError, match="nothing has depth"):
        run_task(find_task("sat"), CHECKPOINT, RunSettings(str(data), baselines=("no_depth",)))
    with pytest.raises(ValueError, match="pictures have no depth"):
        run_task(find_task("sat"), CHECKPOINT, RunSettings(str(data), show=ShowSettings(geometry="official")))


@pytest.mark.parametrize("name", ["../sqa3d", "a\0b", "x" * 5000])
def test_scenes_are_names_inside_their_folder(name, place):
    record = make_record("file#0", "0", "What?", {"scene": name}, "all", {"answers": ["x"]})
    with pytest.raises(ValueError, match="must be a name inside"):
        Shown(find_task("scanqa"), place / "scanqa", ShowSettings(scenes=str(place / "scans"))).check([record])


def test_questions_that_are_too_long_or_no_text_are_named(place, tmp_path):
    rows = json.loads((place / "scanqa" / "ScanQA_v1.0_val.json").read_text())
    rows[1]["question"] = "why " * 5000
    official_files.write_json(tmp_path / "ScanQA_v1.0_val.json", rows)
    settings = replace(settings_of(place, "scanqa"), data=str(tmp_path))
    with pytest.raises(ValueError, match=r"ScanQA_v1.0_val.json#0 .* must have at most 4096 tokens"):
        run_task(find_task("scanqa"), CHECKPOINT, settings)
    rows[1]["question"] = "why \ud800"
    official_files.write_json(tmp_path / "ScanQA_v1.0_val.json", rows)
    with pytest.raises(ValueError, match=r"ScanQA_v1.0_val.json#1: texts must be whole letters"):
        run_task(find_task("scanqa"), CHECKPOINT, settings)


def test_missing_scenes_are_counted_with_their_source(place, tmp_path):
    settings = RunSettings(str(place / "sqa3d"), show=ShowSettings(scenes=str(tmp_path)))
    with pytest.raises(FileNotFoundError, match=r"scene0011_00 and 1 others.*scan-net"):
        run_task(find_task("sqa3d"), CHECKPOINT, settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"geometry": "estimator"}, "must come together"),
        ({"depth_model": "x"}, "must come together"),
        ({"geometry": "guess"}, "must be one of"),
        ({"frames": 0}, "at least 1"),
        ({"horizontal_fov_deg": 60.0}, "no effect"),
    ],
)
def test_geometry_must_be_stated_whole(settings, message):
    with pytest.raises(ValueError, match=message):
        ShowSettings(**settings)


def test_frames_are_spread_evenly_and_geometry_can_be_left_out(place):
    task = find_task("sqa3d")
    record = task.read(place / "sqa3d", task.read_switches([]))[0]
    scenes = str(place / "scans")
    whole = Shown(task, place / "sqa3d", ShowSettings(scenes=scenes)).arguments(record)
    assert len(whole["images"]) == len(whole["camera_to_world"]) == 3
    two = Shown(task, place / "sqa3d", ShowSettings(scenes=scenes, frames=2)).arguments(record)
    assert len(two["images"]) == 2
    assert (two["camera_to_world"][0] == whole["camera_to_world"][0]).all()
    bare = Shown(task, place / "sqa3d", ShowSettings(scenes=scenes, geometry="none")).arguments(record)
    assert set(bare) == {"images"}


def test_depth_can_be_estimated_for_scenes_and_pictures(place, tmp_path):
    model = save_depth_anything(tmp_path / "depth", "metric")
    task = find_task("sqa3d")
    record = task.read(place / "sqa3d", task.read_switches([]))[0]
    show = ShowSettings("estimator", scenes=str(place / "scans"), depth_model=model)
    estimated = Shown(task, place / "sqa3d", show).arguments(record)
    official = Shown(task, place / "sqa3d", ShowSettings(scenes=str(place / "scans"))).arguments(record)
    assert (estimated["camera_to_world"][1] == official["camera_to_world"][1]).all()
    assert abs(estimated["depths"][0] - official["depths"][0]).mean() > 0.1
    (tmp_path / "rwqa").mkdir()
    data = official_files.write_realworldqa(tmp_path / "rwqa")
    show = ShowSettings("estimator", depth_model=model, horizontal_fov_deg=60.0)
    report = run_task(find_task("realworldqa"), CHECKPOINT, RunSettings(str(data), show=show))
    assert report["manifest"]["shown"]["estimator"]["depth_model"] == model
    assert len(report["samples"]) == 2


@pytest.mark.slow  # COLMAP
def test_poses_can_be_estimated_for_scenes_without_any(place, tmp_path):
    pytest.importorskip("pycolmap")
    for name in official_files.SCANS:
        (tmp_path / "scans" / name).mkdir(parents=True)
        for number, pose in enumerate(poses_of(6)):
            render(pose)[0].save(tmp_path / "scans" / name / f"view {number}.png")
    task = find_task("sqa3d")
    record = task.read(place / "sqa3d", task.read_switches([]))[0]
    show = ShowSettings("estimator", scenes=str(tmp_path / "scans"), structure_from_motion=True)
    shown = Shown(task, place / "sqa3d", show).arguments(record)
    assert len(shown["camera_to_world"]) == len(shown["depths"]) == 6
    assert shown["world_unit"] == "unknown"
    settings = RunSettings(str(place / "sqa3d"), show=show)
    assert len(run_task(task, CHECKPOINT, settings)["samples"]) == 4


@pytest.mark.parametrize("switches", [(), ("prompt=mask",), ("prompt=mask", "crop=reference"), ("crop=reference",)])
def test_coco_prompts_and_crops_are_shown(switches, tmp_path):
    data = official_files.write_coco(tmp_path)
    task = find_task("coco-regions")
    records = task.read(data, task.read_switches(switches))
    shown = Shown(task, data, ShowSettings()).arguments(records[1])
    if "crop=reference" in switches:
        assert shown["images"][0].size == (48, 48)
        assert shown["regions"][0]["mask"].sum() == 20 * 40  # x 40 to 60 moves to 24 to 44
        assert shown["regions"][0]["mask"][5:45, 24:44].all()
    else:
        assert shown["images"][0].size == (64, 48)
    assert len(run_task(task, CHECKPOINT, RunSettings(str(data), switches=switches))["samples"]) == 2


def test_tiny_objects_are_still_marked(tmp_path):
    data = official_files.write_coco(tmp_path)
    path = data / "annotations" / "instances_val2017.json"
    content = json.loads(path.read_text())
    thin = [10.6, 10.6, 10.9, 10.6, 10.9, 20.0, 10.6, 20.0]
    content["annotations"][0] |= {"bbox": [10.6, 10.6, 0.3, 9.4], "segmentation": [thin]}
    content["annotations"][1] |= {"bbox": [63.9, 47.9, 5.0, 5.0]}
    path.write_text(json.dumps(content))
    task = find_task("coco-regions")
    boxes = [r.sample["regions"][0]["box_xyxy"] for r in task.read(data, task.read_switches([]))]
    assert boxes == [[10, 10, 11, 20], [63, 47, 64, 48]]
    masks = task.read(data, task.read_switches(["prompt=mask"]))
    shown = Shown(task, data, ShowSettings()).arguments(masks[0])
    assert shown["regions"][0]["mask"][15, 10]
    assert len(run_task(task, CHECKPOINT, RunSettings(str(data), switches=("prompt=mask",)))["samples"]) == 2


def test_official_geometry_must_be_there(place, tmp_path):
    (tmp_path / "scans").mkdir()
    for name in official_files.SCANS:
        (tmp_path / "scans" / name).mkdir()
        (tmp_path / "scans" / name / "view.png").write_bytes(official_files.picture())
    settings = RunSettings(str(place / "sqa3d"), show=ShowSettings(scenes=str(tmp_path / "scans")))
    with pytest.raises(ValueError, match="must find depth and poses"):
        run_task(find_task("sqa3d"), CHECKPOINT, settings)


def test_weights_can_have_fewer_bits(place):
    report = run_task(find_task("sqa3d"), CHECKPOINT, settings_of(place, "sqa3d", dtype="bfloat16", limit=1))
    assert report["manifest"]["decoding"]["dtype"] == "bfloat16"
    assert report["samples"][0]["answer"]


def test_own_predictions_score_as_the_run_did(report, place, tmp_path):
    lines = [json.dumps({"id": sample["id"], "answer": sample["answer"]}) for sample in report["samples"]]
    (tmp_path / "answers.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    call = ["eval", "sqa3d", "--data", str(place / "sqa3d"), "--baselines", "majority"]
    assert main([*call, "--predictions", str(tmp_path / "answers.jsonl"), "--json", str(tmp_path / "out.json")]) == 0
    scored = json.loads((tmp_path / "out.json").read_text())
    assert table_of(scored) == table_of(report)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["answers.jsonl", "out.json", "out.md"]
    assert main([*call, "--predictions", str(tmp_path / "out.json")]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines.pop(), "1 ids missing: 220602000003"),
        (lambda lines: lines.append(lines[0]), "must occur once"),
        (lambda lines: lines.append({"id": "x", "answer": "y"}), "1 ids unknown: x"),
        (lambda lines: lines[0].pop("answer"), "`answer`"),
        (lambda lines: lines[0].update(answer=None), "`answer`"),
        (lambda lines: lines[0].update(answer=float("nan")), "NaN"),
        (lambda lines: lines[0].update(answer=3), "must be text"),
        (lambda lines: lines[0].update(answer="\ud800"), "must be whole letters"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(change, message, report, place, tmp_path, capsys):
    lines = [{"id": sample["id"], "answer": sample["answer"]} for sample in report["samples"]]
    change(lines)
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    call = ["eval", "sqa3d", "--data", str(place / "sqa3d"), "--predictions", str(tmp_path / "answers.jsonl")]
    assert main(call) == 2
    assert message in capsys.readouterr().err


def test_answers_may_hold_any_letter(place, tmp_path):
    lines = [{"id": f"22060200000{k}", "answer": "a\u2028chair"} for k in range(4)]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (tmp_path / "answers.jsonl").write_text("\ufeff" + text, encoding="utf-8")
    call = ["eval", "sqa3d", "--data", str(place / "sqa3d"), "--predictions", str(tmp_path / "answers.jsonl")]
    assert main([*call, "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["samples"][0]["answer"] == "a\u2028chair"


@pytest.mark.parametrize(
    "option", [("--limit", "2"), ("--frames", "8"), ("--bits", "4"), ("--batch-size", "2"), ("--dtype", "float16")]
)
def test_options_without_effect_on_predictions_are_refused(option, place, capsys):
    assert main(["eval", "sqa3d", "--data", str(place / "sqa3d"), "--predictions", "answers.jsonl", *option]) == 2
    assert "must be left out with --predictions" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--frames", "8"), ("--scenes", "scans")])
def test_options_of_scenes_are_refused_for_pictures_alone(option, place, tmp_path, capsys):
    (tmp_path / "sat").mkdir()
    official_files.write_sat(tmp_path / "sat")
    call = ["--model", CHECKPOINT, "--limit", "1", "--geometry", "none"]
    assert main(["eval", "sat", *call, "--data", str(tmp_path / "sat"), *option]) == 2
    assert "have no effect on sat" in capsys.readouterr().err
    both = ["--data", f"sat={tmp_path / 'sat'}", f"sqa3d={place / 'sqa3d'}", "--scenes", str(place / "scans")]
    assert main(["eval", "sat", "sqa3d", *call, *both, "--frames", "2"]) == 0


def test_a_report_of_another_task_is_refused(report, place, tmp_path, capsys):
    path = official_files.write_json(tmp_path / "sqa3d.json", report)
    assert main(["eval", "scanqa", "--data", str(place / "scanqa"), "--predictions", str(path)]) == 2
    assert "must be a report of scanqa, got one of 'sqa3d'" in capsys.readouterr().err


def test_empty_answers_are_scored_and_counted(place, tmp_path, capsys):
    lines = [{"id": f"22060200000{k}", "answer": ""} for k in range(4)]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    call = ["eval", "sqa3d", "--data", str(place / "sqa3d"), "--predictions", str(tmp_path / "answers.jsonl")]
    assert main(call) == 0
    printed = capsys.readouterr().out
    assert "4 answers are empty" in printed
    assert "| EM | all | 4 | 0.0" in printed


def test_scores_that_are_no_numbers_are_refused(place):
    record = find_task("sqa3d").read(place / "sqa3d", {"split": "test"})[0]
    with pytest.raises(ValueError, match="must be a number, got nan"):
        checked_scores({"right": True, "mra": float("nan")}, record)


def test_command_line_lists_tasks_and_refuses_nonsense(capsys):
    assert main(["eval", "--list"]) == 0
    assert "vsi-bench" in capsys.readouterr().out
    assert main(["eval"]) == 2
    assert "sr3d eval --list" in capsys.readouterr().err
    assert main(["eval", "scanqa", "sqa3", "--model", CHECKPOINT]) == 2
    assert "Did you mean sqa3d" in capsys.readouterr().err


def test_finished_tasks_are_not_asked_again_by_a_call_that_goes_on(place, tmp_path, monkeypatch):
    call = ["eval", "sqa3d", "scanqa", "--model", CHECKPOINT, "--scenes", str(place / "scans"), "--limit", "1"]
    call += ["--data", f"sqa3d={place / 'sqa3d'}", f"scanqa={place / 'scanqa'}", "--json", str(tmp_path)]
    assert main(call) == 0
    (tmp_path / "scanqa.json").unlink()
    asked = []
    make = run.make_sample
    monkeypatch.setattr(run, "make_sample", lambda task, *rest: asked.append(task.name) or make(task, *rest))
    assert main(call) == 0
    assert asked == ["scanqa"]
    assert main([*call, "--batch-size", "2"]) == 2
    assert asked == ["scanqa"]


def test_what_the_last_task_lacks_is_said_before_the_first_one_runs(place, tmp_path, capsys):
    call = ["eval", "sqa3d", "scanqa", "--model", CHECKPOINT, "--scenes", str(place / "scans")]
    call += ["--data", f"sqa3d={place / 'sqa3d'}", f"scanqa={tmp_path}", "--json", str(tmp_path / "all")]
    assert main(call) == 2
    assert "must hold ScanQA_v1.0_val.json" in capsys.readouterr().err
    assert not (tmp_path / "all").exists()
    official_files.write_scanqa(tmp_path)
    (tmp_path / "all").write_text("a file")
    assert main(call) == 2
    assert "must be a folder for several tasks" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--geometry", "none"), ("--dtype", "bfloat16")])
def test_options_that_rooms_bench_does_not_know_are_refused(option, place, capsys):
    call = ["eval", "sqa3d", "rooms-bench", "--model", CHECKPOINT, "--data", f"sqa3d={place / 'sqa3d'}"]
    assert main([*call, "--scenes", str(place / "scans"), *option]) == 2
    assert "Run it apart" in capsys.readouterr().err


def test_rooms_bench_runs_beside_others(place, tmp_path, capsys):
    call = ["eval", "sqa3d", "rooms-bench", "--model", CHECKPOINT, "--scenes", str(place / "scans"), "--limit", "2"]
    call += ["--data", f"sqa3d={place / 'sqa3d'}", "--frames", "2", "--json", str(tmp_path / "all")]
    assert main(call) == 0
    assert {path.name for path in (tmp_path / "all").iterdir()} == {
        *("sqa3d.json", "sqa3d.md"),
        *("rooms-bench.json", "rooms-bench.md"),
    }
    assert len(json.loads((tmp_path / "all" / "rooms-bench.json").read_text())["samples"]) == 2
