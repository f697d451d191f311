# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval kinect --model M`: ask a checkpoint for lengths in a real photo, and print a table."""

import argparse


def add_kinect_parser(tasks: argparse._SubParsersAction) -> None:
    """Add the task.

    Args:
        tasks (`argparse._SubParsersAction`):
            Of the parser of `sr3d eval`.
    """
    parser = tasks.add_parser(
        "kinect",
        help="lengths in a real photo, compared with its depth map",
        description="Ask for widths, heights and distances in one real Kinect frame, marked by masks and by boxes.",
    )
    add = parser.add_argument
    add("--model", required=True, metavar="M", help="folder of the checkpoint, or its name on the Hub")
    add("--repeats", type=int, default=3, metavar="R", help="wordings of each quantity, at most 10 (default: 3)")
    add("--seed", type=int, default=0, metavar="N", help="of the wordings (default: 0)")
    add("--batch-size", type=int, default=8, metavar="N", help="questions at a time (default: 8)")
    add("--json", metavar="FILE", help="write every answer and what was measured with")
    add("--photo", metavar="DIR", help="folder of the photo (default: demo/data/kinect_bookcase of the source tree)")
    parser.set_defaults(run=run_kinect)


def run_kinect(args: argparse.Namespace) -> int:
    """Measure on the photo and print.

    Args:
        args (`argparse.Namespace`):
            Of the task `kinect`.

    Returns:
        `int`: 0.
    """
    from transformers_sr3d.evaluation.kinect import evaluate_kinect, format_table
    from transformers_sr3d.evaluation.kinect_photo import PHOTO_FOLDER

    report = evaluate_kinect(
        args.model,
        repeats=args.repeats,
        seed=args.seed,
        batch_size=args.batch_size,
        json_path=args.json,
        folder=args.photo or PHOTO_FOLDER,
    )
    print(format_table(report["rows"]))
    return 0
