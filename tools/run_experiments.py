# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Train and measure the arms of the experiments: python tools/run_experiments.py [--rows NAME ...] [--list]

In: `configs/experiments/*.yaml`, a stage of an arm each. Out: checkpoints and reports in `runs/experiments`, a table
per row on standard output and in `docs/experiments.md`.

Every stage and every report is one process on one core with a log beside its result, `--jobs` of them at a time. What
is there already is not made again: a stage that ended with the same settings, a report of the same weights. A failed
process takes down what needs it and nothing else.

This script may import the standard library, `experiment_arms`, `experiment_tables` and `transformers_sr3d`.
"""

import argparse
import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from experiment_arms import ROWS, Arm, Row, chain_of, parent_of, seeded, stages
from experiment_tables import ArmResult, replace_section, write_caption, write_table

from transformers_sr3d.evaluation.measured_with import hash_weights
from transformers_sr3d.training.settings import (
    OptimisationSettings,
    TrainingSettings,
    read_settings,
    write_settings,
)
from transformers_sr3d.training.sft import FREE_SETTINGS


ROOT = Path(__file__).resolve().parents[1]
RUNS, PAGE = Path("runs/experiments"), Path("docs/experiments.md")
SR3D = (sys.executable, "-m", "transformers_sr3d.cli.main")
# Defaults are chosen by these questions, so they are not those of the test split.
SPLIT = "val"
VIEWS, MIN_WALK_VIEWS = 8, 4
QUESTIONS_PER_ROOM = 5  # that rooms have at least on average; most have eight
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LOG_LINES, POLL_S = 15, 0.1


@dataclass(frozen=True)
class Job:
    """A process.

    Attributes:
        name (`str`): Unique.
        command (`tuple[str, ...]`): Runs in the root of the repository.
        log (`Path`): Of what it prints.
        needs (`tuple[str, ...]`): Names of jobs that must end well before; those that are not planned are done.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    needs: tuple[str, ...] = ()


class Running(NamedTuple):
    """A process that was started: its job, and when, in seconds of `time.monotonic`."""

    job: Job
    process: subprocess.Popen
    started: float


def finish_mark(stage: str, seed: int) -> Path:
    return ROOT / seeded(stage, seed).run_dir / "finished.json"


def is_trained(stage: str, seed: int) -> bool:
    """Tell whether a stage ended with the settings of its file, and after its parent."""
    mark, parent = finish_mark(stage, seed), parent_of(stage)
    if not mark.exists():
        return False
    if parent is not None and (not is_trained(parent, seed) or _is_newer(finish_mark(parent, seed), mark)):
        raise ValueError(
            f"`{stage}` (seed {seed}) must be trained from the present `{parent}`, got a checkpoint from before. "
            f"Delete {mark.parent.parent} to train it again."
        )
    return _decisive(read_settings(mark.with_name("settings.yaml"))) == _decisive(seeded(stage, seed))


def _decisive(settings: TrainingSettings) -> TrainingSettings:
    """Reset what may differ between the parts of a run."""
    defaults = {name: getattr(OptimisationSettings(), name) for name in FREE_SETTINGS}
    return replace(settings, optimisation=replace(settings.optimisation, **defaults))


def _is_newer(path: Path, other: Path) -> bool:
    return path.stat().st_mtime > other.stat().st_mtime


def rooms_folder(limit: int) -> Path:
    return RUNS / f"rooms-{SPLIT}-{num_rooms(limit)}"


def num_rooms(limit: int) -> int:
    """Count the rooms that are rendered for so many questions."""
    return math.ceil(limit / QUESTIONS_PER_ROOM)


def report_path(arm: Arm, seed: int, limit: int) -> Path:
    """Name the report of an arm; arms that show one checkpoint the same share it."""
    shown = "-".join(word.removeprefix("--") for word in arm.shown) or "as_is"
    return Path(seeded(arm.stage, seed).output_dir).parent / f"{shown}-{limit}.json"


def read_report(arm: Arm, seed: int, limit: int) -> dict | None:
    """Read the report of an arm if there is one of its present weights."""
    path = ROOT / report_path(arm, seed, limit)
    if not path.exists() or not is_trained(arm.stage, seed):
        return None
    report = json.loads(path.read_text(encoding="utf-8"))
    is_present = report["manifest"]["weights_sha256"] == hash_weights(ROOT / seeded(arm.stage, seed).output_dir)
    return report if is_present else None


def render_job(limit: int) -> Job:
    """Plan the rooms that all arms are asked about."""
    furniture = next(iter(stages().values())).samples.furniture
    folder = rooms_folder(limit)
    words = ("render", "--scenes", str(num_rooms(limit)), "--out", str(folder), "--split", SPLIT, "--workers", "1")
    views = ("--views", str(MIN_WALK_VIEWS), str(VIEWS), "--photo-share", "0.5")
    return Job(
        "rooms",
        (*SR3D, *words, *views, *_option("--furniture", furniture)),
        ROOT / folder.with_name(f"{folder.name}.log"),
    )


def train_job(stage: str, seed: int) -> Job:
    """Plan a stage."""
    config = Path(seeded(stage, seed).run_dir).parent / "settings.yaml"
    parent = parent_of(stage)
    needs = () if parent is None else (_train_name(parent, seed),)
    log = ROOT / config.with_name("train.log")
    return Job(_train_name(stage, seed), (*SR3D, "train", "--config", str(config)), log, needs)


def _train_name(stage: str, seed: int) -> str:
    return f"train {stage}, seed {seed}"


def eval_job(arm: Arm, seed: int, limit: int) -> Job:
    """Plan a report."""
    settings, path = seeded(arm.stage, seed), report_path(arm, seed, limit)
    words = ("eval", "rooms-bench", "--model", settings.output_dir, "--scenes", str(rooms_folder(limit)))
    numbers = ("--split", SPLIT, "--views", str(VIEWS), "--limit", str(limit), "--workers", "0")
    rest = ("--baselines", "majority", *_option("--furniture", settings.samples.furniture), *arm.shown)
    return Job(
        f"measure {arm.stage}, seed {seed}, {path.stem}",
        (*SR3D, *words, *numbers, "--json", str(path), *rest),
        ROOT / path.with_suffix(".log"),
        (_train_name(arm.stage, seed), "rooms"),
    )


def _option(name: str, value: str | None) -> tuple[str, ...]:
    return () if value is None else (name, value)


def plan_jobs(rows: Iterable[Row], seeds: Sequence[int], limit: int) -> list[Job]:
    """Plan what is missing for some rows, in an order in which it can be made.

    Args:
        rows (`Iterable[Row]`): The rows.
        seeds (`Sequence[int]`): Of training.
        limit (`int`): Questions of a report.

    Returns:
        `list[Job]`: Each once.
    """
    jobs: dict[str, Job] = {}
    for row in rows:
        for seed in seeds:
            for arm in row.arms:
                jobs |= {job.name: job for job in _jobs_of_arm(arm, seed, limit) if job.name not in jobs}
    index = ROOT / rooms_folder(limit) / "scenes.jsonl"  # written last
    if jobs and not index.exists():
        jobs = {"rooms": render_job(limit), **jobs}
    return list(jobs.values())


def _jobs_of_arm(arm: Arm, seed: int, limit: int) -> Iterator[Job]:
    for stage in chain_of(arm.stage):
        if not is_trained(stage, seed):
            yield train_job(stage, seed)
    if read_report(arm, seed, limit) is None:
        yield eval_job(arm, seed, limit)


def prepare(jobs: Iterable[Job], seeds: Sequence[int]) -> None:
    """Make folders, write the settings of stages, and remove what killed measurements left, which would go on."""
    names = {job.name for job in jobs}
    for job in jobs:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        Path(f"{job.log.with_suffix('.json')}.partial.jsonl").unlink(missing_ok=True)
    for stage in stages():
        for seed in seeds:
            if _train_name(stage, seed) in names:
                settings = seeded(stage, seed)
                write_settings(settings, ROOT / Path(settings.run_dir).parent / "settings.yaml")


def run_jobs(jobs: Sequence[Job], count: int) -> list[str]:
    """Run processes, some at a time, each as soon as what it needs is done.

    Args:
        jobs (`Sequence[Job]`): In the order in which they are started if several may be.
        count (`int`): How many at a time.

    Returns:
        `list[str]`: Names of those that failed or were left out because another one failed.
    """
    waiting = {job.name: job for job in jobs}
    running: dict[str, Running] = {}
    failed: list[str] = []
    try:
        while waiting or running:
            failed += start_ready(waiting, running, failed, count)
            time.sleep(POLL_S)
            failed += collect_failed(running)
    finally:
        for left in running.values():
            left.process.terminate()
    return failed


def start_ready(waiting: dict[str, Job], running: dict[str, Running], failed: list[str], count: int) -> list[str]:
    """Start what lacks nothing while there is room, and name what can never be started."""
    left_out: list[str] = []
    for job in list(waiting.values()):
        if any(name in (*failed, *left_out) for name in job.needs):
            say(f"left out: {job.name}")
            left_out.append(waiting.pop(job.name).name)
        elif len(running) < count and not any(name in waiting or name in running for name in job.needs):
            running[job.name] = Running(waiting.pop(job.name), start(job), time.monotonic())
    return left_out


def collect_failed(running: dict[str, Running]) -> list[str]:
    """Take out the processes that ended and name those that failed."""
    ended = [entry for entry in running.values() if entry.process.poll() is not None]
    for entry in ended:
        report_end(running.pop(entry.job.name))
    return [entry.job.name for entry in ended if entry.process.returncode]


def start(job: Job) -> subprocess.Popen:
    """Start a process on one core, with its output in the log."""
    with job.log.open("w", encoding="utf-8") as log:
        log.write(f"$ {shlex.join(job.command)}\n")
        log.flush()
        environment = os.environ | THREADS
        return subprocess.Popen(job.command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)


def report_end(entry: Running) -> None:
    """Say how a process ended, with the end of its log if it failed."""
    job, status = entry.job, entry.process.returncode
    minutes = (time.monotonic() - entry.started) / 60
    say(f"{f'failed with status {status}' if status else 'done'} after {minutes:.1f} min: {job.name}")
    if status:
        lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()
        say("\n".join(f"    {line}" for line in [*lines[-LOG_LINES:], f"log: {job.log}"]))


def arm_result(arm: Arm, seeds: Sequence[int], limit: int) -> ArmResult:
    """Read what was measured of an arm."""
    found = {seed: read_report(arm, seed, limit) for seed in seeds}
    reports = {seed: report for seed, report in found.items() if report is not None}
    marks = [[json.loads(finish_mark(stage, seed).read_text()) for stage in chain_of(arm.stage)] for seed in reports]
    minutes = [sum(mark["minutes"] for mark in chain) for chain in marks]
    code = frozenset(mark.get("code", "unknown") for chain in marks for mark in chain)
    return ArmResult(arm.name, reports, sum(minutes) / len(minutes) if minutes else None, code)


def write_row(row: Row, seeds: Sequence[int], limit: int) -> bool:
    """Print the table of a row and write it into the page; tell whether there is one."""
    arms = [arm_result(arm, seeds, limit) for arm in row.arms]
    if not any(arm.reports for arm in arms):
        say(f"\n{row.name}: not measured")
        return False
    try:
        table = write_table(arms, row.columns)
    except ValueError as error:
        say(f"\n{row.name}: {error}")
        return False
    command = f"python tools/run_experiments.py --rows {row.name} --seeds {' '.join(map(str, seeds))} --limit {limit}"
    content = f"{table}\n\n{write_caption(arms, command)}"
    say(f"\n{row.name}\n\n{content}")
    page = ROOT / PAGE
    unfinished = page.with_suffix(".tmp")
    unfinished.write_text(replace_section(page.read_text(encoding="utf-8"), row.name, content), encoding="utf-8")
    unfinished.replace(page)
    return True


def list_rows(rows: Iterable[Row], seeds: Sequence[int], limit: int) -> None:
    """Print the arms of rows, and what would be run for them."""
    for row in rows:
        say(f"{row.name}: {'; '.join(arm.name for arm in row.arms)}")
    jobs = plan_jobs(rows, seeds, limit)
    say(f"\n{len(jobs)} to run")
    for job in jobs:
        say(f"{job.name}\n    sr3d {shlex.join(job.command[len(SR3D) :])}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def read_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train and measure the arms of the experiments.")
    names = [row.name for row in ROWS]
    parser.add_argument("--rows", nargs="+", default=names, choices=names, metavar="NAME", help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="S", help="default: 0 1 2")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at a time (default: 2)")
    parser.add_argument("--limit", type=int, default=600, metavar="N", help="questions of a report (default: 600)")
    parser.add_argument("--list", action="store_true", help="print rows, arms and what is missing, and stop")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        words (`Sequence[str]`, *optional*): In place of the command line.

    Returns:
        `int`: 1 if a process failed or a row has no table, else 0.
    """
    args = read_arguments(words)
    rows = [row for row in ROWS if row.name in args.rows]
    if args.list:
        list_rows(rows, args.seeds, args.limit)
        return 0
    jobs = plan_jobs(rows, args.seeds, args.limit)
    prepare(jobs, args.seeds)
    failed = run_jobs(jobs, args.jobs)
    unwritten = [row.name for row in rows if not write_row(row, args.seeds, args.limit)]
    if failed:
        say(f"\n{len(failed)} of {len(jobs)} failed or were left out: {'; '.join(failed)}")
    if unwritten:
        say(f"\nwithout a table: {', '.join(unwritten)}")
    return 1 if failed or unwritten else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an exit ends the processes that were started
    sys.exit(main())
