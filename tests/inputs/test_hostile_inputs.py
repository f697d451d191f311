# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Damaged and hostile sources beyond those of each reader's own tests, and scenes that replace one another."""

import json
import pickle
import time
from types import SimpleNamespace

import numpy as np
import pytest
from examined_rooms import make_source
from PIL import Image

from transformers_sr3d.cli.main import main
from transformers_sr3d.inputs.detections import detections_from_supervision
from transformers_sr3d.inputs.files import read_json
from transformers_sr3d.inputs.open_source import import_scene, open_source
from transformers_sr3d.inputs.restricted_pickle import load_restricted_pickle
from transformers_sr3d.inputs.scannet_world import find_world
from transformers_sr3d.inputs.source import Source, SourceView


def photo_source(folder, depth, *, size_hw=(40, 60), **settings):
    view = SourceView(
        name="photo",
        load_image=lambda: Image.new("RGB", size_hw[::-1]),
        intrinsics=np.array([[50.0, 0, 30], [0, 50, 20], [0, 0, 1]]),
        load_depth=lambda: depth,
    )
    return Source("test", folder, (view,), **settings)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_scene_that_replaces_a_longer_one_leaves_nothing_of_it(tmp_path):
    out = tmp_path / "scene"
    import_scene(make_source(), out)
    assert len(files(out)) == 21
    (out / "notes.txt").write_text("mine")
    import_scene(photo_source(tmp_path, np.full((40, 60), 2.0, np.float32)), out)
    assert files(out) == ["depth_000.png", "image_000.png", "notes.txt", "scene.json"]


def test_import_takes_over_what_a_killed_one_left(tmp_path):
    import_scene(make_source(), tmp_path / "from")
    out = tmp_path / "scene"
    out.mkdir()
    (out / ".image_000.png.12345.partial").write_bytes(b"half")
    (out / "depth_003.png").write_bytes(b"renamed before scene.json came")
    assert main(["scene", "import", str(tmp_path / "from"), "--out", str(out)]) == 0
    assert len(files(out)) == 21
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    assert main(["scene", "import", str(tmp_path / "from"), "--out", str(tmp_path / "other"), "--overwrite"]) == 2
    assert (tmp_path / "other" / "thesis.txt").read_text() == "mine"


def test_depth_beyond_what_a_scene_stores_is_not_measured_and_counted(tmp_path):
    depth = np.full((40, 60), 2.0, np.float32)
    depth[:3, :5] = 70.0
    with pytest.warns(UserWarning, match=r"15 depth pixels of .* lie beyond 65\.535 m"):
        import_scene(photo_source(tmp_path, depth), tmp_path / "scene")
    stored = open_source(tmp_path / "scene").views[0].load_depth()
    assert (stored[:3, :5] == 0).all()
    assert stored[3:].min() == pytest.approx(2.0)


def test_depth_of_another_size_without_a_word_is_refused_before_it_is_written(tmp_path):
    depth = np.full((20, 30), 2.0, np.float32)
    with pytest.raises(ValueError, match=r"30x20 under 60x40 at photo .*--depth-field-of-view same"):
        import_scene(photo_source(tmp_path, depth), tmp_path / "scene")
    assert not (tmp_path / "scene").exists()
    import_scene(photo_source(tmp_path, depth, depth_field_of_view="same"), tmp_path / "scene")
    open_source(tmp_path / "scene").arguments()


@pytest.mark.parametrize("matrix", [np.eye(2), np.diag([0.0, 1, 1]), np.diag([-5.0, 5, 1]), np.full((3, 3), np.nan)])
def test_intrinsics_of_depth_are_checked_as_those_of_pictures(tmp_path, matrix):
    view = photo_source(tmp_path, np.ones((20, 30), np.float32)).views[0]
    changed = SourceView(**{**vars(view), "depth_intrinsics": matrix})
    with pytest.raises(ValueError, match="depth_intrinsics"):
        Source("test", tmp_path, (changed,))


def test_picture_that_links_out_of_its_scene_is_refused(tmp_path):
    out = tmp_path / "scene"
    import_scene(photo_source(tmp_path, np.ones((40, 60), np.float32)), out)
    (tmp_path / "secret.png").write_bytes((out / "image_000.png").read_bytes())
    (out / "image_000.png").unlink()
    (out / "image_000.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(ValueError, match=r"views\[0\]\['image'\].*inside the scene folder"):
        open_source(out)


def test_number_of_thousands_of_digits_names_its_file(tmp_path):
    (tmp_path / "numbers.json").write_text("[" + "9" * 6000 + "]")
    with pytest.raises(ValueError, match=r"numbers\.json` must be JSON"):
        read_json(tmp_path / "numbers.json")


def test_array_of_more_rows_than_memory_and_no_columns_is_refused_at_once(tmp_path):
    endless = np.lib.stride_tricks.as_strided(np.zeros((1, 0)), (10**9, 0), (0, 8))
    scene = {"sample_idx": "scannet/scene0000_00", "axis_align_matrix": endless, "images": [{}]}
    path = tmp_path / "embodiedscan_infos_val.pkl"
    path.write_bytes(pickle.dumps({"data_list": [scene]}))
    started = time.monotonic()
    with pytest.raises(ValueError, match="axis_align_matrix"):
        open_source(path)
    assert time.monotonic() - started < 5


def test_long_tuple_is_no_key(tmp_path):
    (tmp_path / "keys.pkl").write_bytes(pickle.dumps({tuple(range(50)): 1}))
    with pytest.raises(ValueError, match=r"keys\.pkl.*keys of numbers and texts"):
        load_restricted_pickle(tmp_path / "keys.pkl")
    (tmp_path / "keys.pkl").write_bytes(pickle.dumps({(1, "a"): 1}))
    assert load_restricted_pickle(tmp_path / "keys.pkl") == {(1, "a"): 1}


def detections(boxes, tracks=None):
    return SimpleNamespace(
        xyxy=np.array(boxes, float),
        mask=None,
        class_id=None,
        confidence=None,
        data={},
        tracker_id=None if tracks is None else np.array(tracks),
    )


def test_untracked_detections_are_regions_of_their_own():
    box = [1, 2, 3, 4]
    found = detections_from_supervision([detections([box] * 3, [7, -1, -1]), detections([box] * 2, [-1, 7])])
    assert [entry.region["region"] for entry in found] == [0, 1, 2, 3, 0]


@pytest.mark.parametrize("box", [[np.nan, 2, 3, 4], [1, 2, np.inf, 4], [3, 2, 1, 4], [1, 4, 3, 4]])
def test_boxes_that_are_none_are_named(box):
    with pytest.raises(ValueError, match=r"detections_of_views\[1\]\.xyxy\[1\]"):
        detections_from_supervision([detections([[1, 2, 3, 4]]), detections([[1, 2, 3, 4], box])])


def test_alignment_of_a_scan_is_not_taken_from_far_above(tmp_path):
    turned = "axisAlignment = 0 -1 0 0 1 0 0 0 0 0 1 0 0 0 0 1\n"
    scan = tmp_path / "far" / "away" / "scene0000_00" / "frames"
    scan.mkdir(parents=True)
    (tmp_path / "scene0000_00.txt").write_text(turned)
    assert np.array_equal(find_world(scan, axis_alignment=True, world_up=None).aligned_from_world, np.eye(4))
    (scan.parent / "scene0000_00.txt").write_text(turned)
    assert not np.array_equal(find_world(scan, axis_alignment=True, world_up=None).aligned_from_world, np.eye(4))


def test_transforms_of_absurd_scale_are_refused(tmp_path):
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png")
    frame = {"file_path": "a.png", "transform_matrix": np.eye(4).tolist()}
    camera = {"fl_x": 5.0, "fl_y": 5.0, "cx": 3.0, "cy": 2.0, "w": 6, "h": 4}
    for scale in (0.0, -1.0, 1e-300):
        (tmp_path / "transforms.json").write_text(json.dumps(camera | {"applied_scale": scale, "frames": [frame]}))
        with pytest.raises(ValueError, match="applied_scale"):
            open_source(tmp_path, world_up="+z", world_unit="m")
