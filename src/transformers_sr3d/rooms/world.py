# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, the words they are described in: furniture -> room -> views -> facts.

The world is metric with z up. An object's own frame has x along its width, y along its depth and z up, and its front
faces -y; the frame's origin is the middle of its oriented box. Instance maps hold the position of an object in its
room's list, and -1 for walls, floor and ceiling.

May import: NumPy.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


SPLITS = ("train", "val", "test")
NO_OBJECT = -1
MIN_SIZE_M, MAX_SIZE_M = 1e-4, 20.0  # of a side of a model


@dataclass(frozen=True)
class FurnitureModel:
    """What the catalogue says of a model.

    Attributes:
        key (`str`): Unique name, for example `"Blend Swap CC-0#armchair"`.
        name (`str`): Name in the catalogue, for example `"Winchester armchair"`.
        label (`str`): Its class after the synonym table, lower case, for example `"armchair"`.
        category (`str`): Category in the catalogue, for example `"Living room"`.
        size (`tuple[float, float, float]`): Width, depth and height, metres.
        elevation (`float`): How high its bottom hangs above the floor, metres; 0 for what stands.
        top (`float`, *optional*): How high above its bottom other things stand on it, metres, as the catalogue has
            it: None for on its full height, below zero where nothing may stand.
        creator (`str`): Who made it.
        source (`str`): Where it comes from, for example `"BlendSwap-CC-0.sh3f (sweethome3d-furniture 1.8)"`.
        licence (`str`): SPDX identifier, for example `"CC0-1.0"` or `"CC-BY-3.0"`.
        split (`str`): One of `SPLITS`; rooms of a split contain only its models.
    """

    key: str
    name: str
    label: str
    category: str
    size: tuple[float, float, float]
    elevation: float
    top: float | None
    creator: str
    source: str
    licence: str
    split: str


def check_metres(name: str, metres: float, least: float) -> None:
    """Refuse what no measure of a model can be.

    Args:
        name (`str`): How the message calls it.
        metres (`float`): The measure.
        least (`float`): Smallest possible measure, metres; the largest is `MAX_SIZE_M`.

    Raises:
        ValueError: If it is no number, not finite, too small or too large.
    """
    if not isinstance(metres, int | float) or not least <= metres <= MAX_SIZE_M:
        raise ValueError(f"`{name}` must be from {least:g} to {MAX_SIZE_M:g} m, got {metres!r} m")


@dataclass(frozen=True)
class FurnitureMesh:
    """The surface of a model in metres, in its own frame (origin in the middle of its box).

    Attributes:
        vertices (`np.ndarray` of shape `(V, 3)`, float32): Metres.
        faces (`np.ndarray` of shape `(F, 3)`, int32): Vertex numbers.
        corner_uv (`np.ndarray` of shape `(F, 3, 2)`, float32): Texture coordinates of each face's corners, v upwards,
            repeated outside of 0 to 1; zeros where a material has no texture.
        face_materials (`np.ndarray` of shape `(F,)`, int16): Material numbers.
        colors (`np.ndarray` of shape `(M, 3)`, uint8): sRGB colour of each material.
        textures (`list[np.ndarray | None]`): Per material a picture of shape `(h, w, 3)`, uint8, sRGB, or None.
    """

    vertices: np.ndarray
    faces: np.ndarray
    corner_uv: np.ndarray
    face_materials: np.ndarray
    colors: np.ndarray
    textures: list[np.ndarray | None]


@dataclass(frozen=True)
class PlacedObject:
    """A model in a room.

    Attributes:
        model (`FurnitureModel`): What it is.
        center (`np.ndarray` of shape `(3,)`): Middle of its oriented box, metres, world.
        size (`np.ndarray` of shape `(3,)`): Full extents along its own axes, metres; the third is vertical. May differ
            from the model's by a moderate stretch.
        rotation (`np.ndarray` of shape `(3, 3)`): Own frame to world; a turn about z.
        support (`int`, *optional*): Position of the object that it stands on; None on floor, wall or ceiling.
    """

    model: FurnitureModel
    center: np.ndarray
    size: np.ndarray
    rotation: np.ndarray
    support: int | None = None


@dataclass(frozen=True)
class Room:
    """A furnished room before anyone looks at it.

    Attributes:
        kind (`str`): For example `"living room"`.
        floor (`np.ndarray` of shape `(N, 2)`): Corners counter-clockwise, metres, world; a rectangle or an L.
        height (`float`): Of the ceiling above the floor at z = `floor_z`, metres.
        floor_z (`float`): Height of the floor in the world, metres.
        objects (`list[PlacedObject]`): What stands, hangs and lies in it.
    """

    kind: str
    floor: np.ndarray
    height: float
    floor_z: float
    objects: list[PlacedObject]


@dataclass(frozen=True)
class RoomView:
    """One picture of a room with its geometry.

    Attributes:
        image (`np.ndarray` of shape `(H, W, 3)`, uint8): Colours.
        depth (`np.ndarray` of shape `(H, W)`, float32): z-depth in metres, 0 = not measured.
        instances (`np.ndarray` of shape `(H, W)`, int16): Position of the object in the room's list, or `NO_OBJECT`.
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.
        camera_to_world (`np.ndarray` of shape `(4, 4)`): OpenCV camera to z-up world.
    """

    image: np.ndarray
    depth: np.ndarray
    instances: np.ndarray
    intrinsics: np.ndarray
    camera_to_world: np.ndarray


@dataclass(frozen=True)
class ObjectFacts:
    """Ground truth of one object and how much of it the views show.

    Attributes:
        name (`str`): Its class, `FurnitureModel.label`.
        model (`str`): `FurnitureModel.key`.
        center (`np.ndarray` of shape `(3,)`): Middle of its oriented box, metres, world.
        size (`np.ndarray` of shape `(3,)`): Full extents along its own axes, metres; the third is vertical.
        rotation (`np.ndarray` of shape `(3, 3)`): Own frame to world.
        support (`int`, *optional*): Position of what it stands on.
        visible_pixels (`np.ndarray` of shape `(V,)`, int): Pixels that show it in each view.
        boxes_xyxy (`np.ndarray` of shape `(V, 4)`): Rectangle around these pixels, pixel edges; zeros without any.
        cut (`np.ndarray` of shape `(V,)`, bool): These pixels touch the image border.
        seen (`np.ndarray` of shape `(V, 3, 2)`): Lower and upper end of what each view shows of it along its own axes,
            in extents, from -0.5 to 0.5; NaN where the view does not show it.
    """

    name: str
    model: str
    center: np.ndarray
    size: np.ndarray
    rotation: np.ndarray
    support: int | None
    visible_pixels: np.ndarray
    boxes_xyxy: np.ndarray
    cut: np.ndarray
    seen: np.ndarray

    @property
    def width(self) -> float:
        """Larger horizontal side, metres."""
        return float(max(self.size[0], self.size[1]))

    @property
    def height(self) -> float:
        """Vertical extent, metres."""
        return float(self.size[2])

    @property
    def volume(self) -> float:
        """Volume of the oriented box, cubic metres."""
        return float(np.prod(self.size))

    @property
    def seen_share(self) -> np.ndarray:
        """Share of each of its extents that all views together show, shape `(3,)`; zeros if none shows it."""
        if not np.isfinite(self.seen).any():
            return np.zeros(3)
        return np.nanmax(self.seen[:, :, 1], axis=0) - np.nanmin(self.seen[:, :, 0], axis=0)


@dataclass(frozen=True)
class ViewFacts:
    """Camera of one view.

    Attributes:
        camera_to_world (`np.ndarray` of shape `(4, 4)`): OpenCV camera to world.
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.
        image_size_hw (`tuple[int, int]`): Height and width, pixels.
    """

    camera_to_world: np.ndarray
    intrinsics: np.ndarray
    image_size_hw: tuple[int, int]


@dataclass(frozen=True)
class RoomFacts:
    """Everything that questions about a room are made from.

    Attributes:
        split (`str`): One of `SPLITS`.
        seed (`int`): Of the room within its split.
        kind (`str`): For example `"living room"`.
        floor (`np.ndarray` of shape `(N, 2)`): Corners of the floor, metres, world.
        height (`float`): Of the room, metres.
        floor_z (`float`): Height of the floor in the world, metres.
        objects (`list[ObjectFacts]`): All objects, those that no view shows included.
        views (`list[ViewFacts]`): One or more.
    """

    split: str
    seed: int
    kind: str
    floor: np.ndarray
    height: float
    floor_z: float
    objects: list[ObjectFacts] = field(repr=False)
    views: list[ViewFacts] = field(repr=False)

    @property
    def floor_area(self) -> float:
        """Area of the floor, square metres."""
        x, y = self.floor.T
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)

    def to_json(self) -> dict[str, Any]:
        """Give the facts as plain numbers, lists and text; NaN becomes None."""
        return {
            "split": self.split,
            "seed": self.seed,
            "kind": self.kind,
            "floor": self.floor.tolist(),
            "height": self.height,
            "floor_z": self.floor_z,
            "objects": [_plain(thing) for thing in self.objects],
            "views": [_plain(view) for view in self.views],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "RoomFacts":
        """Read what `to_json` gave."""
        return cls(
            split=values["split"],
            seed=values["seed"],
            kind=values["kind"],
            floor=np.array(values["floor"]),
            height=values["height"],
            floor_z=values["floor_z"],
            objects=[_object_from_json(entry) for entry in values["objects"]],
            views=[_view_from_json(entry) for entry in values["views"]],
        )


def _plain(record: ObjectFacts | ViewFacts) -> dict[str, Any]:
    plain = {}
    for name, value in vars(record).items():
        if not isinstance(value, np.ndarray):
            plain[name] = list(value) if isinstance(value, tuple) else value
        elif value.dtype.kind == "f":
            rounded = np.round(value, 5).astype(object)
            rounded[~np.isfinite(value)] = None
            plain[name] = rounded.tolist()
        else:
            plain[name] = value.tolist()
    return plain


def _object_from_json(entry: dict[str, Any]) -> ObjectFacts:
    arrays = {
        name: np.array(entry[name], dtype=float) for name in ("center", "size", "rotation", "boxes_xyxy", "seen")
    }
    return ObjectFacts(
        name=entry["name"],
        model=entry["model"],
        support=entry["support"],
        visible_pixels=np.array(entry["visible_pixels"], dtype=int),
        cut=np.array(entry["cut"], dtype=bool),
        **arrays,
    )


def _view_from_json(entry: dict[str, Any]) -> ViewFacts:
    return ViewFacts(
        camera_to_world=np.array(entry["camera_to_world"]),
        intrinsics=np.array(entry["intrinsics"]),
        image_size_hw=(entry["image_size_hw"][0], entry["image_size_hw"][1]),
    )
