# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, values of a JSON file that somebody else wrote: each is checked where it is used, and named with its key.

May import: the standard library and NumPy.
"""

import reprlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np


def json_number(value: Any, where: str) -> float:
    """Read a number.

    Args:
        value (`Any`):
            As the file has it.
        where (`str`):
            File and key, for the message.

    Returns:
        `float`: Finite.

    Raises:
        ValueError: If it is no finite number.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= sys.float_info.max:  # false for NaN too; whole numbers may have any length
        raise ValueError(f"`{where}` must be a finite number, got {reprlib.repr(value)}. Repair the file.")
    return float(value)


def json_matrix(value: Any, num_rows: Sequence[int], where: str) -> np.ndarray:
    """Read the rows of a pose, whose last row is often left out.

    Args:
        value (`Any`):
            As the file has it: a list of rows.
        num_rows (`Sequence[int]`):
            How many rows it may have, 3 or 4.
        where (`str`):
            File and key, for the message.

    Returns:
        `np.ndarray` of shape `(4, 4)`, float64.

    Raises:
        ValueError: If it has other rows, or an entry is no finite number.
    """
    is_list = isinstance(value, list) and len(value) in num_rows
    if not is_list or any(not isinstance(row, list) or len(row) != 4 for row in value):
        raise ValueError(
            f"`{where}` must be {' or '.join(map(str, num_rows))} rows of 4 numbers, got {reprlib.repr(value)}. "
            "Repair the file."
        )
    rows = [[json_number(entry, f"{where}[{i}][{j}]") for j, entry in enumerate(row)] for i, row in enumerate(value)]
    return np.array(rows if len(rows) == 4 else [*rows, [0.0, 0.0, 0.0, 1.0]])


def json_pixels(value: float, where: str) -> int:
    """Read a width or height, which some writers store with a decimal point.

    Args:
        value (`float`):
            Finite.
        where (`str`):
            File and key, for the message.

    Returns:
        `int`: At least 1.

    Raises:
        ValueError: If it is no whole number of pixels.
    """
    if value < 1 or value != int(value):
        raise ValueError(f"`{where}` must be a whole number of pixels, got {value:g}. Repair the file.")
    return int(value)
