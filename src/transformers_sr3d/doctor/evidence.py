# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 3 of the examination: views of one scene -> how far they contradict each other.

Pixels of each view are taken into each other one, and their depth there is compared with what that one measured:

    agreement      both depths are the same, up to `TOLERANCE`
    hidden         the point lies behind what the other view sees; it may be covered, so it says little
    contradiction  the point lies in front of what the other view sees, where that view looks through it

May import: NumPy and siblings in `doctor`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transformers_sr3d.doctor.correction import PosedViews


# Of the logarithm of a ratio of two depths.
TOLERANCE = 0.05
# What counts as exact: steps of a depth map, and interpolation.
RESOLUTION = 0.004
# A pixel costs most from this many tolerances.
WORST = 4
HIDDEN_COST = 0.5
GRID_SIDE = 28


@dataclass(frozen=True)
class Comparison:
    """Pixels of each view taken into each other one.

    Attributes:
        rows (`np.ndarray` of shape `(V, P)`): Of the pixels that were taken.
        columns (`np.ndarray` of shape `(V, P)`): The same.
        is_taken (`np.ndarray` of shape `(V, P)`, bool): Measured, and not at an edge.
        residuals (`np.ndarray` of shape `(V, V, P)`): `[b, a]`: logarithm of the depth that a point of a has in b by
            the depth that b measured there; 0 where it did not land.
        landed (`np.ndarray` of shape `(V, V, P)`, bool): Whether it fell on a smooth measured place.
        at_rows (`np.ndarray` of shape `(V, V, P)`): Where.
        at_columns (`np.ndarray` of shape `(V, V, P)`): Where.
    """

    rows: np.ndarray
    columns: np.ndarray
    is_taken: np.ndarray
    residuals: np.ndarray
    landed: np.ndarray
    at_rows: np.ndarray
    at_columns: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """What comparing all pairs gave; entries `[b, a]` are about pixels of view a taken into view b.

    Attributes:
        landed (`np.ndarray` of shape `(V, V)`): Pixels that fall on a measured one.
        agreed (`np.ndarray` of shape `(V, V)`): Of these, agreements.
        contradicted (`np.ndarray` of shape `(V, V)`): Of these, contradictions.
        cost (`np.ndarray` of shape `(V, V)`): Sum over landed pixels, 0 for an exact one, up to 1 for a bad one.
        agreed_cost (`np.ndarray` of shape `(V, V)`): The same over agreements only.
        num_taken (`np.ndarray` of shape `(V,)`): Pixels of each view that were taken.
    """

    landed: np.ndarray
    agreed: np.ndarray
    contradicted: np.ndarray
    cost: np.ndarray
    agreed_cost: np.ndarray
    num_taken: np.ndarray

    @property
    def mean_cost(self) -> float:
        """Mean over all landed pixels; 1 where there is none."""
        return float(self.cost.sum() / self.landed.sum()) if self.landed.any() else 1.0

    @property
    def mean_agreed_cost(self) -> float:
        """Mean over agreements, which tells an exact geometry from one that is only about right; 1 without any."""
        return float(self.agreed_cost.sum() / self.agreed.sum()) if self.agreed.any() else 1.0

    @property
    def overlap(self) -> float:
        """Landed pixels per taken pixel and other view."""
        return float(self.landed.sum()) / max(1, int(self.num_taken.sum()) * (len(self.landed) - 1))

    @property
    def contradicted_share(self) -> float:
        """Contradictions among agreements and contradictions; 0 where there is neither."""
        return float(self.contradicted.sum() / max(1, self.contradicted.sum() + self.agreed.sum()))

    @property
    def agreed_share(self) -> float:
        """Agreements among landed pixels; 0 where there is none."""
        return float(self.agreed.sum() / max(1, self.landed.sum()))

    def of(self, kept: Sequence[int]) -> "Evidence":
        """Leave views out.

        Args:
            kept (`Sequence[int]`):
                Rows of those that stay.

        Returns:
            `Evidence`: About them alone.
        """
        pairs = np.ix_(kept, kept)
        return Evidence(
            landed=self.landed[pairs],
            agreed=self.agreed[pairs],
            contradicted=self.contradicted[pairs],
            cost=self.cost[pairs],
            agreed_cost=self.agreed_cost[pairs],
            num_taken=self.num_taken[list(kept)],
        )


def compare_views(views: PosedViews, *, grid_side: int = GRID_SIDE) -> Comparison:
    """Take pixels of each view into each other one.

    Args:
        views (`PosedViews`):
            Corrected.
        grid_side (`int`, defaults to 28):
            Pixels of each view that are taken, along each side.

    Returns:
        `Comparison`: Of all pairs.
    """
    maps, places = views.maps, np.array(views.places, int)
    rows, columns = _grid(maps.sizes_hw[places], grid_side)
    is_taken = maps.is_smooth[places[:, None], rows, columns]
    points = _points_camera(views, rows, columns)
    relative = (np.linalg.inv(views.poses)[:, None] @ views.poses[None]).astype(np.float32)
    seen = points[None] @ relative[..., :3, :3].swapaxes(-1, -2) + relative[..., None, :3, 3]
    z = seen[..., 2]
    is_ahead = z > 1e-6 * views.depth_factor
    z = np.where(is_ahead, z, 1)
    matrix = views.intrinsics.astype(np.float32)[:, None, None]
    u = matrix[..., 0, 0] * seen[..., 0] / z + matrix[..., 0, 2]
    v = matrix[..., 1, 1] * seen[..., 1] / z + matrix[..., 1, 2]
    height, width = maps.depth.shape[1:]
    landed = is_ahead & is_taken[None] & (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
    u, v = np.where(landed, u, 0), np.where(landed, v, 0)
    column, row = np.rint(u).astype(int), np.rint(v).astype(int)
    spot = (places[:, None, None] * height + row) * width + column
    landed &= maps.is_smooth.ravel()[spot] & ~np.eye(len(places), dtype=bool)[..., None]
    inverse = maps.inverse.ravel()[spot]
    inverse += maps.slope_right.ravel()[spot] * (u - column) + maps.slope_down.ravel()[spot] * (v - row)
    ratio = np.where(landed, z * inverse / np.float32(views.depth_factor), 1)
    return Comparison(rows, columns, is_taken, np.log(np.maximum(ratio, 1e-12)), landed, row, column)


def weigh(comparison: Comparison) -> Evidence:
    """Sum a comparison up.

    Args:
        comparison (`Comparison`):
            From `compare_views`.

    Returns:
        `Evidence`: One number for each pair and kind.
    """
    landed, residuals = comparison.landed, comparison.residuals
    cost = np.log1p((residuals / RESOLUTION) ** 2) / np.log1p((TOLERANCE * WORST / RESOLUTION) ** 2)
    cost = np.where(residuals > TOLERANCE, HIDDEN_COST, np.minimum(cost, 1)) * landed
    agreed = landed & (np.abs(residuals) <= TOLERANCE)
    return Evidence(
        landed=landed.sum(axis=-1),
        agreed=agreed.sum(axis=-1),
        contradicted=(landed & (residuals < -TOLERANCE)).sum(axis=-1),
        cost=cost.sum(axis=-1),
        agreed_cost=(cost * agreed).sum(axis=-1),
        num_taken=comparison.is_taken.sum(axis=-1),
    )


def _grid(sizes_hw: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a regular grid of pixels in each view, `(V, P)`."""
    shares = (np.arange(side) + 0.5) / side
    rows = (shares[None] * sizes_hw[:, :1]).astype(int)
    columns = (shares[None] * sizes_hw[:, 1:]).astype(int)
    return np.repeat(rows, side, axis=1), np.tile(columns, (1, side))


def _points_camera(views: PosedViews, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Points of pixels in the frame of their own camera, `(V, P, 3)`."""
    matrix = views.intrinsics[:, None]
    x = (columns - matrix[..., 0, 2]) / matrix[..., 0, 0]
    y = (rows - matrix[..., 1, 2]) / matrix[..., 1, 1]
    z = views.maps.depth[np.array(views.places, int)[:, None], rows, columns] * views.depth_factor
    return (np.stack([x, y, np.ones_like(x)], axis=-1) * z[..., None]).astype(np.float32)
