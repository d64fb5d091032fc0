"""Running the cases of a table, over several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager

from agent.evaluation.finished import Finished, Outcome
from agent.evaluation.table import Case, Row
from agent.evaluation.tables import TABLES

Tell = Callable[[str], None]


def run(name: str, cases: Sequence[Case], jobs: int = 1, tell: Tell = lambda _: None) -> tuple[list[Row], list[str]]:
    """The rows of all cases of the table ``name``, in their order, whatever order they were finished in.

    Beside them, a line for each case that raised an error: it has no rows, and the others go on. ``tell`` hears of
    every case that is finished. With one job everything happens in this process.
    """
    finished = Finished(cases)
    finish(name, finished, jobs, tell)
    return finished.rows(), finished.broken()


def finish(name: str, finished: Finished, jobs: int = 1, tell: Tell = lambda _: None) -> None:
    """Run those of the cases that are not finished. Whatever stops it, ``finished`` has the others."""
    started, left = time.monotonic(), [index for index in range(len(finished.cases)) if index not in finished.outcomes]
    with _outcomes(name, finished.cases, left, jobs) as coming:
        for index, outcome in coming:
            finished.add(index, outcome)
            count = f"{len(finished.outcomes)} of {len(finished.cases)}"
            tell(f"{time.monotonic() - started:6.0f} s  {count}  {finished.words(index)}")


@contextmanager
def _outcomes(
    name: str, cases: Sequence[Case], left: Sequence[int], jobs: int
) -> Iterator[Iterator[tuple[int, Outcome]]]:
    """The number and outcome of each case that is ``left``, as they come."""
    if jobs == 1:
        yield ((index, _outcome(name, cases[index])) for index in left)
        return
    context = multiprocessing.get_context("spawn")  # a fork would share the threads of FAISS
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_alone)
    try:
        futures = {pool.submit(_outcome, name, cases[index]): index for index in left}
        yield ((futures[future], future.result()) for future in as_completed(futures))
    except BaseException:  # stopped: what is running need not be waited for
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _outcome(name: str, case: Case) -> Outcome:
    try:
        return TABLES[name].trial(case), ""
    except ImportError:
        raise  # an extra is missing: no case could run
    except Exception as error:  # noqa: BLE001 - one broken run is no reason to lose the others; it is told of
        place = traceback.extract_tb(error.__traceback__)[-1]
        return [], f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})"


def _alone() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all: ours ends theirs
    os.environ["OMP_NUM_THREADS"] = "1"  # the processes are the parallelism
