# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Places on a floor: distances, corners and collisions worked out by hand."""

import numpy as np
import pytest
from furniture_models import furniture_model, models_of

from transformers_sr3d.rooms.composition.placement import (
    BODY_MARGIN_M,
    Contacts,
    FloorPlan,
    facing,
    footprint,
    objects_collide,
    yaw_rotation,
)
from transformers_sr3d.rooms.world import PlacedObject


CUBE = furniture_model(("Crate", "box", "Miscellaneous", 1.0, 1.0, 1.0, 0.0, 1.0))
UNIT = np.ones(3)
CUTS = {
    "low left": ((0.0, 0.0, 1.0, 2.0), [(0, 2), (1, 2), (1, 0), (5, 0), (5, 4), (0, 4)]),
    "low right": ((4.0, 0.0, 5.0, 2.0), [(0, 0), (4, 0), (4, 2), (5, 2), (5, 4), (0, 4)]),
    "high right": ((4.0, 2.0, 5.0, 4.0), [(0, 0), (5, 0), (5, 2), (4, 2), (4, 4), (0, 4)]),
    "high left": ((0.0, 2.0, 1.0, 4.0), [(0, 0), (5, 0), (5, 4), (1, 4), (1, 2), (0, 2)]),
}


def placed(x, y, z=0.5, *, size=(1.0, 1.0, 1.0), yaw_deg=0.0):
    return PlacedObject(CUBE, np.array([x, y, z]), np.array(size), yaw_rotation(np.radians(yaw_deg)))


def plan_of(cut=None, limit=20):
    return FloorPlan(5.0, 4.0, 2.5, cut, limit)


def test_front_faces_the_asked_direction():
    for direction in ([0, -1], [1, 0], [0, 1], [-1, 0], [0.6, 0.8]):
        front = yaw_rotation(facing(np.array(direction, float))) @ np.array([0, -1, 0])
        np.testing.assert_allclose(front[:2], direction, atol=1e-12)


def test_footprint_turns_with_the_object():
    corners = footprint(placed(3.0, 1.0, size=(2.0, 1.0, 1.0), yaw_deg=90))
    np.testing.assert_allclose(corners, [[3.5, 0], [3.5, 2], [2.5, 2], [2.5, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("other", "collide"),
    [
        (placed(0.99, 0.0), True),
        (placed(1.01, 0.0), False),
        (placed(1.2, 0.0, yaw_deg=45), True),  # its corner reaches to 1.2 - 0.707 < 0.5
        (placed(1.21, 0.0, yaw_deg=45), False),
        (placed(0.84, 0.84, yaw_deg=45), True),  # along the diagonal 1.19 apart, 0.707 + 0.5 reach
        (placed(0.87, 0.87, yaw_deg=45), False),
        (placed(1.0, 0.0), False),  # touches
        (placed(0.0, 0.65, size=(2.0, 0.4, 1.0)), True),
        (placed(0.0, 0.75, size=(2.0, 0.4, 1.0)), False),
        (placed(0.0, 1.45, size=(2.0, 0.4, 1.0), yaw_deg=90), True),
        (placed(0.75, 0.0, size=(2.0, 0.4, 1.0), yaw_deg=90), False),
        (placed(0.0, 0.0, 1.49), True),
        (placed(0.0, 0.0, 1.51), False),
    ],
)
def test_boxes_collide_as_worked_out_by_hand(other, collide):
    first = placed(0.0, 0.0)
    assert objects_collide(first, other) is collide
    assert objects_collide(other, first) is collide


def test_tolerance_forgives_small_overlaps():
    assert not objects_collide(placed(0.0, 0.0), placed(0.99, 0.0), tolerance=0.011)
    assert not objects_collide(placed(0.0, 0.0), placed(0.0, 0.0, 1.49), tolerance=0.011)


@pytest.mark.parametrize("corner", list(CUTS))
def test_floor_lacks_the_cut_corner(corner):
    cut, outline = CUTS[corner]
    plan = plan_of(cut)
    corners = {tuple(point) for point in plan.corners.tolist()}
    assert corners == {(float(x), float(y)) for x, y in outline}
    x, y = plan.corners.T
    signed_area = (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert signed_area == pytest.approx(18.0) == pytest.approx(plan.area)


@pytest.mark.parametrize("cut", [None, *(cut for cut, _ in CUTS.values())])
def test_walls_close_the_floor_and_look_inwards(cut):
    plan = plan_of(cut)
    np.testing.assert_allclose(sum(wall.length * wall.along for wall in plan.walls), [0, 0], atol=1e-12)
    for wall in plan.walls:
        x, y = wall.at(wall.length / 2, 0.1)
        assert 0 < x < 5
        assert 0 < y < 4
        assert cut is None or not (cut[0] < x < cut[2] and cut[1] < y < cut[3])


def test_first_free_pose_is_taken():
    plan = plan_of()
    assert plan.place(CUBE, UNIT, np.array([[1.0, 1.0, 0.0]])) == 0
    assert plan.place(CUBE, UNIT, np.array([[1.5, 1.0, 0.0], [4.9, 1.0, 0.0], [3.0, 1.0, 0.0], [4.0, 3.0, 0.0]])) == 1
    np.testing.assert_allclose(plan.objects[1].center, [3.0, 1.0, 0.5])


def test_missing_corner_holds_nothing():
    pose = np.array([[4.4, 3.4, 0.0]])
    assert plan_of().place(CUBE, UNIT, pose) == 0
    assert plan_of(CUTS["high right"][0]).place(CUBE, UNIT, pose) is None


def test_objects_keep_their_distance():
    plan = plan_of()
    plan.place(CUBE, UNIT, np.array([[1.0, 1.0, 0.0]]))
    near, far = 2.0 + BODY_MARGIN_M - 1e-6, 2.0 + BODY_MARGIN_M + 1e-6
    assert plan.place(CUBE, UNIT, np.array([[near, 1.0, 0.0]])) is None
    assert plan.place(CUBE, UNIT, np.array([[far, 1.0, 0.0]])) == 1


def test_clearance_is_kept_in_front_only_and_entered_by_neighbours():
    plan = plan_of()
    plan.place(CUBE, UNIT, np.array([[2.0, 3.0, 0.0]]), clearance=0.5)
    before, aside = np.array([[2.0, 1.8, 0.0]]), np.array([[3.2, 3.0, 0.0]])
    assert plan.place(CUBE, UNIT, before) is None
    assert plan.place(CUBE, UNIT, aside) == 1
    assert plan.place(CUBE, UNIT, before, contacts=Contacts(beside=(0,))) == 2


def test_box_under_a_table_is_named():
    pose = np.array([[1.2, 1.0, 0.0]])
    for contacts, result in ((Contacts(), None), (Contacts(beside=(0,)), None), (Contacts(under=0), 1)):
        plan = plan_of()
        plan.place(CUBE, UNIT, np.array([[1.0, 1.0, 0.0]]))
        assert plan.place(CUBE, UNIT, pose, contacts=contacts) == result


def test_ceiling_limit_and_full_floor_refuse():
    pose = np.array([[2.0, 2.0, 0.0]])
    assert plan_of().place(CUBE, UNIT, pose, bottom=1.6) is None
    assert plan_of().place(CUBE, np.array([3.9, 3.9, 0.4]), pose) is None
    assert plan_of(limit=0).place(CUBE, UNIT, pose) is None
    assert plan_of().place(CUBE, UNIT, np.zeros((0, 3))) is None


def test_large_rug_lies_under_furniture_but_not_under_rugs():
    plan, rug = plan_of(), models_of("rug")[0]
    pose = np.array([[2.0, 2.0, 0.0]])
    assert plan.place(CUBE, UNIT, pose) == 0
    assert plan.place(rug, np.array([1.8, 2.5, 0.02]), pose) == 1
    assert plan.place(rug, np.array([1.8, 2.5, 0.02]), pose) is None
    assert plan.place(rug, np.array([0.7, 0.4, 0.01]), np.array([[4.0, 0.4, 0.0]])) == 2
    assert plan.place(CUBE, UNIT, np.array([[4.0, 0.7, 0.0]])) is None
