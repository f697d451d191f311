# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Small random NVILA-Lite checkpoints in the exact layout of their sources, written without the converter.

Weights are a dictionary by part and by the key that VILA writes inside that part. Nothing here knows SR-3D's names.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers


QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SENTENCES = [
    "system\nYou are a helpful assistant\nuser\nassistant\n\n",
    "How wide is Region 0? Region 0 is 1.3 meters.",
]
# As VILA saves them: the media tokens are not among them, its loader adds those.
SAVED_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "[BOS]", "[PAD]")
MEDIA = ("<vila/sentinel>", "<image>", "<vila/video>")
VISION = {
    "model_type": "siglip_vision_model",
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "image_size": 70,
    "patch_size": 14,
    "num_channels": 3,
    "hidden_act": "gelu_pytorch_tanh",
    "layer_norm_eps": 1e-6,
    "vision_use_head": False,
    # What PaliGemma left behind in the stored config.
    "num_image_tokens": 256,
    "projection_dim": 2048,
    "projector_hidden_act": "gelu_fast",
    "torch_dtype": "bfloat16",
}
TEXT = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 32,
    "intermediate_size": 56,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "max_position_embeddings": 4096,
    "tokenizer_model_max_length": 1024,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
ROOT = {
    "model_type": "llava_llama",
    "architectures": ["LlavaLlamaModel"],
    "image_aspect_ratio": "dynamic",
    "mm_vision_select_layer": -2,
    "mm_vision_select_feature": "cls_patch",
    "min_tiles": 1,
    "max_tiles": 12,
    "video_max_tiles": 1,
    "dynamic_s2": False,
    "s2": False,
    "num_time_tokens": 0,
    "vision_resolution": -1,
    "model_dtype": "torch.bfloat16",
    "llm_cfg": {"_name_or_path": "/somewhere/llm"},
    "vision_tower_cfg": {"_name_or_path": "/somewhere/vision_tower"},
    "mm_projector_cfg": {"_name_or_path": "/somewhere/mm_projector"},
    "resume_path": "/somewhere",
}
PREPROCESSOR = {
    "image_processor_type": "SiglipImageProcessor",
    "do_resize": True,
    "size": {"height": 70, "width": 70},
    "resample": 3,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "rescale_factor": 1 / 255,
}


def make_bpe() -> Tokenizer:
    """A byte-level BPE that splits as Qwen2's does, without special tokens."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    )
    return bpe


def saved_ids(extra: tuple[str, ...] = ()) -> dict[str, int]:
    first = make_bpe().get_vocab_size()
    return {token: first + place for place, token in enumerate((*SAVED_TOKENS, *extra))}


def write_tokenizer(folder: Path, extra: tuple[str, ...] = ()) -> None:
    """vocab.json, merges.txt and added tokens, as the slow Qwen2 tokenizer of VILA saves them."""
    make_bpe().model.save(str(folder))
    ids = saved_ids(extra)
    special = {str(number): {"content": token, "special": True} for token, number in ids.items()}
    flags = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    config = {
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": {number: {**flags, **entry} for number, entry in special.items()},
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "bos_token": "[BOS]",
        "eos_token": "<|im_end|>",
        "pad_token": "[PAD]",
        "model_max_length": 1024,
        "padding_side": "right",
        "legacy": False,
        "chat_template": "{{ messages }}",
    }
    write_json(folder / "tokenizer_config.json", config)
    write_json(folder / "added_tokens.json", ids)


def write_json(path: Path, content) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def random_weights(
    vision=VISION, text=TEXT, *, projector="mlp_downsample_3x3_fix", rows=None, seed=0, dtype=None, meta=False
):
    """Weights of each part, by VILA's keys; with `meta` their shapes alone."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape, scale=None, shift=0.0):
        if meta:
            return torch.empty(shape, dtype=dtype, device="meta")
        scale = scale or shape[-1] ** -0.5
        return (torch.randn(shape, generator=generator) * scale + shift).to(dtype or torch.float32)

    rows = rows or len(make_bpe().get_vocab()) + len(SAVED_TOKENS)
    return {
        "llm": llm_weights(draw, text, rows),
        "vision_tower": vision_weights(draw, vision),
        "mm_projector": projector_weights(draw, vision["hidden_size"], text["hidden_size"], projector),
    }


def affine(draw, name, outputs, inputs):
    return {f"{name}.weight": draw(outputs, inputs), f"{name}.bias": draw(outputs, scale=0.1)}


def norm(draw, name, size):
    return {f"{name}.weight": draw(size, scale=0.1, shift=1.0), f"{name}.bias": draw(size, scale=0.1)}


def vision_weights(draw, vision):
    size, patch = vision["hidden_size"], vision["patch_size"]
    positions = (vision["image_size"] // patch) ** 2
    weights = {
        "vision_model.embeddings.patch_embedding.weight": draw(size, 3, patch, patch, scale=0.04),
        "vision_model.embeddings.patch_embedding.bias": draw(size, scale=0.1),
        "vision_model.embeddings.position_embedding.weight": draw(positions, size, scale=0.5),
        **norm(draw, "vision_model.post_layernorm", size),
    }
    for layer in range(vision["num_hidden_layers"]):
        stem = f"vision_model.encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            weights |= affine(draw, f"{stem}.self_attn.{name}", size, size)
        weights |= affine(draw, f"{stem}.mlp.fc1", vision["intermediate_size"], size)
        weights |= affine(draw, f"{stem}.mlp.fc2", size, vision["intermediate_size"])
        weights |= norm(draw, f"{stem}.layer_norm1", size) | norm(draw, f"{stem}.layer_norm2", size)
    return weights


def projector_weights(draw, vision_size, text_size, kind):
    if kind == "mlp_downsample_3x3_fix":
        return {
            **norm(draw, "layers.1", 9 * vision_size),
            **affine(draw, "layers.2", 3 * vision_size, 9 * vision_size),
            **norm(draw, "layers.4", 3 * vision_size),
            **affine(draw, "layers.5", text_size, 3 * vision_size),
            **affine(draw, "layers.7", text_size, text_size),
        }
    return {
        **norm(draw, "layers.1", 4 * vision_size),
        **affine(draw, "layers.2", text_size, 4 * vision_size),
        **affine(draw, "layers.4", text_size, text_size),
    }


def llm_weights(draw, text, rows):
    size, heads = text["hidden_size"], text["num_attention_heads"]
    key_size = size // heads * text["num_key_value_heads"]
    weights = {
        "model.embed_tokens.weight": draw(rows, size, scale=1.0),
        "model.norm.weight": draw(size, scale=0.1, shift=1.0),
    }
    if not text["tie_word_embeddings"]:
        weights["lm_head.weight"] = draw(rows, size)
    for layer in range(text["num_hidden_layers"]):
        stem = f"model.layers.{layer}"
        weights |= affine(draw, f"{stem}.self_attn.q_proj", size, size)
        weights |= affine(draw, f"{stem}.self_attn.k_proj", key_size, size)
        weights |= affine(draw, f"{stem}.self_attn.v_proj", key_size, size)
        weights[f"{stem}.self_attn.o_proj.weight"] = draw(size, size)
        weights[f"{stem}.mlp.gate_proj.weight"] = draw(text["intermediate_size"], size)
        weights[f"{stem}.mlp.up_proj.weight"] = draw(text["intermediate_size"], size)
        weights[f"{stem}.mlp.down_proj.weight"] = draw(size, text["intermediate_size"])
        weights[f"{stem}.input_layernorm.weight"] = draw(size, scale=0.1, shift=1.0)
        weights[f"{stem}.post_attention_layernorm.weight"] = draw(size, scale=0.1, shift=1.0)
    return weights


def save_header(tensors: dict, path: Path) -> None:
    """A file with names, shapes and dtypes of tensors, and a hole where their values would be."""
    header, end = {}, 0
    for key, value in tensors.items():
        start, end = end, end + value.numel() * value.element_size()
        header[key] = {"dtype": "BF16", "shape": list(value.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def rows_of(weights) -> int:
    return len(weights["llm"]["model.embed_tokens.weight"])


def write_sharded(folder: Path, tensors: dict, count: int) -> None:
    keys = list(tensors)
    names = [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    weight_map = {key: names[place * count // len(keys)] for place, key in enumerate(keys)}
    for name in names:
        save_file({key: tensors[key] for key in keys if weight_map[key] == name}, folder / name, {"format": "pt"})
    total = sum(value.numel() * value.element_size() for value in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})


def write_vila(folder: Path, weights, *, vision=VISION, text=TEXT, projector="mlp_downsample_3x3_fix", root=None):
    """The layout of VILA: three folders, the language model in three files."""
    for part in ("llm", "vision_tower", "mm_projector"):
        (folder / part).mkdir(parents=True)
    write_json(folder / "config.json", {**ROOT, "hidden_size": text["hidden_size"], **(root or {})})
    write_json(folder / "llm" / "config.json", {**text, "vocab_size": rows_of(weights)})
    write_json(folder / "vision_tower" / "config.json", {**vision, "architectures": ["SiglipVisionModel"]})
    write_json(
        folder / "mm_projector" / "config.json",
        {"architectures": ["MultimodalProjector"], "mm_projector_type": projector, "model_type": "v2l_projector"},
    )
    write_json(folder / "vision_tower" / "preprocessor_config.json", PREPROCESSOR)
    write_json(folder / "trainer_state.json", {})
    write_tokenizer(folder / "llm")
    write_sharded(folder / "llm", weights["llm"], 3)
    for part in ("vision_tower", "mm_projector"):
        save_file(weights[part], folder / part / "model.safetensors", {"format": "pt"})
    return folder


def write_nvila_lite(folder: Path, weights, *, vision=VISION, text=TEXT):
    """The layout of model type `nvila_lite`: one folder, keys with the part in front, media tokens saved, too."""
    folder.mkdir(parents=True)
    ids = saved_ids(MEDIA)
    config = {
        "model_type": "nvila_lite",
        "architectures": ["NVILALiteForConditionalGeneration"],
        "text_config": {**text, "vocab_size": rows_of(weights)},
        "vision_config": vision,
        "image_token_id": ids["<image>"],
        "video_token_id": ids["<vila/video>"],
        "torch_dtype": "bfloat16",
    }
    write_json(folder / "config.json", config)
    write_json(folder / "preprocessor_config.json", PREPROCESSOR)
    write_tokenizer(folder, MEDIA)
    tensors = {f"{part}.{key}": value for part, entries in weights.items() for key, value in entries.items()}
    write_sharded(folder, tensors, 2)
    return folder
