# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Heads of pictures: the size without decoding, and intrinsics that cannot belong to it."""

import zlib

import numpy as np
import pytest
from PIL import Image

from transformers_sr3d.inputs.headers import camera_matrix, picture_size_hw


def test_a_truncated_picture_still_tells_its_size(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (64, 48)).save(path)
    path.write_bytes(path.read_bytes()[:60])
    assert picture_size_hw(path) == (48, 64)


def test_what_is_no_picture_is_refused_by_name(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(FileNotFoundError, match=r"a\.png` must be a picture, got no file"):
        picture_size_hw(path)
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"a\.png` must be a picture that Pillow can read"):
        picture_size_hw(path)


def test_a_head_of_absurd_size_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = (9000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.png` may have at most 64000000 pixels, got 9000x9000"):
        picture_size_hw(path)


def test_intrinsics_are_checked_against_the_size():
    matrix = [[50.0, 0, 31.5], [0, 50.0, 23.5], [0, 0, 1]]
    assert np.array_equal(camera_matrix(matrix, "intrinsics", (48, 64)), np.array(matrix))
    assert np.array_equal(
        camera_matrix({"fx": 50.0, "fy": 50.0, "cx": 31.5, "cy": 23.5}, "intrinsics", (48, 64)), np.array(matrix)
    )
    with pytest.raises(ValueError, match=r"`k\.txt` must have its principal point .* 32x24 picture"):
        camera_matrix(matrix, "k.txt", (24, 32))


@pytest.mark.parametrize("given", [None, {"fx": 1e308, "fy": 50.0, "cx": 31.5, "cy": 23.5}])
def test_a_camera_that_float32_does_not_hold_is_refused(given):
    with pytest.raises(ValueError, match=r"`a\.json` must be a 3x3 matrix of finite float32, got (None|\[\[inf)"):
        camera_matrix(given, "a.json", (48, 64))
