# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of exported scans of ScanNet: the known room, colours larger than depth, and what is left out or refused."""

import pickle

import numpy as np
import pytest
from known_source import check_source, known_views
from PIL import Image

from transformers_sr3d.inputs.scannet import is_scannet, read_scannet


VIEWS = known_views(size_hw=(96, 128), depth_size_hw=(48, 64))
# A turn about z and a shift, of `axisAlignment`, given by its sine and cosine.
ALIGNMENT = np.array([[0.8, -0.6, 0, 1.25], [0.6, 0.8, 0, -3.5], [0, 0, 1, 0.125], [0, 0, 0, 1]])


def write_matrix(path, matrix):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(" ".join(f"{value:f}" for value in row) + "\n" for row in matrix))


def embed(intrinsics):
    matrix = np.eye(4)
    matrix[:3, :3] = intrinsics
    return matrix


def write_export(folder, views, *, step=1, before=None):
    """Write what SensReader exports; `before` is undone by the alignment."""
    for name in ("color", "depth"):
        (folder / name).mkdir(parents=True)
        write_matrix(folder / "intrinsic" / f"extrinsic_{name}.txt", np.eye(4))
    write_matrix(folder / "intrinsic" / "intrinsic_color.txt", embed(views[0].intrinsics))
    write_matrix(folder / "intrinsic" / "intrinsic_depth.txt", embed(views[0].depth_intrinsics))
    for index, view in enumerate(views):
        number = index * step
        Image.fromarray(view.image).save(folder / "color" / f"{number}.jpg", quality=98, subsampling=0)
        Image.fromarray(np.round(view.depth * 1000).astype(np.uint16)).save(folder / "depth" / f"{number}.png")
        pose = view.camera_to_world if before is None else np.linalg.inv(before) @ view.camera_to_world
        write_matrix(folder / "pose" / f"{number}.txt", pose)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_export(tmp_path / "scene0000_00", VIEWS)


@pytest.mark.parametrize("step", [1, 5])
def test_the_known_room_comes_back(tmp_path, step):
    folder = write_export(tmp_path / "scene0000_00", VIEWS, step=step)
    assert is_scannet(folder)
    source = read_scannet(folder)
    assert source.kind == "scannet"
    assert source.world_up == "+z"
    assert source.left_out == {}
    assert [view.name for view in source.views] == [f"{index * step}.jpg" for index in range(4)]
    assert source.views[0].time_s is None
    check_source(source, VIEWS)


def test_intrinsics_of_colours_and_depth_are_kept_apart(folder):
    view = read_scannet(folder).views[0]
    assert np.allclose(view.intrinsics, VIEWS[0].intrinsics)
    assert np.allclose(view.depth_intrinsics, VIEWS[0].depth_intrinsics)
    assert view.intrinsics[0, 0] == 2 * view.depth_intrinsics[0, 0]


def test_alignment_is_applied_and_told(tmp_path):
    folder = write_export(tmp_path / "scene0000_00" / "export", VIEWS, before=ALIGNMENT)
    numbers = " ".join(f"{value:f}" for value in ALIGNMENT.flat)
    (tmp_path / "scene0000_00" / "scene0000_00.txt").write_text(f"appVersionId = 116\naxisAlignment = {numbers} \n")
    source = read_scannet(folder)
    assert any("then axis-aligned (axisAlignment of scene0000_00.txt)" in text for text in source.conventions)
    check_source(source, VIEWS)
    source = read_scannet(folder, axis_alignment=False)
    assert any("not axis-aligned (as asked)" in text for text in source.conventions)
    pose = np.linalg.inv(ALIGNMENT) @ VIEWS[0].camera_to_world
    assert np.allclose(source.views[0].camera_to_world, pose, atol=1e-5)


def test_an_export_of_another_scanner_says_what_is_up(tmp_path):
    folder = write_export(tmp_path / "mine", VIEWS)
    with pytest.raises(ValueError, match=r"`world_up` must be given for .*mine, got None"):
        read_scannet(folder)
    check_source(read_scannet(folder, world_up="+z"), VIEWS)


def test_frames_that_lost_tracking_are_left_out_and_counted(folder):
    write_matrix(folder / "pose" / "1.txt", np.full((4, 4), -np.inf))
    assert (folder / "pose" / "1.txt").read_text().startswith("-inf -inf")
    source = read_scannet(folder)
    assert source.left_out == {"1.jpg": "tracking lost: its pose is -inf"}
    check_source(source, [VIEWS[0], VIEWS[2], VIEWS[3]])
    for number in (0, 2, 3):
        write_matrix(folder / "pose" / f"{number}.txt", np.full((4, 4), -np.inf))
    with pytest.raises(ValueError, match=r"must hold at least one view .* 4 that it marks as unusable"):
        read_scannet(folder)


def test_extrinsics_may_be_missing(folder):
    for name in ("color", "depth"):
        (folder / "intrinsic" / f"extrinsic_{name}.txt").unlink()
    assert is_scannet(folder)
    check_source(read_scannet(folder), VIEWS)


@pytest.mark.parametrize("name", ["color", "depth"])
def test_cameras_at_two_places_are_refused(folder, name):
    extrinsics = np.eye(4)
    extrinsics[0, 3] = 0.0379
    write_matrix(folder / "intrinsic" / f"extrinsic_{name}.txt", extrinsics)
    with pytest.raises(
        ValueError, match=rf"extrinsic_{name}\.txt` must be the identity to 0\.001, .* got 0\.0379 off"
    ):
        read_scannet(folder)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("pose/2.txt", "1 0 0 0\n0 1 0 0\n0 0 1 0\n", r"pose/2\.txt` must hold a matrix .* got \(3, 4\)"),
        ("pose/2.txt", "1 0 0 0\n0 1 0\n0 0 1 0\n0 0 0 1\n", r"pose/2\.txt` line 2 must have 4 words, got 3"),
        ("pose/2.txt", "1 0 0 0\n0 1 0 0\n0 0 x 0\n0 0 0 1\n", r"pose/2\.txt line 3` must be numbers"),
        ("pose/2.txt", "1 0 0 nan\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", r"pose/2\.txt` must be 4x4 finite"),
        ("pose/2.txt", "inf 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", r"pose/2\.txt` must be 4x4 finite"),
        ("pose/2.txt", "1 0 0 0\n0 2 0 0\n0 0 1 0\n0 0 0 1\n", r"pose/2\.txt` must be rigid to 0\.001"),
        ("pose/2.txt", "1 0 0 0\n0 1 0 0\n0 0 -1 0\n0 0 0 1\n", r"pose/2\.txt` must be rigid .* determinant -1"),
        (
            "pose/17.txt",
            "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n",
            r"color` must have the same .* 4 of 5, none for frame 17",
        ),
        ("pose/02.txt", "", r"pose` must hold one file of frame 2, got '02\.txt' and '2\.txt'"),
        ("pose/two.txt", "", r"pose` must hold files named by the number of their frame, got 'two\.txt'"),
        ("color/0.png", "", r"color` must hold one file of frame 0, got '0\.jpg' and '0\.png'"),
        ("color/0.jpg", "no picture", r"color/0\.jpg` must be a picture"),
        (
            "intrinsic/intrinsic_color.txt",
            "50 0 32\n0 50 24\n0 0 1\n",
            r"intrinsic_color\.txt` line 1 must have 4 words",
        ),
        (
            "intrinsic/intrinsic_depth.txt",
            "50 0 31.5 0\n0 50 23.5 0\n0 0 1 7\n0 0 0 1\n",
            r"intrinsic_depth\.txt` must be 4x4 with the intrinsics in its corner",
        ),
        ("intrinsic/extrinsic_depth.txt", "1 0\n0 1\n", r"extrinsic_depth\.txt` line 1 must have 4 words"),
    ],
)
def test_bad_files_are_refused_by_name(folder, file, text, message):
    (folder / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_scannet(folder)


@pytest.mark.parametrize("file", ["color/1.jpg", "depth/1.png", "pose/1.txt"])
def test_a_frame_that_is_not_everywhere_is_refused(folder, file):
    (folder / file).unlink()
    with pytest.raises(ValueError, match=rf"{file[:5].rstrip('/')}` must have the same frames .* none for frame 1"):
        read_scannet(folder)


def test_missing_folders_and_intrinsics_are_refused_by_name(folder):
    (folder / "intrinsic" / "intrinsic_depth.txt").unlink()
    assert not is_scannet(folder)
    with pytest.raises(FileNotFoundError, match=r"intrinsic_depth\.txt` must be a file"):
        read_scannet(folder)
    for file in (folder / "depth").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"depth` must hold \.png files, got none"):
        read_scannet(folder)
    (folder / "depth").rmdir()
    with pytest.raises(FileNotFoundError, match=r"depth` must be a folder of the export"):
        read_scannet(folder)


def test_resized_colours_beside_old_intrinsics_are_refused(folder):
    for file in (folder / "color").iterdir():
        Image.open(file).resize((64, 48)).save(file)
    with pytest.raises(ValueError, match=r"intrinsic_color\.txt` must have its principal point .* 64x48 picture"):
        read_scannet(folder)


@pytest.mark.parametrize("file", ["color/1.jpg", "depth/1.png"])
def test_truncated_pictures_are_refused_by_name(folder, file):
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: len(data) // 2])
    source = read_scannet(folder)
    with pytest.raises(ValueError, match=file):
        source.arguments()


def test_two_thousand_frames_open_without_loading_one(folder):
    pose = (folder / "pose" / "0.txt").read_text()
    for number in range(4, 2000):
        (folder / "color" / f"{number}.jpg").touch()  # empty: loading it would fail
        (folder / "depth" / f"{number}.png").touch()
        (folder / "pose" / f"{number}.txt").write_text(pose)
    source = read_scannet(folder)
    assert [view.name for view in source.views[8:12]] == ["8.jpg", "9.jpg", "10.jpg", "11.jpg"]
    assert len(source.views) == 2000


def test_loaders_can_be_sent_to_other_processes(folder):
    view = pickle.loads(pickle.dumps(read_scannet(folder).views[0]))
    assert view.load_image().size == (128, 96)
    assert view.load_depth().shape == (48, 64)
