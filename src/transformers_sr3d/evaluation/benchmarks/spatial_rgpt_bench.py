# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""SpatialRGPT-Bench: relations, sizes and distances of marked regions in single pictures.

The published score comes from a language model that reads the answers (`judge`); the deterministic parser here is
another scorer, and both stand in the table under their own names.

Source: Cheng et al., SpatialRGPT: grounded spatial reasoning in vision-language models, 2024, and its scorer: lengths
within 25 % of the truth, both ends included; hours of a clock within one.

May import: siblings.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.answers_sr3d import parse_quantity
from transformers_sr3d.evaluation.benchmarks.figures import ALL, Figure, by_group, mean, share
from transformers_sr3d.evaluation.benchmarks.files import MissingDataError, find_files, read_rows, text_of
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task, make_record
from transformers_sr3d.evaluation.scorers.statements import agrees, chosen_region
from transformers_sr3d.records.format import Record


SOURCE = (
    "Get it from https://huggingface.co/datasets/a8cheng/SpatialRGPT-Bench; its pictures come from Omni3D "
    "(https://github.com/facebookresearch/omni3d), each set under a licence of its own."
)
LAYOUT = "SpatialRGPT-Bench_v1.jsonl (or .json, or a Parquet file) in --data, and its pictures below --data."
MENTION = re.compile(r"<mask>\s*(?:<depth>)?|<region\d*>")
IMAGE_TAG = re.compile(r"<image>\s*")
LENGTHS = ("vertical_distance", "horizontal_distance", "distance", "width", "height")
DIRECTION = "direction"
PAIRS = {
    "below/above": ("below", "above"),
    "left/right": ("left", "right"),
    "big/small": ("big", "small"),
    "tall/short": ("tall", "short"),
    "wide/thin": ("wide", "thin"),
    "behind/front": ("behind", "front"),
}
RATIO = 0.25
SMALL_LENGTH = 1e-4  # the reference adds it to the truth before it divides
CLOCK = re.compile(r"\b(1[0-2]|[1-9])(?::00)?\s*o'?\s?clock", re.IGNORECASE)
ASKS_WHICH = re.compile(r"\b(?:which|who)\b", re.IGNORECASE)


def read_spatial_rgpt(data: Path, switches: Switches) -> list[Record]:
    """Read the questions.

    Args:
        data (`Path`):
            Folder of the official file and the pictures.
        switches (`Switches`):
            `regions`: masks or boxes.

    Returns:
        `list[Record]`: `truth` is `{"kind": ..., "answer": ..., "question": ..., "choice": ...}`.

    Raises:
        FileNotFoundError: If the file or a picture is missing.
        ValueError: If it is of another layout.
    """
    patterns = ["SpatialRGPT-Bench*.jsonl", "SpatialRGPT-Bench*.json", "*.parquet", "data/*.parquet"]
    rows = read_rows(find_files(data, patterns, SOURCE), ("id", "image_info", "qa_info", "conversations"))
    return [_record(data, where, row, switches) for where, row in rows]


def _record(data: Path, where: str, row: dict[str, Any], switches: Switches) -> Record:
    question, answer = (_turn(row["conversations"], place, where) for place in (0, 1))
    marks = row.get("rle" if switches["regions"] == "masks" else "bbox") or []
    key = "mask" if switches["regions"] == "masks" else "box_xyxy"
    regions = [{key: _plain(mark)} for mark in (marks if isinstance(marks, list) else [])]
    numbers = iter(range(len(regions)))
    text = MENTION.sub(lambda _: f"<region{next(numbers, len(regions))}>", IMAGE_TAG.sub("", question)).strip()
    mentioned = len(MENTION.findall(question))
    if mentioned != len(regions):
        raise ValueError(
            f"{where}: as many regions must be marked as mentioned, got {len(regions)} and {mentioned}. Get it again."
        )
    info = row["qa_info"] if isinstance(row["qa_info"], dict) else {}
    category = text_of(info, "category", f"{where}: `qa_info`")
    kind = _kind(category, str(info.get("type", "")))
    about = row["image_info"] if isinstance(row["image_info"], dict) else {}
    sample: dict[str, Any] = {"images": [_picture(data, about.get("file_path"), where)]}
    if regions:
        sample |= {"regions": regions, "size_wh": (about.get("width"), about.get("height"))}
    truth: dict[str, Any] = {"kind": kind, "answer": answer, "question": text}
    truth["choice"] = "choice" in category or ASKS_WHICH.search(text) is not None
    length = parse_quantity(answer) if kind in LENGTHS else None
    if length is not None:
        truth["value"] = length["value"]  # for the median of the baseline
    return make_record(where, str(row["id"]), text, sample, kind, truth)


def _turn(conversations: Any, place: int, where: str) -> str:
    turns = conversations if isinstance(conversations, list) else []
    if len(turns) <= place or not isinstance(turns[place], dict):
        raise ValueError(f"{where}: `conversations` must be a question and an answer, got {conversations!r:.80}.")
    return text_of(turns[place], "value", f"{where}: `conversations[{place}]`")


def _plain(mark: Any) -> Any:
    """Run lengths as text, boxes as a list."""
    if isinstance(mark, dict) and isinstance(mark.get("counts"), bytes):
        return mark | {"counts": mark["counts"].decode("ascii")}
    return mark


def _picture(data: Path, name: Any, where: str) -> str:
    if not isinstance(name, str) or not (data / name).resolve().is_relative_to(data.resolve()):
        raise ValueError(f"{where}: `image_info.file_path` must be a path inside --data, got {name!r:.80}.")
    if not (data / name).is_file():
        raise MissingDataError(f"{where}: `--data` must hold the picture {name}, got none in {data}. {SOURCE}")
    return str(data / name)


def _kind(category: str, kind: str) -> str:
    """Row of the table: one of the lengths, direction, or a pair of opposites."""
    bare = category.removesuffix("_data")
    if bare in (*LENGTHS, DIRECTION):
        return bare
    words = set(category.split("_"))
    for name, pair in PAIRS.items():
        if words & set(pair):
            return name
    return category if kind == "qualitative" else bare


def score_spatial_rgpt(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score an answer by the parser.

    Args:
        truth (`Mapping[str, Any]`):
            `kind` and `answer`.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            Not used.

    Returns:
        `dict[str, Any]`: `right`; of lengths also `error`, relative to the truth, None where nothing could be read.
    """
    del switches
    kind = truth["kind"]
    if kind in LENGTHS:
        wanted, said = parse_quantity(truth["answer"]), parse_quantity(answer)
        if wanted is None or said is None:
            return {"right": False, "error": None}
        return judge_length(wanted["value"], said["value"])
    if kind == DIRECTION:
        hours = [CLOCK.search(text) for text in (truth["answer"], answer)]
        return {"right": bool(hours[0] and hours[1] and is_hour_right(int(hours[0][1]), int(hours[1][1])))}
    return {"right": says_the_same(truth, answer)}


def judge_length(truth: float, said: float) -> dict[str, Any]:
    """Compare two lengths as the published scorer.

    Args:
        truth (`float`):
            Metres.
        said (`float`):
            Metres.

    Returns:
        `dict[str, Any]`: `right` (within 25 %, ends included) and `error`.
    """
    right = (1 - RATIO) * truth <= said <= (1 + RATIO) * truth
    return {"right": right, "error": abs(said - truth) / (truth + SMALL_LENGTH)}


def is_hour_right(truth: int, said: int) -> bool:
    """Compare two hours of a clock.

    Args:
        truth (`int`):
            1 to 12.
        said (`int`):
            1 to 12.

    Returns:
        `bool`: Whether they are at most one hour apart.
    """
    apart = abs(truth - said)
    return min(apart, 12 - apart) <= 1


def says_the_same(truth: Mapping[str, Any], answer: str) -> bool:
    """Compare what two answers to a question about regions say.

    Args:
        truth (`Mapping[str, Any]`):
            `question`, the right `answer`, and `choice`: whether it is one between regions, and not yes or no.
        answer (`str`):
            What the model wrote.

    Returns:
        `bool`: Whether both choose the same region, or both agree or deny; False where one of them says neither.
    """
    read = chosen_region if truth["choice"] else agrees
    wanted = read(truth["question"], truth["answer"])
    return wanted is not None and read(truth["question"], answer) == wanted


def is_readable(truth: Mapping[str, Any]) -> bool:
    """Tell whether the parser can read a truth; what it cannot read nobody can answer right for it.

    Args:
        truth (`Mapping[str, Any]`):
            `kind`, `answer` and the rest of a question.

    Returns:
        `bool`: Whether its length, hour or statement was found.
    """
    kind, text = truth["kind"], truth["answer"]
    if kind in LENGTHS:
        return parse_quantity(text) is not None
    return CLOCK.search(text) is not None if kind == DIRECTION else says_the_same(truth, text)


def spatial_rgpt_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples; with a judge also its own.
        switches (`Switches`):
            Not used.

    Returns:
        `list[Figure]`: Success by kind and of both halves, by the parser and by the judge, and the relative error; and
        the share of truths that the parser can read, which no model can exceed for it.
    """
    del switches
    readable = share("truths that the parser reads", ALL, [is_readable(sample["truth"]) for sample in samples])
    rows = _success(samples, "success (parser)", "right") + _errors(samples, "relative error (parser)", "error")
    if all("judged" in sample for sample in samples):
        rows += _success(samples, "success (judge)", "judged")
        rows += _errors(samples, "relative error (judge)", "judged_error")
        rows.append(share("replies of the judge that could be read", ALL, [s["judge_read"] for s in samples]))
    return [*rows, readable]


def _errors(samples: Sequence[dict[str, Any]], metric: str, key: str) -> list[Figure]:
    """Mean of the lengths that could be read."""
    rows = []
    for name, group in by_group(samples).items():
        errors = [sample[key] for sample in group if sample.get(key) is not None]
        if errors:
            rows.append(mean(metric, name, errors, scale=1.0, largest=None))
    return rows


def _success(samples: Sequence[dict[str, Any]], metric: str, key: str) -> list[Figure]:
    quantities = [sample[key] for sample in samples if sample["category"] in (*LENGTHS, DIRECTION)]
    qualities = [sample[key] for sample in samples if sample["category"] not in (*LENGTHS, DIRECTION)]
    halves = {"qualitative": qualities, "quantitative": quantities, ALL: qualities + quantities}
    rows = [share(metric, name, right) for name, right in halves.items() if right]
    return rows + [share(metric, name, [s[key] for s in group]) for name, group in by_group(samples).items()]


SPATIAL_RGPT_BENCH = Task(
    name="spatialrgpt-bench",
    about="relations, sizes and distances of marked regions (parser, and a judge by --judge-url)",
    source=SOURCE,
    layout=LAYOUT,
    read=read_spatial_rgpt,
    score=score_spatial_rgpt,
    rows=spatial_rgpt_rows,
    switches={"regions": ("masks", "boxes")},
    max_new_tokens=128,
)
