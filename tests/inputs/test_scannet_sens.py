# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of `.sens` files: the known room in every compression, read by offsets, and what is left out or refused."""

import io
import pickle
import struct
import zlib

import numpy as np
import pytest
from known_source import check_source, known_views
from PIL import Image

from transformers_sr3d.inputs import scannet_sens
from transformers_sr3d.inputs.scannet_sens import is_scannet_sens, read_scannet_sens


VIEWS = known_views(size_hw=(96, 128), depth_size_hw=(48, 64))
NAME = b"StructureSensor"
# Where the parts of the head are: after version, length of the name and name.
INTRINSICS_AT, EXTRINSICS_AT = 12 + len(NAME), 12 + len(NAME) + 64
FORMATS_AT = 12 + len(NAME) + 256
SIZES_AT, SHIFT_AT, COUNT_AT, FRAMES_AT = FORMATS_AT + 8, FORMATS_AT + 24, FORMATS_AT + 28, FORMATS_AT + 36
JPEG = {"format": "JPEG", "quality": 98, "subsampling": 0}
LOST = np.full((4, 4), -np.inf)


def embed(intrinsics):
    matrix = np.eye(4)
    matrix[:3, :3] = intrinsics
    return matrix


def encode_color(image, color):
    if color == 0:
        return image.tobytes()
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, **({"format": "PNG"} if color == 1 else JPEG))
    return buffer.getvalue()


def encode_depth(depth, compression, shift):
    stored = np.round(depth * shift).astype("<u2").tobytes()
    return zlib.compress(stored) if compression == 1 else stored


def frame(pose, color, depth, *, times=(0, 0)):
    head = struct.pack("<16f", *np.asarray(pose).ravel()) + struct.pack("<4Q", *times, len(color), len(depth))
    return head + color + depth


def sens(frames, *, views=VIEWS, color=2, depth=1, shift=1000.0, imu=3):
    """Return the bytes of a file with these frames."""
    color_hw, depth_hw = views[0].image.shape[:2], views[0].depth.shape
    data = struct.pack("<I", 4) + struct.pack("<Q", len(NAME)) + NAME
    for intrinsics in (views[0].intrinsics, views[0].depth_intrinsics):
        for matrix in (embed(intrinsics), np.eye(4)):
            data += struct.pack("<16f", *matrix.ravel())
    data += struct.pack("<ii", color, depth) + struct.pack("<IIII", *color_hw[::-1], *depth_hw[::-1])
    data += struct.pack("<f", shift) + struct.pack("<Q", len(frames)) + b"".join(frames)
    return data if imu is None else data + struct.pack("<Q", imu) + bytes(128 * imu)


def known_frames(*, color=2, depth=1, shift=1000.0, views=VIEWS):
    return [
        frame(
            view.camera_to_world,
            encode_color(view.image, color),
            encode_depth(view.depth, depth, shift),
            times=(int(view.time_s * 1e6), int(view.time_s * 1e6) + 7),
        )
        for view in views
    ]


@pytest.fixture
def write(tmp_path):
    def write(data, name="scene0000_00.sens"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def patched(at, kind, *values):
    """Return the bytes of the known file with some of them replaced."""
    data = bytearray(sens(known_frames()))
    struct.pack_into(kind, data, at, *values)
    return bytes(data)


@pytest.mark.parametrize("color", [0, 1, 2], ids=["raw", "png", "jpeg"])
@pytest.mark.parametrize(
    ("depth", "shift"), [(1, 1000.0), (0, 1000.0), (1, 4000.0)], ids=["zlib", "raw", "quarter mm"]
)
def test_the_known_room_comes_back(write, color, depth, shift):
    options = {"color": color, "depth": depth, "shift": shift}
    path = write(sens(known_frames(**options), **options))
    assert is_scannet_sens(path)
    source = read_scannet_sens(path)
    assert source.kind == "scannet_sens"
    assert source.world_up == "+z"
    assert source.left_out == {}
    assert [view.name for view in source.views] == ["frame 0", "frame 1", "frame 2", "frame 3"]
    assert [view.time_s for view in source.views] == pytest.approx([100.0, 100.25, 100.5, 100.75])
    assert any(f"{shift:g} per metre" in text for text in source.conventions)
    check_source(source, VIEWS)


@pytest.mark.parametrize("imu", [None, 0, 5])
def test_imu_samples_may_follow(write, imu):
    assert len(read_scannet_sens(write(sens(known_frames(), imu=imu))).views) == 4


def test_intrinsics_of_colours_and_depth_are_kept_apart(write):
    view = read_scannet_sens(write(sens(known_frames()))).views[0]
    assert np.allclose(view.intrinsics, VIEWS[0].intrinsics)
    assert np.allclose(view.depth_intrinsics, VIEWS[0].depth_intrinsics)


def test_alignment_beside_the_file_is_applied_and_told(write, tmp_path):
    alignment = np.array([[0.8, -0.6, 0, 1.25], [0.6, 0.8, 0, -3.5], [0, 0, 1, 0.125], [0, 0, 0, 1]])
    frames = [
        frame(
            np.linalg.inv(alignment) @ view.camera_to_world,
            encode_color(view.image, 2),
            encode_depth(view.depth, 1, 1000),
        )
        for view in VIEWS
    ]
    path = write(sens(frames))
    numbers = " ".join(f"{value:f}" for value in alignment.flat)
    (tmp_path / "scene0000_00.txt").write_text(f"axisAlignment = {numbers}\n")
    source = read_scannet_sens(path)
    assert any("then axis-aligned" in text for text in source.conventions)
    check_source(source, VIEWS)
    pose = read_scannet_sens(path, axis_alignment=False).views[0].camera_to_world
    assert np.allclose(pose, np.linalg.inv(alignment) @ VIEWS[0].camera_to_world, atol=1e-5)


def test_a_file_of_another_scanner_says_what_is_up(write):
    path = write(sens(known_frames()), "mine.sens")
    with pytest.raises(ValueError, match=r"`world_up` must be given for .*mine\.sens, got None"):
        read_scannet_sens(path)
    check_source(read_scannet_sens(path, world_up="+z"), VIEWS)


def test_frames_that_lost_tracking_or_have_no_colours_are_left_out(write):
    frames = known_frames()
    frames[1] = frame(LOST, b"\xff\xd8", b"x")
    frames[2] = frame(VIEWS[2].camera_to_world, b"", encode_depth(VIEWS[2].depth, 1, 1000))
    source = read_scannet_sens(write(sens(frames)))
    assert source.left_out == {"frame 1": "tracking lost: its pose is -inf", "frame 2": "it has no colours"}
    check_source(source, [VIEWS[0], VIEWS[3]])
    with pytest.raises(ValueError, match=r"must hold at least one view .* 1 that it marks as unusable"):
        read_scannet_sens(write(sens([frame(LOST, b"", b"")])))


def test_a_frame_without_depth_is_a_view_without_depth(write):
    frames = known_frames()
    frames[1] = frame(VIEWS[1].camera_to_world, encode_color(VIEWS[1].image, 2), b"")
    arguments = read_scannet_sens(write(sens(frames))).arguments()
    assert [depth is None for depth in arguments["depths"]] == [False, True, False, False]


@pytest.mark.parametrize("times_us", [(0, 0, 0, 0), (5, 9, 7, 12), (0, 0, 3, 0)])
def test_times_that_do_not_increase_are_none(write, times_us):
    frames = [
        frame(view.camera_to_world, encode_color(view.image, 2), b"", times=(time_us, 0))
        for view, time_us in zip(VIEWS, times_us, strict=True)
    ]
    source = read_scannet_sens(write(sens(frames)))
    assert [view.time_s for view in source.views] == [None] * 4
    assert any(text.startswith("Time: none") for text in source.conventions)


def test_two_thousand_frames_open_by_reading_their_heads(write, monkeypatch):
    counts = []
    read = scannet_sens._read

    def count(file, count, path, what):
        counts.append(count)
        return read(file, count, path, what)

    frames = [frame(np.eye(4), bytes(1000), bytes(1000)) for _ in range(2000)]
    path = write(sens(frames, imu=0))
    monkeypatch.setattr(scannet_sens, "_read", count)
    assert len(read_scannet_sens(path).views) == 2000
    assert sum(counts) == FRAMES_AT + 2000 * 96 + 8


def test_loaders_can_be_sent_to_other_processes(write):
    view = pickle.loads(pickle.dumps(read_scannet_sens(write(sens(known_frames()))).views[1]))
    assert view.load_image().size == (128, 96)
    assert view.load_depth().shape == (48, 64)
    assert view.load_depth().dtype == np.float32


@pytest.mark.parametrize(
    ("at", "kind", "values", "message"),
    [
        (0, "<I", (3,), r"must be a \.sens file of version 4, got version 3"),
        (4, "<Q", (2**63,), r"must have a sensor name of at most 4096 bytes, got 9223372036854775808"),
        (INTRINSICS_AT, "<f", (float("nan"),), r"`color intrinsics of .*scene0000_00\.sens` "),
        (INTRINSICS_AT + 12, "<f", (3.0,), r"`color intrinsics of .*` must be 4x4 with the intrinsics in its corner"),
        (EXTRINSICS_AT + 12, "<f", (0.0379,), r"`color extrinsics of .*` must be the identity .* got 0\.0379 off"),
        (EXTRINSICS_AT + 128, "<f", (float("inf"),), r"`depth extrinsics of .*` must be the identity"),
        (FORMATS_AT, "<i", (-1,), r"`color compression of .*` must be one of .*, got -1"),
        (FORMATS_AT + 4, "<i", (2,), r"`depth compression of .*` must be 0 \(raw\) or 1 \(zlib\), got 2 \(occi\)"),
        (FORMATS_AT + 4, "<i", (9,), r"`depth compression of .*` must be 0 \(raw\) or 1 \(zlib\), got 9"),
        (SIZES_AT, "<II", (0, 96), r"`color size of .*` must have at least one pixel, got 0x96"),
        (SIZES_AT, "<II", (2**32 - 1, 2**32 - 1), r"`color size of .*` may have at most 64000000 pixels"),
        (SIZES_AT + 8, "<II", (2**31, 48), r"`depth size of .*` may have at most 64000000 pixels"),
        (SIZES_AT, "<II", (64, 48), r"`color intrinsics of .*` must have its principal point"),
        (SHIFT_AT, "<f", (0.0,), r"`depth shift of .*` must be stored numbers per metre, 1 or more, got 0"),
        (SHIFT_AT, "<f", (float("nan"),), r"`depth shift of .*` must be .* got nan"),
        (COUNT_AT, "<Q", (2**60,), r"must hold the 1152921504606846976 frames that its head counts"),
        (COUNT_AT, "<Q", (5,), r"must end after .* its number of frames is wrong"),
        (COUNT_AT, "<Q", (3,), r"must end after .* its number of frames is wrong"),
        (COUNT_AT, "<Q", (0,), r"must end after .* its number of frames is wrong"),
        (FRAMES_AT, "<f", (float("nan"),), r"`the pose of frame 0 in .*` must be 4x4 finite"),
        (FRAMES_AT, "<f", (3.0,), r"`the pose of frame 0 in .*` must be rigid to 0\.001"),
        (FRAMES_AT + 80, "<Q", (2**62,), r"`colours of frame 0 of 4 of .*` must have at most \d+ bytes for 128x96"),
        (FRAMES_AT + 88, "<Q", (2**62,), r"`depth of frame 0 of 4 of .*` must have at most \d+ bytes for 64x48"),
    ],
)
def test_bad_numbers_are_refused_by_name(write, at, kind, values, message):
    with pytest.raises(ValueError, match=message):
        read_scannet_sens(write(patched(at, kind, *values)))


def test_a_truncated_file_is_refused_by_frame(write):
    frames = known_frames()
    whole = sens(frames)
    third = FRAMES_AT + len(frames[0]) + len(frames[1])
    for end, message in (
        (0, r"must hold a version, got 0 of 4 bytes"),
        (8, r"must hold the length of a name, got 4 of 8 bytes"),
        (20, r"must hold the name of the sensor, got 8 of 15 bytes"),
        (FORMATS_AT, r"must hold the head before the first frame, got 256 of 292 bytes"),
        (FRAMES_AT + 20, r"must hold the 4 frames that its head counts, .* got 20 bytes"),
        (third - 1, r"bytes of frame 1 of 4, got \d+\. It is truncated"),
        (third + 50, r"must hold the head of frame 2 of 4, got 50 of 96 bytes"),
        (third + 96 + 10, r"bytes of frame 2 of 4, got 10\. It is truncated"),
        (len(whole) - 3 * 128 - 5, r"must hold the number of IMU samples after the last frame, got 3 of 8 bytes"),
        (len(whole) - 1, r"must end after 3 IMU samples of 128 bytes, got 383 bytes"),
    ):
        with pytest.raises(ValueError, match=rf"scene0000_00\.sens` .*{message}|{message}"):
            read_scannet_sens(write(whole[:end]))


@pytest.mark.parametrize(
    ("color", "message"),
    [
        (
            encode_color(VIEWS[0].image, 2)[:-500],
            r"colours of frame 0 of 1 in .*scene0000_00\.sens` must be a complete",
        ),
        (encode_color(VIEWS[0].image, 1), r"colours of frame 0 of 1 in .*` must be a JPEG file"),
        (b"\xff\xd8 no picture", r"colours of frame 0 of 1 in .*` must be a JPEG file"),
        (encode_color(VIEWS[0].image[:50], 2), r"colours of frame 0 of 1 in .*` must have 128x96 pixels.* got 128x50"),
    ],
    ids=["truncated", "png", "garbage", "another size"],
)
def test_damaged_colours_are_refused_by_frame(write, color, message):
    path = write(sens([frame(VIEWS[0].camera_to_world, color, encode_depth(VIEWS[0].depth, 1, 1000))]))
    view = read_scannet_sens(path).views[0]
    with pytest.raises(ValueError, match=message):
        view.load_image()


@pytest.mark.parametrize(
    ("depth", "message"),
    [
        (b"garbage", r"depth of frame 0 of 1 in .*scene0000_00\.sens` must be zlib data"),
        (encode_depth(VIEWS[0].depth, 1, 1000)[:-20], r"depth of frame 0 of 1 in .*` must be complete zlib data"),
        (zlib.compress(bytes(6142)), r"depth of frame 0 of 1 in .*` must have 6144 bytes for 64x48 pixels, got 6142"),
        (zlib.compress(bytes(50_000_000)), r"depth of frame 0 of 1 in .*` must have 6144 bytes .* got 6145"),
        (zlib.compress(bytes(6144)), r"depth of frame 0 of 1 in .*` must measure at least 3 pixels"),
    ],
    ids=["garbage", "truncated", "short", "bomb", "nothing measured"],
)
def test_damaged_depth_is_refused_by_frame(write, depth, message):
    path = write(sens([frame(VIEWS[0].camera_to_world, encode_color(VIEWS[0].image, 2), depth)]))
    view = read_scannet_sens(path).views[0]
    with pytest.raises(ValueError, match=message):
        view.load_depth()


@pytest.mark.parametrize(
    ("color", "depth", "message"),
    [
        (b"abc", b"", r"`colours of frame 0 of 1 of .*` must have 0 or 36864 bytes for 128x96 pixels, got 3"),
        (bytes(36864), b"abc", r"`depth of frame 0 of 1 of .*` must have 0 or 6144 bytes for 64x48 pixels, got 3"),
    ],
)
def test_raw_pictures_of_another_size_are_refused(write, color, depth, message):
    with pytest.raises(ValueError, match=message):
        read_scannet_sens(write(sens([frame(np.eye(4), color, depth)], color=0, depth=0)))


def test_a_file_cut_after_opening_is_refused_by_frame(write):
    whole = sens(known_frames())
    path = write(whole)
    view = read_scannet_sens(path).views[3]
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"must hold the depth of frame 3 of 4, got 0 of \d+ bytes"):
        view.load_depth()


def test_what_is_no_sens_file_is_refused(tmp_path):
    assert not is_scannet_sens(tmp_path)
    assert not is_scannet_sens(tmp_path / "a.sens")
    with pytest.raises(FileNotFoundError, match=r"a\.sens` must be a \.sens file, got none there"):
        read_scannet_sens(tmp_path / "a.sens")
