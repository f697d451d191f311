# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A posed room in closed form for `doctor`: ten views, irregular steps, a colour for each place."""

from functools import partial
from pathlib import Path

import numpy as np
from closed_form_rooms import FURNITURE
from PIL import Image
from scenes import box_room, look_at, pinhole

from transformers_sr3d.inputs.source import Source, SourceView


SIZE_HW = (72, 96)
EYES = (
    (0.6, 0.6, 1.5),
    (1.1, 0.4, 1.6),
    (1.9, 0.5, 1.4),
    (2.4, 0.9, 1.5),
    (3.3, 0.6, 1.6),
    (4.0, 0.8, 1.5),
    (4.5, 0.9, 1.4),
    (3.6, 1.5, 1.6),
    (2.9, 1.3, 1.5),
    (2.2, 1.7, 1.4),
)
TARGETS = (
    (2.5, 2.5, 0.6),
    (2.2, 3.0, 0.8),
    (2.9, 3.2, 0.5),
    (2.0, 3.0, 0.9),
    (2.6, 2.9, 0.4),
    (1.9, 2.7, 0.8),
    (1.5, 2.6, 0.6),
    (1.0, 2.4, 0.7),
    (1.6, 3.2, 0.5),
    (2.6, 3.8, 0.9),
)


def make_source(num_views: int = len(EYES), world_up: str = "+z") -> Source:
    """The room of `scenes` with furniture, seen by a person who walks along one of its walls."""
    views = tuple(_view(index) for index in range(num_views))
    return Source("closed form", Path("room"), views, world_up=world_up)


def _view(index: int) -> SourceView:
    pose = look_at(EYES[index], TARGETS[index])
    boxes = tuple((center, size) for _, center, size in FURNITURE)
    shown = box_room(pose, boxes=boxes, intrinsics=pinhole(60.0, SIZE_HW), size_hw=SIZE_HW)
    # Colours change with the place, so that views of one place show one colour.
    waves = np.sin(shown["points_world"].numpy() * (2.1, 1.7, 2.9) + (0.3, 1.1, 2.0))
    image = Image.fromarray((127.5 + 120 * waves).astype(np.uint8))
    return SourceView(
        name=f"view {index}",
        load_image=partial(Image.Image.copy, image),
        intrinsics=shown["intrinsics"].double().numpy(),
        load_depth=partial(np.array, shown["depth"].numpy()),
        camera_to_world=pose.double().numpy(),
        time_s=float(index),
    )
