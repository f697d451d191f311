# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Header of a furniture pack: metadata of a safetensors file -> models, and places of their meshes in its tensors.

Packs are copied between machines and may be cut off, foreign or of another version. So all of the header is checked
once, when a pack is opened: what it says of a model is possible, and every place lies within its tensor. The numbers
in the tensors have no check sum; that is the price of opening a pack in milliseconds.

May import: safetensors and `rooms`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from transformers_sr3d.rooms.world import MAX_SIZE_M, MIN_SIZE_M, SPLITS, FurnitureModel, check_metres


PACK_FORMAT, PACK_VERSION = "sr3d-furniture", "1"
# Type and shape of a row of each tensor.
TENSORS: dict[str, tuple[str, list[int]]] = {
    "vertices": ("U16", [3]),
    "faces": ("U16", [3]),
    "corner_uv": ("F16", [3, 2]),
    "colors": ("U8", [3]),
    "pictures": ("U8", []),
}
TEXTS = ("key", "name", "label", "category", "creator", "source", "licence", "split")
ADVICE = "Write it again with `sr3d render pack`, copy it again, or delete it if it lies in the cache."


@dataclass(frozen=True)
class PackHeader:
    """What a pack holds.

    Attributes:
        models (`list[FurnitureModel]`): In the order of their keys.
        places (`dict[str, dict[str, Any]]`): Of the mesh of each key: `vertices`, `faces`, `corner_uv` and `colors`
            are a first row and a number of rows, `material_faces` and `pictures` one number for each material.
        pictures (`list[tuple[int, int, int]]`): First number, height and width of each picture.
    """

    models: list[FurnitureModel]
    places: dict[str, dict[str, Any]]
    pictures: list[tuple[int, int, int]]


def read_header(path: Path) -> PackHeader:
    """Read and check the header of a pack.

    Args:
        path (`Path`):
            The file.

    Returns:
        `PackHeader`: The header.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no pack, is damaged, or has another version.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"`path` must be a furniture pack, got {str(path)!r}, which is no file. Name a file in it.")
    try:
        with safe_open(path, framework="np") as pack:
            metadata = pack.metadata() or {}
            tensors = {name: pack.get_slice(name) for name in pack.keys()}  # noqa: SIM118 (no mapping)
            shapes = {name: (tensor.get_dtype(), tensor.get_shape()) for name, tensor in tensors.items()}
    except SafetensorError as error:
        raise ValueError(
            f"`path` must be a furniture pack, got {str(path)!r}, which is damaged ({error}). {ADVICE}"
        ) from error
    if (metadata.get("format"), metadata.get("version")) != (PACK_FORMAT, PACK_VERSION):
        raise ValueError(
            f"`path` must be a furniture pack of version {PACK_VERSION}, got {str(path)!r} of format "
            f"{metadata.get('format')!r} and version {metadata.get('version')!r}. {ADVICE}"
        )
    try:
        return _header(metadata, shapes)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)[:300]
        raise ValueError(
            f"`path` must be a whole furniture pack, got {str(path)!r} with a wrong header ({reason}). {ADVICE}"
        ) from error


def _header(metadata: dict[str, str], shapes: dict[str, tuple[str, list[int]]]) -> PackHeader:
    rows = {name: _num_rows(name, *shapes[name]) for name in TENSORS}
    pictures = [_picture(place, rows["pictures"]) for place in json.loads(metadata["pictures"])]
    models, places = [], {}
    for entry in json.loads(metadata["models"]):
        model = _model(entry["model"])
        if model.key in places:
            raise ValueError(f"key {model.key!r} stands there twice")
        try:
            _check_place(entry["mesh"], rows, len(pictures))
        except (ValueError, TypeError) as error:
            raise ValueError(f"mesh of {model.key!r}: {error}") from error
        models.append(model)
        places[model.key] = entry["mesh"]
    return PackHeader(sorted(models, key=lambda model: model.key), places, pictures)


def _num_rows(name: str, kind: str, shape: list[int]) -> int:
    if (kind, shape[1:]) != TENSORS[name] or not shape:
        raise ValueError(f"tensor {name!r} must be (N, *{TENSORS[name][1]}) {TENSORS[name][0]}, got {shape} {kind}")
    return shape[0]


def _picture(place: list[int], num_rows: int) -> tuple[int, int, int]:
    start, height, width = (_count(value) for value in place)
    if not height * width or start + height * width * 3 > num_rows:
        raise ValueError(f"picture {place} lies beyond the {num_rows} numbers of all")
    return start, height, width


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"a place must be a whole number from 0, got {value!r}")
    return value


def _model(entry: dict[str, Any]) -> FurnitureModel:
    width, depth, height = entry["size"]
    model = FurnitureModel(**{**entry, "size": (width, depth, height)})
    for name in TEXTS:
        if not isinstance(getattr(model, name), str):
            raise ValueError(f"`{name}` of a model must be text, got {getattr(model, name)!r}")
    try:
        for name, side in zip(("width", "depth", "height"), model.size, strict=True):
            check_metres(name, side, MIN_SIZE_M)
        check_metres("elevation", model.elevation, 0.0)
        if model.top is not None:
            check_metres("top", model.top, -MAX_SIZE_M)
    except ValueError as error:
        raise ValueError(f"model {model.key!r}: {error}") from error
    if model.split not in SPLITS:
        raise ValueError(f"model {model.key!r}: `split` must be one of {SPLITS}, got {model.split!r}")
    return model


def _check_place(place: dict[str, Any], rows: dict[str, int], num_pictures: int) -> None:
    """Refuse a mesh that lies beyond the tensors, or whose parts do not belong together."""
    counts = {}
    for name in ("vertices", "faces", "corner_uv", "colors"):
        start, counts[name] = (_count(value) for value in place[name])
        if start + counts[name] > rows[name]:
            raise ValueError(f"{name} {place[name]} lie beyond the {rows[name]} rows of all")
    faces = [_count(value) for value in place["material_faces"]]
    pictures = place["pictures"]
    textured = [number for number, picture in zip(faces, pictures, strict=True) if picture is not None]
    if any(picture is not None and _count(picture) >= num_pictures for picture in pictures):
        raise ValueError(f"pictures {pictures} lie beyond the {num_pictures} of all")
    expected = {"faces": sum(faces), "corner_uv": sum(textured), "colors": len(faces)}
    if not counts["faces"] or any(counts[name] != number for name, number in expected.items()):
        raise ValueError(f"faces of its materials {faces} do not fit to the rows {counts}")
