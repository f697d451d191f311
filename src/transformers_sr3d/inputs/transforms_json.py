# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, `transforms.json` of nerfstudio, instant-ngp, NeRFCapture and Blender: one JSON file beside its pictures.

    fl_x, fl_y, cx, cy, w, h           pixels; camera_angle_x, camera_angle_y (radians) where there is no fl_x, fl_y
    camera_model, k1 ... k4, p1, p2    a perspective model and its distortion
    applied_transform, applied_scale   from the original world to this one (nerfstudio)
    integer_depth_scale                units of the poses per unit of integer depth (instant-ngp)
    up                                 direction in the world (instant-ngp)
    frames                             a list of
        file_path                      picture; instant-ngp and Blender leave its suffix out
        transform_matrix               camera to world, OpenGL camera: +x right, +y up, +z backward
        depth_file_path, depth_path    depth map along z, of nerfstudio and of instant-ngp
        any of the keys of the camera  for this picture

nerfstudio lets a key at the top win over the same key in `frames`, instant-ngp the other way round, so the two must
agree here. Without `cx` the middle is meant, without `fl_y` square pixels (instant-ngp). Both add 0.5 to the index of
a pixel before they subtract `cx`: the centre of the first one is at 0.5, so 0.5 is subtracted here.

nerfstudio multiplies all depth, that of `.npy` files too, by `depth_unit_scale_factor`, an option that is not in the
file and 0.001 by default, and gets units of the world before `applied_scale`; so translations are divided by it here.
instant-ngp multiplies by `integer_depth_scale` and gets units of the poses. Its keys `scale`, `offset` and `aabb` say
how it places the scene when it trains, not what the file holds, and mean nothing here.

Whether a unit is a metre is stated nowhere (poses come from COLMAP as well as from ARKit), and which axis is up only
by `up`: Blender has +z, polyform's files of phone scans have +y. So the caller must say what the file does not.

Sources: nerfstudio 1.1.5, `data/dataparsers/nerfstudio_dataparser.py`, `data/datasets/depth_dataset.py`,
`cameras/cameras.py` (`get_image_coords`), `docs/quickstart/data_conventions.md`; instant-ngp, `src/nerf_loader.cu`.

May import: the standard library, NumPy, the checks of depth, and siblings in `inputs`.
"""

import math
import os
import reprlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from transformers_sr3d.camera_matrices_sr3d import WORLD_UP
from transformers_sr3d.depth_files_sr3d import check_depth_settings, load_depth
from transformers_sr3d.input_checks_sr3d import check_choice
from transformers_sr3d.inputs.files import IMAGE_SUFFIXES, natural_key, read_json
from transformers_sr3d.inputs.headers import picture_size_hw
from transformers_sr3d.inputs.json_values import json_matrix, json_number
from transformers_sr3d.inputs.lens import lens_convention
from transformers_sr3d.inputs.named_files import check_inside, check_size, file_inside, sized_image_loader
from transformers_sr3d.inputs.poses import opencv_from_opengl
from transformers_sr3d.inputs.source import RIGID_TOLERANCE, WORLD_UNITS, Source, SourceView, check_pose
from transformers_sr3d.inputs.transforms_camera import read_camera


KIND = "transforms_json"
FILE_NAME = "transforms.json"
DEPTH_SCALE = 0.001  # nerfstudio's `depth_unit_scale_factor`
MAX_APPLIED_SCALE = 1e6


def is_transforms_json(path: Path) -> bool:
    """Tell whether a path is a `transforms.json` or a folder with one.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it is a file called `transforms*.json` or a folder that has one.
    """
    return bool(_candidates(path))


def read_transforms_json(
    path: str | Path,
    *,
    world_up: str | None = None,
    world_unit: str | None = None,
    depth_scale: float | None = None,
    ignore_distortion: bool = False,
) -> Source:
    """Read a `transforms.json`.

    Args:
        path (`str` or `Path`):
            The file, or its folder.
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`: axis of the poses that points up. Needed unless the file has `up`.
        world_unit (`str`, *optional*):
            `"m"` or `"unknown"`: unit of the poses, and of depth times `depth_scale`, before `applied_scale`. Needed
            with depth; without depth, not known unless given.
        depth_scale (`float`, *optional*):
            Units of the world per unit of the depth maps, nerfstudio's `depth_unit_scale_factor`. Needed unless the
            depth maps are PNG files (0.001) or the file has `integer_depth_scale`.
        ignore_distortion (`bool`, defaults to `False`):
            Whether to take pictures with lens distortion as if they had none.

    Returns:
        `Source`: One view per entry of `frames`, by number in the name.

    Raises:
        FileNotFoundError: If the file is missing, or one that it names.
        TypeError: If an option is of a wrong type.
        ValueError: If the file contradicts itself, has another kind of camera, or does not tell what must be said.
    """
    file = _find_file(Path(path))
    meta = _read_meta(file)
    applied_scale = _check_applied(meta, file)
    up = _world_up(meta, world_up, file)
    has_depth = any(_depth_key(frame, file) for frame in meta["frames"])
    _check_said(file, world_unit, depth_scale, has_depth=has_depth)
    scale = _stated_depth_scale(meta, depth_scale, applied_scale, file)
    views: list[SourceView] = []
    shifts_px = [0.0]
    for where, frame, picture in _entries(meta["frames"], file):
        camera = read_camera(meta, frame, picture, where, ignore_distortion=ignore_distortion)
        if not views:
            check_size(picture, picture_size_hw(picture), camera.size_hw, where)
        shifts_px.append(camera.shift_px)
        view = SourceView(
            name=frame["file_path"],
            load_image=sized_image_loader(picture, camera.size_hw, where),
            intrinsics=camera.intrinsics,
            load_depth=_depth_loader(file, frame, where, scale, is_metric=world_unit == "m"),
            camera_to_world=_pose(frame, where, applied_scale),
        )
        views.append(view)
    unit = world_unit or "unknown"
    return Source(
        KIND,
        Path(path),
        tuple(views),
        world_up=up,
        world_unit=unit,
        depth_field_of_view="same" if has_depth else None,  # nerfstudio stretches depth maps over the picture
        conventions=_conventions(up, unit, scale, has_depth=has_depth) + lens_convention(max(shifts_px)),
    )


def _candidates(path: Path) -> list[Path]:
    """Files that a path can mean."""
    if os.path.isfile(path):
        return [path] if path.name.startswith("transforms") and path.suffix == ".json" else []
    if os.path.isfile(path / FILE_NAME):
        return [path / FILE_NAME]
    try:
        names = os.listdir(path)
    except (OSError, ValueError):
        return []
    found = sorted(name for name in names if name.startswith("transforms") and name.endswith(".json"))
    return [path / name for name in found if os.path.isfile(path / name)]


def _find_file(path: Path) -> Path:
    if os.path.isfile(path):
        return path
    found = _candidates(path)
    if not found:
        raise FileNotFoundError(f"`{path}` must be a `{FILE_NAME}` or a folder with one, got none. Check the path.")
    if len(found) > 1:
        raise ValueError(
            f"`{path}` must have one `{FILE_NAME}`, got {', '.join(file.name for file in found)}. "
            "Pass the path of one of these files."
        )
    return found[0]


def _read_meta(file: Path) -> dict[str, Any]:
    meta = read_json(file)
    frames = meta.get("frames") if isinstance(meta, dict) else meta
    if not isinstance(meta, dict) or not isinstance(frames, list) or not frames:
        raise ValueError(f"`{file}` must have a list of `frames`, got {reprlib.repr(frames)}. Export it again.")
    for index, frame in enumerate(frames):
        if not isinstance(frame, dict):
            raise ValueError(
                f"`{file} frames[{index}]` must be an object, got {reprlib.repr(frame)}. Repair the file."
            )
    return meta


def _entries(frames: list[dict[str, Any]], file: Path) -> Iterator[tuple[str, dict[str, Any], Path]]:
    """How messages call an entry, the entry, and its picture; by number in the name, as instant-ngp sorts."""
    names = [
        _name(frame.get("file_path"), f"{file} frames[{index}]['file_path']") for index, frame in enumerate(frames)
    ]
    seen: set[Path] = set()
    for index in sorted(range(len(names)), key=lambda index: natural_key(names[index])):
        where = f"{file} frames[{index}]"
        picture = _picture(file.parent, names[index], f"{where}['file_path']")
        if picture in seen:
            raise ValueError(f"`{where}` must name a picture of its own, got {names[index]!r} again. Remove one.")
        seen.add(picture)
        yield where, frames[index], picture


def _name(value: Any, where: str) -> str:
    # As instant-ngp does for files that were written on Windows.
    return check_inside(value.replace("\\", "/") if isinstance(value, str) else value, where)


def _picture(folder: Path, name: str, where: str) -> Path:
    if Path(name).suffix or os.path.isfile(folder / name):
        return file_inside(folder, name, where)
    found = [name + suffix for suffix in IMAGE_SUFFIXES if os.path.isfile(folder / (name + suffix))]
    if len(found) > 1:
        raise ValueError(f"`{where}` must name one picture, got {', '.join(found)}. Write the suffix into the file.")
    return file_inside(folder, found[0] if found else name, where)


def _pose(frame: Mapping[str, Any], where: str, applied_scale: float) -> np.ndarray:
    where = f"{where}['transform_matrix']"
    pose = json_matrix(frame.get("transform_matrix"), (4, 3), where)
    check_pose(pose, where)
    pose[:3, 3] /= applied_scale
    return opencv_from_opengl(pose)


def _check_applied(meta: Mapping[str, Any], file: Path) -> float:
    """Scale that was applied to the world; a transform that was applied must not hide another one."""
    if meta.get("applied_transform") is not None:
        where = f"{file} ['applied_transform']"
        check_pose(json_matrix(meta["applied_transform"], (3, 4), where), where)
    if meta.get("applied_scale") is None:
        return 1.0
    scale = json_number(meta["applied_scale"], f"{file} ['applied_scale']")
    if not 1 / MAX_APPLIED_SCALE <= scale <= MAX_APPLIED_SCALE:
        raise ValueError(
            f"`{file} ['applied_scale']` must be from {1 / MAX_APPLIED_SCALE:g} to {MAX_APPLIED_SCALE:g}, got "
            f"{scale:g}. Repair the file."
        )
    return scale


def _world_up(meta: Mapping[str, Any], given: str | None, file: Path) -> str:
    if given is not None:
        check_choice(given, "world_up", WORLD_UP)
    stated = None if meta.get("up") is None else _axis(meta["up"], f"{file} ['up']")
    if given is None and stated is None:
        raise ValueError(
            f"`world_up` must be given for {file}, got None: the file does not tell which axis points up. Blender has "
            '"+z", polyform "+y", COLMAP none; pass "+x" to "-z", or "unknown".'
        )
    if given is not None and stated is not None and given != stated:
        raise ValueError(
            f"`world_up` must be {stated!r}, as `up` in {file} states, got {given!r}. Leave it out, or correct `up`."
        )
    return str(given or stated)


def _axis(value: Any, where: str) -> str | None:
    """Word of a direction along an axis; None for another direction, which has no word."""
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"`{where}` must be 3 numbers, got {reprlib.repr(value)}. Repair the file.")
    direction = np.array([json_number(entry, f"{where}[{index}]") for index, entry in enumerate(value)])
    axis = int(np.abs(direction).argmax())
    along = abs(direction[axis]) >= (1 - RIGID_TOLERANCE) * np.linalg.norm(direction) > 0
    return f"{'+' if direction[axis] > 0 else '-'}{'xyz'[axis]}" if along else None


def _check_said(file: Path, world_unit: str | None, depth_scale: float | None, *, has_depth: bool) -> None:
    if world_unit is not None:
        check_choice(world_unit, "world_unit", WORLD_UNITS)
    check_depth_settings(depth_unit=None, depth_scale=depth_scale, depth_kind="metric")
    if depth_scale is not None and not has_depth:
        raise ValueError(
            f"`depth_scale` has no effect on {file}, which has no depth, got {depth_scale}. Leave it out."
        )
    if has_depth and world_unit is None:
        raise ValueError(
            f"`world_unit` must be given for {file}, got None: it has depth, and does not tell whether its unit is a "
            'metre. Pass "m" for poses and depth of a depth camera or a renderer, "unknown" for a reconstruction.'
        )


def _depth_key(frame: Mapping[str, Any], file: Path) -> str | None:
    found = [key for key in ("depth_file_path", "depth_path") if frame.get(key) is not None]
    if len(found) > 1:
        raise ValueError(
            f"`{file}` must name one depth map of {frame.get('file_path')!r}, got {' and '.join(found)}. Remove one."
        )
    return found[0] if found else None


def _stated_depth_scale(
    meta: Mapping[str, Any], given: float | None, applied_scale: float, file: Path
) -> float | None:
    """Units of the world per unit of depth, as the caller or the file states."""
    if meta.get("integer_depth_scale") is None:
        return given
    where = f"{file} ['integer_depth_scale']"
    stated = json_number(meta["integer_depth_scale"], where)
    if not stated > 0 or applied_scale != 1.0 or (given is not None and not math.isclose(given, stated, rel_tol=1e-4)):
        raise ValueError(
            f"`{where}` must be above 0, agree with `depth_scale`, and stand alone, got {stated:g} beside "
            f"depth_scale={given} and applied_scale={applied_scale:g}. Remove the key, or leave the option out."
        )
    return stated


def _depth_loader(
    file: Path, frame: Mapping[str, Any], where: str, scale: float | None, *, is_metric: bool
) -> Callable[[], np.ndarray] | None:
    key = _depth_key(frame, file)
    if key is None:
        return None
    where = f"{where}[{key!r}]"
    path = file_inside(file.parent, _name(frame[key], where), where)
    if scale is None and (path.suffix.lower() != ".png" or key == "depth_path"):
        raise ValueError(
            f"`depth_scale` must be given for {path}, got None: only PNG files of nerfstudio are thousandths unless "
            "told otherwise, and the file has no `integer_depth_scale`. Pass 1 for metres, 0.001 for millimetres."
        )
    return partial(_load_depth, path, scale or DEPTH_SCALE, is_metric)


def _load_depth(path: Path, scale: float, is_metric: bool) -> np.ndarray:
    # Without unit first: floating-point depth of this source need not be metres.
    stored = load_depth(path, name=str(path), depth_kind="relative").numpy()
    kind = "metric" if is_metric else "relative"
    try:
        return load_depth(stored * np.float32(scale), name=str(path), depth_kind=kind).numpy()
    except ValueError as error:
        raise ValueError(f"{error} Its numbers were multiplied by depth_scale={scale:g}.") from error


def _conventions(up: str, unit: str, scale: float | None, *, has_depth: bool) -> tuple[str, ...]:
    depth = f"Depth: along the optical axis, stored numbers times {scale or DEPTH_SCALE:g}, as wide as the picture."
    world = {"m": "metres, as the caller said", "unknown": "unknown"}[unit]
    return (
        "Poses: camera to world, turned here from OpenGL cameras (+y up, +z backward) to OpenCV ones.",
        "Pixels: cx and cy count from the corner of the picture, so 0.5 is subtracted.",
        *([depth] if has_depth else []),
        f"World: of the file, before its applied_scale; unit {world}; up is {up}.",
    )
