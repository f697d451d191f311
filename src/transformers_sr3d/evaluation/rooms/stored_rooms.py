# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A room that `sr3d render` wrote, before it is asked about: its folder -> facts and instance maps, or an error.

Questions come from `room.json` and what the model sees from `scene.json` and its pictures. Where the two do not tell
of the same views, every score would be wrong without a word, so they are compared: sizes, cameras, and how many pixels
show each object.

This module may import numpy, `rooms` and the readers of pictures and scenes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from transformers_sr3d.image_files_sr3d import open_image
from transformers_sr3d.inputs.scene import load_scene_instances
from transformers_sr3d.json_files import read_object, take_list, take_numbers, take_text
from transformers_sr3d.rooms.rendering.scene_folder import FACTS_FILE
from transformers_sr3d.rooms.world import SPLITS, RoomFacts


SMALLEST_LENGTH_M = 1e-5  # `room.json` has five digits
LARGEST_SEED = 2.0**64
CAMERA_TOLERANCE = 1e-4  # of the digits that it leaves out
RENDER_AGAIN = "Delete the folder and render the scene again."


def read_room_file(folder: Path) -> RoomFacts:
    """Read the facts of a room, checked.

    Args:
        folder (`Path`):
            Holds `room.json`.

    Returns:
        `RoomFacts`: The facts.

    Raises:
        FileNotFoundError: If there is no `room.json`.
        ValueError: If it lacks a key, or a value is of another kind or shape or out of range.
    """
    path = folder / FACTS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"`scenes` must have {FACTS_FILE} in each scene, got {str(folder)!r} without it. Render it with "
            "`sr3d render`."
        )
    values, where = read_object(path), repr(str(path))
    take_text(values, "split", where, among=SPLITS)
    take_text(values, "kind", where)
    take_numbers(values, "seed", where, (), low=0, high=LARGEST_SEED, kinds=(int,))
    take_numbers(values, "floor", where, (-1, 2))
    take_list(values, "floor", where, least=3)
    take_numbers(values, "height", where, (), low=SMALLEST_LENGTH_M)
    take_numbers(values, "floor_z", where, ())
    views, objects = take_list(values, "views", where, least=1), take_list(values, "objects", where)
    for index, view in enumerate(views):
        _check_view(view, f"views[{index}] of {where}")
    for index, thing in enumerate(objects):
        _check_object(thing, f"objects[{index}] of {where}", num_views=len(views), num_objects=len(objects))
    return RoomFacts.from_json(values)


def _check_view(view: Any, where: str) -> None:
    take_numbers(view, "intrinsics", where, (3, 3))
    take_numbers(view, "camera_to_world", where, (4, 4))
    take_numbers(view, "image_size_hw", where, (2,), low=1, kinds=(int,))


def _check_object(thing: Any, where: str, *, num_views: int, num_objects: int) -> None:
    take_text(thing, "name", where)
    take_text(thing, "model", where)
    take_numbers(thing, "center", where, (3,))
    take_numbers(thing, "size", where, (3,), low=SMALLEST_LENGTH_M)
    turn = take_numbers(thing, "rotation", where, (3, 3), low=-1.1, high=1.1)
    if np.abs(turn @ turn.T - np.eye(3)).max() > CAMERA_TOLERANCE or np.linalg.det(turn) < 0:
        raise ValueError(f"`rotation` of {where} must be a rotation, got {turn.tolist()}. {RENDER_AGAIN}")
    take_numbers(thing, "visible_pixels", where, (num_views,), low=0, kinds=(int,))
    take_numbers(thing, "boxes_xyxy", where, (num_views, 4), low=0)
    take_numbers(thing, "cut", where, (num_views,), kinds=(bool,))
    take_numbers(thing, "seen", where, (num_views, 3, 2), low=-0.5, high=0.5, kinds=(int, float, NoneType))
    if "support" not in thing or thing["support"] is not None:
        take_numbers(thing, "support", where, (), low=0, high=num_objects - 1, kinds=(int,))


def check_same_views(facts: RoomFacts, loaded: Mapping[str, Any], folder: Path) -> None:
    """Compare what `room.json` and `scene.json` say of the views, and see that every view has depth.

    Args:
        facts (`RoomFacts`):
            Of `read_room_file`.
        loaded (`Mapping[str, Any]`):
            Of `load_scene`.
        folder (`Path`):
            Of the scene, for messages.

    Raises:
        ValueError: If the number of views or a camera differs, or if a view has no depth.
    """
    depths = loaded.get("depths") or [None] * len(loaded["images"])
    missing = [index for index, depth in enumerate(depths) if depth is None]
    if missing:
        raise ValueError(
            f"`depth` must be given for every view of a room, got none for the views {missing} of {str(folder)!r}. "
            f"{RENDER_AGAIN}"
        )
    if len(facts.views) != len(depths):
        raise ValueError(
            f"`scene.json` and `{FACTS_FILE}` must have as many views, got {len(depths)} and {len(facts.views)} in "
            f"{str(folder)!r}. {RENDER_AGAIN}"
        )
    words = (loaded.get("camera_axes"), loaded.get("world_up"))
    if "camera_to_world" not in loaded or words != ("opencv", "+z"):
        raise ValueError(
            f"`scene.json` must have `camera_to_world` with OpenCV axes and `world_up` '+z', got {words} and "
            f"{sorted(loaded)} in {str(folder)!r}. {RENDER_AGAIN}"
        )
    for key in ("intrinsics", "camera_to_world"):
        for index, (found, view) in enumerate(zip(loaded[key], facts.views, strict=True)):
            known = getattr(view, key)
            if found is None or not np.allclose(np.asarray(found), known, rtol=0, atol=CAMERA_TOLERANCE):
                raise ValueError(
                    f"`{key}` of views[{index}] must be the same in `scene.json` and `{FACTS_FILE}`, got {found} and "
                    f"{known.tolist()} in {str(folder)!r}. {RENDER_AGAIN}"
                )


def check_sizes(facts: RoomFacts, pictures: Mapping[str, Sequence[str]], shown: Sequence[int]) -> None:
    """See that pictures are whole and have the sizes that the facts say.

    Args:
        facts (`RoomFacts`):
            Of the room.
        pictures (`Mapping[str, Sequence[str]]`):
            Names of files by what they are (`images`, `depths`), one per view.
        shown (`Sequence[int]`):
            Views to look at.

    Raises:
        ValueError: If a file is damaged or has another size.
    """
    for name, paths in pictures.items():
        for view in shown:
            picture, _ = open_image(paths[view], f"{name}[{view}]")
            _check_size((picture.height, picture.width), facts, view, paths[view])


def _check_size(size_hw: tuple[int, ...], facts: RoomFacts, view: int, path: str) -> None:
    if size_hw != facts.views[view].image_size_hw:
        raise ValueError(
            f"{path!r} must have the height and width of views[{view}] in `{FACTS_FILE}`, "
            f"{facts.views[view].image_size_hw}, got {size_hw}. {RENDER_AGAIN}"
        )


def read_instances(folder: Path, facts: RoomFacts, shown: Sequence[int]) -> list[np.ndarray]:
    """Read what every pixel of some views shows.

    Args:
        folder (`Path`):
            Of the scene.
        facts (`RoomFacts`):
            Of the room.
        shown (`Sequence[int]`):
            The views.

    Returns:
        `list[np.ndarray]`: Per shown view `(H, W)`, int16: position in the facts' list of objects, or -1.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a view has no instances, or its file is damaged, has another size, or shows other objects than
            the facts say.
    """
    paths, maps = load_scene_instances(folder), []
    for view in shown:
        path = paths[view]
        if path is None:
            raise ValueError(
                f"`instances` must be given for every view of a room, got none for views[{view}] of {str(folder)!r}. "
                f"{RENDER_AGAIN}"
            )
        numbers = np.asarray(open_image(path, f"instances[{view}]")[0]).astype(np.int32)
        _check_size(numbers.shape, facts, view, path)
        pixels = [int(thing.visible_pixels[view]) for thing in facts.objects]
        counts = np.bincount(numbers.clip(0).ravel(), minlength=len(pixels) + 1)[1:].tolist()
        if counts != pixels:
            raise ValueError(
                f"{path!r} must show objects in as many pixels as `visible_pixels` of `{FACTS_FILE}` says, {pixels}, "
                f"got {counts}. {RENDER_AGAIN}"
            )
        maps.append((numbers - 1).astype(np.int16))
    return maps
