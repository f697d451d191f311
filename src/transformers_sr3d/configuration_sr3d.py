# Copyright 2026 The transformers-sr3d contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Every setting of an SR-3D model, with its unit and its check.

Sizes of the vision tower and of the language model live in their own sub-configs (`vision_config`, `text_config`: any
Transformers configuration); this class holds what joins them. Tile, patch and token counts are derived from the
sub-configs as properties, so that no two numbers can disagree; the price is that a tower must have one square image
size and one square patch size.

This file is copied to the Hub next to the weights.
"""

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec
from transformers.utils import auto_docstring


# Patches that one token of the language model covers, per side, for each projector.
PROJECTOR_DOWNSAMPLE = {"mlp_downsample": 2, "mlp_downsample_3x3_fix": 3}


@auto_docstring(custom_intro="Configuration of an SR-3D model; the defaults have the shapes of NVILA-Lite-8B.")
@strict
class SR3DConfig(PreTrainedConfig):
    r"""
    vision_config (`dict | PreTrainedConfig`, *optional*):
        The vision tower: any Transformers vision model that returns a square grid of patch features. Defaults to
        SigLIP so400m with 448-pixel images and 14-pixel patches.
    text_config (`dict | PreTrainedConfig`, *optional*):
        The language model: any Transformers causal language model. Defaults to the shapes of Qwen2-7B.
    image_token_id (`int`, *optional*, defaults to 151649):
        Id of the placeholder that one image token replaces.
    region_token_id (`int`, *optional*, defaults to 151651):
        Id of the placeholder that one region token replaces.
    projector_type (`str`, *optional*, defaults to `"mlp_downsample_3x3_fix"`):
        `"mlp_downsample"` joins 2 x 2 patches into a token, `"mlp_downsample_3x3_fix"` joins 3 x 3.
    vision_feature_layer (`int`, *optional*, defaults to -2):
        Index into the hidden states of the vision tower (0 is the embedding).
    num_prefix_tokens (`int`, *optional*, defaults to 0):
        Tokens before the patch grid that the tower returns and that are dropped (CLS, registers).
    min_tiles (`int`, *optional*, defaults to 1):
        Fewest tiles that a single image is cut into.
    max_tiles (`int`, *optional*, defaults to 12):
        Most tiles that a single image is cut into, the thumbnail not counted.
    max_tiles_per_view (`int`, *optional*, defaults to 1):
        Most tiles per view where a sample has several views.
    tile_then_stitch (`bool`, *optional*, defaults to `True`):
        Whether regions are pooled from the stitched tiles. `False` pools from the thumbnail or the single tile.
    use_position_encoding (`bool`, *optional*, defaults to `True`):
        Whether the encoding of canonical 3D points is added to the vision features.
    position_temperature (`float`, *optional*, defaults to 100.0):
        Ratio between the highest and the lowest frequency of the sinusoid.
    position_input_scale (`float`, *optional*, defaults to 10.0):
        Factor on canonical coordinates before the sinusoid; the highest frequency is this many radians per unit.
    use_metric_scale (`bool`, *optional*, defaults to `True`):
        Whether the metres per canonical unit are encoded and added to the 3D encoding.
    use_region_geometry (`bool`, *optional*, defaults to `True`):
        Whether the descriptor of a region's own points is added to its region token.
    tie_word_embeddings (`bool`, *optional*, defaults to `False`):
        Whether the output layer shares its weight with the token embedding. `True` here or in `text_config` makes it
        `True` in both.

    Example:
    ```python
    >>> from transformers_sr3d import SR3DConfig, SR3DForConditionalGeneration

    >>> config = SR3DConfig(
    ...     vision_config={"model_type": "siglip_vision_model", "image_size": 112, "patch_size": 14},
    ...     text_config={"model_type": "qwen2", "hidden_size": 256, "num_hidden_layers": 4, "vocab_size": 1000},
    ...     image_token_id=998,
    ...     region_token_id=999,
    ... )
    >>> config.image_tokens_per_tile
    9
    ```
    """

    model_type = "sr3d"
    sub_configs_defaults = {
        "vision_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="siglip_vision_model",
            init_kwargs={
                "hidden_size": 1152,
                "intermediate_size": 4304,
                "num_hidden_layers": 27,
                "num_attention_heads": 16,
                "image_size": 448,
                "patch_size": 14,
                "vision_use_head": False,
            },
        ),
        "text_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="qwen2",
            init_kwargs={
                "hidden_size": 3584,
                "intermediate_size": 18944,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "vocab_size": 152064,
                "max_position_embeddings": 32768,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
            },
        ),
    }
    keys_to_ignore_at_inference = ["past_key_values", "image_hidden_states", "region_hidden_states"]

    vision_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    image_token_id: int = 151649
    region_token_id: int = 151651
    projector_type: str = "mlp_downsample_3x3_fix"
    vision_feature_layer: int = -2
    num_prefix_tokens: int = 0
    min_tiles: int = 1
    max_tiles: int = 12
    max_tiles_per_view: int = 1
    tile_then_stitch: bool = True
    use_position_encoding: bool = True
    position_temperature: float | int = 100.0
    position_input_scale: float | int = 10.0
    use_metric_scale: bool = True
    use_region_geometry: bool = True
    tie_word_embeddings: bool = False
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        # Language models bring the setting in `text_config`, the outer one reaches the output layer: both must agree.
        self.tie_word_embeddings = self.tie_word_embeddings or self.text_config.tie_word_embeddings
        self.text_config.tie_word_embeddings = self.tie_word_embeddings

    def validate_projector(self):
        """Part of `@strict`-powered validation: the projector must be one that exists."""
        if self.projector_type not in PROJECTOR_DOWNSAMPLE:
            raise ValueError(
                f"`projector_type` must be one of {sorted(PROJECTOR_DOWNSAMPLE)}, got {self.projector_type!r}."
            )

    def validate_tiles(self):
        """Part of `@strict`-powered validation: tile counts and the patch grid must exist."""
        for name in ("min_tiles", "max_tiles", "max_tiles_per_view"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.min_tiles > self.max_tiles:
            raise ValueError(f"`min_tiles` ({self.min_tiles}) must not exceed `max_tiles` ({self.max_tiles}).")
        if self.patch_size > self.tile_size:
            raise ValueError(
                f"The vision tower's `patch_size` ({self.patch_size}) must not exceed its `image_size` "
                f"({self.tile_size})."
            )

    def validate_placeholders(self):
        """Part of `@strict`-powered validation: both placeholder ids lie in the vocabulary and differ."""
        vocab_size = self.get_text_config().vocab_size
        for name in ("image_token_id", "region_token_id"):
            if not 0 <= getattr(self, name) < vocab_size:
                raise ValueError(
                    f"`{name}` must lie in the vocabulary (0 to {vocab_size - 1}), got {getattr(self, name)}. Resize "
                    "the language model's embedding, or pass the id that the tokenizer gives to the placeholder."
                )
        if self.image_token_id == self.region_token_id:
            raise ValueError(f"`image_token_id` and `region_token_id` must differ, both are {self.image_token_id}.")

    def validate_position_encoding(self):
        """Part of `@strict`-powered validation: the sinusoid needs positive frequencies."""
        for name in ("position_temperature", "position_input_scale"):
            if getattr(self, name) <= 0:
                raise ValueError(f"`{name}` must be positive, got {getattr(self, name)}.")

    @property
    def tile_size(self) -> int:
        """Side of a square tile, in pixels: the image size of the vision tower."""
        return _square_side("image_size", self.vision_config.image_size)

    @property
    def patch_size(self) -> int:
        """Side of a square patch, in pixels."""
        return _square_side("patch_size", self.vision_config.patch_size)

    @property
    def patches_per_side(self) -> int:
        """Patches along one side of a tile."""
        return self.tile_size // self.patch_size

    @property
    def downsample(self) -> int:
        """Patches along one side of an image token."""
        return PROJECTOR_DOWNSAMPLE[self.projector_type]

    @property
    def image_tokens_per_tile(self) -> int:
        """Tokens that one tile occupies in the language model; an incomplete last row or column counts whole."""
        return (-(-self.patches_per_side // self.downsample)) ** 2


def _square_side(name: str, size: int | list | tuple) -> int:
    sides = set(size) if isinstance(size, (list, tuple)) else {size}
    if len(sides) != 1:
        raise ValueError(f"The vision tower's `{name}` must be square, got {size}. SR-3D cuts square tiles.")
    return sides.pop()


__all__ = ["SR3DConfig"]
