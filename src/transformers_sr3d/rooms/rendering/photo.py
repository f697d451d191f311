# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera: linear light -> photo with its exposure, white balance, vignette, blur, tone curve and noise.

May import: NumPy and siblings in `rooms`.
"""

import numpy as np

from transformers_sr3d.rooms.rendering.looks import CameraLook


# Brightness that 85 % of the picture stay below, so that walls do not burn out above a dark floor.
BRIGHTEST = 0.9
# Steps of the tone curve's table; the darkest ones differ by four levels of an image, far below the noise there.
TONE_STEPS = 4096


def develop(color: np.ndarray, look: CameraLook, rng: np.random.Generator) -> np.ndarray:
    """Make a photo of light.

    Args:
        color (`np.ndarray` of shape `(3, H, W)`, float32): Linear.
        look (`CameraLook`): The camera.
        rng (`np.random.Generator`): Of the noise.

    Returns:
        `np.ndarray` of shape `(H, W, 3)`, uint8: sRGB.
    """
    height, width = color.shape[1:]
    sample = color[:, ::4, ::4].mean(axis=0) + np.float32(1e-4)
    # The geometric mean, so that windows do not count for much.
    gain = min(look.exposure / np.exp(np.log(sample).mean()), BRIGHTEST / np.quantile(sample, 0.85))
    rows, columns = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    falloff = np.float32(gain) * (1 - np.float32(look.vignette / 2) * (rows[:, None] ** 2 + columns[None, :] ** 2))
    color = color * falloff
    color *= look.white.astype(np.float32)[:, None, None]
    color /= 1 + np.float32(0.25) * color  # bright places fade into white
    if look.blur > 0:
        color = _blur(_blur(color, look.blur, 1), look.blur, 2)
    curve = np.linspace(0, 1, TONE_STEPS, dtype=np.float32) ** np.float32(look.gamma / 2.2)
    np.clip(color, 0, 1, out=color)
    color *= TONE_STEPS - 1
    tone = curve.take(color.astype(np.uint16).transpose(1, 2, 0))
    noise = rng.standard_normal(tone.shape, np.float32)
    noise *= np.float32(look.noise)
    noise *= np.float32(1.3) - tone
    tone += noise
    np.clip(tone, 0, 1, out=tone)
    tone *= 255
    tone += np.float32(0.5)
    return tone.astype(np.uint8)


def _blur(color: np.ndarray, weight: float, axis: int) -> np.ndarray:
    """Mix every pixel with its two neighbours along an axis of `(3, H, W)`; the border is its own neighbour."""
    mixed, share = color * np.float32(1 - 2 * weight), color * np.float32(weight)
    to, of = np.moveaxis(mixed, axis, 0), np.moveaxis(share, axis, 0)
    to[1:] += of[:-1]
    to[:-1] += of[1:]
    to[0] += of[0]
    to[-1] += of[-1]
    return mixed
