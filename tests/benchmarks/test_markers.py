# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Markers: circles and letters in several styles are found where they were drawn; doubtful pictures give none."""

import io

import numpy as np
import official_files
import pytest
from PIL import Image, ImageDraw, ImageFont

from transformers_sr3d.evaluation.benchmarks.markers import find_markers
from transformers_sr3d.evaluation.benchmarks.tasks import find_task


PLACES = {"A": (120, 200), "B": (400, 140)}


def noisy(seed=0):
    """A picture without pure red, white or black."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(70, 170, (12, 16, 3)).astype(np.uint8)
    return Image.fromarray(blocks).resize((640, 480), Image.Resampling.BICUBIC)


def draw(picture, places, *, radius=10, filled=False, colour="white", label_box=None, letters="AB"):
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(24)
    for letter, (x, y) in zip(letters, places.values(), strict=True):
        fill = (255, 0, 0) if filled else None
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], outline=(255, 0, 0), width=3, fill=fill)
        corner = (x + radius + 6, y - 16)
        if label_box is not None:
            pen.rectangle([corner[0] - 3, corner[1], corner[0] + 22, corner[1] + 30], fill=label_box)
        pen.text(corner, letter, fill=colour, font=font)
    return picture


STYLES = [
    {},
    {"filled": True},
    {"radius": 16},
    {"colour": "black"},
    {"colour": "white", "label_box": (0, 0, 0)},
    {"colour": (0, 0, 0), "label_box": (250, 250, 250)},
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", range(3))
def test_markers_are_found_where_they_were_drawn(style, seed):
    found = find_markers(draw(noisy(seed), PLACES, **style))
    assert found is not None
    for letter, (x, y) in PLACES.items():
        assert found[letter].x == pytest.approx(x, abs=1.0)
        assert found[letter].y == pytest.approx(y, abs=1.0)
        assert found[letter].radius == pytest.approx(style.get("radius", 10), abs=2.0)


def test_other_circles_do_not_matter():
    found = find_markers(draw(noisy(), {**PLACES, "C": (300, 380)}, letters="ABC"))
    assert found["A"].x == pytest.approx(PLACES["A"][0], abs=1.0)


def test_letters_and_not_their_order_decide():
    swapped = {"B": PLACES["A"], "A": PLACES["B"]}
    found = find_markers(draw(noisy(), swapped, letters="BA"))
    assert found["B"].x == pytest.approx(PLACES["A"][0], abs=1.0)


@pytest.mark.parametrize("spoil", ["no letters", "two A", "one circle", "two A and a B", "no circle"])
def test_what_is_in_doubt_is_none(spoil):
    picture = noisy()
    if spoil == "two A":
        draw(picture, PLACES, letters="AA")
    elif spoil == "no letters":
        draw(picture, PLACES, colour=(120, 120, 120))
    elif spoil == "one circle":
        draw(picture, {"A": PLACES["A"]}, letters="A")
    elif spoil == "two A and a B":
        draw(picture, {**PLACES, "C": (300, 380)}, letters="ABA")
    assert find_markers(picture) is None


def test_questions_with_and_without_markers_have_rows_of_their_own(tmp_path):
    buffer = io.BytesIO()
    draw(noisy(), PLACES).save(buffer, "PNG")
    task = find_task("blink-depth")
    with_markers = official_files.write_blink(tmp_path / "a", "Relative_Depth", buffer.getvalue())
    records = task.read(with_markers, task.read_switches([]))
    assert [record.category for record in records] == ["regions"] * 2
    assert records[0].sample["regions"][0]["box_xyxy"] == pytest.approx([110, 190, 130, 210], abs=2)
    assert records[0].turns[0][0] == "Which is closer to the camera, <region0> or <region1>?"
    alone = task.read(with_markers, task.read_switches(["regions=none"]))
    assert [record.category for record in alone] == ["picture alone"] * 2
    assert "regions" not in alone[0].sample
    plain = official_files.write_blink(tmp_path / "b", "Relative_Depth")
    assert task.read(plain, task.read_switches([]))[0].category == "markers not found, picture alone"
    boxes = {f"val_Relative_Depth_{k}": {"A": [1, 2, 9, 9], "B": [20, 20, 30, 30]} for k in (1, 2)}
    official_files.write_json(plain / "markers.json", boxes)
    given = task.read(plain, task.read_switches(["regions=file"]))
    assert given[1].sample["regions"][1]["box_xyxy"] == [20, 20, 30, 30]
