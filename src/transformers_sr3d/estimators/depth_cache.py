# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Estimated depth on disk: an image and a model -> the same depth map again, without the model.

One `.npz` file per image, model and focal length. Its name is a digest of the pixels, of the exact weights and of the
focal length that went in, so that nothing stale is ever read. Files are written under another name and renamed.

May import: the standard library, NumPy, PIL and siblings.
"""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from transformers_sr3d.estimators.depth import DepthEstimate


CACHE_VERSION = 1
SUFFIX = ".sr3d_depth"


def default_cache_folder(source: Path) -> Path:
    """Name the folder beside a source in which its estimates are kept.

    Args:
        source (`Path`):
            File or folder of the source.

    Returns:
        `Path`: A hidden folder with the name of the source; not made yet.
    """
    place = source.resolve()
    return place.parent / f".{place.name}{SUFFIX}"


class DepthCache:
    """Depth estimates of one source.

    Args:
        folder (`Path`):
            Where they are; made with the first of them.
        identity (`str`):
            Of the estimator: its name and the digest of its weights.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.identity = identity

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
        key = [CACHE_VERSION, self.identity, focal_px, image.mode, image.size]
        digest = hashlib.sha256(json.dumps(key).encode())
        digest.update(image.tobytes())
        return self.folder / f"{digest.hexdigest()}.npz"

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
            ValueError: If the file is damaged.
        """
        path = self.path(image, focal_px)
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                depth, kind, focal = arrays["depth"], str(arrays["kind"]), float(arrays["focal_px"])
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"`{path}` must be a saved depth estimate, got {error!s:.100}. Delete it.") from error
        return DepthEstimate(depth, kind, None if np.isnan(focal) else focal)

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
            OSError: If the folder cannot be written to.
        """
        path = self.path(image, focal_px)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        focal = np.nan if estimate.focal_px is None else estimate.focal_px
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as file:
                    np.savez(file, depth=estimate.depth, kind=np.array(estimate.kind), focal_px=np.array(focal))
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise OSError(
                f"`cache_folder` {self.folder} must be a folder that can be written to, got {error}. Pass another."
            ) from error
