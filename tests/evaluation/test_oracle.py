# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Geometric oracle: in rooms of boxes that are seen from all sides it is always right, and it says when it cannot."""

import numpy as np
import pytest
from closed_form_rooms import FURNITURE, make_scene

from transformers_sr3d.evaluation.rooms.bench_rooms import SourceScene
from transformers_sr3d.evaluation.rooms.bench_views import scene_arguments
from transformers_sr3d.evaluation.rooms.oracle import (
    MeasuredRegion,
    anchor_of,
    is_geometric,
    measure_regions,
    oracle_answer,
)
from transformers_sr3d.evaluation.rooms.room_scores import is_right
from transformers_sr3d.rooms.questions.conversations import RoomQuestion, sample_conversation
from transformers_sr3d.rooms.questions.phrasings import phrasings, training_phrasings


NUMBERS = {3: 0, 0: 1, 5: 2, 1: 3, 2: 4, 8: 5}  # region -> object
RELATIONS = ("left_right", "above_below", "front_behind", "depth_order")
SIZES = ("wide_thin", "tall_short", "big_small", "multi_simple", "multi_complex", "width", "height", "distance")


def source_of(scene):
    arguments = {"images": [view.image for view in scene.views], "depths": [view.depth for view in scene.views]}
    return SourceScene(scene.facts, arguments, [view.instances for view in scene.views])


def arguments_of(scene, kind):
    return scene_arguments(source_of(scene), NUMBERS, kind, np.random.default_rng(0))


def ask_all(scene, categories):
    return sample_conversation(scene.facts, NUMBERS, np.random.default_rng(0), 1000, categories=categories)


def region(center, size=(1.0, 1.0, 1.0), in_camera=(0.0, 0.0, 1.0)):
    return MeasuredRegion(np.array(center, dtype=float), np.array(size, dtype=float), np.array(in_camera, dtype=float))


def question(kind, regions, *, form="choice", text=""):
    return RoomQuestion("any", kind, form, text, "", "region", tuple(regions), False)


@pytest.mark.parametrize("kind", ["masks", "box_3d"])
def test_every_answer_is_right_about_boxes_seen_from_all_sides(kind):
    scene = make_scene(6)
    boxes, is_metric = measure_regions(arguments_of(scene, kind))
    questions = ask_all(scene, SIZES)
    assert is_metric
    assert all(map(is_geometric, questions))
    assert {entry.category for entry in questions} == set(SIZES)
    wrong = [entry.text for entry in questions if not is_right(entry, oracle_answer(entry, boxes))]
    assert not wrong


def test_relations_in_a_photo_are_right():
    scene = make_scene(1)
    boxes, _ = measure_regions(arguments_of(scene, "mask"))
    questions = ask_all(scene, RELATIONS)
    assert {entry.category for entry in questions} == set(RELATIONS)
    wrong = [entry.text for entry in questions if not is_right(entry, oracle_answer(entry, boxes))]
    assert not wrong


def test_boxes_are_measured_as_they_are():
    boxes, _ = measure_regions(arguments_of(make_scene(6), "masks"))
    for number, index in NUMBERS.items():
        _, center, size = FURNITURE[index]
        # Measured: 0.051 m and 9 %, at the wardrobe, whose foot the nearest cameras do not see.
        np.testing.assert_allclose(boxes[number].center, center, atol=0.06)
        np.testing.assert_allclose(boxes[number].size, [max(size[:2]), min(size[:2]), size[2]], rtol=0.12)


def test_only_words_and_geometry_are_used():
    """The truth of a question may be false: the answer does not change."""
    near, far = region((1, 0, 0)), region((4, 0, 0), size=(3, 1, 1))
    boxes = {0: region((0, 0, 0)), 1: near, 2: far}
    assert oracle_answer(question("wider_choice", (1, 2)), boxes) == "Region 2"
    assert oracle_answer(question("thinner_choice", (1, 2)), boxes) == "Region 1"
    assert oracle_answer(question("wider_predicate", (1, 2), form="predicate"), boxes) == "No."
    assert oracle_answer(question("thinner_predicate", (1, 2), form="predicate"), boxes) == "Yes."
    assert oracle_answer(question("distance", (1, 2), form="open"), boxes) == "3.0000 meters"
    assert oracle_answer(question("widest", (0, 1, 2)), boxes) == "Region 2"
    assert oracle_answer(question("standing_farthest", (0, 1, 2)), boxes) == "Region 2"


@pytest.mark.parametrize(
    ("target", "where"),
    [((0, 5, 0), "front"), ((0, -5, 0), "behind"), ((5, 0, 0), "right"), ((-5, 0, 0), "left"), ((-2, 3, 9), "front")],
)
def test_someone_who_looks_along_y_has_x_to_the_right(target, where):
    boxes = {0: region((0, 0, 0)), 1: region((0, 2, 0)), 2: region(target)}
    assert oracle_answer(question("standing", (0, 1, 2), form="open"), boxes) == where


def test_camera_decides_left_and_near():
    boxes = {
        0: region((0, 0, 0), in_camera=(-1.0, 0.0, 2.0)),
        1: region((0, 0, 0), in_camera=(0.9, 0.0, 4.0)),
        2: region((0, 0, 0), in_camera=(0.9, 0.0, 3.0)),
    }
    assert oracle_answer(question("left_choice", (1, 0)), boxes) == "Region 0"
    assert oracle_answer(question("right_choice", (1, 2)), boxes) == "Region 2"
    assert oracle_answer(question("farther_choice", (1, 2)), boxes) == "Region 1"
    assert oracle_answer(question("depth_order", (1, 0, 2)), boxes) == "Region 0, Region 2, Region 1"


@pytest.mark.parametrize("kind", ["closest", "farthest", "standing_closest", "standing_farthest"])
def test_distances_start_at_the_anchor_wherever_it_stands(kind):
    for template in (*phrasings(kind, "test"), *training_phrasings(kind)):
        words = {"anchor": "<region4>", "a": "<region4>", "all": "<region9>, <region2> and <region7>"}
        text = template.format(**words, any="<region9>, <region2> or <region7>")
        numbers = dict.fromkeys(int(part[0]) for part in text.split("<region")[1:])
        assert anchor_of(question(kind, numbers, text=text)) == 4, text


def test_nothing_is_answered_about_regions_without_points():
    assert oracle_answer(question("wider_choice", (0, 1)), {0: region((0, 0, 0))}) is None


def test_nothing_is_answered_about_an_unknown_camera():
    unknown = [np.nan, np.nan, np.nan]
    boxes = {0: region((0, 0, 0), in_camera=unknown), 1: region((1, 0, 0), in_camera=unknown)}
    assert oracle_answer(question("closer_choice", (0, 1)), boxes) is None
    assert oracle_answer(question("taller_choice", (0, 1)), boxes) is not None


def test_a_sample_without_depth_has_no_boxes():
    arguments = arguments_of(make_scene(1), "mask")
    plain = {name: arguments[name] for name in ("images", "regions")}
    assert measure_regions(plain) == (None, False)


def test_relative_depth_gives_no_metres():
    arguments = arguments_of(make_scene(1), "mask") | {"depth_kind": "relative"}
    boxes, is_metric = measure_regions(arguments)
    assert boxes
    assert not is_metric


@pytest.mark.parametrize("kind", ["naming", "counting_room", "existence", "room_size", "named_distance"])
def test_what_needs_names_or_the_whole_room_is_not_answered(kind):
    assert not is_geometric(question(kind, (), form="open"))
