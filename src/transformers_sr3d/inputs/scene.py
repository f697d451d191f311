# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, a scene on disk: a folder with `scene.json` and the files it names -> arguments of processor and pipeline.

`scene.json` holds everything that must not be guessed: version, depth unit, camera axes, up, and per view the file
names, intrinsics and a pose under the name of its direction.

    {"version": 1, "depth_unit": "mm", "camera_axes": "opencv", "world_up": "+z",
     "views": [{"image": "image_000.png", "depth": "depth_000.png", "intrinsics": [[..], [..], [..]],
                "camera_to_world": [[..], [..], [..], [..]], "instances": "instances_000.png"}],
     "objects": [{"name": "box", "center": [..], "size": [..], "rotation": [[..], [..], [..]]}]}

Only `version`, `views` and each `image` must be there; `depth` needs `depth_unit` and `intrinsics`, poses need
`world_up`, and null counts as absent. Further keys: `depth_intrinsics` of a view, or `"depth_field_of_view":
"same"` of the scene, where depth has another size than its image; `"world_unit": "unknown"` where poses and depth
(`.npy`) share a unit that nobody knows; `name` and `time_s` (seconds) of a view; `"depth_is_estimated": true` where
pictures are all that was measured; and `conventions`, sentences of the reader that the scene comes from. `objects` and
`instances` (16-bit: 0 nothing, k the k-th object) are knowledge about a scene and no inputs. A view without a pose
among posed ones must have no depth. Unknown keys are refused, because a misspelt pose would otherwise be silence, and
so are keys that come twice. The processor checks what the numbers mean; this file checks that they are numbers, and
how many. File names are relative and stay inside the folder, so that a scene from elsewhere cannot name other files.

May import: the standard library, NumPy, PIL, and the tables of words and units that the processor checks by.
"""

import json
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from transformers_sr3d.camera_inputs_sr3d import DEPTH_FIELDS_OF_VIEW
from transformers_sr3d.camera_matrices_sr3d import CAMERA_AXES, WORLD_UNITS, WORLD_UP
from transformers_sr3d.depth_files_sr3d import METRES_PER_UNIT


SCENE_FILE = "scene.json"
SCENE_VERSION = 1
POSE_KEYS = ("camera_to_world", "world_to_camera")
WORDS = {
    "depth_unit": tuple(METRES_PER_UNIT),
    "camera_axes": CAMERA_AXES,
    "world_up": WORLD_UP,
    "world_unit": WORLD_UNITS,
    "depth_field_of_view": DEPTH_FIELDS_OF_VIEW,
}
SCENE_KEYS = ("version", *WORDS, "views", "objects", "conventions", "depth_is_estimated")
MATRIX_SHAPES = dict.fromkeys(("intrinsics", "depth_intrinsics"), (3, 3)) | dict.fromkeys(POSE_KEYS, (4, 4))
VIEW_KEYS = ("image", "depth", "instances", *MATRIX_SHAPES, "name", "time_s")
OBJECT_SHAPES = {"center": (3,), "size": (3,), "rotation": (3, 3)}
# What file systems allow for one name.
MAX_NAME_BYTES = 255


def load_scene(folder: str | Path) -> dict[str, Any]:
    """Read a scene folder as keyword arguments of the processor and the pipeline.

    Args:
        folder (`str` or `Path`):
            A folder with a `scene.json`.

    Returns:
        `dict[str, Any]`: `images` (paths), where the scene has them `intrinsics`, `depths` (paths or None) with
        `depth_unit`, and `depth_intrinsics` or `depth_field_of_view`, `camera_to_world` or `world_to_camera` with
        `camera_axes` and `world_up`. Where its unit is unknown, `depth_kind` and `world_unit` say so.

    Raises:
        FileNotFoundError: If `scene.json` or a file it names is missing.
        ValueError: If `scene.json` is not JSON, has an unknown version, a missing, unknown or repeated key, a value
            of a wrong type or a bad pose direction, or names a file outside the folder.
    """
    scene = read_scene(folder)
    views = scene["views"]
    arguments: dict[str, Any] = {
        "images": [_inside(folder, view["image"], f"views[{index}]['image']") for index, view in enumerate(views)]
    }
    for key in MATRIX_SHAPES:
        matrices = [view.get(key) for view in views]
        if any(matrix is not None for matrix in matrices):
            arguments[key] = matrices
    depths = [
        _inside(folder, view["depth"], f"views[{index}]['depth']") if view.get("depth") is not None else None
        for index, view in enumerate(views)
    ]
    is_metric = (scene.get("world_unit") or "m") == "m"
    if any(depth is not None for depth in depths):
        arguments["depths"] = depths
        arguments |= {"depth_unit": scene["depth_unit"]} if is_metric else {"depth_kind": "relative"}
        if scene.get("depth_field_of_view") is not None:
            arguments["depth_field_of_view"] = scene["depth_field_of_view"]
    if any(key in arguments for key in POSE_KEYS):
        arguments |= {"camera_axes": scene.get("camera_axes") or "opencv", "world_up": scene["world_up"]}
        arguments |= {} if is_metric else {"world_unit": scene["world_unit"]}
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
    return read_scene(folder).get("objects") or []


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
    names = [view.get("instances") for view in read_scene(folder)["views"]]
    return [
        None if name is None else _inside(folder, name, f"views[{index}]['instances']")
        for index, name in enumerate(names)
    ]


def read_scene(folder: str | Path) -> dict[str, Any]:
    """Read and check `scene.json`.

    Args:
        folder (`str` or `Path`):
            A folder with a `scene.json`.

    Returns:
        `dict[str, Any]`: What it holds; that the files are there has not been checked.

    Raises:
        FileNotFoundError: If `scene.json` is missing.
        ValueError: As `load_scene`.
    """
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
    check_scene(scene, str(path))
    return scene


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(pairs)
    if len(entry) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"one object has the key {max(keys, key=keys.count)!r} twice")
    return entry


def check_scene(scene: Any, where: str) -> None:
    """Refuse what is no scene of this version.

    Args:
        scene (`Any`):
            What the file holds.
        where (`str`):
            The file, for the message.

    Raises:
        ValueError: If its version, its keys or a view is not as `docs/own_data.md` says.
    """
    version = scene.get("version") if isinstance(scene, Mapping) else f"a {type(scene).__name__}"
    if version != SCENE_VERSION or isinstance(version, bool):
        raise ValueError(
            f"`version` of a scene must be {SCENE_VERSION}, got {reprlib.repr(version)} in {where}. "
            "Write the scene with `save_scene`, or update this package if the scene is newer."
        )
    check_keys(scene, SCENE_KEYS, ("views",), where)
    if not isinstance(scene["views"], list) or not scene["views"]:
        raise ValueError(
            f"`views` must be a list with at least one view, got {reprlib.repr(scene['views'])}. Add a view."
        )
    for index, view in enumerate(scene["views"]):
        needed = ("image", "intrinsics") if view_has_depth(view) else ("image",)
        check_keys(view, VIEW_KEYS, needed, f"views[{index}] of {where}")
        for key, shape in {**MATRIX_SHAPES, "time_s": ()}.items():
            if view.get(key) is not None:
                to_list(view[key], shape, f"views[{index}][{key!r}]")
    if any(view_has_depth(view) for view in scene["views"]):
        check_keys(scene, SCENE_KEYS, ("depth_unit",), where)
    for key, allowed in WORDS.items():
        if scene.get(key) is not None:
            check_word(scene[key], key, allowed)
    _check_origin(scene)
    objects = [] if scene.get("objects") is None else scene["objects"]
    if not isinstance(objects, list):
        raise ValueError(f"`objects` must be a list, got {reprlib.repr(objects)}. Write one entry per object.")
    object_entries(objects)
    _check_poses(scene, where)


def _check_origin(scene: Mapping[str, Any]) -> None:
    sentences = [] if scene.get("conventions") is None else scene["conventions"]
    if not isinstance(sentences, list) or not all(isinstance(sentence, str) for sentence in sentences):
        raise ValueError(f"`conventions` must be a list of sentences, got {reprlib.repr(sentences)}. Leave it out.")
    if scene.get("depth_is_estimated") not in (None, True, False):
        raise ValueError(
            f"`depth_is_estimated` must be true or false, got {reprlib.repr(scene['depth_is_estimated'])}. Choose one."
        )


def view_has_depth(view: Any) -> bool:
    """Tell whether a view of a scene file has depth.

    Args:
        view (`Any`):
            Its entry.

    Returns:
        `bool`: Whether it names a depth file.
    """
    return isinstance(view, Mapping) and view.get("depth") is not None


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


def check_word(value: Any, name: str, allowed: tuple[str, ...]) -> None:
    """Refuse a word that is none of some.

    Args:
        value (`Any`):
            Should be one of them.
        name (`str`):
            How the message calls it.
        allowed (`tuple[str, ...]`):
            The words.

    Raises:
        ValueError: If it is another.
    """
    if value not in allowed:
        raise ValueError(f"`{name}` must be one of {allowed}, got {reprlib.repr(value)}. Choose one of these words.")


def check_keys(entry: Any, allowed: tuple[str, ...], required: tuple[str, ...], where: str) -> None:
    """Refuse an entry with keys that do not belong there, or without those that do.

    Args:
        entry (`Any`):
            Should be a mapping.
        allowed (`tuple[str, ...]`):
            Keys that it may have.
        required (`tuple[str, ...]`):
            Keys that it must have.
        where (`str`):
            What the entry is, for the message.

    Raises:
        ValueError: If it is no mapping, or its keys are others.
    """
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


def to_list(values: Any, shape: tuple[int, ...], where: str) -> list[Any]:
    """Turn numbers into what JSON writes.

    Args:
        values (`Any`):
            An array, a tensor or nested lists.
        shape (`tuple[int, ...]`):
            That they must have.
        where (`str`):
            What they are, for the message.

    Returns:
        `list`: Nested lists of floats.

    Raises:
        ValueError: If they are no finite numbers of that shape.
    """
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


def object_entries(objects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Turn annotated objects into what JSON writes.

    Args:
        objects (`Sequence[Mapping[str, Any]]`):
            Each with `name` and a box in the world of the cameras, metres: the keys of `OBJECT_SHAPES`.

    Returns:
        `list[dict]`: The same, with lists.

    Raises:
        ValueError: If an object has other keys, or values of another kind.
    """
    entries = []
    for index, thing in enumerate(objects):
        where = f"objects[{index}]"
        check_keys(thing, ("name", *OBJECT_SHAPES), ("name", *OBJECT_SHAPES), where)
        if not isinstance(thing["name"], str):
            raise ValueError(f"`{where}['name']` must be text, got {reprlib.repr(thing['name'])}. Put it into quotes.")
        arrays = {key: to_list(thing[key], shape, f"{where}[{key!r}]") for key, shape in OBJECT_SHAPES.items()}
        entries.append({"name": thing["name"]} | arrays)
    return entries
