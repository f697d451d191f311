# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Making records, what somebody annotated: a scene folder or detections on its views -> named things.

A thing is either a 3D box in the scene's world (`objects` of `scene.json`) or marks on views (COCO, LVIS).

May import: NumPy and the readers of scenes and detections.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transformers_sr3d.inputs.detections import detections_from_coco
from transformers_sr3d.inputs.scene import load_scene_instances, load_scene_objects
from transformers_sr3d.inputs.source import Source
from transformers_sr3d.rooms.rendering.scene_folder import read_instances


class Thing(NamedTuple):
    """Something that somebody named and marked.

    Attributes:
        name (`str`): Its class, lower case.
        box (`dict`, *optional*): `center`, `size` and `rotation` in the world of the scene, metres.
        marks (`tuple[dict, ...]`): Regions of the processor with `view`, where there is no box.
    """

    name: str
    box: dict[str, Any] | None = None
    marks: tuple[dict[str, Any], ...] = ()


def boxed_things(folder: str | Path) -> tuple[list[Thing], list[np.ndarray] | None]:
    """Read the things of a scene folder.

    Args:
        folder (`str` or `Path`):
            With a `scene.json` that has `objects`.

    Returns:
        `tuple[list[Thing], list[np.ndarray] | None]`: The things, and per view which of them each pixel shows
        (`(H, W)`, -1 nothing), where the scene says so of every view.

    Raises:
        FileNotFoundError: If `scene.json` or a file that it names is missing.
        ValueError: If the scene is refused, or names no objects.
    """
    objects = load_scene_objects(folder)
    if not objects:
        raise ValueError(
            f"`objects` of {folder}/scene.json must name at least one thing, got none. Add entries with name, center, "
            "size and rotation (docs/data_make.md), or pass marks on its views with --coco."
        )
    things = [
        Thing(_name(entry["name"]), {key: entry[key] for key in ("center", "size", "rotation")}) for entry in objects
    ]
    is_known = all(name is not None for name in load_scene_instances(folder))
    return things, read_instances(folder) if is_known else None


def marked_things(source: Source, annotations: str | Path, *, min_score: float = 0.0) -> list[Thing]:
    """Read the things that annotations mark on the views of a source.

    Args:
        source (`Source`):
            Its views, whose names are file names of the annotations.
        annotations (`str` or `Path`):
            A JSON file of COCO or LVIS annotations.
        min_score (`float`, defaults to 0.0):
            Detections with a lower score are left out.

    Returns:
        `list[Thing]`: One for each track over several views, else one for each annotation.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is refused, or has nothing on these views.
    """
    names = [view.name for view in source.views]
    found = detections_from_coco(annotations, names, min_score=min_score)
    if not found:
        raise ValueError(
            f"`{annotations}` must have an annotation on one of {names[:3]}, got none for {source.path}. "
            "Check that its file names are those of the views."
        )
    tracks: dict[Any, list[tuple[str, dict[str, Any]]]] = {}
    for number, (region, name, _) in enumerate(found):
        tracks.setdefault(region.get("region", ("alone", number)), []).append((name, region))
    return [
        Thing(_name(marks[0][0]), marks=tuple(_without_number(region) for _, region in marks))
        for marks in tracks.values()
    ]


def _name(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())


def _without_number(region: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in region.items() if key != "region"}
