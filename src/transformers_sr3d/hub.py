# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that load anywhere: model + processor -> a folder with weights, code, processor and pipeline.

A saved model names only its own class in `auto_map`, and a saved processor only its own. `export_checkpoint` names all
of them, and the pipeline, so that `AutoModel`, `AutoProcessor`, `pipeline("spatial-vqa")` and the others work on the
folder, or on a Hub repository made of it, without this package. The code files come along because `modeling_sr3d.py`
reaches every one of them by relative imports.

This file stays at home: a checkpoint does not need it.
"""

from os import PathLike
from typing import Any

from transformers import PreTrainedModel, ProcessorMixin, pipeline
from transformers.dynamic_module_utils import custom_object_save

from transformers_sr3d.pipeline_sr3d import SpatialVQAPipeline


TASK = "spatial-vqa"
AUTO_MAP = {
    "AutoConfig": "configuration_sr3d.SR3DConfig",
    "AutoModel": "modeling_sr3d.SR3DModel",
    "AutoModelForImageTextToText": "modeling_sr3d.SR3DForConditionalGeneration",
    "AutoModelForMultimodalLM": "modeling_sr3d.SR3DForConditionalGeneration",
    "AutoProcessor": "processing_sr3d.SR3DProcessor",
    "AutoImageProcessor": "image_processing_sr3d.SR3DImageProcessor",
}
CUSTOM_PIPELINES = {
    TASK: {
        "impl": "pipeline_sr3d.SpatialVQAPipeline",
        "pt": ["AutoModelForImageTextToText"],
        "type": "multimodal",
    }
}


def declare_remote_code(model: PreTrainedModel) -> None:
    """Write into the model's configuration which file holds which class.

    Every later save of this model, also a checkpoint that a Trainer writes, then carries the whole list.

    Args:
        model (`PreTrainedModel`):
            The model whose `config` is changed.
    """
    model.config.auto_map = dict(AUTO_MAP)
    model.config.custom_pipelines = {task: dict(entry) for task, entry in CUSTOM_PIPELINES.items()}


def export_checkpoint(model: PreTrainedModel, processor: ProcessorMixin, folder: str | PathLike) -> None:
    """Save a checkpoint that loads with and without this package.

    Args:
        model (`PreTrainedModel`):
            An `SR3DForConditionalGeneration`. Its configuration keeps the list of classes, see `declare_remote_code`.
        processor (`ProcessorMixin`):
            An `SR3DProcessor` with its tokenizer and chat template.
        folder (`str | PathLike`):
            Folder to write, made if it does not exist. Files of the same name are replaced.

    Raises:
        ValueError: If the model is not the one with a language modelling head.
    """
    if type(model).__name__ != "SR3DForConditionalGeneration":
        raise ValueError(
            f"`model` must be an SR3DForConditionalGeneration, got {type(model).__name__}. "
            "Export the whole model, not its base or a wrapper around it (merge adapters first)."
        )
    declare_remote_code(model)
    # The names in the file are the names in the code, not those of an older layout of the vision tower.
    model.save_pretrained(folder, save_original_format=False)
    processor.save_pretrained(folder)


def export_without_weights(model: PreTrainedModel, processor: ProcessorMixin, folder: str | PathLike) -> None:
    """Save everything of a checkpoint but its weights, which somebody else writes, for example one shard at a time.

    Args:
        model (`PreTrainedModel`):
            An `SR3DForConditionalGeneration`, also one without weights (on the meta device).
        processor (`ProcessorMixin`):
            An `SR3DProcessor` with its tokenizer and chat template.
        folder (`str | PathLike`):
            Folder that exists.
    """
    declare_remote_code(model)
    custom_object_save(model, folder, config=model.config)
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    processor.save_pretrained(folder)


def spatial_vqa_pipeline(model: str | PathLike | PreTrainedModel, **kwargs: Any) -> SpatialVQAPipeline:
    """Make the "spatial-vqa" pipeline from a folder, a Hub repository or a model, running the installed code.

    `transformers.pipeline` demands `trust_remote_code=True` for a checkpoint with its own pipeline file. This function
    runs no code of the checkpoint.

    Args:
        model (`str | PathLike | PreTrainedModel`):
            Folder, repository name, or a loaded model (then `processor=` is required).
        kwargs:
            Passed on to `transformers.pipeline`: `processor`, `device`, `dtype`, generation arguments, ...

    Returns:
        `SpatialVQAPipeline`: The pipeline.
    """
    name = model if isinstance(model, PreTrainedModel) else str(model)
    return pipeline(TASK, model=name, pipeline_class=SpatialVQAPipeline, trust_remote_code=False, **kwargs)
