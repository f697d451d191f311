# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished scenes: the same arguments give the same scene, and its facts are what its pictures show."""

import numpy as np
import pytest
from cube_rooms import SIZE_HW, CubeFurniture, cube_model, lit_room, look_along, make_room, place

from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.rendering.scenes import (
    SCENES_PER_SEED,
    SceneSettings,
    choose_cameras,
    facts_of,
    make_scene,
    render_view,
    scene_number,
)
from transformers_sr3d.rooms.world import NO_OBJECT, RoomFacts


SMALL = SceneSettings(image_size=64, num_views=(2, 3), num_objects=(4, 7))


@pytest.fixture(scope="module")
def furniture():
    return CubeFurniture()


def rendered(objects, *cameras):
    room = make_room(objects)
    lit = lit_room(room)
    views = [render_view(lit, camera, np.random.default_rng(0)) for camera in cameras]
    return facts_of(room, views, split="train", seed=7), views


def pixels_of(scene):
    return [array for view in scene.views for array in (view.image, view.depth, view.instances, view.camera_to_world)]


def test_scene_is_a_pure_function_of_its_arguments(furniture):
    first = make_scene(furniture, "train", 0, 3, SMALL)
    second = make_scene(CubeFurniture(), "train", 0, 3, SMALL)
    assert all(np.array_equal(a, b) for a, b in zip(pixels_of(first), pixels_of(second), strict=True))
    assert first.facts.to_json() == second.facts.to_json()


def test_split_seed_and_index_each_give_another_room(furniture):
    keys = [("train", 0, 0), ("val", 0, 0), ("train", 1, 0), ("train", 0, 1)]
    scenes = [make_scene(furniture, *key, SMALL) for key in keys]
    assert len({scene.room.floor.tobytes() for scene in scenes}) == 4
    assert [scene.facts.seed for scene in scenes] == [0, 0, SCENES_PER_SEED, 1]
    assert [scene.facts.split for scene in scenes] == ["train", "val", "train", "train"]


def test_image_size_changes_no_room(furniture):
    photo = SceneSettings(image_size=64, photo_share=1.0)
    small = make_scene(furniture, "train", 0, 5, photo)
    large = make_scene(furniture, "train", 0, 5, SceneSettings(image_size=96, photo_share=1.0))
    assert np.array_equal(small.room.floor, large.room.floor)
    assert max(large.views[0].depth.shape) == 96


def test_views_have_the_promised_shapes_and_number(furniture):
    for index in range(4):
        scene = make_scene(furniture, "test", 0, index, SMALL)
        assert len(scene.views) in (1, 2, 3)
        for view, camera in zip(scene.views, scene.facts.views, strict=True):
            assert view.depth.shape == view.instances.shape == view.image.shape[:2] == camera.image_size_hw
            assert (view.image.dtype, view.depth.dtype, view.instances.dtype) == (np.uint8, np.float32, np.int16)
            assert max(camera.image_size_hw) == 64
            assert view.depth.min() > 0
            assert view.instances.min() >= NO_OBJECT
            assert view.instances.max() < len(scene.room.objects)


@pytest.mark.parametrize(
    ("share", "views", "expected"), [(1.0, (2, 4), {1}), (0.0, (2, 4), {2, 3, 4}), (0.0, (1, 1), {1})]
)
def test_photos_and_walks_come_as_asked(share, views, expected):
    lit = lit_room(make_room([place([0, 3, 0.5]), place([1.5, 4, 0.5])]))
    settings = SceneSettings(image_size=64, num_views=views, photo_share=share)
    counts = {len(choose_cameras(lit, settings, np.random.default_rng(seed))) for seed in range(8)}
    assert counts <= expected
    assert len(counts) == min(len(expected), 3)


def test_cube_in_the_middle_is_whole_and_shows_its_front():
    facts, _ = rendered([place([0.0, 3.0, 0.5])], look_along())
    (cube,) = facts.objects
    assert cube.visible_pixels.tolist() == [400]
    assert cube.boxes_xyxy.tolist() == [[30, 20, 50, 40]]
    assert cube.cut.tolist() == [False]
    np.testing.assert_allclose(cube.seen[0], [[-0.5, 0.5], [-0.5, -0.47], [-0.5, 0.5]], atol=1e-3)
    np.testing.assert_allclose(cube.seen_share, [1, 0.03, 1], atol=2e-3)


def test_cube_at_the_border_is_cut_and_half_seen():
    facts, _ = rendered([place([-2.0, 3.0, 0.5])], look_along())
    (cube,) = facts.objects
    assert cube.cut.tolist() == [True]
    assert cube.boxes_xyxy[0, 0] == 0
    edge = (-39.5 / 50 * 2.5 + 2.0) / 1.0  # where the left border of the image meets the front of the cube
    assert cube.seen[0, 0, 0] == pytest.approx(edge, abs=0.05)
    assert cube.seen[0, 0, 1] == pytest.approx(0.5)


def test_second_view_adds_what_the_first_did_not_show():
    away = look_along(yaw=-np.pi / 2)
    side = look_along(yaw=0.0, eye=(-2.5, 3.0, 0.5))
    facts, _ = rendered([place([0.0, 3.0, 0.5])], look_along(), away, side)
    (cube,) = facts.objects
    assert cube.visible_pixels[1] == 0
    assert np.isnan(cube.seen[1]).all()
    assert cube.boxes_xyxy[1].tolist() == [0, 0, 0, 0]
    assert cube.cut[1] == np.False_
    np.testing.assert_allclose(cube.seen_share, 1, atol=2e-3)


def test_hidden_object_has_facts_but_no_pixels():
    facts, views = rendered([place([0, 3, 0.5]), place([0, 4.5, 0.3], size=[0.3, 0.3, 0.3], support=0)], look_along())
    hidden = facts.objects[1]
    assert hidden.visible_pixels.tolist() == [0]
    assert hidden.seen_share.tolist() == [0, 0, 0]
    assert hidden.support == 0
    assert not (views[0].instances == 1).any()


def test_facts_name_the_room_and_survive_json():
    thing = place([0.0, 3.0, 0.5], size=[1.0, 0.8, 1.2], angle=0.4, model=cube_model("key#1", name="Box", label="box"))
    facts, _ = rendered([thing], look_along())
    assert (facts.split, facts.seed, facts.kind, facts.floor_area) == ("train", 7, "living room", 42)
    assert (facts.objects[0].name, facts.objects[0].model) == ("box", "key#1")
    assert facts.views[0].image_size_hw == SIZE_HW
    again = RoomFacts.from_json(facts.to_json())
    np.testing.assert_allclose(again.objects[0].seen, facts.objects[0].seen, atol=1e-5)
    np.testing.assert_allclose(again.objects[0].size, [1.0, 0.8, 1.2])


def test_pack_that_comes_along_furnishes_a_room():
    scene = make_scene(
        open_furniture(), "train", 0, 0, SceneSettings(image_size=96, num_views=(2, 2), photo_share=0.0)
    )
    assert len(scene.views) == 2
    assert max(thing.visible_pixels.max() for thing in scene.facts.objects) > 50
    for number, thing in enumerate(scene.facts.objects):
        for view in scene.views:
            assert_points_in_box(view, number, thing)
    assert np.std(scene.views[0].image) > 5


def assert_points_in_box(view, number, thing):
    rows, columns = np.nonzero(view.instances == number)
    depth = view.depth[rows, columns]
    pixels = np.stack((columns, rows, np.ones_like(rows)), axis=1)
    points = (pixels @ np.linalg.inv(view.intrinsics).T) * depth[:, None]
    points = points @ view.camera_to_world[:3, :3].T + view.camera_to_world[:3, 3]
    own = (points - thing.center) @ thing.rotation
    assert (np.abs(own) <= thing.size / 2 + 2e-3).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_views": (3, 2)}, r"`num_views` must be .* got \(3, 2\)"),
        ({"num_objects": (0, 2)}, r"`num_objects` must be .* got \(0, 2\)"),
        ({"photo_share": 1.5}, r"`photo_share` must be from 0 to 1, got 1.5"),
        ({"image_size": 16}, r"`image_size` must be from 32 to 4096 pixels, got 16"),
        ({"image_size": 100_000}, r"`image_size` must be from 32 to 4096 pixels, got 100000"),
        ({"num_views": (1, 10_000)}, r"`num_views` must be at most 256, got 10000"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        SceneSettings(**changes)


def test_scene_outside_of_its_range_is_refused():
    with pytest.raises(ValueError, match=r"`split` must be one of .* got 'dev'"):
        scene_number("dev", 0, 0)
    for seed, index in ((-1, 0), (0, SCENES_PER_SEED)):
        with pytest.raises(ValueError, match=f"got {seed} and {index}"):
            scene_number("train", seed, index)
