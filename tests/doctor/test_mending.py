# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A mended source has the numbers of the sound one."""

import numpy as np
import pytest
from examined_rooms import make_source

from transformers_sr3d.doctor.correction import Correction
from transformers_sr3d.doctor.examine import examine_source
from transformers_sr3d.doctor.mending import mend_source
from transformers_sr3d.doctor.planted import PLANTED
from transformers_sr3d.doctor.report import Mending


@pytest.fixture(scope="module")
def room():
    return make_source()


def mended(room, fault):
    faulty = PLANTED[fault].plant(room, np.random.default_rng(1))
    return mend_source(faulty, examine_source(faulty).mending)


@pytest.mark.parametrize("fault", ["poses inverted", "OpenGL poses", "OpenGL poses inverted"])
def test_poses_come_back(room, fault):
    for view, wanted in zip(mended(room, fault).views, room.views, strict=True):
        assert view.camera_to_world == pytest.approx(wanted.camera_to_world, abs=1e-9)


def test_rays_come_back(room):
    for view, wanted in zip(mended(room, "depth along rays").views, room.views, strict=True):
        assert view.load_depth() == pytest.approx(wanted.load_depth(), rel=1e-5)


def test_the_unit_comes_back_to_two_per_cent(room):
    view = mended(room, "depth in another unit").views[0]
    assert view.load_depth() == pytest.approx(room.views[0].load_depth(), rel=0.02)


def test_intrinsics_come_back_to_two_per_cent(room):
    view = mended(room, "intrinsics of another size").views[0]
    assert view.intrinsics == pytest.approx(room.views[0].intrinsics, rel=0.02)


def test_the_principal_point_comes_back_to_a_fiftieth_of_the_width(room):
    view = mended(room, "principal point").views[0]
    assert view.intrinsics[:2, 2] == pytest.approx(room.views[0].intrinsics[:2, 2], abs=0.02 * 96)


def test_strays_are_left_out(room):
    mending = Mending(left_out=(1, 4))
    assert [view.name for view in mend_source(room, mending).views] == [f"view {i}" for i in (0, 2, 3, 5, 6, 7, 8, 9)]


def test_a_shift_in_time_drops_what_has_no_partner(room):
    views = mend_source(room, Mending(geometry=Correction(pose_shift=2), image_shift=-1)).views
    assert [view.name for view in views] == [f"view {i}" for i in (1, 2, 3, 4, 5, 6, 7)]
    assert views[0].camera_to_world.tolist() == room.views[3].camera_to_world.tolist()
    assert np.array_equal(views[0].load_image(), room.views[0].load_image())


def test_scale_multiplies_depth_and_translations(room):
    view = mend_source(room, Mending(scale=0.5)).views[2]
    assert view.load_depth() == pytest.approx(0.5 * room.views[2].load_depth())
    assert view.camera_to_world[:3, 3] == pytest.approx(0.5 * room.views[2].camera_to_world[:3, 3])
    assert view.camera_to_world[:3, :3] == pytest.approx(room.views[2].camera_to_world[:3, :3])


def test_nothing_is_changed_where_nothing_is_wrong(room):
    source = mend_source(room, Mending())
    assert not Mending().changes_anything
    assert source.views[3].load_depth is room.views[3].load_depth
