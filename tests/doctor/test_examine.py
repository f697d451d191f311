# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`examine_source`: every planted fault is named, a sound room is left alone, and what cannot be checked is said."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from examined_rooms import make_source

from transformers_sr3d.doctor.examine import examine_source
from transformers_sr3d.doctor.mending import mend_source
from transformers_sr3d.doctor.planted import PLANTED
from transformers_sr3d.doctor.report import FAULTS


@pytest.fixture(scope="module")
def room():
    return make_source()


def names(report):
    return tuple(sorted(finding.name for finding in report.findings))


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_named_and_mended(room, fault):
    planted = PLANTED[fault]
    faulty = planted.plant(room, np.random.default_rng(3))
    report = examine_source(faulty)
    assert names(report) == planted.expected, report.to_text()
    if report.mending.changes_anything:
        assert examine_source(mend_source(faulty, report.mending)).is_sound


def test_the_promises_of_the_documentation_are_all_planted():
    expected = {name for planted in PLANTED.values() for name in planted.expected}
    assert expected == set(FAULTS) - {"contradiction"}


def test_one_view_says_what_cannot_be_checked(room):
    report = examine_source(PLANTED["poses inverted"].plant(room.select([2]), np.random.default_rng(0)))
    assert {"pose_direction", "ray_distance", "principal_point", "up_axis"} <= set(report.not_checked)
    assert "two that see the same" in report.not_checked["pose_direction"]


def test_views_without_poses_are_not_compared(room):
    unposed = replace(room, views=tuple(replace(view, camera_to_world=None) for view in room.views), world_up=None)
    report = examine_source(unposed)
    assert report.verdict == "not checked"
    assert report.not_checked["pose_direction"] == report.not_checked["up_axis"] == "there are no poses"


def test_views_without_depth_leave_everything_unchecked(room):
    report = examine_source(replace(room, views=tuple(replace(view, load_depth=None) for view in room.views)))
    assert report.verdict == "not checked"
    assert not report.is_sound
    assert "not known to be sound" in report.to_text()
    assert set(report.not_checked) == set(FAULTS)


def test_a_contradiction_of_absurd_size_is_not_mended_by_its_scale_alone(room):
    rng = np.random.default_rng(0)
    views = []
    for view in room.views:
        pose = np.array(view.camera_to_world) @ np.diag([1.0, 1.0, 1.0, 1.0])
        pose[:3, 3] += rng.uniform(-0.6, 0.6, 3)  # every view elsewhere, yet seeing the others' surfaces
        pose[:3, 3] *= 1000.0
        far = partial(lambda load: np.asarray(load()) * np.float32(1000.0), view.load_depth)
        views.append(replace(view, camera_to_world=pose, load_depth=far))
    report = examine_source(replace(room, views=tuple(views)))
    assert "contradiction" in names(report)
    assert "scale" in names(report)
    assert not report.mending.changes_anything


def test_estimated_depth_is_said(room):
    report = examine_source(replace(room, depth_is_estimated=True))
    assert report.is_sound
    assert "note         depth was estimated" in report.to_text()


def test_unknown_unit_and_up_are_not_judged(room):
    report = examine_source(replace(room, world_unit="unknown", world_up="unknown"))
    assert report.is_sound
    assert {"scale", "up_axis"} <= set(report.not_checked)


def test_depth_without_measured_neighbours_is_too_sparse(room):
    keep = np.zeros((72, 96), bool)
    keep[::3, ::3] = True
    views = tuple(replace(view, load_depth=lambda view=view: view.load_depth() * keep) for view in room.views)
    report = examine_source(replace(room, views=views))
    assert names(report) == ("depth_holes",)
    assert "too sparse" in report.not_checked["pose_direction"]


def test_random_poses_are_a_contradiction_and_nothing_is_mended(room):
    rng = np.random.default_rng(0)
    turns = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in room.views]
    views = []
    for view, turn in zip(room.views, turns, strict=True):
        pose = np.array(view.camera_to_world)
        pose[:3, :3] = turn * np.sign(np.linalg.det(turn))
        views.append(replace(view, camera_to_world=pose))
    report = examine_source(replace(room, views=tuple(views)))
    assert not report.is_sound
    assert names(report) in {("contradiction",), ("no_overlap",)}
    assert not report.mending.changes_anything


def test_no_more_views_are_loaded_than_asked_for(room):
    report = examine_source(room, max_views=3)
    assert (report.num_views, report.num_compared) == (10, 3)


def test_depth_of_one_value_is_no_depth(room):
    views = tuple(replace(view, load_depth=lambda: np.full((72, 96), 2.0, np.float32)) for view in room.views)
    report = examine_source(replace(room, views=views))
    assert names(report) == ("constant_depth",)
    assert "one value" in report.not_checked["depth_unit"]
    assert not report.mending.changes_anything
