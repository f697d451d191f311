# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Structure from motion: a rendered walk with known poses through COLMAP, and the steps around it."""

import os
import shutil
import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from known_source import known_views
from PIL import Image
from test_colmap import model_of, write_binary

from transformers_sr3d.inputs import structure_from_motion
from transformers_sr3d.inputs.structure_from_motion import estimate_structure


VIEWS = known_views()
NAMES = [f"frame {number}.png" for number in (8, 9, 10, 11)]
IMAGE_SIZE_HW, FOCAL_PX, NUM_WALK_VIEWS = (480, 640), 480.0, 12


def write_pictures(folder, names=NAMES):
    folder.mkdir()
    for name, view in zip(names, VIEWS, strict=False):
        Image.fromarray(view.image).save(folder / name)
    return folder


def reconstruction(names):
    images = {number: SimpleNamespace(name=name, has_pose=True) for number, name in enumerate(names)}
    return SimpleNamespace(images=images, num_reg_images=lambda: len(images))


@pytest.fixture
def colmap(monkeypatch):
    """In the place of pycolmap: finds the models of `found`, and writes the known room for those of the one chosen."""
    fake = MagicMock(__version__="4")
    fake.found = {0: reconstruction(NAMES[2:]), 1: reconstruction(NAMES[:3])}
    fake.incremental_mapping.side_effect = lambda *_: fake.found

    def write(made, model, images, num_threads):
        names = [image.name for image in fake.found[int(model.name)].images.values()]
        content = model_of(VIEWS[: len(names)], step=4)
        for name, (number, entry) in zip(names, content["images"].items(), strict=True):
            content["images"][number] = (*entry[:3], name, entry[4])
        write_binary(made / "sparse", content)
        shutil.copytree(images, made / "images")

    fake.undistort_images.side_effect = write
    monkeypatch.setitem(sys.modules, "pycolmap", fake)
    return fake


def test_the_largest_model_counts_and_the_other_pictures_are_left_out(tmp_path, colmap):
    source = estimate_structure(write_pictures(tmp_path / "images"))
    assert source.kind == "structure_from_motion"
    assert (source.world_unit, source.world_up) == ("unknown", "unknown")
    assert [view.name for view in source.views] == NAMES[:3]
    assert source.left_out == {NAMES[3]: "not registered: too few matches with the other pictures"}
    assert "Estimated by COLMAP 4 from the pictures alone." in source.conventions
    for view, known in zip(source.views, VIEWS, strict=False):
        assert np.allclose(view.camera_to_world, known.camera_to_world, atol=1e-6)
        assert np.count_nonzero(view.load_depth()) == 12 * 16


def test_seeds_are_fixed_and_there_is_one_thread(tmp_path, colmap):
    estimate_structure(write_pictures(tmp_path / "images"))
    colmap.set_random_seed.assert_called_once_with(0)
    extraction = colmap.extract_features.call_args.kwargs
    matching = colmap.match_exhaustive.call_args.kwargs
    mapping = colmap.incremental_mapping.call_args.args[3]
    ransac = matching["verification_options"].ransac
    options = (extraction["extraction_options"], matching["matching_options"], ransac, mapping)
    assert [one.num_threads for one in options] == [1, 1, 1, 1]
    assert (ransac.random_seed, mapping.random_seed) == (0, 0)
    assert extraction["image_names"] == NAMES
    assert colmap.undistort_images.call_args.kwargs == {"num_threads": 1}


def test_a_field_of_view_fixes_the_camera(tmp_path, colmap):
    folder = write_pictures(tmp_path / "images")
    estimate_structure(folder)
    reader, mapping = colmap.ImageReaderOptions(), colmap.incremental_mapping.call_args.args[3]
    assert (reader.camera_model, mapping.ba_refine_focal_length) == ("SIMPLE_RADIAL", True)
    estimate_structure(folder, horizontal_fov_deg=90)
    assert reader.camera_model == "PINHOLE"
    assert [float(word) for word in reader.camera_params.split(",")] == pytest.approx([32, 32, 32, 24])
    assert (mapping.ba_refine_focal_length, mapping.ba_refine_extra_params) == (False, False)


def test_the_result_is_kept_until_a_picture_changes(tmp_path, colmap):
    folder = write_pictures(tmp_path / "images")
    for _ in range(2):
        assert len(estimate_structure(folder).views) == 3
    assert colmap.incremental_mapping.call_count == 1
    assert sorted(path.name[:14] for path in tmp_path.iterdir()) == ["images", "images.colmap-"]
    os.utime(folder / NAMES[0], (1, 1))
    estimate_structure(folder)
    assert colmap.incremental_mapping.call_count == 2


@pytest.mark.parametrize("found", [{}, {0: reconstruction(NAMES[1:3])}], ids=["none", "two"])
def test_pictures_that_do_not_fit_together_are_named(tmp_path, colmap, found):
    folder = write_pictures(tmp_path / "images")
    colmap.found = found
    with pytest.raises(ValueError, match=r"got \d of 4; COLMAP could not place frame 8\.png, .*frame 11\.png\. Take"):
        estimate_structure(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_the_folder_may_be_the_current_one(tmp_path, colmap, monkeypatch):
    monkeypatch.chdir(write_pictures(tmp_path / "images"))
    assert len(estimate_structure(".").views) == 3


def test_log_level_is_put_back(tmp_path, colmap):
    colmap.logging.minloglevel = 0
    colmap.match_exhaustive.side_effect = lambda *_, **__: levels.append(colmap.logging.minloglevel)
    levels = []
    estimate_structure(write_pictures(tmp_path / "images"))
    assert (levels, colmap.logging.minloglevel) == ([2], 0)


def test_bad_pictures_are_refused(tmp_path, colmap, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"none` must be a folder with at least 3 pictures .*, got 0"):
        estimate_structure(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"few` must be a folder with at least 3 pictures .*, got 2"):
        estimate_structure(write_pictures(tmp_path / "few", NAMES[:2]))
    folder = write_pictures(tmp_path / "images")
    with pytest.raises(ValueError, match=r"`horizontal_fov_deg` must be between 0 and 180, got 180"):
        estimate_structure(folder, horizontal_fov_deg=180)
    Image.new("RGB", (48, 64)).save(folder / NAMES[2])
    with pytest.raises(ValueError, match=r"frame 10\.png` must have 64x48 pixels, as frame 8\.png states, got 48x64"):
        estimate_structure(folder)
    monkeypatch.setattr(structure_from_motion, "MAX_IMAGES", 3)
    with pytest.raises(ValueError, match=r"images` must hold at most 3 pictures, got 4"):
        estimate_structure(folder)


def test_without_pycolmap_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    with pytest.raises(
        ImportError, match=r"`pycolmap` must be installed .* `pip install transformers-sr3d\[colmap\]`"
    ):
        estimate_structure(write_pictures(tmp_path / "images"))


def rendered_walk(folder):
    """Pictures of a walk past furniture, and their views; the camera sways, so that no focal length is ambiguous."""
    from transformers_sr3d.rooms.composition.compose import compose_room
    from transformers_sr3d.rooms.furniture.pack import open_furniture
    from transformers_sr3d.rooms.rendering.cameras import Lens, aim
    from transformers_sr3d.rooms.rendering.free_space import FreeSpace
    from transformers_sr3d.rooms.rendering.meshes import prepared_mesh
    from transformers_sr3d.rooms.rendering.scenes import light_room, render_view
    from transformers_sr3d.rooms.rendering.walking import walk_positions

    furniture = open_furniture()
    streams = [np.random.default_rng([9, stream]) for stream in range(4)]
    room = compose_room(furniture.models_of("test"), streams[0], num_objects=(10, 14))
    lit = light_room(room, [prepared_mesh(furniture, thing.model.key) for thing in room.objects], streams[1])
    eyes = walk_positions(FreeSpace(room), NUM_WALK_VIEWS, streams[2])
    eyes[:, 2] += 0.3 * np.sin(0.9 * np.arange(NUM_WALK_VIEWS))
    middle = room.floor.mean(axis=0)
    corner = max(room.floor, key=lambda place: np.linalg.norm(place - eyes[:, :2].mean(axis=0)))
    height, width = IMAGE_SIZE_HW
    intrinsics = [[FOCAL_PX, 0, (width - 1) / 2], [0, FOCAL_PX, (height - 1) / 2], [0, 0, 1]]
    lens, target = Lens(np.array(intrinsics), IMAGE_SIZE_HW), np.array([*(0.75 * corner + 0.25 * middle), 0.9])
    views = [render_view(lit, aim(lens, eye, target, streams[2]), streams[3]) for eye in eyes]
    folder.mkdir()
    for index, view in enumerate(views):
        Image.fromarray(view.image).save(folder / f"{index}.png")
    return views


def similarity(estimated, known):
    """Rotation, scale and shift after Umeyama (1991), but for the rotation, which is that of the cameras.

    Their places alone would leave the turn about a straight walk open.
    """
    left, _, right = np.linalg.svd(sum(k[:3, :3] @ e[:3, :3].T for e, k in zip(estimated, known, strict=True)))
    rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    places, wanted = estimated[:, :3, 3] @ rotation.T, known[:, :3, 3]
    centred, centred_wanted = places - places.mean(axis=0), wanted - wanted.mean(axis=0)
    scale = (centred * centred_wanted).sum() / (centred**2).sum()
    return rotation, scale, wanted.mean(axis=0) - scale * places.mean(axis=0)


def depth_ratio(view, known, scale):
    """Median ratio of the sparse points of a view to what the renderer measured along the same rays."""
    depth = view.load_depth()
    rows, columns = np.nonzero(depth)
    rays = np.stack((columns, rows, np.ones(len(rows))))
    seen_columns, seen_rows, _ = np.rint(known.intrinsics @ np.linalg.inv(view.intrinsics) @ rays).astype(int)
    height, width = known.depth.shape
    inside = (seen_columns >= 0) & (seen_columns < width) & (seen_rows >= 0) & (seen_rows < height)
    return np.median((scale * depth[rows, columns])[inside] / known.depth[seen_rows[inside], seen_columns[inside]])


@pytest.mark.slow
@pytest.mark.parametrize("horizontal_fov_deg", [None, np.degrees(2 * np.arctan(320 / FOCAL_PX))], ids=["free", "fov"])
def test_a_rendered_walk_comes_back(tmp_path, horizontal_fov_deg):
    pytest.importorskip("pycolmap")
    views = rendered_walk(tmp_path / "images")
    source = estimate_structure(tmp_path / "images", horizontal_fov_deg=horizontal_fov_deg)
    assert source.left_out == {}
    assert source.views[0].intrinsics[0, 0] == pytest.approx(
        FOCAL_PX, rel=0.04 if horizontal_fov_deg is None else 1e-6
    )
    estimated = np.stack([view.camera_to_world for view in source.views])
    known = np.stack([view.camera_to_world for view in views]).astype(float)
    rotation, scale, shift = similarity(estimated, known)
    places_m = np.linalg.norm(scale * estimated[:, :3, 3] @ rotation.T + shift - known[:, :3, 3], axis=1)
    turns = known[:, :3, :3].transpose(0, 2, 1) @ rotation @ estimated[:, :3, :3]
    turns_deg = np.degrees(np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    ratios = [depth_ratio(view, truth, scale) for view, truth in zip(source.views, views, strict=True)]
    figures = {
        "places_m": places_m.max(),
        "turns_deg": turns_deg.max(),
        "depth_off": np.abs(np.array(ratios) - 1).max(),
    }
    limits = {"places_m": 0.05, "turns_deg": 1.5, "depth_off": 0.06}
    assert all(value < limits[name] for name, value in figures.items()), figures

    shutil.copytree(tmp_path / "images", tmp_path / "again" / "images")
    again = estimate_structure(tmp_path / "again" / "images", horizontal_fov_deg=horizontal_fov_deg)
    assert np.array_equal(estimated, [view.camera_to_world for view in again.views])
