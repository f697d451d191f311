# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Run of rooms-bench: a checkpoint and a source of scenes -> answers, scored and reported.

Scenes are made ahead by worker processes while the model answers. Each finished scene is one line of a file beside
the report, so that a killed run goes on where it stopped; a run with other settings refuses to go on in it.

This module may import numpy, torch, tqdm, huggingface_hub and the whole package.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from tqdm.auto import tqdm

from transformers_sr3d.evaluation.checkpoint import open_checkpoint
from transformers_sr3d.evaluation.measured_with import (
    check_json_path,
    check_model_exists,
    describe_decoding,
    describe_model,
    describe_run,
)
from transformers_sr3d.evaluation.metrics import mean_relative_accuracy
from transformers_sr3d.evaluation.progress import Progress, only_run
from transformers_sr3d.evaluation.rooms.bench_views import to_tensors
from transformers_sr3d.evaluation.rooms.report import add_majority, summarize
from transformers_sr3d.evaluation.rooms.room_scores import is_right, stated_quantity
from transformers_sr3d.evaluation.rooms.rooms_bench import BenchScene, BenchScenes, BenchSettings
from transformers_sr3d.evaluation.scene_answers import answer_questions
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.quantised import quantisation


BENCHMARK, VERSION = "rooms-bench", 2
# Scenes that wait for the model, per worker: enough to bridge a slow one, few enough for the memory.
AHEAD_PER_WORKER = 2
MOST_WORKERS = 256

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Made = TypeVar("Made")


def run_benchmark(
    model: str | Path,
    settings: BenchSettings,
    *,
    limit: int = 400,
    batch_size: int = 8,
    workers: int = 1,
    json_path: str | Path | None = None,
    bits: int | None = None,
) -> dict[str, Any]:
    """Ask a checkpoint about rooms.

    Args:
        model (`str` or `Path`):
            Folder of the checkpoint, or its name on the Hub.
        settings (`BenchSettings`):
            Which scenes and questions, and which baselines stand beside the model.
        limit (`int`, defaults to 400):
            Number of questions. A folder with fewer scenes ends earlier.
        batch_size (`int`, defaults to 8):
            Questions generated together; those of a batch are about one scene.
        workers (`int`, defaults to 1):
            Processes that make scenes ahead; 0 makes them in this one, with the same result.
        json_path (`str` or `Path`, *optional*):
            Where to write the report. Until it is complete, finished scenes stand in a file beside it whose name ends
            in `.partial.jsonl`; a run with the same settings goes on there.
        bits (`int`, *optional*):
            4 or 8 for each weight of the language model's layers (`quantised`).

    Returns:
        `dict[str, Any]`: `manifest`, `summary` (see `summarize`) and `samples`, one per question.

    Raises:
        FileNotFoundError: If there is no such checkpoint, or no folder for the report.
        ImportError: If `bits` is given and bitsandbytes is missing.
        ValueError: If a number is out of its range, a scene is damaged, or the unfinished report is one of other
            settings or of a run that has not ended.
    """
    _check_run(model, limit, batch_size, workers, json_path)
    with only_run(json_path):
        return _run(
            model, settings, limit=limit, batch_size=batch_size, workers=workers, json_path=json_path, bits=bits
        )


def _run(
    model: str | Path,
    settings: BenchSettings,
    *,
    limit: int,
    batch_size: int,
    workers: int,
    json_path: str | Path | None,
    bits: int | None,
) -> dict[str, Any]:
    quantisation(bits)  # refuses before scenes are made
    scenes = BenchScenes(str(model), settings)
    progress = Progress(json_path, make_manifest(model, scenes, limit=limit, batch_size=batch_size, bits=bits))
    network, processor = open_checkpoint(model, bits=bits)
    bar = tqdm(total=limit, initial=min(limit, progress.num_samples), unit="question", desc="asking")
    with share_cores(workers), bar:
        waiting = [] if progress.num_samples >= limit else (i for i in scenes.indices() if i not in progress.done)
        for scene in make_ahead(scenes, waiting, workers):
            answered = answer_scene(network, processor, scene, batch_size=batch_size)
            progress.add(scene.index, answered)
            bar.update(min(len(answered), limit - bar.n))
            if progress.num_samples >= limit:
                break
    samples = progress.samples()[:limit]
    if not samples:
        raise ValueError("`settings` must allow at least one question, got none in all scenes. Allow more of them.")
    if "majority" in settings.baselines:
        add_majority(samples)
    report = {
        "manifest": progress.manifest,
        "summary": summarize(samples, scenes.model_counts()),
        "samples": samples,
    }
    progress.finish(report)
    return report


def _check_run(model: str | Path, limit: int, batch_size: int, workers: int, json_path: str | Path | None) -> None:
    for name, value, least in (("limit", limit, 1), ("batch_size", batch_size, 1), ("workers", workers, 0)):
        if value < least:
            raise ValueError(f"`{name}` must be at least {least}, got {value}. Raise it.")
    if workers > MOST_WORKERS:
        raise ValueError(f"`workers` must be at most {MOST_WORKERS}, got {workers}. A few are enough: one per core.")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:  # started by `accelerate launch`
        raise ValueError("`rooms-bench` must run as one process, got WORLD_SIZE above 1. Raise `workers` instead.")
    check_model_exists(model)
    check_json_path(json_path)


def answer_scene(
    network: SR3DForConditionalGeneration, processor: SR3DProcessor, scene: BenchScene, *, batch_size: int
) -> list[dict]:
    """Ask the questions of a scene, with everything that the model may see and with each baseline's less.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        processor (`SR3DProcessor`):
            Its processor.
        scene (`BenchScene`):
            The scene.
        batch_size (`int`):
            Questions generated together.

    Returns:
        `list[dict]`: The scene's samples with `answer`, `right` and `mra` (None for what is no quantity), and for
        each baseline `<name>_answer` and `<name>_right`.
    """
    samples = [dict(sample) for sample in scene.samples]
    texts = [sample["question"] for sample in samples]
    for arm, encoded in scene.encoded.items():
        prefix = "" if arm == "model" else f"{arm}_"
        answers = answer_questions(network, processor, to_tensors(encoded), texts, batch_size=batch_size)
        for sample, answer in zip(samples, answers, strict=True):
            sample[f"{prefix}answer"] = answer
            sample[f"{prefix}right"] = is_right(sample, answer)
    for sample in samples:
        truth = sample["quantity"] or sample["count"]  # a count of zero has no relative error
        sample["mra"] = mean_relative_accuracy(stated_quantity(sample, sample["answer"]), truth) if truth else None
    return samples


@contextmanager
def share_cores(workers: int) -> Iterator[None]:
    """Leave a core to each worker, and let a worker compute on one thread: threads without a core only wait.

    Args:
        workers (`int`):
            Processes that are started within the context.
    """
    threads = torch.get_num_threads()
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    torch.set_num_threads(max(1, threads - workers))
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def make_ahead(make: Callable[[int], Made], indices: Iterable[int], workers: int) -> Iterator[Made]:
    """Make things in worker processes, a few ahead of whoever takes them, in order.

    Args:
        make (`Callable[[int], Made]`):
            Index to thing. Must be picklable where `workers` is above 0.
        indices (`Iterable[int]`):
            May be without end.
        workers (`int`):
            Processes; 0 works in this one.

    Yields:
        `Made`: One per index, in the order of `indices`.
    """
    if not workers:
        yield from map(make, indices)
        return
    # Spawned, not forked: a process forked after PyTorch has used its threads may hang.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        queue: deque[Future[Made]] = deque()
        for index in indices:
            queue.append(pool.submit(make, index))
            if len(queue) > AHEAD_PER_WORKER * workers:
                yield queue.popleft().result()
        while queue:
            yield queue.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def make_manifest(
    model: str | Path, scenes: BenchScenes, *, limit: int, batch_size: int, bits: int | None = None
) -> dict[str, Any]:
    """Say what a report was measured with.

    Args:
        model (`str` or `Path`):
            The checkpoint.
        scenes (`BenchScenes`):
            Where the questions come from.
        limit (`int`):
            Number of questions.
        batch_size (`int`):
            Questions generated together.
        bits (`int`, *optional*):
            Of each weight of the language model's layers.

    Returns:
        `dict[str, Any]`: Names, versions, hashes, seeds and settings, ready for JSON.
    """
    return {
        "benchmark": BENCHMARK,
        "version": VERSION,
        **describe_model(model),
        **scenes.describe(),
        "limit": limit,
        "decoding": describe_decoding(batch_size, bits),
        "majority": "commonest answer, or median, of these samples per category, single or multi view, and form",
        **describe_run(),
    }
