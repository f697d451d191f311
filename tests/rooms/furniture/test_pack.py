# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furniture: libraries that the tests write themselves with known answers, and the pack that the package brings."""

import gzip
import lzma
import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from furniture_files import CONTROL, ENTRY, picture, several, write_library, write_package

from transformers_sr3d.rooms.furniture.classes import furniture_label
from transformers_sr3d.rooms.furniture.decimation import MIN_FACES, decimate
from transformers_sr3d.rooms.furniture.files import HOUSEHOLD, INDOOR, fit_to_size
from transformers_sr3d.rooms.furniture.pack import FurniturePack, attribution_text, open_furniture
from transformers_sr3d.rooms.furniture.pack_writer import MIN_SHARED_JOBS, assign_splits, face_budget, write_pack
from transformers_sr3d.rooms.furniture.wavefront import PLAIN_COLOR, read_wavefront
from transformers_sr3d.rooms.world import SPLITS, FurnitureMesh


FLOAT32_M = 1e-6  # of coordinates up to 2 m; a wrong axis or unit would be centimetres off
SIZE_M = 1e-3  # what the boxes of packed models may differ from the catalogue
PACK_BYTES = 2 * 2**20


def grid(columns, rows):
    """Square from 0 to 1 in x and y as a fine sheet, with u = x and v = y."""
    x, y = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    numbers = np.arange(x.size).reshape(x.shape)
    a, b, c, d = (n.reshape(-1) for n in (numbers[:-1, :-1], numbers[:-1, 1:], numbers[1:, 1:], numbers[1:, :-1]))
    vertices = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    return vertices, np.vstack([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def as_mesh(vertices, faces, materials=None, num_materials=1):
    return FurnitureMesh(
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        corner_uv=vertices[faces][..., :2].astype(np.float32),
        face_materials=np.zeros(len(faces), np.int16) if materials is None else materials.astype(np.int16),
        colors=np.zeros((num_materials, 3), np.uint8),
        textures=[np.zeros((2, 2, 3), np.uint8)] * num_materials,
    )


def post(low, high, steps=8):
    """Box between two corners with finely divided sides."""
    flat, faces = grid(steps, steps)
    low, high = np.array(low, float), np.array(high, float)
    sides = []
    for axis in range(3):
        for end in range(2):
            corners = np.empty_like(flat)
            corners[:, axis], corners[:, axis - 1], corners[:, axis - 2] = end, flat[:, 0], flat[:, 1]
            sides.append(low + corners * (high - low))
    return np.vstack(sides), np.vstack([faces + place * len(flat) for place in range(6)])


def together(*parts):
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in parts])
    return np.vstack([v for v, _ in parts]), np.vstack([f + s for (_, f), s in zip(parts, starts, strict=False)])


def area(mesh, materials=None):
    triangles = mesh.vertices[mesh.faces if materials is None else mesh.faces[materials]].astype(float)
    sides = triangles[:, 1:] - triangles[:, :1]
    return np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum() / 2


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SR3D_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "library"
    folder.mkdir()
    return write_library(folder / "BlendSwap-CC-BY.sh3f", ENTRY)


@pytest.fixture(scope="module")
def shipped():
    return open_furniture()


def test_box_of_a_library_has_its_known_geometry(library):
    pack = open_furniture(library.parent)
    mesh = pack.mesh("Test#box")
    corners = mesh.vertices[mesh.faces].astype(float)
    np.testing.assert_allclose(corners.reshape(-1, 3).min(0), [-0.25, -0.75, -0.5], atol=FLOAT32_M)
    np.testing.assert_allclose(corners.reshape(-1, 3).max(0), [0.25, 0.75, 0.5], atol=FLOAT32_M)
    assert area(mesh) == pytest.approx(2 * (0.5 * 1.5 + 1.5 * 1.0 + 1.0 * 0.5), rel=1e-4)
    assert len(mesh.faces) == 12


def test_front_faces_minus_y_and_carries_its_picture(library):
    mesh = open_furniture(library.parent).mesh("Test#box")
    front = [texture is not None for texture in mesh.textures].index(True)
    shown = mesh.face_materials == front
    corners = mesh.vertices[mesh.faces[shown]]
    np.testing.assert_allclose(corners[..., 1], -0.75, atol=FLOAT32_M)
    np.testing.assert_allclose(mesh.corner_uv[shown][..., 0], corners[..., 0] / 0.5 + 0.5, atol=1e-3)
    np.testing.assert_allclose(mesh.corner_uv[shown][..., 1], corners[..., 2] / 1.0 + 0.5, atol=1e-3)
    assert mesh.textures[front][0].tolist() == [[255, 0, 0], [0, 255, 0]]
    assert mesh.colors[front].tolist() == [128, 128, 128]
    assert mesh.colors[1 - front].tolist() == [51, 102, 153]


def test_catalogue_of_a_library_is_read(library):
    pack = open_furniture(library.parent)
    model = pack.model("Test#box")
    assert model.size == (0.5, 1.5, 1.0)
    assert (model.elevation, model.top) == (0.2, 0.805)
    assert (model.creator, model.licence) == ("Zoë", "CC-BY-3.0")
    assert (model.name, model.category, model.label) == ("Box", "Living room", furniture_label("Box", "Living room"))
    assert model.source == "BlendSwap-CC-BY.sh3f"


def test_catalogue_rotation_is_applied_first(tmp_path):
    # (x, y, z) -> (x, z, -y) lays the front (z = 1.5) to the top, as for a telephone that was modelled upright.
    entry = {**ENTRY, "modelRotation": "1 0 0 0 0 1 0 -1 0"}
    write_library(tmp_path / "a.sh3f", entry)
    mesh = open_furniture(tmp_path).mesh("Test#box")
    front = [texture is not None for texture in mesh.textures].index(True)
    corners = mesh.vertices[mesh.faces[mesh.face_materials == front]]
    np.testing.assert_allclose(corners[..., 2], 0.5, atol=FLOAT32_M)
    np.testing.assert_allclose(
        mesh.corner_uv[mesh.face_materials == front][..., 1], corners[..., 1] / 1.5 + 0.5, atol=1e-3
    )


@pytest.mark.parametrize(("compress", "suffix"), [(lzma.compress, "xz"), (gzip.compress, "gz")])
def test_package_and_folder_give_the_same(tmp_path, library, compress, suffix):
    package = open_furniture(write_package(tmp_path / "a.deb", library, compress, suffix))
    unpacked = open_furniture(library.parent)
    np.testing.assert_array_equal(package.mesh("Test#box").vertices, unpacked.mesh("Test#box").vertices)
    assert package.model("Test#box").source == "BlendSwap-CC-BY.sh3f (sweethome3d-furniture 1.8)"
    assert unpacked.model("Test#box").source == "BlendSwap-CC-BY.sh3f"


def test_libraries_are_converted_once(library, cache):
    first = open_furniture(library.parent)
    written = first.path.stat().st_mtime_ns
    assert open_furniture(library.parent.parent).path == first.path
    assert first.path.stat().st_mtime_ns == written
    assert [path.name for path in cache.iterdir()] == [first.path.name]


def test_packages_are_known_by_their_content(tmp_path, library, cache):
    first = write_package(tmp_path / "first.deb", library)
    pack = open_furniture(first)
    assert open_furniture(first.rename(tmp_path / "moved.deb")).path == pack.path
    other = write_package(tmp_path / "first.deb", library, control=CONTROL.replace(b"1.8", b"1.9"))
    assert open_furniture(other).models[0].source == "BlendSwap-CC-BY.sh3f (sweethome3d-furniture 1.9)"
    assert len(list(cache.iterdir())) == 2


def test_libraries_are_known_by_content_and_name(library, cache):
    size = library.stat().st_size
    first = open_furniture(library.parent)
    write_library(library, {**ENTRY, "name": "Box", "width": "51"})
    assert library.stat().st_size == size
    assert open_furniture(library.parent).models[0].size[0] == 0.51
    library.rename(library.with_name("BlendSwap-CC-0.sh3f"))
    assert (first.models[0].licence, open_furniture(library.parent).models[0].licence) == ("CC-BY-3.0", "CC0-1.0")
    assert len(list(cache.iterdir())) == 3


def test_scripts_without_a_main_guard_open_and_write_furniture(tmp_path):
    write_library(tmp_path / "a.sh3f", *several(MIN_SHARED_JOBS))
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from transformers_sr3d.rooms.furniture.pack import open_furniture\n"
        "from transformers_sr3d.rooms.furniture.pack_writer import write_pack\n"
        f"write_pack(open_furniture({str(tmp_path)!r}), Path({str(tmp_path / 'b.safetensors')!r}))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(FurniturePack(tmp_path / "b.safetensors").models) == MIN_SHARED_JOBS


def test_only_what_stands_in_homes_is_read(tmp_path):
    kinds = [("Office", "Desk"), ("Exterior", "Tree"), ("Vehicles", "Car")]
    kinds += [("Miscellaneous", "Vase"), ("Miscellaneous", "Wall switch")]
    entries = [{**ENTRY, "id": f"Test#{name}", "category": category, "name": name} for category, name in kinds]
    write_library(tmp_path / "a.sh3f", *entries)
    assert {model.name for model in open_furniture(tmp_path).models} == {"Desk", "Vase"}


def test_concave_polygons_keep_their_area():
    corner_table = "v 0 0 0\nv 3 0 0\nv 3 1 0\nv 1 1 0\nv 1 3 0\nv 0 3 0\n"
    for start in range(6):
        face = "f " + " ".join(str((start + place) % 6 + 1) for place in range(6))
        mesh = read_wavefront(corner_table + face, lambda path: None, texture_px=8)
        assert area(mesh) == pytest.approx(5)
        assert len(mesh.faces) == 4


def test_missing_materials_and_pictures_become_plain_colours():
    materials = b"newmtl seen\nKd 1 0.5 0\nmap_Kd C:\\gone.jpg\n"
    text = "mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl seen\nf 1 2 3\nusemtl nowhere\nf 3 2 1\nf 1 1 2\n"
    mesh = read_wavefront(text, {"a.mtl": materials}.get, texture_px=8)
    assert mesh.colors.tolist() == [[255, 128, 0], list(PLAIN_COLOR)]
    assert mesh.textures == [None, None]
    assert len(mesh.faces) == 2


def test_clear_parts_of_pictures_take_the_colour_of_the_rest():
    leaf = picture([[[10, 200, 30, 255], [255, 255, 255, 0]]])
    text = "mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl leaf\nf 1 2 3\n"
    files = {"a.mtl": b"newmtl leaf\nmap_Kd leaf.png\n", "leaf.png": leaf}
    mesh = read_wavefront(text, files.get, texture_px=8)
    assert mesh.textures[0].tolist() == [[[10, 200, 30], [10, 200, 30]]]


def test_splits_share_classes_and_not_models():
    labels = {
        f"{label}{number}": label for label, count in [("chair", 30), ("bed", 3), ("tv", 2)] for number in range(count)
    }
    splits = assign_splits(labels)
    counts = {
        label: Counter(splits[key] for key in labels if labels[key] == label) for label in ("chair", "bed", "tv")
    }
    assert counts["chair"] == {"train": 19, "val": 4, "test": 7}
    assert counts["bed"] == {"train": 1, "val": 1, "test": 1}
    assert counts["tv"] == {"train": 1, "test": 1}
    assert assign_splits(dict(reversed(labels.items()))) == splits


def test_single_models_are_mostly_trained_on():
    splits = Counter(assign_splits({f"thing {number}": f"class {number}" for number in range(1000)}).values())
    assert splits["train"] == pytest.approx(800, abs=40)
    assert splits["val"] == pytest.approx(100, abs=30)


def test_free_models_are_divided_by_themselves():
    labels = {f"bed {number}": "bed" for number in range(12)}
    for free in (set(list(labels)[:3]), set(list(labels)[5:9])):
        splits = assign_splits(labels, free)
        assert {splits[key] for key in free} == set(SPLITS)
        assert {splits[key] for key in labels.keys() - free} == set(SPLITS)


def test_split_of_a_key_never_changes():
    labels = {"Scopia#bed1": "bed", "Scopia#crib": "bed", "Kator Legaz#bed-queen": "bed", "Scopia#futon": "bed"}
    assert assign_splits(labels) == {
        "Scopia#futon": "test",
        "Scopia#bed1": "val",
        "Kator Legaz#bed-queen": "train",
        "Scopia#crib": "train",
    }


def test_fine_box_becomes_twelve_triangles():
    mesh = as_mesh(*post((0, 0, 0), (1, 0.6, 0.4)))
    fewer = decimate(mesh, MIN_FACES)
    assert len(fewer.faces) == 12
    assert area(fewer) == pytest.approx(2 * (0.6 + 0.4 + 0.24), rel=1e-5)


def test_thin_legs_survive_decimation():
    legs = [post((x, y, 0), (x + 0.04, y + 0.04, 0.7)) for x in (0, 1.16) for y in (0, 0.76)]
    mesh = as_mesh(*together(post((0, 0, 0.7), (1.2, 0.8, 0.73)), *legs))
    fewer = decimate(mesh, 80)
    assert len(fewer.faces) <= 80
    feet = fewer.vertices[fewer.vertices[:, 2] < -0.3][:, :2] > 0
    assert {tuple(foot) for foot in feet.tolist()} == {(False, False), (False, True), (True, False), (True, True)}
    assert area(fewer) == pytest.approx(area(mesh), rel=1e-3)


def test_borders_of_materials_and_sheets_stay_in_place():
    vertices, faces = grid(20, 20)
    right = vertices[faces][..., 0].mean(1) > 0.35
    fewer = decimate(as_mesh(vertices, faces, right.astype(int), 2), 12)
    assert len(fewer.faces) <= 12
    assert area(fewer) == pytest.approx(1, rel=1e-6)
    assert area(fewer, fewer.face_materials == 1) == pytest.approx(0.65, abs=1e-6)


def test_texture_coordinates_continue_on_larger_triangles():
    vertices, faces = grid(30, 30)
    fewer = decimate(as_mesh(vertices, faces), 20)
    expected = fewer.vertices[fewer.faces][..., :2] + 0.5  # the square from 0 to 1 lies around the origin now
    np.testing.assert_allclose(fewer.corner_uv, expected, atol=1e-5)


def test_leaves_grow_when_others_fall():
    rng = np.random.default_rng(0)
    flat, faces = grid(2, 2)
    leaves = [(0.02 * flat + rng.uniform(-0.5, 0.5, 3), faces) for _ in range(500)]
    mesh = as_mesh(*together(*leaves))
    fewer = decimate(mesh, 600)
    assert len(fewer.faces) <= 600
    assert area(fewer) == pytest.approx(area(mesh), rel=0.1)
    np.testing.assert_allclose(np.ptp(fewer.vertices, axis=0), np.ptp(mesh.vertices, axis=0), rtol=1e-5)


def test_decimation_stops_where_it_is_asked_to():
    vertices, faces = grid(20, 20)
    bumpy = vertices + np.random.default_rng(0).normal(0, 0.02, vertices.shape)
    mesh = as_mesh(bumpy, faces)
    assert decimate(mesh, 800) is mesh
    for limit in (799, 300, 100):
        assert 0.9 * limit <= len(decimate(mesh, limit).faces) <= limit


def test_flat_things_stay_flat():
    vertices, faces = grid(2, 2)
    mesh = fit_to_size(as_mesh(vertices, faces), (2.0, 3.0, 0.01))
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), [2, 3, 0], atol=FLOAT32_M)


def test_small_things_get_fewer_faces():
    assert face_budget((2.0, 1.0, 1.0), 1000) == 1000
    assert face_budget((0.3, 0.4, 0.0), 1000) == 500
    assert face_budget((0.01, 0.01, 0.01), 1000) == 300


def test_pack_of_a_pack_keeps_everything_but_detail(tmp_path, shipped):
    models = [model for model in shipped.models if model.label in ("chair", "bed")]
    size = write_pack(shipped, tmp_path / "small.safetensors", models=models[:5], max_faces=100, texture_px=4)
    small = FurniturePack(tmp_path / "small.safetensors")
    assert size == small.path.stat().st_size
    assert small.models == models[:5]
    for model in small.models:
        mesh = small.mesh(model.key)
        assert len(mesh.faces) <= 100
        assert max([0] + [max(texture.shape[:2]) for texture in mesh.textures if texture is not None]) <= 4
        np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), model.size, atol=SIZE_M)


def test_packing_keeps_positions_to_a_step(tmp_path, library):
    box = open_furniture(library.parent)
    path = tmp_path / "again.safetensors"
    write_pack(box, path, max_faces=100, texture_px=8)
    error = np.abs(FurniturePack(path).mesh("Test#box").vertices - box.mesh("Test#box").vertices)
    assert (error <= np.array(box.models[0].size) / 131070 + FLOAT32_M).all()


def test_shipped_models_have_their_catalogue_sizes(shipped):
    for model in shipped.models:
        mesh = shipped.mesh(model.key)
        flat = np.ptp(mesh.vertices, axis=0) == 0
        np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0)[~flat], np.array(model.size)[~flat], atol=SIZE_M)
        assert (mesh.faces >= 0).all()
        assert mesh.faces.max() < len(mesh.vertices)
        assert np.isfinite(mesh.corner_uv).all()
        assert len(mesh.colors) == len(mesh.textures) == mesh.face_materials.max() + 1


def test_shipped_pack_is_small_free_and_up_to_date(shipped):
    assert shipped.path.stat().st_size <= PACK_BYTES
    assert {model.licence for model in shipped.models} == {"CC0-1.0"}
    assert [model.key for model in shipped.models] == sorted(model.key for model in shipped.models)
    for model in shipped.models:
        assert model.label == furniture_label(model.name, model.category, model.key)
        assert model.category in INDOOR or model.name in HOUSEHOLD


@pytest.mark.parametrize("split", SPLITS)
def test_shipped_pack_can_furnish_rooms_of_every_split(shipped, split):
    labels = {model.label for model in shipped.models_of(split)}
    assert {"chair", "table", "sofa", "armchair", "bed", "bookcase", "plant", "base cabinet", "stool"} <= labels


def test_packs_travel_to_other_processes_as_their_path(shipped):
    copy = pickle.loads(pickle.dumps(shipped))
    key = shipped.models[0].key
    assert len(pickle.dumps(shipped)) < 1000
    np.testing.assert_array_equal(copy.mesh(key).vertices, shipped.mesh(key).vertices)


def test_meshes_are_kept_up_to_a_number(shipped):
    first = shipped.mesh(shipped.models[0].key)
    assert shipped.mesh(shipped.models[0].key) is first
    for model in shipped.models:
        shipped.mesh(model.key)
    assert shipped.mesh(shipped.models[0].key) is not first


def test_credits_name_title_creator_source_licence_and_changes(library):
    text = attribution_text(open_furniture(library.parent).models)
    row = (
        "| Box (`Test#box`) | Zoë | BlendSwap-CC-BY.sh3f | [CC-BY-3.0](https://creativecommons.org/licenses/by/3.0/) |"
    )
    assert row in text.splitlines()
    assert "were modified" in text


@pytest.mark.slow
def test_many_models_are_converted_in_two_processes(tmp_path):
    write_library(tmp_path / "BlendSwap-CC-0.sh3f", *several(20))
    pack = open_furniture(tmp_path, workers=2)
    widths = [float(np.ptp(pack.mesh(f"Test#box{number}").vertices[:, 0])) for number in range(20)]
    np.testing.assert_allclose(widths, [0.5 + number / 100 for number in range(20)], atol=FLOAT32_M)
    assert {model.split for model in pack.models} == set(SPLITS)


def test_bad_arguments_are_refused_by_name(tmp_path, shipped):
    with pytest.raises(ValueError, match=r"`split` must be one of .* got 'dev'"):
        shipped.models_of("dev")
    with pytest.raises(ValueError, match=f"`key` must name one of the {len(shipped.models)} models .* got 'sofa'"):
        shipped.mesh("sofa")
    with pytest.raises(ValueError, match=r"`max_faces` must be at least 12, .* got 4"):
        decimate(as_mesh(*grid(3, 3)), 4)
    with pytest.raises(ValueError, match=r"`path` must end in \.safetensors"):
        write_pack(shipped, tmp_path / "pack.zip")


def test_too_large_packs_are_not_written(tmp_path, shipped):
    path = tmp_path / "pack.safetensors"
    with pytest.raises(ValueError, match=r"`max_bytes` must be at least the \d+ bytes of this pack, got 100"):
        write_pack(shipped, path, models=shipped.models[:1], max_bytes=100)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif("SR3D_FURNITURE" not in os.environ, reason="SR3D_FURNITURE names no furniture package")
@pytest.mark.timeout(1800)
def test_every_model_of_the_package_is_read(monkeypatch):
    monkeypatch.delenv("SR3D_CACHE")
    pack = open_furniture(Path(os.environ["SR3D_FURNITURE"]))
    assert len([model for model in pack.models if model.category in INDOOR]) == 472
    shares = {split: len(pack.models_of(split)) / len(pack.models) for split in SPLITS}
    assert 0.6 <= shares["train"] <= 0.7
    assert 0.12 <= shares["val"] <= 0.15
    assert 0.2 <= shares["test"] <= 0.25
    for model in pack.models:
        extent = np.ptp(pack.mesh(model.key).vertices, axis=0)
        np.testing.assert_allclose(extent[extent > 0], np.array(model.size)[extent > 0], atol=SIZE_M)
    shipped = {model.key: model.split for model in open_furniture().models}
    assert shipped == {model.key: model.split for model in pack.models if model.licence == "CC0-1.0"}
