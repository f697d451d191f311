# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Making records, the run: scenes with annotations -> a file of records and a report of what was left out.

A scene's questions depend on the seed and its place in the list only. What is finished is kept in `OUT.partial`, a
line per scene, so that a killed run goes on; the file of records appears whole.

May import: `records`, the readers of `inputs` and the files at the top of the package.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.inputs.open_source import open_source
from transformers_sr3d.records.format import write_records
from transformers_sr3d.records.making.measuring import measure_scene
from transformers_sr3d.records.making.questions import CATEGORIES, ask, mark, possible_categories, truth_of
from transformers_sr3d.records.making.things import boxed_things, marked_things
from transformers_sr3d.rooms.questions.conversations import RoomQuestion
from transformers_sr3d.rooms.questions.region_marks import MULTI_VIEW_KINDS
from transformers_sr3d.rooms.world import SPLITS


FEW_QUESTIONS = "scenes that gave fewer questions than asked for"
LEVEL = "scenes without known gravity, where sizes and what is above are not asked"


@dataclass(frozen=True)
class MakeSettings:
    """What to make.

    Attributes:
        questions (`int`, defaults to 16): At most this many per scene.
        turns (`int`, defaults to 1): Questions of one record; `category` and `truth` are written with one only.
        seed (`int`, defaults to 0): Of all that is drawn.
        split (`str`, defaults to `"train"`): Whose phrasings are used; those of `"test"` include some that no other
            split has.
        region_kind (`str`, *optional*): One of `MULTI_VIEW_KINDS` for all regions; drawn for each if not given.
        all_annotated (`bool`, defaults to `False`): Whether every thing is annotated, so that things may be counted.
        annotations (`str`, *optional*): COCO or LVIS file with marks on the views; by default the scene's objects.
        categories (`tuple[str, ...]`, *optional*): Asks in these only, of those that a scene can be asked in.

    Raises:
        ValueError: If a value is out of range or unknown.
    """

    questions: int = 16
    turns: int = 1
    seed: int = 0
    split: str = "train"
    region_kind: str | None = None
    all_annotated: bool = False
    annotations: str | None = None
    categories: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, least in (("questions", 1), ("turns", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be at least {least}, got {getattr(self, name)}. Raise it.")
        if self.split not in SPLITS:
            raise ValueError(f"`split` must be one of {', '.join(SPLITS)}, got {self.split!r}. Choose one of them.")
        unknown = sorted(set(self.categories or ()) - set(CATEGORIES))
        if unknown:
            raise ValueError(f"`categories` must be among {', '.join(CATEGORIES)}, got {unknown[0]!r}. Choose some.")
        if self.region_kind not in (None, *MULTI_VIEW_KINDS):
            raise ValueError(
                f"`region_kind` must be one of {', '.join(MULTI_VIEW_KINDS)}, got {self.region_kind!r}. Choose one."
            )


def make_records(scenes: Sequence[str | Path], out: str | Path, settings: MakeSettings) -> dict[str, Any]:
    """Make a file of records.

    Args:
        scenes (`Sequence[str | Path]`):
            Scene folders or other sources, in the folder of `out` or below it.
        out (`str` or `Path`):
            The file to write.
        settings (`MakeSettings`):
            What to make.

    Returns:
        `dict[str, Any]`: `records`, `questions` by category, `limits` (things without size or place by reason, and
        what else was left out) and `refused` (message by scene).

    Raises:
        FileExistsError: If `out` is there.
        ValueError: If a scene lies elsewhere, is named twice, or none gave a question.
    """
    out = Path(out)
    if out.exists():
        raise FileExistsError(f"`--out` must not be there yet, got {out}. Choose another name, or delete it.")
    names = _relative_names(scenes, out.parent)
    finished = _read_finished(_partial(out), names, settings)
    with _open_partial(out, names, settings, finished) as partial:
        for place, name in enumerate(tqdm(names, unit="scene", desc="make records", disable=None)):
            if name not in finished:
                finished[name] = _make_or_refuse(out.parent, name, place, settings)
                partial.write(json.dumps({"scene": name} | finished[name]) + "\n")
                partial.flush()
    lines = [line for name in names for line in finished[name]["lines"]]
    report = _report([finished[name] for name in names], names)
    if not lines:
        raise ValueError(
            f"`scenes` must give at least one question, got none: {json.dumps(report)}. See docs/data_make.md."
        )
    write_records(out, lines)
    _partial(out).unlink()
    return report


def _relative_names(scenes: Sequence[str | Path], root: Path) -> list[str]:
    names = []
    for scene in scenes:
        path = Path(os.path.abspath(scene))
        if not path.is_relative_to(os.path.abspath(root)):
            raise ValueError(
                f"`scenes` must lie in the folder of the record file, {os.path.abspath(root)}, got {path}. "
                "Write the file above the scenes."
            )
        names.append(path.relative_to(os.path.abspath(root)).as_posix())
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"`scenes` must name each scene once, got {twice[0]} several times. Leave one out.")
    return names


def _partial(out: Path) -> Path:
    return out.with_name(out.name + ".partial")


def _header(names: Sequence[str], settings: MakeSettings) -> dict[str, Any]:
    return {"scenes": list(names), "settings": asdict(settings)}


def _read_finished(path: Path, names: Sequence[str], settings: MakeSettings) -> dict[str, dict[str, Any]]:
    """Read the scenes that an interrupted run of the same call finished; its last line may be cut."""
    if not path.is_file():
        return {}
    first, *lines = path.read_text(encoding="utf-8").split("\n")
    try:
        is_same = json.loads(first) == _header(names, settings)
    except ValueError:
        is_same = False
    if not is_same:
        return {}
    entries = [json.loads(line) for line in lines[:-1]]  # what follows the last line break is cut
    return {entry.pop("scene"): entry for entry in entries}


def _open_partial(out: Path, names: Sequence[str], settings: MakeSettings, finished: dict[str, dict[str, Any]]) -> Any:
    """Open the file of finished scenes for more of them, without what was cut."""
    path = _partial(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    entries = [_header(names, settings), *({"scene": name} | entry for name, entry in finished.items())]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path.open("a", encoding="utf-8")


def _make_or_refuse(root: Path, name: str, place: int, settings: MakeSettings) -> dict[str, Any]:
    """Make one scene's records; a scene that is refused does not cost those of the others."""
    try:
        return _make_scene(root, name, np.random.default_rng([settings.seed, place]), settings)
    except (ValueError, OSError) as error:
        return {"lines": [], "categories": {}, "limits": {}, "refused": str(error)}


def _make_scene(root: Path, name: str, rng: np.random.Generator, settings: MakeSettings) -> dict[str, Any]:
    source = open_source(root / name)
    if settings.annotations is not None:
        things, instances = marked_things(source, settings.annotations), None
    else:
        things, instances = boxed_things(root / name)
    views = prepare_views(**source.arguments())
    measured = measure_scene(views, things, instances, split=settings.split)
    is_upright = views["gravity"] == "known"
    categories = possible_categories(measured, gravity_known=is_upright, all_annotated=settings.all_annotated)
    categories = tuple(name for name in categories if settings.categories is None or name in settings.categories)
    questions, numbers = ask(measured, rng, settings.questions, categories=categories)
    user_from_up = views["up_from_user_world"].double().numpy().T
    lines = []
    for start in range(0, len(questions), settings.turns):
        turns = questions[start : start + settings.turns]
        mentioned = sorted({number for question in turns for number in question.regions})
        marked = {number: numbers[number] for number in mentioned}
        regions = mark(measured, marked, rng, user_from_up=user_from_up, kind=settings.region_kind)
        lines.append(record_line(name, start, turns, regions, settings.turns))
    limits = dict(measured.limits) | {
        FEW_QUESTIONS: int(len(questions) < settings.questions),
        LEVEL: int(not is_upright),
    }
    return {"lines": lines, "categories": dict(Counter(q.category for q in questions)), "limits": limits}


def record_line(
    name: str, start: int, turns: Sequence[RoomQuestion], regions: list[dict[str, Any]], most: int
) -> dict[str, Any]:
    """Write questions about a scene as one record.

    Args:
        name (`str`):
            Of the scene, relative to the file of records.
        start (`int`):
            Number of the first question, for the id.
        turns (`Sequence[RoomQuestion]`):
            At least one.
        regions (`list[dict[str, Any]]`):
            What they mention.
        most (`int`):
            Questions of one record; category and truth are written with one only.

    Returns:
        `dict[str, Any]`: As JSON.
    """
    messages = []
    for question in turns:
        messages.append({"role": "user", "content": question.text})
        messages.append({"role": "assistant", "content": question.answer})
    line: dict[str, Any] = {"id": f"{name}#{start}", "scene": name}
    line |= {"regions": regions} if regions else {}
    line["messages"] = messages
    if most == 1:
        line |= {"category": turns[0].category, "truth": truth_of(turns[0])}
    return line


def _report(entries: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    categories: Counter[str] = Counter()
    limits: Counter[str] = Counter()
    for entry in entries:
        categories.update(entry["categories"])
        limits.update(entry["limits"])
    return {
        "records": sum(len(entry["lines"]) for entry in entries),
        "questions": dict(sorted(categories.items())),
        "limits": {reason: count for reason, count in limits.items() if count},
        "refused": {name: entry["refused"] for name, entry in zip(names, entries, strict=True) if "refused" in entry},
    }
