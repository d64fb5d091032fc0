"""Visit: one request and what is known of it, from the gate to its log line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from pydantic_core import to_json

from skillstore.service.callers import Caller

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"


class Visit:
    """`route`: the template of the address, for logs and metrics, as addresses themselves may hold anything.

    `prefix`: the path below which a proxy has this server, as "/memory"; all links and redirects begin with it.
    """

    __slots__ = ("caller", "headers", "prefix", "request_id", "route", "status")

    def __init__(self, request_id: str, headers: dict[bytes, bytes], caller: Caller, prefix: str = "") -> None:
        self.request_id, self.headers, self.caller, self.prefix = request_id, headers, caller, prefix
        self.route = "none"
        self.status = 0


def visit_of(scope: Scope) -> Visit:
    """The gate put it there."""
    visit: Visit = scope["skillstore"]
    return visit


async def answer(
    send: Send, status: int, form: Any, media_type: bytes = JSON, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """One whole answer of plain JSON; None: no body."""
    body = b"" if form is None else to_json(form)
    await answer_bytes(send, status, body, media_type, headers)


async def answer_bytes(
    send: Send, status: int, body: bytes, media_type: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """One whole answer."""
    given = [(b"content-length", str(len(body)).encode())]
    if body:
        given.append((b"content-type", media_type))
    await send({"type": "http.response.start", "status": status, "headers": given + (headers or [])})
    await send({"type": "http.response.body", "body": body})
