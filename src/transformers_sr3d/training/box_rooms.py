# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rooms of boxes as training data: index -> encoded scene with its facts; facts -> questions.

Two small callables, so that worker processes can be handed what they need. Even indices are single photos, odd ones
camera walks of two to four views: one model learns both. A sixth of the scenes is seen by a poor sensor.

This module may import numpy and the whole package.
"""

import numpy as np

from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.rooms.boxes import BoxScene, BoxSettings, make_scene, scene_seed
from transformers_sr3d.rooms.facts import scene_from_facts, scene_to_facts
from transformers_sr3d.rooms.questions import Question, number_regions, sample_conversation, scene_sample


DEGRADED_SHARE = 1.0 / 6.0
SINGLE_VIEW = BoxSettings(num_views=(1, 1), degraded_share=DEGRADED_SHARE)
MULTI_VIEW = BoxSettings(num_views=(2, 4), degraded_share=DEGRADED_SHARE)
REGION_STREAM, CONVERSATION_STREAM = 100, 101  # keep draws apart from those that made the scene


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


class BoxRoomScenes:
    """Make encoded scenes of a split.

    Args:
        processor (`SR3DProcessor`):
            Encodes the views.
        split (`str`):
            `"train"`, `"val"` or `"test"`.
    """

    def __init__(self, processor: SR3DProcessor, split: str):
        self.processor = processor
        self.split = split

    def __call__(self, index: int) -> dict:
        """Make a scene.

        Args:
            index (`int`):
                Number of the scene in its split.

        Returns:
            `dict`: `encoded`, `truth` (facts of the scene and its region numbers, ready for JSON) and `seed`.
        """
        scene, region_numbers, sample = room_scene(self.split, index)
        truth = {"facts": scene_to_facts(scene), "objects": list(region_numbers.values())}
        return {"encoded": self.processor.encode_views(**sample), "truth": truth, "seed": index}


class BoxRoomQuestions:
    """Draw a conversation about a scene.

    Args:
        min_questions (`int`):
            Fewest questions.
        max_questions (`int`):
            Most questions; a scene with little to ask about gives fewer.

    Raises:
        ValueError: If there is no such number.
    """

    def __init__(self, min_questions: int, max_questions: int):
        if not 1 <= min_questions <= max_questions:
            raise ValueError(
                f"`min_questions` must be from 1 to `max_questions`, got {min_questions} and {max_questions}. "
                "Change the settings."
            )
        self.min_questions = min_questions
        self.max_questions = max_questions

    def __call__(self, truth: dict, seed: int) -> list[Question]:
        """Draw a conversation.

        Args:
            truth (`dict`):
                What `BoxRoomScenes` gave.
            seed (`int`):
                The same seed gives the same conversation.

        Returns:
            `list[Question]`: Questions with their answers and truth.
        """
        rng = np.random.default_rng([seed, CONVERSATION_STREAM])
        scene = scene_from_facts(truth["facts"])
        count = int(rng.integers(self.min_questions, self.max_questions + 1))
        return sample_conversation(scene, dict(enumerate(truth["objects"])), rng, count)
