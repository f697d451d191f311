# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a tiny checkpoint on disk, and four stored rooms, two of them photos and two of them walks."""

import pytest
from closed_form_rooms import write_rooms
from tiny_checkpoint import export_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "sr3d-tiny"
    export_tiny_checkpoint(folder)
    return str(folder)


@pytest.fixture(scope="session")
def rooms_folder(tmp_path_factory):
    """Not to be written to."""
    return write_rooms(tmp_path_factory.mktemp("rooms"), num_views=(1, 4, 1, 3))
