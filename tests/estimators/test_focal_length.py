# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Focal length: EXIF tags whose pixels are worked out by hand, tags that must not be trusted, stated angles."""

import io
import math

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from transformers_sr3d.estimators.focal_length import (
    PHONE_FOV_DEG,
    FocalLength,
    exif_focal_length,
    field_of_view_deg,
    stated_focal_length,
)
from transformers_sr3d.inputs.image_folder import read_image_folder


def photo(size=(400, 300), **tags):
    """A JPEG with EXIF tags, as it is read back."""
    image, file = Image.new("RGB", size), io.BytesIO()
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif).update({Base[name]: value for name, value in tags.items()})
    image.save(file, format="JPEG", exif=exif)
    return Image.open(file)


def test_film_equivalent_compares_diagonals():
    # 400 x 300 has a diagonal of 500 pixels, 36 x 24 mm one of 43.267 mm.
    found = exif_focal_length(photo(FocalLengthIn35mmFilm=26))
    assert found.fx == found.fy == pytest.approx(26 * 500 / 43.2666, rel=1e-5)
    assert found.origin == "EXIF FocalLengthIn35mmFilm of 26 mm"


def test_diagonal_does_not_depend_on_orientation():
    upright, lying = (photo(size, FocalLengthIn35mmFilm=26) for size in ((300, 400), (400, 300)))
    assert exif_focal_length(upright).fx == exif_focal_length(lying).fx


@pytest.mark.parametrize(("unit", "per_unit"), [(3, 1000.0), (4, 100.0), (2, 2540.0)])
def test_focal_plane_gives_pixels_of_the_resized_picture(unit, per_unit):
    # 5 mm at 100 pixels a millimetre is 500 pixels of the stored 800, so 250 of the 400 that are left.
    found = exif_focal_length(
        photo(
            FocalLength=IFDRational(5, 1),
            FocalPlaneXResolution=IFDRational(int(per_unit), 1),
            FocalPlaneYResolution=IFDRational(int(2 * per_unit), 1),
            FocalPlaneResolutionUnit=unit,
            ExifImageWidth=800,
            ExifImageHeight=600,
        )
    )
    assert (found.fx, found.fy) == (pytest.approx(250), pytest.approx(500))
    assert "FocalPlaneXResolution" in found.origin


def portrait(folder, orientation, **tags):
    """A photo of 300 x 400 that a phone stores on its side, as the reader of folders gives it."""
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif.get_ifd(IFD.Exif).update({Base[name]: value for name, value in tags.items()})
    Image.new("RGB", (400, 300)).save(folder / "one.jpg", exif=exif)
    return read_image_folder(folder).views[0].load_image()


@pytest.mark.parametrize("orientation", [6, 8])
def test_portraits_have_the_focal_length_of_the_lens(tmp_path, orientation):
    size = {"ExifImageWidth": 400, "ExifImageHeight": 300}
    image = portrait(tmp_path, orientation, FocalLengthIn35mmFilm=26, **size)
    assert image.size == (300, 400)
    found = exif_focal_length(image)
    assert found.fx == found.fy == pytest.approx(26 * 500 / 43.2666, rel=1e-5)


def test_focal_plane_of_a_portrait_is_that_of_the_sensor(tmp_path):
    # 5 mm at 100 pixels a millimetre along the 400 pixels, which are upright now, and at 120 along the 300.
    tags = {"FocalLength": 5.0, "FocalPlaneXResolution": 1000.0, "FocalPlaneYResolution": 1200.0}
    size = {"FocalPlaneResolutionUnit": 3, "ExifImageWidth": 400, "ExifImageHeight": 300}
    found = exif_focal_length(portrait(tmp_path, 6, **tags, **size))
    assert (found.fx, found.fy) == (pytest.approx(600), pytest.approx(500))


def test_a_phone_held_upright_sees_about_51_degrees_across():
    sideways = stated_focal_length(65.0, (3024, 4032)).fx
    assert field_of_view_deg(sideways, 3024) == pytest.approx(51, abs=0.2)
    video = stated_focal_length(65.0, (1080, 1920)).fx
    assert field_of_view_deg(video, 1080) == pytest.approx(39, abs=0.5)
    assert "65 degrees, held upright about 51" in PHONE_FOV_DEG


def test_film_equivalent_comes_before_focal_plane():
    found = exif_focal_length(photo(FocalLengthIn35mmFilm=26, FocalLength=5.0, FocalPlaneXResolution=5000.0))
    assert "35mm" in found.origin


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({}, "no EXIF tags"),
        ({"ISOSpeedRatings": 100}, "neither"),
        ({"FocalLengthIn35mmFilm": 0}, "neither"),
        ({"FocalLength": 5.0}, "neither"),
        ({"FocalLength": IFDRational(5, 0), "FocalPlaneXResolution": 5000.0}, "neither"),
        ({"FocalLengthIn35mmFilm": 26, "ExifImageWidth": 400, "ExifImageHeight": 400}, "cropped or turned"),
        ({"FocalLengthIn35mmFilm": 26, "ExifImageWidth": 600, "ExifImageHeight": 800}, "cropped or turned"),
        ({"FocalLengthIn35mmFilm": 60000}, "field of view of 0.0"),
    ],
    ids=["none", "others", "zero", "no plane", "over zero", "cropped", "turned", "absurd"],
)
def test_tags_that_tell_nothing_give_the_reason(tags, reason):
    found = exif_focal_length(photo(**tags))
    assert isinstance(found, str)
    assert reason in found


def test_stated_field_of_view_of_a_right_angle():
    focal = stated_focal_length(90.0, (300, 400))
    assert focal.fx == focal.fy == pytest.approx(200)
    assert "90 degrees" in focal.origin


@pytest.mark.parametrize("degrees", [0.0, 1.1, 180.0, math.nan])
def test_stated_field_of_view_out_of_range_is_refused(degrees):
    with pytest.raises(ValueError, match="`horizontal_fov_deg` must be degrees between 5 and 170, got"):
        stated_focal_length(degrees, (300, 400))


def test_principal_point_is_the_middle_of_pixel_centres():
    matrix = FocalLength(200.0, 210.0, "test").intrinsics((300, 400))
    np.testing.assert_array_equal(matrix, [[200, 0, 199.5], [0, 210, 149.5], [0, 0, 1]])
