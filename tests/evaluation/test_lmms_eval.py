# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A real offline run of lmms-eval on a small local task whose documents have pictures, scenes and regions.

`lmms-eval` pins libraries that the rest does not want, so it lives in an environment of its own (docs/evaluation.md);
elsewhere these tests are skipped.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from closed_form_rooms import FURNITURE, write_rooms
from PIL import Image


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("lmms_eval") is None, reason="lmms-eval is not installed"),
]
CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "sr3d-tiny"
TASK = """task: sr3d_local
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.visuals
doc_to_text: "{{{{question}}}}"
doc_to_target: answer
generation_kwargs:
  max_new_tokens: 32
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
"""
UTILS = """from PIL import Image

def visuals(document):
    return [Image.open(document["image"]).convert("RGB")]
"""


def run_harness(folder, documents, *arguments):
    (folder / "tasks").mkdir()
    (folder / "test.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
    (folder / "tasks" / "sr3d_local.yaml").write_text(TASK.format(file=folder / "test.jsonl"))
    (folder / "tasks" / "utils.py").write_text(UTILS)
    call = [sys.executable, "-m", "lmms_eval", "--model", "sr3d", "--tasks", "sr3d_local", "--log_samples"]
    call += ["--model_args", f"model={CHECKPOINT},root={folder}", "--include_path", str(folder / "tasks")]
    call += ["--output_path", str(folder / "out"), *arguments]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    return subprocess.run(call, capture_output=True, text=True, check=False, env=environment, timeout=280)


@pytest.fixture
def documents(tmp_path):
    write_rooms(tmp_path / "scans", (3,))
    Image.new("RGB", (64, 48), (200, 180, 120)).save(tmp_path / "a.png")
    _, center, size = FURNITURE[0]
    box = {"center": center, "size": size, "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}
    marked = json.dumps({"scene": "scans/scene-000000", "regions": [{"box_3d": box}]})
    rows = [("How tall is <region0>?", marked), ("How wide is <region0>?", marked), ("Is there a chair?", None)]
    return [
        {"id": k, "question": question, "answer": "?", "image": str(tmp_path / "a.png"), "sr3d": given}
        for k, (question, given) in enumerate(rows)
    ]


def answers_of(folder):
    (path,) = (folder / "out").rglob("*samples_sr3d_local.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row["filtered_resps"] for row in sorted(rows, key=lambda row: row["doc_id"])]


def test_the_harness_gets_answers_about_regions_of_scenes(documents, tmp_path):
    done = run_harness(tmp_path, documents, "--batch_size", "2")
    assert done.returncode == 0, done.stderr[-2000:]
    tall, wide, there = answers_of(tmp_path)
    assert tall.endswith("meters tall.")
    assert wide.endswith("meters wide.")
    assert there.split()[0] in ("Yes,", "No,", "Yes.", "No.")


def test_documents_that_cannot_be_shown_are_named(documents, tmp_path):
    documents[1]["sr3d"] = json.dumps({"scene": "../elsewhere"})
    done = run_harness(tmp_path, documents)
    assert "sr3d_local test 1: `sr3d` must name files inside" in done.stdout + done.stderr
    assert not list((tmp_path / "out").rglob("*samples*"))
