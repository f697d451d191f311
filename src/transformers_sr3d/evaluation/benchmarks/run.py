# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs a task: its questions -> answers of a checkpoint or of a file -> scores, baselines, table and manifest.

May import: the standard library, tqdm and the whole package.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from transformers_sr3d.evaluation.asking import ask_all, check_asking, generate_answers, this_process
from transformers_sr3d.evaluation.benchmarks.judge import Judge
from transformers_sr3d.evaluation.benchmarks.predictions import check_ids, check_texts, read_predictions
from transformers_sr3d.evaluation.benchmarks.scoring import MAJORITY, MODEL, make_report, make_sample
from transformers_sr3d.evaluation.benchmarks.shown import BLIND, NO_DEPTH, NONE, Shown, ShowSettings, show_less
from transformers_sr3d.evaluation.benchmarks.spatial_rgpt_bench import SPATIAL_RGPT_BENCH
from transformers_sr3d.evaluation.benchmarks.sr3d_bench import SR3D_BENCH
from transformers_sr3d.evaluation.benchmarks.task import Task
from transformers_sr3d.evaluation.checkpoint import open_checkpoint
from transformers_sr3d.evaluation.measured_with import check_json_path, describe_model, describe_run
from transformers_sr3d.evaluation.progress import Progress, check_replaceable, finished_report, only_run
from transformers_sr3d.evaluation.scene_answers import answer_questions
from transformers_sr3d.records.format import Record


ORACLE = "oracle"
ASKED_BASELINES = (BLIND, NO_DEPTH)
BASELINES = (BLIND, MAJORITY, NO_DEPTH, ORACLE)
VERSION = 1
SCORER_PACKAGES = ("transformers-sr3d", "pycocoevalcap", "pycocotools")


@dataclass(frozen=True)
class RunSettings:
    """How a task is run.

    Attributes:
        data (`str`): Folder of the official files.
        switches (`tuple[str, ...]`): `NAME=VALUE`, choices of the protocol.
        show (`ShowSettings`): Views and geometry.
        limit (`int`, *optional*): Only the first so many questions.
        batch_size (`int`, defaults to 8): Questions generated together.
        baselines (`tuple[str, ...]`): Out of `BASELINES`.
        bits (`int`, *optional*): 4 or 8 for each weight of the language model's layers.
        dtype (`str`, defaults to `"float32"`): Of the weights.
        judge (`Judge`, *optional*): Who judges SpatialRGPT-Bench.
    """

    data: str
    switches: tuple[str, ...] = ()
    show: ShowSettings = field(default_factory=ShowSettings)
    limit: int | None = None
    batch_size: int = 8
    baselines: tuple[str, ...] = ()
    bits: int | None = None
    dtype: str = "float32"
    judge: Judge | None = None


def run_task(
    task: Task,
    model: str | Path,
    settings: RunSettings,
    json_path: str | Path | None = None,
    *,
    keep_finished: bool = False,
) -> dict[str, Any] | None:
    """Ask a checkpoint a task's questions.

    Args:
        task (`Task`):
            From `find_task`.
        model (`str` or `Path`):
            The checkpoint.
        settings (`RunSettings`):
            How.
        json_path (`str` or `Path`, *optional*):
            Where to write the report; needed with several processes.
        keep_finished (`bool`, defaults to `False`):
            Return the report that is there, if it was made with the same settings, instead of asking again.

    Returns:
        `dict[str, Any]` or `None`: `manifest`, `rows` (`metric`, `group`, `of`, and a cell for the model and each
        baseline) and `samples`; None in all processes but the first.

    Raises:
        FileNotFoundError: If the checkpoint, a file or a scene is missing.
        ValueError: If something is refused; files and entries are named.
    """
    processes = this_process().num_processes
    check_asking(
        model, batch_size=settings.batch_size, limit=settings.limit, json_path=json_path, num_processes=processes
    )
    _check_baselines(task, settings)
    switches, records = _read(task, settings)
    shown = Shown(task, Path(settings.data), settings.show)
    shown.check(records)
    asker = _Asker(task, shown, switches, settings)
    manifest = _manifest(task, records, settings, switches) | {
        **describe_model(model),
        "shown": shown.describe(),
        "decoding": _decoding(task, settings),
    }
    if keep_finished and (finished := finished_report(json_path, manifest)) is not None:
        return finished if this_process().is_main_process else None
    return ask_all(
        batches_of(records, settings.batch_size),
        asker.answer,
        load=partial(open_checkpoint, model, bits=settings.bits, dtype=settings.dtype),
        manifest=manifest,
        report_of=lambda samples: make_report(task, switches, samples, settings.baselines),
        json_path=json_path,
    )


def score_predictions(
    task: Task, predictions: str | Path, settings: RunSettings, json_path: str | Path | None = None
) -> dict[str, Any] | None:
    """Score answers that somebody else generated.

    Args:
        task (`Task`):
            From `find_task`.
        predictions (`str` or `Path`):
            See `read_predictions`.
        settings (`RunSettings`):
            How; baselines that would have to ask a model are refused.
        json_path (`str` or `Path`, *optional*):
            Where to write the report.

    Returns:
        `dict[str, Any]` or `None`: As `run_task`; one process does it all.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the answers do not fit the questions.
    """
    _check_scoring(settings)
    if not this_process().is_main_process:
        return None
    _check_baselines(task, settings)
    check_json_path(json_path)
    switches, records = _read(task, settings)
    answers = read_predictions(predictions, task.name, records)
    digest = hashlib.sha256(Path(predictions).read_bytes()).hexdigest()
    manifest = _manifest(task, records, settings, switches)
    manifest |= {"model": str(predictions), "predictions_sha256": digest}
    with only_run(json_path):
        check_replaceable(json_path, manifest)
        # A judge takes time and money: what it has said is kept. All else is scored again in no time.
        progress = Progress(json_path if settings.judge else None, manifest)
        for place, record in enumerate(tqdm(records, unit="question", desc="scoring", disable=None)):
            if place not in progress.done:
                answer = {MODEL: answers[place]}
                progress.add(place, [make_sample(task, record, answer, switches, settings.judge)])
        report = {"manifest": manifest, **make_report(task, switches, progress.samples(), settings.baselines)}
        Progress(json_path, manifest).finish(report)
    return report


def check_task(task: Task, settings: RunSettings) -> None:
    """Refuse what a run of a task would refuse before its first question.

    Args:
        task (`Task`):
            From `find_task`.
        settings (`RunSettings`):
            How.

    Raises:
        FileNotFoundError: If a file or a scene is missing.
        ValueError: If something is refused.
    """
    _check_baselines(task, settings)
    _, records = _read(task, settings)
    Shown(task, Path(settings.data), settings.show).check(records)


def _check_scoring(settings: RunSettings) -> None:
    """Refuse options that would have no effect on given answers."""
    asked = [name for name in settings.baselines if name != MAJORITY]
    if asked:
        raise ValueError(f"`--baselines {asked[0]}` must come with --model, got --predictions. Leave it out.")
    plain = RunSettings(settings.data)
    given, usual = vars(settings) | vars(settings.show), vars(plain) | vars(plain.show)
    for name in (*vars(plain.show), "limit", "batch_size", "bits", "dtype"):
        if given[name] != usual[name]:
            raise ValueError(
                f"`--{name.replace('_', '-')}` must be left out with --predictions, got {given[name]}. All are "
                "scored as they are."
            )


def _read(task: Task, settings: RunSettings) -> tuple[dict[str, str], list[Record]]:
    switches = task.read_switches(settings.switches)
    records = task.read(Path(settings.data), switches)
    check_ids(records)
    check_texts(records)
    if not records:
        raise ValueError(f"`--switch` must leave questions, got none of {task.name} in {settings.data}.")
    return switches, records[: settings.limit]


def _check_baselines(task: Task, settings: RunSettings) -> None:
    for name in settings.baselines:
        if name not in BASELINES:
            raise ValueError(f"`--baselines` must be among {', '.join(BASELINES)}, got {name!r}. Choose some.")
    geometry = settings.show.geometry
    without_depth = geometry == NONE or (geometry is None and not task.uses_scenes)
    reasons = {
        MAJORITY: None if task.majority else "its answers are descriptions",
        ORACLE: None if task.name == SR3D_BENCH.name else "only sr3d-bench-rebuilt says what its questions measure",
        NO_DEPTH: "nothing has depth there" if without_depth else None,
    }
    for name in settings.baselines:
        if reasons.get(name):
            raise ValueError(f"`--baselines {name}` makes no sense for {task.name}: {reasons[name]}. Leave it out.")
    if settings.judge is not None and task.name != SPATIAL_RGPT_BENCH.name:
        raise ValueError(f"`--judge-url` has no effect on {task.name}, which has no judge. Leave it out.")


def batches_of(records: Sequence[Record], batch_size: int) -> list[list[Record]]:
    """Cut questions into batches; questions of one scene that follow each other stay together.

    Args:
        records (`Sequence[Record]`):
            All questions.
        batch_size (`int`):
            Most of a batch.

    Returns:
        `list[list[Record]]`: In order.
    """
    batches: list[list[Record]] = []
    for record in records:
        last = batches[-1] if batches else []
        if last and len(last) < batch_size and last[0].sample.get("scene") == record.sample.get("scene"):
            last.append(record)
        else:
            batches.append([record])
    return batches


@dataclass
class _Asker:
    """Answers batches, with everything and with less for baselines."""

    task: Task
    shown: Shown
    switches: dict[str, str]
    settings: RunSettings

    def answer(self, network: Any, processor: Any, batch: list[Record]) -> list[dict[str, Any]]:
        """Answer and score a batch."""
        arguments = [self.shown.arguments(record) for record in batch]
        answers = [{MODEL: text} for text in self._generate(network, processor, batch, arguments)]
        for name in self.settings.baselines:
            if name in ASKED_BASELINES:
                less = [show_less(entry, name) for entry in arguments]
                for found, text in zip(answers, self._generate(network, processor, batch, less), strict=True):
                    found[name] = text
        if ORACLE in self.settings.baselines:
            from transformers_sr3d.evaluation.benchmarks.sr3d_oracle import SceneOracle

            oracle = SceneOracle(self.shown.data)
            for found, record, entry in zip(answers, batch, arguments, strict=True):
                found[ORACLE] = oracle.answer(record, entry)
        return [
            make_sample(self.task, record, found, self.switches, self.settings.judge)
            for record, found in zip(batch, answers, strict=True)
        ]

    def _generate(self, network: Any, processor: Any, batch: list[Record], arguments: list[dict]) -> list[str]:
        longest = self.task.max_new_tokens
        try:
            if len(batch) > 1 and not any("regions" in entry for entry in arguments) and "scene" in batch[0].sample:
                # One scene, several questions: the vision tower sees it once.
                texts, encoded = [record.turns[0][0] for record in batch], processor.encode_views(**arguments[0])
                return answer_questions(
                    network, processor, encoded, texts, batch_size=len(batch), max_new_tokens=longest
                )
            many, turns = [processor.encode_views(**entry) for entry in arguments], [record.turns for record in batch]
            written = generate_answers(network, processor, many, turns, max_new_tokens=longest)
        except (ValueError, TypeError, OSError) as error:
            raise ValueError(f"{batch[0].where} to {batch[-1].where}: {error}") from error
        return [text.strip() for text in written]


def _manifest(
    task: Task, records: Sequence[Record], settings: RunSettings, switches: Mapping[str, str]
) -> dict[str, Any]:
    questions = "\n".join(f"{record.id}\t{record.turns[0][0]}\t{record.truth}" for record in records)
    return {
        "benchmark": task.name,
        "version": VERSION,
        "data": str(settings.data),
        "questions": len(records),
        "limit": settings.limit,
        "questions_sha256": hashlib.sha256(questions.encode()).hexdigest(),
        "example_prompt": records[0].turns[0][0],
        "switches": dict(switches),
        "baselines": list(settings.baselines),
        "judge": None if settings.judge is None else settings.judge.describe(),
        "scorers": {name: _version_of(name) for name in SCORER_PACKAGES},
        **describe_run(),
    }


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _decoding(task: Task, settings: RunSettings) -> dict[str, Any]:
    return {
        "greedy": True,
        "max_new_tokens": task.max_new_tokens,
        "batch_size": settings.batch_size,
        "dtype": settings.dtype,
        "language_model_bits": settings.bits,
    }
