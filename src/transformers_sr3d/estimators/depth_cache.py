# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Estimated depth on disk: an image and a model -> the same depth map again, without the model.

One `.npz` file per image, model, kind and focal length. Its name is a digest of the pixels, of the exact weights, of
what the numbers are and of the focal length that went in, so that nothing stale is ever read. The file itself says,
too, what its numbers are; one that says something else is refused and never read as if it were metres.

May import: the standard library, NumPy, PIL and siblings.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from transformers_sr3d.estimators.array_files import digest_of, load_arrays, save_arrays
from transformers_sr3d.estimators.depth import DepthEstimate


CACHE_VERSION = 2


class DepthCache:
    """Depth estimates of one source.

    Args:
        folder (`Path`):
            Where they are; made with the first of them.
        identity (`str`):
            Of the estimator: its name and the digest of its weights.
        kind (`str`):
            `"metric"`, `"relative"` or `"disparity"`: what the numbers of the estimator are.
    """

    def __init__(self, folder: Path, identity: str, kind: str) -> None:
        self.folder = folder
        self.identity = identity
        self.kind = kind

    def path(self, image: Image.Image, focal_px: float | None) -> Path:
        """Name the file of one image.

        Args:
            image (`PIL.Image.Image`):
                RGB.
            focal_px (`float`, *optional*):
                Focal length that the estimator is given.

        Returns:
            `Path`: Whether or not it is there.
        """
        return self.folder / f"{digest_of([CACHE_VERSION, self.identity, self.kind, focal_px], [image])}.npz"

    def load(self, image: Image.Image, focal_px: float | None) -> DepthEstimate | None:
        """Look an estimate up.

        Args:
            image (`PIL.Image.Image`):
                RGB.
            focal_px (`float`, *optional*):
                As it was saved with.

        Returns:
            `DepthEstimate` or `None`: None if it is not there.

        Raises:
            ValueError: If the file is damaged, or says that its numbers are of another kind.
        """
        path = self.path(image, focal_px)
        arrays = load_arrays(path, ("depth", "kind", "focal_px"))
        if arrays is None:
            return None
        if str(arrays["kind"]) != self.kind:
            raise ValueError(
                f"`{path}` must hold {self.kind} depth, got {str(arrays['kind'])!r}. It is not what {self.identity} "
                "gives: delete it."
            )
        focal = float(arrays["focal_px"])
        return DepthEstimate(arrays["depth"], self.kind, None if np.isnan(focal) else focal)

    def save(self, image: Image.Image, focal_px: float | None, estimate: DepthEstimate) -> None:
        """Keep an estimate.

        Args:
            image (`PIL.Image.Image`):
                RGB.
            focal_px (`float`, *optional*):
                What the estimator was given.
            estimate (`DepthEstimate`):
                What it said.

        Raises:
            ValueError: If the estimate is of another kind than the estimator declares.
            OSError: If the folder cannot be written to.
        """
        if estimate.kind != self.kind:
            raise ValueError(
                f"`kind` of an estimate of {self.identity} must be {self.kind!r}, as its estimator declares, got "
                f"{estimate.kind!r}. Correct the estimator."
            )
        focal = np.nan if estimate.focal_px is None else estimate.focal_px
        arrays = {"depth": estimate.depth, "kind": np.array(estimate.kind), "focal_px": np.array(focal)}
        save_arrays(self.path(image, focal_px), arrays)
