# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A run in parts: minutes counted over all of them, checkpoints marked when they are whole, a log of every part.

This module may import transformers.
"""

import json
import time
from pathlib import Path

from transformers import TrainerCallback


COMPLETE_MARK = "complete.json"


class TrainingBudget(TrainerCallback):
    """Count the minutes of training over all parts of a run, stop at the limit, mark complete checkpoints, log.

    Args:
        run_dir (`Path`):
            Folder of the run.
        max_minutes (`float`, *optional*):
            The limit; without it training ends with the schedule.
    """

    def __init__(self, run_dir: Path, max_minutes: float | None):
        self.run_dir = run_dir
        self.max_minutes = max_minutes
        self.earlier_minutes = 0.0
        self.started = time.monotonic()

    @property
    def minutes(self) -> float:
        """Minutes trained so far, those of earlier parts included up to their last checkpoint."""
        return self.earlier_minutes + (time.monotonic() - self.started) / 60.0

    def on_train_begin(self, args, state, control, **kwargs):
        newest = newest_checkpoint(self.run_dir)
        if newest and state.global_step:
            self.earlier_minutes = json.loads((newest / COMPLETE_MARK).read_text())["minutes"]
        self.started = time.monotonic()

    def on_step_end(self, args, state, control, **kwargs):
        if self.max_minutes is not None and self.minutes >= self.max_minutes:
            control.should_training_stop = True

    def on_save(self, args, state, control, **kwargs):
        if not state.is_world_process_zero:
            return
        folder = self.run_dir / f"checkpoint-{state.global_step}"
        mark = {"step": state.global_step, "minutes": self.minutes}
        unfinished = folder / f"{COMPLETE_MARK}.partial"
        unfinished.write_text(json.dumps(mark))
        unfinished.replace(folder / COMPLETE_MARK)

    def on_log(self, args, state, control, logs=None, **kwargs):
        if not state.is_world_process_zero:
            return
        line = {"step": state.global_step, "minutes": round(self.minutes, 3)} | (logs or {})
        with (self.run_dir / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")


def newest_checkpoint(run_dir: Path) -> Path | None:
    """Find where to go on; checkpoints that were not written to the end, or not by us, are passed over.

    Args:
        run_dir (`Path`):
            Folder of the run.

    Returns:
        `Path` or `None`: The newest complete checkpoint.
    """
    complete = [folder for folder in run_dir.glob("checkpoint-*") if (folder / COMPLETE_MARK).exists()]
    return max(complete, key=lambda folder: int(folder.name.split("-")[1]), default=None)
