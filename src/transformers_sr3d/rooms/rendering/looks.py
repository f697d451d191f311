# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""How a room looks: room and random generator -> paints, windows and doors, lights, tints of the objects, a camera.

Nothing here changes geometry. The spread is wide on purpose: a model that has seen only one kind of light takes a
photo for something else.

May import: NumPy and siblings in `rooms`.
"""

from dataclasses import dataclass

import numpy as np

from transformers_sr3d.rooms.rendering.patterns import Opening, Pattern
from transformers_sr3d.rooms.rendering.ray_casting import floor_triangles
from transformers_sr3d.rooms.world import PlacedObject, Room


# Linear colour of light by colour temperature, kelvin.
LIGHT_KELVIN = np.array([2500.0, 3000.0, 4000.0, 5000.0, 6500.0, 9000.0])
LIGHT_COLORS = np.array(
    [[1.0, 0.49, 0.17], [1.0, 0.56, 0.27], [1.0, 0.68, 0.46], [1.0, 0.79, 0.65], [1.0, 0.95, 0.93], [0.82, 0.88, 1.0]]
)
WOODS = np.array([[0.60, 0.42, 0.25], [0.45, 0.27, 0.14], [0.72, 0.56, 0.38], [0.30, 0.18, 0.11], [0.62, 0.55, 0.46]])
STONES = np.array([[0.75, 0.73, 0.70], [0.55, 0.53, 0.50], [0.35, 0.35, 0.36], [0.72, 0.62, 0.50], [0.85, 0.84, 0.82]])
WET_ROOMS = ("bathroom", "kitchen")
LAMP_WORDS = ("lamp", "light", "chandelier", "lantern", "sconce")
WINDOW_SILL_M = (0.5, 1.1)
DOOR_SIZE_M = (0.9, 2.05)
# How near to a wall things hide a door, and how near a window.
DOOR_CLEARANCE_M, WINDOW_CLEARANCE_M = 0.7, 0.15
OPENING_TRIES = 12
# Of the rooms; smooth edges cost a third of a picture's time.
SMOOTH_SHARE = 0.3


@dataclass(frozen=True)
class Light:
    """A lamp or window as a small parallelogram that sends light.

    Attributes:
        center (`np.ndarray` of shape `(3,)`): Metres, world.
        half_edges (`np.ndarray` of shape `(2, 3)`): From the middle to the middle of two sides, metres.
        direction (`np.ndarray` of shape `(3,)`, *optional*): Where a window faces; None for a lamp, which shines
            everywhere.
        color (`np.ndarray` of shape `(3,)`): Linear colour and strength at about 1 m.
    """

    center: np.ndarray
    half_edges: np.ndarray
    direction: np.ndarray | None
    color: np.ndarray


@dataclass(frozen=True)
class CameraLook:
    """What the camera makes of the light.

    Attributes:
        exposure (`float`): Brightness that the middle of the picture is brought to, linear.
        white (`np.ndarray` of shape `(3,)`): Factors of the colour channels, from an imperfect white balance.
        gamma (`float`): Exponent of the tone curve relative to sRGB.
        vignette (`float`): Share of light lost in the corners.
        noise (`float`): Standard deviation of the noise at middle brightness, of the full range.
        blur (`float`): Weight of each neighbour in a 3-tap filter, 0 for none.
        smooth_edges (`bool`): Whether edges are averaged over the pixel.
    """

    exposure: float
    white: np.ndarray
    gamma: float
    vignette: float
    noise: float
    blur: float
    smooth_edges: bool


@dataclass(frozen=True)
class RoomLook:
    """Everything about a room that is not geometry.

    Attributes:
        floor, ceiling (`Pattern`): Paints.
        walls (`list[Pattern]`): One per wall.
        skirting (`tuple[float, np.ndarray]`): Height of the strip at the foot of the walls, metres (0 for none), and
            its linear colour.
        openings (`list[Opening]`): Windows and doors.
        lights (`list[Light]`): The first one casts shadows.
        ambient (`np.ndarray` of shape `(2, 3)`): Linear light from above and from below.
        tints (`np.ndarray` of shape `(N, 3)`): Factors on the colour of each object.
        gloss (`np.ndarray` of shape `(N,)`): Strength of each object's highlight.
        glow (`np.ndarray` of shape `(N,)`): Own light of each object, in parts of its colour.
        camera (`CameraLook`): The camera.
    """

    floor: Pattern
    ceiling: Pattern
    walls: list[Pattern]
    skirting: tuple[float, np.ndarray]
    openings: list[Opening]
    lights: list[Light]
    ambient: np.ndarray
    tints: np.ndarray
    gloss: np.ndarray
    glow: np.ndarray
    camera: CameraLook


def draw_look(room: Room, rng: np.random.Generator) -> RoomLook:
    """Draw how a room looks.

    Args:
        room (`Room`): The room.
        rng (`np.random.Generator`): Source of all randomness.

    Returns:
        `RoomLook`: Paints, lights and camera.
    """
    openings = _draw_openings(room, rng)
    lights, ambient = _draw_lights(room, openings, rng)
    white = rng.uniform(0.75, 0.97) * (1 + rng.uniform(-0.04, 0.04, 3))
    count = len(room.objects)
    lamps = np.array([any(word in thing.model.label for word in LAMP_WORDS) for thing in room.objects], bool)
    return RoomLook(
        floor=_draw_floor(room, rng),
        ceiling=Pattern("plain", white, white, (1.0, 1.0), 0.0, 0.05),
        walls=_draw_walls(room, rng),
        skirting=(float(rng.choice([0.0, rng.uniform(0.05, 0.12)], p=[0.3, 0.7])), _some(WOODS, rng, 0.5, white)),
        openings=openings,
        lights=lights,
        ambient=ambient,
        tints=_draw_tints(count, rng),
        gloss=np.where(rng.uniform(size=count) < 0.35, rng.uniform(0.03, 0.25, count), 0.0),
        glow=np.where(lamps & (rng.uniform() < 0.4), rng.uniform(0.8, 3.0), 0.0).reshape(count),
        camera=_draw_camera_look(lights, rng),
    )


def wall_frame(room: Room, wall: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Give the frame of a wall.

    Args:
        room (`Room`): The room.
        wall (`int`): The wall from this corner of the floor to the next.

    Returns:
        `tuple[np.ndarray, np.ndarray, np.ndarray, float]`: First corner on the floor `(3,)`, unit vector along the
        wall `(3,)`, unit normal into the room `(3,)`, and length in metres.
    """
    start, end = room.floor[wall], room.floor[(wall + 1) % len(room.floor)]
    length = float(np.linalg.norm(end - start))
    x, y = (end - start) / length
    return np.array([*start, room.floor_z]), np.array([x, y, 0.0]), np.array([-y, x, 0.0]), length


def _some(table: np.ndarray, rng: np.random.Generator, share: float, otherwise: np.ndarray) -> np.ndarray:
    return (table[rng.integers(len(table))] ** 2.2) if rng.uniform() < share else otherwise


def _pastel(rng: np.random.Generator, brightness: tuple[float, float], saturation: float) -> np.ndarray:
    """A linear colour of drawn sRGB brightness and at most this saturation."""
    hue, strength = rng.uniform(0, 6), rng.uniform(0, saturation) * rng.uniform(0.2, 1)
    rainbow = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1, 0, 1)
    return (rng.uniform(*brightness) * (1 - strength + strength * rainbow)) ** 2.2


def _draw_floor(room: Room, rng: np.random.Generator) -> Pattern:
    wet = any(word in room.kind for word in WET_ROOMS)
    shares = [0.05, 0.25, 0.5, 0.0, 0.2, 0.0, 0.0] if wet else [0.1, 0.5, 0.15, 0.0, 0.05, 0.2, 0.0]
    kind = str(rng.choice(["plain", "planks", "tiles", "bricks", "checker", "carpet", "stripes"], p=shares))
    angle = float(np.arctan2(*(room.floor[1] - room.floor[0])[::-1]) + rng.integers(2) * np.pi / 2)
    if kind == "planks":
        wood = np.clip(WOODS[rng.integers(len(WOODS))] + rng.uniform(-0.06, 0.06), 0.05, 0.9) ** 2.2
        period = (rng.uniform(0.6, 2.0), rng.uniform(0.07, 0.22))
        return Pattern(kind, wood, wood * 0.3, period, angle, rng.uniform(0.08, 0.3))
    if kind in ("tiles", "checker"):
        stone = np.clip(STONES[rng.integers(len(STONES))] + rng.normal(0, 0.03, 3), 0.05, 0.95) ** 2.2
        side = rng.uniform(0.2, 0.6)
        second = stone * rng.uniform(0.2, 0.7) if kind == "checker" else np.full(3, rng.uniform(0.08, 0.5))
        return Pattern(kind, stone, second, (side, side), angle, rng.uniform(0.02, 0.15))
    color = _pastel(rng, (0.25, 0.8), 0.5)
    return Pattern(kind, color, color, (1.0, 1.0), angle, rng.uniform(0.1, 0.35))


def _draw_walls(room: Room, rng: np.random.Generator) -> list[Pattern]:
    count = len(room.floor)
    wet = any(word in room.kind for word in WET_ROOMS)
    color = _pastel(rng, (0.6, 0.97), 0.35)
    kind = str(rng.choice(["plain", "stripes", "tiles"], p=[0.5, 0.0, 0.5] if wet else [0.88, 0.12, 0.0]))
    side = rng.uniform(0.1, 0.3) if kind == "tiles" else rng.uniform(0.08, 0.4)
    second = color * rng.uniform(0.7, 0.95)
    main = Pattern(kind, color, second, (side, side), 0.0, rng.uniform(0.02, 0.1))
    walls = [main] * count
    if rng.uniform() < 0.3:
        accent_kind = str(rng.choice(["plain", "bricks", "stripes"], p=[0.6, 0.25, 0.15]))
        accent = _pastel(rng, (0.3, 0.8), 0.6)
        if accent_kind == "bricks":
            accent = np.array([0.36, 0.13, 0.08]) * rng.uniform(0.7, 1.6)
        period = (0.24, 0.075) if accent_kind == "bricks" else (side, side)
        joint = np.full(3, 0.5) if accent_kind == "bricks" else accent * 0.8
        walls[rng.integers(count)] = Pattern(accent_kind, accent, joint, period, 0.0, 0.2)
    return walls


def _draw_openings(room: Room, rng: np.random.Generator) -> list[Opening]:
    openings: list[Opening] = []
    wanted = ["door"] * int(rng.uniform() < 0.7) + ["window"] * int(rng.choice([0, 1, 2, 3], p=[0.25, 0.4, 0.25, 0.1]))
    sky = rng.uniform(0.8, 3.0) * np.array([0.75, 0.88, 1.0]) * (1 + rng.uniform(-0.15, 0.15, 3))
    ground = sky * rng.uniform(0.05, 0.8) * rng.uniform(0.6, 1.0, 3)
    frame = _some(WOODS, rng, 0.3, np.full(3, 0.8))
    leaf = _some(WOODS, rng, 0.6, np.full(3, rng.uniform(0.5, 0.85)))
    panes = (int(rng.integers(1, 4)), int(rng.integers(1, 3)))
    for kind in wanted:
        for _ in range(OPENING_TRIES):
            wall = int(rng.integers(len(room.floor)))
            span = _draw_span(room, kind, wall, rng)
            if span is None or any(other.wall == wall and _overlap(other, span) for other in openings):
                continue
            if not _wall_is_free(room, wall, span, DOOR_CLEARANCE_M if kind == "door" else WINDOW_CLEARANCE_M):
                continue
            colors = (leaf if kind == "door" else frame, sky, ground)
            openings.append(Opening(kind, wall, *span, *colors, num_panes=panes if kind == "window" else (1, 2)))
            break
    return openings


def _draw_span(room: Room, kind: str, wall: int, rng: np.random.Generator) -> tuple[float, float, float, float] | None:
    """Left, right, bottom and top on a wall; None where it is too short."""
    length = wall_frame(room, wall)[3]
    if kind == "door":
        width, bottom, top = DOOR_SIZE_M[0] * rng.uniform(0.9, 1.1), 0.0, DOOR_SIZE_M[1] * rng.uniform(0.97, 1.05)
    else:
        width, bottom = rng.uniform(0.7, 2.2), rng.uniform(*WINDOW_SILL_M)
        top = min(bottom + rng.uniform(0.9, 1.6), room.height - 0.15)
    if width > length - 0.3:
        return None
    left = rng.uniform(0.15, length - width - 0.15)
    return left, left + width, bottom, top


def _overlap(opening: Opening, span: tuple[float, float, float, float]) -> bool:
    return opening.left - 0.2 < span[1] and span[0] < opening.right + 0.2


def _wall_is_free(room: Room, wall: int, span: tuple[float, float, float, float], clearance: float) -> bool:
    """Whether nothing stands or hangs between a part of a wall and `clearance` metres in front of it."""
    start, along, inwards, _ = wall_frame(room, wall)
    for thing in room.objects:
        corners = _box_corners(thing) - start
        x, y, z = corners @ along, corners @ inwards, corners[:, 2]
        beside = x.max() < span[0] or x.min() > span[1] or z.max() < span[2] or z.min() > span[3]
        if not beside and y.min() < clearance:
            return False
    return True


def _box_corners(thing: PlacedObject) -> np.ndarray:
    signs = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    return (signs * thing.size) @ thing.rotation.T + thing.center


def _light_color(rng: np.random.Generator, kelvin: tuple[float, float]) -> np.ndarray:
    temperature = rng.uniform(*kelvin)
    return np.array([np.interp(temperature, LIGHT_KELVIN, channel) for channel in LIGHT_COLORS.T])


def _draw_lights(room: Room, openings: list[Opening], rng: np.random.Generator) -> tuple[list[Light], np.ndarray]:
    """Lamps at the ceiling and light from the windows, the strongest first, and the light from everywhere."""
    lights = [_window_light(room, opening, rng) for opening in openings if opening.kind == "window"]
    lamp_is_on = not lights or rng.uniform() < 0.5
    for _ in range(int(rng.integers(1, 3)) if lamp_is_on else 0):
        lights.append(_ceiling_lamp(room, rng))
    lights.sort(key=lambda light: -light.color.sum())
    # Light of a window reaches half of the directions that a lamp's light does.
    total = np.sum([light.color * (1.0 if light.direction is None else 0.5) for light in lights], axis=0)
    ambient = rng.uniform(0.1, 0.4) * total * (1 + rng.uniform(-0.05, 0.05, 3))
    return lights, np.stack((ambient, ambient * rng.uniform(0.45, 0.9)))


def _window_light(room: Room, opening: Opening, rng: np.random.Generator) -> Light:
    start, along, inwards, _ = wall_frame(room, opening.wall)
    middle = start + along * (opening.left + opening.right) / 2 + inwards * 0.05
    middle[2] += (opening.bottom + opening.top) / 2
    half_edges = np.stack((along * (opening.right - opening.left) / 2, [0, 0, (opening.top - opening.bottom) / 2]))
    color = _light_color(rng, (5500, 9000)) * rng.uniform(1.5, 4.0)
    return Light(middle, 0.9 * half_edges, inwards, color)


def _ceiling_lamp(room: Room, rng: np.random.Generator) -> Light:
    """A lamp below the ceiling above a random part of the floor."""
    place = rng.dirichlet([2.0, 2.0, 2.0]) @ room.floor[rng.choice(floor_triangles(room.floor))]
    center = np.array([*place, room.floor_z + room.height - rng.uniform(0.05, 0.35)])
    radius = rng.uniform(0.04, 0.35)
    half_edges = np.array([[radius, 0.0, 0.0], [0.0, radius, 0.0]])
    return Light(center, half_edges, None, _light_color(rng, (2600, 6000)) * rng.uniform(1.0, 2.5))


def _draw_tints(count: int, rng: np.random.Generator) -> np.ndarray:
    """Mostly small changes of brightness and hue; one object in six is dyed."""
    tints = rng.uniform(0.75, 1.15, (count, 1)) * (1 + rng.uniform(-0.06, 0.06, (count, 3)))
    dyed = rng.uniform(size=count) < 1 / 6
    tints[dyed] *= rng.uniform(0.35, 1.2, (int(dyed.sum()), 3))
    return tints


def _draw_camera_look(lights: list[Light], rng: np.random.Generator) -> CameraLook:
    total = np.sum([light.color for light in lights], axis=0)
    balanced = (total.mean() / total) ** rng.uniform(0.5, 0.95)
    return CameraLook(
        exposure=float(np.exp(rng.normal(np.log(0.2), 0.25))),
        white=balanced * (1 + rng.uniform(-0.05, 0.05, 3)),
        gamma=float(rng.uniform(0.9, 1.12)),
        vignette=float(rng.uniform(0, 0.3)),
        noise=float(rng.uniform(0.003, 0.02)),
        blur=float(rng.uniform(0.0, 0.12)),
        smooth_edges=bool(rng.uniform() < SMOOTH_SHARE),
    )
