# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth and poses where a source has none: the flags of `sr3d scene import`, and what they do to the source.

An estimated scene says so: `estimate.json` beside its `scene.json` holds the model, its licence and where poses and
the focal length come from, and goes away when the scene is replaced by a measured one.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from transformers_sr3d.cli.reader_options import reader_options


RECORD_FILE = "estimate.json"
WORLD_OPTIONS = ("world_up", "world_unit")
DEPTH_KINDS = ("metric", "relative", "disparity")


def add_estimate_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags.

    Args:
        parser (`argparse.ArgumentParser`):
            Of a verb that imports a source.
    """
    group = parser.add_argument_group(
        "depth and poses where the source has none",
        "--depth-model: one view, or several with poses in metres; the focal length is that of the source or of "
        "--horizontal-fov-deg, else from EXIF, else from the model. --structure-from-motion: several views without "
        "poses; the focal length is estimated where nothing else tells it, and a depth model makes depth dense",
    )
    group.add_argument(
        "--structure-from-motion",
        action="store_true",
        help="estimate poses and the depth of points from the views chosen (COLMAP); their unit is unknown, and their "
        "up unless --world-up says it",
    )
    group.add_argument(
        "--depth-model", metavar="MODEL", help="depth estimation model of Transformers: folder or Hub name"
    )
    group.add_argument("--depth-kind", choices=DEPTH_KINDS, help="what the model predicts, where it does not tell")
    group.add_argument("--depth-revision", metavar="REVISION", help="branch, tag or commit of the Hub")
    group.add_argument("--depth-device", metavar="DEVICE", help="default: an accelerator if there is one")


def estimate_if_asked(source: Any, args: argparse.Namespace) -> Any:
    """Give a source estimated poses if they are asked for, and depth if a model is named.

    Args:
        source (`Source`):
            With the views wanted.
        args (`argparse.Namespace`):
            From a parser with `add_estimate_options`.

    Returns:
        `Source`: The same one without `--depth-model` and `--structure-from-motion`.

    Raises:
        ImportError: If pycolmap is asked for and not installed.
        FileNotFoundError: If there is no such model.
        ValueError: If an option has no effect, or as `estimate_geometry`, `reconstruct_source` and
            `complete_depth`.
    """
    _check_model_options(args)
    if args.structure_from_motion:
        from transformers_sr3d.estimators.reconstruction import reconstruct_source

        up, unit = (vars(args)[f"reader_{name}"] or "unknown" for name in WORLD_OPTIONS)
        print(f"sr3d scene: comparing all pairs of {len(source.views)} views", file=sys.stderr)
        source = reconstruct_source(source, world_up=up, world_unit=unit)
    if args.depth_model is None:
        return source

    from transformers.utils import logging

    from transformers_sr3d.estimators.geometry import estimate_geometry
    from transformers_sr3d.estimators.reconstruction import complete_depth

    logging.disable_progress_bar()
    return (complete_depth if args.structure_from_motion else estimate_geometry)(
        source,
        args.depth_model,
        depth_kind=args.depth_kind,
        revision=args.depth_revision,
        device=args.depth_device,
    )


def options_of_reader(args: argparse.Namespace) -> dict[str, Any]:
    """Collect the options of the reader; what is said of the world belongs to the reconstruction where there is one.

    Args:
        args (`argparse.Namespace`):
            From a parser with `add_reader_options` and `add_estimate_options`.

    Returns:
        `dict[str, Any]`: Keyword arguments of `open_source`.
    """
    options = reader_options(args)
    if args.structure_from_motion:
        options = {name: value for name, value in options.items() if name not in WORLD_OPTIONS}
    return options


def _check_model_options(args: argparse.Namespace) -> None:
    if args.depth_model is not None:
        return
    for name in ("depth_kind", "depth_revision", "depth_device"):
        value = vars(args)[name]
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"`{option}` has no effect without --depth-model, got {value!r}. Leave it out.")


def record_estimate(out: Path, source: Any, args: argparse.Namespace) -> None:
    """Write down what was estimated, or remove what an earlier import wrote down.

    Args:
        out (`Path`):
            Folder of the scene that was written.
        source (`Source`):
            What was written.
        args (`argparse.Namespace`):
            From a parser with `add_estimate_options`.
    """
    record = out / RECORD_FILE
    if args.depth_model is None and not args.structure_from_motion:
        record.unlink(missing_ok=True)
        return
    said = {"structure_from_motion": args.structure_from_motion, "depth_model": args.depth_model}
    text = json.dumps(said | {"conventions": list(source.conventions)}, indent=1)
    partial = record.with_name(f".{RECORD_FILE}.partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(record)
