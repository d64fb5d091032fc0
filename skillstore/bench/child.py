"""Child: one piece of work in a process of its own, so that memory, threads and failures are that contender's alone.

A job is read from stdin as JSON, its figures are written to stdout as JSON. Everything else that is printed meanwhile
goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skillstore.bench.adding import added
from skillstore.bench.exam import satisfied, saved
from skillstore.bench.peers.known import KNOWN
from skillstore.bench.peers.peer import Peer
from skillstore.bench.threads import Running
from skillstore.bench.workload import Question, Workload
from skillstore.library import SkillLibrary
from skillstore.skill import Skill

WARM = 20
"""Questions asked before the clock counts."""

_STATUS = Path("/proc/self/status")


def built(peer: str, directory: str, threads: int, vectors: str, sets: str) -> dict[str, Any]:
    """Fill `directory`: seconds until everything is on the disk, ready to be searched."""
    contender = _peer(peer, directory, threads)
    arrays = np.array(np.load(vectors)), np.load(sets)  # before the clock, as ours gets its skills
    start = time.perf_counter()
    contender.build(*arrays)
    return {"seconds": time.perf_counter() - start}


def asked(peer: str, directory: str, threads: int, exams: list[str], k: int, patience: float) -> dict[str, Any]:
    """Open what was built, and answer each exam for at most `patience` seconds."""
    contender = _peer(peer, directory, threads)
    papers = [saved(Path(exam)) for exam in exams]
    before, start = resident(), time.perf_counter()
    contender.open()
    queries, bits, width = papers[0]
    contender.search(satisfied(bits[0], width), queries[0], k)
    opened = time.perf_counter() - start
    rows = [_answers(contender, *paper, k, patience) for paper in papers]
    grown = _grown(before)
    contender.close()
    return {"opened": opened, "grown": grown, "rows": rows}


def opened(library: str, workload: list[Any], bands: list[str | None], queries: int, k: int) -> dict[str, Any]:
    """The same of a library of ours, which is asked each question twice; the first `WARM` are not measured."""
    papers = [Workload(*workload).questions(queries + WARM, band) for band in bands]
    first = papers[0][0]
    small = SkillLibrary(embedding_dim=2)  # so that imports are not measured
    small.add_skill(Skill("wait", {}, ["wait"], [1.0, 0.0]))
    small.retrieve_skills({}, [1.0, 0.0], k)
    before, start = resident(), time.perf_counter()
    with SkillLibrary.open(library, create=False) as ours:
        ours.retrieve_skills(first.state, first.embedding, k)
        seconds = time.perf_counter() - start
        rows = []
        for questions in papers:
            running = Running()
            spent = np.array([[_timed(ours, question, k) for _ in range(2)] for question in questions])
            rows.append({"new": spent[WARM:, 0].tolist(), "again": spent[WARM:, 1].tolist(), "ran": running.share()})
        grown = _grown(before)
        disk = ours.get_stats()["disk_bytes"]
    return {"opened": seconds, "grown": grown, "disk": disk, "rows": rows}


def resident() -> int | None:
    """Bytes of this process in memory; None where the system does not say."""
    if not _STATUS.exists():
        return None
    return 1024 * int(_STATUS.read_text().split("VmRSS:")[1].split()[0])


def _grown(before: int | None) -> int | None:
    now = resident()
    return None if before is None or now is None else now - before


def _timed(library: SkillLibrary, question: Question, k: int) -> float:
    start = time.perf_counter()
    library.retrieve_skills(question.state, question.embedding, k)
    return 1e3 * (time.perf_counter() - start)


def _peer(name: str, directory: str, threads: int) -> Peer:
    KNOWN[name].load()
    return KNOWN[name](Path(directory), threads)


def _answers(contender: Peer, queries: Any, bits: Any, width: int, k: int, patience: float) -> dict[str, Any]:
    """Milliseconds and row numbers of each answer, and how much of the time this process ran."""
    start = time.perf_counter()
    for place in range(min(WARM, len(queries))):
        contender.search(satisfied(bits[place], width), queries[place], k)
        if time.perf_counter() - start > patience / 4:
            break
    spent, rows, running = [], [], Running()
    for query, packed in zip(queries, bits, strict=True):
        mask = satisfied(packed, width)
        begun = time.perf_counter()
        rows.append(contender.search(mask, query, k))
        spent.append(1e3 * (time.perf_counter() - begun))
        if time.perf_counter() - start > patience:
            break
    return {"ms": spent, "rows": rows, "ran": running.share()}


WORK: dict[str, Callable[..., dict[str, Any]]] = {"built": built, "asked": asked, "opened": opened, "added": added}


def main() -> None:
    """Do the job."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = json.load(sys.stdin)
    figures = WORK[job.pop("work")](**job)
    with answer:
        json.dump(figures, answer)


if __name__ == "__main__":
    main()
