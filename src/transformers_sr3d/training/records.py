# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records of training: encoded scenes -> conversations in a fixed order.

A record is `{"encoded": what SR3DProcessor.encode_views returns, "conversation": [(question, answer), ...],
"targets": [numbers behind each answer], "names": [class of each region that is mentioned]}`. Questions are drawn
afresh each time a scene is used.

This module may import torch and siblings in `training`.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from transformers_sr3d.training.scene_cache import SceneCache


SCALES = (0.3, 1.3)  # most scenes get smaller: furniture is larger than what stands on a desk


class Turn(NamedTuple):
    """A question, its answer, the numbers behind the answer, NaN where one does not apply, and the classes of the
    regions that the question mentions, one for each mention.
    """

    question: str
    answer: str
    targets: tuple[float, ...]
    names: tuple[int, ...]


class Augmentation(NamedTuple):
    """Whether scenes with several posed views are turned about the vertical axis, and the share of the metric scenes
    that are shown smaller or larger than they are, by up to `SCALES`.
    """

    yaw: bool = True
    scale: float = 0.0


class ConversationDataset(torch.utils.data.Dataset):
    """Every conversation of a whole training run, in order.

    Item `i` depends on the seed and on `i` only: which scene it shows, which questions it asks and by which angle a
    posed scene is turned. So a resumed run sees what an uninterrupted one would have seen. The order is a fresh
    shuffle of the scenes per pass; within some batches scenes of like length are put together, to pad less.

    Args:
        cache (`SceneCache`):
            The scenes.
        ask (`Callable[[dict, int, float], list[Turn]]`):
            Truth of a scene, a seed and how much larger than true the scene is shown, to questions.
        num_items (`int`):
            Conversations of the run.
        seed (`int`):
            Of everything drawn here.
        batch_size (`int`):
            Items of a step; scenes of like length share a step.
        augmentation (`Augmentation`):
            How scenes are shown otherwise than they are.
        pixels (`bool`, defaults to `True`):
            Whether scenes show their views, or only what is known of their regions; see `without_pixels`.
    """

    def __init__(
        self,
        cache: SceneCache,
        ask: Callable[[dict, int, float], list[Turn]],
        *,
        num_items: int,
        seed: int,
        batch_size: int,
        augmentation: Augmentation,
        pixels: bool = True,
    ):
        self.cache = cache
        self.ask = ask
        self.seed = seed
        self.augmentation = augmentation
        self.pixels = pixels
        lengths = [cache.num_tiles(index) for index in range(len(cache))]
        self.order = plan_order(lengths, num_items=num_items, seed=seed, batch_size=batch_size)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> dict:
        item_seed = self.seed * 1_000_003 + index
        angle, factor = self._draw_augmentation(item_seed)
        encoded, turns = self._scene_with_turns(self.order[index], item_seed, factor)
        if self.augmentation.yaw and len(encoded["num_tiles"]) > 1:
            encoded = turn_scene(encoded, angle)
        return {
            "encoded": encoded if self.pixels else without_pixels(encoded),
            "conversation": [(turn.question, turn.answer) for turn in turns],
            "targets": [turn.targets for turn in turns],
            "names": [name for turn in turns for name in turn.names],
        }

    def _draw_augmentation(self, item_seed: int) -> tuple[float, float]:
        """Draw the angle by which a posed scene is turned, and how much larger than true a metric one is shown."""
        generator = torch.Generator().manual_seed(item_seed)
        turn, chance, size = (float(torch.rand((), generator=generator)) for _ in range(3))
        smallest, largest = (math.log(end) for end in SCALES)
        factor = math.exp(smallest + size * (largest - smallest)) if chance < self.augmentation.scale else 1.0
        return turn * 2.0 * torch.pi, factor

    def _scene_with_turns(self, first: int, item_seed: int, factor: float) -> tuple[dict, list[Turn]]:
        """A few scenes show too little to ask about; the next one stands in for them."""
        for offset in range(len(self.cache)):
            scene = self.cache[(first + offset) % len(self.cache)]
            scale = factor if scene["encoded"]["metric_scale"] else 1.0  # without metres a size cannot be seen
            turns = self.ask(scene["truth"], item_seed, scale)
            if turns:
                return scale_scene(scene["encoded"], scale), turns
        raise ValueError(f"`ask` must give questions for some scene, got none for all {len(self.cache)}. Change it.")


def without_pixels(encoded: dict) -> dict:
    """Leave of a scene only the geometry of its regions: one tile of zeros without points that every region covers.

    A language model that starts from nothing learns fastest to read region tokens where little else is in its way.

    Args:
        encoded (`dict`):
            What `SR3DProcessor.encode_views` returned.

    Returns:
        `dict`: A sample of one image with one tile; region numbers, descriptors and metric scale are the same.
    """
    return encoded | {
        "pixel_values": torch.zeros_like(encoded["pixel_values"][:1]),
        "num_tiles": [1],
        "patch_points": torch.zeros_like(encoded["patch_points"][:1]),
        "patch_valid": torch.zeros_like(encoded["patch_valid"][:1]),
        "region_coverage": torch.ones_like(encoded["region_coverage"][:1]),
    }


def plan_order(lengths: Sequence[int], *, num_items: int, seed: int, batch_size: int, group: int = 16) -> list[int]:
    """Plan which scene each item of a run shows.

    Args:
        lengths (`Sequence[int]`):
            A measure of each scene's length.
        num_items (`int`):
            Items to plan.
        seed (`int`):
            Of the shuffles.
        batch_size (`int`):
            Items of a step.
        group (`int`, defaults to 16):
            Steps whose scenes are sorted by length together; the steps are shuffled afterwards.

    Returns:
        `list[int]`: A scene per item; each pass over the scenes shows each once.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled: list[int] = []
    while len(shuffled) < num_items:
        shuffled += torch.randperm(len(lengths), generator=generator).tolist()
    order = []
    for start in range(0, num_items, batch_size * group):
        block = sorted(shuffled[start : min(start + batch_size * group, num_items)], key=lambda scene: lengths[scene])
        batches = [block[first : first + batch_size] for first in range(0, len(block), batch_size)]
        order += [scene for number in _shuffled_batches(batches, batch_size, generator) for scene in batches[number]]
    return order


def _shuffled_batches(batches: list[list[int]], batch_size: int, generator: torch.Generator) -> list[int]:
    full = sum(len(batch) == batch_size for batch in batches)  # an incomplete batch stays last
    return [*torch.randperm(full, generator=generator).tolist(), *range(full, len(batches))]


def turn_scene(encoded: dict, angle: float) -> dict:
    """Turn the canonical frame of a scene about its vertical axis.

    Args:
        encoded (`dict`):
            What `SR3DProcessor.encode_views` returned.
        angle (`float`):
            Radians, from +x towards +y.

    Returns:
        `dict`: A copy with turned patch points and turned region centres; all else is the same.
    """
    cosine, sine = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
    turn = torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    descriptors = encoded["region_descriptors"].clone()
    descriptors[:, :3] = descriptors[:, :3] @ turn.T
    return encoded | {"patch_points": encoded["patch_points"] @ turn.T, "region_descriptors": descriptors}


def scale_scene(encoded: dict, factor: float) -> dict:
    """Make a metric scene smaller or larger; canonical coordinates, and so all that is seen, stay.

    Who has seen each thing in its own size only may know sizes by heart, and need not measure.

    Args:
        encoded (`dict`):
            What `SR3DProcessor.encode_views` returned.
        factor (`float`):
            All metres are multiplied by it.

    Returns:
        `dict`: A copy with another metric scale and other extents in the descriptors that hold metres.
    """
    descriptors = encoded["region_descriptors"].clone()
    descriptors[:, 6:9] += math.log(factor) * descriptors[:, 9:10]  # column 9 tells whether they are metric
    return encoded | {"metric_scale": encoded["metric_scale"] * factor, "region_descriptors": descriptors}
