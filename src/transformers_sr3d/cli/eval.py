# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval boxes --model DIR`: ask a checkpoint about held-out rooms of boxes and print a table."""

import argparse


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser("eval", help="measure a checkpoint", description="Measure a checkpoint.")
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    boxes = tasks.add_parser("boxes", help="questions about held-out rooms of boxes, through real generation")
    boxes.add_argument("--model", required=True, metavar="DIR", help="folder of the checkpoint")
    boxes.add_argument("--limit", type=int, default=600, metavar="N", help="questions (default: 600)")
    boxes.add_argument("--batch-size", type=int, default=16, metavar="N", help="questions at a time (default: 16)")
    boxes.add_argument("--json", metavar="FILE", help="write every answer and what was measured with")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print.

    Args:
        args (`argparse.Namespace`):
            `model`, `limit`, `batch_size` and `json`.

    Returns:
        `int`: 0.
    """
    from transformers_sr3d.evaluation.boxes import evaluate_boxes, format_table

    report = evaluate_boxes(args.model, limit=args.limit, batch_size=args.batch_size, json_path=args.json)
    print(format_table(report))
    return 0
