"""Interrupts: Ctrl-C and SIGTERM wait until the library is between two changes."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, TypeVar

from cli.edge import TERMINATED

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While the `with` block runs, a signal is kept until `allowed`, or the end of the block, lets it through.

    It is then a KeyboardInterrupt (SIGINT) or a SystemExit (SIGTERM). A second signal does not wait, and `insisted` is
    true from then on: the library survives that as it survives a crash. Only for the main thread.
    """

    def __init__(self) -> None:
        self.insisted = False
        self._kept: int | None = None
        self._allowed = False
        self._before: list[Any] = []

    def __enter__(self) -> Interrupts:
        self._before = [signal.signal(number, self._receive) for number in SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in zip(SIGNALS, self._before, strict=True):
            signal.signal(number, handler)
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise what was kept."""
        if self._kept is not None:
            stop(self._kept)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Inside, the library is not being changed, and a signal acts at once."""
        self._allowed = True
        try:
            self.check()
            yield
        finally:
            self._allowed = False

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """The items; signals act while the next one is waited for."""
        source = iter(items)
        while True:
            with self.allowed():
                try:
                    item = next(source)
                except StopIteration:
                    return
            yield item

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.insisted, self._kept = self._kept is not None, number
        if self._allowed or self.insisted:
            stop(number)


def stop(number: int, _frame: FrameType | None = None) -> None:
    """End the program in order because of signal `number`, as the default handler of SIGINT does."""
    if number == signal.SIGTERM:
        raise SystemExit(TERMINATED)
    raise KeyboardInterrupt
