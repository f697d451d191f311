# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval records FILE... --model M`: ask a checkpoint one's own questions, and print a table."""

import argparse


def add_records_parser(tasks: argparse._SubParsersAction) -> None:
    """Add the task.

    Args:
        tasks (`argparse._SubParsersAction`):
            Of the parser of `sr3d eval`.
    """
    parser = tasks.add_parser(
        "records",
        help="own questions with truth",
        description="Ask the questions of records that have `truth` (docs/data_format.md). A killed run goes on if it "
        "is called again with the same --json. Several processes: accelerate launch -m transformers_sr3d.cli.main ...",
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="JSONL files of records")
    add("--model", required=True, metavar="M", help="folder of the checkpoint, or its name on the Hub")
    add("--root", metavar="DIR", help="folder that paths are relative to (default: that of each file)")
    add("--limit", type=int, metavar="N", help="only the first N records")
    add("--batch-size", type=int, default=8, metavar="N", help="questions at a time (default: 8)")
    add("--json", metavar="FILE", help="write every answer and what was measured with")
    add("--bits", type=int, choices=(4, 8), help="of each weight of the language model (default: all)")
    parser.set_defaults(run=run_records)


def run_records(args: argparse.Namespace) -> int:
    """Measure on own records and print.

    Args:
        args (`argparse.Namespace`):
            Of the task `records`.

    Returns:
        `int`: 0.
    """
    from transformers_sr3d.evaluation.own_records import evaluate_records, format_rows

    report = evaluate_records(
        args.model,
        args.files,
        root=args.root,
        batch_size=args.batch_size,
        limit=args.limit,
        json_path=args.json,
        bits=args.bits,
    )
    if report is not None:
        print(format_rows(report["rows"]))
    return 0
