# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's own common tests for the image processor."""

import unittest

import torch
from common_tests import import_common

from transformers_sr3d import SR3DImageProcessor


common = import_common("test_image_processing_common")


class SR3DImageProcessingTester(common.ImageProcessingTester):
    """Settings under test; one tile per image, because the common tests count one item per image."""

    def __init__(self, parent: unittest.TestCase, **kwargs):
        kwargs.setdefault("size", {"height": 28, "width": 28})
        kwargs.setdefault("patch_size", 7)
        kwargs.setdefault("min_tiles", 1)
        kwargs.setdefault("max_tiles", 1)
        kwargs.setdefault("tile_then_stitch", False)
        kwargs.setdefault("image_mean", [0.4, 0.5, 0.6])
        kwargs.setdefault("image_std", [0.2, 0.3, 0.4])
        super().__init__(parent, **kwargs)

    def _get_image_processing_classes(self) -> dict[str, type]:
        return {"pil": SR3DImageProcessor}


class SR3DImageProcessingTest(common.ImageProcessingTestMixin, unittest.TestCase):
    image_processor_tester_class = SR3DImageProcessingTester
    test_cast_dtype = torch.float16

    @unittest.skip(
        "torchvision is not a dependency: one class does all pixel work in torch, with and without torchvision"
    )
    def test_new_models_require_torchvision_backend(self) -> None:
        pass
