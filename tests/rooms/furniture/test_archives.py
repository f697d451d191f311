# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Debian packages and libraries of furniture: damaged and absurd ones are refused by name."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest
from furniture_files import BOX, ENTRY, NUM_DAMAGES, refusals, write_ar, write_library, write_package

from transformers_sr3d.rooms.furniture import archives
from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.furniture.pack_writer import write_pack


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SR3D_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def given(tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


def damaged_package(folder):
    package = write_package(folder / "a.deb", write_library(folder / "a.sh3f", ENTRY))
    package.write_bytes(package.read_bytes()[:-200])
    return package


def written(path, content):
    path.write_bytes(content)
    return path


def nameless_package(folder):
    return write_package(folder / "a.deb", write_library(folder / "a.sh3f", ENTRY), control=b"Architecture: all")


def zstandard_package(folder):
    return write_package(folder / "a.deb", written(folder / "a.sh3f", b""), lambda data: b"\x28\xb5\x2f\xfd", "zst")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda folder: folder / "gone.deb", FileNotFoundError, r"`path` .*gone\.deb', which does not exist"),
        (lambda folder: folder, ValueError, r"`path` must be a folder with \.sh3f files .* without any"),
        (lambda folder: written(folder / "a.zip", b""), ValueError, r"`path` must end in .* got '.*a\.zip'"),
        (
            lambda folder: written(folder / "a.deb", b"PK"),
            ValueError,
            r"`path` must be a Debian package, got '.*a\.deb'",
        ),
        (
            lambda folder: written(folder / "a.sh3f", b"PK").parent,
            ValueError,
            r"`path` .* got '.*a\.sh3f' \(File is not",
        ),
        (
            damaged_package,
            ValueError,
            r"`path` must be a Debian package, got '.*a\.deb', which is cut off: data\.tar needs .* Download it again",
        ),
        (zstandard_package, ValueError, "unpack it with `dpkg-deb -x`"),
        (nameless_package, ValueError, r"`path` must be a Debian package with a name and a version"),
        (lambda folder: write_package(folder / "a.deb", written(folder / "a.txt", b"")), ValueError, r"without any"),
        (
            lambda folder: written(folder / "a.safetensors", b"x" * 99),
            ValueError,
            r"a\.safetensors', which is damaged",
        ),
    ],
)
def test_wrong_furniture_is_refused_by_name(tmp_path, make, error, message):
    folder = tmp_path / "given"
    folder.mkdir()
    path = make(folder)
    with pytest.raises(error, match=message):
        open_furniture(path)


def test_packages_that_unpack_to_too_much_are_refused(tmp_path, given, monkeypatch):
    package = write_package(tmp_path / "a.deb", write_library(given / "a.sh3f", ENTRY))
    monkeypatch.setattr(archives, "MAX_PACKAGE_BYTES", 1000)
    with pytest.raises(
        ValueError, match=r"a\.deb' \(its \.sh3f files have more than 1000 bytes\)\. Download it again"
    ):
        open_furniture(package)


def test_packages_with_two_libraries_of_one_name_are_refused(tmp_path):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for folder in ("x", "y"):
            archive.addfile(tarfile.TarInfo(f"{folder}/a.sh3f"), io.BytesIO())
    package = write_ar(tmp_path / "a.deb", {"data.tar": content.getvalue()})
    with pytest.raises(ValueError, match=r"different names, got '.*a\.deb' with several 'a\.sh3f'"):
        open_furniture(package)


def test_files_that_are_longer_than_the_zip_says_are_refused(given):
    library = write_library(given / "a.sh3f", ENTRY)
    sizes, shorter = (struct.pack("<II", size, size) for size in (len(BOX), len(BOX) - 9))
    library.write_bytes(library.read_bytes().replace(sizes, shorter))
    with pytest.raises(ValueError, match=r"a\.sh3f' \(Bad CRC-32 .*\)\. Download it again"):
        open_furniture(given)


def test_names_in_the_zip_that_do_not_agree_are_refused(given):
    library = write_library(given / "a.sh3f", ENTRY)
    content = bytearray(library.read_bytes())
    content[content.rindex(b"front.png")] ^= 1
    library.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.sh3f' \(File name in directory .* differ"):
        open_furniture(given)


def test_folders_that_are_called_like_files_are_refused(given):
    (given / "a.sh3f").mkdir()
    with pytest.raises(ValueError, match=r"`path` must lead to \.sh3f files, got the folder '.*a\.sh3f'"):
        open_furniture(given)
    (given / "a.safetensors").mkdir()
    with pytest.raises(ValueError, match=r"`path` must be a furniture pack, got '.*a\.safetensors', which is no file"):
        open_furniture(given / "a.safetensors")
    with pytest.raises(ValueError, match=r"`path` must be a file, got the folder '.*a\.safetensors'"):
        write_pack(open_furniture(), given / "a.safetensors")


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_randomly_damaged_libraries_are_refused_by_name_or_read(given, compression):
    library = write_library(given / "a.sh3f", ENTRY, compression=compression)
    messages = refusals(given, library)
    assert all(messages[:NUM_DAMAGES])
    assert all("a.sh3f" in message for message in messages if message)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_randomly_damaged_packages_are_refused_by_name_or_read(tmp_path, given, compress):
    package = write_package(tmp_path / "a.deb", write_library(given / "b.sh3f", ENTRY), compress)
    messages = refusals(package, package)
    assert all(messages[:NUM_DAMAGES])
    assert all("a.deb" in message for message in messages if message)


def test_damaged_libraries_of_a_package_are_refused_with_its_name(tmp_path, given):
    library = write_library(given / "b.sh3f", {**ENTRY, "width": "0"})
    message = r"got '.*a\.deb'\. `path` .*b\.sh3f' with entry 1, .*`width` must be"
    with pytest.raises(ValueError, match=message):
        open_furniture(write_package(tmp_path / "a.deb", library))
