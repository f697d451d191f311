# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Files of a scene: what other programs read from them, and that a failure leaves none behind."""

import sys

import numpy as np
import pytest
from PIL import Image
from viewed_rooms import BOX_REGIONS, COLOURS, SIZE_HW, write_viewed_scene

from transformers_sr3d.inputs.scene import load_scene
from transformers_sr3d.viewing.files import replacing, write_glb, write_marks, write_ply
from transformers_sr3d.viewing.scene_shapes import scene_shapes


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = write_viewed_scene(tmp_path_factory.mktemp("files") / "room")
    return scene_shapes(load_scene(folder), BOX_REGIONS, max_points=2000)


def test_ply_holds_every_point_with_its_colour(tmp_path, shapes):
    path = write_ply(tmp_path / "cloud.ply", shapes.points, shapes.colours)
    header, body = path.read_bytes().split(b"end_header\n", 1)
    assert f"element vertex {len(shapes.points)}".encode() in header
    rows = np.frombuffer(body, dtype=[("xyz", "<f4", 3), ("rgb", "u1", 3)])
    np.testing.assert_array_equal(rows["xyz"], shapes.points)
    np.testing.assert_array_equal(rows["rgb"], shapes.colours)


def test_ply_opens_in_trimesh(tmp_path, shapes):
    trimesh = pytest.importorskip("trimesh")
    cloud = trimesh.load(write_ply(tmp_path / "cloud.ply", shapes.points, shapes.colours))
    np.testing.assert_allclose(cloud.vertices, shapes.points, atol=1e-6)
    np.testing.assert_array_equal(cloud.colors[:, :3], shapes.colours)


def test_ply_of_points_without_colours_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`points` and `colours` .* got \(3, 3\) and \(2, 3\)"):
        write_ply(tmp_path / "cloud.ply", np.zeros((3, 3)), np.zeros((2, 3)))


def test_glb_has_points_cameras_and_boxes_with_y_up(tmp_path, shapes):
    trimesh = pytest.importorskip("trimesh")
    scene = trimesh.load(write_glb(tmp_path / "scene.glb", shapes))
    nodes = set(scene.graph.nodes_geometry)
    assert {"points", "view_0", "view_1", "view_2", "region_0", "region_1"} <= nodes
    transform, name = scene.graph["points"]
    cloud = np.asarray(scene.geometry[name].vertices) @ transform[:3, :3].T + transform[:3, 3]
    x, y, z = shapes.points.T
    np.testing.assert_allclose(cloud, np.stack((x, z, -y), axis=1), atol=1e-5)
    transform, name = scene.graph["region_0"]
    box = np.asarray(scene.geometry[name].vertices) @ transform[:3, :3].T + transform[:3, 3]
    assert np.ptp(box[:, 1]) == pytest.approx(np.ptp(shapes.regions[0].corners[:, 2]), abs=0.05)


def test_marked_views_show_number_and_outline_of_their_regions(tmp_path, shapes):
    paths = write_marks(tmp_path, shapes)
    assert [path.name for path in paths] == ["marks_000.png", "marks_001.png", "marks_002.png"]
    marked = np.asarray(Image.open(paths[0]))
    assert marked.shape == (*SIZE_HW, 3)
    room = shapes.masks[0][0] | shapes.masks[0][1]
    changed = (marked != np.asarray(shapes.pictures[0])).any(axis=-1)
    assert changed[room].mean() > 0.9
    assert changed[~room].mean() < 0.1  # the numbers' discs may reach over an edge
    assert (marked[~room & ~changed] == COLOURS[2]).all(axis=-1).mean() > 0.9


def test_views_without_regions_are_not_marked(tmp_path, shapes):
    plain = scene_shapes({"images": list(shapes.pictures)[:1], "depths": [np.ones(SIZE_HW)], "horizontal_fov_deg": 60})
    assert write_marks(tmp_path, plain) == []
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "out" / "page.html"
    with replacing(path) as partial:
        partial.write_text("old", encoding="utf-8")

    def fail():
        with replacing(path) as partial:
            partial.write_text("half", encoding="utf-8")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]
    assert path.read_text(encoding="utf-8") == "old"


def test_missing_trimesh_is_named(tmp_path, shapes, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(ImportError, match=r"`trimesh` must be installed .*transformers-sr3d\[view\]"):
        write_glb(tmp_path / "scene.glb", shapes)
