# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/convert.md run on small random models that are called as they are there."""

import re
import shlex
from pathlib import Path

from nvila_files import random_weights, write_vila
from test_assembly import save_language_model, save_tower

from transformers_sr3d.cli.main import build_parser, main


ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "convert.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```bash\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
NEEDS_A_PACKAGE = "SmolLM2"  # tried by test_smollm2.py


def commands() -> list[list[str]]:
    lines = "".join(FENCE.findall(PAGE)).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("sr3d ")]


def test_the_commands_of_the_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_vila(tmp_path / "nvila-lite-8b", random_weights())
    save_tower(tmp_path / "siglip")
    save_language_model(tmp_path / "qwen2")
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    run = [command for command in commands() if NEEDS_A_PACKAGE not in " ".join(command)]
    for command in run:
        assert main(["--traceback", *command]) == 0, command
    outputs = {path.name for path in tmp_path.iterdir()}
    assert {"sr3d-8b", "sr3d-new", "sr3d-small"} <= outputs
    assert len(run) == len(commands()) - 1 == 4


def test_the_table_has_every_option_of_the_converter():
    rows = dict(re.findall(r"^\| `(--[a-z-]+)` \| (?:`(\S+)`)? ?\|", PAGE, re.MULTILINE))
    args = build_parser().parse_args(["convert", "nvila", "x", "--out", "y"])
    names = {f"--{name.replace('_', '-')}" for name in vars(args)} - {"--verb", "--source", "--src", "--run"}
    assert set(rows) == names - {"--traceback"}
    assert (rows["--dtype"], rows["--seed"], rows["--max-shard-gb"]) == (
        args.dtype,
        str(args.seed),
        f"{args.max_shard_gb:g}",
    )
