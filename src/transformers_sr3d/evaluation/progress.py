# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory of a benchmark run: finished scenes -> a file that survives a killed run -> the report.

The first line of the file beside the report is the manifest, every other one a scene. A run with other settings
refuses to go on in it, because its report would mix two measurements; so does one beside another that still runs.

This module may import the standard library and filelock, which comes with huggingface_hub.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout


PARTIAL_SUFFIX = ".partial.jsonl"
LOCK_SUFFIX = ".lock"
# What may differ between a run and the one that goes on with it.
VARYING = ("date", "machine")
# What may differ between a finished report and the one that replaces it.
OF_A_VERSION = {
    *("date", "machine", "versions", "scorers", "commit"),
    *("weights_sha256", "hub_commit", "questions_sha256", "predictions_sha256"),
}
NOT_COMPARED = (*VARYING, "limit")
# So many scenes in a row without a question mean that the settings allow none.
MAX_SCENES_WITHOUT_QUESTIONS = 64


@contextmanager
def only_run(json_path: str | Path | None) -> Iterator[None]:
    """Keep other runs from the same report. A killed run keeps nobody away.

    Args:
        json_path (`str` or `Path`, *optional*):
            Where the report goes; None keeps nobody away.

    Raises:
        ValueError: If another run is writing there.
    """
    if json_path is None:
        yield
        return
    lock = FileLock(f"{json_path}{LOCK_SUFFIX}", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        if not Path(lock.lock_file).exists():
            raise ValueError(
                f"`json_path` must be where files can be written, got {str(json_path)!r}. Give another folder."
            ) from error
        raise ValueError(
            f"`json_path` must belong to one run at a time, got {str(json_path)!r}, where another one is writing. "
            "Wait until it has ended, or give another file."
        ) from error
    try:
        yield
    finally:
        with suppress(PermissionError):  # Windows keeps an open file, and removes it on release
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def check_replaceable(json_path: str | Path | None, manifest: dict[str, Any]) -> None:
    """Refuse to replace the report of other settings; one of an earlier version of code or weights may be.

    Args:
        json_path (`str` or `Path`, *optional*):
            Of the report.
        manifest (`dict[str, Any]`):
            Of this run.

    Raises:
        ValueError: If the report there was made with other settings, or is none.
    """
    if json_path is None or not Path(json_path).is_file():
        return
    try:
        old = dict(json.loads(Path(json_path).read_bytes())["manifest"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"`json_path` must be new or a report, got {str(json_path)!r}. Give another file.") from error
    differing = [key for key in sorted(manifest.keys() - OF_A_VERSION) if old.get(key) != manifest[key]]
    if differing:
        raise ValueError(
            f"`json_path` must be new, or a report of the same settings that is replaced, got {str(json_path)!r} with "
            f"other {', '.join(differing)}. Give another file, or delete it."
        )


def finished_report(json_path: str | Path | None, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """Find what was measured before with the same settings.

    Args:
        json_path (`str` or `Path`, *optional*):
            Of the report.
        manifest (`dict[str, Any]`):
            Of this run.

    Returns:
        `dict[str, Any]` or `None`: The report; None if there is none, or one of other settings.
    """
    if json_path is None or not Path(json_path).is_file():
        return None
    try:
        report = json.loads(Path(json_path).read_bytes())
        old = report["manifest"]
        is_same = all(old.get(key) == manifest.get(key) for key in old.keys() | manifest.keys() if key not in VARYING)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return report if is_same else None


class Progress:
    """Finished scenes of a run, kept in a file line by line; a line that a killed run left unfinished is dropped.

    Args:
        json_path (`str` or `Path`, *optional*):
            Where the report goes; None keeps nothing on disk.
        manifest (`dict[str, Any]`):
            Of this run, with lists and no tuples, as it reads from a file.

    Raises:
        ValueError: If the file is one of other settings, or no such file.
    """

    def __init__(self, json_path: str | Path | None, manifest: dict[str, Any]):
        self.manifest = manifest
        self.done: dict[int, list[dict]] = {}
        self.json_path = None if json_path is None else Path(json_path)
        self.path = None if json_path is None else Path(f"{json_path}{PARTIAL_SUFFIX}")
        if self.path is None:
            return
        lines = self._read_lines()
        if lines:
            self._go_on(lines)
        else:
            self._append({"manifest": manifest})

    @property
    def num_samples(self) -> int:
        """Questions of all finished scenes."""
        return sum(map(len, self.done.values()))

    def samples(self) -> list[dict]:
        """Give the samples of all finished scenes in the order of the scenes.

        Returns:
            `list[dict]`: What `add` was given.
        """
        return [sample for index in sorted(self.done) for sample in self.done[index]]

    def add(self, index: int, samples: list[dict]) -> None:
        """Keep a finished scene; when this returns, it is on disk.

        Args:
            index (`int`):
                Number of the scene.
            samples (`list[dict]`):
                Its answered samples.

        Raises:
            ValueError: If far too many scenes in a row had no question.
        """
        self.done[index] = samples
        if self.path is not None:
            self._append({"scene": index, "samples": samples})
        last = [] if samples else sorted(self.done)[-MAX_SCENES_WITHOUT_QUESTIONS:]
        if len(last) == MAX_SCENES_WITHOUT_QUESTIONS and not any(self.done[scene] for scene in last):
            raise ValueError(
                f"`settings` must allow questions, got none in {len(last)} scenes in a row. Ask about other scenes, "
                "or give regions in another way."
            )

    def finish(self, report: dict[str, Any]) -> None:
        """Write the report under a temporary name, rename it, and remove the file of finished scenes.

        Args:
            report (`dict[str, Any]`):
                Plain numbers, text, lists and dictionaries.
        """
        if self.json_path is None or self.path is None:
            return
        unfinished = Path(f"{self.json_path}.{os.getpid()}.tmp")
        unfinished.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(self.json_path)
        self.path.unlink(missing_ok=True)

    def _read_lines(self) -> list[dict]:
        """Read the complete lines, and cut off what a killed run left of another one."""
        if self.path is None or not self.path.exists():
            return []
        content = self.path.read_bytes()
        complete = content[: content.rfind(b"\n") + 1]
        if complete != content:
            os.truncate(self.path, len(complete))
        try:
            return [json.loads(line) for line in complete.splitlines()]
        except ValueError as error:
            raise ValueError(
                f"`json_path` has an unfinished report beside it that cannot be read, got {str(self.path)!r}: {error}."
                " Remove it to start again."
            ) from error

    def _go_on(self, lines: list[Any]) -> None:
        is_whole = [isinstance(line, dict) and {"scene", "samples"} <= line.keys() for line in lines[1:]]
        if not isinstance(lines[0], dict) or not isinstance(lines[0].get("manifest"), dict) or not all(is_whole):
            raise ValueError(
                f"`json_path` must have a manifest and then scenes in the unfinished report beside it, got others "
                f"in {str(self.path)!r}. Remove it to start again."
            )
        old, wanted = lines[0]["manifest"], self.manifest
        keys = sorted((old.keys() | wanted.keys()) - set(NOT_COMPARED))
        differing = [key for key in keys if old.get(key) != wanted.get(key)]
        if differing:
            values = "; ".join(f"{key}: {old.get(key)!r} there, {wanted.get(key)!r} now" for key in differing[:3])
            raise ValueError(
                f"`json_path` must have an unfinished report of the same settings beside it, or none, got "
                f"{str(self.path)!r} with other {', '.join(differing)} ({values}). Give the same settings to go on, "
                "another file, or remove it to start again."
            )
        self.done = {line["scene"]: line["samples"] for line in lines[1:]}

    def _append(self, line: dict) -> None:
        if self.path is None:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
