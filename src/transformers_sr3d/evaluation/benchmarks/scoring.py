# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Answers -> scored samples -> the rows of a report, with a column for the model and each baseline.

May import: the standard library and siblings.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from transformers_sr3d.evaluation.benchmarks.figures import Figure
from transformers_sr3d.evaluation.benchmarks.judge import Judge
from transformers_sr3d.evaluation.benchmarks.task import Task
from transformers_sr3d.records.format import Record


MODEL, MAJORITY = "model", "majority"
CANDIDATES = 20  # for the best constant answer
# Where a truth that is no number and no list of answers has its text.
TEXT_KEYS = ("letter", "choice", "name", "text", "answer")


def make_sample(
    task: Task, record: Record, answers: Mapping[str, str], switches: Mapping[str, str], judge: Judge | None = None
) -> dict[str, Any]:
    """Score the answers to a question.

    Args:
        task (`Task`):
            Its task.
        record (`Record`):
            The question.
        answers (`Mapping[str, str]`):
            Of the model, and of baselines.
        switches (`Mapping[str, str]`):
            Of the task.
        judge (`Judge`, *optional*):
            Adds its scores.

    Returns:
        `dict[str, Any]`: `id`, `category`, `question`, `truth`, `answer`, scores, and the same of baselines.
    """
    scored = {}
    for name, text in answers.items():
        scored[name] = {"answer": text, **checked_scores(task.score(record.truth or {}, text, switches), record)}
        if judge is not None:
            scored[name] |= checked_scores(judge.scores(record.truth or {}, text), record)
    sample = {"id": record.id, "category": record.category, "question": record.turns[0][0], "truth": record.truth}
    baselines = {name: scores for name, scores in scored.items() if name != MODEL}
    return {**sample, **scored[MODEL], **({"baselines": baselines} if baselines else {})}


def checked_scores(scores: dict[str, Any], record: Record) -> dict[str, Any]:
    """Refuse scores that are no numbers.

    Args:
        scores (`dict[str, Any]`):
            Of a question.
        record (`Record`):
            The question.

    Returns:
        `dict[str, Any]`: The same.

    Raises:
        ValueError: If one is NaN or infinite.
    """
    for name, value in scores.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{record.where}: the score {name!r} must be a number, got {value}. Check its truth.")
    return scores


def make_report(
    task: Task, switches: Mapping[str, str], samples: list[dict[str, Any]], baselines: Sequence[str]
) -> dict[str, Any]:
    """Make the table of a report.

    Args:
        task (`Task`):
            The task.
        switches (`Mapping[str, str]`):
            Of the task.
        samples (`list[dict]`):
            Scored.
        baselines (`Sequence[str]`):
            Columns beside the model.

    Returns:
        `dict[str, Any]`: `rows`, `empty_answers` (counted as they are scored) and `samples`.
    """
    columns: dict[str, list[Figure]] = {MODEL: task.rows(samples, switches)}
    for name in baselines:
        answered = _majority(task, switches, samples) if name == MAJORITY else [
            sample | sample["baselines"][name] for sample in samples
        ]  # fmt: skip
        columns[name] = task.rows(answered, switches)
    cells = {name: {(row.metric, row.group): row for row in rows} for name, rows in columns.items()}
    rows = []
    for row in columns[MODEL]:
        found = {name: cells[name].get((row.metric, row.group)) for name in columns}
        values = {name: cell._asdict() for name, cell in found.items() if cell is not None}
        for cell in values.values():
            del cell["metric"], cell["group"]
        rows.append({"metric": row.metric, "group": row.group, "cells": values})
    empty = sum(not sample["answer"].strip() for sample in samples)
    return {"rows": rows, "empty_answers": empty, "samples": samples}


def _majority(task: Task, switches: Mapping[str, str], samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the best constant answer to each category would have scored."""
    best: dict[str, str] = {}
    for category in {sample["category"] for sample in samples}:
        truths = [sample["truth"] for sample in samples if sample["category"] == category]
        candidates = common_answers(truths)
        right = [sum(task.score(truth, answer, switches)["right"] for truth in truths) for answer in candidates]
        best[category] = candidates[right.index(max(right))]
    bare = [{key: sample[key] for key in ("id", "category", "question", "truth")} for sample in samples]
    return [
        sample
        | {"answer": best[sample["category"]], **task.score(sample["truth"], best[sample["category"]], switches)}
        for sample in bare
    ]


def common_answers(truths: Sequence[Mapping[str, Any]]) -> list[str]:
    """Find what somebody would answer who knows how truths are distributed and does not look.

    Args:
        truths (`Sequence[Mapping]`):
            Of one category.

    Returns:
        `list[str]`: The median of numbers, else the commonest texts, of equally common ones in alphabetical order.
    """
    numbers = [truth.get("number", truth.get("value")) for truth in truths]
    if all(number is not None for number in numbers):
        return [f"{median(numbers):g}" if "number" in truths[0] else f"{median(numbers):g} meters"]
    words = Counter(word for truth in truths for word in _texts_of(truth))
    return sorted(words, key=lambda word: (-words[word], word))[:CANDIDATES]


def _texts_of(truth: Mapping[str, Any]) -> list[str]:
    """All texts that would be right."""
    if "answers" in truth:
        return list(truth["answers"])
    found = [truth[key] for key in TEXT_KEYS if isinstance(truth.get(key), str)]
    return found[:1]
