# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Geometric oracle of sr3d-bench-rebuilt: marked points and what a question asks -> an answer without a network.

May import: the standard library and siblings.
"""

import dataclasses
import string
from functools import lru_cache
from pathlib import Path
from typing import Any

from transformers_sr3d.evaluation.benchmarks.files import find_files, read_rows
from transformers_sr3d.evaluation.benchmarks.sr3d_bench import SOURCE, STRUCTURE_FILE
from transformers_sr3d.evaluation.rooms.oracle import is_geometric, measure_regions, oracle_answer
from transformers_sr3d.records.format import Record
from transformers_sr3d.rooms.questions.conversations import RoomQuestion


FIELDS = {entry.name for entry in dataclasses.fields(RoomQuestion)}


class SceneOracle:
    """Answers from measured boxes.

    Args:
        data (`Path`):
            What the builder wrote.

    Raises:
        FileNotFoundError: If the structure of the questions is missing.
    """

    def __init__(self, data: Path):
        self.structures = _read_structures(data)

    def answer(self, record: Record, arguments: dict[str, Any]) -> str:
        """Answer a question.

        Args:
            record (`Record`):
                The question.
            arguments (`dict[str, Any]`):
                What a model is shown of it.

        Returns:
            `str`: In the form of the truth; empty where regions have too few points, which counts as wrong.

        Raises:
            ValueError: If the structure of the question is missing.
        """
        if record.id not in self.structures:
            raise ValueError(f"{record.where}: `{STRUCTURE_FILE}` must have {record.id!r}, got none. Build it again.")
        question = self.structures[record.id]
        boxes, is_metric = measure_regions(arguments)
        if boxes is None or not is_geometric(question) or (question.metres is not None and not is_metric):
            return ""
        answer = oracle_answer(question, boxes) or ""
        if question.form == "options" and answer in question.options:
            return string.ascii_uppercase[question.options.index(answer)]
        return answer


@lru_cache(maxsize=1)
def _read_structures(data: Path) -> dict[str, RoomQuestion]:
    rows = read_rows(find_files(data, [STRUCTURE_FILE], SOURCE), ("id", "kind", "form", "regions"))
    found = {}
    for _, row in rows:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
        found[row["id"]] = RoomQuestion(**{name: value for name, value in values.items() if name in FIELDS})
    return found
