# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Comparing views: zero residuals in a closed-form room, known ones where depth was changed."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from examined_rooms import make_source

from transformers_sr3d.doctor.correction import Correction, correct_views
from transformers_sr3d.doctor.depth_maps import stack_maps
from transformers_sr3d.doctor.evidence import HIDDEN_COST, compare_views, weigh
from transformers_sr3d.doctor.sampling import sample_views


def two_equal_views(factor: float):
    """One view twice from the same place, the second with depth times a factor."""
    first = make_source(1).views[0]
    depth = first.load_depth()
    second = replace(first, load_depth=partial(np.array, depth * np.float32(factor)))
    views = sample_views(replace(make_source(1), views=(first, second)))
    return compare_views(correct_views(views, Correction()))


def test_views_of_a_closed_form_room_agree():
    views = sample_views(make_source())
    evidence = weigh(compare_views(correct_views(views, Correction())))
    assert evidence.contradicted_share < 0.005
    assert evidence.agreed_share > 0.8
    assert evidence.mean_cost < 0.15


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_the_residual_is_the_logarithm_of_the_ratio(factor):
    comparison = two_equal_views(factor)
    seen_in_second = comparison.residuals[1, 0][comparison.landed[1, 0]]
    assert seen_in_second == pytest.approx(-np.log(factor), abs=1e-3)


def test_points_in_front_contradict_and_points_behind_are_hidden():
    evidence = weigh(two_equal_views(1.25))
    assert evidence.contradicted[1, 0] == evidence.landed[1, 0] > 0
    assert evidence.contradicted[0, 1] == evidence.agreed[0, 1] == 0
    assert evidence.cost[0, 1] == pytest.approx(HIDDEN_COST * evidence.landed[0, 1])


def test_a_view_is_never_compared_with_itself():
    evidence = weigh(two_equal_views(1.0))
    assert np.diag(evidence.landed).tolist() == [0, 0]


def test_leaving_views_out_keeps_the_pairs_of_the_others():
    views = sample_views(make_source(4))
    evidence = weigh(compare_views(correct_views(views, Correction())))
    assert evidence.of([0, 3]).landed.tolist() == evidence.landed[np.ix_([0, 3], [0, 3])].tolist()


def test_edges_and_holes_are_not_smooth():
    depth = np.full((6, 8), 2.0)
    depth[:, 4:] = 3.0
    depth[4, 1] = 0
    maps = stack_maps([depth])
    assert maps.is_smooth[0, 2].tolist() == [False, True, True, False, False, True, True, False]
    assert not maps.is_smooth[0, 3, 1]
    assert not maps.is_smooth[0, 4, 2]
    assert maps.is_smooth[0, 3, 2]


def test_inverse_depth_has_the_slope_of_its_plane():
    columns = np.arange(10)
    maps = stack_maps([np.tile(1 / (0.5 + 0.01 * columns), (5, 1))])
    assert maps.slope_right[0, 2, 1:-1] == pytest.approx(0.01, rel=1e-4)
    assert maps.slope_down[0, 2, 1:-1] == pytest.approx(0, abs=1e-6)
