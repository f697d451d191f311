# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's own common tests for the processor."""

import unittest
from pathlib import Path
from unittest.mock import patch

import numpy as np
from common_tests import import_common
from PIL import Image
from transformers import PreTrainedTokenizerFast

from transformers_sr3d import SR3DImageProcessor, SR3DProcessor
from transformers_sr3d.training.tokenizer import train_tokenizer


common = import_common("test_processing_common")

INTRINSICS = {"fx": 300.0, "fy": 300.0, "cx": 199.5, "cy": 14.5}


class SR3DProcessorTest(common.ProcessorTesterMixin, unittest.TestCase):
    processor_class = SR3DProcessor

    @classmethod
    def setUpClass(cls) -> None:
        # A class that travels with its checkpoint notes `auto_map` on the object that is saved, but not on the one
        # that is loaded, so the dictionaries that the common tests compare would differ. tests/test_remote_code.py
        # covers it.
        stay_at_home = patch.object(SR3DProcessor, "_auto_class", None)
        stay_at_home.start()
        cls.addClassCleanup(stay_at_home.stop)
        super().setUpClass()
        # The common tests load these pictures from a hub; any picture does.
        picture = Path(cls.tmpdirname, "picture.png")
        Image.fromarray(np.random.default_rng(0).integers(255, size=(30, 40, 3), dtype=np.uint8)).save(picture)
        common.MODALITY_INPUT_DATA["images"] = [str(picture)] * 2
        common.url_to_local_path = lambda url: str(picture)

    @classmethod
    def _setup_image_processor(cls) -> SR3DImageProcessor:
        return SR3DImageProcessor(size={"height": 28, "width": 28}, patch_size=7, max_tiles=2)

    @classmethod
    def _setup_tokenizer(cls) -> PreTrainedTokenizerFast:
        return train_tokenizer(
            ["lower newer upper older longer string", "What is the capital of France?"], vocab_size=300
        )

    @staticmethod
    def prepare_processor_dict() -> dict:
        # As many tiles per view as for a single image: a common test compares images of several samples with the same
        # sizes taken as views of one.
        return {"downsample": 2, "max_tiles_per_view": 2, "keep_dominant_cluster": False}

    def test_model_input_names(self) -> None:
        """Overridden: inputs of depth and regions appear where depth and regions are given, so give them."""
        processor = self.get_processor()
        inputs = processor(
            text="How wide is <region0>? <image>",
            images=self.prepare_images_inputs(),
            depths=np.full((30, 400), 2.0, dtype=np.float32),
            intrinsics=INTRINSICS,
            regions=[{"box_xyxy": [10, 5, 60, 20]}],
            return_tensors="pt",
        )
        assert set(inputs) == set(processor.model_input_names)
