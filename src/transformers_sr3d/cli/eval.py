# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval TASK --model M`: ask a checkpoint about what it never saw, and print a table."""

import argparse

from transformers_sr3d.cli.eval_benchmarks import add_benchmark_parsers, list_tasks
from transformers_sr3d.cli.eval_compare import add_compare_parser
from transformers_sr3d.cli.eval_kinect import add_kinect_parser
from transformers_sr3d.cli.eval_records import add_records_parser
from transformers_sr3d.cli.eval_report import add_report_parser


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser("eval", help="measure a checkpoint", description="Measure a checkpoint.")
    parser.add_argument("--list", action="store_true", help="describe all benchmarks and stop")
    parser.set_defaults(run=_run_list)
    tasks = parser.add_subparsers(dest="task", metavar="TASK")
    _add_rooms_bench(tasks)
    add_benchmark_parsers(tasks)
    add_kinect_parser(tasks)
    add_records_parser(tasks)
    add_compare_parser(tasks)
    add_report_parser(tasks)


def _run_list(args: argparse.Namespace) -> int:
    if not args.list:
        raise ValueError("`TASK` must be given, got none. See sr3d eval --list.")
    print(list_tasks())
    return 0


def _add_rooms_bench(tasks: argparse._SubParsersAction) -> None:
    parser = tasks.add_parser(
        "rooms-bench",
        help="questions about furnished rooms, through real generation",
        description="Ask a checkpoint about furnished rooms: even scenes are single photos, odd ones walks of several "
        "views. A run that was killed goes on where it stopped if it is called again with the same --json.",
    )
    add = parser.add_argument
    add("--model", required=True, metavar="M", help="folder of the checkpoint, or its name on the Hub")
    add("--split", default="test", choices=("train", "val", "test"), help="which rooms (default: test)")
    add("--limit", type=int, default=400, metavar="N", help="questions (default: 400)")
    add("--json", metavar="FILE", help="write every answer, the summary and what was measured with")
    add("--scenes", metavar="DIR", help="rooms that `sr3d render` wrote, instead of new ones")
    add("--furniture", metavar="FILE", help="furniture of the rooms (default: for new ones the pack of CC0 models)")
    add("--seed", type=int, default=0, metavar="N", help="of rooms, regions and questions (default: 0)")
    add("--views", "--frames", type=int, default=32, metavar="N", help="most views of a scene (default: 32)")
    add("--region-kind", metavar="KIND", help="give all regions in this way (default: every scene another)")
    add("--degrade", nargs="+", default=[], metavar="NAME", help="worsen what the model sees, in this order")
    add("--no-depth", action="store_true", help="show the model pictures and regions only")
    add("--blind", action="store_true", help="show the model a grey picture, so that it has the question only")
    add("--baselines", nargs="*", default=["majority", "oracle"], metavar="NAME", help=BASELINES_HELP)
    add("--batch-size", type=int, default=8, metavar="N", help="questions at a time, of one scene (default: 8)")
    add("--workers", type=int, default=1, metavar="N", help="processes that make scenes ahead (default: 1)")
    add("--bits", type=int, choices=(4, 8), help="of each weight of the language model (default: all)")
    parser.set_defaults(run=run_rooms_bench)


BASELINES_HELP = (
    "columns beside the model: majority and oracle (default), and blind and no-depth, which ask the model again"
)


def run_rooms_bench(args: argparse.Namespace) -> int:
    """Measure on furnished rooms and print.

    Args:
        args (`argparse.Namespace`):
            Of the task `rooms-bench`.

    Returns:
        `int`: 0.
    """
    from transformers_sr3d.evaluation.benchmarks.table import write_markdown
    from transformers_sr3d.evaluation.rooms.report import format_markdown, format_text
    from transformers_sr3d.evaluation.rooms.rooms_bench import BenchSettings
    from transformers_sr3d.evaluation.rooms.runner import run_benchmark

    settings = BenchSettings(
        split=args.split,
        seed=args.seed,
        scenes=args.scenes,
        furniture=args.furniture,
        max_views=args.views,
        region_kind=args.region_kind,
        degradations=(*args.degrade, *(["without_depth"] if args.no_depth else [])),
        blind=args.blind,
        baselines=tuple(name.replace("-", "_") for name in args.baselines),
    )
    report = run_benchmark(
        args.model,
        settings,
        limit=args.limit,
        batch_size=args.batch_size,
        workers=args.workers,
        json_path=args.json,
        bits=args.bits,
    )
    print(format_text(report["summary"]))
    if args.json:
        write_markdown(format_markdown(report["summary"]), args.json)
    return 0
