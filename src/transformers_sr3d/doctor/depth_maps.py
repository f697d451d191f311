# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 1 of the examination, depth: maps of several views -> one stack that is quick to look up.

Inverse depth is linear on planes, so each pixel keeps its inverse depth and two slopes; one look-up then gives the
depth between pixels. Pixels at the edges of things are marked, because there nothing is linear.

May import: NumPy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


# Two neighbours whose depths differ by a larger factor belong to different things.
MAX_STEP = 1.15


@dataclass(frozen=True)
class DepthMaps:
    """A stack of depth maps, padded to one size with what is not measured.

    Attributes:
        depth (`np.ndarray` of shape `(V, H, W)`): 0 where not measured.
        inverse (`np.ndarray` of shape `(V, H, W)`): 0 where not measured.
        slope_right (`np.ndarray` of shape `(V, H, W)`): Of the inverse depth, per pixel.
        slope_down (`np.ndarray` of shape `(V, H, W)`): The same.
        is_smooth (`np.ndarray` of shape `(V, H, W)`, bool): Measured, and so are its four neighbours, at like depth.
        sizes_hw (`np.ndarray` of shape `(V, 2)`): Without the padding.
    """

    depth: np.ndarray
    inverse: np.ndarray
    slope_right: np.ndarray
    slope_down: np.ndarray
    is_smooth: np.ndarray
    sizes_hw: np.ndarray


def stack_maps(depths: Sequence[np.ndarray]) -> DepthMaps:
    """Stack depth maps.

    Args:
        depths (`Sequence[np.ndarray]`, each of shape `(h, w)`):
            0 where not measured.

    Returns:
        `DepthMaps`: Of them.
    """
    sizes = np.array([depth.shape for depth in depths], dtype=int).reshape(-1, 2)
    height, width = sizes.max(axis=0) if len(sizes) else (1, 1)
    stack = np.zeros((len(depths), height + 2, width + 2), np.float32)
    for place, depth in enumerate(depths):
        stack[place, 1 : 1 + depth.shape[0], 1 : 1 + depth.shape[1]] = depth
    inverse = np.zeros_like(stack)
    np.divide(1, stack, out=inverse, where=stack > 0)
    middle = (slice(None), slice(1, -1), slice(1, -1))
    up, down = inverse[:, :-2, 1:-1], inverse[:, 2:, 1:-1]
    left, right = inverse[:, 1:-1, :-2], inverse[:, 1:-1, 2:]
    nearest = np.maximum.reduce([up, down, left, right, inverse[middle]])
    farthest = np.minimum.reduce([up, down, left, right, inverse[middle]])
    is_smooth = (farthest > 0) & (nearest < MAX_STEP * farthest)
    return DepthMaps(
        stack[middle],
        np.ascontiguousarray(inverse[middle]),
        (right - left) / 2,
        (down - up) / 2,
        is_smooth,
        sizes,
    )
