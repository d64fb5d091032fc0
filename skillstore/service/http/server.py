"""Server: runs the application on a socket, until it is asked to stop, and then finishes what was begun."""

from __future__ import annotations

import asyncio
import socket
from asyncio import TimerHandle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from skillstore.errors import BackendUnavailableError
from skillstore.service.http.hosts import written

HEAD_PATIENCE = 15.0
"""Seconds for the head of a request to arrive."""
MAX_HEAD = 64 * 2**10
"""Bytes of it."""
GRACE = 30
"""Seconds in which what was begun may end, once the server is asked to stop."""
MAX_CONNECTIONS = 1000


def listening(host: str, port: int) -> socket.socket:
    """A socket of its own; port 0: any that is free. Raises BackendUnavailableError."""
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((bare, port))
        made.listen(1024)
    except OSError as error:
        made.close()
        raise BackendUnavailableError(
            f"nothing can listen at {written(bare)}:{port} ({error.strerror or error}); choose another --host or --port"
        ) from error
    return made


def serve(application: Any, sock: socket.socket, started: Callable[[], object]) -> None:
    """Answer until SIGTERM or SIGINT, then return. `started` is called once it answers."""
    config = uvicorn.Config(
        application,
        http=_Protocol,
        ws="none",
        loop="auto",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=MAX_CONNECTIONS,
        backlog=1024,
    )
    _Server(config, started).run(sockets=[sock])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], object]) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._told()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn, but the signal is not raised again: stopping was what was asked for."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


class _Protocol(HttpToolsProtocol):
    """With an end to heads that do not end."""

    _waiting: TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._waiting is not None:  # the head is not complete: the parser keeps what it has of it
            self._head += len(data)
            if self._head > MAX_HEAD:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_PATIENCE, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()
