# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Geometric companions: boxes, distances and gaps of things whose sizes and places are known in closed form."""

import json
import math

import numpy as np
import pytest
import torch
from scenes import box_room, box_surface, look_at, pinhole, rigid, turn

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.region_prompts_sr3d import read_regions
from transformers_sr3d.viewing.companions import (
    MAX_GAP_POINTS,
    RegionCompanion,
    box_distance,
    measure_companions,
    region_companions,
    region_gap,
)


SIZE_HW = (96, 128)
# Two boxes on the floor of the room of `scenes`, 1.1 m apart along x from side to side, 1.8 m from centre to centre.
BOXES = (((1.6, 2.0, 0.4), (0.8, 0.6, 0.8)), ((3.4, 2.0, 0.3), (0.6, 0.6, 0.6)))
EYES = ((0.4, 0.4, 1.9), (4.6, 0.5, 1.9), (4.5, 3.6, 1.9), (0.5, 3.6, 1.9))
# Percentiles divided by 0.96 add 4.2 % where both ends are whole faces, and a pixel is 2 to 4 cm wide here.
SIZE_RTOL, CENTER_ATOL_M, GAP_ATOL_M = 0.06, 0.03, 0.06


def room_sample(num_views=4, *, boxes=BOXES, scale=1.0, **settings):
    """Views of a room with boxes, each box a mask region in every view that shows it."""
    poses = [look_at(eye, (2.5, 2.0, 0.3)) for eye in EYES[:num_views]]
    shown = [box_room(pose, boxes=boxes, intrinsics=pinhole(90.0, SIZE_HW), size_hw=SIZE_HW) for pose in poses]
    regions = [
        {"mask": (view["labels"] == box).numpy(), "view": index, "region": box}
        for box in range(len(boxes))
        for index, view in enumerate(shown)
        if bool((view["labels"] == box).any())
    ]
    scaled = [pose.double().numpy().copy() for pose in poses]
    for pose in scaled:
        pose[:3, 3] *= scale
    sample = {
        "images": [np.zeros((*SIZE_HW, 3), dtype=np.uint8)] * num_views,
        "depths": [(view["depth"] * scale).numpy() for view in shown],
        "intrinsics": [view["intrinsics"].numpy() for view in shown],
        "camera_to_world": scaled,
        "world_up": "+z",
        "regions": regions,
    }
    return sample | settings


def companion_of(points, number=0):
    """A companion with the axis-aligned box of its points."""
    low, high = points.amin(dim=0), points.amax(dim=0)
    return RegionCompanion(
        number=number,
        points=points,
        center=(low + high) / 2,
        size=high - low,
        rotation=torch.eye(3),
        is_upright=True,
        measured_share=1.0,
        filled_share=1.0,
        touches_border=False,
        num_views=1,
    )


def test_boxes_seen_from_all_sides_have_their_true_size_and_place():
    found = region_companions(room_sample())
    assert (found["unit"], found["gravity"]) == ("m", "known")
    assert "not said by the model" in found["label"]
    for region, (center, size) in zip(found["regions"], BOXES, strict=True):
        assert region["box"]["center"] == pytest.approx(center, abs=CENTER_ATOL_M)
        assert region["width"] == pytest.approx(max(size[:2]), rel=SIZE_RTOL)
        assert region["height"] == pytest.approx(size[2], rel=SIZE_RTOL)
        assert region["measured_share"] == 1.0
        assert region["views"] == 4
        assert not region["touches_border"]


def test_distance_is_between_centres_and_gap_between_surfaces():
    (pair,) = region_companions(room_sample())["pairs"]
    assert pair["regions"] == [0, 1]
    assert pair["distance"] == pytest.approx(math.hypot(1.8, 0.1), abs=2 * CENTER_ATOL_M)
    assert pair["gap"] == pytest.approx(1.1, abs=GAP_ATOL_M)


def test_a_world_with_another_axis_up_gives_boxes_in_that_world():
    sample = room_sample()
    to_y_up = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    sample["camera_to_world"] = [to_y_up @ pose for pose in sample["camera_to_world"]]
    (x, y, z), size = BOXES[0]
    region = region_companions(sample | {"world_up": "+y"})["regions"][0]
    assert region["box"]["center"] == pytest.approx((x, z, -y), abs=CENTER_ATOL_M)
    assert region["height"] == pytest.approx(size[2], rel=SIZE_RTOL)
    rotation = np.array(region["box"]["rotation"])
    np.testing.assert_allclose(rotation[:, 2], [0, 1, 0], atol=1e-6)  # the third axis is up in the user's world
    assert np.linalg.det(rotation) == pytest.approx(1.0, abs=1e-5)


def test_relative_depth_has_no_metres_and_the_same_proportions():
    sample = room_sample(scale=0.37, depth_kind="relative", world_unit="unknown")
    found, metric = region_companions(sample), region_companions(room_sample())
    assert found["unit"] is None
    assert found["pairs"][0]["gap"] == pytest.approx(0.37 * metric["pairs"][0]["gap"], rel=1e-4)
    assert found["regions"][0]["width"] == pytest.approx(0.37 * metric["regions"][0]["width"], rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_without_up_the_box_follows_the_principal_axes(seed):
    size = (1.2, 0.7, 0.3)
    points = box_surface(size, ("+x", "-x", "+y", "-y", "+z", "-z"))
    spin = turn("x", 0.4 + seed) @ turn("y", 0.8 * seed) @ turn("z", 0.3)
    views = {
        "geometry": "metric",
        "gravity": "unknown",
        "images": [None],
        "points": [(points @ spin.T + 2.0)[None]],
        "valid": [torch.ones(1, len(points), dtype=torch.bool)],
        "camera_to_world": [None],
        "intrinsics": [None],
    }
    region = {"number": 0, "masks": [views["valid"][0]], "valid_share": 1.0, "touches_border": False, "num_views": 1}
    (companion,) = measure_companions([region], views)
    assert not companion.is_upright
    assert companion.filled_share is None
    assert companion.size.tolist() == pytest.approx(size, rel=SIZE_RTOL)
    assert companion.center.tolist() == pytest.approx([2.0] * 3, abs=0.01)
    assert torch.linalg.det(companion.rotation) > 0.999
    # Axes are those of the thing, up to sign.
    np.testing.assert_allclose((companion.rotation.T @ spin).abs().numpy(), np.eye(3), atol=0.02)


def test_without_up_there_is_no_width_and_no_height():
    found = region_companions(room_sample(world_up="unknown"))
    assert found["gravity"] == "unknown"
    assert all(region["width"] is None and region["height"] is None for region in found["regions"])
    assert all(region["box"] is not None for region in found["regions"])


def test_something_in_front_lowers_the_filled_share():
    pose = look_at((2.5, 0.2, 1.0), (2.5, 2.0, 0.6))
    behind, post = ((2.5, 2.5, 0.5), (1.2, 0.2, 1.0)), ((2.5, 1.6, 0.6), (0.2, 0.2, 1.2))
    shares = []
    for boxes in ((behind,), (behind, post)):
        view = box_room(pose, boxes=boxes, intrinsics=pinhole(90.0, SIZE_HW), size_hw=SIZE_HW)
        sample = {
            "images": [np.zeros((*SIZE_HW, 3), dtype=np.uint8)],
            "depths": [view["depth"].numpy()],
            "intrinsics": [view["intrinsics"].numpy()],
            "camera_to_world": [pose.double().numpy()],
            "world_up": "+z",
            "regions": [{"mask": (view["labels"] == 0).numpy(), "view": 0}],
        }
        shares.append(region_companions(sample)["regions"][0]["filled_share"])
    free, hidden = shares
    assert free > 0.85
    covered = 1 - hidden / free  # the post is a sixth of its width, and nearer
    assert 0.15 < covered < 0.45


def test_too_few_measured_points_give_no_box():
    sample = room_sample()
    mask = np.zeros(SIZE_HW, dtype=bool)
    mask[5, 5:7] = True
    sample["regions"] = [*sample["regions"], {"mask": mask, "view": 0, "region": 7}]
    found = region_companions(sample)
    last = found["regions"][-1]
    assert last["region"] == 7
    assert (last["box"], last["width"], last["filled_share"]) == (None, None, None)
    assert [pair["gap"] for pair in found["pairs"] if 7 in pair["regions"]] == [None, None]
    json.dumps(found)  # plain Python, for a file


def test_gap_of_many_points_equals_that_of_all_pairs():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(3000, 3, generator=generator), torch.rand(2500, 3, generator=generator)
    second = second @ turn("z", 0.5).T + torch.tensor([1.4, 0.2, 0.1])
    expected = float(torch.cdist(first.double(), second.double()).min())
    assert region_gap(companion_of(first), companion_of(second, 1)) == pytest.approx(expected, abs=1e-9)


def test_gap_far_from_the_origin_keeps_its_millimetres():
    first = torch.tensor([[1000.0, 2000.0, 5.0], [1000.0, 2000.0, 6.0], [1000.0, 2001.0, 5.0]])
    second = first + torch.tensor([0.0, 0.0, -0.125])
    assert region_gap(companion_of(first), companion_of(second, 1)) == pytest.approx(0.125, abs=1e-9)


def test_gap_of_walls_too_large_for_all_pairs_is_close():
    side = 130  # 16900 points each, all of them within the bound
    assert side * side > MAX_GAP_POINTS
    grid = torch.cartesian_prod(torch.linspace(0, 1.3, side), torch.linspace(0, 1.3, side))
    wall = torch.cat((torch.zeros(len(grid), 1), grid), dim=1)
    gap = region_gap(companion_of(wall), companion_of(wall + torch.tensor([0.5, 0, 0]), 1))
    assert 0.5 <= gap < 0.5005


def test_stray_points_do_not_close_the_gap():
    points = box_surface((0.5, 0.5, 0.5), ("+x", "-x", "+y", "-y", "+z", "-z"))
    stray = torch.cat((points, torch.tensor([[1.9, 0.0, 0.0]])))
    views = {"geometry": "metric", "gravity": "known", "images": [None]}
    views |= {"camera_to_world": [None], "intrinsics": [None]}

    def measured(cloud):
        valid = torch.ones(1, len(cloud), dtype=torch.bool)
        region = {"number": 0, "masks": [valid], "valid_share": 1.0, "touches_border": False, "num_views": 1}
        (found,) = measure_companions([region], views | {"points": [cloud[None]], "valid": [valid]})
        return found

    other = measured(points + torch.tensor([2.0, 0.0, 0.0]))
    assert region_gap(measured(stray), other) == pytest.approx(1.5, abs=0.02)
    assert box_distance(measured(stray), other) == pytest.approx(2.0, abs=0.02)


def test_rigid_motion_of_the_world_changes_no_length():
    sample = room_sample(2)
    moved = rigid(turn("z", 1.1), (4.0, -3.0, 0.5)).double().numpy()
    turned = sample | {"camera_to_world": [moved @ pose for pose in sample["camera_to_world"]]}
    before, after = region_companions(sample), region_companions(turned)
    assert after["pairs"][0]["gap"] == pytest.approx(before["pairs"][0]["gap"], abs=1e-3)
    assert after["regions"][0]["width"] == pytest.approx(before["regions"][0]["width"], rel=0.02)


def test_regions_without_depth_cannot_be_measured():
    sample = {"images": [np.zeros((*SIZE_HW, 3), dtype=np.uint8)]}
    views = prepare_views(**sample)
    read = read_regions([{"box_xyxy": [1, 1, 20, 20]}], views)
    with pytest.raises(ValueError, match="`depths` must be given to measure regions, got none for 1 views"):
        measure_companions(read, views)
