# Copyright 2026 The transformers-sr3d contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Stage 0 of 5, one sample of the pipeline: a question or a dictionary -> known keys, its scene opened.

Keys have the names of the processor's arguments, and nothing is guessed: an unknown key, one that is given twice and
one that counts for nothing is an error.

This file is copied to the Hub next to the weights: it imports the standard library and sibling `*_sr3d` files only,
and the readers of the installed package where a sample names a `scene`.
"""

import difflib
import string
from collections.abc import Collection, Iterable
from importlib import import_module
from os import PathLike
from typing import Any

from .answers_sr3d import MAX_OPTIONS
from .sample_arguments_sr3d import PER_SAMPLE_ARGUMENTS, can_use


VIEW_KEYS = (
    "depths",
    "depth_unit",
    "depth_scale",
    "depth_kind",
    "intrinsics",
    "depth_intrinsics",
    "depth_field_of_view",
    "horizontal_fov_deg",
    "camera_to_world",
    "world_to_camera",
    "camera_axes",
    "world_up",
    "world_unit",
    "gravity_camera",
)
SAMPLE_KEYS = ("text", "images", "scene", "regions", "options", *VIEW_KEYS)
# All views of a scene are loaded and asked about: of a longer video or scan, some are to be chosen first.
MAX_SCENE_VIEWS = 32
ESTIMATED_DEPTH = (
    "Depth was estimated from the pictures and not measured, so a length in the answer is an educated guess."
)


def read_sample(entry: Any, shared: dict) -> tuple[dict, list[str]]:
    """Check a sample and open its scene.

    Args:
        entry (`str | dict`):
            A question or a sample.
        shared (`dict`):
            Keys that count for every sample.

    Returns:
        `tuple[dict, list[str]]`: The sample with `text` and `images`, and what its answer must say of its scene.

    Raises:
        TypeError: If the sample or its question is of another kind.
        ValueError: If a key is unknown, missing or given twice, or if the scene is refused.
    """
    sample, notes = _merge(entry, shared), []
    if "scene" in sample:
        scene = open_scene(sample["scene"])
        notes = [ESTIMATED_DEPTH] if scene.depth_is_estimated else []
        sample = read_scene(sample | {"scene": scene}, ("images", *VIEW_KEYS))
    for key, meaning in (("text", "the question"), ("images", "one image per view")):
        if key not in sample:
            raise ValueError(f"`{key}` ({meaning}) is missing, got only {sorted(sample)}. Add it to the sample.")
    if not isinstance(sample["text"], str):
        raise TypeError(f"`text` must be a str, got {type(sample['text']).__name__}. Pass one question per sample.")
    if not sample["text"].strip():
        raise ValueError(f"`text` must hold a question, got {sample['text']!r}. Pass one question per sample.")
    return sample, notes


def _merge(entry: Any, shared: dict) -> dict:
    """Join a sample and what counts for all, without what is None."""
    is_question = isinstance(entry, str)
    if is_question:
        entry = {"text": entry}
    if not isinstance(entry, dict):
        raise TypeError(
            f"A sample must be a question or a dictionary with the keys {', '.join(SAMPLE_KEYS)}, "
            f"got {type(entry).__name__}. Chat messages go through `processor.apply_chat_template`."
        )
    for key in entry:
        if key not in SAMPLE_KEYS:
            raise ValueError(f"`{key}` is no key of a sample. {suggest_key(key)}")
    sample = {key: value for key, value in entry.items() if value is not None}
    common = {key: value for key, value in shared.items() if value is not None}
    twice = sorted(sample.keys() & common.keys())
    if twice:
        raise ValueError(
            f"`{twice[0]}` is given twice: in the sample and as a keyword argument for every sample. Keep one of them."
        )
    return sample | common if is_question else _without_unused(sample | common, common)


def _without_unused(sample: dict, common: dict) -> dict:
    """Drop what counts for all samples and this one cannot use; the others may, and a generator does not tell them."""
    absent = {key for key, value in sample.items() if isinstance(value, (list, tuple)) and not _has_value(value)}
    # Backwards, because `camera_axes` looks at a `gravity_camera` that may be dropped itself.
    for key in reversed(PER_SAMPLE_ARGUMENTS):
        if key in common and not can_use(key, sample.keys() - absent):
            del sample[key]
    return sample


def _has_value(entries: Iterable) -> bool:
    return any(entry is not None for entry in entries)


def check_options(options: Any) -> list[str] | None:
    """Read the options of a question.

    Args:
        options (`Any`):
            Should be texts, or None.

    Returns:
        `list[str]` or `None`: The same.

    Raises:
        TypeError: If they are no texts.
        ValueError: If there are too few or too many.
    """
    if options is None:
        return None
    if not isinstance(options, (list, tuple)) or not all(
        isinstance(option, str) and option.strip() for option in options
    ):
        raise TypeError(f"`options` must be a list of non-empty texts, got {options!r}. Write each option as a str.")
    if not 2 <= len(options) <= MAX_OPTIONS:
        raise ValueError(
            f"`options` must hold 2 to {MAX_OPTIONS} entries, got {len(options)}. Leave it out for an open question."
        )
    return list(options)


def with_options(question: str, options: list[str]) -> str:
    """Write a question with options.

    Args:
        question (`str`):
            Without them.
        options (`list[str]`):
            At most 26.

    Returns:
        `str`: Lines: the question, a letter and an option each, and what to answer with.
    """
    lines = (f"{letter}. {option}" for letter, option in zip(string.ascii_uppercase, options, strict=False))
    return "\n".join((question, *lines, "Answer with the letter of one option."))


def suggest_key(key: str, more: Iterable[str] = ()) -> str:
    """Say which keys there are.

    Args:
        key (`str`):
            Which there is not.
        more (`Iterable[str]`, defaults to `()`):
            Keys beside those of a sample.

    Returns:
        `str`: For a message, the most similar one first.
    """
    close = difflib.get_close_matches(str(key), [*SAMPLE_KEYS, *sorted(more)], n=1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    return f"{hint}Keys of a sample are {', '.join(SAMPLE_KEYS)}."


def read_scene(sample: dict[str, Any], view_keys: Collection[str]) -> dict[str, Any]:
    """Replace the key `scene` of a sample, if it has one, by what it holds.

    Args:
        sample (`dict[str, Any]`):
            `scene` is a path of anything that `transformers_sr3d.inputs.open_source` reads without being told more,
            with at most `MAX_SCENE_VIEWS` views unless it is a scene folder, or a `Source` that it returned.
        view_keys (`Collection[str]`):
            Keys that say something about views, all of which a scene says itself.

    Returns:
        `dict[str, Any]`: The sample with `images` and, where known, depth and cameras in place of `scene`.

    Raises:
        ImportError: If the package is not installed, of which a checkpoint carries a part only.
        TypeError: If the scene is neither a path nor a source.
        ValueError: If the sample says something about views beside the scene, or the scene is refused.
        FileNotFoundError: If there is no such scene.
    """
    if "scene" not in sample:
        return sample
    given = sorted(sample.keys() & set(view_keys))
    if given:
        raise ValueError(
            f"`{given[0]}` must be left out beside a `scene`, which states it, got both. Drop one of them."
        )
    return {key: value for key, value in sample.items() if key != "scene"} | open_scene(sample["scene"]).arguments()


def open_scene(scene: Any) -> Any:
    """Open what a sample names as its scene.

    Args:
        scene (`str`, `PathLike` or `Source`):
            As in `read_scene`.

    Returns:
        `Source`: Its views are not loaded yet.

    Raises:
        ImportError: If the package is not installed, of which a checkpoint carries a part only.
        TypeError: If the scene is neither a path nor a source.
        ValueError: If the scene is refused, or has too many views.
        FileNotFoundError: If there is no such scene.
    """
    try:
        readers = import_module("transformers_sr3d.inputs.open_source")
    except ImportError as error:
        raise ImportError(
            "`scene` must be read by the package transformers-sr3d, got only the code of a checkpoint. Install the "
            "package, or pass the views themselves: images=[...], depths=[...], intrinsics=[...], ..."
        ) from error
    is_path = isinstance(scene, str | PathLike)
    source = readers.open_source(scene) if is_path else scene
    if not isinstance(source, readers.Source):
        raise TypeError(f"`scene` must be a path or an opened source, got {type(scene).__name__}. Pass a path.")
    # A scene folder, too, holds what somebody has chosen.
    if is_path and source.kind != "scene" and len(source.views) > MAX_SCENE_VIEWS:
        raise ValueError(
            f"`scene` must have at most {MAX_SCENE_VIEWS} views, got {len(source.views)} in {scene}. Choose some: "
            f"sr3d scene import {scene} --out DIR --views {MAX_SCENE_VIEWS}, or scene=open_source(...).select([...])."
        )
    return source
