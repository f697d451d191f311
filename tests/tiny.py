# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A tokenizer and a processor that are built in memory, within milliseconds, and small enough to reason about.

One tile has 56 x 56 pixels, 4 x 4 patches and 2 x 2 image tokens; an image has at most 4 tiles and a thumbnail.
"""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from transformers_sr3d.image_processing_sr3d import SR3DImageProcessor
from transformers_sr3d.processing_sr3d import SR3DProcessor


SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<region>"]
# How Qwen2 splits text before merging bytes: single digits, a run of line breaks of its own.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SENTENCES = [
    "system\nYou are a helpful assistant\nuser\nassistant\n\n",
    "How far apart are Region 0 and Region 1? Region 0 and Region 1 are 0.52 meters apart.",
    "How wide is Region 2? Region 2 is 1.3 meters wide. Which is taller, Region 3 or Region 4? Region 3.",
    "Is Region 5 to the left of Region 6? Yes. No. What is the height of Region 7? Which of the two is closer?",
]


def make_tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer like Qwen2's, with some 400 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>", "<image>", "<region>"],
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def make_tiny_processor(**settings) -> SR3DProcessor:
    """A processor for `make_tiny_config()`; `settings` go to the image processor."""
    image_processor = SR3DImageProcessor(
        **{"size": {"height": 56, "width": 56}, "patch_size": 14, "max_tiles": 4, **settings}
    )
    return SR3DProcessor(image_processor, make_tiny_tokenizer(), downsample=2)
