# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a textured corner through the real COLMAP: its cameras come back, and a depth model joins its unit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base
from textured_corner import FOCAL_PX, INTRINSICS, SIZE_HW, poses_of, render

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.cli.main import main
from transformers_sr3d.estimators import geometry, reconstruction
from transformers_sr3d.estimators.depth import DepthEstimate
from transformers_sr3d.estimators.licences import Licence
from transformers_sr3d.estimators.reconstruction import complete_depth, reconstruct_source
from transformers_sr3d.inputs.image_folder import read_image_folder
from transformers_sr3d.inputs.scene_folder import read_scene_folder


pytest.importorskip("pycolmap")

TINY = Path(__file__).resolve().parents[2] / "checkpoints" / "sr3d-tiny"
NUM_PLACED, STRANGER = 6, "view 2b.png"
FOV_DEG = float(np.degrees(2 * np.arctan(SIZE_HW[1] / 2 / FOCAL_PX)))
POSES = poses_of(NUM_PLACED)
RENDERED = [render(pose) for pose in POSES]
PLACE_SHARE, TURN_DEG, DEPTH_SHARE = 0.01, 0.08, 0.01


def write_photos(folder, *, suffix=".png", **save):
    folder.mkdir(parents=True)
    for number, (image, _) in enumerate(RENDERED):
        image.save(folder / f"view {number}{suffix}", **save)
    noise = np.random.default_rng(5).integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8)
    Image.fromarray(noise).save((folder / STRANGER).with_suffix(suffix), **save)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("corner") / "photos")


@pytest.fixture(scope="module")
def placed(photos):
    return reconstruct_source(read_image_folder(photos, horizontal_fov_deg=FOV_DEG))


def units_per_known_unit(source):
    """By the distances of the cameras from their middle."""
    places = np.array([view.camera_to_world[:3, 3] for view in source.views])
    known = np.array([pose[:3, 3] for pose in POSES])
    spread, wanted = (np.linalg.norm(one - one.mean(axis=0)) for one in (places, known))
    return spread / wanted


def test_cameras_come_back_up_to_a_similarity(placed):
    estimated = np.array([view.camera_to_world for view in placed.views])
    known = np.array(POSES)
    left, _, right = np.linalg.svd(np.einsum("nij,nkj->ik", known[:, :3, :3], estimated[:, :3, :3]))
    rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    turns = np.einsum("nji,jk,nkl->nil", known[:, :3, :3], rotation, estimated[:, :3, :3])
    cosines = np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1)
    assert np.degrees(np.arccos(cosines)).max() < TURN_DEG
    places = estimated[:, :3, 3] @ rotation.T / units_per_known_unit(placed)
    off = (places - places.mean(axis=0)) - (known[:, :3, 3] - known[:, :3, 3].mean(axis=0))
    assert np.linalg.norm(off, axis=1).max() < PLACE_SHARE * np.ptp(known[:, 0, 3])
    for view, (_, depth) in zip(placed.views, RENDERED, strict=True):
        sparse = view.load_depth() / units_per_known_unit(placed)
        assert np.count_nonzero(sparse) > 300
        assert abs(np.median(sparse[sparse > 0] / depth[sparse > 0]) - 1) < DEPTH_SHARE
        np.testing.assert_allclose(view.intrinsics, INTRINSICS, atol=1e-3)


def test_what_is_estimated_and_what_was_left_out_is_said(placed):
    assert [view.name for view in placed.views] == [f"view {number}.png" for number in range(NUM_PLACED)]
    assert (placed.world_up, placed.world_unit, placed.depth_is_estimated) == ("unknown", "unknown", True)
    assert placed.left_out == {STRANGER: "not registered: too few matches with the other pictures"}
    said = " ".join(placed.conventions)
    assert "6 of 7 views could be placed." in said
    assert f"Left out because they could not be placed: {STRANGER}." in said
    assert "in a unit that nobody knows; up is unknown" in said
    assert "given with the source, and kept" in said
    assert prepare_views(**placed.arguments())["geometry"] == "relative"


def test_a_reconstruction_is_kept_beside_the_source(photos, placed, monkeypatch):
    monkeypatch.setattr(reconstruction, "reconstruct", None)  # not called again
    again = reconstruct_source(read_image_folder(photos, horizontal_fov_deg=FOV_DEG), world_up="-y", world_unit="m")
    assert (again.world_up, again.world_unit) == ("-y", "m")
    assert "in metres, as the caller said; up is -y, as the caller said" in " ".join(again.conventions)
    for view, other in zip(placed.views, again.views, strict=True):
        np.testing.assert_array_equal(view.camera_to_world, other.camera_to_world)
    kept = [path.name[:7] for path in (photos.parent / ".photos.sr3d_depth").iterdir()]
    assert kept == ["colmap-"]
    with pytest.raises(TypeError):  # another camera is another reconstruction
        reconstruct_source(read_image_folder(photos, horizontal_fov_deg=FOV_DEG + 1))


def test_a_killed_reconstruction_leaves_nothing_that_is_read(tmp_path, monkeypatch):
    def die(pictures, names, camera, scratch, check):
        (pictures.parent / "undistorted").mkdir()
        raise KeyboardInterrupt

    source = read_image_folder(write_photos(tmp_path / "photos"))
    monkeypatch.setattr(reconstruction, "reconstruct", die)
    with pytest.raises(KeyboardInterrupt):
        reconstruct_source(source, cache_folder=tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


class KnownDepth:
    """Knows the corner in a unit of its own, with noise and outliers; random depth of the views in `bad`."""

    name, identity, licence, finds_focal = "corner", "corner@1", Licence("corner", "mit", "a test"), False

    def __init__(self, kind, *, bad=()):
        self.kind, self.bad = kind, bad

    def estimate(self, image, focal_px):
        assert focal_px == pytest.approx(FOCAL_PX, rel=1e-5)
        differences = [np.abs(np.asarray(image, float) - np.asarray(known, float)).mean() for known, _ in RENDERED]
        number = int(np.argmin(differences))
        rng = np.random.default_rng(number)
        depth = RENDERED[number][1] * (1 + 0.01 * rng.standard_normal(SIZE_HW))
        depth = np.where(rng.uniform(size=SIZE_HW) < 0.15, depth * rng.uniform(0.3, 3, SIZE_HW), depth)
        if number in self.bad:
            depth = np.exp(rng.normal(0, 2, SIZE_HW))
        shown = {"metric": 2 * depth, "relative": depth / 3, "disparity": 4 / depth + 0.5}[self.kind]
        return DepthEstimate(shown.astype(np.float32), self.kind)


@pytest.mark.parametrize("kind", ["metric", "relative", "disparity"])
def test_depth_of_a_model_joins_the_unit_of_the_points(placed, tmp_path, kind):
    dense = complete_depth(placed, KnownDepth(kind), cache_folder=tmp_path)
    for view, (_, depth) in zip(dense.views, RENDERED, strict=True):
        found = view.load_depth() / units_per_known_unit(placed)
        assert np.count_nonzero(found) > 0.9 * found.size
        ratio = found[found > 0] / depth[found > 0]
        # Noise of 1 % in disparity turns a little of its scale into shift.
        assert abs(np.median(ratio) - 1) < (0.03 if kind == "disparity" else DEPTH_SHARE)
        assert np.percentile(np.abs(ratio - 1), 75) < 0.04
    said = " ".join(dense.conventions)
    assert "Depth of 6 of 6 views is that of single images by corner" in said
    assert ("one unit of the world is" in said) == (kind == "metric")
    if kind == "metric":  # which is twice too large
        metres = float(said.split("one unit of the world is ")[1].split(" m")[0])
        assert metres == pytest.approx(2 / units_per_known_unit(placed), rel=0.02)
    assert (dense.world_unit, dense.depth_is_estimated) == ("unknown", True)


def test_views_whose_map_does_not_fit_keep_their_points(placed, tmp_path):
    dense = complete_depth(placed, KnownDepth("relative", bad=(2,)), cache_folder=tmp_path)
    counts = [np.count_nonzero(view.load_depth()) for view in dense.views]
    assert [count < 2000 for count in counts] == [False, False, True, False, False, False]
    np.testing.assert_array_equal(dense.views[2].load_depth(), placed.views[2].load_depth())
    said = " ".join(dense.conventions)
    assert "Depth of 5 of 6 views" in said
    assert "do not fit" not in said
    assert "Views whose map does not fit keep their points: view 2.png." in said


def test_a_model_that_fits_nowhere_is_refused(placed, tmp_path):
    with pytest.raises(ValueError, match=r"got none of 6 by corner\. Of view 0\.png: `depth` must fit `sparse_depth`"):
        complete_depth(placed, KnownDepth("relative", bad=range(6)), cache_folder=tmp_path)


def test_what_lies_far_beyond_all_points_is_not_measured(placed, tmp_path):
    class Window(KnownDepth):
        def estimate(self, image, focal_px):
            found = super().estimate(image, focal_px)
            found.depth[:5] = 1000.0
            return found

    dense = complete_depth(placed, Window("relative"), cache_folder=tmp_path)
    assert not dense.views[0].load_depth()[:5].any()


def test_dense_depth_is_not_taken_for_points(placed, tmp_path):
    other = replace(placed, views=tuple(replace(view, load_depth=lambda: np.ones((4, 4))) for view in placed.views))
    with pytest.raises(ValueError, match=r"must give points at the pixels of its picture, \(180, 240\), got \(4, 4\)"):
        complete_depth(other, KnownDepth("relative"), cache_folder=tmp_path)


def tagged(film_mm):
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif)[Base.FocalLengthIn35mmFilm] = film_mm
    return {"exif": exif, "quality": 98}


def test_a_tag_is_a_first_guess_that_is_refined(tmp_path):
    # 220 pixels of a diagonal of 300 are 31.7 mm of film; the tag says 35, 10 % too much.
    source = reconstruct_source(read_image_folder(write_photos(tmp_path / "photos", suffix=".jpg", **tagged(35))))
    assert source.views[0].intrinsics[0, 0] == pytest.approx(FOCAL_PX, rel=0.03)
    assert any("EXIF FocalLengthIn35mmFilm of 35 mm as a first guess" in said for said in source.conventions)


def test_pictures_of_two_zooms_are_refused(tmp_path):
    folder = write_photos(tmp_path / "photos", suffix=".jpg", **tagged(26))
    RENDERED[1][0].save(folder / "view 1.jpg", **tagged(52))
    with pytest.raises(ValueError, match=r"by one camera at one zoom, got 7 focal lengths from 180.3 to 360.6 pixels"):
        reconstruct_source(read_image_folder(folder))


def test_sources_that_are_not_for_it_are_refused(placed, photos, tmp_path):
    source = read_image_folder(photos)
    with pytest.raises(ValueError, match=r"neither depth nor poses for structure from motion, got depth of view 0"):
        reconstruct_source(placed)
    with pytest.raises(ValueError, match=r"from 3 to 200 views .* got 2 of .*photos"):
        reconstruct_source(source.select([0, 1]))
    odd = replace(source.views[1], load_image=lambda: Image.new("RGB", (24, 18)))
    with pytest.raises(ValueError, match=r"pictures of one size .* got 2 sizes such as \(24, 18\) and \(240, 180\)"):
        reconstruct_source(replace(source, views=(*source.views, odd)))
    blank = [replace(view, load_image=lambda: Image.new("RGB", (64, 48))) for view in source.views[:3]]
    with pytest.raises(
        ValueError, match=r"got 0 of 3; COLMAP could not place view 0\.png, view 1\.png, view 2\.png\."
    ):
        reconstruct_source(replace(source, views=tuple(blank)), cache_folder=tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def run_import(photos, out, *flags):
    return main(["scene", "import", str(photos), "--out", str(out), "--structure-from-motion", *flags])


def test_photos_become_a_scene_that_says_what_it_is(photos, tmp_path, capsys):
    out = tmp_path / "scene"
    assert run_import(photos, out, f"--horizontal-fov-deg={FOV_DEG}", "--world-up=-y") == 0
    printed = capsys.readouterr().out
    assert "6 of 7 views" in printed
    assert "left out  1 (view 2b.png): not registered" in printed
    source = read_scene_folder(out)
    assert (source.world_up, source.world_unit, source.depth_is_estimated) == ("-y", "unknown", True)
    assert any("6 of 7 views could be placed" in sentence for sentence in source.conventions)
    record = json.loads((out / "estimate.json").read_text(encoding="utf-8"))
    assert (record["structure_from_motion"], record["depth_model"]) == (True, None)
    assert main(["doctor", str(out)]) in (0, 1)
    assert main(["scene", "info", str(out)]) == 0
    capsys.readouterr()
    question = ("How wide is <region0>?", "--region=box=100,60,160,120@0", "--model", str(TINY))
    assert main(["ask", str(out), *question]) == 0
    assert "Depth was estimated from the pictures and not measured" in capsys.readouterr().err


def test_a_depth_model_makes_the_scene_dense(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(geometry, "TransformersDepth", lambda *_, **__: KnownDepth("disparity"))
    out = tmp_path / "scene"
    flags = (f"--horizontal-fov-deg={FOV_DEG}", "--depth-model=corner", "--depth-kind=disparity")
    assert run_import(photos, out, *flags) == 0
    for view in read_scene_folder(out).views:
        assert np.count_nonzero(view.load_depth()) > 0.9 * SIZE_HW[0] * SIZE_HW[1]
    assert any("corner" in said for said in json.loads((out / "estimate.json").read_text())["conventions"])
    capsys.readouterr()
    assert main(["doctor", str(out)]) == 0
    assert "nothing wrong was found" in capsys.readouterr().out


def test_the_refusal_of_one_view_is_one_line(photos, tmp_path, capsys):
    assert run_import(photos, tmp_path / "scene", "--views=1") == 2
    assert "from 3 to 200 views" in capsys.readouterr().err
    assert not (tmp_path / "scene").exists()
