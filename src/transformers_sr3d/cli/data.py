# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d data check FILE...`: problems by line. `sr3d data make | import ... --out FILE`: questions as records."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from transformers_sr3d.cli.data_rebuild import add_rebuild_parser


PROBLEM_FOUND = 1
PRINTED_PROBLEMS = 20


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser(
        "data",
        help="check and make records for training and evaluation on own data",
        description="Check records of one's own data, or make them from annotated scenes (docs/data_format.md).",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_check(actions)
    _add_make(actions)
    _add_import(actions)
    add_rebuild_parser(actions)


def _add_check(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser("check", help="find every problem of files of records, with its line")
    parser.add_argument("files", nargs="+", metavar="FILE", help="JSONL files of records")
    parser.add_argument("--root", metavar="DIR", help="folder that their paths are relative to (default: each file's)")
    parser.add_argument("--model", metavar="MODEL", help="checkpoint whose processor counts the tokens")
    parser.add_argument("--json", action="store_true", help="print all problems and the summary as JSON")
    parser.set_defaults(run=run_check)


def _add_make(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        "make",
        help="make questions with exact truth from annotated scenes",
        description="Ask about named things of scenes: 3D boxes in scene.json, or COCO or LVIS marks on the views. "
        "A killed run goes on where it stopped.",
    )
    parser.add_argument("scenes", nargs="+", metavar="SCENE", help="scene folders, below the folder of --out")
    parser.add_argument("--out", required=True, metavar="FILE", help="the JSONL file to write")
    parser.add_argument("--coco", metavar="FILE", help="annotations whose file names are those of the views")
    parser.add_argument("--questions", type=int, default=16, metavar="N", help="most per scene (default: 16)")
    parser.add_argument("--categories", nargs="+", metavar="NAME", help="ask in these only (default: all that fit)")
    parser.add_argument("--turns", type=int, default=1, metavar="N", help="questions of one record (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn (default: 0)")
    parser.add_argument(
        "--split", default="train", help="whose wordings: train, val, or test with some of its own (default: train)"
    )
    parser.add_argument("--region-kind", metavar="KIND", help="masks, mask, boxes, box or box_3d (default: drawn)")
    parser.add_argument(
        "--all-annotated",
        action="store_true",
        help="everything with one of the names is annotated: count things, too",
    )
    parser.set_defaults(run=run_make)


def _add_import(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        "import",
        help="turn question files of other projects into records",
        description="Turn question files of other projects into records (docs/data_format.md).",
    )
    parser.add_argument("format", metavar="FORMAT", help="spatialrgpt, llava, scanqa, sqa3d, scan2cap or mmscan")
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="its JSON files")
    parser.add_argument("--out", required=True, metavar="FILE", help="the JSONL file to write")
    parser.add_argument("--images", metavar="DIR", help="folder of the pictures, below that of --out")
    parser.add_argument("--scenes", metavar="DIR", help="folder with a scene per scan, below that of --out")
    parser.add_argument("--boxes", metavar="FILE", help="scan -> object id -> center, size, rotation (scan2cap)")
    parser.set_defaults(run=run_import)


def run_check(args: argparse.Namespace) -> int:
    """Check and print what was found.

    Args:
        args (`argparse.Namespace`):
            Arguments of `data check`.

    Returns:
        `int`: 0, or 1 if there is a problem.

    Raises:
        ValueError: If a file is not UTF-8, or the model is none.
        OSError: If a file is missing.
    """
    from transformers_sr3d.records.check import check_records

    processor, max_tokens = _open_processor(args.model) if args.model else (None, None)
    report = check_records(args.files, args.root, processor=processor, max_tokens=max_tokens)
    if args.json:
        print(json.dumps({"problems": report.problems, "summary": report.summary}, indent=2))
        return PROBLEM_FOUND if report.problems else 0
    for problem in report.problems[:PRINTED_PROBLEMS]:
        print(problem)
    if len(report.problems) > PRINTED_PROBLEMS:
        print(f"... and {len(report.problems) - PRINTED_PROBLEMS} more; --json prints all")
    print(_sentence(report.summary) + (f"; {len(report.problems)} problems" if report.problems else "; no problem"))
    return PROBLEM_FOUND if report.problems else 0


def run_make(args: argparse.Namespace) -> int:
    """Make records and print what was made and what was left out.

    Args:
        args (`argparse.Namespace`):
            Arguments of `data make`.

    Returns:
        `int`: 0, or 1 if a scene was refused.

    Raises:
        ValueError: If an option or all scenes are refused.
        OSError: If a file is missing, or `--out` is there.
    """
    from transformers_sr3d.records.making.run import MakeSettings, make_records

    settings = MakeSettings(
        questions=args.questions,
        turns=args.turns,
        seed=args.seed,
        split=args.split,
        region_kind=args.region_kind,
        all_annotated=args.all_annotated,
        annotations=args.coco,
        categories=None if args.categories is None else tuple(args.categories),
    )
    report = make_records(args.scenes, args.out, settings)
    print(f"{args.out}: {report['records']} records of {len(args.scenes)} scenes")
    for category, count in report["questions"].items():
        print(f"  {count:6d}  {category}")
    for reason, count in report["limits"].items():
        print(f"  {count} times: {reason}")
    for name, message in report["refused"].items():
        print(f"  refused  {name}: {message}", file=sys.stderr)
    return PROBLEM_FOUND if report["refused"] else 0


def run_import(args: argparse.Namespace) -> int:
    """Import records and print what was left out.

    Args:
        args (`argparse.Namespace`):
            Arguments of `data import`.

    Returns:
        `int`: 0, or 1 if something was left out.

    Raises:
        ValueError: If the format or all entries are refused.
        OSError: If a file is missing, or `--out` is there.
    """
    from transformers_sr3d.inputs.files import read_json
    from transformers_sr3d.records.importers import Places, import_records

    folders = {name: Path(path) for name in ("images", "scenes") if (path := getattr(args, name)) is not None}
    boxes = None if args.boxes is None else read_json(Path(args.boxes))
    report = import_records(args.format, args.sources, args.out, Places(Path(args.out).parent, boxes=boxes, **folders))
    print(f"{args.out}: {report['records']} records")
    for reason, count in report["left_out"].items():
        print(f"  left out {count}: {reason}, for example {report['examples'][reason][0]}")
    return PROBLEM_FOUND if report["left_out"] else 0


def _open_processor(model: str) -> tuple[Any, int | None]:
    from transformers_sr3d.configuration_sr3d import SR3DConfig
    from transformers_sr3d.evaluation.checkpoint import check_config
    from transformers_sr3d.processing_sr3d import SR3DProcessor

    check_config(model)
    config = SR3DConfig.from_pretrained(model)
    return SR3DProcessor.from_pretrained(model), getattr(config.text_config, "max_position_embeddings", None)


def _sentence(summary: dict[str, Any]) -> str:
    text = f"{summary['records']} records, {summary['turns']} questions, {summary['views']} views"
    for name in ("categories", "regions"):
        if summary[name]:
            text += f"; {name}: " + ", ".join(f"{key} {count}" for key, count in summary[name].items())
    return text + (f"; longest sequence {summary['longest']} tokens" if "longest" in summary else "")
