# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes and questions of rooms-bench: settings + index -> an encoded scene with questions, truth and oracle.

A scene depends on the settings and its index only. All regions of a scene are given in one way, and the ways take
turns. A baseline asks the same questions with less to see: "no_depth" keeps pictures and marked pixels, "blind" one
grey picture that every region covers as a whole, so that only the words of the question say anything.

This module may import numpy, torch and the whole package.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from transformers_sr3d.evaluation.rooms.bench_rooms import RenderedRooms, RoomSource, StoredRooms
from transformers_sr3d.evaluation.rooms.bench_views import (
    blind_arguments,
    choose_kind,
    fitting_degradations,
    scene_arguments,
    to_arrays,
    with_masks,
)
from transformers_sr3d.evaluation.rooms.oracle import is_geometric, measure_regions, oracle_answer
from transformers_sr3d.evaluation.rooms.report import BASELINES
from transformers_sr3d.evaluation.rooms.room_scores import is_right
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.rooms.degradations.degrade import DEGRADATIONS, degrade
from transformers_sr3d.rooms.questions.conversations import RoomQuestion, number_objects, sample_conversation
from transformers_sr3d.rooms.questions.region_marks import MULTI_VIEW_KINDS
from transformers_sr3d.rooms.world import SPLITS, RoomFacts


QUESTIONS_PER_SCENE = 8
MOST_VIEWS = 1000  # of a scene; more would not fit into memory
# Random numbers of a scene, apart from those that made it.
NUMBER_STREAM, QUESTION_STREAM, MARK_STREAM, DEGRADE_STREAM = range(200, 204)


@dataclass(frozen=True)
class BenchSettings:
    """What is asked, about which rooms, and who answers beside the model.

    Attributes:
        split (`str`): One of `SPLITS`.
        seed (`int`): Of rooms, regions and questions.
        scenes (`str`, *optional*): Folder with rooms that `sr3d render` wrote; new rooms without it.
        furniture (`str`, *optional*): Furniture of new rooms; the CC0 pack of this package without it. Of stored rooms
            it counts the models of a class.
        max_views (`int`): Most views of a scene.
        questions_per_scene (`int`): At most so many; a scene with little to ask about gives fewer.
        region_kind (`str`, *optional*): One of `MULTI_VIEW_KINDS` for all scenes; without it they take turns.
        degradations (`tuple[str, ...]`): Names out of `DEGRADATIONS`, in the order in which they are applied.
        blind (`bool`): Whether the model itself sees a grey picture only.
        baselines (`tuple[str, ...]`): Out of `BASELINES`.

    Raises:
        ValueError: If a value is not one of those.
    """

    split: str = "test"
    seed: int = 0
    scenes: str | None = None
    furniture: str | None = None
    max_views: int = 32
    questions_per_scene: int = QUESTIONS_PER_SCENE
    region_kind: str | None = None
    degradations: tuple[str, ...] = ()
    blind: bool = False
    baselines: tuple[str, ...] = ("majority", "oracle")

    def __post_init__(self) -> None:
        words: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
            "split": ((self.split,), SPLITS),
            "region_kind": (() if self.region_kind is None else (self.region_kind,), MULTI_VIEW_KINDS),
            "degradations": (self.degradations, tuple(DEGRADATIONS)),
            "baselines": (self.baselines, BASELINES),
        }
        for name, (given, allowed) in words.items():
            unknown = [word for word in given if word not in allowed]
            if unknown:
                raise ValueError(
                    f"`{name}` must be out of {', '.join(allowed)}, got {unknown[0]!r}. Choose from these."
                )
        least = {"seed": 0, "max_views": 1, "questions_per_scene": 1}
        for name, lowest in least.items():
            if vars(self)[name] < lowest:
                raise ValueError(f"`{name}` must be at least {lowest}, got {vars(self)[name]}. Raise it.")
        if self.max_views > MOST_VIEWS:
            raise ValueError(f"`max_views` must be at most {MOST_VIEWS}, got {self.max_views}. Lower it.")


@dataclass(frozen=True)
class BenchScene:
    """A scene that is ready to be asked about.

    Attributes:
        index (`int`): Its number in the benchmark.
        samples (`list[dict]`): One per question, ready for JSON; see `question_sample`.
        encoded (`dict[str, dict]`): What `SR3DProcessor.encode_views` returned, with arrays in place of tensors, by
            who sees it: `"model"`, and of the baselines `"blind"` and `"no_depth"` those that are asked. Empty without
            questions.
    """

    index: int
    samples: list[dict]
    encoded: dict[str, dict]


class BenchScenes:
    """Make the scenes of the benchmark. Light to send to another process, where furniture and processor are opened.

    Args:
        model (`str`):
            Folder of the checkpoint, or its name on the Hub, for its processor.
        settings (`BenchSettings`):
            What is asked, and about which rooms.

    Raises:
        FileNotFoundError: If the folder of scenes holds none.
    """

    def __init__(self, model: str, settings: BenchSettings):
        self.model = model
        self.settings = settings
        self.rooms = open_rooms(settings)

    def indices(self) -> Iterator[int]:
        """Number the scenes.

        Returns:
            `Iterator[int]`: From 0 on; without end for new rooms.
        """
        return self.rooms.indices()

    def __call__(self, index: int) -> BenchScene:
        """Make a scene, on one thread, so that it is the same to the last bit wherever it is made.

        Args:
            index (`int`):
                Number of the scene.

        Returns:
            `BenchScene`: Without questions if there is nothing to ask, or if its regions cannot be given as the
            settings say.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._make(index)
        finally:
            torch.set_num_threads(threads)

    def _make(self, index: int) -> BenchScene:
        source = self.rooms(index)
        kind = choose_kind(index, self.settings.region_kind, single=len(source.facts.views) == 1)
        numbers = number_objects(source.facts, self._rng(index, NUMBER_STREAM))
        questions = sample_conversation(
            source.facts, numbers, self._rng(index, QUESTION_STREAM), self.settings.questions_per_scene
        )
        if kind is None or not questions:
            return BenchScene(index, [], {})
        sample = scene_arguments(source, numbers, kind, self._rng(index, MARK_STREAM))
        names = fitting_degradations(self.settings.degradations, num_views=len(source.facts.views))
        seen = degrade(with_masks(sample), names, self._rng(index, DEGRADE_STREAM)) if names else sample
        common = {"scene": index, "views": len(source.facts.views), "region_kind": kind, "degradations": list(names)}
        samples = [
            question_sample(question) | common | {"region_share": region_share(source.facts, numbers, question)}
            for question in questions
        ]
        if "oracle" in self.settings.baselines:
            add_oracle(samples, questions, seen)
        return BenchScene(index, samples, self._encode(seen))

    def _rng(self, index: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, SPLITS.index(self.settings.split), index, stream])

    def _encode(self, sample: dict[str, Any]) -> dict[str, dict]:
        processor = _load_processor(self.model)
        shown = {"model": blind_arguments(sample) if self.settings.blind else sample}
        if "no_depth" in self.settings.baselines:
            shown["no_depth"] = degrade(with_masks(sample), ("without_depth",), np.random.default_rng(0))
        if "blind" in self.settings.baselines:
            shown["blind"] = blind_arguments(sample)
        return {name: to_arrays(processor.encode_views(**arguments)) for name, arguments in shown.items()}

    def model_counts(self) -> dict[str, int]:
        """Count the furniture models of each class.

        Returns:
            `dict[str, int]`: By class.
        """
        return self.rooms.model_counts()

    def describe(self) -> dict[str, Any]:
        """Say for a manifest what is asked, and about which rooms.

        Returns:
            `dict[str, Any]`: Plain values.
        """
        settings = _plain(asdict(self.settings))
        kinds = MULTI_VIEW_KINDS if self.settings.region_kind is None else (self.settings.region_kind,)
        del settings["scenes"], settings["furniture"], settings["region_kind"]
        return settings | {"region_kinds": list(kinds)} | self.rooms.describe()


def open_rooms(settings: BenchSettings) -> RoomSource:
    """Open what the settings name.

    Args:
        settings (`BenchSettings`):
            The settings.

    Returns:
        `RoomSource`: Rooms by index.

    Raises:
        FileNotFoundError: If the folder of scenes holds none.
    """
    split, max_views, furniture = settings.split, settings.max_views, settings.furniture
    if settings.scenes is not None:
        return StoredRooms(settings.scenes, split=split, max_views=max_views, furniture=furniture)
    return RenderedRooms(furniture, split=split, seed=settings.seed, max_views=max_views)


def region_share(facts: RoomFacts, numbers: Mapping[int, int], question: RoomQuestion) -> float | None:
    """Tell how much of a picture the smallest region of a question covers.

    Args:
        facts (`RoomFacts`):
            Facts of the room.
        numbers (`Mapping[int, int]`):
            The object behind each region number.
        question (`RoomQuestion`):
            The question.

    Returns:
        `float` or `None`: Share of the pixels of the view that shows the region best; None without regions.
    """
    sizes = np.array([math.prod(view.image_size_hw) for view in facts.views])
    shares = [float((facts.objects[numbers[number]].visible_pixels / sizes).max()) for number in question.regions]
    return min(shares, default=None)


def question_sample(question: RoomQuestion) -> dict[str, Any]:
    """Write a question down for a report.

    Args:
        question (`RoomQuestion`):
            The question.

    Returns:
        `dict[str, Any]`: Its fields but for `margin`, `falls`, `bearing` and `value`, which are there to train with;
        the text as `question`, the answer as `reference`; `quantity`, the true length or area, and `majority_key`, the
        answer as one of a few, each None where the other is given.
    """
    fields = _plain(asdict(question))
    for name in ("margin", "falls", "bearing", "value"):
        del fields[name]
    sample = {"question": fields.pop("text"), "reference": fields.pop("answer")} | fields
    quantity = question.metres if question.scoring == "length" else question.square_metres
    return sample | {"quantity": quantity, "majority_key": None if quantity is not None else _majority_key(question)}


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Write tuples as lists, as they read from a file."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def _majority_key(question: RoomQuestion) -> str:
    """Say what an answer is without the numbers of regions: a place among those mentioned, a word, or a count."""
    if question.region is not None:
        return str(question.regions.index(question.region))
    if question.order is not None:
        return ", ".join(str(question.regions.index(number)) for number in question.order)
    if question.yes is not None:
        return "yes" if question.yes else "no"
    return str(question.count if question.count is not None else question.option or question.name)


def add_oracle(samples: list[dict], questions: list[RoomQuestion], sample: dict[str, Any]) -> None:
    """Add `oracle_answer` and `oracle_right` to the samples of a scene.

    Args:
        samples (`list[dict]`):
            Of `question_sample`; changed in place. Both stay None where the oracle has no answer by design: for what
            needs a name, without depth, and for lengths without a metric scale.
        questions (`list[RoomQuestion]`):
            Their questions.
        sample (`dict[str, Any]`):
            Arguments of the processor, as the model gets them.
    """
    boxes, is_metric = measure_regions(sample)
    for entry, question in zip(samples, questions, strict=True):
        entry |= {"oracle_answer": None, "oracle_right": None}
        if boxes is not None and is_geometric(question) and (is_metric or question.scoring != "length"):
            answer = oracle_answer(question, boxes)
            entry |= {"oracle_answer": answer, "oracle_right": answer is not None and is_right(question, answer)}


@lru_cache(maxsize=1)
def _load_processor(model: str) -> SR3DProcessor:
    return SR3DProcessor.from_pretrained(model)
