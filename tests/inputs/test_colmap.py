# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of COLMAP: the known room as a sparse model in binary and as text, dense depth maps, and what is refused."""

import os
import pickle
import struct
from functools import partial

import numpy as np
import pytest
from known_source import check_source, known_views, world_from_known
from PIL import Image

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.inputs import colmap_files, named_files
from transformers_sr3d.inputs.colmap import is_colmap, read_colmap


METRIC = {"world_unit": "m", "world_up": "+z"}
PINHOLE = (1, "PINHOLE", (50.0, 50.0, 32.0, 24.0))  # the known camera, counted from the corner of the picture


def quaternion(rotation):
    """Return (w, x, y, z): the eigenvector of Bar-Itzhack's matrix, which needs no case for any angle."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = np.array(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ]
    )
    return np.linalg.eigh(matrix)[1][:, -1]


def model_of(views, *, step=1, up="+z", camera=PINHOLE):
    """Cameras, images and points in the terms of COLMAP; every `step`-th pixel of every view is a point of its own."""
    height, width = views[0].depth.shape
    rows, columns = np.mgrid[0:height:step, 0:width:step].reshape(2, -1)
    model = {"cameras": {7: (*camera, width, height)}, "images": {}, "points": {}}
    for index, view in enumerate(views):
        pose = np.linalg.inv(world_from_known(up) @ view.camera_to_world)
        ids = 90_000 - 10_000 * index + np.arange(len(rows)) * 2
        positions = view.points_world[rows, columns] @ world_from_known(up)[:3, :3].T
        model["points"] |= dict(zip(ids.tolist(), positions.tolist(), strict=True))
        keypoints = [(1.5, 2.5, -1), *zip(columns + 0.5, rows + 0.5, ids.tolist(), strict=True)]
        name = f"room/frame {index + 8}.png"  # frame 8, frame 9, frame 10, ...
        model["images"][31 - index] = (quaternion(pose[:3, :3]), pose[:3, 3], 7, name, keypoints)
    return model


def write_binary(folder, model):
    folder.mkdir(parents=True, exist_ok=True)
    cameras = struct.pack("<Q", len(model["cameras"]))
    for number, (kind, _, parameters, width, height) in model["cameras"].items():
        cameras += struct.pack(f"<IiQQ{len(parameters)}d", number, kind, width, height, *parameters)
    images = [struct.pack("<Q", len(model["images"]))]
    for number, (rotation, translation, camera, name, keypoints) in model["images"].items():
        images.append(struct.pack("<I7dI", number, *rotation, *translation, camera) + name.encode() + b"\0")
        images.append(struct.pack("<Q", len(keypoints)))
        images += [struct.pack("<ddQ", x, y, point % 2**64) for x, y, point in keypoints]
    points = [struct.pack("<Q", len(model["points"]))]
    for number, position in model["points"].items():
        points.append(struct.pack("<Q3d3Bd", number, *position, 10, 20, 30, 0.5))
        points.append(struct.pack("<Q4I", 2, 31, 0, 30, 0))
    for name, content in (("cameras", cameras), ("images", b"".join(images)), ("points3D", b"".join(points))):
        (folder / f"{name}.bin").write_bytes(content)


def write_text(folder, model):
    folder.mkdir(parents=True, exist_ok=True)
    cameras = ["# Camera list", f"# Number of cameras: {len(model['cameras'])}"]
    for number, (_, kind, parameters, width, height) in model["cameras"].items():
        cameras.append(f"{number} {kind} {width} {height} {' '.join(map(repr, map(float, parameters)))}")
    images = ["# Image list", f"# Number of images: {len(model['images'])}, mean observations per image: 9"]
    for number, (rotation, translation, camera, name, keypoints) in model["images"].items():
        pose = " ".join(repr(float(value)) for value in (*rotation, *translation))
        images.append(f"{number} {pose} {camera} {name}")
        images.append(" ".join(f"{x} {y} {point}" for x, y, point in keypoints))
    points = ["# 3D point list", f"# Number of points: {len(model['points'])}, mean track length: 2"]
    for number, position in model["points"].items():
        points.append(f"{number} {' '.join(map(repr, position))} 10 20 30 0.5 31 0 30 0")
    for name, lines in (("cameras", cameras), ("images", images), ("points3D", points)):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


def write_pictures(folder, views):
    (folder / "room").mkdir(parents=True)
    for index, view in enumerate(views):
        Image.fromarray(view.image).save(folder / "room" / f"frame {index + 8}.png")


def write_workspace(root, views, *, write=write_binary, model_folder="sparse/0", **options):
    write(root / model_folder, model_of(views, **options))
    write_pictures(root / "images", views)
    return root


def write_dense(root, views, *, kind="geometric", head=None):
    folder = root / "stereo" / "depth_maps" / "room"
    folder.mkdir(parents=True)
    for index, view in enumerate(views):
        height, width = view.depth.shape
        content = (head or f"{width}&{height}&1&").encode() + view.depth.astype("<f4").tobytes()
        (folder / f"frame {index + 8}.png.{kind}.bin").write_bytes(content)
    return root


@pytest.fixture
def workspace(tmp_path):
    return write_workspace(tmp_path / "room", known_views(), step=4)


@pytest.mark.parametrize("write", [write_binary, write_text], ids=["binary", "text"])
@pytest.mark.parametrize("model_folder", ["sparse/0", "sparse", "."])
def test_the_room_comes_back_from_sparse_points(tmp_path, write, model_folder):
    views = known_views()
    folder = write_workspace(tmp_path / "room", views, write=write, model_folder=model_folder)
    assert is_colmap(folder)
    source = read_colmap(folder, **METRIC)
    assert [view.name for view in source.views] == [f"room/frame {number}.png" for number in (8, 9, 10, 11)]
    check_source(source, views)
    assert "4 of 4 views have it" in source.conventions[3]


@pytest.mark.parametrize("up", ["-y", "+x"])
def test_an_up_that_the_caller_knows_is_taken(tmp_path, up):
    views = known_views()
    source = read_colmap(write_workspace(tmp_path / "room", views, up=up), world_unit="m", world_up=up)
    check_source(source, views)


def test_unit_and_up_are_unknown_unless_given(workspace):
    source = read_colmap(workspace)
    assert (source.world_unit, source.world_up) == ("unknown", "unknown")
    prepared = prepare_views(**source.arguments())
    assert (prepared["metric"], prepared["gravity"]) == (False, "unknown")
    for points, valid, view in zip(prepared["points"], prepared["valid"], known_views(), strict=True):
        expected = view.points_world @ prepared["up_from_user_world"].double().numpy().T
        assert np.abs(points.numpy() - expected)[valid.numpy()].max() < 1e-3
        assert int(valid.sum()) == 12 * 16


def test_binary_files_win_over_text(workspace):
    write_text(workspace / "sparse" / "0", model_of(known_views(3), step=4))
    assert len(read_colmap(workspace).views) == 4


@pytest.mark.parametrize("write", [write_binary, write_text], ids=["binary", "text"])
def test_rigs_and_frames_of_later_versions_change_nothing(tmp_path, write):
    views = known_views()
    folder = write_workspace(tmp_path / "room", views, write=write)
    model = folder / "sparse" / "0"
    pose = (1.0, 0.0, 0.0, 0.0, 9.0, 9.0, 9.0)
    if write is write_binary:  # a rig of camera 7, and a frame per image
        (model / "rigs.bin").write_bytes(struct.pack("<QIIiI", 1, 1, 1, 0, 7))
        frames = [struct.pack("<II7dIiIQ", number, 1, *pose, 1, 0, 7, number) for number in range(28, 32)]
        (model / "frames.bin").write_bytes(struct.pack("<Q", 4) + b"".join(frames))
    else:
        (model / "rigs.txt").write_text("# Number of rigs: 1\n1 1 CAMERA 7\n")
        words = " ".join(map(str, pose))
        frames = "".join(f"{number} 1 {words} 1 CAMERA 7 {number}\n" for number in range(28, 32))
        (model / "frames.txt").write_text(f"# Number of frames: 4\n{frames}")
    assert is_colmap(folder)
    check_source(read_colmap(folder, **METRIC), views)


def test_the_folder_of_the_model_finds_its_pictures(workspace):
    assert is_colmap(workspace / "sparse" / "0")
    assert len(read_colmap(workspace / "sparse" / "0").views) == 4
    os.rename(workspace / "images", workspace / "pictures")
    with pytest.raises(FileNotFoundError, match=r"`images` must be the folder of the pictures of .*, got none at"):
        read_colmap(workspace)
    for images in ("pictures", workspace / "pictures", str(workspace / "pictures")):
        assert len(read_colmap(workspace, images=images).views) == 4


def test_several_models_are_not_mixed_up(workspace):
    write_binary(workspace / "sparse" / "1", model_of(known_views(2), step=4))
    assert is_colmap(workspace)
    with pytest.raises(ValueError, match=r"`model` must be given for .*, got 2 models.*: sparse/0, sparse/1"):
        read_colmap(workspace)
    assert len(read_colmap(workspace, model="sparse/1").views) == 2
    with pytest.raises(FileNotFoundError, match=r"sparse/2` must have a COLMAP model"):
        read_colmap(workspace, model="sparse/2")


MODELS = [
    (0, "SIMPLE_PINHOLE", (50.0, 32.0, 24.0), None),
    (1, "PINHOLE", (50.0, 50.0, 32.0, 24.0), None),
    (2, "SIMPLE_RADIAL", (50.0, 32.0, 24.0, 0.0), (3, -0.1)),
    (3, "RADIAL", (50.0, 32.0, 24.0, 0.0, 0.0), (4, 0.02)),
    (4, "OPENCV", (50.0, 50.0, 32.0, 24.0, 0.0, 0.0, 0.0, 0.0), (7, 0.01)),
    (6, "FULL_OPENCV", (50.0, 50.0, 32.0, 24.0, *[0.0] * 8), (9, 0.1)),
    (12, "SIMPLE_DIVISION", (50.0, 32.0, 24.0, 0.0), (3, -0.1)),
    (13, "DIVISION", (50.0, 50.0, 32.0, 24.0, 0.0), (4, 0.1)),
]


@pytest.mark.parametrize("write", [write_binary, write_text], ids=["binary", "text"])
@pytest.mark.parametrize(("number", "name", "parameters", "distortion"), MODELS, ids=[row[1] for row in MODELS])
def test_cameras_without_distortion_are_pinholes(tmp_path, write, number, name, parameters, distortion):
    views = known_views(2)
    camera = (number, name, parameters)
    folder = write_workspace(tmp_path / "room", views, write=write, camera=camera, step=4)
    source = read_colmap(folder)
    np.testing.assert_allclose(source.views[0].intrinsics, views[0].intrinsics, atol=1e-5)
    if distortion is None:
        return
    place, value = distortion
    camera = (number, name, (*parameters[:place], value, *parameters[place + 1 :]))
    write(folder / "sparse" / "0", model_of(views, camera=camera, step=4))
    with pytest.raises(
        ValueError, match=r"camera.* 7?.*must have no lens distortion, got .* by [\d.]+ px.*undistorter"
    ):
        read_colmap(folder)
    ignored = read_colmap(folder, ignore_distortion=True)
    np.testing.assert_allclose(ignored.views[0].intrinsics, views[0].intrinsics, atol=1e-5)
    assert "Lens distortion: stated and ignored" in ignored.conventions[-1]


@pytest.mark.parametrize("write", [write_binary, write_text], ids=["binary", "text"])
@pytest.mark.parametrize(
    ("number", "name", "count"), [(5, "OPENCV_FISHEYE", 8), (7, "FOV", 5), (14, "SIMPLE_FISHEYE", 3), (16, "EUCM", 6)]
)
def test_other_cameras_are_refused_even_without_distortion(tmp_path, write, number, name, count):
    camera = (number, name, (*(50.0,) * (count > 3), 50.0, 32.0, 24.0, *[0.0] * (count - 4)))
    folder = write_workspace(tmp_path / "room", known_views(1), write=write, camera=camera, step=4)
    with pytest.raises(
        ValueError, match=rf"camera.* must be one of SIMPLE_PINHOLE, .*, got {name}, which is no pinhole"
    ):
        read_colmap(folder, ignore_distortion=True)


def test_the_principal_point_moves_by_half_a_pixel(tmp_path):
    camera = (1, "PINHOLE", (51.0, 52.0, 30.0, 25.0))
    folder = write_workspace(tmp_path / "room", known_views(1), camera=camera, step=4)
    matrix = read_colmap(folder).views[0].intrinsics
    assert matrix.tolist() == [[51.0, 0.0, 29.5], [0.0, 52.0, 24.5], [0.0, 0.0, 1.0]]


def test_a_bad_camera_that_no_image_has_does_not_matter(tmp_path):
    model = model_of(known_views(1), step=4)
    model["cameras"][99] = (5, "OPENCV_FISHEYE", (50.0, 50.0, 32.0, 24.0, 0.1, 0.0, 0.0, 0.0), 64, 48)
    folder = write_workspace(tmp_path / "room", known_views(1))
    write_binary(folder / "sparse" / "0", model)
    assert len(read_colmap(folder).views) == 1


def write_keypoints(folder, keypoints, points, *, write=write_binary):
    """One camera at the origin that looks along +z of the world, with these keypoints."""
    view = known_views(1)
    model = model_of(view, step=4)
    model["images"] = {5: ((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 7, "room/frame 8.png", keypoints)}
    model["points"] = points
    write_workspace(folder, view)
    for file in (folder / "sparse" / "0").iterdir():
        file.unlink()
    write(folder / "sparse" / "0", model)
    return folder


@pytest.mark.parametrize("write", [write_binary, write_text], ids=["binary", "text"])
def test_a_sparse_depth_map_has_the_nearest_z_at_each_keypoint(tmp_path, write):
    keypoints = [
        *[(0.0, 0.0, 4), (0.99, 0.99, 1), (0.5, 0.5, 3)],  # all in the first pixel
        *[(63.99, 47.99, 2), (10.5, 20.5, 4), (12.5, 20.5, -1)],  # the last pixel, another, and one without point
        *[(64.0, 10.0, 1), (10.0, -0.01, 1), (30.5, 30.5, 5)],  # outside, outside, behind the camera
    ]
    points = {number: [0.1, 0.2, z] for number, z in ((4, 4.0), (1, 1.0), (3, 3.0), (2, 2.0), (5, -5.0))}
    depth = read_colmap(write_keypoints(tmp_path / "room", keypoints, points, write=write)).views[0].load_depth()
    assert (depth.dtype, depth.shape) == (np.float32, (48, 64))
    assert {(row, column): float(depth[row, column]) for row, column in np.argwhere(depth).tolist()} == {
        (0, 0): 1.0,
        (47, 63): 2.0,
        (20, 10): 4.0,
    }


@pytest.mark.parametrize("write", [write_binary, write_text], ids=["binary", "text"])
def test_images_with_hardly_any_point_have_no_depth(tmp_path, write):
    few = [(5.5, 5.5, 1), (6.5, 5.5, 2), (7.5, 5.5, -1)]
    points = {1: [0.0, 0.0, 1.0], 2: [0.0, 0.0, 1.0]}
    for name, keypoints in (("few", few), ("none", [])):
        source = read_colmap(write_keypoints(tmp_path / name, keypoints, points, write=write))
        assert source.views[0].load_depth is None
        assert "0 of 1 views have it" in source.conventions[3]
    hidden = read_colmap(write_keypoints(tmp_path / "hidden", [*few[:2], (5.6, 5.6, 1)], points, write=write))
    with pytest.raises(ValueError, match=r"images\.\w+ image 5` must observe points in at least 3 pixels .*, got 2"):
        hidden.views[0].load_depth()


def test_sparse_depth_can_be_left_out(workspace):
    (workspace / "sparse" / "0" / "points3D.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"points3D\.bin` must be there for depth, .*`sparse_depth=False`"):
        read_colmap(workspace)
    source = read_colmap(workspace, sparse_depth=False)
    assert all(view.load_depth is None for view in source.views)
    assert not any(sentence.startswith("Depth") for sentence in source.conventions)
    assert list(source.arguments()) == ["images", "intrinsics", "camera_to_world", "world_up", "world_unit"]


def test_points_that_changed_are_read_again(tmp_path):
    keypoints = [(column + 0.5, 5.5, 1) for column in range(4)]
    folder = write_keypoints(tmp_path / "room", keypoints, {1: [0.0, 0.0, 1.0]})
    source = read_colmap(folder)
    assert source.views[0].load_depth().max() == 1.0
    write_binary(
        folder / "sparse" / "0", model_of(known_views(1), step=4) | {"points": {1: [0, 0, 2.0], 2: [0, 0, 2.0]}}
    )
    images = folder / "sparse" / "0" / "images.bin"
    write_keypoints(tmp_path / "again", keypoints, {1: [0.0, 0.0, 2.0]})
    images.write_bytes((tmp_path / "again" / "sparse" / "0" / "images.bin").read_bytes())
    assert source.views[0].load_depth().max() == 2.0


@pytest.mark.parametrize("depth_size_hw", [(48, 64), (24, 32)], ids=["same", "smaller"])
def test_the_room_comes_back_from_dense_depth(tmp_path, depth_size_hw):
    views = known_views(depth_size_hw=depth_size_hw)
    root = write_dense(write_workspace(tmp_path / "room", known_views(), step=4, model_folder="sparse"), views)
    for folder in (root, root / "sparse"):
        source = read_colmap(folder, dense_depth=True, **METRIC)
        check_source(source, views, tolerance=2e-3)
        assert "dense" in source.conventions[3]


def test_views_without_a_dense_depth_map_have_none(workspace):
    write_dense(workspace, known_views())
    (workspace / "stereo" / "depth_maps" / "room" / "frame 9.png.geometric.bin").unlink()
    depths = read_colmap(workspace, dense_depth=True).arguments()["depths"]
    assert [depth is None for depth in depths] == [False, True, False, False]


def test_numbers_that_are_no_dense_depth_are_not_measured(workspace):
    views = known_views()
    views[0].depth[0, :3] = [np.nan, np.inf, -1.0]
    write_dense(workspace, views)
    depth = read_colmap(workspace, dense_depth=True).views[0].load_depth()
    assert depth[0, :3].tolist() == [0.0, 0.0, 0.0]
    assert np.count_nonzero(depth) == 48 * 64 - 3


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            "64&48&3&",
            r"frame 8\.png\.geometric\.bin` must be 1 channel of 64x48 numbers in 12296 bytes, .* got 3 in 12296",
        ),
        ("64&49&1&", r"must be 1 channel of 64x49 numbers in 12552 bytes, .* got 1 in 12296"),
        ("99999999&99999999&1&", r"geometric\.bin` may have at most 64000000 pixels"),
        ("0&48&1&", r"geometric\.bin` must have at least one pixel"),
        ("64 48 1 ", r"geometric\.bin` must start with width&height&channels&, got something else"),
    ],
    ids=["normals", "truncated", "absurd", "empty", "other"],
)
def test_bad_dense_depth_is_refused_by_name(workspace, head, message):
    write_dense(workspace, known_views(), head=head)
    source = read_colmap(workspace, dense_depth=True)
    with pytest.raises(ValueError, match=message):
        source.views[0].load_depth()


def test_missing_dense_depth_is_refused_with_a_way_out(workspace):
    with pytest.raises(
        FileNotFoundError, match=r"depth_maps` must have .* like room/frame 8\.png\.geometric\.bin, got none"
    ):
        read_colmap(workspace, dense_depth=True)
    write_dense(workspace, known_views(), kind="photometric")
    with pytest.raises(FileNotFoundError, match=r"got only photometric ones\. Run .*geom_consistency 1"):
        read_colmap(workspace, dense_depth=True)


def count_call(calls, called, function, /, *args, **options):
    calls.append(called)
    return function(*args, **options)


@pytest.mark.parametrize("write", [write_binary, write_text], ids=["binary", "text"])
def test_nothing_is_loaded_until_a_view_is_wanted(tmp_path, monkeypatch, write):
    model = model_of(known_views(1), step=16)
    folder = write_workspace(tmp_path / "room", known_views(1), write=write)
    rotation, translation, camera, _, keypoints = model["images"][31]
    for index in range(2000):
        os.link(folder / "images" / "room" / "frame 8.png", folder / "images" / f"{index:05d}.png")
        model["images"][100 + index] = (rotation, translation, camera, f"{index:05d}.png", keypoints)
    write(folder / "sparse" / "0", model)
    loaded = []
    names = [(named_files, "load_image_rgb")]
    names += [(colmap_files, f"read_{what}_{write.__name__[6:]}") for what in ("keypoints", "points")]
    for module, name in names:
        monkeypatch.setattr(module, name, partial(count_call, loaded, name.split("_")[1], getattr(module, name)))
    source = read_colmap(folder)
    assert len(source.views) == 2001
    assert loaded == []
    for view in source.views[7:9]:
        pickle.loads(pickle.dumps(view)).load_image()
        assert np.count_nonzero(view.load_depth()) == 3 * 4
    assert loaded == ["image", "keypoints", "points", "image", "keypoints"]


@pytest.mark.parametrize("name", ["cameras", "images", "points3D"])
def test_a_binary_file_cut_anywhere_is_refused_by_name(tmp_path, name):
    keypoints = [(column + 0.5, 5.5, 1) for column in range(3)]
    folder = write_keypoints(tmp_path / "room", keypoints, {1: [0.0, 0.0, 1.0], 2: [0.0, 0.0, 1.0]})
    file = folder / "sparse" / "0" / f"{name}.bin"
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(ValueError, match=rf"{name}\.bin` must "):
            read_colmap(folder).views[0].load_depth()
    file.write_bytes(content + b"\0")
    with pytest.raises(ValueError, match=rf"{name}\.bin` must end after \d+ {name[:6].lower()}s?, got 1 bytes more"):
        read_colmap(folder).views[0].load_depth()


def set_bytes(offset, layout, value):
    return lambda content: content[:offset] + struct.pack(layout, value) + content[offset + struct.calcsize(layout) :]


FIRST_NAME = 8 + 4 + 56 + 4  # of images.bin
FIRST_COUNT = FIRST_NAME + len("room/frame 8.png") + 1


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        (
            "cameras",
            set_bytes(0, "<Q", 2**63),
            r"cameras\.bin` must hold the 9223372036854775808 cameras of the model",
        ),
        ("cameras", set_bytes(12, "<i", 99), r"cameras\.bin camera 7` must have a model from 0 to 17, got 99"),
        ("cameras", set_bytes(16, "<Q", 2**40), r"cameras\.bin camera 7` may have at most 64000000 pixels"),
        ("cameras", set_bytes(24, "<Q", 0), r"cameras\.bin camera 7` must have at least one pixel"),
        (
            "cameras",
            set_bytes(32, "<d", np.nan),
            r"camera 7` must have 4 finite parameters of PINHOLE, fx fy cx cy, got",
        ),
        ("cameras", set_bytes(32, "<d", -50.0), r"cameras\.bin camera 7` must have positive focal lengths"),
        ("cameras", set_bytes(8, "<I", 8), r"cameras\.bin` must have the camera 7 of image 31, got 1 others"),
        ("images", set_bytes(0, "<Q", 2**60), r"images\.bin` must hold the 1152921504606846976 images of the model"),
        ("images", set_bytes(12, "<d", 2.0), r"images\.bin image 31` must have a pose qw qx qy qz .* the length 1"),
        ("images", set_bytes(12, "<d", np.nan), r"images\.bin image 31` must have a pose qw qx qy qz"),
        ("images", set_bytes(44, "<d", np.inf), r"the pose of .*images\.bin image 31` must be 4x4 finite numbers"),
        ("images", set_bytes(FIRST_NAME, "<B", 255), r"images\.bin the name of image 31` must be UTF-8"),
        (
            "images",
            set_bytes(FIRST_NAME, "<4s", b"../m"),
            r"images\.bin image 31` must be a relative name .*'\.\./m/frame",
        ),
        ("images", set_bytes(FIRST_NAME, "<4s", b"/oom"), r"images\.bin image 31` must be a relative name inside"),
        (
            "images",
            set_bytes(FIRST_NAME, "<16s", b" " * 16),
            r"images\.bin image 31` must be the name of a file, got ' +'",
        ),
        (
            "images",
            set_bytes(FIRST_COUNT, "<Q", 2**61),
            r"images\.bin` must hold the 2305843009213693952 keypoints of image 31",
        ),
        ("images", set_bytes(8, "<I", 30), r"images\.bin` must have one image 30, got several"),
        ("points3D", set_bytes(0, "<Q", 2**50), r"points3D\.bin` must hold the 1125899906842624 points of the model"),
        ("points3D", set_bytes(16, "<d", np.nan), r"points3D\.bin point 90000` must have a finite position"),
        ("points3D", set_bytes(8, "<Q", 90002), r"points3D\.bin` must have one point 90002, got several"),
        (
            "points3D",
            set_bytes(8, "<Q", 5),
            r"images\.bin image 31` must observe points of .*, got point 90000 and 0 more",
        ),
        ("points3D", set_bytes(51, "<Q", 2**60), r"must hold the 1152921504606846976 track entries of point 90000"),
    ],
)
def test_bad_binary_files_are_refused_with_file_and_id(workspace, file, edit, message):
    path = workspace / "sparse" / "0" / f"{file}.bin"
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        read_colmap(workspace).views[0].load_depth()


def replace(old, new):
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        (
            "cameras",
            replace("PINHOLE", "LENS"),
            r"cameras\.txt line 3` must be CAMERA_ID MODEL WIDTH HEIGHT PARAMS\[\]",
        ),
        (
            "cameras",
            replace(" 24.0", ""),
            r"cameras\.txt line 3` must have 4 finite parameters of PINHOLE, .* got \[50",
        ),
        ("cameras", replace("24.0", "x"), r"cameras\.txt line 3` must have numbers, got "),
        ("cameras", replace("7 PIN", "-7 PIN"), r"cameras\.txt line 3` must have a whole number, got b'-7'"),
        (
            "cameras",
            replace("cameras: 1", "cameras: 2"),
            r"cameras\.txt` must have 2 entries, as its comment .* got 1",
        ),
        ("cameras", lambda text: text + text, r"cameras\.txt` must have 1 entries, as its comment announces, got 2"),
        (
            "images",
            replace("# Number", "#\n\n3 1 0 0 0\n# Number"),
            r"images\.txt line 4` must be IMAGE_ID QW .*, got b'3 1 0 0 0'",
        ),
        (
            "images",
            replace("1.5 2.5 -1 ", "1.5 2.5 "),
            r"images\.txt line 3, image 31, next line` must be keypoints of X Y",
        ),
        ("images", lambda text: text[: text.index("\n30 ")] + "\n", r"images\.txt` must have 4 entries, .* got 1"),
        ("images", replace("\n31 ", "\n31.0 "), r"images\.txt line 3` must have a whole number, got b'31\.0'"),
        ("images", replace("\n31 ", "\n31 1"), r"images\.txt line 3, image 31` must have a pose .* the length 1"),
        ("images", replace("1.5 2.5 -1 ", "1.5 x -1 "), r"images\.txt keypoints of image 31` must have numbers"),
        ("images", replace("0.5 0.5 90000", "nan 0.5 90000"), r"images\.txt image 31` must have finite keypoints"),
        ("images", replace("room/frame 8", "../x"), r"images\.txt image 31` must be a relative name inside"),
        ("points3D", replace("\n90000 ", "\n1 2 3\n"), r"points3D\.txt line 3` must be POINT3D_ID X Y Z"),
        ("points3D", replace("\n90000 ", "\n90000 x"), r"points3D\.txt line 3` must have numbers"),
        ("points3D", replace("\n90000 ", "\n" + "9" * 30 + " "), r"points3D\.txt line 3` must have a whole number"),
        (
            "points3D",
            lambda text: text[: text.index("\n", len(text) // 2) + 1],
            r"points3D\.txt` must have 768 entries, as its comment",
        ),
    ],
)
def test_bad_text_files_are_refused_with_file_and_line(tmp_path, file, edit, message):
    folder = write_workspace(tmp_path / "room", known_views(), write=write_text, step=4)
    path = folder / "sparse" / "0" / f"{file}.txt"
    path.write_text(edit(path.read_text()))
    with pytest.raises(ValueError, match=message):
        read_colmap(folder).views[0].load_depth()


def test_a_last_image_without_its_empty_line_is_read(tmp_path):
    folder = write_keypoints(tmp_path / "room", [], {}, write=write_text)
    path = folder / "sparse" / "0" / "images.txt"
    path.write_text(path.read_text().rstrip("\n"))
    assert [view.name for view in read_colmap(folder).views] == ["room/frame 8.png"]


def test_bad_options_and_pictures_are_refused(workspace):
    with pytest.raises(ValueError, match=r"`world_up` must be one of .*, got 'up'"):
        read_colmap(workspace, world_up="up")
    with pytest.raises(ValueError, match=r"`world_unit` must be one of .*, got 'cm'"):
        read_colmap(workspace, world_unit="cm")
    small = Image.new("RGB", (32, 24))
    small.save(workspace / "images" / "room" / "frame 9.png")
    with pytest.raises(
        ValueError, match=r"frame 9\.png` must have 64x48 pixels, as .*sparse/0 camera 7 states, got 32x24"
    ):
        read_colmap(workspace).views[1].load_image()
    small.save(workspace / "images" / "room" / "frame 8.png")
    with pytest.raises(ValueError, match=r"frame 8\.png` must have 64x48 pixels, .* got 32x24"):
        read_colmap(workspace)
    (workspace / "images" / "room" / "frame 10.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"images\.bin image 29` must name a file in .*'room/frame 10\.png'"):
        read_colmap(workspace)


def test_folders_without_a_model_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        assert not is_colmap(path)
        with pytest.raises(FileNotFoundError, match="must have a COLMAP model, cameras and images as"):
            read_colmap(path)
    write_binary(tmp_path / "sparse", {"cameras": {}, "images": {}, "points": {}})
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"images\.bin` must have at least one registered image, got none"):
        read_colmap(tmp_path)
