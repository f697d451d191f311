# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Any source: found out by its files, refused where that is not clear, and the same after a trip to disk."""

import numpy as np
import pytest
from known_source import check_source, known_views
from PIL import Image
from test_image_folder import SAID, write_folder

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.inputs.open_source import import_scene, open_source
from transformers_sr3d.inputs.scene import load_scene
from transformers_sr3d.inputs.source import Source, SourceView


def test_a_source_becomes_a_scene_with_the_same_points(tmp_path):
    views = known_views()
    folder = write_folder(tmp_path / "scan", views)
    source = open_source(folder, **SAID)
    assert source.kind == "images"
    import_scene(source, tmp_path / "scene")
    again = open_source(tmp_path / "scene")
    assert again.kind == "scene"
    assert [view.name for view in again.views] == [view.name for view in source.views]
    check_source(again, views)
    prepared = prepare_views(**load_scene(tmp_path / "scene"))
    assert np.abs(prepared["points"][0].numpy() - views[0].points_world).max() < 1e-3


def test_a_scene_of_unknown_unit_and_other_depth_camera_comes_back(tmp_path):
    views = known_views(2, depth_size_hw=(24, 32))
    source = Source(
        "test",
        tmp_path,
        tuple(
            SourceView(
                name=f"v{index}",
                load_image=lambda view=view: Image.fromarray(view.image),
                intrinsics=view.intrinsics,
                load_depth=lambda view=view: (view.depth * 7).astype(np.float32),
                depth_intrinsics=view.depth_intrinsics,
                camera_to_world=view.camera_to_world * np.array([1, 1, 1, 7]) - np.diag([0, 0, 0, 6]),
                time_s=view.time_s,
            )
            for index, view in enumerate(views)
        ),
        world_up="+z",
        world_unit="unknown",
    )
    import_scene(source, tmp_path / "scene")
    again = open_source(tmp_path / "scene")
    assert [view.time_s for view in again.views] == [100.0, 100.25]
    for arguments in (source.arguments(), again.arguments(), load_scene(tmp_path / "scene")):
        prepared = prepare_views(**arguments)
        assert not prepared["metric"]
        for points, view in zip(prepared["points"], views, strict=True):
            assert np.abs(points.numpy() / 7 - view.points_world).max() < 1e-3


def test_only_the_views_that_are_wanted_are_loaded(tmp_path):
    loaded = []

    def load(index):
        loaded.append(index)
        return Image.new("RGB", (8, 6))

    views = tuple(SourceView(str(index), lambda index=index: load(index)) for index in range(2000))
    source = Source("test", tmp_path, views)
    assert loaded == []
    assert len(source.select([1999, 3]).arguments()["images"]) == 2
    assert loaded == [1999, 3]


def test_an_unknown_kind_and_an_option_without_effect_are_refused(tmp_path):
    write_folder(tmp_path / "scan", known_views(2))
    with pytest.raises(ValueError, match=r"`kind` must be one of scene, .* got 'kinect'"):
        open_source(tmp_path / "scan", kind="kinect")
    import_scene(open_source(tmp_path / "scan", **SAID), tmp_path / "scene")
    with pytest.raises(
        ValueError, match=r"`depth_unit` has no effect on a source of kind 'scene', got 'mm' .* no option"
    ):
        open_source(tmp_path / "scene", depth_unit="mm")
    with pytest.raises(FileNotFoundError, match=r"must be a file or folder, got nothing there"):
        open_source(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"`kind` must be given for .* no reader fits: none of scene"):
        open_source(tmp_path / "empty")


def test_a_failed_import_leaves_nothing_behind(tmp_path):
    folder = write_folder(tmp_path / "scan", known_views(2))
    broken = folder / "images" / "frame9.png"
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"frame9\.png"):
        import_scene(open_source(folder, **SAID), tmp_path / "scene")
    assert not (tmp_path / "scene").exists()


@pytest.mark.parametrize(
    ("pose", "message"),
    [
        (np.eye(3), r"`the pose of v in .*` must be 4x4 finite numbers, got shape \(3, 3\)"),
        (np.full((4, 4), -np.inf), r"must be 4x4 finite numbers, got shape \(4, 4\) with 16 not finite"),
        (np.diag([1.01, 1.01, 1.01, 1]), r"must be rigid to 0\.001, got a rotation that is off by 0\.02"),
        (np.diag([1.0, 1, -1, 1]), r"with determinant -1"),
    ],
)
def test_poses_that_are_none_are_refused(tmp_path, pose, message):
    view = SourceView("v", lambda: None, camera_to_world=pose)
    with pytest.raises(ValueError, match=message):
        Source("test", tmp_path, (view,), world_up="+z")


def test_poses_need_an_up_and_a_source_a_view(tmp_path):
    with pytest.raises(ValueError, match=r"`world_up` must be given with poses, got None"):
        Source("test", tmp_path, (SourceView("v", lambda: None, camera_to_world=np.eye(4)),))
    with pytest.raises(
        ValueError, match=r"at least one view of kind 'test', got none and 2 that it marks as unusable"
    ):
        Source("test", tmp_path, (), left_out={"a": "lost", "b": "lost"})
