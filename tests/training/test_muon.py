# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Muon: singular values near 1, PyTorch's Muon as the reference, AdamW for the rest, states that load again."""

import copy

import pytest
import torch
from torch import nn

from transformers_sr3d.training.muon import MuonWithAdamW, muon_for_layers, orthogonalize


SETTINGS = {"muon_learning_rate": 0.01, "learning_rate": 0.003, "weight_decay": 0.1, "adam_beta2": 0.98}


class Layered(nn.Module):
    """Weights with the names that a model gives them: matrices in layers, an embedding."""

    def __init__(self):
        super().__init__()
        self.language_model = nn.Module()
        layers = nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 12), nn.Linear(12, 8)
        self.language_model.layers = nn.Sequential(*layers)
        self.embedding = nn.Linear(16, 12, bias=False)

    def forward(self, inputs):
        return self.language_model.layers(self.embedding(inputs)).square().mean()


def train(model, optimizer, steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(32, 16, generator=generator)).backward()
        optimizer.step()


@pytest.mark.parametrize("shape", [(3, 8, 20), (2, 20, 8), (1, 8, 8)])
def test_singular_values_move_near_one_and_vectors_stay(shape):
    torch.manual_seed(0)
    left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    values = torch.logspace(-2, 0, min(shape[1:])).expand(shape[0], -1)
    turned = left.mT @ orthogonalize(left @ torch.diag_embed(values) @ right) @ right.mT
    moved = turned.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(turned, torch.diag_embed(moved), atol=1e-4, rtol=0)
    assert moved.min() > 0.5
    assert moved.max() < 1.25


def test_scale_of_the_gradient_does_not_matter():
    torch.manual_seed(0)
    matrices = torch.randn(2, 6, 9)
    torch.testing.assert_close(orthogonalize(matrices), orthogonalize(1e-4 * matrices), atol=1e-5, rtol=0)
    assert not orthogonalize(torch.zeros(1, 6, 9)).any()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch has Muon from 2.9 on")
def test_matrices_move_as_with_the_muon_of_pytorch_and_the_rest_as_with_adamw(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)  # theirs would round to it
    torch.manual_seed(0)
    ours, twin = (model := Layered()), copy.deepcopy(model)
    train(ours, muon_for_layers(ours, **SETTINGS), 3)
    layers, rest = twin.language_model.layers, twin.embedding
    matrices = [layers[0].weight, layers[2].weight, layers[3].weight]
    vectors = [weight for weight in layers.parameters() if weight.ndim == 1]
    muon = torch.optim.Muon(matrices, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    groups = [{"params": rest.parameters()}, {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=0.003, weight_decay=0.1, betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        twin.zero_grad()
        twin(torch.randn(32, 16, generator=generator)).backward()
        muon.step()
        adamw.step()
    for (name, weight), other in zip(ours.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(weight, other, atol=2e-5, rtol=0, msg=lambda text, name=name: f"{name}: {text}")


def test_training_goes_on_from_a_saved_state():
    torch.manual_seed(0)
    whole, parts = (model := Layered()), copy.deepcopy(model)
    train(whole, muon_for_layers(whole, **SETTINGS), 6)
    first = muon_for_layers(parts, **SETTINGS)
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(32, 16, generator=generator) for _ in range(6)]
    second = muon_for_layers(parts, **SETTINGS)
    for number, values in enumerate(inputs):
        if number == 3:
            second.load_state_dict(copy.deepcopy(first.state_dict()))
        optimizer = first if number < 3 else second
        optimizer.zero_grad()
        parts(values).backward()
        optimizer.step()
    for weight, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(weight, other)


def test_frozen_weights_are_left_out():
    model = Layered()
    model.embedding.weight.requires_grad = False
    optimizer = muon_for_layers(model, **SETTINGS)
    assert isinstance(optimizer, MuonWithAdamW)
    assert [len(group["params"]) for group in optimizer.param_groups] == [0, 3, 3]


def test_a_closure_gives_the_gradients_of_the_step():
    torch.manual_seed(0)
    plain, closed = (model := Layered()), copy.deepcopy(model)
    inputs = torch.randn(32, 16)
    first, second = muon_for_layers(plain, **SETTINGS), muon_for_layers(closed, **SETTINGS)

    def closure():
        second.zero_grad()
        loss = closed(inputs)
        loss.backward()
        return loss

    for _ in range(2):
        first.zero_grad()
        expected = plain(inputs)
        expected.backward()
        first.step()
        assert second.step(closure) == expected
    assert all(torch.equal(one, other) for one, other in zip(plain.parameters(), closed.parameters(), strict=True))


def test_a_model_without_such_layers_is_refused():
    with pytest.raises(ValueError, match=r"whose names hold `language_model.layers.`, got none among 2 weights"):
        muon_for_layers(nn.Linear(3, 3), **SETTINGS)
