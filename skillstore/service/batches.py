"""Batches: commits that stay open from one request to the next, each in a thread of its own.

While one is open, other changes of that library wait, as they do in one process. So one that is not heard of for
`IDLE` seconds, or is open for `LONGEST`, is abandoned: nothing of it lasts.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from skillstore.errors import SkillStoreError
from skillstore.library import SkillLibrary
from skillstore.service.refusals import BatchEndedError, TooManyRequestsError

IDLE = 10.0
LONGEST = 600.0
MOST = 32
"""Batches that may be open or wait to be, all libraries together."""


class Begun(NamedTuple):
    """`token` None: the request was carried out before, and `answer` was kept."""

    token: str | None
    answer: Any


class Ended(NamedTuple):
    """`open`: how many are still open under the token."""

    answer: Any
    open: int


class _End(NamedTuple):
    keep: bool
    answer: Any
    told: Future[Any]


class _Abandoned(Exception):  # noqa: N818 - how a batch is undone, no error
    pass


class _Expired(BaseException):
    """So that nothing takes it for a change that failed."""


class Batches:
    """Those that are open. A batch is known only to the owner, a text, who began it."""

    def __init__(self) -> None:
        self._open: dict[str, _Batch] = {}
        self._guard = threading.Lock()

    def begin(self, library: SkillLibrary, owner: str, once: str | None) -> Future[Begun]:
        """Done when the batch is open; it waits for other changes of the library. Raises TooManyRequestsError."""
        token = secrets.token_hex(16)
        batch = _Batch(token, library, owner, self._forget)
        with self._guard:
            if len(self._open) >= MOST:
                raise TooManyRequestsError(f"{MOST} batches are open; end some", 1.0)
            self._open[token] = batch
        return batch.start(once)

    def inside(self, token: str, owner: str, once: str | None) -> Future[Begun]:
        """One more, inside the innermost that is open. Raises BatchEndedError."""
        return self._found(token, owner).nested(once)

    def run(self, token: str, owner: str, function: Callable[[SkillLibrary], Any]) -> Future[Any]:
        """What `function` returns, called inside the batch. Raises BatchEndedError."""
        return self._found(token, owner).run(function)

    def end(self, token: str, owner: str, keep: bool, answer: Any) -> Future[Ended]:
        """End the innermost: durable when done, or undone. Raises BatchEndedError."""
        return self._found(token, owner).end(keep, answer)

    def abandon(self, library: SkillLibrary | None) -> None:
        """Abandon those of `library`; on return none of them is open."""
        for batch in self._all():
            if batch.library is library:
                batch.abandon()

    def close(self) -> None:
        """Abandon all; on return none is open."""
        for batch in self._all():
            batch.abandon()

    def _all(self) -> list[_Batch]:
        with self._guard:
            return list(self._open.values())

    def _found(self, token: str, owner: str) -> _Batch:
        batch = self._open.get(token)
        if batch is None or batch.owner != owner:
            raise _ended()
        return batch

    def _forget(self, token: str) -> None:
        with self._guard:
            self._open.pop(token, None)


class _Batch:
    """A thread that has the commit open, and does what it is sent."""

    def __init__(self, token: str, library: SkillLibrary, owner: str, forget: Callable[[str], None]) -> None:
        self.token, self.owner, self.library = token, owner, library
        self._forget = forget
        self._sent: queue.SimpleQueue[tuple[str, Any, Future[Any]]] = queue.SimpleQueue()
        self._until = time.monotonic() + LONGEST
        self._depth = 0
        self._guard = threading.Lock()
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self, once: str | None) -> Future[Begun]:
        begun: Future[Begun] = Future()
        self._thread = threading.Thread(target=self._main, args=(once, begun), name="skillstore-batch", daemon=True)
        self._thread.start()
        return begun

    def nested(self, once: str | None) -> Future[Begun]:
        return self._send("begin", once)

    def run(self, function: Callable[[SkillLibrary], Any]) -> Future[Any]:
        return self._send("run", function)

    def end(self, keep: bool, answer: Any) -> Future[Ended]:
        return self._send("end", (keep, answer))

    def abandon(self) -> None:
        self._send("abandon", None)
        if self._thread is not None:
            self._thread.join()

    def _send(self, what: str, given: Any) -> Future[Any]:
        told: Future[Any] = Future()
        with self._guard:
            if self._over:
                told.set_exception(_ended())
            else:
                self._sent.put((what, given, told))
        return told

    # in the thread

    def _main(self, once: str | None, begun: Future[Begun]) -> None:
        try:
            self._frame(once, begun)
        except _Expired:
            pass
        finally:
            self._forget(self.token)
            with self._guard:
                self._over = True
            while not self._sent.empty():
                _, _, told = self._sent.get()
                _tell(told, _ended())

    def _frame(self, once: str | None, begun: Future[Begun]) -> None:
        """One batch, from its beginning to what is told at its end."""
        end: _End | None = None

        def change() -> Any:
            nonlocal end
            self._depth += 1
            try:
                begun.set_result(Begun(self.token, None))
                end = self._serve()
            finally:
                self._depth -= 1
            if not end.keep:
                raise _Abandoned
            return end.answer

        try:
            if once is None:
                with self.library.batch():
                    answer = change()
            else:
                answer = self.library.once(once, change)
        except _Abandoned:
            assert end is not None  # noqa: S101 - it was raised for this
            end.told.set_result(Ended(None, self._depth))
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            _tell(begun if end is None else end.told, error)
        else:
            if end is None:
                begun.set_result(Begun(None, answer))
            else:
                end.told.set_result(Ended(answer, self._depth))

    def _serve(self) -> _End:
        """Do what is sent, until the innermost batch is ended."""
        while True:
            what, given, told = self._next()
            if what == "abandon":
                told.set_result(None)
                raise _Expired
            if what == "end":
                keep, answer = given
                return _End(keep, answer, told)
            if what == "begin":
                self._frame(given, told)
            else:
                self._do(given, told)

    def _next(self) -> tuple[str, Any, Future[Any]]:
        try:
            return self._sent.get(timeout=max(0.0, min(IDLE, self._until - time.monotonic())))
        except queue.Empty:
            raise _Expired from None

    def _do(self, function: Callable[[SkillLibrary], Any], told: Future[Any]) -> None:
        try:
            told.set_result(function(self.library))
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            _tell(told, error)


def _tell(told: Future[Any], error: Exception) -> None:
    if not told.done():
        told.set_exception(error)


def _ended() -> SkillStoreError:
    return BatchEndedError("no batch is open under this token: it was ended, or waited too long and was abandoned")
