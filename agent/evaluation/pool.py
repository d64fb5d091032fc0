"""Running the cases of a table, over several processes."""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager

from agent.evaluation.table import Case, Row
from agent.evaluation.tables import TABLES

Tell = Callable[[str], None]
Outcome = tuple[list[Row], str]
"""The rows of a case, and what broke it, if anything did."""


def run(name: str, cases: Sequence[Case], jobs: int = 1, tell: Tell = lambda _: None) -> tuple[list[Row], list[str]]:
    """The rows of all cases of the table ``name``, in their order, whatever order they were finished in.

    Beside them, a line for each case that raised an error: it has no rows, and the others go on. ``tell`` hears of
    every case that is finished. With one job everything happens in this process.
    """
    started = time.monotonic()
    outcomes: dict[int, Outcome] = {}
    with _outcomes(name, cases, jobs) as coming:
        for index, outcome in coming:
            outcomes[index] = outcome
            words = _words(cases[index], outcome)
            tell(f"{time.monotonic() - started:6.0f} s  {len(outcomes)} of {len(cases)}  {words}")
    rows = [row for index in range(len(cases)) for row in outcomes[index][0]]
    broken = [_words(cases[index], outcomes[index]) for index in range(len(cases)) if outcomes[index][1]]
    return rows, broken


@contextmanager
def _outcomes(name: str, cases: Sequence[Case], jobs: int) -> Iterator[Iterator[tuple[int, Outcome]]]:
    """The number and outcome of each case, as they come."""
    if jobs == 1:
        yield ((index, _outcome(name, case)) for index, case in enumerate(cases))
        return
    context = multiprocessing.get_context("spawn")  # a fork would share the threads of FAISS
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_alone)
    try:
        futures = {pool.submit(_outcome, name, case): index for index, case in enumerate(cases)}
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


def _words(case: Case, outcome: Outcome) -> str:
    words = f"{case.world}, {case.agent}, seed {case.seed}"
    return f"{words}: broken by {outcome[1]}" if outcome[1] else words


def _alone() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # the processes are the parallelism
