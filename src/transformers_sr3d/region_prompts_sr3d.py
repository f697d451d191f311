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
"""Stage 0 of 5, regions: dictionaries as the user gave them -> one mask per region and view, checked.

A region is marked by exactly one of a box, a mask, a polygon, a point (each in one view) or a 3D box (seen by all
views). Boxes, polygons and points also hold background, so they keep only the pixels of their dominant depth cluster;
a mask is taken at its word. A 3D box marks the pixels whose measured points lie inside it, so that occlusion is
handled by the geometry; views without depth see the projected box. The price: there a hidden box is marked, too.

This file is copied to the Hub next to the weights: it may import only torch, NumPy and sibling `*_sr3d` files.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .geometry_sr3d import invert_rigid
from .image_files_sr3d import load_mask
from .input_checks_sr3d import check_keys, describe_value, to_array
from .region_geometry_sr3d import box_corners, dominant_depth_cluster, points_in_box, project_box_mask
from .region_growing_sr3d import find_in_views, grow_from_point
from .region_masks_sr3d import box_mask, decode_rle, point_mask, polygon_mask


__all__ = ["decode_rle", "read_regions", "region_points"]

REGION_KINDS = ("box_xyxy", "mask", "polygon", "point_xy", "box_3d")
REGION_KEYS = (*REGION_KINDS, "view", "region", "propagate")
BOX_3D_KEYS = ("center", "size", "rotation")
# Metres; beyond it float32 no longer tells centimetres apart.
MAX_BOX_COORDINATE_M = 1e5


def read_regions(
    regions: Sequence[Mapping[str, Any]], views: Mapping[str, Any], *, keep_dominant_cluster: bool = True
) -> list[dict[str, Any]]:
    """Read the regions of one sample.

    Args:
        regions (`Sequence[Mapping]`):
            Each with exactly one of `box_xyxy` (4, pixel edges), `mask` (bool array, PIL image, file or COCO run
            lengths), `polygon` (vertices in pixel edges), `point_xy` (2, pixel centres) or `box_3d` (`center` (3),
            `size` (3) full extents, `rotation` 3x3 box to world, in the user's world and units); 2D kinds with `view`
            (index, may be left out if there is one view). `region` numbers are set for all or none (then the list
            position); entries may share one. With `propagate` true the region is also looked for in the views with
            depth that it is not marked on.
        views (`Mapping`):
            What `prepare_views` returned.
        keep_dominant_cluster (`bool`, defaults to `True`):
            Whether boxes and polygons keep only their dominant depth cluster, and points grow.

    Returns:
        `list[dict]` sorted by region number, each with `number` (`int`), `masks` (per view a boolean tensor `(H, W)`
        of the image or None), `kept_share` (share of the marked pixels that the cluster kept), `valid_share` (share of
        the marked pixels with measured depth), `touches_border` (`bool`: any mask reaches its image's edge) and
        `num_views` (`int`: views with a mask).

    Raises:
        TypeError: If `regions` is no list of dictionaries or a value is of a wrong type.
        ValueError: If a region is malformed, outside its image, empty or seen by no view.
        FileNotFoundError: If a mask file does not exist.
    """
    if not isinstance(regions, list | tuple):
        raise TypeError(
            f"`regions` must be a list of dictionaries, got {describe_value(regions)}. Put it into a list."
        )
    for index, region in enumerate(regions):
        _check_region(region, f"regions[{index}]")
    marks: dict[int, dict[int, np.ndarray]] = {}
    kept: dict[int, dict[int, np.ndarray]] = {}
    propagated = set()
    for index, (number, region) in enumerate(zip(_region_numbers(regions), regions, strict=True)):
        name = f"regions[{index}]"
        marked = _marked_masks(region, views, name)
        adapted = keep_dominant_cluster and region.get("mask") is None and region.get("box_3d") is None
        if region.get("propagate"):
            propagated.add(number)
        for view, mask in marked.items():
            if not mask.any():
                raise ValueError(
                    f"`{name}` must mark at least one pixel of view {view}, got an empty mask. "
                    "Make it larger, or check its coordinates; a box needs to hold a pixel centre."
                )
            adapted_mask = _adapt(mask, region, views, view) if adapted else mask
            _unite(marks.setdefault(number, {}), view, mask if region.get("point_xy") is None else adapted_mask)
            _unite(kept.setdefault(number, {}), view, adapted_mask)
    for number in propagated:
        for view, mask in _propagated_masks(kept[number], views).items():
            marks[number][view] = kept[number][view] = mask
    return [_summary(number, marks[number], kept[number], views) for number in sorted(marks)]


def region_points(masks: Sequence[torch.Tensor | None], views: Mapping[str, Any]) -> list[torch.Tensor]:
    """Collect the measured points of one region in each view that it is marked on.

    A depth map of another size than its image is looked up at the nearest pixel centre. A region that holds the centre
    of no depth pixel takes the depth pixels nearest to its own.

    Args:
        masks (`Sequence[torch.Tensor | None]`):
            Per view a boolean tensor `(H, W)` of the image, or None.
        views (`Mapping`):
            What `prepare_views` returned.

    Returns:
        `list[torch.Tensor]`, each of shape `(N, 3)`, in the z-up world: of the views that have a mask and depth; `N`
        may be 0.
    """
    collected = []
    for mask, points, valid in zip(masks, views["points"], views["valid"], strict=True):
        if mask is None or points is None:
            continue
        image_hw, depth_hw = (mask.shape[0], mask.shape[1]), (valid.shape[0], valid.shape[1])
        chosen = mask
        if image_hw != depth_hw:
            rows, columns = _nearest(depth_hw, image_hw)
            chosen = mask[rows][:, columns]
            if not bool(chosen.any()):
                rows, columns = _nearest(image_hw, depth_hw)
                places = mask.nonzero()
                chosen = torch.zeros_like(valid)
                chosen[rows[places[:, 0]], columns[places[:, 1]]] = True
        # NumPy finds the few marked pixels of a large mask several times faster than torch.
        marked = torch.from_numpy(np.flatnonzero(chosen.numpy()))
        marked = marked[valid.reshape(-1)[marked]]
        collected.append(points.reshape(-1, 3)[marked])
    return collected


def _adapt(mask: np.ndarray, region: Mapping[str, Any], views: Mapping[str, Any], view: int) -> np.ndarray:
    """Turn a rough mark into the thing that was meant, where depth tells."""
    depth = views["depths"][view]
    if depth is None:
        return mask
    dominant = _dominant(mask, depth)
    if region.get("point_xy") is None:
        return dominant
    grown = grow_from_point(region["point_xy"], views["images"][view], _on_image(depth, mask.shape))
    return grown if np.count_nonzero(grown) > np.count_nonzero(dominant) else dominant


def _propagated_masks(masks: Mapping[int, np.ndarray], views: Mapping[str, Any]) -> dict[int, np.ndarray]:
    """Find a region in the views that it is not marked on."""
    tensors = [torch.from_numpy(masks[view]) if view in masks else None for view in range(len(views["images"]))]
    points = region_points(tensors, views)
    if not points:
        return {}
    elsewhere = [None if view in masks else points for view, points in enumerate(views["points"])]
    found = find_in_views(torch.cat(points), elsewhere, views["valid"])
    sizes = [(picture.height, picture.width) for picture in views["images"]]
    return {view: _on_image(mask, sizes[view]).numpy() for view, mask in enumerate(found) if mask is not None}


def _check_region(region: Any, name: str) -> None:
    if not isinstance(region, Mapping):
        raise TypeError(
            f"`{name}` must be a dictionary such as {{'box_xyxy': [x0, y0, x1, y1], 'view': 0}}, got "
            f"{describe_value(region)}. Name the kind of the region."
        )
    unknown = [key for key in region if key not in REGION_KEYS]
    if unknown:
        raise ValueError(f"`{name}` must have keys out of {REGION_KEYS}, got {unknown[0]!r}. Rename or remove it.")
    kinds = [kind for kind in REGION_KINDS if region.get(kind) is not None]
    if len(kinds) != 1:
        raise ValueError(
            f"`{name}` must have exactly one of {REGION_KINDS}, got {kinds or 'none'}. "
            "Make one entry per mark; entries with the same `region` number are one region."
        )
    if kinds == ["box_3d"] and region.get("view") is not None:
        raise ValueError(
            f"`{name}` must have no `view` beside `box_3d`, got view {region['view']!r}. "
            "A 3D box is looked for in all views; remove `view`."
        )
    if region.get("propagate") is not None and not isinstance(region["propagate"], bool):
        raise TypeError(
            f"`{name}['propagate']` must be true or false, got {describe_value(region['propagate'])}. Leave it out if "
            "the region is to be looked for where it is marked only."
        )


def _region_numbers(regions: Sequence[Mapping[str, Any]]) -> list[int]:
    numbered = [index for index, region in enumerate(regions) if region.get("region") is not None]
    if not numbered:
        return list(range(len(regions)))
    if len(numbered) != len(regions):
        missing = next(index for index in range(len(regions)) if index not in numbered)
        raise ValueError(
            f"`regions` must set `region` in all entries or in none, got it in {len(numbered)} of {len(regions)}; "
            f"regions[{missing}] has none. Add the number there, or remove it everywhere."
        )
    return [_index(region["region"], f"regions[{i}]['region']") for i, region in enumerate(regions)]


def _index(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` must be an integer, got {describe_value(value)}. Counting starts at 0.")
    if value < 0:
        raise ValueError(f"`{name}` must be 0 or larger, got {value}. Counting starts at 0.")
    return int(value)


def _view_index(region: Mapping[str, Any], num_views: int, name: str) -> int:
    if region.get("view") is None:
        if num_views > 1:
            raise ValueError(
                f"`{name}['view']` is required with several views, got none for {num_views} views. "
                "Pass the index of the image that the region is marked on."
            )
        return 0
    view = _index(region["view"], f"{name}['view']")
    if view >= num_views:
        raise ValueError(
            f"`{name}['view']` must be below the number of views ({num_views}), got {view}. Counting starts at 0."
        )
    return view


def _marked_masks(region: Mapping[str, Any], views: Mapping[str, Any], name: str) -> dict[int, np.ndarray]:
    """Rasterise one entry: view index -> mask of the image, before any clustering."""
    if region.get("box_3d") is not None:
        return _box_3d_masks(region["box_3d"], views, f"{name}['box_3d']")
    view = _view_index(region, len(views["images"]), name)
    picture = views["images"][view]
    size_hw = (picture.height, picture.width)
    if region.get("mask") is not None:
        # The direction of gravity is "none" where there is neither depth nor a pose.
        pixel_aligned = views["gravity"] != "none" or any(matrix is not None for matrix in views["intrinsics"])
        return {view: _read_mask(region["mask"], size_hw, f"{name}['mask']", pixel_aligned=pixel_aligned)}
    painters = {"box_xyxy": box_mask, "polygon": polygon_mask, "point_xy": point_mask}
    kind = next(kind for kind in painters if region.get(kind) is not None)
    return {view: painters[kind](region[kind], size_hw, f"{name}['{kind}']")}


def _read_mask(value: Any, size_hw: tuple[int, int], name: str, *, pixel_aligned: bool) -> np.ndarray:
    is_rle = isinstance(value, Mapping)
    mask = decode_rle(value, name) if is_rle else load_mask(value, name, pixel_aligned=pixel_aligned)
    if mask.shape != size_hw:
        raise ValueError(
            f"`{name}` must have the size of its image, {size_hw[1]}x{size_hw[0]}, got "
            f"{mask.shape[1]}x{mask.shape[0]}. Check `view`, or resize the mask with nearest neighbours."
        )
    return mask


def _nearest(from_hw: tuple[int, int], to_hw: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column in a grid of size `to_hw` nearest to each pixel centre of a grid of size `from_hw`."""
    rows, columns = (
        ((torch.arange(source) + 0.5) * (target / source)).long().clamp(max=target - 1)
        for source, target in zip(from_hw, to_hw, strict=True)
    )
    return rows, columns


def _on_image(depth_map: torch.Tensor, size_hw: tuple[int, int]) -> torch.Tensor:
    """Look a map of the depth's size up at every pixel of the image."""
    if tuple(depth_map.shape) == size_hw:
        return depth_map
    rows, columns = _nearest(size_hw, (depth_map.shape[0], depth_map.shape[1]))
    return depth_map[rows][:, columns]


def _dominant(mask: np.ndarray, depth: torch.Tensor) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    kept = np.zeros_like(mask)
    depth_window = _on_image(depth, mask.shape)[window]
    kept[window] = dominant_depth_cluster(depth_window, torch.from_numpy(mask[window])).numpy()
    return kept


def _box_3d_masks(box: Any, views: Mapping[str, Any], name: str) -> dict[int, np.ndarray]:
    """Mark a 3D box in every view that sees it."""
    center, size, rotation = _read_box_3d(box, name)
    if views["geometry"] == "relative":
        raise ValueError(
            f"`{name}` needs metric depth, got depth without a metric scale. Pass metric depth, or mark it in 2D."
        )
    upright = views["up_from_user_world"].double()
    center, rotation = upright @ center, upright @ rotation
    masks, seen_by = {}, 0
    for view, picture in enumerate(views["images"]):
        mask = _box_3d_mask_in_view((center, size, rotation), views, view, (picture.height, picture.width))
        seen_by += mask is not None
        if mask is not None and mask.any():
            masks[view] = mask
    if not seen_by:
        raise ValueError(
            f"`{name}` needs metric depth, or poses and intrinsics, got neither for any of {len(views['images'])} "
            "views. Pass them, or mark the region in 2D."
        )
    if not masks:
        raise ValueError(
            f"`{name}` must be visible in at least one view, got no pixel in {seen_by} of {len(views['images'])} "
            "views with geometry. Check that the box is in the world of the poses (for a view without pose: its "
            "OpenCV camera frame), in metres, and not hidden."
        )
    return masks


def _box_3d_mask_in_view(
    box: tuple[torch.Tensor, torch.Tensor, torch.Tensor], views: Mapping[str, Any], view: int, size_hw: tuple[int, int]
) -> np.ndarray | None:
    """Test measured points, or project the box where there is no depth; None if the view has no geometry."""
    center, size, rotation = (part.float() for part in box)
    points, valid = views["points"][view], views["valid"][view]
    if points is not None:
        inside = points_in_box(points, valid, center=center, size=size, rotation=rotation)
        return _on_image(inside, size_hw).numpy()
    pose, intrinsics = views["camera_to_world"][view], views["intrinsics"][view]
    if pose is None or intrinsics is None:
        return None
    corners = box_corners(center, size, rotation)
    return project_box_mask(corners, invert_rigid(pose), intrinsics, size_hw).numpy()


def _read_box_3d(box: Any, name: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    check_keys(box, name, required=BOX_3D_KEYS)
    center, size, rotation = (
        _numbers(box[key], f"{name}['{key}']", shape)
        for key, shape in zip(BOX_3D_KEYS, ((3,), (3,), (3, 3)), strict=True)
    )
    for key, lengths in (("center", center), ("size", size)):
        if float(lengths.abs().max()) > MAX_BOX_COORDINATE_M:
            raise ValueError(
                f"`{name}['{key}']` must be metres of at most {MAX_BOX_COORDINATE_M:g}, got {lengths.tolist()}. "
                "Check its unit, and pass coordinates near the origin of the world."
            )
    if bool((size <= 0).any()):
        raise ValueError(
            f"`{name}['size']` must be three positive full extents in metres, got {size.tolist()}. "
            "Pass lengths, not half lengths or corners."
        )
    deviation = float((rotation.T @ rotation - torch.eye(3, dtype=torch.float64)).abs().max())
    determinant = float(torch.linalg.det(rotation))
    if not (deviation <= 1e-3 and determinant > 0):  # so that NaN is refused, too
        raise ValueError(
            f"`{name}['rotation']` must be a rotation matrix (3x3, box to world), got determinant {determinant:.4g} "
            f"and a deviation of {deviation:.4g} from orthonormal. Divide out scale; mirrored axes are refused."
        )
    return center, size, rotation


def _numbers(value: Any, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    array = to_array(value, name).astype(np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        advice = (
            "Pass three lengths in metres." if shape == (3,) else "Angles and quaternions are refused; pass a matrix."
        )
        raise ValueError(f"`{name}` must be finite numbers of shape {shape}, got {describe_value(value)}. {advice}")
    return torch.from_numpy(array)


def _unite(masks: dict[int, np.ndarray], view: int, mask: np.ndarray) -> None:
    masks[view] = masks[view] | mask if view in masks else mask


def _summary(
    number: int, marks: dict[int, np.ndarray], kept: dict[int, np.ndarray], views: Mapping[str, Any]
) -> dict[str, Any]:
    """Gather one region: masks per view and what the descriptor needs to know about them."""
    # NumPy counts may be NumPy numbers; the shares go into the provenance, which is plain Python.
    num_marked = sum(int(np.count_nonzero(mask)) for mask in marks.values())
    num_kept = sum(int(np.count_nonzero(mask)) for mask in kept.values())
    num_measured = 0
    for view, mask in marks.items():
        valid = views["valid"][view]
        if valid is not None:
            num_measured += int(np.count_nonzero(mask & _on_image(valid, mask.shape).numpy()))
    edges = (edge for mask in kept.values() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    masks = [torch.from_numpy(kept[view].copy()) if view in kept else None for view in range(len(views["images"]))]
    return {
        "number": number,
        "masks": masks,
        "kept_share": num_kept / num_marked,
        "valid_share": num_measured / num_marked,
        "touches_border": any(bool(edge.any()) for edge in edges),
        "num_views": len(kept),
    }
