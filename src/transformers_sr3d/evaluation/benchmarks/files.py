# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Official files of a benchmark: found in one folder by their names and read as rows, or where to get them.

May import: the standard library, PIL, pyarrow when a Parquet file is read, and siblings.
"""

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from transformers_sr3d.image_files_sr3d import DECODE_ERRORS, load_image_rgb
from transformers_sr3d.json_files import parse_object


class MissingDataError(FileNotFoundError):
    """Official files that are not where they should be."""


def find_files(folder: Path, patterns: Sequence[str], what: str) -> list[Path]:
    """Find the files of a benchmark.

    Args:
        folder (`Path`):
            Where the user says that they are.
        patterns (`Sequence[str]`):
            Alternatives, such as `"data/test-*.parquet"`; the first with a match counts.
        what (`str`):
            Where the files come from and how they lie, for the message.

    Returns:
        `list[Path]`: In the order of their names.

    Raises:
        MissingDataError: If there is none.
    """
    for pattern in patterns:
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if found:
            return found
    raise MissingDataError(f"`--data` must hold {' or '.join(patterns)}, got none of them in {folder}. {what}")


def read_rows(paths: Iterable[Path], needed: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Read rows from JSON, JSONL or Parquet.

    Args:
        paths (`Iterable[Path]`):
            Files of one kind.
        needed (`Sequence[str]`):
            Keys that each row must have.

    Returns:
        `list[tuple[str, dict]]`: Where each row stands, for messages, and the row.

    Raises:
        ValueError: If a file is damaged or of another layout, or lacks a key; the message names file, row and key.
    """
    rows = [row for path in paths for row in _rows_of(path)]
    check_keys(rows, needed)
    if not rows:
        raise ValueError(f"`--data` must hold at least one question, got none in {list(map(str, paths))}.")
    return rows


def check_keys(rows: Iterable[tuple[str, dict[str, Any]]], needed: Sequence[str]) -> None:
    """Refuse rows without something that each must have.

    Args:
        rows (`Iterable[tuple[str, dict]]`):
            Where each stands, and the row.
        needed (`Sequence[str]`):
            Keys.

    Raises:
        ValueError: If a row lacks a key; the message names it.
    """
    for where, row in rows:
        lacking = [key for key in needed if row.get(key) is None]
        if lacking:
            raise ValueError(
                f"{where}: `{lacking[0]}` must be there, got the keys {', '.join(map(str, row))[:200]}. "
                "Take the official file as it is."
            )


def name_rows(entries: Any, where: str, needed: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Read rows out of a list within a JSON file.

    Args:
        entries (`Any`):
            Should be objects.
        where (`str`):
            What the list is, for messages.
        needed (`Sequence[str]`):
            Keys that each must have.

    Returns:
        `list[tuple[str, dict]]`: Where each row stands, and the row.

    Raises:
        ValueError: If they are no objects, or one lacks a key.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{where} must hold a list of objects, got others. Take the official file as it is.")
    rows = [(f"{where}#{number}", entry) for number, entry in enumerate(entries)]
    check_keys(rows, needed)
    return rows


def _rows_of(path: Path) -> list[tuple[str, dict[str, Any]]]:
    if path.suffix == ".parquet":
        entries = _read_parquet(path)
    elif path.suffix == ".jsonl":
        lines = [line for line in _read_text(path).split("\n") if line.strip()]
        entries = [parse_object(line, f"{path.name}:{number}") for number, line in enumerate(lines, start=1)]
    else:
        entries = _read_json(path)
    return name_rows(entries, path.name, ())


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"`{path}` must be UTF-8, got {error}. Download it again.") from error


def _read_json(path: Path) -> Any:
    """Official files hold pictures, too, and may be larger than what `inputs` reads."""
    try:
        return json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"`{path}` must be JSON, got {str(error)[:200]}. Download it again.") from error


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"`{path}` must be a Parquet file, got {str(error)[:200]}. Download it again.") from error


def picture_bytes(cell: Any, where: str) -> bytes:
    """Take a picture out of a cell of a Parquet file, as the library `datasets` writes it.

    Args:
        cell (`Any`):
            Bytes, or `{"bytes": ..., "path": ...}`.
        where (`str`):
            File, row and column, for the message.

    Returns:
        `bytes`: Of the picture file.

    Raises:
        ValueError: If there are none.
    """
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes) or not content:
        raise ValueError(f"{where} must hold the bytes of a picture, got {type(cell).__name__}. Download it again.")
    return content


def open_picture(image: bytes | str | Path, where: str) -> Image.Image:
    """Open a picture of a question.

    Args:
        image (`bytes`, `str` or `Path`):
            Of the official files.
        where (`str`):
            File and row, for the message.

    Returns:
        `PIL.Image.Image`: Upright, in RGB.

    Raises:
        ValueError: If it is damaged, too large, or no picture.
    """
    name = f"{where}: the picture"
    if not isinstance(image, bytes):
        return load_image_rgb(image, name)
    try:
        opened = Image.open(io.BytesIO(image))
    except (*DECODE_ERRORS, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{name} must be a picture that Pillow can read, got {len(image)} bytes: {str(error)[:100]}. "
            "Download it again."
        ) from error
    return load_image_rgb(opened, name)


def text_of(row: dict[str, Any], key: str, where: str) -> str:
    """Take a text out of a row.

    Args:
        row (`dict[str, Any]`):
            The row.
        key (`str`):
            Of the text.
        where (`str`):
            File and row, for the message.

    Returns:
        `str`: Not empty.

    Raises:
        ValueError: If it is missing, empty or of another kind.
    """
    text = row.get(key)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{where}: `{key}` must be text, got {text!r:.80}. Take the official file as it is.")
    return text
