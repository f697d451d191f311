# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stages 1 and 2 of one sample: what geometry reaches the model, and what it does not depend on."""

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import box_room, flat_wall, orbiting_cameras, rigid, turn
from tiny import make_tiny_processor


BOXES = (((2.5, 2.0, 0.8), (0.6, 0.4, 0.5)), ((2.0, 2.6, 0.4), (0.3, 0.3, 0.8)))
# Float32 sums over thousands of points in another order, or about another origin; a wrong frame is off by 0.1.
ORDER, SHIFT = 1e-4, 2e-3


@pytest.fixture(scope="module")
def processor():
    return make_tiny_processor()


def room_views(num_views: int = 3) -> list[dict]:
    return [box_room(pose, boxes=BOXES) for pose in orbiting_cameras(num_views)]


def picture(view: dict, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (*view["depth"].shape, 3), dtype=np.uint8)


def encode(processor, views: list[dict], order: list[int] | None = None, move: torch.Tensor | None = None) -> dict:
    """Encode posed views, in another order or in a moved world; the two boxes are marked by masks in every view."""
    order = order or list(range(len(views)))
    move = torch.eye(4) if move is None else move
    return processor.encode_views(
        [picture(views[index], seed=index) for index in order],
        depths=[views[index]["depth"] for index in order],
        intrinsics=views[0]["intrinsics"],
        camera_to_world=[move @ views[index]["camera_to_world"] for index in order],
        world_up="+z",
        regions=[
            {"mask": (views[index]["labels"] == box).numpy(), "view": place, "region": box}
            for place, index in enumerate(order)
            for box in range(len(BOXES))
            if (views[index]["labels"] == box).any()
        ],
    )


def test_metres_and_extents_of_a_wall_are_measured(processor):
    wall = flat_wall(2.0)
    out = processor.encode_views(
        picture(wall), depths=wall["depth"], intrinsics=wall["intrinsics"], regions=[{"box_xyxy": [16, 12, 48, 36]}]
    )
    # 32 x 24 pixels at 2 m with a focal length of 50 pixels: 1.28 m x 0.96 m. A flat wall has no thickness.
    wide, _, high = out["region_descriptors"][0, 6:9].exp().tolist()
    assert wide == pytest.approx(1.28, rel=0.05)
    assert high == pytest.approx(0.96, rel=0.06)
    # Farthest points are hypot(31.5, 23.5) / 50 * 2 m from the middle; the 0.98 quantile lies a little inside.
    assert 0.9 * 1.572 < out["metric_scale"] < 1.572
    assert out["region_descriptors"][0, 9:].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert out["patch_valid"].all()


def test_patch_points_times_scale_are_metres(processor):
    wall = flat_wall(3.0)
    out = processor.encode_views(picture(wall), depths=wall["depth"], intrinsics=wall["intrinsics"])
    x, y, z = (out["patch_points"][-1] * out["metric_scale"]).unbind(-1)  # one tile
    # Patch middles of a 64 x 48 view at 3 m: 16 pixels apart horizontally, 12 vertically, focal length 50.
    torch.testing.assert_close(x[0, 1:] - x[0, :-1], torch.full((3,), 16 / 50 * 3.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(z[:-1, 0] - z[1:, 0], torch.full((3,), 12 / 50 * 3.0), atol=1e-4, rtol=0)
    assert y.abs().max() < 1e-5


def test_view_order_does_not_change_region_descriptors(processor):
    views = room_views()
    expected, shuffled = encode(processor, views), encode(processor, views, order=[2, 0, 1])
    torch.testing.assert_close(shuffled["region_descriptors"], expected["region_descriptors"], atol=ORDER, rtol=0)
    assert shuffled["metric_scale"] == pytest.approx(expected["metric_scale"], rel=1e-6)
    for place, index in enumerate([2, 0, 1]):
        torch.testing.assert_close(
            shuffled["patch_points"][place], expected["patch_points"][index], atol=ORDER, rtol=0
        )
        assert torch.equal(shuffled["region_coverage"][place], expected["region_coverage"][index])


def test_moving_the_world_changes_no_patch_point(processor):
    views = room_views()
    moved = encode(processor, views, move=rigid(torch.eye(3), (100.0, -50.0, 7.0)))
    expected = encode(processor, views)
    torch.testing.assert_close(moved["patch_points"], expected["patch_points"], atol=SHIFT, rtol=0)
    torch.testing.assert_close(
        moved["region_descriptors"][:, :6], expected["region_descriptors"][:, :6], atol=SHIFT, rtol=0
    )


def test_turning_the_world_about_up_turns_the_points(processor):
    views = room_views()
    turned = encode(processor, views, move=rigid(turn("z", 0.7), (0.0, 0.0, 0.0)))
    expected = encode(processor, views)["patch_points"] @ turn("z", 0.7).T
    torch.testing.assert_close(turned["patch_points"], expected, atol=SHIFT, rtol=0)


def test_a_region_seen_in_several_views_has_one_descriptor(processor):
    out = encode(processor, room_views())
    assert out["region_numbers"] == [0, 1]
    assert out["region_descriptors"].shape == (2, 13)
    assert out["region_coverage"].shape == (3, 2, 4, 4)
    assert out["num_tiles"] == [1, 1, 1]
    assert all(region["views"] >= 2 for region in out["provenance"]["regions"])
    # The first box is 0.5 m high; what is seen of it is close to that.
    assert out["region_descriptors"][0, 8].exp().item() == pytest.approx(0.5, rel=0.15)


def test_a_view_covers_only_the_regions_that_it_shows(processor):
    left, right = {"region": 0, "box_xyxy": [0, 0, 32, 48]}, {"region": 1, "box_xyxy": [32, 0, 64, 48]}
    out = processor.encode_views(
        [np.zeros((48, 64, 3), dtype=np.uint8)] * 2,
        regions=[{**left, "view": 0}, {**right, "view": 0}, {**left, "view": 1}],
    )
    assert out["region_coverage"].flatten(2).sum(-1).tolist() == [[8.0, 8.0], [8.0, 0.0]]


def test_a_region_at_the_border_of_the_image_says_so(processor):
    wall = flat_wall(2.0)
    regions = [{"box_xyxy": [16, 12, 48, 36]}, {"box_xyxy": [0, 12, 48, 36]}]
    out = processor.encode_views(picture(wall), depths=wall["depth"], intrinsics=wall["intrinsics"], regions=regions)
    assert out["region_descriptors"][:, 12].tolist() == [0.0, 1.0]


def test_relative_depth_has_no_metric_scale(processor):
    wall = flat_wall(2.0)
    arguments = {"depths": wall["depth"], "intrinsics": wall["intrinsics"], "regions": [{"box_xyxy": [8, 8, 40, 40]}]}
    metric = processor.encode_views(picture(wall), **arguments)
    relative = processor.encode_views(picture(wall), depth_kind="relative", **arguments)
    assert relative["metric_scale"] == 0.0
    assert relative["region_descriptors"][0, 9] == 0.0
    assert relative["provenance"]["geometry"] == "relative"
    torch.testing.assert_close(relative["patch_points"], metric["patch_points"])


def test_scaling_relative_depth_changes_nothing(processor):
    wall = flat_wall(2.0, tilt=0.4)
    near, far = (
        processor.encode_views(
            picture(wall), depths=wall["depth"] * factor, depth_kind="relative", intrinsics=wall["intrinsics"]
        )
        for factor in (1.0, 30.0)
    )
    torch.testing.assert_close(near["patch_points"], far["patch_points"], atol=1e-5, rtol=0)


def test_without_depth_everything_geometric_is_zero(processor):
    out = processor.encode_views(np.zeros((48, 64, 3), dtype=np.uint8), regions=[{"box_xyxy": [0, 0, 64, 48]}])
    assert not out["patch_valid"].any()
    assert not out["patch_points"].any()
    assert out["metric_scale"] == 0.0
    assert out["region_descriptors"][0, :10].abs().max() == 0
    assert out["provenance"]["geometry"] == "none"
    assert out["region_coverage"].min() == 1.0


def test_a_view_without_depth_is_not_valid(processor):
    views = room_views(2)
    out = processor.encode_views(
        [picture(view) for view in views],
        depths=[views[0]["depth"], None],
        intrinsics=views[0]["intrinsics"],
        camera_to_world=[view["camera_to_world"] for view in views],
        world_up="+z",
    )
    assert out["patch_valid"].flatten(1).any(1).tolist() == [True, False]
    assert not out["patch_points"][1].any()


def test_depth_with_three_measured_pixels_has_as_many_valid_patches(processor):
    wall = flat_wall(2.0)
    depth = torch.full_like(wall["depth"], float("nan"))
    depth[0, 0] = depth[0, -1] = depth[-1, 0] = 2.0  # fewer are refused as an empty map
    out = processor.encode_views(picture(wall), depths=depth, intrinsics=wall["intrinsics"])
    assert not out["patch_points"].isnan().any()
    assert out["patch_valid"][-1].sum() == 3


def depth_inputs(depth_mm: np.ndarray, folder) -> dict:
    """The same 16-bit depth map in every form in which people have it."""
    Image.fromarray(depth_mm).save(folder / "depth.png")
    np.save(folder / "depth.npy", depth_mm)
    return {
        "png": str(folder / "depth.png"),
        "npy": folder / "depth.npy",
        "pil": Image.fromarray(depth_mm),
        "int32": depth_mm.astype(np.int32),
        "torch": torch.from_numpy(depth_mm.astype(np.int64)),
    }


@pytest.mark.parametrize("kind", ["png", "npy", "pil", "int32", "torch"])
def test_sixteen_bit_depth_reaches_the_patches_unchanged(processor, kind, tmp_path):
    depth_mm = np.full((48, 64), 40_001, dtype=np.uint16)  # beyond 8 and 15 bits; an odd number survives no rounding
    depth_mm[:, 32:] = 20_003
    image, settings = np.zeros((48, 64, 3), dtype=np.uint8), {"intrinsics": flat_wall(1.0)["intrinsics"]}
    expected = processor.encode_views(image, depths=depth_mm, depth_unit="mm", **settings)
    untouched = depth_mm.copy()
    given = depth_inputs(depth_mm, tmp_path)[kind]
    out = processor.encode_views(image, depths=given, depth_unit="mm", **settings)
    assert torch.equal(out["patch_points"], expected["patch_points"])
    assert out["metric_scale"] == expected["metric_scale"]
    assert np.array_equal(depth_mm, untouched)
    forward = out["patch_points"][-1, :, :, 1] * out["metric_scale"]
    assert (forward[0, 0] - forward[0, 3]).item() == pytest.approx(40.001 - 20.003, abs=1e-3)


def test_a_region_smaller_than_a_patch_still_counts(processor):
    wall = flat_wall(2.0)
    out = processor.encode_views(
        picture(wall), depths=wall["depth"], intrinsics=wall["intrinsics"], regions=[{"box_xyxy": [30, 20, 33, 22]}]
    )
    assert out["region_coverage"].sum() > 0
    assert out["region_descriptors"][0, :3].abs().max() > 0


def test_dominant_cluster_is_a_switch():
    wall = flat_wall(2.0)
    wall["depth"][:, 32:] = 4.0
    arguments = {
        "depths": wall["depth"],
        "intrinsics": wall["intrinsics"],
        "regions": [{"box_xyxy": [10, 10, 50, 40]}],
    }
    kept, whole = make_tiny_processor(), make_tiny_processor()
    whole.keep_dominant_cluster = False
    kept, whole = (each.encode_views(picture(wall), **arguments) for each in (kept, whole))
    # 22 of the 40 columns of the box show the near half.
    assert kept["provenance"]["regions"][0]["kept"] == pytest.approx(22 / 40)
    assert whole["provenance"]["regions"][0]["kept"] == 1.0
    assert kept["region_coverage"].sum() < whole["region_coverage"].sum()
