"""Lanes: which thread carries a request out. What is quick runs at once, in the loop's own; the rest in a pool.

A handover to another thread costs more than most retrievals. So a library's reads stay in the loop as long as their
mean is under `QUICK`; a slow one moves the next to the pool. It is their processor time that counts: on a busy machine
all takes long by the clock, and handovers make it longer. Only where they wait, as for a disk, the clock counts, too.
Writes wait for the disk, and always run in their pool, where as many as there are share one sync.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
QUICK = 0.004
"""Seconds."""
READERS, WRITERS, STREAMS = 4, 64, 8
_WAITED = 10  # so many times as long by the clock counts as long by the processor
_WEIGHT = 0.2  # of the newest in the mean


class Lanes:
    """Pools of threads. `close` waits for what was begun."""

    def __init__(self) -> None:
        self._means: dict[tuple[str, str], float] = {}
        self._readers = ThreadPoolExecutor(READERS, "skillstore-read")
        self._writers = ThreadPoolExecutor(WRITERS, "skillstore-write")
        self._streams = ThreadPoolExecutor(STREAMS, "skillstore-stream")

    async def read(self, kind: tuple[str, str], function: Callable[[], T]) -> T:
        """What `function` returns. `kind`: what is about as slow."""
        if self._means.get(kind, 1.0) < QUICK:
            return self._timed(kind, function)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._timed, kind, function)

    async def write(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writers, function)

    async def stream(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._streams, function)

    def close(self) -> None:
        for pool in (self._readers, self._writers, self._streams):
            pool.shutdown(wait=True, cancel_futures=True)

    def _timed(self, kind: tuple[str, str], function: Callable[[], T]) -> T:
        start, used = time.perf_counter(), time.thread_time()
        try:
            return function()
        finally:
            seconds = max(time.thread_time() - used, (time.perf_counter() - start) / _WAITED)
            before = self._means.get(kind)
            if len(self._means) > 10_000:
                self._means.clear()
            self._means[kind] = seconds if before is None else before + _WEIGHT * (seconds - before)
