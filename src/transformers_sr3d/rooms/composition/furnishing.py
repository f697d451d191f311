# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, single things: a model and the way it stands -> an object of the floor plan.

One method per way of standing. Each draws a handful of poses that make sense for it (back to a wall, inside the top of
a table, under the ceiling) and leaves to `FloorPlan.place` which of them is free; None says that nothing fitted, which
the caller takes as "then without it". Fronts face -y, so the back of wall furniture is its +y side.

May import: NumPy, `placement.py`, `kinds.py`, the word list of `world.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from transformers_sr3d.rooms.composition.kinds import (
    CEILING,
    CORNER,
    DEFAULT_ELEVATION_M,
    DEFAULT_ELEVATIONS_M,
    ELLIPSE_SUPPORTS,
    FLOOR_SMALL,
    FREE,
    HUNG,
    RUG,
    SEAT,
    SUPPORTS,
    TOP,
    UNEVEN_KEYS,
    standing,
)
from transformers_sr3d.rooms.composition.placement import WALL_GAP_M, Contacts, FloorPlan, Wall, facing
from transformers_sr3d.rooms.world import FurnitureModel


STRETCH = (0.85, 1.18)
BOX_STRETCH = (0.4, 2.0)
BOX_SIDES_M = (0.12, 0.8)
NUM_POSES = 24
WALL_YAW_JITTER = np.radians(1.5)
FRONT_CLEARANCE_M = 0.25
MAX_LOAD = 4
TOP_MARGIN_M = 0.02
HIGHEST_SUPPORT_M = 1.6
# What carries below this share of its height has shelves or a hutch, where little fits.
FLAT_SHARE = 0.9
RIM_M = 0.005
RIM_SHARE = 0.12
ONLY_ON = {"cooktop": ("base cabinet", "kitchen island"), "oven": ("base cabinet", "kitchen island")}
RUG_GOES_UNDER = frozenset(("table", "coffee table", "chair", "armchair", "office chair", "stool"))
CEILING_LAMP_ABOVE_M = 1.75
# Stand on furniture with their front to the side from which it is used.
ALIGNED_ON_TOP = frozenset(
    (
        *("tv", "laptop", "computer", "printer", "stereo", "telephone", "microwave", "oven", "toaster", "aquarium"),
        *("radio", "speaker", "keyboard", "cooktop", "mixer", "blender", "coffee maker", "picture frame"),
        *("bread box", "game console", "dvd player", "knife block", "clock"),
    )
)


@dataclass
class Furnishing:
    """A floor plan, the models at hand and the dice.

    Attributes:
        plan (`FloorPlan`): What is being furnished.
        stock (`dict[str, list[FurnitureModel]]`): Models by class, only such as rooms may hold.
        rng (`np.random.Generator`): Source of all randomness.
    """

    plan: FloorPlan
    stock: dict[str, list[FurnitureModel]]
    rng: np.random.Generator

    def chance(self, probability: float) -> bool:
        """Draw true with a probability."""
        return bool(self.rng.random() < probability)

    def draw(self, *labels: str) -> FurnitureModel | None:
        """Draw a model of the first class that has any, or None."""
        for label in labels:
            models = self.stock.get(label)
            if models:
                return models[int(self.rng.integers(len(models)))]
        return None

    def stretched(self, model: FurnitureModel) -> np.ndarray:
        """Draw the size of an object, shape `(3,)`, metres: the model's with a factor of its own along each axis."""
        size = np.array(model.size, dtype=float)
        if model.label == "box":
            return np.clip(
                size * np.exp(self.rng.uniform(np.log(BOX_STRETCH[0]), np.log(BOX_STRETCH[1]), size=3)), *BOX_SIDES_M
            )
        factors = self.rng.uniform(*STRETCH, size=3)
        # What would not fit under the ceiling is not stretched upwards.
        factors[2] = np.clip((self.plan.height - 0.02) / size[2], STRETCH[0], factors[2])
        return size * factors

    def put(self, model: FurnitureModel, size: np.ndarray | None = None) -> int | None:
        """Place an object the way its model stands.

        Args:
            model (`FurnitureModel`): What it is.
            size (`np.ndarray` of shape `(3,)`, *optional*): Its extents, metres; drawn if not given.

        Returns:
            `int`, *optional*: Its position in the plan's objects, or None if it fits nowhere.
        """
        size = self.stretched(model) if size is None else size
        how = standing(model)
        if how == TOP or (model.label == "box" and max(size) < 0.4 and self.chance(0.5)):
            return self.on_top(model, size)
        if how == FREE:
            return self.freely(model, size, jitter=0.1 if model.label.endswith("table") else None)
        if how == SEAT and self.chance(0.45):
            return self.plan.place(model, size, self._seat_poses(float(min(size[:2]) / 2)), margin=0.03)
        if how == FLOOR_SMALL:
            return self.freely(model, size) if self.chance(0.4) else self.at_wall(model, size, turned=0.6)
        if how == CEILING:
            return self.on_ceiling(model, size)
        if how == RUG:
            return self.plan.place(model, size, self._rug_poses(float(min(size[:2]) / 2)))
        if how == HUNG:
            return self.hung(model, size)
        return self.at_wall(model, size, in_corner=how == CORNER, clearance=FRONT_CLEARANCE_M)

    def wall_poses(self, size: np.ndarray, walls: Collection[Wall], in_corner: bool, turned: float) -> np.ndarray:
        """Draw poses with the back to a wall, shape `(K, 3)`; none if the object is longer than every wall."""
        long_enough = [wall for wall in walls if wall.length > size[0] + 0.12]
        if not long_enough:
            return np.zeros((0, 3))
        rng = self.rng
        chosen = rng.integers(len(long_enough), size=NUM_POSES)
        starts = np.array([wall.start for wall in long_enough])[chosen]
        alongs = np.array([wall.along for wall in long_enough])[chosen]
        normals = np.array([wall.normal for wall in long_enough])[chosen]
        lengths = np.array([wall.length for wall in long_enough])[chosen]
        turns = rng.uniform(-1, 1, NUM_POSES) * (turned or WALL_YAW_JITTER)
        cos, sin = np.abs(np.cos(turns)), np.abs(np.sin(turns))
        # A turned object reaches further; the gap keeps its corners out of the wall.
        half = (cos * size[0] + sin * size[1]) / 2 + 0.01
        distances = (sin * size[0] + cos * size[1]) / 2 + rng.uniform(*WALL_GAP_M, NUM_POSES)
        positions = half + rng.random(NUM_POSES) * np.maximum(lengths - 2 * half, 0.0)
        if in_corner:
            positions = half + rng.uniform(0.0, 0.05, NUM_POSES)
            positions = np.where(rng.random(NUM_POSES) < 0.5, positions, lengths - positions)
        places = starts + positions[:, None] * alongs + distances[:, None] * normals
        return np.column_stack([places, np.arctan2(normals[:, 0], -normals[:, 1]) + turns])

    def at_wall(
        self,
        model: FurnitureModel,
        size: np.ndarray,
        *,
        walls: Collection[Wall] | None = None,
        in_corner: bool = False,
        turned: float = 0.0,
        clearance: float = 0.0,
    ) -> int | None:
        """Place an object with its back to a wall, at its elevation."""
        poses = self.wall_poses(size, self.plan.walls if walls is None else walls, in_corner, turned)
        return self.plan.place(model, size, poses, bottom=model.elevation, clearance=clearance)

    def freely(
        self, model: FurnitureModel, size: np.ndarray, *, jitter: float | None = None, margin: float = 0.03
    ) -> int | None:
        """Place an object anywhere on the floor; `jitter` turns it from a wall's heading, in radians."""
        poses = self.free_poses(float(min(size[:2]) / 2), jitter)
        return self.plan.place(model, size, poses, margin=margin)

    def free_poses(self, inset: float, jitter: float | None) -> np.ndarray:
        """Draw poses at least `inset` metres inside the outer walls, shape `(NUM_POSES, 3)`."""
        low = np.minimum(inset, [self.plan.width / 2, self.plan.depth / 2])
        places = self.rng.uniform(low, np.array([self.plan.width, self.plan.depth]) - low, (NUM_POSES, 2))
        if jitter is None:
            yaws = self.rng.uniform(-np.pi, np.pi, NUM_POSES)
        else:
            quarter_turns = self.rng.integers(4, size=NUM_POSES) * np.pi / 2
            yaws = quarter_turns + self.rng.uniform(-jitter, jitter, NUM_POSES)
        return np.column_stack([places, yaws])

    def _seat_poses(self, inset: float) -> np.ndarray:
        """Draw poses that look into the room, roughly at its middle."""
        poses = self.free_poses(inset, None)
        inwards = np.array([self.plan.width, self.plan.depth]) / 2 - poses[:, :2]
        poses[:, 2] = np.arctan2(inwards[:, 0], -inwards[:, 1]) + self.rng.normal(0.0, 0.5, NUM_POSES)
        return poses

    def _rug_poses(self, inset: float) -> np.ndarray:
        """Draw poses for a rug whose middle lies under nothing but tables and seats."""
        poses = self.free_poses(inset, 0.05)
        for thing in self.plan.objects:
            if thing.model.label not in RUG_GOES_UNDER:
                away = np.abs((poses[:, :2] - thing.center[:2]) @ thing.rotation[:2, :2])
                poses = poses[(away > thing.size[:2] / 2 + 0.2).any(axis=1)]
        return poses

    def hung(
        self, model: FurnitureModel, size: np.ndarray, *, poses: np.ndarray | None = None, above: float = 0.0
    ) -> int | None:
        """Hang an object on a wall at its elevation, at least `above` metres high, lower only for the ceiling."""
        wished = model.elevation or DEFAULT_ELEVATIONS_M.get(model.label, DEFAULT_ELEVATION_M)
        bottom = min(max(wished, above), self.plan.height - size[2] - 0.02)
        if bottom < above:
            return None
        if poses is None:
            poses = self.wall_poses(size, self.plan.walls, in_corner=False, turned=1e-6)
        return self.plan.place(model, size, poses, bottom=bottom)

    def on_ceiling(self, model: FurnitureModel, size: np.ndarray) -> int | None:
        """Hang an object from the ceiling, over a table where there is one and nobody can walk into it."""
        if self.plan.height - size[2] < CEILING_LAMP_ABOVE_M:
            size = np.array([*size[:2], STRETCH[0] * model.size[2]])
        bottom = self.plan.height - size[2]
        tables = [thing for thing in self.plan.objects if thing.model.label == "table"]
        over = [(*table.center[:2], 0.0) for table in tables if bottom > table.size[2] + 0.5]
        if bottom < CEILING_LAMP_ABOVE_M and not over:
            return None
        anywhere = self.free_poses(0.7, 0.0)
        poses = np.array(over) if bottom < CEILING_LAMP_ABOVE_M else np.vstack([*over, anywhere])
        return self.plan.place(model, size, poses, bottom=bottom)

    def supports(self) -> list[int]:
        """Give the objects that others may stand on and that still have room."""
        objects = self.plan.objects
        loads = np.bincount([thing.support for thing in objects if thing.support is not None], minlength=len(objects))
        return [
            number
            for number, thing in enumerate(objects)
            if thing.model.label in SUPPORTS
            and thing.model.key not in UNEVEN_KEYS
            and top_height(thing.size, thing.model) >= FLAT_SHARE * thing.size[2]
            and top_height(thing.size, thing.model) < HIGHEST_SUPPORT_M
            and loads[number] < MAX_LOAD
        ]

    def on_top(self, model: FurnitureModel, size: np.ndarray, support: int | None = None) -> int | None:
        """Stand an object on another, wholly inside of its top; on a drawn one if `support` is not given."""
        candidates = self.supports()
        wanted = ONLY_ON.get(model.label)
        if wanted is not None:
            candidates = [number for number in candidates if self.plan.objects[number].model.label in wanted]
        if support is not None:
            candidates = [number for number in candidates if number == support]
        for number in self.rng.permutation(candidates)[:3].tolist():
            thing = self.plan.objects[number]
            bottom = thing.center[2] - thing.size[2] / 2 + top_height(thing.size, thing.model)
            poses = self._top_poses(model, size, number)
            placed = self.plan.place(model, size, poses, bottom=bottom, contacts=Contacts(support=number))
            if placed is not None:
                return placed
        return None

    def _top_poses(self, model: FurnitureModel, size: np.ndarray, support: int) -> np.ndarray:
        thing = self.plan.objects[support]
        turns = self.rng.uniform(-np.pi, np.pi, NUM_POSES)
        if model.label in ALIGNED_ON_TOP:
            turns *= 0.05
        elif model.label in ("box", "bowl"):
            turns *= 0.15
        cos, sin = np.abs(np.cos(turns)), np.abs(np.sin(turns))
        reach = np.stack([cos * size[0] + sin * size[1], sin * size[0] + cos * size[1]], axis=1) / 2 + TOP_MARGIN_M
        half = thing.size[:2] / 2
        fits = (reach <= half).all(axis=1)
        places = self.rng.uniform(-1, 1, (NUM_POSES, 2)) * np.maximum(half - reach, 0.0)
        if model.label == "tv":
            places *= 0.2
        if top_height(thing.size, thing.model) < thing.size[2] - RIM_M:
            # What is higher than the top is a rim at the back.
            fits &= places[:, 1] + reach[:, 1] <= half[1] - 2 * RIM_SHARE * half[1]
        if thing.model.label in ELLIPSE_SUPPORTS:
            fits &= (((np.abs(places) + reach) / half) ** 2).sum(axis=1) <= 1.0
        poses = np.column_stack([places @ thing.rotation[:2, :2].T + thing.center[:2], turns])
        poses[:, 2] += np.arctan2(thing.rotation[1, 0], thing.rotation[0, 0])
        return poses[fits]

    def beside(self, number: int, offset: np.ndarray, front: np.ndarray) -> np.ndarray:
        """Give a pose relative to an object.

        Args:
            number (`int`): Position of the object in the plan.
            offset (`np.ndarray` of shape `(2,)`): Metres from its centre, in its own frame.
            front (`np.ndarray` of shape `(2,)`): Where the new object's front looks, in the frame of the old one.

        Returns:
            `np.ndarray` of shape `(1, 3)`: x, y, heading in the room's frame.
        """
        thing = self.plan.objects[number]
        turn = thing.rotation[:2, :2]
        return np.array([[*(turn @ offset + thing.center[:2]), facing(turn @ front)]])


def top_height(size: np.ndarray, model: FurnitureModel) -> float:
    """Give the height of a stretched object's top above its bottom, metres; all of it for a model without one."""
    return float(size[2] if model.top is None else size[2] * model.top / model.size[2])
