# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A task: what a benchmark has to say of itself, so that one runner can ask, score and report it.

May import: the standard library and siblings.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers_sr3d.evaluation.benchmarks.figures import Figure
from transformers_sr3d.records.format import Record


Switches = Mapping[str, str]


@dataclass(frozen=True)
class Task:
    """A benchmark.

    Attributes:
        name (`str`): As the command line calls it.
        about (`str`): One line for a list.
        source (`str`): Where the official files are, and what their licence asks for.
        layout (`str`): What the folder must hold.
        read (`Callable[[Path, Switches], list[Record]]`): Questions in the official order. A `scene` in their samples
            is a name that is looked up in the folder of scenes, `size_wh` the size that a picture must have for its
            regions to fit; `truth` is what `score` takes.
        score (`Callable[[Mapping, str, Switches], dict]`): From a truth and an answer to `right` and other scores.
        rows (`Callable[[Sequence[dict], Switches], list[Figure]]`): From scored samples to a table.
        switches (`dict[str, tuple[str, ...]]`): Choices of the protocol, the default first.
        max_new_tokens (`int`): Longest answer.
        uses_scenes (`bool`): Whether questions are about scenes of several views, and not about pictures.
        majority (`bool`): Whether the commonest answer is a baseline.
    """

    name: str
    about: str
    source: str
    layout: str
    read: Callable[[Path, Switches], list[Record]]
    score: Callable[[Mapping[str, Any], str, Switches], dict[str, Any]]
    rows: Callable[[Sequence[dict[str, Any]], Switches], list[Figure]]
    switches: dict[str, tuple[str, ...]] = field(default_factory=dict)
    max_new_tokens: int = 48
    uses_scenes: bool = False
    majority: bool = True

    def read_switches(self, given: Sequence[str]) -> dict[str, str]:
        """Read what the command line says of the protocol.

        Args:
            given (`Sequence[str]`):
                `NAME=VALUE`.

        Returns:
            `dict[str, str]`: All switches with their values.

        Raises:
            ValueError: If a switch or its value is unknown.
        """
        values = {name: choices[0] for name, choices in self.switches.items()}
        names = [text.partition("=")[0] for text in given]
        for text in given:
            name, _, value = text.partition("=")
            if name not in self.switches:
                close = difflib.get_close_matches(name, self.switches, n=1)
                known = f"Did you mean {close[0]}?" if close else f"It has {', '.join(self.switches) or 'none'}."
                raise ValueError(f"`--switch` must name a switch of {self.name}, got {text!r}. {known}")
            if names.count(name) > 1:
                raise ValueError(f"`--switch {name}` must be given once, got {' '.join(given)}. Drop one.")
            if value not in self.switches[name]:
                choices = ", ".join(self.switches[name])
                raise ValueError(f"`--switch {name}` must be one of {choices}, got {value!r}. Choose one of them.")
            values[name] = value
        return values


def make_record(
    where: str, identity: str, question: str, sample: dict[str, Any], category: str, truth: dict[str, Any]
) -> Record:
    """Make a question.

    Args:
        where (`str`):
            File and entry, for messages.
        identity (`str`):
            Occurs once in a task.
        question (`str`):
            The whole prompt but for images.
        sample (`dict[str, Any]`):
            Keys of a sample of the pipeline.
        category (`str`):
            Row of the table.
        truth (`dict[str, Any]`):
            What the task's `score` takes.

    Returns:
        `Record`: Its answer is empty, since the truth is in `truth`.
    """
    messages = ({"role": "user", "content": question}, {"role": "assistant", "content": ""})
    return Record(where, identity, sample, messages, category, truth)
