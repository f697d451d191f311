# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning, features of a frozen vision tower: computed once for each set of pictures, kept on disk.

Stored is exactly what the tower gives while training, in the type it computes in, so the loss is the same to the last
bit. A file per set of pictures, written atomically: a killed run computes only what is missing.

May import: torch, safetensors and `training.stored_features`.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from transformers_sr3d.training.stored_features import TILES_AT_ONCE, StoredTower


class FeatureStore:
    """Features of one tower in a folder.

    Args:
        folder (`str` or `Path`):
            Where to keep them; a folder of its own is made there for every tower and every size of tiles.
        model (`SR3DForConditionalGeneration`):
            Its tower stays as it is.
        processor (`SR3DProcessor`):
            Cuts the tiles.
        bf16 (`bool`, defaults to `False`):
            Whether training computes in bfloat16 where it can.
    """

    def __init__(self, folder: str | Path, model: Any, processor: Any, *, bf16: bool = False):
        self.folder, self.bf16 = Path(folder) / _tower_key(model, processor, bf16=bf16), bf16
        self.tower, self.layer = model.model.vision_tower, model.config.vision_feature_layer

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"tower": None}  # workers load what is stored

    def has(self, key: str) -> bool:
        """Tell whether the features of some pictures are stored."""
        return self._file(key).is_file()

    @torch.no_grad()
    def store(self, key: str, pixel_values: torch.Tensor) -> None:
        """Compute and keep.

        Args:
            key (`str`):
                Of the pictures.
            pixel_values (`torch.Tensor` of shape `(T, 3, S, S)`):
                Their tiles.
        """
        weight = next(self.tower.parameters())
        self.tower.eval()
        with torch.autocast(weight.device.type, torch.bfloat16, enabled=self.bf16):
            parts = [
                self.tower(
                    pixel_values=tiles.to(weight.device, weight.dtype), output_hidden_states=True, return_dict=True
                ).hidden_states[self.layer]
                for tiles in pixel_values.split(TILES_AT_ONCE)
            ]
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{key}.{os.getpid()}.partial"
        save_file({"features": torch.cat(parts).cpu().contiguous()}, partial)
        os.replace(partial, self._file(key))

    def load(self, key: str) -> torch.Tensor:
        """Give what is stored.

        Args:
            key (`str`):
                Of the pictures.

        Returns:
            `torch.Tensor` of shape `(T, D, h, w)` or `(T, prefix + h * w, D)`: As the tower gives them.

        Raises:
            FileNotFoundError: If the pictures have changed since features were stored.
        """
        if not self.has(key):
            raise FileNotFoundError(
                f"Features {key} must be in {self.folder}, got none: pictures changed during the run. Start it again."
            )
        return load_file(self._file(key))["features"]

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"


def feed_features(model: Any) -> torch.nn.Module:
    """Put features in the place of pixels: every forward pass hands `pixel_values` on as what the tower gave.

    Args:
        model (`SR3DForConditionalGeneration`):
            The model; its tower is replaced.

    Returns:
        `torch.nn.Module`: The tower, to be put back as `model.model.vision_tower`.
    """
    tower, stand_in = model.model.vision_tower, StoredTower(model.config.vision_feature_layer)
    tile_size = model.config.tile_size

    def hand_on(module: Any, arguments: tuple, inputs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        if inputs.get("pixel_values") is not None:
            inputs = inputs | {"pixel_values": stand_in.take(inputs["pixel_values"], tile_size)}
        return arguments, inputs

    model.model.vision_tower = stand_in
    stand_in.hook = model.register_forward_pre_hook(hand_on, with_kwargs=True)
    return tower


def _tower_key(model: Any, processor: Any, *, bf16: bool) -> str:
    """Digest of everything that decides what the tower says of a picture."""
    settings = (model.config.vision_feature_layer, processor.max_tiles_per_view, bf16)
    digest = hashlib.sha256(f"{settings} {processor.image_processor.to_json_string()}".encode())
    for name, value in sorted(model.model.vision_tower.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
