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
"""Stage 2 of 5, tiling: image, point map and masks -> tiles on one grid; pixels -> patches; and back.

Pure functions on tensors. The decision is that the whole image is resized to a grid of square tiles (nothing is padded
or cropped), so a patch covers the same share of the image in every map; the price is a distorted aspect ratio. Points
and masks are never resized to the tiles' pixels: they are averaged straight onto the grid of patches.

    axes       B batch, T tiles, D channels, H rows, W columns. Tiles are row-major: index = row * columns + column.
    grids      (rows, columns), like every size in this package.

This file is copied to the Hub next to the weights: it may import only torch and sibling `*_sr3d` files.
"""

import torch
from torch import nn

from .tensor_helpers_sr3d import check_shape


def tile_grids(min_tiles: int, max_tiles: int) -> list[tuple[int, int]]:
    """List every grid of `min_tiles` to `max_tiles` tiles, in the order of their number.

    Args:
        min_tiles (`int`):
            Fewest tiles, at least 1.
        max_tiles (`int`):
            Most tiles.

    Returns:
        `list[tuple[int, int]]`: (rows, columns); 35 grids for 1 to 12 tiles.

    Raises:
        ValueError: If the limits are not ordered or below 1.
    """
    if not 1 <= min_tiles <= max_tiles:
        raise ValueError(
            f"`min_tiles` and `max_tiles` must satisfy 1 <= min_tiles <= max_tiles, got {min_tiles} and {max_tiles}. "
            "Swap them or raise `max_tiles`."
        )
    counts = range(min_tiles, max_tiles + 1)
    return [(count // cols, cols) for count in counts for cols in range(1, count + 1) if count % cols == 0]


def choose_tile_grid(
    image_size_hw: tuple[int, int], *, tile_size: int, min_tiles: int, max_tiles: int
) -> tuple[int, int]:
    """Choose the grid whose aspect ratio is closest to the image's.

    The smallest `|W / H - columns / rows|` wins. Among exactly equal differences the grid with more tiles wins, but
    only if the image has more than half of its pixels: `W * H > 0.5 * tile_size^2 * rows * columns`.

    Args:
        image_size_hw (`tuple[int, int]`):
            Pixels, rows first.
        tile_size (`int`):
            Side of a tile, in pixels.
        min_tiles (`int`):
            Fewest tiles.
        max_tiles (`int`):
            Most tiles.

    Returns:
        `tuple[int, int]`: rows and columns.

    Raises:
        ValueError: If a size is not positive, or the limits are not ordered.

    Source: the dynamic tiling of InternVL and VILA.
    """
    height, width = image_size_hw
    if min(height, width, tile_size) <= 0:
        raise ValueError(
            f"`image_size_hw` and `tile_size` must be positive, got {tuple(image_size_hw)} and {tile_size}. "
            "Sizes are (rows, columns) in pixels."
        )
    best_difference, best = float("inf"), (1, 1)
    for rows, cols in tile_grids(min_tiles, max_tiles):
        difference = abs(width / height - cols / rows)
        is_large_enough = width * height > 0.5 * tile_size * tile_size * rows * cols
        if difference < best_difference or (difference == best_difference and is_large_enough):
            best_difference, best = difference, (rows, cols)
    return best


def split_into_tiles(maps: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Cut maps into equal tiles, row by row.

    Args:
        maps (`torch.Tensor` of shape `(B, D, H, W)`):
            Any unit and dtype.
        grid_hw (`tuple[int, int]`):
            Rows and columns of tiles.

    Returns:
        `torch.Tensor` of shape `(B, rows * columns, D, H / rows, W / columns)`.

    Raises:
        ValueError: If the shape is wrong or the grid does not divide it.
    """
    check_shape("maps", maps, ("B", "D", "H", "W"))
    rows, cols = grid_hw
    batch, channels, height, width = maps.shape
    if min(rows, cols) < 1 or height % rows or width % cols:
        raise ValueError(
            f"`grid_hw` must divide the map, got a {rows}x{cols} grid and a {height}x{width} map. "
            "Resize with `choose_tile_grid` first; tiles are never padded."
        )
    tiles = maps.reshape(batch, channels, rows, height // rows, cols, width // cols)
    return tiles.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)


def stitch_tiles(tiles: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Put row-major tiles back together; undoes `split_into_tiles`.

    Args:
        tiles (`torch.Tensor` of shape `(B, T, D, h, w)`):
            Any unit and dtype, without the thumbnail.
        grid_hw (`tuple[int, int]`):
            Rows and columns of tiles.

    Returns:
        `torch.Tensor` of shape `(B, D, rows * h, columns * w)`.

    Raises:
        ValueError: If the shape is wrong or the number of tiles is not `rows * columns`.
    """
    check_shape("tiles", tiles, ("B", "T", "D", "h", "w"))
    rows, cols = grid_hw
    if tiles.shape[1] != rows * cols:
        raise ValueError(
            f"`tiles` must hold {rows * cols} tiles for a {rows}x{cols} grid, got {tiles.shape[1]}. "
            "Leave the thumbnail out before stitching."
        )
    return tiles.unflatten(1, (rows, cols)).permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)


def _overlap_weights(size: int, num_bins: int, like: torch.Tensor) -> torch.Tensor:
    """Return `(num_bins, size)`: the share of each equal bin that each pixel covers; rows sum to one."""
    # In units of 1 / (size * num_bins) all edges are integers, so no sliver of rounding makes a patch valid.
    pixel = torch.arange(size, device=like.device)[None, :] * num_bins
    bin_start = torch.arange(num_bins, device=like.device)[:, None] * size
    overlap = torch.minimum(pixel + num_bins, bin_start + size) - torch.maximum(pixel, bin_start)
    return overlap.clamp(min=0).to(like.dtype) / size


def pool_map(maps: torch.Tensor, size_hw: tuple[int, int]) -> torch.Tensor:
    """Average maps over the equal cells of a coarser grid, each pixel counted by the area it has in the cell.

    Where the sizes are multiples this is adaptive average pooling. Where they are not, adaptive pooling counts a pixel
    on a border fully in both cells; here it is divided, so the mean of the map is kept.

    Args:
        maps (`torch.Tensor` of shape `(D, H, W)`):
            Floating point, any unit.
        size_hw (`tuple[int, int]`):
            Rows and columns of the grid; it may also be finer than the map.

    Returns:
        `torch.Tensor` of shape `(D, *size_hw)`.

    Raises:
        ValueError: If the shape is wrong or empty, the dtype is not floating point, or the grid is empty.
    """
    check_shape("maps", maps, ("D", "H", "W"))
    height, width = maps.shape[-2:]
    rows, cols = size_hw
    if min(rows, cols, height, width) < 1 or not maps.is_floating_point():
        raise ValueError(
            f"`maps` must be floating point and, like `size_hw`, not empty, got {maps.dtype} of {height}x{width} for "
            f"a {rows}x{cols} grid. Convert masks with `.float()`."
        )
    # The axis that divides goes first: pooling is several times as fast as the product with the overlaps.
    maps = nn.functional.adaptive_avg_pool2d(
        maps, (rows if height % rows == 0 else height, cols if width % cols == 0 else width)
    )
    if width % cols:
        maps = maps @ _overlap_weights(width, cols, maps).T
    if height % rows:
        maps = _overlap_weights(height, rows, maps) @ maps
    return maps


def pool_points(
    points: torch.Tensor, valid: torch.Tensor, size_hw: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Average a point map onto the grid of patches, over its valid pixels only.

    Args:
        points (`torch.Tensor` of shape `(H, W, 3)`):
            Canonical or metres.
        valid (`torch.Tensor` of shape `(H, W)`):
            Boolean.
        size_hw (`tuple[int, int]`):
            Rows and columns of patches.

    Returns:
        `tuple[torch.Tensor, torch.Tensor]`: `patch_points` of shape `(*size_hw, 3)`, zero where no pixel is valid, and
        `patch_valid` of shape `size_hw`, true where at least one pixel is.

    Raises:
        ValueError: If a shape is wrong or empty.
    """
    check_shape("points", points, (*valid.shape, 3))
    check_shape("valid", valid, ("H", "W"))
    stacked = points.new_empty(4, *valid.shape)
    stacked[:3] = points.movedim(-1, 0)
    stacked[:3].masked_fill_(~valid, 0.0)
    stacked[3] = valid
    pooled = pool_map(stacked, size_hw)
    patch_valid = pooled[3] > 0
    patch_points = pooled[:3] / torch.where(patch_valid, pooled[3], 1.0)
    return patch_points.movedim(0, -1).contiguous(), patch_valid
