"""The whole server without a socket: a transport that hands requests to the application, in this process."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx


class Inside(httpx.BaseTransport):
    """Any thread may ask; each has a loop of its own."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._loops = threading.local()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not hasattr(self._loops, "mine"):
            self._loops.mine = asyncio.new_event_loop()
        sent: list[Any] = []
        self._loops.mine.run_until_complete(self._answered(request, sent))
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], stream=httpx.ByteStream(body))

    async def _answered(self, request: httpx.Request, sent: list[Any]) -> None:
        url, body = request.url, request.read()
        over = asyncio.Event()

        async def receive() -> Any:
            if over.is_set():
                await asyncio.Event().wait()  # who asked stays
            over.set()
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "http_version": "1.1", "method": request.method, "path": url.path, "root_path": "",
            "raw_path": url.raw_path.partition(b"?")[0], "query_string": url.query, "scheme": "http",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }  # fmt: skip
        await self._application(scope, receive, send)
