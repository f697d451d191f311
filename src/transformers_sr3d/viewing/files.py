# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Shapes of a scene -> files that other programs open: PLY, GLB, and set-of-mark pictures.

    cloud.ply      the coloured points, little-endian, as MeshLab and CloudCompare read it; no package needed
    scene.glb      points, cameras and boxes for any glTF viewer, turned to glTF's y up; needs `trimesh`
    marks_000.png  each view with the outline and the number of every region, to put the same question to any other VLM

A file is written under another name and renamed, so that a half-written one is never opened.

May import: NumPy, PIL, `visualization` and siblings, and trimesh inside a function.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.viewing.scene_shapes import BOX_EDGES, FRUSTUM_EDGES, SceneShapes, segments
from transformers_sr3d.visualization import INK, draw_regions, region_colour


# Edges are thin tubes, because viewers draw the lines of glTF without colour; their radius is this share of the scale.
TUBE_SHARE = 0.002
# (x, y, z) with z up -> (x, z, -y) with y up.
GLTF_FROM_CANONICAL = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under another name, and rename it if all went well.

    Args:
        path (`Path`):
            What it is to be called; its folder is made if it is not there.

    Yields:
        `Path`: What to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_ply(path: str | Path, points: np.ndarray, colours: np.ndarray) -> Path:
    """Write coloured points as binary PLY.

    Args:
        path (`str` or `Path`):
            Where to write.
        points (`np.ndarray` of shape `(N, 3)`):
            Any unit.
        colours (`np.ndarray` of shape `(N, 3)`):
            uint8.

    Returns:
        `Path`: The file.

    Raises:
        ValueError: If the shapes do not fit.
    """
    if points.ndim != 2 or points.shape[1] != 3 or colours.shape != points.shape:
        raise ValueError(
            f"`points` and `colours` must both have shape (N, 3), got {points.shape} and {colours.shape}. Pass one "
            "colour per point."
        )
    names = ("x", "y", "z", "red", "green", "blue")
    rows = np.empty(len(points), dtype=[(name, "<f4" if name in "xyz" else "u1") for name in names])
    for index, name in enumerate(names):
        rows[name] = points[:, index] if index < 3 else colours[:, index - 3]
    properties = [f"property {'float' if name in 'xyz' else 'uchar'} {name}" for name in names]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}", *properties, "end_header", ""]
    with replacing(Path(path)) as partial:
        partial.write_bytes("\n".join(header).encode("ascii") + rows.tobytes())
    return Path(path)


def write_glb(path: str | Path, shapes: SceneShapes) -> Path:
    """Write points, cameras and boxes as binary glTF.

    Args:
        path (`str` or `Path`):
            Where to write.
        shapes (`SceneShapes`):
            What to write.

    Returns:
        `Path`: The file.

    Raises:
        ImportError: If trimesh is not installed.
    """
    try:
        import trimesh
    except ImportError as error:
        raise ImportError(
            "`trimesh` must be installed to write GLB, got none. Run pip install 'transformers-sr3d[view]', or write "
            "PLY."
        ) from error
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.PointCloud(shapes.points, colors=shapes.colours), node_name="points")
    lines: dict[str, tuple[Any, ...]] = {
        f"view_{index}": (corners, FRUSTUM_EDGES, INK) for index, corners in shapes.frusta.items()
    }
    lines |= {
        f"region_{region.number}": (region.corners, BOX_EDGES, region_colour(region.number))
        for region in shapes.regions
        if region.corners is not None
    }
    radius = TUBE_SHARE * shapes.scale
    for name, (corners, edges, colour) in lines.items():
        tubes = [trimesh.creation.cylinder(radius, segment=pair, sections=6) for pair in segments(corners, edges)]
        frame: Any = trimesh.util.concatenate(tubes)
        frame.visual = trimesh.visual.ColorVisuals(
            frame, vertex_colors=np.tile((*colour, 255), (len(frame.vertices), 1))
        )
        scene.add_geometry(frame, node_name=name)
    scene.apply_transform(GLTF_FROM_CANONICAL)
    with replacing(Path(path)) as partial:
        partial.write_bytes(scene.export(file_type="glb"))
    return Path(path)


def mark_pictures(shapes: SceneShapes) -> dict[int, Image.Image]:
    """Draw the regions onto the views that show any of them.

    Args:
        shapes (`SceneShapes`):
            Views and masks.

    Returns:
        `dict[int, PIL.Image.Image]`: View number -> marked picture, RGB, of the size of the view.
    """
    return {
        index: draw_regions(picture, masks)
        for index, (picture, masks) in enumerate(zip(shapes.pictures, shapes.masks, strict=True))
        if any(mask is not None and mask.any() for mask in masks.values())
    }


def write_marks(folder: str | Path, shapes: SceneShapes) -> list[Path]:
    """Write the marked views as PNG, numbered as the views are.

    Args:
        folder (`str` or `Path`):
            Where to write.
        shapes (`SceneShapes`):
            Views and masks.

    Returns:
        `list[Path]`: The files; none without regions.
    """
    paths = []
    for index, picture in mark_pictures(shapes).items():
        path = Path(folder) / f"marks_{index:03d}.png"
        with replacing(path) as partial:
            picture.save(partial, format="PNG")
        paths.append(path)
    return paths
