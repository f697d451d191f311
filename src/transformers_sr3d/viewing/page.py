# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Shapes of a scene -> one HTML page that opens without a network: 3D view, marked pictures, answer, measurements.

The page holds the drawing library (plotly.js, MIT) itself, about 5 MB. Whatever a person or a file wrote (names,
questions, answers) is escaped before it gets into the page or into a label.

May import: the standard library, NumPy, PIL, `visualization` and siblings, and plotly inside a function.
"""

import base64
import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.viewing.files import mark_pictures, replacing
from transformers_sr3d.viewing.scene_shapes import BOX_EDGES, FRUSTUM_EDGES, SceneShapes, segments
from transformers_sr3d.visualization import region_colour


CAMERA_COLOUR = "#444444"
# Marked pictures in the page: at most so many, at most so wide.
MAX_PICTURES = 12
MAX_PICTURE_WIDTH = 640
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:1.5em auto;padding:0 1em;color:#191919}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}"
    "img{max-width:320px;margin:.3em;vertical-align:top}.note{color:#666}"
)
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "worker-src blob:"
)


def write_page(
    path: str | Path,
    shapes: SceneShapes,
    *,
    title: str,
    question: str | None = None,
    answer: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page.

    Args:
        path (`str` or `Path`):
            Where to write.
        shapes (`SceneShapes`):
            What to show.
        title (`str`):
            Headline, for example the name of the scene.
        question (`str`, *optional*):
            What was asked.
        answer (`Mapping[str, Any]`, *optional*):
            What the pipeline returned.

    Returns:
        `Path`: The file.

    Raises:
        ImportError: If plotly is not installed.
        ValueError: If the answer has no `generated_text`.
    """
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        _answer_part(question, answer),
        _figure(shapes).to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False}),
        f'<p class="note">{len(shapes.points)} points, axes x right, y forward, z up (gravity: {shapes.gravity}), in '
        f"{shapes.unit}; one unit of the model's canonical frame is {shapes.scale:.4g} {shapes.unit}.</p>",
        _companion_part(shapes.companions),
        _picture_part(shapes),
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
    )
    with replacing(Path(path)) as partial:
        partial.write_text(
            f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>',
            encoding="utf-8",
            errors="replace",  # half a surrogate pair in a file name is no reason to have no page
        )
    return Path(path)


def _figure(shapes: SceneShapes) -> Any:
    try:
        import plotly.graph_objects as go
    except ImportError as error:
        raise ImportError(
            "`plotly` must be installed to write a page, got none. Run pip install 'transformers-sr3d[view]', or "
            "write PLY."
        ) from error
    hexadecimal = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in shapes.colours.tolist()]
    figure = go.Figure()
    figure.add_scatter3d(
        **_coordinates(shapes.points),
        mode="markers",
        marker={"size": 1.6, "color": hexadecimal},
        name="points",
        hoverinfo="skip",
    )
    for index, corners in shapes.frusta.items():
        name = f"view {index}"
        figure.add_scatter3d(**_lines(corners, FRUSTUM_EDGES), line={"color": CAMERA_COLOUR, "width": 3}, name=name)
    for region in shapes.regions:
        colour, name = "#{:02x}{:02x}{:02x}".format(*region_colour(region.number)), f"Region {region.number}"
        figure.add_scatter3d(
            **_coordinates(region.points), mode="markers", marker={"size": 2.5, "color": colour}, name=name
        )
        if region.corners is not None:
            box = _lines(region.corners, BOX_EDGES)
            figure.add_scatter3d(**box, line={"color": colour, "width": 5}, name=f"{name}: box")
    titles = {"x": "right", "y": "forward", "z": "up"}
    axes = {f"{axis}axis": {"title": {"text": f"{axis} {way} ({shapes.unit})"}} for axis, way in titles.items()}
    figure.update_layout(
        height=640, margin={"l": 0, "r": 0, "t": 0, "b": 0}, scene={"aspectmode": "data", **axes}, showlegend=True
    )
    return figure


def _coordinates(points: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip("xyz", np.ascontiguousarray(points.T, dtype=np.float32), strict=True))


def _lines(points: np.ndarray, edges: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """Line segments as one broken line: each pair of ends, then a gap."""
    pairs = segments(points, edges)
    broken = np.concatenate((pairs, np.full_like(pairs[:, :1], np.nan)), axis=1).reshape(-1, 3)
    return {**_coordinates(broken), "mode": "lines", "hoverinfo": "name"}


def _answer_part(question: str | None, answer: Mapping[str, Any] | None) -> str:
    asked = "" if question is None else f'<p class="note">{html.escape(question)}</p>'
    if answer is None:
        return asked
    if not isinstance(answer.get("generated_text"), str):
        raise ValueError(
            f"`answer` must be what the pipeline returns, with the text `generated_text`, got the keys "
            f"{sorted(map(str, answer))}. Save it with sr3d ask --json."
        )
    rows = [("The model's answer", answer["generated_text"])]
    quantity = answer.get("quantity")
    if isinstance(quantity, Mapping):
        rows.append(("as a quantity", f"{quantity.get('value')} {quantity.get('unit')}"))
    if answer.get("choice") is not None:
        rows.append(("as a choice", str(answer["choice"])))
    provenance = answer.get("provenance")
    warnings = provenance.get("warnings") or () if isinstance(provenance, Mapping) else ()
    rows += [("warning", str(warning)) for warning in warnings]
    return asked + _table([(html.escape(name), html.escape(text)) for name, text in rows])


def _companion_part(companions: Mapping[str, Any]) -> str:
    if not companions["regions"]:
        return ""
    unit = companions["unit"] or "units of relative depth"
    head = ("", "box, long x short x third side", "width", "height", "measured", "of its outline marked", "")
    rows = [
        (
            f"Region {region['region']}",
            "too few points" if region["box"] is None else " x ".join(_length(side) for side in region["box"]["size"]),
            *(_length(region[name]) for name in ("width", "height")),
            *(_percent(region[name]) for name in ("measured_share", "filled_share")),
            "reaches the edge of an image" if region["touches_border"] else "",
        )
        for region in companions["regions"]
    ]
    pairs = [
        (
            f"Region {pair['regions'][0]} and Region {pair['regions'][1]}",
            _length(pair["distance"]),
            _length(pair["gap"]),
        )
        for pair in companions["pairs"]
    ]
    between = _table([("", "distance of the box centres", "gap of the closest points"), *pairs]) if pairs else ""
    return f"<h2>Geometry</h2><p>{html.escape(companions['label'])}; in {unit}</p>{_table([head, *rows])}{between}"


def _picture_part(shapes: SceneShapes) -> str:
    marked = list(mark_pictures(shapes).items())
    shown = "".join(f'<img src="{_data_uri(picture)}" alt="view {index}">' for index, picture in marked[:MAX_PICTURES])
    more = f'<p class="note">{len(marked) - MAX_PICTURES} more</p>' if len(marked) > MAX_PICTURES else ""
    return f"<h2>Marks</h2>{shown}{more}" if shown else ""


def _data_uri(picture: Image.Image) -> str:
    width = min(picture.width, MAX_PICTURE_WIDTH)
    small = picture.resize((width, max(1, round(picture.height * width / picture.width))))
    file = io.BytesIO()
    small.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _length(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.0f} %"


def _table(rows: list[tuple[str, ...]]) -> str:
    """Rows of cells that are escaped already."""
    return "<table>" + "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows) + "</table>"
