# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning, samples: records -> what `SR3DDataCollator` makes batches of.

`RecordDataset` with `training.collator.SR3DDataCollator` goes into a plain `Trainer` or `trl.SFTTrainer`; a run from a
recipe uses the two as well. An item depends on seed and position only.

May import: torch, NumPy, `records` and the files at the top of the package.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from transformers_sr3d.finetuning.augmentation import augment_regions
from transformers_sr3d.finetuning.features import FeatureStore
from transformers_sr3d.finetuning.settings import AugmentationSettings
from transformers_sr3d.pipeline_samples_sr3d import VIEW_KEYS, read_scene
from transformers_sr3d.records.format import Record


class RecordDataset(torch.utils.data.Dataset):
    """Encoded records.

    Args:
        records (`Sequence[Record]`):
            From `read_records`.
        processor (`SR3DProcessor`):
            Of the model.
        order (`Sequence[int]`, *optional*):
            Positions of records in the order of a run; each once by default.
        augmentation (`AugmentationSettings`, *optional*):
            Of regions; none by default.
        features (`FeatureStore`, *optional*):
            Gives what the vision tower makes of the tiles, in their place.
        seed (`int`, defaults to 0):
            Of the augmentation.
    """

    def __init__(
        self,
        records: Sequence[Record],
        processor: Any,
        *,
        order: Sequence[int] | np.ndarray | None = None,
        augmentation: AugmentationSettings | None = None,
        features: FeatureStore | None = None,
        seed: int = 0,
    ):
        self.records, self.processor = records, processor
        self.order = range(len(records)) if order is None else order
        self.augmentation, self.features, self.seed = augmentation, features, seed

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Encode the record that is due.

        Args:
            index (`int`):
                Position in the order.

        Returns:
            `dict[str, Any]`: `encoded`, as `SR3DProcessor.encode_views` returns it or None without images, and
            `conversation`.

        Raises:
            ValueError: If the record cannot be encoded; the message names file and line.
        """
        record = self.records[int(self.order[index])]
        rng = np.random.default_rng([self.seed, index])
        encoded = encode_record(record, self.processor, augmentation=self.augmentation, rng=rng)
        if encoded is not None and self.features is not None:
            encoded["pixel_values"] = self.features.load(views_key(record))
        return {"encoded": encoded, "conversation": record.turns}

    def as_rows(self) -> Any:
        """Show the items as a data set of the library `datasets`, which `trl.SFTTrainer` asks for.

        Returns:
            `datasets.Dataset`: Rows that are encoded when they are read. The trainer needs
            `remove_unused_columns=False`, `dataset_kwargs={"skip_prepare_dataset": True}` and the collator.
        """
        from datasets import Dataset

        return Dataset.from_dict({"index": list(range(len(self)))}).with_transform(self._rows)

    def _rows(self, batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        items = [self[index] for index in batch["index"]]
        return {name: [item[name] for item in items] for name in items[0]}


def encode_record(
    record: Record,
    processor: Any,
    *,
    augmentation: AugmentationSettings | None = None,
    rng: np.random.Generator | None = None,
) -> dict[str, Any] | None:
    """Encode the views and regions of a record.

    Args:
        record (`Record`):
            The record.
        processor (`SR3DProcessor`):
            Of the model.
        augmentation (`AugmentationSettings`, *optional*):
            Of its regions; none by default.
        rng (`np.random.Generator`, *optional*):
            Source of randomness of the augmentation.

    Returns:
        `dict[str, Any]` or `None`: See `SR3DProcessor.encode_views`; None without images.

    Raises:
        ValueError: If something is refused; the message names file and line.
    """
    if not record.sample:
        return None
    try:
        sample = read_scene(dict(record.sample), ("images", *VIEW_KEYS))
        if augmentation is not None and rng is not None and "regions" in sample:
            sample["regions"] = augment_regions(sample["regions"], sample["images"], augmentation, rng)
        return processor.encode_views(**sample)
    except (ValueError, TypeError, OSError) as error:
        raise ValueError(f"{record.where}: {error}") from error


def views_key(record: Record) -> str:
    """Name the pictures of a record by where they lie, how large they are and when they were written.

    Args:
        record (`Record`):
            With a scene or images.

    Returns:
        `str`: Hexadecimal digits; equal for records that show the same pictures in the same order.
    """
    names = [record.sample["scene"]] if "scene" in record.sample else record.sample["images"]
    files = [path for name in names for path in _files(Path(name))]
    states = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()[:24]


def _files(path: Path) -> list[Path]:
    return sorted(entry for entry in path.rglob("*") if entry.is_file()) if path.is_dir() else [path]
