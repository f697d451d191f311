# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Features of a frozen vision tower, computed once: cached tiles -> what the tower makes of them.

A tower that is not trained says the same of a tile in every step, and it costs more than all that follows it. So its
features are stored beside the shards of the sample cache and given to the model in place of pixels, and `StoredTower`
hands them on in the tower's place. They are those of the tower as the checkpoint will hold it, rounded to bfloat16.

This module may import torch, safetensors, tqdm and siblings in `training`.
"""

import copy
import hashlib

import torch
from safetensors.torch import load_file
from torch import nn
from tqdm.auto import tqdm
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from transformers_sr3d.training.scene_cache import SceneCache, save_tensors


TILES_AT_ONCE = 32


class StoredTower(nn.Module):
    """Stands in for a frozen tower and returns, as every hidden state, the features that it was handed before.

    Args:
        feature_layer (`int`):
            Index into the hidden states that the model will use.
    """

    def __init__(self, feature_layer: int):
        super().__init__()
        self.num_states = abs(feature_layer) + 1
        self.features = torch.empty(0)

    def take(self, features: torch.Tensor, tile_size: int) -> torch.Tensor:
        """Take the features of a batch.

        Args:
            features (`torch.Tensor` of shape `(T, D, h, w)` or `(T, prefix + h * w, D)`):
                Stored features.
            tile_size (`int`):
                Side of the tiles, pixels.

        Returns:
            `torch.Tensor` of shape `(T, 3, tile_size, tile_size)`: Stands in for the pixels; takes no memory.
        """
        self.features = features
        return features.new_zeros(()).expand(len(features), 3, tile_size, tile_size)

    def forward(self, pixel_values: torch.Tensor, **kwargs) -> BaseModelOutput:
        """
        Args:
            pixel_values (`torch.Tensor` of shape `(T, 3, tile_size, tile_size)`):
                From `take`.
            **kwargs:
                Of the tower; without effect.

        Returns:
            `BaseModelOutput`: With `hidden_states`.
        """
        features = self.features.to(pixel_values.dtype)
        return BaseModelOutput(last_hidden_state=features, hidden_states=(features,) * self.num_states)


def store_features(cache: SceneCache, tower: PreTrainedModel, feature_layer: int) -> SceneCache:
    """Compute what the tower makes of every tile, or find it done.

    Args:
        cache (`SceneCache`):
            The samples.
        tower (`PreTrainedModel`):
            The tower, which stays as it is.
        feature_layer (`int`):
            Index into its hidden states.

    Returns:
        `SceneCache`: The same samples with features, in float16 on disk, as their `pixel_values`.
    """
    tower = copy.deepcopy(tower).eval().to(torch.bfloat16).float()
    folder = cache.shards[0].parent / f"features-{hash_tower(tower, feature_layer)}"
    folder.mkdir(exist_ok=True)
    files = [folder / shard.name for shard in cache.shards]
    missing = [(shard, file) for shard, file in zip(cache.shards, files, strict=True) if not file.exists()]
    for shard, file in tqdm(missing, unit="shard", desc="vision features", disable=not missing):
        pixels = (load_file(shard)["pixels"].float() / 255.0 - cache.image_mean) / cache.image_std
        features = [run_tower(tower, tiles, feature_layer).half() for tiles in pixels.split(TILES_AT_ONCE)]
        save_tensors({"features": torch.cat(features)}, file)
    return cache.with_features(files)


@torch.no_grad()
def run_tower(tower: PreTrainedModel, tiles: torch.Tensor, feature_layer: int) -> torch.Tensor:
    """Run a tower up to the layer that the model uses.

    Args:
        tower (`PreTrainedModel`):
            The tower.
        tiles (`torch.Tensor` of shape `(T, 3, S, S)`):
            Normalised pixels.
        feature_layer (`int`):
            Index into its hidden states.

    Returns:
        `torch.Tensor` of shape `(T, D, h, w)` or `(T, prefix + h * w, D)`: As the tower gives them.
    """
    return tower(pixel_values=tiles, output_hidden_states=True, return_dict=True).hidden_states[feature_layer]


def hash_tower(tower: PreTrainedModel, feature_layer: int) -> str:
    """Name a tower by its weights.

    Args:
        tower (`PreTrainedModel`):
            The tower, in float32.
        feature_layer (`int`):
            Index into its hidden states.

    Returns:
        `str`: Ten hexadecimal digits.
    """
    digest = hashlib.sha256(f"{type(tower).__name__} {feature_layer}".encode())
    for name, value in sorted(tower.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()[:10]
