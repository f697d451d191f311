# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, a scan of ScanNet as its SensReader exports it (SensReader/python/reader.py of the ScanNet repository).

    color/0.jpg ...       mostly 1296x968
    depth/0.png ...       16-bit, millimetres along +z, 640x480, 0: not measured
    pose/0.txt ...        4x4, camera to world, metres; -inf where tracking was lost
    intrinsic/intrinsic_color.txt, intrinsic_depth.txt        4x4, pixels of each; centres of pixels are integers
    intrinsic/extrinsic_color.txt, extrinsic_depth.txt        4x4, identity; may be missing
    scene0000_00.txt      beside them or in a folder around them, with `axisAlignment`; may be missing

Numbers are those of the frames, and an export of every tenth frame has every tenth number; all three folders must
have the same. Times are not exported. The option `image_size` of the exporter makes pictures smaller and leaves their
intrinsics as they were: such an export is refused. SensReader in C++ writes other files (frame-000000.color.jpg,
frame-000000.depth.pgm): read the `.sens` file instead. See `scannet_world` for cameras, up and alignment.

May import: NumPy and siblings in `inputs`.
"""

import os
import re
from pathlib import Path

import numpy as np

from transformers_sr3d.inputs.files import depth_loader, image_loader, read_matrix
from transformers_sr3d.inputs.headers import picture_size_hw
from transformers_sr3d.inputs.scannet_world import (
    POSE_CONVENTION,
    TRACKING_LOST,
    check_extrinsics,
    find_world,
    is_tracking_lost,
    read_camera,
)
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "scannet"
SUFFIXES = {"color": (".jpg", ".png"), "depth": (".png",), "pose": (".txt",)}
CAMERAS = ("color", "depth")


def is_scannet(path: Path) -> bool:
    """Tell whether a path is a folder that SensReader exported.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it has its folders, and intrinsics of both cameras.
    """
    files = (_camera_file(path, "intrinsic", camera) for camera in CAMERAS)
    return all(os.path.isdir(path / folder) for folder in SUFFIXES) and all(os.path.isfile(file) for file in files)


def read_scannet(path: str | Path, *, axis_alignment: bool = True, world_up: str | None = None) -> Source:
    """Read a folder that SensReader exported.

    Args:
        path (`str` or `Path`):
            The folder; see the top of this file.
        axis_alignment (`bool`, defaults to `True`):
            Whether to align the world with the walls, where the scan says how; `conventions` tells whether it did.
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`. Needed where no name says that this is a scan of ScanNet, whose +z is up.

    Returns:
        `Source`: One view per frame, by number; frames that lost tracking are in `left_out`.

    Raises:
        FileNotFoundError: If a folder or file is missing.
        ValueError: If folders do not have the same frames, a matrix is bad, or the cameras are at different places.
    """
    path = Path(path)
    frames = {folder: _frames(path / folder, suffixes) for folder, suffixes in SUFFIXES.items()}
    _check_same_frames(path, frames)
    world = find_world(path, axis_alignment=axis_alignment, world_up=world_up)
    first = min(frames["color"])
    intrinsics = {camera: _intrinsics(path, camera, frames[camera][first]) for camera in CAMERAS}
    views, left_out = [], {}
    for number in sorted(frames["color"]):
        image, depth, file = (frames[folder][number] for folder in SUFFIXES)
        pose = read_matrix(file, ((4, 4),))
        if is_tracking_lost(pose):
            left_out[image.name] = TRACKING_LOST
            continue
        check_pose(pose, str(file))
        view = SourceView(
            name=image.name,
            load_image=image_loader(image),
            intrinsics=intrinsics["color"],
            load_depth=depth_loader(depth, depth_unit="mm"),
            depth_intrinsics=intrinsics["depth"],
            camera_to_world=world.aligned_from_world @ pose,
        )
        views.append(view)
    conventions = (
        POSE_CONVENTION,
        "Depth: 16-bit millimetres along +z, 0: not measured, with intrinsics of its own.",
        world.convention,
        "Time: not exported.",
    )
    return Source(KIND, path, tuple(views), world_up=world.up, left_out=left_out, conventions=conventions)


def _camera_file(path: Path, kind: str, camera: str) -> Path:
    return path / "intrinsic" / f"{kind}_{camera}.txt"


def _frames(folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
    """Files by the number that is their name."""
    if not folder.is_dir():
        raise FileNotFoundError(f"`{folder}` must be a folder of the export, got none there. Export it, too.")
    frames: dict[int, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in suffixes:
            continue
        if not re.fullmatch("[0-9]{1,9}", file.stem):
            raise ValueError(
                f"`{folder}` must hold files named by the number of their frame, got {file.name!r}. "
                "Remove or rename it."
            )
        other = frames.setdefault(int(file.stem), file)
        if other is not file:
            raise ValueError(
                f"`{folder}` must hold one file of frame {int(file.stem)}, got {other.name!r} and {file.name!r}. "
                "Remove one of them."
            )
    if not frames:
        raise FileNotFoundError(f"`{folder}` must hold {' or '.join(suffixes)} files, got none. Export it again.")
    return frames


def _check_same_frames(path: Path, frames: dict[str, dict[int, Path]]) -> None:
    everything = set().union(*frames.values())
    for folder, found in frames.items():
        missing = sorted(everything - set(found))
        if missing:
            raise ValueError(
                f"`{path / folder}` must have the same frames as the other folders, got {len(found)} of "
                f"{len(everything)}, none for frame {missing[0]}. Export color, depth and pose with the same step."
            )


def _intrinsics(path: Path, camera: str, picture: Path) -> np.ndarray:
    """Matrix of a camera, whose extrinsics are checked if they are there."""
    extrinsics = _camera_file(path, "extrinsic", camera)
    if extrinsics.is_file():
        check_extrinsics(read_matrix(extrinsics, ((4, 4),)), str(extrinsics))
    file = _camera_file(path, "intrinsic", camera)
    return read_camera(read_matrix(file, ((4, 4),)), str(file), picture_size_hw(picture))
