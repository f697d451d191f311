# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, EmbodiedScan's boxes: the instances of a scene of an info file -> named 3D boxes.

    metainfo.categories     {"chair": 12, ...}
    data_list[k].instances  bbox_3d (centre, size, turns about z, x and y, each about the axes turned so far),
                            bbox_label_3d, bbox_id; in the aligned world, which is that of the reader of views

Source: OpenRobotLab/EmbodiedScan, data/README.md and `embodiedscan/structures`; Wang et al., EmbodiedScan, CVPR 2024.

May import: NumPy and siblings in `inputs`.
"""

from collections.abc import Sequence
from math import cos, sin
from typing import Any

import numpy as np

from transformers_sr3d.inputs.embodiedscan import entries_of


NOT_THINGS = ("wall", "floor", "ceiling", "object", "others", "unknown")


def box_of_nine(numbers: Sequence[float]) -> dict[str, Any]:
    """Read a box of EmbodiedScan.

    Args:
        numbers (`Sequence[float]`):
            Centre, full extents, and turns about z, x and y in radians, each about the axes turned so far.

    Returns:
        `dict[str, Any]`: `center`, `size` and `rotation`, box to world.

    Raises:
        ValueError: If there are not nine finite numbers.
    """
    box = np.asarray(numbers, dtype=float)
    if box.shape != (9,) or not np.isfinite(box).all():
        raise ValueError(f"`input_bboxes` must have nine finite numbers each, got {numbers!r:.80}. Check the file.")
    a, b, c = box[6:]
    about_z = np.array([[cos(a), -sin(a), 0], [sin(a), cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cos(b), -sin(b)], [0, sin(b), cos(b)]])
    about_y = np.array([[cos(c), 0, sin(c)], [0, 1, 0], [-sin(c), 0, cos(c)]])
    rotation = about_z @ about_x @ about_y
    return {"center": box[:3].tolist(), "size": box[3:6].tolist(), "rotation": rotation.tolist()}


def scene_names(content: Any, where: str) -> list[str]:
    """Name the scenes of an info file that have instances.

    Args:
        content (`Any`):
            Of the file.
        where (`str`):
            The file, for messages.

    Returns:
        `list[str]`: `sample_idx`, in the order of the file.

    Raises:
        ValueError: If it is no info file, or none of its scenes has instances.
    """
    names = [
        str(entry.get("sample_idx")) for entry in entries_of(content, "data_list", where) if entry.get("instances")
    ]
    if not names:
        raise ValueError(f"`{where}` must have scenes with `instances`, got none. Take the file of train or val.")
    return names


def boxes_of(content: Any, where: str, scene: str) -> list[dict[str, Any]]:
    """Read the things of a scene.

    Args:
        content (`Any`):
            Of the info file.
        where (`str`):
            The file, for messages.
        scene (`str`):
            Its `sample_idx`.

    Returns:
        `list[dict[str, Any]]`: `name`, `center`, `size` and `rotation` of each; walls, floors and what has no name of
        its own are left out.

    Raises:
        ValueError: If an instance is malformed, or a label unknown.
    """
    info = content.get("metainfo") if isinstance(content, dict) else None
    categories = info.get("categories") if isinstance(info, dict) else None
    if not isinstance(categories, dict):
        raise ValueError(f"`{where}['metainfo']['categories']` must name the labels, got none. Get the file again.")
    names = {label: str(name).lower() for name, label in categories.items()}
    found = []
    entry = next(entry for entry in entries_of(content, "data_list", where) if entry.get("sample_idx") == scene)
    for place, instance in enumerate(entries_of(entry, "instances", f"{where} {scene}")):
        label = instance.get("bbox_label_3d")
        if label not in names:
            raise ValueError(f"{where} {scene} instances[{place}]: unknown `bbox_label_3d` {label!r}. Get it again.")
        if names[label] not in NOT_THINGS:
            found.append({"name": names[label], **box_of_nine(instance.get("bbox_3d", ()))})
    return found
