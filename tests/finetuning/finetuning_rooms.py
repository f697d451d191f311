# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records of plain rooms and a tiny checkpoint, for tests of fine-tuning; and a run as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

from closed_form_rooms import write_rooms
from safetensors.torch import load_file
from tiny_checkpoint import make_model_and_processor

from transformers_sr3d.hub import export_checkpoint
from transformers_sr3d.records.making.run import MakeSettings, make_records


def write_start(folder: Path) -> Path:
    """A checkpoint and `train.jsonl`, `eval.jsonl` of questions about rooms of boxes."""
    model, processor = make_model_and_processor()
    export_checkpoint(model, processor, folder / "start")
    (folder / "start" / "README.md").write_text("---\nlicense: mit\n---\n")
    write_rooms(folder / "rooms", (2, 1, 3))
    scenes = sorted(path.parent for path in (folder / "rooms").rglob("scene.json"))
    make_records(scenes, folder / "train.jsonl", MakeSettings(questions=8, turns=2))
    make_records(scenes, folder / "eval.jsonl", MakeSettings(questions=2, seed=1))
    return folder


def write_recipe(folder: Path, name: str, **changes) -> Path:
    """A recipe of few steps; sections are mappings that add to the defaults here."""
    recipe = {
        "model": str(folder / "start"),
        "data": [str(folder / "train.jsonl")],
        "output_dir": str(folder / name),
        "run_dir": str(folder / f"{name}_run"),
        "tuning": {"method": "full", "learning_rate": 1e-3, "geometry_learning_rate": 1e-3},
        "schedule": {"max_steps": 4, "batch_size": 4, "save_steps": 1, "logging_steps": 1, "bf16": False},
    }
    for key, value in changes.items():
        recipe[key] = {**recipe.get(key, {}), **value} if isinstance(value, dict) else value
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(recipe))
    return path


def start_run(recipe: Path, *, processes: int = 1) -> subprocess.Popen:
    """`sr3d train` on one thread per process."""
    command = [sys.executable, "-m", "transformers_sr3d.cli.main", "train", "--config", str(recipe)]
    command += ["--processes", str(processes)] if processes > 1 else []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def weights(folder: Path) -> dict:
    return load_file(folder / "model.safetensors")
