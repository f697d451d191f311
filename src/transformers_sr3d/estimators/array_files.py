# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Estimates on disk: named arrays -> one `.npz` file that is whole or not there -> the same arrays.

Files are written under another name and renamed, so that a killed process leaves nothing half-written under a name
that is read. They lie in a hidden folder beside the source, which may be deleted at any time.

May import: the standard library, NumPy and PIL.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


SUFFIX = ".sr3d_depth"


def default_cache_folder(source: Path) -> Path:
    """Name the folder beside a source in which its estimates are kept.

    Args:
        source (`Path`):
            File or folder of the source.

    Returns:
        `Path`: A hidden folder with the name of the source; not made yet.
    """
    place = source.resolve()
    return place.parent / f".{place.name}{SUFFIX}"


def digest_of(key: list[Any], images: Iterable[Image.Image]) -> str:
    """Digest what an estimate depends on.

    Args:
        key (`list`):
            Weights and settings, as JSON has them.
        images (`Iterable[PIL.Image.Image]`):
            Every pixel counts, and their order.

    Returns:
        `str`: 64 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(key).encode())
    for image in images:
        digest.update(json.dumps([image.mode, image.size]).encode())
        digest.update(image.tobytes())
    return digest.hexdigest()


def load_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray] | None:
    """Read a file of arrays.

    Args:
        path (`Path`):
            Of the file.
        names (`Collection[str]`):
            What it must hold.

    Returns:
        `dict[str, np.ndarray]` or `None`: All that it holds; None if there is no such file.

    Raises:
        ValueError: If the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        missing = [name for name in names if name not in found]
    except (ValueError, KeyError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"`{path}` must be a saved estimate, got {error!s:.100}. Delete it.") from error
    if missing:
        raise ValueError(f"`{path}` must be a saved estimate, got a file without {missing[0]!r}. Delete it.")
    return found


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a file of arrays, at once.

    Args:
        path (`Path`):
            Of the file; its folder is made.
        arrays (`Mapping[str, np.ndarray]`):
            By name.

    Raises:
        OSError: If the folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                np.savez(file, **dict(arrays))  # type: ignore[arg-type]  # NumPy types names as a flag
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(
            f"`cache_folder` {path.parent} must be a folder that can be written to, got {error}. Pass another."
        ) from error
