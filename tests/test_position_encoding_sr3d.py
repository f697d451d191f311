# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 3, 3D position encoding: the sinusoid against its formula, zero start, validity, metric scale."""

import math

import pytest
import torch
from tiny_model import make_tiny_config, wake_zero_layers

from transformers_sr3d.position_encoding_sr3d import SR3DPositionEncoding, sinusoid


def sinusoid_twin(point, num_features, temperature, input_scale):
    """The formula, feature by feature."""
    per_axis = num_features // 3
    row = []
    for coordinate in point:
        for i in range(per_axis):
            angle = coordinate * input_scale * temperature ** (-2 * (i // 2) / per_axis)
            row.append(math.sin(angle) if i % 2 == 0 else math.cos(angle))
    return row + [0.0] * (num_features - 3 * per_axis)


@pytest.mark.parametrize("num_features", [24, 25, 26, 27, 1152])
def test_sinusoid_equals_its_formula(num_features):
    point = [0.3, -0.7, 1.2]
    expected = torch.tensor(sinusoid_twin(point, num_features, 100.0, 10.0))
    # 2e-6: float32 angles of up to 12 radians against double precision.
    torch.testing.assert_close(sinusoid(torch.tensor(point), num_features, 100.0, 10.0), expected, atol=2e-6, rtol=0)


def make_encoding(**changes):
    encoding = SR3DPositionEncoding(make_tiny_config(**changes))
    wake_zero_layers(encoding)
    return encoding


def test_encoding_is_exactly_zero_without_a_measured_point():
    encoding = make_encoding()(torch.zeros(1, 4, 4, 3), torch.zeros(1, 4, 4, dtype=torch.bool), torch.tensor([[3.0]]))
    assert torch.equal(encoding, torch.zeros(1, 4, 4, 24))


def test_only_the_moved_patch_changes():
    encoding, valid, scale = make_encoding(), torch.ones(1, 4, 4, dtype=torch.bool), torch.tensor([[3.0]])
    points = torch.zeros(1, 4, 4, 3)
    moved = points.clone()
    moved[0, 1, 2, 0] = 0.1
    changed = (encoding(points, valid, scale) != encoding(moved, valid, scale)).any(-1)
    assert changed.nonzero().tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("metres", [0.0, 2.5])
def test_metric_scale_changes_the_encoding(metres):
    encoding, valid = make_encoding(), torch.ones(1, 4, 4, dtype=torch.bool)
    points = torch.zeros(1, 4, 4, 3)
    other = encoding(points, valid, torch.tensor([[1.0]]))
    assert not torch.allclose(encoding(points, valid, torch.tensor([[metres]])), other)


def test_metric_scale_is_ignored_when_switched_off():
    encoding = make_encoding(use_metric_scale=False)
    assert encoding.metric_scale is None
    assert encoding(torch.zeros(1, 4, 4, 3), torch.ones(1, 4, 4, dtype=torch.bool), None).shape == (1, 4, 4, 24)
