# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Libraries and packages of furniture that tests write themselves, with known answers."""

import io
import lzma
import tarfile
import zipfile

import numpy as np
from PIL import Image

from transformers_sr3d.rooms.furniture.pack import open_furniture


NUM_DAMAGES = 30

# A box 1 wide, 2 high (y) and 3 deep (z), whose front (towards +z) has a picture and whose rest is plain.
BOX = """mtllib box.mtl
v -0.5 0 1.5\nv 0.5 0 1.5\nv 0.5 2 1.5\nv -0.5 2 1.5\nv -0.5 0 -1.5\nv 0.5 0 -1.5\nv 0.5 2 -1.5\nv -0.5 2 -1.5
vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1
usemtl front\nf 1/1 2/2 3/3 4/4
usemtl rest\nf 6 5 8 7\nf 5 1 4 8\nf 2 6 7 3\nf 4 3 7 8\nf -8 -4 -3 -7
"""
MATERIALS = "newmtl front\nKd 0.1 0.1 0.1\nmap_Kd front.png\nnewmtl rest\nKd 0.2 0.4 0.6\nd 0.3\n"
ENTRY = {
    "id": "Test#box",
    "name": "Box",
    "category": "Living room",
    "model": "/test/box/box.obj",
    "width": "50",
    "depth": "150",
    "height": "100",
    "elevation": "20",
    "dropOnTopElevation": "80.5",
    "creator": "Zo\\u00eb",
}


def picture(colors):
    file = io.BytesIO()
    Image.fromarray(np.array(colors, dtype=np.uint8)).save(file, "png")
    return file.getvalue()


def _line(name, place, value):
    """A space after the name is one after the number."""
    return f"{name.strip()}#{place}{' ' * name.endswith(' ')}={value}"


def write_library(path, *entries, extra=None, compression=zipfile.ZIP_STORED):
    lines = [_line(name, place, value) for place, entry in enumerate(entries, 1) for name, value in entry.items()]
    front = picture([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]])
    contents = {"box.obj": BOX, "box.mtl": MATERIALS, "front.png": front, **(extra or {})}
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("PluginFurnitureCatalog.properties", "# comment\r\n" + "\r\n".join(lines))
        for name, content in contents.items():
            archive.writestr(f"test/box/{name}", content)
    return path


def packed(content, name):
    archive_bytes, entry = io.BytesIO(), tarfile.TarInfo(name)
    entry.size = len(content)
    with tarfile.open(fileobj=archive_bytes, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(content))
    return archive_bytes.getvalue()


CONTROL = b"Package: sweethome3d-furniture\nVersion: 1.8-1\nArchitecture: all\n"


def write_package(path, library, compress=lzma.compress, suffix="xz", control=CONTROL):
    data = packed(library.read_bytes(), "./usr/share/sweethome3d/furniture/" + library.name)
    members = {
        "debian-binary": b"2.0",
        f"control.tar.{suffix}": compress(packed(control, "./control")),
        f"data.tar.{suffix}": compress(data),
    }
    return write_ar(path, members)


def write_ar(path, members):
    with path.open("wb") as package:
        package.write(b"!<arch>\n")
        for name, content in members.items():
            package.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content)
            package.write(b"\n" * (len(content) % 2))
    return path


def several(count):
    return [{**ENTRY, "id": f"Test#box{number}", "width": str(50 + number)} for number in range(count)]


def damaged_copies(content):
    """The file cut off at random places, and with one bit turned over."""
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), NUM_DAMAGES):
        yield content[:place]
    for place in rng.integers(0, len(content), NUM_DAMAGES):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        yield bytes(flipped)


def refusals(path, damaged):
    """Open furniture with each damaged copy of one of its files; what is said, "" where nobody reads the damage."""
    messages = []
    for content in damaged_copies(damaged.read_bytes()):
        damaged.unlink()
        damaged.write_bytes(content)
        try:
            pack = open_furniture(path)
            for model in pack.models:
                pack.mesh(model.key)
        except ValueError as error:
            messages.append(str(error))
        else:
            messages.append("")
    return messages
