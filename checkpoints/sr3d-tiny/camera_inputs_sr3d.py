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
"""Stage 0 of 5, views: images, depth maps, intrinsics and poses -> checked views with points in one z-up world.

`prepare_views` is where the contract with the user's data is enforced: what a number means is declared by the caller,
contradictions are refused with the argument, what was expected, what came and what to do. The price: more arguments
than a loader that guesses. Depth is unprojected at its own resolution; later stages resample points, never depth.

Frames
    camera     OpenCV: +x right, +y down, +z forward (OpenGL poses are converted here).
    world      as the user's poses say; for one view without pose its OpenCV camera frame.
    z-up world the world, rotated so that the declared up is +z; for one view without pose +y is forward.

This file is copied to the Hub next to the weights: it may import only torch, NumPy, PIL and sibling `*_sr3d` files.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from .camera_matrices_sr3d import WORLD_UNITS, CameraLike, read_intrinsics, read_world
from .depth_files_sr3d import load_depth
from .geometry_sr3d import intrinsics_from_fov, resize_intrinsics, transform_points, unproject_depth
from .image_files_sr3d import ImageLike, load_image_rgb
from .input_checks_sr3d import MAX_IMAGE_PIXELS, check_choice, describe_value, item_name
from .scene_checks_sr3d import check_baseline, warn_of_views


__all__ = ["MAX_IMAGE_PIXELS", "load_depth", "load_image_rgb", "prepare_views"]

DEPTH_FIELDS_OF_VIEW = ("same",)
# Relative difference of aspect ratios that rounding of sizes explains.
ASPECT_TOLERANCE = 0.03
_GRAVITY = ("unknown", "known")


def prepare_views(  # noqa: PLR0913, the contract names every argument; a bundle would only hide them
    images: ImageLike | Sequence[ImageLike],
    *,
    depths: ImageLike | Sequence[ImageLike | None] | None = None,
    depth_unit: str | None = None,
    depth_scale: float | None = None,
    depth_kind: str = "metric",
    intrinsics: CameraLike | None = None,
    depth_intrinsics: CameraLike | None = None,
    depth_field_of_view: str | None = None,
    horizontal_fov_deg: float | None = None,
    camera_to_world: CameraLike | None = None,
    world_to_camera: CameraLike | None = None,
    camera_axes: str = "opencv",
    world_up: str | None = None,
    world_unit: str = "m",
    gravity_camera: Sequence[float] | np.ndarray | torch.Tensor | None = None,
    check_scene: bool = False,
) -> dict[str, Any]:
    """Read and check everything the user gave about the views of one sample.

    Args:
        images (`str`, `Path`, `PIL.Image.Image`, `np.ndarray`, `torch.Tensor`, or a list of these):
            One picture or one per view. See `load_image_rgb`.
        depths (same types, *optional*):
            One depth map or a list of one per view, None for a view without. See `load_depth`.
        depth_unit (`str`, *optional*):
            `"mm"`, `"cm"` or `"m"`: unit of integer depth. Floating-point depth is metres.
        depth_scale (`float`, *optional*):
            Metres per unit of integer depth, instead of `depth_unit`.
        depth_kind (`str`, defaults to `"metric"`):
            `"metric"`, `"relative"` or `"disparity"`.
        intrinsics (`dict`, `list`, `np.ndarray` or `torch.Tensor`, *optional*):
            3x3 in pixels of the image as given, or `{"fx", "fy", "cx", "cy"}`; one for all views or a list.
        depth_intrinsics (same types, *optional*):
            3x3 in pixels of the depth map, where it differs. The depth camera stands where the colour camera does.
        depth_field_of_view (`str`, *optional*):
            `"same"`: a depth map of another size shows exactly what its image shows.
        horizontal_fov_deg (`float`, *optional*):
            Degrees across the image, instead of `intrinsics`.
        camera_to_world (`list`, `np.ndarray` or `torch.Tensor`, *optional*):
            Rigid 4x4, one per view, metres.
        world_to_camera (`list`, `np.ndarray` or `torch.Tensor`, *optional*):
            The inverse direction, instead.
        camera_axes (`str`, defaults to `"opencv"`):
            `"opencv"` (+x right, +y down, +z forward) or `"opengl"` (+x right, +y up, +z backward): camera frame of
            the poses and of `gravity_camera`.
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`: axis of the world that points up; required with poses.
        world_unit (`str`, defaults to `"m"`):
            Unit of the poses: `"m"`, or `"unknown"` for a reconstruction without scale, whose relative depth is in the
            same unit.
        gravity_camera (`Sequence[float]`, *optional*):
            Downward direction in the camera frame of one view without pose. Without it the camera counts as level.
        check_scene (`bool`, defaults to `False`):
            Whether to compare views, and warn if depth and poses very likely do not fit together.

    Returns:
        `dict` with one list entry per view in `images` (PIL RGB), `depths` (`(h, w)` z-depth, 0 where not measured, or
        None), `points` (`(h, w, 3)` in the z-up world, zero where not measured, or None), `valid` (`(h, w)` boolean or
        None), `intrinsics` (`(3, 3)` of the image or None) and `camera_to_world` (`(4, 4)`, OpenCV camera to z-up
        world, or None); and `up_from_user_world` (`(3, 3)`), `metric` (`bool`), `geometry` (`"metric"`, `"relative"`
        or `"none"`), `gravity` (`"known"`, `"unknown"` or `"none"`) and with `check_scene` `suspicions` (sentences).
        Every depth map covers the field of view of its image: pixels of the two correspond by relative position.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If an argument is missing, contradictory, out of range or of a wrong size.
        FileNotFoundError: If a file does not exist.
    """
    about_pixels = (depths, intrinsics, horizontal_fov_deg, camera_to_world, world_to_camera, gravity_camera)
    pictures = _read_pictures(images, pixel_aligned=any(argument is not None for argument in about_pixels))
    settings: dict[str, Any] = {"depth_unit": depth_unit, "depth_scale": depth_scale, "depth_kind": depth_kind}
    maps = _read_depths(depths, len(pictures), settings)
    has_depth = [depth is not None for depth in maps]

    image_sizes = [(picture.height, picture.width) for picture in pictures]
    image_matrices = _image_intrinsics(intrinsics, horizontal_fov_deg, image_sizes)
    depth_matrices = _depth_intrinsics(depth_intrinsics, maps, depths_given=depths is not None)
    poses, up_from_user_world, gravity_known = read_world(
        num_views=len(pictures),
        camera_to_world=camera_to_world,
        world_to_camera=world_to_camera,
        camera_axes=camera_axes,
        world_up=world_up,
        gravity_camera=gravity_camera,
    )
    _check_combination(poses, has_depth, depth_kind, world_unit)
    settings |= {"depth_field_of_view": depth_field_of_view, "horizontal_fov_deg": horizontal_fov_deg}
    settings |= {"camera_axes": camera_axes, "gravity_camera": gravity_camera, "world_unit": world_unit}
    _check_used(settings, has_depth=any(has_depth), has_poses=poses is not None)
    camera_poses = _poses_or_own_camera(poses, up_from_user_world, has_depth)
    matrices = list(zip(image_matrices, depth_matrices, strict=True))
    same_field_of_view = depth_field_of_view == "same"
    views = _views_geometry(pictures, maps, matrices, camera_poses, same_field_of_view=same_field_of_view)
    check_baseline(poses, views["depths"])
    geometry = "none" if not any(has_depth) else "metric" if depth_kind == "metric" else "relative"
    views |= {
        "camera_to_world": [None if pose is None else pose.float() for pose in camera_poses],
        "up_from_user_world": up_from_user_world.float(),
        "metric": geometry == "metric",
        "geometry": geometry,
        "gravity": _GRAVITY[gravity_known] if any(has_depth) or poses is not None else "none",
    }
    if check_scene:
        views["suspicions"] = warn_of_views(views)
    return views


def _check_used(settings: dict[str, Any], *, has_depth: bool, has_poses: bool) -> None:
    """Refuse a setting that nothing would read: whoever passed it believes that it counts."""
    if settings["depth_field_of_view"] is not None:
        check_choice(settings["depth_field_of_view"], "depth_field_of_view", DEPTH_FIELDS_OF_VIEW)
    defaults = {"depth_kind": "metric", "camera_axes": "opencv", "world_unit": "m"}
    used = dict.fromkeys(settings, has_depth) | {"world_unit": has_poses}
    used["horizontal_fov_deg"] = has_depth or has_poses
    used["camera_axes"] = has_poses or settings["gravity_camera"] is not None
    for name, value in settings.items():
        if value is None or used[name] or (name in defaults and value == defaults[name]):
            continue
        needs = {"camera_axes": "poses or `gravity_camera`", "world_unit": "poses"}
        missing = needs.get(name, "`depths`")
        hint = "; for a 3D box in one view pass `intrinsics`" if name == "horizontal_fov_deg" else ""
        raise ValueError(
            f"`{name}` has no effect without {missing}, got {describe_value(value)}. Leave it out, or pass {missing} "
            f"with it{hint}."
        )


def _read_pictures(images: Any, *, pixel_aligned: bool) -> list[Image.Image]:
    if images is None:
        raise ValueError("`images` must hold at least one view, got None. Pass a picture or a list of pictures.")
    entries = list(images) if isinstance(images, list | tuple) else [images]
    if not entries:
        raise ValueError("`images` must hold at least one view, got 0 views. Pass a picture or a list of pictures.")
    return [
        load_image_rgb(image, item_name("images", index, len(entries)), pixel_aligned=pixel_aligned)
        for index, image in enumerate(entries)
    ]


def _read_depths(depths: Any, num_views: int, settings: dict[str, Any]) -> list[torch.Tensor | None]:
    if depths is None:
        return [None] * num_views
    entries = list(depths) if isinstance(depths, list | tuple) else [depths]
    if len(entries) != num_views:
        raise ValueError(
            f"`depths` must have one entry per image ({num_views}), got {len(entries)}. "
            "Pass a list in the order of the images, with None for a view without depth."
        )
    return [
        None if depth is None else load_depth(depth, name=item_name("depths", index, num_views), **settings)
        for index, depth in enumerate(entries)
    ]


def _image_intrinsics(
    intrinsics: Any, horizontal_fov_deg: Any, sizes_hw: list[tuple[int, int]]
) -> list[torch.Tensor | None]:
    if horizontal_fov_deg is None:
        return read_intrinsics(intrinsics, "intrinsics", sizes_hw)
    if intrinsics is not None:
        raise ValueError(
            f"`intrinsics` and `horizontal_fov_deg` exclude each other, got both (horizontal_fov_deg="
            f"{horizontal_fov_deg!r}). Pass the intrinsics if you have them."
        )
    if isinstance(horizontal_fov_deg, bool) or not isinstance(horizontal_fov_deg, int | float | np.number):
        raise TypeError(
            f"`horizontal_fov_deg` must be one number in degrees, got {describe_value(horizontal_fov_deg)}. "
            "Pass `intrinsics` if views differ."
        )
    if not 5 <= horizontal_fov_deg <= 170:
        raise ValueError(
            f"`horizontal_fov_deg` must be degrees between 5 and 170, got {horizontal_fov_deg:g}. "
            "Convert radians to degrees; a phone has about 65."
        )
    return [intrinsics_from_fov(float(horizontal_fov_deg), size_hw) for size_hw in sizes_hw]


def _depth_intrinsics(
    depth_intrinsics: Any, maps: list[torch.Tensor | None], *, depths_given: bool
) -> list[torch.Tensor | None]:
    if depth_intrinsics is not None and not depths_given:
        raise ValueError("`depth_intrinsics` belongs to `depths`, got it without depth. Pass both or neither.")
    sizes_hw = [None if depth is None else (depth.shape[0], depth.shape[1]) for depth in maps]
    return read_intrinsics(depth_intrinsics, "depth_intrinsics", sizes_hw)


def _check_combination(poses: list | None, has_depth: list[bool], depth_kind: str, world_unit: str) -> None:
    """Refuse what cannot be put into one world: unposed depth maps, or depth in another unit than the poses."""
    check_choice(world_unit, "world_unit", WORLD_UNITS)
    wanted = "metric" if world_unit == "m" else "relative"
    if poses is not None and any(has_depth) and depth_kind != wanted:
        unit = "metres" if world_unit == "m" else "an unknown unit"
        raise ValueError(
            f"`depth_kind={depth_kind!r}` cannot be combined with poses in {unit}, got {sum(has_depth)} depth maps of "
            "another scale. Scale the depth to metres, or leave the poses out (one view; `gravity_camera` tells up); "
            "for a reconstruction whose depth and poses share an unknown unit pass depth_kind='relative' and "
            "world_unit='unknown'."
        )
    if poses is None and sum(has_depth) > 1:
        raise ValueError(
            f"`camera_to_world` or `world_to_camera` is required with several depth maps, got {sum(has_depth)} depth "
            "maps without poses. Pass one pose per view, or depth for one view only."
        )
    if poses is not None:
        unposed = [index for index, pose in enumerate(poses) if pose is None and has_depth[index]]
        if unposed:
            raise ValueError(
                f"`camera_to_world` or `world_to_camera` must have a pose for every view with depth, got None for "
                f"view {unposed[0]}. Pass its pose, or None as its depth."
            )


def _poses_or_own_camera(
    poses: list[torch.Tensor | None] | None, up_from_camera: torch.Tensor, has_depth: list[bool]
) -> list[torch.Tensor | None]:
    """Without poses, the camera of the only view, or of the only view with depth, is the world."""
    if poses is not None:
        return poses
    own = torch.eye(4, dtype=torch.float64)
    own[:3, :3] = up_from_camera
    return [own if len(has_depth) == 1 or measured else None for measured in has_depth]


def _views_geometry(
    pictures: list[Image.Image], maps: list, matrices: list, poses: list, *, same_field_of_view: bool
) -> dict[str, Any]:
    """Gather pictures and geometry of all views, one list per key."""
    geometries = [
        _view_geometry(
            maps[index],
            matrices[index],
            poses[index],
            image_size_hw=(picture.height, picture.width),
            same_field_of_view=same_field_of_view,
            suffix=item_name("", index, len(pictures)),
        )
        for index, picture in enumerate(pictures)
    ]
    return {"images": pictures} | {key: [view[key] for view in geometries] for key in geometries[0]}


def _view_geometry(
    depth: torch.Tensor | None,
    matrices: tuple[torch.Tensor | None, torch.Tensor | None],
    pose: torch.Tensor | None,
    *,
    image_size_hw: tuple[int, int],
    same_field_of_view: bool,
    suffix: str,
) -> dict[str, torch.Tensor | None]:
    """Unproject the depth map of one view into the z-up world."""
    if depth is None or pose is None:
        return {"depths": None, "points": None, "valid": None, "intrinsics": matrices[0]}
    size_hw = (depth.shape[0], depth.shape[1])
    image_matrix, depth_matrix = _match_intrinsics(
        *matrices, image_size_hw, size_hw, same_field_of_view=same_field_of_view, suffix=suffix
    )
    points_camera, valid = unproject_depth(depth, depth_matrix)
    # A depth camera with another field of view: look every image direction up in its map.
    source = _align_to_image(resize_intrinsics(image_matrix, image_size_hw, size_hw), depth_matrix, size_hw)
    if source is not None:
        rows, columns, inside = source
        depth, points_camera = depth[rows][:, columns] * inside, points_camera[rows][:, columns]
        valid = valid[rows][:, columns] & inside
        if not bool(valid.any()):
            raise ValueError(
                f"`depth_intrinsics{suffix}` must overlap with the image, got no measured pixel inside its field of "
                "view. Check that intrinsics and sizes belong together."
            )
    # float32 resolves a millimetre at the farthest translation that `read_world` accepts.
    points = transform_points(points_camera, pose.float())
    return {
        "depths": depth,
        "points": points * valid[..., None],
        "valid": valid,
        "intrinsics": image_matrix,
    }


def _match_intrinsics(
    image_matrix: torch.Tensor | None,
    depth_matrix: torch.Tensor | None,
    image_size_hw: tuple[int, int],
    depth_size_hw: tuple[int, int],
    *,
    same_field_of_view: bool,
    suffix: str,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Complete the pair of intrinsics of an image and its depth map, or say what is missing."""
    sizes = f"{depth_size_hw[1]}x{depth_size_hw[0]} for an image of {image_size_hw[1]}x{image_size_hw[0]}"
    if image_matrix is not None and depth_matrix is not None:
        if same_field_of_view:
            raise ValueError(
                f"`depth_intrinsics{suffix}` and `depth_field_of_view='same'` exclude each other, got both beside "
                "`intrinsics`. Pass one of the two."
            )
        return image_matrix, depth_matrix
    if image_size_hw != depth_size_hw and not same_field_of_view:
        raise ValueError(
            f"`depths{suffix}` must have the size of its image, got {sizes}. Pass `intrinsics` and "
            "`depth_intrinsics`, or `depth_field_of_view='same'` if both show exactly the same part of the scene."
        )
    aspect = depth_size_hw[1] * image_size_hw[0] / (depth_size_hw[0] * image_size_hw[1])
    if abs(aspect - 1) > ASPECT_TOLERANCE:
        raise ValueError(
            f"`depth_field_of_view='same'` needs equal aspect ratios, got depth of {sizes}. "
            "One of them is cropped: pass `depth_intrinsics`."
        )
    if depth_matrix is not None:
        return resize_intrinsics(depth_matrix, depth_size_hw, image_size_hw), depth_matrix
    if image_matrix is not None:
        return image_matrix, resize_intrinsics(image_matrix, image_size_hw, depth_size_hw)
    raise ValueError(
        f"`intrinsics{suffix}` is required with depth, got None. Pass fx, fy, cx, cy in pixels of the image, or "
        "an estimate as `horizontal_fov_deg=`."
    )


def _align_to_image(
    wanted: torch.Tensor, actual: torch.Tensor, size_hw: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
    """Find for every pixel of a depth grid over the image's field of view the nearest pixel of the real depth map.

    Returns:
        Rows `(h,)`, columns `(w,)` and whether they exist `(h, w)`; None if the grids agree within half a pixel.
    """
    nearest, inside, shift = [], [], 0.0
    for axis, size in ((1, size_hw[0]), (0, size_hw[1])):
        target = torch.arange(size, dtype=torch.float64)
        focal, centre = float(actual[axis, axis]), float(actual[axis, 2])
        source = (target - float(wanted[axis, 2])) * (focal / float(wanted[axis, axis])) + centre
        shift = max(shift, float((source - target).abs().max()))
        inside.append((source >= -0.5) & (source < size - 0.5))
        nearest.append(source.round().long().clamp(0, size - 1))
    if shift <= 0.5:
        return None
    return nearest[0], nearest[1], inside[0][:, None] & inside[1][None, :]
