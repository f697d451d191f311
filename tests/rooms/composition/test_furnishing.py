# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Single things in a room: where each way of standing must put them."""

import dataclasses

import numpy as np
import pytest
from furniture_models import MODELS, models_of

from transformers_sr3d.rooms.composition.furnishing import BOX_SIDES_M, STRETCH, Furnishing, top_height
from transformers_sr3d.rooms.composition.placement import FloorPlan, footprint


def furnishing(seed=0, height=2.6):
    stock = {}
    for model in MODELS:
        stock.setdefault(model.label, []).append(model)
    return Furnishing(FloorPlan(5.0, 4.0, height, None, 20), stock, np.random.default_rng(seed))


def wall_distances(thing):
    """Give distances of the back's corners to the nearest wall, the outward direction being the back's."""
    back = thing.rotation[:2, 1]
    corners = footprint(thing)[2:]
    axis = int(np.argmax(np.abs(back)))
    wall = (5.0, 4.0)[axis] if back[axis] > 0 else 0.0
    return np.abs(corners[:, axis] - wall)


@pytest.mark.parametrize("label", ["sofa", "wardrobe", "bed", "desk", "washbasin"])
def test_wall_furniture_has_its_back_to_a_wall(label):
    for seed in range(15):
        room, model = furnishing(seed), models_of(label)[0]
        number = room.put(model)
        distances = wall_distances(room.plan.objects[number])
        assert distances.min() >= 0.009
        # gap of at most 5 cm and a turn of at most 1.5 degrees over at most 2.5 m
        assert distances.max() < 0.05 + 2.5 * np.sin(np.radians(1.5)) + 1e-9
        bottom = room.plan.objects[number].center[2] - room.plan.objects[number].size[2] / 2
        assert bottom == pytest.approx(model.elevation)


def test_stretch_stays_in_its_range_and_under_the_ceiling():
    room, wardrobe = furnishing(height=1.9), models_of("wardrobe")[0]
    for _ in range(50):
        size = room.stretched(wardrobe)
        factors = size / wardrobe.size
        assert (factors >= STRETCH[0] - 1e-9).all()
        assert (factors <= STRETCH[1] + 1e-9).all()
        assert size[2] <= 1.88 + 1e-9


def test_boxes_come_in_many_sizes():
    room, box = furnishing(), models_of("box")[0]
    sizes = np.array([room.stretched(box) for _ in range(200)])
    assert sizes.min() >= BOX_SIDES_M[0]
    assert sizes.max() <= BOX_SIDES_M[1]
    assert (sizes.max(axis=0) / sizes.min(axis=0) > 3).all()


def test_ceiling_lamp_touches_the_ceiling():
    room = furnishing()
    lamp = room.plan.objects[room.put(models_of("ceiling lamp")[0])]
    assert lamp.center[2] + lamp.size[2] / 2 == pytest.approx(2.6)


def test_low_ceiling_lamp_hangs_over_a_table_or_not_at_all():
    long_lamp = dataclasses.replace(models_of("ceiling lamp")[0], size=(0.4, 0.4, 1.4))
    size = np.array(long_lamp.size)
    assert furnishing().on_ceiling(long_lamp, size) is None
    room = furnishing()
    table = room.plan.objects[room.put(models_of("table")[0])]
    lamp = room.plan.objects[room.on_ceiling(long_lamp, size)]
    np.testing.assert_allclose(lamp.center[:2], table.center[:2])


def test_hung_things_keep_their_elevation_unless_the_ceiling_is_low():
    cabinet = models_of("wall cabinet")[0]
    for height, bottom in ((2.6, 1.45), (2.1, 2.1 - 0.72 - 0.02)):
        room = furnishing(height=height)
        thing = room.plan.objects[room.hung(cabinet, np.array(cabinet.size))]
        assert thing.center[2] - 0.36 == pytest.approx(bottom)
    assert furnishing(height=2.1).hung(cabinet, np.array(cabinet.size), above=1.4) is None


def test_small_things_stand_inside_the_top_of_their_support():
    for seed in range(20):
        room = furnishing(seed)
        table = room.put(models_of("table")[0])
        cup = room.plan.objects[room.put(models_of("cup")[0])]
        support = room.plan.objects[table]
        assert cup.support == table
        assert cup.center[2] - cup.size[2] / 2 == pytest.approx(support.size[2])
        own = (footprint(cup) - support.center[:2]) @ support.rotation[:2, :2] / (support.size[:2] / 2)
        assert (np.linalg.norm(own, axis=1) <= 1.0).all()  # even if the table is oval


def test_things_keep_off_the_rim_at_the_back():
    for seed in range(20):
        room = furnishing(seed)
        cabinet = room.plan.objects[room.put(models_of("base cabinet")[0])]
        cup = room.plan.objects[room.put(models_of("cup")[0])]
        own = (footprint(cup) - cabinet.center[:2]) @ cabinet.rotation[:2, :2] / cabinet.size[:2]
        assert own[:, 1].max() <= 0.5 - 0.12 + 1e-9
        assert cup.center[2] - cup.size[2] / 2 == pytest.approx(cabinet.size[2] * 0.83 / 0.88)


def test_nothing_stands_on_a_bed_or_when_four_things_do():
    room = furnishing()
    room.put(models_of("bed")[0])
    assert room.put(models_of("cup")[0]) is None
    room.put(models_of("table")[0])
    placed = [room.on_top(models_of("cup")[0], np.full(3, 0.1)) for _ in range(8)]
    assert sum(number is not None for number in placed) == 4


def test_television_looks_the_way_its_stand_does():
    room = furnishing()
    stand = room.put(models_of("tv stand")[0])
    tv = room.plan.objects[room.put(models_of("tv")[0])]
    angle = tv.rotation[:2, 1] @ room.plan.objects[stand].rotation[:2, 1]
    assert angle > np.cos(0.05 * np.pi + 1e-9)


def test_top_stretches_with_the_object():
    cabinet = models_of("base cabinet")[0]
    assert top_height(np.array([1.0, 0.6, 1.76]), cabinet) == pytest.approx(2 * 0.83)
    bare = dataclasses.replace(cabinet, top=None)
    assert top_height(np.array([1.0, 0.6, 1.76]), bare) == 1.76
