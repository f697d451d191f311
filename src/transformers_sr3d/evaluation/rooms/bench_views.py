# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What is seen of a room in rooms-bench: room + region numbers -> arguments of the processor, whole or with less.

Several views come with poses; a single photo comes without one, as photos do.

This module may import numpy, torch and the whole package.
"""

from typing import Any

import numpy as np
import torch

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.evaluation.benchmarks.shown import BLIND_SIZE, GREY
from transformers_sr3d.evaluation.rooms.bench_rooms import SourceScene
from transformers_sr3d.region_prompts_sr3d import read_regions
from transformers_sr3d.rooms.questions.region_marks import MULTI_VIEW_KINDS, SINGLE_VIEW_KINDS, mark_scene


GRAVITY_SHARE = 0.5  # of single photos whose direction of gravity is told
# Degradations that are left out of scenes that they cannot be applied to.
SINGLE_VIEW_ONLY, SEVERAL_VIEWS_ONLY = ("relative_depth",), ("without_some_depths",)
KIND_ON_PHOTO = {"masks": "mask", "boxes": "box"}  # what becomes of a way that needs several views


def choose_kind(index: int, wanted: str | None, *, single: bool) -> str | None:
    """Choose the way in which all regions of a scene are given.

    Args:
        index (`int`):
            Number of the scene.
        wanted (`str`, *optional*):
            One of `MULTI_VIEW_KINDS`; without it the ways take turns over scenes.
        single (`bool`):
            Whether the scene is a single photo.

    Returns:
        `str` or `None`: One of `MULTI_VIEW_KINDS`, of a single photo one of `SINGLE_VIEW_KINDS`; None for 3D boxes on
        a single photo, which has no world for them to stand in.
    """
    kinds = SINGLE_VIEW_KINDS if single else MULTI_VIEW_KINDS
    if wanted is None:
        return kinds[index // 2 % len(kinds)]
    kind = KIND_ON_PHOTO.get(wanted, wanted) if single else wanted
    return kind if kind in kinds else None


def scene_arguments(
    source: SourceScene, numbers: dict[int, int], kind: str, rng: np.random.Generator
) -> dict[str, Any]:
    """Turn a room into arguments of the processor.

    Args:
        source (`SourceScene`):
            The room.
        numbers (`dict[int, int]`):
            The object behind each region number.
        kind (`str`):
            How all regions are given. A rectangle that would hold mostly other things is a mask instead.
        rng (`np.random.Generator`):
            Chooses views of rectangles, and whether a single photo has a known direction of gravity.

    Returns:
        `dict[str, Any]`: Keyword arguments of `SR3DProcessor.encode_views`. Several views come with poses, a single
        photo without.
    """
    views = source.facts.views
    regions, _ = mark_scene(source.facts, source.instances, numbers, rng, kind=kind)
    arguments = source.arguments | {"intrinsics": [view.intrinsics for view in views], "regions": regions}
    if len(views) > 1:
        return arguments | {"camera_to_world": [view.camera_to_world for view in views], "world_up": "+z"}
    if rng.uniform() < GRAVITY_SHARE:
        arguments["gravity_camera"] = -views[0].camera_to_world[2, :3]  # down is -z in the world
    return arguments


def fitting_degradations(names: tuple[str, ...], *, num_views: int) -> tuple[str, ...]:
    """Leave out degradations that need one view where there are several, or several where there is one.

    Args:
        names (`tuple[str, ...]`):
            Out of `DEGRADATIONS`.
        num_views (`int`):
            Views of the scene.

    Returns:
        `tuple[str, ...]`: The others, in the same order.
    """
    unfit = SEVERAL_VIEWS_ONLY if num_views == 1 else SINGLE_VIEW_ONLY
    return tuple(name for name in names if name not in unfit)


def with_masks(sample: dict[str, Any]) -> dict[str, Any]:
    """Turn 3D boxes into the pixels that they mark, before the geometry that says so is worsened or lost.

    Args:
        sample (`dict[str, Any]`):
            Arguments of the processor.

    Returns:
        `dict[str, Any]`: The same without 3D boxes.
    """
    if not any("box_3d" in region for region in sample["regions"]):
        return sample
    views = prepare_views(**{name: value for name, value in sample.items() if name != "regions"})
    regions = [
        {"region": region["number"], "mask": mask.numpy(), "view": view}
        for region in read_regions(sample["regions"], views)
        for view, mask in enumerate(region["masks"])
        if mask is not None
    ]
    return sample | {"regions": regions}


def blind_arguments(sample: dict[str, Any]) -> dict[str, Any]:
    """Show one grey picture without depth, which every region covers as a whole.

    Args:
        sample (`dict[str, Any]`):
            Arguments of the processor.

    Returns:
        `dict[str, Any]`: Arguments with the same region numbers that say nothing of the scene.
    """
    picture = np.full((BLIND_SIZE, BLIND_SIZE, 3), GREY, dtype=np.uint8)
    numbers = sorted({region["region"] for region in sample["regions"]})
    regions = [{"region": number, "box_xyxy": [0, 0, BLIND_SIZE, BLIND_SIZE], "view": 0} for number in numbers]
    return {"images": [picture], "regions": regions}


def to_arrays(encoded: dict[str, Any]) -> dict[str, Any]:
    """Replace tensors by arrays, which travel between processes without shared memory.

    Args:
        encoded (`dict[str, Any]`):
            What `SR3DProcessor.encode_views` returned.

    Returns:
        `dict[str, Any]`: The same values.
    """
    return {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in encoded.items()}


def to_tensors(encoded: dict[str, Any]) -> dict[str, Any]:
    """Undo `to_arrays`.

    Args:
        encoded (`dict[str, Any]`):
            What it returned.

    Returns:
        `dict[str, Any]`: What `SR3DProcessor.encode_views` returned.
    """
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in encoded.items()
    }
