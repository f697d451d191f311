# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Writing furniture packs: libraries or another pack -> fewer triangles, smaller pictures -> one safetensors file.

The splits are decided here, once, over the whole catalogue: each class gives about a fifth of its models to test and
an eighth to validation, in the order of a hash of their keys, so that classes are shared between the splits and
models are not. A pack made from a pack keeps its splits. Of the classes with a single model a tenth goes to either
held-out split; a benchmark must not ask for the names of those, which training has never seen.

May import: NumPy, safetensors, tqdm and `rooms`.
"""

import dataclasses
import hashlib
import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from safetensors.numpy import save_file
from tqdm.auto import tqdm

from transformers_sr3d.rooms.furniture.archives import open_library, read_package_origin, unpack_package
from transformers_sr3d.rooms.furniture.classes import furniture_label
from transformers_sr3d.rooms.furniture.decimation import MIN_FACES, decimate
from transformers_sr3d.rooms.furniture.files import (
    INDOOR,
    CatalogueEntry,
    find_libraries,
    read_catalogue,
    read_model,
)
from transformers_sr3d.rooms.furniture.pack import QUANTA, FurniturePack
from transformers_sr3d.rooms.furniture.pack_header import PACK_FORMAT, PACK_VERSION
from transformers_sr3d.rooms.furniture.wavefront import shrink_texture
from transformers_sr3d.rooms.world import FurnitureMesh, FurnitureModel


CACHE_VARIABLE, CACHE_FOLDER = "SR3D_CACHE", "~/.cache/transformers_sr3d"
CONVERTED_MAX_FACES, CONVERTED_TEXTURE_PX = 6000, 128
LARGEST_UV = 2048.0  # repeats of a picture on one face; float16 has no fractions above
# Raised when converted furniture changes, for example its classes, so that old caches are not opened any more.
CONVERSION = 1
MAX_VERTICES = 65536
MIN_SHARED_JOBS = 16
TEST_SHARE, VAL_SHARE = 0.22, 0.13
SINGLE_HELD_OUT_SHARE = 0.1
MIN_DIVIDED = 3  # models of a class that has one in every split
FREE_LICENCE = "CC0-1.0"

_Job = TypeVar("_Job")


def write_pack(
    furniture: FurniturePack,
    path: Path,
    *,
    models: Sequence[FurnitureModel] | None = None,
    max_faces: int = 1800,
    texture_px: int = 64,
    max_bytes: int = 12 * 2**20,
    workers: int = 0,
) -> int:
    """Write a smaller pack from a pack.

    Args:
        furniture (`FurniturePack`):
            Where the models come from.
        path (`Path`):
            The new file; it appears when it is complete.
        models (`Sequence[FurnitureModel]`, *optional*):
            Of `furniture`; all without it.
        max_faces (`int`, *optional*, defaults to 1800):
            Triangles of a model with a diagonal of a metre or more; see `face_budget`.
        texture_px (`int`, *optional*, defaults to 64):
            Longest side of a picture, pixels.
        max_bytes (`int`, *optional*, defaults to 12 MiB):
            Of the file.
        workers (`int`, *optional*, defaults to 0):
            Processes that reduce the models. Fewer than two work in this one; a script that asks for more must start
            under `if __name__ == "__main__":`.

    Returns:
        `int`: Size of the file, bytes.

    Raises:
        ValueError: If the file would be larger than `max_bytes`, or an argument is out of range.
    """
    if path.suffix != ".safetensors":
        raise ValueError(f"`path` must end in .safetensors, got {str(path)!r}. Rename it.")
    if path.is_dir():
        raise ValueError(f"`path` must be a file, got the folder {str(path)!r}. Name a file in it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen = furniture.models if models is None else models
    jobs = [(furniture, model.key, face_budget(model.size, max_faces), texture_px) for model in chosen]
    meshes = _make_meshes(_reduce_model, jobs, workers, "reducing furniture")
    return _save(path, chosen, meshes, max_bytes=max_bytes)


def face_budget(size: tuple[float, float, float], max_faces: int) -> int:
    """Say how many triangles a model may have: fewer for what is small and so fills few pixels.

    Args:
        size (`tuple[float, float, float]`):
            Of the model, metres.
        max_faces (`int`):
            For a diagonal of a metre or more.

    Returns:
        `int`: `max_faces` times the diagonal in metres, but at least 30 % and at most all of it.
    """
    return max(MIN_FACES, round(max_faces * min(1.0, max(0.3, float(np.linalg.norm(size))))))


def _reduce_model(job: tuple[FurniturePack, str, int, int]) -> FurnitureMesh:
    furniture, key, max_faces, texture_px = job
    mesh = furniture.mesh(key)
    textures = [None if texture is None else shrink_texture(texture, texture_px) for texture in mesh.textures]
    return dataclasses.replace(decimate(mesh, max_faces), textures=textures)


def assign_splits(labels: dict[str, str], free: Collection[str] = ()) -> dict[str, str]:
    """Divide models between the splits, class by class.

    Args:
        labels (`dict[str, str]`):
            Class of each key, of the whole catalogue.
        free (`Collection[str]`, *optional*, defaults to `()`):
            Keys of models that a smaller pack may consist of. Where a class has three of them, they are divided by
            themselves, so that this pack has the class in every split too.

    Returns:
        `dict[str, str]`: Split of each key. A class of three or more has models in all splits, a class of two in train
        and test, of one in train but for a tenth in val and a tenth in test.
    """
    splits = {}
    for label in sorted(set(labels.values())):
        keys = sorted((key for key in labels if labels[key] == label), key=_hash_share)
        groups = [[key for key in keys if key in free], [key for key in keys if key not in free]]
        if len(groups[0]) < MIN_DIVIDED or not groups[1]:
            groups = [keys]
        for group in groups:
            num_test, num_val = _held_out(len(group), _hash_share(group[0]))
            for place, key in enumerate(group):
                splits[key] = "test" if place < num_test else "val" if place < num_test + num_val else "train"
    return splits


def _held_out(count: int, share: float) -> tuple[int, int]:
    """Models for test and for validation, of a class of so many; `share` decides about single ones."""
    if count == 1:
        return int(share < SINGLE_HELD_OUT_SHARE), int(SINGLE_HELD_OUT_SHARE <= share < 2 * SINGLE_HELD_OUT_SHARE)
    if count < MIN_DIVIDED:
        return 1, 0
    return max(1, round(TEST_SHARE * count)), max(1, round(VAL_SHARE * count))


def _hash_share(key: str) -> float:
    """Number from 0 to 1 that depends on the key alone, on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6]) / 2**48


def convert_furniture(path: Path, *, workers: int = 0) -> Path:
    """Convert a Debian package or a folder of `.sh3f` files into a pack in the cache, if it is not there yet.

    The pack is named by the content: a package may move and change its name. Of a folder the names of the `.sh3f`
    files count too, for they decide licences and credits.

    Args:
        path (`Path`):
            The package or the folder.
        workers (`int`, *optional*, defaults to 0):
            Processes that convert; fewer than two convert in this one.

    Returns:
        `Path`: The pack.

    Raises:
        ValueError: If there is no furniture in it, or it is damaged.
    """
    is_folder = path.is_dir()
    sources = find_libraries(path) if is_folder else [path]
    identity = [(source.name if is_folder else "", _sha256(source)) for source in sources]
    settings = [PACK_VERSION, CONVERSION, CONVERTED_MAX_FACES, CONVERTED_TEXTURE_PX]
    name = hashlib.sha256(json.dumps([identity, settings]).encode()).hexdigest()[:16]
    folder = Path(os.environ.get(CACHE_VARIABLE, CACHE_FOLDER)).expanduser()
    pack = folder / f"furniture_{name}.safetensors"
    if pack.exists():
        return pack
    folder.mkdir(parents=True, exist_ok=True)
    if is_folder:
        _convert_libraries(sources, pack, origin="", workers=workers)
    else:
        _convert_package(path, pack, workers=workers)
    return pack


def _convert_package(path: Path, pack: Path, *, workers: int) -> None:
    with tempfile.TemporaryDirectory(dir=pack.parent) as unpacked:
        libraries = unpack_package(path, Path(unpacked))
        origin = read_package_origin(path)
        try:
            _convert_libraries(libraries, pack, origin=origin, workers=workers)
        except ValueError as error:
            raise ValueError(
                f"`path` must be a package whose furniture is whole, got {str(path)!r}. {error}"
            ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _convert_libraries(libraries: list[Path], pack: Path, *, origin: str, workers: int) -> None:
    entries = [entry for library in libraries for entry in read_catalogue(library)]
    if not entries:
        raise ValueError(
            f"`path` must have indoor models in its .sh3f files, got none in {len(libraries)} of them in "
            f"{str(libraries[0].parent)!r}. Give models a category of {INDOOR}."
        )
    _check_keys(entries)
    labels = {entry.key: furniture_label(entry.name, entry.category, entry.key) for entry in entries}
    splits = assign_splits(labels, {entry.key for entry in entries if entry.licence == FREE_LICENCE})
    models = [_model(entry, labels[entry.key], splits[entry.key], origin) for entry in entries]
    _save(pack, models, _make_meshes(_convert_model, entries, workers, "converting furniture"))


def _check_keys(entries: list[CatalogueEntry]) -> None:
    known: dict[str, CatalogueEntry] = {}
    for entry in entries:
        other = known.setdefault(entry.key, entry)
        if other is not entry:
            raise ValueError(
                f"`path` must lead to .sh3f files whose models have different ids, got id {entry.key!r} for "
                f"{other.name!r} of {str(other.library)!r} and for {entry.name!r} of {str(entry.library)!r}. "
                "Take one of the two out, or change its id in the catalogue."
            )


def _make_meshes(
    function: Callable[[_Job], FurnitureMesh], jobs: Sequence[_Job], workers: int, description: str
) -> Iterator[FurnitureMesh]:
    """Give the results in the order of the jobs; a few are done here, where no process has to start."""
    progress = {"total": len(jobs), "desc": description, "unit": "model", "disable": len(jobs) < MIN_SHARED_JOBS}
    if workers < 2 or len(jobs) < MIN_SHARED_JOBS:
        yield from tqdm(map(function, jobs), **progress)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from tqdm(pool.map(function, jobs), **progress)


def _convert_model(entry: CatalogueEntry) -> FurnitureMesh:
    with open_library(entry.library) as archive:
        return decimate(read_model(archive, entry, texture_px=CONVERTED_TEXTURE_PX), CONVERTED_MAX_FACES)


def _model(entry: CatalogueEntry, label: str, split: str, origin: str) -> FurnitureModel:
    return FurnitureModel(
        key=entry.key,
        name=entry.name,
        label=label,
        category=entry.category,
        size=entry.size,
        elevation=entry.elevation,
        top=entry.top,
        creator=entry.creator,
        source=f"{entry.library.name} ({origin})" if origin else entry.library.name,
        licence=entry.licence,
        split=split,
    )


class _Tensors:
    """Rows that are collected for the flat tensors of a pack."""

    def __init__(self) -> None:
        self.rows: dict[str, list[np.ndarray]] = {}
        self.lengths: dict[str, int] = {}
        self.pictures: dict[bytes, int] = {}
        self.picture_places: list[tuple[int, int, int]] = []

    def add(self, name: str, rows: np.ndarray) -> tuple[int, int]:
        """Append rows to a tensor and say where they start and how many they are."""
        start = self.lengths.get(name, 0)
        self.rows.setdefault(name, []).append(rows)
        self.lengths[name] = start + len(rows)
        return start, len(rows)

    def add_picture(self, picture: np.ndarray | None) -> int | None:
        """Append a picture unless the same one is there, and give its number."""
        if picture is None:
            return None
        identity = repr(picture.shape).encode() + picture.tobytes()
        if identity not in self.pictures:
            self.pictures[identity] = len(self.picture_places)
            start, _ = self.add("pictures", picture.reshape(-1))
            self.picture_places.append((start, picture.shape[0], picture.shape[1]))
        return self.pictures[identity]


def _save(
    path: Path, models: Sequence[FurnitureModel], meshes: Iterable[FurnitureMesh], *, max_bytes: int | None = None
) -> int:
    tensors = _Tensors()
    tensors.add("corner_uv", np.zeros((0, 3, 2), dtype=np.float16))  # a pack without any picture has these as well
    tensors.add("pictures", np.zeros(0, dtype=np.uint8))
    entries = [
        {"model": dataclasses.asdict(model), "mesh": _add_mesh(tensors, mesh, model)}
        for model, mesh in zip(models, meshes, strict=True)
    ]
    metadata = {
        "format": PACK_FORMAT,
        "version": PACK_VERSION,
        "pictures": json.dumps(tensors.picture_places, separators=(",", ":")),
        "models": json.dumps(entries, separators=(",", ":"), ensure_ascii=False),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file({name: np.concatenate(rows) for name, rows in tensors.rows.items()}, temporary, metadata=metadata)
        size = temporary.stat().st_size
        if max_bytes is not None and size > max_bytes:
            raise ValueError(
                f"`max_bytes` must be at least the {size} bytes of this pack, got {max_bytes}. "
                "Lower `max_faces` or `texture_px`."
            )
        temporary.chmod(0o644)  # safetensors writes for the owner alone
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return size


def _add_mesh(tensors: _Tensors, mesh: FurnitureMesh, model: FurnitureModel) -> dict[str, object]:
    """Append a mesh and say where its parts are; materials that no face has are left out."""
    counts = np.bincount(mesh.face_materials, minlength=len(mesh.colors))
    materials = sorted(np.nonzero(counts)[0], key=lambda number: mesh.textures[number] is None)  # pictures first
    place_of = np.zeros(len(mesh.colors), dtype=np.int64)
    place_of[materials] = np.arange(len(materials))
    order = np.argsort(place_of[mesh.face_materials], kind="stable")
    num_textured = sum(int(counts[number]) for number in materials if mesh.textures[number] is not None)
    if len(mesh.vertices) > MAX_VERTICES:
        raise ValueError(f"`max_faces` leaves {model.key!r} {len(mesh.vertices)} vertices, of at most {MAX_VERTICES}.")
    steps = np.round((mesh.vertices / np.maximum(model.size, 1e-9) + 0.5).clip(0, 1) * QUANTA)
    uv = mesh.corner_uv[order[:num_textured]]
    repeats = np.floor(uv.min(axis=1, keepdims=True))
    return {
        "vertices": tensors.add("vertices", steps.astype(np.uint16)),
        "faces": tensors.add("faces", mesh.faces[order].astype(np.uint16)),
        "corner_uv": tensors.add("corner_uv", np.clip(uv - repeats, 0.0, LARGEST_UV).astype(np.float16)),
        "colors": tensors.add("colors", mesh.colors[materials]),
        "material_faces": [int(counts[number]) for number in materials],
        "pictures": [tensors.add_picture(mesh.textures[number]) for number in materials],
    }
