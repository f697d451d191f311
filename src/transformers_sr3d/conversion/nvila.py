# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""An NVILA-Lite checkpoint -> an SR-3D checkpoint that answers as it does until it is trained.

    open_nvila       configurations, places of tensors
    plan_nvila       tokenizer, model on the meta device, what becomes of every tensor
    write_nvila      shards, code, processor, card -> DST, whole or not at all

May import: torch, transformers, the model and siblings.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.conversion.card import without_folders, write_card
from transformers_sr3d.conversion.conversion_plan import Plan, common_dtype, make_plan
from transformers_sr3d.conversion.new_weights import new_weights
from transformers_sr3d.conversion.nvila_source import NvilaSource, open_nvila
from transformers_sr3d.conversion.shards import check_out, divide, working_folder, write_shards
from transformers_sr3d.conversion.stored_tensors import DTYPES
from transformers_sr3d.conversion.tokens import (
    CHAT_TOKENS,
    PLACEHOLDERS,
    add_tokens,
    generation_config,
    load_tokenizer,
    rows_for,
)
from transformers_sr3d.estimators.licences import Licence, find_licence
from transformers_sr3d.hub import export_without_weights
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor


# In the order in which VILA's loader adds those that a saved tokenizer lacks; `<region>` is ours.
MEDIA_TOKENS = ("<vila/sentinel>", "<image>", "<vila/video>", "<region>")
# Of every NVILA that its authors published on the Hub and that we know of.
ASSUMED_LICENCE = "cc-by-nc-4.0"
MAX_SHARD_BYTES = 2_000_000_000


@dataclass(frozen=True)
class NvilaConversion:
    """A conversion that has been checked and not yet done.

    Attributes:
        source (`NvilaSource`): What is converted.
        model (`SR3DForConditionalGeneration`): On the meta device.
        processor (`SR3DProcessor`): Ready to be saved.
        plan (`Plan`): What becomes of every tensor.
        shards (`list[list[str]]`): Which tensors go into which file.
        added_tokens (`dict[str, int]`): That the tokenizer lacked.
        licence (`Licence`): Of the source.
        seed (`int`): Of the new weights.
    """

    source: NvilaSource
    model: SR3DForConditionalGeneration
    processor: SR3DProcessor
    plan: Plan
    shards: list[list[str]]
    added_tokens: dict[str, int]
    licence: Licence
    seed: int


def plan_nvila(
    folder: str | Path,
    *,
    dtype: str = "auto",
    seed: int = 0,
    licence: str | None = None,
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> NvilaConversion:
    """Check a source and say what becomes of it; no weight is loaded and nothing is written.

    Args:
        folder (`str` or `Path`):
            NVILA-Lite checkpoint in either layout.
        dtype (`str`, defaults to `"auto"`):
            `"float32"`, `"bfloat16"`, `"float16"`, or `"auto"` for that of the source's token embedding.
        seed (`int`, defaults to 0):
            Of the new weights.
        licence (`str`, *optional*):
            Of the source, where its model card does not say.
        max_shard_bytes (`int`, *optional*):
            Of a file of weights.

    Returns:
        `NvilaConversion`: For `write_nvila`.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If a setting, token or tensor does not fit.
    """
    source = open_nvila(folder)
    tokenizer = load_tokenizer(source.tokenizer_folder, config=source.text_config)
    _check_tokens(tokenizer, source)
    length = source.text_config.max_position_embeddings
    added = add_tokens(tokenizer, (*CHAT_TOKENS, *MEDIA_TOKENS), max_length=length)
    torch_dtype = common_dtype(source.tensors, dtype)
    source_rows = source.text_config.vocab_size
    config = _config(source, tokenizer, source_rows, torch_dtype)
    with torch.device("meta"):
        model = SR3DForConditionalGeneration(config)
    model.generation_config = generation_config(config, tokenizer, MEDIA_TOKENS)
    plan = make_plan(model, source.tensors, source_rows=source_rows, dtype=torch_dtype)
    processor = SR3DProcessor.from_config(config, tokenizer)
    for name, value in source.preprocessing.items():
        setattr(processor.image_processor, name, value)
    shards = divide(plan, max_shard_bytes)
    return NvilaConversion(source, model, processor, plan, shards, added, _licence(source, licence), seed)


def write_nvila(conversion: NvilaConversion, out: str | Path) -> None:
    """Write the checkpoint. A call that was stopped goes on where it was.

    Args:
        conversion (`NvilaConversion`):
            What `plan_nvila` returned.
        out (`str` or `Path`):
            Folder to write; it appears when everything is in it.

    Raises:
        ValueError: If it exists.
        OSError: If it cannot be written.
    """
    out = Path(out)
    check_out(out)
    new = new_weights(conversion.model, seed=conversion.seed)
    with working_folder(out, _fingerprint(conversion)) as folder:
        write_shards(conversion.plan, new, conversion.shards, folder)
        export_without_weights(conversion.model, conversion.processor, folder)
        (folder / "README.md").write_text(_card(conversion, out.name), encoding="utf-8")


def describe_nvila(conversion: NvilaConversion) -> list[str]:
    """Say what a conversion will do, line by line.

    Args:
        conversion (`NvilaConversion`):
            What `plan_nvila` returned.

    Returns:
        `list[str]`: For people.
    """
    source, plan, config = conversion.source, conversion.plan, conversion.model.config
    casts = sum(DTYPES[tensor.dtype] != plan.dtype for tensor in plan.copied.values())
    region = config.region_token_id
    return [
        f"source      {source.folder}, layout {source.layout}",
        *_parts(conversion),
        f"tiles       {config.min_tiles} to {config.max_tiles} of {config.tile_size} pixels, "
        f"{config.image_tokens_per_tile} tokens each; several views {config.max_tiles_per_view} each",
        f"tokens      added {_listed(conversion.added_tokens)}; <image> {config.image_token_id}, <region> {region}; "
        f"embedding {source.text_config.vocab_size} -> {plan.rows} rows",
        f"used        {len(plan.copied)} tensors, {casts} of them cast to {_word(plan.dtype)}",
        f"unused      {len(plan.unused)} tensors",
        *(f"              {key}: {why}" for key, why in plan.unused),
        f"new         {len(plan.new)} tensors: 3D position encoding and region branch, seed {conversion.seed}",
        f"writes      {plan.num_bytes / 1e9:.3g} GB in {len(conversion.shards)} files of {_word(plan.dtype)}",
        f"licence     {conversion.licence.sentence()}",
    ]


def _listed(tokens: dict[str, int]) -> str:
    return ", ".join(f"{token} {number}" for token, number in tokens.items()) or "none"


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _parts(conversion: NvilaConversion) -> list[str]:
    vision, text = conversion.source.vision_config, conversion.source.text_config
    config = conversion.model.config
    return [
        f"tower       {vision.model_type}, {vision.num_hidden_layers} layers of {vision.hidden_size}, image "
        f"{vision.image_size}, patch {vision.patch_size}, read at hidden state {config.vision_feature_layer}",
        f"projector   {conversion.source.projector_type}, {config.downsample}x{config.downsample} patches a token",
        f"language    {text.model_type}, {text.num_hidden_layers} layers of {text.hidden_size}, "
        f"{'tied' if config.tie_word_embeddings else 'separate'} output layer",
    ]


def _check_tokens(tokenizer: PreTrainedTokenizerBase, source: NvilaSource) -> None:
    vocabulary = tokenizer.get_vocab()
    missing = [token for token in CHAT_TOKENS if token not in vocabulary]
    if missing:
        raise ValueError(
            f"`{source.tokenizer_folder}` must hold a tokenizer with {' and '.join(CHAT_TOKENS)}, as Qwen2's has, got "
            f"{len(vocabulary)} tokens without {missing[0]}. Copy the tokenizer's files again, added_tokens.json too."
        )
    stored, named = vocabulary.get(PLACEHOLDERS[0]), source.image_token_id
    if named is not None and stored is not None and named != stored:
        raise ValueError(
            f"`image_token_id` of {source.folder / 'config.json'} must be the tokenizer's id of <image>, {stored}, "
            f"got {named}. One of the two files belongs to another checkpoint."
        )


def _config(
    source: NvilaSource, tokenizer: PreTrainedTokenizerBase, source_rows: int, dtype: torch.dtype
) -> SR3DConfig:
    image_id, region_id = tokenizer.convert_tokens_to_ids(list(PLACEHOLDERS))
    if source.image_token_id not in (None, image_id):
        raise ValueError(
            f"`image_token_id` of {source.folder / 'config.json'} must be the id that <image> gets, {image_id}, got "
            f"{source.image_token_id}. Copy the tokenizer's files again, added_tokens.json too."
        )
    text = {**source.text_config.to_dict(), "vocab_size": rows_for(tokenizer, source_rows)}
    return SR3DConfig(
        vision_config=source.vision_config.to_dict(),
        text_config=text,
        image_token_id=image_id,
        region_token_id=region_id,
        projector_type=source.projector_type,
        tie_word_embeddings=source.text_config.tie_word_embeddings,
        architectures=["SR3DForConditionalGeneration"],
        dtype=_word(dtype),
        **source.settings,
    )


def _licence(source: NvilaSource, given: str | None) -> Licence:
    found = find_licence(str(source.folder))
    if given is not None:
        return Licence(source.folder.name, given, "--licence")
    if found.name is not None:
        return found
    origin = f"assumption: {found.origin}, and every NVILA published by its authors that we know of has this one"
    return Licence(source.folder.name, ASSUMED_LICENCE, origin)


def _fingerprint(conversion: NvilaConversion) -> dict[str, Any]:
    from transformers_sr3d import __version__

    files = sorted({tensor.file for tensor in conversion.plan.copied.values()})
    return {
        "version": __version__,
        "source": [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files],
        "config": conversion.model.config.to_dict(),
        "seed": conversion.seed,
        "shards": conversion.shards,
    }


def _card(conversion: NvilaConversion, title: str) -> str:
    source = conversion.source
    return write_card(
        title=title,
        origin=f"Weights of `{source.folder.resolve().name}`, an NVILA-Lite in the layout {source.layout}, converted "
        "by `sr3d convert nvila`. Vision tower, projector and language model are the source's, every tensor.",
        untrained="its 3D position encoding and region branch are new. Without depth and regions it computes what the "
        "source computes; what it says of depth and regions means nothing yet.",
        parts=[" ".join(line.split()) for line in _parts(conversion)],
        licence=conversion.licence.name,
        sentences=[
            without_folders(conversion.licence.sentence(), [str(source.folder)]),
            "Code files beside the weights: apache-2.0.",
        ],
    )
