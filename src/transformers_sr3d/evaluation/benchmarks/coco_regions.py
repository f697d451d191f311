# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""COCO 2017: name the object in a box or mask, out of 80 names. Accuracy and mAP with the true boxes.

Source: the protocol of RegionGPT and SpatialRGPT: objects that are no crowd, one at a time; the name is what stands
before the first comma, in lower case; mAP by COCO's own code with the true boxes and a score of one. `crop=reference`
cuts a square around the box as their code does, whose test for leaving the picture compares with the short side.

May import: pycocotools when mAP is computed, and siblings.
"""

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers_sr3d.evaluation.benchmarks.figures import ALL, Figure, by_group, not_computed, share
from transformers_sr3d.evaluation.benchmarks.files import MissingDataError, find_files, name_rows
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task, make_record
from transformers_sr3d.json_files import read_object, take_list
from transformers_sr3d.records.format import Record


QUESTION = (
    "What is the object in <region0>? Answer the question using a single word or phrase from COCO-80 categories."
)
SOURCE = (
    "Get val2017.zip and annotations_trainval2017.zip from https://cocodataset.org/#download (annotations CC BY 4.0; "
    "the pictures under the terms of Flickr)."
)
LAYOUT = "annotations/instances_val2017.json and val2017/ in --data."
EXACT, BEFORE_COMMA = "accuracy", "accuracy, before the first comma"


def read_coco_regions(data: Path, switches: Switches) -> list[Record]:
    """Read the objects.

    Args:
        data (`Path`):
            Folder of COCO.
        switches (`Switches`):
            `prompt` and `crop`.

    Returns:
        `list[Record]`: `truth` is `{"name": ..., "image": ..., "box_xywh": [...]}`.

    Raises:
        FileNotFoundError: If the annotations or a picture are missing.
        ValueError: If they are of another layout.
    """
    path = find_files(data, ["annotations/instances_val2017.json", "instances_val2017.json"], SOURCE)[0]
    content = read_object(path)
    tables = {
        key: [row for _, row in name_rows(take_list(content, key, path.name, least=1), f"{path.name} {key}", needed)]
        for key, needed in (("categories", ("id", "name")), ("images", ("id",)), ("annotations", ("id",)))
    }
    names = {str(entry["id"]): str(entry["name"]).lower() for entry in tables["categories"]}
    images = {str(entry["id"]): entry for entry in tables["images"]}
    objects = [entry for entry in tables["annotations"] if entry.get("iscrowd", 0) == 0]
    return [_record(data, f"{path.name}#{entry['id']}", entry, images, names, switches) for entry in objects]


def _record(
    data: Path,
    where: str,
    entry: Mapping[str, Any],
    images: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str],
    switches: Switches,
) -> Record:
    try:
        image, name = images[str(entry["image_id"])], names[str(entry["category_id"])]
        x, y, width, height = (float(number) for number in entry["bbox"])
        picture, size = data / "val2017" / Path(image["file_name"]).name, (int(image["width"]), int(image["height"]))
        box = _whole_pixels(x, width, size[0]), _whole_pixels(y, height, size[1])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{where}: must be an object of COCO, got {error!r} in it. Download it again.") from error
    if not picture.is_file():
        raise MissingDataError(f"{where}: `--data` must hold val2017/{picture.name}, got none there. {SOURCE}")
    corners = [box[0][0], box[1][0], box[0][1], box[1][1]]
    region = (
        _mask(entry.get("segmentation"), where)
        if switches["prompt"] == "mask"
        else [{"box_xyxy": corners, "region": 0}]
    )
    sample: dict[str, Any] = {"images": [str(picture)], "size_wh": size, "regions": region}
    if switches["crop"] == "reference":
        sample["crop"] = reference_crop((x, y, width, height), size)
    truth = {"name": name, "image": entry["image_id"], "box_xywh": entry["bbox"]}
    return make_record(where, str(entry["id"]), QUESTION, sample, ALL, truth)


def _whole_pixels(start: float, extent: float, length: int) -> tuple[int, int]:
    """The pixels that a side of a box touches, at least one of the picture's."""
    low = min(max(0, math.floor(start)), length - 1)
    return low, min(max(math.ceil(start + extent), low + 1), length)


def _mask(segmentation: Any, where: str) -> list[dict[str, Any]]:
    """Polygons of one object, or its run lengths."""
    if isinstance(segmentation, dict):
        return [{"mask": segmentation, "region": 0}]
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError(f"{where}: `segmentation` must be polygons or run lengths, got {segmentation!r:.60}.")
    return [{"polygon": segmentation, "region": 0}]


def reference_crop(box_xywh: Sequence[float], size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Find the square that the reference code cuts out.

    Args:
        box_xywh (`Sequence[float]`):
            Left, top, width and height of the object.
        size_wh (`tuple[int, int]`):
            Of the picture.

    Returns:
        `tuple[int, int, int, int]`: Left, top, right, bottom, in whole pixels; the whole picture for a box that is
        larger than its short side. A right or lower end beyond the *short side* moves the square to the far edge of
        the picture, even where there was room, and may cut the object: figures as published need that.
    """
    x, y, width, height = box_xywh
    side = min(size_wh)
    if width > side or height > side:
        return 0, 0, *size_wh
    spans = []
    for start, extent, length in ((x, width, size_wh[0]), (y, height, size_wh[1])):
        low = int(start + extent / 2 - side / 2)
        if low < 0:
            low = 0
        elif low + side > side:
            low = length - side
        spans.append((low, low + side))
    (left, right), (top, bottom) = spans
    return left, top, right, bottom


def predicted_name(answer: str) -> str:
    """Take the name out of an answer.

    Args:
        answer (`str`):
            What the model wrote.

    Returns:
        `str`: What stands before the first comma, in lower case.
    """
    return answer.split(",")[0].strip().lower()


def score_coco_regions(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score a name.

    Args:
        truth (`Mapping[str, Any]`):
            `name`.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            Not used.

    Returns:
        `dict[str, Any]`: `right`: the answer is the name, letter by letter, as the reference code counts; `named`:
        what stands before the first comma is, in any case.
    """
    del switches
    return {"right": answer == truth["name"], "named": predicted_name(answer) == truth["name"]}


def coco_regions_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples.
        switches (`Switches`):
            Not used.

    Returns:
        `list[Figure]`: Accuracy, mAP, and the accuracy of each class.
    """
    del switches
    rows = [share(EXACT, ALL, [s["right"] for s in samples]), share(BEFORE_COMMA, ALL, [s["named"] for s in samples])]
    if find_spec("pycocotools") is None:
        note = "not computed: the package pycocotools is missing. pip install 'transformers-sr3d[eval]'."
        rows.append(not_computed("mAP", ALL, len(samples), note))
    else:
        rows.append(Figure("mAP", ALL, 100.0 * mean_average_precision(samples), None, None, len(samples)))
    named = by_group([sample | {"name": sample["truth"]["name"]} for sample in samples], "name")
    return rows + [share(EXACT, name, [s["right"] for s in group]) for name, group in named.items()]


def mean_average_precision(samples: Sequence[dict[str, Any]]) -> float:
    """Compute AP over IoU 0.5 to 0.95 of the predicted names at the true boxes.

    Args:
        samples (`Sequence[dict]`):
            With `truth` and `answer`. A name that is none of the truths is left out: the average is over classes that
            have an object.

    Returns:
        `float`: From 0 to 1.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    names = {name: number for number, name in enumerate(sorted({s["truth"]["name"] for s in samples}), start=1)}
    objects, found = [], []
    for number, sample in enumerate(samples, start=1):
        truth = sample["truth"]
        box = [float(value) for value in truth["box_xywh"]]
        shown = {"image_id": truth["image"], "bbox": box}
        objects.append(
            shown | {"id": number, "category_id": names[truth["name"]], "iscrowd": 0, "area": box[2] * box[3]}
        )
        name = predicted_name(sample["answer"])
        if name in names:
            found.append(shown | {"category_id": names[name], "score": 1.0})
    if not found:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        official = COCO()
        official.dataset = {
            "info": {},
            "images": [{"id": image} for image in sorted({entry["image_id"] for entry in objects})],
            "annotations": objects,
            "categories": [{"id": number, "name": name} for name, number in names.items()],
        }
        official.createIndex()
        evaluation = COCOeval(official, official.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return max(0.0, float(evaluation.stats[0]))


COCO_REGIONS = Task(
    name="coco-regions",
    about="names of objects in boxes or masks, out of 80 (accuracy, mAP)",
    source=SOURCE,
    layout=LAYOUT,
    read=read_coco_regions,
    score=score_coco_regions,
    rows=coco_regions_rows,
    switches={"prompt": ("box", "mask"), "crop": ("none", "reference")},
    max_new_tokens=64,
)
