# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2, tiles of one sample. Tiles have 56 pixels and 4 x 4 patches; at most 4 tiles unless said otherwise."""

import numpy as np
import pytest
import torch
from PIL import Image

from transformers_sr3d.image_processing_sr3d import SR3DImageProcessor


SIDE, PATCHES = 56, 4
# Largest difference measured between torch's and Pillow's antialiased bicubic filter on 8-bit pixels.
GREY_LEVELS = 2
ONE_TILE_HW, FOUR_TILES_HW, SIX_TILES_HW = (SIDE, SIDE), (112, 112), (112, 168)


def make_processor(**settings) -> SR3DImageProcessor:
    return SR3DImageProcessor(**{"size": {"height": SIDE, "width": SIDE}, "max_tiles": 4, **settings})


def random_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def smooth_image(height: int, width: int) -> Image.Image:
    return Image.fromarray(random_image(6, 8)).resize((width, height), Image.Resampling.BICUBIC)


def grey_levels(pixel_values: torch.Tensor) -> torch.Tensor:
    return ((pixel_values + 1) * 127.5).round()


@pytest.mark.parametrize(
    ("size_hw", "num_items"), [(ONE_TILE_HW, 1), (FOUR_TILES_HW, 5), ((56, 200), 5), ((30, 60), 3)]
)
def test_items_are_the_tiles_and_a_thumbnail(size_hw, num_items):
    out = make_processor()(random_image(*size_hw), return_tensors="pt")
    assert out["pixel_values"].shape == (num_items, 3, SIDE, SIDE)
    assert out["num_tiles"] == [num_items]
    assert make_processor().get_number_of_image_patches(*size_hw) == num_items


def test_tiles_equal_a_pillow_resize_cut_row_by_row():
    image = smooth_image(120, 160)
    out = make_processor(max_tiles=6)(image, return_tensors="pt")
    rows, columns = 2, 3  # 160 / 120 is nearer to 3 / 2 than to 1
    whole = np.asarray(image.resize((columns * SIDE, rows * SIDE), Image.Resampling.BICUBIC))
    expected = [
        whole[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        for row in range(rows)
        for column in range(columns)
    ]
    expected.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
    expected = torch.from_numpy(np.stack(expected)).permute(0, 3, 1, 2).float()
    assert (grey_levels(out["pixel_values"]) - expected).abs().max() <= GREY_LEVELS


def test_an_image_of_the_tile_size_is_only_normalised():
    image = random_image(*ONE_TILE_HW)
    pixels = make_processor()(image, return_tensors="pt")["pixel_values"]
    expected = (torch.from_numpy(image).permute(2, 0, 1).float() / 255 - 0.5) / 0.5
    torch.testing.assert_close(pixels[0], expected, atol=1e-6, rtol=0)


def test_each_channel_has_its_own_mean_and_deviation():
    image = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
    pixels = make_processor(image_mean=[0.0, 0.5, 1.0], image_std=[1.0, 0.25, 0.5])(image, return_tensors="pt")
    torch.testing.assert_close(pixels["pixel_values"][0, :, 0, 0], torch.tensor([1.0, 2.0, 0.0]), atol=1e-6, rtol=0)


def test_switches_leave_grey_levels_untouched():
    image = random_image(*ONE_TILE_HW)
    pixels = make_processor()(image, do_rescale=False, do_normalize=False, return_tensors="pt")["pixel_values"]
    assert torch.equal(pixels[0], torch.from_numpy(image).permute(2, 0, 1).float())


@pytest.mark.parametrize("kind", ["pil", "channels last", "channels first", "torch", "read only", "flipped"])
def test_every_kind_of_image_gives_the_same_tiles(kind):
    image = random_image(112, 100)
    frozen = image.copy()
    frozen.flags.writeable = False
    kinds = {
        "pil": Image.fromarray(image),
        "channels last": image,
        "channels first": image.transpose(2, 0, 1),
        "torch": torch.from_numpy(image).permute(2, 0, 1),
        "read only": frozen,
        "flipped": image[::-1].copy()[::-1],
    }
    expected = make_processor()(image, return_tensors="pt")["pixel_values"]
    assert torch.equal(make_processor()(kinds[kind], return_tensors="pt")["pixel_values"], expected)


def test_a_batch_equals_its_images_one_by_one():
    images = [random_image(112, 112, 1), random_image(56, 60, 2), random_image(50, 180, 3)]
    batch = make_processor()(images, return_tensors="pt")
    single = [make_processor()(image, return_tensors="pt") for image in images]
    assert torch.equal(batch["pixel_values"], torch.cat([out["pixel_values"] for out in single]))
    assert batch["num_tiles"] == [out["num_tiles"][0] for out in single]


def test_without_return_tensors_there_is_a_list_of_tiles():
    out = make_processor()(random_image(*FOUR_TILES_HW))
    assert isinstance(out["pixel_values"], list)
    assert [tuple(tile.shape) for tile in out["pixel_values"]] == [(3, SIDE, SIDE)] * 5


def test_numpy_is_returned_where_asked_for():
    out = make_processor()(random_image(*ONE_TILE_HW), return_tensors="np")
    assert isinstance(out["pixel_values"], np.ndarray)


def test_max_tiles_can_be_given_per_call():
    processor, image = make_processor(), random_image(*FOUR_TILES_HW)
    assert processor(image, max_tiles=1, return_tensors="pt")["num_tiles"] == [1]
    assert processor(image, return_tensors="pt")["num_tiles"] == [5]
    assert processor.get_number_of_image_patches(*FOUR_TILES_HW, {"max_tiles": 1}) == 1


# Points and validity


def ramp_points(height: int, width: int) -> torch.Tensor:
    """Points whose x is the column and whose y is the row, as shares of the image at pixel centres."""
    rows = (torch.arange(height) + 0.5) / height
    columns = (torch.arange(width) + 0.5) / width
    return torch.stack(
        (columns.expand(height, -1), rows[:, None].expand(-1, width), torch.ones(height, width)), dim=-1
    )


@pytest.mark.parametrize("map_hw", [(112, 112), (48, 80), (24, 24)], ids=["as image", "other ratio", "coarse"])
def test_patch_points_lie_in_the_middle_of_their_patch(map_hw):
    out = make_processor()(
        random_image(*FOUR_TILES_HW),
        point_maps=[ramp_points(*map_hw)],
        point_valid=[torch.ones(map_hw, dtype=torch.bool)],
        return_tensors="pt",
    )
    stitched = ramp_points(2 * PATCHES, 2 * PATCHES)  # 2 x 2 tiles of 4 x 4 patches
    expected = [stitched[r : r + 4, c : c + 4] for r in (0, 4) for c in (0, 4)] + [ramp_points(PATCHES, PATCHES)]
    torch.testing.assert_close(out["patch_points"], torch.stack(expected), atol=1e-6, rtol=0)
    assert out["patch_valid"].dtype == torch.bool
    assert out["patch_valid"].all()


def test_invalid_pixels_do_not_move_a_patch():
    points, valid = torch.full((56, 56, 3), 7.0), torch.ones((56, 56), dtype=torch.bool)
    points[:14, :7], valid[:14, :7] = 1e6, False  # half of the first patch
    points[:14, 14:28], valid[:14, 14:28] = 1e6, False  # all of the second
    out = make_processor()(random_image(56, 56), point_maps=[points], point_valid=[valid], return_tensors="pt")
    assert out["patch_points"][0, 0, 0].tolist() == [7.0, 7.0, 7.0]
    assert out["patch_points"][0, 0, 1].tolist() == [0.0, 0.0, 0.0]
    assert out["patch_valid"][0, 0].tolist() == [True, False, True, True]


def test_an_image_without_points_is_zero_and_not_valid():
    images = [random_image(*ONE_TILE_HW), random_image(*FOUR_TILES_HW)]
    points, valid = torch.ones((20, 20, 3)), torch.ones((20, 20), dtype=torch.bool)
    out = make_processor()(images, point_maps=[points, None], point_valid=[valid, None], return_tensors="pt")
    assert out["patch_valid"].flatten(1).all(1).tolist() == [True] + [False] * 5
    assert out["patch_points"][1:].abs().max() == 0


def test_there_are_no_point_keys_without_points():
    out = make_processor()(random_image(*ONE_TILE_HW), point_maps=[None], point_valid=[None], return_tensors="pt")
    assert set(out) == {"pixel_values", "num_tiles"}


# Region masks


def test_a_full_mask_covers_every_tile_exactly():
    masks = torch.ones((1, *FOUR_TILES_HW), dtype=torch.bool)
    coverage = make_processor()(random_image(*FOUR_TILES_HW), region_masks=[masks], return_tensors="pt")[
        "region_coverage"
    ]
    assert coverage.shape == (5, 1, PATCHES, PATCHES)
    assert torch.equal(coverage[:4], torch.ones(4, 1, PATCHES, PATCHES))
    assert torch.equal(coverage[4], torch.zeros(1, PATCHES, PATCHES))


def test_a_full_mask_of_any_size_covers_every_tile():
    masks = torch.ones((1, 101, 97), dtype=torch.bool)
    coverage = make_processor()(random_image(101, 97), region_masks=[masks], return_tensors="pt")["region_coverage"]
    torch.testing.assert_close(coverage[:4], torch.ones(4, 1, PATCHES, PATCHES), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("tile_then_stitch", "covered"), [(True, [0, 1, 2, 3]), (False, [4])])
def test_masks_cover_the_tiles_or_else_the_thumbnail(tile_then_stitch, covered):
    masks = torch.ones((2, *FOUR_TILES_HW), dtype=torch.bool)
    processor = make_processor(tile_then_stitch=tile_then_stitch)
    coverage = processor(random_image(*FOUR_TILES_HW), region_masks=[masks], return_tensors="pt")["region_coverage"]
    assert [index for index, tile in enumerate(coverage) if tile.any()] == covered


@pytest.mark.parametrize("tile_then_stitch", [True, False])
def test_a_single_tile_is_covered_in_both_modes(tile_then_stitch):
    masks = torch.ones((1, *ONE_TILE_HW), dtype=torch.bool)
    processor = make_processor(tile_then_stitch=tile_then_stitch)
    coverage = processor(random_image(*ONE_TILE_HW), region_masks=[masks], return_tensors="pt")["region_coverage"]
    assert torch.equal(coverage, torch.ones(1, 1, PATCHES, PATCHES))


def test_a_mask_of_one_pixel_counts_with_its_area():
    masks = torch.zeros((1, *FOUR_TILES_HW), dtype=torch.bool)
    masks[0, 60, 3] = True  # below the upper row of tiles: third tile, first patch
    coverage = make_processor()(random_image(*FOUR_TILES_HW), region_masks=[masks], return_tensors="pt")[
        "region_coverage"
    ]
    assert coverage.nonzero().tolist() == [[2, 0, 0, 0]]
    torch.testing.assert_close(coverage.max(), torch.tensor(1 / 14**2))


def test_coverage_does_not_depend_on_the_number_of_tiles():
    masks = torch.rand((3, *FOUR_TILES_HW)) > 0.7
    image = random_image(*FOUR_TILES_HW)
    tiled = make_processor()(image, region_masks=[masks], return_tensors="pt")["region_coverage"]
    single = make_processor(max_tiles=1)(image, region_masks=[masks], return_tensors="pt")["region_coverage"]
    upper, lower = torch.cat((tiled[0], tiled[1]), -1), torch.cat((tiled[2], tiled[3]), -1)
    stitched = torch.cat((upper, lower), -2)  # (3, 8, 8)
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(stitched, 2), single[0], atol=1e-6, rtol=0)


def test_pixels_points_and_masks_are_cut_by_one_grid():
    """One bright, far, marked quarter ends up in the same patches of all three."""
    image, points = np.zeros((*SIX_TILES_HW, 3), dtype=np.uint8), torch.zeros((*SIX_TILES_HW, 3))
    mask = torch.zeros((1, *SIX_TILES_HW), dtype=torch.bool)
    mask[0, 56:, 84:] = True  # lower right, up to the middle of a tile
    image[mask[0].numpy()], points[mask[0]] = 255, 1.0
    out = make_processor(max_tiles=6)(
        image,
        point_maps=[points],
        point_valid=[torch.ones(SIX_TILES_HW, dtype=torch.bool)],
        region_masks=[mask],
        return_tensors="pt",
    )
    bright = torch.nn.functional.avg_pool2d(out["pixel_values"][:6, :1], 14) / 2 + 0.5
    torch.testing.assert_close(out["region_coverage"][:6], bright, atol=1e-6, rtol=0)
    torch.testing.assert_close(out["patch_points"][:6, ..., 0], bright[:, 0], atol=1e-6, rtol=0)


def test_an_image_that_shows_no_region_has_zero_coverage():
    images = [random_image(*ONE_TILE_HW), random_image(*ONE_TILE_HW)]
    masks = torch.ones((2, *ONE_TILE_HW), dtype=torch.bool)
    coverage = make_processor()(images, region_masks=[None, masks], return_tensors="pt")["region_coverage"]
    assert coverage.flatten(1).sum(1).tolist() == [0.0, 2.0 * PATCHES**2]


# Saving


def test_a_saved_image_processor_gives_the_same_tiles(tmp_path):
    processor = make_processor(max_tiles=6, tile_then_stitch=False, patch_size=28)
    processor.save_pretrained(tmp_path)
    loaded = SR3DImageProcessor.from_pretrained(tmp_path)
    masks = torch.rand((1, *FOUR_TILES_HW)) > 0.5
    first, second = (
        each(random_image(*FOUR_TILES_HW), region_masks=[masks], return_tensors="pt") for each in (processor, loaded)
    )
    assert loaded.to_dict() == processor.to_dict()
    assert all(torch.equal(first[name], second[name]) for name in ("pixel_values", "region_coverage"))


# Refusals


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": {"height": 56, "width": 42}}, r"`size` must hold an equal `height` and `width`, got .*42"),
        ({"patch_size": 57}, r"`patch_size` must be between 1 and the tile side \(56\), got 57"),
        ({"resample": Image.Resampling.NEAREST}, r"`resample` must be bicubic \(3\) or bilinear \(2\), got"),
        ({"min_tiles": 5}, r"1 <= min_tiles <= max_tiles, got 5 and 4"),
        ({"do_resize": False}, r"already measure 112 x 112 pixels where `do_resize` is off, got 100 x 100"),
        ({"image_mean": [0.5, 0.5]}, r"`image_mean` must hold one value or one per channel \(3\), got 2"),
        ({"image_std": [0.5, 0.0, 0.5]}, r"`image_std` must hold positive numbers, got \[0.5, 0.0, 0.5\]"),
        ({"image_std": float("nan")}, r"`image_std` must hold positive numbers, got \[nan\]"),
    ],
    ids=["oblong tile", "large patch", "filter", "limits", "no resize", "mean", "zero", "NaN"],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_processor(**settings)(random_image(100, 100), return_tensors="pt")


VALID = torch.ones((8, 8), dtype=torch.bool)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (
            {"point_maps": [torch.ones(8, 8, 3)]},
            r"`point_valid` must be a list with one entry per image \(1\), got None",
        ),
        ({"point_maps": [], "point_valid": [VALID]}, r"`point_maps` must be a list .* per image \(1\), got 0"),
        (
            {"point_maps": [torch.ones(8, 9, 3)], "point_valid": [VALID]},
            r"`point_maps\[0\]` and `point_valid\[0\]` must have .* got \(8, 9, 3\) and \(8, 8\)",
        ),
        ({"point_maps": [torch.ones(8, 8, 3)], "point_valid": [None]}, r"got \(8, 8, 3\) and None"),
        ({"point_maps": [torch.ones(8, 3)], "point_valid": [VALID[0]]}, r"got \(8, 3\) and \(8,\)"),
        ({"region_masks": [VALID[None]]}, r"`region_masks\[0\]` must have shape \(1, 100, 100\).* got \(1, 8, 8\)"),
        ({"region_masks": [VALID[None]] * 2}, r"`region_masks` must have one entry per image \(1\), got 2"),
    ],
    ids=["no validity", "no map", "sizes", "half", "no rows", "mask size", "mask count"],
)
def test_maps_that_do_not_fit_their_image_are_refused(maps, message):
    with pytest.raises(ValueError, match=message):
        make_processor()(random_image(100, 100), **maps, return_tensors="pt")


def test_images_with_different_channels_are_refused():
    images = [np.zeros((56, 56, 3), dtype=np.uint8), np.zeros((56, 56, 4), dtype=np.uint8)]
    with pytest.raises(ValueError, match=r"`images` must share one number of channels, got \[3, 4\]"):
        make_processor()(images, do_convert_rgb=False, input_data_format="channels_last", return_tensors="pt")
