# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of every task by its published rules, on answers whose score is known."""

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from transformers_sr3d.evaluation.benchmarks.coco_regions import mean_average_precision, predicted_name, reference_crop
from transformers_sr3d.evaluation.benchmarks.scan2cap import box_iou
from transformers_sr3d.evaluation.benchmarks.spatial_rgpt_bench import is_hour_right, judge_length
from transformers_sr3d.evaluation.benchmarks.tasks import find_task
from transformers_sr3d.evaluation.scorers.java_captions import missing_java
from transformers_sr3d.evaluation.scorers.statements import agrees, chosen_region


def score(name, truth, answer, *switches):
    task = find_task(name)
    return task.score(truth, answer, task.read_switches(switches))


def rows(name, samples, *switches):
    task = find_task(name)
    found = task.rows(samples, task.read_switches(switches))
    return {(row.metric, row.group): row.value for row in found}


def scored(name, truths_and_answers, *switches, category="all"):
    return [
        {"category": category, "truth": truth, "answer": answer, **score(name, truth, answer, *switches)}
        for truth, answer in truths_and_answers
    ]


@pytest.mark.parametrize(
    ("answer", "raw", "normalised", "refined"),
    [
        ("brown chair", True, True, True),
        ("Brown chair", False, True, True),
        ("brown chair.", False, True, True),
        ("the brown  chair", False, True, True),
        ("a big brown chair", False, False, True),
        ("chair", False, False, True),
        ("table", False, False, False),
        ("", False, False, False),
    ],
)
def test_scanqa_exact_match_is_raw_unless_asked(answer, raw, normalised, refined):
    truth = {"answers": ["brown chair", "stool"]}
    assert score("scanqa", truth, answer) == {"right": raw, "refined": refined}
    assert score("scanqa", truth, answer, "rules=llava-3d") == {"right": normalised, "refined": refined}


def test_scanqa_captions_lose_one_full_stop_only(monkeypatch):
    pairs = [({"answers": ["a b c d e"]}, "a b c d e."), ({"answers": ["x y z w v"]}, "x y z w v")]
    table = rows("scanqa", scored("scanqa", pairs))
    assert table["CIDEr", "all"] == pytest.approx(1000.0)
    assert table["BLEU-4", "all"] == pytest.approx(100.0, abs=1e-3)
    assert table["ROUGE-L", "all"] == pytest.approx(100.0)
    assert table["EM", "all"] == 50.0
    if missing_java() is None:
        assert table["METEOR", "all"] > 90.0
    monkeypatch.setenv("PATH", "")  # once is enough
    spoiled = rows("scanqa", scored("scanqa", [(pairs[0][0], "a b c d e?"), pairs[1]]))
    assert spoiled["ROUGE-L", "all"] < 100.0  # raw text: no other punctuation goes


@pytest.mark.skipif(missing_java() is not None, reason=str(missing_java()))
def test_llava_3d_rules_part_words_as_ptb_does():
    pairs = [({"answers": ["It's on the left side"]}, "its on left side!"), ({"answers": ["two"]}, "2")]
    table = rows("scanqa", scored("scanqa", pairs, "rules=llava-3d"), "rules=llava-3d")
    assert table["EM", "all"] == 50.0  # two and 2 are the same, it's and its are not
    assert 0.0 < table["ROUGE-L", "all"] < 100.0


def test_without_java_its_figures_are_not_computed(monkeypatch):
    monkeypatch.setenv("PATH", "")
    pairs = scored("scanqa", [({"answers": ["a b"]}, "a b"), ({"answers": ["c"]}, "d")])
    assert rows("scanqa", pairs)["METEOR", "all"] is None
    assert rows("scanqa", pairs)["BLEU-1", "all"] is not None
    normalised = rows("scanqa", pairs, "rules=llava-3d")
    assert normalised["CIDEr", "all"] is None
    assert normalised["EM", "all"] == 50.0


def test_sqa3d_compares_normalised_answers_with_the_first():
    truth = {"answers": ["TV", "screen"]}
    assert score("sqa3d", truth, "the tv.") == {"right": True, "refined": True}
    assert score("sqa3d", truth, "screen") == {"right": False, "refined": False}
    assert score("sqa3d", truth, "tv stand") == {"right": False, "refined": True}


def test_scan2cap_gate_empties_descriptions(monkeypatch):
    monkeypatch.setenv("PATH", "")  # METEOR is not what this is about
    good = {"answers": ["The chair, next to it."], "iou": 0.6}
    assert score("scan2cap", good, "the chair, next to it.") == {"right": True, "rouge_l": pytest.approx(1.0)}
    assert score("scan2cap", good, "the chair next to it")["rouge_l"] < 1.0
    assert score("scan2cap", good, "the chair next to it", "punctuation=dropped")["rouge_l"] == pytest.approx(1.0)
    bad = good | {"iou": 0.4}
    assert not score("scan2cap", bad, "the chair, next to it.")["right"]
    assert score("scan2cap", bad, "the chair, next to it.", "iou=0.25")["right"]
    samples = scored("scan2cap", [(good, "the chair, next to it."), (bad, "the chair, next to it.")])
    table = rows("scan2cap", samples)
    assert table["objects with a box of IoU 0.5", "all"] == 50.0
    only_frame = score("scan2cap", good, "")["rouge_l"]  # sos and eos are words
    assert table["ROUGE-L", "IoU 0.5"] == pytest.approx(50.0 * (1 + only_frame))


def test_box_overlap():
    box = (np.zeros(3), np.ones(3))
    assert box_iou(box, box) == 1.0
    assert box_iou(box, (np.array([0.5, 0, 0]), np.ones(3))) == pytest.approx(1 / 3)
    assert box_iou(box, (np.array([2.0, 0, 0]), np.ones(3))) == 0.0


@pytest.mark.parametrize(
    ("answer", "official", "parsed"),
    [("B", True, True), ("b.", True, True), ("B. right", True, True), ("right", False, True), ("(B)", False, True),
     ("A", False, False), ("", False, False)],
)  # fmt: skip
def test_vsi_choices(answer, official, parsed):
    truth = {"letter": "B", "options": ["A. left", "B. right"]}
    assert score("vsi-bench", truth, answer)["right"] is official
    truth["options"] = ["left", "right"]
    assert score("vsi-bench", truth, answer, "answers=parsed")["right"] is parsed


@pytest.mark.parametrize(
    ("kind", "answer", "official", "parsed"),
    [
        ("object_abs_distance", "2.0", 1.0, 1.0),
        ("object_abs_distance", "2.2.", 0.8, 0.8),  # an error of 10 % meets 0.50 to 0.90 out of 0.50 to 0.95
        ("object_abs_distance", "about 2.0 meters", 0.0, 1.0),
        ("object_abs_distance", "none", 0.0, 0.0),
        ("object_size_estimation", "It is 0.02 meters.", 0.0, 1.0),
        ("object_counting", "There are 2 chairs.", 0.0, 1.0),
        ("object_counting", "9", 0.0, 0.0),
    ],
)
def test_vsi_numbers(kind, answer, official, parsed):
    truth = {"number": 2.0, "category": kind}
    assert score("vsi-bench", truth, answer)["mra"] == pytest.approx(official, abs=0.101)
    assert score("vsi-bench", truth, answer, "answers=parsed")["mra"] == pytest.approx(parsed, abs=0.101)


def test_vsi_average_has_directions_as_one_task():
    def sample(kind, **scores):
        return {"category": kind, "right": True} | scores

    samples = [
        sample("object_rel_direction_easy"),
        *[sample("object_rel_direction_hard", right=False)] * 9,
        sample("object_counting", mra=0.4),
        sample("route_planning", right=False),
    ]
    table = rows("vsi-bench", samples)
    assert table["accuracy", "object_rel_direction"] == pytest.approx(50.0)
    assert table["average", "3 tasks"] == pytest.approx((50 + 40 + 0) / 3)


@pytest.mark.parametrize(("said", "right"), [(0.75, True), (1.25, True), (0.749, False), (1.251, False)])
def test_spatial_rgpt_lengths_are_within_a_quarter(said, right):
    assert judge_length(1.0, said)["right"] is right
    assert judge_length(1.0, said)["error"] == pytest.approx(abs(said - 1) / 1.0001)


@pytest.mark.parametrize(("truth", "said", "right"), [(12, 1, True), (1, 12, True), (12, 2, False), (6, 6, True)])
def test_hours_are_on_a_circle(truth, said, right):
    assert is_hour_right(truth, said) is right


IS_ABOVE, IS_SHORTER = "Is <region0> above <region1>?", "Is <region0> shorter than <region1>?"
TALLER, LEFT = "Which is taller, <region0> or <region1>?", "Between <region0> and <region1>, which one is on the left?"


@pytest.mark.parametrize(
    ("question", "text", "meant"),
    [
        (IS_ABOVE, "Yes, Region [0] is above Region [1].", True),
        (IS_ABOVE, "Indeed, Region [0] is positioned over Region [1].", True),
        (IS_ABOVE, "That is True.", True),
        (IS_ABOVE, "No.", False),
        (IS_ABOVE, "Incorrect, Region [0] is not positioned above Region [1].", False),
        (IS_ABOVE, "Actually, Region [0] is below Region [1].", False),
        (IS_ABOVE, "Region 1 is below Region 0.", True),
        (IS_ABOVE, "Region 0 is not above Region 1.", False),
        (IS_ABOVE, "Region 0 is left of Region 1.", None),
        (IS_ABOVE, "I cannot say.", None),
        (IS_ABOVE, "", None),
        (IS_SHORTER, "Correct, Region [0] is not as tall as Region [1].", True),
        (IS_SHORTER, "In fact, Region [0] may be taller than Region [1].", False),
        (IS_SHORTER, "Region [0] is not as tall as Region [1].", True),
        ("Does <region0> have a lesser width compared to <region1>?", "In fact, Region [0] might be wider.", False),
        ("Is <region0> bigger than <region1>?", "Actually, Region [0] might be smaller than Region [1].", False),
        ("Is the position of <region0> more distant than that of <region1>?", "Region 0 is closer.", False),
    ],
)
def test_spatial_rgpt_statements_are_read(question, text, meant):
    assert agrees(question, text) is meant


@pytest.mark.parametrize(
    ("question", "text", "chosen"),
    [
        (TALLER, "Region [1].", 1),
        (TALLER, "Standing taller between the two is Region [0].", 0),
        (TALLER, "Region 0 is shorter than Region 1.", 1),
        (TALLER, "Region 1 is taller than Region 0.", 1),
        (TALLER, "They are alike.", None),
        (LEFT, "From the viewer's perspective, Region [1] appears more on the left side.", 1),
        (LEFT, "Region 1 is more to the right.", 0),
    ],
)
def test_spatial_rgpt_choices_are_read(question, text, chosen):
    assert chosen_region(question, text) == chosen


def test_spatial_rgpt_scores_what_is_said():
    above = {"kind": "below/above", "question": IS_ABOVE, "answer": "Actually, Region [0] is below Region [1]."}
    above["choice"] = False
    assert not score("spatialrgpt-bench", above, "Yes, Region 0 is above Region 1.")["right"]
    assert score("spatialrgpt-bench", above, "No.")["right"]
    left = {"kind": "left/right", "question": LEFT, "answer": "Positioned to the left is Region [0].", "choice": True}
    assert score("spatialrgpt-bench", left, "Region 0 is more to the left.")["right"]
    assert not score("spatialrgpt-bench", left, "Region 1 is more to the left.")["right"]
    unclear = above | {"answer": "Both share the same elevation."}
    assert not score("spatialrgpt-bench", unclear, "Both share the same elevation.")["right"]
    samples = [{"truth": t, "category": t["kind"], "right": False} for t in (above, left, unclear)]
    rows = {row.metric: row.value for row in find_task("spatialrgpt-bench").rows(samples, {})}
    assert rows["truths that the parser reads"] == pytest.approx(200 / 3)


def test_spatial_rgpt_units_are_read():
    truth = {"kind": "width", "answer": "It is 3 feet wide.", "question": ""}
    assert score("spatialrgpt-bench", truth, "0.95 meters")["right"]
    assert score("spatialrgpt-bench", truth, "95 inches") == {"right": False, "error": pytest.approx(1.6386, abs=1e-3)}
    assert score("spatialrgpt-bench", truth, "wide") == {"right": False, "error": None}
    hours = {"kind": "direction", "answer": "Region [1] is at 11 o'clock.", "question": ""}
    assert score("spatialrgpt-bench", hours, "at 12 o'clock")["right"]
    assert not score("spatialrgpt-bench", hours, "at 2 o'clock")["right"]


@pytest.mark.parametrize(
    ("box", "size", "crop"),
    [
        ((300, 200, 20, 20), (640, 480), (160, 0, 640, 480)),  # 70 to 550 had room: the quirk moves it to the edge
        ((100, 200, 20, 20), (640, 480), (0, 0, 480, 480)),
        ((600, 200, 20, 20), (640, 480), (160, 0, 640, 480)),
        ((10, 10, 20, 20), (480, 640), (0, 0, 480, 480)),
        ((10, 400, 20, 20), (480, 640), (0, 160, 480, 640)),
        ((0, 0, 600, 100), (640, 480), (0, 0, 640, 480)),  # larger than the short side: the whole picture
    ],
)
def test_reference_crop_has_the_published_quirk(box, size, crop):
    assert reference_crop(box, size) == crop


def test_coco_accuracy_is_strict_and_names_end_at_a_comma():
    assert predicted_name("Chair, wooden") == "chair"
    assert score("coco-regions", {"name": "chair"}, "chair") == {"right": True, "named": True}
    assert score("coco-regions", {"name": "chair"}, "Chair, wooden") == {"right": False, "named": True}
    assert score("coco-regions", {"name": "dining table"}, "table") == {"right": False, "named": False}


def test_map_is_that_of_cocoeval_on_the_official_layout():
    rng = np.random.default_rng(0)
    names = ["person", "chair", "cat"]
    samples, objects, found = [], [], []
    for number in range(60):
        truth, said = (int(k) for k in rng.integers(0, 3, 2))
        said = truth if rng.uniform() < 0.6 else said
        box = [float(value) for value in (*rng.integers(0, 300, 2), *rng.integers(5, 300, 2))]
        image = number // 6 + 1
        samples.append({"truth": {"name": names[truth], "image": image, "box_xywh": box}, "answer": names[said]})
        area = box[2] * box[3]
        entry = {
            "id": number + 1,
            "image_id": image,
            "category_id": truth + 1,
            "bbox": box,
            "area": area,
            "iscrowd": 0,
        }
        objects.append(entry)
        found.append({"image_id": image, "category_id": said + 1, "bbox": box, "score": 1.0})
    official = COCO()
    official.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(1, 11)],
        "annotations": objects,
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(names)],
    }
    official.createIndex()
    evaluation = COCOeval(official, official.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert mean_average_precision(samples) == pytest.approx(evaluation.stats[0], abs=1e-6)
    assert 0.2 < evaluation.stats[0] < 0.95
    perfect = [sample | {"answer": sample["truth"]["name"]} for sample in samples]
    assert mean_average_precision(perfect) == pytest.approx(1.0)
    assert mean_average_precision([sample | {"answer": "?"} for sample in samples]) == 0.0


def test_blink_depth_takes_regions_and_letters():
    truth = {"letter": "B", "options": ["A is closer", "B is closer"]}
    assert score("blink-depth", truth, "Region 1 is closer than Region 0.")["right"]
    assert not score("blink-depth", truth, "Region 0.")["right"]
    assert score("blink-depth", truth, "(B)")["right"]
    assert score("blink-depth", truth, "B is closer")["right"]
    assert not score("blink-depth", truth, "")["right"]


def test_realworldqa_takes_letters_and_words():
    assert score("realworldqa", {"letter": "B"}, "B. left")["right"]
    assert score("realworldqa", {"text": "Yes"}, "yes.")["right"]
    assert not score("realworldqa", {"text": "Yes"}, "yes it is")["right"]


def test_sr3d_bench_thresholds():
    truth = {"value": 1.0, "unit": "m"}
    assert not score("sr3d-bench-rebuilt", truth, "0.78 meters")["right"]  # 1 / 0.78 is above 1.25
    assert score("sr3d-bench-rebuilt", truth, "0.78 meters", "threshold=within-25")["right"]
    assert score("sr3d-bench-rebuilt", {"choice": "B"}, "B. chair") == {"right": True}
