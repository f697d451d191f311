# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0 of training, a vision tower of one's own: tiles of rooms -> what does each patch show?

SR-3D starts from a vision tower that has seen the world. Where none can be had, this one learns from the rooms alone:
a linear head on its patch features names what covers each patch. Every patch is an example, so that a few minutes
teach more than hours of questions would. The head is thrown away; the tower is where the next stage starts.

This module may import torch, transformers and siblings in `training`.
"""

import torch
from torch import nn
from transformers import AutoModel, PreTrainedConfig

from transformers_sr3d.training.room_scenes import UNKNOWN_CLASS, UNNAMED
from transformers_sr3d.training.scene_cache import SceneCache


BACKGROUND_WEIGHT = 0.2  # walls and floors cover most patches and teach little
COLOUR_JITTER = 0.25


class TilesWithNames(torch.utils.data.Dataset):
    """Every tile of a training run of the tower, in order; item `i` depends on the seed and on `i` only.

    Tiles are mirrored, and their brightness, contrast and colour balance changed, at random.

    Args:
        cache (`SceneCache`):
            The samples.
        num_items (`int`):
            Tiles to draw.
        seed (`int`):
            Of everything drawn here.
        augment (`bool`, defaults to `True`):
            Whether tiles are changed.

    Raises:
        ValueError: If no tile has a patch with a known name.
    """

    def __init__(self, cache: SceneCache, *, num_items: int, seed: int, augment: bool = True):
        self.cache = cache
        self.num_items = num_items
        self.seed = seed
        self.augment = augment
        self.places = [place for index in range(len(cache)) for place in _named_tiles(cache, index)]
        if not self.places:
            raise ValueError("`cache` must hold tiles whose patches have names, got none. Add samples.")

    def __len__(self) -> int:
        return self.num_items

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        scene, tile = self.places[int(torch.randint(len(self.places), (), generator=generator))]
        pixels, classes = self.cache.tile(scene, tile).float() / 255.0, self.cache.patch_classes(scene)[tile]
        if self.augment:
            pixels, classes = augment_tile(pixels, classes, generator)
        return {"pixel_values": (pixels - self.cache.image_mean) / self.cache.image_std, "labels": classes}


def _named_tiles(cache: SceneCache, index: int) -> list[tuple[int, int]]:
    known = (cache.patch_classes(index) != UNKNOWN_CLASS).flatten(1).any(1)
    return [(index, tile) for tile in known.nonzero().flatten().tolist()]


def augment_tile(
    pixels: torch.Tensor, classes: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mirror a tile in half of the cases and change its colours.

    Args:
        pixels (`torch.Tensor` of shape `(3, S, S)`):
            Colours from 0 to 1.
        classes (`torch.Tensor` of shape `(h, w)`):
            What the patches show.
        generator (`torch.Generator`):
            Source of randomness.

    Returns:
        `tuple[torch.Tensor, torch.Tensor]`: The changed tile and its classes.
    """
    if torch.rand((), generator=generator) < 0.5:
        pixels, classes = pixels.flip(-1), classes.flip(-1)
    gain = 1.0 + COLOUR_JITTER * (2.0 * torch.rand(3, 1, 1, generator=generator) - 1.0)
    contrast, brightness = COLOUR_JITTER * (2.0 * torch.rand(2, generator=generator) - 1.0)
    pixels = (pixels * gain - 0.5) * (1.0 + contrast) + 0.5 + brightness
    return pixels.clamp(0.0, 1.0), classes


class PatchNamer(nn.Module):
    """A vision tower with a linear head that names each patch.

    Args:
        vision_config (`PreTrainedConfig`):
            Of the tower.
        num_classes (`int`):
            Names, the one for walls and floors included.
        feature_layer (`int`):
            Index into the hidden states of the tower whose features the model will use.
    """

    def __init__(self, vision_config: PreTrainedConfig, *, num_classes: int, feature_layer: int):
        super().__init__()
        self.vision_tower = AutoModel.from_config(vision_config)
        self.head = nn.Linear(vision_config.hidden_size, num_classes)
        self.feature_layer = feature_layer
        weights = torch.ones(num_classes)
        weights[UNNAMED] = BACKGROUND_WEIGHT
        self.register_buffer("class_weights", weights)
        self.class_weights: torch.Tensor

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """
        Args:
            pixel_values (`torch.Tensor` of shape `(B, 3, S, S)`):
                Normalised tiles.
            labels (`torch.Tensor` of shape `(B, h, w)`):
                Class numbers; `UNKNOWN_CLASS` is left out.

        Returns:
            `dict[str, torch.Tensor]`: `loss` and `logits` of shape `(B, h * w, num_classes)`.
        """
        states = self.vision_tower(pixel_values=pixel_values, output_hidden_states=True).hidden_states
        features = states[self.feature_layer]
        if features.ndim == 4:  # a map, as convolutional towers give
            features = features.flatten(2).transpose(1, 2)
        logits = self.head(features[:, -labels[0].numel() :])
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), weight=self.class_weights, ignore_index=UNKNOWN_CLASS
        )
        return {"loss": loss, "logits": logits}
