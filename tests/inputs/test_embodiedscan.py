# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of EmbodiedScan: the known room as a scene of each data set, what is left out, and what is refused."""

import os
import pickle

import numpy as np
import pytest
from known_source import check_source, known_views
from PIL import Image

from transformers_sr3d.inputs import files, named_files
from transformers_sr3d.inputs.embodiedscan import is_embodiedscan, read_embodiedscan


VIEWS = known_views(size_hw=(96, 128), depth_size_hw=(48, 64))
# A turn about z and a shift, given by sine and cosine.
ALIGNMENT = np.array([[0.8, -0.6, 0, 1.25], [0.6, 0.8, 0, -3.5], [0, 0, 1, 0.125], [0, 0, 0, 1]])
INFO_NAME = "embodiedscan_infos_val.pkl"


def embed(intrinsics):
    matrix = np.eye(4)
    matrix[:3, :3] = intrinsics
    return matrix


def write_pgm(path, numbers, *, largest=65535, magic="P5"):
    height, width = numbers.shape
    path.write_bytes(f"{magic}\n{width} {height}\n{largest}\n".encode() + numbers.astype(">u2").tobytes())


def write_depth(path, depth, units):
    numbers = np.round(depth * units).astype(np.uint16)
    if path.suffix == ".pgm":
        write_pgm(path, numbers)
    else:
        Image.fromarray(numbers).save(path)


def write_scene(root, views, sample, *, units=1000, suffix=".png", shared_camera=True, depth_camera=True):
    """Write pictures and depth maps of a scene, and return its entry, whose world is not aligned yet."""
    entry = {"sample_idx": sample, "axis_align_matrix": ALIGNMENT, "images": [], "instances": []}
    folder = root / sample / "views"
    folder.mkdir(parents=True)
    for index, view in enumerate(views):
        image = {
            "img_path": f"{sample}/views/{index:05d}.jpg",
            "depth_path": f"{sample}/views/{index:05d}{suffix}",
            "cam2global": np.linalg.inv(ALIGNMENT) @ view.camera_to_world,
            "visible_instance_ids": [0],
        }
        Image.fromarray(view.image).save(root / image["img_path"], quality=98, subsampling=0)
        write_depth(root / image["depth_path"], view.depth, units)
        if not shared_camera:
            image["cam2img"] = embed(view.intrinsics)
        entry["images"].append(image)
    if shared_camera:
        entry["cam2img"] = embed(views[0].intrinsics)
    if depth_camera:
        entry["depth_cam2img"] = embed(views[0].depth_intrinsics)
    box = {"bbox_3d": [1, 2, 0.5, 1, 1, 1, 0.1, 0, 0], "bbox_label_3d": 3, "bbox_id": 0}
    return entry | {"instances": [box]}


def write_info(root, *entries, name=INFO_NAME, protocol=4):
    info = {"metainfo": {"categories": {"chair": 3}, "DATASET": "EmbodiedScan"}, "data_list": list(entries)}
    path = root / name
    path.write_bytes(pickle.dumps(info, protocol=protocol))
    return path


@pytest.fixture
def entry(tmp_path):
    return write_scene(tmp_path, VIEWS, "scannet/scene0000_00")


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_the_known_room_comes_back(tmp_path, entry, protocol):
    path = write_info(tmp_path, entry, protocol=protocol)
    assert is_embodiedscan(path)
    source = read_embodiedscan(path)
    assert (source.kind, source.world_up, source.world_unit, source.left_out) == ("embodiedscan", "+z", "m", {})
    assert source.views[1].name == "scannet/scene0000_00/views/00001.jpg"
    assert np.allclose(source.views[0].intrinsics, VIEWS[0].intrinsics)
    assert np.allclose(source.views[0].depth_intrinsics, VIEWS[0].depth_intrinsics)
    assert "Depth: along +z, 1000 units a metre (scannet), 0: not measured." in source.conventions
    check_source(source, VIEWS)


@pytest.mark.parametrize(
    ("sample", "units", "options"),
    [
        ("3rscan/0cac7578-8d6f-2d13-8c2d-bfa7a04f8af3", 1000, {"suffix": ".depth.pgm"}),
        ("matterport3d/17DRP5sb8fy/region0", 4000, {"shared_camera": False, "depth_camera": False}),
        ("arkitscenes/Training/40753679", 1000, {}),
    ],
    ids=["3rscan", "matterport3d", "arkitscenes"],
)
def test_each_data_set_has_its_own_depth_and_cameras(tmp_path, sample, units, options):
    views = known_views() if "depth_camera" in options else VIEWS
    source = read_embodiedscan(write_info(tmp_path, write_scene(tmp_path, views, sample, units=units, **options)))
    assert any("Lens distortion" in sentence for sentence in source.conventions) == sample.startswith("matterport3d")
    check_source(source, views)


def test_one_of_several_scenes_is_chosen_by_name(tmp_path, entry):
    other = write_scene(tmp_path, VIEWS[:2], "scannet/scene0000_01")
    path = write_info(tmp_path, entry, other)
    assert len(read_embodiedscan(path, scene="scannet/scene0000_01").views) == 2
    with pytest.raises(
        ValueError, match=r"`scene` must be one of the 2 scenes .*, got None .*scene0000_00, scannet/scene0000_01"
    ):
        read_embodiedscan(path)
    with pytest.raises(ValueError, match=r"got 'scene0000_01' with 0 .*such as scannet/scene0000_01\."):
        read_embodiedscan(path, scene="scene0000_01")
    with pytest.raises(ValueError, match=r"each with one entry, got 'scannet/scene0000_00' with 2 entries"):
        read_embodiedscan(write_info(tmp_path, entry, entry), scene="scannet/scene0000_00")


def test_the_pictures_may_lie_elsewhere(tmp_path, entry):
    (tmp_path / "infos").mkdir()
    path = write_info(tmp_path / "infos", entry)
    with pytest.raises(FileNotFoundError, match=r"\['data_list'\]\[0\]\['images'\]\[0\]\['img_path'\]` must name a"):
        read_embodiedscan(path)
    check_source(read_embodiedscan(path, data_root=tmp_path), VIEWS)
    check_source(read_embodiedscan(str(path), data_root=str(tmp_path)), VIEWS)


def test_views_of_scannet_that_lost_tracking_are_left_out(tmp_path, entry):
    entry["images"][1]["cam2global"] = np.full((4, 4), -np.inf)
    source = read_embodiedscan(write_info(tmp_path, entry))
    assert source.left_out == {"scannet/scene0000_00/views/00001.jpg": "tracking lost: its pose is -inf"}
    check_source(source, [VIEWS[0], *VIEWS[2:]])


def test_other_data_sets_have_no_mark_for_lost_tracking(tmp_path):
    entry = write_scene(tmp_path, VIEWS[:1], "arkitscenes/Training/1")
    entry["images"][0]["cam2global"] = np.full((4, 4), -np.inf)
    with pytest.raises(ValueError, match=r"\['images'\]\[0\]\['cam2global'\]` must be 4x4 finite numbers"):
        read_embodiedscan(write_info(tmp_path, entry))


def test_matrices_may_be_lists_and_cameras_3x3(tmp_path, entry):
    for key in ("cam2img", "depth_cam2img", "axis_align_matrix"):
        entry[key] = entry[key].tolist() if key == "axis_align_matrix" else entry[key][:3, :3].astype(np.float32)
    check_source(read_embodiedscan(write_info(tmp_path, entry)), VIEWS)


def test_names_tell_an_info_file(tmp_path):
    for name in (INFO_NAME, "3rscan_infos_test_MDJH_aligned_full_10_visible.pkl", "embodiedscan_infos_train_full.pkl"):
        path = write_info(tmp_path, name=name)
        assert is_embodiedscan(path)
    assert not is_embodiedscan(tmp_path)
    assert not is_embodiedscan(tmp_path / "matterport3d_infos_val.pkl")
    assert not is_embodiedscan(write_info(tmp_path, name="scannet_infos_val.pkl"))


def test_nothing_is_loaded_until_a_view_is_wanted(tmp_path, entry, monkeypatch):
    image, loaded = entry["images"][0], []
    for index in range(2000):
        names = {"img_path": f"scannet/{index}.jpg", "depth_path": f"scannet/{index}.png"}
        for key, name in names.items():
            os.link(tmp_path / image[key], tmp_path / name)
        entry["images"].append(image | names)
    path = write_info(tmp_path, entry)
    for module, name in ((named_files, "load_image_rgb"), (files, "load_depth")):
        load = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *args, load=load, **options: loaded.append(args[0].name) or load(*args, **options)
        )
    source = read_embodiedscan(path)
    assert (len(source.views), loaded) == (2004, [])
    view = pickle.loads(pickle.dumps(source.views[1003]))
    view.load_image()
    view.load_depth()
    assert loaded == ["999.jpg", "999.png"]


class Call:
    def __reduce__(self):
        return os.system, ("true",)


def test_an_info_file_with_a_call_is_refused(tmp_path, entry):
    path = write_info(tmp_path, entry | {"extra": Call()})
    with pytest.raises(
        ValueError, match=r"infos_val\.pkl` up to byte \d+ must name nothing but arrays, got '\w+\.syst"
    ):
        read_embodiedscan(path)


def set_key(*keys, value):
    def edit(entry):
        for key in keys[:-1]:
            entry = entry[key]
        entry[keys[-1]] = value

    return edit


def drop_key(*keys):
    def edit(entry):
        for key in keys[:-1]:
            entry = entry[key]
        del entry[keys[-1]]

    return edit


IMAGE = r"\['data_list'\]\[0\]\['images'\]\[2\]"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (drop_key("axis_align_matrix"), r"\[0\]\['axis_align_matrix'\]` must be a matrix of 4x4, got None"),
        (set_key("axis_align_matrix", value=2 * np.eye(4)), r"\[0\]\['axis_align_matrix'\]` must be rigid"),
        (drop_key("images"), r"\[0\]\['images'\]` must be a list of dictionaries, got None"),
        (set_key("images", value=[]), r"\[0\]\['images'\]` must be a list of dictionaries, got \[\]"),
        (set_key("images", 2, value="00002.jpg"), r"\['images'\]` must be a list of dictionaries"),
        (drop_key("images", 2, "cam2global"), IMAGE + r"\['cam2global'\]` must be a matrix of 4x4, got None"),
        (set_key("images", 2, "cam2global", value=np.eye(3)), IMAGE + r".* must be a matrix of 4x4, got \(3, 3\)"),
        (set_key("images", 2, "cam2global", value=np.zeros(10**6)), IMAGE + r".* of 4x4, got \(1000000,\)"),
        (set_key("images", 2, "cam2global", value=[["a"] * 4] * 4), IMAGE + r"\['cam2global'\]` must hold numbers"),
        (set_key("images", 2, "cam2global", value=np.eye(4) * [1, 1, -1, 1]), IMAGE + r".* must be rigid"),
        (set_key("images", 2, "cam2global", value=np.full((4, 4), np.nan)), IMAGE + r".* must be 4x4 finite"),
        (drop_key("images", 2, "img_path"), IMAGE + r"\['img_path'\]` must be the name of a file, got None"),
        (set_key("images", 2, "img_path", value="../x.jpg"), IMAGE + r"\['img_path'\]` must be a relative name"),
        (set_key("images", 2, "depth_path", value="/x.png"), IMAGE + r"\['depth_path'\]` must be a relative name"),
        (drop_key("cam2img"), r"\['images'\]\[0\]\['cam2img'\]` must be a matrix of 3x3 or 4x4, got None"),
        (set_key("cam2img", value=np.ones((4, 4))), r"\[0\]\['cam2img'\]` must be 4x4 with the intrinsics in its"),
        (
            set_key("cam2img", value=embed(VIEWS[0].depth_intrinsics)),
            r"\['cam2img'\]` must be that of pictures of 128",
        ),
        (drop_key("depth_cam2img"), r"\['depth_cam2img'\]` must be there for depth maps of 64x48 under .* 128x96"),
        (set_key("sample_idx", value="scannetpp/a"), r"\[0\]\['sample_idx'\]` must start with scannet, 3rscan"),
        (drop_key("sample_idx"), r"\['data_list'\]` must have a `sample_idx` each, got one without"),
    ],
)
def test_bad_entries_are_refused_by_key(tmp_path, entry, edit, message):
    edit(entry)
    with pytest.raises(ValueError, match=message):
        read_embodiedscan(write_info(tmp_path, entry))


@pytest.mark.parametrize(
    "content", [[], {"metainfo": {}}, {"data_list": []}, {"data_list": {}}, {"data_list": [1]}, "text"]
)
def test_other_pickles_are_refused(tmp_path, content):
    path = tmp_path / INFO_NAME
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=r"infos_val\.pkl\['data_list'\]` must be a list of dictionaries"):
        read_embodiedscan(path)
    path.write_bytes(pickle.dumps(content)[:-1])
    with pytest.raises(ValueError, match=r"infos_val\.pkl` up to byte \d+ must be a pickle"):
        read_embodiedscan(path)


def test_files_of_another_size_than_the_first_are_refused(tmp_path, entry):
    Image.new("RGB", (64, 48)).save(tmp_path / entry["images"][1]["img_path"])
    Image.fromarray(np.full((24, 32), 1000, dtype=np.uint16)).save(tmp_path / entry["images"][1]["depth_path"])
    view = read_embodiedscan(write_info(tmp_path, entry)).views[1]
    with pytest.raises(ValueError, match=r"00001\.jpg` must have 128x96 pixels, as the first picture of .* got 64x48"):
        view.load_image()
    with pytest.raises(
        ValueError, match=r"00001\.png` must have 64x48 pixels, as the first depth map of .* got 32x24"
    ):
        view.load_depth()


@pytest.mark.parametrize(("largest", "magic", "came"), [(4095, "P5", "4095"), (65535, "P2", "another file")])
def test_a_pgm_that_pillow_would_rescale_is_refused(tmp_path, largest, magic, came):
    entry = write_scene(tmp_path, VIEWS[:2], "3rscan/a", suffix=".depth.pgm")
    write_pgm(tmp_path / entry["images"][1]["depth_path"], np.full((48, 64), 1000), largest=largest, magic=magic)
    view = read_embodiedscan(write_info(tmp_path, entry)).views[1]
    with pytest.raises(ValueError, match=rf"00001\.depth\.pgm` must be a binary PGM .* is 65535, got {came}"):
        view.load_depth()


def test_a_missing_info_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"infos_val\.pkl` must be a pickle, got no file there"):
        read_embodiedscan(tmp_path / INFO_NAME)
