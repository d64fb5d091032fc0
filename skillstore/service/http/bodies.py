"""Bodies: what a request brings, never more than is taken, never longer than is waited for."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from pydantic_core import from_json

from skillstore.errors import InvalidInputError
from skillstore.forms import parsed
from skillstore.service.http.problems import MalformedError, WrongTypeError
from skillstore.service.http.visit import Receive
from skillstore.service.refusals import TooLargeError, TooSlowError

MAX_BODY = 16 * 2**20
"""Bytes of a request that is one JSON value: 1,000 skills of 1,000 dimensions."""
MAX_DEPTH = 160
"""Lists and objects within each other: a value may be 64 deep, and each tag is one more."""
PATIENCE = 30.0
"""Seconds for a body to arrive; of a stream, for its next part."""

_SHORT = 2**18  # bytes of which no form takes much room
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


class GoneError(Exception):
    """Who asked went away."""


async def whole(receive: Receive, headers: dict[bytes, bytes], most: int = MAX_BODY) -> bytes:
    """The whole body. Raises TooLargeError as soon as it is known, TooSlowError, GoneError."""
    check_length(headers, most)
    with _Patience():
        message = await _next(receive)
        parts = [message.get("body", b"")]
        size = len(parts[0])
        while message.get("more_body", False) and size <= most:
            message = await _next(receive)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
    if size > most:
        raise _too_large(most)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def stream(receive: Receive, headers: dict[bytes, bytes], most: int) -> AsyncIterator[bytes]:
    """The body in parts. Raises as `whole`."""
    check_length(headers, most)
    size, more = 0, True
    while more:
        with _Patience():
            message = await _next(receive)
        part: bytes = message.get("body", b"")
        size, more = size + len(part), message.get("more_body", False)
        if size > most:
            raise _too_large(most)
        yield part


def check_length(headers: dict[bytes, bytes], most: int) -> None:
    """Raises TooLargeError for a length that is said to be over `most`."""
    said = headers.get(b"content-length")
    if said is not None and (not said.isdigit() or len(said) > 15 or int(said) > most):
        raise _too_large(most)


def check_type(headers: dict[bytes, bytes], *taken: bytes) -> None:
    """Raises WrongTypeError unless the body is of one of the types, in UTF-8, and not compressed."""
    kind, _, parameters = headers.get(b"content-type", b"").partition(b";")
    charset = parameters.strip().lower()
    if kind.strip().lower() not in taken or charset not in (b"", b"charset=utf-8", b'charset="utf-8"'):
        raise WrongTypeError(f"the body must be {b' or '.join(taken).decode()}, in UTF-8")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise WrongTypeError("a body is not compressed")


def form_of_question(body: bytes) -> Any:
    """As `form_of`, in a fifth of the time, of a short body: of a key that is there twice the last counts.

    Raises MalformedError.
    """
    if len(body) > _SHORT:
        return form_of(body)
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedError(f"not JSON: {error}") from None


def form_of(body: bytes) -> Any:
    """The JSON value of a body. Raises MalformedError."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise MalformedError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise MalformedError(f"the JSON is more than {MAX_DEPTH} deep")
    try:
        form = parsed(text)
    except InvalidInputError as error:
        raise MalformedError(str(error)) from None
    if "\\ud" in text or "\\uD" in text:
        _check_text(form)
    return form


def _check_text(form: Any) -> None:
    try:
        json.dumps(form, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise MalformedError("the JSON has half a surrogate pair, which is no text") from None


def _depth(text: str) -> int:
    depth = deepest = 0
    for token in _TOKENS.finditer(text):
        mark = text[token.start()]
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


async def _next(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise GoneError
    return message


class _Patience:
    """What is awaited inside takes no longer than PATIENCE, else it raises TooSlowError. Costs no task of its own."""

    def __enter__(self) -> None:
        self._over = False
        self._task = asyncio.current_task()
        self._handle = asyncio.get_running_loop().call_later(PATIENCE, self._end)

    def _end(self) -> None:
        self._over = True
        if self._task is not None:
            self._task.cancel()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._handle.cancel()
        if self._over and kind is asyncio.CancelledError:
            if self._task is not None and sys.version_info >= (3, 11):
                self._task.uncancel()
            raise TooSlowError(f"the body did not arrive within {PATIENCE:g} seconds") from None


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(f"a body has at most {most} bytes here")
