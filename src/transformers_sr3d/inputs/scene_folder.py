# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, a scene of our own: the folder that `save_scene` writes; see `scene` for its format.

May import: NumPy and siblings in `inputs`.
"""

from pathlib import Path

import numpy as np

from transformers_sr3d.camera_matrices_sr3d import read_poses
from transformers_sr3d.inputs.files import depth_loader, image_loader
from transformers_sr3d.inputs.headers import camera_matrix, picture_size_hw
from transformers_sr3d.inputs.scene import SCENE_FILE, load_scene, read_scene
from transformers_sr3d.inputs.source import Source, SourceView


KIND = "scene"


def is_scene_folder(path: Path) -> bool:
    """Tell whether a path is a scene folder.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it has a `scene.json`.
    """
    return (path / SCENE_FILE).is_file()


def read_scene_folder(path: str | Path) -> Source:
    """Read a scene folder.

    Args:
        path (`str` or `Path`):
            With `scene.json`.

    Returns:
        `Source`: Its views.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If `scene.json` is bad; see `load_scene`.
    """
    path = Path(path)
    try:
        return _read(path)
    except (ValueError, FileNotFoundError) as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path / SCENE_FILE}: {error}") from error


def _read(path: Path) -> Source:
    scene, given = read_scene(path), load_scene(path)
    entries, known = scene["views"], scene.get("conventions") or ()
    world_unit = scene.get("world_unit") or "m"
    absent: list[None] = [None] * len(entries)
    units = {"depth_unit": given.get("depth_unit")} if world_unit == "m" else {"depth_kind": "relative"}
    directions = (given.get("camera_to_world"), given.get("world_to_camera"))
    poses: list[np.ndarray | None] = [*absent]
    if any(direction is not None for direction in directions):
        found = read_poses(*directions, len(entries), camera_axes=given["camera_axes"])
        poses = [None if pose is None else pose.numpy() for pose in found]
    columns = (given["images"], given.get("depths", absent), poses)
    matrices = [given.get(name, absent) for name in ("intrinsics", "depth_intrinsics")]
    views = tuple(
        SourceView(
            name=entry.get("name") or entry["image"],
            load_image=image_loader(Path(image)),
            intrinsics=None
            if intrinsics is None
            else camera_matrix(intrinsics, f"intrinsics of {image}", picture_size_hw(Path(image))),
            load_depth=None if depth is None else depth_loader(Path(depth), **units),
            depth_intrinsics=_array(depth_intrinsics),
            camera_to_world=pose,
            time_s=entry.get("time_s"),
        )
        for entry, image, depth, pose, intrinsics, depth_intrinsics in zip(entries, *columns, *matrices, strict=True)
    )
    return Source(
        KIND,
        path,
        views,
        world_up=given.get("world_up"),
        world_unit=world_unit,
        depth_field_of_view=given.get("depth_field_of_view"),
        depth_is_estimated=scene.get("depth_is_estimated") or False,
        conventions=tuple(dict.fromkeys(("scene.json states units, axes and directions.", *known))),
    )


def _array(matrix: list | None) -> np.ndarray | None:
    return None if matrix is None else np.array(matrix)
