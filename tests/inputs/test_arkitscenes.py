# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of ARKitScenes: the known room as `3dod` and `raw` store it, what is left out, and what is refused."""

import pickle
import time

import numpy as np
import pytest
from known_source import check_source, known_views
from PIL import Image

from transformers_sr3d.inputs.arkitscenes import is_arkitscenes, read_arkitscenes


VIDEO = "41069021"
START_S = 305.037
DEPTH_SIZE_HW = (48, 64)


def axis_angle(rotation):
    """Turn a rotation matrix into its axis times its angle; no turn of the known cameras is near half a circle."""
    angle = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))
    vector = np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    return vector * angle / (2 * np.sin(angle))


def stamp(index):
    return START_S + 0.1 * index


def pose_line(camera_to_world, time_s):
    world_to_camera = np.linalg.inv(camera_to_world)
    return " ".join(
        f"{value:.9f}" for value in (time_s, *axis_angle(world_to_camera[:3, :3]), *world_to_camera[:3, 3])
    )


def write_pincam(path, intrinsics, size_hw):
    numbers = (size_hw[1], size_hw[0], *(intrinsics[at] for at in ((0, 0), (1, 1), (0, 2), (1, 2))))
    path.write_text(" ".join(f"{number:g}" for number in numbers))


def write_video(root, views, *, images="lowres_wide", confidence=None):
    folders = [images, f"{images}_intrinsics", "lowres_depth", *(["confidence"] if confidence is not None else [])]
    for name in folders:
        (root / name).mkdir(parents=True)
    lines = []
    for index, view in enumerate(views):
        stem = f"{VIDEO}_{stamp(index):.3f}"
        Image.fromarray(view.image).save(root / images / f"{stem}.png")
        write_pincam(root / f"{images}_intrinsics" / f"{stem}.pincam", view.intrinsics, view.image.shape)
        Image.fromarray(np.round(view.depth * 1000).astype(np.uint16)).save(root / "lowres_depth" / f"{stem}.png")
        if confidence is not None:
            Image.fromarray(confidence).save(root / "confidence" / f"{stem}.png")
        lines.append(pose_line(view.camera_to_world, stamp(index)))
    (root / "lowres_wide.traj").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def views():
    return known_views()


@pytest.fixture
def video(tmp_path, views):
    return write_video(tmp_path / VIDEO, views)


@pytest.mark.parametrize("layout", ["raw", "3dod", "frames"])
def test_both_data_sets_give_the_known_room(tmp_path, views, layout):
    root = tmp_path / VIDEO
    frames = write_video(root if layout == "raw" else root / f"{VIDEO}_frames", views)
    path = frames if layout == "frames" else root
    assert is_arkitscenes(path)
    source = read_arkitscenes(path)
    check_source(source, views)
    assert (source.kind, source.path, source.world_up, source.world_unit) == ("arkitscenes", path, "+z", "m")
    assert [view.time_s for view in source.views] == pytest.approx([stamp(index) for index in range(4)], abs=1e-9)
    assert [view.name for view in source.views] == [f"{VIDEO}_{stamp(index):.3f}.png" for index in range(4)]
    assert source.left_out == {}


def test_intrinsics_are_those_of_whole_pixel_numbers(video, views):
    np.testing.assert_allclose(read_arkitscenes(video).views[0].intrinsics, views[0].intrinsics, atol=1e-4)


def test_larger_pictures_show_what_the_depth_maps_show(tmp_path):
    views = known_views(size_hw=(96, 128), depth_size_hw=DEPTH_SIZE_HW)
    video = write_video(tmp_path / VIDEO, views, images="vga_wide")
    source = read_arkitscenes(video, images="vga_wide")
    check_source(source, views)
    with pytest.raises(FileNotFoundError, match=r"lowres_wide` must be a folder, got none"):
        read_arkitscenes(video)


@pytest.mark.parametrize("shift_ms", [-1, 1])
def test_intrinsics_and_depth_may_be_a_millisecond_away(video, views, shift_ms):
    for folder in ("lowres_wide_intrinsics", "lowres_depth"):
        for file in sorted((video / folder).iterdir()):
            time_s = float(file.stem.split("_")[1]) + shift_ms / 1000
            file.rename(file.with_name(f"{VIDEO}_{time_s:.3f}{file.suffix}"))
    check_source(read_arkitscenes(video), views)


def test_poses_less_than_five_milliseconds_away_are_taken(video, views):
    write_trajectory(video, views, [4, -4, 0, 1])
    check_source(read_arkitscenes(video), views)
    write_trajectory(video, views, [5, -5, 0, 1])
    source = read_arkitscenes(video)
    assert len(source.views) == 2
    assert source.left_out == {f"{VIDEO}_{stamp(i):.3f}.png": "no pose less than 0.005 s away" for i in (0, 1)}


def write_trajectory(video, views, shifts_ms):
    lines = [
        pose_line(view.camera_to_world, stamp(index) + shift / 1000)
        for index, (view, shift) in enumerate(zip(views, shifts_ms, strict=True))
    ]
    (video / "lowres_wide.traj").write_text("\n".join(lines))


def test_the_nearest_of_two_poses_is_taken(video, views):
    far = pose_line(views[3].camera_to_world, stamp(0) + 0.004)
    file = video / "lowres_wide.traj"
    file.write_text(file.read_text() + far + "\n")
    check_source(read_arkitscenes(video), views)


def test_pictures_without_partner_are_left_out_and_counted(video, views):
    names = [f"{VIDEO}_{stamp(index):.3f}.png" for index in range(4)]
    (video / "lowres_depth" / names[1]).unlink()
    (video / "lowres_wide" / names[2]).unlink()
    lines = (video / "lowres_wide.traj").read_text().splitlines()
    (video / "lowres_wide.traj").write_text("\n".join(lines[:3]))
    source = read_arkitscenes(video)
    assert [view.name for view in source.views] == names[:1]
    assert source.left_out == {
        names[1]: "no depth map within 0.001 s",
        names[3]: "no pose less than 0.005 s away",
        f"lowres_depth/{names[2]}": "no picture of its time in lowres_wide",
    }


def test_without_any_complete_picture_the_reason_is_told(video):
    (video / "lowres_wide.traj").write_text("1.000 0 0 0 0 0 0\n")
    with pytest.raises(ValueError, match=r"got 4 without, the first being 41069021_305\.037\.png with no pose less"):
        read_arkitscenes(video)


def test_depth_of_low_confidence_is_not_measured(tmp_path, views):
    confidence = np.full(DEPTH_SIZE_HW, 2, dtype=np.uint8)
    confidence[:, :10], confidence[:, 10:30] = 0, 1
    video = write_video(tmp_path / VIDEO, views, confidence=confidence)
    for lowest, first_column in ((0, 0), (1, 10), (2, 30)):
        depth = read_arkitscenes(video, min_confidence=lowest).views[0].load_depth()
        assert not depth[:, :first_column].any()
        assert (depth[:, first_column:] > 0).all()
        assert depth.dtype == np.float32


def test_a_depth_map_without_confidence_is_left_out(tmp_path, views):
    video = write_video(tmp_path / VIDEO, views, confidence=np.full(DEPTH_SIZE_HW, 2, dtype=np.uint8))
    (video / "confidence" / f"{VIDEO}_{stamp(0):.3f}.png").unlink()
    source = read_arkitscenes(video, min_confidence=1)
    assert source.left_out == {f"{VIDEO}_{stamp(0):.3f}.png": "no confidence map within 0.001 s"}
    assert len(read_arkitscenes(video).views) == 4


@pytest.mark.parametrize(
    ("turn", "side"),
    [
        (np.eye(3), "at the top"),
        (np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]), "at the right"),
        (np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), "at the left"),
        (np.diag([-1, -1, 1]), "at the bottom"),
    ],
)
def test_the_sky_is_told_and_the_picture_not_turned(video, views, turn, side):
    """The columns of `turn` are the axes of the turned camera in the upright one, in which up is (0, -1, 0)."""
    lines = []
    for index, view in enumerate(views):
        pose = view.camera_to_world.copy()
        pose[:3, :3] = pose[:3, :3] @ turn
        lines.append(pose_line(pose, stamp(index)))
    (video / "lowres_wide.traj").write_text("\n".join(lines))
    source = read_arkitscenes(video)
    assert any(f"the sky is {side} in most" in sentence for sentence in source.conventions)
    np.testing.assert_array_equal(np.asarray(source.views[0].load_image()), views[0].image)


def test_two_thousand_pictures_open_without_being_loaded(tmp_path, views, monkeypatch):
    video = write_video(tmp_path / VIDEO, views[:1])
    line = (video / "lowres_wide.traj").read_text().split()
    stem = f"{VIDEO}_{stamp(0):.3f}"
    for index in range(1, 2000):
        for folder, suffix in (("lowres_wide", "png"), ("lowres_depth", "png"), ("lowres_wide_intrinsics", "pincam")):
            (video / folder / f"{VIDEO}_{stamp(index):.3f}.{suffix}").hardlink_to(video / folder / f"{stem}.{suffix}")
    lines = [" ".join([f"{stamp(index):.6f}", *line[1:]]) for index in range(2000)]
    (video / "lowres_wide.traj").write_text("\n".join(lines))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("a picture was decoded"))
    start_s = time.process_time()
    source = read_arkitscenes(video)
    assert time.process_time() - start_s < 10
    assert len(source.views) == 2000


def test_loaders_can_be_sent_to_another_process(video, views):
    view = pickle.loads(pickle.dumps(read_arkitscenes(video).views[1]))
    np.testing.assert_array_equal(np.asarray(view.load_image()), views[1].image)
    np.testing.assert_allclose(view.load_depth(), views[1].depth, atol=6e-4)


FIRST = f"{VIDEO}_{START_S:.3f}"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("lowres_wide.traj", "1 0 0 0 0 0\n", r"lowres_wide\.traj` line 1 must have 7 words, got 6"),
        ("lowres_wide.traj", "\n1 0 0 x 0 0 0\n", r"lowres_wide\.traj line 2` must be numbers, got '1 0 0 x 0 0 0'"),
        ("lowres_wide.traj", "1 0 0 0 nan 0 0\n", r"lowres_wide\.traj line 1` must be a time.* all finite, got"),
        ("lowres_wide.traj", "1 0 90 0 0 0 0\n", r"lowres_wide\.traj line 1` .* with 90 radians"),
        ("lowres_wide.traj", "1 0 0 0 0 0 0\n1 0 0 0 1 0 0\n", r"\.traj line 2` must have a time of its own, got 1"),
        ("lowres_wide.traj", "", r"lowres_wide\.traj` must have poses, got no line"),
        (f"lowres_wide_intrinsics/{FIRST}.pincam", "64 48 50 50 32\n", r"305\.037\.pincam` line 1 must have 6 words"),
        (f"lowres_wide_intrinsics/{FIRST}.pincam", "", r"305\.037\.pincam` must have one line, got 0"),
        (f"lowres_wide_intrinsics/{FIRST}.pincam", "64 48 50 50 32 24\n" * 2, r"\.pincam` must have one line, got 2"),
        (f"lowres_wide_intrinsics/{FIRST}.pincam", "64 48 50 50 inf 24\n", r"\.pincam line 1` must be finite numbers"),
        (f"lowres_wide_intrinsics/{FIRST}.pincam", "64.5 48 50 50 32 24\n", r"\.pincam line 1 width` must be a whole"),
        (
            f"lowres_wide_intrinsics/{FIRST}.pincam",
            "64 48 -50 50 32 24\n",
            r"\.pincam line 1` must have positive focal",
        ),
        (
            f"lowres_wide_intrinsics/{FIRST}.pincam",
            "32 24 50 50 16 12\n",
            r"\.png` must have 32x24 pixels, as .*\.pincam",
        ),
        ("lowres_wide/cover.png", "", r"lowres_wide/cover\.png` must be called <id>_<timestamp>\.png"),
        ("lowres_wide/40000000_1.000.png", "", r"lowres_wide` must hold one video .* '41069021_305\.037\.png'"),
        (
            f"lowres_depth/{FIRST}0.png",
            "",
            r"lowres_depth` must hold one video .*305\.037\.png' and .*305\.0370\.png'",
        ),
    ],
)
def test_bad_files_are_refused_by_name(video, file, text, message):
    (video / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_arkitscenes(video)


def test_missing_intrinsics_of_a_picture_are_refused(video):
    (video / "lowres_wide_intrinsics" / f"{FIRST}.pincam").unlink()
    with pytest.raises(FileNotFoundError, match=r"lowres_wide_intrinsics/41069021_305\.037\.pincam` must be a file"):
        read_arkitscenes(video)


@pytest.mark.parametrize("missing", ["lowres_wide.traj", "lowres_depth"])
def test_a_folder_without_trajectory_or_depth_is_no_video(video, missing):
    (video / missing).rename(video / "elsewhere")
    assert not is_arkitscenes(video)
    with pytest.raises(FileNotFoundError, match=r"41069021` must have lowres_wide\.traj and lowres_depth/"):
        read_arkitscenes(video)


def test_a_folder_of_several_videos_is_refused(tmp_path, views):
    for number in (1, 2):
        write_video(tmp_path / f"{number}_frames", views[:1])
    with pytest.raises(ValueError, match="must hold one video, got 1_frames, 2_frames"):
        read_arkitscenes(tmp_path)


def test_an_empty_folder_of_pictures_is_refused(video):
    for file in (video / "lowres_wide").iterdir():
        file.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"lowres_wide` must hold files called <id>_<timestamp>\.png, got none"
    ):
        read_arkitscenes(video)


def test_pictures_and_depth_maps_of_another_size_are_refused_when_loaded(video):
    names = [f"{VIDEO}_{stamp(index):.3f}.png" for index in (1, 2)]
    Image.new("RGB", (32, 24)).save(video / "lowres_wide" / names[0])
    Image.fromarray(np.full((24, 32), 1500, dtype=np.uint16)).save(video / "lowres_depth" / names[1])
    source = read_arkitscenes(video)
    with pytest.raises(ValueError, match=rf"lowres_wide/{names[0]}` must have 64x48 pixels, as .* got 32x24"):
        source.views[1].load_image()
    with pytest.raises(ValueError, match=rf"lowres_depth/{names[1]}` must have 64x48 pixels, as .* got 32x24"):
        source.views[2].load_depth()


def test_truncated_pictures_are_refused_when_loaded(video):
    name = f"{VIDEO}_{stamp(1):.3f}.png"
    for folder in ("lowres_wide", "lowres_depth"):
        file = video / folder / name
        file.write_bytes(file.read_bytes()[:150])
    view = read_arkitscenes(video).views[1]
    with pytest.raises(ValueError, match=rf"lowres_wide/{name}` must be a complete image"):
        view.load_image()
    with pytest.raises(ValueError, match=rf"lowres_depth/{name}` must be a complete image"):
        view.load_depth()


@pytest.mark.parametrize(
    ("confidence", "message"),
    [
        (
            np.full((24, 32), 2, dtype=np.uint8),
            r"confidence/.*\.png` must have the shape of its depth map, \(48, 64\)",
        ),
        (
            np.full(DEPTH_SIZE_HW, 255, dtype=np.uint8),
            r"confidence/.*\.png` must hold the numbers \(0, 1, 2\), got 255",
        ),
        (np.zeros(DEPTH_SIZE_HW, dtype=np.uint8), r"confidence/.*\.png` must leave at least 3 measured .* got 0"),
        (np.full(DEPTH_SIZE_HW, 2, dtype=np.uint16), r"confidence/.*\.png` must be 8-bit grey, got mode I;16"),
    ],
)
def test_bad_confidence_is_refused(tmp_path, views, confidence, message):
    video = write_video(tmp_path / VIDEO, views, confidence=confidence)
    with pytest.raises(ValueError, match=message):
        read_arkitscenes(video, min_confidence=1).views[0].load_depth()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": "wide"}, r"`images` must be one of \('lowres_wide', 'vga_wide'\), got 'wide'"),
        ({"min_confidence": 3}, r"`min_confidence` must be 0 .* got 3"),
        ({"min_confidence": True}, r"`min_confidence` must be 0 .* got True"),
    ],
)
def test_unknown_options_are_refused(video, options, message):
    with pytest.raises(ValueError, match=message):
        read_arkitscenes(video, **options)


def test_other_paths_are_no_videos(tmp_path):
    (tmp_path / "file").write_text("")
    assert not any(is_arkitscenes(tmp_path / name) for name in ("", "file", "none"))
