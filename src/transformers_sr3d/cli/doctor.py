# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d doctor SCENE`: what is wrong with a scene, and how to mend it. Status 0: no fault was found, 1: one was."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from transformers_sr3d.cli.reader_options import EPILOG, add_reader_options, reader_options


if TYPE_CHECKING:
    from transformers_sr3d.doctor.report import Mending, Report
    from transformers_sr3d.inputs.source import Source

FAULT_FOUND = 1


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser(
        "doctor",
        help="say what is wrong with a scene, and mend it",
        description="Compare views of a scene, say what is wrong with poses, depth, intrinsics, up, scale or time: "
        "exit status 0 nothing wrong was found, 1 a fault was found, 2 the source could not be read.",
        epilog=EPILOG,
    )
    parser.add_argument("source", metavar="SCENE", help="any source of views, as for `sr3d scene import`")
    parser.add_argument("--views", type=int, default=12, metavar="N", help="most views to compare (default: 12)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--fix", metavar="DIR", help="write a corrected copy there, and examine it")
    parser.add_argument("--overwrite", action="store_true", help="replace the scene in the folder of --fix")
    add_reader_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine, print, and write the corrected copy.

    Args:
        args (`argparse.Namespace`):
            Arguments of the verb.

    Returns:
        `int`: 0 if nothing wrong was found in the source, 1 otherwise, whether it was mended or not.

    Raises:
        ValueError: If an option or the source is refused, or something is in the way of the copy.
        OSError: If a file is missing.
    """
    from transformers_sr3d.cli.scene import check_target
    from transformers_sr3d.doctor.examine import examine_source
    from transformers_sr3d.inputs.open_source import open_source

    if args.views < 2:
        raise ValueError(f"`--views` must be at least 2, got {args.views}. Leave it out for 12.")
    if args.fix is not None:
        check_fix_folder(Path(args.source), Path(args.fix))
        check_target(Path(args.fix), overwrite=args.overwrite)
    source = open_source(args.source, args.kind, **reader_options(args))
    report = examine_source(source, max_views=args.views)
    result = report.to_json()
    if not args.json:
        print(report.to_text())
    if args.fix is not None and report.mending.changes_anything:
        mended = _write_mended(source, report.mending, Path(args.fix), max_views=args.views)
        result["mended"] = mended.to_json()
        if not args.json:
            print(f"corrected copy\n{mended.to_text()}")
    elif args.fix is not None:
        reason = "no correction is known" if report.findings else "nothing wrong was found"
        print(f"sr3d doctor: {reason}, so {args.fix} was not written", file=sys.stderr)
    if args.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    return FAULT_FOUND if report.findings else 0


def check_fix_folder(source: Path, folder: Path) -> None:
    """Refuse to write the copy over what it is made from.

    Args:
        source (`Path`):
            Of the views.
        folder (`Path`):
            Of the copy.

    Raises:
        ValueError: If one is the other, or inside it.
    """
    paths = source.resolve(), folder.resolve()
    if paths[0].is_relative_to(paths[1]) or paths[1].is_relative_to(paths[0]):
        raise ValueError(f"`--fix` must be another folder than the source, got {folder} for {source}. Choose one.")


def _write_mended(source: "Source", mending: "Mending", folder: Path, *, max_views: int) -> "Report":
    """Write the corrected copy, and examine what was written."""
    from transformers_sr3d.doctor.examine import examine_source
    from transformers_sr3d.doctor.mending import mend_source
    from transformers_sr3d.inputs import scene, scene_folder
    from transformers_sr3d.inputs.open_source import import_scene, open_source

    import_scene(mend_source(source, mending), folder)
    if source.kind == scene_folder.KIND and scene.load_scene_objects(source.path):
        print("sr3d doctor: warning: the objects of the scene were not copied", file=sys.stderr)
    return examine_source(open_source(folder, scene_folder.KIND), max_views=max_views)
