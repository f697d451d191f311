# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of the TUM RGB-D format: the known room, recorded at three rhythms, and what is left out or refused."""

import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
from known_source import check_source, known_views, world_from_known
from PIL import Image

from transformers_sr3d.inputs.tum import is_tum, read_tum


START_S = 1305031102.175304
# Seconds from an image to its depth map and pose, and to others that are farther away.
DEPTH_LAG_S, POSE_LAG_S, OTHER_LAG_S = 0.004321, -0.0032, 0.0151
INTRINSICS = known_views(1)[0].intrinsics


def quaternion(rotation):
    """Return x, y, z, w: the eigenvector of the largest eigenvalue (Bar-Itzhack 2000)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    symmetric = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    return np.linalg.eigh(symmetric)[1][:, -1]


def pose_line(time_s, pose):
    return " ".join([f"{time_s:.4f}", *(f"{value:.6f}" for value in (*pose[:3, 3], *quaternion(pose[:3, :3])))])


def write_tum(folder, views, *, up="+z", factor=5000):
    """Write the views in the format of the benchmark, with a false depth map and pose a little later than each."""
    lists = {"rgb": ["# color images", "# timestamp filename"], "depth": ["# depth maps"], "groundtruth": ["# poses"]}
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    for index, view in enumerate(views):
        time_s = START_S + index / 4
        pose = world_from_known(up) @ view.camera_to_world
        stored = np.round(view.depth * factor).astype(np.uint16)
        Image.fromarray(view.image).save(folder / "rgb" / f"{time_s:.6f}.png")
        lists["rgb"].append(f"{time_s:.6f} rgb/{time_s:.6f}.png")
        for lag_s, depth in ((DEPTH_LAG_S, stored), (OTHER_LAG_S, stored // 2)):
            Image.fromarray(depth).save(folder / "depth" / f"{time_s + lag_s:.6f}.png")
            lists["depth"].append(f"{time_s + lag_s:.6f} depth/{time_s + lag_s:.6f}.png")
        lists["groundtruth"] += [pose_line(time_s + POSE_LAG_S, pose), pose_line(time_s + OTHER_LAG_S, np.eye(4))]
    for name, lines in lists.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder


def replace_line(path, number, text):
    lines = path.read_text().splitlines()
    lines[number - 1] = text
    path.write_text("\n".join(lines) + "\n")


def shift_times(path, seconds):
    lines = [line.split(maxsplit=1) for line in path.read_text().splitlines() if not line.startswith("#")]
    path.write_text("".join(f"{float(time_s) + seconds:.6f} {rest}\n" for time_s, rest in lines))


@pytest.fixture
def folder(tmp_path):
    return write_tum(tmp_path / "rgbd_dataset_freiburg1_room", known_views())


@pytest.fixture
def vga(tmp_path):
    """One plain view at the size of the Kinect."""
    (view,) = known_views(1)
    view = replace(view, image=np.zeros((480, 640, 3), dtype=np.uint8), depth=np.ones((480, 640)))

    def write(name):
        return write_tum(tmp_path / name, [view])

    return write


def test_the_known_room_comes_back(folder):
    assert is_tum(folder)
    source = read_tum(folder, intrinsics=INTRINSICS)
    assert source.kind == "tum"
    assert source.world_up == "+z"
    assert source.left_out == {}
    assert [view.name for view in source.views][:2] == ["rgb/1305031102.175304.png", "rgb/1305031102.425304.png"]
    assert [view.time_s for view in source.views] == [START_S + index / 4 for index in range(4)]
    assert any("5000 per metre" in sentence for sentence in source.conventions)
    check_source(source, known_views())


@pytest.mark.parametrize("up", ["-y", "+x"])
def test_recordings_of_others_say_what_is_up_and_their_depth_unit(tmp_path, up):
    views = known_views()
    folder = write_tum(tmp_path / "mine", views, up=up, factor=1000)
    source = read_tum(folder, intrinsics=INTRINSICS, world_up=up, depth_scale=0.001)
    assert source.world_up == up
    check_source(source, views)


def test_lines_out_of_order_give_views_by_time(folder):
    for name in ("rgb.txt", "depth.txt", "groundtruth.txt"):
        lines = (folder / name).read_text().splitlines()
        (folder / name).write_text("\n".join(reversed(lines)))
    check_source(read_tum(folder, intrinsics=INTRINSICS), known_views())


def test_images_without_depth_or_pose_are_left_out_and_say_why(folder):
    lines = (folder / "depth.txt").read_text().splitlines()
    (folder / "depth.txt").write_text("\n".join(lines[:3] + lines[5:]))  # without those of the second image
    lines = (folder / "groundtruth.txt").read_text().splitlines()
    (folder / "groundtruth.txt").write_text("\n".join(lines[:7]))  # without those of the fourth
    source = read_tum(folder, intrinsics=INTRINSICS)
    assert [view.name for view in source.views] == ["rgb/1305031102.175304.png", "rgb/1305031102.675304.png"]
    assert source.left_out == {
        "rgb/1305031102.425304.png": "no depth map within 0.02 s, the nearest is 0.2349 s away",
        "rgb/1305031102.925304.png": "no pose within 0.02 s, the nearest is 0.2349 s away",
    }
    views = known_views()
    check_source(source, [views[0], views[2]])


def test_the_tolerance_is_what_the_caller_says(folder):
    shift_times(folder / "groundtruth.txt", 0.03)
    with pytest.raises(
        ValueError, match=r"`max_time_difference_s` must leave .* got 0\.02 and rgb/1305031102\.175304"
    ):
        read_tum(folder, intrinsics=INTRINSICS)
    source = read_tum(folder, intrinsics=INTRINSICS, max_time_difference_s=0.0269)
    assert len(source.views) == 4
    with pytest.raises(ValueError, match=r"no pose within 0\.0267 s, the nearest is 0\.0268 s away"):
        read_tum(folder, intrinsics=INTRINSICS, max_time_difference_s=0.0267)


@pytest.mark.parametrize(
    ("name", "calibration", "distortion"),
    [
        (
            "rgbd_dataset_freiburg1_desk",
            (517.3, 516.5, 318.6, 255.3),
            "not removed: 5 px typically, 37 px in a corner",
        ),
        ("fr2/xyz", (520.9, 521.0, 325.1, 249.7), "not removed: 5 px typically, 27 px in a corner"),
        ("RGBD_Freiburg3_office/part", (535.4, 539.2, 320.1, 247.6), "published without lens distortion"),
    ],
)
def test_the_published_calibration_goes_with_the_name(vga, name, calibration, distortion):
    source = read_tum(vga(name))
    fx, fy, cx, cy = calibration
    assert source.views[0].intrinsics.tolist() == [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    assert any("cvg.cit.tum.de" in sentence and distortion in sentence for sentence in source.conventions)


def test_the_innermost_name_of_a_camera_counts(vga):
    source = read_tum(vga("freiburg2/rgbd_dataset_freiburg3_desk"))
    assert source.views[0].intrinsics[0, 0] == 535.4


@pytest.mark.parametrize("name", ["freiburg4_desk", "sofr1", "fr12", "desk"])
def test_an_unknown_camera_needs_intrinsics_and_up(vga, name):
    folder = vga(name)
    with pytest.raises(ValueError, match=r"`world_up` must be given for .*, got None"):
        read_tum(folder, intrinsics=INTRINSICS)
    with pytest.raises(ValueError, match=r"`intrinsics` must be given for .*, got None"):
        read_tum(folder, world_up="+z")


def test_two_cameras_in_one_name_are_refused(vga):
    folder = vga("freiburg1_and_freiburg2")
    with pytest.raises(ValueError, match=r"must name one camera, got freiburg1 and freiburg2 in 'freiburg1_and"):
        read_tum(folder)
    read_tum(folder, intrinsics=[[525, 0, 319.5], [0, 525, 239.5], [0, 0, 1]], world_up="+z")


def test_images_of_another_size_need_intrinsics(folder):
    with pytest.raises(ValueError, match=r"got None and images of 64x48, while freiburg1 was calibrated at 640x480"):
        read_tum(folder)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_time_difference_s": -1}, ValueError, r"`max_time_difference_s` must be seconds, 0 or more, got -1"),
        ({"max_time_difference_s": float("nan")}, ValueError, r"`max_time_difference_s` must be seconds.* got nan"),
        ({"max_time_difference_s": "0.02"}, TypeError, r"`max_time_difference_s` must be a number, got '0\.02'"),
        ({"depth_scale": 5000}, ValueError, r"`depth_scale` must be metres per unit, .* got 5000"),
        ({"world_up": "up"}, ValueError, r"`world_up` must be one of"),
        ({"intrinsics": np.eye(4)}, ValueError, r"`intrinsics` must have shape \(3, 3\)"),
        ({"intrinsics": np.diag([500.0, 500.0, 1.0])}, ValueError, r"`intrinsics` must be in pixels of a 64x48"),
    ],
)
def test_bad_options_are_refused_by_name(folder, options, error, message):
    with pytest.raises(error, match=message):
        read_tum(folder, **{"intrinsics": INTRINSICS} | options)


POSE = "1305031102.1721 1 2 3 0 0 0 1"


@pytest.mark.parametrize(
    ("file", "line", "text", "message"),
    [
        ("rgb.txt", 3, "1305031102.1 rgb/a.png b", r"rgb\.txt` line 3 must have 2 words, got 3"),
        ("rgb.txt", 3, "soon rgb/a.png", r"rgb\.txt line 3` must be numbers, got 'soon'"),
        ("rgb.txt", 3, "nan rgb/a.png", r"rgb\.txt line 3` must start with seconds, got 'nan'"),
        (
            "rgb.txt",
            3,
            "1.0 ../a.png",
            r"rgb\.txt line 3` must be a relative name inside the folder of the source, got '\.\./a\.png'",
        ),
        (
            "rgb.txt",
            3,
            "1.0 /etc/passwd",
            r"rgb\.txt line 3` must be a relative name inside the folder of the source, got '/etc/passwd'",
        ),
        (
            "rgb.txt",
            3,
            r"1.0 C:\a.png",
            r"rgb\.txt line 3` must be a relative name inside the folder of the source, got 'C:",
        ),
        (
            "rgb.txt",
            3,
            "1.0 C:a.png",
            r"rgb\.txt line 3` must be a relative name inside the folder of the source, got 'C:a",
        ),
        ("rgb.txt", 3, r"1.0 \a.png", r"rgb\.txt line 3` must be a relative name inside the folder"),
        (
            "rgb.txt",
            4,
            "1305031102.5 rgb/1305031102.175304.png",
            r"rgb\.txt line 4` must name a file of its own, got 'rgb/1305031102\.175304\.png' as in line 3",
        ),
        (
            "depth.txt",
            2,
            "1305031102.175304 ../a.png",
            r"depth\.txt line 2` must be a relative name inside the folder",
        ),
        ("depth.txt", 2, "inf depth/a.png", r"depth\.txt line 2` must start with seconds, got 'inf'"),
        ("groundtruth.txt", 2, "1305031102.1721 1 2 3", r"groundtruth\.txt` line 2 must have 8 words, got 4"),
        ("groundtruth.txt", 2, POSE.replace("2", "x", 3), r"groundtruth\.txt line 2` must be numbers"),
        (
            "groundtruth.txt",
            2,
            POSE.replace("0 0 0 1", "0 0 0 2"),
            r"groundtruth\.txt line 2` must be tx ty tz qx qy qz qw .* length 1, got \(0, 0, 0, 2\)",
        ),
        ("groundtruth.txt", 2, POSE.replace("0 0 0 1", "nan 0 0 1"), r"groundtruth\.txt line 2` must be tx ty tz"),
        ("groundtruth.txt", 2, POSE.replace("1 2 3", "1 inf 3"), r"groundtruth\.txt line 2` must be 4x4 finite"),
    ],
)
def test_bad_lines_are_refused_by_file_and_line(folder, file, line, text, message):
    replace_line(folder / file, line, text)
    with pytest.raises(ValueError, match=message):
        read_tum(folder, intrinsics=INTRINSICS)


@pytest.mark.parametrize("name", ["rgb.txt", "depth.txt", "groundtruth.txt"])
def test_a_missing_or_empty_list_is_refused_by_name(folder, name):
    (folder / name).write_text("# nothing\n")
    with pytest.raises(ValueError, match=rf"{name}` must list something, got no line but comments"):
        read_tum(folder, intrinsics=INTRINSICS)
    (folder / name).write_bytes(b"1.0 \xff\xfe.png\n")
    with pytest.raises(ValueError, match=rf"{name}` must be UTF-8 text"):
        read_tum(folder, intrinsics=INTRINSICS)
    (folder / name).unlink()
    assert is_tum(folder) == (name == "groundtruth.txt")
    with pytest.raises(FileNotFoundError, match=rf"{name}` must be a file"):
        read_tum(folder, intrinsics=INTRINSICS)


@pytest.mark.parametrize(("name", "line"), [("rgb", 4), ("depth", 2)])
def test_a_missing_file_is_refused_by_list_and_line(folder, name, line):
    named = (folder / f"{name}.txt").read_text().splitlines()[line - 1].split()[1]
    (folder / named).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name}\.txt line {line}` must name a file in .*{named}"):
        read_tum(folder, intrinsics=INTRINSICS)


def test_truncated_pictures_are_refused_by_name(folder):
    source = read_tum(folder, intrinsics=INTRINSICS)
    for name in ("rgb/1305031102.425304.png", f"depth/{START_S + 0.25 + DEPTH_LAG_S:.6f}.png"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(ValueError, match=name):
            source.arguments()
        (folder / name).write_bytes(data)
    (folder / "rgb" / f"{START_S:.6f}.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1305031102\.175304\.png` must be a picture"):
        read_tum(folder, intrinsics=INTRINSICS)


def test_two_thousand_views_open_without_loading_one(folder):
    lists = {"rgb": [], "depth": [], "groundtruth": []}
    for index in range(2000):
        time_s = 2000000000 + index / 30
        for name in ("rgb", "depth"):
            (folder / name / f"{index}.png").touch()  # empty: loading it would fail
            lists[name].append(f"{time_s:.6f} {name}/{index}.png")
        lists["groundtruth"].append(pose_line(time_s, np.eye(4)))
    for name, lines in lists.items():
        with (folder / f"{name}.txt").open("a") as file:
            file.write("\n".join(lines))
    assert len(read_tum(folder, intrinsics=INTRINSICS).views) == 2004


def test_loaders_can_be_sent_to_other_processes(folder):
    view = pickle.loads(pickle.dumps(read_tum(folder, intrinsics=INTRINSICS).views[0]))
    assert view.load_image().size == (64, 48)
    assert view.load_depth().shape == (48, 64)


def test_a_relative_path_knows_its_camera(vga, monkeypatch):
    monkeypatch.chdir(vga("freiburg1_desk"))
    assert read_tum(os.curdir).views[0].intrinsics[0, 0] == 517.3
