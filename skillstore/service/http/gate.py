"""Gate: what every request passes, whatever it is for: the API, the page, MCP, and what is not there.

In this order: one Host, and ours; an Origin only of ours; a key, where keys exist; not more than the key may ask. Then
its answer gets its id, a line in the log and its place in the metrics, and whatever went wrong becomes a problem.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException

from skillstore.errors import SkillStoreError
from skillstore.service.callers import LOCAL, Caller
from skillstore.service.http import log
from skillstore.service.http.bodies import GoneError
from skillstore.service.http.cookies import key_in
from skillstore.service.http.hosts import Hosts
from skillstore.service.http.metrics import Metrics
from skillstore.service.http.prefixes import prefix_of, strip_prefix
from skillstore.service.http.problems import MEDIA_TYPE, MalformedError, WrongHostError, WrongOriginError, problem
from skillstore.service.http.visit import Receive, Scope, Send, Visit, answer
from skillstore.service.keys import Keys
from skillstore.service.rates import Rates
from skillstore.service.refusals import UnknownKeyError

OPEN = frozenset({"/healthz", "/readyz"})
"""What is answered without a key: nothing of a library is in it."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SINGLE = (b"host", b"origin", b"authorization", b"content-length", b"content-type", b"idempotency-key", b"if-match")
PAGES = ("/libraries", "/assets/", "/sign-in", "/sign-out")
"""How the addresses of the page begin, but for that of its first. Who comes there without a key is told where to enter
one; until then no library exists for them."""
NOBODY = Caller("nobody", "read", frozenset())
"""Who has no key, where one is needed."""
_SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Gate:
    """ASGI around ASGI."""

    def __init__(
        self,
        inner: Callable[[Scope, Receive, Send], Any],
        hosts: Hosts,
        keys: Keys,
        rates: Rates,
        metrics: Metrics,
        told: Callable[[Exception], str],
        prefix: str = "",
    ) -> None:
        """`prefix`: the path below which the server stands, where its proxy does not say it."""
        self._inner, self._hosts, self._keys, self._prefix = inner, hosts, keys, prefix
        self._rates, self._metrics, self._told = rates, metrics, told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        start = time.perf_counter()
        headers = dict(scope["headers"])
        visit = scope["skillstore"] = Visit(_request_id(headers), headers, NOBODY, prefix_of(headers, self._prefix))
        passing = _Passing(visit, send)
        self._metrics.begun()
        try:
            visit.caller = self._admitted(scope, headers)
            await self._inner(scope, receive, passing.send)
        except GoneError:
            visit.status = visit.status or 499
        except Exception as error:  # noqa: BLE001 - each is answered
            await self._refuse(error, visit, passing)
        finally:
            seconds = time.perf_counter() - start
            self._metrics.ended(visit.route, _method(scope), visit.status, seconds)
            log.request(_method(scope), visit.route, visit.status, seconds, visit.request_id, visit.caller.name)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _admitted(self, scope: Scope, headers: dict[bytes, bytes]) -> Caller:
        if len(headers) != len(scope["headers"]):
            _check_single(scope["headers"])
        if not self._hosts.check_host(headers.get(b"host", b"")):
            raise WrongHostError("the Host header names no host that this server answers for")
        origin = headers.get(b"origin")
        if origin is not None and not self._hosts.check_origin(origin):
            raise WrongOriginError("the Origin header names a site that is not this server's own")
        _check_path(scope)
        strip_prefix(scope, self._prefix)
        caller = self._caller(scope["path"], scope["method"], headers)
        if caller is not LOCAL:
            self._rates.take(caller.name)
        return caller

    def _caller(self, path: str, method: str, headers: dict[bytes, bytes]) -> Caller:
        if not self._keys:
            return LOCAL
        if path in OPEN:
            return NOBODY
        try:
            key = _given(method, headers)
            if key is None:
                raise UnknownKeyError("a key is needed: Authorization: Bearer sk_...")
            return self._keys.caller(key)
        except UnknownKeyError:
            if path == "/" or path.startswith(PAGES):
                return NOBODY
            raise

    async def _refuse(self, error: Exception, visit: Visit, passing: _Passing) -> None:
        if not isinstance(error, SkillStoreError | HTTPException):
            log.defect(error, visit.request_id)
        if visit.status:  # the answer has begun: all that is left is to break it off
            raise _BrokenOffError from None
        kind, body, more = problem(error, self._told(error), visit.request_id)
        await answer(passing.send, kind.status, body, MEDIA_TYPE, more)


class _BrokenOffError(Exception):
    """The answer ends in the middle, so that nobody takes it for whole."""


class _Passing:
    """Puts on the answer what every answer has, and notes its status."""

    def __init__(self, visit: Visit, send: Send) -> None:
        self._visit, self._send = visit, send

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._visit.status = message["status"]
            headers = message["headers"] = list(message["headers"])
            given = {name for name, _ in headers}
            headers.append((b"x-request-id", self._visit.request_id.encode()))
            headers.extend(pair for pair in _SAFE if pair[0] not in given)
        await self._send(message)


def _request_id(headers: dict[bytes, bytes]) -> str:
    """The caller's own, if it is one; a key that was put there by mistake is none."""
    given = headers.get(b"x-request-id", b"")
    if _REQUEST_ID.fullmatch(given) and not given.startswith(b"sk_"):
        return given.decode()
    return secrets.token_hex(8)


def _check_single(headers: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in headers]
    for name in _SINGLE:
        if names.count(name) > 1:
            raise MalformedError(f"the header {name.decode()} is there twice")


def _check_path(scope: Scope) -> None:
    if "\ufffd" in scope["path"]:
        try:
            unquote_to_bytes(scope["raw_path"]).decode()
        except UnicodeDecodeError:
            raise MalformedError("the address is not UTF-8") from None
    if "\0" in scope["path"]:
        raise MalformedError("the address has a NUL in it")


def _given(method: str, headers: dict[bytes, bytes]) -> str | None:
    """The key that came with the request. That of a cookie counts for a change only with an Origin, which was seen to
    be ours: browsers send cookies by themselves."""
    authorization = headers.get(b"authorization")
    if authorization is not None:
        return _key(authorization)
    if method in ("GET", "HEAD") or b"origin" in headers:
        return key_in(headers)
    return None


def _key(authorization: bytes) -> str:
    """The key of a Bearer header, or the password of a Basic one, which browsers ask for by themselves."""
    scheme, _, given = authorization.partition(b" ")
    try:
        if scheme.lower() == b"bearer":
            return given.strip().decode("ascii")
        if scheme.lower() == b"basic":
            return base64.b64decode(given.strip(), validate=True).partition(b":")[2].decode("ascii")
    except (UnicodeDecodeError, binascii.Error):
        pass
    raise UnknownKeyError("a key is needed: Authorization: Bearer sk_...")


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
