# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, a scene on disk: a folder with `scene.json` and the files it names -> arguments of processor and pipeline.

`scene.json` holds everything that must not be guessed: version, depth unit, camera axes, up, and per view the file
names, intrinsics and a pose under the name of its direction.

    {"version": 1, "depth_unit": "mm", "camera_axes": "opencv", "world_up": "+z",
     "views": [{"image": "image_000.png", "depth": "depth_000.png", "intrinsics": [[..], [..], [..]],
                "camera_to_world": [[..], [..], [..], [..]], "instances": "instances_000.png"}],
     "objects": [{"name": "box", "center": [..], "size": [..], "rotation": [[..], [..], [..]]}]}

`depth`, the pose, `world_up` (required with poses), `camera_axes`, `objects` and `instances` are optional; null counts
as absent. `objects` and `instances` (16-bit: 0 nothing, k the k-th object) are knowledge about a scene and no inputs.
A view without a pose among posed ones must have no depth. Unknown keys are refused, because a misspelt pose would
otherwise be silence, and so are keys that come twice. The processor checks what the numbers mean; this file checks
that they are numbers, and how many. File names are relative and stay inside the folder, so that a scene from elsewhere
cannot name other files.

May import: the standard library, NumPy, PIL, and the tables of words and units that the processor checks by.
"""

import json
import os
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.camera_matrices_sr3d import CAMERA_AXES, WORLD_UP
from transformers_sr3d.depth_files_sr3d import METRES_PER_UNIT


SCENE_FILE = "scene.json"
SCENE_VERSION = 1
POSE_KEYS = ("camera_to_world", "world_to_camera")
SCENE_KEYS = ("version", "depth_unit", "camera_axes", "world_up", "views", "objects")
MATRIX_SHAPES = {"intrinsics": (3, 3)} | dict.fromkeys(POSE_KEYS, (4, 4))
VIEW_KEYS = ("image", "depth", "instances", *MATRIX_SHAPES)
WORDS = {"depth_unit": tuple(METRES_PER_UNIT), "camera_axes": CAMERA_AXES, "world_up": WORLD_UP}
OBJECT_SHAPES = {"center": (3,), "size": (3,), "rotation": (3, 3)}
MAX_STORED_DEPTH = 65535
PNG_COMPRESSION = 6
MAX_NAME_BYTES = 255  # what file systems allow for one name


def save_scene(
    folder: str | Path,
    views: Sequence[Mapping[str, Any]],
    *,
    world_up: str | None,
    camera_axes: str = "opencv",
    depth_unit: str = "mm",
    objects: Sequence[Mapping[str, Any]] | None = None,
    png_compression: int = PNG_COMPRESSION,
) -> Path:
    """Write a scene folder; until the last moment it has no `scene.json`, so a half-written scene is never read.

    Args:
        folder (`str` or `Path`):
            Where to write; made if it is not there. A scene in it is replaced.
        views (`Sequence[Mapping]`):
            One mapping per view with `image` (PIL image or `np.ndarray` of shape `(H, W, 3)`, uint8), `intrinsics`
            (`(3, 3)`, pixels), optionally `depth` (`np.ndarray` of shape `(h, w)`: floats are metres, unsigned 16-bit
            integers are `depth_unit` and kept to the last bit), `camera_to_world` or `world_to_camera` (`(4, 4)`), and
            `instances` (`np.ndarray` of shape `(H, W)`, uint16: 0 nothing, k what `objects[k - 1]` is).
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`; None only without poses.
        camera_axes (`str`, defaults to `"opencv"`):
            `"opencv"` or `"opengl"`: camera frame of the poses.
        depth_unit (`str`, defaults to `"mm"`):
            Unit of the stored 16-bit depth: `"mm"`, `"cm"` or `"m"`.
        objects (`Sequence[Mapping]`, *optional*):
            Known objects: `name`, `center` (`(3,)`, metres, world), `size` (`(3,)`, full extents), `rotation`
            (`(3, 3)`, box to world).
        png_compression (`int`, defaults to 6):
            From 0 (fast) to 9 (small).

    Returns:
        `Path`: The `scene.json` that was written.

    Raises:
        TypeError: If an image or depth map has a wrong type.
        ValueError: If a key is missing or unknown, a shape is wrong, a pose direction is bad, or depth does not fit
            into 16 bits.
    """
    folder = Path(folder)
    entries, files = [], {}
    for index, view in enumerate(views):
        _check_keys(view, VIEW_KEYS, ("image", "intrinsics"), f"views[{index}]")
        entry: dict[str, Any] = {"image": f"image_{index:03d}.png"}
        files[entry["image"]] = _to_picture(view["image"], f"views[{index}]['image']")
        if view.get("depth") is not None:
            entry["depth"] = f"depth_{index:03d}.png"
            files[entry["depth"]] = _to_stored_depth(view["depth"], depth_unit, f"views[{index}]['depth']")
        if view.get("instances") is not None:
            entry["instances"] = f"instances_{index:03d}.png"
            numbers = _to_instances(view["instances"], len(objects or ()), f"views[{index}]['instances']")
            files[entry["instances"]] = numbers
        for key, shape in MATRIX_SHAPES.items():
            if view.get(key) is not None:
                entry[key] = _to_list(view[key], shape, f"views[{index}][{key!r}]")
        entries.append(entry)
    scene = {"version": SCENE_VERSION, "depth_unit": depth_unit, "camera_axes": camera_axes, "views": entries}
    scene |= {} if world_up is None else {"world_up": world_up}
    scene |= {} if objects is None else {"objects": _object_entries(objects)}
    _check_scene(scene, str(folder))
    _write_files(folder, files, json.dumps(scene, indent=1) + "\n", png_compression)
    return folder / SCENE_FILE


def load_scene(folder: str | Path) -> dict[str, Any]:
    """Read a scene folder as keyword arguments of the processor and the pipeline.

    Args:
        folder (`str` or `Path`):
            A folder with a `scene.json`.

    Returns:
        `dict[str, Any]`: `images` (paths), `intrinsics`, where the scene has depth `depths` (paths or None) and
        `depth_unit`, and where it has poses `camera_to_world` or `world_to_camera`, `camera_axes` and `world_up`.

    Raises:
        FileNotFoundError: If `scene.json` or a file it names is missing.
        ValueError: If `scene.json` is not JSON, has an unknown version, a missing, unknown or repeated key, a value
            of a wrong type or a bad pose direction, or names a file outside the folder.
    """
    scene = _read_scene(folder)
    views = scene["views"]
    arguments: dict[str, Any] = {
        "images": [_inside(folder, view["image"], f"views[{index}]['image']") for index, view in enumerate(views)],
        "intrinsics": [view["intrinsics"] for view in views],
    }
    depths = [
        _inside(folder, view["depth"], f"views[{index}]['depth']") if view.get("depth") is not None else None
        for index, view in enumerate(views)
    ]
    if any(depth is not None for depth in depths):
        arguments |= {"depths": depths, "depth_unit": scene["depth_unit"]}
    for key in POSE_KEYS:
        poses = [view.get(key) for view in views]
        if any(pose is not None for pose in poses):
            arguments[key] = poses
            arguments |= {"camera_axes": scene.get("camera_axes") or "opencv", "world_up": scene["world_up"]}
    return arguments


def load_scene_objects(folder: str | Path) -> list[dict[str, Any]]:
    """Read the known objects of a scene folder.

    Args:
        folder (`str` or `Path`):
            A folder with a `scene.json`.

    Returns:
        `list[dict[str, Any]]`: `name`, `center`, `size` and `rotation` (lists of numbers, metres, world) per object;
        empty if the scene has none. Without `name` an entry is a `box_3d` region.

    Raises:
        FileNotFoundError: If `scene.json` is missing.
        ValueError: As `load_scene`.
    """
    return _read_scene(folder).get("objects") or []


def load_scene_instances(folder: str | Path) -> list[str | None]:
    """Find the pictures of a scene folder that say what each pixel shows.

    Args:
        folder (`str` or `Path`):
            A folder with a `scene.json`.

    Returns:
        `list[str | None]`: Per view a 16-bit PNG (0 nothing, k the k-th of `load_scene_objects`), or None.

    Raises:
        FileNotFoundError: If `scene.json` or a file it names is missing.
        ValueError: As `load_scene`.
    """
    names = [view.get("instances") for view in _read_scene(folder)["views"]]
    return [
        None if name is None else _inside(folder, name, f"views[{index}]['instances']")
        for index, name in enumerate(names)
    ]


def _read_scene(folder: str | Path) -> dict[str, Any]:
    path = Path(folder) / SCENE_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"`folder` must contain {SCENE_FILE}, got {str(folder)!r} without it. Write the scene with `save_scene`."
        )
    try:
        scene = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or lists in lists without end
        raise ValueError(
            f"`{SCENE_FILE}` must be JSON in UTF-8, got {str(path)!r}: {str(error)[:200]}. Repair or rewrite the file."
        ) from error
    _check_scene(scene, str(path))
    return scene


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(pairs)
    if len(entry) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"one object has the key {max(keys, key=keys.count)!r} twice")
    return entry


def _check_scene(scene: Any, where: str) -> None:
    version = scene.get("version") if isinstance(scene, Mapping) else f"a {type(scene).__name__}"
    if version != SCENE_VERSION or isinstance(version, bool):
        raise ValueError(
            f"`version` of a scene must be {SCENE_VERSION}, got {reprlib.repr(version)} in {where}. "
            "Write the scene with `save_scene`, or update this package if the scene is newer."
        )
    _check_keys(scene, SCENE_KEYS, ("views",), where)
    if not isinstance(scene["views"], list) or not scene["views"]:
        raise ValueError(
            f"`views` must be a list with at least one view, got {reprlib.repr(scene['views'])}. Add a view."
        )
    for index, view in enumerate(scene["views"]):
        _check_keys(view, VIEW_KEYS, ("image", "intrinsics"), f"views[{index}] of {where}")
        for key, shape in MATRIX_SHAPES.items():
            if view.get(key) is not None:
                _to_list(view[key], shape, f"views[{index}][{key!r}]")
    if any(view.get("depth") is not None for view in scene["views"]):
        _check_keys(scene, SCENE_KEYS, ("depth_unit",), where)
    for key, allowed in WORDS.items():
        if scene.get(key) is not None:
            _check_word(scene[key], key, allowed)
    objects = [] if scene.get("objects") is None else scene["objects"]
    if not isinstance(objects, list):
        raise ValueError(f"`objects` must be a list, got {reprlib.repr(objects)}. Write one entry per object.")
    _object_entries(objects)
    _check_poses(scene, where)


def _check_poses(scene: Mapping[str, Any], where: str) -> None:
    directions = [tuple(key for key in POSE_KEYS if view.get(key) is not None) for view in scene["views"]]
    posed = {direction for direction in directions if direction}
    if len(posed) > 1 or any(len(direction) > 1 for direction in posed):
        raise ValueError(
            f"All `views` must give their pose in one direction, {' or '.join(POSE_KEYS)}, "
            f"got {directions} in {where}. Keep one direction and invert the others."
        )
    for index, (view, direction) in enumerate(zip(scene["views"], directions, strict=True)):
        if posed and not direction and view.get("depth") is not None:
            raise ValueError(
                f"`views[{index}]` must have a pose like the others, or no depth, got depth and no pose in {where}. "
                "Add its pose, or remove its depth."
            )
    if posed and scene.get("world_up") is None:
        raise ValueError(
            f"`world_up` must be given with poses, one of {WORLD_UP}, got none in {where}. "
            'Add the axis that points up, or "unknown".'
        )


def _check_word(value: Any, name: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"`{name}` must be one of {allowed}, got {reprlib.repr(value)}. Choose one of these words.")


def _check_keys(entry: Any, allowed: tuple[str, ...], required: tuple[str, ...], where: str) -> None:
    if not isinstance(entry, Mapping):
        raise ValueError(
            f"`{where}` must be a mapping with the keys {allowed}, got {reprlib.repr(entry)}. Write it as an object."
        )
    missing = [key for key in required if entry.get(key) is None]
    if missing:
        raise ValueError(f"`{where}` must have the keys {required}, got none for {missing}. Add what is missing.")
    unknown = [key for key in entry if key not in allowed]
    if unknown:
        raise ValueError(
            f"`{where}` may have the keys {allowed}, got {reprlib.repr(unknown)}. Rename or remove them; "
            f"a pose stands under the name of its direction, {' or '.join(POSE_KEYS)}."
        )


def _inside(folder: str | Path, name: Any, where: str) -> str:
    """Path of a file that a scene names, after checking that it is there and inside the folder."""
    if not isinstance(name, str):
        raise ValueError(
            f"`{where}` must be a relative path inside the scene folder, got {reprlib.repr(name)}. "
            "Write the name of the file in quotes."
        )
    encoded = name.encode(errors="ignore")
    longest = max(map(len, encoded.split(b"/")))
    if "\0" in name or encoded.decode() != name or longest > MAX_NAME_BYTES:
        raise ValueError(
            f"`{where}` must be a path of names of at most {MAX_NAME_BYTES} bytes without NUL or half a surrogate "
            f"pair, got {reprlib.repr(name)} with {longest} bytes. Rename the file."
        )
    root, parts = Path(folder), (PurePosixPath(name), PureWindowsPath(name))
    try:
        is_inside, is_file = (root / name).resolve().is_relative_to(root.resolve()), (root / name).is_file()
    except (OSError, RuntimeError) as error:  # longer than a path may be, or links in a circle
        raise ValueError(f"`{where}` must name a file, got {reprlib.repr(name)}: {error}. Rename it.") from error
    if not is_inside or any(path.is_absolute() or path.drive or ".." in path.parts for path in parts):
        raise ValueError(
            f"`{where}` must be a relative path inside the scene folder, got {name!r}. "
            "Copy the file into the folder and name it without `..`."
        )
    if not is_file:
        raise FileNotFoundError(
            f"`{where}` must name a file in {str(folder)!r}, got {name!r}, which is not there. "
            "Restore the file or correct the name."
        )
    return str(root / name)


def _to_picture(image: Any, where: str) -> Image.Image:
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return Image.fromarray(image)
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    kind = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    raise TypeError(
        f"`{where}` must be a PIL image or a uint8 array of shape (H, W, 3), got {kind}. Convert it before saving."
    )


def _to_stored_depth(depth: Any, depth_unit: str, where: str) -> Image.Image:
    _check_word(depth_unit, "depth_unit", tuple(METRES_PER_UNIT))
    depth = np.asarray(depth)
    if depth.ndim != 2 or not (depth.dtype == np.uint16 or depth.dtype.kind == "f"):
        raise TypeError(
            f"`{where}` must be a floating-point (metres) or uint16 ({depth_unit}) array of shape (H, W), got "
            f"{depth.dtype} of shape {depth.shape}. Convert it so that its unit is known."
        )
    if depth.dtype == np.uint16:
        return Image.fromarray(depth)
    measured = np.isfinite(depth) & (depth > 0)
    steps = np.round(np.where(measured, depth, 0).astype(np.float64) / METRES_PER_UNIT[depth_unit])
    if steps.max(initial=0) > MAX_STORED_DEPTH:
        raise ValueError(
            f"`{where}` must fit into 16 bits, at most {MAX_STORED_DEPTH * METRES_PER_UNIT[depth_unit]:g} m in "
            f"{depth_unit}, got {depth[measured].max():g} m. Save with a coarser `depth_unit`, or set far depth to 0."
        )
    return Image.fromarray(steps.astype(np.uint16))


def _to_instances(instances: Any, num_objects: int, where: str) -> Image.Image:
    if not isinstance(instances, np.ndarray) or instances.dtype != np.uint16 or instances.ndim != 2:
        kind = f"{instances.dtype} of shape {instances.shape}" if isinstance(instances, np.ndarray) else "no array"
        raise TypeError(f"`{where}` must be a uint16 array of shape (H, W), got {kind}. Convert it before saving.")
    if instances.max(initial=0) > num_objects:
        raise ValueError(
            f"`{where}` must be numbers from 0 (nothing) to {num_objects}, the number of objects, got "
            f"{instances.max()}. Number the objects from 1 and pass them all."
        )
    return Image.fromarray(instances)


def _to_list(values: Any, shape: tuple[int, ...], where: str) -> list[Any]:
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        array = np.array(None)
    if array.shape != shape or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(
            f"`{where}` must be finite numbers of shape {shape}, got shape {array.shape}: {reprlib.repr(values)}. "
            "Pass them as an array or nested lists."
        )
    return array.astype(np.float64).tolist()


def _object_entries(objects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    entries = []
    for index, thing in enumerate(objects):
        where = f"objects[{index}]"
        _check_keys(thing, ("name", *OBJECT_SHAPES), ("name", *OBJECT_SHAPES), where)
        if not isinstance(thing["name"], str):
            raise ValueError(f"`{where}['name']` must be text, got {reprlib.repr(thing['name'])}. Put it into quotes.")
        arrays = {key: _to_list(thing[key], shape, f"{where}[{key!r}]") for key, shape in OBJECT_SHAPES.items()}
        entries.append({"name": thing["name"]} | arrays)
    return entries


def _write_files(folder: Path, files: Mapping[str, Image.Image], scene_text: str, png_compression: int) -> None:
    """Write under temporary names, then rename; the old `scene.json` goes first and the new one comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    staged = {name: folder / f".{name}.{os.getpid()}.partial" for name in (*files, SCENE_FILE)}
    try:
        for name, picture in files.items():
            picture.save(staged[name], format="PNG", compress_level=png_compression)
        staged[SCENE_FILE].write_text(scene_text, encoding="utf-8")
        (folder / SCENE_FILE).unlink(missing_ok=True)
        for name, path in staged.items():  # `scene.json` is the last of them
            path.replace(folder / name)
    finally:
        for path in staged.values():
            path.unlink(missing_ok=True)
