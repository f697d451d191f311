# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Every file that is not code or text of our own has a licence on record."""

import fnmatch
import re
import subprocess
from pathlib import Path

import pytest


REPOSITORY = Path(__file__).parents[1]
INDEX = REPOSITORY / "LICENSES" / "README.md"

# Code, its configuration and documentation: Apache-2.0 by the header of the file or by the LICENSE at the root.
OWN_TEXT = {".py", ".md", ".cfg", ".toml", ".yaml", ".yml", ".cff", ".ini", ".typed", ""}
WEIGHT_SUFFIXES = {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".npz", ".onnx", ".gguf", ".pkl", ".msgpack"}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """Files that a commit of everything would hold, relative to the root."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout: the list of tracked files is unknown")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


def licence_rows() -> dict[str, list[str]]:
    """Map each path pattern of the index to the licences that its row names."""
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", INDEX.read_text(), flags=re.MULTILINE)
    return {pattern: re.findall(r"[\w.+-]+", licences) for pattern, licences in rows}


def test_every_data_file_has_a_licence_on_record(tracked: list[Path]) -> None:
    patterns = list(licence_rows())
    data = [path for path in tracked if path.suffix not in OWN_TEXT and path.parts[0] not in ("LICENSES", "LICENSE")]
    uncovered = [str(path) for path in data if not any(fnmatch.fnmatch(str(path), pattern) for pattern in patterns)]
    assert uncovered == [], f"add a row to {INDEX}"


def test_every_licence_on_record_has_its_text() -> None:
    named = {licence for licences in licence_rows().values() for licence in licences}
    assert named
    assert {licence for licence in named if not (INDEX.parent / f"{licence}.txt").is_file()} == set()


def test_folders_of_third_party_data_keep_their_licence() -> None:
    foreign = [pattern for pattern, licences in licence_rows().items() if licences != ["Apache-2.0"]]
    folders = [REPOSITORY / pattern.removesuffix("/*") for pattern in foreign if pattern.endswith("/*")]
    assert folders
    assert [str(folder) for folder in folders if not (folder / "LICENSE").is_file()] == []


def test_weights_are_safetensors_and_nothing_else(tracked: list[Path]) -> None:
    weights = [path for path in tracked if path.suffix in WEIGHT_SUFFIXES]
    assert [str(path) for path in weights if path.suffix != ".safetensors"] == []


def test_every_python_file_names_its_licence(tracked: list[Path]) -> None:
    python = [path for path in tracked if path.suffix == ".py"]
    heads = {path: (REPOSITORY / path).read_text()[:600] for path in python}
    travelling = 'Licensed under the Apache License, Version 2.0 (the "License")'
    at_home = "SPDX-License-Identifier: Apache-2.0"
    assert [str(path) for path, head in heads.items() if travelling not in head and at_home not in head] == []
