# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, a folder of images: pictures, and beside them depth maps, poses and intrinsics of the same names.

    images/ (or color/, rgb/, or the folder itself)   0001.jpg, ...
    depth/ (or depths/)                               0001.png or 0001.npy, ...
    poses/ (or pose/)                                 0001.txt, 4x4, ...
    intrinsics.txt, or intrinsics/ (or intrinsic/)    3x3 or 4x4, for all or 0001.txt, ...

Such a folder says nothing about units, directions and axes, so the caller must: what is needed and not said is
refused.

May import: NumPy, PIL, the geometry and siblings in `inputs`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from transformers_sr3d.geometry_sr3d import intrinsics_from_fov
from transformers_sr3d.inputs.files import IMAGE_SUFFIXES, depth_loader, image_loader, natural_key, read_matrix
from transformers_sr3d.inputs.headers import camera_matrix, picture_size_hw
from transformers_sr3d.inputs.poses import invert_pose, opencv_from_opengl
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "images"
# EXIF orientations beyond these turn a picture by a quarter.
UPRIGHT_ORIENTATIONS = 4
IMAGE_FOLDERS = ("images", "color", "rgb")
DEPTH_FOLDERS, DEPTH_SUFFIXES = ("depth", "depths"), (".png", ".npy", ".tif", ".tiff")
POSE_FOLDERS, INTRINSICS_FOLDERS = ("poses", "pose"), ("intrinsics", "intrinsic")
DIRECTIONS = ("camera_to_world", "world_to_camera")


def is_image_folder(path: Path) -> bool:
    """Tell whether a path is a folder with pictures.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether pictures are in it or in one of its folders that are known by name.
    """
    return path.is_dir() and bool(_files(_first_folder(path, IMAGE_FOLDERS) or path, IMAGE_SUFFIXES))


def read_image_folder(  # noqa: PLR0913, the folder itself says none of this
    path: str | Path,
    *,
    poses: str | None = None,
    camera_axes: str | None = None,
    world_up: str | None = None,
    depth_unit: str | None = None,
    depth_scale: float | None = None,
    depth_field_of_view: str | None = None,
    horizontal_fov_deg: float | None = None,
) -> Source:
    """Read a folder of images.

    Args:
        path (`str` or `Path`):
            The folder; see the top of this file.
        poses (`str`, *optional*):
            `"camera_to_world"` or `"world_to_camera"`: direction of the pose files, which then are in metres.
        camera_axes (`str`, *optional*):
            `"opencv"` or `"opengl"`: camera frame of the pose files.
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`.
        depth_unit (`str`, *optional*):
            `"mm"`, `"cm"` or `"m"`, of integer depth.
        depth_scale (`float`, *optional*):
            Metres per unit of integer depth.
        depth_field_of_view (`str`, *optional*):
            `"same"` where depth maps of another size show what the images show.
        horizontal_fov_deg (`float`, *optional*):
            Degrees across the images, where there are no intrinsics.

    Returns:
        `Source`: One view per picture, by number in the name.

    Raises:
        FileNotFoundError: If there is no such folder or no picture in it.
        ValueError: If files have no counterpart, numbers are wrong, or something is not said that must be.
    """
    path = Path(path)
    images = _files(_first_folder(path, IMAGE_FOLDERS) or path, IMAGE_SUFFIXES) if path.is_dir() else {}
    if not images:
        raise FileNotFoundError(
            f"`{path}` must be a folder with pictures ({', '.join(IMAGE_SUFFIXES)}), or with a folder "
            f"{' or '.join(IMAGE_FOLDERS)} of them, got none. Check the path."
        )
    depths = _counterparts(path, DEPTH_FOLDERS, DEPTH_SUFFIXES, images)
    pose_files = _counterparts(path, POSE_FOLDERS, (".txt",), images)
    matrices = _intrinsics(path, images, horizontal_fov_deg)
    # A phone stores portraits on their side; they are set upright where nothing else counts in stored pixels.
    pixel_aligned = bool(depths or pose_files or (matrices and horizontal_fov_deg is None))
    if pose_files:
        _check_said(path, poses, camera_axes, world_up)
    views = tuple(
        SourceView(
            name=image.name,
            load_image=image_loader(image, pixel_aligned=pixel_aligned),
            intrinsics=matrices.get(stem),
            load_depth=_depth(depths.get(stem), depth_unit, depth_scale),
            camera_to_world=_pose(pose_files.get(stem), poses, camera_axes),
        )
        for stem, image in images.items()
    )
    return Source(
        KIND,
        path,
        views,
        world_up=world_up if pose_files else None,
        depth_field_of_view=depth_field_of_view,
        conventions=("As the caller said: a folder of images has no conventions.",),
    )


def _first_folder(path: Path, names: tuple[str, ...]) -> Path | None:
    return next((path / name for name in names if (path / name).is_dir()), None)


def _files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files by stem, in the order of the numbers in their names."""
    found = sorted(
        (file for file in folder.iterdir() if file.suffix.lower() in suffixes and file.is_file()),
        key=lambda file: natural_key(file.name),
    )
    stems = [file.stem for file in found]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None) if len(set(stems)) < len(stems) else None
    if twice is not None:
        raise ValueError(f"`{folder}` must hold one file called {twice!r}, got several. Remove or rename the others.")
    return dict(zip(stems, found, strict=True))


def _counterparts(
    path: Path, folders: tuple[str, ...], suffixes: tuple[str, ...], images: dict[str, Path]
) -> dict[str, Path]:
    """Files of another folder by the stem of the image that they belong to."""
    folder = _first_folder(path, folders)
    found = {} if folder is None else _files(folder, suffixes)
    stray = sorted(set(found) - set(images), key=natural_key)
    if stray:
        raise ValueError(
            f"`{folder}` must hold files called like the pictures, got {found[stray[0]].name!r} and {len(stray) - 1} "
            f"more without a picture of that name; pictures are called like {next(iter(images.values())).name!r}. "
            "Rename them in pairs."
        )
    return found


def _intrinsics(path: Path, images: dict[str, Path], horizontal_fov_deg: float | None) -> dict[str, np.ndarray]:
    shared = path / "intrinsics.txt"
    files = _counterparts(path, INTRINSICS_FOLDERS, (".txt",), images)
    if shared.is_file():
        files = dict.fromkeys(images, shared)
    if files and horizontal_fov_deg is not None:
        raise ValueError(
            f"`horizontal_fov_deg` must be left out where there are intrinsics, got {horizontal_fov_deg} beside "
            f"{next(iter(files.values()))}. Leave it out, or remove the files."
        )
    if horizontal_fov_deg is None:
        return {
            stem: camera_matrix(read_matrix(file, ((3, 3), (4, 4)))[:3, :3], str(file), picture_size_hw(images[stem]))
            for stem, file in files.items()
        }
    matrices = {}
    for stem, image in images.items():
        size_hw = picture_size_hw(image)
        with Image.open(image) as picture:
            is_on_its_side = picture.getexif().get(ExifTags.Base.Orientation, 1) > UPRIGHT_ORIENTATIONS
        matrices[stem] = intrinsics_from_fov(horizontal_fov_deg, size_hw[::-1] if is_on_its_side else size_hw).numpy()
    return matrices


def _check_said(path: Path, poses: str | None, camera_axes: str | None, world_up: str | None) -> None:
    said: dict[str, Any] = {"poses": poses, "camera_axes": camera_axes, "world_up": world_up}
    choices = {"poses": DIRECTIONS, "camera_axes": ("opencv", "opengl"), "world_up": ("+x", "...", "-z", "unknown")}
    for name, value in said.items():
        if value is None or (name != "world_up" and value not in choices[name]):
            raise ValueError(
                f"`{name}` must be one of {choices[name]} for the poses in {path}, got {value!r}: their files do not "
                "tell. Look it up where they come from; `sr3d doctor` finds out whether it was right."
            )


def _depth(file: Path | None, depth_unit: str | None, depth_scale: float | None) -> Any:
    return None if file is None else depth_loader(file, depth_unit=depth_unit, depth_scale=depth_scale)


def _pose(file: Path | None, direction: str | None, camera_axes: str | None) -> np.ndarray | None:
    if file is None:
        return None
    pose = read_matrix(file, ((4, 4),))
    check_pose(pose, str(file))
    pose = invert_pose(pose) if direction == "world_to_camera" else pose
    return opencv_from_opengl(pose) if camera_axes == "opengl" else pose
