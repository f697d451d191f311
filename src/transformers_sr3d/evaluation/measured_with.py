# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What every measurement has in common: where its report goes, which checkpoint, and what it was measured with.

This module may import numpy, torch and transformers.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.utils import CONFIG_NAME, cached_file
from transformers.utils.hub import extract_commit_hash

from transformers_sr3d.evaluation.scene_answers import MAX_NEW_TOKENS


def check_json_path(json_path: str | Path | None) -> None:
    """Refuse a place where no report can be written, before there is one.

    Args:
        json_path (`str` or `Path`, *optional*):
            Of the report.

    Raises:
        FileNotFoundError: If its folder is not there.
        IsADirectoryError: If it is a folder itself.
    """
    if json_path is None:
        return
    if not Path(json_path).absolute().parent.is_dir():
        raise FileNotFoundError(
            f"`json_path` must be in a folder that exists, got {str(json_path)!r}. Make the folder first."
        )
    if Path(json_path).is_dir():
        raise IsADirectoryError(f"`json_path` must be a file, got the folder {str(json_path)!r}. Add a file name.")


def check_model_exists(model: str | Path) -> None:
    """Refuse a checkpoint that is neither a folder nor looks like a name on the Hub.

    Args:
        model (`str` or `Path`):
            Folder, or a name such as `"someone/sr3d"`.

    Raises:
        FileNotFoundError: If there is no such folder and the text is no name: it has not exactly one slash, or begins
            with a folder that is there.
    """
    path = Path(model)
    if path.is_dir():
        return
    owner, slash, name = str(model).partition("/")
    if not (slash and owner and name and "/" not in name) or owner.startswith((".", "~")) or path.parent.is_dir():
        raise FileNotFoundError(
            f"`model` must be the folder of a checkpoint, got {str(model)!r}, which is not there. Correct the path, "
            "or give a name on the Hub, owner/name."
        )


def describe_decoding(batch_size: int, bits: int | None) -> dict[str, Any]:
    """Say how answers are generated.

    Args:
        batch_size (`int`):
            Questions generated together.
        bits (`int`, *optional*):
            Of each weight of the language model's layers.

    Returns:
        `dict[str, Any]`: Ready for JSON.
    """
    settings = {"greedy": True, "max_new_tokens": MAX_NEW_TOKENS, "batch_size": batch_size, "dtype": "float32"}
    return settings if bits is None else {**settings, "language_model_bits": bits}


def describe_run() -> dict[str, Any]:
    """Say where and when something is measured.

    Returns:
        `dict[str, Any]`: `commit` (None outside a git checkout), `versions`, `machine` and `date`, ready for JSON.
    """
    return {
        "commit": _git_commit(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "numpy": np.__version__,
        },
        "machine": {
            "cpus": os.cpu_count(),
            "processes": int(os.environ.get("WORLD_SIZE", "1")),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe_model(model: str | Path) -> dict[str, Any]:
    """Say which checkpoint is measured.

    Args:
        model (`str` or `Path`):
            Folder, or a name on the Hub.

    Returns:
        `dict[str, Any]`: `model`, `weights_sha256` (of a folder) and `hub_commit` (of a name), ready for JSON.

    Raises:
        OSError: If there is nothing of that name.
    """
    # A file of the Hub lies in a folder that is named after its commit.
    commit = None if Path(model).is_dir() else extract_commit_hash(cached_file(str(model), CONFIG_NAME), None)
    return {"model": str(model), "weights_sha256": hash_weights(model), "hub_commit": commit}


def hash_weights(model: str | Path) -> str | None:
    """Hash the weight files of a checkpoint folder.

    Args:
        model (`str` or `Path`):
            The folder.

    Returns:
        `str` or `None`: SHA-256 over the safetensors files in the order of their names; None if there are none, as
        for a name on the Hub.
    """
    files = sorted(Path(model).glob("*.safetensors"))
    if not files:
        return None
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _git_commit() -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    here = Path(__file__)
    words = (
        ("ls-files", "--error-unmatch", here.name),
        ("describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"),
    )
    for command in words:  # the repository of this file, and not of a project that it is installed in
        call = [git, "-C", str(here.parent), *command]
        result = subprocess.run(call, capture_output=True, text=True, check=False)
        if result.returncode:
            return None
    return result.stdout.strip()
