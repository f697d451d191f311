# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth of one image: what every estimator gives, and how any depth model of Transformers is one.

What a prediction means is never guessed from its numbers:

    Depth Anything   `depth_estimation_type` of its config: "metric" is metres, "relative" is disparity up to an
                     unknown scale and shift
    DepthPro         metres, by the given focal length or by the one that it estimates
    ZoeDepth         metres
    any other        as the caller says in `depth_kind`: the same architecture is trained for either

Predictions are brought to the size of the image here and not by the image processors, whose code for that needs
torchvision for some models; the arithmetic is theirs, and tests compare the two. One thing is different: where a DPT
processor pads the image, the padding is cut off again.

May import: NumPy, torch, PIL, Transformers and siblings.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image

from transformers_sr3d.depth_files_sr3d import DEPTH_KINDS
from transformers_sr3d.estimators.checkpoints import checkpoint_identity
from transformers_sr3d.estimators.depth_pro import depth_pro_focal_px, depth_pro_metres, depth_pro_pixels
from transformers_sr3d.estimators.licences import Licence, announce, find_licence


ZOE_PADDING = 3  # pixels per square root of half a side, as the image processor of ZoeDepth adds


@dataclass(frozen=True)
class DepthEstimate:
    """Depth of one image as an estimator sees it.

    Attributes:
        depth (`np.ndarray` of shape `(H, W)`):
            float32, of the size of the image: metres, a relative depth or a disparity; 0 where nothing is known.
        kind (`str`): `"metric"`, `"relative"` or `"disparity"`.
        focal_px (`float`, *optional*): Horizontal focal length that the estimator found by itself, in pixels.
    """

    depth: np.ndarray
    kind: str
    focal_px: float | None = None


class DepthEstimator(Protocol):
    """Whatever turns one image into depth.

    Attributes:
        name (`str`): For people.
        identity (`str`): Name and exact weights.
        licence (`Licence`): Of the weights.
        kind (`str`): `"metric"`, `"relative"` or `"disparity"`: kind of every estimate.
        finds_focal (`bool`): Whether estimates come with a focal length.
    """

    name: str
    identity: str
    licence: Licence
    kind: str
    finds_focal: bool

    def estimate(self, image: Image.Image, focal_px: float | None) -> DepthEstimate:
        """Estimate the depth of one image.

        Args:
            image (`PIL.Image.Image`):
                RGB.
            focal_px (`float`, *optional*):
                Horizontal focal length if it is known, in pixels.

        Returns:
            `DepthEstimate`: Of the size of the image.
        """
        ...


class TransformersDepth:
    """Any depth estimation model of Transformers. Weights are loaded with the first image.

    Args:
        model (`str`):
            Folder, or repository on the Hub.
        depth_kind (`str`, *optional*):
            `"metric"`, `"relative"` or `"disparity"`: what predictions are, where the checkpoint does not tell.
        revision (`str`, *optional*):
            Of the repository.
        device (`str`, *optional*):
            For example `"cpu"` or `"cuda:0"`; an accelerator if there is one.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If it is no depth model, or what it predicts is not known or contradicts `depth_kind`.
    """

    def __init__(
        self, model: str, *, depth_kind: str | None = None, revision: str | None = None, device: str | None = None
    ) -> None:
        from transformers import AutoConfig
        from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES

        self.name = model
        self.revision = revision
        self.device = device
        self.identity = checkpoint_identity(model, revision)
        self.licence = find_licence(model, revision)
        self.config = AutoConfig.from_pretrained(model, revision=revision)
        if self.config.model_type not in MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES:
            raise ValueError(
                f"`model` must be a depth estimation model of Transformers, "
                f"{', '.join(MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES)}, got {model} of type "
                f"{self.config.model_type!r}. Choose another checkpoint."
            )
        self.kind = _kind(self.config, depth_kind, model)
        self.finds_focal = self.config.model_type == "depth_pro" and self.config.use_fov_model
        self._loaded: tuple[Any, Any] | None = None

    def estimate(self, image: Image.Image, focal_px: float | None = None) -> DepthEstimate:
        """Estimate the depth of one image.

        Args:
            image (`PIL.Image.Image`):
                RGB.
            focal_px (`float`, *optional*):
                Horizontal focal length if it is known, in pixels; only DepthPro needs it, for its metres.

        Returns:
            `DepthEstimate`: Of the size of the image.

        Raises:
            ValueError: If metres need a focal length and none is known.
        """
        network, processor = self._load()
        size_hw = (image.height, image.width)
        is_depth_pro = self.config.model_type == "depth_pro"
        if is_depth_pro:
            pixels = {"pixel_values": depth_pro_pixels(image, processor)}
        else:
            pixels = processor(images=image, return_tensors="pt")
        with torch.inference_mode():
            outputs = network(**{name: value.to(network.device) for name, value in pixels.items()})
        predicted = outputs.predicted_depth.float().cpu()
        if not is_depth_pro:
            padded_hw = _padded_size(processor, self.config.model_type, size_hw)
            return DepthEstimate(_to_size(predicted, size_hw, padded_hw), self.kind)
        own_focal_px = depth_pro_focal_px(outputs.field_of_view, image.width)
        focal = focal_px if focal_px is not None else own_focal_px
        if focal is None:
            raise ValueError(
                f"`focal_px` must be given for {self.name}, which has no model of the field of view, got None: its "
                "metres are proportional to the focal length. State `horizontal_fov_deg`."
            )
        return DepthEstimate(depth_pro_metres(predicted, size_hw, focal), self.kind, own_focal_px)

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoImageProcessor, AutoModelForDepthEstimation
            from transformers.image_processing_base import ImageProcessingMixin

            announce(self.licence)
            device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
            network = AutoModelForDepthEstimation.from_pretrained(
                self.name, revision=self.revision, dtype=torch.float32
            )
            if self.config.model_type == "depth_pro":  # its processor needs torchvision
                processor, _ = ImageProcessingMixin.get_image_processor_dict(self.name, revision=self.revision)
            else:
                processor = AutoImageProcessor.from_pretrained(self.name, revision=self.revision)
            self._loaded = (network.to(device).eval(), processor)
        return self._loaded


def _kind(config: Any, said: str | None, model: str) -> str:
    """What predictions of a checkpoint are, by its config, or as the caller says."""
    if said is not None and said not in DEPTH_KINDS:
        raise ValueError(f"`depth_kind` must be one of {DEPTH_KINDS}, got {said!r}. Choose one of these words.")
    known = {"depth_pro": "metric", "zoedepth": "metric"}.get(config.model_type)
    if config.model_type == "depth_anything":
        known = {"metric": "metric", "relative": "disparity"}[config.depth_estimation_type]
    if known is None and said is None:
        raise ValueError(
            f"`depth_kind` must be one of {DEPTH_KINDS} for {model}, got None: a model of type {config.model_type!r} "
            'predicts metres or disparity, and its config does not tell. Read its model card; MiDaS and most "dpt" '
            "checkpoints predict disparity, those for NYU and KITTI metres."
        )
    if known is not None and said is not None and known != said:
        raise ValueError(
            f"`depth_kind` must be {known!r} for {model}, as its config tells, got {said!r}. Leave it out."
        )
    return known or str(said)


def _padded_size(processor: Any, model_type: str, size_hw: tuple[int, int]) -> tuple[int, int]:
    """Size of the image once its processor has padded it on all sides, if it does so before any resizing."""
    height, width = size_hw
    if model_type == "zoedepth" and processor.do_pad:
        return height + 2 * int(np.sqrt(height / 2) * ZOE_PADDING), width + 2 * int(np.sqrt(width / 2) * ZOE_PADDING)
    if model_type == "dpt" and processor.do_pad and processor.size_divisor and not processor.do_resize:
        # The processor forgets to cut this padding off again, and would stretch the prediction by up to a patch.
        divisor = processor.size_divisor
        return -(-height // divisor) * divisor, -(-width // divisor) * divisor
    return size_hw


def _to_size(predicted: torch.Tensor, size_hw: tuple[int, int], padded_hw: tuple[int, int]) -> np.ndarray:
    """Resize a `(1, h, w)` prediction of the padded image, and cut the padding off."""
    resized = torch.nn.functional.interpolate(predicted[:, None], size=padded_hw, mode="bicubic", align_corners=False)
    top, left = ((padded - size) // 2 for padded, size in zip(padded_hw, size_hw, strict=True))
    # Bicubic weights overshoot at edges; what falls below zero there is no depth.
    return resized[0, 0, top : top + size_hw[0], left : left + size_hw[1]].clamp(min=0).numpy()
