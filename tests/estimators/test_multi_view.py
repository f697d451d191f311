# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Joint estimates: a known room comes back at its place, in its unit, with what is doubtful left out."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import box_room, orbiting_cameras, pinhole

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.estimators.depth_anything_3 import DepthAnything3
from transformers_sr3d.estimators.licences import Licence
from transformers_sr3d.estimators.moge import MoGe
from transformers_sr3d.estimators.multi_view import estimate_multi_view_geometry
from transformers_sr3d.estimators.multi_view_types import MultiViewEstimate
from transformers_sr3d.inputs.source import Source, SourceView


IMAGE_HW, DEPTH_HW = (60, 80), (42, 56)
POSES = orbiting_cameras(3)
ROOM = [box_room(pose, intrinsics=pinhole(44.0, DEPTH_HW), size_hw=DEPTH_HW) for pose in POSES]
ATOL_M = 1e-3


def known_estimate(*, is_metric=True, confidence=True):
    confident = np.ones((3, *DEPTH_HW), dtype=np.float32)
    confident[:, :10] = 0.2
    return MultiViewEstimate(
        depths=np.stack([view["depth"].numpy() for view in ROOM]),
        intrinsics=np.stack([view["intrinsics"].numpy() for view in ROOM]),
        camera_to_world=np.stack([pose.double().numpy() for pose in POSES]),
        confidence=confident if confidence else None,
        is_metric=is_metric,
    )


class KnownRoom:
    name, identity, licence = "room", "room@1", Licence("room", "mit", "a test")

    def __init__(self, estimate=None):
        self.known, self.asked = estimate or known_estimate(), 0

    def estimate(self, images):
        self.asked += 1
        assert all(image.mode == "RGB" for image in images)
        return self.known


def pictures(*sizes, **settings):
    views = tuple(
        SourceView(f"{number}.png", lambda size=size: Image.new("RGB", (size[1], size[0])), **settings)
        for number, size in enumerate(sizes)
    )
    return Source("images", Path("photos"), views)


THREE = pictures(*[IMAGE_HW] * 3)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check_points(views, *, scale=1.0):
    for view, points, valid in zip(ROOM, views["points"], views["valid"], strict=True):
        measured = valid.numpy()
        assert measured.any()
        assert np.abs(points.numpy() - scale * view["points_world"].numpy())[measured].max() < ATOL_M


def test_metric_estimate_gives_points_in_its_world():
    source = estimate_multi_view_geometry(THREE, KnownRoom())
    views = prepare_views(**source.arguments())
    assert (views["metric"], views["gravity"], source.world_up) == (True, "unknown", "unknown")
    check_points(views)
    # The image is larger than the depth map: the same field of view.
    assert source.views[0].intrinsics[0, 0] == pytest.approx(44.0 * 80 / 56)
    assert any("room, in metres" in sentence for sentence in source.conventions)


def test_estimate_without_metres_says_so():
    source = estimate_multi_view_geometry(THREE, KnownRoom(known_estimate(is_metric=False)))
    assert source.world_unit == "unknown"
    views = prepare_views(**source.arguments())
    assert views["geometry"] == "relative"
    check_points(views)


def test_depth_of_low_confidence_is_not_measured():
    source = estimate_multi_view_geometry(THREE, KnownRoom(), min_confidence=0.5)
    depth = source.views[1].load_depth()
    assert (depth[:10] == 0).all()
    assert (depth[10:] > 0).all()


def test_confidence_that_nobody_gives_is_refused():
    with pytest.raises(ValueError, match=r"`min_confidence` has no effect on room, .* got 0.5"):
        estimate_multi_view_geometry(THREE, KnownRoom(known_estimate(confidence=False)), min_confidence=0.5)


def test_confidence_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match=r"must leave depth .* got 2.0 .*confidence goes up to 1"):
        estimate_multi_view_geometry(THREE, KnownRoom(), min_confidence=2.0)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"load_depth": lambda: np.ones(IMAGE_HW)}, "depth"),
        ({"intrinsics": np.eye(3)}, "intrinsics"),
    ],
)
def test_a_source_with_geometry_of_its_own_is_refused(settings, what):
    with pytest.raises(ValueError, match=rf"must have no depth, poses and intrinsics .* got {what} of 0.png"):
        estimate_multi_view_geometry(pictures(*[IMAGE_HW] * 3, **settings), KnownRoom())


def test_pictures_of_several_sizes_are_refused():
    with pytest.raises(ValueError, match=r"pictures of one size .* got 2 sizes such as \(50, 40\)"):
        estimate_multi_view_geometry(pictures(IMAGE_HW, (40, 50), IMAGE_HW), KnownRoom())


@pytest.mark.parametrize("name", ["depths", "intrinsics", "camera_to_world", "confidence"])
def test_an_estimate_of_other_views_is_refused(name):
    estimate = known_estimate()
    wrong = replace(estimate, **{name: getattr(estimate, name)[:2]})
    expected = "depths" if name == "depths" else name
    with pytest.raises(ValueError, match=f"`{expected}` of room must have shape"):
        estimate_multi_view_geometry(THREE, KnownRoom(wrong))


def test_a_joint_estimate_is_made_once(tmp_path):
    estimator = KnownRoom()
    first, again = (estimate_multi_view_geometry(THREE, estimator) for _ in range(2))
    assert estimator.asked == 1
    for view, other in zip(first.views, again.views, strict=True):
        np.testing.assert_array_equal(view.load_depth(), other.load_depth())
        np.testing.assert_array_equal(view.camera_to_world, other.camera_to_world)
    assert (first.conventions, again.world_unit, again.depth_is_estimated) == (again.conventions, "m", True)
    # What is kept is the estimate: the confidence may be chosen again.
    doubtful = estimate_multi_view_geometry(THREE, estimator, min_confidence=0.5)
    assert (doubtful.views[0].load_depth()[:10] == 0).all()
    assert estimator.asked == 1
    assert [path.name for path in tmp_path.iterdir()] == [".photos.sr3d_depth"]


def test_other_pictures_order_or_weights_are_estimated_anew(tmp_path):
    estimator = KnownRoom()
    colours = [Image.new("RGB", IMAGE_HW[::-1], (number, 0, 0)) for number in range(4)]
    for order in ((0, 1, 2), (0, 2, 1), (0, 1, 3)):
        views = tuple(SourceView(str(number), lambda number=number: colours[number]) for number in order)
        estimate_multi_view_geometry(Source("images", Path("photos"), views), estimator)
    estimator.identity = "room@2"
    estimate_multi_view_geometry(Source("images", Path("photos"), views), estimator)
    assert estimator.asked == 4


def test_a_killed_write_leaves_nothing_that_is_read(tmp_path, monkeypatch):
    estimator, written = KnownRoom(), []

    def die(file, **arrays):
        file.write(b"half")
        file.flush()
        written.extend(path.name for path in tmp_path.rglob("*.npz*"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", die)
        with pytest.raises(KeyboardInterrupt):
            estimate_multi_view_geometry(THREE, estimator)
    assert [(name[0], name[-8:]) for name in written] == [(".", ".partial")]
    assert list((tmp_path / ".photos.sr3d_depth").iterdir()) == []
    estimate_multi_view_geometry(THREE, estimator)
    assert estimator.asked == 2


def test_a_damaged_joint_estimate_is_named(tmp_path):
    estimate_multi_view_geometry(THREE, KnownRoom(), cache_folder=tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    whole = file.read_bytes()
    for damaged in (whole[:200], whole[:-300], b""):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"\.npz` must be a saved estimate, got .*Delete it"):
            estimate_multi_view_geometry(THREE, KnownRoom(), cache_folder=tmp_path / "kept")


# --- adapters, by stand-ins of the packages' own interfaces ---


class FakeDA3:
    """`depth_anything_3.api.DepthAnything3` as far as the adapter knows it: 3x4 world-to-camera matrices."""

    prediction = None

    @classmethod
    def from_pretrained(cls, name):
        return cls()

    def to(self, device):
        return self

    def eval(self):
        return self

    def inference(self, images, *, process_res):
        assert process_res == 504
        return self.prediction


def prediction_of(**changes):
    known = known_estimate()
    rotation = np.linalg.inv(known.camera_to_world)[:, :3]
    sky = np.zeros_like(known.depths, dtype=bool)
    sky[:, :5] = True
    fields = {"depth": known.depths, "conf": known.confidence, "sky": sky, "extrinsics": rotation}
    fields |= {"intrinsics": known.intrinsics, "is_metric": 1}
    return SimpleNamespace(**(fields | changes))


@pytest.fixture
def depth_anything_3(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    api = ModuleType("depth_anything_3.api")
    api.DepthAnything3 = FakeDA3
    monkeypatch.setitem(sys.modules, "depth_anything_3", ModuleType("depth_anything_3"))
    monkeypatch.setitem(sys.modules, "depth_anything_3.api", api)
    return str(tmp_path)


def test_world_to_camera_of_depth_anything_3_is_inverted(depth_anything_3, monkeypatch):
    monkeypatch.setattr(FakeDA3, "prediction", prediction_of())
    source = estimate_multi_view_geometry(THREE, DepthAnything3(depth_anything_3))
    check_points(prepare_views(**source.arguments()))
    depth = source.views[0].load_depth()
    assert (depth[:5] == 0).all()  # sky
    assert (depth[5:] > 0).all()


def test_any_view_model_of_depth_anything_3_has_no_metres(depth_anything_3, monkeypatch):
    monkeypatch.setattr(FakeDA3, "prediction", prediction_of(is_metric=0, sky=None))
    assert estimate_multi_view_geometry(THREE, DepthAnything3(depth_anything_3)).world_unit == "unknown"


def test_monocular_model_of_depth_anything_3_is_refused(depth_anything_3, monkeypatch):
    monkeypatch.setattr(FakeDA3, "prediction", prediction_of(extrinsics=None))
    with pytest.raises(ValueError, match="must be an any-view or nested model, got"):
        estimate_multi_view_geometry(THREE, DepthAnything3(depth_anything_3))


def test_missing_depth_anything_3_is_named(depth_anything_3, monkeypatch):
    monkeypatch.setitem(sys.modules, "depth_anything_3.api", None)
    with pytest.raises(ImportError, match=r"`depth-anything-3` and what it needs .*docs/estimators\.md"):
        DepthAnything3(depth_anything_3).estimate([Image.new("RGB", (8, 8))])


class FakeMoGe(torch.nn.Module):
    """`moge.model.v2.MoGeModel` as far as the adapter knows it: intrinsics of an image of side 1, infinite sky."""

    asked: list = []

    def __init__(self, *, is_metric=True):
        super().__init__()
        if is_metric:
            self.scale_head = torch.nn.Identity()

    @classmethod
    def from_pretrained(cls, name):
        return cls(is_metric="metric" in name)

    def infer(self, pixels, *, fov_x, use_fp16):
        self.asked.append((pixels.shape, float(pixels.max()), fov_x))
        depth = torch.full(pixels.shape[1:], 3.0)
        depth[:2] = torch.inf
        return {"depth": depth, "intrinsics": torch.tensor([[0.75, 0, 0.5], [0, 1.0, 0.5], [0, 0, 1]])}


@pytest.mark.parametrize(("name", "kind"), [("metric.pt", "metric"), ("plain.pt", "relative")])
def test_moge_gives_depth_and_focal_length_in_pixels(tmp_path, monkeypatch, name, kind):
    for module in ("moge", "moge.model", "moge.model.v2"):
        monkeypatch.setitem(sys.modules, module, ModuleType(module))
    sys.modules["moge.model.v2"].MoGeModel = FakeMoGe
    monkeypatch.setattr(FakeMoGe, "asked", [])
    (tmp_path / name).write_bytes(b"weights")
    estimator = MoGe(str(tmp_path / name), device="cpu")
    estimate = estimator.estimate(Image.new("RGB", (80, 60), (255, 0, 0)), 40.0)
    assert (estimator.kind, estimate.kind) == (kind, kind)
    assert estimate.focal_px == pytest.approx(0.75 * 80)
    assert (estimate.depth[:2] == 0).all()
    assert (estimate.depth[2:] == 3).all()
    ((shape, largest, fov_deg),) = FakeMoGe.asked
    assert (tuple(shape), largest) == ((3, 60, 80), 1.0)
    assert fov_deg == pytest.approx(90.0)


def test_unknown_version_of_moge_is_refused():
    with pytest.raises(ValueError, match=r"`version` must be one of \('v1', 'v2'\), got 'v3'"):
        MoGe("x", version="v3")


def test_missing_moge_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "moge.model.v2", None)
    (tmp_path / "model.pt").write_bytes(b"weights")
    with pytest.raises(ImportError, match=r"`dlr-moge` and what it needs .*docs/estimators\.md"):
        MoGe(str(tmp_path / "model.pt"))
