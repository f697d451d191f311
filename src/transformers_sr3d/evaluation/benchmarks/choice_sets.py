# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Choices about pictures: BLINK's spatial relations, RealWorldQA, EmbSpatial-Bench and SAT.

An answer counts when it names the right option: by its letter, with or without brackets, or by its text.

Sources: Fu et al., BLINK: multimodal large language models can see but not perceive, 2024; xAI, RealWorldQA, 2024;
Du et al., EmbSpatial-Bench: benchmarking spatial understanding for embodied tasks, 2024; Ray et al., SAT: dynamic
spatial aptitude training for multimodal language models, 2024.

May import: siblings.
"""

import base64
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.answers_sr3d import parse_choice
from transformers_sr3d.evaluation.benchmarks.figures import ALL, Figure, accuracy_rows
from transformers_sr3d.evaluation.benchmarks.files import find_files, picture_bytes, read_rows, text_of
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task, make_record
from transformers_sr3d.pipeline_samples_sr3d import with_options
from transformers_sr3d.records.format import Record


BLINK_SOURCE = "Get it from https://huggingface.co/datasets/BLINK-Benchmark/BLINK (Apache-2.0)."
BLINK_IMAGES = ("image_1", "image_2", "image_3", "image_4")
REALWORLDQA_SOURCE = "Get it from https://huggingface.co/datasets/lmms-lab/RealWorldQA (CC BY-ND 4.0)."
EMBSPATIAL_SOURCE = "Get it from https://huggingface.co/datasets/Phineas476/EmbSpatial-Bench."
SAT_SOURCE = "Get it from https://huggingface.co/datasets/array/SAT (MIT)."


def letter_of(text: str) -> str | None:
    """Read an answer of the official files.

    Args:
        text (`str`):
            For example `"(B)"` or `"b."`.

    Returns:
        `str` or `None`: The letter, or None if it is none.
    """
    bare = text.strip().strip("().").upper()
    return bare if len(bare) == 1 and bare in string.ascii_uppercase else None


def score_choice(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score a choice.

    Args:
        truth (`Mapping[str, Any]`):
            `letter` and `options`.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            Not used.

    Returns:
        `dict[str, Any]`: `right`.
    """
    del switches
    return {"right": parse_choice(answer, truth["options"]) == truth["letter"]}


def choice_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples.
        switches (`Switches`):
            Not used.

    Returns:
        `list[Figure]`: Accuracy of all and by category.
    """
    del switches
    return accuracy_rows(samples)


def read_blink(data: Path, subtask: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Read a subtask of BLINK.

    Args:
        data (`Path`):
            Folder of the data set.
        subtask (`str`):
            For example `"Spatial_Relation"`.

    Returns:
        `list[tuple[str, dict, dict]]`: Where each question stands, its row, and its truth.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is of another layout, or the split has no answers.
    """
    rows = read_rows(
        find_files(data, [f"{subtask}/val-*.parquet", "val-*.parquet"], f"{BLINK_SOURCE} Folder: {subtask}/."),
        ("idx", "prompt", "choices", "answer", "image_1"),
    )
    found = []
    for where, row in rows:
        letter, options = letter_of(text_of(row, "answer", where)), row["choices"]
        if letter is None or not isinstance(options, list) or ord(letter) - ord("A") >= len(options):
            raise ValueError(
                f"{where}: `answer` must be one of its choices, got {row['answer']!r}. Take the split val."
            )
        row |= {"idx": text_of(row, "idx", where)}
        found.append((where, row, {"letter": letter, "options": [str(option) for option in options]}))
    return found


def blink_images(row: dict[str, Any], where: str) -> list[bytes]:
    """Take the pictures of a question.

    Args:
        row (`dict[str, Any]`):
            Of BLINK.
        where (`str`):
            File and row.

    Returns:
        `list[bytes]`: At least one.

    Raises:
        ValueError: If one is no picture.
    """
    present = [key for key in BLINK_IMAGES if row.get(key) is not None]
    return [picture_bytes(row[key], f"{where}: `{key}`") for key in present]


def _read_blink_spatial(data: Path, switches: Switches) -> list[Record]:
    del switches
    return [
        make_record(where, row["idx"], text_of(row, "prompt", where), {"images": blink_images(row, where)}, ALL, truth)
        for where, row, truth in read_blink(data, "Spatial_Relation")
    ]


def _read_realworldqa(data: Path, switches: Switches) -> list[Record]:
    del switches
    paths = find_files(data, ["data/test-*.parquet", "test-*.parquet"], REALWORLDQA_SOURCE)
    records = []
    for number, (where, row) in enumerate(read_rows(paths, ("image", "question", "answer"))):
        answer = text_of(row, "answer", where).strip()
        truth = {"letter": letter_of(answer)} if letter_of(answer) else {"text": answer}
        sample = {"images": [picture_bytes(row["image"], f"{where}: `image`")]}
        records.append(make_record(where, str(number), text_of(row, "question", where), sample, ALL, truth))
    return records


def score_realworldqa(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score an answer of RealWorldQA, whose options stand in the question.

    Args:
        truth (`Mapping[str, Any]`):
            `letter`, or a short `text`.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            Not used.

    Returns:
        `dict[str, Any]`: `right`: the letter, or the same text but for case and a full stop.
    """
    del switches
    if "letter" in truth:
        letters = list(string.ascii_uppercase)
        return {"right": parse_choice(answer, letters) == truth["letter"]}
    return {"right": answer.strip().rstrip(".").lower() == truth["text"].strip().rstrip(".").lower()}


def _read_embspatial(data: Path, switches: Switches) -> list[Record]:
    del switches
    paths = find_files(data, ["embspatial_bench.json", "data/test-*.parquet", "test-*.parquet"], EMBSPATIAL_SOURCE)
    records = []
    for where, row in read_rows(paths, ("question_id", "question", "answer_options", "answer", "image")):
        options, place = row["answer_options"], row["answer"]
        if not isinstance(options, list) or not isinstance(place, int) or not 0 <= place < len(options):
            raise ValueError(f"{where}: `answer` must be a place among `answer_options`, got {place!r}. Get it again.")
        texts = [str(option) for option in options]
        truth = {"letter": string.ascii_uppercase[place], "options": texts}
        sample = {"images": [_embspatial_image(row["image"], where)]}
        question = with_options(text_of(row, "question", where), texts)
        category = str(row.get("relation") or ALL)
        records.append(make_record(where, str(row["question_id"]), question, sample, category, truth))
    return records


def _embspatial_image(cell: Any, where: str) -> bytes:
    if not isinstance(cell, str):
        return picture_bytes(cell, f"{where}: `image`")
    try:
        return base64.b64decode(cell, validate=True)
    except ValueError as error:  # of base64, or of letters beyond ASCII
        raise ValueError(f"{where}: `image` must be a picture in base64, got {cell[:20]!r}. Get it again.") from error


def _read_sat(data: Path, switches: Switches) -> list[Record]:
    split = switches["split"]
    patterns = [f"SAT_{split}.parquet", f"data/{split}-*.parquet", f"{split}-*.parquet"]
    rows = read_rows(find_files(data, patterns, SAT_SOURCE), ("image_bytes", "question", "answers", "correct_answer"))
    records = []
    for number, (where, row) in enumerate(rows):
        if not isinstance(row["answers"], list) or not isinstance(row["image_bytes"], list):
            raise ValueError(f"{where}: `answers` and `image_bytes` must be lists, got others. Get it again.")
        options, right = [str(option) for option in row["answers"]], str(row["correct_answer"])
        if right not in options:
            raise ValueError(f"{where}: `correct_answer` must be among {options}, got {right!r}. Get it again.")
        truth = {"letter": string.ascii_uppercase[options.index(right)], "options": options}
        images = [
            picture_bytes(cell, f"{where}: `image_bytes[{place}]`") for place, cell in enumerate(row["image_bytes"])
        ]
        question, category = (
            with_options(text_of(row, "question", where), options),
            str(row.get("question_type") or ALL),
        )
        records.append(make_record(where, str(number), question, {"images": images}, category, truth))
    return records


BLINK_SPATIAL = Task(
    name="blink-spatial",
    about="BLINK Spatial_Relation: yes or no about one picture",
    source=BLINK_SOURCE,
    layout="Spatial_Relation/val-00000-of-00001.parquet in --data.",
    read=_read_blink_spatial,
    score=score_choice,
    rows=choice_rows,
)
REALWORLDQA = Task(
    name="realworldqa",
    about="questions about street scenes and everyday pictures",
    source=REALWORLDQA_SOURCE,
    layout="data/test-00000-of-00002.parquet and its sibling in --data.",
    read=_read_realworldqa,
    score=score_realworldqa,
    rows=choice_rows,
)
EMBSPATIAL = Task(
    name="embspatial",
    about="EmbSpatial-Bench: relations of things seen by a robot, six kinds",
    source=EMBSPATIAL_SOURCE,
    layout="embspatial_bench.json in --data.",
    read=_read_embspatial,
    score=score_choice,
    rows=choice_rows,
)
SAT = Task(
    name="sat",
    about="SAT: static and dynamic spatial choices about one or two pictures",
    source=SAT_SOURCE,
    layout="SAT_test.parquet (or data/test-*.parquet) in --data.",
    read=_read_sat,
    score=score_choice,
    rows=choice_rows,
    switches={"split": ("test", "val")},
)
