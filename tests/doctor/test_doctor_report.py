# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What a report says in words and as JSON."""

import json
from dataclasses import replace

import numpy as np

from transformers_sr3d.doctor.correction import Correction
from transformers_sr3d.doctor.evidence import Evidence
from transformers_sr3d.doctor.report import Finding, Mending, Report
from transformers_sr3d.doctor.search import Candidate
from transformers_sr3d.doctor.wording import describe_geometry


REPORT = Report(
    source="scans/kitchen",
    kind="tum",
    num_views=40,
    num_compared=12,
    findings=(Finding("scale", "the median depth is 2e+03 m, which no room has", "check the unit"),),
    not_checked={"up_axis": "there are no poses", "time_shift": "there are no poses"},
    figures={"overlap": 0.25, "camera_height": None},
    mending=Mending(scale=0.001),
)


def test_the_text_has_faults_remedies_gaps_and_figures():
    assert REPORT.to_text().splitlines() == [
        "scans/kitchen: kind tum, 40 views, 12 compared",
        "  fault        scale: the median depth is 2e+03 m, which no room has",
        "  what to do   check the unit",
        "  not checked  up_axis, time_shift: there are no poses",
        f"  {'overlap':<32} 0.25",
    ]


def test_the_json_has_everything():
    data = json.loads(json.dumps(REPORT.to_json()))
    assert data["is_sound"] is False
    assert data["findings"][0]["name"] == "scale"
    assert data["mending"]["scale"] == 0.001
    assert data["mending"]["geometry"]["depth_factor"] == 1.0


def test_a_report_without_findings_is_sound():
    report = replace(REPORT, findings=())
    assert report.is_sound
    assert "nothing wrong was found" in report.to_text()


def candidate(agreed, contradicted, *names, **changes):
    """Of 100 pixels of one view that fall on the other."""
    tables = [np.array([[0, count], [0, 0]]) for count in (100, agreed, contradicted, 0, 0)]
    return Candidate(names, Correction(**changes), Evidence(*tables, np.array([100, 100])))


def test_words_name_factor_unit_and_both_scores():
    (finding,) = describe_geometry(candidate(20, 60), candidate(90, 0, "depth_unit", depth_factor=0.001))
    assert finding.name == "depth_unit"
    assert "depth times 0.001 fits the poses, as if depth is in millimetres" in finding.message
    assert "agree rise from 20% to 90%, contradictions fall from 75% to 0.0%" in finding.message


def test_each_fault_of_a_combination_gets_its_own_words():
    best = candidate(90, 0, "pose_direction", "camera_axes", invert_poses=True, opengl_axes=True)
    assert [finding.name for finding in describe_geometry(candidate(9, 9), best)] == ["pose_direction", "camera_axes"]
    assert describe_geometry(candidate(9, 9), candidate(9, 9)) == []
