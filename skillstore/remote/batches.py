"""Batches: commits that are open from one request to the next, each known to the task that began it.

A batch of the outermost level is a request that is carried out once, on the server: where the connection fails just as
it is ended, it can be asked whether it was kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from skillstore.errors import SkillStoreError
from skillstore.remote.problems import BatchEndedError
from skillstore.remote.wire import Wire
from skillstore.tasks import Nest, Nests, Owner
from skillstore.values import Value, tagged, untagged


class Batch:
    """`answered`: the request was carried out before, and `answer` was kept. Else `answer` is to be set."""

    def __init__(self, answered: bool, answer: Value) -> None:
        self.answered, self.answer = answered, answer


class _Open(Nest):
    """The batches of one commit, with the token that the server knows each by."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[Owner, str] = {}


class Batches:
    """Those of one library, at the address `library`."""

    def __init__(self, wire: Wire, library: str) -> None:
        self._wire, self._url = wire, f"{library}/batches"
        self._nests: Nests[_Open] = Nests()

    @property
    def token(self) -> str | None:
        """Of the batch that this task has open."""
        mine = self._nests.mine()
        return None if mine is None else mine.tokens.get(mine.innermost)

    def check_change(self) -> None:
        """Raise LibraryLockedError if a change of the caller, who has no batch open, would wait for one without end."""
        self._nests.check_change()

    @contextmanager
    def opened(self, request_id: str | None) -> Iterator[Batch]:
        """One batch; with a `request_id` it is carried out once, and `answer` kept with it.

        Raises BackendUnavailableError where it was not kept, for lack of a connection, or because nothing was heard of
        it for so long that the server gave it up.
        """
        nest, outer = self._nests.mine(), self.token
        if outer is None:
            self.check_change()
            request_id = request_id or f"batch/{secrets.token_hex(16)}"
        begun = self._begin(request_id, outer)
        if begun["answered"]:
            yield Batch(True, untagged(begun["answer"]))
            return
        batch, token = Batch(False, None), begun["batch"]
        nest, own = self._entered(nest, token)
        try:
            yield batch
            nest.check_end(own)
        except BaseException:
            if not nest.is_innermost(own):
                nest.spoil(own)
            with suppress(SkillStoreError):
                self._end(token, False)
            raise
        else:
            self._keep(token, request_id if outer is None else None, batch.answer)
        finally:
            self._nests.leave(nest, own)

    def _entered(self, nest: _Open | None, token: str) -> tuple[_Open, Owner]:
        """The nest that a batch is in, and the batch; a new nest, if it is the outermost."""
        if nest is None:
            nest = _Open()
            own = nest.root
            self._nests.add(nest)
        else:
            own = Owner()
            nest.enter(own)
        nest.tokens[own] = token
        return nest, own

    def _keep(self, token: str, request_id: str | None, answer: Value) -> None:
        try:
            self._end(token, True, tagged(answer, text=True), again=request_id is not None)
        except BatchEndedError:  # perhaps by an end whose answer was lost
            if request_id is None or not self._was_kept(request_id):
                raise

    def _was_kept(self, request_id: str) -> bool:
        begun = self._begin(request_id, None)
        if not begun["answered"]:
            self._end(begun["batch"], False)
        return bool(begun["answered"])

    def _begin(self, request_id: str | None, outer: str | None) -> Any:
        # Where the answer to the first of all is lost, a batch stays open that the server soon gives up.
        return self._wire.ask("POST", self._url, {"once": request_id}, again=outer is None, batch=outer, slow=True)

    def _end(self, token: str, keep: bool, answer: Any = None, again: bool = False) -> None:
        """`again` is for an outermost batch only: of another, the end that came twice would end two."""
        self._wire.ask("POST", f"{self._url}/{token}", {"keep": keep, "answer": answer}, again=again, slow=True)
