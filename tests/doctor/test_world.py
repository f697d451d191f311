# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Up and scale of a closed-form room whose floor is at 0 and whose cameras stand at about 1.5 m."""

from dataclasses import replace

import numpy as np
import pytest
from examined_rooms import EYES, make_source

from transformers_sr3d.doctor.correction import Correction, correct_views
from transformers_sr3d.doctor.gravity import camera_height, find_up, oriented_points, vote_for_up
from transformers_sr3d.doctor.sampling import sample_views
from transformers_sr3d.doctor.world import check_scale, check_up


@pytest.fixture(scope="module")
def posed():
    return correct_views(sample_views(make_source()), Correction())


def test_normals_are_those_of_walls_and_floor(posed):
    points, normals = oriented_points(posed)
    on_floor = np.abs(points[:, 2]) < 1e-3
    assert on_floor.sum() > 500
    # Less the pixels beside a corner, whose neighbours lie on another surface.
    assert (normals[on_floor] @ (0, 0, 1) > 0.999).mean() > 0.9
    on_wall = np.abs(points[:, 1] - 4.0) < 1e-3
    assert on_wall.sum() > 500
    assert (normals[on_wall] @ (0, -1, 0) > 0.999).mean() > 0.9


def test_camera_height_is_measured_from_the_floor(posed):
    height = camera_height(posed, *oriented_points(posed), "+z")
    assert height == pytest.approx(np.median([eye[2] for eye in EYES]), abs=0.02)


@pytest.mark.parametrize("declared", ["+x", "-x", "+y", "-y", "-z"])
def test_another_up_axis_is_named(posed, declared):
    up, _, finding = check_up(posed, declared)
    assert up == "+z"
    assert finding.name == "up_axis"
    assert "+z points up" in finding.message


def test_the_right_up_axis_is_kept(posed):
    assert check_up(posed, "+z")[2] is None


def test_cameras_on_their_side_do_not_change_up(posed):
    rolled = posed.poses.copy()
    rolled[:, :3, :2] = np.stack([posed.poses[:, :3, 1], -posed.poses[:, :3, 0]], axis=-1)
    votes = vote_for_up(replace(posed, poses=rolled), oriented_points(posed)[1])
    assert abs(votes.sides["+z"]) > 0.7
    assert find_up(votes, "+z") == "+z"
    assert find_up(votes, "-z") != "-z"


@pytest.mark.parametrize(
    ("median", "height", "scale"),
    [(2.0, 1.5, 1.0), (2000.0, 1500.0, 0.001), (0.02, 0.015, 100.0), (20.0, None, 0.1), (78.7, 59.0, 0.0254)],
)
def test_an_implausible_scale_is_brought_to_that_of_a_room(median, height, scale):
    factor, finding = check_scale(median, height, 1.0)
    assert factor == scale
    assert (finding is None) == (scale == 1)


def test_depth_that_was_brought_to_wrong_poses_is_scaled_back_without_a_second_finding():
    # Depth in metres, poses in millimetres: depth times 1000 fits the poses, everything by 1000 is a room.
    assert check_scale(2000.0, 1500.0, 1000.0) == (0.001, None)


def test_a_scale_that_no_factor_explains_is_left():
    factor, finding = check_scale(2.5e9, 1.5e9, 1.0)
    assert (factor, finding.name) == (1.0, "scale")
