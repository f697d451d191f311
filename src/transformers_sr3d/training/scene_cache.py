# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Encoded scenes on disk: generator -> shards -> a sequence of scenes.

Rendering and encoding a scene costs far more than reading it back, so that is done once: a cache is a folder of
safetensors files, each with some scenes, their pixels as uint8 and what the generator knows of the scene as JSON. A
shard is written under another name and renamed, so a killed build goes on where it stopped; the price of a cache is
that it must be deleted when the generator changes, and `check_cache` finds that out.

This module may import torch, safetensors and tqdm.
"""

import copy
import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tqdm.auto import tqdm


PLAIN_KEYS = ("num_tiles", "metric_scale", "region_numbers", "provenance")
CHECKED_SCENES = 4


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
        ValueError: If there is no shard, or one is damaged.
    """

    def __init__(self, shards: Sequence[Path], *, image_mean: Sequence[float], image_std: Sequence[float]):
        self.image_mean = torch.tensor(image_mean, dtype=torch.float32).view(3, 1, 1)
        self.image_std = torch.tensor(image_std, dtype=torch.float32).view(3, 1, 1)
        self.shards = list(shards)
        if not self.shards:
            raise ValueError("`shards` must name at least one file, got 0. Build the cache with `build_cache` first.")
        self._features: list[Path] = []
        self._open: dict[Path, safe_open] = {}
        self._scenes = []
        for number, path in enumerate(self.shards):
            with open_tensors(path, names=("pixels", "patch_points", "patch_valid")) as shard:
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

    def spread(self) -> list[int]:
        """Choose a few scenes that stand for all.

        Returns:
            `list[int]`: The first, the last, some between them, and one of those with the most views, for what joins
            views shows there.
        """
        views = [len(scene["num_tiles"]) for _, scene in self._scenes]
        steps = {(len(self) - 1) * step // (CHECKED_SCENES - 1) for step in range(CHECKED_SCENES)}
        return sorted({*steps, views.index(max(views))})

    def __getitem__(self, index: int) -> dict:
        """Read a scene.

        Args:
            index (`int`):
                Number of the scene.

        Returns:
            `dict`: `encoded` as `SR3DProcessor.encode_views` returned it, with features of a frozen tower in place of
            pixels after `with_features`; `truth` as the generator gave it; `seed`.
        """
        number, scene = self._scenes[index]
        shard, first = self._opened(self.shards[number]), scene["first_tile"]
        tiles = slice(first, first + sum(scene["num_tiles"]))
        encoded = {name: scene[name] for name in PLAIN_KEYS}
        if self._features:
            encoded["pixel_values"] = self._opened(self._features[number]).get_slice("features")[tiles].float()
        else:
            pixels = shard.get_slice("pixels")[tiles]  # (T, 3, S, S)
            encoded["pixel_values"] = (pixels.float() / 255.0 - self.image_mean) / self.image_std
        encoded["patch_points"] = shard.get_slice("patch_points")[tiles]
        encoded["patch_valid"] = shard.get_slice("patch_valid")[tiles].bool()
        encoded["region_coverage"] = shard.get_tensor(f"coverage_{scene['position']}")
        encoded["region_descriptors"] = shard.get_tensor(f"descriptors_{scene['position']}")
        truth = json.loads(bytes(shard.get_tensor(f"truth_{scene['position']}").numpy()))
        return {"encoded": encoded, "truth": truth, "seed": scene["seed"]}

    def single_views(self) -> "SceneCache":
        """Keep the scenes of one view.

        Returns:
            `SceneCache`: The same files, fewer scenes.

        Raises:
            ValueError: If there is none.
        """
        kept = copy.copy(self)
        kept._open = {}
        kept._scenes = [(number, scene) for number, scene in self._scenes if len(scene["num_tiles"]) == 1]
        if not kept._scenes:
            raise ValueError(f"A scene of one view must be in the cache, got {len(self)} of several. Add samples.")
        return kept

    def with_features(self, files: Sequence[Path]) -> "SceneCache":
        """Give features of a frozen vision tower in place of pixels.

        Args:
            files (`Sequence[Path]`):
                One per shard, with `features` of all its tiles; see `stored_features`.

        Returns:
            `SceneCache`: The same samples.

        Raises:
            ValueError: If there are more or fewer files than shards.
        """
        if len(files) != len(self.shards):
            raise ValueError(f"`files` must be {len(self.shards)}, one per shard, got {len(files)}. Store them all.")
        kept = copy.copy(self)
        kept._open, kept._features = {}, list(files)
        return kept

    def _opened(self, path: Path) -> safe_open:
        if path not in self._open:
            self._open[path] = open_tensors(path)
        return self._open[path]


def open_tensors(path: Path, *, names: Sequence[str] = ()) -> safe_open:
    """Open a file of a cache.

    Args:
        path (`Path`):
            A safetensors file that a run made.
        names (`Sequence[str]`, *optional*):
            Tensors that it must have.

    Returns:
        `safe_open`: The file; tensors are read from it on demand.

    Raises:
        ValueError: If it is cut off or otherwise damaged, or lacks a tensor.
    """
    try:
        file = safe_open(path, framework="pt")
        for name in names:
            file.get_slice(name)
    except SafetensorError as error:
        raise ValueError(
            f"`cache_dir` must hold whole safetensors files, got {str(path)!r}, which is damaged ({error}). Delete "
            "it; the next run makes it again."
        ) from error
    return file


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
        index.append(plain | {"seed": scene["seed"], "first_tile": first_tile, "position": position})
        first_tile += len(encoded["pixel_values"])
        tensors[f"coverage_{position}"] = encoded["region_coverage"].contiguous()
        truth = json.dumps(scene["truth"]).encode()
        tensors[f"truth_{position}"] = torch.frombuffer(bytearray(truth), dtype=torch.uint8)
        tensors[f"descriptors_{position}"] = encoded["region_descriptors"].contiguous()
    pixels = torch.cat([scene["encoded"]["pixel_values"] for scene in scenes])
    tensors["pixels"] = ((pixels * std + mean) * 255.0).round().clamp(0, 255).to(torch.uint8)
    tensors["patch_points"] = torch.cat([scene["encoded"]["patch_points"] for scene in scenes])
    tensors["patch_valid"] = torch.cat([scene["encoded"]["patch_valid"] for scene in scenes]).to(torch.uint8)
    save_tensors(tensors, path, metadata={"scenes": json.dumps(index)})


def save_tensors(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file that appears under its name only when it is complete.

    Args:
        tensors (`dict[str, torch.Tensor]`):
            What to write.
        path (`Path`):
            The file.
        metadata (`dict[str, str]`, *optional*):
            Of the file.
    """
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    save_file(tensors, unfinished, metadata=metadata)
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
        try:
            for future in as_completed([pool.submit(_make_shard, *job) for job in jobs]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)  # an error or a stop ends the run now, not after all the other shards


def _make_shard(path: Path, make_scene: Callable[[int], dict], seeds: range, normalisation: dict) -> int:
    write_shard(path, [make_scene(seed) for seed in seeds], **normalisation)
    return len(seeds)


def check_cache(cache: SceneCache, make_scene: Callable[[int], dict]) -> None:
    """Make a few scenes anew, from the first to the last, and compare them with the stored ones; see `spread`.

    Args:
        cache (`SceneCache`):
            The cache.
        make_scene (`Callable[[int], dict]`):
            Seed to scene.

    Raises:
        ValueError: If they differ: the generator or the processor changed after the cache was built.
    """
    for index in cache.spread():
        stored = cache[index]
        fresh = make_scene(stored["seed"])
        same_truth = json.loads(json.dumps(fresh["truth"])) == stored["truth"]
        names = ("pixel_values", "patch_points", "region_coverage", "region_descriptors")
        differing = [name for name in names if not _is_close(stored["encoded"][name], fresh["encoded"][name])]
        if differing or not same_truth:
            raise ValueError(
                f"The cached scene of seed {stored['seed']} in {str(cache.shards[0].parent)!r} is not what the "
                f"generator makes now (differs in {', '.join(differing) or 'truth'}). Delete that folder; the next "
                "run builds it again."
            )


def _is_close(stored: torch.Tensor, fresh: torch.Tensor) -> bool:
    return stored.shape == fresh.shape and torch.allclose(stored, fresh.float(), atol=1e-4)
