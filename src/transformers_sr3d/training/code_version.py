# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Which code trained: all files of the package -> one short name, the same wherever it is installed.

This module may import the standard library.
"""

import hashlib
from pathlib import Path


PACKAGE = Path(__file__).resolve().parents[1]
SUFFIXES = (".py", ".yaml")


def code_version() -> str:
    """Name the code and the wordings of this package.

    Returns:
        `str`: Ten hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in PACKAGE.rglob("*") if path.suffix in SUFFIXES):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
