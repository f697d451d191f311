# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of Record3D: the known room as versions of the app store it, what they do not tell, and what is refused."""

import io
import json
import pickle
import struct
import sys
import time
import zipfile
import zlib

import numpy as np
import pytest
from known_source import check_source, known_views, opengl, world_from_known
from PIL import Image

from transformers_sr3d.inputs.record3d import is_record3d, read_record3d


lzfse = pytest.importorskip("lzfse")

# A device held upright: LiDAR maps are smaller than the images. Maps of more than 4096 bytes become blocks of "bvx2".
SIZE_HW, DEPTH_SIZE_HW = (64, 48), (48, 36)
PIXELS = DEPTH_SIZE_HW[0] * DEPTH_SIZE_HW[1]
NOT_TURNED = [0, 0, 0, 1, 0, 0, 0]


def quaternion(rotation):
    """Turn a rotation matrix into x, y, z, w by its eigenvector, which needs no case for turns of half a circle."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = [
        [xx - yy - zz, yx + xy, zx + xz, zy - yz],
        [yx + xy, yy - xx - zz, zy + yz, xz - zx],
        [zx + xz, zy + yz, zz - xx - yy, yx - xy],
        [zy - yz, xz - zx, yx - xy, xx + yy + zz],
    ]
    return np.linalg.eigh(np.array(matrix))[1][:, -1].tolist()


def pose_entry(pose):
    return [*quaternion(pose[:3, :3]), *pose[:3, 3].tolist()]


def arkit_poses(views):
    """Poses of the known cameras as ARKit has them: y is up in the world and in the camera."""
    return [opengl(world_from_known("+y") @ view.camera_to_world) for view in views]


def metadata_of(views):
    height, width = views[0].image.shape[:2]
    rows, columns = views[0].depth.shape
    intrinsics = views[0].intrinsics
    return {
        "w": width,
        "h": height,
        "dw": columns,
        "dh": rows,
        "fps": 60,
        "K": intrinsics.T.ravel().tolist(),
        "perFrameIntrinsicCoeffs": [[intrinsics[at] for at in ((0, 0), (1, 1), (0, 2), (1, 2))] for _ in views],
        "poses": [pose_entry(pose) for pose in arkit_poses(views)],
        "initPose": NOT_TURNED,
        "frameTimestamps": [index / 60 for index in range(len(views))],
        "cameraType": 1,
    }


def files_of(views, metadata, confidence=2):
    files = {"metadata": json.dumps(metadata).encode(), "icon": b"\xff\xd8", "sound.m4a": b"sound"}
    for index, view in enumerate(views):
        jpeg = io.BytesIO()
        Image.fromarray(view.image).save(jpeg, "JPEG", quality=100, subsampling=0)
        files[f"rgbd/{index}.jpg"] = jpeg.getvalue()
        files[f"rgbd/{index}.depth"] = lzfse.compress(view.depth.astype("<f4").tobytes())
        if confidence is not None:
            levels = np.broadcast_to(np.uint8(confidence), view.depth.shape)
            files[f"rgbd/{index}.conf"] = lzfse.compress(levels.tobytes())
    return files


def write_archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(scope="module")
def views():
    return known_views(size_hw=SIZE_HW, depth_size_hw=DEPTH_SIZE_HW)


@pytest.fixture
def metadata(views):
    return metadata_of(views)


@pytest.fixture
def recording(tmp_path, views, metadata):
    return write_archive(tmp_path / "scan.r3d", files_of(views, metadata))


def test_a_recording_gives_the_known_room(recording, views):
    assert is_record3d(recording)
    source = read_record3d(recording)
    check_source(source, views)
    assert (source.kind, source.path, source.world_up, source.world_unit) == ("record3d", recording, "+y", "m")
    assert [view.name for view in source.views] == [f"rgbd/{index}.jpg" for index in range(4)]
    assert [view.time_s for view in source.views] == pytest.approx([0, 1 / 60, 2 / 60, 3 / 60])
    assert not source.left_out


def test_an_unpacked_recording_gives_the_same(tmp_path, views, metadata):
    folder = tmp_path / "scan"
    (folder / "rgbd").mkdir(parents=True)
    for name, data in files_of(views, metadata).items():
        (folder / name).write_bytes(data)
    assert is_record3d(folder)
    check_source(read_record3d(folder), views)


def test_wide_images_of_the_size_of_their_depth_give_the_known_room(tmp_path):
    views = known_views()
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata_of(views)))
    check_source(read_record3d(path), views)


def test_an_old_version_has_one_matrix_and_no_depth_size(tmp_path):
    views = known_views(1, size_hw=(256, 192))
    metadata = metadata_of(views)
    for key in ("perFrameIntrinsicCoeffs", "dw", "dh", "frameTimestamps"):
        del metadata[key]
    source = read_record3d(write_archive(tmp_path / "scan.r3d", files_of(views, metadata)))
    check_source(source, views)
    assert source.views[0].time_s == 0.0


def test_without_times_the_rate_counts_and_without_both_nothing(tmp_path, views, metadata):
    del metadata["frameTimestamps"]
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata))
    assert [view.time_s for view in read_record3d(path).views] == pytest.approx([0, 1 / 60, 2 / 60, 3 / 60])
    del metadata["fps"]
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata))
    assert [view.time_s for view in read_record3d(path).views] == [None] * 4


def test_every_frame_has_its_own_matrix(tmp_path, views, metadata):
    metadata["perFrameIntrinsicCoeffs"][2] = [40, 41, 24, 31]
    source = read_record3d(write_archive(tmp_path / "scan.r3d", files_of(views, metadata)))
    np.testing.assert_allclose(source.views[2].intrinsics, [[40, 0, 24], [0, 41, 31], [0, 0, 1]])
    np.testing.assert_allclose(source.views[1].intrinsics, views[1].intrinsics, atol=1e-5)


def write_relative(path, views, metadata, start):
    """Poses relative to the first one, as older versions have them."""
    poses = arkit_poses(views)
    metadata["poses"] = [pose_entry(np.linalg.inv(poses[0]) @ pose) for pose in poses]
    metadata["initPose"] = pose_entry(poses[0]) if start == "turned" else NOT_TURNED
    if start == "none":
        del metadata["initPose"]
    return write_archive(path, files_of(views, metadata))


def test_the_pose_at_the_start_puts_relative_poses_upright(tmp_path, views, metadata):
    source = read_record3d(write_relative(tmp_path / "scan.r3d", views, metadata, "turned"))
    assert source.world_up == "+y"
    assert "World: up is +y, that of ARKit, through `initPose`." in source.conventions
    check_source(source, views)


@pytest.mark.parametrize("start", ["none", "not turned"])
def test_relative_poses_alone_do_not_tell_what_is_up(tmp_path, views, metadata, start):
    source = read_record3d(write_relative(tmp_path / "scan.r3d", views, metadata, start))
    assert source.world_up == "unknown"
    assert any("up is unknown, because the first pose is level" in sentence for sentence in source.conventions)
    poses = arkit_poses(views)
    for view, pose in zip(source.views, poses, strict=True):
        np.testing.assert_allclose(view.camera_to_world, opengl(np.linalg.inv(poses[0]) @ pose), atol=1e-6)


def test_what_is_up_can_be_said(tmp_path, views, metadata):
    path = write_relative(tmp_path / "scan.r3d", views, metadata, "none")
    source = read_record3d(path, world_up="-x")
    assert source.world_up == "-x"
    assert "World: up is -x, as the caller said." in source.conventions


def test_turned_twice_is_not_known(tmp_path, views, metadata):
    metadata["initPose"] = metadata["poses"][0]
    source = read_record3d(write_archive(tmp_path / "scan.r3d", files_of(views, metadata)))
    assert source.world_up == "unknown"
    assert any("`initPose` was not applied" in sentence for sentence in source.conventions)
    expected = world_from_known("+y") @ views[0].camera_to_world
    np.testing.assert_allclose(source.views[0].camera_to_world, expected, atol=1e-6)


def test_recordings_of_the_selfie_camera_have_no_poses(tmp_path, views, metadata):
    metadata["poses"] = [NOT_TURNED] * 4
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata, confidence=None))
    source = read_record3d(path)
    assert source.world_up is None
    assert [view.camera_to_world for view in source.views] == [None] * 4
    assert any("Poses: none" in sentence for sentence in source.conventions)
    one = source.select([1]).arguments()
    np.testing.assert_allclose(one["depths"][0], views[1].depth, rtol=1e-6)
    with pytest.raises(ValueError, match=r"`world_up` must be left out for .*metadata, got '\+y' and no poses"):
        read_record3d(path, world_up="+y")


@pytest.mark.parametrize(("min_confidence", "first_column"), [(None, 12), (0, 0), (1, 6), (2, 12)])
def test_depth_of_low_confidence_is_not_measured(tmp_path, views, metadata, min_confidence, first_column):
    confidence = np.full(DEPTH_SIZE_HW, 2, dtype=np.uint8)
    confidence[:, :6], confidence[:, 6:12] = 0, 1
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata, confidence))
    depth = read_record3d(path, min_confidence=min_confidence).views[0].load_depth()
    assert not depth[:, :first_column].any()
    assert (depth[:, first_column:] > 0).all()
    assert depth.dtype == np.float32


def test_depth_that_is_no_number_is_not_measured(tmp_path, views, metadata):
    files = files_of(views, metadata)
    depth = views[0].depth.astype("<f4")
    depth[0, :4] = [np.nan, np.inf, -np.inf, -1]
    files["rgbd/0.depth"] = lzfse.compress(depth.tobytes())
    loaded = read_record3d(write_archive(tmp_path / "scan.r3d", files)).views[0].load_depth()
    assert loaded[0, :4].tolist() == [0, 0, 0, 0]
    assert (loaded[1:] > 0).all()


@pytest.mark.parametrize("magic", [b"bvx2", b"bvxn", b"bvx-"])
def test_every_kind_of_block_is_decompressed(tmp_path, views, metadata, magic):
    numbers = {
        b"bvx2": views[0].depth.astype("<f4").tobytes(),
        b"bvxn": np.repeat(np.float32([2.0, 1.5]), PIXELS // 2).tobytes(),
        b"bvx-": np.random.default_rng(0).uniform(1, 2, PIXELS).astype("<f4").tobytes(),
    }[magic]
    size = struct.pack("<I", len(numbers))
    packed = {
        b"bvxn": magic + size + lzvn_block(numbers),
        b"bvx-": magic + size + numbers + b"bvx$",
    }.get(magic) or lzfse.compress(numbers)
    assert packed[:4] == magic
    files = files_of(views, metadata) | {"rgbd/0.depth": packed}
    loaded = read_record3d(write_archive(tmp_path / "scan.r3d", files)).views[0].load_depth()
    assert loaded.astype("<f4").tobytes() == numbers


def lzvn_block(numbers):
    """Literals only: 1110 0000, their count less 16, then these; the end is 0000 0110 and seven zeros."""
    parts = [numbers[start : start + 256] for start in range(0, len(numbers), 256)]
    payload = b"".join(bytes([0xE0, len(part) - 16]) + part for part in parts) + b"\x06" + bytes(7)
    return struct.pack("<I", len(payload)) + payload + b"bvx$"


def test_two_thousand_frames_open_without_being_loaded(tmp_path, views, metadata, monkeypatch):
    for key in ("poses", "perFrameIntrinsicCoeffs"):
        metadata[key] = metadata[key][:1] * 2000
    metadata["frameTimestamps"] = [index / 60 for index in range(2000)]
    files = {"metadata": json.dumps(metadata).encode()}
    for index in range(2000):
        files |= {f"rgbd/{index}{suffix}": b"not loaded" for suffix in (".jpg", ".depth", ".conf")}
    path = write_archive(tmp_path / "scan.r3d", files)
    names = []
    read = zipfile.ZipFile.read
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda self, entry: names.append(entry.filename) or read(self, entry))
    start_s = time.process_time()
    assert len(read_record3d(path).views) == 2000
    assert time.process_time() - start_s < 10
    assert names == ["metadata"]


def test_loaders_can_be_sent_to_another_process(recording, views):
    view = pickle.loads(pickle.dumps(read_record3d(recording).views[3]))
    assert np.abs(np.asarray(view.load_image(), dtype=float) - views[3].image).mean() < 2
    np.testing.assert_allclose(view.load_depth(), views[3].depth, rtol=1e-6)


def change(metadata, key, value):
    """Set a key, or an entry of the list behind it: "poses[1]"."""
    name, _, index = key.partition("[")
    if index:
        metadata[name][int(index[:-1])] = value
    else:
        metadata[name] = value


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("w", None, r"scan\.r3d/metadata \['w'\]` must be a finite number, got None"),
        ("h", 63.5, r"metadata \['h'\]` must be a whole number of pixels, got 63\.5"),
        ("dh", 10**9, r"metadata \['dw', 'dh'\]` may have at most \d+ pixels, got 36x1000000000"),
        ("dw", 48, r"metadata` must have depth maps of the shape of the images, got 48x48 for 48x64"),
        ("poses", {}, r"metadata \['poses'\]` must be a list, got \{\}"),
        ("poses", [], r"metadata \['poses'\]` must be a list, got 0"),
        ("poses[1]", [0, 0, 0, 1, 0, 0], r"metadata \['poses'\]\[1\]` must be 7 numbers, got \[0, 0, 0, 1, 0, 0\]"),
        ("poses[1]", [0, 0, 0, "1", 0, 0, 0], r"\['poses'\]\[1\]` must be a finite number, got '1'"),
        (
            "poses[1]",
            [0, 0, 0, 0, 0, 0, 0],
            r"\['poses'\]\[1\]` must be qx, qy, qz, qw of a unit quaternion.*length 1",
        ),
        ("poses[1]", [0, 0, 0, float("nan"), 0, 0, 0], r"\['poses'\]\[1\]` must be a finite number, got nan"),
        ("initPose", [1, 2], r"metadata \['initPose'\]` must be 7 numbers, got \[1, 2\]"),
        ("frameTimestamps", [0.0, 0.1], r"\['frameTimestamps'\]` must be a list of 4, one for each .* got 2"),
        ("frameTimestamps[3]", "now", r"metadata \['frameTimestamps'\]\[3\]` must be a finite number, got 'now'"),
        ("perFrameIntrinsicCoeffs", [[1, 2, 3, 4]], r"\['perFrameIntrinsicCoeffs'\]` must be a list of 4, .* got 1"),
        (
            "perFrameIntrinsicCoeffs[2]",
            [40, 40, 24],
            r"\['perFrameIntrinsicCoeffs'\]\[2\]` must be 4 numbers, got \[40",
        ),
        (
            "perFrameIntrinsicCoeffs[2]",
            [40, 40, 32, 24],
            r"Coeffs'\]\[2\]` must have its principal point near the middle",
        ),
        ("perFrameIntrinsicCoeffs[2]", [-40, 40, 24, 32], r"Coeffs'\]\[2\]` must have positive focal lengths"),
    ],
)
def test_bad_metadata_are_refused_by_key(tmp_path, views, metadata, key, value, message):
    change(metadata, key, value)
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata))
    with pytest.raises(ValueError, match=message):
        read_record3d(path)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([37.5, 0, 23.5, 0, 37.5, 31.5, 0, 0, 1], r"metadata \['K'\]` must have the last row .* transposed"),
        ([37.5, 0, 0, 0, 37.5, 0, 11.5, 15.5, 1], r"metadata \['K'\]` must have its principal point near the middle"),
        ([37.5, 0, 0, 0, 37.5, 0], r"metadata \['K'\]` must be 9 numbers"),
        (None, r"metadata \['K'\]` must be 9 numbers, got None"),
    ],
)
def test_a_bad_matrix_is_refused(tmp_path, views, metadata, matrix, message):
    metadata |= {"K": matrix, "perFrameIntrinsicCoeffs": []}
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata))
    with pytest.raises(ValueError, match=message):
        read_record3d(path)


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_metadata_that_are_no_json_are_refused(tmp_path, views, metadata, data):
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata) | {"metadata": data})
    with pytest.raises(ValueError, match=r"scan\.r3d/metadata` must be JSON"):
        read_record3d(path)
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata) | {"metadata": b"[]"})
    with pytest.raises(ValueError, match=r"scan\.r3d/metadata` must be an object, got \[\]"):
        read_record3d(path)


@pytest.mark.parametrize("missing", ["rgbd/3.jpg", "rgbd/1.depth", "rgbd/0.conf"])
def test_a_recording_that_is_not_complete_is_refused(tmp_path, views, metadata, missing):
    files = files_of(views, metadata)
    del files[missing]
    path = write_archive(tmp_path / "scan.r3d", files)
    with pytest.raises(ValueError, match=rf"scan\.r3d` must hold .* for its 4 poses, got 3 of them and no {missing}"):
        read_record3d(path)


def test_a_frame_without_pose_is_refused(tmp_path, views, metadata):
    files = files_of(views, metadata)
    path = write_archive(tmp_path / "scan.r3d", files | {"rgbd/4.jpg": files["rgbd/3.jpg"]})
    with pytest.raises(ValueError, match=r"got 5 of them and rgbd/4\.jpg, which has none"):
        read_record3d(path)


def test_missing_metadata_are_refused(tmp_path, views, metadata):
    files = files_of(views, metadata)
    del files["metadata"]
    with pytest.raises(FileNotFoundError, match=r"scan\.r3d` must hold metadata, got none"):
        read_record3d(write_archive(tmp_path / "scan.r3d", files))
    (tmp_path / "rgbd").mkdir()
    with pytest.raises(FileNotFoundError, match=r"metadata` must be a file, got none"):
        read_record3d(tmp_path)


def test_a_truncated_archive_is_refused(recording):
    data = recording.read_bytes()
    for length in (0, 100, len(data) // 2, len(data) - 10):
        recording.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"scan\.r3d` must be a complete zip archive"):
            read_record3d(recording)


def test_a_damaged_file_in_the_archive_is_refused_when_loaded(recording):
    data = bytearray(recording.read_bytes())
    with zipfile.ZipFile(recording) as archive:
        start = archive.getinfo("rgbd/1.depth").header_offset + 60
    data[start : start + 8] = bytes(8)
    recording.write_bytes(data)
    with pytest.raises(ValueError, match=r"scan\.r3d/rgbd/1\.depth` must be intact, got Bad CRC-32"):
        read_record3d(recording).views[1].load_depth()


def test_two_files_of_one_name_are_refused(recording):
    with zipfile.ZipFile(recording, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("rgbd/1.jpg", b"another")
    with pytest.raises(ValueError, match=r"scan\.r3d` must hold one file called 'rgbd/1\.jpg', got several"):
        read_record3d(recording)


def test_names_that_lead_elsewhere_are_never_used(tmp_path, views, metadata):
    files = files_of(views, metadata) | {
        "../rgbd/9.jpg": b"",
        "/rgbd/8.jpg": b"",
        "rgbd/07.jpg": b"",
        "rgbd/x.jpg": b"",
    }
    check_source(read_record3d(write_archive(tmp_path / "scan.r3d", files)), views)
    assert [file.name for file in tmp_path.iterdir()] == ["scan.r3d"]


def test_a_file_larger_than_any_depth_map_is_refused_unread(tmp_path, views, metadata):
    files = files_of(views, metadata) | {"rgbd/0.depth": bytes(5_000_000)}
    with zipfile.ZipFile(tmp_path / "scan.r3d", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    assert (tmp_path / "scan.r3d").stat().st_size < 100_000
    view = read_record3d(tmp_path / "scan.r3d").views[0]
    with pytest.raises(ValueError, match=r"rgbd/0\.depth` may have at most 17920 bytes, got 5000000"):
        view.load_depth()


def test_a_packing_without_bound_is_refused(tmp_path, views, metadata):
    with zipfile.ZipFile(tmp_path / "scan.r3d", "w", zipfile.ZIP_LZMA) as archive:
        for name, data in files_of(views, metadata).items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match=r"scan\.r3d/metadata` must be stored or deflated, got packing 14"):
        read_record3d(tmp_path / "scan.r3d")


def damaged_streams():
    whole = lzfse.compress(np.linspace(1, 3, PIXELS, dtype="<f4").tobytes())
    assert whole[:4] == b"bvx2"
    four_gigabytes = b"bvx2" + struct.pack("<I", 0xFFFFFFFF) + whole[8:]
    too_many_matches = whole[:14] + b"\xff" + whole[15:]
    nothing = b"bvx2" + bytes(28)
    incomplete = r"must be a complete LZFSE stream, got no complete head of a block at byte "
    wrong_size = r"must be 36x48 numbers of 4 bytes, got "
    return {
        "truncated": (whole[:-4], incomplete + rf"{len(whole) - 4} of {len(whole) - 4}"),
        "cut in the head": (whole[:20], incomplete + r"0 of 20"),
        "empty": (b"", incomplete + r"0 of 0"),
        "a head of nothing": (nothing, incomplete + r"32 of 32"),
        "another kind": (b"\x89PNG" + bytes(100), r"must be a complete LZFSE stream, got b'.{1,4}PNG' at byte 0"),
        "more behind": (whole + b"more", r"must end with its LZFSE stream, got 4 bytes behind it"),
        "float16": (lzfse.compress(bytes(2 * PIXELS)), wrong_size + rf"{2 * PIXELS} bytes"),
        "four gigabytes": (four_gigabytes, wrong_size + r"4294967295 bytes"),
        "too many matches": (too_many_matches, r"must be an intact LZFSE stream, got a damaged one"),
        "less than said": (
            b"bvxn" + struct.pack("<II", 4 * PIXELS, 8) + b"\x06" + bytes(7) + b"bvx$",
            r"must be an intact LZFSE stream, got a damaged one",
        ),
    }


@pytest.mark.parametrize("damage", damaged_streams())
def test_damaged_depth_is_refused_when_loaded(tmp_path, views, metadata, damage):
    data, message = damaged_streams()[damage]
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata) | {"rgbd/1.depth": data})
    view = read_record3d(path).views[1]
    with pytest.raises(ValueError, match=r"scan\.r3d/rgbd/1\.depth` " + message):
        view.load_depth()


@pytest.mark.parametrize(
    ("confidence", "message"),
    [
        (lzfse.compress(bytes(PIXELS - 1)), r"rgbd/1\.conf` must be 36x48 numbers of 1 bytes, got 1727 bytes"),
        (lzfse.compress(b"\xff" * PIXELS), r"rgbd/1\.conf` must hold the numbers \(0, 1, 2\), got 255"),
        (lzfse.compress(bytes(PIXELS)), r"rgbd/1\.conf` must leave at least 3 measured pixels .* got 0"),
    ],
)
def test_bad_confidence_is_refused_when_loaded(tmp_path, views, metadata, confidence, message):
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata) | {"rgbd/1.conf": confidence})
    with pytest.raises(ValueError, match=message):
        read_record3d(path).views[1].load_depth()
    assert read_record3d(path, min_confidence=0).views[1].load_depth().all()


def test_depth_in_millimetres_is_refused(tmp_path, views, metadata):
    data = lzfse.compress(np.round(views[1].depth * 1000).astype("<f4").tobytes())
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata) | {"rgbd/1.depth": data})
    with pytest.raises(ValueError, match=r"scan\.r3d/rgbd/1\.depth` must be metres .* probably millimetres"):
        read_record3d(path).views[1].load_depth()


def test_bad_pictures_are_refused_when_loaded(tmp_path, views, metadata):
    files = files_of(views, metadata)
    small = io.BytesIO()
    Image.new("RGB", (24, 32)).save(small, "JPEG")
    files |= {"rgbd/0.jpg": b"no picture", "rgbd/1.jpg": files["rgbd/1.jpg"][:-600], "rgbd/2.jpg": small.getvalue()}
    source = read_record3d(write_archive(tmp_path / "scan.r3d", files))
    for index, message in enumerate(("must be a picture", "must be a complete image", "must have 48x64 pixels, as")):
        with pytest.raises(ValueError, match=rf"scan\.r3d/rgbd/{index}\.jpg` {message}"):
            source.views[index].load_image()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_confidence": 3}, r"`min_confidence` must be 0 .* got 3"),
        ({"world_up": "y"}, r"`world_up` must be one of .* got 'y'"),
    ],
)
def test_unknown_options_are_refused(recording, options, message):
    with pytest.raises(ValueError, match=message):
        read_record3d(recording, **options)


def test_confidence_that_is_not_there_cannot_be_asked_for(tmp_path, views, metadata):
    path = write_archive(tmp_path / "scan.r3d", files_of(views, metadata, confidence=None))
    check_source(read_record3d(path), views)
    with pytest.raises(ValueError, match=r"`min_confidence` must be left out for .*scan\.r3d, got 1 and a recording"):
        read_record3d(path, min_confidence=1)


def test_without_the_package_the_message_says_what_to_install(recording, monkeypatch):
    monkeypatch.setitem(sys.modules, "lzfse", None)
    with pytest.raises(
        ImportError, match=r"`lzfse` must be installed .* `pip install 'transformers-sr3d\[record3d\]'"
    ):
        read_record3d(recording)


def test_other_paths_are_no_recordings(tmp_path):
    (tmp_path / "scan.zip").write_bytes(zlib.compress(b""))
    (tmp_path / "folder.r3d").mkdir()
    assert not any(is_record3d(tmp_path / name) for name in ("", "scan.zip", "folder.r3d", "none.r3d"))
    with pytest.raises(FileNotFoundError, match=r"none\.r3d` must be a `\.r3d` file, got none"):
        read_record3d(tmp_path / "none.r3d")
