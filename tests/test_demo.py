# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`make demo` asks the embedded checkpoint about a photo and a room, and draws what it says."""

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image


ROOT = Path(__file__).resolve().parent.parent


def test_the_demo_prints_answers_beside_truths_and_draws_them(tmp_path):
    command = [sys.executable, str(ROOT / "demo" / "demo.py"), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^  (\[boxes\]|\[masks\])? *(.+\?) +(\S.*\.) +truth: (.+)$", done.stdout, flags=re.MULTILINE)
    assert len(rows) == 16
    closer = [(answer, truth) for _, question, answer, truth in rows if question.startswith("Which is closer")]
    assert [answer.startswith(truth) for answer, truth in closer] == [True, True]
    for name in ("answers.png", "answers_room.png"):
        assert min(Image.open(tmp_path / name).size) > 300
