# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Groups of furniture: who looks at whom and who stands beside whom."""

import dataclasses

import numpy as np
import pytest
from furniture_models import MODELS, models_of

from transformers_sr3d.rooms.composition.arrangements import (
    ARRANGEMENTS,
    bed_group,
    desk_group,
    dining_group,
    kitchen_row,
    push_depth,
    sofa_group,
    television,
)
from transformers_sr3d.rooms.composition.furnishing import Furnishing
from transformers_sr3d.rooms.composition.placement import FloorPlan, yaw_rotation
from transformers_sr3d.rooms.world import PlacedObject


def furnish(arrange, seed, models=MODELS, sides=(6.0, 5.0)):
    stock = {}
    for model in models:
        stock.setdefault(model.label, []).append(model)
    room = Furnishing(FloorPlan(*sides, 2.6, None, 20), stock, np.random.default_rng(seed))
    arrange(room)
    return room


def of_label(room, label):
    return [thing for thing in room.plan.objects if thing.model.label == label]


def front(thing):
    return -thing.rotation[:2, 1]


def direction(start, end):
    offset = end.center[:2] - start.center[:2]
    return offset / np.linalg.norm(offset)


def test_coffee_table_stands_before_the_sofa():
    found = 0
    for seed in range(20):
        room = furnish(sofa_group, seed)
        for table in of_label(room, "coffee table"):
            sofa = of_label(room, "sofa")[0]
            assert direction(sofa, table) @ front(sofa) > 0.95
            found += 1
            for chair in of_label(room, "armchair"):
                assert direction(chair, table) @ front(chair) > 0.8
    assert found > 10


def test_chairs_look_at_their_table():
    counts = []
    for seed in range(20):
        room = furnish(dining_group, seed)
        table, chairs = of_label(room, "table")[0], of_label(room, "chair")
        counts.append(len(chairs))
        for chair in chairs:
            offset = table.rotation[:2, :2].T @ (chair.center[:2] - table.center[:2])
            looks = table.rotation[:2, :2].T @ front(chair)
            outside = np.abs(offset) > table.size[:2] / 2
            axis = int(np.argmax(outside))
            assert outside.any()
            assert looks[axis] * np.sign(offset[axis]) < -0.98
    assert max(counts) <= 6
    assert np.mean(counts) > 2


def test_desk_chair_stands_before_the_desk_and_looks_at_it():
    room = next(room for room in (furnish(desk_group, seed) for seed in range(9)) if of_label(room, "chair"))
    desk, chair = of_label(room, "desk")[0], of_label(room, "chair")[0]
    assert direction(desk, chair) @ front(desk) > 0.8
    assert front(desk) @ front(chair) < -0.9


def test_bedside_tables_stand_at_the_head():
    found = 0
    for seed in range(20):
        room = furnish(bed_group, seed)
        bed = of_label(room, "bed")[0]
        for table in of_label(room, "bedside table"):
            own = bed.rotation[:2, :2].T @ (table.center[:2] - bed.center[:2])
            assert abs(own[0]) == pytest.approx((bed.size[0] + table.size[0]) / 2 + 0.09, abs=0.061)
            assert own[1] + table.size[1] / 2 == pytest.approx(bed.size[1] / 2)
            found += 1
    assert found > 8


def test_television_stands_opposite_to_the_sofa():
    def both(room):
        sofa_group(room)
        television(room)

    rooms = [furnish(both, seed) for seed in range(12)]
    pairs = [(of_label(room, "sofa")[0], tv) for room in rooms for tv in of_label(room, "tv")]
    assert len(pairs) > 6
    assert np.mean([front(sofa) @ front(tv) < -0.9 for sofa, tv in pairs]) > 0.8
    assert all(tv.support is not None for _, tv in pairs)


def test_kitchen_row_is_straight_and_cabinets_hang_above_it():
    hung = 0
    for seed in range(12):
        room = furnish(kitchen_row, seed)
        row = [thing for thing in room.plan.objects if thing.model.label in ("base cabinet", "refrigerator")]
        backs = [thing.center[:2] - front(thing) * thing.size[1] / 2 for thing in row]
        assert len({tuple(front(thing).round(6)) for thing in row}) == 1
        np.testing.assert_allclose((np.array(backs) - backs[0]) @ front(row[0]), 0.0, atol=1e-9)
        for cabinet in of_label(room, "wall cabinet"):
            below = min(row, key=lambda thing: np.linalg.norm(thing.center[:2] - cabinet.center[:2]))
            assert cabinet.center[2] - cabinet.size[2] / 2 >= below.size[2] + 0.35 - 1e-9
            hung += 1
    assert hung > 0


@pytest.mark.parametrize("name", list(ARRANGEMENTS))
def test_arrangement_without_its_furniture_adds_nothing_wrong(name):
    room = furnish(ARRANGEMENTS[name], 0, models_of("cup", "plant"))
    assert {thing.model.label for thing in room.plan.objects} <= {"cup", "plant"}


def table_of(**changes):
    model = dataclasses.replace(models_of("table")[0], **changes)
    return PlacedObject(model, np.array([2.0, 2.0, 0.36]), np.array(model.size), yaw_rotation(0.0))


def test_chair_goes_under_a_table_by_less_than_two_fifths():
    chair = models_of("chair")[0]
    size = np.array(chair.size)
    assert 0 < push_depth(chair, size, table_of(), 10.0) <= 0.4 * chair.size[1]
    assert push_depth(chair, size, table_of(), 0.5) == pytest.approx(0.11)


def test_high_seats_wide_chairs_and_closed_tables_stay_outside():
    chair = models_of("chair")[0]
    size = np.array(chair.size)
    wide = dataclasses.replace(chair, size=(0.7, 0.5, 0.9))
    assert push_depth(chair, size * [1, 1, 1.4], table_of(), 1.0) == 0.0
    assert push_depth(wide, np.array(wide.size), table_of(), 1.0) == 0.0
    assert push_depth(chair, size, table_of(label="desk"), 1.0) == 0.0
    assert push_depth(chair, size, table_of(name="Table with tablecloth"), 1.0) == 0.0
