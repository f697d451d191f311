# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furniture packs: one safetensors file -> catalogue of models, and their meshes on demand.

A pack holds all models behind one another in a few flat tensors, so that a mesh is a handful of slices and is read in
about a millisecond: `vertices` (uint16, steps of the model's box: at most size / 131070 off), `faces` (uint16, by
material, those with a picture first), `corner_uv` (float16, only of these; moved by whole repeats to near zero),
`colors` and `pictures` (uint8). Its metadata is JSON: what the catalogue says of each model and where its slices
start. A worker process that receives a pack opens the file again.

May import: NumPy, safetensors and `rooms`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from transformers_sr3d.rooms.furniture.pack_header import ADVICE, read_header
from transformers_sr3d.rooms.world import SPLITS, FurnitureMesh, FurnitureModel


CC0_PACK = Path(__file__).parent / "data" / "furniture_cc0.safetensors"
QUANTA = 65535
MAX_CACHED_MESHES = 64
MODIFICATIONS = (
    "The models were modified: turned upright, scaled to the sizes of their catalogue, reduced to fewer triangles and "
    "smaller pictures, and stripped of everything but diffuse colour."
)
LICENCE_PAGES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-3.0-US": "https://creativecommons.org/licenses/by/3.0/us/",
}


class FurniturePack:
    """Read-only furniture of a pack file.

    Args:
        path (`Path`):
            The file, as `pack_writer.write_pack` wrote it.

    Attributes:
        path (`Path`): The file.
        models (`list[FurnitureModel]`): In the order of their keys.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no pack, is damaged, or has another version.
    """

    def __init__(self, path: Path):
        self.path = path
        header = read_header(path)
        self.models, self._places, self._pictures = header.models, header.places, header.pictures
        self._by_key = {model.key: model for model in self.models}
        self._meshes: dict[str, FurnitureMesh] = {}
        self._file: safe_open | None = None

    def __reduce__(self) -> tuple[type["FurniturePack"], tuple[Path]]:
        """Travel to worker processes as the path alone."""
        return FurniturePack, (self.path,)

    def models_of(self, split: str) -> list[FurnitureModel]:
        """Give the models of a split.

        Args:
            split (`str`):
                One of `SPLITS`.

        Returns:
            `list[FurnitureModel]`: In the order of their keys.

        Raises:
            ValueError: If there is no such split.
        """
        if split not in SPLITS:
            raise ValueError(f"`split` must be one of {SPLITS}, got {split!r}. Name one of them.")
        return [model for model in self.models if model.split == split]

    def model(self, key: str) -> FurnitureModel:
        """Give a model.

        Args:
            key (`str`):
                Of the model.

        Returns:
            `FurnitureModel`: What the catalogue says of it.

        Raises:
            ValueError: If the pack lacks it.
        """
        if key not in self._by_key:
            raise ValueError(
                f"`key` must name one of the {len(self.models)} models of {self.path.name}, got {key!r}. "
                "Open the pack that it came from."
            )
        return self._by_key[key]

    def mesh(self, key: str) -> FurnitureMesh:
        """Read the surface of a model.

        Args:
            key (`str`):
                Of the model.

        Returns:
            `FurnitureMesh`: Metres, in its own frame; the arrays may be shared between calls and must not be changed.

        Raises:
            ValueError: If the pack lacks the model, or the mesh is damaged.
        """
        model = self.model(key)
        if key not in self._meshes:
            if len(self._meshes) >= MAX_CACHED_MESHES:
                self._meshes.pop(next(iter(self._meshes)))
            mesh = self._read_mesh(model.size, self._places[key])
            if mesh.faces.max() >= len(mesh.vertices) or not np.isfinite(mesh.corner_uv).all():
                raise ValueError(
                    f"`key` {key!r} has a mesh that names vertices beyond its {len(mesh.vertices)}, or infinite "
                    f"texture coordinates: the pack {str(self.path)!r} is damaged. {ADVICE}"
                )
            self._meshes[key] = mesh
        return self._meshes[key]

    def _read_mesh(self, size: tuple[float, float, float], place: dict[str, Any]) -> FurnitureMesh:
        steps = self._slice("vertices", place["vertices"]).astype(np.float64)
        faces = self._slice("faces", place["faces"]).astype(np.int32)
        uv = np.zeros((len(faces), 3, 2), dtype=np.float32)
        if place["corner_uv"][1]:
            uv[: place["corner_uv"][1]] = self._slice("corner_uv", place["corner_uv"])
        counts = place["material_faces"]
        return FurnitureMesh(
            vertices=((steps / QUANTA - 0.5) * size).astype(np.float32),
            faces=faces,
            corner_uv=uv,
            face_materials=np.repeat(np.arange(len(counts), dtype=np.int16), counts),
            colors=self._slice("colors", place["colors"]),
            textures=[None if number is None else self._picture(number) for number in place["pictures"]],
        )

    def _picture(self, number: int) -> np.ndarray:
        start, height, width = self._pictures[number]
        return self._slice("pictures", [start, height * width * 3]).reshape(height, width, 3)

    def _slice(self, tensor: str, place: list[int]) -> np.ndarray:
        """Rows of a tensor, given by their start and number."""
        if self._file is None:
            self._file = safe_open(self.path, framework="np")
        return self._file.get_slice(tensor)[place[0] : place[0] + place[1]]


def open_furniture(path: str | Path | None = None, *, workers: int = 0) -> FurniturePack:
    """Open furniture of any form.

    Args:
        path (`str | Path`, *optional*):
            A pack file; or the Debian package sweethome3d-furniture or a folder with `.sh3f` files, which is converted
            once into a pack in the cache (`SR3D_CACHE`, by default `~/.cache/transformers_sr3d`). Without it, the
            small pack of public-domain models that comes with this package.
        workers (`int`, *optional*, defaults to 0):
            Processes that convert. Fewer than two convert in this one, which takes some minutes for the package;
            a script that asks for more must start under `if __name__ == "__main__":`.

    Returns:
        `FurniturePack`: The furniture.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it is none of these, or damaged.
    """
    if path is None:
        return FurniturePack(CC0_PACK)
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"`path` must be a furniture pack, the Debian package sweethome3d-furniture or a folder with .sh3f files, "
            f"got {str(path)!r}, which does not exist. Check the name."
        )
    if path.suffix == ".safetensors":
        return FurniturePack(path)
    if path.suffix != ".deb" and not path.is_dir():
        raise ValueError(
            f"`path` must end in .safetensors or .deb or be a folder with .sh3f files, got {str(path)!r}. "
            "Give the folder of a .sh3f file instead of the file."
        )
    from transformers_sr3d.rooms.furniture.pack_writer import convert_furniture  # needed for the first time only

    return FurniturePack(convert_furniture(path, workers=workers))


def attribution_text(models: Iterable[FurnitureModel]) -> str:
    """Write the credits that the licences ask for.

    Args:
        models (`Iterable[FurnitureModel]`):
            What was used, for example all models of a pack.

    Returns:
        `str`: Markdown: a sentence on the modifications and a table with title, creator, source and licence.
    """
    rows = [
        f"| {model.name} (`{model.key}`) | {model.creator} | {model.source} | "
        f"[{model.licence}]({LICENCE_PAGES.get(model.licence, 'https://spdx.org/licenses/')}) |"
        for model in sorted(models, key=lambda model: model.key)
    ]
    return "\n".join([MODIFICATIONS, "", "| title | creator | source | licence |", "|---|---|---|---|", *rows, ""])
