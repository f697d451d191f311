# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Questions about box rooms: answers are read from the text and derived again from boxes, poses and pixels."""

import re
from collections import Counter

import numpy as np
import pytest

from transformers_sr3d.rooms.box_facts import scene_from_facts, scene_to_facts
from transformers_sr3d.rooms.box_phrasings import ANSWERS, QUESTIONS
from transformers_sr3d.rooms.box_questions import (
    CHOICE_TYPES,
    MULTI_VIEW_TYPES,
    SINGLE_VIEW_TYPES,
    format_quantity,
    mark,
    number_regions,
    sample_conversation,
    scene_sample,
    visible_box,
)
from transformers_sr3d.rooms.boxes import BoxSettings, make_scene


METRES = {"meters": 1.0, "centimeters": 0.01, "feet": 0.3048}
ROUNDING = {"meters": 0.0051, "centimeters": 0.0051, "feet": 0.0016}


def conversations(settings, count):
    for index in range(count):
        scene, rng = make_scene("val", index, settings), np.random.default_rng(index)
        numbers = number_regions(scene, rng)
        yield scene, numbers, sample_conversation(scene, numbers, rng, 50)


@pytest.fixture(scope="module")
def photos():
    return list(conversations(BoxSettings(), 40))


@pytest.fixture(scope="module")
def walks():
    return list(conversations(BoxSettings(num_views=(2, 4)), 15))


def box_corners(thing):
    signs = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), -1).reshape(-1, 3)
    return (signs * thing.size) @ thing.rotation.T + thing.center


def vertical_extent(thing):
    return np.ptp(box_corners(thing)[:, 2])


def longer_side(thing):
    corners = box_corners(thing)[:, :2]
    lengths = sorted({round(float(np.linalg.norm(corner - corners[0])), 9) for corner in corners[1:]} - {0.0})
    return lengths[-2]  # the longest is the diagonal, of four corners; the second is the longer side


def image_column(scene, thing):
    camera = np.linalg.inv(scene.views[0].camera_to_world) @ np.append(thing.center, 1.0)
    pixel = scene.views[0].intrinsics @ camera[:3]
    return pixel[0] / pixel[2]


def derived_values(scene, numbers, question):
    """Every candidate's value, larger meaning more right, without the code under test."""
    mentioned = [int(n) for n in re.findall(r"<region(\d+)>", question.text)]
    thing = {number: scene.objects[numbers[number]] for number in numbers}
    anchored = re.search(r"(?:from|to|at) <region(\d+)>", question.text) if "_" in question.kind else None
    anchor = int(anchored.group(1)) if anchored else None
    value = {
        "left": lambda n: -image_column(scene, thing[n]),
        "right": lambda n: image_column(scene, thing[n]),
        "closer": lambda n: -np.linalg.norm(scene.views[0].camera_to_world[:3, 3] - thing[n].center),
        "taller": lambda n: vertical_extent(thing[n]),
        "wider": lambda n: longer_side(thing[n]),
        "farther_from": lambda n: np.linalg.norm(thing[n].center - thing[anchor].center),
        "closer_to": lambda n: -np.linalg.norm(thing[n].center - thing[anchor].center),
    }[question.kind]
    return {number: value(number) for number in mentioned if number != anchor}


@pytest.mark.parametrize("kind", QUESTIONS)
def test_every_type_has_eight_questions_and_three_answers(kind):
    assert len(set(QUESTIONS[kind])) >= 8
    assert len(set(ANSWERS[kind])) >= 3


def test_choices_name_the_region_that_geometry_names(photos, walks):
    checked = 0
    for scene, numbers, questions in photos + walks:
        for question in questions:
            if question.kind in CHOICE_TYPES:
                values = derived_values(scene, numbers, question)
                best = max(values, key=values.get)
                assert len(values) == 2
                assert question.region == best
                assert int(re.search(r"Region (\d+)", question.answer).group(1)) == best
                checked += 1
    assert checked > 200


def test_choices_keep_clear_of_ties(photos, walks):
    for scene, numbers, questions in photos + walks:
        for question in questions:
            if question.kind in CHOICE_TYPES:
                low, high = sorted(np.abs(list(derived_values(scene, numbers, question).values())))
                margin = high - low if question.kind in ("left", "right") else high / low
                assert margin >= (0.05 * 192 if question.kind in ("left", "right") else 1.25)


def test_margin_compares_the_second_candidate_in_the_text_with_the_first(photos, walks):
    for scene, numbers, questions in photos + walks:
        for question in questions:
            if question.kind in CHOICE_TYPES:
                sign = -1 if question.kind in ("left", "closer", "closer_to") else 1
                values = sign * np.array(list(derived_values(scene, numbers, question).values()))  # in text order
                sideways = question.kind in ("left", "right")
                expected = (values[1] - values[0]) / 192 if sideways else np.log(values[1] / values[0])
                assert question.margin == pytest.approx(expected, abs=1e-6), question.text
            else:
                assert question.margin is None


def test_measurements_state_the_true_lengths(photos, walks):
    truth = {
        "distance": lambda things: np.linalg.norm(things[0].center - things[1].center),
        "width": lambda things: longer_side(things[0]),
        "height": lambda things: vertical_extent(things[0]),
    }
    units = Counter()
    for scene, numbers, questions in photos + walks:
        for question in (q for q in questions if q.kind in truth):
            mentioned = [int(n) for n in re.findall(r"<region(\d+)>", question.text)]
            expected = truth[question.kind]([scene.objects[numbers[n]] for n in mentioned])
            amount, unit = re.search(r"(\d+(?:\.\d\d)?) (meters|centimeters|feet)", question.answer).groups()
            assert abs(float(amount) * METRES[unit] - expected) < ROUNDING[unit]
            assert question.metres == pytest.approx(expected, abs=1e-9)
            assert unit == "meters" or f"in {unit}" in question.text
            assert not re.search(r"meters|feet", question.text) or unit in question.text
            units[unit] += 1
    assert set(units) == set(METRES)
    assert units["meters"] > 0.7 * units.total()


def test_sizes_are_asked_only_of_whole_and_unhidden_boxes(photos):
    asked = 0
    for scene, numbers, questions in photos:
        view = scene.views[0]
        for question in questions:
            if question.kind in ("taller", "wider", "width", "height"):
                for index in (numbers[number] for number in question.regions):
                    mask = view.instances == index
                    border = mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()
                    assert not (border and view.cut[index])
                    assert not view.cut[index]
                    assert view.visible_share[index] >= 0.6
                asked += 1
    assert asked > 50


def test_all_types_occur_and_only_their_own(photos, walks):
    assert {q.kind for _, _, questions in photos for q in questions} == set(SINGLE_VIEW_TYPES)
    assert {q.kind for _, _, questions in walks for q in questions} == set(MULTI_VIEW_TYPES)


def test_right_answer_is_mentioned_first_as_often_as_second():
    settings = BoxSettings(num_views=(2, 4))
    first = Counter()
    for scene, numbers, _ in conversations(settings, 6):
        for seed in range(12):
            for question in sample_conversation(scene, numbers, np.random.default_rng(seed), 30):
                if question.kind in CHOICE_TYPES:
                    order = derived_values(scene, numbers, question)
                    first[next(iter(order)) == question.region] += 1
    assert first.total() > 500
    assert 0.44 < first[True] / first.total() < 0.56


def test_no_content_is_asked_twice(walks):
    for _, _, questions in walks:
        contents = [(q.kind, frozenset(q.regions), q.region if q.kind in CHOICE_TYPES else None) for q in questions]
        contents = [content for content in contents if content[0] not in ("farther_from", "closer_to")]
        assert len(contents) == len(set(contents))


def test_mentions_stand_in_text_order(photos, walks):
    for _, _, questions in photos + walks:
        for question in questions:
            assert list(question.regions) == [int(n) for n in re.findall(r"<region(\d+)>", question.text)]
            assert "{" not in question.text + question.answer


def test_anchor_is_the_region_that_distances_start_from(walks):
    for _, _, questions in walks:
        for question in questions:
            said = re.search(r"(?:from|to|at) <region(\d+)>", question.text) if "_" in question.kind else None
            assert question.anchor == (int(said.group(1)) if said else None), question.text


def test_region_numbers_are_a_permutation_of_visible_objects():
    scene = make_scene("val", 0, BoxSettings(num_views=(2, 4)))
    assert len(scene.visible_objects) > 3
    orders = set()
    for seed in range(10):
        numbers = number_regions(scene, np.random.default_rng(seed))
        assert list(numbers) == list(range(len(scene.visible_objects)))
        assert sorted(numbers.values()) == scene.visible_objects
        orders.add(tuple(numbers.values()))
    assert len(orders) > 5


def test_samples_mark_regions_in_all_four_ways(walks):
    kinds = Counter()
    for scene, numbers, _ in walks:
        sample = scene_sample(scene, np.random.default_rng(scene.index), numbers)
        assert sample["world_up"] == "+z"
        assert len(sample["camera_to_world"]) == len(sample["images"]) == len(scene.views)
        assert {entry["region"] for entry in sample["regions"]} == set(numbers)
        for number in numbers:
            entries = [entry for entry in sample["regions"] if entry["region"] == number]
            kinds[
                tuple(sorted({key for entry in entries for key in entry} - {"region", "view"})), len(entries) > 1
            ] += 1
    assert set(kinds) == {(("mask",), True), (("mask",), False), (("box_xyxy",), False), (("box_3d",), False)}


def test_photos_have_no_pose_and_sometimes_gravity():
    scene = make_scene("val", 0)
    samples = [scene_sample(scene, np.random.default_rng(seed)) for seed in range(20)]
    given = [sample["gravity_camera"] for sample in samples if "gravity_camera" in sample]
    assert 3 < len(given) < 17
    np.testing.assert_allclose(scene.views[0].camera_to_world[:3, :3] @ given[0], [0, 0, -1], atol=1e-9)
    for sample in samples:
        assert "camera_to_world" not in sample
        assert all("box_3d" not in entry for entry in sample["regions"])


def test_rectangle_spans_the_visible_pixels_in_pixel_edges():
    scene = make_scene("val", 0)
    index = scene.visible_objects[0]
    mask = scene.views[0].instances == index
    (x0, y0, x1, y1), fill = visible_box(scene.views[0], index)
    inside = np.zeros_like(mask)
    inside[int(y0) : int(y1), int(x0) : int(x1)] = True
    assert not (mask & ~inside).any()
    assert mask[int(y0)].any()
    assert mask[:, int(x1) - 1].any()
    assert fill == pytest.approx(mask.sum() / inside.sum())
    assert mark(scene, 5, index, np.random.default_rng(0), kind="mask")[0]["region"] == 5


def test_facts_without_pixels_give_the_same_questions(walks):
    scene, numbers, questions = walks[0]
    rebuilt = scene_from_facts(scene_to_facts(scene))
    again = sample_conversation(rebuilt, numbers, np.random.default_rng(7), 10)
    assert again == sample_conversation(scene, numbers, np.random.default_rng(7), 10)
    assert len(questions) > 10


@pytest.mark.parametrize(("unit", "text"), [("m", "0.52 meters"), ("cm", "52 centimeters"), ("ft", "1.72 feet")])
def test_lengths_are_written_with_their_unit(unit, text):
    assert format_quantity(0.5234, unit) == text


def test_unknown_unit_is_refused():
    with pytest.raises(ValueError, match=r"`unit` must be one of .* got 'inch'"):
        format_quantity(1.0, "inch")
