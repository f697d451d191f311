# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A language model as judge of SpatialRGPT-Bench: question, truth and answer -> right or wrong.

The judge only reads lengths and hours; whether they are close enough is computed here, as in the published scorer.
What it cannot read counts as wrong, and is counted. The published prompts have examples per category, which are not
repeated here, so figures of the two may differ; model, prompt and address stand in the manifest.

Source: the protocol of SpatialRGPT-Bench.

May import: the standard library and siblings.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from transformers_sr3d.evaluation.benchmarks.endpoint import ChatEndpoint
from transformers_sr3d.evaluation.benchmarks.spatial_rgpt_bench import DIRECTION, LENGTHS, is_hour_right, judge_length


LARGEST = 1e9
HOURS = range(1, 13)
OPENING = "You compare two answers to a question about marked regions of a picture. Reply with one JSON object only."
LENGTH_TASK = (
    'Read the length that each answer states and convert it to metres: {"truth_m": number, "answer_m": number}. '
    "Use null where an answer states no length."
)
HOUR_TASK = (
    'Read the hour of the clock that each answer states, 1 to 12: {"truth_hour": integer, "answer_hour": integer}. '
    "Use null where an answer states none."
)
SENSE_TASK = 'Say whether the answer means the same as the truth: {"mark": 1} if it does, {"mark": 0} if not.'


class Judge:
    """Who judges.

    Args:
        url (`str`):
            Base address such as `"http://localhost:8000/v1"`.
        model (`str`):
            As the endpoint calls it.

    Raises:
        ValueError: See `ChatEndpoint`.
    """

    def __init__(self, url: str, model: str):
        self.endpoint = ChatEndpoint(url, model)

    def describe(self) -> dict[str, str]:
        """Say for a manifest who judges.

        Returns:
            `dict[str, str]`: Address, model and a hash of the prompts.
        """
        prompts = "\n".join((OPENING, LENGTH_TASK, HOUR_TASK, SENSE_TASK))
        digest = hashlib.sha256(prompts.encode()).hexdigest()
        return {"url": self.endpoint.url, "model": self.endpoint.model, "prompts_sha256": digest}

    def scores(self, truth: Mapping[str, Any], answer: str) -> dict[str, Any]:
        """Judge an answer.

        Args:
            truth (`Mapping[str, Any]`):
                `kind`, `question` and `answer`.
            answer (`str`):
                What the model wrote.

        Returns:
            `dict[str, Any]`: `judged`: whether it is right; `judge_read`: whether the judge's reply could be read
            (else the answer counts as wrong); of lengths also `judged_error`, relative to the truth, None where the
            judge read no length.

        Raises:
            ConnectionError: If the endpoint does not answer; nothing is scored then.
        """
        kind = truth["kind"]
        task = LENGTH_TASK if kind in LENGTHS else HOUR_TASK if kind == DIRECTION else SENSE_TASK
        question = f"{task}\n\nQuestion: {truth['question']}\nTruth: {truth['answer']}\nAnswer: {answer}"
        reply = self.endpoint.ask(OPENING, question) or {}
        if kind in LENGTHS:
            return _judge_lengths(reply)
        if kind == DIRECTION:
            truth_hour, hour = (_number(reply.get(key)) for key in ("truth_hour", "answer_hour"))
            are_hours = truth_hour in HOURS and hour in HOURS
            right = are_hours and is_hour_right(int(truth_hour or 0), int(hour or 0))
            return {"judged": right, "judge_read": {"truth_hour", "answer_hour"} <= reply.keys()}
        mark = _number(reply.get("mark"))
        return {"judged": mark == 1, "judge_read": mark in (0, 1)}


def _judge_lengths(reply: Mapping[str, Any]) -> dict[str, Any]:
    wanted, said = (_number(reply.get(key)) for key in ("truth_m", "answer_m"))
    is_read = {"truth_m", "answer_m"} <= reply.keys()
    if wanted is None or said is None or min(wanted, said) < 0:
        return {"judged": False, "judge_read": is_read, "judged_error": None}
    compared = judge_length(wanted, said)
    return {"judged": compared["right"], "judge_read": is_read, "judged_error": compared["error"]}


def _number(value: Any) -> float | None:
    """A number, which some judges put into quotes."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < LARGEST else None
