# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Answers that somebody else generated: a file -> one answer per question, or an error that names what does not fit.

    {"id": "val-scene0011_00-0", "answer": "brown"}      a line of a JSONL file
    {"manifest": {"benchmark": "scanqa", ...}, "samples": [...]}     a report of `sr3d eval`

May import: the standard library and siblings.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.json_files import parse_object, read_object, take, take_list
from transformers_sr3d.records.format import Record


SHOWN = 3


def read_predictions(path: str | Path, task: str, records: Sequence[Record]) -> list[str]:
    """Read the answers to a task's questions.

    Args:
        path (`str` or `Path`):
            A JSONL file, or a report.
        task (`str`):
            Name of the task.
        records (`Sequence[Record]`):
            Its questions.

    Returns:
        `list[str]`: Answers in the order of the questions; empty ones stay empty and are scored.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another task, an entry is malformed, or ids are missing, unknown or there twice.
    """
    path = Path(path)
    entries = _read_jsonl(path) if path.suffix == ".jsonl" else _read_report(path, task)
    answers: dict[str, str] = {}
    for where, entry in entries:
        identity, answer = str(take(entry, "id", where)), take(entry, "answer", where)
        if not isinstance(answer, str):
            raise ValueError(f"{where}: `answer` must be text, got {answer!r:.80}. Write it in quotes, also if empty.")
        if not _is_whole(answer):
            raise ValueError(f"{where}: `answer` must be whole letters, got {answer!r:.80}. Write it as UTF-8.")
        if identity in answers:
            raise ValueError(f"{where}: `id` must occur once, got {identity!r} again. Drop one of the answers.")
        answers[identity] = answer
    wanted = {record.id for record in records}
    for name, ids in (("unknown", set(answers) - wanted), ("missing", wanted - set(answers))):
        if ids:
            raise ValueError(
                f"`--predictions` must answer each of the {len(wanted)} questions of {task} once, got {len(answers)} "
                f"answers in {path}, {len(ids)} ids {name}: {', '.join(sorted(ids)[:SHOWN])}. Is it the file of "
                "another task or split?"
            )
    return [answers[record.id] for record in records]


def _read_jsonl(path: Path) -> list[tuple[str, dict[str, Any]]]:
    if not path.is_file():
        raise FileNotFoundError(f"`--predictions` must be a file, got none at {path}. Check the path.")
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except UnicodeDecodeError as error:
        raise ValueError(f"`--predictions` must be UTF-8, got {path}: {error}. Save it again.") from error
    lines = enumerate(text.split("\n"), start=1)  # not splitlines: answers may hold other separators
    named = [(f"{path.name}:{number}", line) for number, line in lines if line.strip()]
    return [(where, parse_object(line, where)) for where, line in named]


def _read_report(path: Path, task: str) -> list[tuple[str, dict[str, Any]]]:
    if not path.is_file():
        raise FileNotFoundError(f"`--predictions` must be a file, got none at {path}. Check the path.")
    report = read_object(path)
    found = take(take(report, "manifest", path.name), "benchmark", f"{path.name} manifest")
    if found != task:
        raise ValueError(f"`--predictions` must be a report of {task}, got one of {found!r} in {path}. Take another.")
    samples = take_list(report, "samples", path.name, least=1)
    return [(f"{path.name} samples[{place}]", sample) for place, sample in enumerate(samples)]


def check_texts(records: Sequence[Record]) -> None:
    """Refuse questions that no file can hold.

    Args:
        records (`Sequence[Record]`):
            Of a task.

    Raises:
        ValueError: If a text is half a letter (a lone surrogate); the message names the entry.
    """
    for record in records:
        if not _is_whole([record.id, record.turns, record.truth]):
            raise ValueError(f"{record.where}: texts must be whole letters, got half of one. Take the official file.")


def _is_whole(content: Any) -> bool:
    try:
        json.dumps(content, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def check_ids(records: Sequence[Record]) -> None:
    """Refuse questions that share an id.

    Args:
        records (`Sequence[Record]`):
            Of a task.

    Raises:
        ValueError: If an id occurs twice; the message names the entry.
    """
    counts = Counter(record.id for record in records)
    twice = next((record for record in records if counts[record.id] > 1), None)
    if twice is not None:
        raise ValueError(
            f"{twice.where}: ids must occur once, got {twice.id!r} {counts[twice.id]} times. Take the official file."
        )
