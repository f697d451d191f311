# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What can happen to files: names and bytes + a generator -> the same with one to three damages, and what they are.

    any file     _cut off, emptied, missing, a folder in its place, copied under another name, swapped with another
    bytes        some overwritten at random or by extreme numbers, some removed or doubled
    text         a line removed, doubled or moved; a number or a word replaced by an extreme one
    JSON         an entry removed, doubled, renamed, or replaced by something of another kind
    pictures     another size or mode
    ZIP          each of these inside

Used by `fuzz_readers.py`. May import the standard library and PIL.
"""

import copy
import io
import json
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from PIL import Image


# By relative name; None is a folder.
Files = dict[str, bytes | None]
Change = Callable[[bytes, random.Random], bytes | None]
ODD_NUMBERS = (
    "0",
    "-1",
    "1e30",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "1" * 400,
    "2147483648",
    "18446744073709551616",
    "0.5",
)
ODD_WORDS = ("", "..", "../../outside.png", "/etc/hostname", "C:\\x.png", "\0", "x" * 5000, "é", "word", "1", ".", "~")
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1e308, float("nan"), float("inf"), 10**30, 0.5),
    *([], {}, [[]], [None], {"a": 1}, [1, 2, 3], [["x"]], [[[[[[[[]]]]]]]]),
    *("", "..", "../../outside.png", "/etc/hostname", "x" * 5000, "a\0b", "\ud800", "1", "OPENCV"),
)
ODD_BYTES = tuple(value for size in (1, 2, 4, 8) for value in (
    b"\0" * size, b"\xff" * size, b"\xff" * (size - 1) + b"\x7f", b"\0" * (size - 1) + b"\x80"))  # fmt: skip
PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
MAX_DAMAGES = 3


def damage(files: Files, rng: random.Random) -> tuple[Files, list[str]]:
    """Damage some files.

    Args:
        files (`Files`):
            Not changed.
        rng (`random.Random`):
            Decides what happens.

    Returns:
        `tuple[Files, list[str]]`: The damaged files, and a sentence for each damage.
    """
    files, told = dict(files), []
    for _ in range(rng.choice((1, 1, 1, 2, MAX_DAMAGES))):
        name = _choose(files, rng)
        data = files[name]
        changes = [*FILE_CHANGES, *(_changes_of(name, data) if data is not None else ())]
        # What is inside a file is more of a reader's business than the file itself.
        weights = [1 if change in FILE_CHANGES else 4 for change in changes]
        change = rng.choices(changes, weights)[0]
        told.append(f"{name}: {change.__name__.strip('_').replace('_', ' ')}")
        if change in FILE_CHANGES:
            change(files, name, rng)
        else:
            files[name] = change(data, rng)
    return files, told


def _choose(files: Files, rng: random.Random) -> str:
    """Choose a file: each ending is as likely as any other, however many files have it."""
    endings = sorted({PurePosixPath(name).suffix for name in files})
    ending = rng.choice(endings)
    return rng.choice(sorted(name for name in files if PurePosixPath(name).suffix == ending))


def _changes_of(name: str, data: bytes) -> list[Change]:
    changes: list[Change] = [_cut, _overwrite_at_random, _overwrite_by_extremes, _remove_part, _double_part]
    if PurePosixPath(name).suffix.lower() in PICTURES:
        return [*changes, _change_picture]
    if data[:4] == b"PK\3\4":
        return [*changes, *[_change_zip] * 8]
    if b"\0" in data[:1000]:
        return changes
    texts: list[Change] = [_remove_line, _double_line, _move_line, _replace_number, _replace_word]
    return [*texts, *[_change_json] * 8] if data.lstrip()[:1] in (b"{", b"[") else [*changes, *texts]


def _remove_file(files: Files, name: str, rng: random.Random) -> None:
    if len(files) > 1:
        del files[name]


def _empty_file(files: Files, name: str, rng: random.Random) -> None:
    files[name] = b""


def _make_folder(files: Files, name: str, rng: random.Random) -> None:
    files[name] = None


def _copy_file(files: Files, name: str, rng: random.Random) -> None:
    path = PurePosixPath(name)
    odd = (f"{path.stem} copy", f"{path.stem}0", "0", "1", "frame", "é", "99999999999999999999999", "²")
    files[str(path.with_name(rng.choice(odd) + path.suffix))] = files[name]


def _swap_files(files: Files, name: str, rng: random.Random) -> None:
    other = rng.choice(sorted(files))
    files[name], files[other] = files[other], files[name]


FILE_CHANGES = (_remove_file, _empty_file, _make_folder, _copy_file, _swap_files)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _overwrite_at_random(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8)) if data else 0):
        changed[_place(changed, rng)] = rng.randrange(256)
    return bytes(changed)


def _overwrite_by_extremes(data: bytes, rng: random.Random) -> bytes:
    value, place = rng.choice(ODD_BYTES), _place(data, rng)
    return (data[:place] + value + data[place + len(value) :])[: len(data)]


def _remove_part(data: bytes, rng: random.Random) -> bytes:
    place = _place(data, rng)
    return data[:place] + data[place + rng.choice((1, 4, 100)) :]


def _double_part(data: bytes, rng: random.Random) -> bytes:
    place = _place(data, rng)
    end = place + rng.choice((1, 4, 100))
    return data[:end] + data[place:end] + data[end:]


def _place(data: bytes | bytearray, rng: random.Random) -> int:
    """Choose a byte, half of the time near the start, where heads are."""
    return rng.randrange(max(1, min(len(data), rng.choice((400, len(data))))))


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "surrogateescape").split("\n")


def _bytes(lines: list[str]) -> bytes:
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _remove_line(data: bytes, rng: random.Random) -> bytes:
    lines = _lines(data)
    del lines[rng.randrange(len(lines))]
    return _bytes(lines)


def _double_line(data: bytes, rng: random.Random) -> bytes:
    lines = _lines(data)
    place = rng.randrange(len(lines))
    lines.insert(place, lines[place])
    return _bytes(lines)


def _move_line(data: bytes, rng: random.Random) -> bytes:
    lines = _lines(data)
    lines.insert(rng.randrange(len(lines)), lines.pop(rng.randrange(len(lines))))
    return _bytes(lines)


def _replace_number(data: bytes, rng: random.Random) -> bytes:
    text = "\n".join(_lines(data))
    found = list(NUMBER.finditer(text))
    if not found:
        return data
    match = rng.choice(found)
    return _bytes([text[: match.start()] + rng.choice(ODD_NUMBERS) + text[match.end() :]])


def _replace_word(data: bytes, rng: random.Random) -> bytes:
    lines = _lines(data)
    place = rng.randrange(len(lines))
    words = lines[place].split(" ")
    words[rng.randrange(len(words))] = rng.choice(ODD_WORDS)
    lines[place] = " ".join(words)
    return _bytes(lines)


def _change_json(data: bytes, rng: random.Random) -> bytes:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):  # damaged before
        return _cut(data, rng)
    holders = [holder for holder in _holders(content) if holder]
    if not holders:
        return b"[]"
    holder = rng.choice(holders)
    key = rng.choice(sorted(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    action = rng.choice(("replace", "replace", "remove", "double", "rename"))
    if action == "replace":
        holder[key] = rng.choice(ODD_VALUES)
    elif action == "remove":
        del holder[key]
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif action == "rename":
        holder[rng.choice(("name", "w", "..", "x"))] = holder.pop(key)
    else:  # a doubled key
        text = json.dumps(key) + ": "
        return json.dumps(content).replace(text, f"{text}0, {text}", 1).encode()
    return json.dumps(content).encode("utf-8", "surrogatepass")


def _holders(content: Any) -> list[Any]:
    """All lists and dictionaries; of long lists the first and last entries."""
    if not isinstance(content, dict | list):
        return []
    inner = list(content.values()) if isinstance(content, dict) else [*content[:5], *content[5:][-2:]]
    return [content, *(holder for entry in inner for holder in _holders(entry))]


def _change_picture(data: bytes, rng: random.Random) -> bytes:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            kind = picture.format or "PNG"
            if rng.random() < 0.5:
                sizes = ((1, 1), (picture.width + 1, picture.height), picture.size[::-1], (2000, 1))
                picture = picture.resize(rng.choice(sizes), Image.Resampling.NEAREST)
            else:
                picture = picture.convert(
                    rng.choice(("L", "RGB", "CMYK") if kind == "JPEG" else ("L", "RGBA", "P", "1"))
                )
            buffer = io.BytesIO()
            picture.save(buffer, kind)
            return buffer.getvalue()
    except (OSError, SyntaxError, ValueError):  # damaged before
        return _cut(data, rng)


def _change_zip(data: bytes, rng: random.Random) -> bytes:
    """Damage what is inside."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files: Files = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # damaged before, for which `zipfile` has no error of its own
        return _cut(data, rng)
    files, _ = damage(files, rng)
    if rng.random() < 0.2:
        files[rng.choice(("../x", "/x", "a/../../b", "x\0y"))] = b"x"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in files.items():
            archive.writestr(name + ("/" if content is None else ""), content or b"")
    return buffer.getvalue()
