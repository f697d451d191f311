# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval report FILE...`: reports of benchmarks beside published figures, as Markdown."""

import argparse
from pathlib import Path


def add_report_parser(tasks: argparse._SubParsersAction) -> None:
    """Add the task.

    Args:
        tasks (`argparse._SubParsersAction`):
            Of the parser of `sr3d eval`.
    """
    parser = tasks.add_parser(
        "report",
        help="reports of benchmarks beside published figures",
        description="Draw the tables of the SR-3D paper with own reports (--json) beside the published rows. What was "
        "measured by another protocol stands apart, with the reason.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="reports of sr3d eval TASK --json")
    parser.add_argument("--out", metavar="FILE", help="write the Markdown there instead of printing it")
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Draw and print.

    Args:
        args (`argparse.Namespace`):
            Of the task `report`.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If a file is no report of a benchmark.
        OSError: If a file is missing, or cannot be written.
    """
    from transformers_sr3d.evaluation.benchmarks.paper_tables import draw_tables

    text = draw_tables(args.files)
    if args.out:
        Path(args.out).write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0
