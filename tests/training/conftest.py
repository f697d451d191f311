# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Eight cached scenes and the settings of a very small model, shared by the tests of training and evaluation."""

from pathlib import Path

import pytest
from training_settings import tiny_settings

from transformers_sr3d.training.sft import prepare_data


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def data(cache_dir):
    return prepare_data(tiny_settings(cache_dir / "out", cache_dir / "run", cache_dir=cache_dir))


@pytest.fixture(scope="session")
def processor(data):
    return data[0]


@pytest.fixture(scope="session")
def cache(data):
    return data[1]
