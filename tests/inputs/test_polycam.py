# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of Polycam's raw data: the known room as the app exports it, and what is refused."""

import json
import os
import pickle
from functools import partial

import numpy as np
import pytest
from known_source import check_source, known_views, opengl, world_from_known
from PIL import Image

from transformers_sr3d.inputs import named_files, polycam
from transformers_sr3d.inputs.polycam import is_polycam, read_polycam


DEPTH_SIZE_HW = (24, 32)


def stem_of(index):
    """Microseconds; the number of digits grows within the scan."""
    return str(9_900_000 + 100_000 * index)


def camera_keys(view, *, with_size=True):
    """ARKit world with y up, OpenGL camera, pixels from the centre of the first."""
    pose = opengl(world_from_known("+y") @ view.camera_to_world)
    keys = {f"t_{row}{column}": pose[row, column] for row in range(3) for column in range(4)}
    keys |= {"fx": view.intrinsics[0, 0], "fy": view.intrinsics[1, 1]}
    keys |= {"cx": view.intrinsics[0, 2], "cy": view.intrinsics[1, 2], "blur_score": 32.37, "manual_keyframe": False}
    return keys | ({"width": view.image.shape[1], "height": view.image.shape[0]} if with_size else {})


def write_export(root, views, *, corrected=True, confidence=255, with_size=True):
    keyframes = root / "keyframes"
    for name in ("images", "cameras", "depth", "confidence", *(["corrected_images", "corrected_cameras"] * corrected)):
        (keyframes / name).mkdir(parents=True)
    for index, view in enumerate(views):
        stem = stem_of(index)
        for prefix in ("", "corrected_") if corrected else ("",):
            Image.fromarray(view.image).save(keyframes / f"{prefix}images" / f"{stem}.jpg", quality=100, subsampling=0)
            keys = camera_keys(view, with_size=with_size or not prefix)
            if corrected and not prefix:
                keys |= {"t_03": keys["t_03"] + 0.5, "fx": keys["fx"] + 1}  # ARKit's own, which must not be taken
            (keyframes / f"{prefix}cameras" / f"{stem}.json").write_text(json.dumps(keys))
        depth = np.round(view.depth * 1000).astype(np.uint16)
        Image.fromarray(depth).save(keyframes / "depth" / f"{stem}.png")
        Image.fromarray(np.full(depth.shape, confidence, np.uint8)).save(keyframes / "confidence" / f"{stem}.png")
    return root


@pytest.fixture
def folder(tmp_path):
    return write_export(tmp_path / "scan", known_views())


def test_the_room_comes_back_from_corrected_keyframes(folder):
    source = read_polycam(folder)
    assert is_polycam(folder)
    assert (source.world_up, source.world_unit, source.left_out) == ("+y", "m", {})
    assert [view.name for view in source.views] == ["9900000", "10000000", "10100000", "10200000"]
    assert [view.time_s for view in source.views] == [9.9, 10.0, 10.1, 10.2]
    check_source(source, known_views())


def test_the_room_comes_back_from_raw_keyframes(tmp_path):
    views = known_views()
    source = read_polycam(write_export(tmp_path / "scan", views, corrected=False), corrected=False)
    check_source(source, views)
    assert "lens distortion that nobody states" in source.conventions[1]


def test_depth_is_smaller_and_shows_the_whole_picture(tmp_path):
    views = known_views(depth_size_hw=DEPTH_SIZE_HW)
    check_source(read_polycam(write_export(tmp_path / "scan", views)), views)


@pytest.mark.parametrize("with_original", [True, False])
def test_sizes_that_new_exports_leave_out_are_found_elsewhere(tmp_path, with_original):
    views = known_views()
    folder = write_export(tmp_path / "scan", views, with_size=False)
    if not with_original:
        for camera in (folder / "keyframes" / "cameras").iterdir():
            camera.unlink()
    check_source(read_polycam(folder), views)


@pytest.mark.parametrize(
    ("min_confidence", "kept"),
    [(None, (54, 127, 255)), (0, (0, 54, 127, 255)), (1, (54, 127, 255)), (2, (255,))],
)
def test_depth_of_little_confidence_is_not_measured(folder, min_confidence, kept):
    levels = np.array([0, 54, 127, 255], dtype=np.uint8).repeat(12)[:, None].repeat(64, axis=1)
    Image.fromarray(levels).save(folder / "keyframes" / "confidence" / f"{stem_of(0)}.png")
    source = read_polycam(folder, min_confidence=min_confidence)
    depth = source.views[0].load_depth()
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth > 0, np.isin(levels, kept))
    told = {None: "confidence 1 or more of 0 to 2", 0: "of any confidence"}
    assert source.conventions[3].endswith(
        told.get(min_confidence, f"confidence {min_confidence} or more of 0 to 2") + "."
    )


def test_exports_without_confidence_keep_all_depth(tmp_path):
    folder = write_export(tmp_path / "scan", known_views())
    for file in (folder / "keyframes" / "confidence").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"confidence/\d+\.png` must be the confidence of .*depth"):
        read_polycam(folder)
    check_source(read_polycam(folder, min_confidence=0), known_views())
    (folder / "keyframes" / "confidence").rmdir()
    check_source(read_polycam(folder), known_views())
    with pytest.raises(FileNotFoundError, match=r"confidence` must be a folder for min_confidence=2, got none"):
        read_polycam(folder, min_confidence=2)


def test_keyframes_that_were_not_corrected_are_left_out_and_listed(folder):
    (folder / "keyframes" / "corrected_cameras" / f"{stem_of(1)}.json").unlink()
    (folder / "keyframes" / "corrected_images" / f"{stem_of(2)}.jpg").unlink()
    source = read_polycam(folder)
    assert source.left_out == {
        stem_of(1): "nothing of that name in corrected_cameras",
        stem_of(2): "nothing of that name in corrected_images",
    }
    views = known_views()
    check_source(source, [views[0], views[3]])


def test_a_keyframe_without_depth_keeps_its_place(folder):
    (folder / "keyframes" / "depth" / f"{stem_of(1)}.png").unlink()
    depths = read_polycam(folder).arguments()["depths"]
    assert [depth is None for depth in depths] == [False, True, False, False]


def count_call(calls, called, function, /, *args, **options):
    calls.append(called)
    return function(*args, **options)


def test_nothing_is_loaded_until_a_view_is_wanted(tmp_path, monkeypatch):
    folder = write_export(tmp_path / "scan", known_views(1)) / "keyframes"
    for index in range(1, 2000):
        for name, suffix in (("corrected_images", "jpg"), ("corrected_cameras", "json"), ("depth", "png")):
            os.link(folder / name / f"{stem_of(0)}.{suffix}", folder / name / f"{stem_of(index)}.{suffix}")
        os.link(folder / "confidence" / f"{stem_of(0)}.png", folder / "confidence" / f"{stem_of(index)}.png")
    loaded = []
    for module, name in ((named_files, "load_image_rgb"), (polycam, "load_depth"), (polycam, "load_confidence")):
        monkeypatch.setattr(module, name, partial(count_call, loaded, name, getattr(module, name)))
    source = read_polycam(folder.parent)
    assert len(source.views) == 2000
    assert loaded == []
    pickle.loads(pickle.dumps(source.views[7])).load_image()
    source.views[7].load_depth()
    assert loaded == ["load_image_rgb", "load_depth", "load_confidence"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"t_12": None}, r"corrected_cameras/9900000\.json \['t_12'\]` must be a finite number, got None"),
        ({"t_12": "0"}, r"9900000\.json \['t_12'\]` must be a finite number, got '0'"),
        ({"t_03": float("-inf")}, r"9900000\.json \['t_03'\]` must be a finite number, got -inf"),
        ({"t_00": 2.0}, r"9900000\.json t_00 to t_23` must be rigid"),
        ({"fx": None}, r"9900000\.json \['fx'\]` must be a finite number, got None"),
        ({"fy": -1}, r"9900000\.json` must have positive focal lengths, got .*fy=-1"),
        ({"cx": 1000.0}, r"9900000\.json` must have its principal point in the middle"),
        ({"width": 0}, r"9900000\.json \['width'\]` must be a whole number of pixels, got 0"),
        ({"width": None}, r"9900000\.json \['width'\]` must be a finite number, got None"),
        ({"width": 128, "cx": 64, "fx": 100}, r"9900000\.jpg` must have 128x48 pixels, as .*9900000\.json states"),
    ],
)
def test_bad_cameras_are_refused_with_file_and_key(folder, edit, message):
    path = folder / "keyframes" / "corrected_cameras" / f"{stem_of(0)}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | edit))
    with pytest.raises(ValueError, match=message):
        read_polycam(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"9900000\.json` must be JSON"),
        ("[1]", r"9900000\.json` must be an object with t_00, fx, \.\.\., got \[1\]"),
    ],
)
def test_cameras_that_are_none_are_refused_by_name(folder, text, message):
    (folder / "keyframes" / "corrected_cameras" / f"{stem_of(0)}.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_polycam(folder)


def test_missing_corrections_are_refused_with_a_way_out(tmp_path):
    folder = write_export(tmp_path / "scan", known_views(1), corrected=False)
    with pytest.raises(FileNotFoundError, match=r"corrected_images` must be a folder, got none.*`corrected=False`"):
        read_polycam(folder)
    assert not is_polycam(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"keyframes/images` must be a folder, got none.*developer mode"):
        read_polycam(tmp_path, corrected=False)


def test_an_export_without_a_complete_keyframe_is_refused(folder):
    for file in (folder / "keyframes" / "corrected_images").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match=r"at least one view of kind 'polycam', got none and 4 that it marks"):
        read_polycam(folder)


def test_files_that_belong_to_no_keyframe_or_to_one_twice_are_refused(folder):
    keyframes = folder / "keyframes"
    os.link(keyframes / "depth" / f"{stem_of(0)}.png", keyframes / "depth" / "77.png")
    with pytest.raises(ValueError, match=r"depth` must hold depth maps called like the keyframes, got '77'"):
        read_polycam(folder, min_confidence=0)
    Image.new("RGB", (64, 48)).save(keyframes / "corrected_images" / f"{stem_of(0)}.png")
    with pytest.raises(ValueError, match=r"corrected_images` must have one file called '9900000', got several"):
        read_polycam(folder)


@pytest.mark.parametrize(
    ("confidence", "message"),
    [
        (
            np.full((48, 64), 2, np.uint8),
            r"confidence/9900000\.png` must hold the numbers \(0, 54, 127, 255\), got 2: ",
        ),
        (
            np.full((24, 32), 255, np.uint8),
            r"confidence/9900000\.png` must have the shape .* \(48, 64\), got \(24, 32\)",
        ),
        (np.full((48, 64, 3), 255, np.uint8), r"confidence/9900000\.png` must be 8-bit grey, got mode RGB"),
        (
            np.zeros((48, 64), np.uint8),
            r"confidence/9900000\.png` must leave at least 3 measured .* confidence 1 .* got 0",
        ),
    ],
    ids=["other_numbers", "other_size", "colours", "all_low"],
)
def test_bad_confidence_is_refused_by_name(folder, confidence, message):
    Image.fromarray(confidence).save(folder / "keyframes" / "confidence" / f"{stem_of(0)}.png")
    source = read_polycam(folder)
    with pytest.raises(ValueError, match=message):
        source.views[0].load_depth()
    read_polycam(folder, min_confidence=0).views[0].load_depth()


def test_bad_pictures_and_depth_are_refused_by_name(folder):
    keyframes = folder / "keyframes"
    picture = keyframes / "corrected_images" / f"{stem_of(1)}.jpg"
    picture.write_bytes(picture.read_bytes()[:500])
    Image.new("L", (64, 48), 9).save(keyframes / "depth" / f"{stem_of(1)}.png")
    Image.new("RGB", (32, 24)).save(keyframes / "corrected_images" / f"{stem_of(2)}.jpg")
    source = read_polycam(folder)
    with pytest.raises(ValueError, match=r"10000000\.jpg"):
        source.views[1].load_image()
    with pytest.raises(ValueError, match=r"10000000\.png` must have 16 or 32 bits"):
        source.views[1].load_depth()
    with pytest.raises(
        ValueError, match=r"10100000\.jpg` must have 64x48 pixels, as .*10100000\.json states, got 32x24"
    ):
        source.views[2].load_image()


@pytest.mark.parametrize("level", [3, True, "low"])
def test_an_unknown_confidence_is_refused(folder, level):
    with pytest.raises(ValueError, match=rf"`min_confidence` must be 0 .* got {level!r}"):
        read_polycam(folder, min_confidence=level)
