# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes on disk: what is written comes back to the last bit, and everything else is refused by name."""

import json

import numpy as np
import pytest
from PIL import Image

from transformers_sr3d.inputs.open_source import import_scene, open_source
from transformers_sr3d.inputs.scene import load_scene, load_scene_instances, load_scene_objects
from transformers_sr3d.inputs.scene_writing import save_scene


INTRINSICS = [[50.0, 0.0, 3.5], [0.0, 50.0, 2.5], [0.0, 0.0, 1.0]]
POSE = [[1.0, 0.0, 0.0, 0.5], [0.0, 0.0, 1.0, 1.5], [0.0, -1.0, 0.0, 1.25], [0.0, 0.0, 0.0, 1.0]]
BOX = {"name": "chair", "center": [0.1, 2.0, 0.4], "size": [0.5, 0.4, 0.8], "rotation": np.eye(3)}


def make_views(count=2, **changes):
    rng = np.random.default_rng(count)
    return [
        {
            "image": rng.integers(0, 256, (6, 8, 3), dtype=np.uint8),
            "depth": rng.integers(0, 65536, (6, 8), dtype=np.uint16),
            "intrinsics": np.array(INTRINSICS) * (index + 1),
            "camera_to_world": np.array(POSE),
        }
        | changes
        for index in range(count)
    ]


@pytest.fixture
def folder(tmp_path):
    save_scene(tmp_path / "room", make_views(), world_up="+z", objects=[BOX])
    return tmp_path / "room"


def edit(folder, change):
    path = folder / "scene.json"
    scene = json.loads(path.read_text())
    change(scene)
    path.write_text(json.dumps(scene))
    return folder


def test_colours_and_integer_depth_come_back_to_the_last_bit(tmp_path):
    views = make_views(3)
    save_scene(tmp_path, views, world_up="+z")
    scene = load_scene(tmp_path)
    assert scene["depth_unit"] == "mm"
    for view, image, depth in zip(views, scene["images"], scene["depths"], strict=True):
        with Image.open(image) as picture, Image.open(depth) as stored:
            assert np.array_equal(np.asarray(picture), view["image"])
            assert stored.mode == "I;16"
            assert np.array_equal(np.asarray(stored), view["depth"])


def test_depth_in_metres_is_rounded_to_the_nearest_unit(tmp_path):
    depth = np.array([[1.0004, 1.0006], [2.9999, np.nan]])
    save_scene(tmp_path, make_views(1, depth=depth), world_up="+z")
    with Image.open(load_scene(tmp_path)["depths"][0]) as stored:
        assert np.asarray(stored).tolist() == [[1000, 1001], [3000, 0]]


def test_cameras_come_back_to_the_last_bit(tmp_path):
    views = make_views(1, camera_to_world=np.array(POSE) / 3, intrinsics=np.array(INTRINSICS) / 7)
    save_scene(tmp_path, views, world_up="-y", camera_axes="opengl")
    scene = load_scene(tmp_path)
    assert np.array_equal(scene["camera_to_world"][0], views[0]["camera_to_world"])
    assert np.array_equal(scene["intrinsics"][0], views[0]["intrinsics"])
    assert (scene["world_up"], scene["camera_axes"]) == ("-y", "opengl")


@pytest.mark.parametrize(("unit", "per_metre"), [("mm", 1000), ("cm", 100), ("m", 1)])
def test_metres_are_rounded_to_the_stored_unit(tmp_path, unit, per_metre):
    depth = np.array([[1.2344, 0.0, np.nan, -1.0, np.inf, 65.0]], np.float32)
    save_scene(tmp_path, make_views(1, depth=depth), world_up="+z", depth_unit=unit)
    with Image.open(load_scene(tmp_path)["depths"][0]) as stored:
        expected = [[round(1.2344 * per_metre), 0, 0, 0, 0, 65 * per_metre]]
        assert np.asarray(stored).tolist() == expected


def test_photo_without_pose_and_depth_needs_no_world(tmp_path):
    save_scene(tmp_path, [{"image": Image.new("RGB", (8, 6)), "intrinsics": INTRINSICS}], world_up=None)
    assert load_scene(tmp_path) == {"images": [str(tmp_path / "image_000.png")], "intrinsics": [INTRINSICS]}


def test_view_without_depth_among_others_stays_none(tmp_path):
    views = make_views(2)
    views[1]["depth"] = None
    save_scene(tmp_path, views, world_up="unknown")
    assert load_scene(tmp_path)["depths"] == [str(tmp_path / "depth_000.png"), None]


@pytest.mark.parametrize("unposed", [0, 1])
def test_view_without_pose_and_depth_may_stand_among_posed_ones(folder, unposed):
    edit(folder, lambda scene: scene["views"][unposed].update(camera_to_world=None, depth=None))
    scene = load_scene(folder)
    assert [pose is None for pose in scene["camera_to_world"]] == [index == unposed for index in range(2)]
    assert scene["world_up"] == "+z"


def test_null_poses_and_axes_count_as_absent(folder):
    def change(scene):
        scene["camera_axes"] = None
        for view in scene["views"]:
            view.update(camera_to_world=None, depth=None)

    assert set(load_scene(edit(folder, change))) == {"images", "intrinsics"}


def test_other_pose_direction_keeps_its_name(tmp_path):
    views = make_views(1, camera_to_world=None, world_to_camera=POSE)
    save_scene(tmp_path, views, world_up="+z")
    scene = load_scene(tmp_path)
    assert scene["world_to_camera"] == [POSE]
    assert "camera_to_world" not in scene


def test_objects_come_back_as_region_boxes(folder):
    (thing,) = load_scene_objects(folder)
    assert thing == {**BOX, "rotation": np.eye(3).tolist()}
    assert load_scene_objects(edit(folder, lambda scene: scene.pop("objects"))) == []


def test_instances_come_back_and_are_no_inputs(tmp_path):
    numbers = np.arange(48, dtype=np.uint16).reshape(6, 8) % 2
    views = make_views(2)
    views[1]["instances"] = numbers
    save_scene(tmp_path, views, world_up="+z", objects=[BOX], png_compression=1)
    nothing, path = load_scene_instances(tmp_path)
    assert nothing is None
    with Image.open(path) as stored:
        assert stored.mode == "I;16"
        assert np.array_equal(np.asarray(stored), numbers)
    assert set(load_scene(tmp_path)) == {
        "images", "intrinsics", "depths", "depth_unit", "camera_to_world", "camera_axes", "world_up",
    }  # fmt: skip


def test_compression_changes_the_size_only(tmp_path):
    views = make_views(1, image=np.tile(np.arange(64, dtype=np.uint8)[:, None, None], (1, 64, 3)))
    sizes = []
    for level in (0, 9):
        save_scene(tmp_path / str(level), views, world_up="+z", png_compression=level)
        with Image.open(tmp_path / str(level) / "image_000.png") as picture:
            assert np.array_equal(np.asarray(picture), views[0]["image"])
        sizes.append((tmp_path / str(level) / "image_000.png").stat().st_size)
    assert sizes[1] < sizes[0] / 5


@pytest.mark.parametrize("name", [7, "../other.png"])
def test_instances_outside_of_the_folder_are_refused(folder, name):
    edit(folder, lambda scene: scene["views"][0].update(instances=name))
    with pytest.raises(ValueError, match=r"views\[0\]\['instances'\]` must be a relative path"):
        load_scene_instances(folder)


def test_failed_save_leaves_the_old_scene_whole(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match=r"at most 65.535 m in mm, got 70 m"):
        save_scene(folder, make_views(1, depth=np.full((6, 8), 70.0)), world_up="+z")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_interrupted_rename_leaves_no_scene_to_read(folder, monkeypatch):
    replace = type(folder).replace

    def fail_on_depth(path, target):
        if "depth_000" in path.name:
            raise OSError("disk full")
        return replace(path, target)

    monkeypatch.setattr(type(folder), "replace", fail_on_depth)
    with pytest.raises(OSError, match="disk full"):
        save_scene(folder, make_views(1), world_up="+z")
    with pytest.raises(FileNotFoundError, match=r"must contain scene\.json"):
        load_scene(folder)
    assert not [path for path in folder.iterdir() if path.name.endswith(".partial")]


def test_scene_can_be_replaced(folder):
    views = make_views(1)
    save_scene(folder, views, world_up="+y")
    assert load_scene(folder)["world_up"] == "+y"
    assert len(load_scene(folder)["images"]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update(version=7), r"`version` of a scene must be 1, got 7"),
        (lambda s: s.pop("version"), r"`version` of a scene must be 1, got None"),
        (lambda s: s.pop("views"), r"must have the keys \('views',\), got none for \['views'\]"),
        (lambda s: s.update(views=[]), r"at least one view, got \[\]"),
        (lambda s: s.update(views=[3]), r"views\[0\] .* must be a mapping .* got 3"),
        (lambda s: s["views"][1].pop("image"), r"views\[1\] .* got none for \['image'\]"),
        (lambda s: s["views"][0].pop("intrinsics"), r"views\[0\] .* got none for \['intrinsics'\]"),
        (lambda s: s.pop("depth_unit"), r"got none for \['depth_unit'\]"),
        (lambda s: s.update(depth_unit="inch"), r"`depth_unit` must be one of .* got 'inch'"),
        (lambda s: s.pop("world_up"), r"`world_up` must be given with poses"),
        (lambda s: s.update(world_up="up"), r"`world_up` must be one of .* got 'up'"),
        (lambda s: s.update(camera_axes="unity"), r"`camera_axes` must be one of .* got 'unity'"),
        (lambda s: s.update(poses=[]), r"got \['poses'\]"),
        (lambda s: s["views"][0].update(pose=POSE), r"got \['pose'\].*name of its direction"),
        (
            lambda s: s["views"][0].update(world_to_camera=POSE),
            r"one direction, camera_to_world or world_to_camera, got",
        ),
        (
            lambda s: s["views"][1].update(camera_to_world=None, world_to_camera=POSE),
            r"one direction, .* got \[\('camera_to_world',\), \('world_to_camera',\)\]",
        ),
        (lambda s: s["views"][1].pop("camera_to_world"), r"`views\[1\]` must have a pose .* got depth and no pose"),
        (lambda s: s["views"][0].update(camera_to_world=None), r"`views\[0\]` must have a pose .* got depth and no"),
        (lambda s: s["objects"][0].pop("size"), r"objects\[0\]` must have .* got none for \['size'\]"),
        (lambda s: s["objects"][0].update(name=7), r"objects\[0\]\['name'\]` must be text, got 7"),
        (
            lambda s: s["objects"][0].update(size="big"),
            r"objects\[0\]\['size'\]` must be finite .* got shape \(\): 'big'",
        ),
        (lambda s: s.update(objects={"chair": 1}), r"`objects` must be a list, got \{'chair': 1\}"),
        (lambda s: s.update(objects=False), r"`objects` must be a list, got False"),
        (lambda s: s.update(version=True), r"`version` of a scene must be 1, got True"),
        (lambda s: s.update(views={"image": "a.png"}), r"list with at least one view, got \{'image': 'a\.png'\}"),
        (lambda s: s.update(camera_axes=""), r"`camera_axes` must be one of .* got ''"),
        (lambda s: s.update(world_up=["+z"]), r"`world_up` must be one of .* got \['\+z'\]"),
        (lambda s: s.update(depth_unit=0.001), r"`depth_unit` must be one of .* got 0\.001"),
        (
            lambda s: s["views"][0].update(intrinsics="500"),
            r"\['intrinsics'\]` must be finite .* got shape \(\): '500'",
        ),
        (
            lambda s: s["views"][0].update(intrinsics=[["50", 0, 3], [0, 50, 2], [0, 0, 1]]),
            r"views\[0\]\['intrinsics'\]` must be finite .* got shape \(3, 3\): \[\['50', 0, 3\]",
        ),
        (
            lambda s: s["views"][1].update(camera_to_world=[[1, 0], [0]]),
            r"views\[1\]\['camera_to_world'\]` must be finite .* got shape \(\): \[\[1, 0\], \[0\]\]",
        ),
        (
            lambda s: s["views"][1]["camera_to_world"][0].__setitem__(3, None),
            r"views\[1\]\['camera_to_world'\]` must be finite .* got shape \(4, 4\): \[\[1\.0, 0\.0, 0\.0, None\]",
        ),
        (
            lambda s: s["views"][1]["camera_to_world"][0].__setitem__(3, 10**400),
            r"views\[1\]\['camera_to_world'\]` must be finite numbers of shape \(4, 4\), got shape",
        ),
        (lambda s: s["views"][1].update(camera_to_world=True), r"\['camera_to_world'\]` must be .* \(\): True"),
        (lambda s: s["views"][0].update(image="../secret.png"), r"inside the scene folder, got '\.\./secret\.png'"),
        (lambda s: s["views"][0].update(image="/etc/passwd"), r"inside the scene folder, got '/etc/passwd'"),
        (lambda s: s["views"][0].update(depth="C:\\a.png"), r"\['depth'\]` must be a relative path .* got 'C:"),
        (lambda s: s["views"][0].update(depth="a\\..\\..\\b.png"), r"must be a relative path"),
        (lambda s: s["views"][0].update(image=5), r"must be a relative path .* got 5"),
        (lambda s: s["views"][0].update(depth=["a.png"]), r"\['depth'\]` must be a relative path .* got \['a\.png'\]"),
        (
            lambda s: s["views"][0].update(image="a\0.png"),
            r"at most 255 bytes without NUL .* got 'a\\x00\.png' with 6",
        ),
        (lambda s: s["views"][0].update(image="\ud800.png"), r"half a surrogate pair, got '\\ud800\.png' with 4"),
        (lambda s: s["views"][0].update(depth="d" * 5000), r"\['depth'\]` must be .* 255 bytes .* with 5000 bytes"),
        (lambda s: s["views"][0].update(image="ä" * 128), r"\['image'\]` must be .* 255 bytes .* with 256 bytes"),
    ],
)
def test_bad_scene_files_are_refused_by_name(folder, change, message):
    with pytest.raises(ValueError, match=message):
        load_scene(edit(folder, change))


def test_only_each_name_of_a_path_is_limited(folder):
    nested = folder / ("a" * 150)
    nested.mkdir()
    name = f"{nested.name}/{'b' * 150}.png"
    stored = json.loads((folder / "scene.json").read_text())["views"][0]["image"]
    (folder / name).write_bytes((folder / stored).read_bytes())
    assert load_scene(edit(folder, lambda scene: scene["views"][0].update(image=name)))["images"][0]


def test_link_out_of_the_folder_is_refused(folder, tmp_path):
    (tmp_path / "outside.png").write_bytes(b"")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(ValueError, match=r"inside the scene folder, got 'link\.png'"):
        load_scene(edit(folder, lambda scene: scene["views"][0].update(image="link.png")))


def test_paths_that_no_system_can_follow_are_refused(folder):
    (folder / "circle").symlink_to("circle")
    for name in ("circle/image.png", "a/" * 3000 + "b.png"):
        edit(folder, lambda scene, name=name: scene["views"][0].update(image=name))
        # A circle is an error of its own before Python 3.13, and then a file that is not there.
        with pytest.raises((ValueError, FileNotFoundError), match=r"`views\[0\]\['image'\]` must name a file"):
            load_scene(folder)


def test_missing_files_are_named(folder):
    (folder / "depth_001.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"views\[1\]\['depth'\]` must name a file .* got 'depth_001\.png'"):
        load_scene(folder)


def test_folder_without_scene_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must contain scene\.json, got .* without it"):
        load_scene(tmp_path)


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe", b"", b"[" * 10**5], ids=["cut off", "not text", "empty", "nested"]
)
def test_file_that_is_not_json_is_refused(folder, content):
    (folder / "scene.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"`scene\.json` must be JSON in UTF-8"):
        load_scene(folder)


@pytest.mark.parametrize("key", ["world_up", "camera_to_world"])
def test_key_that_comes_twice_is_refused(folder, key):
    text = (folder / "scene.json").read_text()
    (folder / "scene.json").write_text(text.replace(f'"{key}":', f'"{key}": null, "{key}":', 1))
    with pytest.raises(ValueError, match=rf"must be JSON .* one object has the key '{key}' twice\. Repair"):
        load_scene(folder)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"depth": np.zeros((6, 8), np.uint8)}, TypeError, r"got uint8 of shape \(6, 8\)"),
        ({"depth": np.zeros((6, 8, 3))}, TypeError, r"got float64 of shape \(6, 8, 3\)"),
        ({"image": np.zeros((6, 8), np.uint8)}, TypeError, r"got uint8 of shape \(6, 8\)"),
        ({"image": "a.png"}, TypeError, r"\['image'\]` must be .* got str"),
        ({"intrinsics": np.eye(4)}, ValueError, r"\['intrinsics'\]` must be finite .* got shape \(4, 4\)"),
        ({"camera_to_world": np.full((4, 4), np.nan)}, ValueError, r"\['camera_to_world'\]` must be finite"),
        ({"pose": POSE}, ValueError, r"got \['pose'\]"),
    ],
)
def test_bad_views_are_refused_before_anything_is_written(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        save_scene(tmp_path / "new", make_views(1, **changes), world_up="+z")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("instances", "error", "message"),
    [
        (np.full((6, 8), 2, np.uint16), ValueError, "numbers from 0 .nothing. to 1, the number of objects, got 2"),
        (np.zeros((6, 8), np.int16), TypeError, r"uint16 array of shape \(H, W\), got int16 of shape \(6, 8\)"),
        ("instances.png", TypeError, "uint16 array of shape .*, got no array"),
    ],
)
def test_bad_instances_are_refused(tmp_path, instances, error, message):
    with pytest.raises(error, match=message):
        save_scene(tmp_path, make_views(1, instances=instances), world_up="+z", objects=[BOX])
    assert not list(tmp_path.iterdir())


def test_relative_depth_of_one_view_without_a_pose_stays_relative(tmp_path):
    intrinsics = np.array([[4.0, 0, 2.5], [0, 4.0, 1.5], [0, 0, 1]])
    depth = np.full((4, 6), 2.0, np.float32)
    view = {"image": np.zeros((4, 6, 3), np.uint8), "depth": depth, "intrinsics": intrinsics}
    save_scene(tmp_path / "photo", [view], world_up=None, world_unit="unknown", depth_is_estimated=True)
    source = open_source(tmp_path / "photo")
    assert (source.world_unit, source.depth_is_estimated) == ("unknown", True)
    assert source.arguments()["depth_kind"] == "relative"
    assert load_scene(tmp_path / "photo")["depth_kind"] == "relative"


def test_a_scene_keeps_what_is_known_of_its_source(tmp_path):
    view = {"image": np.zeros((4, 6, 3), np.uint8)}
    save_scene(tmp_path / "photo", [view], world_up=None, conventions=["Depth is of a model."])
    source = open_source(tmp_path / "photo")
    assert source.conventions[-1] == "Depth is of a model."
    assert not source.depth_is_estimated
    import_scene(source, tmp_path / "again")
    assert open_source(tmp_path / "again").conventions.count("Depth is of a model.") == 1
