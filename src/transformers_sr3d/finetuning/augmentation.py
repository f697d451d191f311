# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning, augmentation of regions: as one user marked them -> as another might have.

A mask becomes the rectangle around it, marks on random views are dropped until one or more are left, and edges of
rectangles move: what the paper does in its second stage (its section 3.3), and a little more.

May import: NumPy and the readers of masks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transformers_sr3d.finetuning.settings import AugmentationSettings
from transformers_sr3d.image_files_sr3d import load_image_rgb, load_mask
from transformers_sr3d.region_masks_sr3d import decode_rle


def augment_regions(
    regions: Sequence[Mapping[str, Any]],
    images: Sequence[Any],
    settings: AugmentationSettings,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Mark regions in other ways.

    Args:
        regions (`Sequence[Mapping]`):
            Of a record.
        images (`Sequence[Any]`):
            Of its views; those with rectangles are opened for their size, in which edges stay.
        settings (`AugmentationSettings`):
            How often and how much.
        rng (`np.random.Generator`):
            Source of randomness.

    Returns:
        `list[dict]`: The regions, each with its number in `region`.
    """
    marks: dict[int, list[dict[str, Any]]] = {}
    for place, region in enumerate(regions):
        number = region.get("region")
        marks.setdefault(place if number is None else number, []).append(dict(region))
    changed = []
    for number, entries in marks.items():
        if len(entries) > 1 and rng.uniform() < settings.drop_views:
            kept = rng.choice(len(entries), size=int(rng.integers(1, len(entries))), replace=False)
            entries = [entries[place] for place in sorted(kept)]
        changed += [_change(entry, images, settings, rng) | {"region": number} for entry in entries]
    return changed


def _change(
    region: dict[str, Any], images: Sequence[Any], settings: AugmentationSettings, rng: np.random.Generator
) -> dict[str, Any]:
    if region.get("mask") is not None and rng.uniform() < settings.mask_to_box:
        box = _box_around(_mask(region["mask"]))
        region = {key: value for key, value in region.items() if key != "mask"} | {"box_xyxy": box}
    if region.get("box_xyxy") is not None and settings.jitter:
        x0, y0, x1, y1 = map(float, region["box_xyxy"])
        sides = np.array([x1 - x0, y1 - y0] * 2)
        moved = np.array([x0, y0, x1, y1]) + rng.uniform(-settings.jitter, settings.jitter, 4) * sides
        moved = moved.clip(0, load_image_rgb(images[region.get("view") or 0]).size * 2)
        # Edges that meet would mark nothing.
        is_box = moved[2] - moved[0] >= 1 and moved[3] - moved[1] >= 1
        region = region | {"box_xyxy": moved.tolist() if is_box else [x0, y0, x1, y1]}
    return region


def _mask(mask: Any) -> np.ndarray:
    return decode_rle(mask) if isinstance(mask, Mapping) else np.asarray(load_mask(mask))


def _box_around(mask: np.ndarray) -> list[float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)]
