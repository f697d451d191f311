# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""DepthPro before and after its network: an image -> pixels; canonical inverse depth and a focal length -> metres.

The image processor of DepthPro in Transformers needs torchvision, this file does not. Its arithmetic is followed:
pixels are normalised first and then resized without antialiasing, and

    metres = 1 / clamp(inverse * width / focal, 1e-4, 1e4)

One thing is different: a focal length that is known replaces the estimated one, as in the original implementation
(`f_px` of `DepthPro.infer` in apple/ml-depth-pro).

May import: NumPy, torch, PIL.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image


INVERSE_LIMITS = (1e-4, 1e4)
# What the class `DepthProImageProcessor` has where the checkpoint says nothing.
DEFAULTS = {
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "rescale_factor": 1 / 255,
    "size": {"height": 1536, "width": 1536},
}


def depth_pro_pixels(image: Image.Image, settings: Mapping[str, Any]) -> torch.Tensor:
    """Prepare an image for the network.

    Args:
        image (`PIL.Image.Image`):
            RGB.
        settings (`Mapping[str, Any]`):
            Contents of `preprocessor_config.json`.

    Returns:
        `torch.Tensor` of shape `(1, 3, h, w)`, float32.
    """
    values = {key: settings.get(key, default) for key, default in DEFAULTS.items()}
    pixels = torch.from_numpy(np.asarray(image.convert("RGB")).copy()).permute(2, 0, 1)[None].float()
    mean, std = (torch.tensor(values[key])[:, None, None] for key in ("image_mean", "image_std"))
    normalised = (pixels * values["rescale_factor"] - mean) / std
    size_hw = (values["size"]["height"], values["size"]["width"])
    return torch.nn.functional.interpolate(normalised, size=size_hw, mode="bilinear", align_corners=False)


def depth_pro_focal_px(field_of_view: torch.Tensor | None, width: int) -> float | None:
    """Turn the estimated field of view into a focal length.

    Args:
        field_of_view (`torch.Tensor` of shape `(1,)`, *optional*):
            Degrees across the image.
        width (`int`):
            Of the image, pixels.

    Returns:
        `float` or `None`: Pixels; None without an estimate.

    Raises:
        ValueError: If the angle is not between 0 and 180 degrees.
    """
    if field_of_view is None:
        return None
    degrees = float(field_of_view.flatten()[0])
    if not 0 < degrees < 180:
        raise ValueError(
            f"`field_of_view` of the estimate must lie between 0 and 180 degrees, got {degrees:.4g}. "
            "State `horizontal_fov_deg`, or check the weights."
        )
    return width / 2 / math.tan(math.radians(degrees) / 2)


def depth_pro_metres(inverse: torch.Tensor, size_hw: tuple[int, int], focal_px: float) -> np.ndarray:
    """Turn canonical inverse depth into metres at the size of the image.

    Args:
        inverse (`torch.Tensor` of shape `(1, h, w)`):
            Output of the network.
        size_hw (`tuple[int, int]`):
            Of the image, pixels, rows first.
        focal_px (`float`):
            Horizontal, pixels of the image.

    Returns:
        `np.ndarray` of shape `size_hw`, float32, metres.
    """
    scaled = inverse[:, None] * (size_hw[1] / focal_px)
    resized = torch.nn.functional.interpolate(scaled, size=size_hw, mode="bilinear", align_corners=False)
    return (1.0 / resized.clamp(*INVERSE_LIMITS))[0, 0].numpy()
