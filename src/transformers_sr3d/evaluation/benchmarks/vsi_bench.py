# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""VSI-Bench: counts, lengths, directions and routes in videos of ScanNet, ScanNet++ and ARKitScenes.

Sources: Yang et al., Thinking in space: how multimodal large language models see, remember, and recall spaces, 2024,
and its code in lmms-eval: prompts, the first word of an answer, mean relative accuracy, and an average in which the
three difficulties of directions are one of eight tasks.

May import: siblings.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.answers_sr3d import parse_choice, parse_quantity
from transformers_sr3d.evaluation.benchmarks.figures import Figure, by_group, macro, mean, share
from transformers_sr3d.evaluation.benchmarks.files import find_files, read_rows, text_of
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task, make_record
from transformers_sr3d.evaluation.metrics import mean_relative_accuracy
from transformers_sr3d.records.format import Record


CHOICE_TYPES = (
    "object_rel_direction_easy",
    "object_rel_direction_medium",
    "object_rel_direction_hard",
    "object_rel_distance",
    "route_planning",
    "obj_appearance_order",
)
NUMBER_TYPES = ("object_abs_distance", "object_counting", "object_size_estimation", "room_size_estimation")
DIRECTION = "object_rel_direction"
# The five that SR-3D reports; 5.1 of the facts.
SR3D_TYPES = (
    "object_abs_distance",
    "object_size_estimation",
    "room_size_estimation",
    "object_rel_distance",
    DIRECTION,
)
PER_METRE = {"object_abs_distance": 1.0, "object_size_estimation": 100.0}
OPENING = "These are frames of a video."
CHOICE_CLOSING = "Answer with the option's letter from the given choices directly."
NUMBER_CLOSING = "Please answer the question using a single word or phrase."
CLOSE = 0.25  # relative error of what counts as right in paired comparisons
NUMBER = re.compile(r"\d+(?:\.\d+)?")
SOURCE = (
    "Get the question file and the videos from https://huggingface.co/datasets/nyu-visionx/VSI-Bench; depth and poses "
    "come from the scans themselves (ScanNet, ScanNet++, ARKitScenes), whose terms have to be accepted."
)
LAYOUT = (
    "test-00000-of-00001.parquet or test.jsonl in --data; in --scenes (or --data) arkitscenes/, scannet/ and "
    "scannetpp/ with a scan's folder or video for each scene."
)


def read_vsi_bench(data: Path, switches: Switches) -> list[Record]:
    """Read the questions.

    Args:
        data (`Path`):
            Folder of the official file.
        switches (`Switches`):
            `types`.

    Returns:
        `list[Record]`: `category` is the type; `truth` is `{"letter": ..., "options": [...]}` or `{"number": ...}`.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is of another layout.
    """
    rows = read_rows(
        find_files(data, ["test-*.parquet", "data/test-*.parquet", "test.jsonl"], SOURCE),
        ("id", "dataset", "scene_name", "question_type", "question", "ground_truth"),
    )
    wanted = SR3D_TYPES if switches["types"] == "sr3d" else [task_of(kind) for kind in (*CHOICE_TYPES, *NUMBER_TYPES)]
    records = [_record(where, row) for where, row in rows]
    return [record for record in records if task_of(str(record.category)) in wanted]


def task_of(question_type: str) -> str:
    """Name the task that a type of question belongs to.

    Args:
        question_type (`str`):
            Type.

    Returns:
        `str`: The type itself, but one for the three difficulties of directions.
    """
    return DIRECTION if question_type.startswith(DIRECTION) else question_type


def _record(where: str, row: dict[str, Any]) -> Record:
    kind, question = text_of(row, "question_type", where), text_of(row, "question", where)
    sample = {"scene": f"{row['dataset']}/{row['scene_name']}"}
    if kind in CHOICE_TYPES:
        options = row.get("options")
        if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
            raise ValueError(f"{where}: `options` must be texts for {kind}, got {options!r:.80}. Download it again.")
        lines = [OPENING, question, "Options:", *options, CHOICE_CLOSING]
        truth: dict[str, Any] = {"letter": str(row["ground_truth"]).strip(), "options": options}
    elif kind in NUMBER_TYPES:
        lines = [OPENING, question, NUMBER_CLOSING]
        truth = {"number": _positive(row["ground_truth"], where), "category": kind}
    else:
        known = ", ".join((*CHOICE_TYPES, *NUMBER_TYPES))
        raise ValueError(f"{where}: `question_type` must be one of {known}, got {kind!r}. Take the official file.")
    return make_record(where, str(row["id"]), "\n".join(lines), sample, kind, truth)


def _positive(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"{where}: `ground_truth` must be a positive number, got {value!r}. Download it again.")
    return number


def score_vsi_bench(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score an answer.

    Args:
        truth (`Mapping[str, Any]`):
            `letter` and `options`, or `number` and `category`.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            `answers`: the first word only, as the official code, or what the answer says.

    Returns:
        `dict[str, Any]`: `right` (the letter; a number with an error of at most 25 %) and, of numbers, `mra`.
    """
    parsed = switches["answers"] == "parsed"
    first = answer.split(" ")[0].rstrip(".").strip()
    if "letter" in truth:
        said = parse_choice(answer, truth["options"]) if parsed else first
        return {"right": said is not None and said.lower() == truth["letter"].lower()}
    number = _parsed_number(answer, truth["category"]) if parsed else _number(first)
    accuracy = mean_relative_accuracy(number, truth["number"])
    close = number is not None and abs(number - truth["number"]) <= CLOSE * truth["number"]
    return {"right": close, "mra": accuracy}


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _parsed_number(answer: str, category: str) -> float | None:
    """Read a number in the unit of its task: metres, centimetres, square metres or things."""
    length = parse_quantity(answer) if category in PER_METRE else None
    if length is not None:
        return length["value"] * PER_METRE[category]
    found = NUMBER.search(answer)
    return None if found is None else float(found[0])


def vsi_bench_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples.
        switches (`Switches`):
            Not used.

    Returns:
        `list[Figure]`: The average over tasks, then accuracy or mean relative accuracy of each.
    """
    del switches
    groups = by_group(samples)
    grades = {name: [_grade(sample) for sample in group] for name, group in groups.items()}
    turns = [name for name in groups if task_of(name) == DIRECTION]
    weights = [1 / len(turns) if name in turns else 1.0 for name in groups]
    tasks = {task_of(name) for name in groups}
    rows = [macro("average", f"{len(tasks)} tasks", list(grades.values()), weights)]
    if turns:
        rows.append(macro("accuracy", DIRECTION, [grades[name] for name in turns]))
    return rows + [_row(name, group) for name, group in groups.items()]


def _grade(sample: dict[str, Any]) -> float:
    return sample["mra"] if "mra" in sample else float(sample["right"])


def _row(name: str, group: Sequence[dict[str, Any]]) -> Figure:
    if name in NUMBER_TYPES:
        return mean("MRA", name, [sample["mra"] for sample in group])
    return share("accuracy", name, [sample["right"] for sample in group])


VSI_BENCH = Task(
    name="vsi-bench",
    about="space in videos, eight tasks (accuracy, mean relative accuracy)",
    source=SOURCE,
    layout=LAYOUT,
    read=read_vsi_bench,
    score=score_vsi_bench,
    rows=vsi_bench_rows,
    switches={"types": ("all", "sr3d"), "answers": ("first-word", "parsed")},
    max_new_tokens=16,
    uses_scenes=True,
)
