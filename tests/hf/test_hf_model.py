# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's own common tests for the configuration and the models, with depth and regions in every input."""

import unittest
from unittest.mock import patch

import torch
from common_tests import import_common
from transformers.models.auto import modeling_auto

from transformers_sr3d import SR3DConfig, SR3DForConditionalGeneration, SR3DModel
from transformers_sr3d.region_geometry_sr3d import REGION_DESCRIPTOR_SIZE


# The common tests look up by these names whether a model takes labels; a model outside Transformers is not in them.
modeling_auto.MODEL_MAPPING_NAMES["sr3d"] = "SR3DModel"
modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES["sr3d"] = "SR3DForConditionalGeneration"

common = import_common("test_modeling_common")
ConfigTester = import_common("test_configuration_common").ConfigTester

# The lowest ids, so that they survive the tests that shrink the vocabulary.
PAD_TOKEN_ID, BOS_TOKEN_ID, EOS_TOKEN_ID, IMAGE_TOKEN_ID, REGION_TOKEN_ID = range(5)
MENTIONS = 2
draw_ids = common.ids_tensor


def draw_text_ids(shape: list[int], vocab_size: int) -> torch.Tensor:
    """Random ids of plain text: a region placeholder without a mask is an error by contract, also in a random text."""
    return draw_ids(shape, vocab_size - REGION_TOKEN_ID - 1) + REGION_TOKEN_ID + 1


VISION_INPUTS = (
    "pixel_values",
    "patch_points",
    "patch_valid",
    "metric_scale",
    "region_coverage",
    "region_descriptors",
)


class SR3DModelTester:
    """A tiny model, and a batch of one tile, one point map and two region mentions per sample."""

    def __init__(self, parent: unittest.TestCase):
        self.parent = parent
        self.batch_size = 7  # the size that the attention tests extend a batch to, one input at a time
        self.is_training = True
        self.vision_config = {
            "model_type": "siglip_vision_model",
            "hidden_size": 32,
            "intermediate_size": 37,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 56,
            "patch_size": 14,
            "vision_use_head": False,
        }
        self.text_config = {
            "model_type": "qwen2",
            "vocab_size": 99,
            "hidden_size": 32,
            "intermediate_size": 37,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 128,
            "pad_token_id": PAD_TOKEN_ID,
            "bos_token_id": BOS_TOKEN_ID,
            "eos_token_id": EOS_TOKEN_ID,
        }
        self.num_hidden_layers = self.text_config["num_hidden_layers"]
        self.num_attention_heads = self.text_config["num_attention_heads"]
        self.hidden_size = self.text_config["hidden_size"]
        self.vocab_size = self.text_config["vocab_size"]
        self.patches_per_side = self.vision_config["image_size"] // self.vision_config["patch_size"]
        self.image_tokens = (self.patches_per_side // 2) ** 2
        self.seq_length = 7 + self.image_tokens + MENTIONS
        self.encoder_seq_length = self.seq_length

    def get_config(self) -> SR3DConfig:
        return SR3DConfig(
            vision_config=self.vision_config,
            text_config=self.text_config,
            image_token_id=IMAGE_TOKEN_ID,
            region_token_id=REGION_TOKEN_ID,
            projector_type="mlp_downsample",
            # The last layer, so that every layer of the tower takes part in training.
            vision_feature_layer=-1,
        )

    def prepare_vision_inputs(self) -> dict[str, torch.Tensor]:
        tiles, side, size = self.batch_size, self.patches_per_side, self.vision_config["image_size"]
        return {
            "pixel_values": common.floats_tensor([tiles, 3, size, size]),
            "patch_points": common.floats_tensor([tiles, side, side, 3]),
            "patch_valid": common.floats_tensor([tiles, side, side]) > 0.2,
            "metric_scale": common.floats_tensor([tiles, 1], scale=3.0) + 0.5,
            "region_coverage": common.floats_tensor([tiles, MENTIONS, side, side]),
            "region_descriptors": common.floats_tensor([tiles, MENTIONS, REGION_DESCRIPTOR_SIZE]),
        }

    def prepare_config_and_inputs_for_common(self) -> tuple[SR3DConfig, dict[str, torch.Tensor]]:
        input_ids = draw_text_ids([self.batch_size, self.seq_length], self.vocab_size)
        input_ids[:, 1 : 1 + self.image_tokens] = IMAGE_TOKEN_ID
        input_ids[:, -5] = input_ids[:, -3] = REGION_TOKEN_ID
        attention_mask = torch.ones_like(input_ids)
        return self.get_config(), {
            **self.prepare_vision_inputs(),
            "input_ids": input_ids,
            "attention_mask": attention_mask,
        }


class SR3DModelTest(common.ModelTesterMixin, unittest.TestCase):
    all_model_classes = (SR3DModel, SR3DForConditionalGeneration)
    _is_composite = True
    # Handed to the tests that compare attention implementations, so that they see images, depth and regions too.
    additional_model_inputs = VISION_INPUTS
    # A hidden state is read before the final norm of the tower, which therefore never learns: see the test below.
    test_all_params_have_gradient = False

    def setUp(self) -> None:
        self.model_tester = SR3DModelTester(self)
        self.config_tester = ConfigTester(self, config_class=SR3DConfig, has_text_modality=False)
        text_ids = patch.object(common, "ids_tensor", draw_text_ids)
        text_ids.start()
        self.addCleanup(text_ids.stop)

    def test_config(self) -> None:
        self.config_tester.run_common_tests()

    def test_every_weight_but_the_tower_norm_has_a_gradient(self) -> None:
        config, inputs = self.model_tester.prepare_config_and_inputs_for_common()
        model = SR3DForConditionalGeneration(config).train()
        model(**inputs, labels=inputs["input_ids"]).loss.backward()
        without = {name for name, weight in model.named_parameters() if weight.grad is None}
        assert without == {"model.vision_tower.post_layernorm.weight", "model.vision_tower.post_layernorm.bias"}

    @unittest.skip("GenerationTesterMixin is not in the source archive; tests/test_modeling_sr3d.py covers generation")
    def test_generation_tester_mixin_inheritance(self) -> None:
        pass
