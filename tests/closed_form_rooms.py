# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms of plain boxes whose views are known in closed form, for tests of questions and scores."""

from pathlib import Path

import numpy as np
import torch
from scenes import ROOM_SIZE, box_room, look_at, pinhole

from transformers_sr3d.rooms.rendering.scene_folder import write_scene_folder
from transformers_sr3d.rooms.rendering.scenes import FurnishedScene, facts_of
from transformers_sr3d.rooms.world import FurnitureModel, PlacedObject, Room, RoomView


SIZE_HW = (96, 128)
# Name, centre, size: boxes on the floor of the room of `scenes`, clear of one another, and a lamp that floats.
FURNITURE = (
    ("table", (1.2, 1.0, 0.4), (1.2, 0.8, 0.8)),
    ("chair", (2.6, 0.9, 0.45), (0.4, 0.4, 0.9)),
    ("wardrobe", (4.2, 2.0, 0.9), (0.6, 1.5, 1.8)),
    ("stool", (1.5, 2.9, 0.2), (0.3, 0.3, 0.4)),
    ("bench", (3.1, 3.1, 0.25), (1.0, 0.35, 0.5)),
    ("ceiling lamp", (2.6, 2.0, 1.9), (0.3, 0.3, 0.3)),
)
EYES = ((0.3, 0.3, 1.6), (4.7, 0.3, 1.6), (4.6, 3.7, 2.2), (0.3, 3.7, 1.6), (2.4, 0.2, 2.2), (2.2, 3.8, 1.0))
TARGET = (2.5, 2.0, 0.5)


def make_model(name: str, size: tuple[float, float, float], number: int) -> FurnitureModel:
    return FurnitureModel(
        key=f"test#{name}{number}",
        name=name,
        label=name,
        category="Living room",
        size=size,
        elevation=0.0,
        top=None,
        creator="nobody",
        source="a test",
        licence="CC0-1.0",
        split="test",
    )


def make_room() -> Room:
    floor = np.array([[0.0, 0.0], [ROOM_SIZE[0], 0.0], ROOM_SIZE[:2], [0.0, ROOM_SIZE[1]]])
    objects = [
        PlacedObject(make_model(name, size, number), np.array(center), np.array(size), np.eye(3))
        for number, (name, center, size) in enumerate(FURNITURE)
    ]
    return Room("living room", floor, ROOM_SIZE[2], 0.0, objects)


def make_scene(num_views: int = 6, *, first_view: int = 0, seed: int = 0) -> FurnishedScene:
    """The room seen from its corners; `seed` only tells scenes apart."""
    room = make_room()
    eyes = [EYES[(first_view + view) % len(EYES)] for view in range(num_views)]
    views = [_view(look_at(eye, TARGET)) for eye in eyes]
    return FurnishedScene(room, views, facts_of(room, views, split="test", seed=seed))


def write_rooms(folder: Path, num_views: tuple[int, ...]) -> str:
    """Write one room for each number of views as `sr3d render` does; give the folder."""
    for index, count in enumerate(num_views):
        write_scene_folder(folder / f"scene-{index:06d}", make_scene(count, first_view=index, seed=index))
    return str(folder)


def _view(camera_to_world: torch.Tensor) -> RoomView:
    boxes = tuple((center, size) for _, center, size in FURNITURE)
    view = box_room(camera_to_world, boxes=boxes, intrinsics=pinhole(90.0, SIZE_HW), size_hw=SIZE_HW)
    colors = np.random.default_rng(0).integers(0, 255, (len(FURNITURE) + 1, 3), dtype=np.uint8)
    return RoomView(
        image=colors[view["labels"].numpy()],
        depth=view["depth"].numpy(),
        instances=view["labels"].numpy().astype(np.int16),
        intrinsics=view["intrinsics"].double().numpy(),
        camera_to_world=camera_to_world.double().numpy(),
    )
