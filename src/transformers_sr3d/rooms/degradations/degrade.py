# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Degradations: a sample with exact geometry + random numbers -> the sample as sensors, estimators and users give it.

A sample is a dictionary of processor arguments whose regions are marked in pictures. A degradation is a pure function
`(sample, rng) -> sample`; what it gives is a plain sample (see `plain_samples`) that the processor accepts, and the
input stays as it was. They work on arguments, not on encoded tensors, so that training and benchmark disturb what a
user's data would be disturbed in; the price is that a degraded sample must be encoded again.

May import: NumPy, PIL and siblings in `rooms`.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.geometry_sr3d import world_up_rotation
from transformers_sr3d.rooms.degradations.covers_and_crops import cover_views, crop_views
from transformers_sr3d.rooms.degradations.depth_errors import (
    bleed_edges,
    draw_kinect,
    measure_like_kinect,
    smooth_field,
)
from transformers_sr3d.rooms.degradations.plain_samples import read_sample, with_depths, without_geometry


Degradation = Callable[[Mapping[str, Any], np.random.Generator], dict[str, Any]]

NOISE_SIGMA = (0.005, 0.03)
MAX_VIEW_DRIFT, MAX_COMMON_DRIFT = 0.05, 0.03
MAX_TURN_DEG, MAX_SHIFT_M = 2.0, 0.05
RELATIVE_SCALE = (0.2, 5.0)
JPEG_QUALITY = (20, 70)
# Of estimated depth: how far its scale varies over a view, and how far edges bleed at a width of 256 pixels.
ESTIMATE_SIGMA = (0.01, 0.04)
ESTIMATE_BLUR_PX = (0.7, 2.0)
ESTIMATE_WIDTH_PX = 256


def kinect_depth(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Measure depth with a structured-light sensor, the same one in all views; see `measure_like_kinect`.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample, with metric depth.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample. A view in which the sensor measures nothing loses its depth.

    Raises:
        ValueError: If there is no metric depth.
    """
    plain = _read_with_depth(sample, "kinect_depth", metric=True)
    sensor = draw_kinect(rng)
    pairs = zip(plain["depths"], plain["intrinsics"], strict=True)
    depths = [None if depth is None else measure_like_kinect(depth, camera, sensor, rng) for depth, camera in pairs]
    return with_depths(plain, depths)


def depth_noise(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Multiply depth by noise of 0.5 to 3 % that is in part smooth over the view and in part new in every pixel.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample, with depth.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample; the standard deviation is one for all views.

    Raises:
        ValueError: If there is no depth.
    """
    plain = _read_with_depth(sample, "depth_noise")
    sigma, smooth_share = rng.uniform(*NOISE_SIGMA), rng.uniform(0.2, 0.8)

    def disturb(depth: np.ndarray) -> np.ndarray:
        pixels = np.clip(rng.standard_normal(depth.shape, np.float32), -3, 3)
        smooth = np.clip(smooth_field(depth.shape, rng, cells=5), -3, 3)
        noise = np.sqrt(smooth_share) * smooth + np.sqrt(1 - smooth_share) * pixels
        return depth * (1 + sigma * noise)

    return _change_depths(plain, disturb)


def scale_drift(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Scale the depth of every view by up to 5 % of its own, and the whole sample by up to 3 %.

    The common factor is the error of a metric estimator: it holds for depth and for the distances between cameras, and
    makes every length in the answer wrong by as much. One view has no factor of its own.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample, with depth.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample.

    Raises:
        ValueError: If there is no depth.
    """
    plain = _read_with_depth(sample, "scale_drift")
    common = 1 + rng.uniform(-MAX_COMMON_DRIFT, MAX_COMMON_DRIFT)
    own = 1 + rng.uniform(-MAX_VIEW_DRIFT, MAX_VIEW_DRIFT, len(plain["images"])) * (len(plain["images"]) > 1)
    depths = zip(plain["depths"], common * own, strict=True)
    scaled = with_depths(plain, [None if depth is None else depth * factor for depth, factor in depths])
    if "camera_to_world" not in plain:
        return scaled
    middle = np.mean([pose[:3, 3] for pose in plain["camera_to_world"] if pose is not None], axis=0)
    return scaled | {
        "camera_to_world": [
            None if pose is None else _moved(pose, (common - 1) * (pose[:3, 3] - middle))
            for pose in plain["camera_to_world"]
        ]
    }


def pose_noise(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Turn every camera by up to 2 degrees and move it by up to 5 cm; a direction of gravity is turned alike.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample with rigid poses. Without poses and gravity there is nothing to disturb.
    """
    plain = read_sample(sample)
    if "camera_to_world" in plain:
        poses = []
        for pose in plain["camera_to_world"]:
            turn, shift = _small_turn(rng), _direction(rng) * rng.uniform(0, MAX_SHIFT_M)
            poses.append(None if pose is None else _moved(pose @ turn, shift))
        plain["camera_to_world"] = poses
    if "gravity_camera" in plain:
        plain["gravity_camera"] = _small_turn(rng)[:3, :3] @ plain["gravity_camera"]
    return plain


def relative_depth(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Divide the depth of a single view by an unknown scale; a pose in metres goes, the direction of gravity stays.

    Args:
        sample (`Mapping`): Arguments of the processor for one view, with depth.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample with `depth_kind="relative"`.

    Raises:
        ValueError: If there is no depth or more than one view: poses in metres do not go with depth of unknown scale.
    """
    plain = _read_with_depth(sample, "relative_depth")
    if len(plain["images"]) > 1:
        raise ValueError(
            f"`sample` must have one view for 'relative_depth', got {len(plain['images'])}. Depth of unknown scale "
            "cannot be combined with poses in metres; use 'scale_drift' or 'estimated_geometry' for several views."
        )
    scale = np.exp(rng.uniform(*np.log(RELATIVE_SCALE)))
    kept = _without_poses(plain, keep_gravity=True) | {"depth_kind": "relative"}
    return _change_depths(kept, lambda depth: depth / scale)


def estimated_geometry(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Replace measured geometry by what an estimator gives from pictures alone.

    Depth bleeds over edges, its scale varies by 1 to 4 % over a view and drifts between views, and poses are noisy.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample, with depth.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample.

    Raises:
        ValueError: If there is no depth.
    """
    plain = _read_with_depth(sample, "estimated_geometry")
    sigma, blur_px = rng.uniform(*ESTIMATE_SIGMA), rng.uniform(*ESTIMATE_BLUR_PX)

    def estimate(depth: np.ndarray) -> np.ndarray:
        blurred = bleed_edges(depth, blur_px * depth.shape[1] / ESTIMATE_WIDTH_PX)
        return blurred * (1 + sigma * np.clip(smooth_field(depth.shape, rng, cells=4), -3, 3))

    return pose_noise(scale_drift(_change_depths(plain, estimate), rng), rng)


def jpeg(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Compress all pictures as JPEG of one quality from 20 to 70.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample.
    """
    plain = read_sample(sample)
    quality = int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1))
    return plain | {"images": [_compress(image, quality) for image in plain["images"]]}


def without_poses(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Forget where the cameras stood and which way is down.

    Depth of several views cannot be joined without poses. All pictures stay, and the view that shows most regions
    keeps its depth; equal ones are drawn from.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample with depth in one view at most.
    """
    plain = _without_poses(read_sample(sample), keep_gravity=False)
    if "depths" not in plain:
        return plain
    marked = np.bincount(
        [region.get("view") or 0 for region in plain.get("regions", ())], minlength=len(plain["images"])
    )
    measured = np.array([depth is not None for depth in plain["depths"]])
    best = rng.choice(np.flatnonzero(measured & (marked == marked[measured].max())))
    return with_depths(plain, [depth if view == best else None for view, depth in enumerate(plain["depths"])])


def without_some_depths(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Drop the depth of some of several views, at least of one and never of all.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample, with depth in two views or more.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Plain sample; the poses stay.

    Raises:
        ValueError: If fewer than two views have depth.
    """
    plain = _read_with_depth(sample, "without_some_depths")
    measured = [view for view, depth in enumerate(plain["depths"]) if depth is not None]
    if len(measured) < 2:
        raise ValueError(
            f"`sample` must have depth in two views or more for 'without_some_depths', got {len(measured)}. "
            "Use 'without_depth' to drop all."
        )
    dropped = set(rng.permutation(measured)[: rng.integers(1, len(measured))].tolist())
    return with_depths(plain, [None if view in dropped else depth for view, depth in enumerate(plain["depths"])])


def without_depth(sample: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Keep pictures and regions only: depth goes, and cameras and gravity, which describe nothing without it.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample.
        rng (`np.random.Generator`): Not used; every degradation takes it.

    Returns:
        `dict`: Plain sample.
    """
    return without_geometry(read_sample(sample))


# In the order in which they happen on the way from the scene to the processor.
DEGRADATIONS: dict[str, Degradation] = {
    "cover_views": cover_views,
    "crop_views": crop_views,
    "jpeg": jpeg,
    "kinect_depth": kinect_depth,
    "depth_noise": depth_noise,
    "scale_drift": scale_drift,
    "pose_noise": pose_noise,
    "estimated_geometry": estimated_geometry,
    "relative_depth": relative_depth,
    "without_some_depths": without_some_depths,
    "without_poses": without_poses,
    "without_depth": without_depth,
}
# Shares of training scenes. One of the geometry and, independently, one of the pictures: 48 % of scenes stay clean.
PICTURE_SHARES = {"cover_views": 0.06, "crop_views": 0.06, "jpeg": 0.06}
SINGLE_VIEW_SHARES = {
    "kinect_depth": 0.10,
    "depth_noise": 0.05,
    "pose_noise": 0.02,
    "estimated_geometry": 0.06,
    "relative_depth": 0.10,
    "without_poses": 0.01,
    "without_depth": 0.08,
}
SEVERAL_VIEWS_SHARES = {
    "kinect_depth": 0.08,
    "depth_noise": 0.04,
    "scale_drift": 0.04,
    "pose_noise": 0.04,
    "estimated_geometry": 0.07,
    "without_some_depths": 0.05,
    "without_poses": 0.02,
    "without_depth": 0.08,
}


def degrade(sample: Mapping[str, Any], names: Sequence[str], rng: np.random.Generator) -> dict[str, Any]:
    """Apply degradations one after the other.

    Args:
        sample (`Mapping`): Arguments of the processor for one sample.
        names (`Sequence[str]`): Keys of `DEGRADATIONS`, in the order in which they are applied; none gives a copy.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `dict`: Arguments of the processor.

    Raises:
        ValueError: If a name is unknown, or a degradation does not fit the sample.
    """
    unknown = [name for name in names if name not in DEGRADATIONS]
    if unknown:
        raise ValueError(f"`names` must be out of {tuple(DEGRADATIONS)}, got {unknown[0]!r}. Choose one of these.")
    degraded = dict(sample)
    for name in names:
        degraded = DEGRADATIONS[name](degraded, rng)
    return degraded


def draw_degradations(rng: np.random.Generator, *, num_views: int) -> tuple[str, ...]:
    """Draw the degradations of a training scene: none for about half of the scenes, else one or two.

    Args:
        rng (`np.random.Generator`): Source of randomness.
        num_views (`int`): Views of the scene.

    Returns:
        `tuple[str, ...]`: Names for `degrade`, in the order of `DEGRADATIONS`.
    """
    geometry = SINGLE_VIEW_SHARES if num_views == 1 else SEVERAL_VIEWS_SHARES
    drawn = (_draw_one(PICTURE_SHARES, rng), _draw_one(geometry, rng))
    return tuple(name for name in drawn if name is not None)


def _draw_one(shares: Mapping[str, float], rng: np.random.Generator) -> str | None:
    names = [*shares, None]
    index = int(np.searchsorted(np.cumsum(list(shares.values())), rng.uniform(), side="right"))
    return names[index]


def _read_with_depth(sample: Mapping[str, Any], name: str, *, metric: bool = False) -> dict[str, Any]:
    plain = read_sample(sample)
    if "depths" not in plain or (metric and "depth_kind" in plain):
        kind = plain.get("depth_kind", "no")
        raise ValueError(
            f"`sample` must have {'metric ' if metric else ''}depth for {name!r}, got {kind} depth. "
            "Apply it before what removes the depth or its scale."
        )
    return plain


def _change_depths(plain: Mapping[str, Any], change: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    return with_depths(plain, [None if depth is None else change(depth) for depth in plain["depths"]])


def _without_poses(plain: dict[str, Any], *, keep_gravity: bool) -> dict[str, Any]:
    """Take the poses out; the gravity of a single view can stay, as a direction in its camera."""
    gone = ("camera_to_world", "world_up") if keep_gravity else ("camera_to_world", "world_up", "gravity_camera")
    kept = {key: value for key, value in plain.items() if key not in gone}
    up = plain.get("world_up", "unknown")
    if keep_gravity and "camera_to_world" in plain and up != "unknown":
        down_world = -world_up_rotation(up)[2].numpy().astype(np.float64)
        kept["gravity_camera"] = plain["camera_to_world"][0][:3, :3].T @ down_world
    return kept


def _moved(pose: np.ndarray, shift: np.ndarray) -> np.ndarray:
    moved = pose.copy()
    moved[:3, 3] += shift
    return moved


def _direction(rng: np.random.Generator) -> np.ndarray:
    draw = rng.standard_normal(3)
    return draw / np.linalg.norm(draw)


def _small_turn(rng: np.random.Generator) -> np.ndarray:
    """Rigid 4x4 turn about a random axis through the origin, by up to `MAX_TURN_DEG` (formula of Rodrigues)."""
    x, y, z = _direction(rng)
    angle = np.radians(rng.uniform(0, MAX_TURN_DEG))
    across = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(4)
    turn[:3, :3] += np.sin(angle) * across + (1 - np.cos(angle)) * across @ across
    return turn


def _compress(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))
