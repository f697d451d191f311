# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Benchmark "boxes": a checkpoint and held-out rooms of boxes -> accuracy per kind of question.

Everything goes the user's way: pictures, depth, cameras and regions through the processor, one question a prompt,
greedy generation, the answer read as text. Two rows stand beside the model: "majority" answers without looking, and
"oracle" measures a box around the region's own points: a plain reference, and not an upper bound.

This module may import torch, numpy, tqdm and the whole package.
"""

import hashlib
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tqdm.auto import tqdm

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.evaluation.box_scenes import room_scene
from transformers_sr3d.evaluation.metrics import is_quantity_right, is_region_right, is_within_ratio, wilson_interval
from transformers_sr3d.evaluation.runner import git_commit
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.pipeline_sr3d import VIEW_KEYS
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.region_geometry_sr3d import box_from_points
from transformers_sr3d.region_prompts_sr3d import read_regions, region_points
from transformers_sr3d.rooms.box_questions import (
    CHOICE_TYPES,
    MULTI_VIEW_TYPES,
    SINGLE_VIEW_TYPES,
    SMALLEST_WINS,
    sample_conversation,
)
from transformers_sr3d.rooms.boxes import scene_seed
from transformers_sr3d.training.collator import render_prompt


SPLIT = "test"
QUESTIONS_PER_SCENE = 4
QUESTION_STREAM = 200
MAX_NEW_TOKENS = 48
TABLE_ORDER = (*SINGLE_VIEW_TYPES, *MULTI_VIEW_TYPES)
# Arguments of the processor that a sample may hold; a batch passes a list of each.
SAMPLE_ARGUMENTS = ("images", "regions", *VIEW_KEYS)


def evaluate_boxes(
    model: str | Path, *, limit: int = 600, batch_size: int = 16, json_path: str | Path | None = None
) -> dict:
    """Ask a checkpoint about held-out rooms of boxes.

    Args:
        model (`str` or `Path`):
            Folder of the checkpoint.
        limit (`int`, defaults to 600):
            Number of questions.
        batch_size (`int`, defaults to 16):
            Questions generated together.
        json_path (`str` or `Path`, *optional*):
            Where to write the report.

    Returns:
        `dict`: `manifest`, `rows` (one per kind of question) and `samples` (one per question).

    Raises:
        ValueError: If `limit` or `batch_size` is below 1.
    """
    for name, value in (("limit", limit), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1, got {value}. Raise it.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = SR3DForConditionalGeneration.from_pretrained(model, dtype=torch.float32).eval().to(device)
    processor = SR3DProcessor.from_pretrained(model)
    samples = []
    with tqdm(total=limit, unit="question", desc="asking") as bar:
        for batch in make_batches(limit, batch_size):
            answers = ask_batch(network, processor, batch)
            samples += [entry["sample"] | {"answer": answer} for entry, answer in zip(batch, answers, strict=True)]
            bar.update(len(batch))
    add_scores(samples)
    report = {"manifest": manifest(model, limit, batch_size), "rows": table_rows(samples), "samples": samples}
    if json_path is not None:
        Path(json_path).write_text(json.dumps(report, indent=1))
    return report


def make_batches(limit: int, batch_size: int) -> Iterator[list[dict]]:
    """Make the benchmark's questions, batch by batch; those of a batch all have one view or all have several.

    Args:
        limit (`int`):
            Number of questions.
        batch_size (`int`):
            Questions of a batch.

    Yields:
        `list[dict]`: Each entry has `sample` (question and truth, ready for JSON) and `inputs` (for the processor).
    """
    waiting: dict[int, list[dict]] = {0: [], 1: []}
    made = index = 0
    while made < limit:
        entries = scene_questions(index)[: limit - made]
        made += len(entries)
        queue = waiting[index % 2]
        queue += entries
        index += 1
        while len(queue) >= batch_size:
            yield queue[:batch_size]
            del queue[:batch_size]
    yield from (queue for queue in waiting.values() if queue)


def scene_questions(index: int) -> list[dict]:
    """Make the questions about one scene of the benchmark.

    Args:
        index (`int`):
            Number of the scene in the test split.

    Returns:
        `list[dict]`: Entries as `make_batches` yields them.
    """
    scene, region_numbers, inputs = room_scene(SPLIT, index)
    rng = np.random.default_rng([scene_seed(SPLIT, index), QUESTION_STREAM])
    questions = sample_conversation(scene, region_numbers, rng, QUESTIONS_PER_SCENE)
    boxes = measured_boxes(inputs)
    entries = []
    for number, question in enumerate(questions):
        sample = {
            "id": f"boxes-{SPLIT}-{index}-{number}",
            "views": len(scene.views),
            "kind": question.kind,
            "question": question.text,
            "reference": question.answer,
            "region": question.region,
            "metres": question.metres,
            "mentions": list(question.regions),
        }
        sample["oracle"] = measure_answer(question.kind, question.regions, boxes, anchor=question.anchor)
        entries.append({"sample": sample, "inputs": inputs})
    return entries


def measured_boxes(inputs: dict) -> dict[int, dict]:
    """Fit a box around the measured points of each region.

    Args:
        inputs (`dict`):
            Arguments of the processor for one sample.

    Returns:
        `dict[int, dict]`: Per region number `center` (3,) and `size` (3,) in the world, `camera_center` (3,) in the
        first camera's frame, metres. Regions with fewer than three measured points are left out.
    """
    views = prepare_views(**{name: value for name, value in inputs.items() if name != "regions"})
    world_to_camera = torch.linalg.inv(views["camera_to_world"][0])
    boxes = {}
    for region in read_regions(inputs["regions"], views):
        points = region_points(region["masks"], views)
        if len(points) < 3:
            continue
        box = box_from_points(points)
        in_camera = world_to_camera[:3, :3] @ box["center"] + world_to_camera[:3, 3]
        boxes[region["number"]] = {"center": box["center"], "size": box["size"], "camera_center": in_camera}
    return boxes


def measure_answer(
    kind: str, mentions: Sequence[int], boxes: dict[int, dict], *, anchor: int | None = None
) -> float | int | None:
    """Answer a question from measured boxes alone.

    Args:
        kind (`str`):
            Kind of question.
        mentions (`Sequence[int]`):
            Region numbers of the question.
        boxes (`dict[int, dict]`):
            What `measured_boxes` returned.
        anchor (`int`, *optional*):
            Region that the distances of a comparison start from.

    Returns:
        `float`, `int` or `None`: Metres for a quantity, a region number for a choice, None if a box is missing.
    """
    if any(number not in boxes for number in mentions):
        return None
    if kind == "distance":
        return float((boxes[mentions[0]]["center"] - boxes[mentions[1]]["center"]).norm())
    if kind not in CHOICE_TYPES:
        return _compared_value(kind, boxes[mentions[0]], None)
    start = None if anchor is None else boxes[anchor]
    values = {number: _compared_value(kind, boxes[number], start) for number in mentions if number != anchor}
    return (min if kind in SMALLEST_WINS else max)(values, key=values.__getitem__)


def _compared_value(kind: str, box: dict, start: dict | None) -> float:
    if kind in ("left", "right"):
        return float(box["camera_center"][0] / box["camera_center"][2])
    if kind == "closer":
        return float(box["camera_center"].norm())
    if start is not None:
        return float((box["center"] - start["center"]).norm())
    return float(box["size"][2 if kind in ("taller", "height") else 0])


@torch.no_grad()
def ask_batch(network: SR3DForConditionalGeneration, processor: SR3DProcessor, entries: list[dict]) -> list[str]:
    """Generate the answers to some questions.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        processor (`SR3DProcessor`):
            Its processor.
        entries (`list[dict]`):
            What `scene_questions` makes; either all with one view or all with several.

    Returns:
        `list[str]`: One answer each.
    """
    texts = [
        render_prompt(entry["sample"]["question"], num_images=len(entry["inputs"]["images"])) for entry in entries
    ]
    given = [name for name in SAMPLE_ARGUMENTS if any(name in entry["inputs"] for entry in entries)]
    arguments: dict[str, Any] = {name: [entry["inputs"].get(name) for entry in entries] for name in given}
    inputs = processor(text=texts, **arguments, padding=True, padding_side="left", return_tensors="pt")
    inputs = inputs.to(network.device)
    generated = network.generate(**inputs, do_sample=False, max_new_tokens=MAX_NEW_TOKENS)
    answers = processor.batch_decode(generated[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [answer.strip() for answer in answers]


def add_scores(samples: list[dict]) -> None:
    """Add `correct`, `oracle_correct` and `majority_correct` to answered samples.

    Args:
        samples (`list[dict]`):
            With `answer` and `oracle`; changed in place. The majority answer of a kind is the place in the question
            (first or second named) that is right most often, or the median length, over these very samples.
    """
    for kind, views in {(sample["kind"], sample["views"] > 1) for sample in samples}:
        same = [sample for sample in samples if sample["kind"] == kind and (sample["views"] > 1) == views]
        if same[0]["region"] is None:
            middle = statistics.median(sample["metres"] for sample in same)
            for sample in same:
                oracle = sample["oracle"]
                sample["correct"] = is_quantity_right(sample["answer"], sample["metres"])
                sample["oracle_correct"] = oracle is not None and is_within_ratio(oracle, sample["metres"])
                sample["majority_correct"] = is_within_ratio(middle, sample["metres"])
        else:
            places = [sample["mentions"].index(sample["region"]) for sample in same]
            commonest = statistics.mode(places)
            for sample, place in zip(same, places, strict=True):
                sample["correct"] = is_region_right(sample["answer"], sample["region"])
                sample["oracle_correct"] = sample["oracle"] == sample["region"]
                sample["majority_correct"] = place == commonest


def table_rows(samples: list[dict]) -> list[dict]:
    """Count scored samples per kind and over groups of kinds.

    Args:
        samples (`list[dict]`):
            From `add_scores`.

    Returns:
        `list[dict]`: Each with `views` ("single" or "multi"), `kind`, `total`, `right`, `accuracy`, `interval`
        (95 % Wilson), `majority` and `oracle`; the last row of a group is named "all choices" or "all quantities".
    """
    rows = []
    for views in ("single", "multi"):
        here = [sample for sample in samples if (sample["views"] > 1) == (views == "multi")]
        for group in ("choices", "quantities"):
            members = [sample for sample in here if (sample["kind"] in CHOICE_TYPES) == (group == "choices")]
            for kind in dict.fromkeys(kind for kind in TABLE_ORDER if any(s["kind"] == kind for s in members)):
                rows.append(_table_row(views, kind, [sample for sample in members if sample["kind"] == kind]))
            if members:
                rows.append(_table_row(views, f"all {group}", members))
    return rows


def _table_row(views: str, kind: str, samples: list[dict]) -> dict:
    total, right = len(samples), sum(sample["correct"] for sample in samples)
    return {
        "views": views,
        "kind": kind,
        "total": total,
        "right": right,
        "accuracy": right / total,
        "interval": wilson_interval(right, total),
        "majority": sum(sample["majority_correct"] for sample in samples) / total,
        "oracle": sum(sample["oracle_correct"] for sample in samples) / total,
    }


def format_table(report: dict) -> str:
    """Write the rows of a report for a terminal.

    Args:
        report (`dict`):
            From `evaluate_boxes`.

    Returns:
        `str`: One line per row; percentages.
    """
    lines = ["views   kind            questions  accuracy  95 % interval  majority  oracle"]
    for row in report["rows"]:
        low, high = (100 * end for end in row["interval"])
        lines.append(
            f"{row['views']:<7} {row['kind']:<16} {row['total']:>8}  {100 * row['accuracy']:>7.1f}  "
            f"{low:>6.1f} - {high:>5.1f} {100 * row['majority']:>8.1f} {100 * row['oracle']:>8.1f}"
        )
    return "\n".join(lines)


def manifest(model: str | Path, limit: int, batch_size: int) -> dict:
    """Say what a report was measured with.

    Args:
        model (`str` or `Path`):
            Folder of the checkpoint.
        limit (`int`):
            Number of questions.
        batch_size (`int`):
            Questions generated together.

    Returns:
        `dict`: Names, versions, seeds, and the commit if the code stands in a git repository.
    """
    weights = Path(model) / "model.safetensors"
    return {
        "benchmark": "boxes",
        "model": str(model),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else None,
        "split": SPLIT,
        "first_scene": 0,
        "question_stream": QUESTION_STREAM,
        "questions_per_scene": QUESTIONS_PER_SCENE,
        "limit": limit,
        "batch_size": batch_size,
        "max_new_tokens": MAX_NEW_TOKENS,
        "dtype": "float32",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "commit": git_commit(),
    }
