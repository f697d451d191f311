# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Headers of furniture packs: damaged, foreign and impossible ones are refused by name."""

import json

import numpy as np
import pytest
from furniture_files import ENTRY, NUM_DAMAGES, refusals, write_library
from safetensors import safe_open
from safetensors.numpy import save_file

from transformers_sr3d.rooms.furniture.pack import FurniturePack, open_furniture


@pytest.fixture(scope="module")
def box_pack(tmp_path_factory):
    """A pack of one box, and what is in its file."""
    folder = tmp_path_factory.mktemp("box")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SR3D_CACHE", str(folder))
        path = open_furniture(write_library(folder / "a.sh3f", ENTRY).parent).path
    with safe_open(path, framework="np") as file:
        return path, {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def test_other_safetensors_files_are_no_packs(tmp_path):
    save_file({"weight": np.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"`path` must be a furniture pack of version 1, got .* of format None"):
        open_furniture(tmp_path / "model.safetensors")


def test_files_beside_a_pack_are_refused(tmp_path, box_pack):
    path = tmp_path / "a.safetensors.meta"
    path.write_bytes(box_pack[0].read_bytes())
    with pytest.raises(ValueError, match=r"`path` must end in \.safetensors .* got '.*a\.safetensors\.meta'"):
        open_furniture(path)


def changed_model(metadata, **changes):
    (entry,) = json.loads(metadata["models"])
    return {**metadata, "models": json.dumps([{**entry, "model": {**entry["model"], **changes}}])}


def changed_place(metadata, **changes):
    (entry,) = json.loads(metadata["models"])
    return {**metadata, "models": json.dumps([{**entry, "mesh": {**entry["mesh"], **changes}}])}


def doubled(metadata):
    return {**metadata, "models": json.dumps(json.loads(metadata["models"]) * 2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: {"format": "sr3d-furniture", "version": "1"}, "it lacks 'pictures'"),
        (lambda found: {**found, "models": "[{}]"}, "it lacks 'model'"),
        (lambda found: {**found, "models": "7"}, "not iterable"),
        (lambda found: {**found, "models": found["models"][:-9]}, "delimiter"),
        (lambda found: {**found, "models": "[" * 100_000}, "recursion"),
        (lambda found: {**found, "pictures": "[[0, 2]]"}, "unpack"),
        (lambda found: {**found, "pictures": "[[0, 2, 3]]"}, r"picture \[0, 2, 3\] lies beyond the 12 numbers"),
        (lambda found: {**found, "pictures": "[[0, -2, 2]]"}, "whole number from 0, got -2"),
        (lambda found: {**found, "pictures": "[]"}, r"mesh of 'Test#box': pictures \[0, None\] lie beyond the 0"),
        (doubled, "key 'Test#box' stands there twice"),
        (lambda found: changed_model(found, size=[1, 2]), "not enough values"),
        (
            lambda found: changed_model(found, size=[1, 2, float("nan")]),
            "model 'Test#box': `height` must be .* got nan",
        ),
        (lambda found: changed_model(found, size=[1, "2", 3]), "model 'Test#box': `depth` must be .* got '2' m"),
        (lambda found: changed_model(found, elevation=None), "`elevation` must be from 0 to 20 m, got None"),
        (lambda found: changed_model(found, top=float("inf")), "`top` must be from -20 to 20 m, got inf"),
        (lambda found: changed_model(found, split="dev"), r"`split` must be one of .* got 'dev'"),
        (lambda found: changed_model(found, name=None), "`name` of a model must be text, got None"),
        (lambda found: changed_model(found, colour="red"), "unexpected keyword argument 'colour'"),
        (lambda found: changed_place(found, vertices=[0, 9]), r"vertices \[0, 9\] lie beyond the 8 rows"),
        (lambda found: changed_place(found, vertices=[-1, 8]), "whole number from 0, got -1"),
        (lambda found: changed_place(found, faces=[0, 11]), r"materials \[2, 10\] do not fit to the rows"),
        (lambda found: changed_place(found, material_faces=[12]), "mesh of 'Test#box': zip"),
        (lambda found: changed_place(found, pictures=[None, None]), "do not fit to the rows"),
    ],
)
def test_packs_with_wrong_headers_are_refused(tmp_path, box_pack, change, message):
    _, tensors, metadata = box_pack
    save_file(tensors, tmp_path / "a.safetensors", metadata=change(metadata))
    expected = rf"`path` must be a whole furniture pack, got '.*a\.safetensors' with a wrong header \(.*{message}"
    with pytest.raises(ValueError, match=expected):
        open_furniture(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"faces": None}, "it lacks 'faces'"),
        ({"colors": np.zeros((2, 4), np.uint8)}, r"tensor 'colors' must be \(N, \*\[3\]\) U8, got \[2, 4\] U8"),
        ({"vertices": np.zeros((8, 3), np.int16)}, "tensor 'vertices' must be .* U16, got .* I16"),
        ({"pictures": np.zeros((), np.uint8)}, r"tensor 'pictures' must be .* got \[\] U8"),
    ],
)
def test_packs_with_wrong_tensors_are_refused(tmp_path, box_pack, changes, message):
    _, tensors, metadata = box_pack
    changed = {name: tensor for name, tensor in {**tensors, **changes}.items() if tensor is not None}
    save_file(changed, tmp_path / "a.safetensors", metadata=metadata)
    with pytest.raises(ValueError, match=rf"a\.safetensors' with a wrong header \({message}"):
        open_furniture(tmp_path / "a.safetensors")


def test_damaged_meshes_are_refused_when_they_are_read(tmp_path, box_pack):
    _, tensors, metadata = box_pack
    changes = {"faces": np.full_like(tensors["faces"], 8), "corner_uv": np.full_like(tensors["corner_uv"], np.nan)}
    for name, tensor in changes.items():
        save_file({**tensors, name: tensor}, tmp_path / f"{name}.safetensors", metadata=metadata)
        pack = FurniturePack(tmp_path / f"{name}.safetensors")
        with pytest.raises(ValueError, match=rf"`key` 'Test#box' has a mesh .*{name}\.safetensors' is damaged"):
            pack.mesh("Test#box")


def test_randomly_damaged_packs_are_refused_by_name_or_read(tmp_path, box_pack):
    path = tmp_path / "a.safetensors"
    path.write_bytes(box_pack[0].read_bytes())
    messages = refusals(path, path)
    assert all(messages[:NUM_DAMAGES])
    assert all("a.safetensors" in message for message in messages if message)
