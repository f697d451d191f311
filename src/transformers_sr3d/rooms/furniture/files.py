# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Files of Sweet Home 3D: a folder -> `.sh3f` libraries -> catalogue entries -> meshes.

A library is a zip with `PluginFurnitureCatalog.properties` (names, categories, sizes in centimetres) and one folder
for each model. A model's file has y up and its front towards +z; here z is up and the front faces -y, and the box
gets exactly the size that the catalogue says, which is the truth of every question about it. Only what stands in
homes is read: the indoor categories, and of the miscellaneous things those in `HOUSEHOLD`.

May import: NumPy and `rooms`.
"""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transformers_sr3d.rooms.furniture.archives import check_names, open_library, read_file
from transformers_sr3d.rooms.furniture.wavefront import read_wavefront
from transformers_sr3d.rooms.world import MAX_SIZE_M, MIN_SIZE_M, FurnitureMesh, check_metres


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
MISCELLANEOUS_HOUSEHOLD = frozenset(("Miscellaneous", name) for name in HOUSEHOLD)
CATALOGUE = "PluginFurnitureCatalog.properties"
LICENCES = {"BlendSwap-CC-0": "CC0-1.0", "KatorLegaz": "CC-BY-3.0-US", "Reallusion": "CC-BY-3.0-US"}
OTHER_LICENCE = "CC-BY-3.0"
# Whom the licences of the libraries ask to credit, where the catalogue has a short name.
CREATORS = {
    "Scopia": "Scopia Visual Interfaces Systems, s.l. (scopia.es) and Emmanuel Puybaret / eTeks",
    "Scopia & eTeks": "Scopia Visual Interfaces Systems, s.l. (scopia.es) and Emmanuel Puybaret / eTeks",
    "Kator Legaz": "Andrew Kator and Jennifer Legaz",
}
RIGID = 1e-3  # what a rotation matrix may be off
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
        ValueError: If there are none, or one is a folder.
    """
    libraries = sorted(path.rglob("*.sh3f"))
    for library in libraries:
        if not library.is_file():
            raise ValueError(f"`path` must lead to .sh3f files, got the folder {str(library)!r}. Pack or rename it.")
    if not libraries:
        raise ValueError(
            f"`path` must be a folder with .sh3f files in or below it, got {str(path)!r} without any. "
            "Give the Debian package sweethome3d-furniture or the folder that it was unpacked to."
        )
    return libraries


def read_catalogue(library: Path) -> list[CatalogueEntry]:
    """List the indoor models of a library.

    Args:
        library (`Path`):
            The `.sh3f` file.

    Returns:
        `list[CatalogueEntry]`: In the order of the catalogue.

    Raises:
        ValueError: If it is no furniture library, is damaged, or an entry is incomplete or impossible.
    """
    with open_library(library) as archive:
        check_names(archive)
        if CATALOGUE not in archive.namelist():
            raise ValueError(
                f"`path` must lead to .sh3f files with {CATALOGUE} in them, got {str(library)!r} without. "
                "Download it again, or take it out of the folder."
            )
        text = read_file(archive, CATALOGUE).decode("latin-1")
    tables: dict[int, dict[str, str]] = {}
    for name, number, value in re.findall(r"^[ \t]*(\w+)#(\d+)[ \t]*[=:](.*?)\r?$", text, flags=re.MULTILINE):
        table = tables.setdefault(int(number), {})
        if name in table:
            raise _entry_error(library, int(number), table, f"`{name}` stands there twice")
        table[name] = _unescape(value)
    entries = [_entry(library, number, table) for number, table in sorted(tables.items())]
    return [entry for entry in entries if entry is not None]


def _unescape(value: str) -> str:
    """Text of a properties file, where UTF-16 beyond latin-1 is escaped by its hexadecimal numbers."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), value).strip()
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _entry(library: Path, number: int, table: dict[str, str]) -> CatalogueEntry | None:
    """Entry of a model; None for what does not stand in homes."""
    try:
        _check_keys(table, ("name", "category"))
        if table["category"] not in INDOOR and (table["category"], table["name"]) not in MISCELLANEOUS_HOUSEHOLD:
            return None
        _check_keys(table, ("id", "model", "width", "depth", "height"))
        return CatalogueEntry(
            library=library,
            key=table["id"],
            name=table["name"],
            category=table["category"],
            creator=CREATORS.get(table.get("creator", "unknown"), table.get("creator", "unknown")),
            path=table["model"].lstrip("/"),
            size=(_metres(table, "width"), _metres(table, "depth"), _metres(table, "height")),
            elevation=_metres(table, "elevation", least=0.0) if "elevation" in table else 0.0,
            top=_metres(table, "dropOnTopElevation", least=-MAX_SIZE_M) if "dropOnTopElevation" in table else None,
            rotation=_rotation(table.get("modelRotation", "1 0 0 0 1 0 0 0 1")),
        )
    except ValueError as error:
        raise _entry_error(library, number, table, str(error)) from error


def _entry_error(library: Path, number: int, table: dict[str, str], problem: str) -> ValueError:
    return ValueError(
        f"`path` must lead to .sh3f files whose models have id, name, category, model, width, depth and height, "
        f"got {str(library)!r} with entry {number}, id {table.get('id')!r}, name {table.get('name')!r}: {problem}. "
        f"Mend its {CATALOGUE}, or download it again."
    )


def _check_keys(table: dict[str, str], names: tuple[str, ...]) -> None:
    missing = [name for name in names if not table.get(name)]
    if missing:
        raise ValueError(f"it lacks {', '.join(f'`{name}`' for name in missing)}")


def _metres(table: dict[str, str], name: str, *, least: float = MIN_SIZE_M) -> float:
    """Metres of what a catalogue gives in centimetres."""
    try:
        metres = float(table[name]) / 100
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from error
    check_metres(name, metres, least)
    return metres


def _rotation(numbers: str) -> np.ndarray:
    values = np.array(numbers.split(), dtype=float)
    rotation = values.reshape(3, 3) if values.size == 9 else np.zeros((3, 3))
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=RIGID) or np.linalg.det(rotation) < 0:
        raise ValueError(f"`modelRotation` must be the 9 numbers of a rotation matrix, got {numbers[:100]!r}")
    return rotation


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
        return read_file(archive, path) if path in names else None

    text = read(entry.path)
    if text is None:
        raise ValueError(f"`path`: library {str(entry.library)!r} lacks {entry.path!r}. Download it again.")
    folder = entry.path.rpartition("/")[0]
    try:
        mesh = read_wavefront(text.decode("latin-1"), read, texture_px=texture_px, folder=folder)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"`path`: model {entry.key!r} ({entry.path!r}) of library {str(entry.library)!r} cannot be read: {error} "
            "Download the library again, or take the model out of it."
        ) from error
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
