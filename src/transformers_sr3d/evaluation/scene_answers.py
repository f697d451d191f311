# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Many questions about one scene: an encoded scene and question texts -> answer texts.

The vision tower sees a scene once: its image tokens and the sums of its features under every region are repeated for
the questions of a batch, and each question takes the regions that it mentions. `generate` accepts them in place of
pixels. The language model still reads the image tokens once per question.

This module may import torch and the whole package.
"""

from collections.abc import Sequence

import torch

from transformers_sr3d.chat_sr3d import PLACEHOLDER, mention_index
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration, SR3DImageFeatures
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.training.collator import render_prompt


MAX_NEW_TOKENS = 48
VISION_INPUTS = (
    "pixel_values",
    "patch_points",
    "patch_valid",
    "metric_scale",
    "region_coverage",
    "region_descriptors",
)


@torch.no_grad()
def answer_questions(
    network: SR3DForConditionalGeneration,
    processor: SR3DProcessor,
    encoded: dict,
    questions: Sequence[str],
    *,
    batch_size: int = 8,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> list[str]:
    """Generate the answers to questions about one scene, greedily.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        processor (`SR3DProcessor`):
            Its processor.
        encoded (`dict`):
            What `SR3DProcessor.encode_views` returned for the scene.
        questions (`Sequence[str]`):
            Texts that mention regions as `<regionK>`.
        batch_size (`int`, defaults to 8):
            Questions generated together.
        max_new_tokens (`int`, defaults to 48):
            Longest answer.

    Returns:
        `list[str]`: One answer each, stripped.

    Raises:
        ValueError: If a question mentions a region that the scene does not have, or is too long for the model.
    """
    mentions = mentions_of(questions, encoded)
    features = scene_features(network, processor, encoded)
    # Texts are joined with a scene that has as many tiles and regions but no pixels, which would only be copied.
    light = encoded | {"pixel_values": encoded["pixel_values"].new_zeros(len(encoded["pixel_values"]), 0)}
    answers: list[str] = []
    for start in range(0, len(questions), batch_size):
        end = start + batch_size
        batch = list(questions[start:end])
        prompts = [render_prompt(question, num_images=len(encoded["num_tiles"])) for question in batch]
        joined = processor.batch_encoded(
            prompts, [light] * len(batch), padding=True, padding_side="left", return_tensors="pt"
        )
        ids = joined["input_ids"].to(network.device)
        check_length(network, ids.shape[1], max_new_tokens)
        generated = network.generate(
            input_ids=ids,
            attention_mask=joined["attention_mask"].to(network.device),
            mm_encoder_outputs={"image": features_of_questions(features, mentions[start:end])},
            do_sample=False,
            max_new_tokens=max_new_tokens,
        )
        texts = processor.batch_decode(generated[:, ids.shape[1] :], skip_special_tokens=True)
        answers += [text.strip() for text in texts]
    return answers


def check_length(network: SR3DForConditionalGeneration, num_tokens: int, max_new_tokens: int) -> None:
    """Refuse a prompt for which the language model has no positions; it would go on and write nonsense.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        num_tokens (`int`):
            Of the longest prompt, with its views.
        max_new_tokens (`int`):
            Longest answer.

    Raises:
        ValueError: If there are too many tokens.
    """
    most = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    if most is not None and num_tokens + max_new_tokens > most:
        raise ValueError(
            f"a question with its views and its answer must have at most {most} tokens for this checkpoint, got "
            f"{num_tokens} and {max_new_tokens}. Show fewer views, or shorten the question."
        )


@torch.no_grad()
def scene_features(
    network: SR3DForConditionalGeneration, processor: SR3DProcessor, encoded: dict
) -> SR3DImageFeatures:
    """Run the vision tower over a scene.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        processor (`SR3DProcessor`):
            Its processor.
        encoded (`dict`):
            What `SR3DProcessor.encode_views` returned.

    Returns:
        `SR3DImageFeatures`: Image tokens of `T` tiles, and sums, weights and geometry of all `R` regions in the order
        of `encoded["region_numbers"]`; those are None without regions.
    """
    mentions = " ".join(f"<region{number}>" for number in encoded["region_numbers"])
    text = "<image>" * len(encoded["num_tiles"]) + mentions
    joined = processor.batch_encoded([text], [encoded], return_tensors="pt").to(network.device)
    return network.get_image_features(**{name: joined[name] for name in VISION_INPUTS if name in joined})


def mentions_of(questions: Sequence[str], encoded: dict) -> list[list[int]]:
    """Find the places of the mentioned regions among those of the scene.

    Args:
        questions (`Sequence[str]`):
            Texts that mention regions as `<regionK>`.
        encoded (`dict`):
            What `SR3DProcessor.encode_views` returned.

    Returns:
        `list[list[int]]`: Per question, in order and with repetitions.

    Raises:
        ValueError: If there is no such region.
    """
    return [
        [
            mention_index(int(mention["number"]), encoded["region_numbers"], f"questions[{place}]")
            for mention in PLACEHOLDER.finditer(question)
            if mention["region"]
        ]
        for place, question in enumerate(questions)
    ]


def features_of_questions(features: SR3DImageFeatures, mentions: Sequence[Sequence[int]]) -> SR3DImageFeatures:
    """Repeat the features of one scene for several questions, tile-major, each with the regions that it mentions.

    Args:
        features (`SR3DImageFeatures`):
            Of `scene_features`, `T` tiles.
        mentions (`Sequence[Sequence[int]]`):
            Of `mentions_of`, `Q` questions.

    Returns:
        `SR3DImageFeatures`: `Q * T` tiles; sums, weights and geometry with as many columns as the longest row of
        mentions, zero where a question has fewer.
    """
    count, widest = len(mentions), max(map(len, mentions))
    tokens = features.pooler_output.repeat(count, 1, 1)
    sums, weights = features.region_sums, features.region_weights
    if widest == 0 or sums is None or weights is None:
        return SR3DImageFeatures(pooler_output=tokens)
    index = torch.zeros((count, widest), dtype=torch.long, device=tokens.device)
    used = torch.zeros((count, widest, 1), device=tokens.device)
    for row, places in enumerate(mentions):
        index[row, : len(places)] = torch.tensor(places, dtype=torch.long)
        used[row, : len(places)] = 1.0

    def spread(values: torch.Tensor) -> torch.Tensor:  # (T, R, D) -> (Q * T, mentions, D)
        return (values[:, index] * used).transpose(0, 1).flatten(0, 1)

    spread_features = SR3DImageFeatures(
        pooler_output=tokens, region_sums=spread(sums), region_weights=spread(weights[..., None])[..., 0]
    )
    if features.region_geometry is not None:  # a model may do without
        spread_features.region_geometry = spread(features.region_geometry)
    return spread_features
