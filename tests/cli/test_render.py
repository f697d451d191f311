# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d render`: rooms from the command line with the furniture that comes along."""

import json
import re

from transformers_sr3d.cli.main import main
from transformers_sr3d.rooms.furniture import pack_writer as furniture_pack
from transformers_sr3d.rooms.furniture.pack import open_furniture


SMALL = ["--size", "48", "--views", "2", "2", "--photo-share", "0", "--workers", "1"]


def test_scenes_are_rendered_and_counted(tmp_path, capsys):
    folder = tmp_path / "rooms"
    assert main(["render", "--scenes", "1", "--out", str(folder), "--seed", "3", *SMALL]) == 0
    out = capsys.readouterr().out
    assert re.fullmatch(r"1 scenes, 2 frames in .*rooms; 2 new frames at \d+\.\d frames/s\n", out)
    (line,) = (folder / "scenes.jsonl").read_text().splitlines()
    assert json.loads(line)["num_views"] == 2
    assert json.loads((folder / "render.json").read_text())["seed"] == 3


def test_missing_options_and_files_are_named(tmp_path, capsys):
    assert main(["render", "--out", str(tmp_path)]) == 2
    assert "`--scenes` is missing" in capsys.readouterr().err
    assert main(["render", "--scenes", "1"]) == 2
    assert "`--out` is missing" in capsys.readouterr().err
    assert main(["render", "--scenes", "1", "--out", str(tmp_path), "--furniture", str(tmp_path / "none.deb")]) == 2
    assert "none.deb" in capsys.readouterr().err


def test_pack_is_written_within_its_limit(tmp_path, capsys, monkeypatch):
    calls = []
    monkeypatch.setattr(
        furniture_pack, "write_pack", lambda *args, **kwargs: (calls.append((args, kwargs)), 3 * 2**20)[1]
    )
    source, pack = open_furniture().path, tmp_path / "small.safetensors"
    assert main(["render", "pack", "--furniture", str(source), "--out", str(pack), "--max-mib", "4.5"]) == 0
    (((furniture, path), limits),) = calls
    assert (furniture.path, path, limits) == (source, pack, {"max_bytes": 4.5 * 2**20, "workers": 2})
    assert capsys.readouterr().out == f"{pack}: 3.0 MiB\n"
