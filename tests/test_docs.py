# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Every ```python block of the README and of docs/ runs by itself, in the root of the repository.

A block that cannot run here (it needs a download or a device) is opened by ```python no-run REASON and counted.
"""

import re
import time
from pathlib import Path
from typing import NamedTuple

import pytest

import transformers_sr3d  # noqa: F401, imported here so that no block is charged for it


ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((*ROOT.glob("README.md"), *ROOT.glob("docs/**/*.md")))
FENCE = re.compile(r"^```python(?P<info>[^\n]*)\n(?P<code>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
MAX_BLOCKS_NOT_RUN = 5
CONVENTION_LIMIT_S = 1.0


class Block(NamedTuple):
    """A fenced block: where it stands, the words after "python", and the code."""

    where: str
    info: str
    code: str


def blocks_of(page: str, text: str) -> list[Block]:
    """Return the python blocks of a page, each with the line that its code starts at."""
    return [
        Block(f"{page}:{text.count(chr(10), 0, match.start()) + 2}", match["info"].strip(), match["code"])
        for match in FENCE.finditer(text)
    ]


BLOCKS = [
    block for page in PAGES for block in blocks_of(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8"))
]
RUN = [block for block in BLOCKS if not block.info.startswith("no-run")]
NOT_RUN = [block for block in BLOCKS if block.info.startswith("no-run")]


def run_block(block: Block) -> float:
    """Run the block in a fresh namespace and return the CPU seconds it took."""
    page, line = block.where.rsplit(":", 1)
    code = compile("\n" * (int(line) - 1) + block.code, str(ROOT / page), "exec")  # so that a traceback names the line
    start = time.process_time()
    exec(code, {"__name__": "__docs__"})
    return time.process_time() - start


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.where)
def test_block_runs_by_itself(block, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert block.info == "", f"{block.where}: unknown words after python: {block.info!r}"
    seconds = run_block(block)
    if block.where.startswith("docs/conventions.md"):
        assert seconds < CONVENTION_LIMIT_S


def test_blocks_that_do_not_run_are_few_and_say_why():
    assert [block.where for block in NOT_RUN if len(block.info.split()) < 3] == []
    assert len(NOT_RUN) <= MAX_BLOCKS_NOT_RUN


def test_every_section_of_the_conventions_asserts_something():
    text = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title = section.splitlines()[0]
        blocks = blocks_of(title, section)
        assert blocks or title == "Glossary", title
        assert all("assert" in block.code for block in blocks), title


def test_fences_are_found_with_their_lines():
    text = "# Page\n\n```python\nx = 1\n```\n\n```python no-run needs a download\ny\n```\n\n```bash\nls\n```\n"
    assert blocks_of("page.md", text) == [
        Block("page.md:4", "", "x = 1\n"),
        Block("page.md:8", "no-run needs a download", "y\n"),
    ]


def test_a_block_that_fails_fails():
    with pytest.raises(AssertionError):
        run_block(Block("docs/conventions.md:1", "", "assert 1 == 2"))
