"""One question to a language model over HTTP, as OpenAI's interface has it: no streaming, bounded in time, bytes and retries.

Only what was surely not paid for is tried again: no connection, too many requests, an error of the server. An answer that does not
come in time may have been paid for, so it is not asked for twice.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from . import ExperimentError
from .campaign_model import Asking, ModelChoice

MOST_ANSWER_BYTES = 1 << 20
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504, 529)
_LONGEST_BACKOFF_S = 60.0


class ChatError(ExperimentError):
    """A model gave no answer; `paid` says whether it may have been paid for all the same."""

    def __init__(self, text: str, *, paid: bool) -> None:
        super().__init__(text)
        self.paid = paid


@dataclass(frozen=True)
class Answered:
    """What a model wrote, and what it took; tokens are None where it does not say."""

    text: str
    tokens_in: int | None
    tokens_out: int | None


def ask(
    model: ModelChoice, body: dict[str, Any], asking: Asking, pause: Callable[[float], object],
    environment: Mapping[str, str] | None = None,
) -> Answered:  # fmt: skip
    """The answer to one question. Raises ChatError."""
    headers = _headers(model, os.environ if environment is None else environment)
    url = f"{model.url.rstrip('/')}/chat/completions"
    for attempt in range(asking.retries + 1):
        try:
            status, text, after = _once(url, body, headers, asking.timeout_s)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            why, after = f"no connection ({type(error).__name__})", None
        except httpx.HTTPError as error:
            raise ChatError(f"{model.model}: no answer in time ({type(error).__name__})", paid=True) from None
        else:
            if status == 200:
                return _answered(model, text)
            why = f"status {status}"
            if status not in _AGAIN:
                raise ChatError(f"{model.model}: {why}: {text[:200]!r}", paid=False)
        if attempt < asking.retries:
            pause(min(_LONGEST_BACKOFF_S, asking.backoff_s * 2**attempt if after is None else after))
    raise ChatError(f"{model.model}: {why} after {asking.retries + 1} tries", paid=False)


def _headers(model: ModelChoice, environment: Mapping[str, str]) -> dict[str, str]:
    if model.key_variable is None:
        return {}
    key = environment.get(model.key_variable)
    if not key:
        raise ChatError(f"{model.model}: expected a key in the environment variable {model.key_variable}, found none", paid=False)
    return {"authorization": f"Bearer {key}"}


def _once(url: str, body: dict[str, Any], headers: dict[str, str], timeout_s: float) -> tuple[int, str, float | None]:
    """Status, text and how long the server asks to wait. Raises httpx.HTTPError; also where the answer drips too slowly."""
    deadline = time.monotonic() + timeout_s
    limits = httpx.Timeout(timeout_s, connect=min(10.0, timeout_s))
    with httpx.stream("POST", url, json=body, headers=headers, timeout=limits, follow_redirects=False) as answer:
        text = b""
        for piece in answer.iter_bytes():
            text += piece
            if time.monotonic() > deadline or len(text) > MOST_ANSWER_BYTES:
                raise httpx.ReadTimeout("the answer takes too long, in time or bytes")
        after = answer.headers.get("retry-after", "")
        return answer.status_code, text.decode("utf-8", "replace"), float(after) if after.isascii() and after.isdigit() else None


def _answered(model: ModelChoice, text: str) -> Answered:
    try:
        told = json.loads(text)
        content, usage = told["choices"][0]["message"]["content"], told.get("usage") or {}
        if not isinstance(content, str):
            raise TypeError("content")
        counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise ChatError(f"{model.model}: expected a chat completion, found {text[:80]!r}", paid=True) from None
    known = [each if isinstance(each, int) and not isinstance(each, bool) and each >= 0 else None for each in counts]
    return Answered(content, known[0], known[1])
