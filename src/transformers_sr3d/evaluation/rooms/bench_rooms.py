# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the rooms of rooms-bench come from: an index -> a new room, or one that `sr3d render` wrote.

Both sources are light to send to another process: furniture is opened there. New rooms are single photos where the
index is even and walks where it is odd; stored ones are what they were rendered as.

This module may import numpy and the whole package.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from transformers_sr3d.evaluation.rooms.stored_rooms import (
    check_same_views,
    check_sizes,
    read_instances,
    read_room_file,
)
from transformers_sr3d.inputs.scene import SCENE_FILE, load_scene
from transformers_sr3d.rooms.furniture.pack import FurniturePack, open_furniture
from transformers_sr3d.rooms.rendering.scene_folder import FACTS_FILE
from transformers_sr3d.rooms.rendering.scenes import SceneSettings, make_scene
from transformers_sr3d.rooms.world import RoomFacts
from transformers_sr3d.training.room_scenes import select_views


IMAGE_SIZE = 256
MIN_WALK_VIEWS = 4


@dataclass(frozen=True)
class SourceScene:
    """A room before anything is asked.

    Attributes:
        facts (`RoomFacts`): Of the views.
        arguments (`dict[str, Any]`): `images`, `depths` and where needed `depth_unit`, for the processor.
        instances (`list[np.ndarray]` of shape `(H, W)`): Instance maps.
    """

    facts: RoomFacts
    arguments: dict[str, Any] = field(repr=False)
    instances: list[np.ndarray] = field(repr=False)


class RoomSource(Protocol):
    """Where rooms come from."""

    def indices(self) -> Iterator[int]:
        """Number the rooms from 0 on."""
        ...

    def __call__(self, index: int) -> SourceScene:
        """Give a room."""
        ...

    def model_counts(self) -> dict[str, int]:
        """Count the furniture models of each class."""
        ...

    def describe(self) -> dict[str, Any]:
        """Say for a manifest where the rooms come from."""
        ...


class RenderedRooms:
    """New rooms, each a function of furniture, split, seed and index.

    Args:
        furniture (`str`, *optional*):
            What `open_furniture` takes.
        split (`str`):
            One of `SPLITS`.
        seed (`int`):
            Another seed, other rooms.
        max_views (`int`):
            Most views of a walk, from `MIN_WALK_VIEWS` on; 1 makes all of them single photos.
    """

    def __init__(self, furniture: str | None, *, split: str, seed: int, max_views: int):
        self.furniture = furniture
        self.split = split
        self.seed = seed
        self.max_views = max_views

    def indices(self) -> Iterator[int]:
        """Number the rooms from 0 on, without end.

        Returns:
            `Iterator[int]`: 0, 1, ...
        """
        return count()

    def __call__(self, index: int) -> SourceScene:
        """Make a room.

        Args:
            index (`int`):
                Even for a single photo, odd for a walk.

        Returns:
            `SourceScene`: The room and its views.
        """
        num_views = (min(MIN_WALK_VIEWS, self.max_views), self.max_views) if index % 2 else (1, 1)
        settings = SceneSettings(image_size=IMAGE_SIZE, num_views=num_views, photo_share=0.0)
        scene = make_scene(_load_furniture(self.furniture), self.split, self.seed, index, settings)
        arguments = {"images": [view.image for view in scene.views], "depths": [view.depth for view in scene.views]}
        return SourceScene(scene.facts, arguments, [view.instances for view in scene.views])

    def model_counts(self) -> dict[str, int]:
        """Count the furniture models of each class, over all splits.

        Returns:
            `dict[str, int]`: By class.
        """
        return _count_labels(_load_furniture(self.furniture))

    def describe(self) -> dict[str, Any]:
        """Say for a manifest where the rooms come from.

        Returns:
            `dict[str, Any]`: `scenes` and `furniture`.
        """
        path = _load_furniture(self.furniture).path
        furniture = {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        return {"scenes": {"rendered": True, "image_size": IMAGE_SIZE}, "furniture": furniture}


class StoredRooms:
    """Rooms that `sr3d render` wrote, in the order of their names.

    Args:
        folder (`str`):
            Holds the folders of scenes, or is one.
        split (`str`):
            The rooms' split.
        max_views (`int`):
            Of a scene with more, evenly spaced ones are shown.
        furniture (`str`, *optional*):
            What the rooms were furnished from, to count the models of a class; without it, those that occur count.

    Raises:
        FileNotFoundError: If the folder holds no scene, or one without `room.json`.
        ValueError: If a `room.json` is damaged.
    """

    def __init__(self, folder: str, *, split: str, max_views: int, furniture: str | None = None):
        self.folder = folder
        self.split = split
        self.max_views = max_views
        self.furniture = furniture
        self.paths = sorted({path.parent for path in Path(folder).glob(f"**/{SCENE_FILE}")})
        if not self.paths:
            raise FileNotFoundError(
                f"`scenes` must be a folder with rendered scenes, got none in {folder!r}. Make some: `sr3d render`."
            )
        for path in self.paths:
            read_room_file(path)  # now, and not after all questions before it were asked

    def indices(self) -> Iterator[int]:
        """Number the rooms.

        Returns:
            `Iterator[int]`: From 0 on, one for each folder.
        """
        return iter(range(len(self.paths)))

    def __call__(self, index: int) -> SourceScene:
        """Read a room.

        Args:
            index (`int`):
                Number of the folder.

        Returns:
            `SourceScene`: The room and its views.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the room is one of another split, or its folder is damaged.
        """
        path = self.paths[index]
        facts, loaded = read_room_file(path), load_scene(path)
        if facts.split != self.split:
            raise ValueError(
                f"`scenes` must be rooms of the split {self.split!r}, got {str(path)!r} of {facts.split!r}. Render "
                "others, or ask for that split."
            )
        check_same_views(facts, loaded, path)
        total = len(facts.views)
        shown = np.linspace(0, total - 1, min(total, self.max_views)).round().astype(int).tolist()
        check_sizes(facts, {name: loaded[name] for name in ("images", "depths")}, shown)
        arguments = {name: [loaded[name][view] for view in shown] for name in ("images", "depths")}
        arguments["depth_unit"] = loaded["depth_unit"]
        return SourceScene(select_views(facts, shown), arguments, read_instances(path, facts, shown))

    def model_counts(self) -> dict[str, int]:
        """Count the furniture models of each class, of the furniture or else of all rooms.

        Returns:
            `dict[str, int]`: By class.
        """
        if self.furniture is not None:
            return _count_labels(_load_furniture(self.furniture))
        things = (thing for path in self.paths for thing in read_room_file(path).objects)
        return _count(thing[0] for thing in {(thing.name, thing.model) for thing in things})

    def describe(self) -> dict[str, Any]:
        """Say for a manifest where the rooms come from.

        Returns:
            `dict[str, Any]`: `scenes` and `furniture`.
        """
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update((path / FACTS_FILE).read_bytes())
        scenes = {"rendered": False, "number": len(self.paths), "sha256": digest.hexdigest()}
        return {"scenes": scenes, "furniture": {"name": self.furniture}}


@lru_cache(maxsize=1)
def _load_furniture(path: str | None) -> FurniturePack:
    return open_furniture(path)


def _count_labels(furniture: FurniturePack) -> dict[str, int]:
    return _count(model.label for model in furniture.models)


def _count(labels: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(labels).items()))
