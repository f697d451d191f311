# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Whole rooms: what must hold in every one of them, whatever was drawn."""

import itertools
from collections import Counter

import numpy as np
import pytest
from furniture_models import MODELS, furniture_model, models_of

from transformers_sr3d.rooms.composition.compose import HEIGHT_M, SHIFT_M, compose_room
from transformers_sr3d.rooms.composition.kinds import ROOM_KINDS
from transformers_sr3d.rooms.composition.placement import footprint, objects_collide


NUM_ROOMS = 200
ROUNDING_M = 1e-6  # float64 in rooms up to 10 m from the origin


@pytest.fixture(scope="module")
def rooms():
    return [compose_room(MODELS, np.random.default_rng(seed)) for seed in range(NUM_ROOMS)]


def floor_area(room):
    x, y = room.floor.T
    return (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def in_room_axes(room, points):
    """Turn points so that the first wall runs along +x, the room's first corner being the origin."""
    along = room.floor[1] - room.floor[0]
    along = along / np.linalg.norm(along)
    return (points - room.floor[0]) @ np.array([along, [-along[1], along[0]]]).T


def is_inside(room, points):
    """Crossing number of a ray along a skew direction; points within `ROUNDING_M` of a wall count as inside."""
    inside = np.zeros(len(points), dtype=bool)
    for start, end in zip(room.floor, np.roll(room.floor, -1, axis=0), strict=True):
        (x0, y0), (x1, y1) = start, end
        x, y = points.T
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def bottom(thing):
    return thing.center[2] - thing.size[2] / 2


def may_meet(first, second):
    """Chairs are pushed under tables; a rug lies under everything but rugs."""
    labels = {first.model.label, second.model.label}
    return labels == {"chair", "table"} or ("rug" in labels and len(labels) == 2)


def test_nothing_runs_through_anything_else(rooms):
    for room in rooms:
        for (number, first), (_, second) in itertools.combinations(enumerate(room.objects), 2):
            if may_meet(first, second) or second.support == number:
                continue
            assert not objects_collide(first, second, tolerance=ROUNDING_M), (first, second)


def test_chairs_go_under_tables_by_at_most_two_fifths_of_their_depth(rooms):
    met = 0
    for room in rooms:
        pairs = itertools.product(room.objects, room.objects)
        for chair, table in pairs:
            if (chair.model.label, table.model.label) != ("chair", "table") or not objects_collide(chair, table):
                continue
            # 5 degrees of turn move a corner of the chair by less than 3 cm.
            assert not objects_collide(chair, table, tolerance=0.4 * chair.size[1] + 0.03)
            met += 1
    assert met > 10


def test_everything_is_inside_of_the_room(rooms):
    for room in rooms:
        for thing in room.objects:
            assert is_inside(room, footprint(thing)).all()
            assert bottom(thing) >= room.floor_z - ROUNDING_M
            assert bottom(thing) + thing.size[2] <= room.floor_z + room.height + ROUNDING_M


def test_supports_are_truly_below(rooms):
    supported = 0
    for room in rooms:
        for number, thing in enumerate(room.objects):
            if thing.support is None:
                continue
            support = room.objects[thing.support]
            assert thing.support < number
            top = bottom(support) + support.size[2] * support.model.top / support.model.size[2]
            assert bottom(thing) == pytest.approx(top, abs=ROUNDING_M)
            own = (footprint(thing) - support.center[:2]) @ support.rotation[:2, :2]
            assert (np.abs(own) < support.size[:2] / 2).all()
            supported += 1
    assert supported > NUM_ROOMS


def test_what_has_no_support_stands_or_hangs(rooms):
    for room in rooms:
        for thing in room.objects:
            if thing.support is not None or thing.model.label in ("wall cabinet", "ceiling lamp"):
                continue
            assert bottom(thing) == pytest.approx(room.floor_z + thing.model.elevation, abs=ROUNDING_M)


def test_ceiling_lamps_touch_the_ceiling(rooms):
    lamps = [(room, thing) for room in rooms for thing in room.objects if thing.model.label == "ceiling lamp"]
    assert len(lamps) > 5
    for room, lamp in lamps:
        assert bottom(lamp) + lamp.size[2] == pytest.approx(room.floor_z + room.height)


@pytest.mark.parametrize("label", ["wardrobe", "toilet", "refrigerator", "wall cabinet"])
def test_backs_are_to_a_wall(rooms, label):
    things = [(room, thing) for room in rooms for thing in room.objects if thing.model.label == label]
    assert len(things) > 5
    for room, thing in things:
        back = footprint(thing)[2:].mean(axis=0)
        ahead = back + 0.1 * thing.rotation[:2, 1]
        assert is_inside(room, back[None]).all()
        assert not is_inside(room, ahead[None]).any()


def test_number_of_objects_is_in_the_asked_range(rooms):
    assert {len(room.objects) for room in rooms} == set(range(6, 15))
    for fewest, most in ((3, 3), (1, 2), (15, 18)):
        for seed in range(10):
            room = compose_room(MODELS, np.random.default_rng(seed), num_objects=(fewest, most))
            assert fewest <= len(room.objects) <= most


def test_a_quarter_of_the_floor_stays_free(rooms):
    for room in rooms:
        standing = [thing for thing in room.objects if thing.support is None and thing.model.label != "rug"]
        low = [thing for thing in standing if bottom(thing) - room.floor_z < 1.5]
        assert sum(thing.size[0] * thing.size[1] for thing in low) <= 0.75 * floor_area(room)


def test_floors_are_rectangles_and_ls_of_fair_size(rooms):
    assert {len(room.floor) for room in rooms} == {4, 6}
    for room in rooms:
        assert room.kind in ROOM_KINDS
        assert HEIGHT_M[0] <= room.height <= HEIGHT_M[1]
        assert floor_area(room) > 4.0
        sides = np.ptp(in_room_axes(room, room.floor), axis=0)
        assert sides.min() >= 2.2 - ROUNDING_M
        assert sides.max() <= 8.0 + ROUNDING_M


def test_rooms_stand_anywhere_in_their_world(rooms):
    headings = np.array([np.arctan2(*(room.floor[1] - room.floor[0])) for room in rooms])
    levels = np.array([room.floor_z for room in rooms])
    assert np.histogram(headings, bins=8, range=(-np.pi, np.pi))[0].min() > 5
    assert 0.35 < (levels == 0).mean() < 0.65
    assert np.abs(levels).max() <= 1.0
    assert np.ptp([room.floor[:, 0].mean() for room in rooms]) > SHIFT_M


def test_kinds_of_things_repeat_in_many_rooms_but_not_in_all(rooms):
    repeated = [Counter(thing.model.label for thing in room.objects).most_common(1)[0][1] > 1 for room in rooms]
    assert 0.3 < np.mean(repeated) < 0.9


def test_chairs_do_not_crowd_out_the_rest(rooms):
    labels = Counter(thing.model.label for room in rooms for thing in room.objects)
    assert labels["chair"] < 0.3 * labels.total()
    assert set(labels) == {model.label for model in MODELS}


def test_same_seed_gives_the_same_room():
    first, second = (compose_room(MODELS, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.floor, second.floor)
    assert len(first.objects) == len(second.objects)
    for one, other in zip(first.objects, second.objects, strict=True):
        assert one.model is other.model
        np.testing.assert_array_equal(one.center, other.center)
        np.testing.assert_array_equal(one.rotation, other.rotation)


def test_few_classes_still_make_rooms():
    few = models_of("table", "chair", "cup", "plant")
    for seed in range(10):
        room = compose_room(few, np.random.default_rng(seed), num_objects=(4, 8))
        assert 4 <= len(room.objects) <= 8


def test_too_few_placeable_models_are_named():
    ring = furniture_model(("Ring", "ring", "Bedroom", 0.02, 0.02, 0.01, 0.0, None))
    with pytest.raises(ValueError, match=r"`models` must hold at least 3 models that a room can hold, got 2 of 4"):
        compose_room([*models_of("bed", "sofa"), ring, ring], np.random.default_rng(0))


def test_unreachable_number_of_objects_is_named():
    with pytest.raises(ValueError, match=r"`models` gave only \d+ objects in a room, expected at least 80"):
        compose_room(models_of("bed", "sofa", "wardrobe"), np.random.default_rng(0), num_objects=(80, 90))


@pytest.mark.parametrize("bounds", [(0, 4), (5, 4)])
def test_impossible_range_is_named(bounds):
    with pytest.raises(ValueError, match=rf"`num_objects` must be .* got \({bounds[0]}, {bounds[1]}\)"):
        compose_room(MODELS, np.random.default_rng(0), num_objects=bounds)
