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
"""Stage 1 of 5, tensor helpers: shape check, large point maps -> few points and their quantiles.

Pure functions on tensors, shared by the geometry and tiling files. The decision is that every statistic is
deterministic and bounded in memory however many views a sample has; the price is that quantiles of large maps are
those of an even sample.

This file is copied to the Hub next to the weights: it may import only torch and sibling `*_sr3d` files.
"""

import math

import torch


def check_shape(name: str, tensor: torch.Tensor, expected: tuple[int | str, ...]) -> None:
    """Raise if `tensor` does not have the expected shape.

    Args:
        name (`str`):
            The argument, as the caller of the public function knows it.
        tensor (`torch.Tensor`):
            The tensor to check.
        expected (`tuple[int | str, ...]`):
            A number must match, a letter stands for any size, a leading `"*"` for any number of axes.

    Raises:
        ValueError: If the number of axes or a size differs.
    """
    sizes = expected[1:] if expected[0] == "*" else expected
    found = tuple(tensor.shape)
    num_axes_fit = len(found) == len(sizes) or (expected[0] == "*" and len(found) > len(sizes))
    last = found[len(found) - len(sizes) :]
    if not num_axes_fit or any(isinstance(size, int) and size != got for size, got in zip(sizes, last, strict=True)):
        wanted = ", ".join(str(size) for size in expected) + ("," if len(expected) == 1 else "")
        raise ValueError(f"`{name}` must have shape ({wanted}), got {found}. Reshape or transpose it before the call.")


def sample_evenly(points: torch.Tensor, max_points: int) -> torch.Tensor:
    """Take at most `max_points` rows, spread over all of `points` and the same ones at every call.

    Row `floor(N * frac(i * golden ratio))` is taken for `i = 0, 1, ...`: a plain stride that divides the image width
    would take whole columns and skip all others.

    Args:
        points (`torch.Tensor` of shape `(N, D)`):
            Any unit.
        max_points (`int`):
            Rows to keep; fewer rows are returned unchanged.

    Returns:
        `torch.Tensor` of shape `(min(N, max_points), D)`.
    """
    num_points = len(points)
    if num_points <= max_points:
        return points
    steps = torch.arange(max_points, device=points.device, dtype=torch.float64)
    return points[(steps * ((math.sqrt(5) - 1) / 2) % 1.0 * num_points).long()]


def valid_points(points: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Gather the valid points of a point map, row by row.

    Args:
        points (`torch.Tensor` of shape `(*, 3)`):
            Any unit.
        valid (`torch.Tensor` of shape `(*)`):
            Boolean.

    Returns:
        `torch.Tensor` of shape `(N, 3)`.
    """
    check_shape("points", points, (*valid.shape, 3))
    planes = points.reshape(-1, 3).T  # where maps keep one plane per coordinate, rows of it are contiguous
    return planes.index_select(1, valid.reshape(-1).nonzero()[:, 0]).T


def quantile(values: torch.Tensor, share: float) -> torch.Tensor:
    """Return the quantile along the last axis, interpolated linearly; only the tail beyond it is sorted.

    Args:
        values (`torch.Tensor` of shape `(*, N)`):
            Any unit, at least one value.
        share (`float`):
            Between 0 and 1.

    Returns:
        `torch.Tensor` of shape `(*)`, equal to `torch.quantile`.
    """
    last = values.shape[-1] - 1
    position = share * last
    below, above = math.floor(position), math.ceil(position)
    if share < 0.5:
        tail = values.topk(above + 1, largest=False).values  # ascending
        low, high = tail[..., below], tail[..., above]
    else:
        tail = values.topk(last - below + 1).values  # descending
        low, high = tail[..., last - below], tail[..., last - above]
    return low + (high - low) * (position - below)
