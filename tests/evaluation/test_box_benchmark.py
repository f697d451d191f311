# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Box benchmark: answers written by hand are scored, the geometric oracle sees what a tape measure would."""

import pytest
import torch
from tiny import make_tiny_processor

from transformers_sr3d.evaluation.boxes import (
    add_scores,
    ask_batch,
    evaluate_boxes,
    format_table,
    make_batches,
    measure_answer,
    scene_questions,
    table_rows,
)


BOXES = {
    0: {
        "center": torch.tensor([0.0, 0.0, 0.5]),
        "size": torch.tensor([2.0, 1.0, 1.0]),
        "camera_center": torch.tensor([-1.0, 0.0, 2.0]),
    },
    1: {
        "center": torch.tensor([3.0, 4.0, 0.5]),
        "size": torch.tensor([1.0, 1.0, 3.0]),
        "camera_center": torch.tensor([1.0, 0.0, 4.0]),
    },
    2: {
        "center": torch.tensor([0.0, 1.0, 0.5]),
        "size": torch.tensor([1.5, 1.0, 2.0]),
        "camera_center": torch.tensor([0.9, 0.0, 3.0]),
    },
}


def choice(answer, region, *, mentions=(0, 1), oracle=0, views=1):
    return {
        "kind": "taller",
        "views": views,
        "region": region,
        "metres": None,
        "mentions": list(mentions),
        "answer": answer,
        "oracle": oracle,
    }


def quantity(answer, metres, *, oracle):
    return {"kind": "width", "views": 3, "region": None, "metres": metres, "answer": answer, "oracle": oracle}


@pytest.fixture
def samples():
    answered = [
        choice("Region 0 is taller.", 0),
        choice("Region 1 is taller.", 0, oracle=1),
        choice("The taller one is Region 1.", 1, oracle=None),
        quantity("Region 0 is 1.10 meters wide.", 1.0, oracle=1.2),
        quantity("Region 0 is 2.00 meters wide.", 1.1, oracle=0.2),
        quantity("", 4.0, oracle=None),
    ]
    add_scores(answered)
    return answered


@pytest.mark.parametrize(
    ("kind", "mentions", "anchor", "expected"),
    [
        ("distance", (0, 1), None, 5.0),
        ("width", (0,), None, 2.0),
        ("height", (1,), None, 3.0),
        ("wider", (1, 0), None, 0),
        ("taller", (1, 0), None, 1),
        ("left", (1, 0), None, 0),
        ("right", (1, 0), None, 1),
        ("right", (1, 2), None, 2),
        ("closer", (1, 0), None, 0),
        ("farther_from", (0, 1, 2), 0, 1),
        ("closer_to", (0, 1, 2), 0, 2),
        ("width", (7,), None, None),
    ],
)
def test_oracle_measures_the_boxes(kind, mentions, anchor, expected):
    assert measure_answer(kind, mentions, BOXES, anchor=anchor) == expected


def test_hand_made_answers_are_scored(samples):
    assert [sample["correct"] for sample in samples] == [True, False, True, True, False, False]
    assert [sample["oracle_correct"] for sample in samples] == [True, False, False, True, False, False]


def test_majority_takes_the_commonest_place_and_the_median(samples):
    assert [sample["majority_correct"] for sample in samples] == [True, True, False, True, True, False]


def test_table_counts_per_kind_and_group(samples):
    rows = {(row["views"], row["kind"]): row for row in table_rows(samples)}
    assert rows.keys() == {
        ("single", "taller"),
        ("single", "all choices"),
        ("multi", "width"),
        ("multi", "all quantities"),
    }
    assert rows["single", "taller"]["right"] == 2
    assert rows["multi", "width"]["accuracy"] == pytest.approx(1 / 3)


def test_table_shows_percentages(samples):
    text = format_table({"rows": table_rows(samples)})
    assert "single  taller                  3     66.7" in text


def test_questions_are_the_same_each_time():
    first, again = scene_questions(1), scene_questions(1)
    assert [entry["sample"] for entry in first] == [entry["sample"] for entry in again]


def test_oracle_answers_most_held_out_choices():
    samples = [entry["sample"] for batch in make_batches(39, 8) for entry in batch]
    choices = [sample for sample in samples if sample["region"] is not None]
    assert len(samples) == 39
    assert sum(sample["oracle"] == sample["region"] for sample in choices) >= 0.8 * len(choices)


def test_batches_hold_one_sort_of_scene():
    for batch in make_batches(24, 3):
        assert len({len(entry["inputs"]["images"]) > 1 for entry in batch}) == 1


def test_answers_are_what_stands_behind_the_prompt():
    processor = make_tiny_processor()
    said = torch.tensor(processor.tokenizer(" Region 1.")["input_ids"])

    class Network:
        device = "cpu"

        def generate(self, input_ids, attention_mask, **kwargs):
            assert attention_mask[:, -1].all()  # padding stands left, where generation goes on
            assert not attention_mask.all()
            return torch.cat((input_ids, said.expand(len(input_ids), -1)), dim=1)

    entries = scene_questions(0)
    questions = ("Which is taller, <region0> or <region1>?", "How wide is <region0>?")
    batch = [{"sample": {"question": text}, "inputs": entries[0]["inputs"]} for text in questions]
    assert ask_batch(Network(), processor, batch) == ["Region 1.", "Region 1."]


@pytest.mark.parametrize("argument", ["limit", "batch_size"])
def test_no_questions_are_refused(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be at least 1, got 0"):
        evaluate_boxes("unused", **{argument: 0})
