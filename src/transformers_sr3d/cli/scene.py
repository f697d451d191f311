# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d scene import SOURCE --out DIR`: any source -> a scene folder. `sr3d scene info SOURCE`: what is in it."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from transformers_sr3d.cli.estimate_options import (
    add_estimate_options,
    estimate_if_asked,
    options_of_reader,
    record_estimate,
)
from transformers_sr3d.cli.reader_options import EPILOG, add_reader_options, reader_options


DEFAULT_VIEWS = "32"
ALL_VIEWS = "all"
SOURCE_HELP = "folder or file: a scene, a scan, a reconstruction, a video, or a folder of images"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser(
        "scene",
        help="import scans and videos, and look at them",
        description="Import a source of views, or look at it.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_import(actions)
    _add_info(actions)


def _add_import(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        "import",
        help="write a source as a scene folder",
        description="Write views of a source as a scene folder, which every other verb reads.",
        epilog=EPILOG,
    )
    parser.add_argument("source", metavar="SOURCE", help=SOURCE_HELP)
    parser.add_argument("--out", required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--views", default=DEFAULT_VIEWS, metavar="N|all", help=f"most views (default: {DEFAULT_VIEWS})"
    )
    parser.add_argument(
        "--select",
        choices=("uniform", "coverage"),
        default="uniform",
        help="at equal steps from the first to the last, or those that see most of the scene (default: uniform)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the scene in DIR")
    add_reader_options(parser)
    add_estimate_options(parser)
    parser.set_defaults(run=run_import)


def _add_info(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        "info",
        help="say what a source holds",
        description="Say what a source or a scene folder holds. A few of its views are loaded.",
        epilog=EPILOG,
    )
    parser.add_argument("source", metavar="SOURCE", help=SOURCE_HELP)
    parser.add_argument("--json", action="store_true", help="print it as JSON, with all views that were left out")
    add_reader_options(parser)
    parser.set_defaults(run=run_info)


def run_import(args: argparse.Namespace) -> int:
    """Import and print what was imported.

    Args:
        args (`argparse.Namespace`):
            Arguments of `scene import`.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If an option or the source is refused, or something is in the way.
        OSError: If a file is missing.
    """
    from transformers_sr3d.inputs.open_source import import_scene, open_source

    out = Path(args.out)
    wanted = _parse_views(args.views)
    check_target(out, overwrite=args.overwrite)
    source = open_source(args.source, args.kind, **options_of_reader(args))
    indices = _select(source, wanted, args.select)
    chosen = estimate_if_asked(source.select(indices), args)
    import_scene(chosen, out)
    record_estimate(out, chosen, args)
    how = "all" if len(indices) == len(source.views) else f"{args.select} choice"
    print(f"{out}: {len(chosen.views)} of {len(source.views)} views ({how}) of {args.source}, kind {source.kind}")
    for line in _left_out(chosen.left_out or {}):
        print(f"  left out  {line}")
    _warn_of_objects(source)
    return 0


def run_info(args: argparse.Namespace) -> int:
    """Print what a source holds.

    Args:
        args (`argparse.Namespace`):
            Arguments of `scene info`.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If an option or the source is refused.
        OSError: If a file is missing.
    """
    from transformers_sr3d.inputs.open_source import open_source
    from transformers_sr3d.inputs.summary import summarise_source

    summary = summarise_source(open_source(args.source, args.kind, **reader_options(args)))
    if args.json:
        print(json.dumps(summary, ensure_ascii=False, indent=2))
        return 0
    for title, text in _lines(summary):
        print(f"{title:<13} {text}")
    return 0


def check_target(out: Path, *, overwrite: bool) -> None:
    """Refuse to write over anything but a scene, and over that without being told.

    Args:
        out (`Path`):
            Where the scene is to go.
        overwrite (`bool`):
            Whether a scene may be replaced.

    Raises:
        ValueError: If something is in the way.
    """
    from transformers_sr3d.inputs.scene import SCENE_FILE
    from transformers_sr3d.inputs.scene_writing import is_leftover

    if (out / SCENE_FILE).is_file():
        if not overwrite:
            raise ValueError(f"`--out` {out} must be new or empty, got a scene there. Add --overwrite to replace it.")
        return
    if out.exists() and not is_leftover(out):  # an empty folder is one, too
        found = f"a folder with {next(out.iterdir()).name!r} in it" if out.is_dir() else "a file"
        raise ValueError(f"`--out` {out} must be new or empty, got {found}. Choose another folder.")


def _parse_views(text: str) -> int | None:
    if text == ALL_VIEWS:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"`--views` must be a number from 1 or the word {ALL_VIEWS}, got {text!r}.")
    return int(text)


def _select(source: Any, wanted: int | None, how: str) -> list[int]:
    from transformers_sr3d.inputs.selection import select_by_coverage, select_uniform

    if wanted is None:
        return list(range(len(source.views)))
    return select_by_coverage(source, wanted) if how == "coverage" else select_uniform(len(source.views), wanted)


def _warn_of_objects(source: Any) -> None:
    from transformers_sr3d.inputs import scene, scene_folder

    if source.kind == scene_folder.KIND and scene.load_scene_objects(source.path):
        print("sr3d scene: warning: the objects of the scene were not copied", file=sys.stderr)


def _lines(summary: dict[str, Any]) -> list[tuple[str, str]]:
    num_left_out = len(summary["left_out"])
    unit = "m" if summary["world_unit"] == "m" else "units"
    counts = ", ".join(f"{summary[f'num_with_{what}']} with {what}" for what in ("depth", "poses", "intrinsics"))
    lines = [
        ("source", f"{summary['path']}, kind {summary['kind']}"),
        ("views", f"{summary['num_views']}" + (f" ({num_left_out} left out)" if num_left_out else "")),
        ("of these", counts),
        ("image sizes", _sizes(summary["image_sizes_hw"])),
    ]
    if summary["depth_sizes_hw"]:
        measured = 100 * summary["measured_depth_share"]
        median = "none" if summary["median_depth"] is None else f"{summary['median_depth']:.3g} {unit}"
        sampled = f"over {summary['num_depth_sampled']} of its views"
        lines += [
            ("depth sizes", _sizes(summary["depth_sizes_hw"])),
            ("depth", f"median {median}, {measured:.0f} % measured, {sampled}"),
        ]
    if summary["camera_extent"] is not None:
        extent = " x ".join(f"{side:.3g}" for side in summary["camera_extent"])
        lines += [
            ("world", f"up is {summary['world_up']}, unit is {summary['world_unit']}"),
            ("camera path", f"{extent} {unit} along x, y and z"),
        ]
    if summary["time_span_s"] is not None:
        lines.append(("time", f"{summary['time_span_s']:.3f} s"))
    lines += [("left out", line) for line in _left_out(summary["left_out"])]
    return [*lines, *(("convention", sentence) for sentence in summary["conventions"])]


def _sizes(sizes_hw: list[list[int]]) -> str:
    return ", ".join(f"{width}x{height}" for height, width in sizes_hw)


def _left_out(left_out: dict[str, str]) -> list[str]:
    """One line per reason."""
    first = {reason: name for name, reason in reversed(left_out.items())}
    return [
        f"{count} ({first[reason]}{', ...' if count > 1 else ''}): {reason}"
        for reason, count in Counter(left_out.values()).items()
    ]
