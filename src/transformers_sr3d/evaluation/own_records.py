# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval records`: a checkpoint and records with truth -> answers, scored by category.

Each record's last question is asked, after its earlier turns. Lengths count as right within a ratio of 1.25, options
by their letter, texts where the answer says them (`is_record_right`). Every answered batch is kept beside the report,
so a killed run goes on. Under `accelerate launch` each process answers its share and the first one writes the report,
which is that of one process.

May import: torch, accelerate, tqdm and the whole package.
"""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from tqdm import tqdm

from transformers_sr3d.answers_sr3d import parse_choice, parse_quantity, parse_regions
from transformers_sr3d.evaluation.checkpoint import open_checkpoint
from transformers_sr3d.evaluation.metrics import is_within_ratio, mean_relative_accuracy, wilson_interval
from transformers_sr3d.evaluation.progress import Progress, only_run
from transformers_sr3d.evaluation.runner import (
    check_json_path,
    check_model_exists,
    describe_decoding,
    describe_run,
    hash_weights,
)
from transformers_sr3d.evaluation.scene_answers import MAX_NEW_TOKENS
from transformers_sr3d.finetuning.encoding import encode_record
from transformers_sr3d.records.format import Record, read_records
from transformers_sr3d.training.collator import count_images, render_conversation, render_prompt


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
    state = PartialState()
    _check_arguments(model, batch_size, limit, json_path, state.num_processes)
    records = [record for file in files for record in read_records(file, root)][:limit]
    lacking = [record.where for record in records if record.truth is None]
    if lacking:
        raise ValueError(f"{lacking[0]}: `truth` is needed to score, got none in {len(lacking)} records. Add it.")
    manifest = _manifest(model, files, len(records), batch_size, bits)
    share = None if json_path is None else f"{json_path}.rank{state.process_index}of{state.num_processes}"
    with ExitStack() as stack:
        stack.enter_context(only_run(share))
        progress = Progress(share, manifest)
        _answer(model, records, progress, batch_size, (state.process_index, state.num_processes), bits)
        state.wait_for_everyone()
        if not state.is_main_process:
            return None
        shares = [Progress(f"{json_path}.rank{rank}of{state.num_processes}", manifest) for rank in
                  range(1, state.num_processes)]  # fmt: skip
        for other in shares:
            progress.done |= other.done
        samples = progress.samples()
        report = {"manifest": manifest, "rows": score_rows(samples), "samples": samples}
        if json_path is not None:
            Progress(json_path, manifest).finish(report)
            for part in (progress, *shares):
                Path(str(part.path)).unlink(missing_ok=True)
    return report


def _check_arguments(
    model: str | Path, batch_size: int, limit: int | None, json_path: str | Path | None, num_processes: int
) -> None:
    for name, value in (("batch_size", batch_size), ("limit", limit)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1, got {value}. Raise it.")
    if num_processes > 1 and json_path is None:
        raise ValueError(f"`json_path` must be given with {num_processes} processes, got none. Pass --json FILE.")
    check_model_exists(model)
    check_json_path(json_path)


def _manifest(
    model: str | Path, files: Sequence[str | Path], count: int, batch_size: int, bits: int | None
) -> dict[str, Any]:
    return {
        "benchmark": "records",
        "version": 1,
        "model": str(model),
        "weights_sha256": hash_weights(model),
        "files": [str(file) for file in files],
        "records": count,
        "decoding": describe_decoding(batch_size, bits),
        **describe_run(),
    }


def _answer(
    model: str | Path,
    records: Sequence[Record],
    progress: Progress,
    batch_size: int,
    share: tuple[int, int],
    bits: int | None,
) -> None:
    """Answer every batch of this process that is not answered yet."""
    rank, processes = share
    starts = range(0, len(records), batch_size)
    mine = [start for number, start in enumerate(starts) if number % processes == rank]
    waiting = [start for start in mine if start not in progress.done]
    if not waiting:
        return
    network, processor = open_checkpoint(model, bits=bits)
    for start in tqdm(waiting, unit="batch", desc="asking", disable=None):
        batch = records[start : start + batch_size]
        answers = answer_records(network, processor, batch)
        progress.add(start, [_sample(record, answer) for record, answer in zip(batch, answers, strict=True)])


@torch.no_grad()
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
    texts = [
        prompt_of(record.turns, num_images=count_images(sample))
        for record, sample in zip(records, encoded, strict=True)
    ]
    inputs = processor.batch_encoded(texts, encoded, padding=True, padding_side="left", return_tensors="pt")
    inputs = inputs.to(network.device)
    written = network.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
    return processor.tokenizer.batch_decode(written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def prompt_of(turns: Sequence[tuple[str, str]], *, num_images: int) -> str:
    """Write a conversation up to its last question, open for the answer.

    Args:
        turns (`Sequence[tuple[str, str]]`):
            Questions and answers.
        num_images (`int`):
            Images of the sample.

    Returns:
        `str`: In the form of the chat template.
    """
    if len(turns) == 1:
        return render_prompt(turns[0][0], num_images=num_images)
    earlier = render_conversation(turns[:-1], num_images=num_images)
    return f"{earlier}<|im_start|>user\n{turns[-1][0]}<|im_end|>\n<|im_start|>assistant\n"


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
