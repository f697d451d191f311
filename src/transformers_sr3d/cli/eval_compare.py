# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval compare BEFORE AFTER`: two reports about the same questions, and their paired difference."""

import argparse
import json
from pathlib import Path


def add_compare_parser(tasks: argparse._SubParsersAction) -> None:
    """Add the task.

    Args:
        tasks (`argparse._SubParsersAction`):
            Of the parser of `sr3d eval`.
    """
    parser = tasks.add_parser(
        "compare",
        help="the paired difference of two reports",
        description="Compare two reports (--json) about the same questions: what was gained and lost, and the "
        "difference in points with its 95 % interval.",
    )
    parser.add_argument("before", metavar="BEFORE", help="report of one checkpoint")
    parser.add_argument("after", metavar="AFTER", help="report of another")
    parser.add_argument("--json", metavar="FILE", help="write the rows")
    parser.set_defaults(run=run_compare)


def run_compare(args: argparse.Namespace) -> int:
    """Compare and print.

    Args:
        args (`argparse.Namespace`):
            Of the task `compare`.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If a file is no report, or they are not about the same questions.
        OSError: If a file is missing.
    """
    from transformers_sr3d.evaluation.comparison import compare_reports, format_comparison, read_report

    comparison = compare_reports(read_report(args.before), read_report(args.after))
    if args.json:
        Path(args.json).write_text(json.dumps(comparison, indent=1) + "\n")
    print(format_comparison(comparison))
    return 0
