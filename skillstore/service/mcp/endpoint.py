"""Endpoint: MCP at /mcp of the service's HTTP, behind the same gate: hosts, origins, keys, roles, rates.

``/mcp`` is about all libraries that the key is for, and tools take a library by name; ``/mcp/NAME`` is about one. Each
POST is a whole exchange: no session, no stream, nothing is kept in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.routing import BaseRoute, Route

from skillstore.errors import LibraryNotFoundError
from skillstore.service.http import bodies
from skillstore.service.http.visit import Receive, Scope, Send, visit_of
from skillstore.service.mcp.asking import Asking
from skillstore.service.mcp.extension import Context
from skillstore.service.mcp.server import mcp_server
from skillstore.service.service import Service


def mcp_routes(service: Service, may_delete: bool = False) -> Sequence[BaseRoute]:
    """For `skillstore.service.http.app.application`."""
    endpoint = _Endpoint(service, may_delete)
    return [
        Route("/mcp", endpoint, methods=["POST"], name="mcp"),
        Route("/mcp/{library}", endpoint, methods=["POST"], name="mcp_library"),
    ]


class _Endpoint:
    def __init__(self, service: Service, may_delete: bool) -> None:
        self._service, self._may_delete = service, may_delete
        self._server = mcp_server(self._asking)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = visit_of(scope)
        library = scope["path_params"].get("library")
        visit.route = "/mcp" if library is None else "/mcp/{library}"
        if library is not None and not (visit.caller.sees(library) and library in self._service.libraries.names()):
            raise LibraryNotFoundError(f"there is no library {library!r:.80}")
        bodies.check_type(visit.headers, b"application/json")
        body = await bodies.whole(receive, visit.headers)
        bodies.form_of(body)  # refuses what is too deep, or no JSON, before the protocol reads it
        manager = StreamableHTTPSessionManager(
            self._server, json_response=True, stateless=True, max_request_body_size=bodies.MAX_BODY
        )  # one for each request, so that nothing of it outlives the request
        async with manager.run():
            await manager.handle_request(scope, _Again(body, receive), send)

    def _asking(self, context: Context) -> Asking:
        scope: Scope = context.request.scope  # type: ignore[union-attr]
        library: Any = scope["path_params"].get("library")
        return Asking(self._service, visit_of(scope).caller, library, self._may_delete)


class _Again:
    """Receives a body that was read already, then what comes after it."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Any:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
