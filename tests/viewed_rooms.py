# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A scene folder with two boxes in a room, for tests of what is drawn."""

from pathlib import Path

import numpy as np
from scenes import box_room, look_at, pinhole

from transformers_sr3d.inputs.scene_writing import save_scene


SIZE_HW = (48, 64)
BOXES = (((1.6, 2.0, 0.4), (0.8, 0.6, 0.8)), ((3.4, 2.0, 0.3), (0.6, 0.6, 0.6)))
EYES = ((0.4, 0.4, 1.9), (4.6, 0.5, 1.9), (4.5, 3.6, 1.9))
# Grey room, red and green boxes.
COLOURS = np.array([[200, 30, 30], [30, 200, 30], [128, 128, 128]], dtype=np.uint8)
BOX_REGIONS = [{"box_3d": {"center": center, "size": size, "rotation": np.eye(3).tolist()}} for center, size in BOXES]


def write_viewed_scene(folder: Path, num_views: int = 3, **settings) -> str:
    views = []
    for eye in EYES[:num_views]:
        pose = look_at(eye, (2.5, 2.0, 0.3))
        view = box_room(pose, boxes=BOXES, intrinsics=pinhole(45.0, SIZE_HW), size_hw=SIZE_HW)
        views.append(
            {
                "image": COLOURS[view["labels"].numpy()],
                "depth": view["depth"].numpy(),
                "intrinsics": view["intrinsics"].numpy(),
                "camera_to_world": pose.double().numpy(),
            }
        )
    save_scene(folder, views, **({"world_up": "+z"} | settings))
    return str(folder)
