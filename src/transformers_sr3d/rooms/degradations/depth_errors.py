# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Errors of depth maps: exact z-depth + random numbers -> what a sensor or an estimator would have given.

Functions on single maps. Depth is metres along the optical axis, 0 = not measured; maps are float32 of shape `(H, W)`,
pixels those of `intrinsics`. The Kinect is modelled by its geometry, so that one model fits every lens and size of
picture: steps of disparity, the projector's shadow, grazing light, range. The price: which things are too dark or
glossy for it is left to chance, and what its driver fills is left open.

May import: NumPy and PIL.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image


# The structured light of a Kinect v1: projector to the right of the camera, steps of 1/8 pixel of disparity.
KINECT_FOCAL_PX = 580.0
KINECT_BASELINE_M = 0.075
# One step of depth is this times the square of the depth, 1 / m: 1 / (8 * focal length * baseline).
KINECT_STEP_PER_M = 2.85e-3
KINECT_NEAR_M = 0.45
# Standard deviation of the measured disparity, steps (Barron and Malik, Intrinsic Scene Properties from a Single RGB-D
# Image, 2013; also used by the ICL-NUIM benchmark).
KINECT_DISPARITY_NOISE = 1 / 6
# How far object edges wander, pixels of the Kinect; neighbours within a dot of its pattern err together.
KINECT_JITTER_PX, KINECT_DOT_PX = 0.8, 3.0


@dataclass(frozen=True)
class KinectSettings:
    """One sensor, the same for all views of a sample.

    Attributes:
        range_m (`float`): Farthest depth that it measures, metres.
        min_cosine (`float`): Surfaces whose normal leaves the ray by more than this cosine return too little light.
        speckle_share (`float`): Share of pixels lost by chance, in small groups.
        patch_level (`float`): Patches are lost where a smooth field of unit variance exceeds this, as dark and glossy
            things are.
        margins (`tuple[float, float, float, float]`): Left, top, right and bottom shares of the picture that the depth
            camera does not see.
    """

    range_m: float
    min_cosine: float
    speckle_share: float
    patch_level: float
    margins: tuple[float, float, float, float]


def draw_kinect(rng: np.random.Generator) -> KinectSettings:
    """Draw a sensor: range 4.5 to 6 m, grazing angle 78 to 84 degrees, margins of 1 to 5 %."""
    left, top, right, bottom = rng.uniform(0.01, 0.05, 4).tolist()
    return KinectSettings(
        range_m=float(rng.uniform(4.5, 6.0)),
        min_cosine=float(rng.uniform(0.10, 0.20)),
        speckle_share=float(rng.uniform(0.0005, 0.005)),
        patch_level=float(rng.uniform(2.0, 3.0)),
        margins=(left, top, right, bottom),
    )


def measure_like_kinect(
    depth: np.ndarray, intrinsics: np.ndarray, settings: KinectSettings, rng: np.random.Generator
) -> np.ndarray:
    """Give a depth map the steps, holes and ragged edges of a structured-light sensor.

    Args:
        depth (`np.ndarray` of shape `(H, W)`): Metres, 0 = not measured.
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.
        settings (`KinectSettings`): The sensor.
        rng (`np.random.Generator`): Noise of this map.

    Returns:
        `np.ndarray` of shape `(H, W)`, float32: metres in steps of `KINECT_STEP_PER_M * depth**2`, 0 in holes.
    """
    focal_px = float(intrinsics[0, 0])
    wobble = smooth_field(depth.shape, rng, cells=12)  # also so that no hole ends along a straight line
    lost = wobble > settings.patch_level
    lost |= incidence_cosine(depth, intrinsics) < settings.min_cosine * (1 + 0.3 * wobble)
    lost |= _speckles(depth.shape, settings.speckle_share, rng) | _margins(depth.shape, settings)
    ragged = _jitter_edges(depth, focal_px, rng)
    lost |= projector_shadow(ragged, focal_px)
    farthest = settings.range_m * np.minimum(1 + 0.04 * wobble, 1)
    measured = (ragged > KINECT_NEAR_M) & (ragged < farthest) & ~lost
    disparity = 1 / (KINECT_STEP_PER_M * np.where(measured, ragged, 1))
    disparity += _dot_noise(depth.shape, _dot_px(focal_px), KINECT_DISPARITY_NOISE, rng)
    steps = np.maximum(np.round(disparity), 1)
    return np.where(measured, 1 / (KINECT_STEP_PER_M * steps), 0).astype(np.float32)


def projector_shadow(depth: np.ndarray, focal_px: float) -> np.ndarray:
    """Find the pixels that the light of a projector right of the camera does not reach.

    A point in column `u` lies in column `u - focal * baseline / depth` of the projector's picture; it is hidden where
    a point farther right in the camera's picture lies there or farther left.

    Args:
        depth (`np.ndarray` of shape `(H, W)`): Metres, 0 = not measured.
        focal_px (`float`): Pixels.

    Returns:
        `np.ndarray` of shape `(H, W)`, boolean: left of near things and the wider, the nearer they are.
    """
    columns = np.arange(depth.shape[1], dtype=np.float32)
    seen_from_projector = np.full(depth.shape, np.inf, np.float32)
    np.divide(-focal_px * KINECT_BASELINE_M, depth, out=seen_from_projector, where=depth > 0)
    seen_from_projector += columns
    leftmost = np.minimum.accumulate(seen_from_projector[:, ::-1], axis=1)[:, ::-1]
    shadow = np.zeros(depth.shape, bool)
    shadow[:, :-1] = (leftmost[:, 1:] < seen_from_projector[:, :-1] - 0.5) & (depth[:, :-1] > 0)
    return shadow


def incidence_cosine(depth: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Measure how squarely surfaces face the camera.

    On a plane the inverse depth is `a x + b y + c` in image coordinates of focal length 1 and the normal is
    proportional to `(a, b, c)`. Slopes are taken towards the flatter neighbour, so that edges do not count as grazing.

    Args:
        depth (`np.ndarray` of shape `(H, W)`): Metres, 0 = not measured.
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.

    Returns:
        `np.ndarray` of shape `(H, W)`: Cosine between normal and ray, 0 to 1; 0 where not measured.
    """
    height, width = depth.shape
    inverse = np.zeros(depth.shape, np.float32)
    np.divide(1, depth, out=inverse, where=depth > 0)
    (fx, _, cx), (_, fy, cy) = intrinsics[:2].astype(np.float32)
    x = ((np.arange(width, dtype=np.float32) - cx) / fx)[None, :]
    y = ((np.arange(height, dtype=np.float32) - cy) / fy)[:, None]
    a, b = _flatter_slope(inverse) * fx, _flatter_slope(inverse.T).T * fy
    c = inverse - a * x - b * y
    length = np.sqrt((a * a + b * b + c * c) * (1 + x * x + y * y))
    return inverse / np.maximum(length, np.float32(1e-9))


def smooth_field(size_hw: tuple[int, ...], rng: np.random.Generator, *, cells: int) -> np.ndarray:
    """Draw a smooth random map.

    Args:
        size_hw (`tuple[int, int]`): Pixels, rows first.
        rng (`np.random.Generator`): Source of randomness.
        cells (`int`): Independent values along each side, from 2.

    Returns:
        `np.ndarray` of shape `(H, W)`, float32: mean 0 and standard deviation 1 over the map.
    """
    coarse = rng.standard_normal((cells, cells), np.float32)
    field = np.asarray(Image.fromarray(coarse).resize((size_hw[1], size_hw[0]), Image.Resampling.BICUBIC))
    return (field - field.mean()) / max(float(field.std()), 1e-6)


def bleed_edges(depth: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blur a depth map over its measured pixels, which rounds its edges and leaves planes alone.

    Args:
        depth (`np.ndarray` of shape `(H, W)`): Metres, 0 = not measured.
        sigma_px (`float`): Standard deviation of the Gaussian, pixels.

    Returns:
        `np.ndarray` of shape `(H, W)`, float32: metres; what was not measured is not measured.
    """
    reach = max(1, round(2.5 * sigma_px))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2).astype(np.float32)
    measured = depth > 0
    weight = _convolve(_convolve(measured.astype(np.float32), taps).T, taps).T
    total = _convolve(_convolve(depth.astype(np.float32), taps).T, taps).T
    return np.where(measured, total / np.maximum(weight, np.float32(1e-9)), 0).astype(np.float32)


def _convolve(values: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Sum weighted neighbours along rows; the map goes on past its border as its mirror image."""
    reach = len(taps) // 2
    padded = np.pad(values, ((0, 0), (reach, reach)), mode="symmetric")
    width = values.shape[1]
    return sum(tap * padded[:, start : start + width] for start, tap in enumerate(taps))


def _flatter_slope(values: np.ndarray) -> np.ndarray:
    """Difference to the right or from the left neighbour, whichever is smaller."""
    steps = np.diff(values, axis=1)
    backward, forward = np.pad(steps, ((0, 0), (1, 0)), mode="edge"), np.pad(steps, ((0, 0), (0, 1)), mode="edge")
    return np.where(np.abs(backward) < np.abs(forward), backward, forward)


def _dot_px(focal_px: float) -> int:
    return max(1, round(KINECT_DOT_PX * focal_px / KINECT_FOCAL_PX))


def _in_squares(draw: np.ndarray, size_hw: tuple[int, ...], side: int) -> np.ndarray:
    """Repeat every value over a square of pixels."""
    return draw.repeat(side, axis=0).repeat(side, axis=1)[: size_hw[0], : size_hw[1]]


def _dot_noise(size_hw: tuple[int, ...], dot: int, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Normal noise that is the same within a dot of the sensor's pattern."""
    draw = rng.standard_normal((-(-size_hw[0] // dot), -(-size_hw[1] // dot)), np.float32) * np.float32(sigma)
    return _in_squares(draw, size_hw, dot)


def _jitter_edges(depth: np.ndarray, focal_px: float, rng: np.random.Generator) -> np.ndarray:
    """Look depth up at places that wander by a pixel or so, which only shows at edges."""
    height, width = depth.shape
    sigma = max(0.5, KINECT_JITTER_PX * focal_px / KINECT_FOCAL_PX)
    down, right = (np.round(_dot_noise(depth.shape, _dot_px(focal_px), sigma, rng)).astype(np.int32) for _ in range(2))
    rows = np.clip(np.arange(height, dtype=np.int32)[:, None] + down, 0, height - 1)
    columns = np.clip(np.arange(width, dtype=np.int32)[None, :] + right, 0, width - 1)
    return depth.ravel().take(rows * width + columns)


def _speckles(size_hw: tuple[int, ...], share: float, rng: np.random.Generator) -> np.ndarray:
    """Small groups of pixels, two by two."""
    draw = rng.random((-(-size_hw[0] // 2), -(-size_hw[1] // 2)), np.float32) < share
    return _in_squares(draw, size_hw, 2)


def _margins(size_hw: tuple[int, ...], settings: KinectSettings) -> np.ndarray:
    height, width = size_hw
    left, top, right, bottom = settings.margins
    outside = np.ones((height, width), bool)
    outside[round(top * height) : round((1 - bottom) * height), round(left * width) : round((1 - right) * width)] = 0
    return outside
