# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Any source of views: a path -> the reader that knows it -> views; and from there onto disk as a scene.

A kind is recognised by its files and never by guessing at numbers; where two readers fit, the caller chooses.

May import: siblings in `inputs`.
"""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from transformers_sr3d.inputs import (
    arkitscenes,
    colmap,
    embodiedscan,
    image_folder,
    polycam,
    record3d,
    scannet,
    scannet_sens,
    scannetpp,
    scene_folder,
    transforms_json,
    tum,
    video,
)
from transformers_sr3d.inputs.scene_writing import MAX_STORED_DEPTH, save_scene
from transformers_sr3d.inputs.source import Source, SourceView


MAX_DEPTH_M = MAX_STORED_DEPTH / 1000  # millimetres in 16 bits


class Reader(NamedTuple):
    """How a kind of source is recognised and read."""

    recognises: Callable[[Path], bool]
    read: Callable[..., Source]


READERS = {
    scene_folder.KIND: Reader(scene_folder.is_scene_folder, scene_folder.read_scene_folder),
    tum.KIND: Reader(tum.is_tum, tum.read_tum),
    scannet.KIND: Reader(scannet.is_scannet, scannet.read_scannet),
    scannet_sens.KIND: Reader(scannet_sens.is_scannet_sens, scannet_sens.read_scannet_sens),
    scannetpp.KIND: Reader(scannetpp.is_scannetpp, scannetpp.read_scannetpp),
    arkitscenes.KIND: Reader(arkitscenes.is_arkitscenes, arkitscenes.read_arkitscenes),
    embodiedscan.KIND: Reader(embodiedscan.is_embodiedscan, embodiedscan.read_embodiedscan),
    record3d.KIND: Reader(record3d.is_record3d, record3d.read_record3d),
    polycam.KIND: Reader(polycam.is_polycam, polycam.read_polycam),
    transforms_json.KIND: Reader(transforms_json.is_transforms_json, transforms_json.read_transforms_json),
    colmap.KIND: Reader(colmap.is_colmap, colmap.read_colmap),
    video.KIND: Reader(video.is_video, video.read_video),
    image_folder.KIND: Reader(image_folder.is_image_folder, image_folder.read_image_folder),
}
# Recognised last, because most other sources hold a folder of images too.
FALLBACK = image_folder.KIND


def open_source(path: str | Path, kind: str | None = None, **options: Any) -> Source:
    """Open any source of views.

    Args:
        path (`str` or `Path`):
            A file or folder.
        kind (`str`, *optional*):
            A key of `READERS`; found out by the files if not given.
        **options (`Any`):
            What the source does not tell, as its reader takes it; None counts as not given.

    Returns:
        `Source`: Its views, not loaded yet.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If the kind is unknown or not found out, the reader does not take an option, or the source is bad.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"`{path}` must be a file or folder, got nothing there. Check the path.")
    kind = find_kind(path) if kind is None else kind
    if kind not in READERS:
        raise ValueError(f"`kind` must be one of {', '.join(READERS)}, got {kind!r}. Choose one of them.")
    options = {name: value for name, value in options.items() if value is not None}
    known = [name for name in inspect.signature(READERS[kind].read).parameters if name != "path"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"`{unknown[0]}` has no effect on a source of kind {kind!r}, got {options[unknown[0]]!r} for {path}. "
            f"Leave it out; this kind takes {', '.join(known) or 'no option'}."
        )
    return READERS[kind].read(path, **options)


def find_kind(path: Path) -> str:
    """Find out which reader fits.

    Args:
        path (`Path`):
            A file or folder.

    Returns:
        `str`: A key of `READERS`.

    Raises:
        ValueError: If none or several fit.
    """
    fitting = [kind for kind, reader in READERS.items() if kind != FALLBACK and reader.recognises(path)]
    if not fitting and READERS[FALLBACK].recognises(path):
        return FALLBACK
    if len(fitting) != 1:
        found = "several fit" if fitting else "no reader fits"
        raise ValueError(
            f"`kind` must be given for {path}, got a source that {found}: "
            f"{', '.join(fitting) or 'none of ' + ', '.join(READERS)}. Choose the kind, or check the path."
        )
    return fitting[0]


def import_scene(source: Source, folder: str | Path, *, objects: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Write a source as a scene, one view after the other.

    Args:
        source (`Source`):
            From `open_source`, with the views wanted.
        folder (`str` or `Path`):
            Where to write; see `save_scene`.
        objects (`Sequence[Mapping]`, *optional*):
            Known objects; see `save_scene`.

    Returns:
        `Path`: The `scene.json`.

    Raises:
        ValueError: If a view does not load.
    """
    return save_scene(
        folder,
        _loaded(source),
        world_up=source.world_up,
        world_unit=source.world_unit,
        depth_field_of_view=source.depth_field_of_view,
        objects=objects,
        conventions=source.conventions,
        depth_is_estimated=source.depth_is_estimated,
    )


def _loaded(source: Source) -> Iterator[dict[str, Any]]:
    num_far = 0
    for view in tqdm(source.views, unit="view", desc=f"import {source.kind}", disable=None):
        arrays: dict[str, Any] = {"image": view.load_image(), "name": view.name, "time_s": view.time_s}
        if view.load_depth is not None:
            arrays["depth"] = depth = np.asarray(view.load_depth())
            _check_field_of_view(source, view, arrays["image"].size[::-1], depth.shape)
            if source.world_unit == "m" and depth.dtype.kind == "f":
                far = np.isfinite(depth) & (depth > MAX_DEPTH_M)
                num_far += int(far.sum())
                arrays["depth"] = np.where(far, 0, depth) if far.any() else depth
        for name in ("intrinsics", "depth_intrinsics", "camera_to_world"):
            arrays[name] = getattr(view, name)
        yield arrays
    if num_far:
        warnings.warn(
            f"{num_far} depth pixels of {source.path} lie beyond {MAX_DEPTH_M:g} m, which a scene does not store; "
            "they count as not measured.",
            stacklevel=2,
        )


def _check_field_of_view(
    source: Source, view: SourceView, size_hw: tuple[int, ...], depth_hw: tuple[int, ...]
) -> None:
    """Refuse what could be written, but not asked about."""
    if depth_hw != size_hw and view.depth_intrinsics is None and source.depth_field_of_view is None:
        raise ValueError(
            f"`depth_intrinsics` or `depth_field_of_view` must be given for depth of another size than its picture, "
            f"got {depth_hw[1]}x{depth_hw[0]} under {size_hw[1]}x{size_hw[0]} at {view.name} of {source.path}. Pass "
            "--depth-field-of-view same if both show the same, or add the intrinsics of the depth map."
        )
