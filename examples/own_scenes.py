# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Your scenes, your words: folders of RGB-D scenes -> 50 questions -> a tuned checkpoint, measured and ready to push.

    python examples/own_scenes.py --scenes scans/train --held-out scans/held_out --out runs/my_words

Scenes are scene folders with named 3D boxes (docs/own_data.md, docs/data_make.md); `sr3d render` makes furnished
rooms to try it on. Their boxes give the answers and `WORDS` the questions: put there how your users ask, or write the
records yourself (docs/data_format.md). Held-out questions are asked before and after. The push is a dry run, so
nothing leaves the machine. Called again, it goes on where it stopped.
"""

import argparse
import json
import random
import re
import sys
from pathlib import Path

from transformers_sr3d.cli.main import main as sr3d
from transformers_sr3d.evaluation.comparison import compare_reports, format_comparison, read_report
from transformers_sr3d.evaluation.own_records import evaluate_records
from transformers_sr3d.finetuning.run import run_finetuning
from transformers_sr3d.finetuning.settings import DataFile, FinetuneSettings, ScheduleSettings, TuningSettings
from transformers_sr3d.records.check import check_records
from transformers_sr3d.records.format import write_records
from transformers_sr3d.records.making.run import MakeSettings, make_records


# How people ask here, by category of `sr3d data make`; answers are centimetres, which the robot's software wants.
WORDS = {
    "width": "Gap that {0} needs?",
    "height": "Headroom that {0} needs?",
    "distance": "Cable from {0} to {1}?",
}


def write_questions(scenes: Path, count: int, seed: int) -> Path:
    """Ask about scenes in our words, in a file beside them.

    Args:
        scenes (`Path`):
            Folder of scene folders.
        count (`int`):
            Questions, drawn evenly from the scenes.
        seed (`int`):
            Of what is asked.

    Returns:
        `Path`: The file of records.

    Raises:
        ValueError: If the scenes give fewer questions, or a record is refused.
    """
    out = scenes / f"own_words_{count}.jsonl"
    if out.exists():
        return out
    folders = sorted(path.parent for path in scenes.glob("*/scene.json"))
    drafts = scenes / "drafts.jsonl"
    if not drafts.exists():
        per_scene = -(-3 * count // max(1, len(folders)))
        make_records(folders, drafts, MakeSettings(questions=per_scene, seed=seed, categories=tuple(WORDS)))
    lines = [json.loads(line) for line in drafts.read_text().splitlines()]
    if len(lines) < count:
        raise ValueError(f"`--scenes` must give {count} questions, got {len(lines)} from {scenes}. Add scenes.")
    write_records(out, [in_our_words(line) for line in random.Random(seed).sample(lines, count)])
    report = check_records([out])
    if report.problems:
        raise ValueError("\n".join(report.problems))
    return out


def in_our_words(record: dict) -> dict:
    """Ask the question of a record in our words; the answer stays in the words that the model knows."""
    question, answer = record["messages"]
    mentions = re.findall(r"<region\d+>", question["content"])
    return {**record, "messages": [{**question, "content": WORDS[record["category"]].format(*mentions)}, answer]}


def tune(model: str, questions: Path, out: Path, epochs: float, learning_rate: float) -> Path:
    """Tune a checkpoint on the questions; a killed run goes on.

    Args:
        model (`str`):
            Checkpoint to start from.
        questions (`Path`):
            File of records.
        out (`Path`):
            Folder for the checkpoint and the run.
        epochs (`float`):
            Passes over the questions.
        learning_rate (`float`):
            Of the adapters, the 3D encoding and the region branch.

    Returns:
        `Path`: The finished checkpoint.
    """
    tuning = TuningSettings(method="lora", learning_rate=learning_rate, geometry_learning_rate=learning_rate / 10)
    return run_finetuning(
        FinetuneSettings(
            model=model,
            data=[DataFile(str(questions))],
            output_dir=str(out / "checkpoint"),
            run_dir=str(out / "run"),
            tuning=tuning,
            schedule=ScheduleSettings(epochs=epochs, batch_size=10, warmup_share=0.1),
        )
    )


def measure(model: str | Path, questions: Path, report: Path) -> dict:
    """Ask the questions, or read what was answered before."""
    return read_report(report) if report.exists() else evaluate_records(model, [questions], json_path=report)


def main(arguments: list[str] | None = None) -> int:
    """Do it all, and print the figures and what a push would send.

    Args:
        arguments (`list[str]`, *optional*):
            Command line; defaults to that of the process.

    Returns:
        `int`: Exit status 0.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--scenes", type=Path, required=True, help="folder of scene folders to train on")
    add("--held-out", type=Path, required=True, help="folder of others to measure on")
    add("--out", type=Path, required=True, help="where run, reports and checkpoint go")
    add("--model", default="checkpoints/sr3d-tiny", help="checkpoint to start from (default: the small one)")
    add("--questions", type=int, default=50, help="to train on (default: 50)")
    add("--held-out-questions", type=int, default=300, help="to measure on (default: 300)")
    add("--epochs", type=float, default=30.0, help="passes over the questions (default: 30)")
    add("--learning-rate", type=float, default=3e-4, help="of the adapters (default: 3e-4)")
    options = parser.parse_args(arguments)

    options.out.mkdir(parents=True, exist_ok=True)
    questions = write_questions(options.scenes, options.questions, seed=0)
    held_out = write_questions(options.held_out, options.held_out_questions, seed=1)
    before = measure(options.model, held_out, options.out / "before.json")
    tuned = tune(options.model, questions, options.out, options.epochs, options.learning_rate)
    after = measure(tuned, held_out, options.out / "after.json")
    print(format_comparison(compare_reports(before, after)))
    return sr3d(["push", str(tuned), "you/my-words", "--dry-run"])


if __name__ == "__main__":
    sys.exit(main())
