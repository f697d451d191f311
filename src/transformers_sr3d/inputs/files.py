# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, small files of many sources: images, depth maps and tables of numbers, each error with file and line.

May import: NumPy, PIL, and the checks of images and depth maps.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.depth_files_sr3d import load_depth
from transformers_sr3d.image_files_sr3d import load_image_rgb


MAX_TEXT_BYTES = 256 * 1024 * 1024
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm")


def image_loader(path: Path, *, pixel_aligned: bool = True) -> Callable[[], Image.Image]:
    """Load a picture when it is asked for.

    Args:
        path (`Path`):
            Of the file.
        pixel_aligned (`bool`, defaults to `True`):
            Whether something counts in its stored pixels; then one whose EXIF tag turns it is refused.

    Returns:
        `Callable[[], Image.Image]`: Loads it as RGB; raises a `ValueError` that names it if it does not decode.
    """
    return partial(load_image_rgb, path, str(path), pixel_aligned=pixel_aligned)


def depth_loader(
    path: Path, *, depth_unit: str | None = None, depth_scale: float | None = None, depth_kind: str = "metric"
) -> Callable[[], np.ndarray]:
    """Load a depth map when it is asked for.

    Args:
        path (`Path`):
            Of the file: 16 or 32 bits, or `.npy`.
        depth_unit (`str`, *optional*):
            `"mm"`, `"cm"` or `"m"`, for integers.
        depth_scale (`float`, *optional*):
            Metres per unit, for integers.
        depth_kind (`str`, defaults to `"metric"`):
            `"metric"`, or `"relative"` for depth in a unit that nobody knows.

    Returns:
        `Callable[[], np.ndarray]`: Loads it as `(h, w)`, float32, 0 where not measured; raises a `ValueError` that
        names it if it is bad.
    """
    settings = {"depth_unit": depth_unit, "depth_scale": depth_scale, "depth_kind": depth_kind}
    return partial(_load_depth, path, settings)


def _load_depth(path: Path, settings: dict[str, Any]) -> np.ndarray:
    return load_depth(path, name=str(path), **settings).numpy()


def natural_key(name: str) -> list[tuple[int, Any]]:
    """Sort names by the numbers in them: "frame9" before "frame10".

    Args:
        name (`str`):
            Of a file.

    Returns:
        `list[tuple[int, Any]]`: The key.
    """
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


def read_text(path: Path) -> str:
    """Read a text file of sane size.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `str`: Its text.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is no UTF-8 or larger than `MAX_TEXT_BYTES`.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"`{path}` must be a file, got none there. Restore it, or check the path of the source."
        )
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise ValueError(f"`{path}` must be text of at most {MAX_TEXT_BYTES} bytes, got {size}. Check the file.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"`{path}` must be UTF-8 text, got other bytes at {error.start}. Check the file.") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `Any`: What it holds.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is not JSON; the message names file and line.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # also numbers of more digits than Python converts
        raise ValueError(f"`{path}` must be JSON, got {str(error)[:200]}. Repair or export the file again.") from error


def read_table(path: Path, columns: int | tuple[int, ...], *, comment: str = "#") -> list[tuple[int, list[str]]]:
    """Read a table of words separated by white space.

    Args:
        path (`Path`):
            Of the file.
        columns (`int` or `tuple[int, ...]`):
            How many words a line may have.
        comment (`str`, defaults to `"#"`):
            Lines that start with it, and empty ones, are passed over.

    Returns:
        `list[tuple[int, list[str]]]`: Line number, counted from 1, and words.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If a line has another number of words; the message names file and line.
    """
    allowed = (columns,) if isinstance(columns, int) else columns
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split()
        if not words or line.lstrip().startswith(comment):
            continue
        if len(words) not in allowed:
            raise ValueError(
                f"`{path}` line {number} must have {' or '.join(map(str, allowed))} words, got {len(words)}: "
                f"{line[:120]!r}. Repair the line."
            )
        rows.append((number, words))
    return rows


def numbers(words: list[str], where: str) -> np.ndarray:
    """Turn words into numbers.

    Args:
        words (`list[str]`):
            As they stand in the file; "inf" and "nan" are numbers here, for the reader to judge.
        where (`str`):
            File and line, for the message.

    Returns:
        `np.ndarray` of shape `(len(words),)`, float64.

    Raises:
        ValueError: If a word is no number.
    """
    try:
        return np.array([float(word) for word in words])
    except ValueError as error:
        raise ValueError(f"`{where}` must be numbers, got {' '.join(words)[:120]!r}. Repair the line.") from error


def read_matrix(path: Path, shapes: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Read a text file that holds one matrix.

    Args:
        path (`Path`):
            Of the file: a row a line.
        shapes (`tuple[tuple[int, int], ...]`):
            Which shapes it may have.

    Returns:
        `np.ndarray`: Of one of these shapes, float64; may hold what is not finite.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it holds anything else; the message names file and line.
    """
    widths = tuple({width for _, width in shapes})
    rows = [numbers(words, f"{path} line {line}") for line, words in read_table(path, widths)]
    shape = (len(rows), len(rows[0]) if rows else 0)
    if shape not in shapes or any(len(row) != shape[1] for row in rows):
        raise ValueError(f"`{path}` must hold a matrix of shape {shapes}, got {shape}. Check the file.")
    return np.stack(rows)
