# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Facts of rooms written by hand or drawn at random, without models, rays and pixels."""

import math
from dataclasses import replace

import numpy as np

from transformers_sr3d.rooms.world import ObjectFacts, RoomFacts, ViewFacts


IMAGE_SIZE_HW = (192, 256)
INTRINSICS = np.array([[220.0, 0, 127.5], [0, 220.0, 95.5], [0, 0, 1]])
WHOLE = ((-0.5, 0.5), (-0.5, 0.5), (-0.5, 0.5))
NAMES = ("sofa", "chair", "armchair", "table", "bed", "plant", "wardrobe", "shoes", "table lamp", "office chair")


def turn(angle):
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])


def looking(position, target):
    """A camera with its image's top upwards."""
    forward = np.subtract(target, position) / np.linalg.norm(np.subtract(target, position))
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    camera_to_world = np.eye(4)
    camera_to_world[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    camera_to_world[:3, 3] = position
    return ViewFacts(camera_to_world, INTRINSICS, IMAGE_SIZE_HW)


def column_and_row(view, point):
    """Pixel of a world point; None behind the camera."""
    x, y, z = (np.linalg.inv(view.camera_to_world) @ np.append(point, 1.0))[:3]
    return None if z < 0.05 else (220.0 * x / z + 127.5, 220.0 * y / z + 95.5)


def thing(name, center, size, views, *, yaw=0.0, pixels=None, cut=None, seen=WHOLE):
    """An object that all views show whole, unless told otherwise."""
    pixels = [900] * len(views) if pixels is None else pixels
    boxes = np.zeros((len(views), 4))
    for number, view in enumerate(views):
        at = column_and_row(view, center)
        if at is not None and pixels[number]:
            boxes[number] = (at[0] - 9, at[1] - 9, at[0] + 10, at[1] + 10)
    seen = np.repeat(np.array(seen, dtype=float)[None], len(views), axis=0)
    seen[np.array(pixels) == 0] = np.nan
    return ObjectFacts(
        name=name,
        model=f"test#{name}",
        center=np.array(center, dtype=float),
        size=np.array(size, dtype=float),
        rotation=turn(yaw),
        support=None,
        visible_pixels=np.array(pixels),
        boxes_xyxy=boxes,
        cut=np.array(cut or [False] * len(views)),
        seen=seen,
    )


def room_of(objects, views, *, split="train"):
    floor = np.array([[-3.0, -2.0], [4.0, -2.0], [4.0, 3.0], [-3.0, 3.0]])
    return RoomFacts(split, 1, "living room", floor, 2.5, 0.0, list(objects), list(views))


def known_room(num_views=2, *, split="train"):
    """Five objects at round coordinates; the first camera looks along +y from the middle of the front wall."""
    positions = [(0.0, -4.0, 1.5), (4.0, 0.0, 1.5), (-4.0, 0.0, 1.5), (0.0, 5.0, 1.5)]
    views = [looking(position, (0.0, 0.0, 0.8)) for position in positions[:num_views]]
    objects = [
        thing("sofa", (0, 0, 0.4), (2.0, 0.9, 0.8), views),
        thing("wardrobe", (0, 2, 1.0), (1.2, 0.6, 2.0), views),
        thing("table", (2, 0, 0.35), (1.0, 1.5, 0.7), views, yaw=math.pi / 2),
        thing("plant", (-2, 0, 0.6), (0.3, 0.3, 1.2), views),
        thing("chair", (0, -1.5, 0.45), (0.5, 0.5, 0.9), views),
    ]
    return room_of(objects, views, split=split)


def random_room(seed, num_views, *, num_objects=9, split="train"):
    rng = np.random.default_rng(seed)
    views = [
        looking((4 * math.cos(angle), 4 * math.sin(angle), rng.uniform(1.2, 1.9)), (0, 0, 0.7))
        for angle in rng.uniform(0, 2 * math.pi, num_views)
    ]
    objects = []
    for _ in range(num_objects):
        low, high = rng.uniform(-0.5, -0.2, 3), rng.uniform(0.1, 0.5, 3)
        objects.append(
            thing(
                str(rng.choice(NAMES)),
                (*rng.uniform(-2.5, 2.5, 2), rng.uniform(0.1, 2.0)),
                rng.uniform(0.08, 2.2, 3),
                views,
                yaw=rng.uniform(-3, 3),
                pixels=[
                    int(count) for count in rng.choice([0, 30, 80, 400, 2000], num_views, p=[0.2, 0.1, 0.1, 0.3, 0.3])
                ],
                cut=[bool(flag) for flag in rng.uniform(size=num_views) < 0.2],
                seen=WHOLE if rng.uniform() < 0.6 else np.stack([low, high], axis=1),
            )
        )
    return room_of(objects, views, split=split)


def moved(facts, angle, shift):
    """The same room elsewhere, turned about the vertical."""
    rotation, shift = turn(angle), np.array(shift)
    objects = [
        replace(entry, center=rotation @ entry.center + shift, rotation=rotation @ entry.rotation)
        for entry in facts.objects
    ]
    views = []
    for view in facts.views:
        camera_to_world = view.camera_to_world.copy()
        camera_to_world[:3] = rotation @ camera_to_world[:3]
        camera_to_world[:3, 3] += shift
        views.append(replace(view, camera_to_world=camera_to_world))
    floor = facts.floor @ rotation[:2, :2].T + shift[:2]
    return replace(facts, objects=objects, views=views, floor=floor, floor_z=facts.floor_z + shift[2])
