# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2, tiling: grids against the written rule, splitting against stitching, pooling against a loop."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scenes import box_room, flat_wall, orbiting_cameras

from transformers_sr3d.geometry_sr3d import unproject_depth
from transformers_sr3d.tiling_sr3d import (
    choose_tile_grid,
    pool_map,
    pool_points,
    split_into_tiles,
    stitch_tiles,
    tile_grids,
)


# Every grid of 1 to 12 tiles as (columns, rows), the order in which the descending code bases write them.
GRIDS_1_TO_12 = {
    1: [(1, 1)],
    2: [(1, 2), (2, 1)],
    3: [(1, 3), (3, 1)],
    4: [(1, 4), (4, 1), (2, 2)],
    5: [(1, 5), (5, 1)],
    6: [(1, 6), (6, 1), (2, 3), (3, 2)],
    7: [(1, 7), (7, 1)],
    8: [(1, 8), (8, 1), (2, 4), (4, 2)],
    9: [(1, 9), (9, 1), (3, 3)],
    10: [(1, 10), (10, 1), (2, 5), (5, 2)],
    11: [(1, 11), (11, 1)],
    12: [(1, 12), (12, 1), (2, 6), (6, 2), (3, 4), (4, 3)],
}

# (width, height) -> (columns, rows) at 448-pixel tiles, 1 to 12 of them.
KNOWN_GRIDS = {
    (448, 448): (1, 1),
    (500, 500): (1, 1),
    (640, 640): (2, 2),
    (900, 900): (2, 2),
    (640, 427): (3, 2),
    (640, 480): (4, 3),
    (1296, 968): (4, 3),
    (480, 640): (3, 4),
    (1280, 720): (4, 2),
    (1920, 1080): (4, 2),
    (1344, 1344): (3, 3),
}

# Sums of a few hundred float32 products: worst measured error 4e-7 on values up to 1.
POOL_ATOL = 2e-6

properties = settings(max_examples=40, deadline=None, derandomize=True)


# --- grids ---


def test_there_are_35_grids_of_1_to_12_tiles():
    grids = tile_grids(1, 12)
    assert len(grids) == len(set(grids)) == 35
    assert [rows * cols for rows, cols in grids] == sorted(rows * cols for rows, cols in grids)
    for count, pairs in GRIDS_1_TO_12.items():
        assert {(cols, rows) for rows, cols in grids if rows * cols == count} == set(pairs)


def test_both_limits_are_included():
    assert tile_grids(4, 4) == [(4, 1), (2, 2), (1, 4)]
    assert min(rows * cols for rows, cols in tile_grids(3, 7)) == 3
    assert max(rows * cols for rows, cols in tile_grids(3, 7)) == 7


@pytest.mark.parametrize("limits", [(0, 4), (5, 4), (-1, -1)])
def test_limits_out_of_order_are_rejected(limits):
    with pytest.raises(ValueError, match=rf"1 <= min_tiles <= max_tiles, got {limits[0]} and {limits[1]}"):
        tile_grids(*limits)


@pytest.mark.parametrize(("size_wh", "grid"), KNOWN_GRIDS.items(), ids=lambda pair: f"{pair[0]}x{pair[1]}")
def test_known_images_get_their_known_grid(size_wh, grid):
    chosen = choose_tile_grid((size_wh[1], size_wh[0]), tile_size=448, min_tiles=1, max_tiles=12)
    assert chosen == (grid[1], grid[0])


def choose_by_the_written_rule(width, height, tile_size, grids_by_count):
    """Reference twin: scan the table in area order; `i` counts columns, `j` rows, as the rule is usually written."""
    best, best_difference = None, None
    for count in sorted(grids_by_count):
        for i, j in grids_by_count[count]:
            difference = abs(width / height - i / j)
            if best is None or difference < best_difference:
                best, best_difference = (i, j), difference
            elif difference == best_difference and width * height > 0.5 * tile_size * tile_size * i * j:
                best = (i, j)
    return best


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(16, 2200), st.integers(16, 2200))
@example(634, 634)  # 634^2 > 0.5 * 448^2 * 4 by a hair: 2x2
@example(633, 633)  # and below it by a hair: 1x1
@example(1000, 500)
@example(500, 1000)
def test_grid_choice_equals_the_written_rule(width, height):
    expected = choose_by_the_written_rule(width, height, 448, GRIDS_1_TO_12)
    chosen = choose_tile_grid((height, width), tile_size=448, min_tiles=1, max_tiles=12)
    assert (chosen[1], chosen[0]) == expected


@pytest.mark.parametrize("seed", range(5))
def test_order_within_one_area_never_matters(seed):
    generator = torch.Generator().manual_seed(seed)
    shuffled = {
        count: [pairs[index] for index in torch.randperm(len(pairs), generator=generator)]
        for count, pairs in GRIDS_1_TO_12.items()
    }
    for width, height in torch.randint(16, 2200, (300, 2), generator=generator).tolist():
        expected = choose_by_the_written_rule(width, height, 448, GRIDS_1_TO_12)
        assert choose_by_the_written_rule(width, height, 448, shuffled) == expected


def test_equal_ratios_take_the_larger_grid_only_above_half_its_pixels():
    # 1x1, 2x2 and 3x3 all have ratio 1. Half of the pixels of 2x2 is a side of 448 * sqrt(2).
    limits = {"tile_size": 448, "min_tiles": 1, "max_tiles": 12}
    assert choose_tile_grid((633, 633), **limits) == (1, 1)
    assert choose_tile_grid((634, 634), **limits) == (2, 2)
    assert choose_tile_grid((950, 950), **limits) == (2, 2)
    assert choose_tile_grid((951, 951), **limits) == (3, 3)


def test_ratios_at_equal_distance_from_an_image_count_as_a_tie():
    # 3/2 lies halfway between 1/1 and 2/1: the larger grid wins if the image is large enough for it.
    assert choose_tile_grid((200, 300), tile_size=448, min_tiles=1, max_tiles=2) == (1, 1)
    assert choose_tile_grid((400, 600), tile_size=448, min_tiles=1, max_tiles=2) == (1, 2)


def test_minimum_number_of_tiles_excludes_the_single_tile():
    assert choose_tile_grid((100, 100), tile_size=448, min_tiles=2, max_tiles=12) == (2, 2)


@pytest.mark.parametrize("size_hw", [(0, 640), (480, 0), (-1, 5)])
def test_empty_images_are_rejected(size_hw):
    with pytest.raises(
        ValueError, match=rf"`image_size_hw`.*must be positive, got \({size_hw[0]}, {size_hw[1]}\) and 448"
    ):
        choose_tile_grid(size_hw, tile_size=448, min_tiles=1, max_tiles=12)


# --- split and stitch ---


def test_tiles_are_row_major():
    maps = torch.arange(6.0).view(1, 1, 2, 3).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)  # 4 x 6
    tiles = split_into_tiles(maps, (2, 3))
    assert tiles.shape == (1, 6, 1, 2, 2)
    assert [tile.unique().item() for tile in tiles[0]] == [0, 1, 2, 3, 4, 5]


@properties
@given(st.tuples(*[st.integers(1, 4)] * 4), st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_stitching_undoes_splitting(shape, tile_hw):
    batch, channels, rows, cols = shape
    maps = torch.arange(batch * channels * rows * cols * tile_hw[0] * tile_hw[1])
    maps = maps.view(batch, channels, rows * tile_hw[0], cols * tile_hw[1])
    tiles = split_into_tiles(maps, (rows, cols))
    assert tiles.shape == (batch, rows * cols, channels, *tile_hw)
    assert torch.equal(stitch_tiles(tiles, (rows, cols)), maps)


def test_splitting_equals_slicing():
    maps = torch.rand(2, 3, 12, 18)
    tiles = split_into_tiles(maps, (3, 2))
    for row in range(3):
        for col in range(2):
            assert torch.equal(tiles[:, row * 2 + col], maps[:, :, row * 4 : row * 4 + 4, col * 9 : col * 9 + 9])


def test_grid_that_does_not_divide_the_map_is_rejected():
    with pytest.raises(ValueError, match=r"`grid_hw` must divide the map, got a 5x2 grid and a 12x18 map"):
        split_into_tiles(torch.zeros(1, 1, 12, 18), (5, 2))
    with pytest.raises(ValueError, match=r"got a 0x2 grid"):
        split_into_tiles(torch.zeros(1, 1, 12, 18), (0, 2))
    with pytest.raises(ValueError, match=r"`maps` must have shape \(B, D, H, W\), got \(12, 18\)"):
        split_into_tiles(torch.zeros(12, 18), (2, 2))


def test_stitching_with_the_thumbnail_is_rejected():
    with pytest.raises(ValueError, match=r"must hold 6 tiles for a 2x3 grid, got 7. Leave the thumbnail out"):
        stitch_tiles(torch.zeros(1, 7, 3, 4, 4), (2, 3))
    with pytest.raises(ValueError, match=r"`tiles` must have shape \(B, T, D, h, w\), got \(6, 3, 4, 4\)"):
        stitch_tiles(torch.zeros(6, 3, 4, 4), (2, 3))


# --- pooling ---


def pool_map_by_loops(maps, size_hw):
    """Reference twin: every cell is the mean of the pixels it covers, weighted by exact fractions of their area."""
    height, width = maps.shape[-2:]
    pooled = torch.zeros(maps.shape[0], *size_hw, dtype=torch.float64)
    for row in range(size_hw[0]):
        top, bottom = Fraction(row * height, size_hw[0]), Fraction((row + 1) * height, size_hw[0])
        for col in range(size_hw[1]):
            left, right = Fraction(col * width, size_hw[1]), Fraction((col + 1) * width, size_hw[1])
            for v in range(math.floor(top), math.ceil(bottom)):
                for u in range(math.floor(left), math.ceil(right)):
                    area = (min(bottom, v + 1) - max(top, v)) * (min(right, u + 1) - max(left, u))
                    pooled[:, row, col] += maps[:, v, u].double() * float(area / ((bottom - top) * (right - left)))
    return pooled.to(maps.dtype)


SIZES = [
    ((12, 16), (3, 4)),
    ((12, 16), (5, 7)),
    ((13, 11), (4, 4)),
    ((12, 15), (8, 5)),
    ((3, 5), (8, 8)),
    ((7, 4), (7, 1)),
]


@pytest.mark.parametrize(("from_hw", "to_hw"), SIZES)
def test_pooling_equals_its_slow_twin(from_hw, to_hw):
    maps = torch.rand(2, *from_hw)
    torch.testing.assert_close(pool_map(maps, to_hw), pool_map_by_loops(maps, to_hw), atol=POOL_ATOL, rtol=0)


@properties
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(1, 20), st.integers(0, 100))
def test_pooling_keeps_the_mean_of_any_map(height, width, rows, cols, seed):
    maps = torch.rand(2, height, width, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        pool_map(maps, (rows, cols)).mean(dim=(1, 2)), maps.mean(dim=(1, 2)), atol=POOL_ATOL, rtol=0
    )


def test_pooling_of_multiples_is_adaptive_average_pooling():
    maps = torch.rand(3, 24, 40)
    assert torch.equal(pool_map(maps, (6, 10)), torch.nn.functional.adaptive_avg_pool2d(maps, (6, 10)))


def test_pooled_mask_is_the_share_of_each_cell():
    mask = torch.zeros(1, 3, 3)
    mask[0, 0, 0] = 1.0  # 4 of the 9 quarter-cells of the first of 2 x 2 cells
    torch.testing.assert_close(pool_map(mask, (2, 2)), torch.tensor([[[4 / 9, 0.0], [0.0, 0.0]]]))


def test_a_mask_smaller_than_a_cell_still_counts():
    mask = torch.zeros(1, 480, 640)
    mask[0, 100, 200] = 1.0
    pooled = pool_map(mask, (32, 32))
    assert (pooled > 0).sum() == 1
    torch.testing.assert_close(pooled.sum() * (480 / 32) * (640 / 32), torch.tensor(1.0))


@pytest.mark.parametrize(
    ("maps", "size_hw", "message"),
    [
        (torch.zeros(1, 4, 4, dtype=torch.bool), (2, 2), r"must be floating point.*got torch.bool of 4x4"),
        (torch.zeros(1, 0, 4), (2, 2), r"not empty, got torch.float32 of 0x4 for a 2x2 grid"),
        (torch.zeros(1, 4, 4), (2, 0), r"of 4x4 for a 2x0 grid"),
        (torch.zeros(4, 4), (2, 2), r"`maps` must have shape \(D, H, W\), got \(4, 4\)"),
    ],
    ids=["mask", "empty map", "empty grid", "no channels"],
)
def test_maps_that_cannot_be_pooled_are_rejected(maps, size_hw, message):
    with pytest.raises(ValueError, match=message):
        pool_map(maps, size_hw)


def pool_points_by_loops(points, valid, size_hw):
    """Reference twin: a weighted mean over the valid pixels of each cell."""
    maps = torch.cat((torch.where(valid[..., None], points, 0.0).permute(2, 0, 1), valid[None].float()))
    pooled = pool_map_by_loops(maps.double(), size_hw)
    patch_points, patch_valid = torch.zeros(*size_hw, 3), torch.zeros(size_hw, dtype=torch.bool)
    for row in range(size_hw[0]):
        for col in range(size_hw[1]):
            if pooled[3, row, col] > 0:
                patch_points[row, col] = (pooled[:3, row, col] / pooled[3, row, col]).float()
                patch_valid[row, col] = True
    return patch_points, patch_valid


@pytest.mark.parametrize(("from_hw", "to_hw"), SIZES)
@pytest.mark.parametrize("share", [0.05, 0.6, 1.0])
def test_point_pooling_equals_its_slow_twin(from_hw, to_hw, share):
    points, valid = torch.randn(*from_hw, 3), torch.rand(from_hw) < share
    patch_points, patch_valid = pool_points(points, valid, to_hw)
    expected_points, expected_valid = pool_points_by_loops(points, valid, to_hw)
    assert torch.equal(patch_valid, expected_valid)
    torch.testing.assert_close(patch_points, expected_points, atol=1e-5, rtol=1e-5)


def test_point_of_a_patch_on_a_wall_is_that_of_its_middle():
    wall = flat_wall(2.0, size_hw=(48, 64))
    points_camera, valid = unproject_depth(wall["depth"], wall["intrinsics"])
    patch_points, patch_valid = pool_points(points_camera, valid, (8, 8))
    middle_u = torch.arange(8) * 8 + 3.5
    assert patch_valid.all()
    torch.testing.assert_close(patch_points[2, :, 0], (middle_u - 31.5) * 2.0 / 50.0, atol=1e-6, rtol=0)
    torch.testing.assert_close(patch_points[..., 2], torch.full((8, 8), 2.0))


def test_patches_of_a_room_lie_within_the_room():
    room = box_room(orbiting_cameras(1)[0])
    patch_points, patch_valid = pool_points(room["points_world"], torch.ones(48, 64, dtype=torch.bool), (7, 9))
    assert patch_valid.all()
    assert (patch_points > -1e-5).all()
    assert (patch_points < torch.tensor([5.0, 4.0, 2.5]) + 1e-5).all()


def test_one_valid_pixel_is_the_point_of_its_patch():
    points, valid = torch.full((6, 6, 3), float("nan")), torch.zeros(6, 6, dtype=torch.bool)
    points[4, 1], valid[4, 1] = torch.tensor([1.0, 2.0, 3.0]), True
    patch_points, patch_valid = pool_points(points, valid, (2, 2))
    assert patch_valid.tolist() == [[False, False], [True, False]]
    assert patch_points.tolist() == [[[0, 0, 0], [0, 0, 0]], [[1, 2, 3], [0, 0, 0]]]


def test_masks_of_another_size_than_the_points_are_rejected():
    with pytest.raises(ValueError, match=r"`points` must have shape \(4, 4, 3\), got \(4, 5, 3\)"):
        pool_points(torch.zeros(4, 5, 3), torch.ones(4, 4, dtype=torch.bool), (2, 2))


def test_tiles_of_a_pooled_map_are_the_pooled_tiles():
    maps = torch.rand(3, 48, 96)  # a 2x3 grid, patches of 4: the pooled whole, cut, equals the pooled cut
    whole = split_into_tiles(pool_map(maps, (12, 24))[None], (2, 3))[0]
    for tile, pixels in zip(whole, split_into_tiles(maps[None], (2, 3))[0], strict=True):
        torch.testing.assert_close(tile, pool_map(pixels, (6, 8)), atol=POOL_ATOL, rtol=0)
