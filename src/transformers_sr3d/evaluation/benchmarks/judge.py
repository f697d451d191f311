# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A language model as judge: question, truth and answer -> right or wrong, over an OpenAI-compatible endpoint.

The judge only reads lengths and hours; whether they are close enough is computed here, as in the published scorer.
What it cannot read counts as wrong. The published prompts have examples per category, which are not repeated here, so
figures of the two may differ; model, prompt and address stand in the manifest.

Source: the protocol of SpatialRGPT-Bench; the interface is `POST /chat/completions` with `response_format` JSON.

May import: the standard library and siblings.
"""

import hashlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transformers_sr3d.evaluation.benchmarks.spatial_rgpt_bench import DIRECTION, LENGTHS, is_hour_right, judge_length


KEY_VARIABLE = "SR3D_JUDGE_API_KEY"
TIMEOUT_S = 120.0
MAX_REPLY_BYTES = 1 << 20
TRIALS, FIRST_PAUSE_S = 6, 1.0  # waits 1, 2, 4, 8 and 16 seconds
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


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to the address that the user gave, and nowhere else."""

    def redirect_request(self, *unused: Any) -> None:
        """Refuse to go anywhere else; the redirection is then an HTTP error."""


OPENER = urllib.request.build_opener(_NoRedirect)


@dataclass(frozen=True)
class Judge:
    """Who judges.

    Attributes:
        url (`str`): Base address such as `"http://localhost:8000/v1"`.
        model (`str`): As the endpoint calls it.
    """

    url: str
    model: str

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.username or parts.password:
            raise ValueError(f"`--judge-url` must hold no password, got one. Put the key into {KEY_VARIABLE}.")
        if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(parts):
            raise ValueError(
                f"`--judge-url` must be an http(s) address such as http://localhost:8000/v1, got {self.url!r}."
            )

    def describe(self) -> dict[str, str]:
        """Say for a manifest who judges.

        Returns:
            `dict[str, str]`: Address without secrets, model and a hash of the prompts.
        """
        parts = urllib.parse.urlsplit(self.url)
        prompts = "\n".join((OPENING, LENGTH_TASK, HOUR_TASK, SENSE_TASK))
        return {
            "url": f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}",
            "model": self.model,
            "prompts_sha256": hashlib.sha256(prompts.encode()).hexdigest(),
        }

    def scores(self, truth: Mapping[str, Any], answer: str) -> dict[str, Any]:
        """Judge an answer.

        Args:
            truth (`Mapping[str, Any]`):
                `kind`, `question` and `answer`.
            answer (`str`):
                What the model wrote.

        Returns:
            `dict[str, Any]`: `judged`: whether it is right, False where the judge's reply cannot be read; of lengths
            also `judged_error`, relative to the truth, None where the judge read no length.

        Raises:
            ConnectionError: If the endpoint does not answer; nothing is scored then.
        """
        kind = truth["kind"]
        task = LENGTH_TASK if kind in LENGTHS else HOUR_TASK if kind == DIRECTION else SENSE_TASK
        question = f"{task}\n\nQuestion: {truth['question']}\nTruth: {truth['answer']}\nAnswer: {answer}"
        reply = self._ask(question)
        if kind in LENGTHS:
            wanted, said = (_number(reply.get(key)) for key in ("truth_m", "answer_m"))
            if wanted is None or said is None or min(wanted, said) < 0:
                return {"judged": False, "judged_error": None}
            compared = judge_length(wanted, said)
            return {"judged": compared["right"], "judged_error": compared["error"]}
        if kind == DIRECTION:
            truth_hour, hour = (_number(reply.get(key)) for key in ("truth_hour", "answer_hour"))
            are_hours = truth_hour in HOURS and hour in HOURS
            return {"judged": are_hours and is_hour_right(int(truth_hour or 0), int(hour or 0))}
        return {"judged": reply.get("mark") == 1}

    def _ask(self, question: str) -> dict[str, Any]:
        """The judge's JSON object; empty if it wrote none."""
        body = {
            "model": self.model,
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "messages": [{"role": "system", "content": OPENING}, {"role": "user", "content": question}],
        }
        content = self._post(json.dumps(body).encode())
        try:
            reply = json.loads(json.loads(content)["choices"][0]["message"]["content"])
        except (ValueError, KeyError, IndexError, TypeError):
            return {}
        return reply if isinstance(reply, dict) else {}

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        if os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {os.environ[KEY_VARIABLE]}"
        address = f"{self.url.rstrip('/')}/chat/completions"
        failure = "no reply"
        for trial in range(TRIALS):
            time.sleep(FIRST_PAUSE_S * 2 ** (trial - 1) if trial else 0)
            try:
                # Only http and https come here, see __post_init__.
                request = urllib.request.Request(address, data=body, headers=headers)
                with OPENER.open(request, timeout=TIMEOUT_S) as response:
                    return response.read(MAX_REPLY_BYTES)
            except urllib.error.HTTPError as error:
                failure = f"HTTP {error.code}"
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, urllib.error.URLError) as error:
                failure = str(error)
        raise ConnectionError(
            f"`--judge-url` must answer, got {failure} from {self.describe()['url']}. Start the endpoint, or give its "
            f"key in the environment variable {KEY_VARIABLE}; the same call goes on."
        )


def _has_port(parts: urllib.parse.SplitResult) -> bool:
    """Whether the port is a number, or left out."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e9 else None
