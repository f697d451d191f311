# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records of training: scenes -> shards on disk -> conversations in a fixed order.

A record is `{"encoded": what SR3DProcessor.encode_views returns, "conversation": [(question, answer), ...],
"targets": [(log metres, margin), ...]}`, where a target is the number behind an answer; see `number_targets`.
Rendering and encoding a scene costs far more than reading it back, so that is done once: a cache is a folder of
safetensors files, each with some scenes, their pixels as uint8 and what the generator knows of the scene as JSON.
Questions are drawn afresh each time a scene is used. A shard is written under another name and renamed, so a killed
build goes on where it stopped; the price of a cache is that it must be deleted when the generator changes, and
`check_cache` finds that out.

This module may import torch, numpy, safetensors, tqdm and the questions of `rooms`.
"""

import json
import math
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tqdm.auto import tqdm

from transformers_sr3d.rooms.questions import SIDEWAYS_TYPES, Question


# Of the margins of choices as targets of training: most then lie between 0.4 and 2 on either side.
RATIO_SCALE, SIDEWAYS_SCALE, LARGEST_MARGIN = 2.0, 3.0, 2.0
PLAIN_KEYS = ("num_tiles", "metric_scale", "region_numbers", "provenance")


class SceneCache:
    """Read-only sequence of encoded scenes in shards.

    Args:
        shards (`Sequence[Path]`):
            Files in the order of the scenes, as `build_cache` returns them.
        image_mean (`Sequence[float]` of length 3):
            Of the image processor, to turn stored pixels into what it returned.
        image_std (`Sequence[float]` of length 3):
            The same.

    Raises:
        ValueError: If there is no shard.
    """

    def __init__(self, shards: Sequence[Path], *, image_mean: Sequence[float], image_std: Sequence[float]):
        self.image_mean = torch.tensor(image_mean, dtype=torch.float32).view(3, 1, 1)
        self.image_std = torch.tensor(image_std, dtype=torch.float32).view(3, 1, 1)
        self._shards = list(shards)
        if not self._shards:
            raise ValueError("`shards` must name at least one file, got 0. Build the cache with `build_cache` first.")
        self._open: dict[int, safe_open] = {}
        self._scenes = []
        for number, path in enumerate(self._shards):
            with safe_open(path, framework="pt") as shard:
                self._scenes += [(number, scene) for scene in json.loads(shard.metadata()["scenes"])]

    def __len__(self) -> int:
        return len(self._scenes)

    def num_tiles(self, index: int) -> int:
        """Tiles of a scene, over all its views.

        Args:
            index (`int`):
                Number of the scene.

        Returns:
            `int`: The count, read without touching pixels.
        """
        return sum(self._scenes[index][1]["num_tiles"])

    def __getitem__(self, index: int) -> dict:
        """Read a scene.

        Args:
            index (`int`):
                Number of the scene.

        Returns:
            `dict`: `encoded` as `SR3DProcessor.encode_views` returned it, `truth` as the generator gave it, `seed`.
        """
        number, scene = self._scenes[index]
        if number not in self._open:
            self._open[number] = safe_open(self._shards[number], framework="pt")
        shard = self._open[number]
        first = scene["first_tile"]
        tiles = slice(first, first + sum(scene["num_tiles"]))
        pixels = shard.get_slice("pixels")[tiles]  # (T, 3, S, S)
        encoded = {name: scene[name] for name in PLAIN_KEYS}
        encoded["pixel_values"] = (pixels.float() / 255.0 - self.image_mean) / self.image_std
        encoded["patch_points"] = shard.get_slice("patch_points")[tiles]
        encoded["patch_valid"] = shard.get_slice("patch_valid")[tiles].bool()
        encoded["region_coverage"] = shard.get_tensor(f"coverage_{scene['position']}")
        encoded["region_descriptors"] = shard.get_tensor(f"descriptors_{scene['position']}")
        return {"encoded": encoded, "truth": scene["truth"], "seed": scene["seed"]}


def write_shard(path: Path, scenes: list[dict], *, image_mean: Sequence[float], image_std: Sequence[float]) -> None:
    """Write scenes into one file, which appears under its name only when it is complete.

    Args:
        path (`Path`):
            The file.
        scenes (`list[dict]`):
            Each with `encoded` (from `SR3DProcessor.encode_views`), `truth` (anything JSON can hold) and `seed`.
        image_mean (`Sequence[float]` of length 3):
            Of the normalisation, which is undone so that pixels are stored as uint8.
        image_std (`Sequence[float]` of length 3):
            The same.
    """
    mean = torch.tensor(image_mean, dtype=torch.float32).view(3, 1, 1)
    std = torch.tensor(image_std, dtype=torch.float32).view(3, 1, 1)
    tensors, index, first_tile = {}, [], 0
    for position, scene in enumerate(scenes):
        encoded = scene["encoded"]
        plain = {name: encoded[name] for name in PLAIN_KEYS}
        index.append(plain | {"truth": scene["truth"], "seed": scene["seed"], "first_tile": first_tile})
        index[-1]["position"] = position
        first_tile += len(encoded["pixel_values"])
        tensors[f"coverage_{position}"] = encoded["region_coverage"].contiguous()
        tensors[f"descriptors_{position}"] = encoded["region_descriptors"].contiguous()
    pixels = torch.cat([scene["encoded"]["pixel_values"] for scene in scenes])
    tensors["pixels"] = ((pixels * std + mean) * 255.0).round().clamp(0, 255).to(torch.uint8)
    tensors["patch_points"] = torch.cat([scene["encoded"]["patch_points"] for scene in scenes])
    tensors["patch_valid"] = torch.cat([scene["encoded"]["patch_valid"] for scene in scenes]).to(torch.uint8)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    save_file(tensors, unfinished, metadata={"scenes": json.dumps(index)})
    unfinished.replace(path)


def build_cache(
    folder: str | Path,
    make_scene: Callable[[int], dict],
    *,
    seeds: range,
    shard_size: int,
    workers: int,
    image_mean: Sequence[float],
    image_std: Sequence[float],
) -> list[Path]:
    """Fill a folder with shards; those already there are kept.

    Args:
        folder (`str` or `Path`):
            Where the shards go; made if missing.
        make_scene (`Callable[[int], dict]`):
            Seed to scene (see `write_shard`). Must be picklable where `workers` is above 0.
        seeds (`range`):
            Seeds of the scenes, in order.
        shard_size (`int`):
            Scenes per file.
        workers (`int`):
            Processes; 0 works in this one.
        image_mean (`Sequence[float]` of length 3):
            Of the image processor's normalisation.
        image_std (`Sequence[float]` of length 3):
            The same.

    Returns:
        `list[Path]`: The shards that hold the scenes of `seeds`, in order.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chunks = [seeds[start : start + shard_size] for start in range(0, len(seeds), shard_size)]
    names = [folder / f"shard-{chunk[0]:08d}-{len(chunk):04d}.safetensors" for chunk in chunks]
    normalisation = {"image_mean": tuple(image_mean), "image_std": tuple(image_std)}
    jobs = [
        (name, make_scene, chunk, normalisation)
        for name, chunk in zip(names, chunks, strict=True)
        if not name.exists()
    ]
    done = len(seeds) - sum(len(chunk) for _, _, chunk, _ in jobs)
    with tqdm(total=len(seeds), initial=done, unit="scene", desc="rendering", disable=not jobs) as bar:
        for count in _run_jobs(jobs, workers):
            bar.update(count)
    return names


def _run_jobs(jobs: list[tuple], workers: int):
    if not workers:
        for job in jobs:
            yield _make_shard(*job)
        return
    # Spawned, not forked: a process forked after PyTorch has used its threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for future in as_completed([pool.submit(_make_shard, *job) for job in jobs]):
            yield future.result()


def _make_shard(path: Path, make_scene: Callable[[int], dict], seeds: range, normalisation: dict) -> int:
    write_shard(path, [make_scene(seed) for seed in seeds], **normalisation)
    return len(seeds)


def check_cache(cache: SceneCache, make_scene: Callable[[int], dict]) -> None:
    """Make the first scene anew and compare it with the stored one.

    Args:
        cache (`SceneCache`):
            The cache.
        make_scene (`Callable[[int], dict]`):
            Seed to scene.

    Raises:
        ValueError: If they differ: the generator or the processor changed after the cache was built.
    """
    stored = cache[0]
    fresh = make_scene(stored["seed"])
    same_truth = json.loads(json.dumps(fresh["truth"])) == stored["truth"]
    names = ("pixel_values", "patch_points", "region_coverage", "region_descriptors")
    differing = [name for name in names if not _is_close(stored["encoded"][name], fresh["encoded"][name])]
    if differing or not same_truth:
        raise ValueError(
            f"The cached scene of seed {stored['seed']} is not what the generator makes now (differs in "
            f"{', '.join(differing) or 'truth'}). Delete the cache folder and build it again."
        )


def _is_close(stored: torch.Tensor, fresh: torch.Tensor) -> bool:
    return stored.shape == fresh.shape and torch.allclose(stored, fresh.float(), atol=1e-4)


class ConversationDataset(torch.utils.data.Dataset):
    """Every conversation of a whole training run, in order.

    Item `i` depends on the seed and on `i` only: which scene it shows, which questions it asks and by which angle a
    posed scene is turned. So a resumed run sees what an uninterrupted one would have seen. The order is a fresh
    shuffle of the scenes per pass; within some batches scenes of like length are put together, to pad less.

    Args:
        cache (`SceneCache`):
            The scenes.
        ask (`Callable[[dict, int], list[Question]]`):
            Truth of a scene and a seed to questions.
        num_items (`int`):
            Conversations of the run.
        seed (`int`):
            Of everything drawn here.
        batch_size (`int`):
            Items of a step; scenes of like length share a step.
        augment_yaw (`bool`, defaults to `True`):
            Whether scenes with several posed views are turned about the vertical axis.
        pixels (`bool`, defaults to `True`):
            Whether scenes show their views, or only what is known of their regions; see `without_pixels`.
    """

    def __init__(
        self,
        cache: SceneCache,
        ask: Callable[[dict, int], list[Question]],
        *,
        num_items: int,
        seed: int,
        batch_size: int,
        augment_yaw: bool = True,
        pixels: bool = True,
    ):
        self.cache = cache
        self.ask = ask
        self.seed = seed
        self.augment_yaw = augment_yaw
        self.pixels = pixels
        lengths = [cache.num_tiles(index) for index in range(len(cache))]
        self.order = plan_order(lengths, num_items=num_items, seed=seed, batch_size=batch_size)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> dict:
        item_seed = self.seed * 1_000_003 + index
        scene, questions = self._scene_with_questions(self.order[index], item_seed)
        encoded = scene["encoded"]
        if self.augment_yaw and len(encoded["num_tiles"]) > 1:
            generator = torch.Generator().manual_seed(item_seed)
            encoded = turn_scene(encoded, float(torch.rand((), generator=generator)) * 2.0 * torch.pi)
        return {
            "encoded": encoded if self.pixels else without_pixels(encoded),
            "conversation": [(question.text, question.answer) for question in questions],
            "targets": [number_targets(question) for question in questions],
        }

    def _scene_with_questions(self, first: int, item_seed: int) -> tuple[dict, list[Question]]:
        """A few scenes show too little to ask about; the next one stands in for them."""
        for offset in range(len(self.cache)):
            scene = self.cache[(first + offset) % len(self.cache)]
            questions = self.ask(scene["truth"], item_seed)
            if questions:
                return scene, questions
        raise ValueError(f"`ask` must give questions for some scene, got none for all {len(self.cache)}. Change it.")


def number_targets(question: Question) -> tuple[float, float]:
    """Give the numbers that an auxiliary loss predicts for a question, at a scale of about one.

    Args:
        question (`Question`):
            A measurement or a choice.

    Returns:
        `tuple[float, float]`: Log of the true length in metres, and the scaled and clipped margin of a choice; the
        one that does not apply is NaN.
    """
    if question.margin is None:
        return math.nan if question.metres is None else math.log(question.metres), math.nan
    margin = question.margin * (SIDEWAYS_SCALE if question.kind in SIDEWAYS_TYPES else RATIO_SCALE)
    return math.nan, max(-LARGEST_MARGIN, min(LARGEST_MARGIN, margin))


def without_pixels(encoded: dict) -> dict:
    """Leave of a scene only the geometry of its regions: one grey tile without points that every region covers.

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
