"""Stdio: one client, which started this process and talks to it through its pipes.

Nothing but the protocol goes to stdout: while it is served, whatever else is printed goes to stderr, from Python or
from below it. The library is opened when something is first asked of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from functools import partial

import anyio
import anyio.to_thread
from mcp.server.stdio import stdio_server

from skillstore.service.mcp.asking import Asking
from skillstore.service.mcp.server import mcp_server

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
                await server.run(incoming, outgoing, server.create_initialization_options())
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(asking.service.close)
            if sys.stdout is not None:  # what was printed before, and is still held back, while it goes to stderr
                sys.stdout.flush()
            group.cancel_scope.cancel()


async def _stop_on_signals(asking: Asking) -> None:
    with anyio.open_signal_receiver(*_SIGNALS) as signals:
        async for number in signals:
            await anyio.to_thread.run_sync(asking.service.close)
            os._exit(128 + number)  # the thread that waits for the client's next line cannot be told to stop
