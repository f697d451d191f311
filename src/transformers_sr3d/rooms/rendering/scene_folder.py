# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendered scenes on disk: scene -> a folder that every reader of scenes takes, with the facts beside it -> facts.

A folder holds `scene.json` and its pictures (colour, depth in millimetres, instances), `room.json` with the facts
that questions are made from, and `ATTRIBUTION.md` with the authors of the furniture. `scene.json` is written last:
a folder without it is no scene.

May import: the standard library, NumPy, PIL, `inputs.scene` and siblings in `rooms`.
"""

import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

from transformers_sr3d.inputs.scene import SCENE_FILE, load_scene, load_scene_instances
from transformers_sr3d.inputs.scene_writing import save_scene
from transformers_sr3d.rooms.furniture.pack import attribution_text
from transformers_sr3d.rooms.rendering.scenes import FurnishedScene
from transformers_sr3d.rooms.world import NO_OBJECT, RoomFacts, RoomView


FACTS_FILE = "room.json"
ATTRIBUTION_FILE = "ATTRIBUTION.md"
# Noise hardly compresses; the lowest level takes a quarter of the default's time for a tenth more bytes.
PNG_COMPRESSION = 1


def write_scene_folder(folder: str | Path, scene: FurnishedScene) -> Path:
    """Write a scene; until the last moment the folder has no `scene.json`, so half a scene is never read.

    Args:
        folder (`str` or `Path`): Where to write; made if it is not there. A scene in it is replaced.
        scene (`FurnishedScene`): The scene.

    Returns:
        `Path`: The `scene.json` that was written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCENE_FILE).unlink(missing_ok=True)
    models = {thing.model.key: thing.model for thing in scene.room.objects}
    write_text(folder / ATTRIBUTION_FILE, attribution_text(list(models.values())))
    write_text(folder / FACTS_FILE, json.dumps(scene.facts.to_json()) + "\n")
    objects = [
        {"name": thing.model.label, "center": thing.center, "size": thing.size, "rotation": thing.rotation}
        for thing in scene.room.objects
    ]
    views = [_view_entry(view) for view in scene.views]
    return save_scene(folder, views, world_up="+z", objects=objects, png_compression=PNG_COMPRESSION)


def read_room_facts(folder: str | Path) -> RoomFacts:
    """Read the facts of a scene that `write_scene_folder` wrote.

    Args:
        folder (`str` or `Path`): A folder with `scene.json` and `room.json`.

    Returns:
        `RoomFacts`: The facts.

    Raises:
        FileNotFoundError: If the scene or a file of it is missing.
        ValueError: If a file is damaged, or facts and scene have different numbers of views.
    """
    num_views = len(load_scene(folder)["images"])
    path = Path(folder) / FACTS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"`folder` must contain {FACTS_FILE}, got {str(folder)!r} without it. Render the scene with `sr3d render`."
        )
    try:
        facts = RoomFacts.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, LookupError, TypeError, OverflowError, AttributeError) as error:
        raise ValueError(
            f"`{FACTS_FILE}` must be what `sr3d render` wrote, got {str(path)!r}: {str(error)[:200]}. "
            "Delete the folder and render the scene again."
        ) from error
    if len(facts.views) != num_views:
        raise ValueError(
            f"`{FACTS_FILE}` must have as many views as {SCENE_FILE}, got {len(facts.views)} and {num_views} in "
            f"{str(folder)!r}. Delete the folder and render the scene again."
        )
    return facts


def read_instances(folder: str | Path) -> list[np.ndarray]:
    """Read what every pixel of a scene shows.

    Args:
        folder (`str` or `Path`): A folder that `write_scene_folder` wrote.

    Returns:
        `list[np.ndarray]`: Per view `(H, W)`, int16: position in the facts' list of objects, or `NO_OBJECT`.

    Raises:
        FileNotFoundError: If the scene or a file of it is missing.
        ValueError: If a view has no instances.
    """
    paths = load_scene_instances(folder)
    missing = [index for index, path in enumerate(paths) if path is None]
    if missing:
        raise ValueError(
            f"`folder` must have instances for every view, got none for the views {missing} of {str(folder)!r}. "
            "Read a scene that `sr3d render` made."
        )
    instances = []
    for path in filter(None, paths):
        with Image.open(path) as picture:
            instances.append((np.asarray(picture).astype(np.int32) - 1).astype(np.int16))
    return instances


def write_text(path: Path, text: str) -> None:
    """Write a text file at once or not at all.

    Args:
        path (`Path`): Where to write; an older file is replaced.
        text (`str`): The content.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def _view_entry(view: RoomView) -> dict[str, np.ndarray]:
    return {
        "image": view.image,
        "depth": view.depth,
        "intrinsics": view.intrinsics,
        "camera_to_world": view.camera_to_world,
        "instances": (view.instances.astype(np.int32) - NO_OBJECT).astype(np.uint16),
    }
