"""Wire: requests and answers over HTTP, by httpx; the only door to it.

Connections are kept, and each is lent to one thread at a time: httpx's own pool, shared by more threads than it keeps
connections, now and then closes one that another thread is about to use. What may safely be asked again is, when the
connection fails or the server says "later": reads, and writes under a key by which the server knows that it carried
them out already.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from skillstore.errors import BackendUnavailableError, InvalidInputError, SkillStoreError
from skillstore.remote.patience import LONG, Patience
from skillstore.remote.problems import error_of

_CONNECT, _READ, _SLOW = 5.0, 60.0, 660.0  # seconds; _SLOW: a change waits for a batch, which may be open for 600
_IDLE = 15.0  # servers close what is idle after 30 s: not to be met just then
_LATER = frozenset({408, 429, 502, 503, 504})
_NOT_LATER = frozenset({"LibraryLockedError", "WriteFailedError"})  # 503, but known to last: the library raises at once
NOTHING: Any = object()
"""Stands for no JSON at all, as null is a value."""
_encoded = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Wire:
    """`key` is sent with everything; `patience`: seconds for which a call is tried again."""

    def __init__(self, server: str, key: str | None, patience: float = LONG) -> None:
        """Raises BackendUnavailableError where httpx is not installed."""
        try:
            import httpx  # here, as only who uses a server needs it
        except ModuleNotFoundError:
            raise BackendUnavailableError("a server's library needs httpx: pip install 'skillstore[client]'") from None
        self._httpx, self._server, self._patience = httpx, server, patience
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE)
        trusted = _trusted() if server.lower().startswith("https:") else False
        self._connect: Callable[[], Any] = lambda: httpx.HTTPTransport(verify=trusted, trust_env=False, limits=limits)
        self._idle: list[Any] = []
        self._closed = False
        self._headers = {"user-agent": "skillstore", "accept-encoding": "identity"}
        if key is not None:
            self._headers["authorization"] = f"Bearer {key}"

    def ask(
        self,
        method: str,
        url: str,
        form: Any = NOTHING,
        *,
        again: bool,
        key: str | None = None,
        batch: str | None = None,
        slow: bool = False,
        patience: float | None = None,
    ) -> Any:
        """The JSON that is answered; `form` is the JSON that is sent, NOTHING: no body.

        again  whether to ask again where it is not known if the request was carried out
        key    the request's, so that it is carried out once

        Raises what the server tells of, BackendUnavailableError, and InvalidInputError for what is no JSON.
        """
        content = None if form is NOTHING else written(form)
        more = {} if content is None else {"content-type": "application/json"}
        if key is not None:
            more["idempotency-key"] = key
        if batch is not None:
            more["skillstore-batch"] = batch
        left = Patience(self._patience if patience is None else patience)
        while True:
            body, failure, pause = self._attempt(method, url, content, more, again, _SLOW if slow else _READ)
            if failure is None:
                return self._read(body)
            if not left.wait(pause):
                raise failure

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        """The parts of a long answer; one that ends too early raises BackendUnavailableError, as no connection does."""
        try:
            with self._connection() as connection:
                response = connection.handle_request(self._request("GET", url, None, {}, _READ))
                try:
                    if response.status_code >= 400:
                        raise error_of(response.status_code, response.read(), self._server)
                    yield response.iter_raw()
                finally:
                    response.close()
        except self._httpx.TransportError as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        """Give the connections back, those in use when they are done. Closing twice is allowed."""
        self._closed = True
        with suppress(IndexError):  # none is left
            while True:
                self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """A connection that nobody else uses meanwhile."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()  # an answer may be half read
            raise
        self._idle.append(connection)
        if self._closed:
            self.close()

    def _attempt(
        self, method: str, url: str, content: bytes | None, more: dict[str, str], again: bool, seconds: float
    ) -> tuple[bytes, SkillStoreError | None, float]:
        """The answer; or why there was none that counts, and after how long to ask again. Raises what is final."""
        httpx = self._httpx
        try:
            with self._connection() as connection:
                response = connection.handle_request(self._request(method, url, content, more, seconds))
                body = response.read()
        except httpx.TransportError as error:
            failure: SkillStoreError = self._unreachable(error)
            if again or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
                return b"", failure, 0.0
            raise failure from error
        status = response.status_code
        if status < 400:
            return body, None, 0.0
        failure = error_of(status, body, self._server)
        later = status == 429 or (again and status in _LATER and type(failure).__name__ not in _NOT_LATER)
        if not later:
            raise failure
        return b"", failure, _seconds(response.headers.get("retry-after"))

    def _request(self, method: str, url: str, content: bytes | None, more: dict[str, str], seconds: float) -> Any:
        patience = {"connect": _CONNECT, "read": seconds, "write": _READ, "pool": _SLOW}
        headers = {**self._headers, **more}
        return self._httpx.Request(method, url, headers=headers, content=content, extensions={"timeout": patience})

    def _read(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise no_answer(self._server) from None

    def _unreachable(self, error: Exception) -> BackendUnavailableError:
        why = str(error) or type(error).__name__
        return BackendUnavailableError(
            f"{self._server} cannot be reached ({why}); check the address, and that the server runs"
        )


def written(form: Any) -> bytes:
    """`form` as JSON. Raises InvalidInputError for what is none."""
    try:
        return _encoded(form).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"what was given cannot be sent: {error}") from None


def no_answer(server: str) -> BackendUnavailableError:
    """An answer that is none of skillstore's."""
    return BackendUnavailableError(f"what answers at {server} is no skillstore server, or of another version")


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after is not None and retry_after.isdigit() else 0.0


def _trusted() -> Any:
    import ssl  # here, as plain http needs none of it

    return ssl.create_default_context()
