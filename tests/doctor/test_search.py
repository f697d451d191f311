# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The search recovers the number that was planted, and two faults at once."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from examined_rooms import make_source

from transformers_sr3d.doctor.correction import Correction, correct_intrinsics
from transformers_sr3d.doctor.sampling import sample_views
from transformers_sr3d.doctor.search import search_correction, try_correction


def with_depth_factor(source, factor):
    views = tuple(
        replace(view, load_depth=partial(np.array, view.load_depth() * np.float32(factor))) for view in source.views
    )
    return replace(source, views=views)


def with_intrinsics(source, correction):
    views = tuple(
        replace(view, intrinsics=correct_intrinsics(view.intrinsics, (72, 96), correction)) for view in source.views
    )
    return replace(source, views=views)


@pytest.mark.parametrize("factor", [1000.0, 0.01, 0.3048, 7.3])
def test_a_depth_factor_is_found_to_two_per_cent(factor):
    _, best = search_correction(sample_views(with_depth_factor(make_source(), factor)))
    assert best.names == ("depth_unit",)
    assert best.correction.depth_factor == pytest.approx(1 / factor, rel=0.02)


@pytest.mark.parametrize("factor", [1.25, 0.6])
def test_a_size_factor_is_found_to_two_per_cent(factor):
    faulty = with_intrinsics(make_source(), Correction(intrinsics_factor=factor))
    _, best = search_correction(sample_views(faulty))
    assert best.names == ("resolution",)
    assert best.correction.intrinsics_factor == pytest.approx(1 / factor, rel=0.02)


@pytest.mark.parametrize("shift", [(0.05, 0.0), (0.0, -0.05), (-0.1, 0.08)])
def test_a_shifted_centre_is_found_to_a_hundredth_of_the_width(shift):
    faulty = with_intrinsics(make_source(), Correction(principal_shift=shift))
    _, best = search_correction(sample_views(faulty))
    assert best.names == ("principal_point",)
    assert best.correction.principal_shift == pytest.approx((-shift[0], -shift[1]), abs=0.01)


def test_two_faults_at_once_are_both_found():
    source = with_depth_factor(make_source(), 10)
    views = tuple(replace(view, camera_to_world=np.linalg.inv(view.camera_to_world)) for view in source.views)
    _, best = search_correction(sample_views(replace(source, views=views)))
    assert sorted(best.names) == ["depth_unit", "pose_direction"]
    assert best.correction.invert_poses
    assert best.is_sound


def test_a_sound_scene_is_not_searched():
    start, best = search_correction(sample_views(make_source()))
    assert start is best
    assert start.is_sound
    assert best.correction == Correction()


def test_little_overlap_costs_trust():
    views = sample_views(make_source(2))
    candidate = try_correction(views)
    few = replace(candidate.evidence, num_taken=candidate.evidence.num_taken * 1000)
    assert replace(candidate, evidence=few).cost > 0.9 > candidate.cost
