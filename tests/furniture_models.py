# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A small written catalogue, so that tests of rooms need no furniture on disk."""

from transformers_sr3d.rooms.world import FurnitureModel


ROWS = (
    # name, label, category, width, depth, height, elevation, top
    ("Couch", "sofa", "Living room", 2.07, 0.88, 0.86, 0.0, 0.48),
    ("Armchair", "armchair", "Living room", 0.95, 0.83, 0.78, 0.0, 0.39),
    ("Coffee table", "coffee table", "Living room", 1.20, 0.70, 0.45, 0.0, 0.45),
    ("Oriental rug", "rug", "Living room", 1.86, 2.58, 0.02, 0.0, 0.02),
    ("Chair", "chair", "Living room", 0.42, 0.47, 0.88, 0.0, 0.48),
    ("Oak chair", "chair", "Living room", 0.49, 0.61, 1.18, 0.0, 0.51),
    ("Table", "table", "Living room", 1.44, 0.93, 0.72, 0.0, 0.72),
    ("Decorative plant", "plant", "Living room", 0.56, 0.60, 1.03, 0.0, None),
    ("Cactus", "plant", "Living room", 0.15, 0.13, 0.22, 0.0, 0.22),
    ("TV", "tv", "Living room", 0.78, 0.14, 0.51, 0.0, None),
    ("TV stand", "tv stand", "Living room", 1.35, 0.46, 0.53, 0.0, 0.53),
    ("Bed", "bed", "Bedroom", 1.41, 2.08, 0.96, 0.0, 0.65),
    ("Bedside table", "bedside table", "Bedroom", 0.49, 0.48, 0.45, 0.0, 0.45),
    ("Wardrobe", "wardrobe", "Bedroom", 0.92, 0.68, 2.00, 0.0, 2.00),
    ("Desk", "desk", "Office", 1.40, 0.81, 0.72, 0.0, 0.72),
    ("Lower cabinet", "base cabinet", "Kitchen", 0.98, 0.62, 0.88, 0.0, 0.83),
    ("Upper cabinet", "wall cabinet", "Kitchen", 0.60, 0.41, 0.72, 1.45, 0.72),
    ("Refrigerator", "refrigerator", "Kitchen", 0.90, 0.96, 1.72, 0.0, 1.72),
    ("Toilets unit", "toilet", "Bathroom", 0.41, 0.54, 0.77, 0.0, 0.77),
    ("Washbasin", "washbasin", "Bathroom", 0.62, 0.62, 0.50, 0.46, 0.33),
    ("Lamp", "table lamp", "Lights", 0.30, 0.30, 0.41, 0.0, None),
    ("Hanging light", "ceiling lamp", "Lights", 0.39, 0.39, 0.66, 1.84, 0.66),
    ("Coffee cup", "cup", "Kitchen", 0.08, 0.08, 0.13, 0.0, 0.13),
    ("Cardboard box", "box", "Miscellaneous", 0.55, 0.35, 0.30, 0.0, 0.30),
)


def furniture_model(row: tuple) -> FurnitureModel:
    name, label, category, width, depth, height, elevation, top = row
    size = (width, depth, height)
    return FurnitureModel(
        f"Test#{name}", name, label, category, size, elevation, top, "nobody", "test", "CC0-1.0", "train"
    )


MODELS = [furniture_model(row) for row in ROWS]


def models_of(*labels: str) -> list[FurnitureModel]:
    return [model for model in MODELS if model.label in labels]
