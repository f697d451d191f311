# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""ScanQA: questions about scans of ScanNet with free answers.

Sources: Azuma et al., ScanQA: 3D question answering for spatial scene understanding, 2022; prompt and scorer of
Video-3D-LLM (raw text), and as a switch those of LLaVA-3D (normalised text, PTB words).

May import: siblings.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.evaluation.benchmarks.captioning import caption_rows
from transformers_sr3d.evaluation.benchmarks.figures import ALL, Figure, not_computed, share
from transformers_sr3d.evaluation.benchmarks.files import find_files, read_rows, text_of
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task, make_record
from transformers_sr3d.evaluation.scorers.java_captions import NotComputedError, ptb_tokenise
from transformers_sr3d.evaluation.scorers.short_answers import is_exact, is_refined_match, normalise_answer
from transformers_sr3d.records.format import Record


SUFFIX = " Answer the question simply."
SOURCE = (
    "Get ScanQA_v1.0_val.json from https://github.com/ATR-DBI/ScanQA, and the scans from http://www.scan-net.org, "
    "whose terms of use have to be signed."
)
LAYOUT = "ScanQA_v1.0_val.json in --data; one scan per folder in --scenes, called scene0011_00 and so on."
METRICS = ("CIDEr", "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L")


def read_scanqa(data: Path, switches: Switches) -> list[Record]:
    """Read the questions.

    Args:
        data (`Path`):
            Folder of the official file.
        switches (`Switches`):
            `split`.

    Returns:
        `list[Record]`: `truth` is `{"answers": [...]}`.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is of another layout.
    """
    rows = read_rows(
        find_files(data, [f"ScanQA_v1.0_{switches['split']}.json"], SOURCE),
        ("scene_id", "question_id", "question", "answers"),
    )
    return [_record(where, row) for where, row in rows]


def _record(where: str, row: dict[str, Any]) -> Record:
    answers = row["answers"]
    if not isinstance(answers, list) or not answers or not all(isinstance(answer, str) for answer in answers):
        raise ValueError(f"{where}: `answers` must be texts, got {answers!r:.80}. Take a split that has answers.")
    question = text_of(row, "question", where)
    sample = {"scene": text_of(row, "scene_id", where)}
    return make_record(where, str(row["question_id"]), question + SUFFIX, sample, ALL, {"answers": answers})


def score_scanqa(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score an answer.

    Args:
        truth (`Mapping[str, Any]`):
            `answers`.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            `rules`.

    Returns:
        `dict[str, Any]`: `right` (exact match: raw, or normalised by the rules of LLaVA-3D) and `refined`.
    """
    answers = truth["answers"]
    normal, normals = normalise_answer(answer), [normalise_answer(text) for text in answers]
    exact = is_exact(answer, answers) if switches["rules"] == "video-3d-llm" else is_exact(normal, normals)
    return {"right": exact, "refined": is_exact(normal, normals) or is_refined_match(normal, normals)}


def scanqa_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples with `truth` and `answer`.
        switches (`Switches`):
            `rules`.

    Returns:
        `list[Figure]`: EM, refined EM and the metrics of captions.
    """
    rows = [
        share("EM", ALL, [sample["right"] for sample in samples]),
        share("EM refined", ALL, [sample["refined"] for sample in samples]),
    ]
    answers = [sample["answer"] for sample in samples]
    references = [sample["truth"]["answers"] for sample in samples]
    if switches["rules"] == "video-3d-llm":
        return rows + caption_rows([answer.removesuffix(".") for answer in answers], references)
    flat = [normalise_answer(text) for texts in (answers, *references) for text in texts]
    try:
        words = ptb_tokenise(flat)
    except NotComputedError as error:
        return rows + [not_computed(metric, ALL, len(samples), str(error)) for metric in METRICS]
    written, rest = words[: len(answers)], iter(words[len(answers) :])
    return rows + caption_rows(written, [[next(rest) for _ in texts] for texts in references])


SCANQA = Task(
    name="scanqa",
    about="questions about ScanNet scans, free answers (CIDEr, EM)",
    source=SOURCE,
    layout=LAYOUT,
    read=read_scanqa,
    score=score_scanqa,
    rows=scanqa_rows,
    switches={"rules": ("video-3d-llm", "llava-3d"), "split": ("val", "train")},
    uses_scenes=True,
)
