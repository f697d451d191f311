# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What a source of views does not tell: one flag per option that any reader of `inputs.open_source` takes.

The flag of `depth_unit` is `--depth-unit`; what verbs have for something else already is renamed in `FLAGS`. What a
flag means and which values it has is up to the reader, who refuses one that has no effect. A new option of a
reader needs one line here.
"""

import argparse
from collections.abc import Collection
from typing import Any


WORLD_UP = ("+x", "-x", "+y", "-y", "+z", "-z", "unknown")
EPILOG = "Values that start with a minus sign need an equals sign: --world-up=-y"
FLAGS = {"model": "--model-folder"}  # `--model` is a checkpoint


def _camera(text: str) -> dict[str, float]:
    """Read fx,fy,cx,cy."""
    return dict(zip(("fx", "fy", "cx", "cy"), map(float, text.split(",")), strict=True))


_camera.__name__ = "fx,fy,cx,cy"  # as argparse calls a value that it cannot read
_SWITCH: dict[str, Any] = {"action": argparse.BooleanOptionalAction}

READER_OPTIONS: dict[str, dict[str, Any]] = {
    # What the numbers mean.
    "poses": {"choices": ("camera_to_world", "world_to_camera"), "help": "direction of the pose files"},
    "camera_axes": {"choices": ("opencv", "opengl"), "help": "camera frame of the pose files"},
    "world_up": {"choices": WORLD_UP, "help": "axis of the world that points up"},
    "world_unit": {"choices": ("m", "unknown"), "help": "unit of the poses"},
    "depth_unit": {"choices": ("mm", "cm", "m"), "help": "unit of integer depth"},
    "depth_scale": {"type": float, "metavar": "FACTOR", "help": "metres (or units of the poses) per unit of depth"},
    "depth_field_of_view": {"choices": ("same",), "help": "depth maps of another size show what the images show"},
    "intrinsics": {"type": _camera, "metavar": "FX,FY,CX,CY", "help": "camera of the images, in pixels"},
    "horizontal_fov_deg": {"type": float, "metavar": "DEGREES", "help": "across the images, without intrinsics"},
    # What to take of a source that has several things.
    "scene": {"metavar": "NAME", "help": "which scene of a source that holds several"},
    "data_root": {"metavar": "DIR", "help": "where the images lie that an annotation file names"},
    "model": {"metavar": "FOLDER", "help": "which model of a reconstruction, such as sparse/1"},
    "images": {"metavar": "WORD|DIR", "help": "which images, or where they are"},
    "num_frames": {"type": int, "metavar": "N", "help": "read that many frames of a video, at equal steps"},
    "max_time_difference_s": {"type": float, "metavar": "SECONDS", "help": "between an image, its depth and its pose"},
    "min_confidence": {"type": int, "choices": (0, 1, 2), "help": "depth of less is not measured (0 low, 2 high)"},
    "axis_alignment": {**_SWITCH, "help": "turn the world as the scan says, so that walls are along its axes"},
    "corrected": {**_SWITCH, "help": "undistorted images and optimised poses, where both kinds are there"},
    "sparse_depth": {**_SWITCH, "help": "depth of the points of a reconstruction"},
    "dense_depth": {**_SWITCH, "help": "dense depth maps of a reconstruction"},
    "ignore_distortion": {**_SWITCH, "help": "take images with lens distortion as if they had none"},
}


def add_reader_options(parser: argparse.ArgumentParser, *, without: Collection[str] = ()) -> None:
    """Add `--kind` and the flags of all options.

    Args:
        parser (`argparse.ArgumentParser`):
            Of a verb that opens a source.
        without (`Collection[str]`, defaults to none):
            Options that get no flag, because the verb has one of that name.
    """
    parser.add_argument("--kind", help="of the source, such as scene or images (default: found out by its files)")
    group = parser.add_argument_group("what the source does not tell", "each only for some kinds of sources")
    for name, settings in READER_OPTIONS.items():
        if name not in without:
            group.add_argument(flag_of(name), dest=f"reader_{name}", default=None, **settings)


def flag_of(name: str) -> str:
    """Name the flag of an option.

    Args:
        name (`str`):
            Of the option, as readers take it.

    Returns:
        `str`: For example `"--depth-unit"`.
    """
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def reader_options(args: argparse.Namespace) -> dict[str, Any]:
    """Collect the options that were given.

    Args:
        args (`argparse.Namespace`):
            From a parser with `add_reader_options`.

    Returns:
        `dict[str, Any]`: Keyword arguments of `open_source`, without those left out.
    """
    values = {name: vars(args).get(f"reader_{name}") for name in READER_OPTIONS}
    return {name: value for name, value in values.items() if value is not None}
