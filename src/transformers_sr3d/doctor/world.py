# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 6 of the examination, judgement: are up and scale those of a place that people walk in?

May import: siblings in `doctor`.
"""

import math

from transformers_sr3d.doctor.correction import PosedViews
from transformers_sr3d.doctor.gravity import camera_height, find_up, oriented_points, vote_for_up
from transformers_sr3d.doctor.report import Finding


# Where cameras stand above the floor, and how far away most things are.
CAMERA_HEIGHT_M, TYPICAL_HEIGHT_M = (0.3, 5.0), 1.5
MEDIAN_DEPTH_M, TYPICAL_DEPTH_M = (0.2, 15.0), 2.5
# Mixed-up units.
SCALE_FACTORS = (0.001, 0.01, 0.0254, 0.1, 0.3048, 3.28084, 10.0, 39.3701, 100.0, 1000.0)


def check_up(posed: PosedViews, declared: str) -> tuple[str, float | None, Finding | None]:
    """Find out which axis points up.

    Args:
        posed (`PosedViews`):
            Views that fit together.
        declared (`str`):
            `"+x"` to `"-z"`.

    Returns:
        `tuple[str, float | None, Finding | None]`: The axis, the height of the cameras above the floor (unit of the
        poses; None where no floor is seen), and what to say if it is another axis than declared.
    """
    points, normals = oriented_points(posed)
    votes = vote_for_up(posed, normals)
    up = find_up(votes, declared)
    height = camera_height(posed, points, normals, up)
    if up == declared:
        return up, height, None
    message = (
        f"{up} points up, not {declared}: cameras and horizontal surfaces give it {votes.total(up):.2f} against "
        f"{votes.total(declared):.2f}"
    )
    return up, height, Finding("up_axis", message, f"declare `world_up='{up}'`")


def check_scale(median_depth: float, height: float | None, depth_factor: float) -> tuple[float, Finding | None]:
    """Find out whether lengths are those of a place that people walk in.

    Args:
        median_depth (`float`):
            After the correction of the geometry, which puts depth into the unit of the poses.
        height (`float`, *optional*):
            Of the cameras above the floor, in that unit.
        depth_factor (`float`):
            By which depth was corrected; if the poses were wrong instead, everything is to be divided by it.

    Returns:
        `tuple[float, Finding | None]`: What all lengths are to be multiplied by, and what to say.
    """
    if _is_plausible(median_depth, height, 1.0):
        return 1.0, None
    if depth_factor != 1 and _is_plausible(median_depth, height, 1 / depth_factor):
        return 1 / depth_factor, None
    fitting = [factor for factor in SCALE_FACTORS if _is_plausible(median_depth, height, factor)]
    scale = min(fitting, key=lambda factor: _strangeness(median_depth, height, factor), default=1.0)
    seen = f"the median depth is {median_depth:.3g} m"
    seen += "" if height is None else f" and cameras stand {height:.3g} m above the floor"
    remedy = "check the unit of depth and poses" + (f"; times {scale:g} it would be a room" if fitting else "")
    return scale, Finding("scale", f"{seen}, which no room has", remedy)


def _is_plausible(median_depth: float, height: float | None, factor: float) -> bool:
    fits = MEDIAN_DEPTH_M[0] <= median_depth * factor <= MEDIAN_DEPTH_M[1]
    return fits and (height is None or CAMERA_HEIGHT_M[0] <= height * factor <= CAMERA_HEIGHT_M[1])


def _strangeness(median_depth: float, height: float | None, factor: float) -> float:
    strange = abs(math.log(median_depth * factor / TYPICAL_DEPTH_M))
    return strange if height is None or height <= 0 else strange + abs(math.log(height * factor / TYPICAL_HEIGHT_M))
