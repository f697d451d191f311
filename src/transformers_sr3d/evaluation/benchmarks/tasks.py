# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""All tasks by name. A new one needs its file and a line here.

May import: siblings.
"""

import difflib

from transformers_sr3d.evaluation.benchmarks.blink_depth import BLINK_DEPTH
from transformers_sr3d.evaluation.benchmarks.choice_sets import BLINK_SPATIAL, EMBSPATIAL, REALWORLDQA, SAT
from transformers_sr3d.evaluation.benchmarks.coco_regions import COCO_REGIONS
from transformers_sr3d.evaluation.benchmarks.scan2cap import SCAN2CAP
from transformers_sr3d.evaluation.benchmarks.scanqa import SCANQA
from transformers_sr3d.evaluation.benchmarks.spatial_rgpt_bench import SPATIAL_RGPT_BENCH
from transformers_sr3d.evaluation.benchmarks.sqa3d import SQA3D
from transformers_sr3d.evaluation.benchmarks.sr3d_bench import SR3D_BENCH
from transformers_sr3d.evaluation.benchmarks.task import Task
from transformers_sr3d.evaluation.benchmarks.vsi_bench import VSI_BENCH


TASKS = {
    task.name: task
    for task in (
        SCANQA,
        SQA3D,
        SCAN2CAP,
        VSI_BENCH,
        SR3D_BENCH,
        SPATIAL_RGPT_BENCH,
        BLINK_DEPTH,
        BLINK_SPATIAL,
        COCO_REGIONS,
        REALWORLDQA,
        EMBSPATIAL,
        SAT,
    )
}


def find_task(name: str) -> Task:
    """Find a task.

    Args:
        name (`str`):
            Of the task.

    Returns:
        `Task`: The task.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in TASKS:
        close = difflib.get_close_matches(name, TASKS, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Choose one of {', '.join(TASKS)}."
        raise ValueError(f"`TASK` must be the name of a benchmark, got {name!r}. {hint}")
    return TASKS[name]
