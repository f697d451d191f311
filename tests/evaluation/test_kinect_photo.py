# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Marked photo: every length is measured again on the depth map in two ways, and every question is about its marks."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from damage import MISSING, VALUES, damaged_values, write_json

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.evaluation.kinect_photo import (
    MARKINGS,
    PHOTO_FOLDER,
    PhotoQuantity,
    make_samples,
    mark,
    read_photo,
    write_questions,
)
from transformers_sr3d.region_geometry_sr3d import box_from_points


# What makes a length reliable enough to be asked.
MIN_MEASURED_SHARE = 0.6
MIN_POINTS = 500
MAX_DISAGREEMENT = 1.15  # of robust extents and plain ones
MIN_LENGTH_M, MIN_DISTANCE_M = 0.1, 0.2
MAX_TURN_DEG = 30.0  # of the longer horizontal side, out of the image plane
STORED_DIGITS_M = 1e-4
MARKS = json.loads((PHOTO_FOLDER / "objects.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def photo():
    return read_photo()


@pytest.fixture(scope="module")
def boxes(photo):
    """By name: the robust box, and the plain extents and their middle along its axes after a median filter."""
    views = prepare_views(**photo.views)
    points, valid, depth = views["points"][0].numpy(), views["valid"][0].numpy(), views["depths"][0].numpy()
    smooth = median_of_measured(np.where(valid, depth, np.nan))
    measured = {}
    for name, mask in photo.masks.items():
        inside = mask & valid
        box = {key: value.numpy() for key, value in box_from_points(torch.from_numpy(points[inside])).items()}
        # Depth scales the whole point: the ray through a pixel does not change.
        along = (points[inside] * (smooth / depth)[inside][:, None]) @ box["rotation"]
        low, high = along.min(axis=0), along.max(axis=0)
        measured[name] = box | {
            "plain_size": high - low,
            "plain_center": box["rotation"] @ ((low + high) / 2),
            "share": inside.sum() / mask.sum(),
            "points": inside.sum(),
        }
    return measured


@pytest.fixture(scope="module")
def samples(photo):
    return make_samples(photo, repeats=2, seed=3)


def median_of_measured(depth):
    """Median of the measured depths in 5 x 5 pixels."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(depth, 2, constant_values=np.nan), (5, 5))
    wanted = np.isfinite(depth)
    ordered = np.sort(windows[wanted].reshape(-1, 25), axis=1)  # not measured comes last
    count = np.isfinite(ordered).sum(axis=1, keepdims=True)
    smooth = np.full_like(depth, np.nan)
    smooth[wanted] = np.take_along_axis(ordered, np.hstack(((count - 1) // 2, count // 2)), axis=1).mean(axis=1)
    return smooth


def length(quantity, boxes, *, plain=False):
    size, center = ("plain_size", "plain_center") if plain else ("size", "center")
    things = [boxes[name] for name in quantity.objects]
    if quantity.kind == "distance":
        return float(np.linalg.norm(things[0][center] - things[1][center]))
    return float(things[0][size][0 if quantity.kind == "width" else 2])


def test_stored_lengths_are_what_the_depth_map_says(photo, boxes):
    for quantity in photo.quantities:
        assert quantity.metres == pytest.approx(length(quantity, boxes), abs=STORED_DIGITS_M), quantity


def test_robust_and_plain_extents_agree(photo, boxes):
    for quantity in photo.quantities:
        ratio = length(quantity, boxes, plain=True) / quantity.metres
        assert max(ratio, 1 / ratio) <= MAX_DISAGREEMENT, (quantity, ratio)


def test_asked_things_are_well_measured_and_face_the_camera(photo, boxes):
    for quantity in photo.quantities:
        assert all(boxes[name]["share"] >= MIN_MEASURED_SHARE for name in quantity.objects), quantity
        assert all(boxes[name]["points"] >= MIN_POINTS for name in quantity.objects), quantity
        assert quantity.metres >= (MIN_DISTANCE_M if quantity.kind == "distance" else MIN_LENGTH_M), quantity
        if quantity.kind == "width":
            long_axis = boxes[quantity.objects[0]]["rotation"][:, 0]
            assert abs(long_axis[0]) >= math.cos(math.radians(MAX_TURN_DEG)), quantity


def test_there_is_enough_to_ask(photo):
    kinds = [quantity.kind for quantity in photo.quantities]
    assert len(kinds) >= 24
    assert kinds.count("distance") >= 10
    assert len({name for quantity in photo.quantities for name in quantity.objects}) >= 8


def test_every_width_and_height_is_asked_or_left_out_with_a_reason(photo):
    asked = [(quantity.kind, quantity.objects) for quantity in photo.quantities]
    left_out = [(entry["kind"], tuple(entry["objects"])) for entry in MARKS["left_out"]]
    everything = asked + left_out
    assert len(set(everything)) == len(everything)
    assert {(kind, (name,)) for kind in ("width", "height") for name in photo.masks} <= set(everything)
    assert all(len(entry["reason"]) > 10 for entry in MARKS["left_out"])


def test_left_out_lengths_are_unreliable_by_the_same_rules(boxes):
    for entry in MARKS["left_out"]:
        box = boxes[entry["objects"][0]]
        if "too short" in entry["reason"]:
            assert length(PhotoQuantity(entry["kind"], tuple(entry["objects"]), 1.0), boxes) < MIN_LENGTH_M
        if "degrees out of the image plane" in entry["reason"]:
            assert abs(box["rotation"][0, 0]) < math.cos(math.radians(MAX_TURN_DEG))


def test_two_bookcases_are_as_wide_as_both_together(photo):
    widths = {q.objects[0]: q.metres for q in photo.quantities if q.kind == "width"}
    together = widths["left bookcase"] + widths["right bookcase"]
    assert widths["both bookcases"] == pytest.approx(together, rel=0.03)


def test_boxes_hug_the_masks(photo):
    (region,) = mark(photo, ["checkerboard"], "boxes")
    left, top, right, bottom = region["box_xyxy"]
    mask = photo.masks["checkerboard"]
    assert mask[top:bottom, left:right].sum() == mask.sum()
    assert mask[top].any()
    assert mask[bottom - 1].any()
    assert mask[:, left].any()
    assert mask[:, right - 1].any()


def test_oracle_is_right_about_masks_and_mostly_about_boxes(samples):
    masks, around = ([s["oracle_right"] for s in samples if s["marking"] == marking] for marking in MARKINGS)
    assert all(masks)
    assert 0.9 <= sum(around) / len(around) < 1.0


def test_constant_answer_is_the_best_one(samples):
    widths = [s for s in samples if s["marking"] == "masks" and s["kind"] == "width"]
    truths = [s["metres"] for s in widths]
    best = max(sum(max(guess / truth, truth / guess) <= 1.25 for truth in truths) for guess in truths)
    assert sum(s["constant_right"] for s in widths) == best


def test_masks_and_boxes_are_asked_about_in_the_same_words(photo, samples):
    words = [[s["question"] for s in samples if s["marking"] == marking] for marking in MARKINGS]
    assert words[0] == words[1]
    assert len(words[0]) == 2 * len(photo.quantities)
    assert json.loads(json.dumps(samples)) == samples


def test_wordings_of_a_quantity_differ_and_depend_on_the_seed():
    quantity = PhotoQuantity("distance", ("suitcase", "robot"), 0.518)
    first, again, other = (write_questions(quantity, 10, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert len({question.text for question in first}) == 10
    assert all(sorted(question.regions) == [0, 1] for question in first)
    assert all(question.metres == 0.518 for question in first)


def test_a_missing_file_is_named(tmp_path):
    shutil.copytree(PHOTO_FOLDER, tmp_path / "photo")
    (tmp_path / "photo" / "depth_mm.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"`folder` must hold .* without depth_mm\.png"):
        read_photo(tmp_path / "photo")


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(PHOTO_FOLDER, tmp_path / "photo")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "depth"}, r"`kind` of quantities\[0\] of '.*objects\.json' must be one of .* got 'depth'"),
        ({"objects": ["teapot"]}, r"`objects` of quantities\[0\] .* 1 marked things, got \['teapot'\]"),
        ({"kind": "distance"}, r"`objects` of quantities\[0\] .* 2 marked things, got \['stereo'\]"),
        ({"kind": "distance", "objects": ["stereo"] * 2}, r"2 marked things, got \['stereo', 'stereo'\]"),
        ({"objects": "stereo"}, r"`objects` of quantities\[0\] .* a list .* got 'stereo'"),
        ({"metres": 0.0}, r"`metres` of quantities\[0\] .* from 0\.0001 to 1000, got 0\.0"),
        ({"metres": float("inf")}, r"`objects\.json` must be JSON .*objects\.json': Infinity is no number"),
        ({"metres": float("nan")}, r"`objects\.json` must be JSON .*objects\.json': NaN is no number"),
        ({"metres": "0.5"}, r"`metres` of quantities\[0\] .* got '0\.5'"),
    ],
)
def test_malformed_quantities_are_refused(changes, message, copy):
    entry = {"kind": "width", "objects": ["stereo"], "metres": 0.1} | changes
    (copy / "objects.json").write_text(json.dumps(MARKS | {"quantities": [entry]}))
    with pytest.raises(ValueError, match=message):
        read_photo(copy)


@pytest.mark.parametrize(
    ("things", "message"),
    [
        ([MARKS["objects"][0]] * 2, r"`name` of objects\[1\] of .* must be new, got 'front of the suitcase' again"),
        (
            [{"name": "dot", "polygon": [[1.6, 1.6], [1.9, 1.6], [1.9, 1.9]]}],
            r"`polygon` of objects\[0\] .* none in",
        ),
        ([{"name": "far", "polygon": [[1, 1], [9e9, 1], [9, 9]]}], r"`polygon of objects\[0\] of .*` must lie inside"),
        ([], r"`objects` of '.*objects\.json' must be a list of at least 1 entries, got \[\]"),
    ],
)
def test_malformed_marks_are_refused(things, message, copy):
    (copy / "objects.json").write_text(json.dumps(MARKS | {"objects": things}))
    with pytest.raises(ValueError, match=message):
        read_photo(copy)


@pytest.mark.parametrize("section", [(), ("objects", 1), ("quantities", 2)], ids=["marks", "object", "quantity"])
def test_every_damaged_key_of_the_marks_is_named(section, photo, copy, monkeypatch):
    monkeypatch.setattr("transformers_sr3d.evaluation.kinect_photo._read_views", lambda folder: photo.views)
    content = json.loads(json.dumps(MARKS))
    content.pop("left_out")
    entry = content
    for step in section:
        entry = entry[step]
    for key, value, damaged in damaged_values(content, entry):
        if (key, value) == ("name", "text") or (key == "image_size_hw" and value in (MISSING, None)):
            continue
        write_json(copy / "objects.json", damaged)
        with pytest.raises(ValueError, match=rf"(`{key}\b|{key}\[0\]).*objects\.json"):
            read_photo(copy)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_damaged_intrinsics_are_named(value, copy):
    path = copy / "cameras.json"
    camera = json.loads(path.read_text())
    camera["intrinsics"] = value
    if value == MISSING:
        del camera["intrinsics"]
    write_json(path, camera)
    with pytest.raises(ValueError, match=r"`intrinsics` must be in '.*cameras\.json'|`folder` .*photo': `intrinsics"):
        read_photo(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size_hw": [240, 320]}, r"`image_size_hw` of '.*cameras\.json' .* \(480, 640\), got \[240, 320\]"),
        ({"depth_unit": "cm"}, r"`depth_unit` of '.*cameras\.json' must be one of \('mm',\), got 'cm'"),
        ({"camera_axes": "opengl"}, r"`camera_axes` of '.*cameras\.json' must be one of \('opencv',\), got 'opengl'"),
    ],
)
def test_a_camera_of_another_photo_is_refused(changes, message, copy):
    camera = json.loads((copy / "cameras.json").read_text())
    (copy / "cameras.json").write_text(json.dumps(camera | changes))
    with pytest.raises(ValueError, match=message):
        read_photo(copy)


@pytest.mark.parametrize("name", ["color.png", "depth_mm.png"])
def test_broken_pictures_are_named(name, copy):
    (copy / name).write_bytes((copy / name).read_bytes()[:5000])
    with pytest.raises(ValueError, match=rf"`.*{name}` must be a complete image file"):
        read_photo(copy)
