# Copyright 2026 The transformers-sr3d contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Stage 2 of 5, tiling of one sample: images + point maps + region masks -> tiles on one common grid.

    image       (H, W, 3) grey levels     -> pixel_values     (tiles, 3, S, S), normalised
    point map   (H', W', 3) + validity    -> patch_points     (tiles, h, w, 3), patch_valid (tiles, h, w)
    masks       (R, H, W) bool            -> region_coverage  (tiles, R, h, w), share of each patch, 0 to 1

The whole image is resized to its grid of tiles (bicubic, aspect ratio not kept), cut row by row, and followed by a
thumbnail if there is more than one tile. Points and masks are never resized as pictures: they are averaged on the
patch grid that the same cut produces, so pixels, points and masks of a patch always belong together.

One class serves installations with and without torchvision, because all pixel work is done by torch: the resize runs
on 8-bit pixels and tiles are normalised one by one while they are in cache. The price is a result that differs from
Pillow's by up to two grey levels.

This file is copied to the Hub next to the weights: it imports torch, NumPy, transformers and sibling `*_sr3d` files
only.
"""

from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.image_processing_backends import PilBackend
from transformers.image_processing_base import BatchFeature
from transformers.image_utils import ImageInput, PILImageResampling
from transformers.processing_utils import ImagesKwargs, Unpack
from transformers.utils import auto_docstring

from .tiling_sr3d import choose_tile_grid, pool_map, pool_points, split_into_tiles


# Filters that torch computes with antialiasing, as Pillow does.
INTERPOLATION_MODES = {PILImageResampling.BICUBIC: "bicubic", PILImageResampling.BILINEAR: "bilinear"}


class SR3DImageProcessorKwargs(ImagesKwargs, total=False):  # type: ignore[call-arg]  # the base class is untyped
    """
    patch_size (`int`):
        Side of a vision patch, in pixels. Points and masks are averaged on the grid of patches.
    min_tiles (`int`):
        Fewest tiles that an image is cut into, the thumbnail not counted.
    max_tiles (`int`):
        Most tiles that an image is cut into, the thumbnail not counted.
    tile_then_stitch (`bool`):
        Whether masks cover the tiles (`True`) or the thumbnail, which is the only tile where there is one (`False`).
    """

    patch_size: int | None
    min_tiles: int | None
    max_tiles: int | None
    tile_then_stitch: bool | None


@auto_docstring(custom_intro="Cuts images into square tiles, and point maps and region masks with them.")
class SR3DImageProcessor(PilBackend):
    r"""
    patch_size (`int`, *optional*, defaults to 14):
        Side of a vision patch in pixels. Where it does not divide the tile, points and masks are averaged on an even
        grid of `size // patch_size` cells, which is off by less than a patch at the far border.
    min_tiles (`int`, *optional*, defaults to 1):
        Fewest tiles that an image is cut into.
    max_tiles (`int`, *optional*, defaults to 12):
        Most tiles that an image is cut into, the thumbnail not counted.
    tile_then_stitch (`bool`, *optional*, defaults to `True`):
        Whether masks cover the tiles or, for comparison, the thumbnail only.
    """

    valid_kwargs = SR3DImageProcessorKwargs
    model_input_names = ["pixel_values"]

    size = {"height": 448, "width": 448}
    patch_size = 14
    min_tiles = 1
    max_tiles = 12
    tile_then_stitch = True
    resample = PILImageResampling.BICUBIC
    image_mean = [0.5, 0.5, 0.5]
    image_std = [0.5, 0.5, 0.5]
    do_resize = True
    do_rescale = True
    do_normalize = True
    do_convert_rgb = True

    def __init__(self, **kwargs: Unpack[SR3DImageProcessorKwargs]):
        super().__init__(**kwargs)

    @auto_docstring(custom_intro="Cut images, and what belongs to their pixels, into tiles.")
    def preprocess(
        self,
        images: ImageInput,
        point_maps: list[torch.Tensor | None] | None = None,
        point_valid: list[torch.Tensor | None] | None = None,
        region_masks: list[torch.Tensor | None] | None = None,
        **kwargs: Unpack[SR3DImageProcessorKwargs],
    ) -> BatchFeature:
        r"""
        point_maps (`list[torch.Tensor | None]`, *optional*):
            One map of shape `(H', W', 3)` per image, in the canonical frame, or `None`. Any resolution: a map covers
            the same view as its image.
        point_valid (`list[torch.Tensor | None]`, *optional*):
            One boolean map of shape `(H', W')` per image. Required with `point_maps`.
        region_masks (`list[torch.Tensor | None]`, *optional*):
            One boolean tensor of shape `(R, H, W)` per image, in the pixels of the image, or `None`.

        Returns:
            `BatchFeature`: `pixel_values` of shape `(tiles, 3, S, S)`; `num_tiles`, a list with the number of tiles
            of each image including its thumbnail; with points `patch_points` of shape `(tiles, h, w, 3)`, zero where
            not valid, and `patch_valid` of shape `(tiles, h, w)`; with masks `region_coverage` of shape
            `(tiles, R, h, w)`. Without `return_tensors` each is a list of tensors, one per tile.

        Raises:
            ValueError: If counts or shapes of images, maps and masks disagree, or if a setting is impossible.
        """
        maps = {"point_maps": point_maps, "point_valid": point_valid, "region_masks": region_masks}
        return super().preprocess(images, image_like_kwargs=maps, **kwargs)

    def get_number_of_image_patches(self, height: int, width: int, images_kwargs: dict | None = None) -> int:
        """Count the tiles of an image, including its thumbnail.

        Args:
            height (`int`):
                Height of the image in pixels.
            width (`int`):
                Width of the image in pixels.
            images_kwargs (`dict`, *optional*):
                Overrides of `size`, `min_tiles` and `max_tiles`.

        Returns:
            `int`: Number of items along the first axis of `pixel_values`.
        """
        settings = {"size": self.size, "min_tiles": self.min_tiles, "max_tiles": self.max_tiles}
        settings |= {name: value for name, value in (images_kwargs or {}).items() if name in settings}
        rows, columns = self._choose_grid((height, width), self._standardize_kwargs(**settings))
        return _num_items((rows, columns))

    def _validate_preprocess_kwargs(self, **kwargs) -> None:
        super()._validate_preprocess_kwargs(**kwargs)
        size, patch_size = kwargs["size"], kwargs["patch_size"]
        if not size.height or size.height != size.width:
            raise ValueError(
                f"`size` must hold an equal `height` and `width`, got {dict(size)}. Tiles are square; pass "
                '`size={"height": 448, "width": 448}`.'
            )
        if not 1 <= patch_size <= size.height:
            raise ValueError(
                f"`patch_size` must be between 1 and the tile side ({size.height}), got {patch_size}. Pass the patch "
                "size of the vision tower."
            )
        if kwargs["resample"] not in INTERPOLATION_MODES:
            raise ValueError(
                f"`resample` must be bicubic (3) or bilinear (2), got {kwargs['resample']!r}. Other filters have no "
                "antialiased form in torch."
            )

    def _preprocess_image_like_inputs(
        self,
        images: ImageInput,
        point_maps: list[torch.Tensor | None] | None = None,
        point_valid: list[torch.Tensor | None] | None = None,
        region_masks: list[torch.Tensor | None] | None = None,
        **kwargs,
    ) -> BatchFeature:
        arrays = self._prepare_image_like_inputs(images, **kwargs)
        point_maps, point_valid = _check_points(point_maps, point_valid, len(arrays))
        masks = _check_masks(region_masks, [array.shape[-2:] for array in arrays])
        return self._preprocess(arrays, point_maps=point_maps, point_valid=point_valid, region_masks=masks, **kwargs)

    def _preprocess(
        self, images: list[np.ndarray], do_resize: bool, do_rescale: bool, do_normalize: bool, **kwargs
    ) -> BatchFeature:
        switches = {"do_resize": do_resize, "do_rescale": do_rescale, "do_normalize": do_normalize}
        grids = [self._choose_grid(image.shape[-2:], kwargs) for image in images]
        data: dict[str, Any] = {"pixel_values": self._cut_pixels(images, grids, {**kwargs, **switches})}
        patches = kwargs["size"].height // kwargs["patch_size"]
        if kwargs["point_maps"] is not None:
            data |= _cut_points(kwargs["point_maps"], kwargs["point_valid"], grids, patches)
        if kwargs["region_masks"] is not None:
            data["region_coverage"] = _cut_masks(kwargs["region_masks"], grids, patches, kwargs["tile_then_stitch"])
        if kwargs["return_tensors"] is None:
            data = {name: list(tiles) for name, tiles in data.items()}
        data["num_tiles"] = [_num_items(grid) for grid in grids]
        return BatchFeature(data, tensor_type=kwargs["return_tensors"], skip_tensor_conversion=["num_tiles"])

    def _choose_grid(self, image_size_hw: tuple[int, int], settings: dict) -> tuple[int, int]:
        height, width = image_size_hw
        return choose_tile_grid(
            (height, width),
            tile_size=settings["size"].height,
            min_tiles=settings["min_tiles"],
            max_tiles=settings["max_tiles"],
        )

    def _cut_pixels(self, images: list[np.ndarray], grids: list[tuple[int, int]], settings: dict) -> torch.Tensor:
        channels = {len(image) for image in images}
        if len(channels) != 1:
            raise ValueError(
                f"`images` must share one number of channels, got {sorted(channels)}. Leave `do_convert_rgb` on, or "
                "convert them first."
            )
        side = settings["size"].height
        tiles = torch.empty((sum(map(_num_items, grids)), channels.pop(), side, side))
        scale, shift = _normalisation(tiles.shape[1], settings)
        first = 0
        for image, (rows, columns) in zip(images, grids, strict=True):
            pixels = _to_tensor(image)[None]
            cut = split_into_tiles(
                self._resize_pixels(pixels, (rows * side, columns * side), settings), (rows, columns)
            )
            items = [*cut[0]]
            if rows * columns > 1:
                items.append(self._resize_pixels(pixels, (side, side), settings)[0])
            # Tile by tile: a tile stays in cache while it is cast, scaled and shifted.
            for tile, item in zip(tiles[first:], items, strict=False):
                tile.copy_(item).mul_(scale).add_(shift)
            first += len(items)
        return tiles

    def _resize_pixels(self, pixels: torch.Tensor, size_hw: tuple[int, int], settings: dict) -> torch.Tensor:
        if tuple(pixels.shape[-2:]) == size_hw:
            return pixels
        if not settings["do_resize"]:
            raise ValueError(
                f"`images` must already measure {size_hw[0]} x {size_hw[1]} pixels where `do_resize` is off, got "
                f"{pixels.shape[-2]} x {pixels.shape[-1]}. Leave `do_resize` on."
            )
        mode = INTERPOLATION_MODES[settings["resample"]]
        return nn.functional.interpolate(pixels, size_hw, mode=mode, antialias=True)


def _num_items(grid_hw: tuple[int, int]) -> int:
    rows, columns = grid_hw
    return rows * columns + (rows * columns > 1)


def _to_tensor(image: np.ndarray) -> torch.Tensor:
    # torch shares NumPy's memory only where it may write and where no axis runs backwards.
    if not image.flags.writeable or min(image.strides) < 0:
        image = image.copy(order="K")  # keeps rows of colour triples, which the resize is fastest at
    if image.dtype not in (np.uint8, np.float32, np.float64):
        image = image.astype(np.float32)
    return torch.from_numpy(image)


def _normalisation(num_channels: int, settings: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Fuse rescaling and normalising into `pixel * scale + shift`, both of shape `(channels, 1, 1)`."""
    factor = settings["rescale_factor"] if settings["do_rescale"] else 1.0
    mean, std = (settings["image_mean"], settings["image_std"]) if settings["do_normalize"] else (0.0, 1.0)
    mean, std = (torch.as_tensor(values, dtype=torch.float64).flatten() for values in (mean, std))
    for name, values in (("image_mean", mean), ("image_std", std)):
        if len(values) not in (1, num_channels):
            raise ValueError(
                f"`{name}` must hold one value or one per channel ({num_channels}), got {len(values)}. Match it to "
                "the images, or leave `do_convert_rgb` on."
            )
    if not bool(((std > 0) & std.isfinite()).all()):
        raise ValueError(
            f"`image_std` must hold positive numbers, got {std.tolist()}. Pass the standard deviation of each "
            "channel, such as 0.5, or switch `do_normalize` off."
        )
    scale, shift = factor / std, -mean / std
    scale, shift = (values.float().expand(num_channels)[:, None, None] for values in (scale, shift))
    return scale, shift


def _check_points(
    point_maps: list[torch.Tensor | None] | None, point_valid: list[torch.Tensor | None] | None, num_images: int
) -> tuple[list | None, list | None]:
    if point_maps is None and point_valid is None:
        return None, None
    for name, maps in (("point_maps", point_maps), ("point_valid", point_valid)):
        if maps is None or len(maps) != num_images:
            raise ValueError(
                f"`{name}` must be a list with one entry per image ({num_images}), got "
                f"{None if maps is None else len(maps)}. Pass `None` as the entry of an image without points."
            )
    pairs = list(zip(point_maps or [], point_valid or [], strict=True))
    for index, (points, valid) in enumerate(pairs):
        if points is None and valid is None:
            continue
        if points is None or valid is None or points.ndim != 3 or (*valid.shape, 3) != tuple(points.shape):
            shapes = [None if value is None else tuple(value.shape) for value in (points, valid)]
            raise ValueError(
                f"`point_maps[{index}]` and `point_valid[{index}]` must have shapes (H, W, 3) and (H, W), got "
                f"{shapes[0]} and {shapes[1]}. Pass both, of one resolution, or `None` for both."
            )
    return (None, None) if all(points is None for points, _ in pairs) else (point_maps, point_valid)


def _check_masks(
    region_masks: list[torch.Tensor | None] | None, image_sizes_hw: list[tuple[int, int]]
) -> list[torch.Tensor] | None:
    if region_masks is None or all(masks is None for masks in region_masks):
        return None
    if len(region_masks) != len(image_sizes_hw):
        raise ValueError(
            f"`region_masks` must have one entry per image ({len(image_sizes_hw)}), got {len(region_masks)}. "
            "Pass `None` as the entry of an image without regions."
        )
    num_regions = next(len(masks) for masks in region_masks if masks is not None)
    for index, (masks, size_hw) in enumerate(zip(region_masks, image_sizes_hw, strict=True)):
        if masks is not None and tuple(masks.shape) != (num_regions, *size_hw):
            raise ValueError(
                f"`region_masks[{index}]` must have shape {(num_regions, *size_hw)}: regions, then the size of its "
                f"image; got {tuple(masks.shape)}. List all regions for every image, with empty masks where unseen."
            )
    return [torch.zeros((num_regions, 1, 1)) if masks is None else masks for masks in region_masks]


def _cut_points(
    point_maps: list[torch.Tensor | None],
    point_valid: list[torch.Tensor | None],
    grids: list[tuple[int, int]],
    patches: int,
) -> dict[str, torch.Tensor]:
    points_of_tiles, valid_of_tiles = [], []
    for points, valid, (rows, columns) in zip(point_maps, point_valid, grids, strict=True):
        if points is None or valid is None:
            points, valid = torch.zeros((1, 1, 3)), torch.zeros((1, 1), dtype=torch.bool)
        for row_count, column_count in ((rows, columns), (1, 1))[: 1 + (rows * columns > 1)]:
            size_hw = (row_count * patches, column_count * patches)
            patch_points, patch_valid = pool_points(points.float(), valid, size_hw)
            # One cut for both, so that they cannot come apart: validity rides along as a fourth channel.
            channels = torch.cat((patch_points, patch_valid[..., None].float()), dim=-1).permute(2, 0, 1)
            tiles = split_into_tiles(channels[None], (row_count, column_count))[0]  # (T, 4, h, w)
            points_of_tiles.append(tiles[:, :3].permute(0, 2, 3, 1))
            valid_of_tiles.append(tiles[:, 3] > 0)
    return {"patch_points": torch.cat(points_of_tiles).contiguous(), "patch_valid": torch.cat(valid_of_tiles)}


def _cut_masks(
    region_masks: list[torch.Tensor], grids: list[tuple[int, int]], patches: int, tile_then_stitch: bool
) -> torch.Tensor:
    coverage = []
    for masks, (rows, columns) in zip(region_masks, grids, strict=True):
        grid = (rows, columns) if tile_then_stitch else (1, 1)
        pooled = pool_map(masks.float(), (grid[0] * patches, grid[1] * patches))
        tiles = split_into_tiles(pooled[None], grid)[0]  # (T, R, h, w)
        # What is not pooled stays zero: the thumbnail after the tiles, or the tiles before the thumbnail.
        unused = tiles.new_zeros((_num_items((rows, columns)) - len(tiles), *tiles.shape[1:]))
        coverage += [tiles, unused] if tile_then_stitch else [unused, tiles]
    return torch.cat(coverage)


__all__ = ["SR3DImageProcessor", "SR3DImageProcessorKwargs"]
