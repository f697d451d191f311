# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""SQA3D: questions of somebody who stands in a scan of ScanNet.

Sources: Ma et al., SQA3D: Situated question answering in 3D scenes, 2023; prompt and scorer of Video-3D-LLM, whose
normaliser is LEO's.

May import: siblings.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.evaluation.benchmarks.figures import ALL, Figure, accuracy_rows, share
from transformers_sr3d.evaluation.benchmarks.files import find_files, name_rows, text_of
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task, make_record
from transformers_sr3d.evaluation.scorers.short_answers import is_refined_match, normalise_answer, question_type
from transformers_sr3d.json_files import read_object, take_list
from transformers_sr3d.records.format import Record


SUFFIX = " Answer the question using a single word or phrase."
SOURCE = (
    "Get the question and annotation files (sqa_task.zip) from https://github.com/SilongYong/SQA3D, and the scans "
    "from http://www.scan-net.org, whose terms of use have to be signed."
)
LAYOUT = (
    "v1_balanced_questions_test_scannetv2.json and v1_balanced_sqa_annotations_test_scannetv2.json in --data, or in a "
    "folder below; one scan per folder in --scenes, called scene0011_00 and so on."
)


def read_sqa3d(data: Path, switches: Switches) -> list[Record]:
    """Read questions and their answers.

    Args:
        data (`Path`):
            Folder of the two official files.
        switches (`Switches`):
            `split`.

    Returns:
        `list[Record]`: `category` is the type of question; `truth` is `{"answers": [...]}`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is of another layout, or a question has no answer.
    """
    split = switches["split"]
    questions = _entries(data, f"v1_balanced_questions_{split}_scannetv2.json", "questions")
    annotations = _entries(data, f"v1_balanced_sqa_annotations_{split}_scannetv2.json", "annotations")
    answers = {str(row["question_id"]): row.get("answers") for _, row in annotations}
    return [_record(where, row, answers.get(str(row["question_id"]))) for where, row in questions]


def _entries(data: Path, name: str, key: str) -> list[tuple[str, dict[str, Any]]]:
    path = find_files(data, [name, f"*/{name}", f"*/*/{name}"], SOURCE)[0]
    return name_rows(take_list(read_object(path), key, path.name, least=1), path.name, ("question_id",))


def _record(where: str, row: dict[str, Any], answers: Any) -> Record:
    given = answers if isinstance(answers, list) else []
    texts = [entry.get("answer") for entry in given if isinstance(entry, dict)]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{where}: question {row['question_id']!r} must have an answer, got none. Take both files.")
    situation, question = text_of(row, "situation", where).strip(), text_of(row, "question", where).strip()
    sample, category = {"scene": text_of(row, "scene_id", where)}, question_type(question)
    prompt = f"{situation} {question}{SUFFIX}"
    return make_record(where, str(row["question_id"]), prompt, sample, category, {"answers": texts})


def score_sqa3d(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score an answer.

    Args:
        truth (`Mapping[str, Any]`):
            `answers`, of which the first counts.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            Not used.

    Returns:
        `dict[str, Any]`: `right` (equal after normalisation) and `refined`.
    """
    del switches
    normal, first = normalise_answer(answer), normalise_answer(truth["answers"][0])
    return {"right": normal == first, "refined": normal == first or is_refined_match(normal, [first])}


def sqa3d_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples.
        switches (`Switches`):
            Not used.

    Returns:
        `list[Figure]`: EM of all and by type of question, and refined EM.
    """
    del switches
    return [*accuracy_rows(samples, "EM"), share("EM refined", ALL, [sample["refined"] for sample in samples])]


SQA3D = Task(
    name="sqa3d",
    about="questions from where one stands in a ScanNet scan (EM by type)",
    source=SOURCE,
    layout=LAYOUT,
    read=read_sqa3d,
    score=score_sqa3d,
    rows=sqa3d_rows,
    switches={"split": ("test", "val", "train")},
    uses_scenes=True,
)
