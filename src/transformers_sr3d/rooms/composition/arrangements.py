# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, groups: floor plan and dice -> things that belong together, in place.

A sofa with its coffee table, a bed with what stands beside it, a table with its chairs, a kitchen row. Each function
takes a `Furnishing` and adds what fits; a class that the stock lacks is left out. Own frame of an object: front to
-y, so "before" it is -y and "beside" it is +-x.

May import: NumPy, `furnishing.py`, `placement.py`, `kinds.py`, the word list of `world.py`.
"""

from collections.abc import Callable

import numpy as np

from transformers_sr3d.rooms.composition.furnishing import FRONT_CLEARANCE_M, Furnishing, top_height
from transformers_sr3d.rooms.composition.kinds import HUNG, KITCHEN_ROW, standing
from transformers_sr3d.rooms.composition.placement import Contacts, Wall
from transformers_sr3d.rooms.world import FurnitureModel, PlacedObject


FORWARD, BACKWARD = np.array([0.0, -1.0]), np.array([0.0, 1.0])
MAX_CHAIRS = 6
SEAT_WIDTH_M = 0.62
MAX_PUSH = 0.4  # share of a chair's depth that may be under the table
WIDEST_PUSHED_M = 0.57  # what is wider has arms that meet the table's edge
LEG_M = 0.09
CLOSED_BELOW = ("tablecloth", "trestles")
ROW_GAP_M = 0.003
ROW_SHARE = 0.6  # of the objects of a room may be a kitchen row
DINING_THINGS = ("bowl", "vase", "flowers", "glass", "cup", "bottle", "plate", "jug", "place setting")
DESK_THINGS = ("table lamp", "laptop", "computer", "printer", "telephone", "cup", "stereo", "pen holder")


def sofa_group(room: Furnishing) -> None:
    """Add a sofa at a wall, perhaps with a coffee table before it, a rug under that and armchairs around it."""
    sofa = room.draw("corner sofa", "sofa") if room.chance(0.3) else room.draw("sofa", "corner sofa")
    if sofa is None:
        return
    size = room.stretched(sofa)
    placed = room.at_wall(sofa, size, in_corner=sofa.label == "corner sofa", clearance=FRONT_CLEARANCE_M)
    if placed is None:
        return
    table = room.draw("coffee table") if room.chance(0.8) else None
    if table is None:
        return
    table_size = room.stretched(table)
    offset = np.array([room.rng.uniform(-0.1, 0.1), -(size[1] + table_size[1]) / 2 - room.rng.uniform(0.28, 0.5)])
    pose = room.beside(placed, offset, FORWARD)
    center = room.plan.place(table, table_size, pose, contacts=Contacts(beside=(placed,)))
    if center is None:
        return
    rug = room.draw("rug") if room.chance(0.5) else None
    if rug is not None:
        room.plan.place(rug, room.stretched(rug), pose + np.array([[0, 0, np.pi / 2]]))
    if room.chance(0.6):
        _armchairs(room, center, placed)


def _armchairs(room: Furnishing, table: int, sofa: int) -> None:
    """Put one or two armchairs of one model at the ends of a coffee table, looking at it."""
    model = room.draw("armchair")
    if model is None:
        return
    size, table_size = room.stretched(model), room.plan.objects[table].size
    for side in room.rng.permutation([-1.0, 1.0])[: room.rng.integers(1, 3)]:
        away = (table_size[0] + size[1]) / 2 + room.rng.uniform(0.25, 0.5)
        pose = room.beside(table, np.array([side * away, -0.1]), np.array([-side, room.rng.uniform(-0.2, 0.4)]))
        room.plan.place(model, size, pose, contacts=Contacts(beside=(sofa,)))


def television(room: Furnishing) -> None:
    """Add a television, on a stand or on the wall, opposite to the sofa where there is one."""
    tv = room.draw("tv")
    if tv is None:
        return
    size = room.stretched(tv)
    if standing(tv) == HUNG:
        poses = room.wall_poses(size, room.plan.walls, in_corner=False, turned=1e-6)
        room.hung(tv, size, poses=_seen_from_sofa(room, poses))
        return
    stand = room.draw("tv stand") if room.chance(0.7) else room.draw("dresser", "cabinet", "tv stand")
    if stand is None:
        return
    stand_size = room.stretched(stand)
    poses = _seen_from_sofa(room, room.wall_poses(stand_size, room.plan.walls, in_corner=False, turned=0.0))
    placed = room.plan.place(stand, stand_size, poses, clearance=FRONT_CLEARANCE_M)
    if placed is not None:
        room.on_top(tv, size, placed)


def _seen_from_sofa(room: Furnishing, poses: np.ndarray) -> np.ndarray:
    """Sort poses so that those come first that a sofa looks at and that look back."""
    sofas = [thing for thing in room.plan.objects if thing.model.label in ("sofa", "corner sofa", "bed")]
    if not sofas or len(poses) == 0:
        return poses
    forward = sofas[0].rotation[:2, 1] * -1.0
    towards = poses[:, :2] - sofas[0].center[:2]
    ahead = towards @ forward
    off_axis = np.abs(towards @ np.array([-forward[1], forward[0]]))
    looks_back = np.sin(poses[:, 2]) * forward[0] - np.cos(poses[:, 2]) * forward[1] < -0.9
    return poses[np.argsort(off_axis - ahead + 10.0 * ~looks_back)]


def bed_group(room: Furnishing) -> None:
    """Add a bed with its head to a wall and perhaps bedside tables, with lamps, on one side or both."""
    bed = room.draw("bed", "bunk bed", "sofa bed")
    if room.chance(0.12):
        bed = room.draw("bunk bed", "sofa bed", "crib", "bed")
    if bed is None:
        return
    size = room.stretched(bed)
    placed = room.at_wall(bed, size, clearance=FRONT_CLEARANCE_M)
    table = room.draw("bedside table", "stool")
    if placed is None or table is None or room.chance(0.15):
        return
    table_size, lamp = room.stretched(table), room.draw("table lamp")
    lamp_size = None if lamp is None else room.stretched(lamp)
    for side in room.rng.permutation([-1.0, 1.0])[: room.rng.integers(1, 3)]:
        aside = side * ((size[0] + table_size[0]) / 2 + room.rng.uniform(0.03, 0.15))
        pose = room.beside(placed, np.array([aside, (size[1] - table_size[1]) / 2]), FORWARD)
        beside = room.plan.place(table, table_size, pose)
        if beside is not None and lamp is not None and lamp_size is not None and room.chance(0.6):
            room.on_top(lamp, lamp_size, beside)


def desk_group(room: Furnishing) -> None:
    """Add a desk at a wall with a chair before it and things on top."""
    desk = room.draw("desk", "table")
    if desk is None:
        return
    size = room.stretched(desk)
    placed = room.at_wall(desk, size, clearance=0.5)
    if placed is None:
        return
    chair = room.draw("office chair", "chair", "stool") if room.chance(0.7) else room.draw("chair", "office chair")
    if chair is not None and room.chance(0.85):
        chair_size = room.stretched(chair)
        aside = room.rng.uniform(-0.15, 0.15) * size[0]
        turned = np.array([room.rng.uniform(-0.3, 0.3), 1.0])
        gaps = room.rng.uniform(0.02, 0.1) + np.array([0.0, 0.08, 0.16])
        offsets = [np.array([aside, -(size[1] + chair_size[1]) / 2 - gap]) for gap in gaps]
        poses = np.vstack([room.beside(placed, offset, turned) for offset in offsets])
        room.plan.place(chair, chair_size, poses, contacts=Contacts(beside=(placed,)))
    _things_on(room, placed, DESK_THINGS, int(room.rng.integers(0, 4)))


def dining_group(room: Furnishing) -> None:
    """Add a table with two to six chairs that look at it, and things on top."""
    table = room.draw("table", "kitchen island", "desk")
    if table is None:
        return
    size = room.stretched(table)
    poses = room.free_poses(float(min(size[:2]) / 2 + 0.5), 0.06)
    placed = room.plan.place(table, size, poses, margin=0.45)
    placed = room.freely(table, size, jitter=0.06) if placed is None else placed
    if placed is None:
        return
    bar = size[2] > 0.88
    first = room.draw("stool", "chair") if bar or room.chance(0.08) else room.draw("chair", "stool")
    if first is not None:
        _chairs_around(room, placed, first)
    _things_on(room, placed, DINING_THINGS, int(room.rng.integers(0, 4)))


def _chairs_around(room: Furnishing, table: int, model: FurnitureModel) -> None:
    """Put chairs at the sides of a table, of one model and size or each its own."""
    size = room.plan.objects[table].size
    slots = [
        (normal, place)
        for normal, extent in (((0.0, -1.0), 0), ((0.0, 1.0), 0), ((-1.0, 0.0), 1), ((1.0, 0.0), 1))
        for place in _places_along(size[extent])
    ]
    wanted = int(room.rng.integers(2, min(MAX_CHAIRS, max(2, len(slots))) + 1))
    alike, chair_size = room.chance(0.75), room.stretched(model)
    for slot in room.rng.permutation(len(slots))[:wanted]:
        if not alike:
            model = room.draw(model.label) or model
            chair_size = room.stretched(model)
        _seat(room, table, model, chair_size, np.array(slots[slot][0]), slots[slot][1])


def _places_along(length: float) -> list[float]:
    """Give the middles of the seats that fit along a side, metres from its middle."""
    number = max(1, int(length / SEAT_WIDTH_M))
    return [(place + 0.5) * length / number - length / 2 for place in range(number)]


def _seat(
    room: Furnishing, table: int, model: FurnitureModel, size: np.ndarray, normal: np.ndarray, place: float
) -> None:
    """Put a chair at one place of a table, perhaps pushed under it."""
    target = room.plan.objects[table]
    sideways = np.array([-normal[1], normal[0]])
    extent = float(np.abs(normal) @ target.size[:2])
    reach = (extent + size[1]) / 2
    away = reach + room.rng.uniform(0.03, 0.2)
    # The legs of the table stand near its corners.
    half_side = float(np.abs(sideways) @ target.size[:2]) / 2
    push = push_depth(model, size, target, extent) if abs(place) + size[0] / 2 < half_side - LEG_M else 0.0
    if push > 0 and room.chance(0.75):
        away = reach - room.rng.uniform(0.0, 1.0) * push
    turned = -normal + room.rng.uniform(-0.08, 0.08) * sideways
    pose = room.beside(table, away * normal + place * sideways, turned)
    room.plan.place(model, size, pose, contacts=Contacts(under=table))


def push_depth(model: FurnitureModel, size: np.ndarray, table: PlacedObject, extent: float) -> float:
    """Say how far a chair goes under a table.

    Args:
        model (`FurnitureModel`): Of the chair.
        size (`np.ndarray` of shape `(3,)`): Of the chair, metres.
        table (`PlacedObject`): What it is pushed under.
        extent (`float`): Of the table along the push, metres.

    Returns:
        `float`: Metres; 0 where the seat is too high, the chair has wide arms or the table is closed below.
    """
    seat = top_height(size, model) if model.top and model.top > 0 else 0.55 * size[2]
    closed = table.model.label != "table" or table.model.name.lower().endswith(CLOSED_BELOW)
    if closed or model.size[0] > WIDEST_PUSHED_M or seat > table.size[2] - 0.14:
        return 0.0
    return float(min(MAX_PUSH * size[1] * 0.95, 0.22 * extent))


def kitchen_row(room: Furnishing) -> None:
    """Add cabinets and appliances side by side along a wall, cabinets and a hood above them."""
    walls = sorted(room.plan.walls, key=lambda wall: -wall.length)
    wall = walls[int(room.rng.integers(min(2, len(walls))))]
    labels = ["base cabinet"] * int(room.rng.integers(1, 3)) + ["kitchen sink", "stove", "refrigerator"]
    labels += [label for label in ("oven", "tall cabinet", "washing machine") if room.chance(0.2)]
    row = [model for label in room.rng.permutation(labels) if (model := room.draw(str(label))) is not None]
    height, depth = room.rng.uniform(0.9, 1.1, size=2)
    position = room.rng.uniform(0.02, 0.3)
    for model in row:
        if len(room.plan.objects) >= max(3, round(ROW_SHARE * room.plan.limit)):
            break
        size = room.stretched(model)
        if standing(model) == KITCHEN_ROW:
            size[1:] = np.array(model.size[1:]) * [depth, height]
        size[2] = min(size[2], room.plan.height - 0.02)
        middle = position + size[0] / 2
        pose = _at(wall, middle, size, 0.005)
        if middle + size[0] / 2 > wall.length or room.plan.place(model, size, pose, margin=0.0, clearance=0.4) is None:
            continue
        position += size[0] + ROW_GAP_M
        if size[2] < 1.1 and room.chance(0.5):
            _above(room, wall, middle, size, "range hood" if model.label == "stove" else "wall cabinet")
    _on_the_row(room)


def _on_the_row(room: Furnishing) -> None:
    """Add a cooktop and small appliances on the base cabinets."""
    cabinets = [number for number, thing in enumerate(room.plan.objects) if thing.model.label == "base cabinet"]
    for label, probability in (("cooktop", 0.7), ("coffee maker", 0.3), ("microwave", 0.15), ("cup", 0.25)):
        model = room.draw(label) if cabinets and room.chance(probability) else None
        if model is not None:
            number = cabinets[int(room.rng.integers(len(cabinets)))]
            room.on_top(model, room.stretched(model), number)


def _above(room: Furnishing, wall: Wall, middle: float, below: np.ndarray, label: str) -> None:
    model = room.draw(label)
    if model is None:
        return
    size = room.stretched(model)
    size[0] = min(size[0], max(below[0], 0.85 * model.size[0]))
    room.hung(model, size, poses=_at(wall, middle, size, 0.005), above=below[2] + 0.35)


def _at(wall: Wall, position: float, size: np.ndarray, gap: float) -> np.ndarray:
    return np.array([[*wall.at(position, size[1] / 2 + gap), wall.yaw]])


def bathroom_set(room: Furnishing) -> None:
    """Add what a bathroom has: a tub or a shower, a toilet, somewhere to wash."""
    wishes = [
        (0.7, ("bathtub", "shower") if room.chance(0.7) else ("shower", "bathtub")),
        (0.85, ("toilet",)),
        (0.9, ("vanity", "washbasin") if room.chance(0.2) else ("washbasin", "vanity")),
        (0.25, ("washing machine",)),
    ]
    for probability, labels in wishes:
        model = room.draw(*labels)
        if model is not None and room.chance(probability):
            room.put(model)


def _things_on(room: Furnishing, support: int, labels: tuple[str, ...], number: int) -> None:
    """Stand up to `number` things of the given classes on a support, now and then two of a kind."""
    present = [label for label in labels if label in room.stock]
    model = None
    for _ in range(number if present else 0):
        if model is None or not room.chance(0.25):
            model = room.draw(present[int(room.rng.integers(len(present)))])
        if model is not None:
            room.on_top(model, room.stretched(model), support)


ARRANGEMENTS: dict[str, Callable[[Furnishing], None]] = {
    "sofa group": sofa_group,
    "television": television,
    "bed group": bed_group,
    "desk group": desk_group,
    "dining group": dining_group,
    "kitchen row": kitchen_row,
    "bathroom set": bathroom_set,
}
