# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Many scenes on disk: furniture, split, seed, settings -> `scene-000000`, `scene-000001`, ... and their index.

Scenes are rendered by several processes and kept: a second run makes what is missing, and more scenes if it is asked
for more. `render.json` says what the scenes were made with, and another wish is refused in that folder.
`scenes.jsonl` has one line per scene and loads with `datasets.load_dataset("json", data_files=...)`.

May import: the standard library, tqdm and siblings in `rooms`.
"""

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from transformers_sr3d.rooms.furniture.pack import attribution_text
from transformers_sr3d.rooms.rendering.meshes import Furniture
from transformers_sr3d.rooms.rendering.scene_folder import (
    ATTRIBUTION_FILE,
    read_room_facts,
    write_scene_folder,
    write_text,
)
from transformers_sr3d.rooms.rendering.scenes import SCENES_PER_SEED, SceneSettings, make_scene, scene_number
from transformers_sr3d.rooms.world import RoomFacts


SETTINGS_FILE = "render.json"
PICTURES, PNG_END = ("image", "depth", "instances"), b"\x00\x00\x00\x00IEND\xaeB`\x82"
INDEX_FILE = "scenes.jsonl"
MAX_WORKERS = 256
# Workers share the cores; threads within them would only get into each other's way. And they keep the memory of
# arrays that are no longer needed (the GNU C library reads this), as the next view needs as much again.
WORKER_VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


@dataclass(frozen=True)
class RenderJob:
    """What to render.

    Attributes:
        folder (`Path`): Where the scenes go.
        num_scenes (`int`): How many, counted from 0.
        split (`str`): One of `SPLITS`.
        seed (`int`): From 0.
        settings (`SceneSettings`): Kind of scenes.
        workers (`int`): Processes; 1 renders in this one.
    """

    folder: Path
    num_scenes: int
    split: str
    seed: int
    settings: SceneSettings
    workers: int = 1

    def __post_init__(self) -> None:
        scene_number(self.split, self.seed, 0)
        if not 1 <= self.num_scenes <= SCENES_PER_SEED:
            raise ValueError(
                f"`num_scenes` must be from 1 to {SCENES_PER_SEED}, got {self.num_scenes}. Use more seeds for more."
            )
        if not 1 <= self.workers <= MAX_WORKERS:
            raise ValueError(
                f"`workers` must be at least 1 and at most {MAX_WORKERS}, got {self.workers}. "
                "It is a number of processes."
            )


@dataclass(frozen=True)
class RenderReport:
    """What a run did.

    Attributes:
        num_scenes (`int`): Scenes that are in the folder now and belong to the job.
        num_frames (`int`): Their views.
        new_frames (`int`): Views that this run rendered.
        seconds (`float`): Time that took.
    """

    num_scenes: int
    num_frames: int
    new_frames: int
    seconds: float


def run_job(job: RenderJob, furniture: Furniture) -> RenderReport:
    """Render what is missing and write the index and the attribution.

    Args:
        job (`RenderJob`): What to render.
        furniture (`Furniture`): Models and meshes; with several workers it is sent to each.

    Returns:
        `RenderReport`: Numbers of scenes and frames.

    Raises:
        ValueError: If the folder holds scenes that were made with something else.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    _claim_folder(job, furniture)
    start = time.perf_counter()
    facts = {index: found for index in range(job.num_scenes) if (found := _existing(job, index)) is not None}
    missing = [index for index in range(job.num_scenes) if index not in facts]
    new_frames = 0
    with tqdm(total=job.num_scenes, initial=len(facts), unit="scene") as progress:
        for index in _rendered(job, furniture, missing):
            facts[index] = read_room_facts(scene_path(job, index))
            new_frames += len(facts[index].views)
            progress.update()
            progress.set_postfix_str(f"{new_frames / (time.perf_counter() - start):.1f} frames/s")
    ordered = [facts[index] for index in range(job.num_scenes)]
    _write_index(job, furniture, ordered)
    num_frames = sum(len(entry.views) for entry in ordered)
    return RenderReport(job.num_scenes, num_frames, new_frames, time.perf_counter() - start)


def scene_path(job: RenderJob, index: int) -> Path:
    """Give the folder of a scene.

    Args:
        job (`RenderJob`): The job.
        index (`int`): Number of the scene.

    Returns:
        `Path`: `scene-000000` and so on in the job's folder.
    """
    return job.folder / f"scene-{index:06d}"


def _claim_folder(job: RenderJob, furniture: Furniture) -> None:
    """Write down what the scenes are made with, or compare it with what an earlier run wrote."""
    models = [asdict(model) for model in furniture.models_of(job.split)]
    digest = hashlib.sha256(json.dumps(models, sort_keys=True).encode()).hexdigest()[:16]
    wanted = {"version": 1, "split": job.split, "seed": job.seed, "furniture": digest} | asdict(job.settings)
    text = json.dumps(wanted, indent=1) + "\n"
    path = job.folder / SETTINGS_FILE
    if not path.exists():
        write_text(path, text)
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"`{path}` must be JSON: {str(error)[:200]}. Use an empty folder.") from error
    wanted = json.loads(text)
    if found != wanted:
        keys = [key for key in wanted if not isinstance(found, dict) or found.get(key) != wanted[key]]
        raise ValueError(
            f"`folder` must be empty or hold scenes made with the same settings, got others in {str(path)!r} for "
            f"{keys or sorted(found.keys() - wanted.keys())}. Use another folder or the same settings."
        )


def _existing(job: RenderJob, index: int) -> RoomFacts | None:
    """Facts of a scene that is there and whole: of this job, and with pictures to their ends."""
    folder = scene_path(job, index)
    try:
        facts = read_room_facts(folder)
        pictures = [folder / f"{kind}_{view:03d}.png" for kind in PICTURES for view in range(len(facts.views))]
        is_ours = (facts.split, facts.seed) == (job.split, scene_number(job.split, job.seed, index))
        is_whole = is_ours and all(_ends_as_png(path) for path in pictures)
    except (OSError, ValueError):
        return None
    return facts if is_whole else None


def _ends_as_png(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(PNG_END)))
        return file.read() == PNG_END


def _rendered(job: RenderJob, furniture: Furniture, missing: list[int]) -> Iterator[int]:
    """Render scenes and give their numbers as they are done."""
    if not missing:
        return
    if job.workers == 1:
        _start_worker(job, furniture)
        yield from map(_render_scene, missing)
        return
    with _worker_variables(), _processes(job, furniture) as pool:
        futures = [pool.submit(_render_scene, index) for index in missing]
        for future in as_completed(futures):
            yield future.result()


@contextmanager
def _processes(job: RenderJob, furniture: Furniture) -> Iterator[Executor]:
    context = multiprocessing.get_context(_start_method())
    context.set_forkserver_preload([__name__])
    pool = ProcessPoolExecutor(job.workers, context, initializer=_start_worker, initargs=(job, furniture))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _start_method() -> str:
    """Start workers from a fresh process that has imported everything once; where there is no fork, one by one."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


@contextmanager
def _worker_variables() -> Iterator[None]:
    """Let processes that start now find `WORKER_VARIABLES`."""
    before = {name: os.environ.get(name) for name in WORKER_VARIABLES}
    os.environ.update(WORKER_VARIABLES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_worker: dict[str, tuple[RenderJob, Furniture]] = {}


def _start_worker(job: RenderJob, furniture: Furniture) -> None:
    _worker["state"] = (job, furniture)


def _render_scene(index: int) -> int:
    job, furniture = _worker["state"]
    scene = make_scene(furniture, job.split, job.seed, index, job.settings)
    write_scene_folder(scene_path(job, index), scene)
    return index


def _write_index(job: RenderJob, furniture: Furniture, facts: list[RoomFacts]) -> None:
    lines = [
        json.dumps({
            "folder": scene_path(job, index).name,
            "split": entry.split,
            "seed": entry.seed,
            "kind": entry.kind,
            "num_views": len(entry.views),
            "objects": [thing.name for thing in entry.objects],
        })
        for index, entry in enumerate(facts)
    ]  # fmt: skip
    used = {thing.model for entry in facts for thing in entry.objects}
    models = [model for model in furniture.models_of(job.split) if model.key in used]
    write_text(job.folder / ATTRIBUTION_FILE, attribution_text(models))
    write_text(job.folder / INDEX_FILE, "\n".join(lines) + "\n")
