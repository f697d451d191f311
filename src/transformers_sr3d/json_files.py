# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""JSON that somebody else may have written: a file -> values of known kinds, or an error that names file and key.

This module may import numpy.
"""

import json
import reprlib
from pathlib import Path
from typing import Any

import numpy as np


# No length or pixel of a room is larger; it keeps sums and squares far from overflow.
LARGEST_NUMBER = 1e12
REPAIR = "Correct the file, or restore it."


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Args:
        path (`Path`):
            The file.

    Returns:
        `dict[str, Any]`: Its keys and values.

    Raises:
        ValueError: If it is not JSON in UTF-8, is no object, holds NaN or Infinity, or has a key twice.
    """
    try:
        return parse_object(path.read_text(encoding="utf-8"), f"`{path.name}`", repr(str(path)))
    except UnicodeDecodeError as error:
        raise ValueError(f"`{path.name}` must be JSON in UTF-8, got {str(path)!r}: {error}. {REPAIR}") from error


def parse_object(text: str, where: str, source: str = "this line") -> dict[str, Any]:
    """Read one JSON object.

    Args:
        text (`str`):
            The JSON.
        where (`str`):
            What the message calls it.
        source (`str`, defaults to `"this line"`):
            Where it comes from.

    Returns:
        `dict[str, Any]`: Its keys and values.

    Raises:
        ValueError: If it is not JSON, is no object, holds NaN or Infinity, or has a key twice.
    """
    try:
        content = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} must be JSON in UTF-8, got {source}: {str(error)[:200]}. {REPAIR}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{where} must hold an object, got {reprlib.repr(content)} in {source}. {REPAIR}")
    return content


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(pairs)
    if len(entry) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"one object has the key {max(keys, key=keys.count)!r} twice")
    return entry


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def take(entry: Any, key: str, where: str) -> Any:
    """Take a value that must be there.

    Args:
        entry (`Any`):
            Should be an object.
        key (`str`):
            Of the value.
        where (`str`):
            What the entry is, for the message.

    Returns:
        `Any`: The value; never None.

    Raises:
        ValueError: If the entry is no object, or the value is missing or null.
    """
    if not isinstance(entry, dict) or entry.get(key) is None:
        found = f"the keys {sorted(entry)}" if isinstance(entry, dict) else reprlib.repr(entry)
        raise ValueError(f"`{key}` must be in {where}, got {found} without a value for it. {REPAIR}")
    return entry[key]


def take_text(entry: Any, key: str, where: str, *, among: tuple[str, ...] = ()) -> str:
    """Take a text.

    Args:
        entry (`Any`):
            Should be an object.
        key (`str`):
            Of the value.
        where (`str`):
            What the entry is.
        among (`tuple[str, ...]`, *optional*):
            Words of which it must be one.

    Returns:
        `str`: The text.

    Raises:
        ValueError: If there is no such text, or it is empty or another word.
    """
    value = take(entry, key, where)
    if not isinstance(value, str) or not value or (among and value not in among):
        expected = f"one of {among}" if among else "a text"
        raise ValueError(f"`{key}` of {where} must be {expected}, got {reprlib.repr(value)}. {REPAIR}")
    return value


def take_list(entry: Any, key: str, where: str, *, least: int = 0) -> list[Any]:
    """Take a list.

    Args:
        entry (`Any`):
            Should be an object.
        key (`str`):
            Of the value.
        where (`str`):
            What the entry is.
        least (`int`, defaults to 0):
            Fewest entries.

    Returns:
        `list[Any]`: The list.

    Raises:
        ValueError: If there is no list, or a shorter one.
    """
    value = take(entry, key, where)
    if not isinstance(value, list) or len(value) < least:
        raise ValueError(
            f"`{key}` of {where} must be a list of at least {least} entries, got {reprlib.repr(value)}. {REPAIR}"
        )
    return value


def take_numbers(
    entry: Any,
    key: str,
    where: str,
    shape: tuple[int, ...],
    *,
    low: float = -LARGEST_NUMBER,
    high: float = LARGEST_NUMBER,
    kinds: tuple[type, ...] = (int, float),
) -> np.ndarray:
    """Take a number, or nested lists of numbers.

    Args:
        entry (`Any`):
            Should be an object.
        key (`str`):
            Of the value.
        where (`str`):
            What the entry is.
        shape (`tuple[int, ...]`):
            Of the lists; -1 stands for any length from 1 on.
        low (`float`, *optional*):
            Smallest number.
        high (`float`, *optional*):
            Largest number.
        kinds (`tuple[type, ...]`, defaults to `(int, float)`):
            What JSON gives for them: `(int,)` for whole numbers, `(bool,)` for truth values, `type(None)` beside
            others where null stands for a number that is not known.

    Returns:
        `np.ndarray` of that shape, float64: The numbers, NaN for null.

    Raises:
        ValueError: If there is no such value, or it is of another shape or kind, not finite, or out of range.
    """
    value = take(entry, key, where)
    array = np.array(value, dtype=object)
    fits = array.ndim == len(shape) and all(
        size == wanted or (wanted == -1 and size) for size, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits or not all(type(x) in kinds and (x is None or low <= x <= high) for x in array.flat):
        names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
        expected = f"{names} of shape {shape}" if shape else f"one {names}"
        limits = "" if kinds == (bool,) else f" from {low:g} to {high:g}"
        raise ValueError(f"`{key}` of {where} must be {expected}{limits}, got {reprlib.repr(value)}. {REPAIR}")
    return array.astype(np.float64)
