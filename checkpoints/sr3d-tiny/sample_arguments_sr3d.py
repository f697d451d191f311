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
"""Stage 0 of 5, arguments: what a caller passes for a whole batch -> what belongs to each sample.

    images, depths, intrinsics, poses     flat or nested        -> one list per text, one entry per image
    regions, units, up, axes              one value or a list   -> one value per text

Texts say how many images each sample has: as many as they hold `<image>` placeholders. Everything that is counted is
counted against that number, and nothing is spread silently but camera matrices, where one may serve all images. One
value for all texts counts where it can: a sample without depth leaves a shared `depth_unit` alone. Where no sample can
use it, or one was given its own, `prepare_views` refuses it. The price: a depth map forgotten among others is silent.

This file is copied to the Hub next to the weights: it imports torch and NumPy only.
"""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from numbers import Number
from typing import Any, is_typeddict

import numpy as np
import torch


PER_IMAGE_ARGUMENTS = ("depths", "intrinsics", "depth_intrinsics", "camera_to_world", "world_to_camera")
PER_SAMPLE_ARGUMENTS = (
    "regions",
    "depth_unit",
    "depth_scale",
    "depth_kind",
    "depth_field_of_view",
    "horizontal_fov_deg",
    "camera_axes",
    "world_up",
    "world_unit",
    "gravity_camera",
)
POSES = ("camera_to_world", "world_to_camera")
# Arguments that say how to read others, of which a sample must have at least one.
READ_WITH = {
    **dict.fromkeys(("depth_unit", "depth_scale", "depth_kind", "depth_field_of_view", "gravity_camera"), ("depths",)),
    "horizontal_fov_deg": ("depths", *POSES),
    "camera_axes": (*POSES, "gravity_camera"),
    "world_up": POSES,
    "world_unit": POSES,
}
# Lengths of the last axis of a picture, which no stack of depth maps has.
COLOUR_CHANNELS = (1, 3, 4)
# One camera may have taken every image; one depth map or one pose cannot belong to two.
SHARED_BY_IMAGES = ("intrinsics", "depth_intrinsics")


def check_keywords(kwargs: dict[str, Any], *typed_dicts: type) -> None:
    """Check that every keyword argument is one that somebody takes.

    Args:
        kwargs (`dict[str, Any]`):
            Keyword arguments, flat or grouped by component (`text_kwargs`, `images_kwargs`, ...).
        typed_dicts (`type`):
            Typed dictionaries whose keys, and the keys of the typed dictionaries they hold, are known.

    Raises:
        TypeError: If a keyword is unknown.
    """
    known = {"common_kwargs", "videos", "audio"}
    for typed_dict in typed_dicts:
        nested = [value for value in typed_dict.__annotations__.values() if is_typeddict(value)]
        known |= {*typed_dict.__annotations__, *(key for value in nested for key in value.__annotations__)}
    for name, value in kwargs.items():
        if name not in known:
            near = get_close_matches(
                name, ["images", "text", *PER_IMAGE_ARGUMENTS, *PER_SAMPLE_ARGUMENTS, *known], n=1
            )
            hint = f"Did you mean `{near[0]}`?" if near else "See the processor's documentation."
            raise TypeError(f"`{name}` must be an argument of the processor, tokenizer or image processor. {hint}")
        if name in ("videos", "audio") and value is not None:
            raise ValueError(f"`{name}` must be absent, got a value. Pass the frames of a video as `images`.")


def group_images(images: Any, counts: Sequence[int] | None) -> list[list]:
    """Group images by the text that they belong to.

    Args:
        images (`Any`):
            One image, a flat list, a nested list with one list per text, or `None`.
        counts (`Sequence[int]`, *optional*):
            Number of `<image>` placeholders in each text. Without texts a nested list holds one sample per list, and
            anything else is one sample.

    Returns:
        `list[list]`: One list of images per sample.

    Raises:
        ValueError: If the number of images is not the number of placeholders, in total or in one text.
    """
    images = [] if images is None else unstack(images, ndim=3)
    images = images if isinstance(images, list) else [images]
    is_nested = any(isinstance(entry, list) for entry in images)
    if counts is None:
        return [entry if isinstance(entry, list) else [entry] for entry in images] if is_nested else [images]
    if is_nested:
        groups = [entry if isinstance(entry, list) else [entry] for entry in images]
        check_image_counts(counts, [len(group) for group in groups])
        return groups
    if sum(counts) != len(images):
        raise ValueError(
            "`images` must fit `text`: the number of <image> tokens in the prompts should be the same as the number "
            f"of images passed. Got {sum(counts)} <image> in {len(counts)} texts and {len(images)} images. Write "
            "<image> once for every image, before the question."
        )
    return split_flat(images, counts)


def check_image_counts(in_text: Sequence[int], passed: Sequence[int], name: str = "images") -> None:
    """Check that every text has one `<image>` for each of its images.

    Args:
        in_text (`Sequence[int]`):
            Number of `<image>` placeholders in each text.
        passed (`Sequence[int]`):
            Number of images for each text.
        name (`str`, defaults to `"images"`):
            Name of the argument that holds the images.

    Raises:
        ValueError: If the counts differ.
    """
    rule = "the number of <image> tokens in the prompts should be the same as the number of images passed"
    if len(in_text) != len(passed):
        raise ValueError(
            f"`{name}` must have one entry per text ({len(in_text)}), got {len(passed)}: {rule}. Pass an empty "
            "entry for a text without images."
        )
    for index, (expected, found) in enumerate(zip(in_text, passed, strict=True)):
        if expected != found:
            raise ValueError(
                f"`{name}` must fit `text`: {rule}. Got {expected} <image> and {found} images in text {index}. Write "
                "<image> once for every image, before the question."
            )


def split_per_image(name: str, value: Any, counts: Sequence[int]) -> list:
    """Split an argument that has one entry per image.

    Args:
        name (`str`):
            Name of the argument, for messages.
        value (`Any`):
            `None`, one value, a flat list over all images, or a nested list with one list per sample. A stacked
            array counts as a list, but depth in colours as one value, whose reader says what is wrong with it.
        counts (`Sequence[int]`):
            Number of images of each sample.

    Returns:
        `list`: One entry per sample: `None`, one value that its images share, or a list with one entry per image. A
        single value stays where no sample has an image, so that it can be refused.

    Raises:
        ValueError: If the number of entries is not the number of images.
    """
    if value is None:
        return [None] * len(counts)
    value = value if is_matrix(value) else unstack(value, ndim=2, keep_colours=name == "depths")
    if not isinstance(value, list) or is_matrix(value):
        if len(counts) > 1 and name not in SHARED_BY_IMAGES:
            raise ValueError(
                f"`{name}` must have one entry per image, got a single value for {len(counts)} texts with "
                f"{sum(counts)} images. Pass a list, flat or with one list per text."
            )
        return [value if count or not any(counts) else None for count in counts]
    if any(isinstance(entry, list) and not is_matrix(entry) for entry in value):
        return _split_nested(name, value, counts)
    if len(value) != sum(counts):
        raise ValueError(
            f"`{name}` must have one entry per image ({sum(counts)}), got {len(value)}. Use `None` as the entry of an "
            "image that has none."
        )
    return [entries or None for entries in split_flat(value, counts)]


def split_per_sample(name: str, value: Any, num_samples: int) -> list:
    """Split an argument that has one value per sample.

    Args:
        name (`str`):
            Name of the argument: the value of `regions` is itself a list of dictionaries, that of `gravity_camera`
            a list of three numbers.
        value (`Any`):
            One value for all samples, or a list with one value per sample.
        num_samples (`int`):
            Number of samples.

    Returns:
        `list`: One value per sample.

    Raises:
        ValueError: If a list has another length than there are samples.
    """
    value = unstack(value, ndim=1)
    if is_one_value(name, value):
        return [value] * num_samples
    if len(value) != num_samples:
        raise ValueError(
            f"`{name}` must be one value for all texts or a list with one per text ({num_samples}), got a list of "
            f"{len(value)}. Use `None` for a text that needs none."
        )
    return value


def is_one_value(name: str, value: Any) -> bool:
    """Whether an argument per sample, unstacked, is one value for all samples rather than a list of one for each."""
    if not isinstance(value, list):
        return True
    if name == "regions":
        return not any(entry is None or isinstance(entry, list) for entry in value)
    return name == "gravity_camera" and len(value) == 3 and all(isinstance(entry, Number) for entry in value)


def split_arguments(arguments: dict[str, Any], counts: Sequence[int]) -> list[dict[str, Any]]:
    """Give each sample its own arguments.

    Args:
        arguments (`dict[str, Any]`):
            Arguments by name, as passed for the whole batch.
        counts (`Sequence[int]`):
            Number of images of each sample.

    Returns:
        `list[dict[str, Any]]`: For each sample the arguments that it has; `None` is left out, and so is one value for
        all samples in a sample that cannot use it while another can.

    Raises:
        ValueError: If an argument has entries for another number of images or samples, or for a text without images.
    """
    split = {
        name: split_per_image(name, value, counts)
        if name in PER_IMAGE_ARGUMENTS
        else split_per_sample(name, value, len(counts))
        for name, value in arguments.items()
        if value is not None
    }
    samples = [
        {name: values[index] for name, values in split.items() if not _is_absent(values[index])}
        for index in range(len(counts))
    ]
    shared = {name for name in split if is_one_value(name, unstack(arguments[name], ndim=1))}
    num_seen = sum(count > 0 for count in counts)
    if "regions" in shared and num_seen > 1:
        raise ValueError(
            f"`regions` must be a list with one list of dictionaries per text, got one list for {num_seen} texts with "
            "images. Regions belong to the views of their sample; write `regions=[[...], [...]]`."
        )
    # Backwards, because `camera_axes` looks at a `gravity_camera` that may be dropped itself.
    for name in reversed(PER_SAMPLE_ARGUMENTS):
        if name in shared:
            _drop_unused(name, samples, counts)
    for index, (sample, count) in enumerate(zip(samples, counts, strict=True)):
        given = [name for name, value in sample.items() if not (isinstance(value, list) and not value)]
        if given and not count:
            raise ValueError(
                f"`{given[0]}` belongs to images, got it for text {index}, which has none. Pass its images and write "
                "<image> in the text, or leave it out."
            )
    return samples


def can_use(name: str, sample: Collection[str]) -> bool:
    """Whether a sample with these arguments has something that the named one says how to read."""
    return name not in READ_WITH or any(other in sample for other in READ_WITH[name])


def split_flat(values: Sequence, counts: Sequence[int]) -> list[list]:
    """Cut a flat list into consecutive lists of the given lengths."""
    remaining = iter(values)
    return [[next(remaining) for _ in range(count)] for count in counts]


def unstack(value: Any, ndim: int, *, keep_colours: bool = False) -> Any:
    """Turn tuples, and arrays with more than `ndim` axes, into (nested) lists; leave everything else as it is."""
    if isinstance(value, np.ndarray | torch.Tensor):
        is_colour = keep_colours and value.ndim > 2 and value.shape[-1] in COLOUR_CHANNELS
        value = list(value) if value.ndim > ndim + is_colour else value
    if isinstance(value, list | tuple):
        return [unstack(entry, ndim, keep_colours=keep_colours) for entry in value]
    return value


def is_matrix(value: Any) -> bool:
    """Whether a value is one matrix written as rows of numbers."""
    if not isinstance(value, list | tuple) or not value:
        return False
    row = value[0]
    return isinstance(row, list | tuple) and len(row) > 0 and isinstance(row[0], Number)


def _split_nested(name: str, value: list, counts: Sequence[int]) -> list:
    if len(value) != len(counts):
        raise ValueError(
            f"`{name}` must have one list per text ({len(counts)}) where it is nested, got {len(value)}. Use `None` "
            "for a text that needs none."
        )
    for index, (entry, count) in enumerate(zip(value, counts, strict=True)):
        if isinstance(entry, list) and not is_matrix(entry) and len(entry) != count:
            raise ValueError(
                f"`{name}[{index}]` must have one entry per image of text {index} ({count}), got {len(entry)}. Use "
                "`None` as the entry of an image that has none."
            )
    return [None if isinstance(entry, list) and not entry else entry for entry in value]


def _drop_unused(name: str, samples: list[dict[str, Any]], counts: Sequence[int]) -> None:
    """Take a value for all samples out of those that cannot use it, if any sample can."""
    users = [bool(count) and can_use(name, sample) for sample, count in zip(samples, counts, strict=True)]
    if any(users):
        for sample, is_user in zip(samples, users, strict=True):
            if not is_user:
                sample.pop(name, None)


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, list) and len(value) > 0 and all(entry is None for entry in value))
