# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Colours tell which of pictures, depth and poses is out of step."""

from dataclasses import replace

import numpy as np
import pytest
from examined_rooms import make_source

from transformers_sr3d.doctor.colours import match_colours
from transformers_sr3d.doctor.correction import Correction, correct_views
from transformers_sr3d.doctor.examine import examine_source
from transformers_sr3d.doctor.planted import shift_in_time
from transformers_sr3d.doctor.sampling import sample_views


def shifted(*names):
    """The room with what is named taken from two views later."""

    class Two:
        def choice(self, values):
            return 2

    return shift_in_time(names, make_source(), Two())


def test_pictures_of_their_own_moment_match():
    views = sample_views(make_source())
    match = match_colours(views, correct_views(views, Correction()))
    assert match.shift == 0
    assert match.difference < 0.1


@pytest.mark.parametrize(
    ("late", "pose_shift", "image_shift"),
    [("camera_to_world", -2, 0), ("load_image", 0, -2), ("load_depth", 2, 2)],
)
def test_the_stream_that_is_out_of_step_is_moved_back(late, pose_shift, image_shift):
    report = examine_source(shifted(late))
    assert [finding.name for finding in report.findings] == ["time_shift"]
    assert report.mending.geometry.pose_shift == pose_shift
    assert report.mending.image_shift == image_shift


def test_pictures_of_one_colour_say_nothing():
    views = sample_views(make_source())
    grey = np.full_like(views.colors, 0.5)
    match = match_colours(replace(views, colors=grey), correct_views(views, Correction()))
    assert (match.shift, match.difference) == (0, 0)


def test_no_common_surface_gives_no_match():
    views = sample_views(make_source(1))
    assert match_colours(views, correct_views(views, Correction())) is None
