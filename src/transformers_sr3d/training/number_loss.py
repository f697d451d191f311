# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""An auxiliary loss for language models that start from nothing: a middle layer must know the number behind an answer.

A pretrained language model can compare and copy before it sees its first region. One that starts from nothing has to
find, from the loss of its words alone, a chain of three steps: fetch two values, compare them, copy the number of the
right region. It learns none before it has all. Here a linear head reads the number behind each answer (the length, or
how far two values are apart) from the hidden states of a middle layer, so the first two steps are learned by
themselves and the layers above learn the third. The head is thrown away after training.

This module may import torch and transformers.
"""

import torch
from torch import nn
from transformers import PreTrainedModel, Trainer


NUM_TARGETS = 2  # log of a length in metres, margin of a choice
HEAD_NAME = "number_head"


def add_number_head(model: PreTrainedModel) -> None:
    """Attach the head, so that optimiser and checkpoints of the run hold it.

    Args:
        model (`PreTrainedModel`):
            The model to train.
    """
    setattr(model, HEAD_NAME, nn.Linear(model.config.get_text_config().hidden_size, NUM_TARGETS))


def remove_number_head(model: PreTrainedModel) -> None:
    """Take the head off again, if there is one.

    Args:
        model (`PreTrainedModel`):
            The trained model.
    """
    if hasattr(model, HEAD_NAME):
        delattr(model, HEAD_NAME)


def number_loss(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum the mean squared errors of the two kinds of targets.

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
    return (errors.sum((0, 1)) / known.sum((0, 1)).clamp(min=1)).sum()


class NumberLossTrainer(Trainer):
    """A `Trainer` that adds the auxiliary loss to the model's own.

    Batches need `number_targets`, which the collator makes of records that have `targets`.

    Args:
        number_loss_weight (`float`):
            Factor of the auxiliary loss; with 0 there is no such loss, and no head is needed.
        number_loss_layer (`int`):
            The layer of the language model, counted from 1, whose output the head reads.

    Raises:
        ValueError: If there is no such layer, or if a batch has no targets.
    """

    def __init__(self, *args, number_loss_weight: float, number_loss_layer: int, **kwargs):
        super().__init__(*args, **kwargs)
        layers = self.model.config.get_text_config().num_hidden_layers
        if number_loss_weight and not 1 <= number_loss_layer <= layers:
            raise ValueError(
                f"`number_loss_layer` must be from 1 to {layers}, the layers of the language model, got "
                f"{number_loss_layer}. Change the settings; one layer below the last is a good start."
            )
        self.number_loss_weight = number_loss_weight
        self.number_loss_layer = number_loss_layer

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Add the weighted auxiliary loss to that of the answers; arguments and result are those of `Trainer`."""
        targets = inputs.pop("number_targets", None)
        if not self.number_loss_weight:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if targets is None:
            raise ValueError(
                "`number_targets` must be in each batch where `number_loss_weight` is above 0, got a batch without. "
                "Give the records `targets`, or set the weight to 0."
            )
        outputs = model(**inputs, output_hidden_states=True)
        # The state before a token predicts it, so each answer token's target belongs to the position before it.
        hidden = outputs.hidden_states[self.number_loss_layer][:, :-1]
        auxiliary = number_loss(getattr(model, HEAD_NAME)(hidden), targets[:, 1:])
        loss = outputs.loss + self.number_loss_weight * auxiliary
        return (loss, outputs) if return_outputs else loss
