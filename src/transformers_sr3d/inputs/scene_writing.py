# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, a scene onto disk: views, one after the other -> a folder with `scene.json`; see `scene`.

Views are taken one at a time and forgotten when they are written, so that a scan of thousands fits into memory.

May import: the standard library, NumPy, PIL, and siblings in `inputs`.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.depth_files_sr3d import METRES_PER_UNIT
from transformers_sr3d.image_files_sr3d import load_image_rgb
from transformers_sr3d.inputs.scene import (
    MATRIX_SHAPES,
    SCENE_FILE,
    SCENE_VERSION,
    VIEW_KEYS,
    check_keys,
    check_scene,
    check_word,
    object_entries,
    to_list,
)


MAX_STORED_DEPTH = 65535
PNG_COMPRESSION = 6
COPIED_SUFFIXES = (".png", ".jpg", ".jpeg")
# What a scene folder of ours holds, beside `scene.json` and files under temporary names.
OWN_FILES = re.compile(r"(image|depth|instances)_\d{3,}\.(png|jpe?g|npy)|estimate\.json")
PARTIAL_FILES = re.compile(r"\..*\.\d+\.partial")


def save_scene(  # noqa: PLR0913, a scene states everything that must not be guessed
    folder: str | Path,
    views: Iterable[Mapping[str, Any]],
    *,
    world_up: str | None,
    world_unit: str = "m",
    camera_axes: str = "opencv",
    depth_unit: str = "mm",
    depth_field_of_view: str | None = None,
    objects: Sequence[Mapping[str, Any]] | None = None,
    conventions: Sequence[str] = (),
    depth_is_estimated: bool = False,
    png_compression: int = PNG_COMPRESSION,
) -> Path:
    """Write a scene folder; until the last moment it has no `scene.json`, so a half-written scene is never read.

    Args:
        folder (`str` or `Path`):
            Where to write; made if it is not there. A scene in it is replaced.
        views (`Iterable[Mapping]`):
            One mapping per view with `image` (PIL image, `np.ndarray` of shape `(H, W, 3)`, uint8, or the `Path` of a
            PNG or JPEG file, which is copied), optionally `depth` (`np.ndarray` of shape `(h, w)`: floats are metres,
            unsigned 16-bit integers are `depth_unit` and kept to the last bit), `intrinsics` (`(3, 3)`, pixels,
            required with depth), `depth_intrinsics`, `camera_to_world` or `world_to_camera` (`(4, 4)`), `instances`
            (`np.ndarray` of shape `(H, W)`, uint16: 0 nothing, k what `objects[k - 1]` is), `name` and `time_s`.
        world_up (`str`, *optional*):
            `"+x"` to `"-z"` or `"unknown"`; None only without poses.
        world_unit (`str`, defaults to `"m"`):
            `"m"`, or `"unknown"` where poses and depth share a unit that nobody knows; depth is then stored as floats.
        camera_axes (`str`, defaults to `"opencv"`):
            `"opencv"` or `"opengl"`: camera frame of the poses.
        depth_unit (`str`, defaults to `"mm"`):
            Unit of the stored 16-bit depth: `"mm"`, `"cm"` or `"m"`.
        depth_field_of_view (`str`, *optional*):
            `"same"` where depth maps of another size show what the images show.
        objects (`Sequence[Mapping]`, *optional*):
            Known objects: `name`, `center` (`(3,)`, metres, world), `size` (`(3,)`, full extents), `rotation`
            (`(3, 3)`, box to world).
        conventions (`Sequence[str]`, *optional*):
            What is known of the source of the views, a sentence each.
        depth_is_estimated (`bool`, defaults to `False`):
            Whether depth was estimated from the pictures; answers then say so.
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
    scene: dict[str, Any] = {"version": SCENE_VERSION, "depth_unit": depth_unit, "camera_axes": camera_axes}
    settings: dict[str, Any] = {"world_up": world_up, "depth_field_of_view": depth_field_of_view}
    settings["world_unit"] = None if world_unit == "m" else world_unit
    settings |= {"depth_is_estimated": depth_is_estimated or None, "conventions": list(conventions) or None}
    scene |= {name: value for name, value in settings.items() if value is not None}
    if objects is not None:
        scene["objects"] = object_entries(objects)
    with _staging(folder) as staged:
        entries = []
        for index, view in enumerate(views):
            check_keys(view, VIEW_KEYS, ("image",), f"views[{index}]")
            entries.append(_view_entry(view, index))
            for name, content in _view_files(view, index, scene):
                _write_file(content, staged(name), png_compression)
                entries[-1][name.split("_")[0]] = name
        scene["views"] = entries
        check_scene(scene, str(folder))
        staged(SCENE_FILE).write_text(json.dumps(scene, indent=1) + "\n", encoding="utf-8")
    return folder / SCENE_FILE


def is_leftover(folder: Path) -> bool:
    """Tell whether a folder holds nothing but what a killed writing of a scene left there.

    Args:
        folder (`Path`):
            Anything.

    Returns:
        `bool`: Whether it is a folder of our own files without `scene.json`.
    """
    return folder.is_dir() and all(
        path.is_file() and (OWN_FILES.fullmatch(path.name) or PARTIAL_FILES.fullmatch(path.name))
        for path in folder.iterdir()
    )


def _view_entry(view: Mapping[str, Any], index: int) -> dict[str, Any]:
    """What `scene.json` says of a view beside its files."""
    entry: dict[str, Any] = {key: view[key] for key in ("name", "time_s") if view.get(key) is not None}
    for key, shape in MATRIX_SHAPES.items():
        if view.get(key) is not None:
            entry[key] = to_list(view[key], shape, f"views[{index}][{key!r}]")
    return entry


def _view_files(view: Mapping[str, Any], index: int, scene: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name the files of a view, each with what to write into it."""
    picture = _to_picture(view["image"], f"views[{index}]['image']")
    suffix = picture.suffix.lower() if isinstance(picture, Path) else ".png"
    yield f"image_{index:03d}{suffix}", picture
    if view.get("depth") is not None:
        where = f"views[{index}]['depth']"
        if scene.get("world_unit") is not None:
            yield f"depth_{index:03d}.npy", _to_plain_depth(view["depth"], where)
        else:
            yield f"depth_{index:03d}.png", _to_stored_depth(view["depth"], scene["depth_unit"], where)
    if view.get("instances") is not None:
        num_objects = len(scene.get("objects", ()))
        yield (
            f"instances_{index:03d}.png",
            _to_instances(view["instances"], num_objects, f"views[{index}]['instances']"),
        )


def _write_file(content: Path | Image.Image | np.ndarray, path: Path, png_compression: int) -> None:
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    elif isinstance(content, np.ndarray):
        with path.open("wb") as file:
            np.save(file, content, allow_pickle=False)
    else:
        content.save(path, format="PNG", compress_level=png_compression)


@contextmanager
def _staging(folder: Path) -> Iterator[Callable[[str], Path]]:
    """Write under temporary names, then rename; the old `scene.json` goes first and the new one comes last."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    staged: dict[str, Path] = {}

    def stage(name: str) -> Path:
        return staged.setdefault(name, folder / f".{name}.{os.getpid()}.partial")

    try:
        yield stage
        (folder / SCENE_FILE).unlink(missing_ok=True)
        for left in folder.iterdir():  # of the scene that was here, or of a writing that was killed
            if OWN_FILES.fullmatch(left.name) or (PARTIAL_FILES.fullmatch(left.name) and left not in staged.values()):
                left.unlink()
        for name, path in staged.items():  # `scene.json` is the last of them
            path.replace(folder / name)
    finally:
        for path in staged.values():
            path.unlink(missing_ok=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()


def _to_picture(image: Any, where: str) -> Path | Image.Image:
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return Image.fromarray(image)
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if isinstance(image, Path):
        picture = load_image_rgb(image, where, pixel_aligned=True)  # refuses what does not decode
        return image if image.suffix.lower() in COPIED_SUFFIXES else picture
    kind = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    raise TypeError(
        f"`{where}` must be a PIL image, a uint8 array of shape (H, W, 3) or a Path, got {kind}. Convert it before "
        "saving."
    )


def _to_plain_depth(depth: Any, where: str) -> np.ndarray:
    depth = np.asarray(depth)
    if depth.ndim != 2 or depth.dtype.kind != "f":
        raise TypeError(
            f"`{where}` must be a floating-point array of shape (H, W) where `world_unit` is unknown, got "
            f"{depth.dtype} of shape {depth.shape}. Convert it to the unit of the poses."
        )
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)


def _to_stored_depth(depth: Any, depth_unit: str, where: str) -> Image.Image:
    check_word(depth_unit, "depth_unit", tuple(METRES_PER_UNIT))
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
