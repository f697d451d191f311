# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Focal length of a picture: EXIF tags -> pixels.

Two ways, in this order:

    35 mm        `FocalLengthIn35mmFilm` compares diagonals (CIPA DC-008), so that
                 `f = f35 * hypot(width, height) / hypot(36 mm, 24 mm)`; whole millimetres are its precision
    focal plane  `FocalLength` times `FocalPlaneXResolution`, scaled to the width of the picture as it is now

Both hold for the whole frame. Where the tags tell another shape than the picture has, it was cropped, and they are
not used. A portrait is stored on its side and turned when it is loaded, as its orientation tag asks, but other tags
stay those of the sensor: where they tell the size of the picture with its sides exchanged, it was turned. The film way
does not mind; on the focal plane the two directions change places.

May import: NumPy, PIL and the geometry.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.ExifTags import IFD, Base

from transformers_sr3d.geometry_sr3d import intrinsics_from_fov


FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)
# EXIF `FocalPlaneResolutionUnit` -> millimetres.
UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
ASPECT_TOLERANCE = 0.01
# Horizontal field of view beyond which a tag is a mistake, in degrees.
MIN_FOV_DEG, MAX_FOV_DEG = 5.0, 170.0
# The main camera of a phone, 4:3; upright its width is the shorter side: 2 atan(3 / 4 tan(65 / 2)).
PHONE_FOV_DEG = "a photo by a phone has about 65 degrees, held upright about 51"


@dataclass(frozen=True)
class FocalLength:
    """Focal length of one picture and where it comes from.

    Attributes:
        fx (`float`): Pixels.
        fy (`float`): Pixels.
        origin (`str`): For example `"EXIF FocalLengthIn35mmFilm"`.
    """

    fx: float
    fy: float
    origin: str

    def intrinsics(self, size_hw: tuple[int, int]) -> np.ndarray:
        """Complete it to a matrix, with the principal point in the middle of the picture.

        Args:
            size_hw (`tuple[int, int]`):
                Pixels, rows first.

        Returns:
            `np.ndarray` of shape `(3, 3)`, pixels.
        """
        height, width = size_hw
        return np.array([[self.fx, 0.0, (width - 1) / 2], [0.0, self.fy, (height - 1) / 2], [0.0, 0.0, 1.0]])


def stated_focal_length(horizontal_fov_deg: float, size_hw: tuple[int, int]) -> FocalLength:
    """Turn the field of view that the caller states into a focal length.

    Args:
        horizontal_fov_deg (`float`):
            Degrees across the picture, from 5 to 170.
        size_hw (`tuple[int, int]`):
            Pixels, rows first.

    Returns:
        `FocalLength`: Pixels.

    Raises:
        ValueError: If the angle is out of range.
    """
    if not MIN_FOV_DEG <= horizontal_fov_deg <= MAX_FOV_DEG:
        raise ValueError(
            f"`horizontal_fov_deg` must be degrees between {MIN_FOV_DEG:g} and {MAX_FOV_DEG:g}, got "
            f"{horizontal_fov_deg!r}. Convert radians to degrees; {PHONE_FOV_DEG}."
        )
    focal = float(intrinsics_from_fov(float(horizontal_fov_deg), size_hw)[0, 0])
    return FocalLength(focal, focal, f"stated horizontal field of view of {horizontal_fov_deg:g} degrees")


def exif_focal_length(image: Image.Image) -> FocalLength | str:
    """Read the focal length from the EXIF tags of a picture.

    Args:
        image (`PIL.Image.Image`):
            As it was opened; tags that Pillow has lost cannot be read.

    Returns:
        `FocalLength` or `str`: Pixels; or why there is none.
    """
    tags = image.getexif().get_ifd(IFD.Exif)
    width, height = image.size
    if not tags:
        return "it has no EXIF tags"
    stored = [_number(tags, tag) for tag in (Base.ExifImageWidth, Base.ExifImageHeight)]
    # One that was made smaller and turned cannot be told from one that was cut out of the middle.
    is_turned = width != height and stored == [height, width]
    if not is_turned and all(stored) and abs(math.log(stored[0] * height / (stored[1] * width))) > ASPECT_TOLERANCE:
        return f"EXIF tells {stored[0]:g}x{stored[1]:g} pixels, it has {width}x{height}, so it was cropped or turned"
    found = _from_film(tags, (width, height))
    if found is None:
        found = _from_focal_plane(tags, height if is_turned else width, stored[0], is_turned=is_turned)
    if found is None:
        return "EXIF has neither FocalLengthIn35mmFilm nor FocalLength with FocalPlaneXResolution"
    fov_deg = field_of_view_deg(found.fx, width)
    if not MIN_FOV_DEG <= fov_deg <= MAX_FOV_DEG:
        return f"{found.origin} would mean a horizontal field of view of {fov_deg:.3g} degrees"
    return found


def estimated_focal_length(focal_px: float, image: Image.Image, estimator: str) -> FocalLength:
    """Accept the focal length that an estimator found, if it can be.

    Args:
        focal_px (`float`):
            Horizontal, pixels.
        image (`PIL.Image.Image`):
            What it was found for.
        estimator (`str`):
            Its name.

    Returns:
        `FocalLength`: Square pixels.

    Raises:
        ValueError: If the field of view is out of range.
    """
    fov_deg = field_of_view_deg(focal_px, image.width)
    if not MIN_FOV_DEG <= fov_deg <= MAX_FOV_DEG:
        raise ValueError(
            f"`focal_px` of {estimator} must mean a horizontal field of view from {MIN_FOV_DEG:g} to {MAX_FOV_DEG:g} "
            f"degrees, got {focal_px:.4g} pixels for a width of {image.width}, {fov_deg:.4g} degrees. State "
            "`horizontal_fov_deg`, or check the weights."
        )
    return FocalLength(focal_px, focal_px, f"estimated by {estimator}")


def field_of_view_deg(focal_px: float, width: int) -> float:
    """Return the horizontal field of view.

    Args:
        focal_px (`float`):
            Pixels.
        width (`int`):
            Pixels.

    Returns:
        `float`: Degrees.
    """
    return math.degrees(2 * math.atan2(width / 2, focal_px))


def _from_film(tags: Mapping[int, Any], size: tuple[int, int]) -> FocalLength | None:
    film_mm = _number(tags, Base.FocalLengthIn35mmFilm)
    if not film_mm:
        return None
    focal = film_mm * math.hypot(*size) / FILM_DIAGONAL_MM
    return FocalLength(focal, focal, f"EXIF FocalLengthIn35mmFilm of {film_mm:g} mm")


def _from_focal_plane(
    tags: Mapping[int, Any], width: int, stored_width: float, *, is_turned: bool
) -> FocalLength | None:
    """Pixels per millimetre times millimetres, where `width` and `stored_width` are along the width of the sensor."""
    length_mm, per_unit_x = _number(tags, Base.FocalLength), _number(tags, Base.FocalPlaneXResolution)
    unit_mm = UNITS_MM.get(int(_number(tags, Base.FocalPlaneResolutionUnit)) or 2)  # inches unless it tells
    if not (length_mm and per_unit_x and unit_mm):
        return None
    per_unit_y = _number(tags, Base.FocalPlaneYResolution) or per_unit_x
    scale = width / (stored_width or width)
    fx, fy = (length_mm * per_unit / unit_mm * scale for per_unit in (per_unit_x, per_unit_y))
    fx, fy = (fy, fx) if is_turned else (fx, fy)
    return FocalLength(fx, fy, f"EXIF FocalLength of {length_mm:g} mm and FocalPlaneXResolution of {per_unit_x:g}")


def _number(tags: Mapping[int, Any], tag: int) -> float:
    """A positive finite number of a tag, or 0: tags may be missing, text, or a fraction over 0."""
    try:
        value = float(tags.get(tag, 0))
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0
