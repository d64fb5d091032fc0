"""Retrieval while another thread adds: how much longer a call takes, and the longest pause.

    python -m tests.benchmarks.beside --skills 1000000 --rate 2000

A library of the standard workload of `skillstore.bench.workload` is made (or opened again with --keep). One thread asks
for the ten best that apply, states as they come, for some seconds alone, then while another thread adds skills at the
given rate, in batches, durably. With --merge the added skills are compared with all that are there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path

import numpy as np

from skillstore import Skill, SkillLibrary
from skillstore.bench.workload import Question, Workload

K = 10


def library_at(place: Path, workload: Workload, merge: bool) -> SkillLibrary:
    """The library with all skills of the workload, in one segment, its cells made."""
    library = SkillLibrary.open(place, embedding_dim=workload.dim, same_skill=0.9 if merge else None)
    if not len(library):
        print(f"adding {workload.count} skills", file=sys.stderr)
        library.add_skills(workload.skills())
        library.compact()
    library.settle()
    return library


def asked(library: SkillLibrary, questions: list[Question], until: threading.Event) -> list[float]:
    """Milliseconds of each call, one after another, until told to stop."""
    times: list[float] = []
    while not until.is_set():
        question = questions[len(times) % len(questions)]
        start = time.perf_counter()
        library.retrieve_skills(question.state, question.embedding, K)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def add_at(library: SkillLibrary, skills: list[Skill], rate: int, batch: int) -> float:
    """Add `skills`, so many a second; how many seconds late the last batch was."""
    begun = time.perf_counter()
    late = 0.0
    for first in range(0, len(skills), batch):
        library.add_skills(skills[first : first + batch])
        late = time.perf_counter() - begun - (first + batch) / rate
        time.sleep(max(0.0, -late))
    return max(0.0, late)


def measured(library: SkillLibrary, workload: Workload, given: argparse.Namespace) -> dict[str, dict[str, float]]:
    questions = workload.questions(4000)
    larger = Workload(given.skills + given.rate * given.seconds, workload.dim, seed=given.seed)
    more = list(islice(larger.skills(), given.skills, None))
    done = threading.Event()
    threading.Timer(given.seconds, done.set).start()
    asked(library, questions[:100], _after(1.0))
    alone = asked(library, questions, done)
    ended, late = threading.Event(), []

    def write() -> None:
        late.append(add_at(library, more, given.rate, given.batch))
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    beside = asked(library, questions, ended)
    writer.join()
    return {"alone": spread(alone), "beside": {**spread(beside), "seconds late": late[0]}}


def _after(seconds: float) -> threading.Event:
    event = threading.Event()
    threading.Timer(seconds, event.set).start()
    return event


def spread(times: list[float]) -> dict[str, float]:
    quantiles = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "worst": 1.0}
    return {"calls": len(times), **{name: float(np.quantile(times, share)) for name, share in quantiles.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skills", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=int, default=2000, help="skills added per second")
    parser.add_argument("--batch", type=int, default=20, help="skills added together")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--merge", action="store_true", help="merge duplicates")
    parser.add_argument("--keep", type=Path, help="the library's directory, used again if it is there; it grows")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    workload = Workload(given.skills, given.dim, seed=given.seed)
    with (
        tempfile.TemporaryDirectory() as directory,
        library_at(given.keep or Path(directory) / "skills", workload, given.merge) as library,
    ):
        figures = measured(library, workload, given)
    if given.json:
        print(json.dumps(figures))
        return
    for name, found in figures.items():
        print(f"{name:7} " + "  ".join(f"{what} {value:,.2f}" for what, value in found.items()))
    print(f"p99 beside / alone: {figures['beside']['p99'] / figures['alone']['p99']:.1f}")


if __name__ == "__main__":
    main()
