"""Tasks: whose a batch is.

An event loop runs many tasks in one thread, one while the others wait. So a batch belongs to the task that opened it,
and only where no event loop ran to the thread (or its greenlet). What a task starts gets a copy of its context: a task
made inside a batch, or a call handed to another thread, is told apart from the owner by the task or thread it runs in.

Batches inside a batch are parts of its commit. They end in the reverse order of their beginning, as blocks do; a
generator that holds one can break that order, and then nothing of the commit is kept.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Generic, TypeVar
from weakref import ref

from skillstore.errors import InvalidInputError, LibraryClosedError, LibraryLockedError


class _Thread(threading.local):
    """A mark of each thread. Unlike the thread's number, it never comes back."""

    def __init__(self) -> None:
        self.mark = object()


_thread = _Thread()
_opened: ContextVar[tuple[Owner, ...]] = ContextVar("skillstore_batches", default=())
"""The owners of the batches that this context was inside of when it was made, or has opened itself."""


class Owner:
    """Who opens a batch. It is made by them, and `end` is called once: by them, or by whoever closes the batch."""

    __slots__ = ("_greenlet", "_task", "_thread", "ended")

    def __init__(self) -> None:
        task, greenlet = _task(), _greenlet()
        self._thread = _thread.mark
        self._task = None if task is None else ref(task)  # weak: a task that nothing will go on with is collected
        self._greenlet = None if greenlet is None else ref(greenlet)
        self.ended = False
        _opened.set((*_not_ended(), self))

    def end(self) -> None:
        """Forget the batch. In the context of somebody else, the owner's own forgets it when it opens the next."""
        self.ended = True
        _opened.set(_not_ended())

    def is_current(self) -> bool:
        """Whether the caller is the owner. What an event loop runs inside a thread's batch is part of the thread."""
        if self._thread is not _thread.mark or not self.is_inherited():
            return False
        if self._task is not None:
            return self._task() is _task()
        return (self._greenlet and self._greenlet()) is _greenlet()

    def is_inherited(self) -> bool:
        """Whether the caller's context was inside the batch when it was made."""
        return self in _opened.get()

    def check_waiting(self) -> None:
        """Raise LibraryLockedError if the batch may never end while the caller, who is not the owner, waits for it."""
        if self.ended:
            return
        if self.is_inherited():
            raise LibraryLockedError(
                "a batch is open, and this call comes from inside it, but from another task or thread than the one "
                "that opened it, which may wait for this call; make the change in the task that opened the batch, or "
                "after the batch has ended"
            )
        if self._thread is _thread.mark:
            raise LibraryLockedError(
                "another task of this thread has a batch open, which cannot end while this call waits for it; await "
                "its end first (one asyncio.Lock held around both does), or wait in another thread, as "
                "`await asyncio.to_thread(library.add_skill, skill)` does"
            )


class Nest:
    """The batches of one commit, one inside the other, and its outermost, `root`, which the caller opens."""

    def __init__(self) -> None:
        self.root = Owner()
        self._open = [self.root]
        self._spoiled = False
        self._process = os.getpid()

    def enter(self, batch: Owner) -> None:
        """Begin `batch` inside. Raises InvalidInputError if one was ended out of order."""
        if self._spoiled:
            raise out_of_order()
        self._open.append(batch)

    def is_mine(self) -> bool:
        """Whether the caller opened the innermost batch, and so makes its changes and sees them."""
        return not self.root.ended and self._open[-1].is_current()

    def is_innermost(self, batch: Owner) -> bool:
        """Whether `batch` can be ended now; in a forked child none can."""
        return not self.root.ended and self._open[-1] is batch and not self.is_forked()

    def is_forked(self) -> bool:
        """Whether the caller is a forked child of the process that opened the batches."""
        return self._process != os.getpid()

    def check_end(self, batch: Owner) -> None:
        """Raise InvalidInputError if `batch` cannot be kept, LibraryClosedError in a forked child."""
        if self.is_forked():
            raise LibraryClosedError("the batch was begun by the parent of this process, and ends there")
        if self._spoiled or not self.is_innermost(batch):
            raise out_of_order()

    def check_open(self) -> None:
        """Raise InvalidInputError if the root was ended meanwhile, as by another thread."""
        if self.root.ended:
            raise out_of_order()

    def spoil(self, batch: Owner) -> None:
        """`batch` fails while others are open inside it: it cannot be undone alone."""
        self._spoiled = self._spoiled or batch in self._open

    def check_outlived(self) -> None:
        """Raise InvalidInputError if a batch of the caller has outlived the root: its changes have no commit."""
        if self.root.ended and any(not batch.ended and batch.is_current() for batch in self._open):
            raise out_of_order()

    def leave(self, batch: Owner) -> bool:
        """End `batch`. Whether none is open any more."""
        batch.end()
        with suppress(ValueError):  # a signal broke in before it was there
            self._open.remove(batch)
        return not self._open


NestT = TypeVar("NestT", bound=Nest)


class Nests(Generic[NestT]):
    """The nests of one library, of all its tasks and threads."""

    def __init__(self) -> None:
        self._nests: list[NestT] = []

    def add(self, nest: NestT) -> None:
        self._nests.append(nest)

    def leave(self, nest: NestT, batch: Owner) -> None:
        """End `batch`, which was opened in `nest`."""
        if nest.leave(batch):
            with suppress(ValueError):
                self._nests.remove(nest)

    def mine(self) -> NestT | None:
        """The nest that a change of the caller is part of."""
        return next((nest for nest in list(self._nests) if nest.is_mine()), None)

    def check_waiting(self) -> None:
        """Raise LibraryLockedError unless the caller, who has no batch open, may wait for those of others."""
        for nest in list(self._nests):
            nest.root.check_waiting()

    def check_change(self) -> None:
        """As `check_waiting`, for a change. Raises InvalidInputError if it would be of a batch that has no commit."""
        for nest in list(self._nests):
            nest.root.check_waiting()
            nest.check_outlived()


def out_of_order() -> InvalidInputError:
    """The error of a batch that was ended while one inside it was open, and of that one."""
    return InvalidInputError(
        "a batch was ended before one that was begun inside it, and nothing of either is kept; end the inner one first "
        "(close the generator that holds it: contextlib.closing, contextlib.aclosing)"
    )


def _not_ended() -> tuple[Owner, ...]:
    return tuple(owner for owner in _opened.get() if not owner.ended)


def _task() -> Any:
    """The task that runs; the event loop where that runs a callback; None where none runs. Loads no event loop."""
    asyncio = sys.modules.get("asyncio")
    running = getattr(asyncio, "_get_running_loop", None)  # it may be about to be imported by another thread
    loop = None if running is None else running()
    task = None if loop is None else asyncio.current_task(loop)  # type: ignore[union-attr]
    if task is None and "trio" in sys.modules:
        task = _trio_task()
    return loop if task is None else task


def _trio_task() -> Any:
    try:
        return sys.modules["trio"].lowlevel.current_task()
    except (AttributeError, RuntimeError):  # it is being imported, or does not run here
        return None


def _greenlet() -> Any:
    """The greenlet that runs, but for the one that each thread begins with."""
    getcurrent = getattr(sys.modules.get("greenlet"), "getcurrent", None)
    current = None if getcurrent is None else getcurrent()
    return None if current is None or current.parent is None else current
