# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Catalogues and models of furniture: impossible ones are refused by file, entry and key."""

import pytest
from furniture_files import BOX, ENTRY, MATERIALS, picture, write_library

from transformers_sr3d.rooms.furniture import archives, wavefront
from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.furniture.wavefront import read_wavefront


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SR3D_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def given(tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("entries", "extra", "message"),
    [
        (
            [{**ENTRY, "category": "Exterior"}],
            None,
            "`path` must have indoor models .* got none in 1 of them in .*test_",
        ),
        ([{**ENTRY, "width": "wide"}], None, r"`path` .* id, name, category, model, width.*could not convert"),
        ([{**ENTRY, "model": "/gone.obj"}], None, r"lacks 'gone\.obj'"),
        ([ENTRY], {"box.obj": "v 0 0 0\nf 1 2 3\n"}, "names vertices beyond the 1 that it has"),
        ([ENTRY], {"box.obj": "v 0 0 0\n"}, "`text` must have faces with an area, got 0"),
    ],
)
def test_damaged_libraries_are_refused(tmp_path, cache, entries, extra, message):
    write_library(tmp_path / "a.sh3f", *entries, extra=extra)
    with pytest.raises(ValueError, match=message):
        open_furniture(tmp_path)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("width", "nan", "`width` must be from 0.0001 to 20 m, got nan m"),
        ("depth", "inf", "`depth` must be from 0.0001 to 20 m, got inf m"),
        ("height", "0", "`height` must be from 0.0001 to 20 m, got 0.0 m"),
        ("width", "-50", "`width` must be from 0.0001 to 20 m, got -0.5 m"),
        ("depth", "2001", "`depth` must be from 0.0001 to 20 m, got 20.01 m"),
        ("elevation", "-1", "`elevation` must be from 0 to 20 m, got -0.01 m"),
        ("elevation", "high", "`elevation`: could not convert .* 'high'"),
        ("dropOnTopElevation", "nan", "`dropOnTopElevation` must be from -20 to 20 m, got nan m"),
        ("modelRotation", "1 0 0 0 1 0 0 0", "`modelRotation` must be the 9 numbers of a rotation matrix, got '1 0"),
        ("modelRotation", "2 0 0 0 1 0 0 0 1", "`modelRotation` must be the 9 numbers of a rotation matrix, got '2 0"),
        ("modelRotation", "-1 0 0 0 1 0 0 0 1", "`modelRotation` must be the 9 numbers of a rotation matrix"),
        ("modelRotation", "nan 0 0 0 1 0 0 0 1", "`modelRotation` must be the 9 numbers of a rotation matrix"),
        ("name", "", "it lacks `name`"),
        ("category", None, "it lacks `category`"),
        ("model", None, "it lacks `model`"),
        ("id", None, "it lacks `id`"),
    ],
)
def test_impossible_entries_are_refused_by_file_entry_and_key(given, key, value, message):
    entry = {**ENTRY, "id": "Test#second", key: value}
    write_library(given / "a.sh3f", ENTRY, {name: text for name, text in entry.items() if text is not None})
    with pytest.raises(ValueError, match=rf"`path` .*a\.sh3f' with entry 2, id .*, name .*: {message}"):
        open_furniture(given)


def test_household_things_without_a_name_are_refused(given):
    entry = {**ENTRY, "category": "Miscellaneous"}
    del entry["name"]
    write_library(given / "a.sh3f", entry)
    with pytest.raises(ValueError, match=r"entry 1, id 'Test#box', name None: it lacks `name`"):
        open_furniture(given)


def test_extreme_sizes_are_read_and_spaces_do_not_count(given):
    entry = {name: value for name, value in ENTRY.items() if name != "height"}
    write_library(given / "a.sh3f", {**entry, "width": "2000", "height ": " 0.01"})
    assert open_furniture(given).models[0].size == (20.0, 1.5, 0.0001)


def test_keys_that_stand_twice_are_refused(given):
    write_library(given / "a.sh3f", {**ENTRY, "width ": "60"})
    with pytest.raises(ValueError, match=r"a\.sh3f' with entry 1, .*: `width` stands there twice"):
        open_furniture(given)


@pytest.mark.parametrize("second_file", ["a", "b"])
def test_doubled_ids_are_refused_by_both_names(given, second_file):
    first, second = {**ENTRY, "name": "Desk"}, {**ENTRY, "name": "Chair"}
    write_library(given / "a.sh3f", *([first, second] if second_file == "a" else [first]))
    if second_file == "b":
        write_library(given / "b.sh3f", second)
    message = rf"different ids, got id 'Test#box' for 'Desk' of '.*a\.sh3f' and for 'Chair' of '.*{second_file}\.sh3f'"
    with pytest.raises(ValueError, match=message):
        open_furniture(given)


def test_names_beyond_sixteen_bits_are_read(given):
    write_library(given / "a.sh3f", {**ENTRY, "name": "\\ud83e\\ude91 chair \\ud800"})
    assert open_furniture(given).models[0].name == "\U0001fa91 chair \ufffd"


TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRIANGLE + "f 1 2 0\n", "names number 0 of 3"),
        (TRIANGLE + "f 1 2 -4\n", "names number -4 of 3"),
        (TRIANGLE + "f 1 2 9\n", "names vertices beyond the 3 that it has"),
        (TRIANGLE + "vt 0 0\nf 1/1 2/1 3/2\n", "texture coordinates beyond the 1"),
        (TRIANGLE + "f 1/-1 2 3\n", "names number -1 of 0"),
        (TRIANGLE + "f 1 two 3\n", "'two'"),
        (TRIANGLE + f"f 1 2 {10**30}\n", "too large"),
        (TRIANGLE + "v nan 0 0\nf 1 2 3\n", "finite numbers of at most 1e.15 after `v`"),
        (TRIANGLE + "v 1e300 0 0\nf 1 2 3\n", "finite numbers of at most 1e.15 after `v`"),
        (TRIANGLE + "vt inf 0\nf 1/1 2/1 3/1\n", "finite numbers of at most 1e.15 after `vt`"),
        (TRIANGLE + "v 1 2\nf 1 2 3\n", "3 numbers after each `v`"),
        ("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", "3 numbers after each `v`"),
        (TRIANGLE + "v x y z\nf 1 2 3\n", "3 numbers after each `v`.* 'x'"),
        (TRIANGLE + "f" + " 1 2 3" * 700 + "\n", "at most 2048 corners a face .* got 2100"),
    ],
)
def test_bad_models_are_refused_by_their_key(given, text, message):
    write_library(given / "a.sh3f", ENTRY, extra={"box.obj": text})
    expected = rf"`path`: model 'Test#box' \('test/box/box\.obj'\) of library '.*a\.sh3f' cannot be read: .*{message}"
    with pytest.raises(ValueError, match=expected):
        open_furniture(given)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"front.png": b"GIF"}, r"Picture 'test/box/front\.png' must be one that Pillow can read"),
        ({"front.png": b""}, r"Picture 'test/box/front\.png'"),
        ({"front.png": picture([[[255, 0, 0]]])[:40]}, r"Picture 'test/box/front\.png'"),
        ({"box.mtl": MATERIALS.replace("0.2 0.4 0.6", "0.5")}, "Material 'rest' must have three numbers .* got '0.5'"),
        ({"box.mtl": MATERIALS.replace("0.2", "nan")}, "Material 'rest' must have three numbers .* got 'nan 0.4 0.6'"),
        ({"box.mtl": MATERIALS.replace("0.2", "red")}, "Material 'rest' must have three numbers .* got 'red 0.4 0.6'"),
    ],
)
def test_bad_pictures_and_colours_are_refused_with_the_model(given, files, message):
    write_library(given / "a.sh3f", ENTRY, extra=files)
    with pytest.raises(ValueError, match=rf"model 'Test#box' .* of library '.*a\.sh3f' cannot be read: {message}"):
        open_furniture(given)


def test_absurd_pictures_and_files_are_not_unpacked(given, monkeypatch):
    write_library(given / "a.sh3f", ENTRY)
    monkeypatch.setattr(wavefront, "MAX_PICTURE_PIXELS", 3)
    with pytest.raises(ValueError, match=r"front\.png' .*2 x 2 pixels are more than 3"):
        open_furniture(given)
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", len(BOX) - 1)
    with pytest.raises(
        ValueError, match=rf"a\.sh3f' \('.*box\.obj' has {len(BOX)} bytes, of at most {len(BOX) - 1}\)"
    ):
        open_furniture(given)


def test_too_many_materials_are_refused(monkeypatch):
    monkeypatch.setattr(wavefront, "MAX_MATERIALS", 1)
    text = TRIANGLE + "usemtl a\nf 1 2 3\nusemtl b\nf 1 2 3\n"
    with pytest.raises(ValueError, match=r"and 1 materials, got 3 and 2"):
        read_wavefront(text, lambda path: None, texture_px=8)
