# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, files inside a `.r3d` file: a zip archive, or the folder that it was unpacked to.

Nothing is unpacked to disk: a file is found by a name that the reader makes up, never by one from the archive, and its
size is checked before it is read. The archive is opened again for each file, so that a loader is a few words that
another process can have.

May import: the standard library.
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


# Others are decompressed whole before their size is known.
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What the standard library raises for archives that are damaged, encrypted, or packed in an unknown way.
ARCHIVE_ERRORS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error),
    *(OSError, EOFError, RuntimeError, NotImplementedError, ValueError, OverflowError),
)


def list_files(path: Path, folder: str) -> dict[str, int]:
    """List the files of a recording that lie at its top, or in one folder of it.

    Args:
        path (`Path`):
            The archive, or the folder.
        folder (`str`):
            Name of the one folder.

    Returns:
        `dict[str, int]`: How many bytes each has, by name.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If it is no readable archive, or has two files of one name.
    """
    if os.path.isdir(path):
        parts = (path, path / folder) if os.path.isdir(path / folder) else (path,)
        files = [file for part in parts for file in part.iterdir() if os.path.isfile(file)]
        return {file.relative_to(path).as_posix(): file.stat().st_size for file in files}
    sizes: dict[str, int] = {}
    with _archive(path) as archive:
        for entry in archive.infolist():
            if entry.filename in sizes:
                raise ValueError(
                    f"`{path}` must hold one file called {entry.filename!r}, got several. Export the recording again."
                )
            sizes[entry.filename] = entry.file_size
    return sizes


def read_file(path: Path, name: str, max_bytes: int) -> bytes:
    """Read a file of a recording.

    Args:
        path (`Path`):
            The archive, or the folder.
        name (`str`):
            Of the file, such as "rgbd/0.jpg".
        max_bytes (`int`):
            How large it may be.

    Returns:
        `bytes`: What it holds.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is larger, or damaged.
    """
    if os.path.isdir(path):
        return _read_unpacked(path / name, max_bytes)
    with _archive(path) as archive:
        try:
            entry = archive.getinfo(name)
        except KeyError:
            raise FileNotFoundError(f"`{path}` must hold {name}, got none. Export the recording again.") from None
        _check_size(entry.file_size, max_bytes, f"{path}/{name}")
        if entry.compress_type not in PACKINGS:
            raise ValueError(
                f"`{path}/{name}` must be stored or deflated, got packing {entry.compress_type}. Pack it again."
            )
        try:
            return archive.read(entry)  # never more than `file_size`, whatever is packed there
        except ARCHIVE_ERRORS as error:
            raise ValueError(
                f"`{path}/{name}` must be intact, got {str(error)[:200]}. Export or copy the recording again."
            ) from error


def _read_unpacked(path: Path, max_bytes: int) -> bytes:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"`{path}` must be a file, got none there. Unpack the recording again.")
    _check_size(path.stat().st_size, max_bytes, str(path))
    return path.read_bytes()


def _check_size(num_bytes: int, max_bytes: int, name: str) -> None:
    if num_bytes > max_bytes:
        raise ValueError(f"`{name}` may have at most {max_bytes} bytes, got {num_bytes}. Export the recording again.")


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"`{path}` must be a `.r3d` file, got none there. Check the path.")
    try:
        archive = zipfile.ZipFile(path)
    except ARCHIVE_ERRORS as error:
        raise ValueError(
            f"`{path}` must be a complete zip archive, as `.r3d` files are, got {str(error)[:200]}. "
            "The file is damaged or truncated: export or copy it again."
        ) from error
    with archive:
        yield archive
