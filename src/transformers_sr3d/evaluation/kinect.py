# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Check on a real photo: a checkpoint and marked things in one Kinect frame -> lengths compared with the depth map.

Everything goes the user's way: picture, depth, camera and regions through the processor, one question a prompt, greedy
generation, the answer read as text. A geometric oracle, which fits a box to the points that a prompt marks, is right
about masks by construction; about boxes it shows what the pixels around a thing cost. One frame of one bookcase: a
check, and no benchmark.

This module may import numpy, torch, tqdm and the whole package.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tqdm.auto import tqdm

from transformers_sr3d.evaluation.checkpoint import open_checkpoint
from transformers_sr3d.evaluation.kinect_photo import (
    KINDS,
    MARKINGS,
    MAX_REPEATS,
    PHOTO_FILES,
    PHOTO_FOLDER,
    MarkedPhoto,
    make_samples,
    mark,
    read_photo,
)
from transformers_sr3d.evaluation.measured_with import (
    check_json_path,
    check_model_exists,
    describe_model,
    describe_run,
)
from transformers_sr3d.evaluation.metrics import wilson_interval
from transformers_sr3d.evaluation.progress import only_run
from transformers_sr3d.evaluation.rooms.room_scores import is_right, stated_quantity
from transformers_sr3d.evaluation.scene_answers import MAX_NEW_TOKENS
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.rooms.questions.phrasings import TEST_SPLIT
from transformers_sr3d.training.collator import render_prompt


ALL_KINDS = "all"


def evaluate_kinect(
    model: str | Path,
    *,
    repeats: int = 3,
    seed: int = 0,
    batch_size: int = 8,
    json_path: str | Path | None = None,
    folder: str | Path = PHOTO_FOLDER,
) -> dict[str, Any]:
    """Ask a checkpoint for lengths in a real photo, once with masks and once with boxes.

    Args:
        model (`str` or `Path`):
            Folder of the checkpoint, or its name on the Hub.
        repeats (`int`, defaults to 3):
            Wordings in which each quantity is asked, from 1 to 10.
        seed (`int`, defaults to 0):
            Of the wordings. Masks and boxes are asked about in the same words.
        batch_size (`int`, defaults to 8):
            Questions generated together.
        json_path (`str` or `Path`, *optional*):
            Where to write the report.
        folder (`str` or `Path`, *optional*):
            Folder with the photo and its marks; that of the source tree by default.

    Returns:
        `dict[str, Any]`: `manifest`, `rows` (see `table_rows`) and `samples` (one per question).

    Raises:
        FileNotFoundError: If there is no such checkpoint, photo, or folder for the report.
        ValueError: If a number is out of its range, the photo or its marks are malformed, or another run is writing
            the report.
    """
    _check_run(model, repeats, seed, batch_size, json_path)
    photo = read_photo(folder)
    samples = make_samples(photo, repeats=repeats, seed=seed)
    with only_run(json_path):
        answer_samples(model, photo, samples, batch_size=batch_size)
        manifest = make_manifest(model, folder, repeats=repeats, seed=seed, batch_size=batch_size)
        report = {"manifest": manifest, "rows": table_rows(samples), "samples": samples}
        if json_path is not None:
            unfinished = Path(f"{json_path}.{os.getpid()}.tmp")
            unfinished.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
            unfinished.replace(json_path)
    return report


def answer_samples(
    model: str | Path, photo: MarkedPhoto, samples: Sequence[dict[str, Any]], *, batch_size: int
) -> None:
    """Ask a checkpoint all questions and add the scored answers to them.

    Args:
        model (`str` or `Path`):
            The checkpoint.
        photo (`MarkedPhoto`):
            The photo.
        samples (`Sequence[dict[str, Any]]`):
            From `make_samples`; changed in place.
        batch_size (`int`):
            Questions generated together.

    Raises:
        ValueError: As `open_checkpoint`.
    """
    network, processor = open_checkpoint(model)
    with tqdm(total=len(samples), unit="question", desc="asking") as bar:
        for start in range(0, len(samples), batch_size):
            batch = samples[start : start + batch_size]
            for sample, answer in zip(batch, ask(network, processor, photo, batch), strict=True):
                add_score(sample, answer)
            bar.update(len(batch))


def _check_run(model: str | Path, repeats: int, seed: int, batch_size: int, json_path: str | Path | None) -> None:
    if not 1 <= repeats <= MAX_REPEATS:
        raise ValueError(
            f"`repeats` must be from 1 to {MAX_REPEATS}, got {repeats}. More wordings of a quantity would be the same."
        )
    for name, value, least in (("seed", seed, 0), ("batch_size", batch_size, 1)):
        if value < least:
            raise ValueError(f"`{name}` must be at least {least}, got {value}. Raise it.")
    check_model_exists(model)
    check_json_path(json_path)


@torch.no_grad()
def ask(
    network: SR3DForConditionalGeneration,
    processor: SR3DProcessor,
    photo: MarkedPhoto,
    samples: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Generate the answers to some questions, greedily; each sees the photo with the regions that it asks about.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        processor (`SR3DProcessor`):
            Its processor.
        photo (`MarkedPhoto`):
            The photo.
        samples (`Sequence[Mapping[str, Any]]`):
            With `question`, `objects` and `marking`.

    Returns:
        `list[str]`: One answer each, stripped.
    """
    prompts = [render_prompt(sample["question"], num_images=1) for sample in samples]
    inputs = processor(
        text=prompts,
        regions=[mark(photo, sample["objects"], sample["marking"]) for sample in samples],
        **{name: [value] * len(samples) for name, value in photo.views.items()},
        padding=True,
        padding_side="left",
        return_tensors="pt",
    ).to(network.device)
    generated = network.generate(**inputs, do_sample=False, max_new_tokens=MAX_NEW_TOKENS)
    answers = processor.batch_decode(generated[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [answer.strip() for answer in answers]


def add_score(sample: dict[str, Any], answer: str) -> None:
    """Add `answer`, `answer_metres`, `ratio` and `right` to a sample.

    Args:
        sample (`dict[str, Any]`):
            With `metres`; changed in place. `answer_metres` and `ratio`, the answer over the truth, are None where
            the answer states no length.
        answer (`str`):
            What the model wrote.
    """
    truth = {"scoring": "length", "metres": sample["metres"]}
    stated = stated_quantity(truth, answer)
    sample["answer"] = answer
    sample["answer_metres"] = stated
    sample["ratio"] = None if stated is None else stated / sample["metres"]
    sample["right"] = is_right(truth, answer)


def table_rows(samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Count scored samples per marking and kind.

    Args:
        samples (`Sequence[Mapping[str, Any]]`):
            From `make_samples` and `add_score`.

    Returns:
        `list[dict[str, Any]]`: Each with `marking`, `kind` (of `KINDS`, or "all"), `quantities`, `n` (questions),
        `right`, `percent`, `interval` (95 % Wilson, percent, as if all questions were independent; the wordings of
        one quantity are not, so it is too narrow), `interval_quantities` (the same with as many trials as there are
        quantities), `median_ratio` (answer over truth, None if no answer states a length), `constant` and `oracle`
        (percent).
    """
    rows = []
    for marking in MARKINGS:
        for kind in (*KINDS, ALL_KINDS):
            members = [s for s in samples if s["marking"] == marking and kind in (s["kind"], ALL_KINDS)]
            if members:
                rows.append({"marking": marking, "kind": kind, **_row(members)})
    return rows


def _row(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    total, right = len(samples), sum(sample["right"] for sample in samples)
    quantities = len({sample["quantity"] for sample in samples})
    ratios = [sample["ratio"] for sample in samples if sample["ratio"] is not None]
    per_quantity = wilson_interval(round(quantities * right / total), quantities)
    return {
        "quantities": quantities,
        "n": total,
        "right": right,
        "percent": 100.0 * right / total,
        "interval": [100.0 * end for end in wilson_interval(right, total)],
        "interval_quantities": [100.0 * end for end in per_quantity],
        "median_ratio": median(ratios) if ratios else None,
        "constant": 100.0 * sum(sample["constant_right"] for sample in samples) / total,
        "oracle": 100.0 * sum(sample["oracle_right"] for sample in samples) / total,
    }


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows for a terminal.

    Args:
        rows (`Sequence[Mapping[str, Any]]`):
            From `table_rows`.

    Returns:
        `str`: One line per row, percentages, and remarks.
    """
    lines = ["marked by  kind      questions  right  95 % interval  answer/truth  constant  oracle"]
    for row in rows:
        low, high = row["interval"]
        ratio = "-" if row["median_ratio"] is None else f"{row['median_ratio']:.2f}"
        lines.append(
            f"{row['marking']:<9}  {row['kind']:<8}  {row['n']:>9}  {row['percent']:>5.1f}  {low:>5.1f} - {high:>5.1f}"
            f"  {ratio:>12}  {row['constant']:>8.1f}  {row['oracle']:>6.1f}"
        )
    return "\n".join([*lines, *REMARKS])


REMARKS = (
    "right: within a ratio of 1.25 of what the depth map says; answer/truth: their median ratio;",
    "constant: the one answer to a kind that is right most often; oracle: a box around the points that a prompt",
    "marks, right about masks by construction. Wordings of a quantity are not independent, so the intervals are too",
    "narrow; interval_quantities in the JSON counts quantities instead.",
)


def make_manifest(
    model: str | Path, folder: str | Path, *, repeats: int, seed: int, batch_size: int
) -> dict[str, Any]:
    """Say what a report was measured with.

    Args:
        model (`str` or `Path`):
            The checkpoint.
        folder (`str` or `Path`):
            Of the photo.
        repeats (`int`):
            Wordings per quantity.
        seed (`int`):
            Of the wordings.
        batch_size (`int`):
            Questions generated together.

    Returns:
        `dict[str, Any]`: Names, versions, hashes, seeds and settings, ready for JSON.
    """
    return {
        "benchmark": "kinect",
        "version": 1,
        **describe_model(model),
        "files_sha256": {name: hashlib.sha256((Path(folder) / name).read_bytes()).hexdigest() for name in PHOTO_FILES},
        "phrasings": TEST_SPLIT,
        "repeats": repeats,
        "seed": seed,
        "decoding": {"greedy": True, "max_new_tokens": MAX_NEW_TOKENS, "batch_size": batch_size, "dtype": "float32"},
        **describe_run(),
    }
