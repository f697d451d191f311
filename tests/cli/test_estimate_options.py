# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d scene import --depth-model`: photos become a scene with depth that says it was estimated."""

import json

import numpy as np
import pytest
from depth_models import picture, save_depth_anything, save_dpt
from PIL import Image
from PIL.ExifTags import IFD, Base

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.cli.main import main
from transformers_sr3d.inputs.scene import load_scene


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    (root / "metric").mkdir()
    folder = save_depth_anything(root / "metric", "metric")
    (root / "metric" / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    return {"metric": folder, "dpt": save_dpt(root / "dpt")}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    picture().save(folder / "one.png")
    return folder


def import_photos(photos, out, *arguments):
    return main(["scene", "import", str(photos), "--out", str(out), *arguments])


def test_one_photo_becomes_a_metric_scene_that_says_so(photos, models, tmp_path, capsys):
    out = tmp_path / "scene"
    flags = ("--depth-model", models["metric"], "--horizontal-fov-deg=60")
    assert import_photos(photos, out, *flags) == 0
    views = prepare_views(**load_scene(out))
    assert views["metric"]
    assert views["intrinsics"][0][0, 0] == pytest.approx(25 / np.tan(np.radians(30)), rel=1e-4)
    assert 1 < float(views["depths"][0].max()) < 22  # up to 20, and what bicubic weights add at edges
    record = json.loads((out / "estimate.json").read_text(encoding="utf-8"))
    assert record["depth_model"] == models["metric"]
    assert any("licence" in sentence and "mit" in sentence for sentence in record["conventions"])


def test_a_measured_scene_in_its_place_says_nothing_of_estimates(photos, models, tmp_path):
    out = tmp_path / "scene"
    import_photos(photos, out, "--depth-model", models["metric"], "--horizontal-fov-deg=60")
    assert import_photos(photos, out, "--overwrite") == 0
    assert not (out / "estimate.json").exists()
    assert prepare_views(**load_scene(out))["geometry"] == "none"


def test_declared_disparity_becomes_a_relative_scene(photos, models, tmp_path):
    out = tmp_path / "scene"
    flags = ("--depth-model", models["dpt"], "--depth-kind=disparity", "--horizontal-fov-deg=60")
    assert import_photos(photos, out, *flags) == 0
    assert prepare_views(**load_scene(out))["geometry"] == "relative"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--depth-kind=metric",), "`--depth-kind` has no effect without --depth-model"),
        (("--depth-model=METRIC",), "`horizontal_fov_deg` must be given for one.png"),
        (("--depth-model=DPT", "--horizontal-fov-deg=60"), "`depth_kind` must be one of"),
        (("--depth-model=./nothing",), "`model` must be a folder or a repository"),
    ],
)
def test_what_is_missing_is_one_line(photos, models, tmp_path, capsys, flags, message):
    named = [flag.replace("METRIC", models["metric"]).replace("DPT", models["dpt"]) for flag in flags]
    assert import_photos(photos, tmp_path / "scene", *named) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "scene").exists()


def test_photos_with_a_tag_need_no_stated_field_of_view(models, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif)[Base.FocalLengthIn35mmFilm] = 28
    picture().save(folder / "one.jpg", exif=exif)
    assert import_photos(folder, tmp_path / "scene", "--depth-model", models["metric"]) == 0
    views = prepare_views(**load_scene(tmp_path / "scene"))
    assert views["intrinsics"][0][0, 0] == pytest.approx(28 * np.hypot(50, 38) / 43.2666, rel=1e-3)
