# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Detections -> regions: the same pixels as the annotation says, in the right view."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.inputs.detections import detections_from_coco, detections_from_supervision
from transformers_sr3d.region_prompts_sr3d import read_regions


HEIGHT, WIDTH = 20, 30
CATEGORIES = [{"id": 7, "name": "chair"}, {"id": 9, "name": "lamp"}]


def pixels(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[rows, columns] = True
    return mask


def coco() -> dict:
    # Columns first: 4 columns of 20 zeros and 5 rows, then 3 marked pixels in each of 2 columns.
    run_lengths = {"size": [HEIGHT, WIDTH], "counts": [4 * HEIGHT + 5, 3, HEIGHT - 3, 3, 25 * HEIGHT - 8]}
    return {
        "images": [
            {"id": 100, "file_name": "walk/a.png", "height": HEIGHT, "width": WIDTH},
            {"id": 200, "coco_url": "http://images.cocodataset.org/val2017/b.png"},
        ],
        "categories": CATEGORIES,
        "annotations": [
            {"image_id": 200, "category_id": 9, "bbox": [4, 6, 10, 3]},
            {"image_id": 100, "category_id": 7, "segmentation": run_lengths, "bbox": [4, 5, 2, 3]},
            {"image_id": 100, "category_id": 7, "segmentation": [[2, 1, 8, 1, 8, 5, 2, 5]], "bbox": [2, 1, 6, 4]},
        ],
    }


def masks(detections: list, num_views: int = 2) -> list[list]:
    views = prepare_views([Image.new("RGB", (WIDTH, HEIGHT))] * num_views)
    found = read_regions([detection.region for detection in detections], views)
    return [[None if mask is None else mask.numpy() for mask in region["masks"]] for region in found]


@pytest.mark.parametrize("images", [["walk/a.png", "b.png"], ["a.png", "b.png"], [100, 200]])
def test_coco_and_lvis_entries_mark_their_pixels_in_their_view(tmp_path, images):
    (tmp_path / "coco.json").write_text(json.dumps(coco()))
    found = detections_from_coco(tmp_path / "coco.json", images)
    assert [(detection.name, detection.score) for detection in found] == [("chair", None)] * 2 + [("lamp", None)]
    rle, polygon, box = masks(found)
    np.testing.assert_array_equal(rle[0], pixels(slice(5, 8), slice(4, 6)))
    np.testing.assert_array_equal(polygon[0], pixels(slice(1, 5), slice(2, 8)))
    np.testing.assert_array_equal(box[1], pixels(slice(6, 9), slice(4, 14)))
    assert (rle[1], box[0]) == (None, None)


def test_views_follow_the_images_asked_for():
    found = detections_from_coco(coco(), ["b.png"])
    assert [detection.region for detection in found] == [{"view": 0, "box_xyxy": [4, 6, 14, 9]}]


def test_results_need_names_and_can_be_cut_by_score():
    results = [
        {"image_id": 5, "category_id": 7, "bbox": [1.5, 2, 3, 4], "score": 0.9},
        {"image_id": 5, "category_id": 9, "bbox": [0, 0, 3, 4], "score": 0.2},
    ]
    found = detections_from_coco(results, [5], categories={7: "chair", 9: "lamp"}, min_score=0.5)
    assert found == [({"view": 0, "box_xyxy": [1.5, 2, 4.5, 6]}, "chair", 0.9)]
    with pytest.raises(ValueError, match=r"source\['annotations'\]\[0\]\['category_id'\].*Pass `categories`"):
        detections_from_coco(results, [5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("annotations"), r"\['annotations'\]` must be a list"),
        (lambda c: c["annotations"][1].pop("image_id"), r"\['annotations'\]\[1\]` must have the key 'image_id'"),
        (lambda c: c["annotations"][1].update(image_id=[1]), r"\[1\]\['image_id'\]` must be a number or a name"),
        (lambda c: c["annotations"].append(3), r"\['annotations'\]\[3\]` must have the key"),
        (lambda c: c["annotations"][0].update(bbox=[4, 6, 0, 3]), r"\[0\]\['bbox'\]`.*positive sides, got \[4, 6, 0"),
        (lambda c: c["annotations"][0].update(bbox=[4, 6, float("nan"), 3]), r"\[0\]\['bbox'\]`"),
        (lambda c: c["annotations"][0].update(bbox=None), r"\[0\]\['bbox'\]`.*got None"),
        (lambda c: c["annotations"][0].update(category_id=1), r"\['category_id'\]` must be one of the 2 categories"),
        (lambda c: c["annotations"][0].update(score="high"), r"\[0\]\['score'\]` must be a number"),
        (lambda c: c["categories"][0].pop("name"), r"\['categories'\]\[0\]` must have the key 'name'"),
        (lambda c: c["images"].pop(0), r"`images` must name images of .*got 'a.png', which fits 0"),
        (lambda c: c["images"].append({"id": 3, "file_name": "other/a.png"}), r"got 'a.png', which fits 2"),
    ],
)
def test_a_damaged_file_is_refused_by_entry(tmp_path, change, message):
    content = coco()
    change(content)
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + message if message[0] == "\\" else message):
        detections_from_coco(path, ["a.png", "b.png"])


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        detections_from_coco(tmp_path / "nowhere.json", ["a.png"])
    (tmp_path / "text.json").write_text('"chair"')
    with pytest.raises(ValueError, match=r"text\.json` must be COCO annotations"):
        detections_from_coco(tmp_path / "text.json", ["a.png"])


def test_supervision_boxes_masks_and_tracks():
    supervision = pytest.importorskip("supervision")
    first = supervision.Detections(
        xyxy=np.array([[1, 2, 5, 6], [7, 8, 9, 10]], dtype=float),
        mask=np.stack([pixels(slice(2, 6), slice(1, 5)), pixels(slice(8, 10), slice(7, 9))]),
        confidence=np.array([0.9, 0.3]),
        class_id=np.array([7, 9]),
        tracker_id=np.array([31, 12]),
        data={"class_name": np.array(["chair", "lamp"])},
    )
    second = supervision.Detections(
        xyxy=np.array([[3, 2, 6, 6]], dtype=float), class_id=np.array([9]), tracker_id=np.array([12])
    )
    found = detections_from_supervision([first, second])
    assert [detection.name for detection in found] == ["chair", "lamp", "class 9"]
    assert [detection.region["region"] for detection in found] == [0, 1, 1]
    chair, lamp = masks(found)
    np.testing.assert_array_equal(chair[0], pixels(slice(2, 6), slice(1, 5)))
    np.testing.assert_array_equal(lamp[0], pixels(slice(8, 10), slice(7, 9)))
    np.testing.assert_array_equal(lamp[1], pixels(slice(2, 6), slice(3, 6)))
    assert len(detections_from_supervision([first], min_score=0.5)) == 1
    with pytest.raises(TypeError, match=r"detections_of_views\[0\]` must be a supervision"):
        detections_from_supervision([torch.zeros(2, 4)])
