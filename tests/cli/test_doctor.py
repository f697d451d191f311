# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d doctor`: what it prints, its exit status, and the corrected copy."""

import argparse
import json

import numpy as np
import pytest
from examined_rooms import make_source

from transformers_sr3d.cli import doctor
from transformers_sr3d.doctor.planted import PLANTED
from transformers_sr3d.inputs.open_source import import_scene, open_source


def run_doctor(*arguments):
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    args = parser.parse_args(["doctor", *map(str, arguments)])
    return args.run(args)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "sound"
    import_scene(make_source(), folder)
    return folder


@pytest.fixture(scope="module")
def inverted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "inverted"
    import_scene(PLANTED["poses inverted"].plant(make_source(), np.random.default_rng(0)), folder)
    return folder


def test_a_sound_scene_gives_status_zero(sound, tmp_path, capsys):
    assert run_doctor(sound, "--fix", tmp_path / "copy") == 0
    printed = capsys.readouterr()
    assert "10 views, 10 compared" in printed.out
    assert "nothing wrong was found" in printed.out
    assert "nothing wrong was found, so" in printed.err
    assert not (tmp_path / "copy").exists()


def test_a_fault_gives_status_one_and_says_what_to_do(inverted, capsys):
    assert run_doctor(inverted) == 1
    printed = capsys.readouterr().out
    assert "fault        pose_direction: the poses have the other direction" in printed
    assert "`world_to_camera` instead of `camera_to_world`" in printed


def test_json_holds_the_report(inverted, capsys):
    assert run_doctor(inverted, "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["is_sound"] is False
    assert report["verdict"] == "fault"
    assert [finding["name"] for finding in report["findings"]] == ["pose_direction"]
    assert report["mending"]["geometry"]["invert_poses"] is True
    assert report["figures"]["corrected_agreeing_share"] > 0.8 > report["figures"]["agreeing_share"]


def test_the_corrected_copy_is_the_sound_scene(inverted, sound, tmp_path, capsys):
    assert run_doctor(inverted, "--fix", tmp_path / "copy", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["mended"]["is_sound"] is True
    for view, wanted in zip(open_source(tmp_path / "copy").views, open_source(sound).views, strict=True):
        assert view.camera_to_world == pytest.approx(wanted.camera_to_world, abs=1e-6)
        assert np.array_equal(view.load_depth(), wanted.load_depth())


def test_the_source_itself_is_never_written_over(inverted):
    with pytest.raises(ValueError, match=r"`--fix` must be another folder than the source, got .*inverted"):
        run_doctor(inverted, "--fix", inverted, "--overwrite")
    with pytest.raises(ValueError, match="`--fix` must be another folder"):
        run_doctor(inverted, "--fix", inverted / "copy")


def test_a_folder_with_other_things_is_not_written_into(inverted, tmp_path):
    (tmp_path / "letter.txt").write_text("dear reader")
    with pytest.raises(ValueError, match=r"`--out` .* must be new or empty, got .*letter\.txt"):
        run_doctor(inverted, "--fix", tmp_path)


def test_one_view_is_too_few_to_compare(inverted):
    with pytest.raises(ValueError, match="`--views` must be at least 2, got 1"):
        run_doctor(inverted, "--views", 1)


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing there"):
        run_doctor(tmp_path / "nowhere")
