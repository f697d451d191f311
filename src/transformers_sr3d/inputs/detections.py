# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, regions that a detector or an annotator found: COCO, LVIS or `supervision` -> regions of the processor.

    COCO          `bbox` is x, y, width, height in pixel edges; `segmentation` is polygons or run lengths
    COCO results  a list of the same with `image_id`, `category_id` and `score`
    LVIS          COCO with the file's name at the end of `coco_url`
    supervision   `xyxy` in pixel edges, `mask` `(n, H, W)`, `tracker_id` the same for one thing in several views

Sources: cocodataset.org/#format-data and #format-results, lvisdataset.org/dataset, supervision 0.31
(`supervision.detection.core.Detections`), whose objects are read by these attributes: it need not be installed.

May import: NumPy and siblings in `inputs`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transformers_sr3d.inputs.files import read_json


UNTRACKED = -1  # of supervision, where a tracker has not taken a detection up


class Detection(NamedTuple):
    """A region that somebody found.

    Attributes:
        region (`dict`): As the processor takes it: `view`, and `polygon`, `mask` or `box_xyxy`; with tracks, `region`.
        name (`str`): Of its category.
        score (`float`, *optional*): The detector's confidence, 0 to 1.
    """

    region: dict[str, Any]
    name: str
    score: float | None


def detections_from_coco(
    source: str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    images: Sequence[str | int],
    *,
    categories: Mapping[int, str] | None = None,
    min_score: float = 0.0,
) -> list[Detection]:
    """Read the annotations of some images.

    Args:
        source (`str`, `Path`, `Mapping` or `Sequence[Mapping]`):
            A JSON file of COCO or LVIS annotations or COCO results, or what it holds.
        images (`Sequence[str | int]`):
            The image of each view, by file name or image id.
        categories (`Mapping[int, str]`, *optional*):
            Names by category id; needed for results, which hold none.
        min_score (`float`, defaults to 0.0):
            Detections with a lower score are left out.

    Returns:
        `list[Detection]`: In the order of the views, and of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no COCO file, an image is not in it, or an entry lacks a key; the message names the entry.
    """
    where, content = _load(source)
    annotations = content if isinstance(content, list) else content.get("annotations")
    _check_entries(annotations, f"{where}['annotations']", ("image_id", "category_id"))
    tables = {} if isinstance(content, list) else content
    image_ids = [_image_id(image, tables, annotations, where) for image in images]
    names = dict(categories) if categories is not None else _category_names(tables, where)
    found = [
        _from_annotation(annotation, view, names, f"{where}['annotations'][{number}]")
        for view, image_id in enumerate(image_ids)
        for number, annotation in enumerate(annotations)
        if annotation["image_id"] == image_id
    ]
    return [detection for detection in found if detection.score is None or detection.score >= min_score]


def detections_from_supervision(detections_of_views: Sequence[Any], *, min_score: float = 0.0) -> list[Detection]:
    """Take over what `supervision` holds.

    Args:
        detections_of_views (`Sequence[supervision.Detections]`):
            One for each view, in the order of the views.
        min_score (`float`, defaults to 0.0):
            Detections with a lower confidence are left out.

    Returns:
        `list[Detection]`: In the order of the views. If all have a `tracker_id`, one track is one region: its entries
        share a `region` number, in the order of first appearance. What the tracker has not taken up (-1) is a region
        of its own.

    Raises:
        TypeError: If an entry is no `Detections`.
        ValueError: If a box is not finite or has no size.
    """
    found: list[Detection] = []
    tracks: list[Any] = []
    for view, detections in enumerate(detections_of_views):
        if not hasattr(detections, "xyxy"):
            raise TypeError(
                f"`detections_of_views[{view}]` must be a supervision `Detections`, got {type(detections).__name__}. "
                "Pass a list with one for each view, also for one view."
            )
        for row in range(len(detections.xyxy)):
            detection = _from_supervision(detections, row, view)
            if detection.score is None or detection.score >= min_score:
                found.append(detection)
                track = None if detections.tracker_id is None else int(detections.tracker_id[row])
                tracks.append((view, row) if track == UNTRACKED else track)
    if None in tracks:
        return found
    numbers = {track: number for number, track in enumerate(dict.fromkeys(tracks))}
    return [
        detection._replace(region={**detection.region, "region": numbers[track]})
        for detection, track in zip(found, tracks, strict=True)
    ]


def _load(source: Any) -> tuple[str, Any]:
    """Return how messages call the source, and its content."""
    is_file = isinstance(source, str | Path)
    where, content = (str(source), read_json(Path(source))) if is_file else ("source", source)
    if not isinstance(content, Mapping | list):
        raise ValueError(
            f"`{where}` must be COCO annotations (a dictionary with `images`, `annotations` and `categories`) or COCO "
            f"results (a list), got {type(content).__name__}. Pass such a file or its content."
        )
    return where, content


def _check_entries(entries: Any, where: str, required: Sequence[str]) -> None:
    if not isinstance(entries, list):
        raise ValueError(f"`{where}` must be a list, got {type(entries).__name__}. Pass a COCO file.")
    for number, entry in enumerate(entries):
        missing = [key for key in required if not isinstance(entry, Mapping) or key not in entry]
        if missing:
            raise ValueError(f"`{where}[{number}]` must have the key {missing[0]!r}, got none. Repair the file.")
        bad = [key for key in required if not isinstance(entry[key], int | str)]
        if bad:
            raise ValueError(
                f"`{where}[{number}][{bad[0]!r}]` must be a number or a name, got {entry[bad[0]]!r}. Repair the file."
            )


def _image_id(image: str | int, tables: Mapping[str, Any], annotations: list[Any], where: str) -> int:
    """Look an image up; results know images by id alone."""
    if isinstance(image, int):
        known = {entry["image_id"] for entry in annotations} | {entry.get("id") for entry in _table(tables, "images")}
        matches = [image] if image in known else []
    else:
        entries = _table(tables, "images")
        _check_entries(entries, f"{where}['images']", ("id",))
        matches = [entry["id"] for entry in entries if image in (_file_name(entry), Path(_file_name(entry)).name)]
    if len(matches) != 1:
        raise ValueError(
            f"`images` must name images of {where}, got {image!r}, which fits {len(matches)} of them. Pass the "
            "`file_name` or the image id; COCO results know ids only."
        )
    return matches[0]


def _table(tables: Mapping[str, Any], name: str) -> list[Any]:
    table = tables.get(name, [])
    return [entry for entry in table if isinstance(entry, Mapping)] if isinstance(table, list) else []


def _file_name(entry: Mapping[str, Any]) -> str:
    """The name of an image's file; LVIS has the address alone."""
    return str(entry.get("file_name") or str(entry.get("coco_url", "")).rsplit("/", 1)[-1])


def _category_names(tables: Mapping[str, Any], where: str) -> dict[int, str]:
    entries = _table(tables, "categories")
    _check_entries(entries, f"{where}['categories']", ("id", "name"))
    return {entry["id"]: str(entry["name"]) for entry in entries}


def _from_annotation(annotation: Mapping[str, Any], view: int, names: Mapping[int, str], where: str) -> Detection:
    category = annotation["category_id"]
    if category not in names:
        raise ValueError(
            f"`{where}['category_id']` must be one of the {len(names)} categories, got {category!r}. "
            "Pass `categories`, which results need."
        )
    score = annotation.get("score")
    if score is not None and not (isinstance(score, int | float) and 0 <= score <= 1):
        raise ValueError(f"`{where}['score']` must be a number from 0 to 1, got {score!r}. Repair the file.")
    return Detection({"view": view, **_shape(annotation, where)}, names[category], score)


def _shape(annotation: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The most exact shape that an annotation has."""
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, Mapping):
        return {"mask": dict(segmentation)}
    if isinstance(segmentation, list) and segmentation:
        return {"polygon": segmentation}
    box: Any = annotation.get("bbox")
    is_box = isinstance(box, list | tuple) and len(box) == 4 and all(isinstance(side, int | float) for side in box)
    if not is_box or not np.isfinite(box).all() or min(box[2:]) <= 0:
        raise ValueError(
            f"`{where}['bbox']` must be x, y, width and height in pixels with positive sides, got {box!r}. "
            "Repair the file, or leave the entry out."
        )
    left, top, width, height = box
    return {"box_xyxy": [left, top, left + width, top + height]}


def _from_supervision(detections: Any, row: int, view: int) -> Detection:
    region: dict[str, Any] = {"view": view}
    if detections.mask is not None:
        region["mask"] = np.asarray(detections.mask[row], dtype=bool)
    else:
        left, top, right, bottom = box = [float(edge) for edge in detections.xyxy[row]]
        if not np.isfinite(box).all() or left >= right or top >= bottom:
            raise ValueError(
                f"`detections_of_views[{view}].xyxy[{row}]` must be finite left, top, right and bottom edges, got "
                f"{box}. Leave the detection out."
            )
        region["box_xyxy"] = box
    names = (detections.data or {}).get("class_name")
    known_name = None if names is None else str(names[row])
    number = None if detections.class_id is None else int(detections.class_id[row])
    name = known_name or ("object" if number is None else f"class {number}")
    score = None if detections.confidence is None else float(detections.confidence[row])
    return Detection(region, name, score)
