# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run that takes seconds: nine samples, 56-pixel tiles, two small layers on either side."""

from dataclasses import asdict
from pathlib import Path

from transformers_sr3d.training.settings import TrainingSettings, build_settings


VISION = {
    "model_type": "siglip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 56,
    "patch_size": 14,
    "vision_use_head": False,
}
TEXT = {
    "model_type": "qwen2",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
MODEL = {
    "vision_config": VISION,
    "text_config": TEXT,
    "projector_type": "mlp_downsample",
    "vision_feature_layer": -1,
    "max_tiles": 4,
    "tie_word_embeddings": True,
}


SAMPLES = {
    "num_samples": 9,
    "num_val_samples": 3,
    "image_size": 64,
    "max_views": 3,
    "max_regions": 5,
    "photo_share": 0.3,
    "workers": 0,
    "shard_size": 4,
}


def tiny_settings(output_dir: Path, run_dir: Path, *, cache_dir: Path, **optimisation) -> TrainingSettings:
    quick = {"batch_size": 4, "warmup_steps": 1, "threads": 1, "bf16": False, "logging_steps": 1, "max_questions": 3}
    content = {
        "output_dir": str(output_dir),
        "run_dir": str(run_dir),
        "vocab_size": 400,
        "samples": SAMPLES | {"cache_dir": str(cache_dir)},
        "model": MODEL,
        "optimisation": quick | optimisation,
    }
    settings = build_settings(TrainingSettings, content)
    assert build_settings(TrainingSettings, asdict(settings)) == settings
    return settings
