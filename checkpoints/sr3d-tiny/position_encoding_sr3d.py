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
"""Stage 3 of 5, 3D position encoding: one canonical point per patch -> a vector added to the patch's vision feature.

Every axis is expanded in sines and cosines, a two-layer MLP mixes them, and the result is added on the tower's grid,
so that image tokens and region tokens both carry it. The last layer starts at zero: an untrained SR-3D equals the 2D
model that it grew from. Points reach this stage as patch means (the encoding of the mean, not the mean of the
encodings): 200 times less memory, and the same information at patch resolution.

The canonical frame has no size in metres, so the metres per canonical unit are encoded apart and added; unknown scale
(relative depth) has an embedding of its own.

Frequencies are computed in `forward`, never stored: a non-persistent buffer is not restored by `from_pretrained`.

This file is copied to the Hub next to the weights: it imports torch and sibling `*_sr3d` files only.
"""

import torch
from torch import nn

from .configuration_sr3d import SR3DConfig


SCALE_OCTAVES = 4  # 1, 2, 4, 8 radians per e-fold of the scale


class SR3DZeroInitLinear(nn.Linear):
    """A linear layer that `SR3DPreTrainedModel._init_weights` fills with zeros."""


def sinusoid(points: torch.Tensor, num_features: int, temperature: float, input_scale: float) -> torch.Tensor:
    """Expand each coordinate in sines and cosines of geometrically falling frequencies.

    Feature `i` of an axis has the frequency `temperature ** (-2 * (i // 2) / F)`, `F = num_features // 3`; even `i`
    is a sine, odd `i` a cosine. The blocks of x, y and z follow each other; features left over are zero.

    Args:
        points (`torch.Tensor` of shape `(*, 3)`):
            Canonical coordinates, of order one.
        num_features (`int`):
            Size of the result; at least 6.
        temperature (`float`):
            Ratio between the highest and the lowest frequency.
        input_scale (`float`):
            Factor on the coordinates, so that the highest frequency is `input_scale` radians per canonical unit.

    Returns:
        `torch.Tensor` of shape `(*, num_features)`, float32.

    Source: Vaswani et al. 2017, section 3.5, per axis as in Video-3D-LLM (arXiv 2412.00493).
    """
    per_axis = num_features // 3
    index = torch.arange((per_axis + 1) // 2, device=points.device, dtype=torch.float32)
    frequencies = temperature ** (-2.0 * index / per_axis)
    # float32 throughout: in bfloat16 an angle of 10 radians is off by up to 0.03.
    angles = (points.float() * input_scale)[..., None] * frequencies  # (*, 3, F / 2)
    waves = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)[..., :per_axis].flatten(-2)  # (*, 3 F)
    return nn.functional.pad(waves, (0, num_features - 3 * per_axis))


class SR3DMetricScaleEncoding(nn.Module):
    """Turn the metres per canonical unit of a tile's sample into a vector; zero metres mean "unknown"."""

    def __init__(self, config: SR3DConfig):
        super().__init__()
        hidden_size = config.vision_config.hidden_size
        self.fc1 = nn.Linear(2 + 2 * SCALE_OCTAVES, hidden_size)
        self.fc2 = SR3DZeroInitLinear(hidden_size, hidden_size)

    def forward(self, metric_scale: torch.Tensor) -> torch.Tensor:
        """
        Args:
            metric_scale (`torch.Tensor` of shape `(tiles, 1)`):
                Metres per canonical unit; 0 where the depth is relative.

        Returns:
            `torch.Tensor` of shape `(tiles, hidden_size)`.
        """
        known = (metric_scale > 0).float()
        log_metres = metric_scale.float().clamp(min=1e-6).log() * known
        octaves = 2.0 ** torch.arange(SCALE_OCTAVES, device=metric_scale.device, dtype=torch.float32)
        angles = log_metres * octaves  # (tiles, octaves)
        features = torch.cat((known, log_metres, angles.sin(), angles.cos()), dim=-1).to(self.fc1.weight.dtype)
        return self.fc2(nn.functional.gelu(self.fc1(features)))


class SR3DPositionEncoding(nn.Module):
    """Encode one canonical 3D point per patch, and the metric scale of its sample."""

    def __init__(self, config: SR3DConfig):
        super().__init__()
        self.hidden_size = config.vision_config.hidden_size
        self.temperature = config.position_temperature
        self.input_scale = config.position_input_scale
        self.fc1 = nn.Linear(self.hidden_size, self.hidden_size)
        self.fc2 = SR3DZeroInitLinear(self.hidden_size, self.hidden_size)
        self.metric_scale = SR3DMetricScaleEncoding(config) if config.use_metric_scale else None

    def forward(
        self, patch_points: torch.Tensor, patch_valid: torch.Tensor, metric_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """
        Args:
            patch_points (`torch.Tensor` of shape `(tiles, h, w, 3)`):
                Canonical frame, one point per patch.
            patch_valid (`torch.BoolTensor` of shape `(tiles, h, w)`):
                Patches that have a measured point.
            metric_scale (`torch.Tensor` of shape `(tiles, 1)` or `None`):
                Metres per canonical unit, 0 for unknown. Not used with `use_metric_scale=False`.

        Returns:
            `torch.Tensor` of shape `(tiles, h, w, hidden_size)`, exactly zero where `patch_valid` is false.
        """
        waves = sinusoid(patch_points, self.hidden_size, self.temperature, self.input_scale)
        encoding = self.fc2(nn.functional.gelu(self.fc1(waves.to(self.fc1.weight.dtype))))
        if self.metric_scale is not None:
            encoding = encoding + self.metric_scale(metric_scale)[:, None, None, :]
        return encoding * patch_valid[..., None]


__all__ = ["SR3DMetricScaleEncoding", "SR3DPositionEncoding", "SR3DZeroInitLinear", "sinusoid"]
