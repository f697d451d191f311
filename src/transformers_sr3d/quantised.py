# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Loading with a language model of few bits; vision tower, projector, 3D encoding and region branch keep theirs.

    SR3DForConditionalGeneration.from_pretrained(name, dtype=torch.float32, **quantisation(4))

May import torch and transformers.
"""

import importlib.util
import warnings
from typing import Any

import torch
from transformers import BitsAndBytesConfig


BITS = (4, 8)
# Names from the top: a part of a name would be passed over.
UNQUANTISED = [
    *("model.vision_tower", "model.multi_modal_projector", "model.position_encoding", "model.region_extractor"),
    "lm_head",
]


def quantisation(bits: int | None) -> dict[str, Any]:
    """Give the arguments of `from_pretrained` for a language model of few bits.

    Args:
        bits (`int`, *optional*):
            4 (nf4) or 8 (int8, whose products are rounded to float16) of each weight of the language model's layers;
            all of them if not given.

    Returns:
        `dict[str, Any]`: `quantization_config` and `device_map`, or nothing.

    Raises:
        ImportError: If bitsandbytes is missing.
        ValueError: If `bits` is neither 4 nor 8.
    """
    if bits is None:
        return {}
    if bits not in BITS:
        raise ValueError(f"`bits` must be 4 or 8, got {bits}. Choose one of them.")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ImportError("Quantised loading needs bitsandbytes. Run pip install 'transformers-sr3d[quantized]'.")
    skipped = {"llm_int8_skip_modules": UNQUANTISED}
    if bits == 8:
        # Each product warns that it computes in float16; said once, in the docstring.
        warnings.filterwarnings("ignore", message="MatMul8bitLt: inputs will be cast")
        config = BitsAndBytesConfig(load_in_8bit=True, **skipped)
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32, **skipped
        )
    device = torch.cuda.current_device() if torch.cuda.is_available() else "cpu"
    return {"quantization_config": config, "device_map": {"": device}}
