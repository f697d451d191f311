# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Box rooms: scene <-> the JSON-ready facts that questions need, without pixels.

A cache of encoded scenes keeps these facts, so that new questions can be drawn each time a scene is used without
rendering it again. Numbers survive exactly: JSON keeps float64 to the last bit.

May import: NumPy and siblings in `rooms`.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from transformers_sr3d.rooms.boxes import BoxObject, BoxScene, BoxSettings, BoxView


OBJECT_FIELDS = ("center", "size", "rotation")
VIEW_FIELDS = ("intrinsics", "camera_to_world", "visible_pixels", "visible_share", "cut")


def scene_to_facts(scene: BoxScene) -> dict[str, Any]:
    """Describe a scene without its pixels.

    Args:
        scene (`BoxScene`): The scene.

    Returns:
        `dict[str, Any]`: Of lists, numbers and strings; `json.dumps` takes it as it is.
    """
    return {
        "split": scene.split,
        "index": scene.index,
        "settings": asdict(scene.settings),
        "objects": [{name: getattr(thing, name).tolist() for name in OBJECT_FIELDS} for thing in scene.objects],
        "views": [{name: getattr(view, name).tolist() for name in VIEW_FIELDS} for view in scene.views],
        "degraded": scene.degraded,
    }


def scene_from_facts(facts: dict[str, Any]) -> BoxScene:
    """Rebuild a scene that `sample_conversation` accepts; its images, depth and instance maps have no pixels.

    Args:
        facts (`dict[str, Any]`): From `scene_to_facts`, also after a round trip through JSON.

    Returns:
        `BoxScene`: With the same objects, cameras and visibility.
    """
    settings: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in facts["settings"].items()
    }
    objects = [BoxObject(**{name: np.array(thing[name]) for name in OBJECT_FIELDS}) for thing in facts["objects"]]
    pixels: dict[str, np.ndarray] = {
        "image": np.zeros((0, 0, 3), np.uint8),
        "depth": np.zeros((0, 0), np.float32),
        "instances": np.zeros((0, 0), np.int16),
    }
    views = [BoxView(**pixels, **{name: np.array(view[name]) for name in VIEW_FIELDS}) for view in facts["views"]]
    return BoxScene(facts["split"], facts["index"], BoxSettings(**settings), objects, views, facts["degraded"])
