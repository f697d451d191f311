# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The native plans of Transformers in two CPU processes: every process sees the whole batch, and losses stay equal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from finetuning_rooms import write_start


STEPS = Path(__file__).with_name("distributed_steps.py")
# Partial sums of two processes against one, in float32, through three steps.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("distributed"))


def losses(folder, mode, processes):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    start = launcher if processes > 1 else [sys.executable]
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [*start, str(STEPS), str(folder / "start"), str(folder / "train.jsonl"), mode],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.strip().splitlines()[-1])


@pytest.mark.slow
def test_tensor_parallel_sharded_and_checkpointed_steps_are_those_of_one_process(folder):
    expected = losses(folder, "plain", 1)
    assert expected[-1] < expected[0]
    assert losses(folder, "checkpointing", 1) == pytest.approx(expected, abs=1e-6)
    for mode in ("tp", "fsdp"):
        assert losses(folder, mode, 2) == pytest.approx(expected, abs=TOLERANCE), mode
