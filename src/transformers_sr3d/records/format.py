# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records, the format: a JSONL file -> checked records, and back. docs/data_format.md describes it for users.

    {"id": "kitchen#0", "scene": "kitchen", "regions": [{"box_xyxy": [60, 80, 140, 200], "view": 0}],
     "messages": [{"role": "user", "content": "How tall is <region0>?"},
                  {"role": "assistant", "content": "Region 0 is 0.90 meters tall."}],
     "category": "height", "truth": {"value": 0.9, "unit": "m"}}

What stands beside `messages`, `id`, `category` and `truth` is a sample of the pipeline, under the same names: `scene`,
or `images` with depth and cameras, and `regions`. Files are named relative to the root, by default the folder of the
record file, and lie inside it, so that records from elsewhere cannot name other files. Only the structure is checked
here; `check` opens what is named.

May import: the standard library and what checks conversations, samples and JSON.
"""

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from transformers_sr3d.chat_sr3d import PLACEHOLDER, check_conversation, mention_index
from transformers_sr3d.json_files import parse_object
from transformers_sr3d.pipeline_samples_sr3d import VIEW_KEYS


SAMPLE_KEYS = ("scene", "images", "regions", *VIEW_KEYS)
OWN_KEYS = ("id", "messages", "category", "truth")
TRUTH_KEYS = ("value", "choice", "text")
UNITS = ("m",)


@dataclass(frozen=True)
class Record:
    """One line.

    Attributes:
        where (`str`): File and line, for messages.
        id (`str`): Of the record; file and line if it has none.
        sample (`dict[str, Any]`): Keys of a sample of the pipeline, with absolute paths, without `text`.
        messages (`tuple[dict[str, str], ...]`): `role` and `content`; users and assistants take turns.
        category (`str`, *optional*): What kind of question it is.
        truth (`dict[str, Any]`, *optional*): `value` and `unit`, `choice` or `text`: what the last answer says.
    """

    where: str
    id: str
    sample: dict[str, Any]
    messages: tuple[dict[str, str], ...]
    category: str | None = None
    truth: dict[str, Any] | None = None

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Questions and answers."""
        texts = [message["content"] for message in self.messages]
        return list(zip(texts[::2], texts[1::2], strict=True))


def read_records(path: str | Path, root: str | Path | None = None) -> list[Record]:
    """Read a file of records.

    Args:
        path (`str` or `Path`):
            A JSONL file.
        root (`str` or `Path`, *optional*):
            Folder that its paths are relative to; that of the file by default.

    Returns:
        `list[Record]`: In the order of the lines; empty lines are skipped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is refused, an id occurs twice, or there is no record. The message names file and line.
    """
    path = Path(path)
    root = path.parent if root is None else Path(root)
    records = [parse_record(text, where, root) for where, text in read_lines(path) if text.strip()]
    lines: dict[str, str] = {}
    for record in records:
        if record.id in lines:
            raise ValueError(
                f"{record.where}: `id` must occur once, got {record.id!r}, which {lines[record.id]} has. Rename one."
            )
        lines[record.id] = record.where
    if not records:
        raise ValueError(f"`{path}` must hold at least one record, got none. See docs/data_format.md.")
    return records


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Read the lines of a record file.

    Args:
        path (`Path`):
            A JSONL file.

    Yields:
        `tuple[str, str]`: File and number of a line, and its text.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be a file of records, got none there. Check the path.")
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for number, text in enumerate(lines, start=1):
                yield f"{path.name}:{number}", text
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}:{number + 1} must be UTF-8, got other bytes. Save it as UTF-8.") from error


def parse_record(text: str, where: str, root: Path) -> Record:
    """Read one line.

    Args:
        text (`str`):
            The line.
        where (`str`):
            File and line, for messages.
        root (`Path`):
            Folder that paths are relative to.

    Returns:
        `Record`: The record.

    Raises:
        ValueError: If it is not a JSON object, or a key is unknown, missing or malformed.
    """
    entry = {key: value for key, value in parse_object(text, where).items() if value is not None}
    for key in entry:
        if key not in (*SAMPLE_KEYS, *OWN_KEYS):
            close = difflib.get_close_matches(key, (*SAMPLE_KEYS, *OWN_KEYS), n=1)
            hint = f"Did you mean `{close[0]}`?" if close else "See docs/data_format.md."
            raise ValueError(f"{where}: `{key}` is no key of a record. {hint}")
    for key in ("id", "category"):
        if key in entry and not (isinstance(entry[key], str) and entry[key].strip()):
            raise ValueError(
                f"{where}: `{key}` must be text, got {entry[key]!r}. Put it into quotes, or leave it out."
            )
    sample = _read_sample(entry, where, root)
    messages = _read_messages(entry.get("messages"), where)
    _check_mentions(messages, sample.get("regions", []), where)
    truth = _read_truth(entry["truth"], where) if "truth" in entry else None
    return Record(where, entry.get("id", where), sample, messages, entry.get("category"), truth)


def write_records(path: str | Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    """Write a file of records, which appears whole.

    Args:
        path (`str` or `Path`):
            The file; one that is there is replaced.
        lines (`Iterable[Mapping]`):
            Records as JSON objects.

    Returns:
        `Path`: The file.

    Raises:
        ValueError: If a line is no JSON.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _read_sample(entry: Mapping[str, Any], where: str, root: Path) -> dict[str, Any]:
    sample = {key: entry[key] for key in SAMPLE_KEYS if key in entry}
    given = [key for key in ("images", *VIEW_KEYS) if key in sample]
    if "scene" in sample and given:
        raise ValueError(
            f"{where}: `{given[0]}` must be left out beside a `scene`, which states it. Drop one of them."
        )
    if given and "images" not in sample:
        raise ValueError(f"{where}: `{given[0]}` needs `images`, got none. Name one image per view.")
    for key in ("images", "depths", "regions"):
        if key in sample and not isinstance(sample[key], list):
            raise ValueError(f"{where}: `{key}` must be a list, got {type(sample[key]).__name__}. Write [...].")
    if "scene" in sample:
        sample["scene"] = _resolve(sample["scene"], f"{where}: `scene`", root)
    for key in ("images", "depths"):
        if key in sample:
            sample[key] = [
                None if name is None and key == "depths" else _resolve(name, f"{where}: `{key}[{index}]`", root)
                for index, name in enumerate(sample[key])
            ]
    if "regions" in sample:
        sample["regions"] = [
            _read_region(region, f"{where}: `regions[{index}]`", root)
            for index, region in enumerate(sample["regions"])
        ]
        if "scene" not in sample and "images" not in sample:
            raise ValueError(
                f"{where}: `regions` needs `scene` or `images`, got neither. Name what they are marked on."
            )
    return sample


def _read_region(region: Any, where: str, root: Path) -> dict[str, Any]:
    if not isinstance(region, dict):
        raise ValueError(f'{where} must be an object such as {{"box_xyxy": [...]}}, got {region!r:.80}. Write one.')
    if isinstance(region.get("mask"), str):
        return region | {"mask": _resolve(region["mask"], f"{where}['mask']", root)}
    return region


def _resolve(name: Any, where: str, root: Path) -> str:
    """Path of what a record names, inside the root also by way of links."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"{where} must be a path, got {name!r:.80}. Write the name of the file in quotes.")
    parts = (PurePosixPath(name), PureWindowsPath(name))
    leaves = any(path.is_absolute() or path.drive or ".." in path.parts for path in parts)
    if leaves or not (root / name).resolve().is_relative_to(root.resolve()):
        raise ValueError(
            f"{where} must be a relative path inside {str(root)!r}, got {name!r}. Copy the file into the folder, or "
            "name a folder above both as the root."
        )
    return str(root / name)


def _read_messages(messages: Any, where: str) -> tuple[dict[str, str], ...]:
    if not isinstance(messages, list) or not messages or len(messages) % 2:
        raise ValueError(
            f"{where}: `messages` must be questions and answers in turn, got {messages!r:.80}. Write a user's and an "
            "assistant's message."
        )
    for place, message in enumerate(messages):
        name, role = f"{where}: `messages[{place}]`", ("user", "assistant")[place % 2]
        if not isinstance(message, dict) or set(message) != {"role", "content"} or message["role"] != role:
            raise ValueError(
                f"{name} must have the keys role, which is {role!r} here, and content, got {message!r:.80}. "
                "Users and assistants take turns, the user first."
            )
        if not isinstance(message["content"], str) or not message["content"].strip():
            raise ValueError(f"{name} must hold text, got {message['content']!r:.80}. Write it, or drop the turn.")
    try:
        check_conversation(messages, ())
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error
    return tuple(messages)


def _check_mentions(messages: Iterable[Mapping[str, str]], regions: list[dict[str, Any]], where: str) -> None:
    numbers = list(dict.fromkeys(region.get("region", index) for index, region in enumerate(regions)))
    for place, message in enumerate(messages):
        for found in PLACEHOLDER.finditer(message["content"]):
            mention_index(int(found["number"]), numbers, f"{where}: messages[{place}]")


def _read_truth(truth: Any, where: str) -> dict[str, Any]:
    given = [key for key in TRUTH_KEYS if isinstance(truth, dict) and key in truth]
    if not isinstance(truth, dict) or len(given) != 1 or set(truth) - {*given, "unit"}:
        raise ValueError(
            f"{where}: `truth` must have one of {', '.join(TRUTH_KEYS)}, got {truth!r:.80}. For a length write "
            '{"value": 1.2, "unit": "m"}.'
        )
    value = truth[given[0]]
    if given == ["value"]:
        is_length = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6
        if not is_length or truth.get("unit") not in UNITS:
            raise ValueError(
                f"{where}: `truth` must be positive metres with the unit 'm', got {truth!r:.80}. Convert it."
            )
    elif not isinstance(value, str) or not value.strip() or "unit" in truth:
        raise ValueError(f"{where}: `truth` must be text, got {truth!r:.80}. Put it into quotes, without a unit.")
    return truth
