# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Which weights exactly: the name or folder of a checkpoint -> one text that changes when they do.

For a repository of the Hub that is its commit, for a folder the digest of its files, so that estimates kept on disk
never outlive the weights that made them.

May import: the standard library and huggingface_hub.
"""

import hashlib
import re
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError


CONFIG_FILE = "config.json"
HASHED_SUFFIXES = (".json", ".safetensors", ".bin", ".pt", ".pth")
_REPOSITORY = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")


def checkpoint_identity(model: str, revision: str | None = None, *, file: str = CONFIG_FILE) -> str:
    """Identify the weights of a checkpoint.

    Args:
        model (`str`):
            Folder or file, or repository on the Hub.
        revision (`str`, *optional*):
            Branch, tag or commit of a repository.
        file (`str`, defaults to `"config.json"`):
            A file that the repository has.

    Returns:
        `str`: Name and commit, or name and digest.

    Raises:
        FileNotFoundError: If there is no such folder, and no such repository that can be reached.
        ValueError: If `revision` comes with a folder.
    """
    path = Path(model)
    if path.exists():
        if revision is not None:
            raise ValueError(
                f"`revision` belongs to a repository on the Hub, got {revision!r} for a folder, {model}. Leave it out."
            )
        return f"{path.resolve().name}@sha256:{_digest(path)}"
    if not _REPOSITORY.fullmatch(model):
        raise FileNotFoundError(
            f"`model` must be a folder or a repository on the Hub, got {model!r}, which is neither. Check the path: "
            f"it is relative to {Path.cwd()}."
        )
    try:
        config = hf_hub_download(model, file, revision=revision)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise FileNotFoundError(
            f"`model` must be a folder or a repository on the Hub, got {model!r}, which is no folder in {Path.cwd()} "
            f"and cannot be had from the Hub: {str(error).splitlines()[0][:200]} Check the name and the connection."
        ) from error
    return f"{model}@{Path(config).parent.name}"  # .../snapshots/COMMIT/config.json


def _digest(path: Path) -> str:
    """Digest of the names and contents of configuration and weights."""
    digest = hashlib.sha256()
    found = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix in HASHED_SUFFIXES)
    for file in found:
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
