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
"""Stage 0 of 5, text: chat messages -> prompt, images and regions; placeholders of a prompt -> tokens of the model.

    {"type": "image", "image": ..., "depth": ...}     -> <image>     -> image tokens and a line break per tile
    {"type": "region", "region": {"box_xyxy": ...}}   -> <region0>   -> "Region 0 <region>"
    {"type": "text", "text": "How wide is <region0>?"}

A placeholder stands for data, so nobody may smuggle one in: a chat text that holds `<image>`, `<region>` or another
special token of the tokenizer is refused, and so is anything that looks like a mention but is none (`<region 0>`). The
price is that such strings cannot be quoted in a conversation.

This file is copied to the Hub next to the weights: it imports the standard library only.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from numbers import Integral
from typing import Any


ROLES = ("system", "user", "assistant")
# ChatML as Qwen2 writes it. The images of a message come first, whatever their place among its entries. A region is
# numbered by its `region` key, or else by its place among the regions of the conversation; a number mentions it again.
SR3D_CHAT_TEMPLATE = """\
{%- set regions = namespace(count=0) -%}
{%- macro render(content) -%}
{%- if content is string -%}
{{- content -}}
{%- else -%}
{%- for entry in content if entry.type == 'image' -%}
{{- '<image>' -}}
{%- endfor -%}
{%- for entry in content if entry.type != 'image' -%}
{%- if entry.type != 'region' -%}
{{- entry.text -}}
{%- elif entry.region is number -%}
{{- '<region' ~ entry.region ~ '>' -}}
{%- else -%}
{%- set mark = entry.region if entry.region is mapping else entry.region[0] -%}
{{- '<region' ~ (regions.count if mark.region is not number else mark.region) ~ '>' -}}
{%- set regions.count = regions.count + 1 -%}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
{%- if loop.first and message.role != 'system' -%}
{{- '<|im_start|>system\\nYou are a helpful assistant<|im_end|>\\n' -}}
{%- endif -%}
{{- '<|im_start|>' ~ message.role ~ '\\n' -}}
{%- if message.role == 'assistant' -%}
{%- generation -%}
{{- render(message.content or '') ~ '<|im_end|>' -}}
{%- endgeneration -%}
{{- '\\n' -}}
{%- else -%}
{{- render(message.content or '') ~ '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

IMAGE_SOURCES = ("image", "url", "path", "base64")
# Keys of an image entry, and the processor's arguments that collect them.
IMAGE_GEOMETRY = {
    "depth": "depths",
    "intrinsics": "intrinsics",
    "depth_intrinsics": "depth_intrinsics",
    "camera_to_world": "camera_to_world",
    "world_to_camera": "world_to_camera",
}
ENTRY_KEYS = {"image": {*IMAGE_SOURCES, *IMAGE_GEOMETRY}, "region": {"region"}, "text": {"text"}}

PLACEHOLDER_TOKENS = ("<image>", "<region>")
PLACEHOLDER = re.compile(r"(?P<image><image>)|(?P<region><region(?P<number>0|[1-9][0-9]*)>)")
LOOKS_LIKE_A_MENTION = re.compile(r"<\s*/?\s*regions?(?:[a-z]|[\s\d_:#.-]*)>", re.IGNORECASE)


def check_mentions(text: str, name: str = "text") -> None:
    """Check that everything in a text that looks like a region is a mention `<regionK>`.

    Args:
        text (`str`):
            Any text, before placeholders are expanded.
        name (`str`, defaults to `"text"`):
            Name of the argument, for the message.

    Raises:
        ValueError: If the text holds a literal `<region>` or a misspelt mention.
    """
    for found in LOOKS_LIKE_A_MENTION.finditer(text):
        if PLACEHOLDER.fullmatch(found.group()) is None:
            raise ValueError(
                f"`{name}` must mention regions as <region0>, <region1>, ..., got {found.group()!r} at character "
                f"{found.start()}. Write the number of the region right after the word."
            )


def check_text(text: object, name: str, special_tokens: Collection[str]) -> None:
    """Check that a user's text holds no placeholder, special token or misspelt mention.

    Args:
        text (`object`):
            What should be a string.
        name (`str`):
            Name of the argument, for the message.
        special_tokens (`Collection[str]`):
            Strings that no text may hold, beside the placeholders, whatever a tokenizer makes of those.

    Raises:
        TypeError: If it is not a string.
        ValueError: If it holds one of them.
    """
    if not isinstance(text, str):
        raise TypeError(f"`{name}` must hold text that is a string, got {type(text).__name__}. Convert it with `str`.")
    for token in (*PLACEHOLDER_TOKENS, *special_tokens):
        if token and token in text:
            raise ValueError(
                f"`{name}` must not hold the special token {token} in its text, got it at character "
                f"{text.index(token)}. Images and regions are passed on their own; <region0> mentions a region."
            )
    check_mentions(text, name)


def mention_index(number: int, region_numbers: Sequence[int], name: str) -> int:
    """Find the place of a mentioned region among the regions of its sample.

    Args:
        number (`int`):
            The number in the mention.
        region_numbers (`Sequence[int]`):
            Numbers of the sample's regions.
        name (`str`):
            Name of the text, for the message.

    Returns:
        `int`: Index into `region_numbers`.

    Raises:
        ValueError: If there is no such region.
    """
    if number in region_numbers:
        return list(region_numbers).index(number)
    if not region_numbers:
        raise ValueError(
            f"`{name}` mentions <region{number}>, but its sample has no regions. Pass `regions=`, a list with one "
            "dictionary per region."
        )
    numbers = sorted(region_numbers)
    is_range = numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 1
    valid = (
        f"<region{numbers[0]}> to <region{numbers[-1]}>" if is_range else ", ".join(f"<region{n}>" for n in numbers)
    )
    raise ValueError(
        f"`{name}` mentions <region{number}>, but its sample has {len(numbers)} regions: {valid}. Regions count from "
        "0 unless their dictionaries set `region`."
    )


def expand_placeholders(text: str, image_replacements: Iterable[str], region_token: str) -> tuple[str, list[dict]]:
    """Replace the placeholders of one text.

    Args:
        text (`str`):
            Holds `<image>` and `<regionK>`.
        image_replacements (`Iterable[str]`):
            What each `<image>` becomes, in order. `<image>` stays where they run out.
        region_token (`str`):
            The token that a region token replaces; a mention becomes `"Region K "` followed by it.

    Returns:
        `tuple[str, list[dict]]`: the new text, and for each placeholder its `type`, `span`, `new_span`, `text` and
        `replacement`, in order; regions also have their `number`.
    """
    image_replacements = iter(image_replacements)
    pieces, offsets, last, length = [], [], 0, 0
    for found in PLACEHOLDER.finditer(text):
        is_region = found.lastgroup != "image"
        number = int(found["number"]) if is_region else None
        replacement = f"Region {number} {region_token}" if is_region else next(image_replacements, None)
        if replacement is None:
            continue
        start = length + found.start() - last
        length = start + len(replacement)
        pieces += [text[last : found.start()], replacement]
        last = found.end()
        offsets.append(
            {"type": "region" if is_region else "image", "span": found.span(), "new_span": (start, length)}
            | {"text": found.group(), "replacement": replacement}
            | ({"number": number} if is_region else {})
        )
    return "".join([*pieces, text[last:]]), offsets


def check_conversation(conversation: Sequence[dict], special_tokens: Collection[str]) -> list[dict]:
    """Check the messages of a conversation, and drop the keys of entries whose value is `None`.

    Args:
        conversation (`Sequence[dict]`):
            Messages with `role` and `content`, a string or a list of entries.
        special_tokens (`Collection[str]`):
            Strings that no text may hold, beside the placeholders.

    Returns:
        `list[dict]`: The messages; the given ones stay as they are.

    Raises:
        TypeError: If an entry is not a dictionary, or a text not a string.
        ValueError: If an entry has another type or key, or a text holds a special token or a misspelt mention.
    """
    checked = []
    for place, message in enumerate(conversation):
        name = f"messages[{place}]"
        is_message = isinstance(message, dict) and ("content" in message or len(message) == 1)
        if not is_message or message.get("role") not in ROLES:
            raise ValueError(
                f"`{name}` must be a dictionary with a `role` out of {ROLES} and `content`, got "
                f"{message!r:.80}. Write {{'role': 'user', 'content': ...}}."
            )
        role, content = message["role"], message.get("content")
        if isinstance(content, list | tuple):
            content = [_check_entry(entry, name) for entry in content]
            message = {**message, "content": content}
        entries = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        for entry in entries:
            if entry["type"] == "text":
                check_text(entry.get("text"), name, special_tokens)
            if role == "assistant":
                _check_answer(entry, name)
        checked.append(message)
    return checked


def conversation_inputs(conversations: Sequence[Sequence[dict]]) -> tuple[list[list], dict[str, list]]:
    """Collect what the entries of conversations carry, as arguments of the processor.

    Args:
        conversations (`Sequence[Sequence[dict]]`):
            Checked messages of each conversation.

    Returns:
        `tuple[list[list], dict[str, list]]`: the images of each conversation, and the arguments that any of them has,
        each with one entry per conversation.

    Raises:
        TypeError, ValueError: As `images_of_conversation` and `regions_of_conversation`.
    """
    collected = [images_of_conversation(conversation) for conversation in conversations]
    images = [[_image_of_entry(entry) for entry in entries] for entries, _ in collected]
    arguments = {name: [geometry[name] for _, geometry in collected] for name in IMAGE_GEOMETRY.values()}
    arguments = {
        name: values for name, values in arguments.items() if any(v is not None for sample in values for v in sample)
    }
    regions = [regions_of_conversation(conversation) for conversation in conversations]
    return images, {**arguments, **({"regions": regions} if any(regions) else {})}


def images_of_conversation(conversation: Sequence[dict]) -> tuple[list[dict], dict[str, list]]:
    """Collect the images of a conversation and their geometry, in the order of their placeholders.

    Args:
        conversation (`Sequence[dict]`):
            Checked messages.

    Returns:
        `tuple[list[dict], dict[str, list]]`: the entries that carry an image, and for each of the processor's
        arguments about images a list with one value per image, `None` where the entry has none.

    Raises:
        ValueError: If an entry has two images, or geometry without an image.
    """
    entries = []
    for entry in _entries_of_type("image", conversation):
        sources = [key for key in IMAGE_SOURCES if key in entry]
        if len(sources) > 1 or (not sources and len(entry) > 1):
            raise ValueError(
                f"`messages` must give each image entry one of {IMAGE_SOURCES}, got {sources or sorted(entry)}. An "
                "entry of its type alone stands for an image that is passed separately, with its geometry."
            )
        if sources:
            entries.append(entry)
    geometry = {argument: [entry.get(key) for entry in entries] for key, argument in IMAGE_GEOMETRY.items()}
    return entries, geometry


def regions_of_conversation(conversation: Sequence[dict]) -> list[dict]:
    """Collect the region dictionaries of a conversation, numbered as the chat template numbers them.

    Args:
        conversation (`Sequence[dict]`):
            Checked messages. The `region` of an entry is a dictionary, a list of dictionaries that mark one region on
            several views, or the number of a region to mention it again.

    Returns:
        `list[dict]`: Region dictionaries, each with its number.

    Raises:
        TypeError: If `region` is something else.
        ValueError: If some dictionaries set their number and others do not, or those of one entry differ.
    """
    entries = [entry["region"] for entry in _entries_of_type("region", conversation)]
    groups = [[entry] if isinstance(entry, dict) else list(entry) for entry in entries if not isinstance(entry, int)]
    groups = [[_with_plain_number(mark) for mark in group] for group in groups]
    is_numbered = {mark.get("region") is not None for group in groups for mark in group}
    if len(is_numbered) > 1:
        raise ValueError(
            "`messages` must set `region` in all region dictionaries or in none, got some with and some without. "
            "Number them all, or let their order count."
        )
    if is_numbered != {True}:
        return [{**mark, "region": number} for number, group in enumerate(groups) for mark in group]
    for group in groups:
        if len({mark["region"] for mark in group}) > 1:
            raise ValueError(
                f"`messages` must give the marks of one region entry one number, got "
                f"{[mark['region'] for mark in group]}. Write one entry per region."
            )
    return [mark for group in groups for mark in group]


def _with_plain_number(mark: dict) -> dict:
    number = mark.get("region")
    if number is None:
        return mark
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise TypeError(
            f"`messages` must give a region an integer as its number, got {number!r} ({type(number).__name__}). "
            "Convert it with `int()`, or leave it out."
        )
    return {**mark, "region": int(number)}


def _image_of_entry(entry: dict) -> Any:
    if "base64" in entry:
        # As an address: it is decoded where it is known whether depth or a camera goes with it.
        return entry["base64"] if entry["base64"].startswith("data:") else f"data:image/*;base64,{entry['base64']}"
    return next(entry[key] for key in IMAGE_SOURCES if key in entry)


def _entries_of_type(kind: str, conversation: Sequence[dict]) -> list[dict]:
    contents = [message.get("content") for message in conversation]
    lists = [content for content in contents if isinstance(content, list)]
    return [entry for content in lists for entry in content if entry["type"] == kind]


def _check_entry(entry: dict, name: str) -> dict:
    if not isinstance(entry, dict):
        raise TypeError(
            f"`{name}` must hold content entries that are dictionaries, got {type(entry).__name__}. Write "
            '{"type": "text", "text": ...}.'
        )
    entry = {key: value for key, value in entry.items() if value is not None}
    kind = entry.get("type")
    if kind not in ENTRY_KEYS:
        raise ValueError(
            f"`{name}` must hold content entries of type {', '.join(ENTRY_KEYS)}, got {kind!r}. Pass the frames of a "
            "video as images."
        )
    unknown = sorted(entry.keys() - ENTRY_KEYS[kind] - {"type"})
    if unknown:
        raise ValueError(
            f"`{name}` has a content entry of type {kind} with the key {unknown[0]!r}; known are "
            f"{sorted(ENTRY_KEYS[kind])}. Pass what counts for the whole sample (units, up) in `processor_kwargs`."
        )
    if kind == "region" and (isinstance(entry.get("region"), bool) or not _is_region(entry.get("region"))):
        raise TypeError(
            f"`{name}` must give `region` a region dictionary, a list of them, or the number of a region, got "
            f"{type(entry.get('region')).__name__}. Write {{'box_xyxy': [...], 'view': 0}}."
        )
    return entry


def _is_region(region: object) -> bool:
    if isinstance(region, list | tuple):
        return len(region) > 0 and all(isinstance(mark, dict) for mark in region)
    return isinstance(region, dict | int)


def _check_answer(entry: dict, name: str) -> None:
    found = PLACEHOLDER.search(entry.get("text", "")) if entry["type"] == "text" else None
    if entry["type"] != "text" or found is not None:
        raise ValueError(
            f"`{name}` is an answer and must be words only, got {found.group() if found else entry['type']!r}. "
            "Answers say 'Region 0'; only questions carry images and mention regions."
        )
