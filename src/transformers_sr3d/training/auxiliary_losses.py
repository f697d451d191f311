# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Auxiliary losses for language models that start from nothing: a middle layer must know the number behind an answer.

A pretrained language model can compare and copy before it sees its first region. One that starts from nothing has to
find, from the loss of its words alone, a chain of three steps: fetch two values, compare them, copy the number of the
right region. It learns none before it has all. Here a linear head reads the number behind each answer (the length, or
how far two values are apart) from the hidden states of a middle layer, so the first two steps are learned by
themselves and the layers above learn the third. A second head names each region where it is mentioned: few answers are
names, but every mention of a region can be one. The heads are thrown away after training.

The heads are a part of the model while it trains, so that checkpoints and several processes hold them too.

This module may import torch, transformers, the model and siblings in `training`.
"""

import torch
from torch import nn
from transformers import Trainer

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.rooms.questions.relations import MOST_CANDIDATES
from transformers_sr3d.training.collator import IGNORED_LABEL
from transformers_sr3d.training.heads import HEADS
from transformers_sr3d.training.room_scenes import NAMES
from transformers_sr3d.training.stored_features import StoredTower


# Scaled log of a quantity, margin of a choice of two, how far right and ahead something stands of someone; then how
# far each of several candidates falls behind the best.
NUM_SINGLE_TARGETS = 4
NUM_TARGETS = NUM_SINGLE_TARGETS + MOST_CANDIDATES


def number_loss(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum the mean squared errors of the kinds of targets; all candidates are one kind.

    Args:
        predictions (`torch.Tensor` of shape `(batch, sequence, NUM_TARGETS)`):
            Of the head.
        targets (`torch.Tensor` of shape `(batch, sequence, NUM_TARGETS)`):
            Numbers behind the answers; NaN where there is none.

    Returns:
        `torch.Tensor` of shape `()`: Zero, with a gradient of zero, where there is no target at all.
    """
    known = ~targets.isnan()
    errors = (predictions.float() - targets.nan_to_num()).square() * known
    sums, counts = errors.sum((0, 1)), known.sum((0, 1))
    singles = sums[:NUM_SINGLE_TARGETS] / counts[:NUM_SINGLE_TARGETS].clamp(min=1)
    return singles.sum() + sums[NUM_SINGLE_TARGETS:].sum() / counts[NUM_SINGLE_TARGETS:].sum().clamp(min=1)


def name_loss(logits: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
    """Average the cross entropy of names over the mentions of regions.

    Args:
        logits (`torch.Tensor` of shape `(batch, sequence, len(NAMES))`):
            Of the head.
        names (`torch.Tensor` of shape `(batch, sequence)`):
            Classes of regions; -100 where no region stands or its class is unknown.

    Returns:
        `torch.Tensor` of shape `()`: Zero, with a gradient of zero, where no region stands at all.
    """
    losses = nn.functional.cross_entropy(logits.flatten(0, 1).float(), names.flatten(), reduction="sum")
    return losses / (names != IGNORED_LABEL).sum().clamp(min=1)


def check_layer(layer: int, num_layers: int) -> None:
    """Refuse a layer that the heads cannot read.

    Args:
        layer (`int`):
            As `auxiliary_loss_layer`.
        num_layers (`int`):
            Of the language model.

    Raises:
        ValueError: If there is no such layer.
    """
    if not 1 <= layer <= num_layers:
        raise ValueError(
            f"`auxiliary_loss_layer` must be from 1 to {num_layers}, the layers of the language model, got {layer}. "
            "Change the settings; a layer in the middle is a good start."
        )


class SR3DWithAuxiliaryLosses(SR3DForConditionalGeneration):
    """The model with the heads, for training.

    Args:
        config (`SR3DConfig`):
            Of the model.
        number_loss_weight (`float`, defaults to 1.0):
            Factor of the loss of numbers.
        name_loss_weight (`float`, defaults to 1.0):
            Factor of the loss of names.
        auxiliary_loss_layer (`int`, defaults to 1):
            The layer of the language model, counted from 1, whose output the heads read.

    Raises:
        ValueError: If there is no such layer.
    """

    def __init__(
        self,
        config: SR3DConfig,
        number_loss_weight: float = 1.0,
        name_loss_weight: float = 1.0,
        auxiliary_loss_layer: int = 1,
    ):
        super().__init__(config)
        hidden_size = config.get_text_config().hidden_size
        self.number_head = nn.Linear(hidden_size, NUM_TARGETS)
        self.name_head = nn.Linear(hidden_size, len(NAMES))
        self.number_loss_weight = number_loss_weight
        self.name_loss_weight = name_loss_weight
        check_layer(auxiliary_loss_layer, config.get_text_config().num_hidden_layers)
        self.auxiliary_loss_layer = auxiliary_loss_layer
        self.post_init()

    def forward(self, number_targets: torch.Tensor | None = None, name_targets: torch.Tensor | None = None, **inputs):
        """Add the weighted auxiliary losses to that of the answers while training; otherwise leave that as it is.

        Args:
            number_targets (`torch.Tensor` of shape `(batch, sequence, NUM_TARGETS)`, *optional*):
                From the collator.
            name_targets (`torch.Tensor` of shape `(batch, sequence)`, *optional*):
                From the collator.
            **inputs:
                Of `SR3DForConditionalGeneration`, labels included; with a `StoredTower`, features as `pixel_values`.

        Returns:
            `SR3DCausalLMOutputWithPast`: With `loss`.

        Raises:
            ValueError: If the batch has no targets.
        """
        tower = self.model.vision_tower
        if isinstance(tower, StoredTower):
            inputs["pixel_values"] = tower.take(inputs["pixel_values"], self.config.tile_size)
        if not self.training or not (self.number_loss_weight or self.name_loss_weight):
            return super().forward(**inputs)
        if number_targets is None or name_targets is None:
            raise ValueError(
                "`number_targets` and `name_targets` must be in each batch where `number_loss_weight` or "
                "`name_loss_weight` is above 0, got a batch without. Give the records `targets` and `names`, or set "
                "both weights to 0."
            )
        outputs = super().forward(**inputs, output_hidden_states=True)
        hidden = outputs.hidden_states[self.auxiliary_loss_layer]
        # The state before a token predicts it, so each answer token's target belongs to the position before it.
        numbers = number_loss(self.number_head(hidden[:, :-1]), number_targets[:, 1:])
        names = name_loss(self.name_head(hidden), name_targets)
        outputs.loss = outputs.loss + self.number_loss_weight * numbers + self.name_loss_weight * names
        outputs.hidden_states = None
        return outputs

    def without_heads(self) -> SR3DForConditionalGeneration:
        """Give the model that was trained.

        Returns:
            `SR3DForConditionalGeneration`: With the same weights, and the heads left out.
        """
        plain = SR3DForConditionalGeneration(self.config)
        weights = {name: value for name, value in self.state_dict().items() if not name.startswith(HEADS)}
        plain.load_state_dict(weights)
        plain.generation_config = self.generation_config
        return plain


class MeanLossTrainer(Trainer):
    """A `Trainer` for models whose loss is already a mean over the batch, which theirs with the auxiliary loss is."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = False
