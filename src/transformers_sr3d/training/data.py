# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Data of a training run: settings -> caches of encoded samples, processor with its tokenizer, conversations.

This module may import torch and the whole package.
"""

import hashlib
import json
from pathlib import Path

from transformers import AutoTokenizer

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.rooms.furniture.files import find_libraries
from transformers_sr3d.rooms.furniture.pack import CC0_PACK, open_furniture
from transformers_sr3d.training.budget import newest_checkpoint
from transformers_sr3d.training.records import Augmentation, ConversationDataset
from transformers_sr3d.training.room_scenes import RoomConversations, RoomScenes
from transformers_sr3d.training.scene_cache import SceneCache, build_cache, check_cache
from transformers_sr3d.training.settings import SampleSettings, TrainingSettings
from transformers_sr3d.training.tokenizer import train_tokenizer


TOKENIZER_SAMPLES = 1200
TOKENIZER_QUESTIONS = 8
# Settings of samples that do not change what a sample is.
USE_SETTINGS = ("cache_dir", "num_samples", "num_val_samples", "workers", "shard_size", "single_views", "pixels")


def build_config(settings: TrainingSettings, tokenizer) -> SR3DConfig:
    """Complete the model settings with what the tokenizer decides.

    Args:
        settings (`TrainingSettings`):
            `settings.model` holds arguments of `SR3DConfig`.
        tokenizer (`PreTrainedTokenizerFast`):
            Gives vocabulary size and token ids.

    Returns:
        `SR3DConfig`: Of the model to train.
    """
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    text_config = settings.model.get("text_config", {}) | ids | {"vocab_size": len(tokenizer)}
    return SR3DConfig(
        **settings.model
        | {"text_config": text_config}
        | {f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<{name}>") for name in ("image", "region")}
    )


def build_processor(settings: TrainingSettings, tokenizer) -> SR3DProcessor:
    """Make the processor that fits the model.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        tokenizer (`PreTrainedTokenizerFast`):
            The tokenizer.

    Returns:
        `SR3DProcessor`: With tile size, tile counts and tokens of the model.
    """
    return SR3DProcessor.from_config(build_config(settings, tokenizer), tokenizer)


def open_cache(settings: TrainingSettings, split: str) -> SceneCache:
    """Build or open the encoded samples of a split.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        split (`str`):
            `"train"` or `"val"`.

    Returns:
        `SceneCache`: Ready to read.

    Raises:
        ValueError: If the cache was made by another generator or processor.
    """
    # Encoding a sample involves no text: a tokenizer of bytes is enough until the questions are known.
    encoder = build_processor(settings, train_tokenizer([], vocab_size=settings.vocab_size))
    samples = settings.samples
    make_sample = RoomScenes(encoder, open_furniture(samples.furniture), samples, split=split)
    normalisation = {
        "image_mean": encoder.image_processor.image_mean,
        "image_std": encoder.image_processor.image_std,
    }
    shards = build_cache(
        Path(samples.cache_dir) / f"rooms-{split}-{cache_key(samples, encoder)}",
        make_sample,
        seeds=range(samples.num_samples if split == "train" else samples.num_val_samples),
        shard_size=samples.shard_size,
        workers=samples.workers,
        **normalisation,
    )
    cache = SceneCache(shards, **normalisation)
    check_cache(cache, make_sample)
    return cache


def open_caches(settings: TrainingSettings) -> dict[str, SceneCache]:
    """Build or open the encoded samples that a run needs.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.

    Returns:
        `dict[str, SceneCache]`: `"train"` and, where the validation loss is measured, `"val"`.

    Raises:
        ValueError: If a cache was made by another generator or processor.
    """
    splits = ("train", "val") if settings.optimisation.eval_steps else ("train",)
    return {split: open_cache(settings, split) for split in splits}


def cache_key(samples: SampleSettings, processor: SR3DProcessor) -> str:
    """Name a combination of settings that decide what a sample is.

    Args:
        samples (`SampleSettings`):
            Settings of the samples.
        processor (`SR3DProcessor`):
            Encodes them.

    Returns:
        `str`: Tile and patch size, and ten hexadecimal digits.
    """
    image = processor.image_processor
    tiles = {"size": image.size["height"], "patch": image.patch_size, "tiles": image.max_tiles}
    tiles["stitched"] = image.tile_then_stitch  # decides where the coverage of regions stands
    decisive = {name: value for name, value in vars(samples).items() if name not in USE_SETTINGS} | tiles
    decisive["furniture"] = describe_furniture(samples.furniture)
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()
    return f"{tiles['size']}px-{tiles['patch']}-{digest[:10]}"


def describe_furniture(furniture: str | None) -> list[list[str | int]]:
    """Tell one furniture from another by what it holds, wherever it stands.

    Args:
        furniture (`str`, *optional*):
            What `open_furniture` takes.

    Returns:
        `list[list[str | int]]`: Size and SHA-256 of a file; of a folder names and sizes of its libraries.
    """
    path = CC0_PACK if furniture is None else Path(furniture).expanduser()
    if path.is_dir():
        return [[library.relative_to(path).as_posix(), library.stat().st_size] for library in find_libraries(path)]
    with path.open("rb") as file:
        return [[path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()]]


def train_processor(settings: TrainingSettings, cache: SceneCache) -> SR3DProcessor:
    """Put a tokenizer into a processor: that of the run so far or of the stage before, else one that is trained now.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        cache (`SceneCache`):
            Samples of the training split; a new tokenizer learns from questions about the first of them.

    Returns:
        `SR3DProcessor`: Ready for training.
    """
    earlier = newest_checkpoint(Path(settings.run_dir)) or settings.init_from
    if earlier is not None:
        return build_processor(settings, AutoTokenizer.from_pretrained(earlier))
    ask = RoomConversations(TOKENIZER_QUESTIONS, TOKENIZER_QUESTIONS, {})
    conversations = (ask(cache[index]["truth"], index) for index in range(min(TOKENIZER_SAMPLES, len(cache))))
    texts = [text for turns in conversations for turn in turns for text in (turn.question, turn.answer)]
    return build_processor(settings, train_tokenizer(texts, vocab_size=settings.vocab_size))


def conversations_of(
    settings: TrainingSettings, cache: SceneCache, *, num_items: int, seed: int, augment: bool
) -> ConversationDataset:
    """Plan the conversations of a run, or those that its validation loss is measured on.

    Args:
        settings (`TrainingSettings`):
            The settings of the run.
        cache (`SceneCache`):
            The samples.
        num_items (`int`):
            Conversations.
        seed (`int`):
            Of everything drawn.
        augment (`bool`):
            Whether posed samples are turned about the vertical axis, metric ones shown in another size and words left
            out of questions, as the settings say.

    Returns:
        `ConversationDataset`: In a fixed order.
    """
    optimisation, samples = settings.optimisation, settings.samples
    return ConversationDataset(
        cache.single_views() if samples.single_views else cache,
        RoomConversations(
            optimisation.min_questions,
            optimisation.max_questions,
            optimisation.category_weights,
            word_dropout=optimisation.word_dropout if augment else 0.0,
        ),
        num_items=num_items,
        seed=seed,
        batch_size=optimisation.batch_size,
        augmentation=Augmentation(
            yaw=augment and optimisation.augment_yaw, scale=optimisation.augment_scale if augment else 0.0
        ),
        pixels=samples.pixels,
    )
