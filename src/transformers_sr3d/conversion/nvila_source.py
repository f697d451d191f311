# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""An NVILA-Lite checkpoint in either layout -> configurations, and its tensors under the names of SR-3D.

    vila         config.json, llm/, vision_tower/, mm_projector/, each with its own config and weights
    nvila_lite   one folder: config.json of type `nvila_lite`, weights `llm.*`, `vision_tower.*`, `mm_projector.*`

Settings that would make SR-3D compute something else than NVILA does are refused, not passed over.

May import: transformers and siblings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from transformers_sr3d.conversion.stored_tensors import StoredTensor, stored_tensors
from transformers_sr3d.inputs.files import read_json


PARTS = ("llm", "vision_tower", "mm_projector")
# The two 2x2 types differ in how memory is laid out in between; NVILA with several scales has `mlp_downsample`, too.
PROJECTORS = {
    "mlp_downsample": "mlp_downsample",
    "mlp_downsample_2x2_fix": "mlp_downsample",
    "mlp_downsample_3x3_fix": "mlp_downsample_3x3_fix",
}
TILINGS = ("dynamic", "resize")
# Of the parts' configurations; the whole model has its own.
NOT_CARRIED = (
    "model_type",
    "_name_or_path",
    "architectures",
    "auto_map",
    "dtype",
    "torch_dtype",
    "transformers_version",
)
PREPROCESSOR_FILE = "preprocessor_config.json"


@dataclass(frozen=True)
class NvilaSource:
    """What an NVILA-Lite checkpoint says of itself.

    Attributes:
        layout (`str`): `"vila"` or `"nvila_lite"`.
        folder (`Path`): Of the checkpoint.
        tokenizer_folder (`Path`): Where the tokenizer lies.
        text_config (`PreTrainedConfig`): Of the language model.
        vision_config (`PreTrainedConfig`): Of the vision tower.
        projector_type (`str`): A type of `SR3DConfig`.
        settings (`dict`): Further fields of `SR3DConfig`.
        preprocessing (`dict`): What the image processor is told; empty where the source says nothing.
        tensors (`dict[str, StoredTensor]`): By SR-3D's names.
        image_token_id (`int`, *optional*): That the configuration names.
    """

    layout: str
    folder: Path
    tokenizer_folder: Path
    text_config: PreTrainedConfig
    vision_config: PreTrainedConfig
    projector_type: str
    tensors: dict[str, StoredTensor]
    settings: dict[str, Any] = field(default_factory=dict)
    preprocessing: dict[str, Any] = field(default_factory=dict)
    image_token_id: int | None = None


def open_nvila(folder: str | Path) -> NvilaSource:
    """Read what a checkpoint holds; no weight is loaded.

    Args:
        folder (`str` or `Path`):
            In the layout of VILA, or of model type `nvila_lite`.

    Returns:
        `NvilaSource`: Configurations and places of tensors.

    Raises:
        FileNotFoundError: If the folder or a part of it is missing.
        ValueError: If it is no NVILA-Lite, a setting is not supported, or weights are pickled or damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"`SRC` must be a folder with an NVILA-Lite checkpoint, got {folder}, which is none. Download it first: "
            "hf download Efficient-Large-Model/NVILA-Lite-8B --local-dir nvila-lite-8b"
        )
    config = _read_object(folder / "config.json")
    if config.get("model_type") == "nvila_lite":
        return _open_single_folder(folder, config)
    present = [part for part in PARTS if (folder / part).is_dir()]
    if len(present) == len(PARTS):
        return _open_three_folders(folder, config)
    raise FileNotFoundError(
        f"`SRC` must hold the folders {', '.join(PARTS)}, or be of model type 'nvila_lite', got model type "
        f"{config.get('model_type')!r} with {present or 'none of them'} in {folder}. Check that the download is "
        "complete and that it is an NVILA-Lite."
    )


def _open_three_folders(folder: Path, config: dict[str, Any]) -> NvilaSource:
    _check_settings(config, folder / "config.json")
    projector = _read_object(folder / "mm_projector" / "config.json").get("mm_projector_type")
    if projector not in PROJECTORS:
        raise ValueError(
            f"`mm_projector_type` of {folder / 'mm_projector' / 'config.json'} must be one of {sorted(PROJECTORS)}, "
            f"got {projector!r}. NVILA-Lite has mlp_downsample_3x3_fix."
        )
    tensors: dict[str, StoredTensor] = {}
    for part in PARTS:
        for key, tensor in stored_tensors(folder / part).items():
            _put(tensors, _name(part, key), tensor)
    return NvilaSource(
        layout="vila",
        folder=folder,
        tokenizer_folder=folder / "llm",
        text_config=_sub_config(_read_object(folder / "llm" / "config.json"), "qwen2", folder / "llm"),
        vision_config=_sub_config(
            _read_object(folder / "vision_tower" / "config.json"), "siglip_vision_model", folder / "vision_tower"
        ),
        projector_type=PROJECTORS[projector],
        tensors=tensors,
        settings=_settings(config),
        preprocessing=_preprocessing(folder / "vision_tower"),
    )


def _open_single_folder(folder: Path, config: dict[str, Any]) -> NvilaSource:
    tensors: dict[str, StoredTensor] = {}
    for key, tensor in stored_tensors(folder).items():
        part, _, rest = key.partition(".")
        if part not in PARTS:
            raise ValueError(
                f"`{key}` of {tensor.file} must belong to {', '.join(PARTS)}, got another part. The checkpoint has "
                "something that SR-3D does not know, and without it would answer differently."
            )
        _put(tensors, _name(part, rest), tensor)
    is_3x3 = "model.multi_modal_projector.layers.7.weight" in tensors
    return NvilaSource(
        layout="nvila_lite",
        folder=folder,
        tokenizer_folder=folder,
        text_config=_sub_config(config.get("text_config"), "qwen2", folder),
        vision_config=_sub_config(config.get("vision_config"), "siglip_vision_model", folder),
        projector_type="mlp_downsample_3x3_fix" if is_3x3 else "mlp_downsample",
        tensors=tensors,
        settings={},
        preprocessing=_preprocessing(folder),
        image_token_id=config.get("image_token_id"),
    )


def _read_object(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"`{path}` must hold an object, got a {type(content).__name__}. Download it again.")
    return content


def _sub_config(content: Any, model_type: str, where: Path) -> PreTrainedConfig:
    found = content.get("model_type", model_type) if isinstance(content, dict) else None
    if found != model_type:
        raise ValueError(
            f"`model_type` in {where} must be {model_type!r}, as in NVILA-Lite, got {found!r}. Put a new model "
            "together from other towers and language models with sr3d init."
        )
    ours = {"vision_use_head": False} if model_type == "siglip_vision_model" else {}
    settings = {key: value for key, value in content.items() if key not in NOT_CARRIED}
    return AutoConfig.for_model(model_type, **{**settings, **ours})


def _name(part: str, key: str) -> str:
    """Name in SR-3D of a tensor; `key` is its name inside its part."""
    if part == "vision_tower":
        return "model.vision_tower." + key.removeprefix("vision_model.")
    if part == "mm_projector":
        return "model.multi_modal_projector." + key
    return "model.language_model." + key.removeprefix("model.") if key.startswith("model.") else key


def _put(tensors: dict[str, StoredTensor], name: str, tensor: StoredTensor) -> None:
    if name in tensors:
        raise ValueError(
            f"`{tensor.key}` of {tensor.file} must stand for one tensor, got {tensors[name].key} of "
            f"{tensors[name].file} for the same. Remove one of them."
        )
    tensors[name] = tensor


def _check_settings(config: dict[str, Any], path: Path) -> None:
    """Refuse what SR-3D would compute differently."""
    allowed: dict[str, tuple[Sequence[Any], str]] = {
        "image_aspect_ratio": (
            TILINGS,
            "Only NVILA-Lite cuts one set of tiles; NVILA with several scales does not fit",
        ),
        "mm_vision_select_feature": (("cls_patch",), "Another choice drops patches"),
        "s2": ((False,), "Features of several scales do not fit"),
        "dynamic_s2": ((False,), "Features of several scales do not fit"),
        "num_time_tokens": ((0,), "Time tokens do not fit"),
        "vision_resolution": ((-1,), "Position tables that VILA resizes do not fit"),
        "enable_depth": ((False,), "The depth tower of RoboRefer has no place in SR-3D"),
    }
    for key, (values, why) in allowed.items():
        if config.get(key) is not None and config[key] not in values:
            raise ValueError(
                f"`{key}` of {path} must be {' or '.join(map(repr, values))}, got {config[key]!r}. {why}; take an "
                "NVILA-Lite checkpoint."
            )
    others = [key for key, value in config.items() if key.endswith("_cfg") and value and key[:-4] not in PARTS]
    if others:
        raise ValueError(
            f"`{path}` must have the parts {', '.join(PARTS)} only, got {others[0]} as well. SR-3D has no place for "
            "it; take an NVILA-Lite checkpoint."
        )


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    one_tile = config.get("image_aspect_ratio") == "resize"
    found = {
        "vision_feature_layer": config.get("mm_vision_select_layer"),
        "min_tiles": 1 if one_tile else config.get("min_tiles"),
        "max_tiles": 1 if one_tile else config.get("max_tiles"),
        "max_tiles_per_view": config.get("video_max_tiles"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _preprocessing(folder: Path) -> dict[str, Any]:
    path = folder / PREPROCESSOR_FILE
    content = _read_object(path) if path.is_file() else {}
    return {key: content[key] for key in ("image_mean", "image_std", "rescale_factor") if content.get(key) is not None}
