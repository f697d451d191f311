# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, files that a source names in its own tables: they lie inside its folder, and have the size that it states.

May import: PIL, the checks of images, and siblings in `inputs`.
"""

import os
import reprlib
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from PIL import Image

from transformers_sr3d.image_files_sr3d import load_image_rgb


def check_inside(name: Any, where: str) -> str:
    """Refuse a name that leads out of the folder of a source.

    Args:
        name (`Any`):
            As the source has it.
        where (`str`):
            How the message calls it, with file and line or key.

    Returns:
        `str`: The name.

    Raises:
        ValueError: If it is no text, empty, absolute, or has `..` in it.
    """
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"`{where}` must be the name of a file, got {reprlib.repr(name)}. Repair the file.")
    parts = (PurePosixPath(name), PureWindowsPath(name))
    if any(part.is_absolute() or part.drive or part.root or ".." in part.parts for part in parts):
        raise ValueError(
            f"`{where}` must be a relative name inside the folder of the source, got {reprlib.repr(name)}. "
            "Copy the file into the folder and name it without `..`."
        )
    return name


def file_inside(folder: Path, name: Any, where: str) -> Path:
    """Find a file that a source names.

    Args:
        folder (`Path`):
            Where its names start.
        name (`Any`):
            As the source has it.
        where (`str`):
            How the message calls it, with file and line or key.

    Returns:
        `Path`: Of the file.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is no name of a file inside the folder.
    """
    path = folder / check_inside(name, where)
    if not os.path.isfile(path):  # unlike `Path.is_file`, without raising for names that no file can have
        raise FileNotFoundError(
            f"`{where}` must name a file in {folder}, got {reprlib.repr(name)}, which is not there. "
            "Restore the file, or correct the name."
        )
    return path


def sized_image_loader(path: Path, size_hw: tuple[int, int], where: str) -> Callable[[], Image.Image]:
    """Load a picture when it is asked for, and refuse it if its intrinsics were made for another size.

    Args:
        path (`Path`):
            Of the file.
        size_hw (`tuple[int, int]`):
            Rows and columns that the source states.
        where (`str`):
            Where it states them.

    Returns:
        `Callable[[], Image.Image]`: Loads it as RGB; raises a `ValueError` that names it.
    """
    return partial(_load_sized, path, size_hw, where)


def _load_sized(path: Path, size_hw: tuple[int, int], where: str) -> Image.Image:
    picture = load_image_rgb(path, str(path), pixel_aligned=True)
    check_size(path, (picture.height, picture.width), size_hw, where)
    return picture


def check_size(path: Path, found_hw: tuple[int, int], stated_hw: tuple[int, int], where: str) -> None:
    """Refuse a picture of another size than the source states.

    Args:
        path (`Path`):
            Of the picture.
        found_hw (`tuple[int, int]`):
            Its rows and columns.
        stated_hw (`tuple[int, int]`):
            What the source states.
        where (`str`):
            Where it states them.

    Raises:
        ValueError: If they differ.
    """
    if found_hw != stated_hw:
        raise ValueError(
            f"`{path}` must have {stated_hw[1]}x{stated_hw[0]} pixels, as {where} states, got {found_hw[1]}x"
            f"{found_hw[0]}. The intrinsics belong to the size that is stated: use the pictures that they were made "
            "for, or scale size, focal lengths and principal point with the pictures."
        )
