# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d view SOURCE --out DIR`: a scene, its cameras, regions and an answer -> a page, points, marked pictures."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from transformers_sr3d.cli.ask import REGION_FORMS, parse_region
from transformers_sr3d.cli.reader_options import EPILOG, add_reader_options, reader_options


FORMATS = ("html", "ply", "glb", "marks", "json")
DEFAULT_FORMATS = "html,marks"
DEFAULT_MAX_POINTS = 200_000
MAX_ANSWER_BYTES = 16 * 1024 * 1024
# Views are held in memory; a longer source is imported first, which chooses some.
MAX_VIEWS = 64
MAX_PORT = 65535


def add_parser(subparsers: Any) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser(
        "view",
        help="look at a scene, its regions and an answer",
        description="Show a scene in 3D: points, cameras, regions and their boxes, and an answer beside what geometry "
        "measures.",
        epilog=EPILOG,
    )
    parser.add_argument("source", metavar="SOURCE", help="folder or file: a scene, a scan or a reconstruction")
    parser.add_argument("--out", metavar="DIR", help="where to write")
    parser.add_argument(
        "--formats",
        default=DEFAULT_FORMATS,
        metavar="LIST",
        help=f"some of {','.join(FORMATS)}: page, points, glTF, marked views, sizes (default: {DEFAULT_FORMATS})",
    )
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="KIND=VALUE@VIEW",
        help=f"{REGION_FORMS}; as sr3d ask takes them (repeatable)",
    )
    parser.add_argument("--question", metavar="TEXT", help="what was asked, for the page")
    parser.add_argument("--answer", metavar="FILE", help="what sr3d ask --json printed, for the page")
    parser.add_argument(
        "--max-points", type=int, default=DEFAULT_MAX_POINTS, metavar="N", help=f"default: {DEFAULT_MAX_POINTS}"
    )
    parser.add_argument("--live", action="store_true", help="serve a live view to this machine, until interrupted")
    parser.add_argument("--port", type=int, help="of the live view (default: 8080)")
    add_reader_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show a scene.

    Args:
        args (`argparse.Namespace`):
            Arguments of the verb.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If an option or the scene is refused.
        ImportError: If a format needs a package that is not installed.
        OSError: If a file is missing or cannot be written.
    """
    formats = _parse_formats(args.formats)
    if args.out is None and not args.live:
        raise ValueError("`--out` must be given without --live, got neither. Name a folder to write to.")
    if args.port is not None and not args.live:
        raise ValueError(f"`--port` has no effect without --live, got {args.port}. Leave it out, or add --live.")
    if args.port is not None and not 1 <= args.port <= MAX_PORT:
        raise ValueError(f"`--port` must be from 1 to {MAX_PORT}, got {args.port}. Leave it out for 8080.")
    if args.out is not None and Path(args.out).exists() and not Path(args.out).is_dir():
        raise NotADirectoryError(f"`--out` must be a folder, got the file {args.out}. Name a folder; it is made.")
    if args.live and args.out is None and (args.answer or args.question):
        raise ValueError("`--answer` and `--question` stand in the page, got no --out. Add --out, or leave them out.")
    answer = None if args.answer is None else _read_answer(Path(args.answer))
    regions = [parse_region(text) for text in args.region]

    from transformers_sr3d.inputs.open_source import open_source
    from transformers_sr3d.viewing.scene_shapes import scene_shapes

    source = open_source(args.source, args.kind, **reader_options(args))
    if len(source.views) > MAX_VIEWS:
        raise ValueError(
            f"`SOURCE` must have at most {MAX_VIEWS} views, got {len(source.views)} in {args.source}. Choose some: "
            f"sr3d scene import {args.source} --out DIR --views {MAX_VIEWS}"
        )
    shapes = scene_shapes(source.arguments(), regions, max_points=args.max_points)
    for message in shapes.suspicions:
        print(f"sr3d view: warning: {message} Run sr3d doctor {args.source}.", file=sys.stderr)
    if args.out is not None:
        _write(Path(args.out), shapes, formats, args, answer)
    _print_companions(shapes.companions)
    if args.live:
        _serve(shapes, args.port)
    return 0


def _parse_formats(text: str) -> list[str]:
    formats = text.split(",")
    unknown = next((name for name in formats if name not in FORMATS), None)
    if unknown is not None:
        raise ValueError(
            f"`--formats` must be some of {', '.join(FORMATS)} with commas between them, got {unknown!r}. "
            "Leave out blanks."
        )
    return formats


def _read_answer(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"`--answer` must be a file, got {path}, which is not there. Check the path.")
    size = path.stat().st_size
    if size > MAX_ANSWER_BYTES:
        raise ValueError(f"`--answer` must have at most {MAX_ANSWER_BYTES} bytes, got {size} in {path}.")
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            f"`--answer` must be JSON, got {str(error)[:200]} in {path}. Save the output of sr3d ask --json."
        ) from error
    if not isinstance(answer, dict) or not isinstance(answer.get("generated_text"), str):
        raise ValueError(
            f"`--answer` must hold one answer with the text `generated_text`, got a {type(answer).__name__} without "
            f"it in {path}. Save what sr3d ask --json prints."
        )
    return answer


def _write(out: Path, shapes: Any, formats: list[str], args: argparse.Namespace, answer: dict | None) -> None:
    from transformers_sr3d.viewing.files import replacing, write_glb, write_marks, write_ply
    from transformers_sr3d.viewing.page import write_page

    written: list[Path] = []
    if "html" in formats:
        title = Path(args.source).resolve().name
        written.append(write_page(out / "view.html", shapes, title=title, question=args.question, answer=answer))
    if "ply" in formats:
        written.append(write_ply(out / "cloud.ply", shapes.points, shapes.colours))
    if "glb" in formats:
        written.append(write_glb(out / "scene.glb", shapes))
    if "marks" in formats:
        written += write_marks(out, shapes)
    if "json" in formats:
        with replacing(out / "companions.json") as partial:
            partial.write_text(json.dumps(shapes.companions, indent=2) + "\n", encoding="utf-8")
        written.append(out / "companions.json")
    for path in written:
        print(path)


def _print_companions(companions: dict[str, Any]) -> None:
    if not companions["regions"]:
        return
    unit = companions["unit"] or "units"
    print(f"geometry: {companions['label']}")
    for region in companions["regions"]:
        box = region["box"]
        sides = "too few measured points" if box is None else " x ".join(f"{side:.3g}" for side in box["size"])
        print(f"  region {region['region']}  box {sides} {unit}")
    for pair in companions["pairs"]:
        if pair["distance"] is not None:
            first, second = pair["regions"]
            print(f"  {first} and {second}   distance {pair['distance']:.3g} {unit}, gap {pair['gap']:.3g} {unit}")


def _serve(shapes: Any, port: int | None) -> None:
    from transformers_sr3d.viewing.live import HOST, PORT, serve

    server = serve(shapes, port=PORT if port is None else port)
    print(f"http://{HOST}:{server.get_port()} until interrupted", file=sys.stderr)
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        server.stop()
