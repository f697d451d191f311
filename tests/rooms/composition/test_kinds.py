# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""How things stand: written answers for classes, sizes and elevations."""

import pytest
from furniture_models import MODELS, furniture_model

from transformers_sr3d.rooms.composition.arrangements import ARRANGEMENTS
from transformers_sr3d.rooms.composition.kinds import KIND_WEIGHTS, NEVER_PLACED, ROOM_KINDS, STANDING, standing


@pytest.mark.parametrize(
    ("row", "how"),
    [
        (("Couch", "sofa", "Living room", 2.0, 0.9, 0.9, 0.0, None), "wall"),
        (("Chair", "chair", "Living room", 0.5, 0.5, 0.9, 0.0, None), "seat"),
        (("Table", "table", "Living room", 1.5, 0.9, 0.7, 0.0, 0.7), "free"),
        (("Rug", "rug", "Living room", 1.5, 0.9, 0.01, 0.0, None), "rug"),
        (("Upper", "wall cabinet", "Kitchen", 0.6, 0.4, 0.7, 1.4, None), "hung"),
        (("Lamp", "ceiling lamp", "Lights", 0.4, 0.4, 0.6, 1.8, None), "ceiling"),
        (("Ficus", "plant", "Living room", 0.4, 0.4, 0.9, 0.0, None), "floor small"),
        (("Cactus", "plant", "Living room", 0.1, 0.1, 0.2, 0.0, None), "top"),
        (("TV", "tv", "Living room", 0.8, 0.1, 0.5, 0.0, None), "top"),
        (("Wall TV", "tv", "Living room", 1.0, 0.1, 0.7, 1.0, None), "hung"),
    ],
)
def test_class_size_and_elevation_say_how_a_thing_stands(row, how):
    assert standing(furniture_model(row)) == how


@pytest.mark.parametrize(
    ("row", "how"),
    [
        (("Gizmo", "gizmo", "Kitchen", 0.2, 0.2, 0.3, 0.0, None), "top"),
        (("Gizmo", "gizmo", "Kitchen", 0.2, 0.2, 0.3, 1.2, None), "hung"),
        (("Gizmo", "gizmo", "Bedroom", 1.2, 0.5, 1.3, 0.0, None), "wall"),
        (("Mast", "mast", "Lights", 0.4, 0.4, 2.5, 0.0, None), None),
        (("Gizmo", "gizmo", "Bedroom", 4.2, 0.5, 1.3, 0.0, None), None),
        (("Sheet", "sheet", "Bedroom", 0.4, 0.4, 0.002, 0.0, None), None),
    ],
)
def test_unknown_classes_stand_by_their_size(row, how):
    assert standing(furniture_model(row)) == how


@pytest.mark.parametrize(
    "row",
    [
        ("Ring", "ring", "Bedroom", 0.02, 0.02, 0.01, 0.0, None),
        ("Pencil", "pencil", "Office", 0.01, 0.14, 0.01, 0.0, None),
        ("Street lamp", "street lamp", "Lights", 0.4, 0.4, 2.5, 0.0, None),
        ("Dress", "dress", "Bedroom", 0.8, 0.8, 0.03, 0.0, None),
        ("Wall switch", "wall switch", "Miscellaneous", 0.08, 0.07, 0.08, 1.1, None),
    ],
)
def test_tiny_flat_and_outdoor_things_are_never_placed(row):
    assert standing(furniture_model(row)) is None


def test_every_written_model_can_be_placed():
    assert all(standing(model) is not None for model in MODELS)


def test_tables_agree_with_each_other():
    assert not NEVER_PLACED & set(STANDING)
    assert set(KIND_WEIGHTS) == set(ROOM_KINDS)
    assert sum(KIND_WEIGHTS.values()) == pytest.approx(1.0)
    for kind in ROOM_KINDS.values():
        assert {name for name, _ in kind.groups} <= set(ARRANGEMENTS)
        assert not NEVER_PLACED & set(kind.weights)
        assert min(kind.weights.values()) > 0
