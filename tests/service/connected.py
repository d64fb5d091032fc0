"""Connected: the official client of MCP, with our server at its other end, over each transport and both eras."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from skillstore.service.callers import LOCAL, Caller
from skillstore.service.http.app import application
from skillstore.service.http.hosts import Hosts
from skillstore.service.http.server import listening
from skillstore.service.mcp.asking import Asking
from skillstore.service.mcp.endpoint import mcp_routes
from skillstore.service.mcp.server import mcp_server
from skillstore.service.service import Service

ERAS = ("legacy", "auto")
"""What the client speaks: the handshake of 2025, or what is newest."""
KEY: dict[str, Any] = {
    "name": "acquire key",
    "preconditions": {"has_key": False},
    "action_sequence": ["right", "pickup"],
}
DOOR: dict[str, Any] = {
    "name": "open door",
    "preconditions": {"has_key": True, "near": {"$interval": [0, 3]}},
    "action_sequence": [{"tool": "push", "args": [1]}],
    "text": "push the door open",
}


def inside(
    service: Service, era: str = ERAS[1], caller: Caller = LOCAL, fixed: str | None = "home", may_delete: bool = False
) -> Client:
    """In this process."""
    asking = Asking(service, caller, fixed, may_delete)
    return Client(mcp_server(lambda _context: asking), mode=era, cache=None)


def piped(library: Path, *options: str, era: str = ERAS[1]) -> Client:
    """A process of its own, as clients start it."""
    return Client(stdio(library, *options), mode=era, cache=None)


def stdio(library: Path, *options: str) -> StdioServerParameters:
    arguments = ["-c", "from cli.main import main; main()", "--library", str(library), "mcp", *options]
    return StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))


@asynccontextmanager
async def over_http(address: str, key: str | None = None, era: str = ERAS[1]) -> AsyncIterator[Client]:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=120) as http,
        Client(streamable_http_client(address, http_client=http), mode=era, cache=None) as client,
    ):
        yield client


@contextmanager
def listening_at(service: Service, may_delete: bool = False) -> Iterator[str]:
    """The address of a real server, in a thread."""
    sock = listening("127.0.0.1", 0)
    port = sock.getsockname()[1]
    made = application(service, Hosts.of("127.0.0.1", port), more=mcp_routes(service, may_delete))
    server = uvicorn.Server(uvicorn.Config(made, lifespan="on", log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


def text(result: Any) -> str:
    """The words of a tool's answer."""
    (content,) = result.content
    words: str = content.text
    return words
