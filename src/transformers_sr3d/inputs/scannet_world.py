# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, what both readers of ScanNet share: which views lost tracking, which cameras are refused, what is up.

    tracking  `m_cameraToWorld` is -inf until a frame is tracked (SensReader/src/sensorData.h); `applyTransform` there
              asks for the first number, and so does `is_tracking_lost`.
    cameras   The poses are those of the depth camera (`saveToPointCloud`, same file), and its extrinsics lead to the
              colour camera. They are the identity: "Color and depth are already aligned, so no extrinsic matrices
              should be applied" (A. Dai, ScanNet issue 92; issue 2 says the same). Others are refused: no view here
              has two poses.
              `colorToDepthExtrinsics` of `<scan>.txt` is how they were before that, and is not read.
    world     "We automatically align it and all camera poses to a common coordinate frame with the z-axis as the up
              vector, and the xy plane aligned with the floor plane" (Dai et al., ScanNet, CVPR 2017, section 3.2);
              scene0580 is known to be tilted. `axisAlignment` of `<scan>.txt`, 16 numbers by rows, turns points of the
              world about z and shifts them, so that walls run along x and y (VoteNet, scannet/
              load_scannet_data.py, whose boxes are in that world). Test scans have none.

Other scanners write `.sens` files too (BundleFusion: the first camera is the world), so +z counts as up only where a
file or folder has the name of a scan, `scene0000_00`.

May import: the standard library, NumPy, the checks of cameras, and siblings in `inputs`.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transformers_sr3d.camera_matrices_sr3d import WORLD_UP
from transformers_sr3d.input_checks_sr3d import check_choice
from transformers_sr3d.inputs.files import numbers, read_text
from transformers_sr3d.inputs.headers import camera_matrix
from transformers_sr3d.inputs.source import RIGID_TOLERANCE, check_pose


SCANNET_UP = "+z"
ALIGNMENT_KEY = "axisAlignment"
SCAN_IN_NAME = re.compile(r"(?<![A-Za-z0-9])scene[0-9]{4}_[0-9]{2}(?![0-9])")
TRACKING_LOST = "tracking lost: its pose is -inf"
# Published cameras have theirs close to the middle, such as 647.75 of 1296 columns; that of a picture which was made
# smaller afterwards is far off.
MAX_OFF_CENTRE_SHARE = 0.1
POSE_CONVENTION = "Poses: camera to world, metres, one for colour and depth: +x right, +y down, +z forward."


class World(NamedTuple):
    """Where poses lead.

    Attributes:
        aligned_from_world (`np.ndarray` of shape `(4, 4)`): To put in front of the poses.
        up (`str`): Axis that points up.
        convention (`str`): What to tell about it.
    """

    aligned_from_world: np.ndarray
    up: str
    convention: str


def is_tracking_lost(pose: np.ndarray) -> bool:
    """Tell whether a pose is the mark of a frame that was not tracked.

    Args:
        pose (`np.ndarray` of shape `(4, 4)`):
            As stored.

    Returns:
        `bool`: Whether its first number is -inf.
    """
    return bool(pose[0, 0] == -np.inf)


def check_extrinsics(extrinsics: np.ndarray, where: str) -> None:
    """Refuse cameras at different places.

    Args:
        extrinsics (`np.ndarray` of shape `(4, 4)`):
            Of the colour or the depth camera.
        where (`str`):
            How the message calls it.

    Raises:
        ValueError: If it is not the identity.
    """
    off = float(np.abs(extrinsics - np.eye(4)).max())  # NaN where it holds one
    if not off <= RIGID_TOLERANCE:
        raise ValueError(
            f"`{where}` must be the identity to {RIGID_TOLERANCE:g}, as in every published scan, got {off:.4g} off: "
            "colour and depth come from two places. Register the depth maps to the colour camera first."
        )


def read_camera(matrix: np.ndarray, where: str, size_hw: tuple[int, int]) -> np.ndarray:
    """Check the intrinsics of a camera.

    Args:
        matrix (`np.ndarray` of shape `(4, 4)`):
            As stored: 3x3 in the corner of an identity.
        where (`str`):
            How the message calls it.
        size_hw (`tuple[int, int]`):
            Rows and columns of its pictures.

    Returns:
        `np.ndarray` of shape `(3, 3)`, float64.

    Raises:
        ValueError: If it is anything else, or made for pictures of another size.
    """
    corner = np.eye(4)
    corner[:3, :3] = matrix[:3, :3]
    if not np.array_equal(matrix, corner):
        raise ValueError(
            f"`{where}` must be 4x4 with the intrinsics in its corner and an identity around them, got "
            f"{matrix.tolist()}. Export it again."
        )
    intrinsics = camera_matrix(matrix[:3, :3], where, size_hw)
    height, width = size_hw
    cx, cy = intrinsics[0, 2], intrinsics[1, 2]
    if max(abs((cx + 0.5) / width - 0.5), abs((cy + 0.5) / height - 0.5)) > MAX_OFF_CENTRE_SHARE:
        raise ValueError(
            f"`{where}` must be that of pictures of {width}x{height} with the principal point near their middle, got "
            f"cx={cx:g}, cy={cy:g}. Export the pictures at their own size: resized ones keep the old intrinsics."
        )
    return intrinsics


def find_world(path: Path, *, axis_alignment: bool, world_up: str | None) -> World:
    """Find out what is up and whether to align.

    Args:
        path (`Path`):
            The source, which, or a folder around it, may have the name of the scan; `<scan>.txt` is looked for in
            these folders, inside out.
        axis_alignment (`bool`):
            Whether to align if that file says how.
        world_up (`str`, *optional*):
            What the caller said.

    Returns:
        `World`: Of the views.

    Raises:
        ValueError: If the caller must say what is up, or the file is bad.
    """
    if world_up is not None:
        check_choice(world_up, "world_up", WORLD_UP)
    scan = _scan_name(path)
    if scan is None and world_up is None:
        raise ValueError(
            f"`world_up` must be given for {path}, got None, and no file or folder is called like a scan of ScanNet "
            '(scene0000_00), where +z is up. Pass the axis of the poses that points up, "+x" to "-z", or "unknown".'
        )
    up = SCANNET_UP if world_up is None else world_up
    alignment, told = _alignment(path, scan) if axis_alignment else (None, "as asked")
    if alignment is not None and up not in (SCANNET_UP, "unknown"):
        raise ValueError(
            f"`world_up` must be {SCANNET_UP!r} or 'unknown' where {ALIGNMENT_KEY} of {scan}.txt is applied, which "
            f"turns about z, got {up!r}. Leave it out, or pass axis_alignment=False."
        )
    if alignment is None:
        return World(np.eye(4), up, f"World: of the poses, not axis-aligned ({told}); up is {up}.")
    return World(alignment, up, f"World: of the poses, then axis-aligned ({told}); up is {up}.")


def _scan_name(path: Path) -> str | None:
    """Name of the scan, by the innermost name that has one, else by the file of a scan that is in the folder."""
    for part in reversed(Path(os.path.abspath(path)).parts):
        match = SCAN_IN_NAME.search(part)
        if match:
            return match.group()
    found = sorted(file.stem for file in path.glob("scene*.txt") if SCAN_IN_NAME.fullmatch(file.stem))
    if len(found) > 1:
        raise ValueError(
            f"`{path}` must hold the file of one scan, got {found[0]}.txt and {found[1]}.txt. Remove all but its own."
        )
    return found[0] if found else None


def _alignment(path: Path, scan: str | None) -> tuple[np.ndarray | None, str]:
    """Matrix of the scan, if it has one, and what to tell about it."""
    if scan is None:
        return None, "no name of a scan"
    folders = _folders_of_scan(Path(os.path.abspath(path)), scan)
    file = next((folder / f"{scan}.txt" for folder in folders if os.path.isfile(folder / f"{scan}.txt")), None)
    if file is None:
        return None, f"no {scan}.txt"
    matrix = _read_alignment(file)
    return matrix, f"{ALIGNMENT_KEY} of {file.name}" if matrix is not None else f"no {ALIGNMENT_KEY} in {file.name}"


def _folders_of_scan(path: Path, scan: str) -> list[Path]:
    """The folder, those around it up to the one that is called like the scan, and the one around that."""
    around = [path, *path.parents]
    named = [place for place, folder in enumerate(around) if scan in folder.name]
    return around[: named[0] + 2] if named else [path]


def _read_alignment(file: Path) -> np.ndarray | None:
    """Matrix of `axisAlignment = 16 numbers`, or None where there is none."""
    found = None
    for line, text in enumerate(read_text(file).splitlines(), start=1):
        key, _, value = text.partition("=")
        if key.strip() != ALIGNMENT_KEY:
            continue
        where = f"{file} line {line}"
        if found is not None:
            raise ValueError(f"`{where}` must be the only {ALIGNMENT_KEY}, got a second one. Remove one of them.")
        words = value.split()
        if len(words) != 16:
            raise ValueError(f"`{where}` must give {ALIGNMENT_KEY} 16 numbers, got {len(words)}. Restore the file.")
        found = numbers(words, where).reshape(4, 4)
        check_pose(found, where)
        if abs(found[2, 2] - 1) > RIGID_TOLERANCE:
            raise ValueError(
                f"`{where}` must turn about z, which is up, got a turn that leaves {found[2, 2]:.4g} of it. "
                "Restore the file, or pass axis_alignment=False."
            )
    return found
