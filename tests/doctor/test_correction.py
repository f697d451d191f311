# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Corrections undo what was planted, to the last digits."""

import numpy as np
import pytest
from examined_rooms import make_source

from transformers_sr3d.doctor.correction import (
    OPENGL_AXES,
    Correction,
    correct_intrinsics,
    correct_pose,
    correct_views,
    ray_lengths,
)
from transformers_sr3d.doctor.sampling import sample_views


POSE = np.array([[0, 0, 1, 0.5], [-1, 0, 0, 2], [0, -1, 0, 1.5], [0, 0, 0, 1]], float)


def test_an_inverted_opengl_pose_comes_back():
    given = np.linalg.inv(POSE @ OPENGL_AXES)
    assert correct_pose(given, Correction(invert_poses=True, opengl_axes=True)) == pytest.approx(POSE)


def test_intrinsics_follow_a_resize_and_a_shift():
    matrix = np.array([[60.0, 0, 47.5], [0, 60.0, 35.5], [0, 0, 1]])
    corrected = correct_intrinsics(matrix, (72, 96), Correction(intrinsics_factor=2, principal_shift=(0.25, -0.125)))
    assert corrected == pytest.approx(np.array([[120.0, 0, 95.5 + 24], [0, 120.0, 71.5 - 12], [0, 0, 1]]))


def test_ray_lengths_are_one_in_the_centre_and_pythagoras_beside_it():
    lengths = ray_lengths((3, 5), np.array([[2.0, 0, 2], [0, 1.0, 1], [0, 0, 1]]))
    assert lengths[1, 2] == 1
    assert lengths[0, 4] == pytest.approx(np.sqrt(1 + 1 + 1))


def test_a_shift_in_time_drops_views_without_a_pose():
    views = sample_views(make_source(4))
    corrected = correct_views(views, Correction(pose_shift=1))
    assert corrected.places == (0, 1, 2)
    assert corrected.poses == pytest.approx(np.array([views.poses[index] for index in (1, 2, 3)]))


def test_rays_become_depth_along_the_axis():
    views = sample_views(make_source(1))
    corrected = correct_views(views, Correction(ray_distance=True))
    lengths = ray_lengths(views.maps.sizes_hw[0], views.intrinsics[0])
    assert corrected.maps.depth[0] * lengths == pytest.approx(views.maps.depth[0], rel=1e-5)
