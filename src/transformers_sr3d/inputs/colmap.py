# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, a reconstruction by COLMAP: a sparse model and the images that it was made from.

    images/                    the pictures, in any folders; or those of the option `images`
    sparse/0/ or sparse/       cameras, images, points3D as .bin or .txt; or the folder itself
    stereo/depth_maps/         name of the picture + .geometric.bin, of an undistorted workspace

Poses are world to camera, a quaternion with the scalar first and a translation, for a camera of +x right, +y down, +z
forward. The upper left corner of the picture is (0, 0) and the centre of its first pixel (0.5, 0.5), so 0.5 is
subtracted from the principal point. Neither the unit of the world nor its axes have a meaning unless the caller knows
better, for example after `model_aligner` or `model_orientation_aligner`.

There is no depth in a sparse model, but points with a z in each camera that observes them. They become depth maps in
which most pixels are not measured, each at the pixel of its keypoint. Dense depth maps are z too; those that
`patch_match_stereo` made with a limit of size are smaller than their pictures and show the same.

Sources: COLMAP, doc/format.rst (files, poses, axes), doc/database.rst (pixels), doc/cameras.rst; for the files see
`colmap_files`.

May import: the standard library, NumPy, the checks of cameras, and siblings in `inputs`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transformers_sr3d.camera_matrices_sr3d import WORLD_UP
from transformers_sr3d.depth_files_sr3d import MIN_MEASURED_PIXELS
from transformers_sr3d.input_checks_sr3d import check_choice
from transformers_sr3d.inputs.colmap_files import (
    CAMERAS,
    IMAGES,
    POINTS,
    dense_depth_loader,
    model_suffix,
    read_cameras,
    read_images,
    sparse_depth_loader,
)
from transformers_sr3d.inputs.colmap_model import ColmapCamera, ColmapImage
from transformers_sr3d.inputs.files import natural_key
from transformers_sr3d.inputs.headers import camera_matrix, picture_size_hw
from transformers_sr3d.inputs.lens import Lens, check_lens, lens_convention
from transformers_sr3d.inputs.named_files import check_size, file_inside, sized_image_loader
from transformers_sr3d.inputs.poses import invert_pose
from transformers_sr3d.inputs.source import WORLD_UNITS, Source, SourceView


KIND = "colmap"
SPARSE_FOLDER, IMAGE_FOLDER, DEPTH_FOLDER = "sparse", "images", "stereo/depth_maps"
GEOMETRIC, PHOTOMETRIC = ".geometric.bin", ".photometric.bin"
# Parameters by their place in the distortion; models that are not here are no pinhole cameras even without any.
RADIAL_KEYS = {
    "SIMPLE_PINHOLE": (),
    "PINHOLE": (),
    "SIMPLE_RADIAL": ("k",),
    "RADIAL": ("k1", "k2"),
    "OPENCV": ("k1", "k2"),
    "FULL_OPENCV": ("k1", "k2", "k3"),
    "SIMPLE_DIVISION": (),
    "DIVISION": (),
}
DIVISOR_KEYS = {"FULL_OPENCV": ("k4", "k5", "k6"), "SIMPLE_DIVISION": ("k",), "DIVISION": ("k",)}


class _Camera(NamedTuple):
    """Intrinsics in pixels whose centres are integers, size, and how far the ignored distortion moves a corner."""

    intrinsics: np.ndarray
    size_hw: tuple[int, int]
    shift_px: float


def is_colmap(path: Path) -> bool:
    """Tell whether a path is a reconstruction by COLMAP.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it is or has the folder of a sparse model.
    """
    return bool(_model_folders(path))


def read_colmap(  # noqa: PLR0913, a reconstruction tells neither unit nor up, and has two kinds of depth
    path: str | Path,
    *,
    model: str | None = None,
    images: str | Path | None = None,
    world_up: str = "unknown",
    world_unit: str = "unknown",
    sparse_depth: bool = True,
    dense_depth: bool = False,
    ignore_distortion: bool = False,
) -> Source:
    """Read a reconstruction by COLMAP.

    Args:
        path (`str` or `Path`):
            The folder that has `sparse`, or the folder of a model.
        model (`str`, *optional*):
            Folder of the model below `path`, such as `"sparse/1"`. Needed where there are several.
        images (`str` or `Path`, *optional*):
            Folder of the pictures, below `path` unless absolute. `images` beside `sparse` unless given.
        world_up (`str`, defaults to `"unknown"`):
            `"+x"` to `"-z"` or `"unknown"`: axis of the world that points up.
        world_unit (`str`, defaults to `"unknown"`):
            `"m"` where the model was scaled to metres, or `"unknown"`.
        sparse_depth (`bool`, defaults to `True`):
            Whether to make depth maps of the points, unless there are dense ones.
        dense_depth (`bool`, defaults to `False`):
            Whether to take the dense depth maps; views without one have no depth.
        ignore_distortion (`bool`, defaults to `False`):
            Whether to take pictures with lens distortion as if they had none.

    Returns:
        `Source`: One view per registered image, by number in the name.

    Raises:
        FileNotFoundError: If a file or folder is missing.
        ValueError: If a file is bad, a camera is no pinhole camera, or a name leads out of the folder.
    """
    path = Path(path)
    check_choice(world_up, "world_up", WORLD_UP)
    check_choice(world_unit, "world_unit", WORLD_UNITS)
    folder = _find_model(path, model)
    pictures = _find_pictures(path, folder, images)
    suffix = model_suffix(folder)
    image_file = folder / f"{IMAGES}{suffix}"
    found = _read_images(image_file)
    files = [file_inside(pictures, image.name, f"{image_file} image {image.number}") for image in found]
    cameras = _read_cameras(folder / f"{CAMERAS}{suffix}", found, ignore_distortion=ignore_distortion)
    _check_sizes(folder, found, files, cameras)
    if dense_depth:
        depths = _dense_depths(path, folder, found)
    else:
        depths = _sparse_depths(image_file, found, cameras) if sparse_depth else {}
    views = tuple(
        SourceView(
            name=image.name,
            load_image=sized_image_loader(file, cameras[image.camera].size_hw, f"{folder} camera {image.camera}"),
            intrinsics=cameras[image.camera].intrinsics,
            load_depth=depths.get(image.number),
            camera_to_world=invert_pose(image.world_to_camera),
        )
        for image, file in zip(found, files, strict=True)
    )
    shift_px = max(camera.shift_px for camera in cameras.values())
    depth = _depth_convention(len(depths), len(views), dense=dense_depth) if dense_depth or sparse_depth else ()
    return Source(
        KIND,
        path,
        views,
        world_up=world_up,
        world_unit=world_unit,
        depth_field_of_view="same" if dense_depth else None,
        conventions=_conventions(world_up, world_unit) + depth + lens_convention(shift_px),
    )


def _model_folders(path: Path) -> list[Path]:
    """Folders of models that a path can mean."""
    if model_suffix(path):
        return [path]
    sparse = path / SPARSE_FOLDER
    try:
        below = [sparse / name for name in sorted(os.listdir(sparse))]
    except (OSError, ValueError):
        below = []
    return [folder for folder in (sparse, *below) if model_suffix(folder)]


def _find_model(path: Path, model: str | None) -> Path:
    folders = _model_folders(path) if model is None else [path / model]
    if not folders or not model_suffix(folders[0]):
        raise FileNotFoundError(
            f"`{path if model is None else path / model}` must have a COLMAP model, {CAMERAS} and {IMAGES} as .bin or "
            f".txt, in itself, in `{SPARSE_FOLDER}` or below, got none. Check the path."
        )
    if len(folders) > 1:
        names = ", ".join(folder.relative_to(path).as_posix() for folder in folders)
        raise ValueError(
            f"`model` must be given for {path}, got {len(folders)} models, which are worlds of their own: {names}. "
            "Pass one of these; the first is not always the largest."
        )
    return folders[0]


def _roots(path: Path, folder: Path) -> list[Path]:
    """Folders that can have `images` and `stereo`: the one given, or the one above `sparse` if a model was given."""
    model = Path(os.path.abspath(folder))
    above = next((part.parent for part in (model, model.parent) if part.name == SPARSE_FOLDER), model)
    return list(dict.fromkeys([path, above]))


def _find_pictures(path: Path, folder: Path, images: str | Path | None) -> Path:
    choices = [root / IMAGE_FOLDER for root in _roots(path, folder)] if images is None else [path / images]
    found = next((choice for choice in choices if os.path.isdir(choice)), None)
    if found is None:
        raise FileNotFoundError(
            f"`images` must be the folder of the pictures of {folder}, got none at {choices[0]}. Pass the folder that "
            "COLMAP had as `image_path`."
        )
    return found


def _read_images(file: Path) -> list[ColmapImage]:
    images = sorted(read_images(file), key=lambda image: natural_key(image.name))
    if not images:
        raise ValueError(f"`{file}` must have at least one registered image, got none. Run the mapper again.")
    return images


def _read_cameras(file: Path, images: list[ColmapImage], *, ignore_distortion: bool) -> dict[int, _Camera]:
    """Cameras of images, by id; COLMAP passes over the others too."""
    found, used = read_cameras(file), {}
    for image in images:
        if image.camera not in found:
            raise ValueError(
                f"`{file}` must have the camera {image.camera} of image {image.number}, got {len(found)} others. The "
                "files do not belong together: export the model again."
            )
        if image.camera not in used:
            where = f"{file} camera {image.camera}"
            used[image.camera] = _camera(found[image.camera], where, ignore_distortion=ignore_distortion)
    return used


def _camera(camera: ColmapCamera, where: str, *, ignore_distortion: bool) -> _Camera:
    values, model = camera.parameters, camera.model
    if model not in RADIAL_KEYS:
        raise ValueError(
            f"`{where}` must be one of {', '.join(RADIAL_KEYS)}, got {model}, which is no pinhole camera. Undistort "
            "the pictures with `colmap image_undistorter`, and read its result."
        )
    focal_x, focal_y = (values["f"],) * 2 if "f" in values else (values["fx"], values["fy"])
    given = {"fx": focal_x, "fy": focal_y, "cx": values["cx"] - 0.5, "cy": values["cy"] - 0.5}
    intrinsics = camera_matrix(given, where, camera.size_hw)
    lens = Lens(
        radial=tuple(values[key] for key in RADIAL_KEYS[model]),
        divisor=tuple(values[key] for key in DIVISOR_KEYS.get(model, ())),
        tangential=(values.get("p1", 0.0), values.get("p2", 0.0)),
    )
    shift_px = check_lens(lens, intrinsics, camera.size_hw, where, ignore_distortion=ignore_distortion)
    return _Camera(intrinsics, camera.size_hw, shift_px)


def _check_sizes(folder: Path, images: list[ColmapImage], files: list[Path], cameras: dict[int, _Camera]) -> None:
    """Check the size of the first picture of each camera; the others are checked when they are loaded."""
    first = {image.camera: file for image, file in zip(reversed(images), reversed(files), strict=True)}
    for number, file in first.items():
        check_size(file, picture_size_hw(file), cameras[number].size_hw, f"{folder} camera {number}")


def _sparse_depths(
    image_file: Path, images: list[ColmapImage], cameras: dict[int, _Camera]
) -> dict[int, Callable[[], np.ndarray]]:
    points = image_file.with_name(f"{POINTS}{image_file.suffix}")
    if not os.path.isfile(points):
        raise FileNotFoundError(
            f"`{points}` must be there for depth, got no such file. Restore it, or pass `sparse_depth=False`."
        )
    return {
        image.number: sparse_depth_loader(image_file, image, cameras[image.camera].size_hw)
        for image in images
        if image.num_observed >= MIN_MEASURED_PIXELS
    }


def _dense_depths(path: Path, model: Path, images: list[ColmapImage]) -> dict[int, Callable[[], np.ndarray]]:
    choices = [root / DEPTH_FOLDER for root in _roots(path, model)]
    folder = next((choice for choice in choices if os.path.isdir(choice)), choices[0])
    files = {image.number: folder / f"{image.name}{GEOMETRIC}" for image in images}
    found = {number: dense_depth_loader(file) for number, file in files.items() if os.path.isfile(file)}
    if not found:
        has_others = any(os.path.isfile(folder / f"{image.name}{PHOTOMETRIC}") for image in images)
        came = "only photometric ones" if has_others else "none"
        raise FileNotFoundError(
            f"`{folder}` must have depth maps called like {images[0].name}{GEOMETRIC}, got {came}. Run "
            "`patch_match_stereo` with `--PatchMatchStereo.geom_consistency 1`, or leave `dense_depth` out."
        )
    return found


def _depth_convention(num_depths: int, num_views: int, *, dense: bool) -> tuple[str, ...]:
    what = "dense, geometric, as wide as the picture" if dense else "z of the points at their keypoints, sparse"
    return (f"Depth: along the optical axis, {what}; {num_depths} of {num_views} views have it.",)


def _conventions(world_up: str, world_unit: str) -> tuple[str, ...]:
    unit = "metres, as the caller said" if world_unit == "m" else "unknown"
    return (
        "Poses: world to camera with the scalar of the quaternion first, inverted here; OpenCV cameras.",
        "Pixels: principal points count from the corner of the picture, so 0.5 is subtracted.",
        f"World: of the reconstruction; unit {unit}; up is {world_up}.",
    )
