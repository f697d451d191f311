# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Marked things in one real Kinect frame: its folder -> masks, lengths of the depth map, and questions about them.

`objects.json` beside the photo holds polygons around things, and lengths that were measured on the points inside
them: of the box that `box_from_points` fits, with gravity taken as that of a level camera. So the truth is what the
depth map says of the marked pixels, not what a tape measure would say of the thing.

This module may import numpy, and of this package `rooms`, `evaluation` and the readers of pictures and cameras.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.evaluation.metrics import is_within_ratio
from transformers_sr3d.evaluation.rooms.oracle import MeasuredRegion, measure_regions, oracle_answer
from transformers_sr3d.evaluation.rooms.room_scores import is_right, stated_quantity
from transformers_sr3d.image_files_sr3d import load_image_rgb, open_image
from transformers_sr3d.json_files import read_object, take, take_list, take_numbers, take_text
from transformers_sr3d.region_masks_sr3d import polygon_mask
from transformers_sr3d.rooms.questions.contents import Content
from transformers_sr3d.rooms.questions.conversations import RoomQuestion, write_question
from transformers_sr3d.rooms.questions.phrasings import TEST_SPLIT


PHOTO_FOLDER = Path(__file__).resolve().parents[3] / "demo" / "data" / "kinect_bookcase"
PHOTO_FILES = ("color.png", "depth_mm.png", "cameras.json", "objects.json")
OBJECTS_OF_KIND = {"width": 1, "height": 1, "distance": 2}
KINDS = tuple(OBJECTS_OF_KIND)
MARKINGS = ("masks", "boxes")
SMALLEST_LENGTH_M, LARGEST_LENGTH_M = 1e-4, 1e3
MAX_REPEATS = 10  # a kind has some twenty phrasings, and all wordings of a quantity differ


@dataclass(frozen=True)
class PhotoQuantity:
    """A length that the depth map of the photo knows.

    Attributes:
        kind (`str`): One of `KINDS`.
        objects (`tuple[str, ...]`): Names of one marked thing, or of two for a distance.
        metres (`float`): Measured on the points inside the marks.
    """

    kind: str
    objects: tuple[str, ...]
    metres: float


@dataclass(frozen=True)
class MarkedPhoto:
    """The photo with its marks.

    Attributes:
        views (`dict[str, Any]`): Arguments of the processor but for the regions.
        masks (`dict[str, np.ndarray]`): By name, boolean, of the size of the picture.
        quantities (`tuple[PhotoQuantity, ...]`): What is asked.
    """

    views: dict[str, Any]
    masks: dict[str, np.ndarray]
    quantities: tuple[PhotoQuantity, ...]


def read_photo(folder: str | Path = PHOTO_FOLDER) -> MarkedPhoto:
    """Read the photo and its marks.

    Args:
        folder (`str` or `Path`, *optional*):
            Has the files of `PHOTO_FILES`.

    Returns:
        `MarkedPhoto`: Polygons as masks.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a picture is damaged, depth, camera or marks do not fit it, a key is missing or holds something
            else, or a quantity is of an unknown kind, names a thing that is not marked, or has no positive length.
    """
    folder = Path(folder)
    missing = [name for name in PHOTO_FILES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"`folder` must hold {', '.join(PHOTO_FILES)}, got {str(folder)!r} without {', '.join(missing)}. "
            "Give the folder demo/data/kinect_bookcase of the source tree."
        )
    views = _read_views(folder)
    marks, where = read_object(folder / "objects.json"), repr(str(folder / "objects.json"))
    size_hw = (views["images"][0].height, views["images"][0].width)
    _check_size(marks, size_hw, where)
    masks: dict[str, np.ndarray] = {}
    for index, thing in enumerate(take_list(marks, "objects", where, least=1)):
        name, mask = _read_mask(thing, size_hw, f"objects[{index}] of {where}")
        if name in masks:
            raise ValueError(f"`name` of objects[{index}] of {where} must be new, got {name!r} again. Rename one.")
        masks[name] = mask
    entries = take_list(marks, "quantities", where, least=1)
    quantities = [
        _read_quantity(entry, masks, f"quantities[{index}] of {where}") for index, entry in enumerate(entries)
    ]
    return MarkedPhoto(views, masks, tuple(quantities))


def _read_views(folder: Path) -> dict[str, Any]:
    """Read picture, depth and camera, and see that the processor takes them."""
    color = load_image_rgb(folder / "color.png", str(folder / "color.png"), pixel_aligned=True)
    depth, _ = open_image(folder / "depth_mm.png", str(folder / "depth_mm.png"))
    camera, where = read_object(folder / "cameras.json"), repr(str(folder / "cameras.json"))
    _check_size(camera, (color.height, color.width), where)
    for key, word in (("depth_unit", "mm"), ("camera_axes", "opencv")):
        if camera.get(key) is not None:
            take_text(camera, key, where, among=(word,))
    views = {
        "images": [color],
        "depths": [depth],
        "depth_unit": "mm",
        "intrinsics": take(camera, "intrinsics", where),
    }
    try:
        prepare_views(**views)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`folder` must hold a picture with its depth and camera, got {str(folder)!r}: {error}"
        ) from error
    return views


def _check_size(entry: Mapping[str, Any], size_hw: tuple[int, int], where: str) -> None:
    if entry.get("image_size_hw") is None:
        return
    stated = take_numbers(entry, "image_size_hw", where, (2,), low=1, kinds=(int,))
    if tuple(stated) != size_hw:
        raise ValueError(
            f"`image_size_hw` of {where} must be that of the picture, {size_hw}, got {stated.astype(int).tolist()}. "
            "Take the files of one photo."
        )


def _read_mask(thing: Any, size_hw: tuple[int, int], where: str) -> tuple[str, np.ndarray]:
    name = take_text(thing, "name", where)
    try:
        mask = polygon_mask(take_list(thing, "polygon", where), size_hw, f"polygon of {where}")
    except TypeError as error:
        raise ValueError(str(error)) from error
    if not mask.any():
        raise ValueError(f"`polygon` of {where} must hold the middle of a pixel, got none in it. Draw it larger.")
    return name, mask


def _read_quantity(entry: Any, masks: Mapping[str, np.ndarray], where: str) -> PhotoQuantity:
    kind = take_text(entry, "kind", where, among=KINDS)
    names = take_list(entry, "objects", where)
    metres = float(take_numbers(entry, "metres", where, (), low=SMALLEST_LENGTH_M, high=LARGEST_LENGTH_M))
    is_known = all(isinstance(name, str) and name in masks for name in names)
    if not is_known or not len(set(names)) == len(names) == OBJECTS_OF_KIND[kind]:
        raise ValueError(
            f"`objects` of {where} must be the names of {OBJECTS_OF_KIND[kind]} marked things, got {names}. Correct "
            "the file, or mark them."
        )
    return PhotoQuantity(kind, tuple(names), metres)


def make_samples(photo: MarkedPhoto, *, repeats: int, seed: int) -> list[dict[str, Any]]:
    """Write the questions and what the oracle answers.

    Args:
        photo (`MarkedPhoto`):
            The photo.
        repeats (`int`):
            Wordings per quantity.
        seed (`int`):
            Of the wordings.

    Returns:
        `list[dict[str, Any]]`: Ready for JSON. `marking` (one of `MARKINGS`), `quantity` (place in the photo's list),
        `kind`, `objects`, `metres`, `question`, `reference`, `held_out`, `oracle_metres` (None where a region has no
        measured points), `oracle_right`, and `constant_right` for the one answer to the kind that is right most often.
    """
    boxes = {marking: _measure_objects(photo, marking) for marking in MARKINGS}
    constants = {kind: _best_constant([q.metres for q in photo.quantities if q.kind == kind]) for kind in KINDS}
    samples = []
    for marking in MARKINGS:
        for place, quantity in enumerate(photo.quantities):
            # Numbered as in the questions: each has regions of its own.
            measured = {i: boxes[marking][name] for i, name in enumerate(quantity.objects) if name in boxes[marking]}
            for question in write_questions(quantity, repeats, np.random.default_rng([seed, place])):
                oracle = oracle_answer(question, measured)
                samples.append(
                    {
                        "marking": marking,
                        "quantity": place,
                        **asdict(quantity),
                        "objects": list(quantity.objects),
                        "question": question.text,
                        "reference": question.answer,
                        "held_out": question.held_out,
                        "oracle_metres": None if oracle is None else stated_quantity(question, oracle),
                        "oracle_right": oracle is not None and is_right(question, oracle),
                        "constant_right": is_within_ratio(constants[quantity.kind], quantity.metres),
                    }
                )
    return samples


def _best_constant(lengths: Sequence[float]) -> float:
    """The first of some lengths that is close to most of them; zero if there are none."""
    return max(lengths, key=lambda guess: sum(is_within_ratio(guess, length) for length in lengths), default=0.0)


def _measure_objects(photo: MarkedPhoto, marking: str) -> dict[str, MeasuredRegion]:
    """Boxes by name around the points that the prompts of one marking mark."""
    names = list(photo.masks)
    boxes, _ = measure_regions({**photo.views, "regions": mark(photo, names, marking)})
    return {} if boxes is None else {names[number]: box for number, box in boxes.items()}


def mark(photo: MarkedPhoto, names: Sequence[str], marking: str) -> list[dict[str, Any]]:
    """Make the regions of a question.

    Args:
        photo (`MarkedPhoto`):
            The photo.
        names (`Sequence[str]`):
            Things, in the order of their numbers.
        marking (`str`):
            One of `MARKINGS`: the masks, or the tight boxes around them.

    Returns:
        `list[dict[str, Any]]`: Regions as the processor takes them.
    """
    if marking == "masks":
        return [{"mask": photo.masks[name], "view": 0} for name in names]
    return [{"box_xyxy": _tight_box(photo.masks[name]), "view": 0} for name in names]


def _tight_box(mask: np.ndarray) -> list[int]:
    """Pixel edges of the smallest box around a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def write_questions(quantity: PhotoQuantity, repeats: int, rng: np.random.Generator) -> list[RoomQuestion]:
    """Put a quantity into words of the test split, each time in others.

    Args:
        quantity (`PhotoQuantity`):
            What is asked; its things are the regions 0 and 1.
        repeats (`int`):
            Number of wordings.
        rng (`np.random.Generator`):
            Source of randomness.

    Returns:
        `list[RoomQuestion]`: With different texts.
    """
    content = Content(
        category=quantity.kind,
        key=(quantity.kind, *quantity.objects),
        kind=quantity.kind,
        answer_kind=quantity.kind,
        form="open",
        scoring="length",
        regions=dict(zip("ab", range(len(quantity.objects)), strict=False)),
        truth={"metres": quantity.metres, "value": quantity.metres},
    )
    questions: dict[str, RoomQuestion] = {}
    while len(questions) < repeats:
        question = write_question(content, TEST_SPLIT, rng)
        questions.setdefault(question.text, question)
    return list(questions.values())
