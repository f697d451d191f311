# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d scene`: what is imported, what is said about a source, and what is never written over."""

import inspect
import json

import numpy as np
import pytest
from PIL import Image

from transformers_sr3d.cli.main import build_parser, main
from transformers_sr3d.cli.reader_options import READER_OPTIONS, flag_of, reader_options
from transformers_sr3d.inputs.open_source import READERS, open_source
from transformers_sr3d.inputs.scene import load_scene
from transformers_sr3d.inputs.scene_writing import save_scene
from transformers_sr3d.inputs.video import read_video


SAID = ["--poses", "camera_to_world", "--camera-axes", "opencv", "--world-up=-y", "--depth-unit", "mm"]
SIZE_HW = (6, 8)
NUM_VIEWS = 40


@pytest.fixture
def scan(tmp_path):
    """A folder of images: view k stands k metres along x and sees a wall at 2 m, all of it if k divides by 3."""
    folder = tmp_path / "scan"
    for name in ("images", "depth", "poses"):
        (folder / name).mkdir(parents=True)
    for index in range(NUM_VIEWS):
        pose = np.eye(4)
        pose[:3, 3] = index, 0, 1
        depth = np.full(SIZE_HW, 2000, dtype=np.uint16)
        depth[: 2 * (index % 3)] = 0
        Image.new("RGB", SIZE_HW[::-1], (index, 0, 0)).save(folder / "images" / f"{index}.png")
        Image.fromarray(depth).save(folder / "depth" / f"{index}.png")
        np.savetxt(folder / "poses" / f"{index}.txt", pose)
    np.savetxt(folder / "intrinsics.txt", [[8, 0, 3.5], [0, 8, 2.5], [0, 0, 1]])
    return folder


def shown(scene):
    """Which views a scene has, by the red of their images."""
    return [Image.open(path).getpixel((0, 0))[0] for path in load_scene(scene)["images"]]


def refused(capsys, *arguments):
    assert main(["scene", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_thirty_two_views_at_equal_steps_are_imported(scan, tmp_path, capsys):
    assert main(["scene", "import", str(scan), "--out", str(tmp_path / "scene"), *SAID]) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path / 'scene'}: 32 of 40 views (uniform choice) of {scan}, kind images\n"
    )
    assert shown(tmp_path / "scene") == np.linspace(0, 39, 32).astype(int).tolist()
    scene = json.loads((tmp_path / "scene" / "scene.json").read_text())
    assert (scene["world_up"], scene["depth_unit"], scene["camera_axes"]) == ("-y", "mm", "opencv")


def test_some_or_all_views_can_be_asked_for(scan, tmp_path, capsys):
    for number, wanted in (("1", [0]), ("3", [0, 19, 39]), ("40", [*range(40)]), ("all", [*range(40)])):
        out = tmp_path / f"scene{number}"
        assert main(["scene", "import", str(scan), "--out", str(out), "--views", number, *SAID]) == 0
        assert shown(out) == wanted
    assert ": 40 of 40 views (all) of" in capsys.readouterr().out


def test_views_that_see_most_can_be_asked_for(scan, tmp_path, capsys):
    out = ["--out", str(tmp_path / "scene"), "--views", "7"]
    assert main(["scene", "import", str(scan), *out, "--select", "coverage", *SAID]) == 0
    assert "7 of 40 views (coverage choice)" in capsys.readouterr().out
    assert all(index % 3 == 0 for index in shown(tmp_path / "scene"))


def test_coverage_without_geometry_is_refused(scan, tmp_path, capsys):
    error = refused(
        capsys, "import", scan / "images", "--out", tmp_path / "scene", "--select", "coverage", "--views", "4"
    )
    assert "sr3d scene: `select` by coverage needs views with depth, intrinsics and a pose, got none among 40" in error
    assert not (tmp_path / "scene").exists()


def test_a_scene_is_replaced_only_when_told(scan, tmp_path, capsys):
    out = tmp_path / "scene"
    arguments = ["import", scan, "--out", out, *SAID, "--views"]
    assert main(["scene", *map(str, arguments), "5"]) == 0
    before = (out / "scene.json").read_text()
    error = refused(capsys, *arguments, "3")
    assert f"`--out` {out} must be new or empty, got a scene there. Add --overwrite to replace it." in error
    assert (out / "scene.json").read_text() == before
    assert main(["scene", *map(str, arguments), "3", "--overwrite"]) == 0
    assert len(shown(out)) == 3


def test_nothing_else_is_written_over(scan, tmp_path, capsys):
    for overwrite in ([], ["--overwrite"]):
        error = refused(capsys, "import", scan, "--out", scan, *SAID, *overwrite)
        assert "must be new or empty, got a folder with" in error
        error = refused(capsys, "import", scan, "--out", scan / "intrinsics.txt", *SAID, *overwrite)
        assert "intrinsics.txt must be new or empty, got a file" in error
    (tmp_path / "empty").mkdir()
    assert main(["scene", "import", str(scan), "--out", str(tmp_path / "empty"), "--views", "1", *SAID]) == 0


@pytest.mark.parametrize("views", ["0", "-3", "many", "2.5", ""])
def test_a_wrong_number_of_views_is_refused(scan, tmp_path, capsys, views):
    error = refused(capsys, "import", scan, "--out", tmp_path / "scene", f"--views={views}", *SAID)
    assert f"`--views` must be a number from 1 or the word all, got {views!r}" in error


def test_what_a_source_does_not_tell_is_asked_for_and_too_much_refused(scan, tmp_path, capsys):
    out = ["--out", tmp_path / "scene"]
    assert "`poses` must be one of" in refused(capsys, "import", scan, *out)
    assert "`num_frames` has no effect on a source of kind 'images', got 3" in refused(
        capsys, "import", scan, *out, *SAID, "--num-frames", "3"
    )
    assert "`kind` must be one of scene" in refused(capsys, "import", scan, *out, "--kind", "kinect")
    assert "got nothing there" in refused(capsys, "info", tmp_path / "none")


def test_a_broken_view_leaves_nothing_behind(scan, tmp_path, capsys):
    (scan / "images" / "7.png").write_bytes(b"\x89PNG")
    error = refused(capsys, "import", scan, "--out", tmp_path / "scene", "--views", "all", *SAID)
    assert "7.png" in error
    assert not (tmp_path / "scene").exists()


def test_info_says_what_a_source_holds(scan, capsys):
    assert main(["scene", "info", str(scan), *SAID]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"source        {scan}, kind images",
        "views         40",
        "of these      40 with depth, 40 with poses, 40 with intrinsics",
        "image sizes   8x6",
        "depth sizes   8x6",
        "depth         median 2 m, 75 % measured, over 8 of its views",
        "world         up is -y, unit is m",
        "camera path   39 x 0 x 0 m along x, y and z",
        "convention    As the caller said: a folder of images has no conventions.",
    ]
    assert main(["scene", "info", str(scan), "--json", *SAID]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["num_views"], summary["camera_extent"], summary["median_depth"]) == (40, [39.0, 0.0, 0.0], 2.0)
    assert main(["scene", "info", str(scan / "images")]) == 0
    assert "depth sizes" not in capsys.readouterr().out


def test_info_of_an_imported_scene_is_that_of_its_source(scan, tmp_path, capsys):
    out = str(tmp_path / "scene")
    assert main(["scene", "import", str(scan), "--out", out, "--views", "all", *SAID]) == 0
    capsys.readouterr()
    summaries = []
    for arguments in ([str(scan), *SAID], [out]):
        assert main(["scene", "info", "--json", *arguments]) == 0
        summaries.append(json.loads(capsys.readouterr().out))
    assert summaries[1]["kind"] == "scene"
    for name in ("kind", "path", "conventions"):
        assert all(summary.pop(name) for summary in summaries)
    assert summaries[0] == summaries[1]


def test_left_out_views_and_uncopied_objects_are_said(tmp_path, capsys, monkeypatch):
    box = {"name": "box", "center": np.zeros(3), "size": np.ones(3), "rotation": np.eye(3)}
    save_scene(tmp_path / "a", [{"image": Image.new("RGB", (8, 6))}], world_up=None, objects=[box])
    reader = READERS["scene"]

    def read(path):
        source = reader.read(path)
        lost = {"frame 3": "no pose", "frame 4": "no pose", "frame 9": "no image"}
        return type(source)(source.kind, source.path, source.views, left_out=lost)

    monkeypatch.setitem(READERS, "scene", reader._replace(read=read))
    assert main(["scene", "import", str(tmp_path / "a"), "--out", str(tmp_path / "b")]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1:] == [
        "  left out  2 (frame 3, ...): no pose",
        "  left out  1 (frame 9): no image",
    ]
    assert printed.err == "sr3d scene: warning: the objects of the scene were not copied\n"
    assert main(["scene", "info", str(tmp_path / "a")]) == 0
    out = capsys.readouterr().out
    assert "views         1 (3 left out)\n" in out
    assert "left out      2 (frame 3, ...): no pose\n" in out


def test_every_option_of_every_reader_has_a_flag():
    readers = {kind: reader.read for kind, reader in READERS.items()} | {"video": read_video}
    for kind, read in readers.items():
        options = [name for name in inspect.signature(read).parameters if name != "path"]
        assert set(options) <= set(READER_OPTIONS), kind


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], {}),
        (["--world-up=-y", "--depth-scale", "0.001"], {"world_up": "-y", "depth_scale": 0.001}),
        (["--axis-alignment"], {"axis_alignment": True}),
        (["--no-axis-alignment", "--no-sparse-depth"], {"axis_alignment": False, "sparse_depth": False}),
        (["--min-confidence", "2"], {"min_confidence": 2}),
        (["--intrinsics", "525,525,319.5,239.5"], {"intrinsics": {"fx": 525, "fy": 525, "cx": 319.5, "cy": 239.5}}),
        (["--horizontal-fov-deg", "60", "--num-frames", "9"], {"horizontal_fov_deg": 60.0, "num_frames": 9}),
        (["--scene", "scene0000_00", "--data-root", "d"], {"scene": "scene0000_00", "data_root": "d"}),
        (["--model-folder", "sparse/1"], {"model": "sparse/1"}),
    ],
)
def test_flags_become_options(flags, expected):
    assert reader_options(build_parser().parse_args(["scene", "info", "x", *flags])) == expected


@pytest.mark.parametrize("flags", [["--intrinsics", "525,525,319.5"], ["--poses", "c2w"], ["--depth-scale", "1mm"]])
def test_flags_that_cannot_be_read_are_refused(flags, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["scene", "info", "x", *flags])
    assert f"argument {flags[0]}: invalid" in capsys.readouterr().err


def test_help_tells_of_every_flag(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["scene", "import", "--help"])
    text = capsys.readouterr().out
    for name in READER_OPTIONS:
        assert flag_of(name) in text
    assert "--world-up=-y" in text


def test_an_imported_scene_has_the_points_of_its_source(scan, tmp_path):
    assert main(["scene", "import", str(scan), "--out", str(tmp_path / "scene"), "--views", "2", *SAID]) == 0
    views = open_source(tmp_path / "scene").views
    assert [view.camera_to_world[0, 3] for view in views] == [0.0, 39.0]
    assert views[1].load_depth().max() == 2.0
