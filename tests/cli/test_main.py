# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The program `sr3d` as a process: a reader that stops early."""

import subprocess
import sys


def test_a_closed_pipe_ends_the_program_quietly():
    program = """
import sys
from types import SimpleNamespace
from transformers_sr3d.cli import main

def run(args):
    for _ in range(10_000):
        print("x" * 1000)
    return 0

main.build_parser = lambda: SimpleNamespace(parse_args=lambda argv: SimpleNamespace(run=run, traceback=False))
sys.exit(main.main([]))
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"x" * 1000 + b"\n"
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(timeout=60) == 141
    assert errors == b""
