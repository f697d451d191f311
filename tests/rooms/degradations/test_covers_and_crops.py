# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Covers and crops: what is not hidden or cut off is as before, and no region is lost."""

import numpy as np
import pytest
import torch
from scenes import box_room, orbiting_cameras

from transformers_sr3d.geometry_sr3d import invert_rigid, project_points, transform_points, unproject_depth
from transformers_sr3d.region_masks_sr3d import box_mask
from transformers_sr3d.rooms.degradations.covers_and_crops import MIN_KEPT_SHARE, cover_views, crop_views


SIZE_HW = (48, 64)
BOXES = (((2.5, 2.0, 0.5), (0.8, 0.6, 1.0)), ((1.6, 2.6, 0.3), (0.5, 0.5, 0.6)))


def coded_sample(num_views: int = 2) -> dict:
    """A room whose pictures code where each pixel was: red its column, green its row, blue its view."""
    views = [box_room(pose, boxes=BOXES) for pose in orbiting_cameras(num_views)]
    v, u = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    regions = [{"mask": view["labels"].numpy() == 0, "view": index, "region": 0} for index, view in enumerate(views)]
    return {
        "images": [np.stack((u, v, np.full_like(u, index)), axis=-1).astype(np.uint8) for index in range(num_views)],
        "depths": [view["depth"].numpy() for view in views],
        "intrinsics": [view["intrinsics"].numpy() for view in views],
        "camera_to_world": [view["camera_to_world"].numpy() for view in views],
        "world_up": "+z",
        "regions": regions,
    }


# Crops


@pytest.mark.parametrize("seed", range(6))
def test_a_pixel_of_a_crop_sees_the_same_point_as_before(seed):
    sample = coded_sample()
    cropped = crop_views(sample, np.random.default_rng(seed))
    for view, image in enumerate(cropped["images"]):
        was_u, was_v = image[..., 0].astype(int), image[..., 1].astype(int)
        np.testing.assert_array_equal(cropped["depths"][view], sample["depths"][view][was_v, was_u])
        points = {}
        for name, source in (("before", sample), ("after", cropped)):
            camera, depth = torch.tensor(source["intrinsics"][view]), torch.tensor(source["depths"][view])
            pose = torch.tensor(source["camera_to_world"][view])
            points[name] = transform_points(unproject_depth(depth, camera)[0], pose)
        torch.testing.assert_close(points["after"], points["before"][was_v, was_u], atol=1e-5, rtol=0)

        pose = invert_rigid(torch.tensor(sample["camera_to_world"][view]).float())
        seen = points["after"].float()
        pixels, _ = project_points(transform_points(seen, pose), torch.tensor(cropped["intrinsics"][view]))
        v, u = np.mgrid[: image.shape[0], : image.shape[1]]
        np.testing.assert_allclose(pixels.numpy(), np.stack((u, v), axis=-1), atol=1e-2)


def test_crops_keep_60_to_95_percent_of_each_side():
    sides = []
    for seed in range(60):
        sample = coded_sample(1) | {"regions": []}
        height, width = crop_views(sample, np.random.default_rng(seed))["images"][0].shape[:2]
        sides += [height / SIZE_HW[0], width / SIZE_HW[1]]
    assert 0.59 <= min(sides) < 0.65
    assert 0.90 < max(sides) <= 0.96


def test_masks_boxes_polygons_and_points_move_with_the_window():
    sample = coded_sample(1)
    mask = np.zeros(SIZE_HW, bool)
    mask[18:30, 26:40] = True
    sample["regions"] = [
        {"mask": mask},
        {"box_xyxy": [26, 18, 40, 30]},
        {"polygon": [(26, 18), (40, 18), (40, 30), (26, 30)]},
        {"point_xy": [32, 24]},
    ]
    for seed in range(10):
        cropped = crop_views(sample, np.random.default_rng(seed))
        image, regions = cropped["images"][0], cropped["regions"]
        inside = (np.abs(image[..., 0] - 32.5) < 7) & (np.abs(image[..., 1] - 23.5) < 6)
        np.testing.assert_array_equal(regions[0]["mask"], inside)
        np.testing.assert_array_equal(box_mask(regions[1]["box_xyxy"], image.shape[:2]), inside)
        np.testing.assert_array_equal(regions[2]["mask"], inside)
        column, row = (int(value) for value in regions[3]["point_xy"])
        if 0 <= column < image.shape[1] and 0 <= row < image.shape[0]:
            assert image[row, column, :2].tolist() == [32, 24]


def test_a_region_at_every_border_keeps_the_window_whole():
    sample = coded_sample(1)
    frame = np.ones(SIZE_HW, bool)
    frame[2:-2, 2:-2] = False
    sample["regions"] = [{"mask": frame}]
    for seed in range(10):
        assert crop_views(sample, np.random.default_rng(seed))["images"][0].shape[:2] == SIZE_HW


@pytest.mark.parametrize("center_share", [0.105, 0.3, 0.5, 0.88])
def test_crops_of_crops_keep_the_principal_point_where_the_processor_accepts_it(center_share):
    sample = coded_sample(1) | {"regions": []}
    camera = sample["intrinsics"][0].copy()
    camera[0, 2] = center_share * SIZE_HW[1] - 0.5
    sample["intrinsics"] = [camera]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        cropped = crop_views(crop_views(crop_views(sample, rng), rng), rng)  # reading it again checks it
        share = (cropped["intrinsics"][0][0, 2] + 0.5) / cropped["images"][0].shape[1]
        assert 0.1 <= share <= 0.9


# Covers


@pytest.mark.parametrize("seed", range(8))
def test_covers_hide_picture_depth_and_masks_in_the_same_pixels_and_change_nothing_else(seed):
    sample = coded_sample()
    covered = cover_views(sample, np.random.default_rng(seed))
    for view in range(2):
        depth, before = covered["depths"][view], sample["depths"][view]
        hidden = depth != before
        assert (hidden == (covered["images"][view] != sample["images"][view]).any(axis=-1)).mean() > 0.999
        assert ((depth[hidden] >= 0.3) & (depth[hidden] <= 0.6)).all()
        assert 0.005 < hidden.mean() < 0.5
        mask = sample["regions"][view]["mask"]
        np.testing.assert_array_equal(covered["regions"][view]["mask"], mask & ~hidden)
        assert covered["regions"][view]["mask"].sum() >= MIN_KEPT_SHARE * mask.sum()


def test_covers_leave_boxes_and_what_is_nearer():
    sample = coded_sample(1)
    sample["depths"][0][:, :40] = 0.2
    sample["regions"] = [{"box_xyxy": [20, 10, 50, 40]}]
    for seed in range(10):
        covered = cover_views(sample, np.random.default_rng(seed))
        assert covered["regions"] == sample["regions"]
        assert (covered["depths"][0][:, :40] == 0.2).all()
        np.testing.assert_array_equal(covered["images"][0][:, :40], sample["images"][0][:, :40])


def test_covers_of_unit_free_depth_are_nearer_than_all_else():
    sample = coded_sample(1)
    relative = {"images": sample["images"], "intrinsics": sample["intrinsics"], "depth_kind": "relative"}
    relative["depths"] = [sample["depths"][0] / 40]
    covered = cover_views(relative, np.random.default_rng(0))
    hidden = covered["depths"][0] != relative["depths"][0]
    assert hidden.any()
    assert covered["depths"][0][hidden].max() < relative["depths"][0].min()


def test_covers_need_no_depth():
    covered = cover_views({"images": coded_sample(1)["images"]}, np.random.default_rng(0))
    assert covered.keys() == {"images"}
    assert (covered["images"][0] != coded_sample(1)["images"][0]).any()


def test_a_view_that_is_one_large_mark_is_covered_in_part_or_not_at_all():
    sample = coded_sample(1)
    sample["regions"] = [{"mask": np.eye(*SIZE_HW, dtype=bool)}, {"mask": np.ones(SIZE_HW, bool)}]
    for seed in range(20):
        covered = cover_views(sample, np.random.default_rng(seed))
        for region, before in zip(covered["regions"], sample["regions"], strict=True):
            assert region["mask"].sum() >= MIN_KEPT_SHARE * before["mask"].sum()
