# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Arms of the experiments: rows of the tables; settings files -> stages, their order, and their settings for a seed.

A stage names its parent as `init_from`, and seed 0 in its folders; other seeds get folders of their own.

This module may import the standard library, `experiment_tables` and `transformers_sr3d.training.settings`.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from experiment_tables import MAIN_COLUMNS, MULTI_VIEW_COLUMNS, REGION_SIZE_COLUMNS, Column

from transformers_sr3d.training.settings import TrainingSettings, read_settings


CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "experiments"
BASE = "arm_base"
SEED_FOLDER = "seed-0"  # in the settings files


@dataclass(frozen=True)
class Arm:
    """A checkpoint and what it is shown.

    Attributes:
        name (`str`): In the table.
        stage (`str`): Stem of the settings file of its last stage.
        shown (`tuple[str, ...]`): Further options of `sr3d eval rooms-bench`.
    """

    name: str
    stage: str
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A question that the experiments answer.

    Attributes:
        name (`str`): On the command line and in the page.
        arms (`tuple[Arm, ...]`): The reference first.
        columns (`tuple[Column, ...]`): What is measured.
    """

    name: str
    arms: tuple[Arm, ...]
    columns: tuple[Column, ...] = MAIN_COLUMNS


REFERENCE = Arm("reference", "reference_3_unified")
ROWS = (
    Row(
        "position_encoding",
        (
            REFERENCE,
            Arm("no position encoding", "no_position_encoding_3_unified"),
            Arm("no single-view pre-training", "no_pretraining_3_unified"),
            Arm("neither", "neither_3_unified"),
        ),
    ),
    Row(
        "position_encoding_alone",
        (
            Arm("position encoding, no region geometry", "no_region_geometry_3_unified"),
            Arm("no 3D input at all", "no_3d_3_unified"),
        ),
    ),
    Row("zero_shot", (REFERENCE, Arm("single views only", "reference_2_single")), MULTI_VIEW_COLUMNS),
    Row(
        "stitching",
        (Arm("tile, then stitch", "stitching_2_photos"), Arm("no stitching", "no_stitching_2_photos")),
        REGION_SIZE_COLUMNS,
    ),
    Row(
        "estimated_geometry",
        (REFERENCE, Arm("estimated geometry", "reference_3_unified", ("--degrade", "estimated_geometry"))),
    ),
    Row(
        "one_view",
        (
            Arm("masks in all views", "reference_3_unified", ("--region-kind", "masks")),
            Arm("mask in one view", "reference_3_unified", ("--region-kind", "mask")),
        ),
        MULTI_VIEW_COLUMNS,
    ),
    Row("metric_scale", (REFERENCE, Arm("no metric scale", "no_metric_scale_3_unified"))),
    Row(
        "frequencies",
        (
            Arm("temperature 100, scale 10", "reference_3_unified"),
            Arm("temperature 10000, scale 1", "frequencies_10000_1_3_unified"),
            Arm("temperature 10000, scale 100", "frequencies_10000_100_3_unified"),
        ),
    ),
    Row("optimiser", (REFERENCE, Arm("AdamW for all weights", "adamw_3_unified"))),
    Row("region_geometry", (REFERENCE, Arm("no region geometry", "no_region_geometry_3_unified"))),
)


@cache
def stages() -> dict[str, TrainingSettings]:
    """Read the settings files of all stages.

    Returns:
        `dict[str, TrainingSettings]`: With the folders of seed 0, by the file's stem.
    """
    files = sorted(CONFIGS.glob("*.yaml"))
    return {path.stem: read_settings(path) for path in files if path.stem != BASE}


def parent_of(stage: str) -> str | None:
    """Name the stage whose checkpoint a stage starts from."""
    start = stages()[stage].init_from
    if start is None:
        return None
    found = [name for name, settings in stages().items() if settings.output_dir == start]
    if not found:
        raise ValueError(
            f"`init_from` of {stage} must be the `output_dir` of a file in {CONFIGS.name}, got {start!r}. Correct it."
        )
    return found[0]


def chain_of(stage: str) -> list[str]:
    """Name a stage and those before it, the first one first."""
    parent = parent_of(stage)
    return [*([] if parent is None else chain_of(parent)), stage]


def seeded(stage: str, seed: int) -> TrainingSettings:
    """Give the settings of a stage for a seed."""
    settings = stages()[stage]
    folders = {name: getattr(settings, name) for name in ("output_dir", "run_dir", "init_from")}
    moved = {name: path and path.replace(SEED_FOLDER, f"seed-{seed}") for name, path in folders.items()}
    return replace(settings, seed=seed, **moved)
