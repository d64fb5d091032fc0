"""What opening costs, whatever the history of the library: in single commits of every kind, closed or killed.

    python -m tests.benchmarks.opening

Each history is made of `--changes` commits of one change each (durability "os", so that making it takes minutes, not an
hour: what is on the disk is the same). The library is then opened to read and to write, as it was closed and as it was
when its process was killed; beside it the same library after `compact`. Seconds of processor time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skillstore import Skill, SkillLibrary

DIM = 32
_SAME = Skill("same", {"same": True}, ["a"], [1.0] + [0.0] * (DIM - 1))
Change = Callable[[SkillLibrary, int, np.random.Generator], object]


def _skill(number: int, random: np.random.Generator, sets: int = 50) -> Skill:
    return Skill(f"skill {number}", {"k": number % sets}, ["a", "b"], random.standard_normal(DIM))


def _note(library: SkillLibrary, number: int, random: np.random.Generator) -> None:
    library.notes[f"note {number % 10}"] = {"episodes": number, "best": float(random.random())}


def _come_and_go(library: SkillLibrary, number: int, random: np.random.Generator) -> None:
    if number % 2:
        library.remove_skill(library.add_skill(_skill(number, random)).skill.id or 0)
    else:
        library.replace_skill(1, _skill(number, random))


def _batch(library: SkillLibrary, number: int, random: np.random.Generator) -> None:
    if number % 3 == 0:
        library.add_skills([_skill(number, random) for _ in range(3)])


HISTORIES: dict[str, Change] = {
    "adds": lambda library, number, random: library.add_skill(_skill(number, random)),
    "adds of distinct conditions": lambda library, number, random: library.add_skill(_skill(number, random, 10**9)),
    "outcomes": lambda library, number, random: library.record_outcome(1 + number % 100, bool(number % 3)),
    "merges": lambda library, number, random: library.add_skill(_SAME),
    "notes": _note,
    "requests": lambda library, number, random: library.once(f"request {number}", lambda: number),
    "come and go": _come_and_go,
    "small batches": _batch,
}


def live(place: Path, history: str, changes: int, ready: Any) -> None:
    """In a process of its own: make the history, copy it closed, go on, and wait to be killed."""
    random = np.random.default_rng(0)
    with _opened(place, history) as library:
        library.add_skills(_skill(number, random) for number in range(100))
        for number in range(changes):
            HISTORIES[history](library, number, random)
    shutil.copytree(place, place.with_name("closed"))
    shutil.rmtree(place)
    library = _opened(place, history)
    library.add_skills(_skill(number, random) for number in range(100))
    for number in range(changes):
        HISTORIES[history](library, number, random)
    ready.set()
    time.sleep(600)


def _opened(place: Path, history: str) -> SkillLibrary:
    same_skill = 0.9999 if history == "merges" else None
    return SkillLibrary.open(place, embedding_dim=DIM, same_skill=same_skill, durability="os")


def seconds(place: Path, mode: Any) -> float:
    """Processor time of one opening and closing, of a copy."""
    copy = place.with_name(f"{place.name} copy")
    shutil.copytree(place, copy)
    began = time.process_time()
    SkillLibrary.open(copy, mode=mode).close()
    taken = time.process_time() - began
    shutil.rmtree(copy)
    return taken


def measure(top: Path, history: str, changes: int) -> list[float]:
    """Of the library closed, killed, and compacted, each opened to write and to read."""
    ready = multiprocessing.get_context("spawn").Event()
    process = multiprocessing.get_context("spawn").Process(target=live, args=(top / "live", history, changes, ready))
    process.start()
    ready.wait()
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    shutil.copytree(top / "closed", top / "compact")
    with SkillLibrary.open(top / "compact") as library:
        library.compact()
    return [seconds(top / state, mode) for state in ("closed", "live", "compact") for mode in ("rw", "r")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=100_000)
    parser.add_argument("--history", choices=HISTORIES, action="append", help="only these")
    given = parser.parse_args()
    worst = 0.0
    print(f"{given.changes} commits of      closed rw    r   killed rw    r   compact rw    r")
    for history in given.history or HISTORIES:
        with tempfile.TemporaryDirectory() as directory:
            taken = measure(Path(directory), history, given.changes)
        print(f"{history:28}" + "".join(f"{each:8.2f}" for each in taken), flush=True)
        worst = max(worst, *(each - taken[4 + place % 2] for place, each in enumerate(taken[:4])))
    print(f"at most {worst:.2f} s of processor time more than after compact")
    sys.exit(worst > 1)


if __name__ == "__main__":
    main()
