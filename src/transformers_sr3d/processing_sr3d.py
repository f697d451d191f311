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
"""Stages 0 to 2 of 5, the assembler of the data side: text + views + regions -> model inputs.

    prepare_views, read_regions     0  files, depth, cameras, marks  -> views in a z-up world, one mask per view
    encode_sample                   1  points of views and regions   -> canonical frame, region geometry
      image_processor               2  images, points, masks         -> tiles on one grid
    expand_placeholders, tokenizer  0  text                          -> token ids, mentioned regions
    gather_samples                  2  samples, mentions             -> tile-major tensors of the batch

Everything that does not depend on the text is done once per sample by `encode_views`; `batch_encoded` joins encoded
samples with texts, so that many questions about a scene share its preprocessing. The price is that samples are encoded
one after the other, never as a batch.

This file is copied to the Hub next to the weights: it imports transformers and sibling `*_sr3d` files only.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from transformers import BatchFeature, PreTrainedTokenizerBase
from transformers.image_utils import ImageInput
from transformers.processing_utils import MultiModalData, ProcessorMixin
from transformers.tokenization_utils_base import TextInput
from transformers.utils import auto_docstring

from .batching_sr3d import VISION_INPUT_NAMES, SR3DBatchFeature, gather_provenance, gather_samples, mentioned_regions
from .camera_inputs_sr3d import prepare_views
from .chat_sr3d import (
    SR3D_CHAT_TEMPLATE,
    check_conversation,
    check_mentions,
    conversation_inputs,
    expand_placeholders,
)
from .image_processing_sr3d import SR3DImageProcessor
from .region_prompts_sr3d import read_regions
from .sample_arguments_sr3d import check_image_counts, check_keywords, group_images, split_arguments
from .sample_encoding_sr3d import encode_sample


@auto_docstring(custom_intro="Turns text, views, depth, cameras and regions into the inputs of an SR-3D model.")
class SR3DProcessor(ProcessorMixin):
    skip_tensor_conversion = [*ProcessorMixin.skip_tensor_conversion, "provenance"]
    image_token = "<image>"
    region_token = "<region>"

    def __init__(
        self,
        image_processor: SR3DImageProcessor,
        tokenizer: PreTrainedTokenizerBase,
        chat_template: str | dict[str, str] | None = None,
        downsample: int = 3,
        max_tiles_per_view: int = 1,
        keep_dominant_cluster: bool = True,
    ):
        r"""
        max_tiles_per_view (`int`, *optional*, defaults to 1):
            Most tiles per image where a sample has several images.
        downsample (`int`, *optional*, defaults to 3):
            Patches along one side of an image token.
        keep_dominant_cluster (`bool`, *optional*, defaults to `True`):
            Whether boxes, polygons and points keep only the largest group of pixels at similar depth.
        """
        super().__init__(image_processor, tokenizer, chat_template=chat_template or SR3D_CHAT_TEMPLATE)
        self.downsample = downsample
        self.max_tiles_per_view = max_tiles_per_view
        self.keep_dominant_cluster = keep_dominant_cluster
        vocabulary = tokenizer.get_vocab()
        for token in (self.image_token, self.region_token):
            if token not in vocabulary:
                raise ValueError(
                    f"`tokenizer` must hold the token {token}, got {len(vocabulary)} tokens without it. Add it with "
                    f'`tokenizer.add_special_tokens({{"additional_special_tokens": ["{token}"]}})`.'
                )
        self.image_token_id, self.region_token_id = vocabulary[self.image_token], vocabulary[self.region_token]

    @classmethod
    def from_config(cls, config: Any, tokenizer: PreTrainedTokenizerBase) -> "SR3DProcessor":
        """Make the processor that fits a model.

        Args:
            config (`SR3DConfig`):
                Gives the sizes of tile, patch and image token, and the limits on tiles.
            tokenizer (`PreTrainedTokenizerBase`):
                Tokenizer of the model.

        Raises:
            ValueError: If the ids of the placeholders differ between config and tokenizer.
        """
        image_processor = SR3DImageProcessor(
            size={"height": config.tile_size, "width": config.tile_size},
            patch_size=config.patch_size,
            min_tiles=config.min_tiles,
            max_tiles=config.max_tiles,
            tile_then_stitch=config.tile_then_stitch,
        )
        processor = cls(
            image_processor, tokenizer, downsample=config.downsample, max_tiles_per_view=config.max_tiles_per_view
        )
        ids = (processor.image_token_id, processor.region_token_id)
        expected = (config.image_token_id, config.region_token_id)
        if ids != expected:
            raise ValueError(
                f"`tokenizer` must give <image> and <region> the ids of the config, {expected}, got {ids}. "
                "Set `image_token_id` and `region_token_id` of the config to the tokenizer's."
            )
        return processor

    @property
    def image_tokens_per_tile(self) -> int:
        """Number of tokens that one tile occupies in the text."""
        return self._tokens_per_tile(self.image_processor.size["height"] // self.image_processor.patch_size)

    @property
    def model_input_names(self) -> list[str]:
        """Names of all inputs that a batch can hold; those of depth and regions are absent where not given."""
        return [*self.tokenizer.model_input_names, *VISION_INPUT_NAMES]

    @auto_docstring(custom_intro="Prepare a batch of texts with their views and regions.")
    def __call__(  # noqa: PLR0913, the contract names every argument; a bundle would only hide them
        self,
        images: ImageInput | None = None,
        text: TextInput | list[TextInput] | None = None,
        *,
        regions: list | None = None,
        depths: Any = None,
        depth_unit: str | list | None = None,
        depth_scale: float | list | None = None,
        depth_kind: str | list | None = None,
        intrinsics: Any = None,
        depth_intrinsics: Any = None,
        depth_field_of_view: str | list | None = None,
        horizontal_fov_deg: float | list | None = None,
        camera_to_world: Any = None,
        world_to_camera: Any = None,
        camera_axes: str | list | None = None,
        world_up: str | list | None = None,
        world_unit: str | list | None = None,
        gravity_camera: Any = None,
        return_provenance: bool | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        r"""
        return_provenance (`bool`, *optional*):
            Whether to return `provenance`: what the geometry of each text rests on, what of each region is measured.
        regions (`list[dict]` or `list[list[dict]]`, *optional*):
            Regions of a sample, for all texts or one list per text; see `read_regions`.
        depths (`Any`, *optional*):
            Depth maps, one per image, flat or nested, `None` for an image without.
        depth_unit (`str` or `list`, *optional*):
            Unit of integer depth, for all texts or one per text.
        depth_scale (`float` or `list`, *optional*):
            Metres per unit of integer depth, instead of `depth_unit`.
        depth_kind (`str` or `list`, *optional*):
            `"metric"` (default), `"relative"` or `"disparity"`.
        intrinsics (`Any`, *optional*):
            3x3 in pixels of the image; one for all images, or one per image, flat or nested.
        depth_intrinsics (`Any`, *optional*):
            3x3 in pixels of the depth map, where it differs from `intrinsics`.
        depth_field_of_view (`str` or `list`, *optional*):
            `"same"`: a depth map of another size shows what its image shows.
        horizontal_fov_deg (`float` or `list`, *optional*):
            Degrees across the image, instead of `intrinsics`.
        camera_to_world (`Any`, *optional*):
            Rigid 4x4 poses in metres, one per image, flat or nested.
        world_to_camera (`Any`, *optional*):
            The inverse direction, instead.
        camera_axes (`str` or `list`, *optional*):
            `"opencv"` (default) or `"opengl"`.
        world_up (`str` or `list`, *optional*):
            Axis of the world that points up; required with poses.
        world_unit (`str` or `list`, *optional*):
            Unit of the poses: `"m"` (default), or `"unknown"` for a reconstruction with depth in the same unit.
        gravity_camera (`Any`, *optional*):
            Downward direction in the camera frame, for one view without pose.

        Returns:
            `BatchFeature`: `input_ids`, `attention_mask` and, where given, `pixel_values` `(tiles, 3, S, S)`,
            `patch_points` `(tiles, h, w, 3)`, `patch_valid` `(tiles, h, w)`, `metric_scale` `(tiles, 1)`,
            `region_coverage` `(tiles, mentions, h, w)`, `region_descriptors` `(tiles, mentions, 13)`.

        Raises:
            TypeError, ValueError: If an argument is wrong, counts disagree, or truncation would cut placeholders.
        """
        images, text, _, _ = self.prepare_inputs_layout(images=images, text=text)
        self.validate_inputs(images=images, text=text)
        merged = self._merge_checked(kwargs)

        groups = group_images(images, None if text is None else [sample.count(self.image_token) for sample in text])
        arguments = {
            "regions": regions,
            "depths": depths,
            "depth_unit": depth_unit,
            "depth_scale": depth_scale,
            "depth_kind": depth_kind,
            "intrinsics": intrinsics,
            "depth_intrinsics": depth_intrinsics,
            "depth_field_of_view": depth_field_of_view,
            "horizontal_fov_deg": horizontal_fov_deg,
            "camera_to_world": camera_to_world,
            "world_to_camera": world_to_camera,
            "camera_axes": camera_axes,
            "world_up": world_up,
            "world_unit": world_unit,
            "gravity_camera": gravity_camera,
        }
        samples = split_arguments(arguments, [len(group) for group in groups])
        encoded = [
            self.encode_views(group, images_kwargs=merged["images_kwargs"], **sample) if group else None
            for group, sample in zip(groups, samples, strict=True)
        ]
        return self._join(text, encoded, merged, return_provenance=bool(return_provenance))

    def encode_views(
        self,
        images: Any,
        *,
        regions: list[dict] | None = None,
        images_kwargs: dict | None = None,
        **view_arguments: Any,
    ) -> dict[str, Any]:
        """Encode everything about one sample that does not depend on the text.

        Args:
            images (`Any`):
                One image or a list with one per view.
            regions (`list[dict]`, *optional*):
                Regions; see `read_regions`.
            images_kwargs (`dict`, *optional*):
                Settings of the image processor for this call. `max_tiles` cannot raise the limit of several views.
            **view_arguments:
                Depth, cameras and conventions; see `prepare_views`.

        Returns:
            `dict`: `pixel_values` `(T, 3, S, S)`, `num_tiles` (a list, one entry per image), `patch_points`
            `(T, h, w, 3)` in the canonical frame and `patch_valid` `(T, h, w)`, zero and false without depth,
            `metric_scale` (metres per canonical unit, 0.0 if unknown), `region_numbers`, `region_coverage`
            `(T, R, h, w)`, `region_descriptors` `(R, 13)` and `provenance`.
        """
        views = prepare_views(images, **view_arguments)
        regions = [] if regions is None else regions
        marked = read_regions(regions, views, keep_dominant_cluster=self.keep_dominant_cluster)
        settings = self._limit_tiles(images_kwargs or {}, len(views["images"]))
        cut_into_tiles = partial(self.image_processor, **{**settings, "return_tensors": "pt"})
        patch_size = settings.get("patch_size", self.image_processor.patch_size)
        return encode_sample(views, marked, cut_into_tiles, patch_size)

    def batch_encoded(
        self, text: str | list[str], encoded: Sequence[dict | None], *, return_provenance: bool = False, **kwargs: Any
    ) -> BatchFeature:
        """Join texts with encoded samples.

        Args:
            text (`str` or `list[str]`):
                Texts with `<image>` for each image of their sample and `<regionK>` for each mention.
            encoded (`Sequence[dict | None]`):
                What `encode_views` returned for each text, `None` for a text without images.
            return_provenance (`bool`, *optional*, defaults to `False`):
                Whether to return `provenance`, a list with one dictionary per text.
            **kwargs:
                What the tokenizer takes (`padding`, `padding_side`, `return_tensors`, `max_length`, ...).

        Returns:
            `BatchFeature`: What calling the processor returns.

        Raises:
            ValueError: If the numbers of texts, samples and images disagree, or as for a call.
        """
        text = [text] if isinstance(text, str) else list(text)
        encoded = [encoded] if isinstance(encoded, dict) else list(encoded)
        self.validate_inputs(text=text)
        return self._join(text, encoded, self._merge_checked(kwargs), return_provenance=return_provenance)

    def prepare_inputs_layout(
        self, images: ImageInput | None = None, text: Any = None, videos: None = None, audio: None = None, **kwargs
    ) -> tuple:
        """Put a single text into a list; images are opened later, with their depth."""
        text = [text] if isinstance(text, str) else text
        return images, text if text is None else list(text), videos, audio

    def validate_inputs(self, images: ImageInput | None = None, text: Any = None, **kwargs) -> None:
        """Check that there is something to process, and that texts are texts that mention regions correctly."""
        if images is None and text is None:
            raise ValueError("`images` or `text` must be given, got neither. Pass at least one of them.")
        for index, sample in enumerate(text or []):
            if not isinstance(sample, str):
                raise TypeError(f"`text[{index}]` must be a string, got {type(sample).__name__}. Pass `str` objects.")
            check_mentions(sample, f"text[{index}]")

    def replace_image_token(self, image_inputs: dict, image_idx: int, **kwargs) -> str:
        """Write the tokens of one image of an encoded sample: those of each tile, followed by a line break."""
        tokens = self._tokens_per_tile(image_inputs["patch_valid"].shape[-1])
        return (self.image_token * tokens + "\n") * image_inputs["num_tiles"][image_idx]

    def get_text_with_replacements(
        self, text: list[str], images_replacements: Sequence[str] = (), *args: Any
    ) -> tuple[list[str], list[list[dict]]]:
        """Replace `<image>` and `<regionK>` in a batch of texts; see `expand_placeholders`."""
        replacements = iter(images_replacements)
        expanded = [expand_placeholders(sample, replacements, self.region_token) for sample in text]
        return [sample for sample, _ in expanded], [offsets for _, offsets in expanded]

    def _merge_checked(self, kwargs: dict) -> dict[str, dict]:
        """Sort keywords by the component that takes them; one that nobody takes is an error, not a warning."""
        check_keywords(kwargs, self.valid_processor_kwargs, self.image_processor.valid_kwargs)
        return self._merge_kwargs(tokenizer_init_kwargs=self.tokenizer.init_kwargs, **kwargs)

    def _tokens_per_tile(self, patches_per_side: int) -> int:
        return (-(-patches_per_side // self.downsample)) ** 2

    def _limit_tiles(self, settings: dict, num_images: int) -> dict:
        """Several views share the length of the text: each is cut into `max_tiles_per_view` tiles at most."""
        if num_images < 2:
            return dict(settings)
        max_tiles = min(self.max_tiles_per_view, settings.get("max_tiles", self.max_tiles_per_view))
        min_tiles = min(max_tiles, settings.get("min_tiles", self.image_processor.min_tiles))
        return {**settings, "max_tiles": max_tiles, "min_tiles": min_tiles}

    def _join(
        self, text: list[str] | None, encoded: Sequence[dict | None], merged: dict, *, return_provenance: bool
    ) -> BatchFeature:
        """Tokenise texts and gather what they mention; `merged` is what `_merge_kwargs` returned."""
        return_tensors = merged["images_kwargs" if text is None else "text_kwargs"].get("return_tensors")
        inputs, mentions = ({}, [[] for _ in encoded]) if text is None else self._tokenize(text, encoded, merged)
        vision = gather_samples(encoded, mentions)
        data = {**inputs, **({name: list(v) for name, v in vision.items()} if return_tensors is None else vision)}
        if return_provenance:
            data["provenance"] = gather_provenance(encoded, mentions)
        return SR3DBatchFeature(data, tensor_type=return_tensors, skip_tensor_conversion=self.skip_tensor_conversion)

    def _tokenize(
        self, text: list[str], encoded: Sequence[dict | None], merged: dict
    ) -> tuple[dict[str, Any], list[list[int]]]:
        """Return the tokenizer's output, and for each text the indices of the regions that it mentions."""
        num_images = [0 if sample is None else len(sample["num_tiles"]) for sample in encoded]
        check_image_counts([sample.count(self.image_token) for sample in text], num_images, name="encoded")
        images = [self.replace_image_token(s, i) for s in encoded if s is not None for i in range(len(s["num_tiles"]))]
        expanded, offsets = self.get_text_with_replacements(text, images)
        mentions = mentioned_regions(encoded, offsets)
        text_kwargs = dict(merged["text_kwargs"])
        names = ("return_mm_token_type_ids", "return_text_replacement_offsets")
        with_types, with_offsets = (text_kwargs.pop(name, merged[name]) for name in names)
        inputs = dict(self.tokenizer(expanded, **text_kwargs))
        self._check_special_mm_tokens(expanded, inputs, modalities=["image", "region"])
        if with_types:
            inputs["mm_token_type_ids"] = self.create_mm_token_type_ids(inputs["input_ids"])
        if with_offsets:
            inputs["text_replacement_offsets"] = offsets
        return inputs, mentions

    def _check_special_mm_tokens(self, text: list[str], text_inputs: dict, modalities: list[str]) -> None:
        """Every placeholder of the expanded text must still be there after tokenising."""
        placeholders = ((self.image_token, self.image_token_id), (self.region_token, self.region_token_id))
        for token, token_id in placeholders:
            expected = [sample.count(token) for sample in text]
            found = [int((np.asarray(ids) == token_id).sum()) for ids in text_inputs["input_ids"]]
            if expected != found:
                raise ValueError(
                    f"`max_length` must leave room for all {token} tokens, {expected} in the texts, but {found} are "
                    "left after truncation. Raise `max_length`, switch `truncation` off, or lower `max_tiles`."
                )

    def _get_num_multimodal_tokens(
        self, image_sizes: Sequence[tuple[int, int]] | None = None, **kwargs: Any
    ) -> MultiModalData:
        """Count tokens and tiles of the images of one sample, each size as (height, width)."""
        if image_sizes is None:
            return MultiModalData()
        settings = self._limit_tiles(self._merge_kwargs(**kwargs)["images_kwargs"], len(image_sizes))
        tiles = [self.image_processor.get_number_of_image_patches(*size, settings) for size in image_sizes]
        tokens = [self.image_tokens_per_tile * count for count in tiles]
        return MultiModalData(num_image_tokens=tokens, num_image_patches=tiles)

    def _normalize_conversations(self, conversation: list) -> tuple[list, bool]:
        conversations, is_batched = super()._normalize_conversations(conversation)
        added = self.tokenizer.added_tokens_decoder.values()
        special = {*self.tokenizer.all_special_tokens, *(token.content for token in added if token.special)}
        return [check_conversation(messages, sorted(special)) for messages in conversations], is_batched

    def _multimodal_inputs_from_conversations(self, conversations: list, *args: Any) -> tuple[list, list, list, dict]:
        images, arguments = conversation_inputs(conversations)
        return images, [[] for _ in conversations], [], arguments


__all__ = ["SR3DProcessor"]
