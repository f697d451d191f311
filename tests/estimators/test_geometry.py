# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A source without depth gets it: at the right place in metres, lazily, once, and never beside what contradicts it."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base
from scenes import flat_wall, orbiting_cameras

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.estimators.depth import DepthEstimate
from transformers_sr3d.estimators.geometry import FARTHEST_M, estimate_geometry
from transformers_sr3d.estimators.licences import Licence
from transformers_sr3d.inputs.open_source import import_scene
from transformers_sr3d.inputs.scene import load_scene
from transformers_sr3d.inputs.scene_folder import read_scene_folder
from transformers_sr3d.inputs.source import Source, SourceView


WALL = flat_wall(2.0, tilt=0.3)
SIZE_HW = (48, 64)
# `flat_wall` is seen by a focal length of 50 pixels across 64.
FOV_DEG = float(np.degrees(2 * np.arctan(32 / 50)))


class WallEstimator:
    """Knows the tilted wall, and counts how often it is asked."""

    name, identity, licence = "wall", "wall@1", Licence("wall", "mit", "a test")

    def __init__(self, kind="metric", *, finds_focal=False):
        self.kind, self.finds_focal = kind, finds_focal
        self.asked = []

    def estimate(self, image, focal_px):
        self.asked.append(focal_px)
        depth = WALL["depth"].numpy()
        shown = {"metric": depth, "relative": depth / 3, "disparity": 1 / depth}[self.kind]
        return DepthEstimate(shown.astype(np.float32), self.kind, 50.0 if self.finds_focal else None)


def image_of(number=0):
    return Image.fromarray(np.full((*SIZE_HW, 3), number, dtype=np.uint8))


def source_of(folder: Path, num_views=1, **view_settings):
    views = tuple(
        SourceView(name=f"{number}.png", load_image=lambda number=number: image_of(number), **view_settings)
        for number in range(num_views)
    )
    return Source("images", folder / "photos", views)


def posed(source, world_unit="m"):
    poses = [pose.numpy().astype(np.float64) for pose in orbiting_cameras(len(source.views))]
    views = tuple(replace(view, camera_to_world=pose) for view, pose in zip(source.views, poses, strict=True))
    return replace(source, views=views, world_up="+z", world_unit=world_unit)


def test_metric_estimate_puts_every_point_on_the_wall(tmp_path):
    source = estimate_geometry(source_of(tmp_path), WallEstimator(), horizontal_fov_deg=FOV_DEG)
    views = prepare_views(**source.arguments())
    assert views["metric"]
    camera = WALL["points_world"]  # its camera is its world; the z-up world of one view is (x, z, -y)
    expected = np.stack((camera[..., 0], camera[..., 2], -camera[..., 1]), axis=-1)
    np.testing.assert_allclose(views["points"][0].numpy(), expected, atol=1e-4)
    assert any("wall: metres" in sentence for sentence in source.conventions)
    assert any("stated horizontal field of view" in sentence for sentence in source.conventions)
    assert any("mit" in sentence for sentence in source.conventions)


def test_disparity_becomes_relative_depth_of_the_right_order(tmp_path):
    source = estimate_geometry(source_of(tmp_path), WallEstimator("disparity"), horizontal_fov_deg=FOV_DEG)
    views = prepare_views(**source.arguments())
    assert views["geometry"] == "relative"
    depth, known = views["depths"][0].numpy(), WALL["depth"].numpy()
    near_first = known.flatten().argsort(kind="stable")
    assert (np.diff(depth.flatten()[near_first]) >= -1e-5).all()
    assert depth[known == known.max()].min() > depth[known == known.min()].max()


def test_relative_depth_is_kept_as_it_is(tmp_path):
    source = estimate_geometry(source_of(tmp_path), WallEstimator("relative"), horizontal_fov_deg=FOV_DEG)
    assert prepare_views(**source.arguments())["geometry"] == "relative"
    np.testing.assert_allclose(source.views[0].load_depth(), WALL["depth"].numpy() / 3, rtol=1e-6)


@pytest.mark.parametrize("kind", ["metric", "disparity"])
def test_estimated_scene_survives_the_disk(tmp_path, kind):
    source = estimate_geometry(source_of(tmp_path), WallEstimator(kind), horizontal_fov_deg=FOV_DEG)
    import_scene(source, tmp_path / "scene")
    assert read_scene_folder(tmp_path / "scene").depth_is_estimated
    again, views = prepare_views(**load_scene(tmp_path / "scene")), prepare_views(**source.arguments())
    assert again["geometry"] == views["geometry"]
    np.testing.assert_allclose(again["depths"][0], views["depths"][0], atol=6e-4)


def test_depth_is_estimated_when_asked_and_only_once(tmp_path):
    estimator = WallEstimator()
    source = estimate_geometry(source_of(tmp_path, 1), estimator, horizontal_fov_deg=FOV_DEG)
    assert estimator.asked == []
    first = source.views[0].load_depth()
    assert estimator.asked == [pytest.approx(50.0)]
    np.testing.assert_array_equal(source.views[0].load_depth(), first)
    other = estimate_geometry(source_of(tmp_path, 1), WallEstimator(), horizontal_fov_deg=FOV_DEG)
    np.testing.assert_array_equal(other.views[0].load_depth(), first)
    assert len(estimator.asked) == 1
    assert [path.name for path in tmp_path.iterdir()] == [".photos.sr3d_depth"]


def test_another_image_focal_length_or_model_is_estimated_anew(tmp_path):
    estimator = WallEstimator()
    for fov_deg in (60.0, 61.0):
        estimate_geometry(source_of(tmp_path), estimator, horizontal_fov_deg=fov_deg).views[0].load_depth()
    two = posed(source_of(tmp_path, 2))
    estimate_geometry(two, estimator, horizontal_fov_deg=60.0).views[1].load_depth()
    estimator.identity = "wall@2"
    estimate_geometry(source_of(tmp_path), estimator, horizontal_fov_deg=60.0).views[0].load_depth()
    assert len(estimator.asked) == 4


def test_depth_in_the_cache_is_never_taken_for_another_kind(tmp_path):
    metric, disparity = WallEstimator(), WallEstimator("disparity")
    for estimator in (metric, disparity):  # the same weights, declared differently
        source = estimate_geometry(source_of(tmp_path), estimator, horizontal_fov_deg=60.0)
        source.views[0].load_depth()
    assert (len(metric.asked), len(disparity.asked)) == (1, 1)
    first, second = sorted((tmp_path / ".photos.sr3d_depth").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    second.write_bytes(first.read_bytes())
    with pytest.raises(ValueError, match=r"\.npz` must hold disparity depth, got 'metric'.*wall@1.*delete it"):
        source.views[0].load_depth()


def test_an_estimate_of_another_kind_than_declared_is_refused(tmp_path):
    estimator = WallEstimator()
    source = estimate_geometry(source_of(tmp_path), estimator, horizontal_fov_deg=60.0)
    estimator.kind = "relative"
    with pytest.raises(ValueError, match=r"of wall@1 must be 'metric', as its estimator declares, got 'relative'"):
        source.views[0].load_depth()
    assert not (tmp_path / ".photos.sr3d_depth").exists()


def test_several_photos_without_poses_are_told_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"got 3 views with 0 poses .*`--views 1`.*`--structure-from-motion`"):
        estimate_geometry(source_of(tmp_path, 3), WallEstimator("disparity"), horizontal_fov_deg=60.0)


def test_damaged_cache_is_named(tmp_path):
    folder = tmp_path / "cache"
    source = estimate_geometry(source_of(tmp_path), WallEstimator(), horizontal_fov_deg=60.0, cache_folder=folder)
    source.views[0].load_depth()
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"\.npz` must be a saved estimate.*Delete it"):
        source.views[0].load_depth()


def test_cache_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "cache").write_text("in the way", encoding="utf-8")
    source = estimate_geometry(
        source_of(tmp_path), WallEstimator(), horizontal_fov_deg=60.0, cache_folder=tmp_path / "cache"
    )
    with pytest.raises(OSError, match=r"`cache_folder` .*cache must be a folder"):
        source.views[0].load_depth()


def test_intrinsics_of_the_source_stay(tmp_path):
    intrinsics = np.array([[70.0, 0, 30], [0, 71, 20], [0, 0, 1]])
    estimator = WallEstimator(finds_focal=True)
    source = estimate_geometry(source_of(tmp_path, intrinsics=intrinsics), estimator)
    np.testing.assert_array_equal(source.views[0].intrinsics, intrinsics)
    assert source.views[0].load_depth() is not None
    assert estimator.asked == [70.0]
    assert "Focal length of 1 of 1 views: given by the source." in source.conventions


def with_exif(image, film_mm):
    exif, file = Image.Exif(), io.BytesIO()
    exif.get_ifd(IFD.Exif)[Base.FocalLengthIn35mmFilm] = film_mm
    image.save(file, format="JPEG", exif=exif)
    return Image.open(file)


def test_exif_comes_before_the_estimator(tmp_path):
    source = source_of(tmp_path)
    photo = replace(source.views[0], load_image=lambda: with_exif(image_of(), 28))
    estimator = WallEstimator(finds_focal=True)
    estimated = estimate_geometry(replace(source, views=(photo,)), estimator)
    assert estimated.views[0].intrinsics[0, 0] == pytest.approx(28 * 80 / 43.2666, rel=1e-4)
    assert estimator.asked == []
    assert any("EXIF FocalLengthIn35mmFilm" in sentence for sentence in estimated.conventions)


def test_estimator_tells_the_focal_length_where_nothing_else_does(tmp_path):
    estimator = WallEstimator(finds_focal=True)
    source = estimate_geometry(source_of(tmp_path), estimator)
    assert source.views[0].intrinsics[0].tolist() == [50.0, 0.0, 31.5]
    source.views[0].load_depth()
    assert estimator.asked == [None]  # its own focal length is not fed back
    assert "Focal length of 1 of 1 views: estimated by wall." in source.conventions


def test_absurd_focal_length_of_an_estimator_is_refused(tmp_path):
    class Fisheye(WallEstimator):
        def estimate(self, image, focal_px):
            return DepthEstimate(WALL["depth"].numpy(), "metric", 1.0)

    with pytest.raises(ValueError, match=r"`focal_px` of wall must mean .* got 1 pixels for a width of 64, 176"):
        estimate_geometry(source_of(tmp_path), Fisheye(finds_focal=True))


def test_no_focal_length_at_all_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`horizontal_fov_deg` must be given for 0.png, got None: .*no EXIF tags"):
        estimate_geometry(source_of(tmp_path), WallEstimator())


def test_depth_beyond_the_farthest_is_not_measured(tmp_path):
    class Far(WallEstimator):
        def estimate(self, image, focal_px):
            depth = np.full(SIZE_HW, 10.0, dtype=np.float32)
            depth[0], depth[1], depth[2] = FARTHEST_M + 1, np.nan, -1
            return DepthEstimate(depth, "metric")

    depth = estimate_geometry(source_of(tmp_path), Far(), horizontal_fov_deg=60.0).views[0].load_depth()
    assert (depth[:3] == 0).all()
    assert (depth[3:] == 10).all()


def test_posed_views_take_metric_depth(tmp_path):
    source = estimate_geometry(posed(source_of(tmp_path, 3)), WallEstimator(), horizontal_fov_deg=60.0)
    assert prepare_views(**source.arguments())["metric"]


@pytest.mark.parametrize(("kind", "world_unit"), [("disparity", "m"), ("metric", "unknown"), ("relative", "unknown")])
def test_depth_of_another_scale_than_the_poses_is_refused(tmp_path, kind, world_unit):
    source = posed(source_of(tmp_path, 2), world_unit)
    with pytest.raises(ValueError, match="`model` must estimate metres for poses in metres, got"):
        estimate_geometry(source, WallEstimator(kind), horizontal_fov_deg=60.0)


def test_several_views_without_poses_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"one view, or a pose for each, .* got 2 views with 0 poses"):
        estimate_geometry(source_of(tmp_path, 2), WallEstimator(), horizontal_fov_deg=60.0)


def test_a_source_with_depth_is_refused(tmp_path):
    source = source_of(tmp_path, load_depth=lambda: np.ones(SIZE_HW))
    with pytest.raises(ValueError, match=r"must have no depth .* got depth of 0.png"):
        estimate_geometry(source, WallEstimator())


def test_stated_field_of_view_beside_intrinsics_is_refused(tmp_path):
    source = source_of(tmp_path, intrinsics=np.eye(3))
    with pytest.raises(ValueError, match=r"`horizontal_fov_deg` must be left out .* got 60 beside"):
        estimate_geometry(source, WallEstimator(), horizontal_fov_deg=60.0)


def test_options_of_a_checkpoint_beside_an_estimator_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`revision` has no effect beside an estimator, got 'main'"):
        estimate_geometry(source_of(tmp_path), WallEstimator(), revision="main")


@pytest.mark.parametrize(
    ("depth", "message"),
    [(np.ones((3, 4)), r"must have the size of its image \(48, 64\), got \(3, 4\)"), (np.zeros(SIZE_HW), "positive")],
)
def test_estimates_that_cannot_be_are_refused(tmp_path, depth, message):
    class Wrong(WallEstimator):
        def estimate(self, image, focal_px):
            return DepthEstimate(depth.astype(np.float32), "metric")

    source = estimate_geometry(source_of(tmp_path), Wrong(), horizontal_fov_deg=60.0)
    with pytest.raises(ValueError, match=message):
        source.views[0].load_depth()
