# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Views apart from the others are told from a fault of all views."""

from dataclasses import replace

import numpy as np
from examined_rooms import make_source

from transformers_sr3d.doctor.sampling import sample_views
from transformers_sr3d.doctor.strays import search_without_strays


def moved(source, changes):
    views = list(source.views)
    for index, change in changes.items():
        pose = np.array(views[index].camera_to_world)
        pose[:3, 3] += change
        views[index] = replace(views[index], camera_to_world=pose)
    return replace(source, views=tuple(views))


def test_a_view_of_another_place_is_found():
    source = moved(make_source(), {3: (30.0, 0, 0), 7: (0, -30.0, 0)})
    _, best, strays, _ = search_without_strays(sample_views(source))
    assert strays == (3, 7)
    assert best.is_sound
    assert best.names == ()


def test_a_view_with_a_wrong_pose_is_found():
    source = moved(make_source(), {4: (0.4, 0.3, -0.5)})
    _, best, strays, _ = search_without_strays(sample_views(source))
    assert strays == (4,)
    assert best.names == ()


def test_a_sound_scene_has_no_strays():
    _, best, strays, _ = search_without_strays(sample_views(make_source()))
    assert strays == ()
    assert best.is_sound


def test_a_fault_of_all_views_makes_no_strays():
    source = make_source()
    views = tuple(replace(view, camera_to_world=np.linalg.inv(view.camera_to_world)) for view in source.views)
    _, best, strays, _ = search_without_strays(sample_views(replace(source, views=views)))
    assert (best.names, strays) == (("pose_direction",), ())


def test_a_view_of_a_wall_close_by_is_no_stray_but_counted():
    source = make_source()
    near = replace(source.views[5], load_depth=lambda: np.full((72, 96), 0.25))
    pose = np.array(near.camera_to_world)
    pose[:3, 2], pose[:3, 1], pose[:3, 0] = (0, -1, 0), (0, 0, -1), (-1, 0, 0)  # towards the wall behind
    pose[:3, 3] = (4.0, 0.25, 1.5)
    views = (*source.views[:5], replace(near, camera_to_world=pose), *source.views[6:])
    _, best, strays, hidden = search_without_strays(sample_views(replace(source, views=views)))
    assert (strays, hidden, best.names) == ((), (5,), ())


def test_a_view_with_the_depth_of_another_is_found_among_many():
    source = make_source()
    swapped = (replace(source.views[2], load_depth=source.views[8].load_depth), *source.views[3:])
    source = replace(source, views=(*source.views[:2], *swapped))
    _, best, strays, _ = search_without_strays(sample_views(source))
    assert strays == (2,)
    assert best.names == ()
