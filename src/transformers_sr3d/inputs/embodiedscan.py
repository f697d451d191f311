# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, EmbodiedScan: one scene of an info file, whose pictures are those of the data sets that it annotates.

    embodiedscan_infos_train.pkl ...   {"metainfo": {...}, "data_list": [scene, ...]}, version 1 and 2 alike
        sample_idx                     scannet/scene0000_00, 3rscan/<scan>, matterport3d/<building>/<region>,
                                       arkitscenes/<split>/<video> (version 2)
        axis_align_matrix              4x4, from the world of the data set to one with +z up and walls along x and y
        cam2img, depth_cam2img         4x4, pixels of the pictures and depth maps; Matterport3D has `cam2img` by image
        images                         img_path, depth_path, cam2global (4x4, camera to world of the data set)
    scannet/posed_images/...           what the paths start with; beside the info file, or in `data_root`
    3rscan/, matterport3d/, arkitscenes/

The official loader takes `axis_align_matrix @ cam2global` as camera to world, divides depth by 4000 for Matterport3D
and by 1000 for all others, takes `cam2img` of the scene before that of an image, and unprojects at whole pixel
numbers, so intrinsics count from the centre of the first pixel. Its pictures of Matterport3D are
`matterport_color_images`, whose lens distortion the info file does not tell; it ignores it, and so does this reader.
Views that lost tracking are left out of the published files already (issue 77). Boxes are read by
`embodiedscan_boxes`, for a source has views only.

The info file is a pickle: `restricted_pickle` reads it without running it, and all of it for one scene, so that
`import_scene` pays where a scene is opened often. Depth of 3RScan is PGM, whose numbers Pillow rescales unless the
largest is 65535: others are refused.

Sources: OpenRobotLab/EmbodiedScan, data/README.md, `embodiedscan/datasets/embodiedscan_dataset.py` (parse_data_info),
`embodiedscan/datasets/transforms/{loading,points}.py`, `embodiedscan/converter/*.py`; issues 12, 75 and 77; Wang et
al., EmbodiedScan, CVPR 2024. The keys of `arkitscenes` scenes are those that public loaders of version 2 read.

May import: the standard library, NumPy and siblings in `inputs`.
"""

import os
import re
import reprlib
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transformers_sr3d.inputs.files import depth_loader
from transformers_sr3d.inputs.headers import picture_size_hw
from transformers_sr3d.inputs.named_files import check_size, file_inside, sized_image_loader
from transformers_sr3d.inputs.restricted_pickle import load_restricted_pickle
from transformers_sr3d.inputs.scannet_world import TRACKING_LOST, is_tracking_lost, read_camera
from transformers_sr3d.inputs.source import Source, SourceView, check_pose


KIND = "embodiedscan"
# Published, and as in earlier releases: 3rscan_infos_test_MDJH_aligned_full_10_visible.pkl.
INFO_NAME = re.compile(r"(embodiedscan|3rscan|matterport3d)_infos_(train|val|test)\w*\.pkl")
# Depth maps hold this many units a metre.
UNITS_PER_METRE = {"scannet": 1000, "3rscan": 1000, "matterport3d": 4000, "arkitscenes": 1000}
NAMES_IN_MESSAGE = 5
PGM_HEAD_BYTES = 512
PGM_HEAD = re.compile(rb"P5" + rb"(?:\s|#[^\n]*\n)+(\d+)" * 3 + rb"\s")
PGM_LARGEST = 65535


class _Sizes(NamedTuple):
    """Rows and columns of the first picture and depth map; the others are checked when they are loaded."""

    picture_hw: tuple[int, int]
    depth_hw: tuple[int, int]


class _Scene(NamedTuple):
    """What an info file tells of a scene, where that stands, and where its files are."""

    info: dict[str, Any]
    where: str
    data_set: str
    data_root: Path


def is_embodiedscan(path: Path) -> bool:
    """Tell whether a path is an info file.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it is a file with the name of one.
    """
    return INFO_NAME.fullmatch(path.name) is not None and os.path.isfile(path)


def read_embodiedscan(path: str | Path, *, scene: str | None = None, data_root: str | Path | None = None) -> Source:
    """Read a scene of an info file.

    Args:
        path (`str` or `Path`):
            The info file.
        scene (`str`, *optional*):
            Its `sample_idx`, such as `"scannet/scene0000_00"`; needed if the file has several.
        data_root (`str` or `Path`, *optional*):
            The folder that has scannet/, 3rscan/, ...; that of the info file if not given.

    Returns:
        `Source`: One view per image, in the order of the file; ScanNet's views without a pose are in `left_out`.

    Raises:
        FileNotFoundError: If the info file, a picture or a depth map is missing.
        ValueError: If the info file is bad or names anything but plain values, or the scene is not in it.
    """
    path = Path(path)
    return source_of(load_restricted_pickle(path), path, scene, path.parent if data_root is None else Path(data_root))


def source_of(content: Any, path: Path, scene: str | None, data_root: Path) -> Source:
    """Read a scene of an info file that is loaded.

    Args:
        content (`Any`):
            Of the file.
        path (`Path`):
            The info file, for messages.
        scene (`str`, *optional*):
            Its `sample_idx`; needed if the file has several.
        data_root (`Path`):
            The folder that has scannet/, 3rscan/, ...

    Returns:
        `Source`: As `read_embodiedscan`.

    Raises:
        FileNotFoundError: If a picture or a depth map is missing.
        ValueError: If the info file is bad, or the scene is not in it.
    """
    found = _find_scene(content, path, scene, data_root)
    alignment = _matrix(found.info, "axis_align_matrix", found.where, sides=(4,))
    check_pose(alignment, f"{found.where}['axis_align_matrix']")
    views, left_out = [], {}
    sizes = None
    for index, image in enumerate(entries_of(found.info, "images", found.where)):
        where = f"{found.where}['images'][{index}]"
        pose = _matrix(image, "cam2global", where, sides=(4,))
        if found.data_set == "scannet" and is_tracking_lost(pose):
            left_out[str(image.get("img_path"))] = TRACKING_LOST
            continue
        check_pose(pose, f"{where}['cam2global']")
        picture = file_inside(found.data_root, image.get("img_path"), f"{where}['img_path']")
        depth = file_inside(found.data_root, image.get("depth_path"), f"{where}['depth_path']")
        sizes = sizes or _Sizes(picture_size_hw(picture), picture_size_hw(depth))
        intrinsics, depth_intrinsics = _cameras(found, sizes, image, where)
        views.append(
            SourceView(
                name=image["img_path"],
                load_image=sized_image_loader(picture, sizes.picture_hw, f"the first picture of {found.where}"),
                load_depth=partial(_load_depth, depth, UNITS_PER_METRE[found.data_set], sizes.depth_hw, found.where),
                intrinsics=intrinsics,
                depth_intrinsics=depth_intrinsics,
                camera_to_world=alignment @ pose,
            )
        )
    return Source(KIND, path, tuple(views), world_up="+z", left_out=left_out, conventions=_conventions(found.data_set))


def _find_scene(content: Any, path: Path, scene: str | None, data_root: Path) -> _Scene:
    scenes = entries_of(content, "data_list", str(path))
    names: list[Any] = [entry.get("sample_idx") for entry in scenes]
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"`{path}['data_list']` must have a `sample_idx` each, got one without. Get the file again.")
    if scene is None and len(names) == 1:
        scene = names[0]
    if names.count(scene) != 1:
        similar = [name for name in names if scene is not None and scene in name] or names
        raise ValueError(
            f"`scene` must be one of the {len(names)} scenes of {path}, each with one entry, got {scene!r} with "
            f"{names.count(scene)} entries. Choose one, such as {', '.join(similar[:NAMES_IN_MESSAGE])}."
        )
    index = names.index(scene)
    data_set = names[index].split("/")[0]
    if data_set not in UNITS_PER_METRE:
        raise ValueError(
            f"`{path}['data_list'][{index}]['sample_idx']` must start with {', '.join(UNITS_PER_METRE)}, whose depth "
            f"unit is known, got {names[index][:200]!r}. Choose another scene."
        )
    return _Scene(scenes[index], f"{path}['data_list'][{index}]", data_set, data_root)


def entries_of(content: Any, key: str, where: str) -> list[dict[str, Any]]:
    """Take a list of dictionaries out of an info file.

    Args:
        content (`Any`):
            Should be a dictionary.
        key (`str`):
            Of the list.
        where (`str`):
            What the content is, for the message.

    Returns:
        `list[dict[str, Any]]`: At least one.

    Raises:
        ValueError: If there is no such list.
    """
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(
            f"`{where}['{key}']` must be a list of dictionaries, got {reprlib.repr(entries)}. Check that it is an "
            "info file of EmbodiedScan."
        )
    return entries


def _matrix(entry: dict[str, Any], key: str, where: str, *, sides: tuple[int, ...]) -> np.ndarray:
    """A square matrix, as an array or in lists; may hold what is not finite."""
    value: Any = entry.get(key)
    is_matrix = isinstance(value, np.ndarray) and value.shape in {(side, side) for side in sides}
    rows = value.tolist() if is_matrix else value  # an array of no size may still have more rows than memory
    square = isinstance(rows, list) and len(rows) in sides
    if not square or not all(isinstance(row, list) and len(row) == len(rows) for row in rows):
        shape = value.shape if isinstance(value, np.ndarray) else reprlib.repr(value)
        raise ValueError(
            f"`{where}['{key}']` must be a matrix of {' or '.join(f'{side}x{side}' for side in sides)}, got {shape}. "
            "Get the info file again."
        )
    if not all(isinstance(number, int | float | np.number) for row in rows for number in row):
        raise ValueError(f"`{where}['{key}']` must hold numbers, got {reprlib.repr(rows)}. Get the info file again.")
    return np.array(rows, dtype=np.float64)


def _cameras(scene: _Scene, sizes: _Sizes, image: dict[str, Any], where: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Intrinsics of picture and depth map; the second is None where they are the same."""
    entry, place = (scene.info, scene.where) if "cam2img" in scene.info else (image, where)
    intrinsics = _camera(entry, "cam2img", place, sizes.picture_hw)
    if "depth_cam2img" in scene.info:
        return intrinsics, _camera(scene.info, "depth_cam2img", scene.where, sizes.depth_hw)
    if sizes.picture_hw != sizes.depth_hw:
        (height, width), (depth_height, depth_width) = sizes
        raise ValueError(
            f"`{scene.where}['depth_cam2img']` must be there for depth maps of {depth_width}x{depth_height} under "
            f"pictures of {width}x{height}, got none. Get the info file again."
        )
    return intrinsics, None


def _camera(entry: dict[str, Any], key: str, where: str, size_hw: tuple[int, int]) -> np.ndarray:
    matrix = _matrix(entry, key, where, sides=(3, 4))
    if len(matrix) == 3:
        corner, matrix = matrix, np.eye(4)
        matrix[:3, :3] = corner
    return read_camera(matrix, f"{where}['{key}']", size_hw)


def _load_depth(path: Path, units_per_metre: int, size_hw: tuple[int, int], where: str) -> np.ndarray:
    if path.suffix.lower() == ".pgm":
        _check_pgm(path)
    depth = depth_loader(path, depth_scale=1 / units_per_metre)()
    check_size(path, (depth.shape[0], depth.shape[1]), size_hw, f"the first depth map of {where}")
    return depth


def _check_pgm(path: Path) -> None:
    with open(path, "rb") as file:
        head = PGM_HEAD.match(file.read(PGM_HEAD_BYTES))
    if head is None or int(head[3]) != PGM_LARGEST:
        raise ValueError(
            f"`{path}` must be a binary PGM whose largest value is {PGM_LARGEST}, got "
            f"{'another file' if head is None else int(head[3])}. Convert it to a 16-bit PNG with the same numbers."
        )


def _conventions(data_set: str) -> tuple[str, ...]:
    sentences = (
        "Poses: camera to world, metres, one for colour and depth: axis_align_matrix @ cam2global; "
        "+x right, +y down, +z forward.",
        "World: axis-aligned; up is +z.",
        f"Depth: along +z, {UNITS_PER_METRE[data_set]} units a metre ({data_set}), 0: not measured.",
        "Intrinsics: of pictures and depth maps, from the centre of the first pixel.",
    )
    if data_set != "matterport3d":
        return sentences
    return (
        *sentences,
        "Lens distortion: pictures of Matterport3D have some, the info file does not tell it: ignored.",
    )
