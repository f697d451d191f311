# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, lens distortion that a source states: refused, or ignored on request, with how far it moves the corners.

The processor knows pinhole cameras only. Whoever ignores distortion should know what that costs, so the message and
the conventions of the source give it in pixels.

May import: NumPy.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lens:
    """Parameters of the polynomial lens models, all without unit; 0 means none.

    With `r^2 = x^2 + y^2` of the pinhole camera (`x = (u - cx) / fx`), a point is seen at

        x * (1 + radial[0] r^2 + radial[1] r^4 + ...) / (1 + divisor[0] r^2 + ...) + 2 p1 x y + p2 (r^2 + 2 x^2)

    and `y` alike with `p1` and `p2` exchanged. The division model has `divisor` only and goes the other way, from what
    is seen to the pinhole camera.

    Attributes:
        radial (`tuple[float, ...]`): Factors of r^2, r^4, ...
        divisor (`tuple[float, ...]`): The same, below the line.
        tangential (`tuple[float, float]`): p1 and p2 of OpenCV.
    """

    radial: tuple[float, ...] = ()
    divisor: tuple[float, ...] = ()
    tangential: tuple[float, float] = (0.0, 0.0)

    def corner_shift_px(self, intrinsics: np.ndarray, size_hw: tuple[int, int]) -> float:
        """Tell how far the distortion moves a corner of the picture.

        Args:
            intrinsics (`np.ndarray` of shape `(3, 3)`):
                Pixels; integers are pixel centres.
            size_hw (`tuple[int, int]`):
                Rows and columns of the picture.

        Returns:
            `float`: Pixels, of the corner that is moved farthest; infinite or NaN for absurd parameters.

        Source: Brown, Close-range camera calibration, 1971; the OpenCV documentation of `calib3d`.
        """
        height, width = size_hw
        columns, rows = np.array([0, width - 1, 0, width - 1]), np.array([0, 0, height - 1, height - 1])
        x = (columns - intrinsics[0, 2]) / intrinsics[0, 0]
        y = (rows - intrinsics[1, 2]) / intrinsics[1, 1]
        square, (p1, p2) = x * x + y * y, self.tangential
        with np.errstate(all="ignore"):
            factor = _polynomial(self.radial, square) / _polynomial(self.divisor, square)
            right = x * (factor - 1) + 2 * p1 * x * y + p2 * (square + 2 * x * x)
            down = y * (factor - 1) + 2 * p2 * x * y + p1 * (square + 2 * y * y)
            return float(np.hypot(right * intrinsics[0, 0], down * intrinsics[1, 1]).max())


def _polynomial(factors: tuple[float, ...], square: np.ndarray) -> np.ndarray:
    return sum((factor * square**power for power, factor in enumerate(factors, start=1)), start=np.ones_like(square))


def check_lens(
    lens: Lens, intrinsics: np.ndarray, size_hw: tuple[int, int], where: str, *, ignore_distortion: bool
) -> float:
    """Refuse a lens that moves pixels, unless the caller takes that.

    Args:
        lens (`Lens`):
            As the source states it.
        intrinsics (`np.ndarray` of shape `(3, 3)`):
            Pixels; integers are pixel centres.
        size_hw (`tuple[int, int]`):
            Rows and columns of the picture.
        where (`str`):
            How the message calls it, with file and key.
        ignore_distortion (`bool`):
            Whether the caller takes it.

    Returns:
        `float`: How far the corner is moved, pixels; 0 without distortion.

    Raises:
        ValueError: If a parameter is not finite, or not 0 and not taken.
    """
    parameters = np.array([*lens.radial, *lens.divisor, *lens.tangential])
    if not np.isfinite(parameters).all():
        raise ValueError(f"`{where}` must have finite distortion, got {parameters.tolist()}. Repair the file.")
    if not parameters.any():
        return 0.0
    shift_px = lens.corner_shift_px(intrinsics, size_hw)
    if not ignore_distortion:
        raise ValueError(
            f"`{where}` must have no lens distortion, got {parameters.tolist()}, which moves a corner of its "
            f"{size_hw[1]}x{size_hw[0]} picture by {shift_px:.3g} px. Undistort pictures and cameras (COLMAP: "
            "`image_undistorter`), or pass `ignore_distortion=True` if that is little enough."
        )
    return shift_px


def lens_convention(shift_px: float) -> tuple[str, ...]:
    """Say what was ignored.

    Args:
        shift_px (`float`):
            The largest that `check_lens` returned for the source.

    Returns:
        `tuple[str, ...]`: A sentence for `Source.conventions`, or nothing.
    """
    if shift_px == 0:
        return ()
    return (f"Lens distortion: stated and ignored as the caller said; it moves a corner by up to {shift_px:.3g} px.",)
