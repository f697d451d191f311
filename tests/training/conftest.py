# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Nine cached samples and the settings of a very small model, shared by the tests of training and evaluation."""

from pathlib import Path

import pytest
from training_settings import tiny_settings

from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.training.data import open_cache, train_processor
from transformers_sr3d.training.room_scenes import RoomScenes


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def data(cache_dir):
    settings = tiny_settings(cache_dir / "out", cache_dir / "run", cache_dir=cache_dir)
    cache = open_cache(settings, "train")
    return train_processor(settings, cache), cache


@pytest.fixture(scope="session")
def make_sample(processor, cache_dir):
    settings = tiny_settings(cache_dir / "out", cache_dir / "run", cache_dir=cache_dir)
    return RoomScenes(processor, open_furniture(), settings.samples, split="train")


@pytest.fixture(scope="session")
def processor(data):
    return data[0]


@pytest.fixture(scope="session")
def cache(data):
    return data[1]


@pytest.fixture(scope="session")
def walk(cache) -> int:
    """Number of a scene of several views."""
    return next(index for index in range(len(cache)) if len(cache[index]["encoded"]["num_tiles"]) > 1)
