# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0

"""Points grow over their thing; a region of one view is found in the others: closed-form plates and walls."""

import numpy as np
import pytest
import torch
from PIL import Image

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.region_growing_sr3d import find_in_views, grow_from_point
from transformers_sr3d.region_prompts_sr3d import read_regions


HEIGHT, WIDTH, FOCAL = 60, 80, 80.0
K = np.array([[FOCAL, 0, 39.5], [0, FOCAL, 29.5], [0, 0, 1]])
BOX = {"box_xyxy": [28, 18, 52, 42], "view": 0}


def plate(shift_px: int = 0) -> np.ndarray:
    """A plate at 2 m, rows 20 to 39 and columns 30 to 49, seen by a camera that moved to the left."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[20:40, 30 + shift_px : 50 + shift_px] = True
    return mask


def depth_of(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, 2.0, 4.0).astype(np.float32)


def moved(x: float) -> np.ndarray:
    pose = np.eye(4)
    pose[0, 3] = x
    return pose


def walk(unit: float = 1.0) -> dict:
    """Two views 0.2 m apart: 8 pixels at 2 m; a third that looks at the wall alone, a fourth without depth."""
    depths = [depth_of(plate()), depth_of(plate(8)), np.full((HEIGHT, WIDTH), 4.0, dtype=np.float32), None]
    return prepare_views(
        [np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)] * 4,
        depths=[None if depth is None else depth * np.float32(unit) for depth in depths],
        intrinsics=K,
        camera_to_world=[moved(x * unit) for x in (0.0, -0.2, 6.0, 0.0)],
        world_up="-y",
        **({} if unit == 1.0 else {"world_unit": "unknown", "depth_kind": "relative"}),
    )


@pytest.mark.parametrize("unit", [1.0, 0.01, 300.0])
def test_a_region_is_found_where_its_points_are_seen(unit):
    (read,) = read_regions([{**BOX, "propagate": True}], walk(unit))
    masks = read["masks"]
    np.testing.assert_array_equal(masks[0].numpy(), plate())
    np.testing.assert_array_equal(masks[1].numpy(), plate(8))
    assert masks[2:] == [None, None]
    assert (read["num_views"], read["valid_share"]) == (2, 1.0)


def test_a_region_is_not_looked_for_unasked():
    (read,) = read_regions([BOX], walk())
    assert read["num_views"] == 1


def test_a_view_that_the_user_marked_stays_as_marked():
    small = {"box_xyxy": [38, 20, 48, 30], "view": 1}
    (read,) = read_regions([{**BOX, "propagate": True, "region": 0}, {**small, "region": 0}], walk())
    assert int(read["masks"][1].sum()) == 100


def test_what_stands_in_front_is_not_marked():
    views = walk()
    hidden = depth_of(plate(8))
    hidden[:30] = 1.0
    views = prepare_views(
        list(views["images"][:2]),
        depths=[depth_of(plate()), hidden],
        intrinsics=K,
        camera_to_world=[moved(0), moved(-0.2)],
        world_up="-y",
    )
    (read,) = read_regions([{**BOX, "propagate": True}], views)
    expected = plate(8)
    expected[:30] = False
    np.testing.assert_array_equal(read["masks"][1].numpy(), expected)


@pytest.mark.parametrize("point", [(31, 21), (40, 30), (49, 39)])
@pytest.mark.parametrize("step", [1, 4, 7])
def test_a_point_grows_over_its_thing_and_no_further(point, step):
    big = np.repeat(np.repeat(plate(), step, axis=0), step, axis=1)
    image = Image.fromarray(np.full((*big.shape, 3), 90, dtype=np.uint8))
    place = tuple(step * (c + 0.5) - 0.5 for c in point)
    grown = grow_from_point(place, image, torch.from_numpy(depth_of(big)))
    missed = grown ^ big
    if step == 1:
        assert not missed.any()
    assert missed.sum() < 0.15 * big.sum()


def test_colour_stops_growth_where_depth_does_not():
    colors = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    colors[plate()] = 200
    depth = torch.full((HEIGHT, WIDTH), 2.0)
    grown = grow_from_point((40, 30), Image.fromarray(colors), depth)
    assert grown[22:38, 32:48].all()
    assert not grown[:18].any()
    assert not grown[:, :28].any()


def test_a_point_without_depth_stays_a_disc():
    depth = depth_of(plate())
    depth[plate()] = 0
    views = prepare_views(np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8), depths=depth, intrinsics=K)
    (read,) = read_regions([{"point_xy": (40, 30)}], views)
    assert 25 < int(read["masks"][0].sum()) < 35  # radius 3 px


def test_a_grown_point_is_the_region():
    views = prepare_views(np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8), depths=depth_of(plate()), intrinsics=K)
    (read,) = read_regions([{"point_xy": (40, 30)}], views)
    np.testing.assert_array_equal(read["masks"][0].numpy(), plate())
    assert read["kept_share"] == 1.0
    (disc,) = read_regions([{"point_xy": (40, 30)}], views, keep_dominant_cluster=False)
    assert int(disc["masks"][0].sum()) < 35


def test_too_few_points_find_nothing():
    assert find_in_views(torch.zeros(2, 3), [torch.zeros(4, 4, 3)], [torch.ones(4, 4, dtype=torch.bool)]) == [None]


def test_propagate_is_true_or_false():
    with pytest.raises(TypeError, match=r"regions\[0\]\['propagate'\]` must be true or false, got 'yes'"):
        read_regions([{**BOX, "propagate": "yes"}], walk())
