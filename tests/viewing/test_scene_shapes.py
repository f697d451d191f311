# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What is drawn: points with their own colours, cameras where they stand, boxes around their regions."""

import numpy as np
import pytest
import torch
from viewed_rooms import BOX_REGIONS, BOXES, COLOURS, EYES, SIZE_HW, write_viewed_scene

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.geometry_sr3d import resize_intrinsics
from transformers_sr3d.inputs.scene import load_scene
from transformers_sr3d.viewing.scene_shapes import BOX_EDGES, FRUSTUM_EDGES, scene_shapes, segments


# The scene keeps millimetres.
DISK_ATOL_M = 2e-3


@pytest.fixture
def sample(tmp_path):
    return load_scene(write_viewed_scene(tmp_path / "room"))


def origin_of(sample):
    """Mean of all measured points, in the world."""
    views = prepare_views(**sample)
    maps = zip(views["points"], views["valid"], strict=True)
    return np.concatenate([points.numpy()[valid.numpy()] for points, valid in maps]).mean(axis=0)


def test_points_carry_the_colour_of_what_they_are(sample):
    shapes = scene_shapes(sample)
    world = shapes.points + origin_of(sample)
    (x, y, z), size = BOXES[0]
    inside = (np.abs(world - [x, y, z]) <= np.array(size) / 2 + DISK_ATOL_M).all(axis=1)
    well_inside = inside & (world[:, 2] > 0.05)  # the floor under it is grey
    assert well_inside.sum() > 50
    assert (shapes.colours[well_inside] == COLOURS[0]).all()
    assert np.abs(shapes.points.mean(axis=0)).max() < 0.02
    assert (shapes.unit, shapes.gravity) == ("m", "known")


def test_number_of_points_is_bounded(sample):
    assert len(scene_shapes(sample).points) == 3 * SIZE_HW[0] * SIZE_HW[1]
    few = scene_shapes(sample, max_points=1000)
    assert 900 < len(few.points) <= 1000
    assert len(few.colours) == len(few.points)


def test_cameras_stand_where_they_stood_and_look_through_their_image(sample):
    shapes = scene_shapes(sample)
    origin = origin_of(sample)
    for index, eye in enumerate(EYES):
        corners = shapes.frusta[index] + origin
        np.testing.assert_allclose(corners[0], eye, atol=1e-4)
        forward = (np.array([2.5, 2.0, 0.3]) - eye) / np.linalg.norm(np.array([2.5, 2.0, 0.3]) - eye)
        rays = corners[1:] - corners[0]
        np.testing.assert_allclose(rays @ forward, (rays @ forward)[0], rtol=1e-4)  # in one plane across the view
        assert np.linalg.norm(rays[0] - rays[1]) / np.linalg.norm(rays[1] - rays[2]) == pytest.approx(
            64 / 48, rel=1e-3
        )
        assert rays[0, 2] > rays[2, 2]  # the first corner is an upper one


def test_boxes_enclose_their_regions(sample):
    shapes = scene_shapes(sample, BOX_REGIONS)
    origin = origin_of(sample)
    assert [region.number for region in shapes.regions] == [0, 1]
    for region, (center, size) in zip(shapes.regions, BOXES, strict=True):
        corners = region.corners + origin
        np.testing.assert_allclose((corners.min(axis=0) + corners.max(axis=0)) / 2, center, atol=0.06)
        np.testing.assert_allclose(np.ptp(corners, axis=0), size, atol=0.1)
    assert len(shapes.companions["pairs"]) == 1


def test_edges_of_a_box_have_its_three_lengths(sample):
    corners = scene_shapes(sample, BOX_REGIONS).regions[0].corners
    lengths = np.linalg.norm(np.diff(segments(corners, BOX_EDGES), axis=1)[:, 0], axis=1)
    assert len(lengths) == 12
    assert len({round(float(length), 4) for length in lengths}) == 3
    assert len(FRUSTUM_EDGES) == 8


def test_a_scene_without_depth_has_nothing_to_show():
    with pytest.raises(ValueError, match=r"`depths` must have a measured pixel .* got none in 1 views"):
        scene_shapes({"images": [np.zeros((8, 8, 3), dtype=np.uint8)]})


def test_fewer_points_than_views_are_refused(sample):
    with pytest.raises(ValueError, match=r"`max_points` must be at least 1 and .* \(3\), got 2"):
        scene_shapes(sample, max_points=2)


def test_depth_of_another_size_takes_the_nearest_colours(tmp_path):
    sample = load_scene(write_viewed_scene(tmp_path / "room", 1))
    picture = np.zeros((2 * SIZE_HW[0], 2 * SIZE_HW[1], 3), dtype=np.uint8)
    picture[:, SIZE_HW[1] :] = 255  # the right half of an image of twice the size
    from_hw, to_hw = SIZE_HW, (2 * SIZE_HW[0], 2 * SIZE_HW[1])
    intrinsics = resize_intrinsics(torch.tensor(sample["intrinsics"][0]), from_hw, to_hw).numpy()
    sample |= {"images": [picture], "intrinsics": [intrinsics], "depth_field_of_view": "same"}
    shapes = scene_shapes(sample)
    assert (shapes.colours[:, 0] == 255).sum() == (shapes.colours[:, 0] == 0).sum() == SIZE_HW[0] * SIZE_HW[1] // 2
