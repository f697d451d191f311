# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Copy the tables of all result files into `benchmarks/README.md`, between its two `results` marks.

    python benchmarks/report.py

Reads `benchmarks/results/*.json`; run it after the benchmarks, so that the published tables are those of the files.
"""

import json
import sys

from common import RESULTS, ROOT, describe, format_tables


README = ROOT / "benchmarks" / "README.md"
BEGIN, END = "<!-- results begin -->", "<!-- results end -->"


def render_results() -> str:
    """Write a section for each result file, in the order of their names."""
    sections = []
    for path in sorted(RESULTS.glob("*.json")):
        report = json.loads(path.read_text())
        sections.append(f"### `{path.stem}`\n\n{describe(report)}\n\n{format_tables(report)}\n")
    return "\n".join(sections) or "No results yet.\n"


def update(text: str) -> str:
    """Replace what stands between the marks of a README."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{render_results()}\n{END}{after}"


def main() -> int:
    """Rewrite the README; return exit status 0."""
    README.write_text(update(README.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
