# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms as training data: index -> encoded sample with its facts; facts -> questions.

Rendering a room costs more than anything else done with it, so each rendered room gives several samples: one of its
views alone, a few, or all, each time with regions marked in other ways and seen by another sensor. Rooms are drawn
anew from furniture models, seed and number; nothing has to be stored to be repeated.

This module may import numpy, torch and the whole package.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache

import numpy as np

from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.rooms.composition.kinds import placed_names
from transformers_sr3d.rooms.degradations.degrade import degrade, draw_degradations
from transformers_sr3d.rooms.furniture.pack import FurniturePack
from transformers_sr3d.rooms.questions.conversations import (
    MULTI_VIEW_CATEGORIES,
    SINGLE_VIEW_CATEGORIES,
    RoomQuestion,
    number_objects,
    sample_conversation,
)
from transformers_sr3d.rooms.questions.phrasings import TRAIN_SPLIT, phrasings, question_kinds, training_phrasings
from transformers_sr3d.rooms.questions.region_marks import (
    MULTI_VIEW_KINDS,
    SINGLE_VIEW_KINDS,
    TRAINING_JITTER,
    mark_region,
)
from transformers_sr3d.rooms.questions.relations import MOST_CANDIDATES
from transformers_sr3d.rooms.rendering.scenes import FurnishedScene, SceneSettings, make_scene
from transformers_sr3d.rooms.world import SPLITS, RoomFacts, RoomView
from transformers_sr3d.training.collator import IGNORED_LABEL
from transformers_sr3d.training.records import Turn
from transformers_sr3d.training.settings import SampleSettings


SAMPLE_STREAM, CONVERSATION_STREAM, VIEWS_STREAM = 100, 101, 102  # keep draws apart from those that made the scene
FEW_VIEWS = (2, 4)
# Of the margins of choices as targets of training: most then lie between 0.4 and 2 on either side.
MARGIN_SCALES = {"left_right": 3.0}  # margins in image widths; the others are logarithms of ratios, or metres
MARGIN_SCALE, LARGEST_MARGIN = 2.0, 2.0
FILLER_KINDS = 12  # a word that so many of the kinds of questions use says nothing of the kind
NAMED_CATEGORIES = ("naming", "counting", "existence", "named_distance")
NAMES = {name: number for number, name in enumerate(placed_names())}
QUANTITY_SCALE = 2.0  # of the logarithms of quantities, whose spread is then like that of margins


class RoomScenes:
    """Make encoded samples of a split.

    Args:
        processor (`SR3DProcessor`):
            Encodes the views.
        furniture (`FurniturePack`):
            The models.
        samples (`SampleSettings`):
            What the samples are like.
        split (`str`):
            `"train"`, `"val"` or `"test"`.

    Raises:
        ValueError: If rooms are to be seen in no view.
    """

    def __init__(self, processor: SR3DProcessor, furniture: FurniturePack, samples: SampleSettings, *, split: str):
        if samples.max_views < 1:
            raise ValueError(f"`max_views` must be at least 1, got {samples.max_views}. Change the settings.")
        self.processor = processor
        self.furniture = furniture
        self.samples = samples
        self.split = split

    def __call__(self, index: int) -> dict:
        """Make a sample.

        Args:
            index (`int`):
                Number of the sample in its split; `samples_per_scene` of them in a row share a room.

        Returns:
            `dict`: `encoded`, `truth` (facts of the views shown and the object behind each region number, ready for
            JSON) and `seed`.
        """
        number, variant = divmod(index, self.samples.samples_per_scene)
        scene = _last_scene(self.furniture, self.split, self.samples.seed, number, self.scene_settings(number))
        rng = np.random.default_rng([SPLITS.index(self.split), self.samples.seed, index, SAMPLE_STREAM])
        shown = choose_views(len(scene.views), variant, rng)
        facts, views = select_views(scene.facts, shown), [scene.views[view] for view in shown]
        region_numbers = number_objects(facts, rng, max_regions=self.samples.max_regions)
        names = draw_degradations(rng, num_views=len(views)) if self.samples.degrade else ()
        sample = room_sample(facts, views, region_numbers, rng, exact=set(names) <= {"jpeg"})
        encoded = self.processor.encode_views(**degrade(sample, names, rng))
        truth = {"facts": facts.to_json(), "objects": {str(key): value for key, value in region_numbers.items()}}
        return {"encoded": encoded, "truth": truth, "seed": index}

    def scene_settings(self, number: int) -> SceneSettings:
        """Draw how many views a walk through a room has: as many walks have from 2 to 4 as from 4 to 8 or 16 to 32.

        Args:
            number (`int`):
                Of the room.

        Returns:
            `SceneSettings`: With that many views.
        """
        rng = np.random.default_rng([SPLITS.index(self.split), self.samples.seed, number, VIEWS_STREAM])
        most = self.samples.max_views
        views = round(math.exp(rng.uniform(math.log(min(2, most)), math.log(most))))
        return SceneSettings(
            image_size=self.samples.image_size, num_views=(views, views), photo_share=self.samples.photo_share
        )


@lru_cache(maxsize=1)
def _last_scene(
    furniture: FurniturePack, split: str, seed: int, number: int, settings: SceneSettings
) -> FurnishedScene:
    """Samples of one room are made in a row, so the last room is worth keeping."""
    return make_scene(furniture, split, seed, number, settings)


def choose_views(num_views: int, variant: int, rng: np.random.Generator) -> list[int]:
    """Choose which views of a room a sample shows.

    Args:
        num_views (`int`):
            Views of the room.
        variant (`int`):
            Number of the sample among those of its room: of every three, one shows a single view, one a few views,
            one all of them.
        rng (`np.random.Generator`):
            Source of randomness.

    Returns:
        `list[int]`: Numbers of the views, ascending.
    """
    few = min(num_views, int(rng.integers(FEW_VIEWS[0], FEW_VIEWS[1] + 1)))
    count = (1, few, num_views)[variant % 3]
    return sorted(int(view) for view in rng.choice(num_views, size=count, replace=False))


def select_views(facts: RoomFacts, shown: list[int]) -> RoomFacts:
    """Keep some views.

    Args:
        facts (`RoomFacts`):
            Facts of a room.
        shown (`list[int]`):
            Numbers of the views to keep.

    Returns:
        `RoomFacts`: The same room seen by fewer views.
    """
    per_view = ("visible_pixels", "boxes_xyxy", "cut", "seen")
    objects = [replace(thing, **{name: getattr(thing, name)[shown] for name in per_view}) for thing in facts.objects]
    return replace(facts, objects=objects, views=[facts.views[view] for view in shown])


def room_sample(
    facts: RoomFacts,
    views: list[RoomView],
    region_numbers: Mapping[int, int],
    rng: np.random.Generator,
    *,
    exact: bool,
) -> dict[str, object]:
    """Turn views into arguments of the processor, with regions marked in ways drawn at random.

    A single photo comes without a pose; in half of the samples its gravity is known.

    Args:
        facts (`RoomFacts`):
            Facts of these views.
        views (`list[RoomView]`):
            The views.
        region_numbers (`Mapping[int, int]`):
            The object behind each region number.
        rng (`np.random.Generator`):
            Source of randomness.
        exact (`bool`):
            Whether the views stay as they are. If not, nothing is marked by a 3D box, which might then be empty.

    Returns:
        `dict[str, object]`: Arguments of `SR3DProcessor.encode_views`.
    """
    instances = [view.instances for view in views]
    kinds: tuple[str, ...] = MULTI_VIEW_KINDS if len(views) > 1 else SINGLE_VIEW_KINDS
    kinds = kinds if exact else tuple(kind for kind in kinds if kind != "box_3d")
    regions: list[dict[str, object]] = []
    for number, index in region_numbers.items():
        kind = str(rng.choice(kinds))
        regions += mark_region(facts, instances, number, index, rng, kind=kind, jitter=TRAINING_JITTER)
    sample: dict[str, object] = {
        "images": [view.image for view in views],
        "depths": [view.depth for view in views],
        "intrinsics": [view.intrinsics for view in views],
        "regions": regions,
    }
    if len(views) > 1:
        sample |= {"camera_to_world": [view.camera_to_world for view in views], "world_up": "+z"}
    elif rng.uniform() < 0.5:
        sample["gravity_camera"] = -views[0].camera_to_world[2, :3]
    return sample


class RoomConversations:
    """Draw a conversation about a sample.

    Args:
        min_questions (`int`):
            Fewest questions.
        max_questions (`int`):
            Most questions; a sample with little to ask about gives fewer.
        weights (`Mapping[str, float]`):
            How often each category is asked, relative to 1.
        word_dropout (`float`, defaults to 0.0):
            Share of the filler words of questions that are left out, so that understanding does not hang on them.

    Raises:
        ValueError: If there is no such number, no such category, or no such share.
    """

    def __init__(
        self, min_questions: int, max_questions: int, weights: Mapping[str, float], word_dropout: float = 0.0
    ):
        if not 1 <= min_questions <= max_questions:
            raise ValueError(
                f"`min_questions` must be from 1 to `max_questions`, got {min_questions} and {max_questions}. "
                "Change the settings."
            )
        unknown = sorted(set(weights) - {*SINGLE_VIEW_CATEGORIES, *MULTI_VIEW_CATEGORIES})
        if unknown:
            raise ValueError(
                f"`category_weights` must name categories of questions, got {', '.join(unknown)}. Choose from "
                f"{', '.join(dict.fromkeys((*SINGLE_VIEW_CATEGORIES, *MULTI_VIEW_CATEGORIES)))}."
            )
        for name, weight in weights.items():
            if not isinstance(weight, int | float) or not 0 <= weight < math.inf:
                raise ValueError(
                    f"`category_weights.{name}` must be a number from 0 on, got {weight!r}. Change the file."
                )
        self.min_questions = min_questions
        self.max_questions = max_questions
        if not 0 <= word_dropout < 1:
            raise ValueError(f"`word_dropout` must be from 0 to below 1, got {word_dropout}. Change the file.")
        self.weights = weights
        self.word_dropout = word_dropout

    def __call__(self, truth: dict, seed: int, scale: float = 1.0) -> list[Turn]:
        """Draw a conversation.

        Args:
            truth (`dict`):
                What `RoomScenes` gave.
            seed (`int`):
                The same seed gives the same conversation.
            scale (`float`, defaults to 1.0):
                How much larger than true the sample is shown. Things that are not shown in their own size are not
                asked for by name.

        Returns:
            `list[Turn]`: Questions with their answers, the numbers behind them and the names of their regions.
        """
        rng = np.random.default_rng([seed, CONVERSATION_STREAM])
        facts, weights = RoomFacts.from_json(truth["facts"]), self.weights
        if scale != 1.0:
            weights = {**self.weights, **dict.fromkeys(NAMED_CATEGORIES, 0.0)}
        numbers = {int(key): value for key, value in truth["objects"].items()}
        count = int(rng.integers(self.min_questions, self.max_questions + 1))
        questions = sample_conversation(facts, numbers, rng, count, weights=weights, scale=scale)
        turns = []
        for question in questions:
            names = name_targets(question, facts, numbers)
            if scale != 1.0:
                names = (IGNORED_LABEL,) * len(names)
            text = drop_words(question.text, self.word_dropout, rng)
            turns.append(Turn(text, question.answer, number_targets(question), names))
        return turns


@cache
def filler_words() -> frozenset[str]:
    """Give the words that questions of many kinds have, and so say nothing of what is asked: "which", "tell", "you".

    Returns:
        `frozenset[str]`: In lower case, with the punctuation that they are written with.
    """
    kinds = Counter(word for kind in question_kinds() for word in _words_of(kind))
    return frozenset(word for word, count in kinds.items() if count >= FILLER_KINDS)


def _words_of(kind: str) -> set[str]:
    templates = phrasings(kind, TRAIN_SPLIT) + training_phrasings(kind)
    return {word.lower() for template in templates for word in template.split(" ") if "{" not in word}


def drop_words(text: str, share: float, rng: np.random.Generator) -> str:
    """Leave filler words of a question out at random, but never what it asks for.

    Args:
        text (`str`):
            The question.
        share (`float`):
            Of the filler words; with 0 nothing is drawn.
        rng (`np.random.Generator`):
            Source of randomness.

    Returns:
        `str`: The question with what is left of its words, in order.
    """
    if not share:
        return text
    fillers = filler_words()
    return " ".join(word for word in text.split(" ") if word.lower() not in fillers or rng.uniform() >= share)


def name_targets(question: RoomQuestion, facts: RoomFacts, numbers: dict[int, int]) -> tuple[int, ...]:
    """Give the names of the regions that a question mentions, for an auxiliary loss.

    Args:
        question (`RoomQuestion`):
            Any question.
        facts (`RoomFacts`):
            The room.
        numbers (`dict[int, int]`):
            From region number to the position in `facts.objects`.

    Returns:
        `tuple[int, ...]`: Per mention in the text, the number in `NAMES`, or `IGNORED_LABEL`.
    """
    mentioned = re.findall(r"<region(\d+)>", question.text)
    return tuple(NAMES.get(facts.objects[numbers[int(number)]].name, IGNORED_LABEL) for number in mentioned)


def number_targets(question: RoomQuestion) -> tuple[float, ...]:
    """Give the numbers that an auxiliary loss predicts for a question, at a scale of about one.

    Args:
        question (`RoomQuestion`):
            Any question.

    Returns:
        `tuple[float, ...]` of length `4 + MOST_CANDIDATES`: Scaled log of the quantity behind the answer; scaled and
        clipped margin of a choice of two; how far right and ahead something stands of someone; of each candidate, in
        the order of the text, how far it falls behind the best, scaled and clipped. NaN for those that do not apply.
    """
    log_value = math.nan if question.value is None else QUANTITY_SCALE * math.log(question.value)
    margin = math.nan
    if question.margin is not None:
        margin = _clip(question.margin * MARGIN_SCALES.get(question.category, MARGIN_SCALE))
    right, ahead = (math.nan, math.nan) if question.bearing is None else question.bearing
    falls = [_clip(MARGIN_SCALE * fall) for fall in question.falls]
    return log_value, margin, right, ahead, *falls, *[math.nan] * (MOST_CANDIDATES - len(falls))


def _clip(margin: float) -> float:
    return max(-LARGEST_MARGIN, min(LARGEST_MARGIN, margin))
