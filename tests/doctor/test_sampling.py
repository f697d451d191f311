# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Sampled views keep the camera: pixels are skipped, and intrinsics follow."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from examined_rooms import make_source
from PIL import Image

from transformers_sr3d.doctor.sampling import depth_matrix, sample_views
from transformers_sr3d.inputs.source import SourceView


def test_views_are_taken_at_equal_steps_and_all_poses_are_kept():
    views = sample_views(make_source(), max_views=3)
    assert views.indices == (0, 4, 9)
    assert sorted(views.poses) == list(range(10))


def test_a_large_map_is_thinned_and_its_intrinsics_follow():
    ramp = np.tile(np.arange(1.0, 641.0), (480, 1))
    matrix = np.array([[500.0, 0, 319.5], [0, 500.0, 239.5], [0, 0, 1]])
    view = make_source(1).views[0]
    big = replace(view, load_image=partial(Image.new, "RGB", (640, 480)), load_depth=lambda: ramp, intrinsics=matrix)
    views = sample_views(replace(make_source(1), views=(big,)))
    depth, small = views.maps.depth[0], views.intrinsics[0]
    assert depth.shape == (120, 160)
    # A column of the small map looks in the direction of the pixel that it came from.
    columns = depth[0] - 1
    assert (np.arange(160) - small[0, 2]) / small[0, 0] == pytest.approx((columns - 319.5) / 500)


def test_colours_are_looked_up_through_both_cameras():
    pixels = np.zeros((8, 12, 3), np.uint8)
    pixels[:, 6:, 0] = 255
    pixels[4:, :, 1] = 255
    wide = np.array([[6.0, 0, 5.5], [0, 6.0, 3.5], [0, 0, 1]])
    narrow = np.array([[6.0, 0, 2.5], [0, 6.0, 3.5], [0, 0, 1]])  # the middle six columns
    view = SourceView(
        "a",
        lambda: Image.fromarray(pixels),
        intrinsics=wide,
        load_depth=lambda: np.ones((8, 6)),
        depth_intrinsics=narrow,
    )
    views = sample_views(replace(make_source(1), views=(view,), world_up=None))
    assert views.colors[0, 4, :, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert views.colors[0, :, 2, 1].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert views.unstated == ()


def test_a_map_of_another_size_is_noted_unless_its_field_of_view_is_stated():
    view = make_source(1).views[0]
    halved = replace(make_source(1), views=(replace(view, load_depth=lambda: view.load_depth()[::2, ::2]),))
    assert sample_views(halved).unstated == (0,)
    assert sample_views(replace(halved, depth_field_of_view="same")).unstated == ()
    assert depth_matrix(view, (72, 96), (36, 48))[:2, 2] == pytest.approx([23.5, 17.5])


def test_what_is_not_measured_is_zero():
    bad = np.array([[np.nan, -1.0, np.inf], [0.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
    view = replace(make_source(1).views[0], load_depth=lambda: bad)
    views = sample_views(replace(make_source(1), views=(view,)))
    assert views.maps.depth[0].tolist() == [[0, 0, 0], [0, 2, 3], [1, 1, 1]]
