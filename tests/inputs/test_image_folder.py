# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of image folders: the known room in every convention that a caller can state, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from known_source import check_source, known_views, opengl, world_from_known
from PIL import Image

from transformers_sr3d.inputs.image_folder import is_image_folder, read_image_folder


SAID = {"poses": "camera_to_world", "camera_axes": "opencv", "world_up": "+z", "depth_unit": "mm"}


def write_folder(root, views, *, direction="camera_to_world", axes="opencv", up="+z", shared=True, npy=False):
    for name in ("images", "depth", "poses"):
        (root / name).mkdir(parents=True)
    for index, view in enumerate(views):
        stem = f"frame{index + 8}"  # frame8, frame9, frame10, ...
        Image.fromarray(view.image).save(root / "images" / f"{stem}.png")
        if npy:
            np.save(root / "depth" / f"{stem}.npy", view.depth.astype(np.float32))
        else:
            Image.fromarray(np.round(view.depth * 1000).astype(np.uint16)).save(root / "depth" / f"{stem}.png")
        pose = world_from_known(up) @ view.camera_to_world
        pose = opengl(pose) if axes == "opengl" else pose
        pose = np.linalg.inv(pose) if direction == "world_to_camera" else pose
        np.savetxt(root / "poses" / f"{stem}.txt", pose)
        if not shared:
            (root / "intrinsics").mkdir(exist_ok=True)
            np.savetxt(root / "intrinsics" / f"{stem}.txt", view.intrinsics)
    if shared:
        np.savetxt(root / "intrinsics.txt", views[0].intrinsics)
    return root


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "scan", known_views())


@pytest.mark.parametrize("direction", ["camera_to_world", "world_to_camera"])
@pytest.mark.parametrize("axes", ["opencv", "opengl"])
@pytest.mark.parametrize("up", ["+z", "-y", "+x"])
def test_every_convention_gives_the_same_points(tmp_path, direction, axes, up):
    views = known_views()
    folder = write_folder(tmp_path, views, direction=direction, axes=axes, up=up, shared=up == "+z", npy=up == "+x")
    unit = None if up == "+x" else "mm"
    source = read_image_folder(folder, poses=direction, camera_axes=axes, world_up=up, depth_unit=unit)
    assert [view.name for view in source.views] == ["frame8.png", "frame9.png", "frame10.png", "frame11.png"]
    check_source(source, views)


def test_smaller_depth_maps_of_the_same_field_of_view(tmp_path):
    views = known_views(depth_size_hw=(24, 32))
    folder = write_folder(tmp_path, views)
    check_source(read_image_folder(folder, depth_field_of_view="same", **SAID), views, tolerance=2e-3)


def test_pictures_alone_need_nothing(tmp_path):
    for name in ("b2.jpg", "b10.jpg", "a.png"):
        Image.new("RGB", (8, 6)).save(tmp_path / name)
    assert is_image_folder(tmp_path)
    source = read_image_folder(tmp_path)
    assert [view.name for view in source.views] == ["a.png", "b2.jpg", "b10.jpg"]
    assert list(source.arguments()) == ["images"]
    wide = read_image_folder(tmp_path, horizontal_fov_deg=90.0)
    assert wide.views[0].intrinsics[0, 0] == pytest.approx(4.0)


def test_a_view_without_depth_or_pose_keeps_its_place(folder):
    (folder / "depth" / "frame9.png").unlink()
    (folder / "poses" / "frame9.txt").unlink()
    arguments = read_image_folder(folder, **SAID).arguments()
    assert [depth is None for depth in arguments["depths"]] == [False, True, False, False]
    assert [pose is None for pose in arguments["camera_to_world"]] == [False, True, False, False]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("poses", r"`poses` must be one of \('camera_to_world', 'world_to_camera'\) .* got None"),
        ("camera_axes", r"`camera_axes` must be one of \('opencv', 'opengl'\) .* got None"),
        ("world_up", r"`world_up` must be one of .* got None"),
    ],
)
def test_what_the_folder_does_not_tell_must_be_said(folder, missing, message):
    with pytest.raises(ValueError, match=message):
        read_image_folder(folder, **{name: value for name, value in SAID.items() if name != missing})


def test_integer_depth_without_unit_is_refused(folder):
    source = read_image_folder(folder, **SAID | {"depth_unit": None})
    with pytest.raises(ValueError, match=r"frame8\.png.*depth_unit"):
        source.arguments()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "poses/frame8.txt",
            "1 0 0 0\n0 1 0 0\n0 0 1 0\n",
            r"frame8\.txt` must hold a matrix of shape \(\(4, 4\),\), got \(3, 4\)",
        ),
        ("poses/frame8.txt", "1 0 0 0\n0 1 0\n0 0 1 0\n0 0 0 1\n", r"frame8\.txt` line 2 must have 4 words, got 3"),
        (
            "poses/frame8.txt",
            "1 0 0 0\n0 x 0 0\n0 0 1 0\n0 0 0 1\n",
            r"frame8\.txt line 2` must be numbers, got '0 x 0 0'",
        ),
        (
            "poses/frame8.txt",
            "2 0 0 0\n0 2 0 0\n0 0 2 0\n0 0 0 1\n",
            r"frame8\.txt` must be rigid to 0\.001, got .* off by 3",
        ),
        (
            "poses/frame8.txt",
            "1 0 0 nan\n0 1 0 0\n0 0 1 0\n0 0 0 1\n",
            r"frame8\.txt` must be 4x4 finite .* 1 not finite",
        ),
        ("intrinsics.txt", "50 0 32\n", r"intrinsics\.txt` must hold a matrix of shape .* got \(1, 3\)"),
        ("depth/frame99.npy", "", r"depth` must hold files called like the pictures, got 'frame99\.npy'"),
        ("images/frame8.jpg", "", r"images` must hold one file called 'frame8', got several"),
    ],
)
def test_bad_files_are_refused_by_name(folder, file, text, message):
    (folder / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_image_folder(folder, **SAID)


def test_a_truncated_picture_is_refused_by_name(folder):
    path = folder / "images" / "frame9.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"frame9\.png"):
        read_image_folder(folder, **SAID).arguments()


def test_a_folder_without_pictures_is_refused(tmp_path):
    assert not is_image_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="must be a folder with pictures"):
        read_image_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="must be a folder with pictures"):
        read_image_folder(tmp_path / "none")


def test_fov_beside_intrinsics_is_refused(folder):
    with pytest.raises(ValueError, match=r"`horizontal_fov_deg` must be left out .* got 60"):
        read_image_folder(folder, horizontal_fov_deg=60, **SAID)


def portrait(folder: Path) -> Path:
    """A picture that is stored on its side, as phones do it: 60x40 pixels to be shown as 40x60."""
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 40)).save(folder / "0.jpg", exif=exif)
    return folder


def test_a_portrait_of_a_phone_is_set_upright_where_no_pixel_is_counted(tmp_path):
    (view,) = read_image_folder(portrait(tmp_path / "a")).views
    assert view.load_image().size == (40, 60)
    (view,) = read_image_folder(tmp_path / "a", horizontal_fov_deg=60).views
    assert view.load_image().size == (40, 60)
    assert view.intrinsics[0, 2] == pytest.approx(19.5)
    assert view.intrinsics[1, 2] == pytest.approx(29.5)


def test_a_turned_portrait_beside_intrinsics_is_refused(tmp_path):
    folder = portrait(tmp_path / "a")
    np.savetxt(folder / "intrinsics.txt", [[50, 0, 29.5], [0, 50, 19.5], [0, 0, 1]])
    (view,) = read_image_folder(folder).views
    with pytest.raises(ValueError, match=r"0\.jpg.*EXIF"):
        view.load_image()
