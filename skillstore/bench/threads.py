"""Threads: as many as a measurement says, for everything in it, and as before when it is over."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

_POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
    "LANCE_CPU_THREADS",
)


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """FAISS uses `threads` threads; where the system allows, this thread and what it starts run on as many processors,
    since peers have pools that nothing else bounds."""
    import faiss  # here, so that importing skillstore.bench is instant

    before = faiss.omp_get_max_threads()
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    faiss.omp_set_num_threads(threads)
    if processors:
        os.sched_setaffinity(0, sorted(processors)[-threads:])
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
        if processors:
            os.sched_setaffinity(0, processors)


class Running:
    """How much of the time since it was made this process ran, from 0 to 1. Much less than 1: it waited for its disk,
    or others had its processor, and no time measured meanwhile is worth quoting."""

    def __init__(self) -> None:
        self._wall, self._own = time.perf_counter(), time.process_time()

    def share(self) -> float:
        """Until now; 1 also if several threads ran."""
        return min(1.0, (time.process_time() - self._own) / (time.perf_counter() - self._wall))


def environment(threads: int) -> dict[str, str]:
    """Environment variables that say the same to a process about to start."""
    return dict.fromkeys(_POOLS, str(threads))
