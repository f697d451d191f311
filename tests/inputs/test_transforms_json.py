# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of `transforms.json`: the known room as nerfstudio, instant-ngp and Blender write it, and what is refused."""

import json
import math
import os
import pickle
from functools import partial

import numpy as np
import pytest
from known_source import check_source, known_views, opengl, world_from_known
from PIL import Image

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.inputs import named_files, transforms_json
from transformers_sr3d.inputs.transforms_json import is_transforms_json, read_transforms_json


SAID = {"world_up": "+z", "world_unit": "m"}


def camera_keys(view, scale=1.0):
    """What nerfstudio writes at the top: pixels from the corner of the picture."""
    height, width = view.image.shape[:2]
    matrix = view.intrinsics
    return {
        "fl_x": matrix[0, 0] * scale,
        "fl_y": matrix[1, 1] * scale,
        "cx": matrix[0, 2] + 0.5,
        "cy": matrix[1, 2] + 0.5,
        "w": width,
        "h": height,
        "camera_model": "OPENCV",
        **dict.fromkeys(("k1", "k2", "p1", "p2"), 0.0),
    }


def write_file(root, views, *, up="+z", per_frame=False, depth_key="depth_file_path", units_per_metre=1000):
    """Write the room as `ns-process-data` does; the last picture comes first."""
    (root / "images").mkdir(parents=True)
    (root / "depth").mkdir()
    frames = []
    for index, view in enumerate(views):
        name = f"frame_{index + 8}"  # frame_8, frame_9, frame_10, ...
        Image.fromarray(view.image).save(root / "images" / f"{name}.png")
        stored = np.round(view.depth * units_per_metre).astype(np.uint16)
        Image.fromarray(stored).save(root / "depth" / f"{name}.png")
        pose = opengl(world_from_known(up) @ view.camera_to_world)
        frame = {"file_path": f"./images/{name}.png", "transform_matrix": pose.tolist()}
        frame[depth_key] = f"depth/{name}.png"
        frames.append(frame | (camera_keys(view) if per_frame else {}))
    write_json(root, ({} if per_frame else camera_keys(views[0])) | {"frames": frames[::-1]})
    return root


def write_json(root, meta):
    (root / "transforms.json").write_text(json.dumps(meta))


def change(root, edit):
    """Edit the file in place: `edit` gets its content."""
    meta = json.loads((root / "transforms.json").read_text())
    edit(meta)
    write_json(root, meta)
    return root


@pytest.fixture
def folder(tmp_path):
    return write_file(tmp_path / "scan", known_views())


@pytest.mark.parametrize("up", ["+z", "+y", "-x"])
@pytest.mark.parametrize("per_frame", [False, True], ids=["shared", "per_frame"])
def test_the_room_comes_back_whichever_axis_is_up(tmp_path, up, per_frame):
    views = known_views()
    folder = write_file(tmp_path / "scan", views, up=up, per_frame=per_frame)
    assert is_transforms_json(folder)
    source = read_transforms_json(folder, world_up=up, world_unit="m")
    assert [view.name for view in source.views] == [f"./images/frame_{number}.png" for number in (8, 9, 10, 11)]
    check_source(source, views)
    assert (
        source.conventions[-1]
        == f"World: of the file, before its applied_scale; unit metres, as the caller said; up is {up}."
    )


def test_the_file_itself_can_be_named_as_well(folder):
    os.rename(folder / "transforms.json", folder / "transforms_train.json")
    assert is_transforms_json(folder / "transforms_train.json")
    for path in (folder, folder / "transforms_train.json"):
        check_source(read_transforms_json(path, **SAID), known_views())


def test_smaller_depth_maps_show_the_whole_picture(tmp_path):
    views = known_views(depth_size_hw=(24, 32))
    check_source(read_transforms_json(write_file(tmp_path / "s", views), **SAID), views)


def test_a_scale_that_was_applied_is_taken_back(folder):
    def shrink(meta):
        meta["applied_scale"] = 0.25
        meta["applied_transform"] = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0.5]]
        for frame in meta["frames"]:
            for row in frame["transform_matrix"][:3]:
                row[3] *= 0.25

    check_source(read_transforms_json(change(folder, shrink), **SAID), known_views())


def test_depth_of_instant_ngp_has_its_own_scale(tmp_path):
    views = known_views()
    folder = write_file(tmp_path / "scan", views, depth_key="depth_path", units_per_metre=6553.5)
    with pytest.raises(ValueError, match=r"`depth_scale` must be given for .*frame_8\.png, got None"):
        read_transforms_json(folder, **SAID)
    change(folder, lambda meta: meta.update(integer_depth_scale=1 / 6553.5))
    check_source(read_transforms_json(folder, **SAID), views)
    check_source(read_transforms_json(folder, **SAID, depth_scale=1 / 6553.5), views)


@pytest.mark.parametrize("depth_scale", [1.0, 0.001])
def test_floating_point_depth_needs_its_scale(folder, depth_scale):
    def use_arrays(meta):
        for frame in meta["frames"]:
            stem = folder / frame["depth_file_path"]
            stored = np.asarray(Image.open(stem)).astype(np.float32) * np.float32(0.001 / depth_scale)
            np.save(stem.with_suffix(".npy"), stored)
            frame["depth_file_path"] = frame["depth_file_path"].replace(".png", ".npy")

    change(folder, use_arrays)
    with pytest.raises(ValueError, match=r"`depth_scale` must be given for .*frame_8\.npy, got None"):
        read_transforms_json(folder, **SAID)
    check_source(read_transforms_json(folder, **SAID, depth_scale=depth_scale), known_views())
    wrong = read_transforms_json(folder, **SAID, depth_scale=0.001 / depth_scale)
    with pytest.raises(ValueError, match=r"frame_8\.npy` must be .* Its numbers were multiplied by depth_scale=\d"):
        wrong.arguments()


def test_blender_files_have_an_angle_and_names_without_suffix(folder):
    def as_blender(meta):
        for key in camera_keys(known_views()[0]):
            meta.pop(key)
        meta["camera_angle_x"] = 2 * math.atan(64 / (2 * 50.0))
        for frame in meta["frames"]:
            frame["file_path"] = frame["file_path"].removesuffix(".png")

    source = read_transforms_json(change(folder, as_blender), **SAID)
    np.testing.assert_allclose(source.views[0].intrinsics, known_views()[0].intrinsics, atol=1e-5)
    check_source(source, known_views())
    Image.new("RGB", (64, 48)).save(folder / "images" / "frame_9.jpg")
    with pytest.raises(ValueError, match=r"frames\[2\]\['file_path'\]` must name one picture, got .*9\.png, .*9\.jpg"):
        read_transforms_json(folder, **SAID)


def test_the_principal_point_moves_by_half_a_pixel(folder):
    change(folder, lambda meta: meta.update(cx=30.0, cy=25.0, fl_y=52.0))
    matrix = read_transforms_json(folder, **SAID).views[0].intrinsics
    assert matrix.tolist() == [[50.0, 0.0, 29.5], [0.0, 52.0, 24.5], [0.0, 0.0, 1.0]]
    change(folder, lambda meta: [meta.pop(key) for key in ("cx", "cy", "fl_y")])
    matrix = read_transforms_json(folder, **SAID).views[0].intrinsics
    assert matrix.tolist() == [[50.0, 0.0, 31.5], [0.0, 50.0, 23.5], [0.0, 0.0, 1.0]]


def test_an_up_that_the_file_states_is_taken_and_not_contradicted(folder):
    change(folder, lambda meta: meta.update(up=[0.0, 0.0, 1.0]))
    source = read_transforms_json(folder, world_unit="m")
    assert source.world_up == "+z"
    check_source(source, known_views())
    with pytest.raises(ValueError, match=r"`world_up` must be '\+z', as `up` in .* got '\+y'"):
        read_transforms_json(folder, world_up="+y", world_unit="m")
    change(folder, lambda meta: meta.update(up=[0.5, 0.0, 1.0]))
    with pytest.raises(ValueError, match=r"`world_up` must be given for .*, got None"):
        read_transforms_json(folder, world_unit="m")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"world_unit": "m"}, r"`world_up` must be given for .*transforms\.json, got None"),
        ({"world_up": "+z"}, r"`world_unit` must be given for .*transforms\.json, got None: it has depth"),
        ({**SAID, "world_up": "up"}, r"`world_up` must be one of .*, got 'up'"),
        ({**SAID, "world_unit": "mm"}, r"`world_unit` must be one of .*, got 'mm'"),
        ({**SAID, "depth_scale": 1000.0}, r"`depth_scale` must be metres per unit, .* got 1000"),
    ],
    ids=["up", "unit", "other_up", "other_unit", "scale"],
)
def test_what_the_file_does_not_tell_must_be_said(folder, options, message):
    with pytest.raises(ValueError, match=message):
        read_transforms_json(folder, **options)


def test_poses_and_depth_of_unknown_unit_stay_together(folder):
    source = read_transforms_json(folder, world_up="+z", world_unit="unknown")
    prepared = prepare_views(**source.arguments())
    assert not prepared["metric"]
    for points, view in zip(prepared["points"], known_views(), strict=True):
        assert np.abs(points.numpy() - view.points_world).max() < 1e-3


def test_without_depth_the_unit_is_unknown_unless_given(folder):
    change(folder, lambda meta: [frame.pop("depth_file_path") for frame in meta["frames"]])
    source = read_transforms_json(folder, world_up="unknown")
    assert (source.world_unit, source.world_up, source.depth_field_of_view) == ("unknown", "unknown", None)
    assert read_transforms_json(folder, **SAID).world_unit == "m"
    with pytest.raises(ValueError, match=r"`depth_scale` has no effect on .*transforms\.json.* got 0\.01"):
        read_transforms_json(folder, **SAID, depth_scale=0.01)


def test_a_view_without_depth_keeps_its_place(folder):
    change(folder, lambda meta: meta["frames"][0].pop("depth_file_path"))
    depths = read_transforms_json(folder, **SAID).arguments()["depths"]
    assert [depth is None for depth in depths] == [False, False, False, True]


def test_distortion_is_refused_with_pixels_or_ignored_on_request(folder):
    change(folder, lambda meta: meta.update(k1=-0.1))
    # The corner is at (31.5, 23.5) / 50 from the axis, so r^2 = 0.61780 and it moves by 0.1 r^2 * r * 50 pixels.
    shift_px = 0.1 * 0.6178 * math.sqrt(0.6178) * 50
    with pytest.raises(ValueError, match=rf"frames\[3\]` must have no lens distortion, .* by {shift_px:.3g} px"):
        read_transforms_json(folder, **SAID)
    source = read_transforms_json(folder, **SAID, ignore_distortion=True)
    assert f"by up to {shift_px:.3g} px" in source.conventions[-1]
    check_source(source, known_views())


def count_call(calls, called, function, /, *args, **options):
    calls.append(called)
    return function(*args, **options)


def test_nothing_is_loaded_until_a_view_is_wanted(tmp_path, monkeypatch):
    folder = write_file(tmp_path / "scan", known_views(1))
    meta = json.loads((folder / "transforms.json").read_text())
    frames = []
    for index in range(2000):
        for name in ("images", "depth"):
            os.link(folder / name / "frame_8.png", folder / name / f"{index:05d}.png")
        frames.append(
            meta["frames"][0] | {"file_path": f"images/{index:05d}.png", "depth_file_path": f"depth/{index:05d}.png"}
        )
    write_json(folder, meta | {"frames": frames})
    loaded = []
    for module, name in ((named_files, "load_image_rgb"), (transforms_json, "load_depth")):
        monkeypatch.setattr(module, name, partial(count_call, loaded, name, getattr(module, name)))
    source = read_transforms_json(folder, **SAID)
    assert len(source.views) == 2000
    assert loaded == []
    pickle.loads(pickle.dumps(source.views[7])).load_image()
    source.views[7].load_depth()
    assert loaded == ["load_image_rgb", "load_depth", "load_depth"]


def frame_edit(**keys):
    return lambda meta: meta["frames"][1].update(keys)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda meta: meta.pop("frames"), r"transforms\.json` must have a list of `frames`, got None"),
        (lambda meta: meta.update(frames=[]), r"must have a list of `frames`, got \[\]"),
        (lambda meta: meta["frames"].append(3), r"frames\[4\]` must be an object, got 3"),
        (frame_edit(file_path=None), r"frames\[1\]\['file_path'\]` must be the name of a file, got None"),
        (
            frame_edit(file_path="../a.png"),
            r"frames\[1\]\['file_path'\]` must be a relative name inside .*'\.\./a\.png'",
        ),
        (frame_edit(file_path="..\\a.png"), r"frames\[1\]\['file_path'\]` must be a relative name inside"),
        (frame_edit(file_path="/etc/a.png"), r"frames\[1\]\['file_path'\]` must be a relative name inside"),
        (frame_edit(depth_file_path="/etc/a.png"), r"frames\[1\]\['depth_file_path'\]` must be a relative name"),
        (
            frame_edit(file_path="images/frame_8.png"),
            r"must name a picture of its own, got 'images/frame_8\.png' again",
        ),
        (frame_edit(depth_path="depth/frame_8.png"), r"must name one depth map of .* depth_file_path and depth_path"),
        (frame_edit(transform_matrix=None), r"frames\[1\]\['transform_matrix'\]` must be 4 or 3 rows of 4 numbers"),
        (
            lambda meta: meta["frames"][1]["transform_matrix"][0].pop(),
            r"frames\[1\]\['transform_matrix'\]` must be 4 or 3 rows",
        ),
        (
            lambda meta: meta["frames"][1]["transform_matrix"][2].__setitem__(3, float("nan")),
            r"frames\[1\]\['transform_matrix'\]\[2\]\[3\]` must be a finite number, got nan",
        ),
        (
            lambda meta: meta["frames"][1]["transform_matrix"][2].__setitem__(3, "1"),
            r"frames\[1\]\['transform_matrix'\]\[2\]\[3\]` must be a finite number, got '1'",
        ),
        (
            lambda meta: meta["frames"][1].update(transform_matrix=np.diag([2.0, 2, 2, 1]).tolist()),
            r"frames\[1\]\['transform_matrix'\]` must be rigid .* off by 3",
        ),
        (lambda meta: meta.pop("fl_x") and meta.pop("fl_y"), r"frames\[3\]` must have `fl_x` or `camera_angle_x`"),
        (lambda meta: meta.update(fl_x=True), r"frames\[3\]\['fl_x'\]` must be a finite number, got True"),
        (lambda meta: meta.update(fl_x=10**400), r"frames\[3\]\['fl_x'\]` must be a finite number, got 1000"),
        (lambda meta: meta.update(fl_x=-50), r"frames\[3\]` must have positive focal lengths, got fx=-50"),
        (lambda meta: meta.update(cx=0.5), r"frames\[3\]` must have its principal point in the middle"),
        (lambda meta: meta.update(w=64.5), r"frames\[3\]\['w'\]` must be a whole number of pixels, got 64\.5"),
        (frame_edit(fl_x=51.0), r"frames\[1\]\['fl_x'\]` must be that of the top of the file, got 51\.0 and 50\.0"),
        (
            lambda meta: meta.update(camera_model="OPENCV_FISHEYE"),
            r"\['camera_model'\]` must be .*got 'OPENCV_FISHEYE'",
        ),
        (lambda meta: meta.update(is_fisheye=True), r"\['is_fisheye'\]` must not be there, got True"),
        (frame_edit(transform_matrix_start=[[0]]), r"frames\[1\]\['transform_matrix_start'\]` must not be there"),
        (lambda meta: meta.update(k1=float("inf")), r"frames\[3\]\['k1'\]` must be a finite number, got inf"),
        (lambda meta: meta.update(applied_scale=0), r"\['applied_scale'\]` must be from 1e-06 to 1e\+06, got 0"),
        (
            lambda meta: meta.update(applied_transform=np.diag([2.0, 2, 2, 1])[:3].tolist()),
            r"\['applied_transform'\]` must be rigid",
        ),
        (
            lambda meta: meta.update(integer_depth_scale=0.001, applied_scale=0.5),
            r"\['integer_depth_scale'\]` must .* alone, got 0\.001 beside depth_scale=None and applied_scale=0\.5",
        ),
        (lambda meta: meta.update(up=[0, 1]), r"\['up'\]` must be 3 numbers, got \[0, 1\]"),
    ],
)
def test_bad_files_are_refused_with_file_and_key(folder, edit, message):
    change(folder, edit)
    with pytest.raises(ValueError, match=message):
        read_transforms_json(folder, **SAID)


def test_an_angle_in_degrees_is_refused(folder):
    change(folder, lambda meta: (meta.pop("fl_x"), meta.update(camera_angle_x=65.0)))
    with pytest.raises(ValueError, match=r"\['camera_angle_x'\]` must be an angle between 0 and pi radians, got 65"):
        read_transforms_json(folder, **SAID)


@pytest.mark.parametrize("name", ["images/frame_8.png", "depth/frame_8.png"])
def test_missing_files_are_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"frames\[3\].* must name a file in .*, got '(\./)?{name}'"):
        read_transforms_json(folder, **SAID)


def test_names_that_no_file_can_have_are_missing_files(folder):
    for name in ("a\0b.png", "x" * 5000 + ".png", "\udc80.png"):
        change(folder, frame_edit(file_path=name))
        with pytest.raises(FileNotFoundError, match=r"frames\[1\]\['file_path'\]` must name a file in"):
            read_transforms_json(folder, **SAID)


def test_a_file_that_is_no_json_is_refused_with_its_line(folder):
    text = (folder / "transforms.json").read_text()
    (folder / "transforms.json").write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match=r"transforms\.json` must be JSON, got .* line 1"):
        read_transforms_json(folder, **SAID)


def test_pictures_of_another_size_are_refused(folder):
    small = Image.open(folder / "images" / "frame_9.png").resize((32, 24))
    small.save(folder / "images" / "frame_9.png")
    source = read_transforms_json(folder, **SAID)
    with pytest.raises(ValueError, match=r"frame_9\.png` must have 64x48 pixels, as .*frames\[2\] states, got 32x24"):
        source.views[1].load_image()
    small.save(folder / "images" / "frame_8.png")
    with pytest.raises(ValueError, match=r"frame_8\.png` must have 64x48 pixels, .* got 32x24"):
        read_transforms_json(folder, **SAID)


def test_truncated_pictures_and_depth_of_8_bits_are_refused_by_name(folder):
    path = folder / "images" / "frame_9.png"
    path.write_bytes(path.read_bytes()[:200])
    Image.new("L", (64, 48), 7).save(folder / "depth" / "frame_8.png")
    source = read_transforms_json(folder, **SAID)
    with pytest.raises(ValueError, match=r"frame_9\.png"):
        source.views[1].load_image()
    with pytest.raises(ValueError, match=r"frame_8\.png` must have 16 or 32 bits"):
        source.views[0].load_depth()


def test_folders_without_or_with_several_files_are_refused(tmp_path):
    assert not is_transforms_json(tmp_path)
    assert not is_transforms_json(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"must be a `transforms\.json` or a folder with one, got none"):
        read_transforms_json(tmp_path, **SAID)
    for name in ("transforms_train.json", "transforms_test.json"):
        (tmp_path / name).write_text("{}")
    assert is_transforms_json(tmp_path)
    with pytest.raises(ValueError, match=r"got transforms_test\.json, transforms_train\.json. Pass the path of one"):
        read_transforms_json(tmp_path, **SAID)
