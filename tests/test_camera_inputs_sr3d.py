# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, views: known answers of small scenes, depth that survives untouched, and every refusal of the contract."""

import ast
import base64
import io
import math
import re
import struct
import warnings
import zlib
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from scenes import box_room, orbiting_cameras, pinhole

from transformers_sr3d.camera_inputs_sr3d import MAX_IMAGE_PIXELS, load_depth, load_image_rgb, prepare_views
from transformers_sr3d.input_checks_sr3d import to_array


HEIGHT, WIDTH = 24, 32
K = {"fx": 30.0, "fy": 28.0, "cx": 15.0, "cy": 11.0}
MATRIX = [[30.0, 0.0, 15.0], [0.0, 28.0, 11.0], [0.0, 0.0, 1.0]]
IMAGE = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
DEPTH = np.full((HEIGHT, WIDTH), 2.0, dtype=np.float32)
# Every value a different 16-bit number, above and below 2**15, with holes.
DEPTH_MM = (np.arange(HEIGHT * WIDTH, dtype=np.uint32) * 83 % 65536).astype(np.uint16).reshape(HEIGHT, WIDTH)
EYE = np.eye(4)
NAN = float("nan")


def pose(x=0.0, y=0.0, z=0.0):
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


def png_with_header_only(path, width, height):
    """A PNG file that claims a size but holds next to no pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    )
    return path


def test_a_flat_wall_seen_by_a_level_camera_stands_forward_and_upright():
    views = prepare_views(IMAGE, depths=DEPTH, intrinsics=K)
    points = views["points"][0]
    # A level camera looks along +y; one pixel to the right is depth / fx along +x, one down is depth / fy along -z.
    torch.testing.assert_close(points[11, 15], torch.tensor([0.0, 2.0, 0.0]))
    torch.testing.assert_close(points[11, 16] - points[11, 15], torch.tensor([2.0 / 30, 0.0, 0.0]))
    torch.testing.assert_close(points[12, 15] - points[11, 15], torch.tensor([0.0, 0.0, -2.0 / 28]))
    assert (views["geometry"], views["metric"], views["gravity"]) == ("metric", True, "unknown")


def test_images_alone_are_views_without_geometry():
    views = prepare_views([IMAGE, IMAGE])
    assert views["points"] == views["depths"] == views["camera_to_world"] == [None, None]
    assert (views["geometry"], views["metric"], views["gravity"]) == ("none", False, "none")
    assert [image.size for image in views["images"]] == [(WIDTH, HEIGHT)] * 2


def test_two_views_with_poses_agree_on_one_point_of_the_world():
    # The second camera stands one metre nearer to the same wall, in a world whose y axis points down.
    views = prepare_views(
        [IMAGE, IMAGE],
        depths=[DEPTH, DEPTH - 1.0],
        intrinsics=[K, MATRIX],
        camera_to_world=[pose(x=5.0), pose(x=5.0, z=1.0)],
        world_up="-y",
    )
    for points in views["points"]:
        torch.testing.assert_close(points[11, 15], torch.tensor([5.0, 2.0, 0.0]))
    assert views["gravity"] == "known"


def test_both_pose_directions_give_the_same_points():
    turned = pose(x=1.0, y=2.0, z=3.0)
    turned[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    given = {"depths": DEPTH, "intrinsics": K, "world_up": "+y"}
    forward = prepare_views(IMAGE, camera_to_world=turned, **given)
    backward = prepare_views(IMAGE, world_to_camera=[np.linalg.inv(turned)], **given)
    torch.testing.assert_close(forward["points"][0], backward["points"][0])


def test_opengl_poses_look_along_their_negative_z_axis():
    views = prepare_views(
        IMAGE, depths=DEPTH, intrinsics=K, camera_to_world=[EYE], camera_axes="opengl", world_up="+z"
    )
    torch.testing.assert_close(views["points"][0][11, 15], torch.tensor([0.0, 0.0, -2.0]))
    assert views["points"][0][12, 15, 1] < 0  # one pixel down is -y in OpenGL


@pytest.mark.parametrize("world_up", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_the_declared_up_becomes_the_third_axis(world_up):
    up = torch.zeros(3)
    up["xyz".index(world_up[1])] = 1.0 if world_up[0] == "+" else -1.0
    views = prepare_views(
        IMAGE, depths=DEPTH, intrinsics=K, camera_to_world=[pose(*(5 * up).tolist())], world_up=world_up
    )
    torch.testing.assert_close(views["up_from_user_world"] @ up, torch.tensor([0.0, 0.0, 1.0]))
    torch.testing.assert_close(views["camera_to_world"][0][:3, 3], torch.tensor([0.0, 0.0, 5.0]))


def tilted(degrees, axis):
    """An OpenCV camera in a world whose y axis points up, turned from level about its own x or z axis."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = {
        "x": [[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]],
        "z": [[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]],
    }
    result = pose(y=1.5)
    result[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ turn[axis]
    return result


def test_poses_read_with_the_wrong_axes_or_up_are_warned_of():
    level = [tilted(0, "x"), tilted(20, "x"), tilted(-20, "z")]
    for settings in ({"camera_axes": "opengl", "world_up": "+y"}, {"world_up": "-y"}):
        axes = settings.get("camera_axes", "opencv")
        up = re.escape(settings["world_up"])
        with pytest.warns(
            UserWarning, match=rf"3 of 3 upside down with `camera_axes='{axes}'` and `world_up='{up}'`\. C"
        ):
            views = prepare_views([IMAGE] * 3, intrinsics=K, camera_to_world=level, **settings)
        assert views["gravity"] == "known"


@pytest.mark.parametrize("degrees", [-115, -90, -45, 0, 45, 90, 115])
@pytest.mark.parametrize("axis", ["x", "z"])
def test_tilted_cameras_and_a_few_upside_down_are_not_warned_of(degrees, axis):
    poses = [tilted(degrees, axis), tilted(0, "x"), tilted(180, "z"), tilted(180, "z"), None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare_views(IMAGE, camera_to_world=poses[:1], world_up="+y")
        prepare_views([IMAGE] * 5, camera_to_world=poses, world_up="+y")
        prepare_views(IMAGE, camera_to_world=[tilted(180, "z")], world_up="unknown")


def test_one_camera_that_really_hangs_upside_down_still_counts():
    with pytest.warns(UserWarning, match=r"got 1 of 1 upside down .* unless the cameras really hung upside down"):
        views = prepare_views(IMAGE, depths=DEPTH, intrinsics=K, camera_to_world=[tilted(180, "z")], world_up="+y")
    # Its image down is up: one pixel down is depth / fy higher.
    points = views["points"][0]
    torch.testing.assert_close(points[12, 15] - points[11, 15], torch.tensor([0.0, 0.0, 2.0 / 28]))


def test_unknown_up_is_reported_and_leaves_the_world_alone():
    views = prepare_views(IMAGE, depths=DEPTH, intrinsics=K, camera_to_world=[EYE], world_up="unknown")
    assert views["gravity"] == "unknown"
    torch.testing.assert_close(views["points"][0][11, 15], torch.tensor([0.0, 0.0, 2.0]))


@pytest.mark.parametrize("axes", ["opencv", "opengl"])
def test_gravity_tells_how_the_camera_is_tilted(axes):
    # The camera looks 30 degrees down: gravity has a forward part of sin 30 and a downward part of cos 30.
    down, forward = math.cos(math.pi / 6), 0.5
    gravity = (0.0, down, forward) if axes == "opencv" else (0.0, -down, -forward)
    views = prepare_views(IMAGE, depths=DEPTH, intrinsics=K, gravity_camera=gravity, camera_axes=axes)
    torch.testing.assert_close(views["points"][0][11, 15], torch.tensor([0.0, 2.0 * down, -2.0 * forward]))
    assert views["gravity"] == "known"


def test_a_view_without_depth_may_stand_among_others():
    views = prepare_views(
        [IMAGE, IMAGE], depths=[None, DEPTH], intrinsics=[None, K], camera_to_world=[EYE, EYE], world_up="+z"
    )
    assert views["points"][0] is None
    assert views["intrinsics"][0] is None
    assert views["valid"][1].all()


def test_one_depth_map_among_unposed_views_is_its_own_world():
    views = prepare_views([IMAGE, IMAGE], depths=[None, DEPTH], intrinsics=K)
    assert views["camera_to_world"][0] is None
    torch.testing.assert_close(views["points"][1][11, 15], torch.tensor([0.0, 2.0, 0.0]))


@pytest.mark.parametrize("bad", [0.0, -1.0, NAN, math.inf], ids=str)
def test_unmeasured_depth_is_a_false_mask_and_a_zero_point(bad):
    depth = DEPTH.copy()
    depth[3, 4] = bad
    views = prepare_views(IMAGE, depths=depth, intrinsics=K, camera_to_world=[pose(x=7.0)], world_up="+z")
    assert not views["valid"][0][3, 4]
    assert views["valid"][0].sum() == depth.size - 1
    assert views["points"][0][3, 4].tolist() == [0.0, 0.0, 0.0]
    assert views["depths"][0][3, 4] == 0


def test_disparity_is_turned_over_and_has_no_metric_scale():
    disparity = np.linspace(1, 65535, HEIGHT * WIDTH).astype(np.uint16).reshape(HEIGHT, WIDTH)
    views = prepare_views(IMAGE, depths=disparity, depth_kind="disparity", intrinsics=K)
    assert (views["geometry"], views["metric"]) == ("relative", False)
    assert views["depths"][0][0, 0] > views["depths"][0][-1, -1] > 0


def test_half_size_depth_of_the_same_field_of_view_lands_on_the_same_rays():
    small = DEPTH[::2, ::2]
    views = prepare_views(IMAGE, depths=small, intrinsics=K, depth_field_of_view="same")
    # The centre of depth pixel (0, 0) is pixel (0.5, 0.5) of the image.
    expected = torch.tensor([(0.5 - 15.0) * 2 / 30, 2.0, -(0.5 - 11.0) * 2 / 28])
    torch.testing.assert_close(views["points"][0][0, 0], expected)


def test_depth_intrinsics_alone_describe_the_image_of_the_same_field_of_view():
    half = [[15.0, 0.0, 7.25], [0.0, 14.0, 5.25], [0.0, 0.0, 1.0]]  # (15 + 0.5) / 2 - 0.5, (11 + 0.5) / 2 - 0.5
    views = prepare_views(IMAGE, depths=DEPTH[::2, ::2], depth_intrinsics=half, depth_field_of_view="same")
    torch.testing.assert_close(views["intrinsics"][0], torch.tensor(MATRIX))


def test_depth_of_another_field_of_view_is_looked_up_along_the_image_rays():
    # The depth camera sees the same scene at twice the focal length: half the picture in each direction has no depth.
    narrow = {"fx": 60.0, "fy": 56.0, "cx": 15.0, "cy": 11.0}
    depth = DEPTH + np.arange(WIDTH, dtype=np.float32) * 0.01
    views = prepare_views(IMAGE, depths=depth, intrinsics=K, depth_intrinsics=narrow)
    valid, points = views["valid"][0], views["points"][0]
    assert not valid[11, 0]
    assert not valid[0, 15]
    # Image pixel u looks along (u - 15) / 30, where the depth camera has its pixel 15 + 2 (u - 15).
    for u in (10, 15, 20):
        assert valid[11, u]
        torch.testing.assert_close(points[11, u, 0] / points[11, u, 1], torch.tensor((u - 15) / 30))
        torch.testing.assert_close(views["depths"][0][11, u], torch.tensor(depth[11, 15 + 2 * (u - 15)]))


def test_field_of_view_replaces_intrinsics():
    views = prepare_views(IMAGE, depths=DEPTH, horizontal_fov_deg=90.0)
    torch.testing.assert_close(views["intrinsics"][0][0, 0], torch.tensor(WIDTH / 2))


def depth_forms(folder):
    """The same 16-bit depth in every form that a user may hold it in."""
    png, npy, tiff = folder / "depth.png", folder / "depth.npy", folder / "depth.tiff"
    Image.fromarray(DEPTH_MM).save(png)
    np.save(npy, DEPTH_MM)
    Image.fromarray(DEPTH_MM.astype(np.int32)).save(tiff)
    features = datasets.Features({"depth": datasets.Image()})
    table = datasets.Dataset.from_dict({"depth": [str(png)]}, features=features)
    return {
        "png": str(png),
        "png path": png,
        "tiff": tiff,
        "npy": npy,
        "PIL I;16": Image.open(png),
        "PIL I": Image.fromarray(DEPTH_MM.astype(np.int32)),
        "uint16": DEPTH_MM,
        "big endian": DEPTH_MM.astype(">u2"),
        "int32": DEPTH_MM.astype(np.int32),
        "int64": DEPTH_MM.astype(np.int64),
        "torch uint16": torch.from_numpy(DEPTH_MM),
        "torch int32": torch.from_numpy(DEPTH_MM.astype(np.int32)),
        "datasets.Image": table[0]["depth"],
    }


def test_16_bit_depth_survives_every_way_in(tmp_path):
    expected = torch.from_numpy(DEPTH_MM.astype(np.int64))
    for form, depth in depth_forms(tmp_path).items():
        read = load_depth(depth, depth_unit="mm")
        assert torch.equal((read.double() * 1000).round().long(), expected), form


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_floating_point_depth_is_metres(dtype, tmp_path):
    metres = np.array([[0.5, 1.25], [2.0, 8.0]], dtype=dtype)
    np.save(tmp_path / "depth.npy", metres)
    for depth in (
        metres,
        torch.from_numpy(metres),
        tmp_path / "depth.npy",
        Image.fromarray(metres.astype(np.float32)),
    ):
        assert load_depth(depth).tolist() == metres.tolist()


def test_units_and_scales_are_metres_per_stored_number():
    stored = np.full((2, 2), 150, dtype=np.int32)
    assert load_depth(stored, depth_unit="cm")[0, 0] == 1.5
    assert load_depth(stored, depth_unit="m")[0, 0] == 150.0
    assert load_depth(stored, depth_scale=1 / 5000)[0, 0] == pytest.approx(0.03)
    assert load_depth(torch.full((2, 2), 2.0, dtype=torch.bfloat16))[0, 0] == 2.0


def test_colour_pictures_of_every_kind_become_the_same_rgb(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    picture.save(tmp_path / "image.png")
    channels_first = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    for image in (pixels, torch.from_numpy(pixels), channels_first, picture, str(tmp_path / "image.png")):
        read = load_image_rgb(image, "images")
        assert read.mode == "RGB"
        assert np.array_equal(np.asarray(read), pixels)


def rotated_picture(folder, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = folder / f"phone.{suffix}"
    pixels = np.zeros((4, 8, 3), dtype=np.uint8)
    pixels[:, :4] = 255
    Image.fromarray(pixels).save(path, exif=exif)
    return path


# Pillow itself turns TIFF files while it decodes them.
@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff"])
def test_a_phone_picture_is_turned_upright_where_nothing_else_depends_on_its_pixels(suffix, tmp_path):
    upright = prepare_views(rotated_picture(tmp_path, suffix))["images"][0]
    assert upright.size == (4, 8)
    assert upright.getpixel((0, 0))[0] > 250 > 5 > upright.getpixel((0, 7))[0]  # left becomes top


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff"])
def test_a_phone_picture_that_asks_for_rotation_is_refused_with_camera_data(suffix, tmp_path):
    path = rotated_picture(tmp_path, suffix)
    for image in (path, Image.open(path)):
        with pytest.raises(ValueError, match=r"`images` must be stored upright .* got EXIF orientation 6"):
            prepare_views(image, intrinsics=K)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff"])
def test_a_picture_whose_file_was_closed_is_refused(suffix, tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / f"a.{suffix}")
    with Image.open(tmp_path / f"a.{suffix}") as left, Image.open(tmp_path / f"a.{suffix}") as loaded:
        loaded.load()
    closed = Image.open(tmp_path / f"a.{suffix}")
    closed.close()
    with (tmp_path / f"a.{suffix}").open("rb") as handle:
        other = Image.open(handle)
    for image in (left, closed, other):
        with pytest.raises(
            ValueError, match=r"got a PIL image of mode RGB .* closed before .* Call `.load\(\)` before"
        ):
            load_image_rgb(image, "images")
    assert load_image_rgb(loaded, "images").size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("error", [RuntimeError, SyntaxError, AssertionError])
def test_whatever_a_decoder_raises_is_a_damaged_file(error, tmp_path, monkeypatch):
    def fail(image):
        raise error("damaged inside")

    path = written(tmp_path / "a.png", image=IMAGE)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(ValueError, match=r"complete image file that Pillow can read, got '.*a.png': damaged inside"):
        load_image_rgb(path, "images")


def test_premultiplied_grey_is_refused():
    with pytest.raises(ValueError, match=r"`images` must have a mode .* got a PIL image of mode La and size 4x4"):
        load_image_rgb(Image.new("La", (4, 4)), "images")


def truncated(folder):
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole, "PNG")
    path = folder / "truncated.png"
    path.write_bytes(whole.getvalue()[:3000])
    return path


def written(path, data=b"", image=None):
    if image is None:
        path.write_bytes(data)
    else:
        Image.fromarray(image).save(path)
    return path


def npy_header(folder, header):
    """A `.npy` file of format 1.0 with a header as given."""
    header = header.ljust(117) + b"\n"
    return written(folder / "a.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)


def pickled(folder):
    np.save(folder / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    return folder / "objects.npy"


BAD_IMAGES = {
    "empty file": (lambda d: written(d / "a.png"), r"`images` must be an image file, got '.*a.png' with 0 bytes"),
    "truncated": (truncated, r"complete image file that Pillow can read, got '.*truncated.png'"),
    "no image": (lambda d: written(d / "a.png", b"hello"), r"complete image file .* cannot identify"),
    "too large": (lambda d: png_with_header_only(d / "a.png", 10000, 7000), r"got 10000x7000 = 70000000"),
    "bomb": (lambda d: png_with_header_only(d / "a.png", 50000, 50000), r"at most 64000000 pixels, got .*2500000000"),
    "large array": (lambda d: np.broadcast_to(np.uint8(0), (10000, 7000, 3)), r"got 7000x10000 = 70000000"),
    "missing": (lambda d: d / "none.png", r"existing file, got '.*none.png'"),
    "very long": (lambda d: "x" * 9000, r"existing file, got 'x+\.\.\.x+'"),
    "folder": (lambda d: d, r"must be a file, got the folder"),
    "URL": (lambda d: "ftp://host.invalid/a.png", r"local file, got the URL 'ftp://host.invalid/a.png'"),
    "no pixels": (lambda d: np.zeros((0, 4, 3), np.uint8), r"at least one pixel, got 4x0"),
    "number": (lambda d: 3, r"path, a PIL image, an array or a tensor, got 3 \(int\)"),
    "float": (lambda d: np.zeros((4, 4, 3)), r"dtype uint8 .* dtype float64"),
    "grey array": (lambda d: np.zeros((4, 4), np.uint8), r"shape \(H, W, 3\).* got an array of shape \(4, 4\)"),
    "depth as image": (lambda d: Image.fromarray(DEPTH_MM), r"8-bit picture, got a PIL image of mode I;16"),
    "none": (lambda d: None, r"at least one view, got None"),
    "zero views": (lambda d: [], r"at least one view, got 0 views"),
    "second": (lambda d: [IMAGE, "none.png"], r"`images\[1\]` must be an existing file, got 'none.png'"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("make", "match"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_unreadable_images_are_refused(make, match, tmp_path):
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=match):
        prepare_views(make(tmp_path))


@pytest.mark.parametrize("step", range(1, 12))
def test_a_file_cut_anywhere_is_refused_or_whole(step, tmp_path):
    for kind, name in ((DEPTH_MM, "a.png"), (IMAGE, "a.jpg"), (DEPTH, "a.tiff")):
        whole = written(tmp_path / name, image=kind).read_bytes()
        path = written(tmp_path / ("cut_" + name), whole[: len(whole) * step // 12])
        with pytest.raises(ValueError, match=r"`images` must be a complete image file"):
            load_image_rgb(path, "images")


BAD_DEPTH_FILES = {
    "8-bit file": (lambda d: written(d / "a.png", image=IMAGE[..., 0]), r"16 or 32 bits .* got a PIL image of mode L"),
    "RGB file": (lambda d: written(d / "a.png", image=IMAGE), r"16 or 32 bits .* got a PIL image of mode RGB"),
    "8-bit PIL": (lambda d: Image.new("L", (32, 24)), r"got a PIL image of mode L and size 32x24"),
    "RGB PIL": (lambda d: Image.new("RGB", (32, 24)), r"got a PIL image of mode RGB and size 32x24"),
    "8-bit array": (lambda d: IMAGE[..., 0], r"at least 16 bits, got an array of shape \(24, 32\) and dtype uint8"),
    "8-bit tensor": (lambda d: torch.ones(24, 32, dtype=torch.uint8), r"at least 16 bits, got .* dtype uint8"),
    "bool": (lambda d: DEPTH > 0, r"at least 16 bits, got .* dtype bool"),
    "RGB array": (lambda d: IMAGE, r"one map of shape \(H, W\), got an array of shape \(24, 32, 3\)"),
    "channel": (lambda d: DEPTH[None], r"one map of shape \(H, W\), got an array of shape \(1, 24, 32\)"),
    "NaN": (
        lambda d: np.full((24, 32), NAN),
        r"at least 3 pixels, got an array of shape \(24, 32\) .* in which 0 are",
    ),
    "zeros": (lambda d: np.zeros((24, 32), np.float32), r"measure at least 3 pixels, got .* in which 0 are above"),
    "two pixels": (lambda d: DEPTH * (np.arange(WIDTH * HEIGHT) < 2).reshape(DEPTH.shape), r"in which 2 are above"),
    "millimetres": (lambda d: DEPTH * 1000, r"only whole numbers with a median of 2000, probably millimetres"),
    "small millimetres": (
        lambda d: np.linspace(51, 90, DEPTH.size).round().reshape(DEPTH.shape),
        r"median of 7\d, prob",
    ),
    "fractions": (
        lambda d: DEPTH * 1000.25,
        r"median between 0.01 and 200 m, got a median of 2000.5 m. Is it in mill",
    ),
    "fractions near": (lambda d: DEPTH * 100.2, r"between 0.01 and 200 m, got a median of 200.4 m"),
    "tiny": (lambda d: DEPTH / 1000, r"got a median of 0.002 m. Is the declared unit too small"),
    "pickle": (pickled, r"plain array of numbers, got '.*objects.npy'.*pickled objects are never loaded"),
    "damaged npy": (lambda d: written(d / "a.npy", b"\x93NUMPY\x01"), r"plain array of numbers, got '.*a.npy'"),
    "open npy header": (
        lambda d: npy_header(d, b"{'descr': '<f4', 'shape': ("),
        r"plain array of numbers, got '.*a.npy'",
    ),
    "huge npy": (
        lambda d: npy_header(d, b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 9)}" % 10**30),
        r"plain array of numbers, got '.*a.npy'",
    ),
    "empty npy": (lambda d: written(d / "a.npy"), r"got '.*a.npy' with 0 bytes"),
    "npz": (lambda d: d / "a.npz", r"one map, got the archive '.*a.npz'"),
    "URL": (lambda d: "https://host.invalid/d.png", r"`depths` must be a local file, got the URL"),
    "complex": (lambda d: DEPTH * 1j, r"`depths` must hold real numbers, got .* complex64"),
    "dictionary": (lambda d: {}, r"path, a PIL image, an array or a tensor, got \{\} \(dict\)"),
    "huge": (lambda d: np.broadcast_to(np.float32(1), (10000, 7000)), r"got 7000x10000 = 70000000"),
    "other size": (lambda d: DEPTH[:12], r"`depths` must have the size of its image, got 32x12 for an image of 32x24"),
    "two maps": (lambda d: [DEPTH, DEPTH], r"`depths` must have one entry per image \(1\), got 2"),
}


@pytest.mark.parametrize(("make", "match"), BAD_DEPTH_FILES.values(), ids=BAD_DEPTH_FILES)
def test_depth_that_cannot_be_trusted_is_refused(make, match, tmp_path):
    with pytest.raises((ValueError, TypeError), match=match):
        prepare_views(IMAGE, depths=make(tmp_path), intrinsics=K)


def with_pixels(value, share, dtype=np.float32):
    """Depth of 2 m, or 2 stored units, with a share of the pixels at another value."""
    depth = np.full((HEIGHT, WIDTH), 2, dtype=dtype)
    depth.reshape(-1)[: round(share * depth.size)] = value
    return depth


@pytest.mark.parametrize("share", [1 / 768, 0.25, 0.75], ids=["one pixel", "a quarter", "most"])
@pytest.mark.parametrize("far", [1e10, 65504.0, 1e5, 1001.0], ids=str)
def test_a_far_plane_in_metric_depth_is_refused_with_its_pixels(far, share):
    count = round(share * HEIGHT * WIDTH)
    with pytest.raises(
        ValueError, match=rf"got {count} pixels beyond 1000 m, which look like a far plane. Set them to 0"
    ):
        load_depth(with_pixels(far, share))


def test_a_far_plane_beyond_single_precision_is_seen():
    with pytest.raises(ValueError, match=r"got 192 pixels beyond 1000 m"):
        load_depth(with_pixels(1e300, 0.25, np.float64))


def test_a_far_plane_of_integers_is_seen_in_their_unit():
    with pytest.raises(ValueError, match=r"got 192 pixels beyond 1000 m"):
        load_depth(with_pixels(60000, 0.25, np.uint16), depth_unit="m")
    assert load_depth(with_pixels(60000, 0.25, np.uint16), depth_unit="cm").max() == 600


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_infinity_and_far_surfaces_are_no_far_plane(dtype):
    assert load_depth(with_pixels(math.inf, 0.75, dtype)).count_nonzero() == 192
    assert load_depth(with_pixels(999, 0.25, dtype)).max() == 999


def test_a_far_plane_in_relative_depth_is_refused():
    with pytest.raises(
        ValueError, match=r"at most 10000 times its median, got 1.05e\+04 times, which looks like a far"
    ):
        load_depth(with_pixels(21000, 0.25), depth_kind="relative")
    assert load_depth(with_pixels(19000, 0.25), depth_kind="relative").max() == 19000


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("settings", [{"depth_unit": "mm"}, {"depth_kind": "relative"}], ids=["metric", "relative"])
def test_saturated_integers_are_refused(dtype, settings):
    # 65535 in wider integers is 16-bit depth that was cast.
    marker = 32767 if dtype is np.int16 else 65535
    depth = np.full((40, 50), 20 if "depth_kind" in settings else 2000, dtype=dtype)
    depth[0, :2] = marker  # 0.1 %, which a far surface may fill
    assert load_depth(depth, **settings).max() > 30
    depth[0, 2] = marker
    with pytest.raises(
        ValueError, match=rf"in at most 0.1% of the pixels, got {marker} in 0.1%. .* set these pixels to 0"
    ):
        load_depth(depth, **settings)


def test_a_disparity_map_may_fill_its_type():
    depth = load_depth(with_pixels(65535, 0.25, np.uint16), depth_kind="disparity")
    assert depth[0, 0] == pytest.approx(1 / 1.02)


@pytest.mark.parametrize("stored", [DEPTH, DEPTH_MM], ids=["float", "integer"])
def test_masked_depth_is_not_measured(stored):
    masked = np.ma.masked_array(stored, mask=np.arange(WIDTH * HEIGHT).reshape(stored.shape) % 3 == 0)
    depth = load_depth(masked, depth_unit=None if stored is DEPTH else "mm")
    assert np.array_equal(depth == 0, masked.mask | (stored == 0))


def test_masked_arrays_that_are_no_depth_are_refused():
    with pytest.raises(TypeError, match=r"`images` must be a plain array, got a masked array of shape \(24, 32, 3\)"):
        load_image_rgb(np.ma.masked_array(IMAGE, mask=False), "images")
    with pytest.raises(TypeError, match=r"`x` must be a plain array, got a masked array of shape \(2,\)"):
        to_array([np.ma.masked_array([1, 2], mask=[True, False])], "x")


NO_ARRAYS = {
    "meta": (lambda: torch.ones(4, 4, device="meta"), r"dense tensor in memory, got one of .* on device meta"),
    "sparse": (lambda: torch.eye(4).to_sparse(), r"dense tensor in memory, got one of layout torch.sparse_coo"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2)]), r"dense tensor in memory, got .* that is nested"),
    "fp8": (lambda: torch.ones(4).to(torch.float8_e4m3fn), r"real numbers, got .* dtype torch.float8_e4m3fn"),
    "complex": (lambda: torch.ones(4, dtype=torch.complex64), r"real numbers, got .* dtype torch.complex64"),
    "list of complex": (lambda: [torch.ones(4) * 1j] * 2, r"real numbers, got .* dtype torch.complex64"),
    "list of meta": (lambda: [[torch.ones(4, device="meta")]], r"dense tensor in memory, got .* device meta"),
    "ragged tensors": (lambda: [torch.ones(2), torch.ones(3)], r"rows of equal length, got"),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize(("make", "match"), NO_ARRAYS.values(), ids=NO_ARRAYS)
def test_tensors_without_readable_numbers_are_refused_by_name(make, match):
    with pytest.raises(TypeError, match=r"`K` must .*" + match):
        to_array(make(), "K")


def test_tensors_are_read_whatever_torch_knows_about_them():
    wanted = [[0.0, 1.0], [0.0, 1.0]]
    row = torch.arange(2.0, requires_grad=True)
    assert to_array([row, row], "x").tolist() == to_array([[row[0], row[1]]] * 2, "x").tolist() == wanted
    assert to_array(torch.complex(row.detach(), -row.detach()).conj().imag, "x").tolist() == wanted[0]


def multi_page(folder):
    pages = [Image.fromarray(DEPTH), Image.fromarray(DEPTH)]
    pages[0].save(folder / "pages.tiff", save_all=True, append_images=pages[1:])
    return folder / "pages.tiff"


def test_depth_of_several_pages_is_refused(tmp_path):
    for depth in (multi_page(tmp_path), Image.open(multi_page(tmp_path))):
        with pytest.raises(
            ValueError, match=r"must be one map, got .* mode F and size 32x24 from a TIFF file of several"
        ):
            load_depth(depth)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_depth_with_an_orientation_is_refused(suffix, tmp_path):
    path = tmp_path / f"depth.{suffix}"
    for orientation in (1, 6):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(DEPTH_MM).save(path, exif=exif)
        if orientation == 1:
            assert load_depth(path, depth_unit="mm").shape == (HEIGHT, WIDTH)
    for depth in (path, Image.open(path)):
        with pytest.raises(ValueError, match=r"stored as its intrinsics see it, got .* with EXIF orientation 6"):
            load_depth(depth, depth_unit="mm")


def cut_npy(folder):
    np.save(folder / "cut.npy", DEPTH)
    return written(folder / "cut.npy", (folder / "cut.npy").read_bytes()[:-100])


def test_a_cut_npy_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"plain array of numbers, got '.*cut.npy'"):
        load_depth(cut_npy(tmp_path))


BAD_SETTINGS = [
    ({"depths": DEPTH_MM}, r"`depths` holds integers, whose unit must be declared, got .* largest value of 63661"),
    ({"depths": DEPTH_MM, "depth_unit": "inch"}, r"`depth_unit` must be one of \('mm', 'cm', 'm'\), got 'inch'"),
    ({"depths": DEPTH_MM, "depth_unit": "mm", "depth_scale": 0.001}, r"exclude each other, got 'mm' and 0.001"),
    ({"depths": DEPTH_MM, "depth_scale": 5000}, r"`depth_scale` must be metres per unit.* got 5000"),
    ({"depths": DEPTH_MM, "depth_scale": 0.0}, r"`depth_scale` must be metres per unit.* got 0"),
    ({"depths": DEPTH_MM, "depth_scale": NAN}, r"`depth_scale` must be metres per unit.* got nan"),
    ({"depths": DEPTH_MM, "depth_scale": "mm"}, r"`depth_scale` must be a number, got 'mm'"),
    ({"depth_unit": "mm"}, r"floating-point depth is metres, got .* with `depth_unit='mm'`"),
    ({"depth_scale": 0.001}, r"floating-point depth is metres, got .* with `depth_scale=0.001`"),
    ({"depth_kind": "inverse"}, r"`depth_kind` must be one of \('metric', 'relative', 'disparity'\), got 'inverse'"),
    ({"depth_kind": "relative", "depth_unit": "m"}, r"`depth_unit` must be left out for `depth_kind='relative'`.*'m'"),
    ({"depth_kind": "disparity", "depth_scale": 0.1}, r"`depth_scale` must be left out .*'disparity'.* got 0.1"),
    ({"intrinsics": None}, r"`intrinsics` is required with depth, got None"),
    ({"horizontal_fov_deg": 60}, r"`intrinsics` and `horizontal_fov_deg` exclude each other, got both .*=60"),
    ({"intrinsics": None, "horizontal_fov_deg": 1.2}, r"degrees between 5 and 170, got 1.2"),
    ({"intrinsics": None, "horizontal_fov_deg": NAN}, r"degrees between 5 and 170, got nan"),
    ({"intrinsics": None, "horizontal_fov_deg": [60]}, r"`horizontal_fov_deg` must be one number.* got \[60\]"),
    ({"depth_field_of_view": "equal"}, r"`depth_field_of_view` must be one of \('same',\), got 'equal'"),
    ({"depths": DEPTH[:12], "depth_field_of_view": "same"}, r"equal aspect ratios, got depth of 32x12 for .* 32x24"),
    (
        {"depth_field_of_view": "same", "depth_intrinsics": K},
        r"`depth_intrinsics` and .* exclude each other, got both",
    ),
    ({"depths": None, "depth_intrinsics": K}, r"`depth_intrinsics` belongs to `depths`, got it without depth"),
    ({"depths": DEPTH[:12], "intrinsics": None, "depth_intrinsics": K | {"cy": 5}}, r"size of its image, got 32x12"),
    (
        {"intrinsics": K | {"cx": 15.5}, "depth_intrinsics": K | {"fx": 5000}},
        r"`depth_intrinsics` must overlap with the image",
    ),
    ({"camera_axes": "blender"}, r"`camera_axes` must be one of \('opencv', 'opengl'\), got 'blender'"),
    ({"world_up": "z"}, r"`world_up` must be one of \('\+x', .*'unknown'\), got 'z'"),
    ({"world_up": 2}, r"`world_up` must be one of .* got 2"),
    ({"world_up": "+z"}, r"`world_up` describes the world of the poses, got '\+z' without poses"),
    ({"camera_to_world": EYE}, r"`world_up` is required with poses, got None"),
    ({"camera_to_world": EYE, "world_to_camera": EYE, "world_up": "+z"}, r"exclude each other, got both"),
    ({"camera_to_world": EYE, "world_up": "+z", "gravity_camera": (0, 1, 0)}, r"got it together with poses"),
    (
        {"camera_to_world": EYE, "world_up": "+z", "depth_kind": "relative"},
        r"'relative'.* with poses in metres, got 1",
    ),
    ({"camera_to_world": EYE, "world_up": "+z", "depth_kind": "disparity"}, r"'disparity'.* with poses in metres"),
    ({"gravity_camera": (0, 0, 0)}, r"3 finite numbers that are not all zero, got \[0.0, 0.0, 0.0\]"),
    ({"gravity_camera": (0, NAN, 0)}, r"3 finite numbers that are not all zero, got \[0.0, nan, 0.0\]"),
    ({"gravity_camera": (0, 1)}, r"3 finite numbers that are not all zero, got \[0.0, 1.0\]"),
    ({"gravity_camera": "down"}, r"`gravity_camera` must hold real numbers, got 'down'"),
]


@pytest.mark.parametrize(("change", "match"), BAD_SETTINGS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_missing_or_contradictory_setting_is_refused(change, match):
    with pytest.raises((ValueError, TypeError), match=match):
        prepare_views(IMAGE, **({"depths": DEPTH, "intrinsics": K} | change))


def matrix(**entries):
    places = {"fx": (0, 0), "skew": (0, 1), "cx": (0, 2), "fy": (1, 1), "cy": (1, 2), "row": (2, 0), "one": (2, 2)}
    result = np.array(MATRIX)
    for key, value in entries.items():
        result[places[key]] = value
    return result


BAD_INTRINSICS = [
    (matrix(fx=0), r"`intrinsics` must have positive focal lengths, got fx=0 and fy=28"),
    (matrix(fy=-28), r"positive focal lengths, got fx=30 and fy=-28"),
    (np.zeros((3, 3)), r"last row \(0, 0, 1\), got \(0.0, 0.0, 0.0\)"),
    (matrix(one=0), r"last row \(0, 0, 1\), got \(0.0, 0.0, 0.0\)"),
    (np.array(MATRIX).T, r"last row \(0, 0, 1\), got \(15.0, 11.0, 1.0\). Is the matrix transposed"),
    (np.linalg.inv(MATRIX), r"pixels of a 32x24 picture, got fx=0.0333333 and fy=0.0357143.*inverted"),
    ({"fx": 0.9, "fy": 1.2, "cx": 0.5, "cy": 0.5}, r"got the normalised centre cx=0.5, cy=0.5"),
    ({"fx": 0.9, "fy": 1.2, "cx": 15, "cy": 11}, r"got fx=0.9 and fy=1.2. The matrix looks inverted or normalised"),
    (matrix(fx=2), r"got fx=2 and fy=28. The matrix looks inverted or normalised"),
    (matrix(fy=2), r"got fx=30 and fy=2. The matrix looks inverted or normalised"),
    (matrix(cx=60), r"principal point in the middle 10 to 90 % of the 32x24 picture, got cx=60, cy=11. Scale"),
    (matrix(cy=-20), r"middle 10 to 90 % of the 32x24 picture, got cx=15, cy=-20.* must be padded or passed whole"),
    (matrix(cx=2.6), r"middle 10 to 90 % of the 32x24 picture, got cx=2.6, cy=11"),
    (matrix(cx=28.4), r"middle 10 to 90 % of the 32x24 picture, got cx=28.4, cy=11"),
    (matrix(fx=60, fy=56, cx=30.5, cy=22.5), r"10 to 90 % of the 32x24 picture, got cx=30.5, cy=22.5"),
    (matrix(skew=2), r"no skew, got 2 and 0"),
    (matrix(cx=NAN), r"`intrinsics` must be finite, got \[\[30.0, 0.0, nan\]"),
    (EYE, r"shape \(3, 3\), got \(4, 4\). Pass the upper left 3x3 part"),
    ({"fx": 30, "fy": 28}, r"exactly the keys \('fx', 'fy', 'cx', 'cy'\), got \['fx', 'fy'\]"),
    (K | {"k1": 0.1}, r"exactly the keys .* got \['cx', 'cy', 'fx', 'fy', 'k1'\]"),
    (K | {"fx": [30]}, r"`intrinsics\['fx'\]` must be one number, got \[30\]"),
    (K | {"fx": "30"}, r"`intrinsics\['fx'\]` must hold real numbers, got '30'"),
    (30.0, r"one matrix or a list of one per view, got 30.0 \(float\)"),
    ("K.txt", r"one matrix or a list of one per view, got 'K.txt'"),
    ([[30.0, 0.0], [0.0], [0.0]], r"rows of equal length, got"),
    ([K, K], r"`intrinsics` must have one entry per view \(1\), got 2"),
]


@pytest.mark.parametrize(("intrinsics", "match"), BAD_INTRINSICS, ids=lambda v: v if isinstance(v, str) else "")
def test_intrinsics_that_are_no_camera_of_this_picture_are_refused(intrinsics, match):
    with pytest.raises((ValueError, TypeError), match=match):
        prepare_views(IMAGE, depths=DEPTH, intrinsics=intrinsics)


def test_intrinsics_less_than_twice_as_large_cannot_be_told_apart():
    """What the check of the principal point does not see; 1.75 times as large is a camera that looks off centre."""
    for factor in (0.25, 1.75):
        prepare_views(IMAGE, depths=DEPTH, intrinsics=matrix(cx=15.5 * factor - 0.5, cy=11.5 * factor - 0.5))


def test_intrinsics_of_one_view_are_named_by_its_index():
    with pytest.raises(ValueError, match=r"`intrinsics\[1\]` must have positive focal lengths, got fx=-1"):
        prepare_views([IMAGE, IMAGE], intrinsics=[K, K | {"fx": -1}])


def scaled(factor):
    result = pose(x=1.0)
    result[:3, :3] *= factor
    return result


BAD_POSES = [
    (scaled(2.0), r"`camera_to_world` must be rigid .* determinant 8"),
    (np.diag([1.0, 1.0, -1.0, 1.0]), r"must be rigid .* determinant -1"),
    (scaled(1.002), r"must be rigid .* deviation of 0.004"),
    (pose(x=1.0, z=3.0).T, r"translation in the last column, got it in the last row: \(1.0, 0.0, 3.0\).*`matrix.T`"),
    (np.diag([1.0, 1.0, 1.0, 2.0]), r"bottom row \(0, 0, 0, 1\), got \[0.0, 0.0, 0.0, 2.0\]"),
    (pose(x=NAN), r"`camera_to_world` must be finite, got .*nan"),
    (pose(x=-math.inf), r"`camera_to_world` must be finite, got .*-inf"),
    (pose(x=4.0e6), r"within 10000 m of the origin, got the translation \(4000000.0, 0.0, 0.0\)"),
    (EYE[:3], r"shape \(4, 4\), got \(3, 4\). Add the row"),
    (np.eye(3), r"shape \(4, 4\), got \(3, 3\)"),
    ([0.0, 1.0, 2.0], r"one matrix or a list of one per view"),
    ([EYE, EYE], r"`camera_to_world` must have one entry per view \(1\), got 2"),
    ([None], r"must have a pose for every view with depth, got None for view 0"),
]


@pytest.mark.parametrize(("camera_to_world", "match"), BAD_POSES, ids=lambda v: v if isinstance(v, str) else "")
def test_matrices_that_are_no_pose_are_refused(camera_to_world, match):
    with pytest.raises((ValueError, TypeError), match=match):
        prepare_views(IMAGE, depths=DEPTH, intrinsics=K, camera_to_world=camera_to_world, world_up="+z")


BAD_SEVERAL = [
    ({"depths": [DEPTH, DEPTH]}, r"required with several depth maps, got 2 depth maps without poses"),
    ({"depths": [DEPTH]}, r"`depths` must have one entry per image \(2\), got 1"),
    ({"depths": DEPTH}, r"`depths` must have one entry per image \(2\), got 1"),
    ({"intrinsics": [K]}, r"`intrinsics` must have one entry per view \(2\), got 1"),
    ({"depths": [DEPTH, DEPTH_MM]}, r"`depths\[1\]` holds integers"),
    ({"camera_to_world": EYE, "world_up": "+z"}, r"`camera_to_world` must have one entry per view \(2\), got 1"),
    ({"world_to_camera": [EYE, scaled(3)], "world_up": "+z"}, r"`world_to_camera\[1\]` must be rigid"),
    ({"gravity_camera": (0, 1, 0)}, r"`gravity_camera` is for one view, got 2 views"),
    ({"depths": [None, DEPTH], "intrinsics": [K, None]}, r"`intrinsics\[1\]` is required with depth, got None"),
    (
        {"depths": [DEPTH, DEPTH], "camera_to_world": [EYE, pose(x=900.0)], "world_up": "+z"},
        r"metres like the depth, got a camera 900 m from its nearest other one with a largest depth of 2 m\. Divide",
    ),
    (
        {"depths": [DEPTH, None], "camera_to_world": [EYE, pose(x=11.0)], "world_up": "+z"},
        r"got a camera 11 m from its nearest other one with a largest depth of 2 m",
    ),
    (
        {"depths": [DEPTH, DEPTH], "camera_to_world": [EYE, None], "world_up": "+z"},
        r"pose for every view with depth, got None for view 1",
    ),
]


@pytest.mark.parametrize(("change", "match"), BAD_SEVERAL, ids=lambda value: value if isinstance(value, str) else "")
def test_several_views_that_do_not_fit_together_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        prepare_views([IMAGE, IMAGE], **({"intrinsics": K} | change))


def test_a_long_walk_is_judged_by_each_step():
    """The ends lie 36 m apart at a depth of 2 m; in millimetres each step of 9 m would be 9000."""
    steps = [pose(x=9.0 * index) for index in range(5)]
    settings = {"depths": [DEPTH] * 5, "intrinsics": K, "world_up": "+z"}
    assert prepare_views([IMAGE] * 5, camera_to_world=steps, **settings)["metric"]
    with pytest.raises(ValueError, match=r"got a camera 9000 m from its nearest other one .* by 1000"):
        prepare_views([IMAGE] * 2, **settings | {"depths": [DEPTH] * 2}, camera_to_world=[EYE, pose(x=9000.0)])


UNUSED = [
    ({"depth_unit": "mm"}, r"`depth_unit` has no effect without `depths`, got 'mm'\. Leave it out"),
    ({"depth_unit": "mm", "depths": [None]}, r"`depth_unit` has no effect without `depths`, got 'mm'"),
    ({"depth_scale": 0.001}, r"`depth_scale` has no effect without `depths`, got 0.001"),
    ({"depth_kind": "relative"}, r"`depth_kind` has no effect without `depths`, got 'relative'"),
    ({"depth_field_of_view": "same"}, r"`depth_field_of_view` has no effect without `depths`, got 'same'"),
    ({"gravity_camera": (0, 1, 0)}, r"`gravity_camera` has no effect without `depths`, got \(0, 1, 0\)"),
    ({"horizontal_fov_deg": 60}, r"`horizontal_fov_deg` has no effect without `depths`, got 60.* pass `intrinsics`"),
    ({"camera_axes": "opengl"}, r"`camera_axes` has no effect without poses or `gravity_camera`, got 'opengl'"),
    (
        {"camera_axes": "opengl", "depths": DEPTH, "intrinsics": K},
        r"`camera_axes` has no effect without poses or `gravity_camera`, got 'opengl'",
    ),
]


@pytest.mark.parametrize(("settings", "match"), UNUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_setting_that_nothing_reads_is_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        prepare_views(IMAGE, **settings)


def test_a_field_of_view_goes_with_poses_alone():
    views = prepare_views(IMAGE, horizontal_fov_deg=60, camera_to_world=EYE, camera_axes="opengl", world_up="+y")
    assert views["intrinsics"][0] is not None


def address_of(picture, **settings):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **settings)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def test_an_address_is_fetched_where_nothing_else_depends_on_its_pixels():
    assert prepare_views(address_of(Image.new("RGB", (8, 4))))["images"][0].size == (8, 4)
    with pytest.raises(
        ValueError, match=r"`images` must be a complete image file .* got 'data:image/png;base64,AAAA'"
    ):
        prepare_views("data:image/png;base64,AAAA")


@pytest.mark.parametrize(
    "settings",
    [
        {"depths": DEPTH, "intrinsics": K},
        {"intrinsics": K},
        {"horizontal_fov_deg": 60},
        {"camera_to_world": EYE, "world_up": "+z"},
    ],
    ids=["depth", "intrinsics", "field of view", "pose"],
)
def test_an_address_with_camera_data_is_refused(settings):
    with pytest.raises(
        ValueError, match=r"`images` must be a local file .* got the address 'data:.* Download it first"
    ):
        prepare_views(address_of(Image.fromarray(IMAGE)), **settings)


def test_every_message_says_what_to_do():
    """Each message has an argument in backticks, the word got, and a sentence of advice after it."""
    folder = Path(__file__).parents[1] / "src" / "transformers_sr3d"
    stems = ("input_checks", "image_files", "depth_files", "camera_matrices", "camera_inputs", "region_masks")
    sources = [(folder / f"{stem}_sr3d.py").read_text(encoding="utf-8") for stem in (*stems, "region_prompts")]
    raised = [node.exc for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise)]
    messages = [ast.unparse(error.args[0]) for error in raised]
    assert len(messages) > 70
    for message in messages:
        assert re.search(r"`.+`.*\bgot\b.*[.}] [A-Z{8]", message), message


def test_the_pixel_limit_is_checked_before_decoding(tmp_path):
    assert MAX_IMAGE_PIXELS == 64_000_000
    # The file holds one byte of pixels: had it been decoded, the message would speak of a damaged file.
    with pytest.raises(ValueError, match=r"at most 64000000 pixels, got 8001x8000 = 64008000"):
        load_image_rgb(png_with_header_only(tmp_path / "a.png", 8001, 8000), "images")


def test_a_reconstruction_without_scale_keeps_its_shape_and_has_no_metres():
    views = [box_room(pose) for pose in orbiting_cameras(2)]
    given = {"images": [Image.new("RGB", (64, 48))] * 2, "intrinsics": pinhole(), "world_up": "+z"}
    poses = [view["camera_to_world"].clone() for view in views]
    for pose in poses:
        pose[:3, 3] *= 40.0
    depths = [view["depth"].numpy() * 40 for view in views]
    prepared = prepare_views(
        **given, depths=depths, camera_to_world=poses, depth_kind="relative", world_unit="unknown"
    )
    assert (prepared["metric"], prepared["geometry"]) == (False, "relative")
    for points, view in zip(prepared["points"], views, strict=True):
        torch.testing.assert_close(points / 40, view["points_world"], atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match=r"`depth_kind='metric'` cannot be combined with poses in an unknown unit"):
        prepare_views(**given, depths=depths, camera_to_world=poses, world_unit="unknown")
    with pytest.raises(ValueError, match=r"`depth_kind='relative'` cannot be combined with poses in metres"):
        prepare_views(**given, depths=depths, camera_to_world=poses, depth_kind="relative")
    with pytest.raises(ValueError, match=r"`world_unit` has no effect without poses, got 'unknown'"):
        prepare_views(given["images"][:1], world_unit="unknown")
    with pytest.raises(ValueError, match=r"`world_unit` must be one of .* got 'feet'"):
        prepare_views(**given, depths=depths, camera_to_world=poses, world_unit="feet")


def test_messages_show_the_end_of_a_long_path(tmp_path):
    path = tmp_path / ("long" * 40) / "image_007.png"
    with pytest.raises(FileNotFoundError, match=r"`images` must be an existing file, got .{40,120}/image_007\.png'"):
        prepare_views([str(path)])
