# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, a source of views: what a reader found, nothing loaded yet -> arguments of the processor, or a scene.

A reader knows the conventions of one kind of source and converts them once, there. From here on

    cameras    OpenCV: +x right, +y down, +z forward
    poses      camera to world, rigid, in metres, or in the unknown unit of a reconstruction (`world_unit`)
    depth      along +z of the camera, floats in the unit of the poses, 0 where not measured
    pixels     the centre of the first one is (0, 0)

Images and depth maps are loaded when they are asked for, so a long scan costs no more than the views that are used.

May import: NumPy, PIL, and `scene`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


RIGID_TOLERANCE = 1e-3
WORLD_UNITS = ("m", "unknown")


@dataclass(frozen=True)
class SourceView:
    """One view.

    Attributes:
        name (`str`): What the source calls it, for messages: a file or a frame number.
        load_image (`Callable[[], Image.Image]`): Loads the colours.
        intrinsics (`np.ndarray` of shape `(3, 3)`, *optional*): Pixels of the image.
        load_depth (`Callable[[], np.ndarray]`, *optional*): Loads the depth map, `(h, w)`, float32.
        depth_intrinsics (`np.ndarray` of shape `(3, 3)`, *optional*): Pixels of the depth map, where it differs.
        camera_to_world (`np.ndarray` of shape `(4, 4)`, *optional*): Pose.
        time_s (`float`, *optional*): When it was taken, seconds of the source's clock.
    """

    name: str
    load_image: Callable[[], Image.Image]
    intrinsics: np.ndarray | None = None
    load_depth: Callable[[], np.ndarray] | None = None
    depth_intrinsics: np.ndarray | None = None
    camera_to_world: np.ndarray | None = None
    time_s: float | None = None


@dataclass(frozen=True)
class Source:
    """Views that belong together, in the order in which they were taken.

    Attributes:
        kind (`str`): Which reader read it, for example `"tum"`.
        path (`Path`): Where it is.
        views (`tuple[SourceView, ...]`): At least one.
        world_up (`str`, *optional*): `"+x"` to `"-z"` or `"unknown"`; None without poses.
        world_unit (`str`, defaults to `"m"`): `"m"`, or `"unknown"` where poses and depth share a unit that nobody
            knows.
        depth_field_of_view (`str`, *optional*): `"same"` where depth maps of another size show what the images show.
        depth_is_estimated (`bool`, defaults to `False`): Whether depth was estimated from the pictures.
        left_out (`dict[str, str]`): Names of views that the source itself marks as unusable, and why.
        conventions (`tuple[str, ...]`): What the reader knows of the source's conventions, one sentence each.

    Raises:
        ValueError: If there is no view, intrinsics are none, a pose is not rigid, or poses come without `world_up`.
    """

    kind: str
    path: Path
    views: tuple[SourceView, ...]
    world_up: str | None = None
    world_unit: str = "m"
    depth_field_of_view: str | None = None
    depth_is_estimated: bool = False
    left_out: dict[str, str] | None = None
    conventions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.views:
            lost = f" and {len(self.left_out)} that it marks as unusable" if self.left_out else ""
            raise ValueError(
                f"`{self.path}` must hold at least one view of kind {self.kind!r}, got none{lost}. Check the path."
            )
        for view in self.views:
            for name in ("intrinsics", "depth_intrinsics"):
                _check_matrix(getattr(view, name), f"the {name} of {view.name} in {self.path}")
            if view.camera_to_world is not None:
                check_pose(view.camera_to_world, f"the pose of {view.name} in {self.path}")
        if self.world_up is None and any(view.camera_to_world is not None for view in self.views):
            raise ValueError(
                f"`world_up` must be given with poses, got None for {self.path}. Pass the axis that points up, "
                '"+x" to "-z", or "unknown".'
            )

    def select(self, indices: Sequence[int]) -> "Source":
        """Keep some views.

        Args:
            indices (`Sequence[int]`):
                Their numbers, in the order wanted.

        Returns:
            `Source`: The same source with these views.
        """
        return replace(self, views=tuple(self.views[index] for index in indices))

    def arguments(self) -> dict[str, Any]:
        """Load all views.

        Returns:
            `dict[str, Any]`: Keyword arguments of the processor and keys of the pipeline's sample: `images`, and where
            known `intrinsics`, `depths` with `depth_kind`, `depth_intrinsics` or `depth_field_of_view`, and
            `camera_to_world` with `world_up` and `world_unit`.
        """
        arguments: dict[str, Any] = {"images": [view.load_image() for view in self.views]}
        depths = [None if view.load_depth is None else view.load_depth() for view in self.views]
        for name in ("intrinsics", "depth_intrinsics", "camera_to_world"):
            values = [getattr(view, name) for view in self.views]
            if any(value is not None for value in values):
                arguments[name] = values
        if any(depth is not None for depth in depths):
            arguments["depths"] = depths
            if self.depth_field_of_view is not None:
                arguments["depth_field_of_view"] = self.depth_field_of_view
            if self.world_unit != "m":
                arguments["depth_kind"] = "relative"
        if "camera_to_world" in arguments:
            arguments["world_up"] = self.world_up
            if self.world_unit != "m":
                arguments["world_unit"] = self.world_unit
        return arguments


def check_pose(pose: np.ndarray, where: str) -> None:
    """Refuse a matrix that is no rigid transform.

    Args:
        pose (`np.ndarray` of shape `(4, 4)`):
            Camera to world.
        where (`str`):
            How the message calls it, with file and line or key.

    Raises:
        ValueError: If it has another shape, is not finite, or turns or stretches by more than `RIGID_TOLERANCE`.
    """
    pose = np.asarray(pose, dtype=np.float64)
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise ValueError(
            f"`{where}` must be 4x4 finite numbers, got shape {pose.shape} with "
            f"{int((~np.isfinite(pose)).sum())} not finite. Repair the file, or leave the view out."
        )
    rotation = pose[:3, :3]
    error = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
    if (
        error > RIGID_TOLERANCE
        or np.linalg.det(rotation) < 0
        or np.abs(pose[3] - [0, 0, 0, 1]).max() > RIGID_TOLERANCE
    ):
        raise ValueError(
            f"`{where}` must be rigid to {RIGID_TOLERANCE:g}, got a rotation that is off by {error:.3g} with "
            f"determinant {np.linalg.det(rotation):.3g} and the last row {pose[3].tolist()}. "
            "Check the order of its numbers, and whether a scale is mixed in."
        )


def _check_matrix(matrix: np.ndarray | None, where: str) -> None:
    """Refuse what no pinhole camera has; sizes of pictures are known to readers only."""
    if matrix is None:
        return
    matrix = np.asarray(matrix)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise ValueError(
            f"`{where}` must be a finite 3x3 matrix with positive focal lengths in pixels, got {matrix.tolist()}. "
            "Correct it in the source."
        )
