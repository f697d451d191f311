# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval compare`: paired differences by hand, any order of samples, and what is refused."""

import json
import random

import pytest

from transformers_sr3d.cli.main import main
from transformers_sr3d.evaluation.comparison import compare_reports, format_comparison


def report_of(rights, *, task="records", first=0, category="width"):
    samples = [{"id": f"q{first + place}", "category": category, "right": right} for place, right in enumerate(rights)]
    return {"manifest": {"benchmark": task, "model": f"m{len(samples)}"}, "samples": samples}


def test_difference_counts_what_was_gained_and_lost():
    before = report_of([True] * 5 + [False] * 5)
    after = report_of([True] * 4 + [False] + [True] * 3 + [False] * 2)
    random.Random(0).shuffle(after["samples"])
    row = compare_reports(before, after)["rows"][-1]
    assert (row["total"], row["gained"], row["lost"], row["before"], row["after"]) == (10, 3, 1, 50.0, 70.0)
    assert row["difference"] == pytest.approx(20.0)
    # Agresti and Min: 2/12 +- 1.96 sqrt(5 - 4/12) / 12
    assert row["interval"] == pytest.approx([16.6667 - 35.2840, 16.6667 + 35.2840], abs=1e-3)


def test_interval_covers_the_true_difference():
    rng, covered = random.Random(1), 0
    for _ in range(400):
        pairs = [(rng.random() < 0.5, rng.random()) for _ in range(120)]
        before = [right for right, _ in pairs]
        after = [draw < (0.8 if right else 0.3) for right, draw in pairs]  # 0.55 against 0.5
        low, high = compare_reports(report_of(before), report_of(after))["rows"][-1]["interval"]
        covered += low <= 5.0 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_graded_scores_are_compared_in_pairs():
    before, after = report_of([True] * 4), report_of([True] * 4)
    for place, (first, second) in enumerate(((0.1, 0.3), (0.5, 0.5), (0.9, 1.0))):
        before["samples"][place]["mra"], after["samples"][place]["mra"] = first, second
    (row,) = compare_reports(before, after)["graded"]
    assert (row["score"], row["total"]) == ("mra", 3)
    assert (row["before"], row["after"], row["difference"]) == pytest.approx((50.0, 60.0, 10.0))
    half = 1.959964 * ((2 * 10**2 + 100**2) / 4 / 4) ** 0.5
    assert row["interval"] == pytest.approx([10 - half, 10 + half])


def test_interval_of_graded_scores_covers_the_true_difference():
    rng, covered = random.Random(1), 0
    for _ in range(300):
        before, after = report_of([True] * 60), report_of([True] * 60)
        for first, second in zip(before["samples"], after["samples"], strict=True):
            first["mra"] = rng.choice([0.0, 0.5, 1.0])
            second["mra"] = min(1.0, first["mra"] + rng.choice([0.0, 0.0, 0.5]))  # a third of those that can
        (row,) = compare_reports(before, after)["graded"]
        covered += row["interval"][0] <= 100 * 0.5 * (1 / 3) * (2 / 3) <= row["interval"][1]
    assert covered / 300 > 0.93


def test_reports_by_other_protocols_are_refused():
    before, after = report_of([True]), report_of([True])
    before["manifest"]["switches"], after["manifest"]["switches"] = {"iou": "0.5"}, {"iou": "0.25"}
    with pytest.raises(ValueError, match="one protocol"):
        compare_reports(before, after)


def test_questions_without_id_are_paired_by_scene_and_words():
    rooms = [{"scene": 1, "question": "How wide?", "category": "width", "right": right} for right in (True, False)]
    before = {"manifest": {"benchmark": "rooms-bench"}, "samples": rooms}
    rows = compare_reports(before, before)["rows"]
    assert (rows[0]["total"], rows[0]["difference"]) == (2, 0.0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (report_of([True, False], task="rooms-bench"), "must be of one task"),
        (report_of([True, False], first=1), r"got 2 that stand in one only, the first is 'q0'"),
        (report_of([True]), r"got 1 that stand in one only, the first is 'q1'"),
    ],
)
def test_reports_of_something_else_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        compare_reports(report_of([True, False]), other)


@pytest.mark.parametrize("key", ["question", "truth"])
def test_other_questions_under_the_same_ids_are_refused(key):
    before, after = report_of([True, False]), report_of([True, False])
    for report, value in ((before, "one"), (after, "another")):
        report["samples"][1][key] = value
    with pytest.raises(ValueError, match="got another 'q1'"):
        compare_reports(before, after)


def test_settings_that_differ_are_named():
    before, after = report_of([True]), report_of([True])
    before["manifest"] |= {"shown": {"geometry": "official"}, "date": "today"}
    after["manifest"] |= {"shown": {"geometry": "none"}, "date": "tomorrow"}
    assert compare_reports(before, after)["differ_in"] == ["shown"]
    assert "other settings: shown" in format_comparison(compare_reports(before, after))
    assert "other settings" not in format_comparison(compare_reports(before, before))


def test_question_named_twice_is_refused():
    twice = report_of([True, False])
    twice["samples"][1]["id"] = "q0"
    with pytest.raises(ValueError, match="got 'q0' twice"):
        compare_reports(twice, twice)


def test_command_prints_and_writes(tmp_path, capsys):
    for name, rights in (("a", [True, False]), ("b", [True, True])):
        (tmp_path / f"{name}.json").write_text(json.dumps(report_of(rights)))
    arguments = ["eval", "compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert main([*arguments, "--json", str(tmp_path / "c.json")]) == 0
    assert "+50.0" in capsys.readouterr().out
    assert json.loads((tmp_path / "c.json").read_text())["rows"][-1]["gained"] == 1
    (tmp_path / "b.json").write_text(
        json.dumps({"manifest": {"benchmark": "records"}, "samples": [{"category": "width", "right": "yes"}]})
    )
    assert main(arguments) == 2
    assert "samples[0].right` must be true or false, got 'yes'" in capsys.readouterr().err
