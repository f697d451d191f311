# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reports of `sr3d eval` beside published figures: comparable rows in one table, all others apart with the reason.

May import: the standard library and siblings.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.evaluation.benchmarks.published import (
    FRAMES,
    PAPER_TABLES,
    SR3D_BENCH_PUBLISHED,
    PaperTable,
    Published,
)
from transformers_sr3d.evaluation.benchmarks.sr3d_bench import SR3D_BENCH
from transformers_sr3d.evaluation.benchmarks.table import write_cell
from transformers_sr3d.evaluation.comparison import read_report


Key = tuple[str, str]
ROW_KEYS = {"metric", "group", "cells"}
SOURCE = "Published: arXiv 2509.13317v1."


def draw_tables(paths: Sequence[str | Path]) -> str:
    """Draw the paper's tables for the tasks of some reports.

    Args:
        paths (`Sequence[str | Path]`):
            What `sr3d eval TASK --json` wrote.

    Returns:
        `str`: Markdown. Every published row names its place in the paper, every own one its file.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is no report of a benchmark.
    """
    reports = [(Path(path), read_report(path)) for path in paths]
    for path, report in reports:
        _check(path, report)
    parts = []
    for name in dict.fromkeys(report["manifest"]["benchmark"] for _, report in reports):
        own = [(path, report) for path, report in reports if report["manifest"]["benchmark"] == name]
        parts += _draw_task(name, own)
    return "\n\n".join(parts)


def _check(path: Path, report: Mapping[str, Any]) -> None:
    """Refuse what `sr3d eval TASK` did not write."""
    rows, manifest = report.get("rows"), report["manifest"]
    shapes = isinstance(rows, list), isinstance(manifest.get("switches"), dict), "questions" in manifest
    if not all(shapes) or not all(isinstance(row, dict) and row.keys() >= ROW_KEYS for row in rows or ()):
        raise ValueError(f"`{path}` must be a report of a benchmark, got one without rows. See sr3d eval --list.")


def _draw_task(name: str, own: list[tuple[Path, dict[str, Any]]]) -> list[str]:
    if name == SR3D_BENCH.name:
        head = "Rebuilt; templates, threshold and judge of the published one are unknown, so the two stand apart."
        published = _table([], SR3D_BENCH_PUBLISHED, _keys_of_rows(SR3D_BENCH_PUBLISHED))
        return [f"## {name}", head, _table(own, [], _keys_of(own)), "## SR-3D-Bench, as published", published, SOURCE]
    tables = [table for table in PAPER_TABLES if table.task == name]
    parts, left = [f"## {name}"], list(own)
    for table in tables:
        comparable = [(path, report) for path, report in own if not _differences(table, report)]
        if not comparable:
            continue
        left = [entry for entry in left if entry not in comparable]
        parts += [_table(comparable, list(table.rows), _keys_of_rows(table.rows)), f"{SOURCE} {table.caveat}".strip()]
    for entry in left:
        reasons = _differences(tables[0], entry[1]) if tables else ["there are none"]
        parts += [
            f"Not comparable with published figures ({'; '.join(reasons)}):",
            _table([entry], [], _keys_of([entry])),
        ]
    if tables and len(left) == len(own):
        parts += ["As published:", _table([], list(tables[0].rows), _keys_of_rows(tables[0].rows)), SOURCE]
    return parts


def _differences(table: PaperTable, report: Mapping[str, Any]) -> list[str]:
    """What makes a report another protocol than a table's."""
    manifest = report["manifest"]
    found = [
        f"{name} is {manifest['switches'].get(name)} and not {value}"
        for name, value in table.protocol.items()
        if manifest["switches"].get(name) != value
    ]
    shown, questions = manifest.get("shown", {}), manifest["questions"]
    geometry = shown.get("geometry")
    if geometry is None:
        found.append("geometry is unknown")
    elif geometry not in table.geometry:
        found.append(f"geometry is {geometry} and not {' or '.join(table.geometry)}")
    if shown.get("frames", FRAMES) != FRAMES:
        found.append(f"up to {shown['frames']} frames and not {FRAMES}")
    if manifest.get("limit") is not None:
        found.append(f"only the first {questions} questions")
    elif questions != (table.questions or questions):
        found.append(f"{questions} questions and not {table.questions}")
    lacking = [key for key in table.rows[0].figures if key not in _keys_of([(Path(), dict(report))])]
    return found + [f"no {metric} of {group}" for metric, group in lacking[:1]]


def _keys_of_rows(rows: Sequence[Published]) -> list[Key]:
    return list(dict.fromkeys(key for row in rows for key in row.figures))


def _keys_of(own: Sequence[tuple[Path, dict[str, Any]]]) -> list[Key]:
    return list(dict.fromkeys((row["metric"], row["group"]) for _, report in own for row in report["rows"]))


def _table(own: Sequence[tuple[Path, dict[str, Any]]], rows: Sequence[Published], keys: Sequence[Key]) -> str:
    """One line per figure, one column per model."""
    heads = [f"{row.model}, published ({row.where})" for row in rows]
    manifests = [(path.name, report["manifest"]) for path, report in own]
    heads += [f"{manifest['model']} ({name}, {manifest['questions']} questions)" for name, manifest in manifests]
    lines = [f"| figure | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    cells = [{(row["metric"], row["group"]): row["cells"]["model"] for row in report["rows"]} for _, report in own]
    for key in keys:
        values = [f"{row.figures[key]:.1f}" if key in row.figures else "" for row in rows]
        values += [write_cell(found.get(key)) for found in cells]
        lines.append(f"| {key[0]}, {key[1]} | {' | '.join(values)} |")
    return "\n".join(lines)
