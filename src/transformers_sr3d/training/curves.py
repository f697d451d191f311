# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Curves of a run: `log.jsonl` -> `curves.csv` and `curves.png`.

This module may import the standard library and, inside functions, matplotlib.
"""

import csv
import json
from pathlib import Path


COLUMNS = ("step", "minutes", "loss", "eval_loss", "learning_rate", "grad_norm")


def write_curves(run_dir: str | Path) -> None:
    """Write the loss and the validation loss of a run as a table and as a picture.

    Args:
        run_dir (`str` or `Path`):
            Folder of the run, with `log.jsonl`. A part of the run that was repeated after a stop counts once, as it
            was logged last; a line that was cut off when the run was killed does not count.
    """
    run_dir = Path(run_dir)
    rows: dict[int, dict] = {}
    for line in (run_dir / "log.jsonl").read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        rows[entry["step"]] = rows.get(entry["step"], {}) | {key: entry[key] for key in COLUMNS if key in entry}
    ordered = [rows[step] for step in sorted(rows)]
    with (run_dir / "curves.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(ordered)
    _draw(ordered, run_dir / "curves.png")


def _draw(rows: list[dict], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss", title="training and validation")
    for key, label in (("loss", "training"), ("eval_loss", "validation")):
        points = [(row["step"], row[key]) for row in rows if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, marker="o" if key == "eval_loss" else None)
    axes.legend()
    figure.savefig(path, dpi=100)
