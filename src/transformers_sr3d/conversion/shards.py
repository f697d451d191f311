# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Plan -> sharded safetensors in a working folder, which becomes the checkpoint when everything is in it.

One shard is in memory at a time. A shard that stands in the working folder under its own name is whole, so a call that
was stopped goes on after the last of them; whether they belong to this conversion is told by a fingerprint.

May import: torch, safetensors and siblings.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tqdm import tqdm

from transformers_sr3d.conversion.conversion_plan import Plan
from transformers_sr3d.conversion.stored_tensors import INDEX_FILE
from transformers_sr3d.viewing.files import replacing


FINGERPRINT_FILE = "conversion.json"
SINGLE_FILE = "model.safetensors"


@contextmanager
def working_folder(out: Path, fingerprint: dict[str, Any]) -> Iterator[Path]:
    """Give a folder to write in, and rename it to `out` if all went well.

    Args:
        out (`Path`):
            What the folder is to be called. It must not exist, or be empty.
        fingerprint (`dict`):
            Of the conversion, JSON. What an earlier call left behind is kept if its fingerprint is the same.

    Yields:
        `Path`: Beside `out`.

    Raises:
        ValueError: If `out` exists.
    """
    check_out(out)
    folder = out.resolve().with_name(f".{out.resolve().name}.partial")
    note = folder / FINGERPRINT_FILE
    text = json.dumps(fingerprint, indent=1, sort_keys=True, default=str)
    if folder.exists() and not (note.is_file() and note.read_text(encoding="utf-8") == text):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for half_written in folder.glob(".*"):  # ours and those of safetensors, of a call that was killed
        half_written.unlink()
    with replacing(note) as partial:
        partial.write_text(text, encoding="utf-8")
    yield folder
    note.unlink()
    check_out(out)
    if out.is_dir():
        out.rmdir()
    folder.replace(out)


def check_out(out: Path) -> None:
    """Refuse to write over something.

    Args:
        out (`Path`):
            Folder that is to be written.

    Raises:
        ValueError: If it exists and is not an empty folder.
    """
    if out.exists() and not (out.is_dir() and next(out.iterdir(), None) is None):
        raise ValueError(f"`--out` must not exist yet, got {out}. Name another folder, or remove that one.")


def divide(plan: Plan, max_bytes: int) -> list[list[str]]:
    """Divide the tensors into shards, in the model's order.

    Args:
        plan (`Plan`):
            Gives sizes.
        max_bytes (`int`):
            Of a shard; a larger tensor has one of its own.

    Returns:
        `list[list[str]]`: Names for each shard.
    """
    shards: list[list[str]] = [[]]
    size = 0
    for name in plan.shapes:
        size += plan.bytes_of(name)
        if shards[-1] and size > max_bytes:
            shards.append([])
            size = plan.bytes_of(name)
        shards[-1].append(name)
    return shards


def write_shards(plan: Plan, new: dict[str, torch.Tensor], shards: list[list[str]], folder: Path) -> None:
    """Write the weights, and the index where there are several files.

    Args:
        plan (`Plan`):
            What to copy.
        new (`dict[str, torch.Tensor]`):
            Values of the tensors that are not copied.
        shards (`list[list[str]]`):
            What `divide` returned.
        folder (`Path`):
            Where to write. Shards that stand there are kept.
    """
    names = shard_names(len(shards))
    with tqdm(total=plan.num_bytes, unit="B", unit_scale=True, desc="converting", mininterval=1.0) as bar:
        for name, keys in zip(names, shards, strict=True):
            if not (folder / name).is_file():
                _write_shard(folder / name, plan, new, keys)
            bar.update(sum(map(plan.bytes_of, keys)))
    if len(shards) > 1:
        weight_map = {key: name for name, keys in zip(names, shards, strict=True) for key in keys}
        index = {"metadata": {"total_size": plan.num_bytes}, "weight_map": weight_map}
        with replacing(folder / INDEX_FILE) as partial:
            partial.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def shard_names(count: int) -> list[str]:
    """Name the files as Transformers does."""
    if count == 1:
        return [SINGLE_FILE]
    return [f"model-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]


def _write_shard(path: Path, plan: Plan, new: dict[str, torch.Tensor], keys: list[str]) -> None:
    values = {key: plan.load(key) if key in plan.copied else new[key].to(plan.dtype) for key in keys}
    with replacing(path) as partial:
        save_file(values, partial, metadata={"format": "pt"})
        with partial.open("rb") as file:
            os.fsync(file.fileno())  # its name will say that it is whole, also after a power cut
