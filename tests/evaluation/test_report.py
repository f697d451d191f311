# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Report of the room benchmark: shares, averages and the majority are counted out by hand."""

import pytest

from transformers_sr3d.evaluation.rooms.report import (
    add_majority,
    category_rows,
    format_markdown,
    format_text,
    summarize,
)


def sample(category, right, *, views=4, region_kind="masks", form="choice", **changes):
    return {
        "category": category,
        "scene": views,
        "views": views,
        "region_kind": region_kind,
        "held_out": False,
        "form": form,
        "quantity": None,
        "majority_key": "0",
        "name": None,
        "right": right,
        "mra": None,
        "majority_right": True,
        "oracle_right": None,
    } | changes


@pytest.fixture
def samples():
    return [
        sample("wide_thin", True, oracle_right=True),
        sample("wide_thin", False, oracle_right=False),
        sample("tall_short", True, oracle_right=True, region_kind="boxes"),
        sample("wide_thin", False, views=1),
        sample("width", True, quantity=1.0, mra=0.9),
        sample("width", True, quantity=1.0, mra=0.7),
        sample("height", False, quantity=1.0, mra=0.2),
        sample("left_right", True, views=1, majority_right=False),
        sample("naming", True, name="chair"),
        sample("naming", False, name="chair", views=1),
        sample("naming", True, name="lamp"),
        sample("naming", False, name="piano"),
    ]


def test_averages_weigh_categories_alike(samples):
    summary = summarize(samples, {})
    assert summary["qualitative"] == pytest.approx((50.0 + 100.0) / 2)
    assert summary["quantitative"] == pytest.approx((100.0 + 0.0) / 2)
    assert summary["single_view_relations"] == 100.0
    assert summary["averages"]["model"]["qualitative"] == summary["qualitative"]
    assert summary["averages"]["majority"]["single_view_relations"] == 0.0
    assert summary["averages"]["oracle"]["qualitative"] == pytest.approx((50.0 + 100.0) / 2)


def test_what_was_not_measured_is_none(samples):
    summary = summarize(samples, {})
    assert summary["averages"]["blind"]["qualitative"] is None
    assert summary["averages"]["oracle"]["quantitative"] is None
    assert summary["naming_macro_top1"] is None


def test_categories_of_an_average_without_a_sample_are_named(samples):
    missing = summarize(samples, {})["missing"]
    assert missing == [
        "multi big_small",
        "multi multi_simple",
        "multi multi_complex",
        "multi distance",
        "single above_below",
        "single front_behind",
        "single depth_order",
    ]


def test_naming_averages_over_classes_with_enough_models(samples):
    summary = summarize(samples, {"chair": 4, "lamp": 9, "piano": 3})
    assert summary["naming_macro_top1"] == pytest.approx((50.0 + 100.0) / 2)
    assert summary["naming_classes"] == ["chair", "lamp"]


def test_rows_count_each_half_of_the_table(samples):
    rows = {(row["views"], row["category"]): row for row in category_rows(samples)}
    assert (rows["multi", "wide_thin"]["right"], rows["multi", "wide_thin"]["n"]) == (1, 2)
    assert rows["single", "wide_thin"]["percent"] == 0.0
    assert rows["multi", "width"]["mra"] == pytest.approx(80.0)
    assert rows["multi", "wide_thin"]["mra"] is None
    assert rows["multi", "wide_thin"]["interval"] == pytest.approx([9.453, 90.547], abs=1e-3)
    assert rows["multi", "wide_thin"]["oracle"] == 50.0
    assert rows["multi", "wide_thin"]["blind"] is None


def test_scenes_are_counted_once(samples):
    scenes = summarize([*samples, sample("width", True, views=9)], {})["scenes"]
    assert scenes == {"single": 1, "multi": 2, "views": 14, "most_views": 9}


def test_region_kinds_are_reported_apart(samples):
    kinds = {(row["views"], row["region_kind"]): row for row in summarize(samples, {})["region_kinds"]}
    assert [(*key, row["n"]) for key, row in kinds.items()] == [
        ("single", "masks", 3),
        ("multi", "masks", 8),
        ("multi", "boxes", 1),
    ]
    assert kinds["multi", "boxes"]["percent"] == 100.0


def test_words_of_the_test_split_are_reported_apart(samples):
    reworded = [entry | {"held_out": entry["category"] == "wide_thin"} for entry in samples]
    rows = [(row["views"], row["wording"], row["n"], row["right"]) for row in summarize(reworded, {})["wordings"]]
    assert rows == [
        ("single", "words of training", 2, 1),
        ("single", "words of the test split", 1, 0),
        ("multi", "words of training", 7, 5),
        ("multi", "words of the test split", 2, 1),
    ]


def test_majority_is_the_commonest_answer_of_a_kind():
    samples = [
        sample("wide_thin", True, majority_key="1"),
        sample("wide_thin", True, majority_key="0"),
        sample("wide_thin", True, majority_key="1"),
        sample("wide_thin", True, majority_key="no", form="predicate"),
        sample("wide_thin", True, majority_key="0", views=1),
    ]
    add_majority(samples)
    assert [entry["majority_right"] for entry in samples] == [True, False, True, True, True]


def test_majority_of_equals_does_not_depend_on_the_order():
    pairs = [[sample("naming", True, majority_key=key) for key in keys] for keys in ("ab", "ba")]
    for pair in pairs:
        add_majority(pair)
    assert [[entry["majority_right"] for entry in pair] for pair in pairs] == [[True, False], [False, True]]


def test_majority_of_quantities_is_the_median():
    samples = [sample("width", True, quantity=quantity) for quantity in (0.5, 1.0, 1.2, 1.26, 9.0)]
    add_majority(samples)
    assert [entry["majority_right"] for entry in samples] == [False, True, True, True, False]


def test_text_table_aligns_numbers_right(samples):
    lines = format_text(summarize(samples, {})).splitlines()
    assert lines[0].split() == ["average", "over", "categories", "model", "majority", "blind", "no", "depth", "oracle"]
    assert lines[2].split() == ["qualitative", "(multi-view)", "75.0", "100.0", "-", "-", "75.0"]
    row = next(line for line in lines if line.startswith("multi   wide_thin"))
    assert row.split() == ["multi", "wide_thin", "2", "50.0", "9.5", "-", "90.5", "-", "100.0", "-", "-", "50.0"]
    assert all(line == line.rstrip() for line in lines)


def test_markdown_has_a_rule_under_every_head(samples):
    blocks = format_markdown(summarize(samples, {})).split("\n\n")
    assert len(blocks) == 4
    for block in blocks:
        lines = block.splitlines()
        assert len({line.count("|") for line in lines}) == 1
        assert set(lines[1]) <= set("|-: ")
    assert "| multi | width | 2 | 100.0 | 34.2 - 100.0 | 80.0 | 100.0 | - | - | - |" in blocks[1]
