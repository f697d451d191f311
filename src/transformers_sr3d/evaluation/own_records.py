# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval records`: a checkpoint and records with truth -> answers, scored by category.

Each record's last question is asked, after its earlier turns. Lengths count as right within a ratio of 1.25, options
by their letter, texts where the answer says them (`is_record_right`).

May import: the whole package.
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from transformers_sr3d.answers_sr3d import parse_choice, parse_quantity, parse_regions
from transformers_sr3d.evaluation.asking import ask_all, check_asking, generate_answers, this_process
from transformers_sr3d.evaluation.checkpoint import open_checkpoint
from transformers_sr3d.evaluation.measured_with import describe_decoding, describe_model, describe_run
from transformers_sr3d.evaluation.metrics import is_within_ratio, mean_relative_accuracy, wilson_interval
from transformers_sr3d.finetuning.encoding import encode_record
from transformers_sr3d.records.format import Record, read_records


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALL = "all"


def evaluate_records(
    model: str | Path,
    files: Sequence[str | Path],
    *,
    root: str | Path | None = None,
    batch_size: int = 8,
    limit: int | None = None,
    json_path: str | Path | None = None,
    bits: int | None = None,
) -> dict[str, Any] | None:
    """Ask a checkpoint the questions of records.

    Args:
        model (`str` or `Path`):
            Folder of the checkpoint, or its name on the Hub.
        files (`Sequence[str | Path]`):
            JSONL files whose records have `truth`.
        root (`str` or `Path`, *optional*):
            Folder that their paths are relative to; that of each file by default.
        batch_size (`int`, defaults to 8):
            Questions generated together.
        limit (`int`, *optional*):
            Only the first so many records.
        json_path (`str` or `Path`, *optional*):
            Where to write the report; needed with several processes.
        bits (`int`, *optional*):
            4 or 8 for each weight of the language model's layers (`quantised`).

    Returns:
        `dict[str, Any]` or `None`: `manifest`, `rows` (by category, then all) and `samples`; None in all processes but
        the first.

    Raises:
        FileNotFoundError: If there is no such checkpoint or file.
        ImportError: If `bits` is given and bitsandbytes is missing.
        ValueError: If a record is refused or has no truth, or a number is out of range.
    """
    num_processes = this_process().num_processes
    check_asking(model, batch_size=batch_size, limit=limit, json_path=json_path, num_processes=num_processes)
    records = [record for file in files for record in read_records(file, root)][:limit]
    lacking = [record.where for record in records if record.truth is None]
    if lacking:
        raise ValueError(f"{lacking[0]}: `truth` is needed to score, got none in {len(lacking)} records. Add it.")
    return ask_all(
        [records[start : start + batch_size] for start in range(0, len(records), batch_size)],
        _answer_batch,
        load=partial(open_checkpoint, model, bits=bits),
        manifest=_manifest(model, files, len(records), batch_size, bits),
        report_of=lambda samples: {"rows": score_rows(samples), "samples": samples},
        json_path=json_path,
    )


def _manifest(
    model: str | Path, files: Sequence[str | Path], count: int, batch_size: int, bits: int | None
) -> dict[str, Any]:
    return {
        "benchmark": "records",
        "version": 1,
        **describe_model(model),
        "files": [str(file) for file in files],
        "records": count,
        "decoding": describe_decoding(batch_size, bits),
        **describe_run(),
    }


def _answer_batch(network: Any, processor: Any, batch: Sequence[Record]) -> list[dict[str, Any]]:
    answers = answer_records(network, processor, batch)
    return [_sample(record, answer) for record, answer in zip(batch, answers, strict=True)]


def answer_records(network: Any, processor: Any, records: Sequence[Record]) -> list[str]:
    """Answer the last question of some records.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        processor (`SR3DProcessor`):
            Of the model.
        records (`Sequence[Record]`):
            Asked together.

    Returns:
        `list[str]`: What the model wrote.

    Raises:
        ValueError: If a record cannot be encoded; the message names file and line.
    """
    encoded = [encode_record(record, processor) for record in records]
    return generate_answers(network, processor, encoded, [record.turns for record in records])


def _sample(record: Record, answer: str) -> dict[str, Any]:
    truth = record.truth or {}
    sample = {
        "id": record.id,
        "category": record.category or "none",
        "question": record.turns[-1][0],
        "truth": truth,
        "answer": answer,
        "right": is_record_right(truth, answer),
    }
    if "value" in truth:
        stated = parse_quantity(answer)
        value = None if stated is None else stated["value"]
        sample |= {"stated_m": value, "mra": mean_relative_accuracy(value, truth["value"])}
    return sample


def is_record_right(truth: dict[str, Any], answer: str) -> bool:
    """Score an answer.

    Args:
        truth (`dict[str, Any]`):
            Of the record: `value` in metres, the letter of a `choice`, or a `text`.
        answer (`str`):
            What the model wrote.

    Returns:
        `bool`: A length within a ratio of 1.25; the letter; for "yes" and "no" the first word; for "Region 2, Region
        0" these regions in this order; else whether the answer has the words of the text in a row.
    """
    if "value" in truth:
        stated = parse_quantity(answer)
        return stated is not None and is_within_ratio(stated["value"], truth["value"])
    if "choice" in truth:
        return parse_choice(answer, list(LETTERS)) == truth["choice"]
    words, said = _words(truth["text"]), _words(answer)
    if words in (["yes"], ["no"]):
        return said[:1] == words
    regions = parse_regions(truth["text"])
    if regions:
        return parse_regions(answer)[: len(regions)] == regions
    return any(said[place : place + len(words)] == words for place in range(len(said)))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def score_rows(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count right answers by category, and of all.

    Args:
        samples (`Sequence[dict]`):
            Answered and scored.

    Returns:
        `list[dict[str, Any]]`: `category`, `total`, `right`, `percent`, its 95 % `interval`, and `mra` (mean relative
        accuracy of lengths in percent, or None).
    """
    groups = {name: [s for s in samples if s["category"] == name] for name in sorted({s["category"] for s in samples})}
    return [_row(name, group) for name, group in (*groups.items(), (ALL, list(samples)))]


def _row(name: str, samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    right, total = sum(sample["right"] for sample in samples), len(samples)
    low, high = wilson_interval(right, total)
    lengths = [sample["mra"] for sample in samples if "mra" in sample]
    return {
        "category": name,
        "total": total,
        "right": right,
        "percent": 100.0 * right / total,
        "interval": [100.0 * low, 100.0 * high],
        "mra": 100.0 * sum(lengths) / len(lengths) if lengths else None,
    }


def format_rows(rows: Sequence[dict[str, Any]]) -> str:
    """Write the rows as a table.

    Args:
        rows (`Sequence[dict]`):
            Of `score_rows`.

    Returns:
        `str`: Lines.
    """
    lines = [f"{'category':24}{'right':>7}{'of':>6}{'%':>8}{'95 %':>16}{'MRA':>7}"]
    for row in rows:
        interval = "{:.1f} to {:.1f}".format(*row["interval"])
        mra = "" if row["mra"] is None else f"{row['mra']:.1f}"
        lines.append(
            f"{row['category']:24}{row['right']:>7}{row['total']:>6}{row['percent']:>8.1f}{interval:>16}{mra:>7}"
        )
    return "\n".join(lines)
