# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""BLINK Relative_Depth: which of two marked points is closer, as regions or from the picture alone.

The set draws its points into the pictures and has no coordinates. `regions=markers` finds the drawn circles,
`regions=file` takes boxes from the user's markers.json, `regions=none` shows the picture alone, which is another task
and has a row of its own.

Source: Fu et al., BLINK: multimodal large language models can see but not perceive, 2024; boxes around the points as
in SpatialRGPT.

May import: siblings.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.answers_sr3d import parse_choice, parse_regions
from transformers_sr3d.evaluation.benchmarks.choice_sets import BLINK_SOURCE, blink_images, read_blink
from transformers_sr3d.evaluation.benchmarks.figures import ALL, Figure, by_group, share
from transformers_sr3d.evaluation.benchmarks.files import MissingDataError, open_picture, text_of
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task, make_record
from transformers_sr3d.json_files import read_object, take, take_numbers
from transformers_sr3d.records.format import Record


QUESTION = "Which is closer to the camera, <region0> or <region1>?"
LETTERS = "AB"
WITH_REGIONS, PICTURE_ONLY, NOT_FOUND = "regions", "picture alone", "markers not found, picture alone"


def read_blink_depth(data: Path, switches: Switches) -> list[Record]:
    """Read the questions.

    Args:
        data (`Path`):
            Folder of the data set, and of markers.json.
        switches (`Switches`):
            `regions`.

    Returns:
        `list[Record]`: `category` says whether the model is given regions.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If it is of another layout, or a question has no marker in the file.
    """
    table = _read_table(data) if switches["regions"] == "file" else None
    records = []
    for where, row, truth in read_blink(data, "Relative_Depth"):
        images = blink_images(row, where)
        boxes: list[Any] | None = None
        if table is not None:
            boxes = [
                take_numbers(take(table, row["idx"], "markers.json"), letter, row["idx"], (4,)) for letter in LETTERS
            ]
        elif switches["regions"] == "markers":
            boxes = _detected(images[0], where)
        sample: dict[str, Any] = {"images": images}
        category = PICTURE_ONLY if switches["regions"] == "none" else NOT_FOUND
        prompt = text_of(row, "prompt", where)
        if boxes is not None:
            sample["regions"] = [{"box_xyxy": [float(number) for number in box], "view": 0} for box in boxes]
            category, prompt = WITH_REGIONS, QUESTION
        records.append(make_record(where, row["idx"], prompt, sample, category, truth))
    return records


def _read_table(data: Path) -> dict[str, Any]:
    path = data / "markers.json"
    if not path.is_file():
        raise MissingDataError(
            f"`--data` must hold markers.json, got none in {data}. Write "
            '{"val_Relative_Depth_1": {"A": [x0, y0, x1, y1], "B": [...]}, ...} in pixels, or say '
            "--switch regions=markers or regions=none."
        )
    return read_object(path)


def _detected(content: bytes, where: str) -> list[list[float]] | None:
    """Boxes around the drawn circles."""
    try:
        from transformers_sr3d.evaluation.benchmarks.markers import find_markers
    except ImportError as error:
        raise ImportError(
            "`--switch regions=markers` needs the package scipy, got none. pip install 'transformers-sr3d[eval]', or "
            "say regions=none."
        ) from error
    markers = find_markers(open_picture(content, where))
    if markers is None:
        return None
    found = [markers[letter] for letter in LETTERS]
    return [[m.x - m.radius, m.y - m.radius, m.x + m.radius, m.y + m.radius] for m in found]


def score_blink_depth(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score a choice between the two points.

    Args:
        truth (`Mapping[str, Any]`):
            `letter` and `options`.
        answer (`str`):
            What the model wrote: a region, or the letter or text of an option.
        switches (`Switches`):
            Not used.

    Returns:
        `dict[str, Any]`: `right`.
    """
    del switches
    regions = parse_regions(answer)
    if regions:
        return {"right": regions[0] == LETTERS.find(truth["letter"])}
    return {"right": parse_choice(answer, truth["options"]) == truth["letter"]}


def blink_depth_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples.
        switches (`Switches`):
            Not used.

    Returns:
        `list[Figure]`: Accuracy with regions and from the picture alone apart; of all where some have no regions.
    """
    del switches
    groups = by_group(samples)
    rows = [share("accuracy", name, [sample["right"] for sample in group]) for name, group in groups.items()]
    return rows if len(groups) == 1 else [share("accuracy", ALL, [s["right"] for s in samples]), *rows]


BLINK_DEPTH = Task(
    name="blink-depth",
    about="BLINK Relative_Depth: which of two marked points is closer",
    source=BLINK_SOURCE,
    layout="Relative_Depth/val-00000-of-00001.parquet in --data; markers.json for --switch regions=file.",
    read=read_blink_depth,
    score=score_blink_depth,
    rows=blink_depth_rows,
    switches={"regions": ("markers", "file", "none")},
)
