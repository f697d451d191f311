# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of ScanNet++: the known room as an iPhone recorded it, depth smaller than pictures, and what is refused."""

import json
import pickle

import numpy as np
import pytest
from known_source import check_source, known_views
from PIL import Image

from transformers_sr3d.inputs.scannetpp import is_scannetpp, read_scannetpp


VIEWS = known_views(size_hw=(144, 192), depth_size_hw=(48, 64))
NUMBERS = (0, 9, 10, 200)
RECORDS = "pose_intrinsic_imu.json"


def write_scene(scene, views):
    """Write what the toolbox extracts, and entries of frames that it does not."""
    folder = scene / "iphone"
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    other = {"pose": np.eye(4).tolist(), "aligned_pose": np.eye(4).tolist(), "intrinsic": np.eye(3).tolist()}
    records = {f"frame_{number:06d}": other for number in range(0, 210, 3)}
    for number, view in zip(NUMBERS, views, strict=True):
        name = f"frame_{number:06d}"
        Image.fromarray(view.image).save(folder / "rgb" / f"{name}.jpg", quality=98, subsampling=0)
        Image.fromarray(np.round(view.depth * 1000).astype(np.uint16)).save(folder / "depth" / f"{name}.png")
        records[name] = {
            "timestamp": view.time_s,
            "pose": np.eye(4).tolist(),
            "aligned_pose": view.camera_to_world.tolist(),
            "intrinsic": view.intrinsics.tolist(),
            "imu": {"gravity": [0.0, 0.0, -1.0]},
        }
    (folder / RECORDS).write_text(json.dumps(records))
    return scene


def change(scene, key, value, name="frame_000009"):
    file = scene / "iphone" / RECORDS
    records = json.loads(file.read_text())
    records[name][key] = value
    file.write_text(json.dumps(records))


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path / "0a76e06478", VIEWS)


@pytest.mark.parametrize("inside", ["", "iphone"])
def test_the_known_room_comes_back(scene, inside):
    assert is_scannetpp(scene / inside)
    source = read_scannetpp(scene / inside)
    assert source.kind == "scannetpp"
    assert source.world_up == "+z"
    assert source.left_out == {}
    assert [view.name for view in source.views] == [f"frame_{number:06d}.jpg" for number in NUMBERS]
    assert [view.time_s for view in source.views] == [100.0, 100.25, 100.5, 100.75]
    assert any("Views: 4 of the 72 frames" in sentence for sentence in source.conventions)
    check_source(source, VIEWS)


def test_each_frame_has_its_own_intrinsics(scene):
    matrix = VIEWS[1].intrinsics.copy()
    matrix[0, 2] += 2.5
    change(scene, "intrinsic", matrix.tolist())
    views = read_scannetpp(scene).views
    assert views[1].intrinsics[0, 2] - views[0].intrinsics[0, 2] == 2.5


def test_times_may_be_missing(scene):
    change(scene, "timestamp", None)
    assert [view.time_s for view in read_scannetpp(scene).views] == [100.0, None, 100.5, 100.75]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("aligned_pose", None, r"imu\.json frame_000009 aligned_pose` must be 4 rows of 4 numbers, got None"),
        ("aligned_pose", np.eye(3).tolist(), r"frame_000009 aligned_pose` must be 4 rows of 4 numbers"),
        (
            "aligned_pose",
            np.full((4, 4), np.nan).tolist(),
            r"aligned_pose\[0\]\[0\]` must be a finite number, got nan",
        ),
        ("aligned_pose", (2 * np.eye(4)).tolist(), r"frame_000009 aligned_pose` must be rigid to 0\.001"),
        ("aligned_pose", np.diag([1, 1, -1, 1]).tolist(), r"aligned_pose` must be rigid .* determinant -1"),
        ("intrinsic", None, r"imu\.json frame_000009 intrinsic` must be 3 rows of 3 numbers, got None"),
        ("intrinsic", [[1, 0], [0, 1]], r"frame_000009 intrinsic` must be 3 rows of 3 numbers"),
        (
            "intrinsic",
            [[1, 0, 0], [0, "1", 0], [0, 0, 1]],
            r"frame_000009 intrinsic` must be a finite number, got '1'",
        ),
        (
            "intrinsic",
            [[150, 0, 143.5], [0, 150, 107.5], [0, 0, 1]],
            r"intrinsic` must be that of pictures of 192x144",
        ),
        ("timestamp", "soon", r"frame_000009 timestamp` must be a finite number, got 'soon'"),
    ],
)
def test_bad_entries_are_refused_by_file_frame_and_key(scene, key, value, message):
    change(scene, key, value)
    with pytest.raises(ValueError, match=message):
        read_scannetpp(scene)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"pose_intrinsic_imu\.json` must be JSON"),
        ("[]", r"pose_intrinsic_imu\.json` must be an object of frames, got \[\]"),
        ("{}", r"pose_intrinsic_imu\.json` must be an object of frames, got {}"),
        ('{"frame_000000": {}}', r"imu\.json` must have all 4 frames of .*rgb, got none for frame_000009 and 2 more"),
        (
            json.dumps({f"frame_{number:06d}": 7 for number in NUMBERS}),
            r"imu\.json frame_000000` must be an object, got 7",
        ),
    ],
)
def test_bad_records_are_refused_by_name(scene, text, message):
    (scene / "iphone" / RECORDS).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_scannetpp(scene)


def test_a_picture_without_depth_is_refused(scene):
    (scene / "iphone" / "depth" / "frame_000010.png").unlink()
    with pytest.raises(ValueError, match=r"depth` must have all 4 frames .* got none for frame_000010 and 0 more"):
        read_scannetpp(scene)


def test_a_file_that_is_no_frame_is_refused(scene):
    (scene / "iphone" / "rgb" / "cover.jpg").touch()
    with pytest.raises(ValueError, match=r"rgb` must hold files called like frame_000000\.jpg, got 'cover\.jpg'"):
        read_scannetpp(scene)


@pytest.mark.parametrize("name", ["rgb", "depth"])
def test_a_recording_that_was_not_extracted_is_refused(scene, name):
    for file in (scene / "iphone" / name).iterdir():
        file.unlink()
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match=rf"{name}` must hold .* got none\. Extract them with .*iphone"):
            read_scannetpp(scene)
        if (scene / "iphone" / name).is_dir():
            (scene / "iphone" / name).rmdir()


def test_what_is_no_scene_is_refused(tmp_path):
    assert not is_scannetpp(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"pose_intrinsic_imu\.json` must be a file"):
        read_scannetpp(tmp_path)


def test_a_picture_of_another_size_is_refused_by_name(scene):
    file = scene / "iphone" / "rgb" / "frame_000010.jpg"
    Image.open(file).resize((96, 72)).save(file)
    with pytest.raises(ValueError, match=r"frame_000010\.jpg` must have 192x144 pixels"):
        read_scannetpp(scene).arguments()


@pytest.mark.parametrize("file", ["rgb/frame_000010.jpg", "depth/frame_000010.png"])
def test_truncated_files_are_refused_by_name(scene, file):
    data = (scene / "iphone" / file).read_bytes()
    (scene / "iphone" / file).write_bytes(data[: len(data) // 2])
    source = read_scannetpp(scene)
    with pytest.raises(ValueError, match=file):
        source.arguments()


def test_two_thousand_frames_open_without_loading_one(scene):
    file = scene / "iphone" / RECORDS
    records = json.loads(file.read_text())
    for number in range(1000, 3000):
        name = f"frame_{number:06d}"
        records[name] = records["frame_000009"]
        (scene / "iphone" / "rgb" / f"{name}.jpg").touch()  # empty: loading it would fail
        (scene / "iphone" / "depth" / f"{name}.png").touch()
    file.write_text(json.dumps(records))
    assert len(read_scannetpp(scene).views) == 2004


def test_loaders_can_be_sent_to_other_processes(scene):
    view = pickle.loads(pickle.dumps(read_scannetpp(scene).views[0]))
    assert view.load_image().size == (192, 144)
    assert view.load_depth().shape == (48, 64)
