# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures for people: numbered regions on views, and a sheet of questions with answers.

In: views, one boolean mask per region and view, and lines of text. Out: `PIL.Image.Image`. Only Pillow and NumPy are
used, so the demo needs nothing beyond the package itself; the price is plain typography.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont


# Colours that stay apart for colour-blind readers (Okabe and Ito, 2008), by region number.
REGION_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167))
PAPER, INK, FAINT = (255, 255, 255), (25, 25, 25), (110, 110, 110)


def region_colour(number: int) -> tuple[int, int, int]:
    """Colour of a region, by its number; six colours repeat."""
    return REGION_COLOURS[number % len(REGION_COLOURS)]


def draw_regions(image: Image.Image, masks: Mapping[int, np.ndarray | None]) -> Image.Image:
    """Tint the pixels of each region, outline them, and put the region's number at their centre.

    Args:
        image (`PIL.Image.Image`):
            One view, any mode.
        masks (`Mapping[int, np.ndarray | None]`):
            Region number to boolean mask of shape `(H, W)`, the size of the view; `None` where not visible.

    Returns:
        `PIL.Image.Image`: A new RGB picture of the same size.

    Raises:
        ValueError: If a mask has another size than the view.
    """
    canvas = np.asarray(image.convert("RGB")).astype(np.float32)
    visible = {number: np.asarray(mask, dtype=bool) for number, mask in masks.items() if mask is not None}
    for number, mask in visible.items():
        if mask.shape != canvas.shape[:2]:
            raise ValueError(
                f"The mask of region {number} must have the size of its view {canvas.shape[:2]}, got {mask.shape}. "
                "Pass each view its own masks."
            )
        colour = np.array(region_colour(number), dtype=np.float32)
        edge = mask & ~_shrink(mask, max(1, canvas.shape[1] // 320))
        canvas[mask] = 0.6 * canvas[mask] + 0.4 * colour
        canvas[edge] = colour
    picture = Image.fromarray(canvas.round().astype(np.uint8))
    for number, mask in visible.items():
        if mask.any():
            _draw_number(picture, number, _inner_point(mask))
    return picture


def answer_sheet(
    pictures: Sequence[Image.Image], rows: Sequence[Mapping[str, str]], *, title: str, width: int = 960
) -> Image.Image:
    """Put views side by side above a list of questions, answers and truths.

    Args:
        pictures (`Sequence[PIL.Image.Image]`):
            Views, drawn in one row at equal width.
        rows (`Sequence[Mapping[str, str]]`):
            Each with `"question"`, `"answer"` and, where one is known, `"truth"`.
        title (`str`):
            Headline.
        width (`int`, defaults to 960):
            Width of the sheet, in pixels.

    Returns:
        `PIL.Image.Image`: The sheet, RGB.
    """
    margin, gap = 16, 8
    each = (width - 2 * margin - gap * (len(pictures) - 1)) // len(pictures)
    scaled = [picture.resize((each, round(picture.height * each / picture.width))) for picture in pictures]
    top = margin + 34
    text_top = top + max(picture.height for picture in scaled) + margin
    sheet = Image.new("RGB", (width, text_top + 46 * len(rows) + margin), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((margin, margin), title, fill=INK, font=ImageFont.load_default(20))
    for index, picture in enumerate(scaled):
        sheet.paste(picture, (margin + index * (each + gap), top))
    for index, row in enumerate(rows):
        y = text_top + 46 * index
        draw.text((margin, y), row["question"], fill=FAINT, font=ImageFont.load_default(15))
        draw.text((margin + 16, y + 19), row["answer"], fill=INK, font=ImageFont.load_default(17))
        if row.get("truth"):
            draw.text((width // 2 + 40, y + 20), f"truth: {row['truth']}", fill=FAINT, font=ImageFont.load_default(15))
    return sheet


def _shrink(mask: np.ndarray, steps: int) -> np.ndarray:
    """Erode a mask by a 3x3 cross, `steps` times; the picture's border does not erode."""
    for _ in range(steps):
        padded = np.pad(mask, 1, mode="edge")
        mask = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask


def _inner_point(mask: np.ndarray) -> tuple[int, int]:
    """The mask's pixel nearest to its centre of mass, (column, row): inside even where the centre is not."""
    rows, columns = np.nonzero(mask)
    nearest = ((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2).argmin()
    return int(columns[nearest]), int(rows[nearest])


def _draw_number(picture: Image.Image, number: int, centre: tuple[int, int]) -> None:
    radius = max(7, picture.width // 48)
    draw = ImageDraw.Draw(picture)
    box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
    draw.ellipse(box, fill=INK, outline=region_colour(number), width=max(1, radius // 5))
    draw.text(centre, str(number), fill=PAPER, font=ImageFont.load_default(1.3 * radius), anchor="mm")
