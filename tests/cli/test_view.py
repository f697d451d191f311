# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d view`: what it writes and prints, and how it refuses."""

import argparse
import json

import numpy as np
import pytest
from examined_rooms import make_source
from viewed_rooms import BOXES, write_viewed_scene

from transformers_sr3d.cli import view
from transformers_sr3d.doctor.planted import PLANTED
from transformers_sr3d.inputs.open_source import import_scene


REGIONS = tuple(f"--region=box3d={','.join(map(str, (*center, *size)))}" for center, size in BOXES)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return write_viewed_scene(tmp_path_factory.mktemp("view") / "room")


def run_view(*arguments):
    parser = argparse.ArgumentParser()
    view.add_parser(parser.add_subparsers())
    args = parser.parse_args(["view", *map(str, arguments)])
    return args.run(args)


def test_every_format_is_written_and_named(scene, tmp_path, capsys):
    pytest.importorskip("plotly")
    pytest.importorskip("trimesh")
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"generated_text": "About 1.8 meters."}), encoding="utf-8")
    out = tmp_path / "out"
    formats = "--formats=html,ply,glb,marks,json"
    code = run_view(scene, "--out", out, *REGIONS, formats, "--question", "How far?", "--answer", answer)
    printed = capsys.readouterr().out
    assert code == 0
    names = [
        "cloud.ply",
        "companions.json",
        "marks_000.png",
        "marks_001.png",
        "marks_002.png",
        "scene.glb",
        "view.html",
    ]
    assert sorted(path.name for path in out.iterdir()) == names
    assert all(str(out / name) in printed for name in names)
    assert "not said by the model" in printed
    assert "0 and 1   distance 1.8" in printed
    assert "About 1.8 meters." in (out / "view.html").read_text(encoding="utf-8")
    (pair,) = json.loads((out / "companions.json").read_text(encoding="utf-8"))["pairs"]
    assert pair["gap"] == pytest.approx(1.1, abs=0.15)


def test_ports_and_places_are_refused_before_work(scene, tmp_path):
    with pytest.raises(ValueError, match=r"`--port` must be from 1 to 65535, got 99999999"):
        run_view(scene, "--live", "--port", "99999999")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="`--out` must be a folder, got the file"):
        run_view(scene, "--out", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_views_that_contradict_each_other_are_warned_of(tmp_path, capsys):
    source = PLANTED["poses inverted"].plant(make_source(), np.random.default_rng(0))
    import_scene(source, tmp_path / "inverted")
    run_view(tmp_path / "inverted", "--out", tmp_path / "out", "--formats=ply")
    assert "sr3d view: warning:" in capsys.readouterr().err
    import_scene(make_source(), tmp_path / "sound")
    run_view(tmp_path / "sound", "--out", tmp_path / "out", "--formats=ply")
    assert "warning" not in capsys.readouterr().err


def test_points_are_bounded(scene, tmp_path, capsys):
    run_view(scene, "--out", tmp_path, "--formats=ply", "--max-points=500")
    header = (tmp_path / "cloud.ply").read_bytes().split(b"end_header")[0]
    assert 450 < int(header.split(b"element vertex ")[1].split()[0]) <= 500
    assert "geometry" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "`--out` must be given without --live"),
        (("--out=x", "--formats=html,pdf"), "`--formats` must be some of .* got 'pdf'"),
        (("--out=x", "--port=80"), "`--port` has no effect without --live, got 80"),
        (("--live", "--question=q"), "`--answer` and `--question` stand in the page"),
        (("--out=x", "--region=ball=1@0"), "`--region` must be"),
        (("--out=x", "--max-points=0"), "`--max-points`|`max_points` must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(scene, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        run_view(scene, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "`--answer` must be JSON"), ("[]", "got a list without it"), ('{"text": 1}', "got a dict without it")],
)
def test_a_file_that_is_no_answer_is_refused(scene, tmp_path, content, message):
    file = tmp_path / "answer.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        run_view(scene, "--out", tmp_path / "out", "--answer", file)


def test_missing_answer_and_scene_are_named(scene, tmp_path):
    with pytest.raises(FileNotFoundError, match="`--answer` must be a file"):
        run_view(scene, "--out", tmp_path, "--answer", tmp_path / "no.json")
    with pytest.raises(FileNotFoundError, match="nothing there"):
        run_view(tmp_path / "nothing", "--out", tmp_path / "out")


def test_a_source_of_too_many_views_is_refused(scene, tmp_path, monkeypatch):
    monkeypatch.setattr(view, "MAX_VIEWS", 2)
    with pytest.raises(ValueError, match=r"`SOURCE` must have at most 2 views, got 3 .*--views 2"):
        run_view(scene, "--out", tmp_path)


def test_options_of_readers_reach_the_reader(scene, tmp_path):
    with pytest.raises(ValueError, match="`depth_unit` has no effect on a source of kind 'scene'"):
        run_view(scene, "--out", tmp_path, "--depth-unit=mm")
