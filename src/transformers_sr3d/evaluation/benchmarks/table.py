# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Report of a task -> a Markdown table with 95 % intervals, and what it was measured with.

May import: the standard library.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_cell(cell: Mapping[str, Any] | None) -> str:
    """Write a figure.

    Args:
        cell (`Mapping`, *optional*):
            `value`, `low`, `high` and `note`; None where there is none.

    Returns:
        `str`: For example `"52.0 (47.1 to 56.8)"`.
    """
    if cell is None:
        return ""
    if cell["value"] is None:
        return str(cell["note"])
    if cell["low"] is None:
        return f"{cell['value']:.1f}"
    return f"{cell['value']:.1f} ({cell['low']:.1f} to {cell['high']:.1f})"


def format_markdown(report: Mapping[str, Any]) -> str:
    """Write a report.

    Args:
        report (`Mapping`):
            With `manifest`, `rows` and `empty_answers`.

    Returns:
        `str`: A heading, a line about what was measured, and the table.
    """
    manifest, columns = report["manifest"], list(report["rows"][0]["cells"])
    switches = ", ".join(f"{name} {value}" for name, value in manifest["switches"].items())
    shown = manifest.get("shown", {})
    about = [f"{manifest['model']}", f"{manifest['questions']} questions", *([switches] if switches else [])]
    about += [f"geometry {shown['geometry']}"] if shown else []
    about += [f"up to {shown['frames']} frames"] if "frames" in shown else []
    about += [f"commit {str(manifest['commit'])[:10]}"] if manifest.get("commit") else []
    head = ["metric", "group", "questions", *columns]
    lines = [f"### {manifest['benchmark']}", "", "; ".join(about) + ".", "", f"| {' | '.join(head)} |"]
    lines.append("|---|---|---:|" + "---:|" * len(columns))
    for row in report["rows"]:
        cells = [write_cell(row["cells"].get(name)) for name in columns]
        of = row["cells"]["model"]["of"]
        lines.append(f"| {row['metric']} | {row['group']} | {of} | {' | '.join(cells)} |")
    if report["empty_answers"]:
        lines += ["", f"{report['empty_answers']} answers are empty; they are scored like others."]
    return "\n".join(lines)


def write_markdown(text: str, json_path: str | Path) -> Path:
    """Write a table beside its report.

    Args:
        text (`str`):
            Markdown.
        json_path (`str` or `Path`):
            Where its JSON is.

    Returns:
        `Path`: The same with the suffix `.md`.
    """
    path = Path(json_path).with_suffix(".md")
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)
    return path
