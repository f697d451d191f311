# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth where a source has none: the flags of `sr3d scene import`, and what they do to the source.

An estimated scene says so: `estimate.json` beside its `scene.json` holds the model, its licence and where the focal
length comes from, and goes away when the scene is replaced by a measured one.
"""

import argparse
import json
from pathlib import Path
from typing import Any


RECORD_FILE = "estimate.json"
DEPTH_KINDS = ("metric", "relative", "disparity")


def add_estimate_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags.

    Args:
        parser (`argparse.ArgumentParser`):
            Of a verb that imports a source.
    """
    group = parser.add_argument_group(
        "depth where the source has none",
        "one view, or several with poses in metres; the focal length is that of the source or of "
        "--horizontal-fov-deg, else from EXIF, else from the model",
    )
    group.add_argument(
        "--depth-model", metavar="MODEL", help="depth estimation model of Transformers: folder or Hub name"
    )
    group.add_argument("--depth-kind", choices=DEPTH_KINDS, help="what the model predicts, where it does not tell")
    group.add_argument("--depth-revision", metavar="REVISION", help="branch, tag or commit of the Hub")
    group.add_argument("--depth-device", metavar="DEVICE", help="default: an accelerator if there is one")


def estimate_if_asked(source: Any, args: argparse.Namespace) -> Any:
    """Give a source estimated depth if a model is named.

    Args:
        source (`Source`):
            With the views wanted.
        args (`argparse.Namespace`):
            From a parser with `add_estimate_options`.

    Returns:
        `Source`: The same one without `--depth-model`.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If an option has no effect, or as `estimate_geometry`.
    """
    if args.depth_model is None:
        for name in ("depth_kind", "depth_revision", "depth_device"):
            value = vars(args)[name]
            if value is not None:
                option = f"--{name.replace('_', '-')}"
                raise ValueError(f"`{option}` has no effect without --depth-model, got {value!r}. Leave it out.")
        return source

    from transformers.utils import logging

    from transformers_sr3d.estimators.geometry import estimate_geometry

    logging.disable_progress_bar()
    return estimate_geometry(
        source,
        args.depth_model,
        depth_kind=args.depth_kind,
        revision=args.depth_revision,
        device=args.depth_device,
    )


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
    if args.depth_model is None:
        record.unlink(missing_ok=True)
        return
    text = json.dumps({"depth_model": args.depth_model, "conventions": list(source.conventions)}, indent=1)
    partial = record.with_name(f".{RECORD_FILE}.partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(record)
