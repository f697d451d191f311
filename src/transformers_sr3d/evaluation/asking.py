# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Asking a checkpoint many questions: batches that are answered once, on one process or several, and kept on disk.

Every answered batch is kept beside the report, so a killed run goes on with the next one. Under `accelerate launch`
each process answers its share of the batches, and the first writes the report, which is that of one process.

May import: torch, accelerate, tqdm and the whole package.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from tqdm import tqdm

from transformers_sr3d.evaluation.measured_with import check_json_path, check_model_exists
from transformers_sr3d.evaluation.progress import PARTIAL_SUFFIX, Progress, check_replaceable, only_run
from transformers_sr3d.evaluation.scene_answers import MAX_NEW_TOKENS, check_length
from transformers_sr3d.records.format import Record
from transformers_sr3d.training.collator import count_images, render_conversation, render_prompt


PART = re.compile(rf"\.rank\d+of(\d+){re.escape(PARTIAL_SUFFIX)}$")
Batch = list[Record]
# From the model, its processor and a batch to one scored sample each.
Answerer = Callable[[Any, Any, Batch], list[dict[str, Any]]]


def this_process() -> PartialState:
    """Find out which process this is, of how many.

    Returns:
        `PartialState`: On a machine without an accelerator, too, where accelerate would else see a single process.
    """
    return PartialState(cpu=not torch.cuda.is_available())


def check_asking(
    model: str | Path, *, batch_size: int, limit: int | None, json_path: str | Path | None, num_processes: int
) -> None:
    """Refuse what cannot work, before anything is read.

    Args:
        model (`str` or `Path`):
            The checkpoint.
        batch_size (`int`):
            Questions generated together.
        limit (`int`, *optional*):
            Only the first so many.
        json_path (`str` or `Path`, *optional*):
            Of the report.
        num_processes (`int`):
            Of this run.

    Raises:
        FileNotFoundError: If there is no such checkpoint, or no folder for the report.
        ValueError: If a number is out of range, or several processes have no place for a report.
    """
    for name, value in (("batch_size", batch_size), ("limit", limit)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1, got {value}. Raise it.")
    if num_processes > 1 and json_path is None:
        raise ValueError(f"`json_path` must be given with {num_processes} processes, got none. Pass --json FILE.")
    check_model_exists(model)
    check_json_path(json_path)


def ask_all(
    batches: Sequence[Batch],
    answer: Answerer,
    *,
    load: Callable[[], tuple[Any, Any]],
    manifest: dict[str, Any],
    report_of: Callable[[list[dict[str, Any]]], dict[str, Any]],
    json_path: str | Path | None = None,
) -> dict[str, Any] | None:
    """Answer all batches and write the report.

    Args:
        batches (`Sequence[list[Record]]`):
            The questions, in order.
        answer (`Callable`):
            Answers and scores a batch.
        load (`Callable`):
            Loads the model and its processor; called only if there is something to ask.
        manifest (`dict[str, Any]`):
            What a run that goes on must have in common with the one that was killed.
        report_of (`Callable[[list[dict]], dict]`):
            From all samples to the report without the manifest.
        json_path (`str` or `Path`, *optional*):
            Of the report; nothing is kept without.

    Returns:
        `dict[str, Any]` or `None`: The report; None in all processes but the first.

    Raises:
        ValueError: If another run writes there, or one with other settings was killed or has ended there.
    """
    state = this_process()
    rank, processes = state.process_index, state.num_processes
    parts = [None if json_path is None else f"{json_path}.rank{place}of{processes}" for place in range(processes)]
    with ExitStack() as stack:
        stack.enter_context(only_run(parts[rank] if rank else json_path))
        check_replaceable(json_path, manifest)
        earlier = [Progress(part, manifest) for part in _earlier_parts(json_path, processes)]
        progress = Progress(parts[rank], manifest)
        done = set(progress.done).union(*(part.done for part in earlier))
        mine = [place for place in range(len(batches)) if place % processes == rank and place not in done]
        if mine:
            network, processor = load()
            for place in tqdm(mine, unit="batch", desc="asking", disable=None):
                progress.add(place, answer(network, processor, batches[place]))
        state.wait_for_everyone()
        if not state.is_main_process:
            return None
        others = [*earlier, *(Progress(part, manifest) for part in parts[1:])]
        for other in others:
            progress.done |= other.done
        report = {"manifest": manifest, **report_of(progress.samples())}
        if json_path is not None:
            Progress(json_path, manifest).finish(report)
            for part in (progress, *others):
                Path(str(part.path)).unlink(missing_ok=True)
    return report


def _earlier_parts(json_path: str | Path | None, processes: int) -> list[Path]:
    """What a killed run with another number of processes left; nobody writes there now."""
    if json_path is None:
        return []
    found = [(path, PART.search(path.name)) for path in sorted(Path(json_path).parent.iterdir())]
    return [
        path.with_name(path.name.removesuffix(PARTIAL_SUFFIX))
        for path, match in found
        if match and int(match[1]) != processes and path.name.startswith(f"{Path(json_path).name}.rank")
    ]


@torch.no_grad()
def generate_answers(
    network: Any,
    processor: Any,
    encoded: Sequence[dict[str, Any] | None],
    conversations: Sequence[Sequence[tuple[str, str]]],
    *,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> list[str]:
    """Answer the last question of some conversations, greedily.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        processor (`SR3DProcessor`):
            Of the model.
        encoded (`Sequence[dict | None]`):
            Of `SR3DProcessor.encode_views`; None without images.
        conversations (`Sequence[Sequence[tuple[str, str]]]`):
            Questions and answers; the last answer is not shown.
        max_new_tokens (`int`, defaults to 48):
            Longest answer.

    Returns:
        `list[str]`: What the model wrote.

    Raises:
        ValueError: If a conversation is too long for the model.
    """
    texts = [
        prompt_of(turns, num_images=count_images(sample)) for turns, sample in zip(conversations, encoded, strict=True)
    ]
    inputs = processor.batch_encoded(texts, list(encoded), padding=True, padding_side="left", return_tensors="pt")
    inputs = inputs.to(network.device)
    check_length(network, inputs["input_ids"].shape[1], max_new_tokens)
    written = network.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
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
