# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d render`: rooms from the command line with the furniture that comes along."""

import json
import re

import pytest

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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scenes", "0"], "`--scenes` must be from 1 to 1000000, got 0"),
        (["--scenes", "1000001"], "`--scenes` must be from 1 to 1000000, got 1000001"),
        (["--seed", "-1"], "`--seed` must be from 0 to 9223372036853, got -1"),
        (["--seed", str(2**70)], "`--seed` must be from 0 to 9223372036853, got 1180591620717411303424"),
        (["--views", "0", "2"], "`--views` must be from 1 to 256, got 0"),
        (["--views", "3", "2"], "`--views` must be from 3 to 256, got 2"),
        (["--views", "1", "257"], "`--views` must be from 1 to 256, got 257"),
        (["--photo-share", "nan"], "`--photo-share` must be from 0 to 1, got nan"),
        (["--photo-share", "-0.1"], "`--photo-share` must be from 0 to 1, got -0.1"),
        (["--size", "31"], "`--size` must be from 32 to 4096, got 31"),
        (["--size", "1000000"], "`--size` must be from 32 to 4096, got 1000000"),
        (["--workers", "0"], "`--workers` must be from 1 to 256, got 0"),
        (["--workers", "99999"], "`--workers` must be from 1 to 256, got 99999"),
        (["--out", ""], "`--out` is missing"),
    ],
)
def test_absurd_options_are_refused_before_furniture_is_read(tmp_path, capsys, options, message):
    folder = tmp_path / "rooms"
    given = ["render", "--scenes", "1", "--out", str(folder), "--furniture", str(tmp_path / "none.deb"), *options]
    assert main(given) == 2
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_places_that_cannot_be_written_are_refused_before_furniture_is_read(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.safetensors").mkdir()
    furniture = ["--furniture", str(tmp_path / "none.deb")]
    assert main(["render", "--scenes", "1", "--out", str(tmp_path / "file"), *furniture]) == 2
    assert "`--out` must be a folder or new, got the file" in capsys.readouterr().err
    for out in ("", str(tmp_path / "file"), str(tmp_path / "folder.safetensors")):
        assert main(["render", "pack", "--out", out, *furniture]) == 2
        assert f"`--out` must be a file that ends in .safetensors, got {out!r}" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["inf", "nan", "0", "-1"])
def test_absurd_limits_of_a_pack_are_refused_before_furniture_is_read(tmp_path, capsys, limit):
    out = tmp_path / "a.safetensors"
    given = ["render", "pack", "--furniture", str(tmp_path / "none.deb"), "--out", str(out), "--max-mib", limit]
    assert main(given) == 2
    assert f"`--max-mib` must be from 0.0009765625 to 1048576, got {float(limit)}" in capsys.readouterr().err
