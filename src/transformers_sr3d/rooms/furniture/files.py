# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Files of Sweet Home 3D: a Debian package or a folder -> `.sh3f` libraries -> catalogue entries -> meshes.

A library is a zip with `PluginFurnitureCatalog.properties` (names, categories, sizes in centimetres) and one folder
for each model. A model's file has y up and its front towards +z; here z is up and the front faces -y, and the box
gets exactly the size that the catalogue says, which is the truth of every question about it. Only what stands in
homes is read: the indoor categories, and of the miscellaneous things those in `HOUSEHOLD`.

May import: NumPy and `rooms`.
"""

import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transformers_sr3d.rooms.furniture.wavefront import read_wavefront
from transformers_sr3d.rooms.world import FurnitureMesh


INDOOR = ("Living room", "Kitchen", "Bedroom", "Bathroom", "Office", "Lights")
# Of the category "Miscellaneous", which also holds chimneys, fences and sixty wall sockets.
HOUSEHOLD = frozenset(
    """Abdominal bench|Air conditioning - Internal unit|Backpack|Barrel|Basketball|Book|Box|Cardboard box|Ceiling fan|
    Clothes horse|Crate|Cuckoo clock|Dart game|Doormat|Electric water heater|Football table|Gift|Headphones|
    Indoor bike|Mini stereo|MP3 base|MP3 station|Newspaper|Open cardboard box|Pool table|Punching ball|Radiator|
    Radio|Recycling bin|Reflex camera|Rigged fan|Screen|Small step ladder|Soccer ball|Speaker|Step ladder|
    Stereo amplifier|Suitcase|Table fan|Table tennis|Tatami|Tennis racket|Treadmill|Trunck|Umbrella|Vase|
    Wheelchair""".replace("\n    ", "").split("|")
)
MISCELLANEOUS = "Miscellaneous"
CATALOGUE = "PluginFurnitureCatalog.properties"
LICENCES = {"BlendSwap-CC-0": "CC0-1.0", "KatorLegaz": "CC-BY-3.0-US", "Reallusion": "CC-BY-3.0-US"}
OTHER_LICENCE = "CC-BY-3.0"
# Whom the licences of the libraries ask to credit, where the catalogue has a short name.
CREATORS = {
    "Scopia": "Scopia Visual Interfaces Systems, s.l. (scopia.es) and Emmanuel Puybaret / eTeks",
    "Scopia & eTeks": "Scopia Visual Interfaces Systems, s.l. (scopia.es) and Emmanuel Puybaret / eTeks",
    "Kator Legaz": "Andrew Kator and Jennifer Legaz",
}
AR_MAGIC, AR_HEADER_BYTES = b"!<arch>\n", 60
# (x, y up, z to the front) of a file -> (x, -z, y): z up, the front towards -y.
FILE_TO_OWN = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


@dataclass(frozen=True)
class CatalogueEntry:
    """One model of a library.

    Attributes:
        library (`Path`): The `.sh3f` file.
        key (`str`): Unique name.
        name (`str`): Name in the catalogue.
        category (`str`): Category in the catalogue.
        creator (`str`): Who made it.
        path (`str`): Of its OBJ file in the library.
        size (`tuple[float, float, float]`): Width, depth and height, metres.
        elevation (`float`): Of its bottom above the floor, metres.
        top (`float`, *optional*): Where things stand on it above its bottom, metres; None for on its full height,
            below zero for nowhere.
        rotation (`np.ndarray` of shape `(3, 3)`): Turns the file's axes upright; applied first.
    """

    library: Path
    key: str
    name: str
    category: str
    creator: str
    path: str
    size: tuple[float, float, float]
    elevation: float
    top: float | None
    rotation: np.ndarray

    @property
    def licence(self) -> str:
        """SPDX identifier; the library decides it."""
        return LICENCES.get(self.library.stem, OTHER_LICENCE)


def find_libraries(path: Path) -> list[Path]:
    """Find the `.sh3f` files of a folder and of all folders in it.

    Args:
        path (`Path`):
            Folder.

    Returns:
        `list[Path]`: In the order of their names.

    Raises:
        ValueError: If there are none.
    """
    libraries = sorted(path.rglob("*.sh3f"))
    if not libraries:
        raise ValueError(
            f"`path` must be a folder with .sh3f files in or below it, got {str(path)!r} without any. "
            "Give the Debian package sweethome3d-furniture or the folder that it was unpacked to."
        )
    return libraries


def unpack_package(path: Path, folder: Path) -> list[Path]:
    """Write the `.sh3f` files of a Debian package into a folder.

    Args:
        path (`Path`):
            The `.deb` file.
        folder (`Path`):
            Existing folder; nothing else is written.

    Returns:
        `list[Path]`: What was written, in the order of the names.

    Raises:
        ValueError: If the file is no Debian package, is damaged, packed in a way that this Python cannot read, or has
            no furniture in it.
    """
    with _open_member(path, "data.tar") as archive:
        for name, content in _files_with_suffix(archive, ".sh3f"):
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
    with _open_member(path, "control.tar") as archive:
        text = "".join(content.decode() for _, content in _files_with_suffix(archive, "control"))
    fields = dict(re.findall(r"^(Package|Version): *(\S+)", text, flags=re.MULTILINE))
    if len(fields) < 2:
        raise ValueError(f"`path` must be a Debian package with a name and a version, got {str(path)!r} without.")
    return f"{fields['Package']} {fields['Version'].partition('-')[0]}"


@contextmanager
def _open_member(path: Path, name: str) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=io.BytesIO(_package_member(path, name))) as archive:
            yield archive
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(
            f"`path` must be a Debian package that this Python can unpack, got {str(path)!r} ({error}). "
            "Fetch it again, or unpack it with `dpkg-deb -x` and give the folder."
        ) from error


def _files_with_suffix(archive: tarfile.TarFile, suffix: str) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        content = archive.extractfile(member) if member.name.endswith(suffix) else None
        if content is not None:
            yield Path(member.name).name, content.read()


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
            return content[start : start + size]
        offset = start + size + size % 2
    raise ValueError(
        f"`path` must be a Debian package, got {str(path)!r}, which has no {name} in an ar archive. Fetch it again."
    )


def read_catalogue(library: Path) -> list[CatalogueEntry]:
    """List the indoor models of a library.

    Args:
        library (`Path`):
            The `.sh3f` file.

    Returns:
        `list[CatalogueEntry]`: In the order of the catalogue.

    Raises:
        ValueError: If it is no furniture library.
    """
    try:
        with zipfile.ZipFile(library) as archive:
            text = archive.read(CATALOGUE).decode("latin-1")
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(
            f"`path` must lead to .sh3f files with {CATALOGUE} in them, got {str(library)!r} ({error}). "
            "Fetch it again, or take it out of the folder."
        ) from error
    tables: dict[int, dict[str, str]] = {}
    for name, number, value in re.findall(r"^(\w+)#(\d+)=(.*?)\r?$", text, flags=re.MULTILINE):
        tables.setdefault(int(number), {})[name] = _unescape(value)
    return [_entry(library, table) for _, table in sorted(tables.items()) if _stands_in_homes(table)]


def _unescape(value: str) -> str:
    """Text of a properties file, where characters beyond latin-1 are escaped by their hexadecimal number."""
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), value).strip()


def _stands_in_homes(table: dict[str, str]) -> bool:
    category = table.get("category", "")
    return category in INDOOR or (category == MISCELLANEOUS and table["name"] in HOUSEHOLD)


def _entry(library: Path, table: dict[str, str]) -> CatalogueEntry:
    try:
        width, depth, height = (float(table[name]) / 100 for name in ("width", "depth", "height"))
        return CatalogueEntry(
            library=library,
            key=table["id"],
            name=table["name"],
            category=table["category"],
            creator=CREATORS.get(table.get("creator", "unknown"), table.get("creator", "unknown")),
            path=table["model"].lstrip("/"),
            size=(width, depth, height),
            elevation=float(table.get("elevation", 0)) / 100,
            top=float(table["dropOnTopElevation"]) / 100 if "dropOnTopElevation" in table else None,
            rotation=np.array(table.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), dtype=float).reshape(3, 3),
        )
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"`path` must lead to .sh3f files whose models have id, name, category, model, width, depth and height, "
            f"got {str(library)!r} with {table} ({error!r}). Fetch it again."
        ) from error


def read_model(archive: zipfile.ZipFile, entry: CatalogueEntry, *, texture_px: int) -> FurnitureMesh:
    """Read a model of a library, upright and in its true size.

    Args:
        archive (`zipfile.ZipFile`):
            The library, opened.
        entry (`CatalogueEntry`):
            Of its catalogue.
        texture_px (`int`):
            Longest side of a picture, pixels.

    Returns:
        `FurnitureMesh`: In its own frame, metres.

    Raises:
        ValueError: If the library lacks the model, or the model is damaged.
    """
    names = set(archive.namelist())

    def read(path: str) -> bytes | None:
        return archive.read(path) if path in names else None

    text = read(entry.path)
    if text is None:
        raise ValueError(f"`path`: library {str(entry.library)!r} lacks {entry.path!r}. Fetch it again.")
    folder = entry.path.rpartition("/")[0]
    mesh = read_wavefront(text.decode("latin-1"), read, texture_px=texture_px, folder=folder)
    turned = mesh.vertices.astype(np.float64) @ (FILE_TO_OWN @ entry.rotation).T
    return fit_to_size(_with_vertices(mesh, turned), entry.size)


def fit_to_size(mesh: FurnitureMesh, size: tuple[float, float, float]) -> FurnitureMesh:
    """Stretch a mesh along its axes to a size and put its middle at the origin; unused vertices are dropped.

    Args:
        mesh (`FurnitureMesh`):
            In its own axes.
        size (`tuple[float, float, float]`):
            Width, depth and height, metres.

    Returns:
        `FurnitureMesh`: With exactly this box; an axis along which it is flat stays flat.
    """
    used, faces = np.unique(mesh.faces, return_inverse=True)
    vertices = mesh.vertices[used].astype(np.float64)
    low, high = vertices.min(0), vertices.max(0)
    scale = np.divide(size, high - low, out=np.ones(3), where=high > low)
    fitted = ((vertices - (low + high) / 2) * scale).astype(np.float32)
    return FurnitureMesh(
        fitted, faces.reshape(-1, 3).astype(np.int32), mesh.corner_uv, mesh.face_materials, mesh.colors, mesh.textures
    )


def _with_vertices(mesh: FurnitureMesh, vertices: np.ndarray) -> FurnitureMesh:
    return FurnitureMesh(vertices, mesh.faces, mesh.corner_uv, mesh.face_materials, mesh.colors, mesh.textures)
