# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, habits: class -> how a thing stands, kind of room -> which classes it holds.

Written tables, because the catalogue does not say them. `standing` answers for every model, by class where the table
has a line and by category and size where it has none; None means that rooms never hold it (what is smaller than a few
centimetres, flat clothes, street lamps, whole wall units). The weights of a kind are relative; they are chosen so that
every class with several models comes up often enough to be learnt, not to mirror real homes.

May import: the word lists of `world.py` and `furniture/classes.py`.
"""

from dataclasses import dataclass
from functools import lru_cache

from transformers_sr3d.rooms.furniture.classes import CATEGORY_LABELS, KEY_LABELS, LABEL_NAMES
from transformers_sr3d.rooms.world import FurnitureModel


WALL, FREE, CORNER, SEAT, TOP, FLOOR_SMALL = "wall", "free", "corner", "seat", "top", "floor small"
HUNG, CEILING, RUG, KITCHEN_ROW = "hung", "ceiling", "rug", "kitchen row"


def _words(text: str) -> list[str]:
    """Read `"sofa; chair"`."""
    return [word.strip() for word in text.split(";")]


STANDING_LABELS: dict[str, str] = {
    WALL: """sofa; bookcase; dresser; tv stand; cabinet; wardrobe; desk; bed; sofa bed; bunk bed; crib; bench;
        piano; fireplace; toilet; bidet; vanity; bathtub; shower; safe; filing cabinet; water dispenser; whiteboard;
        dressing table; changing table; workbench; freezer; bedside table; trunk; clothes rack; folding screen; broom;
        pinball machine; wood stove; washing machine; radiator; washbasin; locker; table football""",
    CORNER: "corner sofa; christmas tree; floor lamp; guitar",
    FREE: """table; coffee table; kitchen island; drawing table; pool table; table tennis; drying rack; step ladder;
        treadmill; exercise bike; weight bench; wheelchair; punching bag; bean bag; rocking horse; mattress""",
    SEAT: "chair; office chair; armchair; stool; floor chair; high chair",
    FLOOR_SMALL: """box; trash can; basket; ball; suitcase; backpack; briefcase; shoes; umbrella; fire extinguisher;
        wood logs; potty; basin; dollhouse; dustpan; gift; barrel; traffic cone""",
    HUNG: """wall cabinet; range hood; wall lamp; coat hooks; dartboard; knife rack; kitchen tools; towel;
        towel rack; shower head; toilet brush; toilet paper holder; air conditioner; intercom; intercom with screen;
        blind; curtain; emergency sign; surveillance camera; water heater; urinal""",
    CEILING: "ceiling lamp; fluorescent lamp; ceiling fan; track lights",
    RUG: "rug",
    TOP: "table lamp; cooktop; aquarium",
    KITCHEN_ROW: "base cabinet; refrigerator; stove; oven; kitchen sink; tall cabinet",
}
STANDING = {label: how for how, labels in STANDING_LABELS.items() for label in _words(labels)}

NEVER_PLACED = frozenset(
    _words(
        """contemporary living room; tatami; suit; hanging clothes; dress; jacket; short; skirt; sock; trousers; glove;
        watch; ring; clothes hanger; outdoor lamp; park light; porch light; street lamp; street light; classic
        lamppost; shower door; shower curtain; sleeping bag; fence; iron railing; chimney; round chimney; mower;
        shipping container; pallet; smoke detector; number lock; fitness tower; tennis racket; saw; hammer; shovel;
        screwdriver; cutting pliers; grinder; card game; ruler; tape; tape measure; keys; plate rack"""
    )
)
SMALLEST_PLACED_M = 0.06
FLAT_M = 0.005
WIDEST_TOP_M = 0.7
SMALL_PLANT_M = 0.5
TALLEST_CEILING_LAMP_M = 1.8
# The bottom of what hangs where the catalogue gives no elevation, metres.
DEFAULT_ELEVATIONS_M = {"range hood": 1.65, "towel": 0.9, "kitchen tools": 1.2, "knife rack": 1.2, "urinal": 0.4}
DEFAULT_ELEVATION_M = 1.3
# Flat on top over their whole middle, at the height that the catalogue gives.
SUPPORTS = frozenset(
    _words(
        """table; coffee table; desk; bedside table; dresser; tv stand; cabinet; base cabinet; kitchen island;
        bookcase; trunk; filing cabinet; washing machine; safe; bench"""
    )
)
# Seen from above these are round, oval or angled: only the ellipse inside of the footprint carries.
ELLIPSE_SUPPORTS = frozenset(("table", "coffee table"))
# Not flat at their nominal height: folded cloth, a sunk plate, an angle that is missing from the rectangle.
UNEVEN_KEYS = frozenset(
    (
        "Blend Swap CC-0#tableWithTablecloth",
        "Scopia#coffee_table",
        "Scopia#living_room_table",
        "Scopia#wooden_office_pear_table",
        "Scopia#wooden_office_teak_table",
    )
)
REPEATED = frozenset(
    _words(
        """armchair; plant; box; vase; bottle; cup; glass; bowl; table lamp; flowers; chair; stool; radiator; speaker;
        bookcase; shoes; washbasin; wardrobe; stereo; ball; rug"""
    )
)


@dataclass(frozen=True)
class RoomKind:
    """What a kind of room holds.

    Attributes:
        sides_m (`tuple[float, float]`): Shortest and longest side of its floor, metres.
        groups (`tuple[tuple[str, float], ...]`): Names of arrangements with the probability of each, in the order in
            which they are set up.
        weights (`dict[str, float]`): How often a class is drawn to fill the room, relative.
    """

    sides_m: tuple[float, float]
    groups: tuple[tuple[str, float], ...]
    weights: dict[str, float]


def _weights(text: str) -> dict[str, float]:
    """Read `"sofa 2; chair 1"`."""
    entries = (entry.strip().rsplit(" ", 1) for entry in text.split(";"))
    return {label: float(weight) for label, weight in entries}


ROOM_KINDS: dict[str, RoomKind] = {
    "living room": RoomKind(
        (3.4, 7.5),
        (("sofa group", 0.85), ("television", 0.6), ("dining group", 0.15)),
        _weights(
            """armchair 3; plant 5; bookcase 3; table lamp 3; vase 4; flowers 5; rug 2; radiator 3; stereo 3;
            box 2; stool 2; ceiling lamp 3; bottle 2; glass 2; bowl 3; cup 2; dresser 1; cabinet 1; piano 1;
            fireplace 1; speaker 1; floor lamp 1; picture frame 1; clock 0.6; bean bag 0.6; wall lamp 1;
            aquarium 0.6; guitar 0.5; book 0.6; coffee table 1.5; shoes 1; bench 0.6; christmas tree 0.4;
            folding screen 0.4; fan 0.5; curtain 0.6; radio 0.4; telephone 0.5; game console 0.4; candle 0.7;
            trunk 0.4; laptop 0.5; tray 0.4; remote control 0.3; tv 0.6; wood logs 0.3; air conditioner 0.4;
            ball 0.3; lantern 0.4; basket 0.4; desk 0.8"""
        ),
    ),
    "bedroom": RoomKind(
        (2.7, 5.5),
        (("bed group", 0.95), ("desk group", 0.25), ("television", 0.15)),
        _weights(
            """wardrobe 6; table lamp 3; shoes 5; rug 2; radiator 2; plant 3; box 2.5; vase 1.5; flowers 2;
            bookcase 2.5; ceiling lamp 2.5; stool 1.5; armchair 1.5; chair 1; desk 1; dresser 2; stereo 2;
            crib 0.6; dressing table 0.8; changing table 0.4; trunk 0.7; suitcase 0.7; backpack 0.7;
            handbag 0.5; teddy bear 0.6; doll 0.4; hat 0.6; ball 0.5; dollhouse 0.4; rocking horse 0.5;
            toy car 0.4; toy train 0.4; picture frame 0.7; clock 0.7; book 0.6; bottle 1; glass 1; cup 1;
            folded clothes 0.6; clothes rack 0.6; laptop 0.4; fan 0.4; wall lamp 0.7; curtain 0.6; basket 0.6;
            briefcase 0.3; mattress 0.4; umbrella 0.3; helmet 0.3; bedside table 1; tv 0.4; blind 0.3"""
        ),
    ),
    "kitchen": RoomKind(
        (2.6, 5.8),
        (("kitchen row", 1.0), ("dining group", 0.45)),
        _weights(
            """bottle 4; cup 4; glass 4; bowl 5; cooktop 8; stool 4; coffee maker 2; microwave 1; toaster 1;
            blender 1; mixer 0.7; kettle 1; plant 1.5; flowers 1; vase 1; trash can 2; box 1.5; radiator 1;
            ceiling lamp 2; plate 0.6; pot 0.7; teapot 0.6; jug 0.8; jar 0.8; tray 0.6; kitchen tool 1;
            knife block 0.5; bread box 0.4; scale 0.6; paper towel holder 0.4; washing machine 1; freezer 0.7;
            basket 0.5; kitchen island 1; rice cooker 0.4; french press 0.4; moka pot 0.4; spice tower 0.3;
            cutting board 0.4; high chair 0.6; clock 0.4; radio 0.4; utensils pot 0.4; birthday cake 0.3;
            bread 0.3; milk 0.4; roasted chicken 0.3; broom 0.5; kitchen tools 0.3; fluorescent lamp 0.4;
            chair 0.7; table 1; wall lamp 0.4; place setting 0.4; oven 0.5"""
        ),
    ),
    "bathroom": RoomKind(
        (2.2, 4.2),
        (("bathroom set", 1.0),),
        _weights(
            """washbasin 5; radiator 4; bottle 4; rug 2; towel rack 1.5; towel 1; toilet 1; bidet 1; vanity 0.8;
            basket 1; washing machine 1.5; trash can 1.5; stool 3; plant 2; box 1.5; vase 1; flowers 0.8;
            glass 1.5; cup 1; shoes 2; soap dispenser 0.7; toilet brush 0.5; toilet paper holder 0.7;
            urinal 0.6; shower head 0.4; potty 0.5; scale 0.5; basin 0.6; water heater 0.8; wall lamp 0.7;
            ceiling lamp 2; bathtub 0.5; drying rack 0.6; sponge 0.3; jar 0.4; candle 0.5; folded clothes 0.4;
            chair 0.5; wall cabinet 1; wardrobe 1; dresser 0.4"""
        ),
    ),
    "office": RoomKind(
        (2.8, 6.5),
        (("desk group", 1.0), ("desk group", 0.45), ("dining group", 0.12)),
        _weights(
            """bookcase 4; cabinet 1.5; table lamp 3; plant 4; box 3; computer 2; laptop 2; printer 1.5;
            telephone 1.5; trash can 1.5; armchair 2; sofa 1; radiator 3; ceiling lamp 2; cup 2.5; bottle 2;
            glass 1; vase 1; flowers 2; bowl 0.6; stereo 2; stool 1; whiteboard 0.8; filing cabinet 1; safe 0.6;
            water dispenser 0.8; pen holder 0.7; tray 0.7; calendar 0.4; book 0.8; headphones 0.4; camera 0.5;
            fan 0.7; drawing table 0.7; clock 0.6; rug 1; wall lamp 0.5; air conditioner 0.6;
            fire extinguisher 0.5; projector 0.5; briefcase 0.5; backpack 0.6; shoes 0.5; tablet 0.4;
            fluorescent lamp 0.6; step ladder 0.5; coffee maker 0.6; office chair 1; wardrobe 0.7;
            mobile phone 0.4; tv 0.4; coffee table 1; surveillance camera 0.3; blind 0.4; corner sofa 0.6;
            desk 1"""
        ),
    ),
    "dining room": RoomKind(
        (3.0, 6.0),
        (("dining group", 1.0),),
        _weights(
            """dresser 1.5; cabinet 1.5; vase 4; flowers 4; bowl 4; glass 4; bottle 4; cup 3; plant 3; rug 2;
            radiator 2; ceiling lamp 4; bookcase 2; table lamp 2; piano 1; fireplace 1; candle 1;
            place setting 1; plate 1; tray 0.8; jug 1; teapot 0.7; birthday cake 0.4; box 1; stereo 1.5;
            armchair 1; high chair 0.7; bench 0.7; clock 0.7; wall lamp 0.8; picture frame 0.6; stool 1;
            curtain 0.6; aquarium 0.5; pool table 0.4; corner sofa 0.6; trunk 0.4"""
        ),
    ),
    "studio": RoomKind(
        (4.0, 8.0),
        (("sofa group", 0.5), ("bed group", 0.6), ("kitchen row", 0.4), ("desk group", 0.4), ("dining group", 0.25)),
        _weights(
            """plant 5; box 3; wardrobe 4; bookcase 2; table lamp 2; radiator 2; shoes 3; stool 3; rug 2;
            armchair 2; ceiling lamp 2; stereo 2; coffee table 1; tv stand 0.5; tv 0.7; vase 1; flowers 1;
            bottle 1; cup 1; bowl 1; glass 1; treadmill 0.5; exercise bike 0.7; weight bench 0.5;
            punching bag 0.4; table tennis 0.3; pool table 0.3; table football 0.4; pinball machine 0.4;
            wheelchair 0.5; step ladder 0.7; drying rack 0.7; workbench 0.6; suitcase 0.6; backpack 0.6;
            guitar 0.6; dartboard 0.4; barrel 0.5; traffic cone 0.3; ball 0.7; bean bag 0.7; piano 0.5;
            wood stove 0.4; water heater 0.3; broom 0.4; washing machine 0.6; trash can 1; umbrella 0.4;
            bench 0.6; folding screen 0.5; speaker 1; trunk 0.4; corner sofa 1; floor lamp 0.5; sofa 1;
            keyboard 0.4; laptop 0.5; fan 0.4"""
        ),
    ),
}
KIND_WEIGHTS = {
    "living room": 0.22,
    "bedroom": 0.18,
    "kitchen": 0.16,
    "bathroom": 0.14,
    "office": 0.12,
    "dining room": 0.08,
    "studio": 0.10,
}


def placed_names() -> list[str]:
    """Give the names that things in rooms may have, of whatever furniture.

    Returns:
        `list[str]`: In alphabetical order; of a catalogue with names of its own, those that a kind of room asks for.
    """
    corrected = {*CATEGORY_LABELS.values(), *KEY_LABELS.values()}
    wanted = {label for kind in ROOM_KINDS.values() for label in kind.weights}
    return sorted(({*LABEL_NAMES} | corrected | wanted) - NEVER_PLACED)


@lru_cache(maxsize=4096)
def standing(model: FurnitureModel) -> str | None:
    """Say how a model stands in a room.

    Args:
        model (`FurnitureModel`): What the catalogue says of it.

    Returns:
        `str`, *optional*: `"wall"` (back to a wall), `"corner"` (at the end of a wall), `"free"`, `"seat"` (free or at
        a wall, looking into the room), `"top"` (on other furniture), `"floor small"`, `"hung"` (on a wall),
        `"ceiling"`, `"rug"`, `"kitchen row"`, or None if rooms never hold it.
    """
    width, depth, height = model.size
    sides = sorted(model.size)
    if model.label in NEVER_PLACED or model.label.endswith((" plug", " switch", " socket")):
        return None
    if sides[2] < SMALLEST_PLACED_M or sides[1] < SMALLEST_PLACED_M / 2:
        return None
    how = STANDING.get(model.label)
    if how == CEILING and height > TALLEST_CEILING_LAMP_M:
        return None
    if model.label in ("plant", "vase", "flowers", "speaker", "lantern", "tv", "clock") and how is None:
        return _standing_of_small_or_large(model)
    return how or _standing_by_size(model, max(width, depth), height)


def _standing_of_small_or_large(model: FurnitureModel) -> str:
    if model.elevation > 0:
        return HUNG
    return TOP if max(model.size) <= SMALL_PLANT_M or model.label in ("flowers", "tv") else FLOOR_SMALL


def _standing_by_size(model: FurnitureModel, across: float, height: float) -> str | None:
    """Guess from category, elevation and size for a class that the table lacks."""
    if model.elevation > 0 and min(model.size) > 0.03:
        return HUNG
    if across <= WIDEST_TOP_M and height <= WIDEST_TOP_M + 0.1:
        return TOP if height > FLAT_M or model.label == "cooktop" else None
    if model.category == "Lights" or max(model.size) > 3:
        return None
    return WALL
