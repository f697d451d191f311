# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, what the head of a picture tells: its size, and whether intrinsics can belong to a picture of that size.

Readers check the first picture of a source with these, so that a folder whose pictures were made smaller after its
intrinsics were written is refused when it is opened, and not after an hour of import. No pixel is decoded.

May import: NumPy, PIL, and the checks of images and cameras.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.camera_matrices_sr3d import read_intrinsics
from transformers_sr3d.image_files_sr3d import DECODE_ERRORS
from transformers_sr3d.input_checks_sr3d import check_pixel_count


def picture_size_hw(path: Path) -> tuple[int, int]:
    """Read the size of a picture or depth map from the head of its file.

    Args:
        path (`Path`):
            A file that Pillow knows.

    Returns:
        `tuple[int, int]`: Rows and columns.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is no picture, or has no pixel or too many; the message names it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be a picture, got no file there. Restore it, or check the path.")
    try:
        with Image.open(path) as picture:
            size_hw = (picture.height, picture.width)
    except (*DECODE_ERRORS, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(
            f"`{path}` must be a picture that Pillow can read, got {str(error)[:200]}. "
            "The file is damaged or of another kind; restore it."
        ) from error
    check_pixel_count(size_hw, str(path))
    return size_hw


def camera_matrix(intrinsics: Any, where: str, size_hw: tuple[int, int]) -> np.ndarray:
    """Check intrinsics against the size of their picture, by the rules of the processor.

    Args:
        intrinsics (`np.ndarray`, `list` or `dict`):
            3x3 in pixels, or `fx`, `fy`, `cx`, `cy`.
        where (`str`):
            How the message calls them: a file or an option.
        size_hw (`tuple[int, int]`):
            Rows and columns of the picture.

    Returns:
        `np.ndarray` of shape `(3, 3)`, float64, rounded to float32.

    Raises:
        TypeError: If it is no matrix and no dictionary.
        ValueError: If it cannot be the matrix of such a picture.
    """
    matrix = read_intrinsics(intrinsics, where, [size_hw])[0]
    if matrix is None or not matrix.isfinite().all():
        found = None if matrix is None else matrix.tolist()
        raise ValueError(
            f"`{where}` must be a 3x3 matrix of finite float32, got {found}. Pass fx, fy, cx, cy in pixels."
        )
    return matrix.double().numpy()
