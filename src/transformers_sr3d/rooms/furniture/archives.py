# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Containers of furniture: a Debian package -> its `.sh3f` files; a `.sh3f` file (a zip) -> the files in it.

Whatever decoders raise on a damaged container becomes a ValueError with its name. Nothing is unpacked beyond
`MAX_FILE_BYTES` or `MAX_PACKAGE_BYTES`, whatever a header says; the price is that larger furniture has to be split.

May import: the standard library.
"""

import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path


MAX_FILE_BYTES = 256 * 2**20  # of a file in a library
MAX_PACKAGE_BYTES = 2**30  # of all libraries of a package
AR_MAGIC, AR_HEADER_BYTES = b"!<arch>\n", 60
# What the readers of zip and tar files raise on damaged, encrypted or absurd ones.
DECODE_ERRORS = (
    *(OSError, EOFError, ValueError, KeyError, RuntimeError, OverflowError, MemoryError),
    *(struct.error, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
)


@contextmanager
def _naming(path: Path, expected: str, advice: str) -> Iterator[None]:
    """Turn what a decoder raises into an error that names the container."""
    try:
        yield
    except DECODE_ERRORS as error:
        reason = (str(error) or type(error).__name__)[:200]
        raise ValueError(
            f"`path` must {expected}, got {str(path)!r} ({reason}). Download it again, {advice}."
        ) from error


def unpack_package(path: Path, folder: Path) -> list[Path]:
    """Write the `.sh3f` files of a Debian package into a folder.

    Args:
        path (`Path`):
            The `.deb` file.
        folder (`Path`):
            Existing, empty folder; nothing else is written.

    Returns:
        `list[Path]`: What was written, in the order of the names.

    Raises:
        ValueError: If the file is no Debian package, is damaged, packed in a way that this Python cannot read, too
            large, or has no furniture in it.
    """
    for name, content in _package_files(path, "data.tar", ".sh3f"):
        if (folder / name).exists():
            raise ValueError(
                f"`path` must be a Debian package with .sh3f files of different names, got {str(path)!r} with several "
                f"{name!r}. Unpack it with `dpkg-deb -x` and give the folder of one of them."
            )
        (folder / name).write_bytes(content)
    libraries = sorted(folder.glob("*.sh3f"))
    if not libraries:
        raise ValueError(
            f"`path` must be a Debian package with .sh3f files, got {str(path)!r} without any. "
            "Give the package sweethome3d-furniture."
        )
    return libraries


def read_package_origin(path: Path) -> str:
    """Read which package a file is; its name on disk says nothing.

    Args:
        path (`Path`):
            The `.deb` file.

    Returns:
        `str`: Name and version without Debian's revision, for example `"sweethome3d-furniture 1.8"`.

    Raises:
        ValueError: If the file is no Debian package, is damaged, or packed in a way that this Python cannot read.
    """
    text = "".join(content.decode("utf-8", "replace") for _, content in _package_files(path, "control.tar", "control"))
    fields = dict(re.findall(r"^(Package|Version): *(\S+)", text, flags=re.MULTILINE))
    if len(fields) < 2:
        raise ValueError(
            f"`path` must be a Debian package with a name and a version, got {str(path)!r} without. Download it again."
        )
    return f"{fields['Package']} {fields['Version'].partition('-')[0]}"


def _package_files(path: Path, member: str, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files with a suffix in one of the two archives of a package."""
    content, left = _package_member(path, member), MAX_PACKAGE_BYTES
    expected = "be a Debian package that this Python can unpack"
    with (
        _naming(path, expected, "or unpack it with `dpkg-deb -x` and give the folder"),
        tarfile.open(fileobj=io.BytesIO(content)) as archive,
    ):
        for entry in archive:
            file = archive.extractfile(entry) if entry.isfile() and entry.name.endswith(suffix) else None
            if file is None:
                continue
            left -= entry.size
            if left < 0:
                raise ValueError(f"its {suffix} files have more than {MAX_PACKAGE_BYTES} bytes")
            yield Path(entry.name).name, file.read()


def _package_member(path: Path, name: str) -> bytes:
    """Member of an ar archive by the start of its name: 60-byte headers with name and size; contents start even."""
    content = path.read_bytes()
    offset = len(AR_MAGIC)
    while content.startswith(AR_MAGIC) and offset + AR_HEADER_BYTES <= len(content):
        header = content[offset : offset + AR_HEADER_BYTES]
        size_text = header[48:58].strip()
        if not size_text.isdigit():
            break
        start, size = offset + AR_HEADER_BYTES, int(size_text)
        if header[:16].strip().startswith(name.encode()):
            if start + size > len(content):
                raise ValueError(
                    f"`path` must be a Debian package, got {str(path)!r}, which is cut off: {name} needs "
                    f"{start + size} bytes of {len(content)}. Download it again."
                )
            return content[start : start + size]
        offset = start + size + size % 2
    raise ValueError(
        f"`path` must be a Debian package, got {str(path)!r}, which has no {name} in an ar archive. Download it again."
    )


def open_library(path: Path) -> zipfile.ZipFile:
    """Open a `.sh3f` file.

    Args:
        path (`Path`):
            The file.

    Returns:
        `zipfile.ZipFile`: To be closed.

    Raises:
        ValueError: If it is no zip file, or damaged.
    """
    with _naming_library(path):
        return zipfile.ZipFile(path)


def check_names(archive: zipfile.ZipFile) -> None:
    """Compare the list of contents with what stands before each file.

    A picture that a library lacks is no error, so one whose name is damaged would get lost without a word.

    Args:
        archive (`zipfile.ZipFile`):
            Of `open_library`.

    Raises:
        ValueError: If they differ, or a file is encrypted or packed in a way that this Python cannot read.
    """
    with _naming_library(Path(str(archive.filename))):
        for entry in archive.infolist():
            archive.open(entry).close()


def read_file(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a file of a library.

    Args:
        archive (`zipfile.ZipFile`):
            Of `open_library`.
        name (`str`):
            Of the file.

    Returns:
        `bytes`: The content.

    Raises:
        ValueError: If it is missing, damaged, or larger than `MAX_FILE_BYTES`.
    """
    with _naming_library(Path(str(archive.filename))):
        entry = archive.getinfo(name)
        if entry.file_size > MAX_FILE_BYTES:
            raise ValueError(f"{name!r} has {entry.file_size} bytes, of at most {MAX_FILE_BYTES}")
        with archive.open(entry) as file:
            content = file.read(entry.file_size + 1)  # a number, so that no more is unpacked than the header says
    if len(content) != entry.file_size:
        raise ValueError(
            f"`path`: {name!r} of library {archive.filename!r} must have {entry.file_size} bytes, got {len(content)}. "
            "Download it again."
        )
    return content


def _naming_library(path: Path) -> AbstractContextManager[None]:
    return _naming(path, "lead to .sh3f files that are whole", "or take it out of the folder")
