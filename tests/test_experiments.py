# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The experiments: tables have the right numbers, settings files fit the rows, what is done is not done again."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest


ROOT = Path(__file__).resolve().parents[1]
MODULES = ("experiment_tables", "experiment_arms", "run_experiments")
# Stands in for `sr3d`: trains by writing a mark, measures by writing a report, fails where a file `fail` names a word.
PROGRAM = """
import hashlib, json, os, pathlib, sys
words = sys.argv[1:]
options = dict(zip(words, words[1:]))
with open("calls.txt", "a") as calls:
    calls.write(" ".join(words) + "\\n")
fail = pathlib.Path("fail")
if fail.exists() and any(fail.read_text() in word for word in words):
    sys.exit("this went wrong")
if os.environ["OMP_NUM_THREADS"] != "1":
    sys.exit("more than one thread")
if words[0] == "render":
    folder = pathlib.Path(options["--out"])
    folder.mkdir(parents=True)
    (folder / "scenes.jsonl").write_text("")
elif words[0] == "train":
    import yaml
    settings = yaml.safe_load(pathlib.Path(options["--config"]).read_text())
    for name in ("output_dir", "run_dir"):
        pathlib.Path(settings[name]).mkdir(parents=True, exist_ok=True)
    pathlib.Path(settings["output_dir"], "model.safetensors").write_text(options["--config"])
    pathlib.Path(settings["run_dir"], "settings.yaml").write_text(pathlib.Path(options["--config"]).read_text())
    pathlib.Path(settings["run_dir"], "finished.json").write_text(json.dumps({"minutes": 2.0}))
else:
    weights = pathlib.Path(options["--model"], "model.safetensors").read_bytes()
    report = json.loads(pathlib.Path("report.json").read_text())
    report["manifest"]["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    pathlib.Path(options["--json"]).write_text(json.dumps(report))
"""


@pytest.fixture
def tools(monkeypatch):
    """The three modules, read as the script reads them."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def workplace(tools, tmp_path, monkeypatch):
    """A repository with the real settings files, an empty page, and a program in place of `sr3d`."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/experiments.md").write_text("# Page\n\n<!-- row metric_scale -->\nold\n<!-- end -->\n\nAfter.\n")
    (tmp_path / "report.json").write_text(json.dumps(make_report([True, False])))
    monkeypatch.setattr(tools.run_experiments, "ROOT", tmp_path)
    monkeypatch.setattr(tools.run_experiments, "SR3D", (sys.executable, str(tmp_path / "program.py")))
    monkeypatch.setattr(tools.run_experiments, "POLL_S", 0.01)
    return tmp_path


def make_report(right, *, category="width", views=3, **fields):
    """A report with one question a room."""
    manifest = {"model": "m", "date": "2026-01-02T03:04:05", "commit": "0123456789abcdef", "split": "val"}
    manifest["machine"] = {"device": "x86_64", "cpus": 2}
    sample = {"category": category, "views": views, "reference": "yes", "majority_right": True} | fields
    samples = [sample | {"scene": scene, "question": "?", "right": value} for scene, value in enumerate(right)]
    return {"manifest": manifest, "samples": samples}


def calls(workplace):
    path = workplace / "calls.txt"
    return path.read_text().splitlines() if path.exists() else []


METRIC_SCALE = ["--rows", "metric_scale", "--seeds", "0", "--limit", "10"]


def test_a_column_is_the_mean_over_categories_not_over_questions(tools):
    tables = tools.experiment_tables
    samples = make_report([True] * 3)["samples"] + make_report([False], category="height")["samples"]
    assert tables.group_mean(samples, tables.QUANTITATIVE_COLUMN) == 50.0
    assert tables.group_mean(samples, tables.NAMING_COLUMN) is None


@pytest.mark.parametrize(
    ("column", "fields"),
    [
        ("QUALITATIVE_COLUMN", {"category": "big_small", "views": 2}),
        ("QUANTITATIVE_COLUMN", {"category": "distance", "views": 2}),
        ("NAMING_COLUMN", {"category": "naming", "views": 1}),
        ("MULTI_VIEW_NAMING_COLUMN", {"category": "naming", "views": 2}),
    ],
)
def test_columns_count_their_questions_only(tools, column, fields):
    group = getattr(tools.experiment_tables, column).group
    assert group(fields) == fields["category"]
    assert group({"category": "counting", "views": 2}) is None


def test_regions_are_sorted_by_size_and_borders_belong_to_the_larger(tools):
    tables = tools.experiment_tables
    groups = [column.group for column in tables.REGION_SIZE_COLUMNS[:3]]
    photo = {"views": 1, "regions": [0]}
    placed = {
        share: [group(photo | {"region_share": share}) for group in groups] for share in (0.0, 0.00999, 0.01, 0.04)
    }
    assert placed == {
        0.0: ["any", None, None],
        0.00999: ["any", None, None],
        0.01: [None, "any", None],
        0.04: [None, None, "any"],
    }
    assert groups[0]({"views": 2, "regions": [0]}) is None
    assert groups[0]({"views": 1, "regions": []}) is None
    with pytest.raises(ValueError, match="`reports` must have `region_share` in their samples, got one without"):
        groups[0](photo)


def test_a_constant_difference_has_no_interval(tools):
    found = tools.experiment_tables.paired_difference(np.full((3, 20), 0.25), np.arange(20) % 4, np.arange(20) // 2)
    assert [found.mean, found.low, found.high] == pytest.approx([25.0, 25.0, 25.0])


def test_the_interval_of_one_group_is_that_of_its_mean(tools):
    """400 rooms of one question, half better by one: standard error 0.5 / sqrt(400) = 2.5 points."""
    differences = np.tile([0.0, 1.0], 200)[None]
    found = tools.experiment_tables.paired_difference(differences, np.zeros(400), np.arange(400))
    assert found.mean == 50.0
    assert [found.low, found.high] == pytest.approx([50 - 1.96 * 2.5, 50 + 1.96 * 2.5], abs=0.4)


def test_questions_of_a_room_are_drawn_together(tools):
    """The same numbers in 100 rooms of four equal questions count as 100, not 400: the interval is twice as wide."""
    differences = np.repeat(np.tile([0.0, 1.0], 50), 4)[None]
    found = tools.experiment_tables.paired_difference(differences, np.zeros(400), np.arange(400) // 4)
    assert [found.low, found.high] == pytest.approx([50 - 1.96 * 5, 50 + 1.96 * 5], abs=1.0)


def test_seeds_widen_the_interval_by_students_t(tools):
    """10, 20 and 30 points, the same in every room: the standard error is 10 / sqrt(3), times 4.303."""
    differences = np.repeat([[0.1], [0.2], [0.3]], 50, axis=1)
    found = tools.experiment_tables.paired_difference(differences, np.zeros(50), np.arange(50))
    half = 4.303 * 10 / 3**0.5
    assert [found.mean, found.low, found.high] == pytest.approx([20.0, 20.0 - half, 20.0 + half])
    assert found.seeds == 3


def test_groups_count_alike_however_many_questions_they_have(tools):
    differences = np.array([[1.0] * 30 + [0.0] * 10])
    found = tools.experiment_tables.paired_difference(differences, np.array([0] * 30 + [1] * 10), np.arange(40))
    assert [found.mean, found.low, found.high] == pytest.approx([50.0, 50.0, 50.0])


def test_a_table_has_means_differences_and_minutes(tools):
    tables = tools.experiment_tables
    known = {0: make_report([True, False]), 1: make_report([False, False]), 2: make_report([False, False])}
    reference = tables.ArmResult("reference", known, 4.0)
    better = tables.ArmResult("better", {0: make_report([True, True]), 1: make_report([True, True])}, 5.25)
    clear = tables.ArmResult("clear", {seed: make_report([True, True]) for seed in range(3)}, None)
    absent = tables.ArmResult("absent", {}, None)
    lines = tables.write_table([reference, better, clear, absent], [tables.QUANTITATIVE_COLUMN]).splitlines()
    assert lines[0] == "| arm | seeds | quantitative | minutes |"
    assert lines[2] == "| reference | 0, 1, 2 | 16.7 | 4.0 |"
    # One draw of rooms in four has nothing but the question that the reference had right with seed 0; t of two seeds.
    assert lines[3].startswith("| better | 0, 1 | 100.0 (+75.0 [-24")
    assert lines[4] == "| clear | 0, 1, 2 | 100.0 (**+83.3** [+9.7, +157.0]) | - |"
    assert lines[5] == "| absent | - | - | - |"
    assert lines[6] == "| *majority answer* | - | 100.0 | - |"
    caption = tables.write_caption([reference, better], "command")
    assert caption == "2 questions; split val; 2026-01-02; commit 0123456789; x86_64, 2 cores. `command`"


def test_one_seed_is_never_clear(tools):
    tables = tools.experiment_tables
    worse, better = (tables.ArmResult(name, {0: make_report([name == "b"] * 2)}, 1.0) for name in "ab")
    assert "100.0 (+100.0 [+100.0, +100.0])" in tables.write_table([worse, better], [tables.QUANTITATIVE_COLUMN])


def test_arms_of_other_code_are_refused(tools):
    tables = tools.experiment_tables
    arms = [tables.ArmResult(name, {0: make_report([True])}, 1.0, frozenset({name})) for name in "ab"]
    with pytest.raises(ValueError, match=r"`arms` must be trained by the same code, got the versions a, b"):
        tables.write_table(arms, [tables.QUANTITATIVE_COLUMN])


def test_only_common_seeds_are_compared(tools):
    tables = tools.experiment_tables
    arm, reference = {1: make_report([True])}, {0: make_report([True]), 1: make_report([False])}
    assert tables.compare(arm, reference, tables.QUANTITATIVE_COLUMN) == tables.Difference(100.0, 100.0, 100.0, 1)
    assert tables.compare({2: make_report([True])}, reference, tables.QUANTITATIVE_COLUMN) is None
    assert tables.compare(arm, reference, tables.NAMING_COLUMN) is None


def test_reports_about_other_questions_are_refused(tools):
    tables = tools.experiment_tables
    with pytest.raises(ValueError, match="`reports` must be about the same questions, got others from 'm'"):
        tables.compare({0: make_report([True, True])}, {0: make_report([True])}, tables.QUANTITATIVE_COLUMN)


def test_text_around_a_section_stays(tools):
    replace_section = tools.experiment_tables.replace_section
    page = "a\n<!-- row one -->\nx\n<!-- end -->\nb\n<!-- row two -->\ny\n<!-- end -->\nc\n"
    changed = replace_section(page, "two", "| new |\n")
    assert changed == page.replace("y\n", "| new |\n")
    assert replace_section(changed, "two", "y") == page


@pytest.mark.parametrize(
    "page",
    [
        "nothing",
        "<!-- row one -->\nx\n",
        "<!-- row one -->\nx\n<!-- row two -->\n<!-- end -->",
        "<!-- row one -->\n<!-- end -->\n<!-- row one -->\n<!-- end -->",
    ],
    ids=["none", "no end", "the end of another", "twice"],
)
def test_missing_or_doubled_marks_are_refused(tools, page):
    with pytest.raises(ValueError, match="`text` must hold '<!-- row one -->' once, with '<!-- end -->' below it"):
        tools.experiment_tables.replace_section(page, "one", "new")


def test_every_settings_file_is_read_and_belongs_to_a_row(tools):
    arms = tools.experiment_arms
    used = {stage for row in arms.ROWS for arm in row.arms for stage in arms.chain_of(arm.stage)}
    assert used == set(arms.stages())
    for name, settings in arms.stages().items():
        assert settings.output_dir == f"runs/experiments/{name}/seed-0/checkpoint"
        assert settings.run_dir == f"runs/experiments/{name}/seed-0/run"
        assert (settings.optimisation.threads, settings.optimisation.dataloader_workers) == (1, 0)


def test_stages_of_an_arm_share_the_model(tools):
    arms = tools.experiment_arms
    for name, settings in arms.stages().items():
        config = settings.model.get("use_region_geometry", True), settings.model.get("use_metric_scale", True)
        for stage in arms.chain_of(name):
            model = arms.stages()[stage].model
            assert (model.get("use_region_geometry", True), model.get("use_metric_scale", True)) == config


def test_arms_share_the_samples(tools):
    """Those of stitching have their own, of photos only."""
    arms = tools.experiment_arms
    use = {"single_views": False, "pixels": True}
    photos = {"photo_share": 1.0, "num_samples": 1920}
    common = replace(arms.stages()["reference_3_unified"].samples, **use)
    for row in arms.ROWS:
        wanted = replace(common, **photos) if row.name == "stitching" else common
        assert all(replace(arms.stages()[arm.stage].samples, **use) == wanted for arm in row.arms)


def test_arms_of_a_row_are_trained_for_as_many_steps(tools):
    """But for the arms without region geometry, whose first stage shows pixels, and a checkpoint that stops early."""
    arms = tools.experiment_arms
    free = ("zero_shot", "region_geometry")
    for row in (row for row in arms.ROWS if row.name not in free):
        chains = [[arms.stages()[stage].optimisation for stage in arms.chain_of(arm.stage)] for arm in row.arms]
        steps = {sum(part.max_steps * part.batch_size for part in chain) for chain in chains}
        assert len(steps) == 1, row.name


def test_seeds_change_folders_and_nothing_else(tools):
    arms = tools.experiment_arms
    settings = arms.seeded("reference_2_single", 7)
    assert settings.init_from == "runs/experiments/reference_1_regions/seed-7/checkpoint"
    assert settings.init_vision_from == arms.stages()["reference_2_single"].init_vision_from
    folders = dict.fromkeys(("output_dir", "run_dir", "init_from"), "")
    plain = arms.stages()["reference_2_single"]
    assert replace(settings, seed=0, **folders) == replace(plain, **folders)
    assert arms.seeded("reference_2_single", 0) == plain


def test_the_page_has_a_place_for_every_row(tools):
    page = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    names = [row.name for row in tools.experiment_arms.ROWS]
    for name in names:
        tools.experiment_tables.replace_section(page, name, "new")
    assert page.count("<!-- row ") == len(names)


def test_a_run_trains_measures_and_writes_its_row(tools, workplace, capsys):
    assert tools.run_experiments.main(METRIC_SCALE) == 0
    verbs = [" ".join(line.split()[:2]) for line in calls(workplace)]
    assert sorted(verbs) == ["eval rooms-bench"] * 2 + ["render --scenes"] + ["train --config"] * 6
    page = (workplace / "docs/experiments.md").read_text()
    assert page.startswith("# Page\n\n<!-- row metric_scale -->\n| arm | seeds |")
    assert "| no metric scale | 0 | - | 50.0 (+0.0 [+0.0, +0.0]) | - | - | 6.0 |" in page
    assert page.endswith("<!-- end -->\n\nAfter.\n")
    assert "| no metric scale | 0 |" in capsys.readouterr().out


def test_what_is_done_is_not_done_again(tools, workplace, capsys):
    tools.run_experiments.main(METRIC_SCALE)
    before = calls(workplace)
    tools.run_experiments.main([*METRIC_SCALE, "--list"])
    assert "0 to run" in capsys.readouterr().out
    assert tools.run_experiments.main(METRIC_SCALE) == 0
    assert calls(workplace) == before
    report = workplace / "runs/experiments/no_metric_scale_3_unified/seed-0/as_is-10.json"
    report.unlink()
    assert tools.run_experiments.main(METRIC_SCALE) == 0
    assert [line.split()[0] for line in calls(workplace)[len(before) :]] == ["eval"]


def test_a_report_of_other_weights_is_measured_again(tools, workplace):
    tools.run_experiments.main(METRIC_SCALE)
    before = calls(workplace)
    folder = workplace / "runs/experiments/reference_3_unified/seed-0"
    (folder / "checkpoint/model.safetensors").write_text("others")
    assert tools.run_experiments.main(METRIC_SCALE) == 0
    assert len(calls(workplace)) == len(before) + 1


def test_a_failure_shows_its_log_and_stops_only_what_needs_it(tools, workplace, capsys):
    (workplace / "fail").write_text("no_metric_scale_2_single")
    assert tools.run_experiments.main(METRIC_SCALE) == 1
    shown = capsys.readouterr().out
    assert "    this went wrong" in shown
    assert "left out: train no_metric_scale_3_unified, seed 0" in shown
    assert "3 of 9 failed or were left out" in shown
    assert "| reference | 0 | - | 50.0 | - | - | 6.0 |" in shown
    assert "| no metric scale | - |" in shown


def test_a_stage_that_is_older_than_its_parent_is_refused(tools, workplace):
    tools.run_experiments.main(METRIC_SCALE)
    mark = workplace / "runs/experiments/reference_1_regions/seed-0/run/finished.json"
    mark.unlink()
    with pytest.raises(ValueError, match=r"`reference_2_single` \(seed 0\) must be trained from the present"):
        tools.run_experiments.main(METRIC_SCALE)


def test_other_settings_are_trained_again_but_not_other_intervals_of_saving(tools, workplace, monkeypatch):
    tools.run_experiments.main(METRIC_SCALE)
    arms, runner = tools.experiment_arms, tools.run_experiments
    settings = dict(arms.stages())
    for change, is_same in (({"save_steps": 7}, True), ({"max_steps": 7}, False)):
        first = settings["reference_1_regions"]
        changed = replace(first, optimisation=replace(first.optimisation, **change))
        monkeypatch.setattr(arms, "stages", lambda changed=changed: settings | {"reference_1_regions": changed})
        assert runner.is_trained("reference_1_regions", 0) == is_same


def test_a_row_without_a_table_does_not_stop_the_others(tools, workplace, capsys):
    page = workplace / "docs/experiments.md"
    page.write_text(f"<!-- row stitching -->\nold\n<!-- end -->\n{page.read_text()}")
    report = make_report([True], views=1, regions=[0])  # from before reports had `region_share`
    (workplace / "report.json").write_text(json.dumps(report))
    assert tools.run_experiments.main([*METRIC_SCALE, "--rows", "stitching", "metric_scale"]) == 1
    shown = capsys.readouterr().out
    assert "stitching: `reports` must have `region_share`" in shown
    assert "without a table: stitching" in shown
    assert "stitching -->\nold\n" in page.read_text()
    assert "| no metric scale | 0 |" in page.read_text()
