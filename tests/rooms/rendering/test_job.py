# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendering many scenes: resumed runs make what is missing, and nothing else gets into the folder."""

import json
import shutil
from dataclasses import replace

import datasets
import pytest
from cube_rooms import CubeFurniture

from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.rendering import job as render_job
from transformers_sr3d.rooms.rendering.job import RenderJob, run_job
from transformers_sr3d.rooms.rendering.scenes import SceneSettings


SETTINGS = SceneSettings(image_size=48, num_views=(2, 2), photo_share=0.5, num_objects=(4, 5))


@pytest.fixture(scope="module")
def furniture():
    return CubeFurniture()


@pytest.fixture
def job(tmp_path):
    return RenderJob(tmp_path / "rooms", 3, "train", 1, SETTINGS)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_scenes_index_and_attribution_are_written(job, furniture):
    report = run_job(job, furniture)
    lines = [json.loads(line) for line in (job.folder / "scenes.jsonl").read_text().splitlines()]
    assert [line["folder"] for line in lines] == ["scene-000000", "scene-000001", "scene-000002"]
    assert [line["seed"] for line in lines] == [1_000_000, 1_000_001, 1_000_002]
    assert report.num_frames == report.new_frames == sum(line["num_views"] for line in lines)
    assert all((job.folder / line["folder"] / "scene.json").is_file() for line in lines)
    assert "nobody" in (job.folder / "ATTRIBUTION.md").read_text()


def test_index_loads_with_datasets(job, furniture, tmp_path):
    run_job(job, furniture)
    rows = datasets.load_dataset(
        "json", data_files=str(job.folder / "scenes.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(rows) == 3
    assert set(rows.column_names) == {"folder", "split", "seed", "kind", "num_views", "objects"}
    assert all(isinstance(name, str) for name in rows[0]["objects"])


def test_second_run_does_nothing_and_more_scenes_are_added(job, furniture, monkeypatch):
    run_job(job, furniture)
    before = files(job.folder)
    made = []
    make_scene = render_job.make_scene
    monkeypatch.setattr(render_job, "make_scene", lambda *args: (made.append(args[3]), make_scene(*args))[1])
    assert run_job(job, furniture).new_frames == 0
    assert files(job.folder) == before
    run_job(replace(job, num_scenes=4), furniture)
    assert made == [3]


@pytest.mark.parametrize(
    "damage",
    [
        "no scene.json",
        "no picture",
        "half of room.json",
        "half a picture",
        "an empty picture",
        "no instances",
        "another",
    ],
)
def test_incomplete_scene_is_rendered_again(job, furniture, damage):
    run_job(job, furniture)
    before = files(job.folder)
    scene = job.folder / "scene-000001"
    if damage == "half of room.json":
        (scene / "room.json").write_text((scene / "room.json").read_text()[:100])
    elif damage == "half a picture":
        (scene / "depth_000.png").write_bytes((scene / "depth_000.png").read_bytes()[:100])
    elif damage == "an empty picture":
        (scene / "image_000.png").write_bytes(b"")
    elif damage == "no instances":
        (scene / "instances_000.png").unlink()
    elif damage == "another":
        shutil.rmtree(scene)
        shutil.copytree(job.folder / "scene-000000", scene)
    else:
        (scene / ("scene.json" if damage == "no scene.json" else "depth_000.png")).unlink()
    assert run_job(job, furniture).new_frames > 0
    assert files(job.folder) == before


def test_other_settings_are_refused(job, furniture):
    run_job(job, furniture)
    other = replace(job, seed=2, settings=replace(SETTINGS, photo_share=0.25))
    with pytest.raises(ValueError, match=r"`folder` must be empty .* for \['seed', 'photo_share'\]"):
        run_job(other, furniture)
    (job.folder / "render.json").write_text("{")
    with pytest.raises(ValueError, match="must be JSON"):
        run_job(job, furniture)


def test_other_furniture_is_refused(job, furniture):
    run_job(job, furniture)

    class Smaller(CubeFurniture):
        SIZES = {key: size for key, size in CubeFurniture.SIZES.items() if key != "vase"}

    with pytest.raises(ValueError, match=r"for \['furniture'\]"):
        run_job(job, Smaller())


def test_workers_give_the_same_files_as_one_process(tmp_path):
    pack = open_furniture()
    jobs = [RenderJob(tmp_path / f"{count}", 2, "train", 0, SETTINGS, workers=count) for count in (1, 2)]
    for job in jobs:
        run_job(job, pack)
    assert files(jobs[0].folder) == files(jobs[1].folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_scenes": 0}, "`num_scenes` must be from 1 to 1000000, got 0"),
        ({"workers": 0}, "`workers` must be at least 1 and at most 256, got 0"),
        ({"workers": 9999}, "`workers` must be .* at most 256, got 9999"),
        ({"seed": 2**63}, "`seed` must be from 0 to 9223372036853 .* got 9223372036854775808"),
        ({"split": "dev"}, "`split` must be one of"),
    ],
)
def test_impossible_jobs_are_refused(job, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(job, **changes)
