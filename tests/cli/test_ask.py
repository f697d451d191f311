# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d ask`: what the command line turns into, what it prints, and how it refuses."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image
from tiny_checkpoint import export_tiny_checkpoint, write_sample

from transformers_sr3d.cli.ask import build_sample, parse_region
from transformers_sr3d.cli.main import build_parser, main


# The form of a calibration file as data sets ship it: the numbers among other things.
CAMERAS = {
    "source": "a Kinect",
    "image_size_hw": [48, 64],
    "depth_unit": "mm",
    "depth_invalid": 0,
    "camera_axes": "opencv",
    "intrinsics": {"fx": 60.0, "fy": 60.0, "cx": 31.5, "cy": 23.5},
    "intrinsics_note": "pixels",
}
EYE = np.eye(4).tolist()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with color.png, depth_mm.png and cameras.json, as the working directory."""
    write_sample(tmp_path)
    (tmp_path / "cameras.json").write_text(json.dumps(CAMERAS))
    (tmp_path / "poses.json").write_text(json.dumps({"camera_to_world": [EYE, EYE]}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ask") / "sr3d-tiny"
    export_tiny_checkpoint(folder)
    return str(folder)


def sample_of(*arguments: str) -> dict:
    """Arguments without a dash come in front of the question."""
    sources = list(itertools.takewhile(lambda argument: not argument.startswith("-"), arguments))
    flags = arguments[len(sources) :]
    return build_sample(build_parser().parse_args(["ask", *sources, "How wide is <region0>?", "--model", "x", *flags]))


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("box=135,154,284,203@0", {"box_xyxy": [135.0, 154.0, 284.0, 203.0], "view": 0}),
        ("box=1,2,3,4", {"box_xyxy": [1.0, 2.0, 3.0, 4.0]}),
        ("point=10.5,20@3", {"point_xy": [10.5, 20.0], "view": 3}),
        ("2:point=1,2@0", {"region": 2, "point_xy": [1.0, 2.0], "view": 0}),
        (
            "box3d=0,1,-2,0.5,0.5,1",
            {"box_3d": {"center": [0.0, 1.0, -2.0], "size": [0.5, 0.5, 1.0], "rotation": np.eye(3).tolist()}},
        ),
    ],
)
def test_a_region_is_read_as_the_processor_wants_it(text, region):
    assert parse_region(text) == region


def test_a_mask_file_stays_a_path(tmp_path):
    """The processor reads it, and refuses what is no mask."""
    Image.fromarray(np.eye(4, dtype=np.uint8) * 255).save(tmp_path / "a@b.png")
    assert parse_region(f"mask={tmp_path / 'a@b.png'}@1") == {"view": 1, "mask": str(tmp_path / "a@b.png")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("135,154,284,203", r"`--region` must be box=.*got '135,154,284,203'"),
        ("circle=1,2,3@0", r"`--region` must be box=.*got 'circle=1,2,3@0'"),
        ("box=1,2,3@0", r"`--region box` must be 4 numbers.*got '1,2,3'"),
        ("point=a,b@0", r"`--region point` must be 2 numbers.*got 'a,b'"),
        ("box3d=1,2,3,4,5,6@0", r"`--region box3d` is a box of the world and has no view"),
    ],
)
def test_another_form_of_region_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_region(text)


def test_a_camera_file_gives_intrinsics_unit_and_axes(files):
    sample = sample_of("--image", "color.png", "--depth", "depth_mm.png", "--intrinsics", "cameras.json")
    assert sample == {
        "text": "How wide is <region0>?",
        "images": ["color.png"],
        "depths": ["depth_mm.png"],
        "depth_unit": "mm",
        "intrinsics": CAMERAS["intrinsics"],
    }
    sample = sample_of("--image", "color.png", "--gravity", "0,1,0", "--intrinsics", "cameras.json")
    assert sample["camera_axes"] == "opencv"
    assert "depth_unit" not in sample


@pytest.mark.parametrize(
    "content", [CAMERAS["intrinsics"], [[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]]], ids=["focal lengths", "matrix"]
)
def test_a_camera_file_may_hold_the_intrinsics_alone(files, content):
    (files / "K.json").write_text(json.dumps(content))
    assert sample_of("--image", "color.png", "--intrinsics", "K.json")["intrinsics"] == content


def test_intrinsics_may_stand_on_the_command_line():
    from transformers_sr3d.cli.ask import _read_cameras

    assert _read_cameras("60,60,31.5,23.5")["intrinsics"] == CAMERAS["intrinsics"]


def test_poses_axes_and_conventions_are_passed_on(files):
    sample = sample_of(
        *("--image", "color.png", "--depth", "depth_mm.png", "--image", "color.png", "--depth", "none"),
        *("--depth-unit", "mm", "--depth-kind", "metric", "--camera-to-world", "poses.json", "--world-up=-y"),
        *("--camera-axes", "opengl", "--option", "chair", "--option", "table", "--region", "box=1,2,3,4@1"),
    )
    assert sample["depths"] == ["depth_mm.png", None]
    assert sample["camera_to_world"] == [EYE, EYE]
    assert (sample["world_up"], sample["camera_axes"], sample["depth_kind"]) == ("-y", "opengl", "metric")
    assert sample["options"] == ["chair", "table"]
    assert sample["regions"] == [{"box_xyxy": [1.0, 2.0, 3.0, 4.0], "view": 1}]


def test_gravity_and_field_of_view_are_passed_on(files):
    sample = sample_of("--image", "color.png", "--gravity=-0.1,1,0", "--horizontal-fov", "60")
    assert sample["gravity_camera"] == [-0.1, 1.0, 0.0]
    assert sample["horizontal_fov_deg"] == 60.0


def write_json(name, content):
    with open(name, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
    return name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "`--image` is missing"),
        (["--image", "missing.png"], r"There is no file missing\.png"),
        (["--image", "color.png", "--depth", "missing.png"], r"There is no file missing\.png"),
        (["--image", "color.png", "--region", "mask=missing.png@0"], r"There is no file missing\.png"),
        (["--image", "color.png", "--intrinsics", "missing.json"], r"There is no file missing\.json"),
        (["--image", "color.png", "--intrinsics", "color.png"], r"color\.png must be a JSON file"),
        (["--image", "color.png", "--intrinsics", "1,2,3"], r"`--intrinsics` must be 4 numbers.*got '1,2,3'"),
        (["--image", "color.png", "--gravity", "down"], r"`--gravity` must be 3 numbers.*got 'down'"),
        (
            ["--image", "color.png", "--camera-to-world", "cameras.json"],
            r"must hold one 4x4 matrix per view.*the keys",
        ),
        (
            ["--image", "color.png", "--world-to-camera", "poses.json"],
            r"under `world_to_camera`.*\['camera_to_world'\]",
        ),
        (["--scene", "nowhere"], r"`nowhere` must be a file or folder, got nothing there"),
        (["--scene", ".", "--kind", "scene"], r"must contain scene\.json"),
        (["--scene", ".", "--image", "color.png"], r"`--image` cannot go with a SOURCE"),
        (["--scene", ".", "--depth-kind", "metric"], r"`--depth-kind` cannot go with a SOURCE"),
        (["--image", "color.png", "--num-frames", "3"], r"`--num-frames` goes with a SOURCE only"),
        (["--image", "color.png", "--kind", "tum"], r"`--kind` goes with a SOURCE only"),
        (["and", "more"], r"`QUESTION` must be one text, after at most one SOURCE"),
    ],
)
def test_a_wrong_command_line_is_refused(files, arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        sample_of(*arguments)


def test_a_camera_file_for_another_image_size_is_refused(files):
    write_json("cameras.json", CAMERAS | {"image_size_hw": [480, 640]})
    with pytest.raises(ValueError, match=r"height and width \[480, 640\], but color\.png has \[48, 64\]"):
        sample_of("--image", "color.png", "--intrinsics", "cameras.json")


def test_a_camera_file_that_contradicts_an_option_is_refused(files):
    with pytest.raises(ValueError, match=r"`--depth-unit` is 'cm', but the camera file states 'mm'"):
        sample_of(
            *("--image", "color.png", "--depth", "depth_mm.png", "--depth-unit", "cm", "--intrinsics", "cameras.json")
        )


@pytest.mark.parametrize("key", ["depth_scale", "camera_to_world", "distortion"])
def test_a_camera_file_with_an_unknown_key_is_refused(files, key):
    write_json("cameras.json", CAMERAS | {key: 1})
    with pytest.raises(ValueError, match=rf"cameras\.json may hold intrinsics, .* notes source, .* got '{key}'"):
        sample_of("--image", "color.png", "--intrinsics", "cameras.json")


def test_a_camera_file_without_intrinsics_is_refused(files):
    write_json("cameras.json", {"K": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"must hold fx, fy, cx, cy.*got the keys \['K'\]"):
        sample_of("--image", "color.png", "--intrinsics", "cameras.json")


def test_a_question_is_answered_on_standard_output(files, checkpoint, capsys):
    status = main(
        [
            *("ask", "How wide is <region0>?", "--model", checkpoint, "--image", "color.png"),
            *("--depth", "depth_mm.png", "--depth-unit", "mm", "--intrinsics", "cameras.json"),
            *("--region", "box=20,12,44,36@0", "--max-new-tokens", "3", "--device", "cpu"),
        ]
    )
    assert status == 0
    printed = capsys.readouterr()
    assert "geometry  metric, gravity unknown" in printed.out
    assert "region 0  100 % of pixels measured, in 1 view(s)" in printed.out


def test_json_holds_the_whole_answer_and_a_warning_without_depth(files, checkpoint, capsys):
    common = ["ask", "How wide is <region0>?", "--model", checkpoint, "--image", "color.png", "--device", "cpu"]
    assert main([*common, "--region", "box=20,12,44,36@0", "--max-new-tokens", "3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"generated_text", "quantity", "choice", "provenance"}
    assert answer["provenance"]["warnings"][0].startswith("No metric scale: there is no depth")


def test_a_scene_folder_is_asked_about(files, checkpoint, capsys):
    from transformers_sr3d.inputs.scene_writing import save_scene

    views = [
        {
            "image": Image.open("color.png"),
            "depth": np.asarray(Image.open("depth_mm.png")),
            "intrinsics": [[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]],
            "camera_to_world": np.eye(4) + np.eye(4, k=3) * 0.1 * index,
        }
        for index in range(2)
    ]
    save_scene("scene", views, world_up="-y")
    region = "0:box3d=0,0,1.2,0.8,0.8,0.6"
    common = ["--model", checkpoint, "--device", "cpu", "--max-new-tokens", "3", "--json"]
    assert main(["ask", "How wide is <region0>?", "--scene", "scene", "--region", region, *common]) == 0
    provenance = json.loads(capsys.readouterr().out)["provenance"]
    assert (provenance["geometry"], provenance["regions"][0]["views"]) == ("metric", 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image", "color.png", "--depth", "depth_mm.png", "--depth-unit", "mm"], "intrinsics"),
        (["--image", "color.png", "--region", "box=20,12,10,36@0"], "box_xyxy"),
        (["--image", "color.png", "--region", "box=20,12,30,36@4"], "view"),
        (["--image", "color.png"], "<region0>"),
    ],
)
def test_what_the_processor_refuses_is_one_line_and_status_two(files, checkpoint, capsys, arguments, message):
    assert main(["ask", "How wide is <region0>?", "--model", checkpoint, "--device", "cpu", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("sr3d ask: ")
    assert "Traceback" not in error


def test_a_missing_model_is_status_two(files, capsys):
    assert main(["ask", "What?", "--model", "no/such/folder", "--image", "color.png"]) == 2
    assert capsys.readouterr().err.startswith("sr3d ask: There is no checkpoint folder no/such/folder.")


def test_a_traceback_is_shown_on_request(files):
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        main(["--traceback", "ask", "What?", "--model", "x", "--image", "missing.png"])


SAID = ("--poses", "camera_to_world", "--camera-axes", "opencv", "--world-up=-y", "--depth-unit", "mm")


@pytest.fixture
def scan(files):
    """A folder of images: view k stands k centimetres along x."""
    for name in ("color", "depth", "poses"):
        (files / "scan" / name).mkdir(parents=True)
    for index in range(40):
        pose = np.eye(4) + np.eye(4, k=3) * 0.01 * index
        Image.new("RGB", (8, 6), (index, 0, 0)).save(files / "scan" / "color" / f"{index}.png")
        Image.fromarray(np.full((6, 8), 1500, np.uint16)).save(files / "scan" / "depth" / f"{index}.png")
        np.savetxt(files / "scan" / "poses" / f"{index}.txt", pose)
    np.savetxt(files / "scan" / "intrinsics.txt", [[8, 0, 3.5], [0, 8, 2.5], [0, 0, 1]])
    return files / "scan"


def keep_views(scan, count):
    for folder in ("color", "depth", "poses"):
        for file in (scan / folder).iterdir():
            if int(file.stem) >= count:
                file.unlink()


@pytest.mark.parametrize("arguments", [("scan", *SAID), ("--scene", "scan", *SAID)])
def test_any_source_is_asked_about_with_the_options_of_its_reader(scan, arguments):
    keep_views(scan, 2)
    sample = sample_of(*arguments)
    assert [image.getpixel((0, 0))[0] for image in sample["images"]] == [0, 1]
    assert sample["depths"][1].max() == pytest.approx(1.5)  # metres
    assert [float(pose[0, 3]) for pose in sample["camera_to_world"]] == pytest.approx([0.0, 0.01])
    assert (sample["world_up"], sample["text"]) == ("-y", "How wide is <region0>?")
    assert "depth_unit" not in sample


def test_what_a_source_does_not_tell_or_take_is_refused(scan):
    keep_views(scan, 2)
    with pytest.raises(ValueError, match=r"`poses` must be one of"):
        sample_of("scan")
    for flags in (["--intrinsics", "8,8,3.5,2.5"], ["--num-frames", "3"], ["--min-confidence", "2"]):
        with pytest.raises(ValueError, match="has no effect on a source of kind 'images'"):
            sample_of("scan", *SAID, *flags)
    with pytest.raises(ValueError, match=r"`scene` has no effect on a source of kind 'images', got 'scene0'"):
        sample_of("scan", *SAID, "--scene", "scene0")
    with pytest.raises(ValueError, match=r"`--intrinsics` must be 4 numbers .* got 'cameras\.json'"):
        sample_of("scan", *SAID, "--intrinsics", "cameras.json")


def test_more_views_than_a_prompt_holds_are_to_be_chosen_from_first(scan):
    with pytest.raises(ValueError, match=r"at most 32 views, got 40 in scan\. .*sr3d scene import scan --out DIR"):
        sample_of("scan", *SAID)
    keep_views(scan, 32)
    assert len(sample_of("scan", *SAID)["images"]) == 32


def test_flags_of_readers_do_not_shadow_those_of_the_verb():
    args = build_parser().parse_args(["ask", "room", "Q", "--model", "checkpoint", "--model-folder", "sparse/1"])
    assert (args.model, args.question) == ("checkpoint", ["room", "Q"])
    with pytest.raises(ValueError, match=r"`--model-folder` goes with a SOURCE only"):
        sample_of("--image", "a.png", "--model-folder", "sparse/1")
