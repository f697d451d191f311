# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Draw the gallery of the documentation: python tools/room_gallery.py FURNITURE

In: the package sweethome3d-furniture (.deb), its unpacked folder or a furniture pack. Out: docs/rooms_gallery.jpg with
one view each of the first twelve test rooms whose photo shows enough, and docs/rooms_gallery_attribution.md with the
authors of what they show.
"""

import sys
from itertools import count, islice
from pathlib import Path

import numpy as np
from PIL import Image

from transformers_sr3d.rooms.furniture.pack import attribution_text, open_furniture
from transformers_sr3d.rooms.rendering.scenes import FurnishedScene, SceneSettings, make_scene


ROWS, COLUMNS = 3, 4
TILE = (256, 192)  # width and height, pixels
MIN_OBJECTS, MIN_PIXELS = 5, 200
JPEG_QUALITY = 85
MAX_BYTES = 250_000
DOCS = Path(__file__).parent.parent / "docs"


def fill_tile(image: np.ndarray) -> Image.Image:
    """Cut an image to the shape of a tile and bring it to its size."""
    height, width = image.shape[:2]
    scale = max(TILE[0] / width, TILE[1] / height)
    picture = Image.fromarray(image).resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    left, top = (picture.width - TILE[0]) // 2, (picture.height - TILE[1]) // 2
    return picture.crop((left, top, left + TILE[0], top + TILE[1]))


def enough_objects(scene: FurnishedScene) -> bool:
    return sum(thing.visible_pixels[0] >= MIN_PIXELS for thing in scene.facts.objects) >= MIN_OBJECTS


def main() -> None:
    furniture = open_furniture(sys.argv[1])
    settings = SceneSettings(image_size=320, photo_share=1.0)
    photos = filter(enough_objects, (make_scene(furniture, "test", 0, index, settings) for index in count()))
    sheet = Image.new("RGB", (COLUMNS * TILE[0], ROWS * TILE[1]))
    models = {}
    for place, scene in enumerate(islice(photos, ROWS * COLUMNS)):
        row, column = divmod(place, COLUMNS)
        sheet.paste(fill_tile(scene.views[0].image), (column * TILE[0], row * TILE[1]))
        for thing, facts in zip(scene.room.objects, scene.facts.objects, strict=True):
            if facts.visible_pixels.any():
                models[thing.model.key] = thing.model
    path = DOCS / "rooms_gallery.jpg"
    sheet.save(path, quality=JPEG_QUALITY, optimize=True)
    if path.stat().st_size > MAX_BYTES:
        sys.exit(f"{path} has {path.stat().st_size} bytes, more than {MAX_BYTES}; lower JPEG_QUALITY or TILE")
    text = "# Furniture in the gallery of rooms\n\n" + attribution_text([models[key] for key in sorted(models)])
    (DOCS / "rooms_gallery_attribution.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
