# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stored rooms: whatever is wrong with a file of theirs is an error that names it, and never another score."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from damage import MISSING, damaged_values, write_json
from PIL import Image

from transformers_sr3d.evaluation.rooms.bench_rooms import StoredRooms
from transformers_sr3d.evaluation.rooms.stored_rooms import read_room_file


# What is no damage: any text is a name, a floor may lie below zero, things may stand on nothing, a room may be empty.
HARMLESS = [("kind", "text"), ("name", "text"), ("model", "text"), ("floor_z", -1), ("support", None), ("objects", [])]


@pytest.fixture
def folder(rooms_folder, tmp_path):
    """Of a room with three views, to be damaged."""
    return shutil.copytree(Path(rooms_folder) / "scene-000003", tmp_path / "rooms" / "scene-000000")


def open_room(folder):
    return StoredRooms(str(folder.parent), split="test", max_views=8)(0)


def edit(folder, name, change):
    path = folder / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def draw(folder, name, change):
    """Change the numbers of a picture."""
    with Image.open(folder / name) as picture:
        numbers = np.array(picture)
    Image.fromarray(change(numbers)).save(folder / name)


def test_a_whole_room_is_read_as_it_was_written(folder):
    assert read_room_file(folder).to_json() == json.loads((folder / "room.json").read_text())
    room = open_room(folder)
    for view, instances in enumerate(room.instances):
        assert instances.dtype == np.int16
        with Image.open(folder / f"instances_{view:03d}.png") as picture:
            assert np.array_equal(instances, np.asarray(picture).astype(int) - 1)


@pytest.mark.parametrize("section", [(), ("views", 1), ("objects", 2)], ids=["room", "view", "object"])
def test_every_damaged_key_of_a_room_file_is_named(folder, section):
    content = json.loads((folder / "room.json").read_text())
    entry = content
    for step in section:
        entry = entry[step]
    for key, value, damaged in damaged_values(content, entry):
        if (key, value) in HARMLESS:
            continue
        write_json(folder / "room.json", damaged)
        with pytest.raises(ValueError, match=r"room\.json") as caught:
            read_room_file(folder)
        message = str(caught.value)
        names = (f"`{key}` must be in ",) if value in (MISSING, None) else (f"`{key}` of ", f"{key}[0] of ")
        assert any(name in message for name in names)
        if section:
            assert f"{section[0]}[{section[1]}] of " in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(split="exam"), r"`split` of .*room\.json' must be one of .*got 'exam'"),
        (lambda r: r["floor"].pop() and r["floor"].pop(), r"`floor` of .* at least 3 entries"),
        (lambda r: r["objects"][0].update(support=99), r"`support` of objects\[0\] of .* from 0 to 5, got 99"),
        (lambda r: r["objects"][1]["size"].__setitem__(0, 0.0), r"`size` of objects\[1\] of .* from 1e-05"),
        (lambda r: r["objects"][1]["rotation"][0].__setitem__(0, 0.5), r"`rotation` of objects\[1\] .* a rotation"),
        (lambda r: r["objects"][1]["rotation"][0].__setitem__(0, -1.0), r"`rotation` of objects\[1\] .* a rotation"),
        (
            lambda r: r["objects"][0]["seen"].pop(),
            r"`seen` of objects\[0\] .* of shape \(3, 3, 2\) from -0\.5 to 0\.5",
        ),
        (lambda r: r["views"].append(r["views"][0]), r"`visible_pixels` of objects\[0\] .* of shape \(4,\)"),
        (
            lambda r: r["views"][0].update(image_size_hw=[96, 127]),
            r"image_000\.png' must have .*\(96, 127\), got \(96, 128",
        ),
        (
            lambda r: r["views"][1]["intrinsics"][0].__setitem__(0, 91.0),
            r"`intrinsics` of views\[1\] must be the same",
        ),
        (
            lambda r: r["views"][2]["camera_to_world"][0].__setitem__(3, 9.0),
            r"`camera_to_world` of views\[2\] must be",
        ),
        (
            lambda r: r["objects"][0]["visible_pixels"].__setitem__(0, 7),
            r"instances_000\.png' must show .* \[7, .*got \[",
        ),
    ],
)
def test_facts_that_cannot_be_or_belong_to_other_views_are_refused(folder, change, message):
    edit(folder, "room.json", change)
    with pytest.raises(ValueError, match=message):
        open_room(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: [view.pop("depth") for view in s["views"]],
            r"`depth` must be given .* views \[0, 1, 2\] of .*scene-0",
        ),
        (lambda s: s["views"][1].pop("depth"), r"`depth` must be given .* views \[1\] of"),
        (lambda s: s["views"][1].pop("instances"), r"`instances` must be given .* views\[1\] of"),
        (lambda s: s["views"].pop(), r"`scene\.json` and `room\.json` must have as many views, got 2 and 3"),
        (lambda s: s.update(world_up="+y"), r"`scene\.json` must have `camera_to_world` .* got \('opencv', '\+y'\)"),
        (
            lambda s: s.update(camera_axes="opengl"),
            r"`scene\.json` must have `camera_to_world` .* got \('opengl', '\+z",
        ),
        (lambda s: [view.pop("camera_to_world") for view in s["views"]], r"must have `camera_to_world` with OpenCV"),
        (
            lambda s: s["views"][2]["intrinsics"][1].__setitem__(1, -1.0),
            r"`intrinsics` of views\[2\] must be the same",
        ),
    ],
)
def test_scenes_that_show_something_else_than_their_facts_are_refused(folder, change, message):
    edit(folder, "scene.json", change)
    with pytest.raises(ValueError, match=message):
        open_room(folder)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("instances_001.png", np.zeros_like, r"instances_001\.png' must show objects in as many pixels .* got \[0, 0"),
        (
            "instances_001.png",
            lambda n: n[:, ::2].copy(),
            r"instances_001\.png' must have .*\(96, 128\), got \(96, 64\)",
        ),
        ("instances_001.png", lambda n: np.where(n == 1, 40, n).astype(np.uint16), r"instances_001\.png' must show"),
        ("instances_001.png", lambda n: np.stack([n] * 3, -1).astype(np.uint8), r"instances_001\.png' must have"),
        ("depth_002.png", lambda n: n[::2].copy(), r"depth_002\.png' must have .*\(96, 128\), got \(48, 128\)"),
        ("image_000.png", lambda n: n[:50].copy(), r"image_000\.png' must have .*\(96, 128\), got \(50, 128\)"),
    ],
)
def test_pictures_of_something_else_are_refused(folder, name, change, message):
    draw(folder, name, change)
    with pytest.raises(ValueError, match=message):
        open_room(folder)


@pytest.mark.parametrize("name", ["images", "depths", "instances"])
@pytest.mark.parametrize("kept", [0, 60, 200], ids=lambda kept: f"{kept} bytes")
def test_broken_pictures_are_named(folder, name, kept):
    path = folder / f"{name.removesuffix('s') if name != 'instances' else name}_001.png"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=rf"`{name}\[1\]` must be .*{path.name}"):
        open_room(folder)


def test_a_room_without_its_facts_is_refused_before_anything_is_asked(rooms_folder, tmp_path):
    shutil.copytree(rooms_folder, tmp_path / "rooms")
    (tmp_path / "rooms" / "scene-000002" / "room.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"`scenes` must have room\.json in each scene, got '.*scene-000002'"):
        StoredRooms(str(tmp_path / "rooms"), split="test", max_views=8)


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"split": 1, "split": 2}', b'{"seed": NaN}', b"\xff", b"[" * 99999]
)
def test_a_file_that_is_no_json_object_is_named(folder, content):
    (folder / "room.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"`room\.json` must .*/scene-000000/room\.json'"):
        read_room_file(folder)
