# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What a report says about each correction of the geometry: what is wrong, by how much, and what to do.

May import: NumPy and siblings in `doctor`.
"""

import math

from transformers_sr3d.doctor.correction import Correction
from transformers_sr3d.doctor.report import Finding
from transformers_sr3d.doctor.search import Candidate


# Names of factors that are met, and what they say of depth.
KNOWN_FACTORS = {
    1000.0: "depth is in kilometres or the poses are in millimetres",
    0.001: "depth is in millimetres",
    100.0: "the poses are in centimetres",
    0.01: "depth is in centimetres",
    3.28084: "the poses are in feet",
    0.3048: "depth is in feet",
    0.2: "depth was divided by 1000 where 5000 is right, as in TUM scenes",
    0.0254: "depth is in inches",
}
FACTOR_TOLERANCE = 0.05


def describe_geometry(start: Candidate, best: Candidate) -> list[Finding]:
    """Put the best correction into words.

    Args:
        start (`Candidate`):
            The views as they are.
        best (`Candidate`):
            With the best correction.

    Returns:
        `list[Finding]`: One for each fault that it mends; none where nothing is changed.
    """
    before, after = start.evidence, best.evidence
    score = (
        f"pixels that agree rise from {before.agreed_share:.0%} to {after.agreed_share:.0%}, contradictions fall from "
        f"{before.contradicted_share:.0%} to {after.contradicted_share:.1%}"
    )
    return [
        Finding(name, f"{what}: {score}", remedy)
        for name, (what, remedy) in _words(best.correction).items()
        if name in best.names
    ]


def _words(correction: Correction) -> dict[str, tuple[str, str]]:
    factor, size = correction.depth_factor, correction.intrinsics_factor
    right, down = correction.principal_shift
    return {
        "pose_direction": (
            "the poses have the other direction",
            "pass them as `world_to_camera` instead of `camera_to_world` (or the other way round)",
        ),
        "camera_axes": (
            "the poses have the other camera axes",
            "declare `camera_axes='opengl'` instead of 'opencv' (or the other way round)",
        ),
        "time_shift": (
            f"poses and depth are {abs(correction.pose_shift)} views out of step",
            f"give view i the pose of view i{correction.pose_shift:+d}; check how time stamps were matched",
        ),
        "ray_distance": (
            "depth is the distance along each ray",
            "divide it by the length of the ray at z = 1, sqrt(1 + x^2 + y^2), to get z-depth",
        ),
        "depth_unit": (
            f"depth times {factor:.4g} fits the poses{_known(factor)}",
            f"multiply depth by {factor:.4g} (`depth_unit`, `depth_scale`), or divide translations by it",
        ),
        "resolution": (
            f"intrinsics times {size:.3g} fit the depth maps",
            "pass the intrinsics of pictures of this size, or resize them with the picture",
        ),
        "principal_point": (
            f"the optical centre lies {right:+.1%} right and {down:+.1%} down of the declared one, of the width",
            "calibrate again, or follow the crop of the pictures: cx and cy move by as much as it cuts off",
        ),
    }


def _known(factor: float) -> str:
    for known, meaning in KNOWN_FACTORS.items():
        if abs(math.log(factor / known)) < FACTOR_TOLERANCE:
            return f", as if {meaning}"
    return ""
