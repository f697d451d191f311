# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Which code and which words trained: files or wordings of the package -> one short name, the same everywhere.

This module may import the standard library and the wordings of the package.
"""

import hashlib
import json
from pathlib import Path

from transformers_sr3d.rooms.questions.phrasings import (
    DIRECTIONS,
    TRAIN_SPLIT,
    answer_phrasings,
    phrasings,
    question_kinds,
    training_phrasings,
)
from transformers_sr3d.rooms.questions.wordings import ANSWERS


PACKAGE = Path(__file__).resolve().parents[1]
SUFFIXES = (".py", ".yaml")
ANSWERS_OF_DIRECTION = ("choice", "yes", "no")


def code_version() -> str:
    """Name the code and the wordings of this package.

    Returns:
        `str`: Ten hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in PACKAGE.rglob("*") if path.suffix in SUFFIXES):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def wordings_version() -> str:
    """Name the words of training: every wording of a question or an answer, in its order.

    Returns:
        `str`: Ten hexadecimal digits; those of the test split do not count.
    """
    questions = {kind: (phrasings(kind, TRAIN_SPLIT), training_phrasings(kind)) for kind in question_kinds()}
    kinds = (*ANSWERS, *(f"{name}_{form}" for name in DIRECTIONS for form in ANSWERS_OF_DIRECTION))
    answers = {kind: answer_phrasings(kind) for kind in kinds}
    return hashlib.sha256(json.dumps([questions, answers], sort_keys=True).encode()).hexdigest()[:10]
