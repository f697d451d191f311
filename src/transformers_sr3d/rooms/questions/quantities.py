# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, the numbers behind questions: facts -> what is seen well enough, lengths, places and directions.

Truth is that of whole boxes, also where the views show a part of them; so each quantity has a gate that says which
objects show enough of themselves for it. A gate counts what all views together show. The price: an object may pass
whose parts are seen in different views only.

May import: NumPy, `rooms.world`.
"""

from math import atan2, degrees, hypot

import numpy as np

from transformers_sr3d.rooms.world import ObjectFacts, RoomFacts


# Pixels in a view whose longer side has REFERENCE_SIDE pixels; larger views need more in proportion to their area.
REFERENCE_SIDE = 256
MIN_PIXELS = 60  # to be a region, to be counted, to have a place
MIN_CLEAR_PIXELS = 100  # to be named, and to be nearer or farther than another
# Shares of an object's extents that all views together must show.
MIN_SEEN_WIDTH = 0.75  # of the wider horizontal axis
MIN_SEEN_HEIGHT = 0.75
MIN_SEEN_VOLUME = 0.6  # of each axis
MIN_SEEN_PLACE = 0.3  # of each horizontal axis
MAX_UNSEEN_M = 0.15  # or no more than this of it unseen: a picture shows nothing of its depth, and its place is clear
MIN_LENGTH_M = 0.1  # shorter ones lose too much to the rounding of an answer
MIN_STANDING_M = 0.5  # horizontal distance that makes a direction
SECTOR_DEG = 90.0
MIN_BORDER_DEG = 20.0  # from the border of a sector
SECTORS = ("front", "right", "behind", "left")  # clockwise from above


def min_pixels(facts: RoomFacts, pixels: int) -> np.ndarray:
    """Scale a number of pixels to the size of each view.

    Args:
        facts (`RoomFacts`): The room.
        pixels (`int`): For a view of `REFERENCE_SIDE` pixels.

    Returns:
        `np.ndarray` of shape `(V,)`: Pixels.
    """
    sides = np.array([max(view.image_size_hw) for view in facts.views])
    return pixels * (sides / REFERENCE_SIDE) ** 2


def is_visible(facts: RoomFacts, index: int, *, pixels: int = MIN_PIXELS) -> bool:
    """Tell whether some view shows an object with enough pixels.

    Args:
        facts (`RoomFacts`): The room.
        index (`int`): The object.
        pixels (`int`, defaults to `MIN_PIXELS`): For a view of `REFERENCE_SIDE` pixels.

    Returns:
        `bool`: Whether one does.
    """
    return bool((facts.objects[index].visible_pixels >= min_pixels(facts, pixels)).any())


def shows_width(thing: ObjectFacts) -> bool:
    """Tell whether the views show enough of an object to know its width.

    Args:
        thing (`ObjectFacts`): The object.

    Returns:
        `bool`: At least `MIN_SEEN_WIDTH` of the wider horizontal axis.
    """
    return bool(thing.seen_share[int(np.argmax(thing.size[:2]))] >= MIN_SEEN_WIDTH)


def shows_height(thing: ObjectFacts) -> bool:
    """Tell whether the views show enough of an object to know its height.

    Args:
        thing (`ObjectFacts`): The object.

    Returns:
        `bool`: At least `MIN_SEEN_HEIGHT` of the vertical axis.
    """
    return bool(thing.seen_share[2] >= MIN_SEEN_HEIGHT)


def shows_volume(thing: ObjectFacts) -> bool:
    """Tell whether the views show enough of an object to know its volume.

    Args:
        thing (`ObjectFacts`): The object.

    Returns:
        `bool`: At least `MIN_SEEN_VOLUME` of each axis.
    """
    return bool((thing.seen_share >= MIN_SEEN_VOLUME).all())


def shows_place(facts: RoomFacts, index: int) -> bool:
    """Tell whether the views show enough of an object to know where its centre is.

    Args:
        facts (`RoomFacts`): The room.
        index (`int`): The object.

    Returns:
        `bool`: Visible, and of each horizontal axis at least `MIN_SEEN_PLACE` seen or at most `MAX_UNSEEN_M` unseen.
    """
    thing = facts.objects[index]
    share, size = thing.seen_share[:2], thing.size[:2]
    return is_visible(facts, index) and bool(((share >= MIN_SEEN_PLACE) | ((1 - share) * size <= MAX_UNSEEN_M)).all())


def shows_name(facts: RoomFacts, index: int) -> bool:
    """Tell whether the views show enough of an object to name it.

    Args:
        facts (`RoomFacts`): The room.
        index (`int`): The object.

    Returns:
        `bool`: A view shows `MIN_CLEAR_PIXELS` of it, not cut by the image border or together with a second view.
    """
    thing = facts.objects[index]
    clear = thing.visible_pixels >= min_pixels(facts, MIN_CLEAR_PIXELS)
    several = (thing.visible_pixels >= min_pixels(facts, MIN_PIXELS)).sum() >= 2
    return bool((clear & ~thing.cut).any() or (clear.any() and several))


def distance(first: ObjectFacts, second: ObjectFacts) -> float:
    """Give the distance between the centres of two boxes.

    Args:
        first (`ObjectFacts`): An object.
        second (`ObjectFacts`): Another.

    Returns:
        `float`: Metres.
    """
    return float(np.linalg.norm(first.center - second.center))


def horizontal_distance(first: ObjectFacts, second: ObjectFacts) -> float:
    """Give the distance between the centres of two boxes seen from above.

    Args:
        first (`ObjectFacts`): An object.
        second (`ObjectFacts`): Another.

    Returns:
        `float`: Metres.
    """
    return float(np.linalg.norm(first.center[:2] - second.center[:2]))


def center_in_camera(facts: RoomFacts, index: int) -> np.ndarray:
    """Give the centre of an object's box in the camera of the first view.

    Args:
        facts (`RoomFacts`): The room.
        index (`int`): The object.

    Returns:
        `np.ndarray` of shape `(3,)`: Metres, OpenCV axes.
    """
    camera_to_world = facts.views[0].camera_to_world
    return (facts.objects[index].center - camera_to_world[:3, 3]) @ camera_to_world[:3, :3]


def center_in_image(facts: RoomFacts, index: int) -> tuple[float, float]:
    """Project the centre of an object's box into the first view.

    Args:
        facts (`RoomFacts`): The room.
        index (`int`): The object; its centre lies before the camera.

    Returns:
        `tuple[float, float]`: Column in widths and row in heights of the image, from its top left corner.
    """
    x, y, z = center_in_camera(facts, index)
    intrinsics, (rows, columns) = facts.views[0].intrinsics, facts.views[0].image_size_hw
    column = intrinsics[0, 0] * x / z + intrinsics[0, 2]
    row = intrinsics[1, 1] * y / z + intrinsics[1, 2]
    return float(column + 0.5) / columns, float(row + 0.5) / rows


def bearing(stand: ObjectFacts, facing: ObjectFacts, target: ObjectFacts) -> tuple[float, float] | None:
    """Give the direction of an object for someone who stands at a second one and faces a third.

    Args:
        stand (`ObjectFacts`): Where one stands.
        facing (`ObjectFacts`): What one looks at.
        target (`ObjectFacts`): What is sought.

    Returns:
        `tuple[float, float] | None`: Unit vector (right, forward) on the floor between the centres, or None if less
        than `MIN_STANDING_M` separates the stander from one of the two seen from above.
    """
    ahead_x, ahead_y = map(float, (facing.center - stand.center)[:2])
    x, y = map(float, (target.center - stand.center)[:2])
    if min(hypot(ahead_x, ahead_y), hypot(x, y)) < MIN_STANDING_M:
        return None
    scale = hypot(ahead_x, ahead_y) * hypot(x, y)
    return (x * ahead_y - y * ahead_x) / scale, (x * ahead_x + y * ahead_y) / scale


def sector(direction: tuple[float, float]) -> str | None:
    """Say in which of four sectors of `SECTOR_DEG` a direction lies.

    Args:
        direction (`tuple[float, float]`): Unit vector (right, forward).

    Returns:
        `str | None`: One of `SECTORS`, or None within `MIN_BORDER_DEG` of a border.
    """
    angle = degrees(atan2(direction[0], direction[1])) % 360.0  # clockwise from straight ahead
    nearest = round(angle / SECTOR_DEG)
    if abs(angle - nearest * SECTOR_DEG) > SECTOR_DEG / 2 - MIN_BORDER_DEG:
        return None
    return SECTORS[nearest % len(SECTORS)]
