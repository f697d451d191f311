# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of one scene -> depth, intrinsics, poses, confidence: what a joint estimate is, and who makes one.

May import: NumPy, PIL and the licences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from transformers_sr3d.estimators.licences import Licence


@dataclass(frozen=True)
class MultiViewEstimate:
    """What an estimator says of `V` pictures. The world is that of the poses; depth is in its unit.

    Attributes:
        depths (`np.ndarray` of shape `(V, h, w)`): z-depth, 0 where nothing is known; over the whole image each.
        intrinsics (`np.ndarray` of shape `(V, 3, 3)`): Pixels of the depth maps, OpenCV camera axes.
        camera_to_world (`np.ndarray` of shape `(V, 4, 4)`): Rigid.
        confidence (`np.ndarray` of shape `(V, h, w)`, *optional*): Larger is better, in the estimator's own scale.
        is_metric (`bool`): Whether the unit is the metre.
    """

    depths: np.ndarray
    intrinsics: np.ndarray
    camera_to_world: np.ndarray
    confidence: np.ndarray | None
    is_metric: bool


class MultiViewEstimator(Protocol):
    """Whatever turns pictures of one scene into depth and cameras.

    Attributes:
        name (`str`): For people.
        identity (`str`): Name, exact weights, and all settings that change an estimate.
        licence (`Licence`): Of the weights.
    """

    name: str
    identity: str
    licence: Licence

    def estimate(self, images: Sequence[Image.Image]) -> MultiViewEstimate:
        """Estimate all views together.

        Args:
            images (`Sequence[PIL.Image.Image]`):
                RGB, all of one size.

        Returns:
            `MultiViewEstimate`: In their order.
        """
        ...
