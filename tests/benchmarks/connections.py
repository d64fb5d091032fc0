"""Connections: many at once to one server, each asking as soon as it was answered, with little work.

A *source* says what a connection asks next, and is told what came of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Coroutine
from typing import Any, NamedTuple, Protocol

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Asked(NamedTuple):
    """`kind` is for the figures; `data` the bytes of an HTTP request; `about` whatever the source wants back."""

    kind: str
    data: bytes
    about: Any = None


class Source(Protocol):
    """`lost`: the connection ended without an answer."""

    def next(self) -> Asked | None:
        """None: this connection is done."""
        ...

    def answered(self, asked: Asked, status: int, body: bytes, seconds: float) -> None: ...

    def lost(self, asked: Asked) -> None: ...


def request(method: str, path: str, host: str, form: Any = None, **headers: str) -> bytes:
    """The bytes of a request; underscores in names of headers are hyphens."""
    body = b"" if form is None else json.dumps(form, separators=(",", ":")).encode()
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items())]
    if form is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    def __init__(self, source: Source) -> None:
        self._source = source
        self._asked: Asked | None = None
        self._got, self._whole = b"", 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._whole:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._got, 0, end + 2)
            self._head, self._whole = end + 4, end + 4 + (int(length[1]) if length else 0)
        if len(self._got) >= self._whole:
            asked, got = self._asked, self._got
            self._asked, self._got, whole, self._whole = None, b"", self._whole, 0
            assert asked is not None, "an answer to nothing"
            assert len(got) == whole, "two answers to one request"
            self._source.answered(asked, int(got[9:12]), got[self._head :], time.perf_counter() - self._start)
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if self._asked is not None:
            self._source.lost(self._asked)
        if not self.ended.done():
            self.ended.set_result(None)

    def _next(self) -> None:
        self._asked = self._source.next()
        if self._asked is None:
            self._transport.close()
            return
        self._start = time.perf_counter()
        self._transport.write(self._asked.data)


async def connect(source: Source, host: str, port: int) -> None:
    """One connection, until it is done or lost. Raises OSError if there is nobody."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: _Connection(source), host, port)
    await connection.ended


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """As asyncio.run, by uvloop where it is installed."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.run(main)
    return uvloop.run(main)
