# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, the raw data of Polycam: a scan of a phone or tablet with LiDAR, exported in developer mode.

    keyframes/corrected_images/     65505281644.jpg    undistorted; black towards the borders
    keyframes/corrected_cameras/    65505281644.json   t_00 ... t_23 (row, column), fx, fy, cx, cy, width, height
    keyframes/images/, cameras/     the same from ARKit: with lens distortion, poses that drift
    keyframes/depth/                65505281644.png    16 bits, millimetres, smaller than the images, of ARKit
    keyframes/confidence/           65505281644.png    8 bits, beside the depth: 0 low, 127 medium, 255 high

The names are times in microseconds. Poses are camera to world in metres, of ARKit's camera (+x right, +y up, +z
backward, for the picture as stored, which is on its side where the device was upright), in ARKit's world, whose +y is
up. Large scans have no corrected folders, and some scans have not all keyframes in them. polyform takes ARKit's own
for the rest; here these are left out, because poses that drift do not fit those that do not.

Depth belongs to the images with distortion. nerfstudio's converter lays it over the corrected ones too, with the same
field of view, because the coefficients are not exported; so does this reader. polyform's README calls low confidence
"quite unreliable" and advises to filter it out, so that is the default. It says 127 for medium; readers of real files
look for 54, which is 127 seen through the transfer function of sRGB, so both are known here.

ARKit counts pixels from the centre of the first one (ARCamera.h), so nothing is subtracted here; nerfstudio's
converter copies `cx` into a format that counts from the corner. Exports since 2025 leave `width` and `height` out of
the corrected cameras; then they are those of `cameras`.

Sources: PolyCam/polyform, README.md (section "Polycam's data format") and `core/capture_folder.py`; nerfstudio 1.1.5,
`process_data/polycam_utils.py`, and its pull request 3725 (width and height); openMVS, `InterfacePolycam.cpp` (axes).

May import: the standard library, NumPy, the checks of depth, and siblings in `inputs`.
"""

import os
import reprlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from transformers_sr3d.depth_files_sr3d import load_depth
from transformers_sr3d.inputs.arkit_confidence import check_min_confidence, keep_confident, load_confidence
from transformers_sr3d.inputs.files import natural_key, read_json
from transformers_sr3d.inputs.headers import camera_matrix, picture_size_hw
from transformers_sr3d.inputs.json_values import json_number, json_pixels
from transformers_sr3d.inputs.named_files import check_size, sized_image_loader
from transformers_sr3d.inputs.poses import opencv_from_opengl
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "polycam"
FOLDER = "keyframes"
IMAGES, CAMERAS = "images", "cameras"
DEPTH, CONFIDENCE = "depth", "confidence"
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
# Level of each stored number, see above.
CONFIDENCES = {0: 0, 54: 1, 127: 1, 255: 2}
MEDIUM_CONFIDENCE = 1


def is_polycam(path: Path) -> bool:
    """Tell whether a path is a raw export of Polycam.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it has keyframes with cameras.
    """
    return any(os.path.isdir(path / FOLDER / folder) for folder in (CAMERAS, f"corrected_{CAMERAS}"))


def read_polycam(path: str | Path, *, corrected: bool = True, min_confidence: int | None = None) -> Source:
    """Read a raw export of Polycam.

    Args:
        path (`str` or `Path`):
            The folder with `keyframes`.
        corrected (`bool`, defaults to `True`):
            Whether to take undistorted images and optimised poses; otherwise those of ARKit, as if they had no
            distortion.
        min_confidence (`int`, *optional*):
            0, 1 or 2 (low, medium, high): depth of a lower confidence is not measured. 1 unless given, where the
            export has confidence maps.

    Returns:
        `Source`: One view per keyframe, by time; those without a corrected camera or image are in `left_out`.

    Raises:
        FileNotFoundError: If a folder is missing, or the confidence map of a depth map.
        ValueError: If a camera is bad, files have no counterpart, or no keyframe is complete.
    """
    path = Path(path)
    if min_confidence is not None:
        check_min_confidence(min_confidence)
    prefix = "corrected_" if corrected else ""
    images, cameras = (_folder(path, prefix + name, corrected=corrected) for name in (IMAGES, CAMERAS))
    pictures, jsons = _by_stem(images, PICTURE_SUFFIXES), _by_stem(cameras, (".json",))
    lowest = _lowest_confidence(path, min_confidence)
    depths = _depth_maps(path, lowest)
    stems = _all_stems(path, depths)
    views: list[SourceView] = []
    left_out: dict[str, str] = {}
    for stem in stems:
        missing = [name for name, files in ((IMAGES, pictures), (CAMERAS, jsons)) if stem not in files]
        if missing:
            left_out[stem] = f"nothing of that name in {' and '.join(prefix + name for name in missing)}"
            continue
        views.append(_view(jsons[stem], pictures[stem], depths.get(stem), is_first=not views))
    return Source(
        KIND,
        path,
        tuple(views),
        world_up="+y",
        depth_field_of_view="same" if depths else None,
        left_out=left_out,
        conventions=_conventions(lowest, corrected=corrected),
    )


def _folder(path: Path, name: str, *, corrected: bool) -> Path:
    folder = path / FOLDER / name
    if not os.path.isdir(folder):
        hint = (
            "Polycam optimises short scans only (loop closure); pass `corrected=False` for the images and poses of "
            "ARKit, with lens distortion and drift."
            if corrected
            else "Export the raw data again, in developer mode."
        )
        raise FileNotFoundError(f"`{folder}` must be a folder, got none. Check the path. {hint}")
    return folder


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files of a folder by the name of their keyframe; the folder may be missing."""
    if not os.path.isdir(folder):
        return {}
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in suffixes or file.name.startswith("."):
            continue
        if file.stem in files:
            raise ValueError(f"`{folder}` must have one file called {file.stem!r}, got several. Remove the others.")
        files[file.stem] = file
    return files


def _all_stems(path: Path, depths: dict[str, Any]) -> list[str]:
    """Names of all keyframes, by time; a depth map of another name would be lost."""
    folders = [prefix + name for prefix in ("", "corrected_") for name in (IMAGES, CAMERAS)]
    stems = {stem for name in folders for stem in _by_stem(path / FOLDER / name, (*PICTURE_SUFFIXES, ".json"))}
    stray = sorted(set(depths) - stems, key=natural_key)
    if stray:
        raise ValueError(
            f"`{path / FOLDER / DEPTH}` must hold depth maps called like the keyframes, got {stray[0]!r} and "
            f"{len(stray) - 1} more without one. Rename them in pairs, or move them elsewhere."
        )
    return sorted(stems, key=natural_key)


def _lowest_confidence(path: Path, min_confidence: int | None) -> int:
    """Level below which depth is not measured; 0 takes all."""
    folder = path / FOLDER / CONFIDENCE
    if os.path.isdir(folder):
        return MEDIUM_CONFIDENCE if min_confidence is None else min_confidence
    if min_confidence:
        raise FileNotFoundError(
            f"`{folder}` must be a folder for min_confidence={min_confidence}, got none. Leave the option out."
        )
    return 0


def _depth_maps(path: Path, lowest: int) -> dict[str, Callable[[], np.ndarray]]:
    """Loaders of depth by the name of the keyframe."""
    folder = path / FOLDER / CONFIDENCE
    confidences = _by_stem(folder, (".png",)) if lowest else {}
    loaders: dict[str, Callable[[], np.ndarray]] = {}
    for stem, file in _by_stem(path / FOLDER / DEPTH, (".png",)).items():
        if lowest and stem not in confidences:
            raise FileNotFoundError(
                f"`{folder / file.name}` must be the confidence of {file}, got no such file. Restore it, or pass "
                "`min_confidence=0` to take all depth."
            )
        loaders[stem] = partial(_load_depth, file, confidences.get(stem), lowest)
    return loaders


def _view(camera: Path, picture: Path, load_depth_map: Callable | None, *, is_first: bool) -> SourceView:
    values = _read_camera(camera)
    size_hw = _size_hw(values, camera, picture)
    if is_first:
        check_size(picture, picture_size_hw(picture), size_hw, str(camera))
    given = {key: json_number(values.get(key), f"{camera} [{key!r}]") for key in ("fx", "fy", "cx", "cy")}
    rows = [[json_number(values.get(f"t_{i}{j}"), f"{camera} ['t_{i}{j}']") for j in range(4)] for i in range(3)]
    pose = np.array([*rows, [0.0, 0.0, 0.0, 1.0]])
    check_pose(pose, f"{camera} t_00 to t_23")
    return SourceView(
        name=picture.stem,
        load_image=sized_image_loader(picture, size_hw, str(camera)),
        intrinsics=camera_matrix(given, str(camera), size_hw),
        load_depth=load_depth_map,
        camera_to_world=opencv_from_opengl(pose),
        time_s=int(picture.stem) / 1e6 if picture.stem.isdecimal() else None,
    )


def _read_camera(file: Path) -> dict[str, Any]:
    values = read_json(file)
    if not isinstance(values, dict):
        raise ValueError(f"`{file}` must be an object with t_00, fx, ..., got {reprlib.repr(values)}. Restore it.")
    return values


def _size_hw(values: dict[str, Any], camera: Path, picture: Path) -> tuple[int, int]:
    """Size of the picture by its own camera, or else by that of ARKit, or else by the picture."""
    original = camera.parent.parent / CAMERAS / camera.name
    if "width" not in values and "height" not in values and camera != original:
        if not os.path.isfile(original):
            return picture_size_hw(picture)
        values, camera = _read_camera(original), original
    if "width" not in values and "height" not in values:
        return picture_size_hw(picture)
    height, width = (json_number(values.get(key), f"{camera} [{key!r}]") for key in ("height", "width"))
    return json_pixels(height, f"{camera} ['height']"), json_pixels(width, f"{camera} ['width']")


def _load_depth(file: Path, confidence_file: Path | None, lowest: int) -> np.ndarray:
    depth = load_depth(file, name=str(file), depth_unit="mm").numpy()
    if confidence_file is None:
        return depth
    stored = load_confidence(confidence_file)
    return keep_confident(depth, stored, lowest, str(confidence_file), confidences=CONFIDENCES)


def _conventions(lowest: int, *, corrected: bool) -> tuple[str, ...]:
    images = (
        "Images: undistorted by Polycam; depth is that of the images with distortion, laid over them as it is."
        if corrected
        else "Images: of ARKit, with lens distortion that nobody states, and poses that drift."
    )
    confidence = f"confidence {lowest} or more of 0 to 2" if lowest else "of any confidence"
    return (
        "Poses: camera to world, metres, turned here from ARKit cameras (+y up, +z backward) to OpenCV ones.",
        images,
        "Pixels: of ARKit, which counts from the centre of the first one.",
        f"Depth: millimetres along the optical axis, as wide as the picture, {confidence}.",
        "World: of ARKit; up is +y.",
        "Time: the name, microseconds.",
    )
