# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""An OpenAI-compatible endpoint: a question -> the JSON object that a language model writes, or None if it wrote none.

The key comes from the environment, goes to the address that the user gave and nowhere else, and stands in no message.

Source: the interface `POST /chat/completions` with `response_format` JSON.

May import: the standard library.
"""

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any


KEY_VARIABLE = "SR3D_JUDGE_API_KEY"
TIMEOUT_S = 120.0
MAX_REPLY_BYTES = 1 << 20
TRIALS, FIRST_PAUSE_S = 6, 1.0  # waits 1, 2, 4, 8 and 16 seconds
BUSY = 429
FENCE = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *unused: Any) -> None:
        """Refuse to take the key anywhere else; the redirection is then an HTTP error."""


OPENER = urllib.request.build_opener(_NoRedirect)


@dataclass(frozen=True)
class ChatEndpoint:
    """Whom to ask.

    Attributes:
        url (`str`): Base address such as `"http://localhost:8000/v1"`.
        model (`str`): As the endpoint calls it.

    Raises:
        ValueError: If it is no plain http(s) address, or the key in the environment cannot be sent.
    """

    url: str
    model: str

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.username or parts.password:
            raise ValueError(f"`--judge-url` must hold no password, got one. Put the key into {KEY_VARIABLE}.")
        if not _is_plain(self.url, parts):
            raise ValueError(
                "`--judge-url` must be an http(s) address without ? and #, such as http://localhost:8000/v1, got "
                f"{self.url!r}."
            )
        key = os.environ.get(KEY_VARIABLE, "").strip()
        if not key.isascii() or not key.isprintable():
            raise ValueError(f"{KEY_VARIABLE} must be one line of ASCII letters, got others. Export it again.")

    @property
    def address(self) -> str:
        """What is posted to."""
        return f"{self.url.rstrip('/')}/chat/completions"

    def ask(self, system: str, question: str) -> dict[str, Any] | None:
        """Ask for a JSON object.

        Args:
            system (`str`):
                System prompt.
            question (`str`):
                The question.

        Returns:
            `dict[str, Any]` or `None`: None if the model wrote something else.

        Raises:
            ConnectionError: If nothing answers there, or no such endpoint.
        """
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        body = {"model": self.model, "temperature": 0, "response_format": {"type": "json_object"}}
        content = self._post(json.dumps(body | {"messages": messages}).encode())
        try:
            written = FENCE.sub(r"\1", content or "")
            reply = json.loads(written)
        except (ValueError, RecursionError):
            return None
        return reply if isinstance(reply, dict) else None

    def _post(self, body: bytes) -> str | None:
        """What the model wrote; endpoints that are busy or stumble are asked again."""
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(KEY_VARIABLE, "").strip()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        failure = "nothing"
        for trial in range(TRIALS):
            time.sleep(FIRST_PAUSE_S * 2 ** (trial - 1) if trial else 0)
            try:
                # Only http and https come here, see __post_init__.
                request = urllib.request.Request(self.address, data=body, headers=headers)
                with OPENER.open(request, timeout=TIMEOUT_S) as response:
                    return _content_of(response.read(MAX_REPLY_BYTES))
            except urllib.error.HTTPError as error:
                failure = f"HTTP {error.code}"
                if error.code < 500 and error.code != BUSY:
                    break
            except (OSError, http.client.HTTPException, ValueError) as error:
                failure = f"{type(error).__name__}: {error!s:.80}"
        raise ConnectionError(
            f"`--judge-url` must answer as an OpenAI-compatible endpoint does, got {failure} from {self.address}. "
            f"Correct the address, start the endpoint, or give its key in {KEY_VARIABLE}; the same call goes on."
        )


def _is_plain(url: str, parts: urllib.parse.SplitResult) -> bool:
    """Whether it is an address to which a path can be appended."""
    try:
        has_port = parts.port is None or parts.port > 0
        (parts.hostname or "").encode("idna")
    except (ValueError, UnicodeError):
        return False
    is_clean = url.isascii() and url.isprintable() and not set(url) & set(" ?#")
    return has_port and is_clean and parts.scheme in ("http", "https") and bool(parts.hostname)


def _content_of(body: bytes) -> str | None:
    """What the model wrote, None if it declined; a reply of another kind is an error of the endpoint."""
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise ValueError(f"no choices[0].message.content in {body[:60]!r}") from error
    return content if isinstance(content, str) else None
