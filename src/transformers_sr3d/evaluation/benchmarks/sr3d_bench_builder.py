# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Builds sr3d-bench-rebuilt: EmbodiedScan's boxes and scans -> 2500 questions in SR-3D-Bench's categories and counts.

Scenes are taken in an order that depends on the seed; of each at most a few questions per category, in the wordings
of rooms-bench's test split, with its margins and gates. Regions are 3D boxes, 2D boxes and masks. What is finished is
kept in `.pool.jsonl`, so a killed run goes on. With one seed and one info file the questions are the same again.

May import: NumPy, tqdm and the whole package.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.evaluation.benchmarks.sr3d_bench import COUNTS, MANIFEST_FILE, QUESTIONS_FILE, STRUCTURE_FILE
from transformers_sr3d.inputs.embodiedscan import source_of
from transformers_sr3d.inputs.embodiedscan_boxes import boxes_of, scene_names
from transformers_sr3d.inputs.open_source import import_scene, open_source
from transformers_sr3d.inputs.restricted_pickle import load_restricted_pickle
from transformers_sr3d.inputs.selection import select_uniform
from transformers_sr3d.records.format import write_records
from transformers_sr3d.records.making.measuring import measure_scene
from transformers_sr3d.records.making.questions import ask, mark, possible_categories
from transformers_sr3d.records.making.run import record_line
from transformers_sr3d.records.making.things import boxed_things


VERSION = 1
PER_SCENE = 4  # questions of one category about one scene
SPLIT = "test"  # whose wordings are used
POOL_FILE, SCENES_FOLDER = ".pool.jsonl", "scenes"
DRAW_STREAM = 0  # of the seed; scene k has stream k + 1


def build_sr3d_bench(
    info: str | Path,
    out: str | Path,
    *,
    data_root: str | Path | None = None,
    seed: int = 0,
    views: int = 32,
    share: float = 1.0,
) -> dict[str, Any]:
    """Build the benchmark.

    Args:
        info (`str` or `Path`):
            An info file of EmbodiedScan with instances.
        out (`str` or `Path`):
            Folder to write.
        data_root (`str` or `Path`, *optional*):
            The folder that has scannet/, 3rscan/, ...; that of the info file by default.
        seed (`int`, defaults to 0):
            Of scenes, questions and regions.
        views (`int`, defaults to 32):
            Most views of a scene, spread evenly.
        share (`float`, defaults to 1.0):
            Of the official number of questions, for a smaller one.

    Returns:
        `dict[str, Any]`: The manifest: counts by category, what is short, scenes, refused scenes, seed, and the hash
        of the info file.

    Raises:
        FileNotFoundError: If the info file is missing.
        FileExistsError: If the benchmark is there already.
        ValueError: If a number is out of range, the info file is bad, or no scene gives a question.
    """
    info, out = Path(info), Path(out)
    if not 0 < share <= 1 or views < 1 or seed < 0:
        raise ValueError(
            f"`share` must be above 0, at most 1, `views` above 0, `seed` not below 0, got {share}, {views}, {seed}."
        )
    if (out / MANIFEST_FILE).exists():
        raise FileExistsError(
            f"`--out` must not hold a benchmark yet, got {out}. Choose another folder, or delete it."
        )
    content = load_restricted_pickle(info)
    names = scene_names(content, str(info))
    wanted = {category: max(1, round(count * share)) for category, count in COUNTS.items()}
    header = {"version": VERSION, "info_sha256": _sha256(info), "seed": seed, "views": views, "share": share}
    root = info.parent if data_root is None else Path(data_root)
    pool, refused = _read_pool(out, header)
    order = np.random.default_rng([seed, DRAW_STREAM]).permutation(len(names))
    for place in tqdm(order, unit="scene", desc="rebuild", disable=None):
        if _is_enough(pool, wanted):
            break
        name = names[place]
        if name in pool:
            continue
        pool[name] = []
        try:
            folder = _import(content, info, name, root, out, views)
            pool[name] = _ask_scene(out, folder, np.random.default_rng([seed, int(place) + 1]))
        except (ValueError, OSError) as error:  # one bad scene does not cost the others
            refused[name] = str(error)
        _append(out / POOL_FILE, {"scene": name, "entries": pool[name], "refused": refused.get(name)})
    return _write(out, pool, wanted, header | {"refused": refused, "info": info.name})


def _import(content: Any, info: Path, name: str, root: Path, out: Path, views: int) -> Path:
    """Write a scene of EmbodiedScan with its boxes as a scene folder."""
    source = source_of(content, info, name, root)
    source = source.select(select_uniform(len(source.views), min(views, len(source.views))))
    folder = out / SCENES_FOLDER / name.replace("/", "__")
    boxes = [box for box in boxes_of(content, str(info), name) if min(box["size"]) > 0]
    import_scene(source, folder, objects=boxes)
    return folder


def _is_enough(pool: Mapping[str, list[dict[str, Any]]], wanted: Mapping[str, int]) -> bool:
    """Whether there are twice as many questions as wanted, so that they come from many scenes."""
    counts = Counter(entry["line"]["category"] for entries in pool.values() for entry in entries)
    return all(counts[category] >= 2 * count for category, count in wanted.items())


def _ask_scene(out: Path, folder: Path, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Questions about one scene, with what the oracle needs to know of each."""
    views = prepare_views(**open_source(folder).arguments())
    things, instances = boxed_things(folder)
    measured = measure_scene(views, things, instances, split=SPLIT)
    possible = possible_categories(measured, gravity_known=views["gravity"] == "known", all_annotated=False)
    user_from_up = views["up_from_user_world"].double().numpy().T
    name = folder.relative_to(out).as_posix()
    entries: list[dict[str, Any]] = []
    for category in COUNTS:
        if category not in possible:
            continue
        questions, numbers = ask(measured, rng, PER_SCENE, categories=[category])
        for question in questions:
            marked = {number: numbers[number] for number in sorted(question.regions)}
            regions = mark(measured, marked, rng, user_from_up=user_from_up)
            line = record_line(name, len(entries), [question], regions, 1)
            entries.append({"line": line, "structure": {"id": line["id"], **asdict(question)}})
    return entries


def _write(
    out: Path, pool: Mapping[str, list[dict[str, Any]]], wanted: Mapping[str, int], header: dict[str, Any]
) -> dict[str, Any]:
    """Draw the questions and write all files, the manifest last."""
    rng = np.random.default_rng([header["seed"], DRAW_STREAM])
    found = [pool[name][place] for name in sorted(pool) for place in range(len(pool[name]))]
    drawn = []
    for category, count in wanted.items():
        fitting = [entry for entry in found if entry["line"]["category"] == category]
        drawn += [fitting[place] for place in sorted(rng.permutation(len(fitting))[:count])]
    if not drawn:
        raise ValueError(f"`--data-root` must give at least one question, got none: {str(header['refused'])[:300]}")
    drawn.sort(key=lambda entry: entry["line"]["scene"])
    counts = Counter(entry["line"]["category"] for entry in drawn)
    short = {category: count - counts[category] for category, count in wanted.items() if counts[category] < count}
    write_records(out / QUESTIONS_FILE, [entry["line"] for entry in drawn])
    write_records(out / STRUCTURE_FILE, [entry["structure"] for entry in drawn])
    manifest = header | {
        "questions": dict(counts),
        "short": short,
        "scenes": len({entry["line"]["scene"] for entry in drawn}),
        "forms": dict(Counter(entry["structure"]["form"] for entry in drawn)),
    }
    partial = out / f".{MANIFEST_FILE}.partial"
    partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    partial.replace(out / MANIFEST_FILE)
    (out / POOL_FILE).unlink(missing_ok=True)
    return manifest


def _read_pool(out: Path, header: dict[str, Any]) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """Finished and refused scenes of a killed run with the same settings; those of another are dropped."""
    path = out / POOL_FILE
    out.mkdir(parents=True, exist_ok=True)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines if line.endswith("\n")]
    if not whole or json.loads(whole[0]) != header:
        path.write_text(json.dumps(header) + "\n", encoding="utf-8")
        return {}, {}
    path.write_text("".join(whole), encoding="utf-8")
    entries = [json.loads(line) for line in whole[1:]]
    refused = {entry["scene"]: entry["refused"] for entry in entries if entry["refused"]}
    return {entry["scene"]: entry["entries"] for entry in entries}, refused


def _append(path: Path, entry: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
