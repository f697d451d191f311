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
FLOAT_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGER_DTYPES = (
    torch.uint8,
    torch.int8,
    torch.uint16,
    torch.int16,
    torch.uint32,
    torch.int32,
    torch.uint64,
    torch.int64,
)
# Lists of tensors are looked through to this depth, enough for a list of polygons.
MAX_LIST_LEVELS = 4
# Characters of a path or text that a message shows.
MAX_PATH_SHOWN = 120


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
        return repr(shorten_path(str(value)))
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def shorten_path(text: str) -> str:
    """Keep the start and, because there stands the file's name, more of the end of a long path."""
    return text if len(text) <= MAX_PATH_SHOWN else f"{text[:40]}...{text[43 - MAX_PATH_SHOWN :]}"


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
        TypeError: If the values are not numbers of one regular shape, or are masked, sparse or not in memory.
    """
    try:
        array = np.asarray(_without_tensors(value, name))
    except ValueError as error:
        raise TypeError(f"`{name}` must hold numbers in rows of equal length, got {describe_value(value)}. "
                        "Pass an array or nested lists without gaps.") from error  # fmt: skip
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"`{name}` must hold real numbers, got {describe_value(value)}. Pass an array, a tensor or nested lists."
        )
    return array


def _without_tensors(value: Any, name: str, levels: int = MAX_LIST_LEVELS) -> Any:
    """Replace tensors, also those in lists, by arrays; other values are returned as they are."""
    if isinstance(value, torch.Tensor):
        return _tensor_to_array(value, name)
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"`{name}` must be a plain array, got a masked array of shape {value.shape} and dtype {value.dtype}. "
            "Replace the masked entries first, with `.filled(value)`; only depth may be masked."
        )
    if isinstance(value, list | tuple) and levels:
        return [_without_tensors(entry, name, levels - 1) for entry in value]
    return value


def _tensor_to_array(tensor: torch.Tensor, name: str) -> np.ndarray:
    if tensor.is_nested or tensor.layout != torch.strided or tensor.device.type == "meta":
        raise TypeError(
            f"`{name}` must be a dense tensor in memory, got one of layout {tensor.layout} on device {tensor.device}"
            f"{' that is nested' if tensor.is_nested else ''}. Make it dense and give it values first."
        )
    if tensor.dtype not in (torch.bool, *INTEGER_DTYPES, *FLOAT_DTYPES):
        raise TypeError(
            f"`{name}` must hold real numbers, got {describe_value(tensor)}. Convert the tensor with `.float()`, or "
            "take the real part of complex numbers."
        )
    tensor = tensor.detach().cpu()
    # NumPy has no bfloat16; every value of it is one of float32.
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).resolve_neg().numpy()


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
