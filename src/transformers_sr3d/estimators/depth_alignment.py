# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A dense depth map of a model, sparse depth of a reconstruction -> the dense map in the unit of the reconstruction.

Metric and relative depth have one unknown factor, disparity has a factor and a shift. Both are found from the points
that the two maps share, by medians, so that a third of the points may be wrong.

May import: NumPy, the checks of inputs.
"""

from typing import NamedTuple

import numpy as np

from transformers_sr3d.depth_files_sr3d import DEPTH_KINDS
from transformers_sr3d.input_checks_sr3d import check_choice


SEED = 0
MIN_ALIGNMENT_POINTS = 20
MAX_ALIGNMENT_ERROR = 0.25
NUM_LINES = 500


class AlignedDepth(NamedTuple):
    """A depth map in the unit of a reconstruction.

    Attributes:
        depth (`np.ndarray` of shape `(h, w)`, float32): 0 where not measured.
        scale (`float`): What the map was multiplied by; of disparity, before `shift` was added and the inverse taken.
            Of metric depth, one unit of the reconstruction is `1 / scale` metres.
        shift (`float`): What was added to disparity; 0 otherwise.
        error (`float`): Median difference to the sparse depth, as a share of it.
    """

    depth: np.ndarray
    scale: float
    shift: float
    error: float


def align_depth(depth: np.ndarray, sparse_depth: np.ndarray, kind: str) -> AlignedDepth:
    """Bring a dense depth map into the unit of a reconstruction.

    Metric and relative depth are multiplied by the median ratio to the sparse depth. Disparity has a scale and a
    shift: of lines through two points the one with the smallest truncated residuals. A median would see one wall
    only, where most points are on one.

    Args:
        depth (`np.ndarray` of shape `(h, w)`):
            Of an estimator. Not measured where not finite, and, unless disparity, where not positive.
        sparse_depth (`np.ndarray` of shape `(h, w)`):
            Of the same view and size; 0 where not measured.
        kind (`str`):
            `"metric"`, `"relative"` or `"disparity"`.

    Returns:
        `AlignedDepth`: In the unit of `sparse_depth`.

    Raises:
        ValueError: If shapes differ, too few points are measured in both, or the maps do not fit.

    Source: Torr and Zisserman, MLESAC, 2000, section 2 (truncated residuals).
    """
    check_choice(kind, "kind", DEPTH_KINDS)
    depth, sparse = np.asarray(depth, dtype=np.float64), np.asarray(sparse_depth, dtype=np.float64)
    if depth.shape != sparse.shape or depth.ndim != 2:
        raise ValueError(
            f"`depth` must have the shape of `sparse_depth`, (h, w), got {depth.shape} and {sparse.shape}. Resize the "
            "dense map."
        )
    measured = np.isfinite(depth) & ((depth > 0) | (kind == "disparity"))
    points = measured & np.isfinite(sparse) & (sparse > 0)
    if np.count_nonzero(points) < MIN_ALIGNMENT_POINTS:
        raise ValueError(
            f"`sparse_depth` must have at least {MIN_ALIGNMENT_POINTS} pixels where `depth` is measured too, got "
            f"{np.count_nonzero(points)}. Choose a view that observes more points."
        )
    seen, known, shift = depth[points], sparse[points], 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "disparity":
            scale, shift = _fit_line(seen, 1 / known)
            inverse = scale * depth + shift
            aligned = np.where(measured & (inverse > 0), 1 / inverse, 0)
        else:
            scale = float(np.exp(np.median(np.log(known / seen))))
            aligned = np.where(measured, scale * depth, 0)
    error = float(np.median(np.abs(aligned[points] / known - 1)))
    if not error <= MAX_ALIGNMENT_ERROR:
        raise ValueError(
            f"`depth` must fit `sparse_depth` to {MAX_ALIGNMENT_ERROR:.0%} in the median, got {error:.0%} as {kind}. "
            "Check the kind, and that both are of the same view."
        )
    return AlignedDepth(aligned.astype(np.float32), scale, shift, error)


def _fit_line(seen: np.ndarray, inverse: np.ndarray) -> tuple[float, float]:
    """Scale and shift that turn disparity into inverse depth; residuals count as shares of it."""
    rng = np.random.default_rng(SEED)
    first, second = rng.integers(len(seen), size=(2, NUM_LINES))
    scales = (inverse[first] - inverse[second]) / (seen[first] - seen[second])
    shifts = inverse[first] - scales * seen[first]
    usable = np.isfinite(scales) & (scales > 0)
    if not usable.any():
        raise ValueError(
            "`depth` must grow where things are nearer, as disparity does, got a map in which it never does. Pass "
            '`kind="relative"` if it is depth.'
        )
    scales, shifts = scales[usable], shifts[usable]
    costs = [
        _residuals(line, seen, inverse).clip(max=MAX_ALIGNMENT_ERROR).mean()
        for line in zip(scales, shifts, strict=True)
    ]
    best = int(np.argmin(costs))
    return float(scales[best]), float(shifts[best])


def _residuals(line: tuple[float, float], seen: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    return np.abs(line[0] * seen + line[1] - inverse) / inverse
