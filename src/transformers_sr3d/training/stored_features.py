# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Features of a frozen vision tower, computed once: cached tiles -> what the tower makes of them.

A tower that is not trained says the same of a tile in every step, and it costs more than all that follows it. So its
features are stored beside the shards of the sample cache and given to the model in place of pixels, and `StoredTower`
hands them on in the tower's place. They are those of the tower as the checkpoint will hold it, rounded to bfloat16.
They are computed on the CPU.

This module may import torch, tqdm and siblings in `training`.
"""

import copy
import hashlib
import json
from pathlib import Path

import torch
from torch import nn
from tqdm.auto import tqdm
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from transformers_sr3d.training.scene_cache import SceneCache, open_tensors, save_tensors


TILES_AT_ONCE = 32
NAMELESS_SETTINGS = ("_name_or_path", "transformers_version", "dtype")  # of a tower, without effect on its features


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

    Raises:
        ValueError: If a feature does not fit into float16, or if those on disk are damaged or not what the tower gives
            now.
    """
    tower = copy.deepcopy(tower).eval().to(torch.bfloat16).float()
    folder = cache.shards[0].parent / f"features-{hash_tower(tower, feature_layer, cache)}"
    folder.mkdir(exist_ok=True)
    files = [folder / shard.name for shard in cache.shards]
    pairs = list(zip(cache.shards, files, strict=True))
    for shard, file in tqdm(pairs, unit="shard", desc="vision features", disable=all(file.exists() for file in files)):
        if not file.exists():  # another process may have made it meanwhile
            with open_tensors(shard, names=("pixels",)) as tensors:
                pixels = tensors.get_tensor("pixels").split(TILES_AT_ONCE)
            features = [features_of(tower, normalise(tiles, cache), feature_layer) for tiles in pixels]
            save_tensors({"features": torch.cat(features)}, file)
        check_count(shard, file)
    check_features(cache.shards[0], files[0], cache=cache, tower=tower, feature_layer=feature_layer)
    return cache.with_features(files)


def normalise(tiles: torch.Tensor, cache: SceneCache) -> torch.Tensor:
    """Turn stored tiles into what the image processor gave.

    Args:
        tiles (`torch.Tensor` of shape `(T, 3, S, S)`, uint8):
            From a shard.
        cache (`SceneCache`):
            Knows mean and standard deviation.

    Returns:
        `torch.Tensor` of the same shape, float32.
    """
    return (tiles.float() / 255.0 - cache.image_mean) / cache.image_std


def check_count(shard: Path, file: Path) -> None:
    """Compare how many tiles a shard and its features have, without reading them.

    Args:
        shard (`Path`):
            Has the tiles.
        file (`Path`):
            Has their features.

    Raises:
        ValueError: If a file is damaged, or there are more tiles or fewer than features.
    """
    with open_tensors(shard, names=("pixels",)) as tiles, open_tensors(file, names=("features",)) as features:
        wanted, found = tiles.get_slice("pixels").get_shape()[0], features.get_slice("features").get_shape()[0]
    if wanted != found:
        raise ValueError(
            f"`cache_dir` must hold features of all {wanted} tiles of {shard.name}, got {found} in {str(file)!r}. "
            "Delete that file; the next run makes it again."
        )


def check_features(shard: Path, file: Path, *, cache: SceneCache, tower: PreTrainedModel, feature_layer: int) -> None:
    """Compute the features of a tile anew and compare them with the stored ones.

    Args:
        shard (`Path`):
            Has the tile.
        file (`Path`):
            Has its features.
        cache (`SceneCache`):
            Knows mean and standard deviation.
        tower (`PreTrainedModel`):
            The tower.
        feature_layer (`int`):
            Index into its hidden states.

    Raises:
        ValueError: If they differ by more than a hundredth of the largest.
    """
    with open_tensors(shard) as tiles, open_tensors(file) as features:
        first, stored = tiles.get_slice("pixels")[:1], features.get_slice("features")[:1].float()
    fresh = features_of(tower, normalise(first, cache), feature_layer).float()
    if stored.shape != fresh.shape or (stored - fresh).abs().max() > 0.01 * fresh.abs().max():
        raise ValueError(
            f"The features in {file.parent} are not what the vision tower gives now: another version of a library "
            "made them, or they are damaged. Delete that folder."
        )


@torch.no_grad()
def features_of(tower: PreTrainedModel, tiles: torch.Tensor, feature_layer: int) -> torch.Tensor:
    """Run a tower up to the layer that the model uses.

    Args:
        tower (`PreTrainedModel`):
            The tower.
        tiles (`torch.Tensor` of shape `(T, 3, S, S)`):
            Normalised pixels.
        feature_layer (`int`):
            Index into its hidden states.

    Returns:
        `torch.Tensor` of shape `(T, D, h, w)` or `(T, prefix + h * w, D)`, float16: As the tower gives them.

    Raises:
        ValueError: If one does not fit into float16.
    """
    states = tower(pixel_values=tiles, output_hidden_states=True, return_dict=True).hidden_states[feature_layer]
    if not states.half().isfinite().all():
        raise ValueError(
            f"Features of layer {feature_layer} of {type(tower).__name__} must fit into float16, got up to "
            f"{float(states.abs().max()):.3g}. Set `freeze_vision: false`."
        )
    return states.half()


def hash_tower(tower: PreTrainedModel, feature_layer: int, cache: SceneCache) -> str:
    """Name a tower by all that decides its features.

    Args:
        tower (`PreTrainedModel`):
            The tower, in float32.
        feature_layer (`int`):
            Index into its hidden states.
        cache (`SceneCache`):
            Knows mean and standard deviation of the pixels.

    Returns:
        `str`: Ten hexadecimal digits.
    """
    settings = {name: value for name, value in tower.config.to_dict().items() if name not in NAMELESS_SETTINGS}
    pixels = cache.image_mean.flatten().tolist() + cache.image_std.flatten().tolist()
    digest = hashlib.sha256(json.dumps([settings, feature_layer, pixels], sort_keys=True, default=str).encode())
    for name, value in sorted(tower.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()[:10]
