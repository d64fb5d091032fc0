"""Running the cases of a table, over several processes."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from agent.evaluation.table import Case, Row
from agent.evaluation.tables import TABLES

Tell = Callable[[str], None]


def run(name: str, cases: Sequence[Case], jobs: int = 1, tell: Tell = lambda _: None) -> list[Row]:
    """The rows of all cases of the table ``name``, in their order, whatever order they were finished in.

    ``tell`` hears of every case that is finished. With one job everything happens in this process.
    """
    started = time.monotonic()
    done: dict[int, list[Row]] = {}

    def finished(index: int, rows: list[Row]) -> None:
        done[index] = rows
        case = cases[index]
        elapsed = time.monotonic() - started
        tell(f"{elapsed:6.0f} s  {len(done)} of {len(cases)}  {name}: {case.world}, {case.agent}, seed {case.seed}")

    if jobs == 1:
        for index, case in enumerate(cases):
            finished(index, _trial(name, case))
    else:
        _in_processes(name, cases, jobs, finished)
    return [row for index in range(len(cases)) for row in done[index]]


def _in_processes(name: str, cases: Sequence[Case], jobs: int, finished: Callable[[int, list[Row]], None]) -> None:
    context = multiprocessing.get_context("spawn")  # a fork would share the threads of FAISS
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_alone) as pool:
        futures = {pool.submit(_trial, name, case): index for index, case in enumerate(cases)}
        try:
            for future in as_completed(futures):
                finished(futures[future], future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _trial(name: str, case: Case) -> list[Row]:
    return TABLES[name].trial(case)


def _alone() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # the processes are the parallelism
