# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""SR-3D: ask about marked regions of images and posed RGB-D scenes. Public names and Auto registration; no logic."""

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageTextToText,
    AutoModelForMultimodalLM,
    AutoProcessor,
)
from transformers.pipelines import PIPELINE_REGISTRY

from .configuration_sr3d import SR3DConfig
from .hub import export_checkpoint, spatial_vqa_pipeline
from .image_processing_sr3d import SR3DImageProcessor
from .modeling_sr3d import SR3DForConditionalGeneration, SR3DModel, SR3DPreTrainedModel
from .pipeline_sr3d import SpatialVQAPipeline
from .processing_sr3d import SR3DProcessor


__version__ = "0.1.0"

AutoConfig.register("sr3d", SR3DConfig, exist_ok=True)
AutoModel.register(SR3DConfig, SR3DModel, exist_ok=True)
AutoModelForImageTextToText.register(SR3DConfig, SR3DForConditionalGeneration, exist_ok=True)
AutoModelForMultimodalLM.register(SR3DConfig, SR3DForConditionalGeneration, exist_ok=True)
AutoProcessor.register(SR3DConfig, SR3DProcessor, exist_ok=True)
AutoImageProcessor.register(
    SR3DConfig,
    image_processor_classes={"pil": SR3DImageProcessor, "torchvision": SR3DImageProcessor},
    exist_ok=True,
)
PIPELINE_REGISTRY.register_pipeline(
    "spatial-vqa",
    pipeline_class=SpatialVQAPipeline,
    pt_model=AutoModelForImageTextToText,
    type="multimodal",
)

# At import, not at export: a checkpoint that is loaded and saved again by any tool keeps its code.
SR3DConfig.register_for_auto_class()
SR3DModel.register_for_auto_class("AutoModel")
SR3DForConditionalGeneration.register_for_auto_class("AutoModelForImageTextToText")
SR3DImageProcessor.register_for_auto_class("AutoImageProcessor")
SR3DProcessor.register_for_auto_class("AutoProcessor")

__all__ = [
    "SR3DConfig",
    "SR3DForConditionalGeneration",
    "SR3DImageProcessor",
    "SR3DModel",
    "SR3DPreTrainedModel",
    "SR3DProcessor",
    "SpatialVQAPipeline",
    "export_checkpoint",
    "spatial_vqa_pipeline",
]
