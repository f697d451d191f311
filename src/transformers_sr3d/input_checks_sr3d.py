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
"""Stage 0 of 5, input checks: a value as the user gave it -> an array, a word or a name for the message.

The readers of images, depth, cameras and regions share these, so that their messages name arguments and values in one
way. A conversion never changes a number.

This file is copied to the Hub next to the weights: it may import only torch, NumPy, PIL and sibling `*_sr3d` files.
"""

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image


MAX_IMAGE_PIXELS = 64_000_000


def item_name(name: str, index: int, count: int) -> str:
    """Name one entry of a per-view argument for a message: `depths[1]`, or `depths` where there is one view."""
    return f"{name}[{index}]" if count > 1 else name


def describe_value(value: Any) -> str:
    """Say in a few words what was passed, for the third part of an error message."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return f"an array of shape {tuple(value.shape)} and dtype {value.dtype}"
    if isinstance(value, Image.Image):
        return f"a PIL image of mode {value.mode} and size {value.width}x{value.height}"
    if isinstance(value, str | Path):
        return repr(str(value)[:100])
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def check_choice(value: Any, name: str, allowed: Sequence[str]) -> None:
    """Refuse a setting that is not one of the allowed words.

    Raises:
        ValueError: If `value` is not in `allowed`.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"`{name}` must be one of {tuple(allowed)}, got {value!r}. Choose one of these words.")


def to_array(value: Any, name: str) -> np.ndarray:
    """Turn nested numbers, an array or a tensor into a NumPy array without changing a value.

    Raises:
        TypeError: If the values are not numbers of one regular shape.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"`{name}` must hold numbers in rows of equal length, got {describe_value(value)}. "
                        "Pass an array or nested lists without gaps.") from error  # fmt: skip
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"`{name}` must hold real numbers, got {describe_value(value)}. Pass an array, a tensor or nested lists."
        )
    return array


def check_pixel_count(size_hw: Sequence[int], name: str) -> None:
    """Refuse a picture or map with no pixel or with more than `MAX_IMAGE_PIXELS`.

    Raises:
        ValueError: If the size is out of range.
    """
    height, width = size_hw
    if height < 1 or width < 1:
        raise ValueError(f"`{name}` must have at least one pixel, got {width}x{height}. Check how it was made.")
    if height * width > MAX_IMAGE_PIXELS:
        raise ValueError(
            f"`{name}` may have at most {MAX_IMAGE_PIXELS} pixels, got {width}x{height} = {height * width}. "
            "Make it smaller before you pass it (and its intrinsics with it)."
        )


def check_keys(entry: Mapping, name: str, *, required: Sequence[str]) -> None:
    """Check that a dictionary has exactly the required keys.

    Raises:
        TypeError: If `entry` is no dictionary.
        ValueError: If keys are missing or unknown.
    """
    if not isinstance(entry, Mapping):
        raise TypeError(
            f"`{name}` must be a dictionary with {tuple(required)}, got {describe_value(entry)}. Pass one."
        )
    if set(entry) != set(required):
        raise ValueError(
            f"`{name}` must have exactly the keys {tuple(required)}, got {sorted(map(str, entry))}. "
            "Add what is missing and remove the rest."
        )
