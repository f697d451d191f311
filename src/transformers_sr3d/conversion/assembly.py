# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A vision tower + a language model -> a new SR-3D, with a new projector, 3D encoding and region branch.

The language model answers text as before; what it is told of pictures means nothing until the projector is trained.
Both are loaded whole, in float32.

May import: torch, transformers, the model and siblings.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import torch
from transformers import PreTrainedConfig
from transformers.initialization import no_init_weights

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.conversion.card import joint_licence, without_folders, write_card
from transformers_sr3d.conversion.conversion_plan import HEAD
from transformers_sr3d.conversion.new_weights import new_weights
from transformers_sr3d.conversion.parts import LanguageModel, Tower
from transformers_sr3d.conversion.shards import working_folder
from transformers_sr3d.conversion.tokens import (
    CHAT_TOKENS,
    PLACEHOLDERS,
    add_tokens,
    extend_rows,
    generation_config,
    rows_for,
)
from transformers_sr3d.estimators.licences import Licence, find_licence
from transformers_sr3d.hub import export_checkpoint
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor


PROBE_TOKENS = 16
# Of logits, relative to their size, between the language model by itself and inside SR-3D. Both run the same code.
PROBE_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Assembly:
    """A new SR-3D.

    Attributes:
        model (`SR3DForConditionalGeneration`): Untrained as one.
        processor (`SR3DProcessor`): That fits it.
        added_tokens (`dict[str, int]`): That the tokenizer lacked.
        seed (`int`): Of the new weights.
        names (`tuple[str, str]`): Of tower and language model.
    """

    model: SR3DForConditionalGeneration
    processor: SR3DProcessor
    added_tokens: dict[str, int]
    seed: int
    names: tuple[str, str]


def assemble(
    tower: Tower,
    language: LanguageModel,
    *,
    projector: str = "mlp_downsample_3x3_fix",
    max_tiles: int = 12,
    seed: int = 0,
    dtype: str = "float32",
) -> Assembly:
    """Put a vision tower and a language model together.

    Args:
        tower (`Tower`):
            What `load_tower` returned.
        language (`LanguageModel`):
            What `load_language_model` returned. Its tokenizer is changed.
        projector (`str`, defaults to `"mlp_downsample_3x3_fix"`):
            A projector type of `SR3DConfig`.
        max_tiles (`int`, defaults to 12):
            Most tiles that a single image is cut into.
        seed (`int`, defaults to 0):
            Of the new weights.
        dtype (`str`, defaults to `"float32"`):
            Of the weights.

    Returns:
        `Assembly`: Model and processor.

    Raises:
        ValueError: If the language model computes its logits in a way that SR-3D does not, or a setting is impossible.
    """
    tokenizer = language.tokenizer
    length = getattr(language.model.config, "max_position_embeddings", tokenizer.model_max_length)
    added = add_tokens(tokenizer, (*CHAT_TOKENS, *PLACEHOLDERS), max_length=length)
    config = _config(tower, language, projector, max_tiles)
    with no_init_weights():  # buffers are computed, weights come from the parts
        model = SR3DForConditionalGeneration(config)
    state = _state(model, tower, language, seed)
    model.load_state_dict(state, assign=True)
    model.tie_weights()
    model = model.eval()
    _check_logits(model, language)
    model.generation_config = generation_config(config, tokenizer, PLACEHOLDERS)
    model = model.to(getattr(torch, dtype))
    processor = SR3DProcessor.from_config(config, tokenizer)
    for name, value in tower.preprocessing.items():
        setattr(processor.image_processor, name, value)
    return Assembly(model, processor, added, seed, (tower.name, language.name))


def write_assembly(assembly: Assembly, out: str | Path) -> None:
    """Write the checkpoint, with a model card; it appears when everything is in it.

    Args:
        assembly (`Assembly`):
            What `assemble` returned.
        out (`str` or `Path`):
            Folder to write; it must not exist.

    Raises:
        ValueError: If it exists.
        OSError: If it cannot be written.
    """
    out = Path(out)
    with working_folder(out, {"once": uuid4().hex}) as folder:
        export_checkpoint(assembly.model, assembly.processor, folder)
        (folder / "README.md").write_text(_card(assembly, out.name), encoding="utf-8")


def describe_assembly(assembly: Assembly) -> list[str]:
    """Say what was put together, line by line.

    Args:
        assembly (`Assembly`):
            What `assemble` returned.

    Returns:
        `list[str]`: For people.
    """
    config = assembly.model.config
    tokens = ", ".join(f"{token} {number}" for token, number in assembly.added_tokens.items()) or "none"
    return [
        *_parts(assembly),
        f"tiles     1 to {config.max_tiles} of {config.tile_size} pixels, {config.image_tokens_per_tile} tokens each",
        f"tokens    added {tokens}; embedding {config.get_text_config().vocab_size} rows",
        f"new       projector, 3D position encoding and region branch, seed {assembly.seed}",
        f"writes    {sum(p.numel() * p.element_size() for p in assembly.model.parameters()) / 1e9:.3g} GB",
        *(f"licence   {licence.sentence()}" for licence in _licences(assembly)),
    ]


def _config(tower: Tower, language: LanguageModel, projector: str, max_tiles: int) -> SR3DConfig:
    tokenizer = language.tokenizer
    text = language.model.config.to_dict()
    text.pop("quantization_config", None)  # of a GGUF file, whose weights are plain numbers by now
    table = language.model.get_input_embeddings().weight
    image_id, region_id = tokenizer.convert_tokens_to_ids(list(PLACEHOLDERS))
    return SR3DConfig(
        vision_config=tower.model.config.to_dict(),
        text_config={**text, "vocab_size": rows_for(tokenizer, len(table)), "pad_token_id": tokenizer.pad_token_id},
        image_token_id=image_id,
        region_token_id=region_id,
        projector_type=projector,
        vision_feature_layer=tower.feature_layer,
        num_prefix_tokens=tower.num_prefix_tokens,
        max_tiles=max_tiles,
        tie_word_embeddings=language.model.config.tie_word_embeddings,
    )


def _state(
    model: SR3DForConditionalGeneration, tower: Tower, language: LanguageModel, seed: int
) -> dict[str, torch.Tensor]:
    """Weights of the new model, by its names."""
    rows = model.config.get_text_config().vocab_size
    state = {f"model.vision_tower.{key}": value for key, value in tower.model.state_dict().items()}
    base = language.model.base_model.state_dict()
    state |= {f"model.language_model.{key}": value for key, value in base.items()}
    embedding = "model.language_model.embed_tokens.weight"
    if embedding not in state:
        raise ValueError(
            f"`--text` must keep its token embedding as `embed_tokens`, got {type(language.model).__name__} in "
            f"{language.name}. Choose a language model of a later family."
        )
    state[embedding] = extend_rows(state[embedding], rows)
    state[HEAD] = extend_rows(language.model.get_output_embeddings().weight.detach(), rows)
    if model.config.tie_word_embeddings:
        state[HEAD] = state[embedding]
    state |= new_weights(model, seed=seed, with_projector=True)
    expected = model.state_dict().keys()
    differing = sorted(state.keys() ^ expected)
    if differing:
        raise ValueError(
            f"`--vision` and `--text` must give the weights of the new model, got {differing[0]} and "
            f"{len(differing) - 1} others {'too many' if differing[0] in state else 'too few'}. Choose another model."
        )
    return state


def _check_logits(model: SR3DForConditionalGeneration, language: LanguageModel) -> None:
    """Compare a few tokens: some language models scale or cap what their output layer gives, SR-3D does not."""
    rows = len(language.model.get_input_embeddings().weight)
    last = min(rows, model.config.image_token_id, model.config.region_token_id) - 1
    ids = torch.linspace(0, last, PROBE_TOKENS).long()[None]
    with torch.no_grad():
        expected, found = language.model(input_ids=ids).logits, model(input_ids=ids).logits[..., :rows]
    error = (found - expected).abs().max() / expected.abs().max()
    if not error <= PROBE_TOLERANCE:
        raise ValueError(
            f"`--text` must compute its logits as a matrix product, got {type(language.model).__name__} in "
            f"{language.name}, which differs from that by {float(error):.1%}. Choose another language model."
        )


def _parts(assembly: Assembly) -> list[str]:
    config = assembly.model.config
    vision: PreTrainedConfig = assembly.model.model.vision_tower.config
    text = config.get_text_config()
    return [
        f"tower     {assembly.names[0]}: {vision.model_type}, image {config.tile_size}, patch {config.patch_size}, "
        f"{config.num_prefix_tokens} prefix tokens, read at hidden state {config.vision_feature_layer}",
        f"projector {config.projector_type}, new: {config.downsample}x{config.downsample} patches a token",
        f"language  {assembly.names[1]}: {text.model_type}, {text.num_hidden_layers} layers of {text.hidden_size}",
    ]


def _licences(assembly: Assembly) -> list[Licence]:
    return [find_licence(name) for name in assembly.names]


def _card(assembly: Assembly, title: str) -> str:
    licences = _licences(assembly)
    sentences = [*(licence.sentence() for licence in licences), "Code files beside the weights: apache-2.0."]
    return write_card(
        title=title,
        origin="A vision tower and a language model, put together by `sr3d init`.",
        untrained="its projector, 3D position encoding and region branch are new. It answers text as its language "
        "model does; what it says of pictures, depth and regions means nothing yet.",
        parts=[without_folders(" ".join(line.split()), assembly.names) for line in _parts(assembly)],
        licence=joint_licence(licences),
        sentences=[without_folders(sentence, assembly.names) for sentence in sentences],
    )
