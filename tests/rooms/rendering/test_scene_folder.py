# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendered scenes on disk: what is written comes back, and half a scene is none."""

import json

import numpy as np
import pytest
from cube_rooms import CubeFurniture
from PIL import Image

from transformers_sr3d.inputs.scene import load_scene, load_scene_objects
from transformers_sr3d.rooms.rendering import scene_folder
from transformers_sr3d.rooms.rendering.scene_folder import read_instances, read_room_facts, write_scene_folder
from transformers_sr3d.rooms.rendering.scenes import SceneSettings, make_scene


@pytest.fixture(scope="module")
def scene():
    settings = SceneSettings(image_size=64, num_views=(2, 2), photo_share=0.0, num_objects=(4, 6))
    return make_scene(CubeFurniture(), "train", 0, 1, settings)


@pytest.fixture
def folder(tmp_path, scene):
    write_scene_folder(tmp_path / "scene", scene)
    return tmp_path / "scene"


def test_facts_and_instances_come_back(folder, scene):
    assert read_room_facts(folder).to_json() == scene.facts.to_json()
    for read, view in zip(read_instances(folder), scene.views, strict=True):
        assert read.dtype == np.int16
        assert np.array_equal(read, view.instances)


def test_folder_is_a_scene_for_every_reader(folder, scene):
    sample = load_scene(folder)
    assert sample["world_up"] == "+z"
    assert sample["depth_unit"] == "mm"
    for path, view in zip(sample["depths"], scene.views, strict=True):
        with Image.open(path) as picture:
            np.testing.assert_allclose(np.asarray(picture) / 1000, view.depth, atol=5.1e-4)
    for path, view in zip(sample["images"], scene.views, strict=True):
        with Image.open(path) as picture:
            assert np.array_equal(np.asarray(picture), view.image)
    things = load_scene_objects(folder)
    assert [thing["name"] for thing in things] == [thing.name for thing in scene.facts.objects]
    np.testing.assert_allclose(things[0]["size"], scene.facts.objects[0].size)


def test_authors_of_the_furniture_are_named(folder, scene):
    text = (folder / "ATTRIBUTION.md").read_text()
    assert "nobody" in text
    assert all(thing.name in text for thing in scene.facts.objects)


def test_interrupted_scene_is_never_read(folder, scene, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(scene_folder, "save_scene", fail)
    with pytest.raises(OSError, match="disk full"):
        write_scene_folder(folder, scene)
    with pytest.raises(FileNotFoundError, match=r"must contain scene\.json"):
        read_room_facts(folder)
    with pytest.raises(FileNotFoundError, match=r"must contain scene\.json"):
        read_instances(folder)


def test_failed_text_leaves_nothing_behind(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        scene_folder.write_text(tmp_path / "a.md", "\ud800")
    assert list(tmp_path.iterdir()) == []


def test_missing_facts_are_named(folder):
    (folder / "room.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"must contain room\.json"):
        read_room_facts(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"split": "train"}', "null", "no size"])
def test_damaged_facts_are_refused(folder, text):
    if text == "no size":
        facts = json.loads((folder / "room.json").read_text())
        text = json.dumps({**facts, "views": [{**facts["views"][0], "image_size_hw": []}]})
    (folder / "room.json").write_text(text)
    with pytest.raises(ValueError, match=r"`room\.json` must be what `sr3d render` wrote"):
        read_room_facts(folder)


def test_facts_of_another_scene_are_refused(folder):
    facts = json.loads((folder / "room.json").read_text())
    facts["views"].pop()
    (folder / "room.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=r"as many views as scene\.json, got 1 and 2"):
        read_room_facts(folder)


def test_scene_without_instances_is_refused(folder):
    path = folder / "scene.json"
    content = json.loads(path.read_text())
    del content["views"][1]["instances"]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"got none for the views \[1\]"):
        read_instances(folder)
