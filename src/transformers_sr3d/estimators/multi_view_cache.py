# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Joint estimates on disk: pictures and an estimator -> the same estimate again, without the estimator.

One `.npz` file per set of pictures, in their order, and estimator; its name is a digest of every pixel, of the exact
weights and of the settings (`MultiViewEstimator.identity`). See `array_files` for how files are written.

May import: the standard library, NumPy, PIL and siblings.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from transformers_sr3d.estimators.array_files import digest_of, load_arrays, save_arrays
from transformers_sr3d.estimators.multi_view_types import MultiViewEstimate


CACHE_VERSION = 1
ARRAYS = ("depths", "intrinsics", "camera_to_world")


class MultiViewCache:
    """Joint estimates of one source.

    Args:
        folder (`Path`):
            Where they are; made with the first of them.
        identity (`str`):
            Of the estimator: its name, the digest of its weights, and its settings.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.identity = identity

    def path(self, images: Sequence[Image.Image]) -> Path:
        """Name the file of some pictures.

        Args:
            images (`Sequence[PIL.Image.Image]`):
                RGB.

        Returns:
            `Path`: Whether or not it is there.
        """
        return self.folder / f"{digest_of(['views', CACHE_VERSION, self.identity], images)}.npz"

    def load(self, images: Sequence[Image.Image]) -> MultiViewEstimate | None:
        """Look an estimate up.

        Args:
            images (`Sequence[PIL.Image.Image]`):
                As it was saved with.

        Returns:
            `MultiViewEstimate` or `None`: None if it is not there.

        Raises:
            ValueError: If the file is damaged.
        """
        arrays = load_arrays(self.path(images), (*ARRAYS, "is_metric"))
        if arrays is None:
            return None
        return MultiViewEstimate(
            **{name: arrays[name] for name in ARRAYS},
            confidence=arrays.get("confidence"),
            is_metric=bool(arrays["is_metric"]),
        )

    def save(self, images: Sequence[Image.Image], estimate: MultiViewEstimate) -> None:
        """Keep an estimate.

        Args:
            images (`Sequence[PIL.Image.Image]`):
                What the estimator was given.
            estimate (`MultiViewEstimate`):
                What it said.

        Raises:
            OSError: If the folder cannot be written to.
        """
        arrays = {name: getattr(estimate, name) for name in ARRAYS} | {"is_metric": np.array(estimate.is_metric)}
        if estimate.confidence is not None:
            arrays["confidence"] = estimate.confidence
        save_arrays(self.path(images), arrays)
