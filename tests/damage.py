# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Damaged JSON: a whole file -> the same with one key dropped, or holding something else."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


MISSING = "<missing>"
TOO_LARGE = "<1e400>"
VALUES = (MISSING, None, True, -1, 10**400, TOO_LARGE, "text", [], [[1], [1, 2]], ["text"], {})


def damaged_values(content: dict, entry: dict) -> Iterator[tuple[str, Any, dict]]:
    """Give each key of `entry`, which stands in `content`, each of `VALUES`, with the whole file that this makes."""
    for key, kept in list(entry.items()):
        for value in VALUES:
            if value == MISSING:
                del entry[key]
            else:
                entry[key] = value
            yield key, value, copy.deepcopy(content)
            entry[key] = kept


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content).replace(f'"{TOO_LARGE}"', "1e400"))
