# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, the iPhone recording of a scene of ScanNet++, extracted by `iphone/prepare_iphone_data.py` of its toolbox.

    <scene>/iphone/pose_intrinsic_imu.json      {"frame_000000": {...}, ...}, one entry per frame of the video
        aligned_pose                            4x4, camera to world of the laser scan, metres
        intrinsic                               3x3, pixels of the picture, of this frame
        timestamp                               seconds; may be missing
    <scene>/iphone/rgb/frame_000000.jpg         1920x1440; of all frames or of some
    <scene>/iphone/depth/frame_000000.png       256x192, 16-bit, millimetres along z, 0: not measured

`aligned_pose` is used as it stands, with +x right, +y down, +z forward, by `iphone/arkit_pcl.py`, which unprojects
pictures and depth with it; `pose`, ARKit's own in another world, is not read. That +z is up follows from how the scans
were aligned: a turn about z, by PCA "on the XY coordinates", and a shift (issue 25).

Depth shows what the pictures show. ARKit counts pixels from the centre of the first one (ARCamera.h), so intrinsics
are scaled to the depth maps from there; `arkit_pcl.py` multiplies `cx` and `cy` by the scale instead, which moves
points by 0.43 px of a depth map. Pictures are stored as the sensor has them, whatever way the phone was held. Masks of
what was made unrecognisable (`rgb_masks`) are not applied.

The video and the depth stream (`depth.bin`) themselves are not read: extract them. A picture whose frame must not be
used can be removed from `rgb`. Pictures of the other camera, `dslr`, come without depth and are not read.

Sources: scannetpp/scannetpp, `iphone/prepare_iphone_data.py`, `iphone/arkit_pcl.py`, `common/scene_release.py`;
Yeshwanth et al., ScanNet++, ICCV 2023.

May import: the standard library, NumPy and siblings in `inputs`.
"""

import os
import re
import reprlib
from pathlib import Path
from typing import Any

import numpy as np

from transformers_sr3d.inputs.files import depth_loader, natural_key, read_json
from transformers_sr3d.inputs.headers import picture_size_hw
from transformers_sr3d.inputs.json_values import json_matrix, json_number
from transformers_sr3d.inputs.named_files import sized_image_loader
from transformers_sr3d.inputs.scannet_world import read_camera
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "scannetpp"
WORLD_UP = "+z"
FOLDER, RECORDS, IMAGES, DEPTHS = "iphone", "pose_intrinsic_imu.json", "rgb", "depth"
FRAME_NAME = re.compile(r"frame_[0-9]{6,9}")


def is_scannetpp(path: Path) -> bool:
    """Tell whether a path is a scene of ScanNet++ with its iPhone recording.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it is the folder of the scene, or its folder `iphone`, with the poses of the recording.
    """
    return os.path.isfile(path / FOLDER / RECORDS) or os.path.isfile(path / RECORDS)


def read_scannetpp(path: str | Path) -> Source:
    """Read the iPhone recording of a scene of ScanNet++.

    Args:
        path (`str` or `Path`):
            The folder of the scene, or its folder `iphone`; see the top of this file.

    Returns:
        `Source`: One view per picture, by number.

    Raises:
        FileNotFoundError: If the poses are missing, or pictures and depth maps were not extracted.
        ValueError: If a picture has no depth map or no entry, or an entry is bad.
    """
    path = Path(path)
    folder = path / FOLDER if os.path.isfile(path / FOLDER / RECORDS) else path
    records = _read_records(folder / RECORDS)
    images, depths = _frames(folder / IMAGES, ".jpg"), _frames(folder / DEPTHS, ".png")
    _check_counterparts(folder, images, depths, records)
    size_hw = picture_size_hw(next(iter(images.values())))
    views = tuple(
        _view(folder / RECORDS, name, records[name], image, depths[name], size_hw) for name, image in images.items()
    )
    conventions = (
        "Poses: camera to world of the laser scan (aligned_pose), metres: +x right, +y down, +z forward.",
        "Depth: 16-bit millimetres along +z, 0: not measured, with the field of view of the pictures.",
        f"World: of the laser scan; up is {WORLD_UP}.",
        f"Views: {len(views)} of the {len(records)} frames of the recording, those whose pictures were extracted.",
        "Time: of the frame, seconds.",
    )
    return Source(
        KIND, path, views, world_up=WORLD_UP, depth_field_of_view="same", left_out={}, conventions=conventions
    )


def _read_records(file: Path) -> dict[str, Any]:
    records = read_json(file)
    if not isinstance(records, dict) or not records:
        raise ValueError(
            f"`{file}` must be an object of frames, got {reprlib.repr(records)}. Download the file again."
        )
    return records


def _frames(folder: Path, suffix: str) -> dict[str, Path]:
    """Files by the name of their frame, in the order of the video."""
    found = [file for file in folder.iterdir() if file.suffix == suffix] if folder.is_dir() else []
    if not found:
        raise FileNotFoundError(
            f"`{folder}` must hold {suffix} files of the frames, got none. Extract them with "
            "iphone/prepare_iphone_data.py of the toolbox of ScanNet++ (extract_rgb and extract_depth)."
        )
    stray = next((file.name for file in found if not FRAME_NAME.fullmatch(file.stem)), None)
    if stray is not None:
        raise ValueError(f"`{folder}` must hold files called like frame_000000{suffix}, got {stray!r}. Remove it.")
    return {file.stem: file for file in sorted(found, key=lambda file: natural_key(file.name))}


def _check_counterparts(
    folder: Path, images: dict[str, Path], depths: dict[str, Path], records: dict[str, Any]
) -> None:
    for where, found in ((folder / DEPTHS, depths), (folder / RECORDS, records)):
        missing = [name for name in images if name not in found]
        if missing:
            raise ValueError(
                f"`{where}` must have all {len(images)} frames of {folder / IMAGES}, got none for {missing[0]} and "
                f"{len(missing) - 1} more. Extract the recording again, or remove these pictures."
            )


def _view(file: Path, name: str, record: Any, image: Path, depth: Path, size_hw: tuple[int, int]) -> SourceView:
    where = f"{file} {name}"
    if not isinstance(record, dict):
        raise ValueError(f"`{where}` must be an object, got {reprlib.repr(record)}. Download the file again.")
    pose = json_matrix(record.get("aligned_pose"), (4,), f"{where} aligned_pose")
    check_pose(pose, f"{where} aligned_pose")
    time_s = record.get("timestamp")
    return SourceView(
        name=image.name,
        load_image=sized_image_loader(image, size_hw, "the first picture"),
        intrinsics=_intrinsics(record.get("intrinsic"), f"{where} intrinsic", size_hw),
        load_depth=depth_loader(depth, depth_unit="mm"),
        camera_to_world=pose,
        time_s=None if time_s is None else json_number(time_s, f"{where} timestamp"),
    )


def _intrinsics(value: Any, where: str, size_hw: tuple[int, int]) -> np.ndarray:
    if not isinstance(value, list) or [len(row) if isinstance(row, list) else 0 for row in value] != [3, 3, 3]:
        raise ValueError(f"`{where}` must be 3 rows of 3 numbers, got {reprlib.repr(value)}. Download the file again.")
    matrix = np.eye(4)
    matrix[:3, :3] = [[json_number(entry, where) for entry in row] for row in value]
    return read_camera(matrix, where, size_hw)
