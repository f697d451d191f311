# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Questions about furnished rooms: truth is derived again from the corners of boxes, and from rooms known by heart."""

import dataclasses
import json
import math
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from known_rooms import column_and_row, known_room, moved, random_room, room_of, thing

from transformers_sr3d.evaluation.rooms.room_scores import is_right
from transformers_sr3d.rooms.composition.kinds import placed_names
from transformers_sr3d.rooms.questions.conversations import (
    MULTI_VIEW_CATEGORIES,
    SINGLE_VIEW_CATEGORIES,
    categories_of,
    format_quantity,
    number_objects,
    sample_conversation,
)
from transformers_sr3d.rooms.questions.phrasings import held_out_phrasings


COMPARISONS = ("wide_thin", "tall_short", "big_small", "left_right", "above_below", "front_behind")
SMALLER_WINS = ("thinner", "shorter", "smaller", "left", "below", "closer")
MIN_RATIOS = {"wide_thin": 1.25, "tall_short": 1.25, "big_small": 1.5, "front_behind": 1.2}
SOFA, WARDROBE, TABLE, PLANT, CHAIR = range(5)
BY_POSITION = dict(enumerate(range(5)))


def ask(facts, seed=0, count=60, numbers=None, **settings):
    rng = np.random.default_rng(seed)
    numbers = number_objects(facts, rng) if numbers is None else numbers
    return numbers, sample_conversation(facts, numbers, rng, count, **settings)


@pytest.fixture(scope="module")
def asked():
    """Facts, region numbers and a question, from 200 random rooms."""
    rooms = [random_room(seed, (1, 2, 1, 4)[seed % 4], split=("train", "test")[seed // 4 % 2]) for seed in range(200)]
    conversations = [(facts, *ask(facts, seed, 40)) for seed, facts in enumerate(rooms)]
    return [(facts, numbers, question) for facts, numbers, questions in conversations for question in questions]


def mentioned(text):
    return list(dict.fromkeys(int(number) for number in re.findall(r"<region(\d+)>", text)))


def corners(entry):
    signs = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), -1).reshape(-1, 3)
    return (signs * entry.size) @ entry.rotation.T + entry.center


def measure(facts, category, entry):
    """One value of a category, from corners and cameras."""
    points = corners(entry)
    middle = points.mean(axis=0)
    lower = points[points[:, 2] < middle[2]]
    sides = np.sort(np.linalg.norm(lower - lower[0], axis=1))[1:3]  # the third is the diagonal
    height = np.ptp(points[:, 2])
    if category == "left_right":
        return column_and_row(facts.views[0], middle)[0] / 256
    if category == "front_behind":
        return np.linalg.norm(middle - facts.views[0].camera_to_world[:3, 3])
    volume = sides[0] * sides[1] * height
    return {"wide_thin": sides.max(), "tall_short": height, "big_small": volume, "above_below": middle[2]}[category]


def apart(facts, first, second):
    return math.dist(*(corners(facts.objects[index]).mean(axis=0) for index in (first, second)))


def test_comparisons_agree_with_corners_and_keep_clear_of_ties(asked):
    checked = Counter()
    for facts, numbers, question in asked:
        if question.category not in COMPARISONS:
            continue
        first, second = mentioned(question.text)
        values = {n: measure(facts, question.category, facts.objects[numbers[n]]) for n in (first, second)}
        choose = min if question.kind.startswith(SMALLER_WINS) else max
        best = choose(values, key=values.get)
        if question.form == "predicate":
            assert question.yes == (best == first)
        else:
            assert question.region == best
        if question.category in MIN_RATIOS:
            assert max(values.values()) / min(values.values()) >= MIN_RATIOS[question.category] - 1e-9
            margin = math.log(values[second] / values[first])
        else:
            margin = values[second] - values[first]
            assert abs(margin) >= {"left_right": 0.05, "above_below": 0.25}[question.category] - 1e-9
        assert question.margin == pytest.approx(margin)
        checked[question.category, question.form] += 1
    assert len(checked) == 12
    assert min(checked.values()) > 50


def test_above_is_also_higher_in_the_image(asked):
    for facts, numbers, question in asked:
        if question.category == "above_below":
            first, second = (facts.objects[numbers[n]].center for n in question.regions)
            rows = [column_and_row(facts.views[0], center)[1] for center in (first, second)]
            assert (rows[0] - rows[1]) * (second[2] - first[2]) > 0
            assert abs(rows[0] - rows[1]) >= 0.05 * 192


def test_depth_orders_run_from_near_to_far(asked):
    orders = [entry for entry in asked if entry[2].category == "depth_order"]
    for facts, numbers, question in orders:
        values = [measure(facts, "front_behind", facts.objects[numbers[n]]) for n in question.order]
        assert all(far / near >= 1.2 for near, far in pairwise(values))
        assert sorted(question.order) == sorted(mentioned(question.text))
        assert question.value == pytest.approx(values[0])
        behind = {number: math.log(value / values[0]) for number, value in zip(question.order, values, strict=True)}
        assert question.falls == pytest.approx([behind[number] for number in mentioned(question.text)])
    assert len(orders) > 50


def test_best_of_several_leads_clearly(asked):
    checked = Counter()
    for facts, numbers, question in asked:
        which = question.kind.removeprefix("standing_")
        if which not in ("closest", "farthest", "tallest", "widest"):
            continue
        text = question.text
        candidates = mentioned(max(re.findall(r"(?:<region\d+>(?:, | and | or )?)+", text), key=len))
        anchor = [n for n in mentioned(text) if n not in candidates]
        assert len(anchor) == (which in ("closest", "farthest"))
        assert 3 <= len(candidates) <= (5 if anchor else 4)
        category = "tall_short" if which == "tallest" else "wide_thin"
        values = {
            n: apart(facts, numbers[anchor[0]], numbers[n])
            if anchor
            else measure(facts, category, facts.objects[numbers[n]])
            for n in candidates
        }
        first, second = sorted(values, key=values.get, reverse=which != "closest")[:2]
        assert question.region == first
        assert max(values[first] / values[second], values[second] / values[first]) >= 1.25 - 1e-9
        assert question.value == pytest.approx(values[first])
        assert question.falls == pytest.approx([abs(math.log(values[n] / values[first])) for n in candidates])
        checked[question.kind] += 1
    assert len(checked) == 6
    assert min(checked.values()) > 10


def test_directions_are_those_of_a_compass(asked):
    checked = Counter()
    for facts, numbers, question in asked:
        if question.kind not in ("standing", "standing_options"):
            continue
        stand, facing, target = (facts.objects[numbers[n]].center[:2] for n in mentioned(question.text))
        headings = [math.degrees(math.atan2(*(place - stand))) for place in (facing, target)]  # clockwise from +y
        angle = (headings[1] - headings[0]) % 360
        where = min(
            (0, "front"),
            (90, "right"),
            (180, "behind"),
            (270, "left"),
            (360, "front"),
            key=lambda s: abs(s[0] - angle),
        )
        assert question.option == where[1]
        assert abs(where[0] - angle) <= 25 + 1e-6
        assert min(math.dist(stand, facing), math.dist(stand, target)) >= 0.5
        assert question.bearing == pytest.approx((math.sin(math.radians(angle)), math.cos(math.radians(angle))))
        checked[question.form, question.option] += 1
    assert len(checked) == 8
    assert min(checked.values()) > 0.15 * sum(checked.values()) / 2


def test_lettered_options_stand_in_the_question(asked):
    for _, _, question in asked:
        if question.form == "options":
            lettered = dict(re.findall(r"([A-D])\. (\w+)", question.text))
            assert tuple(lettered.values()) == question.options
            assert lettered[re.search(r"\b[A-D]\b", question.answer).group()] == question.option


def test_lengths_agree_with_corners_and_are_written_in_their_unit(asked):
    metres = {"meters": 1.0, "centimeters": 0.01, "feet": 0.3048}
    rounding = {"meters": 0.0051, "centimeters": 0.0051, "feet": 0.0016}
    units = Counter()
    for facts, numbers, question in asked:
        if question.scoring != "length":
            continue
        if question.category == "named_distance":
            names = [entry.name for entry in facts.objects]
            shown = [i for i, entry in enumerate(facts.objects) if entry.visible_pixels.any()]
            by_length = sorted({names[i] for i in shown}, key=len, reverse=True)
            found = re.findall(rf"\bthe ({'|'.join(by_length)})\b", question.text, re.I)[:2]
            assert all(sum(names[i] == name for i in shown) == 1 for name in found)
            truth = apart(facts, *(i for name in found for i in shown if names[i] == name))
            assert question.regions == ()
        elif question.category == "distance":
            truth = apart(facts, *(numbers[n] for n in mentioned(question.text)))
        else:
            category = {"width": "wide_thin", "height": "tall_short"}[question.category]
            truth = measure(facts, category, facts.objects[numbers[mentioned(question.text)[0]]])
        assert question.metres == question.value == pytest.approx(truth)
        number, unit = re.search(r"(\d+(?:\.\d+)?) (meters|centimeters|feet)", question.answer).groups()
        assert float(number) * metres[unit] == pytest.approx(truth, abs=rounding[unit])
        assert unit == "meters" or unit in question.text
        units[question.unit, unit] += 1
    assert set(units) == {("m", "meters"), ("cm", "centimeters"), ("ft", "feet")}
    assert units["m", "meters"] > 0.75 * sum(units.values())


def test_counts_and_existence_agree_with_the_list_of_objects(asked):
    checked = Counter()
    for facts, _, question in asked:
        visible = Counter(entry.name for entry in facts.objects if (entry.visible_pixels >= 60).any())
        present = {entry.name for entry in facts.objects}
        if question.category == "counting":
            name = next(name for name in visible if re.search(rf"\b{name}s\b", question.text))
            assert question.count == visible[name]
            assert question.value == question.count + 1
            if question.kind == "counting_room":
                assert question.count == sum(entry.name == name for entry in facts.objects)
        elif question.category == "existence":
            spoken = [name for name in {*placed_names(), *present} if re.search(rf"\b{name}\b", question.text)]
            name = max(spoken, key=len)  # "table lamp", not "table"
            assert question.yes == (name in visible)
            assert question.yes or name not in present
        else:
            continue
        checked[question.kind] += 1
    assert min(checked[kind] for kind in ("counting_room", "counting_visible", "existence")) > 40


def test_single_things_are_counted_no_more_often_than_several():
    views = known_room().views
    chairs = [thing("chair", (x, 0, 0.4), (0.5, 0.5, 0.9), views) for x in range(3)]
    facts = room_of([*chairs, *known_room().objects[:4]], views)
    questions = [ask(facts, seed, 20, {0: 0}, categories=("counting",))[1] for seed in range(40)]
    assert all(sorted(question.count for question in asked) == [1, 3] for asked in questions)
    assert len({question.text for asked in questions for question in asked if question.count == 1}) > 4


def test_confusable_names_are_neither_counted_nor_denied():
    views = known_room().views
    facts = room_of([thing("armchair", (0, 0, 0.4), (0.8, 0.8, 0.9), views)], views)
    for seed in range(30):
        _, questions = ask(facts, seed, 80, categories=("counting", "existence"))
        asked_names = [question.text for question in questions]
        assert not any(re.search(r"(?<!office )\bchairs?\b", text) for text in asked_names)
    facts = room_of([*facts.objects, thing("chair", (1, 1, 0.4), (0.5, 0.5, 0.9), views)], views)
    assert ask(facts, categories=("counting", "named_distance"))[1] == []


def test_own_answers_are_scored_right(asked):
    for _, _, question in asked[::3]:
        assert is_right(question, question.answer), question
        assert is_right(json.loads(json.dumps(dataclasses.asdict(question))), question.answer)


def test_the_wording_of_a_question_decides_that_of_its_answer(asked):
    wordings, kinds = {}, {}
    for _, _, question in asked:
        if question.kind != "width":
            continue
        plain = [
            re.sub(r"\d+(?:\.\d+)?|(?:centi)?meters?|feet", "#", text) for text in (question.text, question.answer)
        ]
        asked_as = re.sub(r" in #", "", plain[0])
        wordings.setdefault(asked_as, set()).add(plain[1])
        kinds[plain[1]] = question.kind
    assert len(wordings) >= 16
    assert all(len(answers) == 1 for answers in wordings.values())
    assert len(kinds) == 3


def test_regions_are_listed_in_order_of_mention(asked):
    for _, numbers, question in asked:
        assert question.regions == tuple(mentioned(question.text))
        assert set(question.regions) <= set(numbers)
        assert "{" not in question.text + question.answer


def test_yes_and_first_named_are_as_frequent_as_no_and_second(asked):
    questions = [question for _, _, question in asked if question.category in COMPARISONS]
    for category in COMPARISONS:
        yes = [
            question.yes for question in questions if question.category == category and question.form == "predicate"
        ]
        first = [q.region == q.regions[0] for q in questions if q.category == category and q.form == "choice"]
        for draws in (yes, first):
            assert abs(np.mean(draws) - 0.5) < 2 / np.sqrt(len(draws))  # four standard deviations


def test_as_many_things_are_there_as_not():
    yes = [ask(known_room(), seed, 1, BY_POSITION, categories=("existence",))[1][0].yes for seed in range(150)]
    assert np.mean(yes) == pytest.approx(0.5, abs=0.12)


def test_every_category_is_asked_of_its_number_of_views(asked):
    by_views = {True: Counter(), False: Counter()}
    for facts, _, question in asked:
        by_views[len(facts.views) == 1][question.category] += 1
    assert set(by_views[True]) == set(SINGLE_VIEW_CATEGORIES)
    assert set(by_views[False]) == set(MULTI_VIEW_CATEGORIES)
    assert all(len(facts.views) >= 4 for facts, _, question in asked if question.category == "room_size")


def test_held_out_phrasings_are_asked_in_the_test_split_only(asked):
    share = np.mean([question.held_out for facts, _, question in asked if facts.split == "test"])
    assert 0.1 < share < 0.3
    assert not any(question.held_out for facts, _, question in asked if facts.split != "test")


def test_held_out_flag_says_which_phrasing_was_used():
    facts = known_room(split="test")
    templates = {template.replace("{a}", "<region0>") for template in held_out_phrasings("naming")}
    questions = [ask(facts, seed, 1, {0: SOFA}, categories=("naming",))[1][0] for seed in range(60)]
    assert any(question.held_out for question in questions)
    assert all(question.held_out == (question.text in templates) for question in questions)


def known_answers(category, **settings):
    """Truths of a category in the known room, by the objects that the text mentions."""
    truths = {}
    for seed in range(12):
        for question in ask(known_room(**settings), seed, 200, BY_POSITION, categories=(category,))[1]:
            truths[question.kind, question.regions] = question
    return truths


def test_known_room_has_known_lengths():
    widths = {regions[0]: q.metres for (_, regions), q in known_answers("width").items()}
    assert widths == {SOFA: 2.0, WARDROBE: 1.2, TABLE: 1.5, PLANT: 0.3, CHAIR: 0.5}
    heights = {regions[0]: q.metres for (_, regions), q in known_answers("height").items()}
    assert heights == {SOFA: 0.8, WARDROBE: 2.0, TABLE: 0.7, PLANT: 1.2, CHAIR: 0.9}
    distances = {frozenset(regions): q.metres for (_, regions), q in known_answers("distance").items()}
    assert len(distances) == 10
    assert distances[frozenset((SOFA, WARDROBE))] == pytest.approx(math.hypot(2.0, 0.6))
    assert distances[frozenset((TABLE, PLANT))] == pytest.approx(math.hypot(4.0, 0.25))


def test_known_room_has_known_directions():
    where = {q.regions: q.option for q in known_answers("multi_complex").values() if q.bearing}
    assert where[SOFA, WARDROBE, TABLE] == "right"
    assert where[SOFA, WARDROBE, PLANT] == "left"
    assert where[SOFA, WARDROBE, CHAIR] == "behind"
    assert where[CHAIR, SOFA, WARDROBE] == "front"
    assert where[SOFA, TABLE, WARDROBE] == "left"
    assert (CHAIR, SOFA, TABLE) not in where  # 53 degrees off: near the border


def test_known_room_has_known_relations_in_a_photo():
    right = {
        q.regions: q.region
        for (kind, _), q in known_answers("left_right", num_views=1).items()
        if kind == "right_choice"
    }
    assert right[PLANT, TABLE] == right[TABLE, PLANT] == TABLE
    assert not {(SOFA, WARDROBE), (WARDROBE, SOFA)} & set(right)  # one behind the other
    orders = {q.order for q in known_answers("depth_order", num_views=1).values()}
    assert (CHAIR, SOFA, WARDROBE) in orders
    assert (CHAIR, PLANT, TABLE) not in orders  # both equally far
    above = {
        q.regions: q.region
        for (kind, _), q in known_answers("above_below", num_views=1).items()
        if kind == "above_choice"
    }
    assert above[WARDROBE, TABLE] == WARDROBE


def test_known_room_has_known_names_counts_and_size():
    for seed in range(20):
        for question in ask(known_room(4), seed, 60, BY_POSITION, categories=("naming", "counting", "room_size"))[1]:
            if question.category == "naming":
                assert question.name == known_room().objects[question.regions[0]].name
            assert question.category != "counting" or question.count == 1
            assert question.category != "room_size" or question.square_metres == pytest.approx(35.0)


def test_moving_the_world_changes_no_question():
    for seed in range(6):
        facts = random_room(seed, 1 + seed % 5)
        numbers, before = ask(facts, seed)
        _, after = ask(moved(facts, 0.7 + seed, (3.0, -20.0, 1.5)), seed, numbers=numbers)
        _, before = ask(facts, seed, numbers=numbers)
        assert [(q.text, q.answer) for q in after] == [(q.text, q.answer) for q in before]
        assert [q.margin for q in after] == pytest.approx([q.margin for q in before], abs=1e-6, nan_ok=True)


def test_order_of_objects_changes_no_question():
    for seed in range(6):
        facts = random_room(seed, 1 + seed % 5)
        numbers, _ = ask(facts, seed)
        order = np.random.default_rng(seed).permutation(len(facts.objects))
        shuffled = dataclasses.replace(facts, objects=[facts.objects[index] for index in order])
        renumbered = {number: int(np.flatnonzero(order == index)[0]) for number, index in numbers.items()}
        assert ask(facts, seed, numbers=numbers)[1] == ask(shuffled, seed, numbers=renumbered)[1]


def test_no_content_is_asked_twice():
    facts = known_room()
    for seed in range(5):
        _, questions = ask(facts, seed, 500, BY_POSITION)
        pairs = [(q.category, frozenset(q.regions)) for q in questions if q.category in COMPARISONS]
        assert len(pairs) == len(set(pairs))
        names = [entry.name for entry in facts.objects]
        distances = [frozenset(q.regions) for q in questions if q.category == "distance"]
        distances += [
            frozenset(i for i, name in enumerate(names) if f"the {name}" in q.text)
            for q in questions
            if q.category == "named_distance"
        ]
        assert len(distances) == len(set(distances)) == 10


def test_categories_are_drawn_evenly_or_by_weight():
    counts = Counter(ask(known_room(4), seed, 1, BY_POSITION)[1][0].category for seed in range(260))
    assert set(counts) == set(MULTI_VIEW_CATEGORIES)
    assert min(counts.values()) > 6
    weights = dict.fromkeys(MULTI_VIEW_CATEGORIES, 0.0) | {"width": 3.0, "height": 1.0}
    counts = Counter(ask(known_room(4), seed, 1, BY_POSITION, weights=weights)[1][0].category for seed in range(100))
    assert set(counts) == {"width", "height"}
    assert counts["width"] / 100 == pytest.approx(0.75, abs=0.15)
    assert {q.category for q in ask(known_room(4), 0, 500, BY_POSITION, weights=weights)[1]} == {"width", "height"}


def test_same_seed_asks_the_same():
    assert ask(random_room(3, 2), 5) == ask(random_room(3, 2), 5)
    assert ask(random_room(3, 2), 5) != ask(random_room(3, 2), 6)


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        (((-0.5, 0.24), (-0.5, 0.5), (-0.5, 0.5)), {"height", "big_small", "distance"}),
        (((-0.5, 0.26), (-0.15, 0.5), (-0.5, 0.24)), {"width", "wide_thin", "big_small", "distance"}),
        (((-0.5, 0.5), (-0.5, 0.05), (-0.5, 0.5)), {"width", "wide_thin", "height", "distance"}),
        (((-0.25, 0.0), (-0.5, 0.5), (-0.5, 0.5)), {"height"}),
    ],
    ids=["three quarters of the width", "three quarters of the height", "half of the depth", "a quarter of the width"],
)
def test_questions_are_asked_where_enough_is_seen(seen, kept):
    views = known_room().views
    objects = [thing("sofa", (0, 0, 0.4), (2.0, 0.9, 0.8), views, seen=seen), known_room().objects[CHAIR]]
    categories = [name for name in MULTI_VIEW_CATEGORIES if name != "named_distance"]  # it asks for the same distance
    questions = ask(room_of(objects, views), 0, 100, {0: 0, 1: 1}, categories=categories)[1]
    assert {q.category for q in questions if 0 in q.regions} == kept | {"naming"}


def test_place_of_a_flat_thing_is_known_from_its_front():
    views = known_room().views
    flat = ((-0.5, 0.5), (-0.5, -0.5), (-0.5, 0.5))
    objects = [thing("tv", (0, 2, 1), (1.2, 0.05, 0.7), views, seen=flat), known_room().objects[CHAIR]]
    assert ask(room_of(objects, views), categories=("distance",))[1]
    objects[0] = thing("wardrobe", (0, 2, 1), (1.2, 0.6, 2.0), views, seen=flat)
    assert not ask(room_of(objects, views), categories=("distance",))[1]


@pytest.mark.parametrize(
    ("pixels", "cut", "named"),
    [
        ([99, 99], [False, False], False),
        ([100, 0], [False, False], True),
        ([100, 0], [True, False], False),
        ([100, 60], [True, True], True),
    ],
)
def test_names_are_asked_where_enough_is_seen(pixels, cut, named):
    views = known_room().views
    facts = room_of([thing("sofa", (0, 0, 0.4), (2.0, 0.9, 0.8), views, pixels=pixels, cut=cut)], views)
    assert bool(ask(facts, categories=("naming",), numbers={0: 0})[1]) == named


def test_only_visible_objects_are_numbered_and_names_vary():
    views = known_room().views
    chairs = [thing("chair", (x, 0, 0.4), (0.5, 0.5, 0.9), views) for x in range(8)]
    others = [thing(name, (0, 1, 0.4), (1, 1, 1), views) for name in ("sofa", "bed", "desk", "plant")]
    hidden = thing("piano", (1, 1, 0.5), (1, 1, 1), views, pixels=[59, 20])
    facts = room_of([hidden, *chairs, *others], views)
    draws = [number_objects(facts, np.random.default_rng(seed)) for seed in range(100)]
    assert all(0 not in draw.values() and len(set(draw.values())) == 8 for draw in draws)
    assert all(list(draw) == list(range(8)) for draw in draws)
    counts = [sum(index <= 8 for index in draw.values()) for draw in draws]
    assert 4 <= np.mean(counts) < 5  # at least four are chairs, drawn blindly it were 5.3
    assert max(counts) > 4
    assert len(number_objects(facts, np.random.default_rng(0), max_regions=3)) == 3


def test_larger_views_need_more_pixels():
    facts = known_room()
    objects = [thing("sofa", (0, 0, 0.4), (2.0, 0.9, 0.8), facts.views, pixels=[100, 100])]
    wide = [dataclasses.replace(view, image_size_hw=(384, 512)) for view in facts.views]
    assert number_objects(room_of(objects, facts.views), np.random.default_rng(0)) == {0: 0}
    assert number_objects(room_of(objects, wide), np.random.default_rng(0)) == {}


def test_category_of_other_views_is_refused():
    assert categories_of(known_room(1)) == SINGLE_VIEW_CATEGORIES
    with pytest.raises(ValueError, match=r"`categories`.*for 2 views, got left_right"):
        ask(known_room(), categories=("width", "left_right"))


def test_unknown_unit_is_refused():
    assert format_quantity(35.0, "ft2") == "377 square feet"
    assert format_quantity(0.524, "cm") == "52 centimeters"
    with pytest.raises(ValueError, match="got 'inch'"):
        format_quantity(1.0, "inch")
