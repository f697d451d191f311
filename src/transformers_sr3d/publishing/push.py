# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Publishing, the push: a checkpoint folder -> one commit of a repository on the Hub.

One commit, so that nobody ever loads half of two models. Large files are uploaded before it; those that the Hub has
already are not sent again, so calling an interrupted push again goes on.

May import: huggingface_hub and siblings.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils._validators import validate_repo_id

from transformers_sr3d.publishing.card import card_to_push
from transformers_sr3d.publishing.files import PUBLISHED, check_checkpoint, list_files


def check_repository(repo_id: str) -> None:
    """Refuse a name that no repository can have.

    Args:
        repo_id (`str`):
            `"owner/name"`.

    Raises:
        ValueError: If it is another.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ValueError(f"`REPO` must be owner/name, got {repo_id!r}: {error}. Correct it.") from error
    if repo_id.count("/") != 1:
        raise ValueError(f"`REPO` must be owner/name, got {repo_id!r}. Put your name or that of a group before it.")


def push_checkpoint(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = True,
    revision: str | None = None,
    message: str | None = None,
    report: Mapping[str, Any] | None = None,
) -> str:
    """Publish a checkpoint.

    Args:
        folder (`str` or `Path`):
            A checkpoint that `export_checkpoint` wrote.
        repo_id (`str`):
            `"owner/name"`; made if it is not there.
        private (`bool`, defaults to `True`):
            Whether a repository that is made is private; one that is there stays as it is.
        revision (`str`, *optional*):
            Branch; made if it is not there.
        message (`str`, *optional*):
            Of the commit.
        report (`Mapping`, *optional*):
            Of `sr3d eval records`, for the figures of the card.

    Returns:
        `str`: Address of the commit.

    Raises:
        FileNotFoundError: If a file of the checkpoint is missing.
        ValueError: If the checkpoint or the name is refused.
        OSError: If the Hub refuses or cannot be reached.
    """
    folder = Path(folder)
    check_repository(repo_id)
    check_checkpoint(folder)
    names, _ = list_files(folder)
    card = card_to_push(folder, repo_id, report)
    api = HfApi()
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        stale = [
            name for name in api.list_repo_files(repo_id, revision=revision) if PUBLISHED.fullmatch(name)
            if name not in names
        ]  # fmt: skip
        contents = {name: card if name == "README.md" else folder / name for name in names}
        operations: list[Any] = [CommitOperationAdd(name, content) for name, content in contents.items()]
        operations += [CommitOperationDelete(name) for name in stale]
        commit = api.create_commit(
            repo_id, operations, commit_message=message or "Push an SR-3D checkpoint", revision=revision
        )
    except (HfHubHTTPError, RepositoryNotFoundError) as error:
        refusal = f"the Hub refused {repo_id}: {error}. Check the name, and the token by `hf auth whoami`."
        raise OSError(_without_token(refusal)) from None
    return str(commit.commit_url)


def _without_token(text: str) -> str:
    for token in (get_token(), os.environ.get("HF_TOKEN")):
        text = text.replace(token, "***") if token else text
    return text
