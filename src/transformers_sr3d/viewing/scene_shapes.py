# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What there is to draw: a sample of the processor -> coloured points, camera frusta, regions with boxes.

Everything is in canonical axes: x right, y forward, z up, the origin at the mean of all measured points. Lengths stay
metres (or units of relative depth), because people read those; the model sees them divided by `scale`.

May import: NumPy, torch, PIL, the files at the top of the package and siblings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.geometry_sr3d import canonical_frame
from transformers_sr3d.region_geometry_sr3d import MAX_REGION_POINTS, box_corners, sample_views
from transformers_sr3d.region_prompts_sr3d import read_regions
from transformers_sr3d.scene_checks_sr3d import suspicions
from transformers_sr3d.tensor_helpers_sr3d import sample_evenly
from transformers_sr3d.viewing.companions import (
    MIN_SIDE,
    RegionCompanion,
    describe_companions,
    measure_companions,
)


MAX_POINTS = 200_000
# Corners of a frustum are this share of the scene's scale away from the camera.
FRUSTUM_SHARE = 0.12
# Pairs of the five points of a frustum: the eye, and the corners of the image from the upper left, clockwise.
FRUSTUM_EDGES = ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1))
# Pairs of the eight corners of `box_corners`, whose numbers differ in one bit.
BOX_EDGES = tuple((i, i | bit) for bit in (1, 2, 4) for i in range(8) if not i & bit)


@dataclass(frozen=True)
class RegionShape:
    """One region to draw.

    Attributes:
        number (`int`): Of the region.
        points (`np.ndarray` of shape `(N, 3)`): Some of its measured points.
        corners (`np.ndarray` of shape `(8, 3)`, *optional*): Of its box.
    """

    number: int
    points: np.ndarray
    corners: np.ndarray | None


@dataclass(frozen=True)
class SceneShapes:
    """Everything to draw, in canonical axes.

    Attributes:
        points (`np.ndarray` of shape `(N, 3)`): float32.
        colours (`np.ndarray` of shape `(N, 3)`): uint8.
        frusta (`dict[int, np.ndarray]`): View number -> eye and four corners, `(5, 3)`.
        regions (`tuple[RegionShape, ...]`): By number.
        unit (`str`): `"m"`, or `"units"` where depth is relative.
        scale (`float`): Lengths per canonical unit.
        gravity (`str`): `"known"` or `"unknown"`.
        companions (`dict[str, Any]`): See `describe_companions`.
        pictures (`tuple[PIL.Image.Image, ...]`): The views.
        masks (`tuple[dict[int, np.ndarray | None], ...]`): Per view: region number -> mask.
        suspicions (`tuple[str, ...]`): Why depth and poses very likely do not fit together.
    """

    points: np.ndarray
    colours: np.ndarray
    frusta: dict[int, np.ndarray]
    regions: tuple[RegionShape, ...]
    unit: str
    scale: float
    gravity: str
    companions: dict[str, Any]
    pictures: tuple[Image.Image, ...]
    masks: tuple[dict[int, np.ndarray | None], ...]
    suspicions: tuple[str, ...] = ()


def scene_shapes(
    sample: Mapping[str, Any], regions: Sequence[Mapping[str, Any]] = (), *, max_points: int = MAX_POINTS
) -> SceneShapes:
    """Collect what there is to draw.

    Args:
        sample (`Mapping[str, Any]`):
            `images`, depth and cameras as the processor takes them, for example from `load_scene`.
        regions (`Sequence[Mapping]`, *optional*):
            As the processor takes them.
        max_points (`int`, defaults to 200000):
            Points of the cloud, at most.

    Returns:
        `SceneShapes`: The shapes.

    Raises:
        ValueError: As the processor, or if there is no measured depth or `max_points` is too small.
    """
    views = prepare_views(**sample)
    measured = [
        torch.cat((points[valid], _colours(picture, valid)), dim=-1)
        for picture, points, valid in zip(views["images"], views["points"], views["valid"], strict=True)
        if points is not None
    ]
    if max_points < max(1, len(measured)):
        raise ValueError(
            f"`max_points` must be at least 1 and the number of views with depth ({len(measured)}), got {max_points}. "
            "Take more."
        )
    if sum(len(points) for points in measured) == 0:
        raise ValueError(
            f"`depths` must have a measured pixel to show a scene in 3D, got none in {len(views['images'])} views. "
            "Pass depth, or estimate it (docs/estimators.md)."
        )
    origin, scale = _frame(views)
    chosen = torch.cat(sample_views(measured, max_points))
    read = read_regions(list(regions), views)
    companions = measure_companions(read, views)
    return SceneShapes(
        points=(chosen[:, :3] - origin).numpy(),
        colours=chosen[:, 3:].numpy().astype(np.uint8),
        frusta=_frusta(views, origin, FRUSTUM_SHARE * scale),
        regions=tuple(_region_shape(companion, origin) for companion in companions),
        unit="m" if views["metric"] else "units",
        scale=scale,
        gravity=views["gravity"],
        companions=describe_companions(companions, views),
        pictures=tuple(views["images"]),
        masks=tuple(
            {
                region["number"]: None if region["masks"][view] is None else region["masks"][view].numpy()
                for region in read
            }
            for view in range(len(views["images"]))
        ),
        suspicions=tuple(suspicions(views)),
    )


def segments(points: np.ndarray, edges: Sequence[tuple[int, int]]) -> np.ndarray:
    """Look the ends of edges up.

    Args:
        points (`np.ndarray` of shape `(N, 3)`):
            Corners.
        edges (`Sequence[tuple[int, int]]`):
            Pairs of their numbers.

    Returns:
        `np.ndarray` of shape `(len(edges), 2, 3)`.
    """
    return points[np.array(edges)]


def _colours(picture: Image.Image, valid: torch.Tensor) -> torch.Tensor:
    """Colours `(N, 3)` of the measured pixels, as floats, from the nearest pixel of the image."""
    height, width = valid.shape
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.NEAREST)
    return torch.from_numpy(np.asarray(picture.convert("RGB")).copy())[valid].float()


def _frame(views: Mapping[str, Any]) -> tuple[torch.Tensor, float]:
    located = [
        (points, valid) for points, valid in zip(views["points"], views["valid"], strict=True) if points is not None
    ]
    center, scale = canonical_frame([points for points, _ in located], [valid for _, valid in located])
    return center, float(scale)


def _frusta(views: Mapping[str, Any], origin: torch.Tensor, length: float) -> dict[int, np.ndarray]:
    shapes = {}
    for index, (picture, pose, intrinsics) in enumerate(
        zip(views["images"], views["camera_to_world"], views["intrinsics"], strict=True)
    ):
        if pose is None or intrinsics is None:
            continue
        right, bottom = picture.width - 0.5, picture.height - 0.5
        pixels = torch.tensor([[-0.5, -0.5, 1], [right, -0.5, 1], [right, bottom, 1], [-0.5, bottom, 1]])
        rays = pixels.double() @ torch.linalg.inv(intrinsics.double()).T * length
        corners = torch.cat((torch.zeros(1, 3, dtype=torch.float64), rays))
        world = corners @ pose[:3, :3].double().T + pose[:3, 3].double() - origin.double()
        shapes[index] = world.float().numpy()
    return shapes


def _region_shape(companion: RegionCompanion, origin: torch.Tensor) -> RegionShape:
    corners = None
    if companion.center is not None and companion.size is not None and companion.rotation is not None:
        corners = box_corners(companion.center, companion.size.clamp(min=MIN_SIDE), companion.rotation) - origin
    points = sample_evenly(companion.points, MAX_REGION_POINTS) - origin
    return RegionShape(companion.number, points.numpy(), None if corners is None else corners.numpy())
