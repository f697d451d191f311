# Copyright 2026 The transformers-sr3d contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Stage 0 of 5, depth files: a depth map as stored -> float32 z-depth, its unit declared and checked.

Depth is read as it is: 16-bit PNG files, PIL modes `I;16`, `I` and `F`, `.npy` files, arrays and tensors. It never
passes through the image loader of transformers, which would crush it to 8 bits. The price: depth in 8 bits or in
colours is refused, because its unit cannot be known.

This file is copied to the Hub next to the weights: it may import only torch, NumPy, PIL and sibling `*_sr3d` files.
"""

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image, TiffImagePlugin

from .geometry_sr3d import disparity_to_depth
from .image_files_sr3d import DEPTH_MODES, TURNED_ORIENTATIONS, ImageLike, load_npy, open_image
from .input_checks_sr3d import check_choice, check_pixel_count, describe_value, to_array


DEPTH_KINDS = ("metric", "relative", "disparity")
METRES_PER_UNIT = {"mm": 0.001, "cm": 0.01, "m": 1.0}
# A scene whose median depth lies outside this range was almost certainly read in the wrong unit.
PLAUSIBLE_MEDIAN_DEPTH_M = (0.01, 200.0)
# Depth beyond this is the far plane of a renderer or a marker for "nothing seen" (65504, 1e5, 1e10), not a surface.
MAX_DEPTH_M = 1000.0
# The same for depth without unit, as a multiple of its median.
MAX_RELATIVE_DEPTH = 1e4
# Floating-point maps of nothing but whole numbers are probably millimetres above this median.
MAX_WHOLE_NUMBER_MEDIAN_M = 50.0
# About as many pixels, evenly spaced, are enough for the medians.
MEDIAN_SAMPLE = 10_000
# The largest number of an integer type marks saturation where it fills more than this share of the pixels.
MAX_SATURATED_SHARE = 0.001
MIN_MEASURED_PIXELS = 3


def load_depth(
    depth: ImageLike,
    *,
    depth_unit: str | None = None,
    depth_scale: float | None = None,
    depth_kind: str = "metric",
    name: str = "depths",
) -> torch.Tensor:
    """Read one depth map; nothing about its unit is guessed.

    Floating-point metric depth is metres. Integer metric depth needs `depth_unit` or `depth_scale`. Relative depth and
    disparity have no unit.

    Args:
        depth (`str`, `Path`, `PIL.Image.Image`, `np.ndarray` or `torch.Tensor`):
            One map of shape `(H, W)`: an image file or PIL image of 16 or 32 bits, a `.npy` file, an array or tensor.
            Masked entries of a masked array are not measured.
        depth_unit (`str`, *optional*):
            `"mm"`, `"cm"` or `"m"`, for integers.
        depth_scale (`float`, *optional*):
            Metres per unit, for integers, such as 0.001 for millimetres or 1 / 5000 for TUM scenes.
        depth_kind (`str`, defaults to `"metric"`):
            `"metric"`, `"relative"` (known up to a factor) or `"disparity"` (large is near).
        name (`str`, defaults to `"depths"`):
            How messages call it.

    Returns:
        `torch.Tensor` of shape `(H, W)`, float32: z-depth in metres if metric, else in relative units; 0 where not
        measured (stored as zero, negative, NaN or infinite).

    Raises:
        TypeError: If `depth` is of a wrong type or dtype.
        ValueError: If the unit is missing, contradictory or implausible, the map has 8 bits or colours, a wrong shape,
            several pages, an EXIF rotation, a far plane, saturated integers, or fewer than 3 measured values.
    """
    check_depth_settings(depth_unit=depth_unit, depth_scale=depth_scale, depth_kind=depth_kind)
    raw = _read_depth_array(depth, name)
    factor = 1.0 if depth_kind != "metric" else _metres_per_unit(raw, depth_unit, depth_scale, name)
    values = torch.from_numpy(_to_float32(raw) * np.float32(factor))
    values = torch.where(torch.isfinite(values) & (values > 0), values, 0.0)
    measured = int(values.count_nonzero())
    if measured < MIN_MEASURED_PIXELS:
        raise ValueError(
            f"`{name}` must measure at least {MIN_MEASURED_PIXELS} pixels, got {describe_value(raw)} in which "
            f"{measured} are above zero and finite. Check how it was read, or pass None for a view without depth."
        )
    # The largest number of a disparity map is its nearest pixel, which a map spread over the whole type may hold.
    if depth_kind == "disparity":
        return disparity_to_depth(values)
    _check_saturation(raw, name)
    if depth_kind == "metric":
        _check_metric(values, name, whole_numbers_are_metres=raw.dtype.kind != "f")
    else:
        _check_relative(values, name)
    return values


def check_depth_settings(*, depth_unit: str | None, depth_scale: float | None, depth_kind: str) -> None:
    """Check the three depth settings against each other.

    Raises:
        TypeError: If `depth_scale` is no number.
        ValueError: If a word is unknown, both unit and scale are given, or either is given for depth without unit.
    """
    check_choice(depth_kind, "depth_kind", DEPTH_KINDS)
    if depth_unit is not None:
        check_choice(depth_unit, "depth_unit", tuple(METRES_PER_UNIT))
    if depth_unit is not None and depth_scale is not None:
        raise ValueError(
            f"`depth_unit` and `depth_scale` exclude each other, got {depth_unit!r} and {depth_scale!r}. Pass one."
        )
    if depth_kind != "metric" and (depth_unit is not None or depth_scale is not None):
        given = "depth_unit" if depth_unit is not None else "depth_scale"
        raise ValueError(
            f"`{given}` must be left out for `depth_kind={depth_kind!r}`, which has no unit, got "
            f"{depth_unit if depth_scale is None else depth_scale!r}. Leave it out, or pass depth_kind='metric'."
        )
    if depth_scale is None:
        return
    if isinstance(depth_scale, bool) or not isinstance(depth_scale, int | float | np.number):
        raise TypeError(f"`depth_scale` must be a number, got {describe_value(depth_scale)}. Pass metres per unit.")
    if not 0 < depth_scale <= 1:
        raise ValueError(
            f"`depth_scale` must be metres per unit, above 0 and at most 1, got {depth_scale:g}. "
            "Pass 0.001 for millimetres; if your format says 'divide by 5000', pass 1 / 5000."
        )


def _read_depth_array(depth: ImageLike, name: str) -> np.ndarray:
    """Read the stored numbers, untouched, and refuse what cannot be depth."""
    if isinstance(depth, str | Path) and str(depth).lower().endswith((".npy", ".npz")):
        array = load_npy(depth, name) if str(depth).lower().endswith(".npy") else _refuse_npz(depth, name)
    elif isinstance(depth, np.ndarray | torch.Tensor):
        array = to_array(depth.filled(0) if isinstance(depth, np.ma.MaskedArray) else depth, name)
    else:
        opened, orientation = open_image(depth, name)
        if opened.mode not in DEPTH_MODES:
            raise ValueError(
                f"`{name}` must have 16 or 32 bits per pixel and one channel (PIL mode I;16, I or F), got "
                f"{describe_value(opened)}. Pass the raw depth; a picture in 8 bits or colours has lost its unit."
            )
        _check_one_upright_page(opened, orientation, name)
        array = np.asarray(opened)
    if array.ndim != 2:
        raise ValueError(
            f"`{name}` must be one map of shape (H, W), got {describe_value(array)}. "
            "Pass one depth map per view; drop axes of size one with `.squeeze()`. RGB pictures of depth are refused."
        )
    check_pixel_count(array.shape, name)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize == 1:
        raise ValueError(
            f"`{name}` must be floating-point or have at least 16 bits, got {describe_value(array)}. "
            "8-bit depth has lost its unit; pass the raw depth."
        )
    return array


def _check_one_upright_page(opened: Image.Image, orientation: int, name: str) -> None:
    if orientation in TURNED_ORIENTATIONS:
        raise ValueError(
            f"`{name}` must be stored as its intrinsics see it, got {describe_value(opened)} with EXIF orientation "
            f"{orientation}. Remove the tag, and turn the depth if the camera data ask for it; or pass an array."
        )
    if isinstance(opened, TiffImagePlugin.TiffImageFile) and opened.is_animated:
        raise ValueError(
            f"`{name}` must be one map, got {describe_value(opened)} from a TIFF file of several pages. "
            "Pass the page that belongs to this view as an array, `np.asarray(image)`."
        )


def _refuse_npz(depth: str | Path, name: str) -> np.ndarray:
    raise ValueError(
        f"`{name}` must be one map, got the archive {describe_value(depth)}. Pass `np.load(path)['key']` instead."
    )


def _metres_per_unit(raw: np.ndarray, depth_unit: str | None, depth_scale: float | None, name: str) -> float:
    if raw.dtype.kind == "f":
        if depth_scale not in (None, 1) or depth_unit not in (None, "m"):
            declared = f"depth_unit={depth_unit!r}" if depth_unit else f"depth_scale={depth_scale!r}"
            raise ValueError(
                f"`{name}` is floating-point, and floating-point depth is metres, got {describe_value(raw)} with "
                f"`{declared}`. Convert it to metres and leave the unit out, or pass the integers."
            )
        return 1.0
    if depth_unit is not None:
        return METRES_PER_UNIT[depth_unit]
    if depth_scale is None:
        raise ValueError(
            f"`{name}` holds integers, whose unit must be declared, got {describe_value(raw)} with a largest value of "
            f"{raw.max()}. Pass `depth_unit=` ('mm', 'cm' or 'm') or `depth_scale=` (metres per unit)."
        )
    return float(depth_scale)


def _to_float32(raw: np.ndarray) -> np.ndarray:
    if raw.dtype.kind == "f" and raw.dtype.itemsize > 4:
        # A finite number stays finite, so that a far plane of 1e300 is seen as one.
        largest = np.finfo(np.float32).max
        raw = np.where(np.isfinite(raw), np.clip(raw, -largest, largest), 0)
    return raw.astype(np.float32)


def _check_saturation(raw: np.ndarray, name: str) -> None:
    if raw.dtype.kind == "f":
        return
    # 16-bit depth is often held in wider integers, which keep its largest number.
    largest = raw.max()
    share = float(np.mean(raw == largest)) if largest in (np.iinfo(np.uint16).max, np.iinfo(raw.dtype).max) else 0.0
    if share > MAX_SATURATED_SHARE:
        raise ValueError(
            f"`{name}` must hold the largest number of its type in at most {MAX_SATURATED_SHARE:.1%} of the pixels, "
            f"got {largest} in {share:.1%}. It marks saturation or no return: set these pixels to 0 (not measured)."
        )


def _measured_sample(depth: torch.Tensor) -> torch.Tensor:
    """Take the measured values of about `MEDIAN_SAMPLE` pixels, or of all if these happen to have none."""
    stride = max(1, math.isqrt(depth.numel() // MEDIAN_SAMPLE))
    sample = depth[::stride, ::stride]
    sample = sample if bool((sample > 0).any()) else depth
    return sample[sample > 0]


def _check_metric(depth: torch.Tensor, name: str, *, whole_numbers_are_metres: bool) -> None:
    sample = _measured_sample(depth)
    # Without the pixels beyond the limit, so that a far plane in most of them does not hide the unit of the rest.
    near = sample[sample <= MAX_DEPTH_M]
    median = float((near if len(near) else sample).median())
    if not whole_numbers_are_metres and median > MAX_WHOLE_NUMBER_MEDIAN_M and bool((depth == depth.round()).all()):
        raise ValueError(
            f"`{name}` must be metres where it is floating-point, got only whole numbers with a median of {median:g}, "
            "probably millimetres. Divide by 1000, or pass integers with `depth_unit='mm'`."
        )
    low, high = PLAUSIBLE_MEDIAN_DEPTH_M
    if not low <= median <= high:
        hint = "Is it in millimetres?" if median > high else "Is the declared unit too small?"
        raise ValueError(
            f"`{name}` must be metric depth with a median between {low:g} and {high:g} m, got a median of {median:g} "
            f"m. {hint} Convert it to metres, or declare `depth_unit=`, `depth_scale=` or `depth_kind='relative'`."
        )
    beyond = int((depth > MAX_DEPTH_M).count_nonzero())
    if beyond:
        raise ValueError(
            f"`{name}` must be metric depth of at most {MAX_DEPTH_M:g} m, got {beyond} pixels beyond "
            f"{MAX_DEPTH_M:g} m, which look like a far plane. Set them to 0 (not measured)."
        )


def _check_relative(depth: torch.Tensor, name: str) -> None:
    ratio = float(depth.max() / _measured_sample(depth).median())
    if ratio > MAX_RELATIVE_DEPTH:
        raise ValueError(
            f"`{name}` must be relative depth of at most {MAX_RELATIVE_DEPTH:g} times its median, got {ratio:.4g} "
            "times, which looks like a far plane. Set these pixels to 0 (not measured)."
        )
