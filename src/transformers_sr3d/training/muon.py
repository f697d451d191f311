# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Muon for the matrices of language models that start from nothing, AdamW for all other weights.

Muon (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon) makes the momentum of each matrix orthogonal
before it is applied, so that rare directions are learned as fast as common ones. `torch.optim.Muon` takes matrices
only, one by one, and computes in bfloat16, which CPUs without such instructions emulate at a fiftieth of the speed;
`Trainer` wants one optimiser. The update here is the same, in float32, all matrices of a shape at once.

This module may import torch.
"""

from collections.abc import Callable
from itertools import groupby

import torch
from torch import nn


COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic that moves all singular values near 1
ITERATIONS = 5
MOMENTUM = 0.95
LAYERS = "language_model.layers."
ADAMW_RMS = 0.2  # of AdamW's usual update, in learning rates: one rate then fits both (Liu et al., arXiv 2502.16982)


class MuonWithAdamW(torch.optim.AdamW):
    """AdamW whose parameter groups with `"muon": True` are updated by Muon.

    Args:
        params (`list[dict]`):
            Parameter groups, each with a `muon` of true or false.
        **settings:
            Of `torch.optim.AdamW`.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None):
        """Update all weights once.

        Args:
            closure (`Callable`, *optional*):
                Computes loss and gradients anew, as of every optimiser of PyTorch.

        Returns:
            `float` or `None`: What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["muon"]:
                self._update_matrices(group)
        super().step()
        return loss

    def _update_matrices(self, group: dict):
        moving = sorted((p for p in group["params"] if p.grad is not None), key=lambda p: p.shape)
        for shape, same in groupby(moving, key=lambda p: p.shape):
            matrices = list(same)
            directions = orthogonalize(torch.stack([self._momentum(matrix, matrix.grad) for matrix in matrices]))
            for matrix, direction in zip(matrices, directions, strict=True):
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(direction, alpha=-group["lr"] * ADAMW_RMS * max(shape) ** 0.5)
                matrix.grad = None  # AdamW passes it by

    def _momentum(self, matrix: nn.Parameter, gradient: torch.Tensor) -> torch.Tensor:
        state = self.state[matrix]
        if not state:
            state |= {"step": torch.tensor(0.0), "momentum_buffer": torch.zeros_like(matrix)}
        state["step"] += 1  # AdamW asks for it when a state is loaded
        state["momentum_buffer"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(state["momentum_buffer"], MOMENTUM)


def orthogonalize(matrices: torch.Tensor) -> torch.Tensor:
    """Move all singular values of matrices near 1 and leave their singular vectors, by Newton-Schulz iterations.

    Args:
        matrices (`torch.Tensor` of shape `(count, rows, columns)`):
            Any.

    Returns:
        `torch.Tensor` of shape `(count, rows, columns)`: Singular values from about 0.5 to 1.2, less where they were
        below a hundredth of the largest.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalize(matrices.mT).mT
    slope, cubic, quintic = COEFFICIENTS
    result = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = result @ result.mT
        result = torch.baddbmm(result, torch.baddbmm(gram, gram, gram, beta=cubic, alpha=quintic), result, beta=slope)
    return result


def muon_for_layers(
    model: nn.Module, *, muon_learning_rate: float, learning_rate: float, weight_decay: float, adam_beta2: float
) -> MuonWithAdamW:
    """Make the optimiser of a model: Muon for the matrices in the layers of its language model.

    Args:
        model (`nn.Module`):
            The model; weights that need no gradient are left out.
        muon_learning_rate (`float`):
            Of the matrices in the layers.
        learning_rate (`float`):
            Of all other weights.
        weight_decay (`float`):
            Of matrices, whatever updates them.
        adam_beta2 (`float`):
            Decay of AdamW's second moment.

    Returns:
        `MuonWithAdamW`: With three parameter groups, that of Muon last.

    Raises:
        ValueError: If there is no such matrix.
    """
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    vectors = [weight for _, weight in trained if weight.ndim < 2]
    muon = [weight for name, weight in trained if weight.ndim == 2 and LAYERS in name]
    matrices = [weight for name, weight in trained if weight.ndim > 2 or (weight.ndim == 2 and LAYERS not in name)]
    if not muon:
        raise ValueError(
            f"`model` must have matrices to train whose names hold `{LAYERS}`, got none among {len(trained)} weights. "
            "Leave `muon_learning_rate` out: AdamW then updates all weights."
        )
    groups = [
        {"params": matrices, "muon": False, "weight_decay": weight_decay},
        {"params": vectors, "muon": False, "weight_decay": 0.0},
        {"params": muon, "muon": True, "lr": muon_learning_rate, "weight_decay": weight_decay},
    ]
    return MuonWithAdamW(groups, lr=learning_rate, betas=(0.9, adam_beta2))
