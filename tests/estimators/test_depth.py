# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth models of Transformers: the same numbers as its own pipeline, at the size of the image, of a declared kind."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from depth_models import picture, save_depth_anything, save_depth_pro, save_dpt, save_zoedepth
from transformers import AutoImageProcessor, AutoModelForDepthEstimation, DepthProForDepthEstimation, pipeline
from transformers.models.zoedepth import image_processing_pil_zoedepth

from transformers_sr3d.estimators.depth import TransformersDepth


# The same operations in the same order; a shift of half a pixel is off by more than 100 times as much.
SAME = 1e-4
SIZE_HW = (38, 50)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("depth")
    return {
        "relative": save_depth_anything(root / "relative", "relative"),
        "metric": save_depth_anything(root / "metric", "metric"),
        "dpt": save_dpt(root / "dpt"),
        "zoedepth": save_zoedepth(root / "zoedepth"),
        "depth_pro": save_depth_pro(root / "depth_pro"),
        "depth_pro_without_fov": save_depth_pro(root / "depth_pro_without_fov", use_fov_model=False),
    }


def spread(depth):
    return float(np.percentile(depth, 95) - np.percentile(depth, 5))


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [("relative", "disparity", None), ("metric", "metric", None), ("dpt", "disparity", "disparity")],
)
def test_depth_is_that_of_the_plain_pipeline(folders, name, kind, said):
    estimate = TransformersDepth(folders[name], depth_kind=said).estimate(picture())
    plain = pipeline("depth-estimation", model=folders[name])(picture())["predicted_depth"].numpy()
    assert estimate.kind == kind
    assert estimate.depth.shape == SIZE_HW == plain.shape
    assert estimate.depth.dtype == np.float32
    assert np.abs(estimate.depth - plain.clip(min=0)).max() < SAME * spread(plain)


def test_padding_of_dpt_is_cut_off_again(tmp_path):
    folder = save_dpt(tmp_path, do_pad=True, do_resize=False, size_divisor=8)
    pixels = AutoImageProcessor.from_pretrained(folder)(images=picture(50, 50), return_tensors="pt")
    assert pixels["pixel_values"].shape[-2:] == (56, 56)  # three pixels on every side
    with torch.inference_mode():
        predicted = AutoModelForDepthEstimation.from_pretrained(folder).eval()(**pixels).predicted_depth
    resized = torch.nn.functional.interpolate(predicted[:, None], (56, 56), mode="bicubic")[0, 0].numpy()
    estimate = TransformersDepth(folder, depth_kind="metric").estimate(picture(50, 50))
    np.testing.assert_allclose(estimate.depth, resized[3:53, 3:53].clip(min=0), rtol=1e-5, atol=1e-6)


def test_zoedepth_is_that_of_the_plain_pipeline(folders, monkeypatch):
    def resize(image, size, interpolation, antialias):
        assert (interpolation, antialias) == ("bicubic", False)
        return torch.nn.functional.interpolate(image[None], size=size, mode="bicubic", align_corners=False)[0]

    stand_in = SimpleNamespace(resize=resize, InterpolationMode=SimpleNamespace(BICUBIC="bicubic"))
    monkeypatch.setattr(image_processing_pil_zoedepth, "tvF", stand_in, raising=False)
    plain = pipeline("depth-estimation", model=folders["zoedepth"])(picture())["predicted_depth"].numpy()
    estimate = TransformersDepth(folders["zoedepth"]).estimate(picture())
    assert (estimate.kind, estimate.depth.shape) == ("metric", SIZE_HW)
    assert np.abs(estimate.depth - plain.clip(min=0)).max() < SAME * spread(plain)


def depth_pro_by_hand(folder):
    """Inverse depth and field of view of the network, the pixels prepared in NumPy."""
    rgb = np.asarray(picture()).astype(np.float32) / 255
    normalised = (rgb - np.float32([0.4, 0.5, 0.6])) / np.float32([0.5, 0.4, 0.5])
    rows, columns = ((np.arange(64) + 0.5) * size / 64 - 0.5 for size in SIZE_HW)
    pixels = lerp(lerp(normalised, rows, axis=0), columns, axis=1)
    with torch.inference_mode():
        outputs = DepthProForDepthEstimation.from_pretrained(folder).eval()(
            torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        )
    return outputs.predicted_depth, outputs.field_of_view


def lerp(values, places, axis):
    """Sample between pixel centres along one axis, the border repeated."""
    places = np.clip(places, 0, values.shape[axis] - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    share = (places - low).reshape([-1 if index == axis else 1 for index in range(values.ndim)])
    return np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share


def test_depth_pro_follows_the_formula_with_its_own_field_of_view(folders):
    estimate = TransformersDepth(folders["depth_pro"]).estimate(picture())
    inverse, degrees = depth_pro_by_hand(folders["depth_pro"])
    focal_px = 25 / math.tan(math.radians(float(degrees)) / 2)
    assert 40 < float(degrees) < 80
    assert estimate.focal_px == pytest.approx(focal_px, rel=1e-3)
    resized = torch.nn.functional.interpolate(inverse[:, None], SIZE_HW, mode="bilinear")[0, 0]
    expected = 1 / (resized * 50 / focal_px).clamp(1e-4, 1e4)
    assert (estimate.kind, estimate.depth.shape) == ("metric", SIZE_HW)
    np.testing.assert_allclose(1 / estimate.depth, 1 / expected.numpy(), atol=2e-3 * float(1 / expected.min()))


def test_known_focal_length_scales_the_metres_of_depth_pro(folders):
    estimator = TransformersDepth(folders["depth_pro"])
    near, far = estimator.estimate(picture(), 40.0), estimator.estimate(picture(), 80.0)
    inside = (near.depth > 2e-3) & (far.depth < 9e3)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(far.depth[inside], 2 * near.depth[inside], rtol=1e-4)
    assert near.focal_px == far.focal_px  # what it found by itself stays


def test_depth_pro_without_field_of_view_needs_a_focal_length(folders):
    estimator = TransformersDepth(folders["depth_pro_without_fov"])
    assert not estimator.finds_focal
    assert estimator.estimate(picture(), 50.0).depth.shape == SIZE_HW
    with pytest.raises(ValueError, match=r"`focal_px` must be given for .*got None"):
        estimator.estimate(picture())


def test_a_type_that_is_trained_for_either_must_be_declared(folders):
    with pytest.raises(ValueError, match=r"`depth_kind` must be one of .*'disparity'.* got None: .*'dpt'"):
        TransformersDepth(folders["dpt"])
    assert TransformersDepth(folders["dpt"], depth_kind="metric").kind == "metric"


@pytest.mark.parametrize(
    ("name", "said"), [("relative", "metric"), ("metric", "relative"), ("depth_pro", "disparity")]
)
def test_a_kind_against_the_config_is_refused(folders, name, said):
    with pytest.raises(ValueError, match=f"`depth_kind` must be .* got '{said}'"):
        TransformersDepth(folders[name], depth_kind=said)


def test_an_unknown_kind_is_refused(folders):
    with pytest.raises(ValueError, match=r"`depth_kind` must be one of .* got 'inverse'"):
        TransformersDepth(folders["dpt"], depth_kind="inverse")


def test_a_model_of_another_task_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"must be a depth estimation model .* got .* of type 'bert'"):
        TransformersDepth(str(tmp_path))


def test_licence_is_shown_before_weights_are_loaded(folders, caplog):
    estimator = TransformersDepth(folders["relative"])
    assert not caplog.records
    estimator.estimate(picture())
    assert "licence" in caplog.records[0].getMessage()
