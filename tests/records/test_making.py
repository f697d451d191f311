# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records from annotated scenes, on rooms of plain boxes whose truth is known in closed form."""

import json
import shutil

import numpy as np
import pytest
from closed_form_rooms import FURNITURE, make_scene, write_rooms

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.inputs.open_source import open_source
from transformers_sr3d.records.making.measuring import TILTED, UNSEEN, measure_scene
from transformers_sr3d.records.making.questions import possible_categories, run_lengths
from transformers_sr3d.records.making.run import MakeSettings, make_records
from transformers_sr3d.records.making.spatial_rgpt import clock_hour
from transformers_sr3d.records.making.things import Thing, boxed_things
from transformers_sr3d.region_masks_sr3d import decode_rle
from transformers_sr3d.rooms.questions.contents import NumberedRoom


SIZES = {name: size for name, _, size in FURNITURE}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rooms")
    write_rooms(folder, (6, 1))
    return folder


def scene_folder(folder, place=0):
    return sorted(path.parent for path in folder.rglob("scene.json"))[place]


def measured_room(folder, *, things=None, use_instances=True):
    views = prepare_views(**open_source(folder).arguments())
    known, instances = boxed_things(folder)
    return measure_scene(views, things or known, instances if use_instances else None, split="train")


def edit(folder, change):
    scene = json.loads((folder / "scene.json").read_text())
    change(scene)
    (folder / "scene.json").write_text(json.dumps(scene))


def test_facts_are_those_of_the_renderer(room):
    folder = scene_folder(room)
    truth = make_scene(6).facts
    for use_instances in (True, False):
        facts = measured_room(folder, use_instances=use_instances).facts
        assert [thing.name for thing in facts.objects] == [thing.name for thing in truth.objects]
        for found, known in zip(facts.objects, truth.objects, strict=True):
            assert found.center == pytest.approx(known.center, abs=1e-4)
            assert (found.width, found.height) == pytest.approx((known.width, known.height), abs=1e-4)
            assert found.seen_share == pytest.approx(known.seen_share, abs=0.05)
            limit = 0 if use_instances else 0.12 * max(known.visible_pixels.max(), 1)  # the grown box takes some floor
            assert np.abs(found.visible_pixels - known.visible_pixels).max() <= limit


def test_leaning_box_gives_no_size_and_no_place_but_a_name(room):
    folder = scene_folder(room)
    things, _ = boxed_things(folder)
    lean = np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])
    things[0] = Thing(things[0].name, things[0].box | {"rotation": lean.tolist()})
    measured = measured_room(folder, things=things)
    assert measured.limits[TILTED] == 1
    assert not measured.facts.objects[0].seen_share.any()
    assert measured.facts.objects[0].visible_pixels.any()


def test_box_whose_second_axis_points_up_keeps_its_height(room):
    folder = scene_folder(room)
    things, _ = boxed_things(folder)
    box = things[0].box
    lying = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # own y is up
    turned = {"center": box["center"], "size": [box["size"][i] for i in (0, 2, 1)], "rotation": lying.tolist()}
    thing = measured_room(folder, things=[Thing("table", turned), *things[1:]]).facts.objects[0]
    assert (thing.width, thing.height) == pytest.approx((1.2, 0.8), abs=1e-6)
    assert np.linalg.det(thing.rotation) == pytest.approx(1.0)


def test_thing_outside_of_the_room_is_counted(room):
    folder = scene_folder(room)
    things, _ = boxed_things(folder)
    things[0] = Thing("table", things[0].box | {"center": [40.0, 0.0, 0.4]})
    measured = measured_room(folder, things=things, use_instances=False)
    assert measured.limits[UNSEEN] == 1


def test_run_lengths_are_read_back():
    rng = np.random.default_rng(0)
    for mask in (rng.uniform(size=(7, 5)) < 0.5, np.ones((3, 4), bool), np.zeros((3, 4), bool)):
        assert np.array_equal(decode_rle(run_lengths(mask)), mask)


@pytest.mark.parametrize(
    ("target", "hour"), [((0.0, 3.0), 12), ((3.0, 0.0), 3), ((0.0, -3.0), 6), ((-3.0, 0.0), 9), ((2.6, 1.5), 2)]
)
def test_hours_run_clockwise_from_where_the_camera_looks(room, target, hour):
    facts = measured_room(scene_folder(room)).facts
    pose = facts.views[0].camera_to_world
    pose[:3, :3] = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])  # looks along +y, upright
    facts.objects[0].center[:] = 0.0
    facts.objects[1].center[:] = (*target, 0.7)
    assert clock_hour(NumberedRoom(facts, {4: 0, 5: 1}), 4, 5) == hour


def test_every_number_of_the_records_is_true(room):
    out = room / "all.jsonl"
    out.unlink(missing_ok=True)
    report = make_records(
        [scene_folder(room)], out, MakeSettings(questions=60, all_annotated=True, region_kind="box_3d")
    )
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert report["records"] == len(lines) == sum(report["questions"].values()) >= 50
    assert {"width", "height", "distance", "vertical_distance", "counting"} <= set(report["questions"])
    assert "room_size" not in report["questions"]
    checked = 0
    for line in lines:
        if line["category"] in ("width", "height"):
            size = line["regions"][0]["box_3d"]["size"]
            expected = max(size[:2]) if line["category"] == "width" else size[2]
            assert line["truth"] == {"value": pytest.approx(expected, abs=1e-3), "unit": "m"}
            assert any(np.allclose(size, known, atol=1e-4) for known in SIZES.values())
            checked += 1
    assert checked


def test_only_wanted_categories_are_asked(room):
    out = room / "wanted.jsonl"
    out.unlink(missing_ok=True)
    wanted = ("direction", "vertical_distance", "room_size")
    report = make_records([scene_folder(room)], out, MakeSettings(questions=8, categories=wanted))
    assert set(report["questions"]) == {"direction", "vertical_distance"}


def test_same_seed_gives_the_same_file_and_another_seed_another(room):
    texts = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        out = room / f"seed_{name}.jsonl"
        out.unlink(missing_ok=True)
        make_records([scene_folder(room)], out, MakeSettings(questions=6, seed=seed))
        texts.append(out.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_interrupted_run_goes_on_and_ends_with_the_same_file(room, monkeypatch):
    scenes, settings = [scene_folder(room, place) for place in (0, 1)], MakeSettings(questions=4)
    whole, cut = room / "whole.jsonl", room / "cut.jsonl"
    make_records(scenes, whole, settings)
    from transformers_sr3d.records.making import run

    make_scene_lines, calls = run._make_scene, []

    def stop_at_second(*arguments):
        calls.append(arguments[1])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return make_scene_lines(*arguments)

    monkeypatch.setattr(run, "_make_scene", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        make_records(scenes, cut, settings)
    assert not cut.exists()
    with (room / "cut.jsonl.partial").open("a") as partial:
        partial.write('{"scene": "half a li')
    make_records(scenes, cut, settings)
    assert cut.read_text() == whole.read_text()
    assert len(calls) == 3  # the first scene was not made again
    assert not (room / "cut.jsonl.partial").exists()


def test_refused_scene_is_reported_and_the_others_are_made(room, tmp_path):
    shutil.copytree(scene_folder(room), tmp_path / "good")
    shutil.copytree(scene_folder(room), tmp_path / "bare")
    edit(tmp_path / "bare", lambda scene: scene.update(objects=[]))
    report = make_records([tmp_path / "good", tmp_path / "bare"], tmp_path / "out.jsonl", MakeSettings(questions=3))
    assert list(report["refused"]) == ["bare"]
    assert "objects" in report["refused"]["bare"]
    assert report["records"] == 3


def test_marks_on_a_photo_give_questions_without_up(room, tmp_path):
    folder = tmp_path / "photo"
    shutil.copytree(scene_folder(room, 1), folder)
    _, instances = boxed_things(folder)
    edit(folder, lambda scene: [scene["views"][0].pop("camera_to_world"), scene.pop("world_up")])
    names = [name for name, *_ in FURNITURE]
    annotations = {
        "images": [{"id": 1, "file_name": "photo.png"}],
        "categories": [{"id": k, "name": name} for k, name in enumerate(names)],
        "annotations": [
            {"id": k, "image_id": 1, "category_id": k, "segmentation": run_lengths(instances[0] == k)}
            for k in range(len(names))
            if (instances[0] == k).any()
        ],
    }
    edit(folder, lambda scene: scene["views"][0].update(name="photo.png"))
    (tmp_path / "coco.json").write_text(json.dumps(annotations))
    settings = MakeSettings(questions=20, annotations=str(tmp_path / "coco.json"))
    report = make_records([folder], tmp_path / "photo.jsonl", settings)
    assert report["records"]
    assert not {"width", "height", "above_below", "tall_short"} & set(report["questions"])
    distances = [
        json.loads(line)["truth"]["value"]
        for line in (tmp_path / "photo.jsonl").read_text().splitlines()
        if json.loads(line)["category"] == "distance"
    ]
    assert distances
    assert max(distances) < 6.5


def test_categories_that_need_all_things_wait_for_the_word(room):
    measured = measured_room(scene_folder(room))
    few = possible_categories(measured, gravity_known=True, all_annotated=False)
    assert not {"counting", "existence", "named_distance", "room_size"} & set(few)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"questions": 0}, "questions"),
        ({"turns": 0}, "turns"),
        ({"split": "x"}, "split"),
        ({"region_kind": "x"}, "mask"),
        ({"categories": ("distance", "x")}, "categories"),
    ],
)
def test_settings_are_checked(change, word):
    with pytest.raises(ValueError, match=word):
        MakeSettings(**change)


def test_scene_elsewhere_and_scene_named_twice_are_refused(room, tmp_path):
    scene = scene_folder(room)
    with pytest.raises(ValueError, match="folder of the record file"):
        make_records([scene], tmp_path / "out.jsonl", MakeSettings())
    with pytest.raises(ValueError, match="several times"):
        make_records([scene, scene], room / "twice.jsonl", MakeSettings())
