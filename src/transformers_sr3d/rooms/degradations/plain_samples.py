# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The one form of a sample that degradations work on: processor arguments -> lists with one array per view.

A plain sample is again a dictionary of processor arguments, in fewer ways of writing: `images` are uint8 arrays
`(H, W, 3)`; `depths`, where there is any, float32 z-depth of the image's size or None; `intrinsics` `(3, 3)` per view
or None; `camera_to_world` `(4, 4)` float64 with OpenCV axes per view or None. A key without content is left out, and
keys that describe no geometry pass through. Arrays are shared with the input and never written to.

May import: NumPy, PIL and the readers of the processor.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from transformers_sr3d.camera_matrices_sr3d import read_intrinsics, read_poses
from transformers_sr3d.depth_files_sr3d import MIN_MEASURED_PIXELS, load_depth
from transformers_sr3d.image_files_sr3d import load_image_rgb, load_mask
from transformers_sr3d.region_masks_sr3d import box_mask, decode_rle, point_mask, polygon_mask


# What a sample may not hold beside pictures and regions once its depth is gone.
GEOMETRY_KEYS = ("depths", "depth_kind", "intrinsics", "camera_to_world", "world_up", "gravity_camera")
OTHER_DEPTH_CAMERA = ("depth_intrinsics", "depth_field_of_view", "horizontal_fov_deg")
OPENGL_TO_OPENCV = np.array([1.0, -1.0, -1.0])


def read_sample(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the arguments of a processor to the plain form.

    Args:
        sample (`Mapping`): Arguments of `SR3DProcessor` for one sample; other keys are kept as they are.

    Returns:
        `dict`: A plain sample. Disparity has become relative depth, and integer depth metres.

    Raises:
        ValueError: If there is no picture, a depth map has no intrinsics or another size or camera than its image, or
            as the processor refuses it.
    """
    used = [name for name in OTHER_DEPTH_CAMERA if sample.get(name) is not None]
    if used:
        raise ValueError(
            f"`sample` must have depth of its images' cameras, with `intrinsics`, got {used[0]!r}. "
            "Resample the depth maps to the images first."
        )
    images = _entries(sample.get("images"))
    if not images:
        raise ValueError("`sample['images']` must hold at least one picture, got none. Pass a list of pictures.")
    pictures = [
        np.asarray(load_image_rgb(image, f"images[{view}]", pixel_aligned=True)) for view, image in enumerate(images)
    ]
    plain = {key: value for key, value in sample.items() if value is not None}
    plain |= {"images": pictures} | _read_cameras(sample, [picture.shape[:2] for picture in pictures])
    for name in ("world_to_camera", "camera_axes", "depth_unit", "depth_scale"):
        plain.pop(name, None)
    depths = _read_depths(sample, pictures)
    kind = "metric" if sample.get("depth_kind") in (None, "metric") else "relative"
    unknown = [view for view, camera in enumerate(plain["intrinsics"]) if camera is None and depths[view] is not None]
    if unknown:
        raise ValueError(
            f"`sample['intrinsics']` must hold those of every view with depth, got None for view {unknown[0]}. "
            "Pass fx, fy, cx, cy in pixels of the image."
        )
    plain = _without_empty(plain | {"depths": depths, "depth_kind": kind})
    if "depths" not in plain or kind == "metric":
        plain.pop("depth_kind", None)
    return plain


def with_depths(plain: Mapping[str, Any], depths: Sequence[np.ndarray | None]) -> dict[str, Any]:
    """Exchange the depth maps of a plain sample.

    Args:
        plain (`Mapping`): Plain sample.
        depths (`Sequence[np.ndarray | None]`): Per view `(H, W)`, 0 = not measured, or None. A map with fewer measured
            pixels than the processor takes counts as None.

    Returns:
        `dict`: Plain sample; pictures and regions only, if no depth is left.
    """
    kept = [
        None if depth is None or np.count_nonzero(depth) < MIN_MEASURED_PIXELS else depth.astype(np.float32)
        for depth in depths
    ]
    if all(depth is None for depth in kept):
        return without_geometry(plain)
    return {**plain, "depths": kept}


def without_geometry(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what a sample without any depth may hold: pictures, regions and whatever describes no geometry."""
    return {key: value for key, value in plain.items() if key not in GEOMETRY_KEYS}


def read_marks(plain: Mapping[str, Any]) -> list[tuple[int, np.ndarray]]:
    """Rasterise the regions of a plain sample.

    Args:
        plain (`Mapping`): Plain sample.

    Returns:
        `list[tuple[int, np.ndarray]]`: For each entry of `regions` its view and the pixels that it marks, boolean
        `(H, W)`.

    Raises:
        ValueError: If a region is a 3D box, for its pixels depend on what hides it.
    """
    marks = []
    for index, region in enumerate(plain.get("regions", ())):
        view = region.get("view") or 0
        size_hw = plain["images"][view].shape[:2]
        kinds = [kind for kind in PAINTERS if region.get(kind) is not None]
        if len(kinds) != 1:
            raise ValueError(
                f"`regions[{index}]` must have exactly one mark in a picture to be covered or cropped, got "
                f"{[key for key in region if region[key] is not None]}. Mark it by a mask, box, polygon or point."
            )
        paint = PAINTERS[kinds[0]]
        marks.append((view, paint(region[kinds[0]], size_hw, f"regions[{index}]['{kinds[0]}']")))
    return marks


def _read_mask(value: Any, size_hw: tuple[int, int], name: str) -> np.ndarray:
    mask = decode_rle(value, name) if isinstance(value, Mapping) else load_mask(value, name, pixel_aligned=True)
    if mask.shape != size_hw:
        raise ValueError(
            f"`{name}` must have the size of its image, {size_hw[1]}x{size_hw[0]}, got "
            f"{mask.shape[1]}x{mask.shape[0]}. Check `view`, or resize the mask with nearest neighbours."
        )
    return mask


PAINTERS: dict[str, Callable[[Any, tuple[int, int], str], np.ndarray]] = {
    "mask": _read_mask,
    "box_xyxy": box_mask,
    "polygon": polygon_mask,
    "point_xy": point_mask,
}


def _entries(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _without_empty(plain: dict[str, Any]) -> dict[str, Any]:
    """Leave out lists that hold nothing but None."""
    per_view = ("depths", "intrinsics", "camera_to_world")
    empty = [name for name in per_view if name in plain and all(entry is None for entry in plain[name])]
    return {key: value for key, value in plain.items() if key not in empty}


def _read_depths(sample: Mapping[str, Any], pictures: list[np.ndarray]) -> list[np.ndarray | None]:
    entries = _entries(sample.get("depths")) or [None] * len(pictures)
    if len(entries) != len(pictures):
        raise ValueError(
            f"`sample['depths']` must have one entry per image ({len(pictures)}), got {len(entries)}. "
            "Pass None for a view without depth."
        )
    settings = {"depth_unit": sample.get("depth_unit"), "depth_scale": sample.get("depth_scale")}
    kind = sample.get("depth_kind") or "metric"
    depths: list[np.ndarray | None] = []
    for view, (depth, picture) in enumerate(zip(entries, pictures, strict=True)):
        if depth is None:
            depths.append(None)
            continue
        array = load_depth(depth, depth_kind=kind, name=f"depths[{view}]", **settings).numpy()
        if array.shape != picture.shape[:2]:
            raise ValueError(
                f"`sample['depths'][{view}]` must have the size of its image, {picture.shape[1]}x{picture.shape[0]}, "
                f"got {array.shape[1]}x{array.shape[0]}. Resample it to the image first."
            )
        depths.append(array)
    return depths


def _read_cameras(sample: Mapping[str, Any], sizes_hw: list[tuple[int, int]]) -> dict[str, Any]:
    """Read intrinsics, poses and gravity, both with OpenCV axes."""
    matrices = read_intrinsics(sample.get("intrinsics"), "intrinsics", sizes_hw)
    axes = sample.get("camera_axes") or "opencv"
    given = (sample.get("camera_to_world"), sample.get("world_to_camera"))
    poses = read_poses(*given, len(sizes_hw), camera_axes=axes)
    cameras: dict[str, Any] = {
        "intrinsics": [None if matrix is None else matrix.numpy() for matrix in matrices],
        "camera_to_world": [None if pose is None else pose.numpy() for pose in poses],
    }
    if sample.get("gravity_camera") is not None:
        gravity = np.array(sample["gravity_camera"], dtype=np.float64)
        cameras["gravity_camera"] = gravity * OPENGL_TO_OPENCV if axes == "opengl" else gravity
    return cameras
