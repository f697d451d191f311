# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Configuration + seed -> the weights that no source has: 3D position encoding, region branch, a new projector.

The last layers of the 3D branches are zero, so that until it is trained the model answers as the one that it
grew from.

May import: torch and the model.
"""

import torch

from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration, SR3DMultiModalProjector
from transformers_sr3d.position_encoding_sr3d import SR3DPositionEncoding
from transformers_sr3d.region_extractor_sr3d import SR3DRegionExtractor


def new_weights(
    model: SR3DForConditionalGeneration, *, seed: int, with_projector: bool = False
) -> dict[str, torch.Tensor]:
    """Draw the weights that are new in SR-3D.

    Args:
        model (`SR3DForConditionalGeneration`):
            Its configuration and rules of initialisation count, not its weights; it may be on the meta device.
        seed (`int`):
            Of what is drawn. The global generator is left as it was.
        with_projector (`bool`, defaults to `False`):
            Whether the projector from tower to language model is new, too.

    Returns:
        `dict[str, torch.Tensor]`: Float32, by the names of the model's state.
    """
    config = model.config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        modules: dict[str, torch.nn.Module] = {"model.region_extractor.": SR3DRegionExtractor(config)}
        if config.use_position_encoding:
            modules["model.position_encoding."] = SR3DPositionEncoding(config)
        if with_projector:
            modules["model.multi_modal_projector."] = SR3DMultiModalProjector(config)
        for module in modules.values():
            for child in module.modules():
                model._init_weights(child)
    return {
        prefix + name: value.detach().float()
        for prefix, module in modules.items()
        for name, value in module.state_dict().items()
    }
