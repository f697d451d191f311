# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scan2Cap: describe an object of a ScanNet scan, given as a proposed 3D box.

An object counts for nothing where its best proposal overlaps its box too little: its description is then empty.

Sources: Chen et al., Scan2Cap: Context-aware dense captioning in RGB-D scans, 2021; texts and gate of Video-3D-LLM,
and as a switch those of evaluators that drop full stops and commas.

May import: NumPy and siblings.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transformers_sr3d.evaluation.benchmarks.captioning import caption_rows
from transformers_sr3d.evaluation.benchmarks.figures import ALL, Figure, share
from transformers_sr3d.evaluation.benchmarks.files import MissingDataError, find_files, read_rows, text_of
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task, make_record
from transformers_sr3d.evaluation.scorers.captions import rouge_l
from transformers_sr3d.image_files_sr3d import load_npy
from transformers_sr3d.json_files import read_object, take, take_list, take_numbers
from transformers_sr3d.records.format import Record


QUESTION = "Given an object located at <region0>, describe the object in detail."
SOURCE = (
    "Get ScanRefer_filtered_val.json from https://github.com/daveredrum/ScanRefer (a form has to be signed), and the "
    "scans from http://www.scan-net.org, whose terms of use have to be signed."
)
LAYOUT = (
    "In --data: ScanRefer_filtered_val.json; boxes/<scan>_aligned_bbox.npy, as ScanRefer's preparation writes them "
    "(centre, size, class, object), or boxes.json of scan, object and centre, size; proposals.json of scan and a list "
    "of boxes. One scan per folder in --scenes, called scene0011_00 and so on, in the axis-aligned world of ScanNet."
)
Box = tuple[np.ndarray, np.ndarray]  # centre and full extents, along the axes of the world


def read_scan2cap(data: Path, switches: Switches) -> list[Record]:
    """Read objects and their descriptions.

    Args:
        data (`Path`):
            Folder of the files.
        switches (`Switches`):
            `split` and `boxes`.

    Returns:
        `list[Record]`: One per object; `truth` is `{"answers": [...], "iou": ...}`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is of another layout, or an object has no box.
    """
    path = find_files(data, [f"ScanRefer_filtered_{switches['split']}.json"], SOURCE)
    rows = read_rows(path, ("scene_id", "object_id", "description"))
    objects: dict[tuple[str, str], list[str]] = {}
    where_of: dict[tuple[str, str], str] = {}
    for where, row in rows:
        key = (text_of(row, "scene_id", where), str(row["object_id"]))
        objects.setdefault(key, []).append(text_of(row, "description", where))
        where_of.setdefault(key, where)
    boxes = {scan: _boxes_of(data, scan) for scan in sorted({scan for scan, _ in objects})}
    proposals = _read_proposals(data) if switches["boxes"] == "proposals" else None
    return [
        _record(where_of[key], key, descriptions, boxes[key[0]], proposals) for key, descriptions in objects.items()
    ]


def _record(
    where: str,
    key: tuple[str, str],
    descriptions: list[str],
    boxes: Mapping[str, Box],
    proposals: Mapping[str, list[Box]] | None,
) -> Record:
    scan, number = key
    if number not in boxes:
        raise ValueError(f"{where}: object {number} of {scan} must have a box, got only {', '.join(boxes)[:100]}.")
    box, overlap = boxes[number], 1.0
    if proposals is not None:
        found = max(proposals.get(scan, []), key=lambda proposal: box_iou(proposal, boxes[number]), default=None)
        overlap = 0.0 if found is None else box_iou(found, box)
        box = box if found is None else found
    region = {"box_3d": {"center": box[0].tolist(), "size": box[1].tolist(), "rotation": np.eye(3).tolist()}}
    truth = {"answers": descriptions, "iou": overlap}
    return make_record(where, f"{scan}|{number}", QUESTION, {"scene": scan, "regions": [region]}, ALL, truth)


def _boxes_of(data: Path, scan: str) -> dict[str, Box]:
    """Boxes of a scan by object."""
    array_file, table = data / "boxes" / f"{scan}_aligned_bbox.npy", data / "boxes.json"
    if array_file.is_file():
        array = load_npy(array_file, array_file.name)
        if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] < 8 or not np.isfinite(array).all():
            raise ValueError(f"`{array_file}` must be of shape (objects, 8), got {array.shape}. Prepare it again.")
        return {str(int(row[7])): (row[:3].astype(float), row[3:6].astype(float)) for row in array}
    if not table.is_file():
        raise MissingDataError(f"`--data` must hold {array_file.name} in boxes/, or boxes.json, got none. {LAYOUT}")
    entries = take(read_object(table), scan, table.name)
    return {str(number): _read_box(entry, f"{table.name} {scan} {number}") for number, entry in entries.items()}


def _read_proposals(data: Path) -> dict[str, list[Box]]:
    path = data / "proposals.json"
    if not path.is_file():
        raise MissingDataError(
            f"`--data` must hold proposals.json, got none in {data}. Write the boxes of your detector into it, or say "
            "--switch boxes=ground-truth, which is another, easier task."
        )
    content = read_object(path)
    return {
        scan: [
            _read_box(entry, f"{path.name} {scan}[{place}]")
            for place, entry in enumerate(take_list(content, scan, path.name))
        ]
        for scan in content
    }


def _read_box(entry: Any, where: str) -> Box:
    """Read a box; one that is turned is replaced by the box along the axes that holds it."""
    center, size = (np.asarray(take_numbers(entry, key, where, (3,))) for key in ("center", "size"))
    if not (size > 0).all():
        raise ValueError(f"`size` of {where} must be positive, got {size.tolist()}. Correct the file.")
    if "rotation" in entry:
        size = np.abs(np.asarray(take_numbers(entry, "rotation", where, (3, 3)))) @ size
    return center, size


def box_iou(first: Box, second: Box) -> float:
    """Compute the overlap of two boxes along the axes.

    Args:
        first (`tuple[np.ndarray, np.ndarray]`):
            Centre and full extents.
        second (`tuple[np.ndarray, np.ndarray]`):
            Of the other.

    Returns:
        `float`: Volume of the intersection over that of the union.
    """
    low = np.maximum(first[0] - first[1] / 2, second[0] - second[1] / 2)
    high = np.minimum(first[0] + first[1] / 2, second[0] + second[1] / 2)
    shared = float(np.prod(np.clip(high - low, 0.0, None)))
    return shared / (float(np.prod(first[1])) + float(np.prod(second[1])) - shared)


def score_scan2cap(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score a description.

    Args:
        truth (`Mapping[str, Any]`):
            `answers` and `iou`.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            `iou` and `punctuation`.

    Returns:
        `dict[str, Any]`: `right` (whether the proposal passes the gate), and `rouge_l` of the gated description.
    """
    passes = truth["iou"] >= float(switches["iou"])
    written, truths = _words(answer if passes else "", switches), [_words(text, switches) for text in truth["answers"]]
    return {"right": passes, "rouge_l": rouge_l([written], [truths]).corpus}


def _words(text: str, switches: Switches) -> str:
    text = text.lower()
    text = re.sub(r"[.,]", " ", text) if switches["punctuation"] == "dropped" else re.sub(r"([.,])", r" \1 ", text)
    return " ".join(["sos", *text.split(), "eos"])


def scan2cap_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples.
        switches (`Switches`):
            `iou` and `punctuation`.

    Returns:
        `list[Figure]`: The metrics of captions over all objects, and the share whose proposal passes the gate.
    """
    texts = [_words(sample["answer"] if sample["right"] else "", switches) for sample in samples]
    references = [[_words(text, switches) for text in sample["truth"]["answers"]] for sample in samples]
    gate = f"objects with a box of IoU {switches['iou']}"
    return [
        *caption_rows(texts, references, f"IoU {switches['iou']}"),
        share(gate, ALL, [s["right"] for s in samples]),
    ]


SCAN2CAP = Task(
    name="scan2cap",
    about="describe objects of ScanNet scans in proposed 3D boxes (CIDEr at IoU 0.5)",
    source=SOURCE,
    layout=LAYOUT,
    read=read_scan2cap,
    score=score_scan2cap,
    rows=scan2cap_rows,
    switches={
        "boxes": ("proposals", "ground-truth"),
        "iou": ("0.5", "0.25"),
        "punctuation": ("kept", "dropped"),
        "split": ("val", "train"),
    },
    max_new_tokens=96,
    uses_scenes=True,
    majority=False,
)
