"""Stdio: one client, which started this process and talks to it through its pipes.

Nothing but the protocol goes to stdout: while it is served, whatever else is printed goes to stderr, from Python or
from below it. The library is opened when something is first asked of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections import Counter
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import mcp_types as types
from mcp.server.stdio import stdio_server

from skillstore.service.mcp.asking import Asking
from skillstore.service.mcp.server import mcp_server

_LONGEST_ANSWER_S = 300.0
"""How long an answer is waited for when the input has ended."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(asking: Asking) -> None:
    """Answer until the client closes its pipe, then close the service. SIGINT and SIGTERM end the process, in order:
    what was acknowledged is on the disk."""
    anyio.run(partial(_serve, asking))


async def _serve(asking: Asking) -> None:
    server = mcp_server(lambda _context: asking)
    async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as group:
        group.start_soon(_stop_on_signals, asking)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                exchange = _Exchange(incoming, outgoing)
                group.start_soon(exchange.relay_requests)
                group.start_soon(exchange.relay_answers)
                await server.run(exchange.requests, exchange.answers, server.create_initialization_options())
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(asking.service.close)
            if sys.stdout is not None:  # what was printed before, and is still held back, while it goes to stderr
                sys.stdout.flush()
            group.cancel_scope.cancel()


class _Exchange:
    """Stands between the pipes and the server, and ends the input only when every request was answered.

    The server stops what it is doing when its input ends: a client that writes its requests and closes its pipe would
    have them carried out and hear nothing.
    """

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._to_server, self.requests = anyio.create_memory_object_stream[Any](0)
        self.answers, self._from_server = anyio.create_memory_object_stream[Any](0)
        self._open: Counter[Any] = Counter()  # ids of requests that were not answered yet
        self._answered = anyio.Event()

    async def relay_requests(self) -> None:
        async with self._to_server:
            async for message in self._incoming:
                asked = getattr(message, "message", None)
                if isinstance(asked, types.JSONRPCRequest):
                    self._open[asked.id] += 1
                elif isinstance(asked, types.JSONRPCNotification) and asked.method == "notifications/cancelled":
                    self._done((asked.params or {}).get("requestId"))  # it need not be answered
                await self._to_server.send(message)
            while self._open:
                with anyio.move_on_after(_LONGEST_ANSWER_S) as waiting:
                    await self._answered.wait()
                if waiting.cancelled_caught:
                    break

    def _done(self, request_id: Any) -> None:
        if isinstance(request_id, str | int):  # what a client sends may be anything
            self._open -= Counter([request_id])

    async def relay_answers(self) -> None:
        async with self._outgoing:
            async for message in self._from_server:
                await self._outgoing.send(message)
                if isinstance(message.message, types.JSONRPCResponse | types.JSONRPCError):
                    self._done(message.message.id)
                    self._answered.set()
                    self._answered = anyio.Event()


async def _stop_on_signals(asking: Asking) -> None:
    with anyio.open_signal_receiver(*_SIGNALS) as signals:
        async for number in signals:
            await anyio.to_thread.run_sync(asking.service.close)
            os._exit(128 + number)  # the thread that waits for the client's next line cannot be told to stop
