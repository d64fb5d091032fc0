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


class _Commit(Nest):
    """The batches that the server knows by `token`."""

    token: str


class Batches:
    """Those of one library, at the address `library`."""

    def __init__(self, wire: Wire, library: str) -> None:
        self._wire, self._url = wire, f"{library}/batches"
        self._commits: Nests[_Commit] = Nests()

    @property
    def token(self) -> str | None:
        """Of the batch that this task has open."""
        commit = self._commits.mine()
        return None if commit is None else commit.token

    def check_waiting(self) -> None:
        """Raise LibraryLockedError unless this task has a batch open, or may wait for those of others."""
        if self._commits.mine() is None:
            self._commits.check_waiting()

    def check_change(self) -> None:
        """As `check_waiting`, before a change: see `Nests`."""
        if self._commits.mine() is None:
            self._commits.check_change()

    @contextmanager
    def opened(self, request_id: str | None) -> Iterator[Batch]:
        """One batch; with a `request_id` it is carried out once, and `answer` kept with it.

        Raises BackendUnavailableError where it was not kept, for lack of a connection, or because nothing was heard of
        it for so long that the server gave it up.
        """
        self.check_change()
        outer = self._commits.mine()
        if outer is None and request_id is None:
            request_id = f"batch/{secrets.token_hex(16)}"
        begun = self._begin(request_id, None if outer is None else outer.token)
        if begun["answered"]:
            yield Batch(True, untagged(begun["answer"]))
            return
        batch = Batch(False, None)
        commit, level = self._entered(outer, begun["batch"])
        try:
            yield batch
            commit.check_end(level)
        except BaseException:
            with suppress(SkillStoreError):
                self._undo(commit, level)
            raise
        else:
            self._keep(commit.token, request_id if outer is None else None, batch.answer)
        finally:
            self._commits.leave(commit, level)

    def _entered(self, outer: _Commit | None, token: str) -> tuple[_Commit, Owner]:
        if outer is not None:
            level = Owner()
            outer.enter(level)
            return outer, level
        commit = _Commit()
        commit.token = token
        self._commits.add(commit)
        return commit, commit.root

    def _undo(self, commit: _Commit, level: Owner) -> None:
        if commit.is_forked():
            return
        if level is commit.root:  # with all that are open inside
            while self._end(commit.token, False):
                pass
        elif commit.is_innermost(level):
            self._end(commit.token, False)
        else:
            commit.spoil(level)

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

    def _end(self, token: str, keep: bool, answer: Any = None, again: bool = False) -> int:
        """End the innermost; how many are open then. `again` is for an outermost only: another's may end two."""
        form = {"keep": keep, "answer": answer}
        reply = self._wire.ask("POST", f"{self._url}/{token}", form, again=again, slow=True)
        return int(reply["open"])
