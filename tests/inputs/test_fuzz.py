# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Damaged sources of every kind are refused by name; and the tool that says so notices a reader that does not."""

import itertools
import random
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from reader_samples import SAMPLES

from transformers_sr3d.inputs.open_source import READERS, Reader
from transformers_sr3d.inputs.source import Source, SourceView


SECONDS = 20
TOOLS = Path(__file__).resolve().parents[2] / "tools"
TEXT = b"one 1\ntwo 2\n"


@pytest.fixture
def fuzzing(monkeypatch):
    """The tool, with a reader of its own that a test chooses."""
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])
    import fuzz_readers

    return fuzz_readers


class Lines(NamedTuple):
    """A sample of a kind "lines", whose only file has two."""

    kind: str = "lines"
    options: dict = {}

    def write(self, folder):
        (folder / "lines.txt").write_bytes(TEXT)
        return folder / "lines.txt"


def white_view():
    return SourceView("0", lambda: Image.new("RGB", (2, 2)))


def fuzz_lines(fuzzing, monkeypatch, folder, read, trials=40):
    monkeypatch.setitem(READERS, "lines", Reader(Path.is_file, read))
    target = fuzzing.Target("lines", Lines(), folder)
    return target, fuzzing.fuzz(target, iter(range(trials)), until=time.monotonic() + 60)


def test_a_reader_that_refuses_by_name_passes(fuzzing, monkeypatch, tmp_path):
    def read(path):
        if not path.is_file() or path.read_bytes() != TEXT:
            raise ValueError(f"`{path}` must be whole.")
        return Source("lines", path, (white_view(),))

    _, tally = fuzz_lines(fuzzing, monkeypatch, tmp_path, read)
    assert tally.failures == []
    assert tally.refused > 20
    assert tally.refused + tally.opened == 40


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("lines.txt"), "KeyError"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "lines.txt"), "UnicodeDecodeError"),
        (OSError("lines.txt is broken"), "OSError"),
        (ValueError("Something is wrong."), "ValueError: Something is wrong."),
    ],
)
def test_crashes_and_vague_messages_are_failures_that_their_seed_repeats(
    fuzzing, monkeypatch, tmp_path, capsys, error, reason
):
    def read(path):
        if not path.is_file() or path.read_bytes() != TEXT:
            raise error
        return Source("lines", path, (white_view(),))

    target, tally = fuzz_lines(fuzzing, monkeypatch, tmp_path, read)
    first = tally.failures[0]
    assert len(tally.failures) > 20
    assert first.reason.startswith(reason)
    again = target.try_seed(first.seed)
    assert (again.damages, again.reason) == (first.damages, first.reason)
    fuzzing.report({"lines": tally})
    printed = capsys.readouterr().out
    assert f"lines seed {first.seed}, and {len(tally.failures) - 1} more at open_source.py" in printed
    assert reason in printed


@pytest.mark.parametrize(
    "view",
    [
        SourceView("0", lambda: Image.new("L", (2, 2))),
        SourceView("0", white_view().load_image, load_depth=lambda: np.full((2, 2), np.nan, np.float32)),
        SourceView("0", white_view().load_image, load_depth=lambda: np.ones((2, 2))),
        SourceView("0", white_view().load_image, intrinsics=np.zeros((3, 3))),
        SourceView("0", white_view().load_image, time_s=float("inf")),
    ],
    ids=["mode", "nan", "float64", "focal length", "time"],
)
def test_a_wrong_view_is_a_failure(fuzzing, view):
    fuzzing.check_view(white_view())
    with pytest.raises(fuzzing.WrongViewError, match=r"^0: "):
        fuzzing.check_view(view)


def compute_for_ever(fuzzing, limit_s):
    with fuzzing.limited_time(limit_s):
        while True:
            pass


def test_a_reader_that_hangs_is_stopped(fuzzing):
    with pytest.raises(TimeoutError, match=r"more than 0\.05 s of computing"):
        compute_for_ever(fuzzing, 0.05)


def test_a_seed_gives_the_same_damage_and_every_damage_happens(fuzzing):
    from damage_files import damage

    files = {"a.txt": TEXT, "b.json": b'{"a": [1, {"b": ".."}]}', "c.bin": bytes(64), "d.png": b"\x89PNG\r\n"}
    told = set()
    for seed in range(400):
        changed, damages = damage(files, random.Random(seed))
        assert (changed, damages) == damage(files, random.Random(seed))
        told |= set(damages)
    assert {text.split(": ")[1] for text in told} == {
        *("remove file", "empty file", "make folder", "copy file", "swap files", "cut", "overwrite at random"),
        *("overwrite by extremes", "remove part", "double part", "remove line", "double line", "move line"),
        *("replace number", "replace word", "change json", "change picture"),
    }
    assert files["a.txt"] == TEXT


def test_every_reader_has_a_sample():
    assert {sample.kind for sample in SAMPLES.values()} >= set(READERS)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_sources_are_refused_by_name(fuzzing, tmp_path, name):
    if SAMPLES[name].kind not in READERS:
        pytest.skip(f"{SAMPLES[name].kind} is not registered")
    try:
        target = fuzzing.Target(name, SAMPLES[name], tmp_path)
    except ImportError as error:
        pytest.skip(str(error))
    tally = fuzzing.fuzz(target, itertools.count(), until=time.monotonic() + SECONDS)
    assert not tally.failures, "\n".join(f"seed {failure.seed}: {failure.reason}" for failure in tally.failures)
    assert tally.refused
