# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: tiny random models and the processor that fits them."""

import pytest
import torch
from tiny_model import make_model_inputs, make_tiny_config, make_tiny_model, wake_zero_layers


@pytest.fixture(autouse=True)
def seed_everything():
    torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def one_thread_per_worker(request):
    """Two test processes on two cores: more threads than one each only wait for each other."""
    if hasattr(request.config, "workerinput"):
        torch.set_num_threads(1)


@pytest.fixture
def tiny_processor():
    from tiny import make_tiny_processor

    return make_tiny_processor()


@pytest.fixture
def tiny_config(tiny_processor):
    """A model config whose vocabulary and placeholders are those of `tiny_processor`."""
    return make_tiny_config(
        vocab_size=len(tiny_processor.tokenizer),
        image_token_id=tiny_processor.image_token_id,
        region_token_id=tiny_processor.region_token_id,
    )


@pytest.fixture
def tiny_model(tiny_config):
    """A tiny model for `tiny_processor`, with every branch awake."""
    model = make_tiny_model(tiny_config)
    wake_zero_layers(model)
    return model


@pytest.fixture
def model_inputs():
    """Tensors for `make_tiny_model()`, no processor involved."""
    return make_model_inputs(make_tiny_config())
