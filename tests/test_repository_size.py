# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What rendering on another machine needs is small enough to be handed over in one piece.

That machine has Python, torch and a GPU, but no package index and no hub: the tracked files, one furniture pack and a
few wheels go there together.
"""

import inspect
import subprocess
from pathlib import Path

import pytest

from transformers_sr3d.rooms.furniture.pack_writer import write_pack


REPOSITORY = Path(__file__).parents[1]
MAX_TOTAL_BYTES = 64 * 2**20
MAX_CHECKPOINT_BYTES = 16_000_000
# The largest checkpoint, these, a pack and the wheels below are 65.3 MB together: within 64 MiB (67.1 MB).
MAX_OTHER_BYTES = 8_000_000
# Sizes in bytes of what `pip download --no-deps` gave for CPython 3.11 on x86-64 Linux on 2026-11-22.
WHEELS = {
    "transformers 5.23.0": 13_336_114,
    "embreex 4.4.0.post1": 14_540_499,
    "datasets 5.2.0": 608_276,
    "multiprocess 0.70.19": 144_457,
    "dill 0.4.1": 120_019,
}


@pytest.fixture(scope="module")
def tracked_bytes() -> dict[Path, int]:
    """Sizes of the tracked files, relative to the root."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout: the list of tracked files is unknown")
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    paths = [Path(name) for name in listed.split("\0") if name]
    return {path: (REPOSITORY / path).stat().st_size for path in paths if (REPOSITORY / path).is_file()}


def in_checkpoints(path: Path) -> bool:
    return path.parts[0] == "checkpoints"


def test_checkpoints_stay_small(tracked_bytes):
    assert sum(size for path, size in tracked_bytes.items() if in_checkpoints(path)) <= MAX_CHECKPOINT_BYTES


def test_everything_else_stays_small(tracked_bytes):
    others = {path: size for path, size in tracked_bytes.items() if not in_checkpoints(path)}
    largest = sorted(others, key=others.__getitem__, reverse=True)[:5]
    assert sum(others.values()) <= MAX_OTHER_BYTES, f"largest: {', '.join(map(str, largest))}"


def test_rendering_elsewhere_needs_little(tracked_bytes):
    pack = inspect.signature(write_pack).parameters["max_bytes"].default
    assert sum(tracked_bytes.values()) + pack + sum(WHEELS.values()) <= MAX_TOTAL_BYTES


def test_limits_add_up():
    """Also when every part is as large as it may be."""
    pack = inspect.signature(write_pack).parameters["max_bytes"].default
    assert MAX_CHECKPOINT_BYTES + MAX_OTHER_BYTES + pack + sum(WHEELS.values()) <= MAX_TOTAL_BYTES
