# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Publishing, the files: a checkpoint folder -> what is published, what stays and why, or an error.

Only files of known names are published, so that nothing of a training run, nothing pickled and nothing private leaves
the machine because it lay in the folder.

May import: the standard library, safetensors, huggingface_hub and `evaluation.checkpoint`.
"""

import json
import re
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard
from safetensors import SafetensorError, safe_open

from transformers_sr3d.evaluation.checkpoint import check_config


CODE_FOLDER = Path(__file__).parents[1]
INDEX_FILE = "model.safetensors.index.json"
PUBLISHED = re.compile(
    r"model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json|(generation_|processor_|preprocessor_|tokenizer_)?"
    r"config\.json|tokenizer\.json|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt|"
    r"chat_template\.(jinja|json)|\w+_sr3d\.py|README\.md|LICENSE(\.\w+)?|ATTRIBUTION\.md|training_settings\.yaml"
)
REASONS = (
    (
        re.compile(r"training_args\.bin|trainer_state\.json|(optimizer|scheduler|rng_state).*"),
        "belongs to a training run",
    ),
    (re.compile(r".*\.(bin|pt|pth|pkl|pickle|ckpt)"), "is pickled; weights are published as safetensors"),
    (re.compile(r"\..*|.*\.(log|jsonl|partial)"), "is no part of a checkpoint"),
)


def list_files(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Sort what lies in a checkpoint folder.

    Args:
        folder (`Path`):
            The folder.

    Returns:
        `tuple[list[str], dict[str, str]]`: Names of the files to publish, and of the rest why they stay.
    """
    published, left = [], {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            left[f"{path.name}/"] = "is a folder"
        elif path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            left[path.name] = "is a link that leaves the folder"
        elif PUBLISHED.fullmatch(path.name):
            published.append(path.name)
        else:
            left[path.name] = next((why for name, why in REASONS if name.fullmatch(path.name)), "is not known")
    return published, left


def check_checkpoint(folder: Path) -> None:
    """Refuse a folder that would not load, or whose licence is unknown.

    Args:
        folder (`Path`):
            The folder.

    Raises:
        FileNotFoundError: If a file of the checkpoint is missing.
        ValueError: If it holds adapters, another model, damaged weights, other code than this version's, or no
            licence.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"`DIR` must be the folder of a checkpoint, got {folder}. Check the path.")
    if (folder / "adapter_config.json").is_file():
        raise ValueError(
            f"`DIR` must hold a whole checkpoint, got adapters in {folder}. Merge them first; sr3d train writes the "
            "merged model to its `output_dir`."
        )
    for name in ("config.json", "processor_config.json", "tokenizer.json", "README.md"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"`DIR` must hold {name}, got {folder} without it. Export the checkpoint again.")
    check_config(folder)
    _check_weights(folder)
    _check_code(folder)
    if not card_facts(folder).get("license"):
        raise ValueError(
            f"`README.md` must name a licence in its head, got none in {folder}. Add `license: apache-2.0`, or what "
            "the weights that it started from allow."
        )


def card_facts(folder: Path) -> dict[str, Any]:
    """Read the head of a model card.

    Args:
        folder (`Path`):
            Of the checkpoint.

    Returns:
        `dict[str, Any]`: Its entries; empty without a card.

    Raises:
        ValueError: If the head is no YAML.
    """
    path = folder / "README.md"
    if not path.is_file():
        return {}
    try:
        return ModelCard.load(path, ignore_metadata_errors=False).data.to_dict()
    except ValueError as error:
        raise ValueError(f"`{path}` must begin with YAML, got {str(error)[:200]}. Repair its head.") from error


def _check_weights(folder: Path) -> None:
    index = folder / INDEX_FILE
    names = {"model.safetensors"}
    if index.is_file():
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    for name in sorted(names):
        if not PUBLISHED.fullmatch(name) or not (folder / name).is_file():
            raise FileNotFoundError(f"`DIR` must hold {name}, got {folder} without it. Copy or export it again.")
        try:
            with safe_open(folder / name, "pt") as tensors:
                tensors.keys()
        except SafetensorError as error:
            raise ValueError(f"`{folder / name}` must be whole, got {error}. Copy or export it again.") from error


def _check_code(folder: Path) -> None:
    expected = {path.name: path.read_bytes() for path in CODE_FOLDER.glob("*_sr3d.py")}
    differing = [name for name, code in expected.items() if _content(folder / name) != code]
    if differing:
        raise ValueError(
            f"`DIR` must carry the code of this version, got another {differing[0]} in {folder}. Load and export the "
            "checkpoint again, or push it with the version that wrote it."
        )


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
