# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records, the check: files of records -> every problem with its line, and what they hold.

All lines are looked at, not up to the first problem only. Pictures, depth and cameras are opened and checked as the
processor does it, once for records in a row that share them, and regions are laid on them. With a processor the
sequences are measured, too.

May import: `records`, tqdm and the files at the top of the package.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.image_files_sr3d import load_image_rgb
from transformers_sr3d.pipeline_samples_sr3d import VIEW_KEYS, read_scene
from transformers_sr3d.records.format import Record, parse_record, read_lines
from transformers_sr3d.region_prompts_sr3d import read_regions
from transformers_sr3d.training.collator import render_conversation


REGION_KINDS = ("box_xyxy", "mask", "polygon", "point_xy", "box_3d")


class CheckReport(NamedTuple):
    """What a check found.

    Attributes:
        problems (`list[str]`): File, line and what is wrong; empty if nothing is.
        summary (`dict[str, Any]`): Records, turns, views, categories, kinds of regions and, with a processor, the
            longest sequence in tokens.
    """

    problems: list[str]
    summary: dict[str, Any]


def check_records(
    paths: Sequence[str | Path],
    root: str | Path | None = None,
    *,
    processor: Any | None = None,
    max_tokens: int | None = None,
) -> CheckReport:
    """Check files of records.

    Args:
        paths (`Sequence[str | Path]`):
            JSONL files.
        root (`str` or `Path`, *optional*):
            Folder that paths are relative to; that of each file by default.
        processor (`SR3DProcessor`, *optional*):
            Counts tokens.
        max_tokens (`int`, *optional*):
            Longest sequence of the language model.

    Returns:
        `CheckReport`: Problems and summary.

    Raises:
        FileNotFoundError: If a file of records is not there.
        ValueError: If one is not UTF-8.
    """
    checker = _Checker(processor, max_tokens)
    for path in map(Path, paths):
        lines = [(where, text) for where, text in read_lines(path) if text.strip()]
        for where, text in tqdm(lines, unit="record", desc=f"check {path.name}", disable=None):
            checker.look_at(where, text, path.parent if root is None else Path(root))
        if not lines:
            checker.problems.append(f"{path.name}: must hold at least one record, got none. Add a line.")
    return CheckReport(checker.problems, checker.summary())


class _Checker:
    def __init__(self, processor: Any | None, max_tokens: int | None):
        self.processor, self.max_tokens = processor, max_tokens
        self.problems: list[str] = []
        self.counts: dict[str, Counter] = {name: Counter() for name in ("categories", "regions")}
        self.ids: dict[str, str] = {}
        self.num_records = self.num_turns = self.num_views = self.longest = self.num_too_long = 0
        self.opened: tuple[dict[str, Any], dict[str, Any]] | None = None

    def look_at(self, where: str, text: str, root: Path) -> None:
        """Check a line and count what it holds.

        Args:
            where (`str`):
                File and line, for messages.
            text (`str`):
                The line.
            root (`Path`):
                Folder that its files are relative to.
        """
        self.num_records += 1
        try:
            record = parse_record(text, where, root)
        except ValueError as error:
            self.problems.append(str(error))
            return
        self._count(record)
        try:
            self._open(record)
        except (ValueError, TypeError, OSError) as error:
            self.problems.append(f"{where}: {error}")

    def _count(self, record: Record) -> None:
        if record.id in self.ids:
            self.problems.append(
                f"{record.where}: `id` must occur once, got {record.id!r}, as {self.ids[record.id]}. Rename one."
            )
        self.ids[record.id] = record.where
        self.num_turns += len(record.turns)
        self.counts["categories"][record.category or "none"] += 1
        for region in record.sample.get("regions", []):
            self.counts["regions"].update(kind for kind in REGION_KINDS if kind in region)

    def _open(self, record: Record) -> None:
        """Load what a record names and check it as the processor does."""
        sample = dict(record.sample)
        regions, sizes_hw = sample.pop("regions", []), []
        if sample:
            views = self._views(sample)
            sizes_hw = [(image.height, image.width) for image in views["images"]]
            self.num_views += len(sizes_hw)
            if regions:
                read_regions(regions, views)
        if self.processor is not None:
            self._measure(record, sizes_hw)

    def _views(self, sample: dict[str, Any]) -> dict[str, Any]:
        if self.opened is None or self.opened[0] != sample:
            arguments = read_scene(dict(sample), ("images", *VIEW_KEYS))
            self.opened = (sample, prepare_views(**arguments))
        return self.opened[1]

    def _measure(self, record: Record, sizes_hw: list[tuple[int, int]]) -> None:
        tokens = count_tokens(record, sizes_hw, self.processor)
        self.longest = max(self.longest, tokens)
        if self.max_tokens is not None and tokens > self.max_tokens:
            self.num_too_long += 1
            self.problems.append(
                f"{record.where}: the sequence must have at most {self.max_tokens} tokens, got {tokens}. Use fewer "
                "views or turns, or lower `max_tiles_per_view`."
            )

    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = {"records": self.num_records, "turns": self.num_turns, "views": self.num_views}
        summary |= {name: dict(sorted(counter.items())) for name, counter in self.counts.items()}
        if self.processor is not None:
            summary |= {"longest": self.longest, "too_long": self.num_too_long}
        return summary


def measure_records(records: Sequence[Record], processor: Any) -> list[int]:
    """Count the tokens of records; each set of pictures is opened once.

    Args:
        records (`Sequence[Record]`):
            The records.
        processor (`SR3DProcessor`):
            Of the model.

    Returns:
        `list[int]`: Length of each sequence.

    Raises:
        ValueError: If a picture or scene is refused; the message names file and line.
    """
    sizes: dict[str, list[tuple[int, int]]] = {}
    lengths = []
    for record in tqdm(records, unit="record", desc="measure records", disable=None):
        key = repr(record.sample.get("scene", record.sample.get("images")))
        try:
            if key not in sizes:
                sizes[key] = _image_sizes(record)
        except (ValueError, TypeError, OSError) as error:
            raise ValueError(f"{record.where}: {error}") from error
        lengths.append(count_tokens(record, sizes[key], processor))
    return lengths


def _image_sizes(record: Record) -> list[tuple[int, int]]:
    sample = {key: value for key, value in record.sample.items() if key != "regions"}
    images = read_scene(sample, ("images", *VIEW_KEYS)).get("images", [])
    pictures = [load_image_rgb(image) for image in images]
    return [(picture.height, picture.width) for picture in pictures]


def count_tokens(record: Record, sizes_hw: Sequence[tuple[int, int]], processor: Any) -> int:
    """Count the tokens of a record, those of its images included.

    Args:
        record (`Record`):
            The record.
        sizes_hw (`Sequence[tuple[int, int]]`):
            Height and width of its images, pixels.
        processor (`SR3DProcessor`):
            Of the model.

    Returns:
        `int`: Length of the sequence.
    """
    tiles = processor._get_num_multimodal_tokens(image_sizes=sizes_hw).num_image_patches if sizes_hw else []
    tile = processor.image_token * processor.image_tokens_per_tile + "\n"
    text = render_conversation(record.turns, num_images=len(sizes_hw))
    [expanded], _ = processor.get_text_with_replacements([text], [tile * count for count in tiles])
    return len(processor.tokenizer(expanded)["input_ids"])
