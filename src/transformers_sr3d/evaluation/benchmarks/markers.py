# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Markers drawn into a picture: two red circles and their letters -> where A and B are, or None.

A circle is a red spot or ring. Its letter is known by its holes, of which A has one and B has
two, so that no font has to be known; it is near white or near black. Whatever is in doubt is None, never a guess.

May import: NumPy, PIL and scipy.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage


RED_LEAD = 80  # of the red channel over the others
MIN_RED = 150
SMALLEST_PX, LARGEST_SHARE = 6, 0.12  # of a circle: pixels, and share of the picture's longer side
ROUND = 0.88  # least overlap with a true circle
REACH = 4.0  # letters are looked for within so many radii of the centre
BRIGHT, DARK = 200, 60
HOLES = {1: "A", 2: "B"}
ALL_NEIGHBOURS = np.ones((3, 3), dtype=int)


class Marker(NamedTuple):
    """A circle.

    Attributes:
        x (`float`): Pixels of its centre.
        y (`float`): The same.
        radius (`float`): Pixels.
    """

    x: float
    y: float
    radius: float


def find_markers(picture: Image.Image) -> dict[str, Marker] | None:
    """Find the two markers of a picture.

    Args:
        picture (`Image.Image`):
            With drawn circles and letters.

    Returns:
        `dict[str, Marker]` or `None`: `A` and `B`; None unless exactly two circles have one letter beside them, A
        and B.
    """
    pixels = np.asarray(picture.convert("RGB"), dtype=np.int16)
    circles = _find_circles(pixels)
    lettered = [(_letters_beside(pixels, circle, circles), circle) for circle in circles]
    named = [(found.pop(), circle) for found, circle in lettered if len(found) == 1]
    return dict(named) if sorted(letter for letter, _ in named) == ["A", "B"] else None


def _is_red(pixels: np.ndarray) -> np.ndarray:
    red, others = pixels[..., 0], pixels[..., 1:].max(-1)
    return (red >= MIN_RED) & (red - others >= RED_LEAD)


def _find_circles(pixels: np.ndarray) -> list[Marker]:
    labels, _ = ndimage.label(_is_red(pixels), ALL_NEIGHBOURS)
    largest = LARGEST_SHARE * max(pixels.shape[:2])
    circles = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if min(height, width) < SMALLEST_PX or max(height, width) > largest:
            continue
        if _roundness(labels[rows, columns] == number) >= ROUND:
            centre = ((columns.start + columns.stop - 1) / 2, (rows.start + rows.stop - 1) / 2)
            circles.append(Marker(*centre, (width + height) / 4))
    return circles


def _roundness(spot: np.ndarray) -> float:
    """Overlap of a spot, its holes filled, with the circle around its bounding box."""
    filled = ndimage.binary_fill_holes(spot)
    height, width = spot.shape
    rows, columns = np.mgrid[:height, :width]
    radius = (height + width) / 4
    circle = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2) <= radius
    return float((filled & circle).sum() / (filled | circle).sum())


def _letters_beside(pixels: np.ndarray, circle: Marker, circles: list[Marker]) -> set[str]:
    """Letters near a circle to which no other one is nearer."""
    letters = set()
    highest = 3 * SMALLEST_PX + 4 * circle.radius
    for glyphs in ((pixels.min(-1) >= BRIGHT), (pixels.max(-1) <= DARK)):
        labels, _ = ndimage.label(glyphs, ALL_NEIGHBOURS)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            glyph = labels[rows, columns] == number
            height, width = glyph.shape
            is_plate = glyph[[0, 0, -1, -1], [0, -1, 0, -1]].all()  # what a letter is written on has all corners
            if is_plate or not SMALLEST_PX <= height <= highest or not 0.3 < width / height < 1.3:
                continue
            x, y = (columns.start + columns.stop - 1) / 2, (rows.start + rows.stop - 1) / 2
            apart = [float(np.hypot(x - other.x, y - other.y)) for other in circles]
            near = float(np.hypot(x - circle.x, y - circle.y))
            is_outside = all(distance > other.radius for distance, other in zip(apart, circles, strict=True))
            if is_outside and near <= REACH * circle.radius + height and near == min(apart):
                letters |= {HOLES[holes] for holes in (_count_holes(glyph),) if holes in HOLES}
    return letters


def _count_holes(glyph: np.ndarray) -> int:
    """Parts of the background that the glyph closes in; thin strokes may have gaps of a pixel, which are closed."""
    padded = np.pad(glyph, 2)
    return max(ndimage.label(~spot)[1] - 1 for spot in (padded, ndimage.binary_closing(padded, ALL_NEIGHBOURS)))
