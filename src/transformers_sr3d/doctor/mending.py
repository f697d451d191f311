# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 8, the cure: a source + what an examination found -> the corrected source, not loaded yet.

May import: NumPy, `inputs` and siblings in `doctor`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from transformers_sr3d.doctor.correction import correct_intrinsics, correct_pose, ray_lengths
from transformers_sr3d.doctor.report import Mending
from transformers_sr3d.doctor.sampling import depth_matrix
from transformers_sr3d.inputs.source import Source, SourceView


def mend_source(source: Source, mending: Mending) -> Source:
    """Correct a source.

    Args:
        source (`Source`):
            That was examined.
        mending (`Mending`):
            Of the report.

    Returns:
        `Source`: Views that lose their picture or pose by a shift in time, and those to be left out, are missing.

    Raises:
        ValueError: If no view is left, or an intrinsic matrix has to be corrected and its picture does not load.
    """
    views = []
    for index, view in enumerate(source.views):
        if index in mending.left_out:
            continue
        moved = _move_in_time(source, index, view, mending)
        if moved is not None:
            views.append(_mend_view(moved, mending))
    return replace(
        source,
        views=tuple(views),
        world_up=mending.world_up or source.world_up,
        depth_field_of_view="same" if mending.same_field_of_view else source.depth_field_of_view,
    )


def _move_in_time(source: Source, index: int, view: SourceView, mending: Mending) -> SourceView | None:
    """Give a view the pose and picture of its moment; None where there is none."""
    count = len(source.views)
    of_pose, of_image = index + mending.geometry.pose_shift, index + mending.image_shift
    if not (0 <= of_pose < count and 0 <= of_image < count):
        return None
    posed, seen = source.views[of_pose], source.views[of_image]
    if posed.camera_to_world is None and view.camera_to_world is not None:
        return None
    return replace(view, camera_to_world=posed.camera_to_world, load_image=seen.load_image)


def _mend_view(view: SourceView, mending: Mending) -> SourceView:
    geometry = mending.geometry
    changes: dict[str, Any] = {}
    if view.camera_to_world is not None:
        pose = correct_pose(np.array(view.camera_to_world, np.float64), geometry)
        pose[:3, 3] *= mending.scale
        changes["camera_to_world"] = pose
    if geometry.intrinsics_factor != 1 or geometry.principal_shift != (0.0, 0.0):
        changes |= _mend_intrinsics(view, mending)
    factor = geometry.depth_factor * mending.scale
    if view.load_depth is not None and (factor != 1 or geometry.ray_distance):
        mended = replace(view, **changes)
        changes["load_depth"] = partial(
            _mended_depth, view.load_depth, factor, mended if geometry.ray_distance else None
        )
    return replace(view, **changes)


def _mend_intrinsics(view: SourceView, mending: Mending) -> dict[str, np.ndarray]:
    """The matrix by which depth was compared: its own, or that of the image."""
    if view.depth_intrinsics is not None and view.load_depth is not None:
        size_hw = np.asarray(view.load_depth()).shape
        return {"depth_intrinsics": correct_intrinsics(np.asarray(view.depth_intrinsics), size_hw, mending.geometry)}
    if view.intrinsics is None:
        return {}
    image = view.load_image()
    size_hw = (image.height, image.width)
    return {"intrinsics": correct_intrinsics(np.asarray(view.intrinsics), size_hw, mending.geometry)}


def _mended_depth(load: Callable[[], np.ndarray], factor: float, view: SourceView | None) -> np.ndarray:
    """Load a depth map; from distances along rays where `view` tells the camera."""
    depth = np.asarray(load(), np.float32) * np.float32(factor)
    if view is None:
        return depth
    image = view.load_image()
    size_hw = (depth.shape[0], depth.shape[1])
    matrix = depth_matrix(view, (image.height, image.width), size_hw)
    return (depth / ray_lengths(size_hw, matrix)).astype(np.float32)
