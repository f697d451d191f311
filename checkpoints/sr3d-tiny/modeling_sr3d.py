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
"""Stages 3 to 5 of 5, the network: tiles, points, regions and text -> logits.

    pixel_values    -> vision tower, layer `vision_feature_layer`      (tiles, h, w, D)
    patch_points    -> 3D position encoding, added on the same grid
    features        -> space-to-depth projector -> image tokens        (tiles, image_tokens_per_tile, H)
    region_coverage -> per-tile weighted sums -> region tokens, one per mention
    text            -> language model, placeholders replaced -> logits

Every vision-side tensor is tile-major: dimension 0 counts the tiles of the batch, whichever sample they belong to.
`forward` gives tiles to rows by counting image placeholders, adds the per-tile region sums of a row, divides and
projects. Inputs can therefore be sliced, concatenated and repeated on dimension 0, tiles beside their rows; the price
is that the region descriptor is repeated on every tile of its sample.

This file is copied to the Hub next to the weights. The imports under `TYPE_CHECKING` make the processor and the
pipeline travel with every save.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel
from transformers import initialization as init
from transformers.cache_utils import Cache
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import BaseModelOutputWithPast, BaseModelOutputWithPooling
from transformers.modeling_utils import slice_logits_to_keep
from transformers.processing_utils import Unpack
from transformers.utils import ModelOutput, TransformersKwargs, auto_docstring, torch_compilable_check
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import select_hidden_states

from .configuration_sr3d import SR3DConfig
from .position_encoding_sr3d import SR3DPositionEncoding, SR3DZeroInitLinear
from .region_extractor_sr3d import SR3DRegionExtractor, expand_descriptors, pool_regions
from .region_geometry_sr3d import REGION_DESCRIPTOR_SIZE


if TYPE_CHECKING:
    from .pipeline_sr3d import SpatialVQAPipeline
    from .processing_sr3d import SR3DProcessor


@auto_docstring
@dataclass
class SR3DImageFeatures(BaseModelOutputWithPooling):
    r"""
    Args:
        region_sums (`torch.Tensor` of shape `(tiles, mentions, vision_hidden_size)`, *optional*):
            Vision features of each tile, summed under the soft mask of each mention.
        region_weights (`torch.Tensor` of shape `(tiles, mentions)`, *optional*):
            Sum of the soft mask of each mention, per tile.
        region_geometry (`torch.Tensor` of shape `(tiles, mentions, NUM_GEOMETRY_FEATURES)`, *optional*):
            Expanded descriptor of each mentioned region, repeated on every tile of its sample.
    """

    region_sums: torch.Tensor | None = None
    region_weights: torch.Tensor | None = None
    region_geometry: torch.Tensor | None = None


@auto_docstring
@dataclass
class SR3DModelOutputWithPast(BaseModelOutputWithPast):
    r"""
    Args:
        image_hidden_states (`torch.Tensor` of shape `(tiles, image_tokens_per_tile, hidden_size)`, *optional*):
            Projected image tokens.
        region_hidden_states (`torch.Tensor` of shape `(batch_size, mentions, hidden_size)`, *optional*):
            Region tokens, in the order of their mentions; rows with fewer mentions are padded at the end.
    """

    image_hidden_states: torch.Tensor | None = None
    region_hidden_states: torch.Tensor | None = None


@auto_docstring
@dataclass
class SR3DCausalLMOutputWithPast(ModelOutput):
    r"""
    Args:
        loss (`torch.Tensor` of shape `(1,)`, *optional*, returned when `labels` is provided):
            Language modeling loss (for next-token prediction).
        logits (`torch.Tensor` of shape `(batch_size, sequence_length, vocab_size)`):
            Prediction scores of the language modeling head, before the softmax.
        past_key_values (`Cache`, *optional*):
            Keys and values of the language model, for generation.
        image_hidden_states (`torch.Tensor` of shape `(tiles, image_tokens_per_tile, hidden_size)`, *optional*):
            Projected image tokens.
        region_hidden_states (`torch.Tensor` of shape `(batch_size, mentions, hidden_size)`, *optional*):
            Region tokens, in the order of their mentions.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[torch.Tensor] | None = None
    attentions: tuple[torch.Tensor] | None = None
    image_hidden_states: torch.Tensor | None = None
    region_hidden_states: torch.Tensor | None = None


class SR3DSpaceToDepth(nn.Module):
    """Join `downsample` x `downsample` patches into one, with zero rows below and zero columns right where needed."""

    def __init__(self, downsample: int):
        super().__init__()
        self.downsample = downsample

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """
        Args:
            features (`torch.Tensor` of shape `(tiles, h, w, D)`):
                Features on the patch grid.

        Returns:
            `torch.Tensor` of shape `(tiles, ceil(h / k) * ceil(w / k), k * k * D)`: tokens row by row; inside a
            token the row offset runs slowest, the channel fastest.
        """
        k = self.downsample
        height, width = features.shape[1:3]
        features = nn.functional.pad(features, (0, 0, 0, -width % k, 0, -height % k))
        blocks = features.unflatten(2, (-1, k)).unflatten(1, (-1, k))  # (tiles, h', k, w', k, D)
        return blocks.transpose(2, 3).flatten(3).flatten(1, 2)


class SR3DMultiModalProjector(nn.Module):
    """Turn tower features into image tokens; indices in `layers` are those of NVILA's checkpoints."""

    def __init__(self, config: SR3DConfig):
        super().__init__()
        k, vision_size = config.downsample, config.vision_config.hidden_size
        hidden_size = config.get_text_config().hidden_size
        layers: list[nn.Module] = [SR3DSpaceToDepth(k), nn.LayerNorm(k * k * vision_size)]
        width = k * k * vision_size
        # CODEPATH: `mlp_downsample_3x3_fix` is the projector of NVILA-Lite, `mlp_downsample` that of sr3d-tiny.
        if config.projector_type == "mlp_downsample_3x3_fix":
            layers += [nn.Linear(width, 3 * vision_size), nn.GELU(), nn.LayerNorm(3 * vision_size)]
            width = 3 * vision_size
        layers += [nn.Linear(width, hidden_size), nn.GELU(), nn.Linear(hidden_size, hidden_size)]
        self.layers = nn.ModuleList(layers)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Project features of shape `(tiles, h, w, D)` to tokens of shape `(tiles, image_tokens_per_tile, H)`."""
        for layer in self.layers:
            features = layer(features)
        return features


@auto_docstring
class SR3DPreTrainedModel(PreTrainedModel):
    config: SR3DConfig
    base_model_prefix = "model"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _skip_keys_device_placement = ["past_key_values"]

    _supports_flash_attn = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    @classmethod
    def is_custom_code(cls) -> bool:
        """
        Return `False`: `_init_weights` uses only guarded initialisers, so the library may initialise every module.
        Otherwise modules without parameters of their own keep uninitialised values when a checkpoint lacks them.
        """
        return False

    @torch.no_grad()
    def _init_weights(self, module: nn.Module):
        super()._init_weights(module)
        if isinstance(module, SR3DZeroInitLinear):
            init.zeros_(module.weight)
            init.zeros_(module.bias)


@auto_docstring(
    custom_intro="""
    The SR-3D model without a language modeling head: vision tower, 3D position encoding, projector, region extractor
    and language model.
    """
)
class SR3DModel(SR3DPreTrainedModel):
    def __init__(self, config: SR3DConfig):
        super().__init__(config)
        self.vision_tower = AutoModel.from_config(config.vision_config)
        # CODEPATH: off in the ablation arm without 3D position encoding; on in every published checkpoint.
        self.position_encoding = SR3DPositionEncoding(config) if config.use_position_encoding else None
        self.multi_modal_projector = SR3DMultiModalProjector(config)
        self.region_extractor = SR3DRegionExtractor(config)
        self.language_model = AutoModel.from_config(config.text_config)
        self.post_init()

    @merge_with_config_defaults
    @can_return_tuple
    @select_hidden_states("vision_feature_layer")
    @auto_docstring(custom_intro="Image tokens per tile, and per-tile sums of the features under each region mention.")
    def get_image_features(
        self,
        pixel_values: torch.Tensor,
        patch_points: torch.Tensor | None = None,
        patch_valid: torch.Tensor | None = None,
        metric_scale: torch.Tensor | None = None,
        region_coverage: torch.Tensor | None = None,
        region_descriptors: torch.Tensor | None = None,
        vision_feature_layer: int | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | SR3DImageFeatures:
        r"""
        pixel_values (`torch.Tensor` of shape `(tiles, 3, tile_size, tile_size)`):
            Normalised tiles of all samples, in the order of the image placeholders.
        patch_points (`torch.Tensor` of shape `(tiles, h, w, 3)`, *optional*):
            Mean point of each patch, canonical frame. Without it no 3D encoding is added.
        patch_valid (`torch.BoolTensor` of shape `(tiles, h, w)`, *optional*):
            Patches that have a measured point. Required with `patch_points`.
        metric_scale (`torch.Tensor` of shape `(tiles, 1)`, *optional*):
            Metres per canonical unit, 0 where unknown. Required with `patch_points`.
        region_coverage (`torch.Tensor` of shape `(tiles, mentions, h, w)`, *optional*):
            Share of each patch that each mentioned region covers, in the order of the region placeholders.
        region_descriptors (`torch.Tensor` of shape `(tiles, mentions, 13)`, *optional*):
            Geometry of each mentioned region. Required with `region_coverage` if `config.use_region_geometry`.
        vision_feature_layer (`int`, *optional*):
            Index into the hidden states of the vision tower. Defaults to the config's.
        """
        self._check_vision_inputs(
            pixel_values, patch_points, patch_valid, metric_scale, region_coverage, region_descriptors
        )
        outputs = self.vision_tower(pixel_values=pixel_values.to(self.dtype), return_dict=True, **kwargs)
        features = self._patch_grid(outputs.hidden_states[vision_feature_layer])
        if self.position_encoding is not None and patch_points is not None:
            encoding = self.position_encoding(patch_points, patch_valid, metric_scale)
            features = features + encoding.to(features.dtype)

        sums, weights = (None, None) if region_coverage is None else pool_regions(features, region_coverage)
        geometry = None
        # CODEPATH: off in the ablation arm without region geometry; on in every published checkpoint.
        if region_coverage is not None and self.config.use_region_geometry:
            geometry = expand_descriptors(
                region_descriptors, metric_scale, withhold_scale=not self.config.use_metric_scale
            )
        return SR3DImageFeatures(
            last_hidden_state=features.flatten(1, 2),
            pooler_output=self.multi_modal_projector(features),
            hidden_states=outputs.hidden_states,
            attentions=outputs.get("attentions"),  # convolutional towers have none
            region_sums=sums,
            region_weights=weights,
            region_geometry=geometry,
        )

    def _check_vision_inputs(
        self,
        pixel_values: torch.Tensor,
        patch_points: torch.Tensor | None,
        patch_valid: torch.Tensor | None,
        metric_scale: torch.Tensor | None,
        region_coverage: torch.Tensor | None,
        region_descriptors: torch.Tensor | None,
    ) -> None:
        """Raise `ValueError` where a vision input is missing or has another shape than `pixel_values` asks for."""
        tiles, side = pixel_values.shape[0], self.config.patches_per_side
        mentions = 0 if region_coverage is None else region_coverage.shape[1]
        expected = {
            "pixel_values": (pixel_values, (tiles, 3, self.config.tile_size, self.config.tile_size)),
            "patch_points": (patch_points, (tiles, side, side, 3)),
            "patch_valid": (patch_valid, (tiles, side, side)),
            "metric_scale": (metric_scale, (tiles, 1)),
            "region_coverage": (region_coverage, (tiles, mentions, side, side)),
            "region_descriptors": (region_descriptors, (tiles, mentions, REGION_DESCRIPTOR_SIZE)),
        }
        for name, (tensor, shape) in expected.items():
            if tensor is not None and tuple(tensor.shape) != shape:
                raise ValueError(
                    f"`{name}` must have shape {shape} for {tiles} tiles, got {tuple(tensor.shape)}. Pass the outputs "
                    "of the processor together, and slice or repeat all of them alike."
                )
        needed = {
            "patch_points": patch_points is None and (patch_valid is not None or metric_scale is not None),
            "patch_valid": patch_points is not None and patch_valid is None,
            "metric_scale": patch_points is not None and metric_scale is None,
            "region_descriptors": region_coverage is not None
            and self.config.use_region_geometry
            and region_descriptors is None,
        }
        for name, is_missing in needed.items():
            if is_missing:
                raise ValueError(
                    f"`{name}` is required with the vision inputs that were given, got None. Pass all outputs of the "
                    "processor together."
                )

    def _patch_grid(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Give `(tiles, h, w, D)` from `(tiles, prefix + h * w, D)` or a map `(tiles, D, h, w)`; refuse the rest."""
        side, prefix = self.config.patches_per_side, self.config.num_prefix_tokens
        if prefix == 0 and hidden_states.ndim == 4 and hidden_states.shape[2:] == (side, side):
            return hidden_states.permute(0, 2, 3, 1)
        if hidden_states.ndim != 3 or hidden_states.shape[1] != prefix + side * side:
            raise ValueError(
                f"The vision tower must return {prefix} prefix tokens and a {side}x{side} grid of patches, "
                f"(tiles, {prefix + side * side}, D), or without prefix a map (tiles, D, {side}, {side}), got "
                f"{tuple(hidden_states.shape)}. Set `num_prefix_tokens` to the tower's CLS and register tokens, "
                "or choose a tower with a square patch grid."
            )
        return hidden_states[:, prefix:].unflatten(1, (side, side))

    def get_placeholder_mask(
        self, input_ids: torch.LongTensor | None, inputs_embeds: torch.Tensor, token_id: int
    ) -> torch.Tensor:
        """
        Find the positions of a placeholder.

        Args:
            input_ids (`torch.LongTensor` of shape `(batch_size, sequence_length)` or `None`):
                Token ids; without them the embeddings are compared.
            inputs_embeds (`torch.Tensor` of shape `(batch_size, sequence_length, hidden_size)`):
                Token embeddings.
            token_id (`int`):
                Id of the placeholder.

        Returns:
            `torch.BoolTensor` of shape `(batch_size, sequence_length)`.
        """
        if input_ids is not None:
            return input_ids == token_id
        token = torch.full((), token_id, dtype=torch.long, device=inputs_embeds.device)
        return (inputs_embeds == self.get_input_embeddings()(token)).all(-1)

    def _region_tokens(
        self, image_outputs: SR3DImageFeatures, tiles_per_row: torch.Tensor, mentions_per_row: torch.Tensor
    ) -> torch.Tensor:
        """Add up the per-tile sums of each row and project: `(batch_size, mentions, hidden_size)`."""
        sums, weights, geometry = (
            image_outputs.region_sums,
            image_outputs.region_weights,
            image_outputs.region_geometry,
        )
        batch_size, (tiles, mentions) = tiles_per_row.shape[0], weights.shape
        torch_compilable_check(
            tiles_per_row.sum() == tiles,
            lambda: (
                f"The image tokens of each sample must fill whole tiles of {self.config.image_tokens_per_tile}, got "
                f"{tiles_per_row.tolist()} whole tiles for {tiles}. Text and images must come from one processor call."
            ),
        )
        rows = torch.arange(batch_size, device=sums.device)
        row_of_tile = torch.repeat_interleave(rows, tiles_per_row, output_size=tiles)
        row_sums = sums.new_zeros(batch_size, mentions, sums.shape[-1]).index_add(0, row_of_tile, sums)
        row_weights = weights.new_zeros(batch_size, mentions).index_add(0, row_of_tile, weights)
        is_mentioned = torch.arange(mentions, device=sums.device) < mentions_per_row[:, None]
        torch_compilable_check(
            (mentions_per_row.max() <= mentions) & ((row_weights > 0) == is_mentioned).all(),
            lambda: (
                f"The text mentions {mentions_per_row.tolist()} regions per sample, but `region_coverage` holds masks "
                f"for {(row_weights > 0).sum(1).tolist()} of {mentions}. Pass text and regions of the same samples."
            ),
        )
        if geometry is not None:
            # Every tile of a row carries the same geometry, so any tile of the row will do.
            row_geometry = geometry.new_zeros(batch_size, *geometry.shape[1:])
            geometry = row_geometry.index_copy(0, row_of_tile, geometry)
        return self.region_extractor(row_sums, row_weights, geometry)

    def _merge_image_tokens(
        self, inputs_embeds: torch.Tensor, image_mask: torch.Tensor, image_features: torch.Tensor
    ) -> torch.Tensor:
        """Put image tokens at their placeholders; refuse counts that differ."""
        tiles, per_tile = image_features.shape[:2]
        torch_compilable_check(
            image_mask.sum() == tiles * per_tile,
            lambda: (
                f"Image features and image tokens do not match, tokens: {int(image_mask.sum())}, features: "
                f"{tiles * per_tile} ({tiles} tiles of {per_tile}). Text and images must come from one processor call."
            ),
        )
        return inputs_embeds.masked_scatter(image_mask[..., None], image_features.to(inputs_embeds.dtype))

    def _merge_regions(
        self,
        inputs_embeds: torch.Tensor,
        region_mask: torch.Tensor,
        image_mask: torch.Tensor | None,
        image_outputs: SR3DImageFeatures | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Put region tokens at their placeholders and return them too; refuse placeholders without features."""
        if image_mask is None or image_outputs is None or image_outputs.region_sums is None:
            torch_compilable_check(
                ~region_mask.any(),
                "The text mentions regions but no region features came with it. Pass `region_coverage` with "
                "`pixel_values`; chunked prefill cannot carry regions, nor can an SR-3D model as an assistant, so "
                "switch these off.",
            )
            return inputs_embeds, None
        tiles_per_row = image_mask.sum(1) // self.config.image_tokens_per_tile
        region_features = self._region_tokens(image_outputs, tiles_per_row, region_mask.sum(1))
        return self._merge_region_tokens(inputs_embeds, region_mask, region_features), region_features

    @staticmethod
    def _merge_region_tokens(
        inputs_embeds: torch.Tensor, region_mask: torch.Tensor, region_features: torch.Tensor
    ) -> torch.Tensor:
        """Put the k-th region token of a row at its k-th placeholder."""
        mention = (region_mask.cumsum(1) - 1).clamp(0, region_features.shape[1] - 1)
        index = mention[..., None].expand(-1, -1, region_features.shape[-1])
        merged = region_features.to(inputs_embeds.dtype).gather(1, index)
        return torch.where(region_mask[..., None], merged, inputs_embeds)

    @can_return_tuple
    @auto_docstring
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        pixel_values: torch.Tensor | None = None,
        patch_points: torch.Tensor | None = None,
        patch_valid: torch.Tensor | None = None,
        metric_scale: torch.Tensor | None = None,
        region_coverage: torch.Tensor | None = None,
        region_descriptors: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        vision_feature_layer: int | None = None,
        mm_encoder_outputs: dict[str, SR3DImageFeatures] | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | SR3DModelOutputWithPast:
        r"""
        patch_points (`torch.Tensor` of shape `(tiles, h, w, 3)`, *optional*):
            Mean point of each patch, canonical frame.
        patch_valid (`torch.BoolTensor` of shape `(tiles, h, w)`, *optional*):
            Patches that have a measured point.
        metric_scale (`torch.Tensor` of shape `(tiles, 1)`, *optional*):
            Metres per canonical unit, 0 where unknown.
        region_coverage (`torch.Tensor` of shape `(tiles, mentions, h, w)`, *optional*):
            Share of each patch that each mentioned region covers.
        region_descriptors (`torch.Tensor` of shape `(tiles, mentions, 13)`, *optional*):
            Geometry of each mentioned region.
        """
        if (input_ids is None) ^ (inputs_embeds is not None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        if pixel_values is not None and mm_encoder_outputs is not None:
            raise ValueError("You cannot specify both pixel_values and mm_encoder_outputs at the same time")

        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        image_outputs = None if mm_encoder_outputs is None else mm_encoder_outputs.get("image")
        if pixel_values is not None:
            image_outputs = self.get_image_features(
                pixel_values=pixel_values,
                patch_points=patch_points,
                patch_valid=patch_valid,
                metric_scale=metric_scale,
                region_coverage=region_coverage,
                region_descriptors=region_descriptors,
                vision_feature_layer=vision_feature_layer,
                return_dict=True,
            )

        region_mask = self.get_placeholder_mask(input_ids, inputs_embeds, self.config.region_token_id)
        image_mask = image_features = None
        if image_outputs is not None:
            image_mask = self.get_placeholder_mask(input_ids, inputs_embeds, self.config.image_token_id)
            image_features = image_outputs.pooler_output.to(inputs_embeds.device)
            inputs_embeds = self._merge_image_tokens(inputs_embeds, image_mask, image_features)
        inputs_embeds, region_features = self._merge_regions(inputs_embeds, region_mask, image_mask, image_outputs)

        outputs = self.language_model(
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )
        return SR3DModelOutputWithPast(
            last_hidden_state=outputs.last_hidden_state,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            image_hidden_states=image_features,
            region_hidden_states=region_features,
        )


@auto_docstring(
    custom_intro="""
    The SR-3D model with a language modeling head: answers questions about regions of images and posed scenes.
    """
)
class SR3DForConditionalGeneration(SR3DPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}
    _tp_plan = {"lm_head": "colwise_gather_output"}
    _fsdp_plan = {"lm_head": "keep_full_weight"}

    def __init__(self, config: SR3DConfig):
        super().__init__(config)
        text_config = config.get_text_config()
        self.model = SR3DModel(config)
        self.lm_head = nn.Linear(text_config.hidden_size, text_config.vocab_size, bias=False)
        self.post_init()
        # A placeholder in an answer means nothing, and prompt lookup would copy them out of the prompt.
        self.generation_config.suppress_tokens = [config.image_token_id, config.region_token_id]

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    @auto_docstring
    def get_image_features(
        self,
        pixel_values: torch.Tensor,
        patch_points: torch.Tensor | None = None,
        patch_valid: torch.Tensor | None = None,
        metric_scale: torch.Tensor | None = None,
        region_coverage: torch.Tensor | None = None,
        region_descriptors: torch.Tensor | None = None,
        vision_feature_layer: int | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | SR3DImageFeatures:
        r"""
        patch_points (`torch.Tensor` of shape `(tiles, h, w, 3)`, *optional*):
            Mean point of each patch, canonical frame.
        patch_valid (`torch.BoolTensor` of shape `(tiles, h, w)`, *optional*):
            Patches that have a measured point.
        metric_scale (`torch.Tensor` of shape `(tiles, 1)`, *optional*):
            Metres per canonical unit, 0 where unknown.
        region_coverage (`torch.Tensor` of shape `(tiles, mentions, h, w)`, *optional*):
            Share of each patch that each mentioned region covers.
        region_descriptors (`torch.Tensor` of shape `(tiles, mentions, 13)`, *optional*):
            Geometry of each mentioned region.
        """
        return self.model.get_image_features(
            pixel_values=pixel_values,
            patch_points=patch_points,
            patch_valid=patch_valid,
            metric_scale=metric_scale,
            region_coverage=region_coverage,
            region_descriptors=region_descriptors,
            vision_feature_layer=vision_feature_layer,
            **kwargs,
        )

    @can_return_tuple
    @auto_docstring
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        pixel_values: torch.Tensor | None = None,
        patch_points: torch.Tensor | None = None,
        patch_valid: torch.Tensor | None = None,
        metric_scale: torch.Tensor | None = None,
        region_coverage: torch.Tensor | None = None,
        region_descriptors: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        vision_feature_layer: int | None = None,
        labels: torch.LongTensor | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        mm_encoder_outputs: dict[str, SR3DImageFeatures] | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | SR3DCausalLMOutputWithPast:
        r"""
        patch_points (`torch.Tensor` of shape `(tiles, h, w, 3)`, *optional*):
            Mean point of each patch, canonical frame.
        patch_valid (`torch.BoolTensor` of shape `(tiles, h, w)`, *optional*):
            Patches that have a measured point.
        metric_scale (`torch.Tensor` of shape `(tiles, 1)`, *optional*):
            Metres per canonical unit, 0 where unknown.
        region_coverage (`torch.Tensor` of shape `(tiles, mentions, h, w)`, *optional*):
            Share of each patch that each mentioned region covers.
        region_descriptors (`torch.Tensor` of shape `(tiles, mentions, 13)`, *optional*):
            Geometry of each mentioned region.

        Example:
        ```python
        >>> from transformers import AutoModelForImageTextToText, AutoProcessor

        >>> model = AutoModelForImageTextToText.from_pretrained("checkpoints/sr3d-tiny", trust_remote_code=True)
        >>> processor = AutoProcessor.from_pretrained("checkpoints/sr3d-tiny", trust_remote_code=True)

        >>> inputs = processor(
        ...     text="<image>How wide is <region0>?",
        ...     images="color.png",
        ...     depths="depth_mm.png",
        ...     depth_unit="mm",
        ...     intrinsics={"fx": 561.4, "fy": 531.9, "cx": 317.8, "cy": 239.2},
        ...     regions=[{"box_xyxy": [135, 154, 284, 203]}],
        ...     return_tensors="pt",
        ... )
        >>> answer = model.generate(**inputs, max_new_tokens=32)
        ```
        """
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            patch_points=patch_points,
            patch_valid=patch_valid,
            metric_scale=metric_scale,
            region_coverage=region_coverage,
            region_descriptors=region_descriptors,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            vision_feature_layer=vision_feature_layer,
            mm_encoder_outputs=mm_encoder_outputs,
            **kwargs,
        )

        logits = self.lm_head(slice_logits_to_keep(outputs.last_hidden_state, logits_to_keep))
        loss = None
        if labels is not None:
            vocab_size = self.config.get_text_config().vocab_size
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=vocab_size, **kwargs)

        return SR3DCausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            image_hidden_states=outputs.image_hidden_states,
            region_hidden_states=outputs.region_hidden_states,
        )

    def _expand_multimodal_outputs(
        self,
        input_ids: torch.LongTensor | None,
        mm_encoder_output: dict[str, SR3DImageFeatures],
        expand_size: int = 1,
        inputs_embeds: torch.Tensor | None = None,
    ) -> dict[str, SR3DImageFeatures]:
        """Repeat each sample's tiles for beams and returned sequences: [A, B] becomes [A, A, B, B], groups whole."""
        image_outputs = mm_encoder_output.get("image")
        if image_outputs is not None and image_outputs.region_sums is not None:
            if inputs_embeds is None:
                inputs_embeds = self.get_input_embeddings()(input_ids)
            ids = None if input_ids is None or input_ids.numel() == 0 else input_ids
            image_mask = self.model.get_placeholder_mask(ids, inputs_embeds, self.config.image_token_id)
            tiles_per_row = (image_mask.sum(1) // self.config.image_tokens_per_tile).tolist()
            groups = [
                torch.arange(end - tiles, end).repeat(expand_size)
                for tiles, end in zip(tiles_per_row, accumulate(tiles_per_row), strict=True)
            ]
            order = torch.cat(groups).to(image_outputs.region_sums.device)
            image_outputs.region_sums = image_outputs.region_sums[order]
            image_outputs.region_weights = image_outputs.region_weights[order]
            if image_outputs.region_geometry is not None:
                image_outputs.region_geometry = image_outputs.region_geometry[order]
        return super()._expand_multimodal_outputs(input_ids, mm_encoder_output, expand_size, inputs_embeds)


__all__ = ["SR3DForConditionalGeneration", "SR3DModel", "SR3DPreTrainedModel"]
