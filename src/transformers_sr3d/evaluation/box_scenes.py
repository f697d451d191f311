# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of the box benchmark: split and index -> a room of boxes with marked regions.

Even indices are single photos, odd ones camera walks of two to four views. A sixth of the scenes is seen by a poor
sensor.

This module may import numpy and `rooms`.
"""

import numpy as np

from transformers_sr3d.rooms.box_questions import number_regions, scene_sample
from transformers_sr3d.rooms.boxes import BoxScene, BoxSettings, make_scene, scene_seed


DEGRADED_SHARE = 1.0 / 6.0
SINGLE_VIEW = BoxSettings(num_views=(1, 1), degraded_share=DEGRADED_SHARE)
MULTI_VIEW = BoxSettings(num_views=(2, 4), degraded_share=DEGRADED_SHARE)
REGION_STREAM = 100  # keeps draws apart from those that made the scene


def room_scene(split: str, index: int) -> tuple[BoxScene, dict[int, int], dict]:
    """Make a scene with numbered and marked regions.

    Args:
        split (`str`):
            `"train"`, `"val"` or `"test"`.
        index (`int`):
            Even for a single photo, odd for a camera walk.

    Returns:
        `tuple[BoxScene, dict[int, int], dict]`: The scene, the object behind each region number, and the keyword
        arguments for the processor.
    """
    scene = make_scene(split, index, MULTI_VIEW if index % 2 else SINGLE_VIEW)
    rng = np.random.default_rng([scene_seed(split, index), REGION_STREAM])
    region_numbers = number_regions(scene, rng)
    return scene, region_numbers, scene_sample(scene, rng, region_numbers)
