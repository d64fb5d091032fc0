"""App: the whole server as one ASGI application."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route, Router

from skillstore.errors import SkillStoreError
from skillstore.service.http import openapi, streams
from skillstore.service.http.endpoint import Endpoint
from skillstore.service.http.gate import Gate
from skillstore.service.http.hosts import Hosts
from skillstore.service.http.lanes import Lanes
from skillstore.service.http.metrics import MEDIA_TYPE, Metrics
from skillstore.service.http.visit import Receive, Scope, Send, answer, answer_bytes, visit_of
from skillstore.service.http.ways import WAYS
from skillstore.service.keys import Keys
from skillstore.service.page import routes as page
from skillstore.service.rates import Rates
from skillstore.service.service import Service


def application(
    service: Service,
    hosts: Hosts,
    *,
    keys: Keys | None = None,
    rate: float | None = None,
    prefix: str = "",
    more: Sequence[BaseRoute] = (),
    alongside: Sequence[Callable[[], AbstractAsyncContextManager[object]]] = (),
) -> Gate:
    """Everything at its address; `more`: routes besides, behind the same gate, asked last.

    An endpoint of `more` finds the caller in ``visit_of(scope).caller``, sets ``visit_of(scope).route``, and raises
    what `skillstore.service.http.problems` knows. `alongside`: what is entered before the first request and left after
    the last, such as the lifespan of what is mounted.

    Its own lifespan opens all libraries, and at its end closes the service:
    what was begun is finished, what was acknowledged is on the disk.
    """
    server = _Server(service, Metrics(), alongside)
    inner = Router(
        [*server.routes(), *page.routes(service), *more], redirect_slashes=False, default=None, lifespan=server.lifespan
    )
    known = Keys(service.libraries.directory) if keys is None else keys
    return Gate(_Apart(inner), hosts, known, Rates(rate), server.metrics, service.told, prefix)


class _Apart:
    """Has the router raise where nothing fits, so that the gate answers.

    An address with a "/" at its end is that without it, if only that is one: people and clients add it, and a redirect
    would lose a body.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        try:
            await self._inner(scope, receive, send)
        except HTTPException as error:
            path = scope["path"]
            if error.status_code != 404 or path == "/" or not path.endswith("/") or path.endswith("//"):
                raise
            await self._inner({**scope, "path": path[:-1]}, receive, send)


class _Server:
    """What the endpoints share."""

    def __init__(
        self,
        service: Service,
        metrics: Metrics,
        alongside: Sequence[Callable[[], AbstractAsyncContextManager[object]]],
    ) -> None:
        self.metrics, self._alongside = metrics, alongside
        self._service, self._lanes = service, Lanes()
        self._ready = threading.Event()
        self._document: dict[str, Any] | None = None

    def routes(self) -> list[BaseRoute]:
        one = "/v1/libraries/{library}"
        service, lanes = self._service, self._lanes
        places: dict[str, dict[str, Endpoint]] = {}
        for way in WAYS:
            places.setdefault(way.path, {})[way.method] = Endpoint(way, service, lanes, self.metrics)
        ways = [Route(path, _ByMethod(endpoints), methods=list(endpoints)) for path, endpoints in places.items()]
        backup = streams.Out(f"{one}/backup", "admin", streams.BACKUP, ".backup", streams.write_backup, service, lanes)
        export = streams.Out(f"{one}/export", "read", streams.JSON_LINES, ".jsonl", streams.write_lines, service, lanes)
        whole = streams.Out(
            f"{one}/skills:all",
            "read",
            streams.JSON_LINES,
            ".jsonl",
            streams.write_skills,
            service,
            lanes,
            from_id=True,
        )
        return [
            *ways,
            Route(f"{one}/skills:all", whole, methods=["GET"], name="all_skills"),
            Route(f"{one}/backup", backup, methods=["GET"], name="backup"),
            Route(f"{one}/export", export, methods=["GET"], name="export"),
            Route(f"{one}/import", streams.In(f"{one}/import", service, lanes), methods=["POST"], name="import"),
            Route("/v1/openapi.json", _Plain("/v1/openapi.json", self._openapi), methods=["GET"], name="openapi"),
            Route("/healthz", _Plain("/healthz", self._alive), methods=["GET"], name="healthz"),
            Route("/readyz", _Plain("/readyz", self._readiness), methods=["GET"], name="readyz"),
            Route("/metrics", _Plain("/metrics", self._figures), methods=["GET"], name="metrics"),
        ]

    @asynccontextmanager
    async def lifespan(self, _app: Any) -> AsyncIterator[None]:
        opening = threading.Thread(target=self._open_all, name="skillstore-opening", daemon=True)
        opening.start()
        try:
            async with AsyncExitStack() as entered:
                for enter in self._alongside:
                    await entered.enter_async_context(enter())
                yield
        finally:
            self._ready.clear()
            await asyncio.to_thread(self._close)
            opening.join()

    def _open_all(self) -> None:
        try:
            for name in self._service.libraries.names():
                self._service.libraries.problem(name)
        except SkillStoreError:
            return
        self._ready.set()

    def _close(self) -> None:
        self._service.batches.close()
        self._lanes.close()
        self._service.close()

    async def _openapi(self, scope: Scope, send: Send) -> None:
        if self._document is None:
            self._document = openapi.document()
        await answer(send, 200, {**self._document, "servers": [{"url": visit_of(scope).prefix or "/"}]})

    async def _alive(self, _scope: Scope, send: Send) -> None:
        await answer(send, 200, {"status": "alive"})

    async def _readiness(self, _scope: Scope, send: Send) -> None:
        """Ready once each library was opened, and so read and checked, or has said why it cannot be."""
        ready = self._ready.is_set()
        headers = None if ready else [(b"retry-after", b"1")]
        await answer(send, 200 if ready else 503, {"status": "ready" if ready else "loading"}, headers=headers)

    async def _figures(self, scope: Scope, send: Send) -> None:
        caller = visit_of(scope).caller
        seen = {name: library for name, library in self._service.libraries.opened().items() if caller.sees(name)}
        text = await self._lanes.stream(lambda: self.metrics.text(seen))
        await answer_bytes(send, 200, text, MEDIA_TYPE)


class _ByMethod:
    """The endpoints of one address, so that who asks for another method is told of all of them."""

    def __init__(self, endpoints: dict[str, Endpoint]) -> None:
        self._endpoints = endpoints
        if "GET" in endpoints:
            endpoints["HEAD"] = endpoints["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoints[scope["method"]](scope, receive, send)


class _Plain:
    """An endpoint that takes nothing."""

    def __init__(self, route: str, respond: Any) -> None:
        self._route, self._respond = route, respond

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        visit_of(scope).route = self._route
        await self._respond(scope, send)
