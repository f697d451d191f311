# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Plain samples: many ways of writing the same sample come out alike, and the processor sees no difference."""

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import box_room, orbiting_cameras, pinhole

from transformers_sr3d.geometry_sr3d import invert_rigid, opengl_to_opencv
from transformers_sr3d.rooms.degradations.plain_samples import read_marks, read_sample, with_depths


SIZE_HW = (48, 64)


def room_sample(num_views: int = 2) -> dict:
    views = [box_room(pose) for pose in orbiting_cameras(num_views)]
    draw = np.random.default_rng(0).integers(0, 255, (num_views, *SIZE_HW, 3), dtype=np.uint8)
    return {
        "images": list(draw),
        "depths": [view["depth"].numpy() for view in views],
        "intrinsics": [view["intrinsics"].numpy() for view in views],
        "camera_to_world": [view["camera_to_world"].numpy() for view in views],
        "world_up": "+z",
        "regions": [{"box_xyxy": [5, 5, 40, 40], "view": 1}],
        "text": "How wide is <region0>?",
    }


def assert_same(sample: dict, other: dict) -> None:
    assert sample.keys() == other.keys()
    for name in ("images", "depths", "intrinsics", "camera_to_world"):
        for value, expected in zip(sample.get(name, []), other.get(name, []), strict=True):
            np.testing.assert_allclose(value, expected, atol=1e-5)


def test_a_plain_sample_is_read_as_it_is():
    sample = room_sample()
    plain = read_sample(sample)
    assert_same(plain, sample)
    assert plain["text"] == sample["text"]
    assert plain["regions"] == sample["regions"]
    assert_same(read_sample(plain), plain)


def test_every_way_of_writing_the_cameras_gives_the_same_plain_sample():
    sample = room_sample()
    poses = torch.tensor(np.stack(sample["camera_to_world"]))
    opengl = {"camera_to_world": list(opengl_to_opencv(poses)), "camera_axes": "opengl"}
    inverse = {"camera_to_world": None, "world_to_camera": invert_rigid(poses)}
    shared = {"intrinsics": {"fx": 50.0, "fy": 50.0, "cx": 31.5, "cy": 23.5}, "images": None}
    pictures = {"images": [Image.fromarray(image) for image in sample["images"]]}
    for change in (opengl, inverse, shared | pictures):
        assert_same(read_sample(sample | change), sample)


def test_depth_in_millimetres_becomes_metres_and_disparity_relative_depth():
    sample = room_sample(1)
    millimetres = [(depth * 1000).round().astype(np.uint16) for depth in sample["depths"]]
    plain = read_sample(sample | {"depths": millimetres, "depth_unit": "mm"})
    np.testing.assert_allclose(plain["depths"][0], sample["depths"][0], atol=6e-4)
    assert "depth_unit" not in plain
    alone = {name: sample[name] for name in ("images", "depths", "intrinsics")}
    assert read_sample(alone | {"depth_kind": "disparity"})["depth_kind"] == "relative"


def test_gravity_of_an_opengl_camera_is_turned_to_opencv():
    sample = {
        "images": [np.zeros((*SIZE_HW, 3), np.uint8)],
        "gravity_camera": (0.1, -0.9, 0.2),
        "camera_axes": "opengl",
    }
    plain = read_sample(sample)
    np.testing.assert_allclose(plain["gravity_camera"], [0.1, 0.9, -0.2])
    assert "camera_axes" not in plain


def test_keys_without_content_are_left_out():
    sample = room_sample() | {"depths": [None, None], "depth_kind": "metric", "gravity_camera": None}
    assert not {"depths", "depth_kind", "gravity_camera"} & read_sample(sample).keys()


def test_depth_that_is_almost_gone_counts_as_none_and_without_any_only_pictures_stay():
    plain = read_sample(room_sample())
    nearly = np.zeros(SIZE_HW, np.float32)
    nearly[0, :2] = 1
    assert with_depths(plain, [nearly, plain["depths"][1]])["depths"][0] is None
    assert with_depths(plain, [nearly, None]).keys() == {"images", "regions", "text"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, r"sample\['images'\]` must hold at least one picture, got none"),
        ({"depths": [None]}, r"one entry per image \(2\), got 1"),
        ({"depths": [np.ones((24, 32), np.float32)] * 2}, r"size of its image, 64x48, got 32x24"),
        ({"intrinsics": None}, r"every view with depth, got None for view 0"),
        ({"horizontal_fov_deg": 60.0}, r"got 'horizontal_fov_deg'"),
        ({"depth_intrinsics": np.eye(3)}, r"got 'depth_intrinsics'"),
    ],
    ids=["no picture", "count", "size", "no intrinsics", "field of view", "other camera"],
)
def test_what_has_no_plain_form_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        read_sample(room_sample() | change)


def test_marks_of_all_kinds_are_rasterised_in_their_view():
    mask = np.zeros(SIZE_HW, bool)
    mask[3:5, 6:9] = True
    regions = [
        {"mask": mask, "view": 1},
        {"mask": {"size": [48, 64], "counts": [0, 48, 3024]}, "view": 0},
        {"box_xyxy": [0, 0, 4, 2], "view": 0},
        {"polygon": [(0, 0), (4, 0), (4, 2), (0, 2)], "view": 1},
        {"point_xy": [10, 10], "view": 0},
    ]
    marks = read_marks(read_sample(room_sample() | {"regions": regions}))
    assert [view for view, _ in marks] == [1, 0, 0, 1, 0]
    assert [int(mark.sum()) for _, mark in marks[:4]] == [6, 48, 8, 8]
    assert marks[4][1][10, 10]


def test_marks_that_are_no_pixels_of_a_picture_are_refused():
    box = {"center": [0, 0, 0], "size": [1, 1, 1], "rotation": np.eye(3)}
    with pytest.raises(ValueError, match=r"regions\[0\]` must have exactly one mark in a picture.*\['box_3d'\]"):
        read_marks(read_sample(room_sample() | {"regions": [{"box_3d": box}]}))
    with pytest.raises(ValueError, match="size of its image, 64x48, got 5x4"):
        read_marks(read_sample(room_sample() | {"regions": [{"mask": np.ones((4, 5), bool), "view": 0}]}))


def test_intrinsics_of_a_picture_without_depth_stay():
    sample = {"images": [np.zeros((*SIZE_HW, 3), np.uint8)], "intrinsics": pinhole().numpy()}
    np.testing.assert_allclose(read_sample(sample)["intrinsics"][0], pinhole())
