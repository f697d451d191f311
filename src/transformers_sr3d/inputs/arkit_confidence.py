# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, how sure ARKit is of its depth: 0 low, 1 medium, 2 high, one level per pixel of a depth map.

May import: NumPy and the checks of images and depth.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from transformers_sr3d.depth_files_sr3d import MIN_MEASURED_PIXELS
from transformers_sr3d.image_files_sr3d import open_image


LEVELS = (0, 1, 2)
# What a stored number means, where ARKit's own are stored.
ARKIT_CONFIDENCES = {0: 0, 1: 1, 2: 2}


def check_min_confidence(min_confidence: Any) -> None:
    """Refuse an option that is no level of confidence.

    Args:
        min_confidence (`Any`):
            As the caller gave it.

    Raises:
        ValueError: If it is none of `LEVELS`.
    """
    if isinstance(min_confidence, bool) or min_confidence not in LEVELS:
        raise ValueError(
            f"`min_confidence` must be 0 (all depth), 1 (medium and high) or 2 (high), got {min_confidence!r}. "
            "Choose one of these numbers."
        )


def load_confidence(path: Path) -> np.ndarray:
    """Load a confidence map from a picture.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `np.ndarray` of shape `(H, W)`, uint8: The stored numbers.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is no 8-bit grey picture.
    """
    picture, _ = open_image(path, str(path))
    if picture.mode != "L":
        raise ValueError(
            f"`{path}` must be 8-bit grey, got mode {picture.mode}. Restore the file, or pass `min_confidence=0`."
        )
    return np.asarray(picture)


def keep_confident(
    depth: np.ndarray,
    stored: np.ndarray,
    min_confidence: int,
    name: str,
    *,
    confidences: Mapping[int, int] = ARKIT_CONFIDENCES,
) -> np.ndarray:
    """Set depth that is less sure than wanted to "not measured".

    Args:
        depth (`np.ndarray` of shape `(H, W)`):
            Metres, 0 where not measured.
        stored (`np.ndarray`):
            The confidence map as the source has it: uint8, of the same shape.
        min_confidence (`int`):
            The smallest of `LEVELS` that is kept.
        name (`str`):
            How messages call the confidence map.
        confidences (`Mapping[int, int]`, defaults to `ARKIT_CONFIDENCES`):
            Level of each number that may be stored.

    Returns:
        `np.ndarray` of shape `(H, W)`, float32.

    Raises:
        ValueError: If the shapes differ, a number is unknown, or too little is left.
    """
    if stored.shape != depth.shape:
        raise ValueError(
            f"`{name}` must have the shape of its depth map, {depth.shape}, got {stored.shape}. Restore the file."
        )
    unknown = np.setdiff1d(stored, list(confidences))
    if unknown.size:
        raise ValueError(
            f"`{name}` must hold the numbers {tuple(confidences)}, got {int(unknown[0])}: another kind of confidence. "
            "Pass `min_confidence=0` to take all depth."
        )
    sure = np.isin(stored, [number for number, level in confidences.items() if level >= min_confidence])
    kept = np.where(sure, depth, np.float32(0.0))
    measured = int(np.count_nonzero(kept))
    if measured < MIN_MEASURED_PIXELS:
        raise ValueError(
            f"`{name}` must leave at least {MIN_MEASURED_PIXELS} measured pixels with confidence {min_confidence} or "
            f"more, got {measured}. Pass a lower `min_confidence`, or leave this view out."
        )
    return kept
