# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records, the import: question files of other projects -> records, and a report of what was left out and why.

    spatialrgpt   OpenSpatialDataset: `filename`, `conversations` with `<mask> <depth>`, `rle` or `bbox`
    llava         `image`, `conversations` with `<image>`
    scanqa        ScanQA_v1.0_*.json: `scene_id`, `question`, `answers`
    sqa3d         questions (`situation`, `question`) and annotations (`answers`), two files
    scan2cap      ScanRefer: `scene_id`, `object_id`, `description`; boxes in a file of their own
    mmscan        EmbodiedScan's MMScan QA: `scan_id`, `question`, `answers`, `input_bboxes` (9 degrees of freedom)

Sources: the formats as their projects publish them; Euler angles of MMScan are z, x, y, each turn about the axes
turned so far. Whatever cannot be a record is counted by its reason.

May import: siblings.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from transformers_sr3d.inputs.embodiedscan_boxes import box_of_nine
from transformers_sr3d.inputs.files import read_json
from transformers_sr3d.records.format import parse_record, write_records


REGION_MENTION = re.compile(r"<mask>\s*(?:<depth>)?|<region\d*>")
ANSWER_MENTION = re.compile(r"Region\s*\[(\d+)\]|<mask>\s*(?:<depth>)?")
IMAGE_MENTION = re.compile(r"\s*<image>\s*")
ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}
SCANQA_SUFFIX = " Answer the question simply."
SQA3D_SUFFIX = " Answer the question using a single word or phrase."
SCAN2CAP_QUESTION = "Describe <region0> in detail."
NO_SCENE, NO_IMAGE, NO_ANSWER, NO_BOX = "its scene is missing", "its picture is missing", "no answer", "no box"
EXAMPLES = 3


class _LeftOutError(Exception):
    """Why an entry is no record."""


@dataclass(frozen=True)
class Places:
    """Where the files are that entries name. Paths of records are relative to `root`.

    Attributes:
        root (`Path`): Folder of the record file.
        images (`Path`, *optional*): Folder of pictures.
        scenes (`Path`, *optional*): Folder with one scene per scan, called like it.
        boxes (`dict[str, Any]`, *optional*): Scan -> object id -> `center`, `size`, `rotation`.
    """

    root: Path
    images: Path | None = None
    scenes: Path | None = None
    boxes: dict[str, Any] | None = None

    def scene(self, scan: str) -> str:
        """Give the path of a scan's scene."""
        folder = self._folder(self.scenes, "scenes") / scan
        if not folder.exists():
            raise _LeftOutError(NO_SCENE)
        return folder.resolve().relative_to(self.root.resolve()).as_posix()

    def image(self, name: str, suffixes: Sequence[str] = ("",)) -> str:
        """Give the path of a picture."""
        folder = self._folder(self.images, "images")
        found = next(
            (folder / f"{name}{suffix}" for suffix in suffixes if (folder / f"{name}{suffix}").is_file()), None
        )
        if found is None or not found.resolve().is_relative_to(self.root.resolve()):
            raise _LeftOutError(NO_IMAGE)
        return found.resolve().relative_to(self.root.resolve()).as_posix()

    def _folder(self, folder: Path | None, name: str) -> Path:
        if folder is None:
            raise ValueError(f"`--{name}` must be given for this format, got none. Name the folder.")
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise ValueError(f"`--{name}` must lie in the folder of --out, {self.root}, got {folder}. Write above it.")
        return folder


def import_records(kind: str, sources: Sequence[str | Path], out: str | Path, places: Places) -> dict[str, Any]:
    """Write records of another project's questions.

    Args:
        kind (`str`):
            A key of `FORMATS`.
        sources (`Sequence[str | Path]`):
            Its JSON files.
        out (`str` or `Path`):
            The file to write, in `places.root`.
        places (`Places`):
            Where pictures, scenes and boxes are.

    Returns:
        `dict[str, Any]`: `records`, `left_out` (number by reason) and `examples` (by reason).

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If `out` is there.
        ValueError: If the format is unknown, a file is none of it, or no entry became a record.
    """
    if kind not in FORMATS:
        raise ValueError(f"`FORMAT` must be one of {', '.join(FORMATS)}, got {kind!r}. Choose one of them.")
    if Path(out).exists():
        raise FileExistsError(f"`--out` must not be there yet, got {out}. Choose another name, or delete it.")
    make, lines = FORMATS[kind], []
    left_out: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    entries = list(_entries(kind, [Path(source) for source in sources]))
    for where, entry in tqdm(entries, unit="entry", desc=f"import {kind}", disable=None):
        try:
            line = make(entry, places)
            parse_record(json.dumps(line), where, places.root)
            lines.append({"id": where, **line})
        except (_LeftOutError, KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, _LeftOutError) else _reason(error)
            left_out[reason] += 1
            examples.setdefault(reason, [])
            examples[reason] += [f"{where}: {error}"[:300]] if len(examples[reason]) < EXAMPLES else []
    report = {"records": len(lines), "left_out": dict(left_out), "examples": examples}
    if not lines:
        raise ValueError(f"`SOURCE` must give at least one record, got none of {len(entries)}: {json.dumps(report)}")
    write_records(out, lines)
    return report


def _reason(error: Exception) -> str:
    return f"lacks the key {error}" if isinstance(error, KeyError) else "is refused as a record"


def _entries(kind: str, sources: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    contents = [(source, read_json(source)) for source in sources]
    if kind == "sqa3d":
        contents = [_join_sqa3d(contents)]
    for source, content in contents:
        if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
            raise ValueError(
                f"`{source}` must hold a list of objects, got {type(content).__name__}. Check the format."
            )
        yield from ((f"{source.stem}#{number}", entry) for number, entry in enumerate(content))


def _join_sqa3d(contents: Sequence[tuple[Path, Any]]) -> tuple[Path, list[dict[str, Any]]]:
    """Put answers beside their questions."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for _, content in contents:
        for name in ("questions", "annotations"):
            if isinstance(content, dict) and isinstance(content.get(name), list):
                tables[name] = content[name]
    if len(tables) != 2:
        raise ValueError(
            f"`SOURCE` must be the questions and the annotations of SQA3D, got only {', '.join(tables) or 'others'}. "
            "Name both files."
        )
    answers = {entry.get("question_id"): entry.get("answers") for entry in tables["annotations"]}
    joined = [entry | {"answers": answers.get(entry.get("question_id"))} for entry in tables["questions"]]
    return contents[0][0], joined


def _turn(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _answers(entry: dict[str, Any]) -> list[str]:
    answers = [answer["answer"] if isinstance(answer, dict) else answer for answer in entry.get("answers") or []]
    if not answers or not all(isinstance(answer, str) and answer.strip() for answer in answers):
        raise _LeftOutError(NO_ANSWER)
    return answers


def _from_llava(entry: dict[str, Any], places: Places) -> dict[str, Any]:
    images = entry.get("image") or entry.get("images") or []
    images = [images] if isinstance(images, str) else images
    messages = [
        {"role": ROLES[turn["from"]], "content": IMAGE_MENTION.sub(" ", turn["value"]).strip()}
        for turn in entry["conversations"]
    ]
    line: dict[str, Any] = {"images": [places.image(name) for name in images]} if images else {}
    return line | {"messages": messages}


def _from_spatialrgpt(entry: dict[str, Any], places: Places) -> dict[str, Any]:
    marks = [{"mask": rle} for rle in entry.get("rle") or []] or [{"box_xyxy": box} for box in entry.get("bbox") or []]
    numbers: dict[str, int] = {}
    region_of = [numbers.setdefault(json.dumps(mark, sort_keys=True), len(numbers)) for mark in marks]
    pending = iter(region_of)
    messages, asked = [], []
    for turn in entry["conversations"]:
        role, text = ROLES[turn["from"]], IMAGE_MENTION.sub(" ", turn["value"]).strip()
        if role == "user":
            asked = [_next(pending) for _ in REGION_MENTION.findall(text)]
            text = _replace_in_turn(REGION_MENTION, text, [f"<region{number}>" for number in asked])
        else:
            named = [f"Region {_asked(asked, found)}" for found in ANSWER_MENTION.finditer(text)]
            text = _replace_in_turn(ANSWER_MENTION, text, named)
        messages.append({"role": role, "content": text})
    regions = [json.loads(mark) for mark in numbers]
    image = places.image(str(entry["filename"]), ("", ".jpg", ".png"))
    return {"images": [image]} | ({"regions": regions} if regions else {}) | {"messages": messages}


def _replace_in_turn(pattern: re.Pattern[str], text: str, words: Sequence[str]) -> str:
    rest = iter(words)
    return pattern.sub(lambda _: next(rest), text)


def _next(pending: Iterator[int]) -> int:
    number = next(pending, None)
    if number is None:
        raise _LeftOutError("more regions are mentioned than marked")
    return number


def _asked(asked: Sequence[int], found: re.Match) -> int:
    place = int(found[1]) if found[1] is not None else 0
    if place >= len(asked):
        raise _LeftOutError("its answer names a region that its question does not")
    return asked[place]


def _from_scanqa(entry: dict[str, Any], places: Places) -> dict[str, Any]:
    answer = _answers(entry)[0]
    line = {"scene": places.scene(entry["scene_id"]), "messages": _turn(entry["question"] + SCANQA_SUFFIX, answer)}
    return line | {"category": "scanqa", "truth": {"text": answer}}


def _from_sqa3d(entry: dict[str, Any], places: Places) -> dict[str, Any]:
    answer = _answers(entry)[0]
    question = f"{entry['situation'].strip()} {entry['question'].strip()}{SQA3D_SUFFIX}"
    line = {"scene": places.scene(entry["scene_id"]), "messages": _turn(question, answer)}
    return line | {"category": "sqa3d", "truth": {"text": answer}}


def _from_scan2cap(entry: dict[str, Any], places: Places) -> dict[str, Any]:
    if places.boxes is None:
        raise ValueError("`--boxes` must be given for this format, got none. Name a file of boxes by scan and object.")
    box = places.boxes.get(entry["scene_id"], {}).get(str(entry["object_id"]))
    if box is None:
        raise _LeftOutError(NO_BOX)
    line = {"scene": places.scene(entry["scene_id"]), "regions": [{"box_3d": box}]}
    return line | {"messages": _turn(SCAN2CAP_QUESTION, entry["description"].strip()), "category": "scan2cap"}


def _from_mmscan(entry: dict[str, Any], places: Places) -> dict[str, Any]:
    answer, boxes = _answers(entry)[0], entry.get("input_bboxes") or []
    regions = [{"box_3d": box_of_nine(box)} for box in boxes]
    mentions = ", ".join(f"<region{number}>" for number in range(len(boxes)))
    question = entry["question"].strip() + (f" ({mentions})" if boxes else "")
    line: dict[str, Any] = {"scene": places.scene(entry["scan_id"])} | ({"regions": regions} if regions else {})
    return line | {"messages": _turn(question, answer), "category": "mmscan", "truth": {"text": answer}}


FORMATS: dict[str, Callable[[dict[str, Any], Places], dict[str, Any]]] = {
    "spatialrgpt": _from_spatialrgpt,
    "llava": _from_llava,
    "scanqa": _from_scanqa,
    "sqa3d": _from_sqa3d,
    "scan2cap": _from_scan2cap,
    "mmscan": _from_mmscan,
}
