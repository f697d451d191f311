# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished scenes: (furniture, split, seed, index, settings) -> a room, its views with exact geometry, its facts.

A scene is a pure function of these arguments, so nothing has to be stored to be repeated; splits have random numbers
and models of their own. Room, look, cameras and noise draw from separate generators, so other settings of the views
change neither the room nor how it looks.

May import: NumPy and siblings in `rooms`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from transformers_sr3d.rooms.composition.compose import compose_room
from transformers_sr3d.rooms.rendering.cameras import draw_lens, photo_camera, walk_cameras
from transformers_sr3d.rooms.rendering.looks import draw_look
from transformers_sr3d.rooms.rendering.meshes import Furniture, PreparedMesh, prepared_mesh, surface_tables
from transformers_sr3d.rooms.rendering.photo import develop
from transformers_sr3d.rooms.rendering.ray_casting import RayCaster, room_triangles
from transformers_sr3d.rooms.rendering.shading import LitRoom, shade_view
from transformers_sr3d.rooms.world import (
    NO_OBJECT,
    SPLITS,
    ObjectFacts,
    Room,
    RoomFacts,
    RoomView,
    ViewFacts,
)


SCENES_PER_SEED = 1_000_000
MAX_SEED = 2**63 // SCENES_PER_SEED - 1  # so that the number of a scene is an int64, also in scenes.jsonl
MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 32, 4096
MAX_VIEWS = 256
# What a view shows of an object runs from the 1st to the 99th percentile of the points, and this much further.
SEEN_SHARES = (0.01, 0.99)
SEEN_TOLERANCE = 0.03


@dataclass(frozen=True)
class SceneSettings:
    """What kind of scenes to make.

    Attributes:
        image_size (`int`, defaults to 256): Longer side of the views, pixels; the aspect is drawn.
        num_views (`tuple[int, int]`, defaults to `(2, 8)`): Smallest and largest number of views of a walk; one view
            is a photo.
        photo_share (`float`, defaults to 0.5): Share of scenes that are no walk but one photo.
        num_objects (`tuple[int, int]`, defaults to `(6, 14)`): Smallest and largest number of objects in a room.
    """

    image_size: int = 256
    num_views: tuple[int, int] = (2, 8)
    photo_share: float = 0.5
    num_objects: tuple[int, int] = (6, 14)

    def __post_init__(self) -> None:
        for name in ("num_views", "num_objects"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise ValueError(
                    f"`{name}` must be (smallest, largest) with 1 <= smallest <= largest, got {(low, high)}. "
                    "Swap or raise the numbers."
                )
        if not 0 <= self.photo_share <= 1:
            raise ValueError(f"`photo_share` must be from 0 to 1, got {self.photo_share}. It is a share of scenes.")
        if self.num_views[1] > MAX_VIEWS:
            raise ValueError(f"`num_views` must be at most {MAX_VIEWS}, got {self.num_views[1]}. Make more scenes.")
        if not MIN_IMAGE_SIZE <= self.image_size <= MAX_IMAGE_SIZE:
            raise ValueError(
                f"`image_size` must be from {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE} pixels, got {self.image_size}. "
                "It is the longer side of a view."
            )


@dataclass(frozen=True)
class FurnishedScene:
    """A room, pictures of it, and what is true of it.

    Attributes:
        room (`Room`): The room.
        views (`list[RoomView]`): One photo or the views of a walk.
        facts (`RoomFacts`): What questions are made from.
    """

    room: Room = field(repr=False)
    views: list[RoomView] = field(repr=False)
    facts: RoomFacts


def make_scene(
    furniture: Furniture,
    split: str,
    seed: int,
    index: int,
    settings: SceneSettings | None = None,
) -> FurnishedScene:
    """Make the scene number `index` of a split.

    Args:
        furniture (`Furniture`): Models and meshes, for example a `FurniturePack`.
        split (`str`): One of `SPLITS`.
        seed (`int`): From 0 to `MAX_SEED`; another seed gives other scenes.
        index (`int`): From 0 to `SCENES_PER_SEED - 1`.
        settings (`SceneSettings`, *optional*): Defaults to photos and walks of 256 pixels.

    Returns:
        `FurnishedScene`: The scene; `facts.seed` is `seed * SCENES_PER_SEED + index`.

    Raises:
        ValueError: If the split is unknown, or seed or index are out of range.
    """
    settings = SceneSettings() if settings is None else settings
    number = scene_number(split, seed, index)
    streams = [np.random.default_rng([SPLITS.index(split), number, stream]) for stream in range(4)]
    room = compose_room(furniture.models_of(split), streams[0], num_objects=settings.num_objects)
    meshes = [prepared_mesh(furniture, thing.model.key) for thing in room.objects]
    lit = light_room(room, meshes, streams[1])
    cameras = choose_cameras(lit, settings, streams[2])
    views = [render_view(lit, camera, streams[3]) for camera in cameras]
    return FurnishedScene(room, views, facts_of(room, views, split=split, seed=number))


def scene_number(split: str, seed: int, index: int) -> int:
    """Give the number that tells a room from all others of its split.

    Args:
        split (`str`): One of `SPLITS`.
        seed (`int`): From 0 to `MAX_SEED`.
        index (`int`): From 0 to `SCENES_PER_SEED - 1`.

    Returns:
        `int`: `seed * SCENES_PER_SEED + index`.

    Raises:
        ValueError: If the split is unknown, or seed or index are out of range.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {SPLITS}, got {split!r}. Choose one of these.")
    if not 0 <= seed <= MAX_SEED or not 0 <= index < SCENES_PER_SEED:
        raise ValueError(
            f"`seed` must be from 0 to {MAX_SEED} and `index` from 0 to {SCENES_PER_SEED - 1}, "
            f"got {seed} and {index}. Use another seed for more scenes."
        )
    return seed * SCENES_PER_SEED + index


def light_room(room: Room, meshes: Sequence[PreparedMesh], rng: np.random.Generator) -> LitRoom:
    """Make a room ready to be looked at.

    Args:
        room (`Room`): The room.
        meshes (`Sequence[PreparedMesh]`): Mesh of each object, in the order of `room.objects`.
        rng (`np.random.Generator`): Of the look.

    Returns:
        `LitRoom`: With triangles, tables and look.
    """
    triangles = room_triangles(room, [ready.mesh for ready in meshes])
    return LitRoom(room, RayCaster(triangles), surface_tables(room, meshes, triangles), draw_look(room, rng))


def choose_cameras(lit: LitRoom, settings: SceneSettings, rng: np.random.Generator) -> list[ViewFacts]:
    """Choose a photo or a walk and its cameras.

    Args:
        lit (`LitRoom`): The room.
        settings (`SceneSettings`): Number of views, share of photos, image size.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `list[ViewFacts]`: One camera or several.
    """
    is_photo = rng.uniform() < settings.photo_share
    num_views = int(rng.integers(settings.num_views[0], settings.num_views[1] + 1))
    lens = draw_lens(rng, settings.image_size)
    if is_photo or num_views == 1:
        return [photo_camera(lit.room, lit.caster, lens, rng)]
    return walk_cameras(lit.room, lit.caster, lens, num_views, rng)


def render_view(lit: LitRoom, camera: ViewFacts, rng: np.random.Generator) -> RoomView:
    """Take one picture.

    Args:
        lit (`LitRoom`): The room.
        camera (`ViewFacts`): Where from.
        rng (`np.random.Generator`): Of the noise.

    Returns:
        `RoomView`: Colour, z-depth and instances.
    """
    hits, color = shade_view(lit, camera)
    return RoomView(
        image=develop(color, lit.look.camera, rng),
        depth=hits.distances.reshape(camera.image_size_hw),
        instances=lit.caster.instances(hits.faces).reshape(camera.image_size_hw),
        intrinsics=camera.intrinsics,
        camera_to_world=camera.camera_to_world,
    )


def facts_of(room: Room, views: Sequence[RoomView], *, split: str, seed: int) -> RoomFacts:
    """Write down what is true of a room and what its views show of it.

    Args:
        room (`Room`): The room.
        views (`Sequence[RoomView]`): Pictures of it.
        split (`str`): Split of the room.
        seed (`int`): Number of the room within its split.

    Returns:
        `RoomFacts`: Of all objects, those that no view shows included.
    """
    seen = [_seen_in_view(room, view) for view in views]
    objects = [
        ObjectFacts(
            name=thing.model.label,
            model=thing.model.key,
            center=thing.center,
            size=thing.size,
            rotation=thing.rotation,
            support=thing.support,
            visible_pixels=np.array([view[0][number] for view in seen]),
            boxes_xyxy=np.stack([view[1][number] for view in seen]),
            cut=np.array([view[2][number] for view in seen]),
            seen=np.stack([view[3][number] for view in seen]),
        )
        for number, thing in enumerate(room.objects)
    ]
    cameras = [ViewFacts(view.camera_to_world, view.intrinsics, view.depth.shape) for view in views]
    return RoomFacts(split, seed, room.kind, room.floor, room.height, room.floor_z, objects, cameras)


def _seen_in_view(room: Room, view: RoomView) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pixels `(N,)`, rectangles `(N, 4)`, whether cut `(N,)`, and extents `(N, 3, 2)` of every object in a view."""
    count, (height, width) = len(room.objects), view.depth.shape
    pixels, boxes = np.zeros(count, int), np.zeros((count, 4))
    cut, extents = np.zeros(count, bool), np.full((count, 3, 2), np.nan)
    flat = view.instances.ravel()
    places = np.flatnonzero(flat != NO_OBJECT)
    places = places[np.argsort(flat[places], kind="stable")]
    numbers, starts = np.unique(flat[places], return_index=True)
    for number, group in zip(numbers, np.split(places, starts[1:]), strict=False):
        rows, columns = np.divmod(group, width)
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        pixels[number], boxes[number] = len(group), (left, top, right, bottom)
        cut[number] = left == 0 or top == 0 or right == width or bottom == height
        extents[number] = _seen_extents(room, int(number), view, (rows, columns))
    return pixels, boxes, cut, extents


def _seen_extents(room: Room, number: int, view: RoomView, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """What pixels show of an object along its own axes, in extents, `(3, 2)`."""
    rows, columns = places
    thing, depth, matrix = room.objects[number], view.depth[rows, columns].astype(np.float64), view.intrinsics
    x, y = (columns - matrix[0, 2]) / matrix[0, 0] * depth, (rows - matrix[1, 2]) / matrix[1, 1] * depth
    turn = thing.rotation.T @ view.camera_to_world[:3, :3]
    shift = thing.rotation.T @ (view.camera_to_world[:3, 3] - thing.center)
    own = (turn @ np.stack((x, y, depth)) + shift[:, None]) / thing.size[:, None]
    own.sort(axis=1)
    low, high = (_between(own, share * (len(depth) - 1)) for share in SEEN_SHARES)
    return np.stack((low - SEEN_TOLERANCE, high + SEEN_TOLERANCE), axis=1).clip(-0.5, 0.5)


def _between(columns: np.ndarray, place: float) -> np.ndarray:
    """Interpolate between the two columns around a place."""
    before = int(place)
    after = min(before + 1, columns.shape[1] - 1)
    return columns[:, before] + (columns[:, after] - columns[:, before]) * (place - before)
