"""What a read over HTTP costs beside the same read in the process: CPU of server and client, in pairs of one run.

    python -m tests.benchmarks.service --skills 100000 --dim 128 --pairs 20 --reads 200

Each pair asks the same questions in this process and of a server, one after another, in an order that alternates; what
is printed are the medians of the pairs, and the lowest and highest. The server's CPU is that of all its threads, as
Linux counts it in nanoseconds; its overhead is that less what the same reads take in the process.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skillstore import SkillLibrary
from skillstore.bench.workload import Question, Workload
from tests.remote.served import served

NAMES = ("in the process, CPU", "server, CPU", "server's overhead, CPU", "client, CPU", "over HTTP, elapsed")


def cpu_of(process: int) -> float:
    """Seconds of CPU of all threads that the process has now."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def measured(local: SkillLibrary, remote: SkillLibrary, server: int, questions: list[Question], pairs: int,
             ask: Callable[[SkillLibrary, Question], object]) -> list[tuple[float, ...]]:  # fmt: skip
    """One line for each pair: milliseconds a read, as in NAMES."""
    for library in (local, remote):
        for question in questions:
            ask(library, question)
    return [_pair(local, remote, server, questions, ask, bool(turn % 2)) for turn in range(pairs)]


def _pair(local: SkillLibrary, remote: SkillLibrary, server: int, questions: list[Question],
          ask: Callable[[SkillLibrary, Question], object], turned: bool) -> tuple[float, ...]:  # fmt: skip
    taken: dict[bool, tuple[float, float, float]] = {}
    for over_http in (turned, not turned):
        library = remote if over_http else local
        before, own, start = cpu_of(server), time.process_time(), time.perf_counter()
        for question in questions:
            ask(library, question)
        elapsed = time.perf_counter() - start
        taken[over_http] = (time.process_time() - own, cpu_of(server) - before, elapsed)
    inside, (client, at_server, elapsed) = taken[False][0], taken[True]
    each = 1000 / len(questions)
    return tuple(each * seconds for seconds in (inside, at_server, at_server - inside, client, elapsed))


@contextmanager
def libraries(skills: int, dim: int) -> Iterator[tuple[SkillLibrary, SkillLibrary, int, Workload]]:
    """The same library in this process and of a server, and the server's process."""
    work = Workload(skills, dim)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "all" / "home"
        home.parent.mkdir()
        with SkillLibrary.open(home, embedding_dim=dim, same_skill=None, durability="os") as library:
            library.add_skills(work.skills())
            library.settle()
            library.snapshot()
        shutil.copytree(home, Path(place) / "copy")
        with (
            SkillLibrary.open(Path(place) / "copy") as local,
            served(home.parent) as (address, process),
            SkillLibrary.open(f"{address}/home") as remote,
        ):
            yield local, remote, process.pid, work


def kinds(k: int) -> dict[str, Callable[[SkillLibrary, Any], object]]:
    """What is asked."""
    return {
        f"retrieve {k} by embedding": lambda library, q: library.retrieve_skills(q.state, q.embedding, k),
        f"retrieve {k} by outcomes": lambda library, q: library.retrieve_skills(q.state, None, k),
        "get one": lambda library, q: library.get_skill(1 + hash(str(q.state)) % 1000),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("skills", 100_000), ("dim", 128), ("pairs", 20), ("reads", 200), ("k", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with libraries(given.skills, given.dim) as (local, remote, server, work):
        questions = work.questions(given.reads)
        for kind, ask in kinds(given.k).items():
            lines = measured(local, remote, server, questions, given.pairs, ask)
            print(
                f"{kind} of {given.skills} x {given.dim}: ms a read, median (lowest to highest) of {given.pairs} pairs"
            )
            for name, column in zip(NAMES, zip(*lines, strict=True), strict=True):
                print(f"  {name:24} {statistics.median(column):7.3f}  ({min(column):.3f} to {max(column):.3f})")


if __name__ == "__main__":
    main()
