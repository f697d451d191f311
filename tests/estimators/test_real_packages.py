# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Adapters against the packages themselves, with random weights: shapes, directions and units as they really come.

`depth-anything-3`, `dlr-moge` and torchvision live in an environment of their own; elsewhere these tests are skipped.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from depth_models import picture, save_depth_pro, save_zoedepth

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.estimators.depth import TransformersDepth
from transformers_sr3d.estimators.depth_anything_3 import DepthAnything3
from transformers_sr3d.estimators.geometry import estimate_geometry
from transformers_sr3d.estimators.moge import MoGe
from transformers_sr3d.estimators.multi_view import estimate_multi_view_geometry
from transformers_sr3d.inputs.source import Source, SourceView


pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 84, 56


def source_of(num_views):
    views = tuple(
        SourceView(f"{number}.png", lambda number=number: picture(WIDTH, HEIGHT, seed=number))
        for number in range(num_views)
    )
    return Source("images", Path("photos"), views)


@pytest.fixture(scope="module")
def da3_folder(tmp_path_factory):
    api = pytest.importorskip("depth_anything_3.api", exc_type=ImportError)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("da3")
    api.DepthAnything3(model_name="da3-small").eval().save_pretrained(folder)
    return str(folder)


def test_depth_anything_3_points_agree_with_its_own_matrices(da3_folder):
    estimator = DepthAnything3(da3_folder, device="cpu", processing_side=WIDTH)
    images = [view.load_image() for view in source_of(3).views]
    estimate = estimator.estimate(images)
    assert estimate.depths.shape == (3, HEIGHT, WIDTH)
    assert not estimate.is_metric
    raw = estimator._network.inference(images, process_res=WIDTH)
    for pose, world_to_camera in zip(estimate.camera_to_world, raw.extrinsics, strict=True):
        np.testing.assert_allclose(world_to_camera[:3] @ pose, np.eye(4)[:3], atol=1e-3)
    np.testing.assert_allclose(estimate.intrinsics, raw.intrinsics, rtol=1e-5)
    # Its principal point is the middle of the picture, in edges of pixels or in their centres.
    np.testing.assert_allclose(estimate.intrinsics[:, :2, 2], [[WIDTH / 2, HEIGHT / 2]] * 3, atol=0.6)


def test_depth_anything_3_becomes_views_of_one_world(da3_folder, tmp_path):
    estimator = DepthAnything3(da3_folder, device="cpu", processing_side=WIDTH)
    source = estimate_multi_view_geometry(source_of(3), estimator, cache_folder=tmp_path)
    views = prepare_views(**source.arguments())
    assert (views["geometry"], views["gravity"]) == ("relative", "unknown")
    assert all(bool(valid.any()) for valid in views["valid"])


@pytest.fixture(scope="module")
def moge_file(tmp_path_factory):
    v2 = pytest.importorskip("moge.model.v2", exc_type=ImportError)
    torch.manual_seed(0)
    channels = [32] * 5
    config = {
        "encoder": {"backbone": "dinov2_vits14", "intermediate_layers": 2, "dim_out": 30},
        "neck": {
            "dim_in": [32, 2, 2, 2, 2],
            "dim_res_blocks": channels,
            "dim_out": [None] * 5,
            "resamplers": ["bilinear"] * 4,
        },
        "points_head": {
            "dim_in": channels,
            "dim_res_blocks": channels,
            "dim_out": [None] * 4 + [3],
            "resamplers": ["bilinear"] * 4,
        },
        "scale_head": {"dims": [384, 16, 1]},
        "remap_output": "exp",
        "num_tokens_range": [24, 48],
    }
    path = tmp_path_factory.mktemp("moge") / "model.pt"
    torch.save({"model_config": config, "model": v2.MoGeModel(**config).state_dict()}, path)
    return str(path)


def test_moge_gives_depth_in_metres_and_a_focal_length(moge_file):
    estimator = MoGe(moge_file, device="cpu")
    estimate = estimator.estimate(picture(WIDTH, HEIGHT))
    assert (estimate.kind, estimate.depth.shape) == ("metric", (HEIGHT, WIDTH))
    assert estimate.focal_px > 0
    raw = estimator._network.infer(
        torch.from_numpy(np.asarray(picture(WIDTH, HEIGHT)).copy()).permute(2, 0, 1) / 255, use_fp16=False
    )
    np.testing.assert_allclose(estimate.depth, raw["depth"].numpy(), rtol=1e-4)
    # Its own points at its own depth: x = (u - cx) / f * z, with pixels counted from the edge of the picture.
    z, x = raw["points"][..., 2].numpy(), raw["points"][..., 0].numpy()
    columns = np.arange(WIDTH) + 0.5 - WIDTH / 2
    np.testing.assert_allclose(x, columns * z / estimate.focal_px, rtol=1e-3, atol=1e-4 * np.abs(x).max())


def test_moge_takes_a_known_focal_length(moge_file):
    estimate = MoGe(moge_file, device="cpu").estimate(picture(WIDTH, HEIGHT), 60.0)
    assert estimate.focal_px == pytest.approx(60.0, rel=1e-3)


def test_moge_is_an_estimator_of_a_source(moge_file, tmp_path):
    estimator = MoGe(moge_file, device="cpu")  # random weights find no focal length that could be
    source = estimate_geometry(source_of(1), estimator, horizontal_fov_deg=65.0, cache_folder=tmp_path)
    assert prepare_views(**source.arguments())["metric"]


# --- image processors that need torchvision ---


def test_depth_pro_is_that_of_its_own_processor(tmp_path):
    pytest.importorskip("torchvision", exc_type=ImportError)
    from transformers import AutoModelForDepthEstimation
    from transformers.models.depth_pro.image_processing_depth_pro import DepthProImageProcessor

    folder = save_depth_pro(tmp_path)
    processor = DepthProImageProcessor.from_pretrained(folder)
    with torch.inference_mode():
        outputs = AutoModelForDepthEstimation.from_pretrained(folder).eval()(
            **processor(images=picture(), return_tensors="pt")
        )
    (plain,) = processor.post_process_depth_estimation(outputs, [(38, 50)])
    estimate = TransformersDepth(folder).estimate(picture())
    assert estimate.focal_px == pytest.approx(float(plain["focal_length"]), rel=1e-4)
    inverse = 1 / plain["predicted_depth"].numpy()
    np.testing.assert_allclose(1 / estimate.depth, inverse, atol=1e-3 * inverse.max())


def test_zoedepth_is_that_of_its_own_processor(tmp_path):
    pytest.importorskip("torchvision", exc_type=ImportError)
    from transformers import AutoModelForDepthEstimation
    from transformers.models.zoedepth.image_processing_pil_zoedepth import ZoeDepthImageProcessorPil

    folder = save_zoedepth(tmp_path)
    processor = ZoeDepthImageProcessorPil.from_pretrained(folder)
    with torch.inference_mode():
        outputs = AutoModelForDepthEstimation.from_pretrained(folder).eval()(
            **processor(images=picture(), return_tensors="pt")
        )
    (plain,) = processor.post_process_depth_estimation(outputs, [(38, 50)])
    expected = plain["predicted_depth"].numpy().clip(min=0)
    estimate = TransformersDepth(folder).estimate(picture())
    # With torchvision the other image processor is loaded, whose resizing differs in the last digits.
    assert np.abs(estimate.depth - expected).mean() < 0.02 * expected.std()
