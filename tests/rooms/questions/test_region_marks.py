# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Regions as a user may draw them, around objects painted by hand into instance maps."""

from collections import Counter

import numpy as np
import pytest
import torch
from known_rooms import INTRINSICS, known_room

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.region_prompts_sr3d import read_regions
from transformers_sr3d.rooms.questions.region_marks import (
    MULTI_VIEW_KINDS,
    SINGLE_VIEW_KINDS,
    TRAINING_JITTER,
    mark_region,
    mark_scene,
)


BLOCK, FRAME, SPECK, HIDDEN = range(4)


def painted(num_views):
    """A full block in every view, larger in the second; a thin frame; a speck; an object that no view shows."""
    maps = np.full((num_views, 192, 256), -1, dtype=np.int16)
    maps[:, 20:60, 30:80] = BLOCK
    maps[1:2, 20:100, 30:80] = BLOCK
    maps[:, 110:180, 100:200] = FRAME
    maps[:, 115:175, 105:195] = -1
    maps[0, 5:10, 200:207] = SPECK  # 35 pixels
    return list(maps)


def mark(index, kind, *, num_views=4, seed=0, **settings):
    rng = np.random.default_rng(seed)
    return mark_region(known_room(num_views), painted(num_views), 7, index, rng, kind=kind, **settings)


def test_masks_are_drawn_in_every_view_that_shows_enough():
    marks = mark(BLOCK, "masks")
    assert [entry["view"] for entry in marks] == [0, 1, 2, 3]
    assert all(np.array_equal(entry["mask"], painted(4)[entry["view"]] == BLOCK) for entry in marks)
    assert {entry["region"] for entry in marks} == {7}


def test_one_mask_is_drawn_in_the_view_that_shows_most():
    assert [entry["view"] for entry in mark(BLOCK, "mask")] == [1]


def test_speck_is_marked_in_its_best_view_only():
    for kind in ("masks", "boxes"):
        assert [(entry["view"], int(entry["mask"].sum())) for entry in mark(SPECK, kind)] == [(0, 35)]


def test_rectangle_runs_along_pixel_edges():
    assert mark(BLOCK, "box") == [{"region": 7, "box_xyxy": [30.0, 20.0, 80.0, 100.0], "view": 1}]


def test_rectangles_are_drawn_in_up_to_three_views():
    drawn = Counter()
    for seed in range(30):
        marks = mark(BLOCK, "boxes", seed=seed)
        assert len(marks) == len({entry["view"] for entry in marks}) == 3
        assert all(entry["box_xyxy"][:3] == [30.0, 20.0, 80.0] for entry in marks)
        drawn.update(entry["view"] for entry in marks)
    assert set(drawn) == {0, 1, 2, 3}
    assert len(mark(BLOCK, "boxes", num_views=2)) == 2


@pytest.mark.parametrize("kind", ["box", "boxes"])
def test_rectangle_that_holds_mostly_background_becomes_a_mask(kind):
    marks = mark(FRAME, kind)
    assert [sorted(entry) for entry in marks] == [["mask", "region", "view"]]


def test_solid_box_is_that_of_the_object():
    (entry,) = mark(BLOCK, "box_3d")
    sofa = known_room().objects[BLOCK]
    assert entry["box_3d"]["center"] == sofa.center.tolist()
    assert entry["box_3d"]["size"] == sofa.size.tolist()
    assert np.array_equal(entry["box_3d"]["rotation"], sofa.rotation)


def test_jitter_moves_every_edge_by_a_twentieth_at_most():
    boxes = np.array([mark(BLOCK, "box", seed=s, jitter=TRAINING_JITTER)[0]["box_xyxy"] for s in range(200)])
    shifts = np.abs(boxes - [30, 20, 80, 100])
    assert (shifts <= [2.5, 4.0, 2.5, 4.0]).all()
    assert (shifts.max(axis=0) > [2.2, 3.6, 2.2, 3.6]).all()


def test_jittered_rectangles_stay_in_the_image():
    whole = [np.full((192, 256), BLOCK, dtype=np.int16)]
    for seed in range(50):
        rng = np.random.default_rng(seed)
        (entry,) = mark_region(known_room(1), whole, 0, BLOCK, rng, kind="box", jitter=TRAINING_JITTER)
        x0, y0, x1, y1 = entry["box_xyxy"]
        assert 0 <= x0 < x1 <= 256
        assert 0 <= y0 < y1 <= 192


@pytest.mark.parametrize(("num_views", "kinds"), [(1, SINGLE_VIEW_KINDS), (4, MULTI_VIEW_KINDS)])
def test_scene_draws_among_the_kinds_that_its_views_allow(num_views, kinds):
    used = Counter()
    for seed in range(60):
        numbers = {0: FRAME, 3: BLOCK}
        rng = np.random.default_rng(seed)
        regions, drawn = mark_scene(known_room(num_views), painted(num_views), numbers, rng)
        assert {entry["region"] for entry in regions} == set(drawn) == {0, 3}
        used.update(drawn.values())
    assert set(used) == set(kinds)
    assert min(used.values()) > 10


def test_scene_marks_all_in_the_given_way():
    regions, drawn = mark_scene(known_room(), painted(2), {0: BLOCK, 1: FRAME}, np.random.default_rng(0), kind="masks")
    assert drawn == {0: "masks", 1: "masks"}
    assert len(regions) == 4


def test_processor_reads_every_kind():
    facts, maps = known_room(2), painted(2)
    views = prepare_views(
        [np.zeros((192, 256, 3), dtype=np.uint8)] * 2,
        depths=[np.full((192, 256), 4.0, dtype=np.float32)] * 2,
        intrinsics=[INTRINSICS] * 2,
        camera_to_world=[view.camera_to_world for view in facts.views],
        world_up="+z",
    )
    for kind in MULTI_VIEW_KINDS:
        regions, _ = mark_scene(facts, maps, {2: BLOCK}, np.random.default_rng(0), kind=kind)
        (region,) = read_regions(regions, views)
        assert region["number"] == 2
        if kind != "box_3d":
            truth = torch.from_numpy(maps[1] == BLOCK)
            assert torch.equal(torch.as_tensor(region["masks"][1]), truth)


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"`kind` must be one of masks, .*got 'scribble'"):
        mark(BLOCK, "scribble")


def test_object_that_no_view_shows_is_refused():
    with pytest.raises(ValueError, match="`index` must be an object that some view shows, got 3"):
        mark(HIDDEN, "mask")
