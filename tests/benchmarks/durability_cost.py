"""What it costs that an acknowledged skill is on the disk.

    python -m tests.benchmarks.durability_cost --adds 300 --skills 10000 --dim 128

Where a sync takes 2 ms (faster ones are made to wait): the time of one durable `add_skill` against that of a bare
write and sync of as many bytes, one after the other in the same run; and how many more adds a second 64 threads get
than one, as they share syncs. At the disk's own sync: the CPU time of one add, search for duplicates included.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

import numpy as np

from skillstore import Skill, SkillLibrary
from skillstore.local import opening
from skillstore.local.files import Files

DELAY = 0.002
"""Seconds that a sync takes at least."""


class SlowFiles(Files):
    """A disk whose syncs take at least `DELAY`."""

    def sync(self, fd: int) -> None:
        start = time.perf_counter()
        super().sync(fd)
        time.sleep(max(0.0, DELAY - (time.perf_counter() - start)))


@contextmanager
def slow_files() -> Iterator[None]:
    """Libraries opened inside stand on a slow disk."""
    with patch.object(opening, "Files", SlowFiles):
        yield


class Filled:
    """A library with some skills in it, and an endless supply of new ones."""

    def __init__(self, place: Path, skills: int, dim: int, seed: int) -> None:
        self.library = SkillLibrary.open(place, embedding_dim=dim)
        self._generator, self._numbers, self._dim = np.random.default_rng(seed), count(), dim
        self.library.add_skills(self.new() for _ in range(skills))
        self.library.settle()

    def new(self) -> Skill:
        """A skill like no other, under preconditions that a hundredth of them share."""
        number = next(self._numbers)
        facts = {"room": number % 10, "carrying": number % 7 % 3, "door_open": number % 2 == 0}
        return Skill(f"skill {number}", facts, ["go", "take", "go", "use"], self._generator.normal(size=self._dim), {})


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def one_add(filled: Filled, place: Path, adds: int) -> dict[str, float]:
    """Milliseconds of an add, and of a bare write and sync of as many bytes, in turn."""
    files, library = SlowFiles(place), filled.library
    fd = files.create("bare")
    data = b""

    def bare() -> None:
        files.write(fd, data)
        files.sync(fd)

    pairs = []
    for _ in range(adds):
        skill, before = filled.new(), _journal(library)
        add = seconds(partial(library.add_skill, skill))
        data = bytes(_journal(library) - before) if _journal(library) > before else data  # the next may be begun
        pairs.append((add, seconds(bare)))
    files.close(fd)
    durable, plain = np.median(np.array(pairs), axis=0).tolist()
    ratio = float(np.median([one / other for one, other in pairs]))
    return {"bytes": len(data), "add, ms": durable * 1e3, "write and sync, ms": plain * 1e3, "ratio": ratio}


def many_threads(filled: Filled, threads: int, adds: int) -> float:
    """Adds a second of so many threads together."""
    skills = [[filled.new() for _ in range(adds)] for _ in range(threads)]
    start = threading.Barrier(threads + 1)

    def work(mine: list[Skill]) -> None:
        start.wait()
        for skill in mine:
            filled.library.add_skill(skill)

    workers = [threading.Thread(target=work, args=(mine,)) for mine in skills]
    for worker in workers:
        worker.start()
    start.wait()
    begun = time.perf_counter()
    for worker in workers:
        worker.join()
    return threads * adds / (time.perf_counter() - begun)


def cpu(filled: Filled, adds: int) -> dict[str, float]:
    """Microseconds of CPU time of an add, by this thread and by the whole process; milliseconds it took."""
    skills = [filled.new() for _ in range(adds)]
    before = time.thread_time(), time.process_time(), time.perf_counter()
    for skill in skills:
        filled.library.add_skill(skill)
    after = time.thread_time(), time.process_time(), time.perf_counter()
    thread, process, whole = ((end - start) / adds for start, end in zip(before, after, strict=True))
    return {"thread, us": thread * 1e6, "process, us": process * 1e6, "took, ms": whole * 1e3}


def _journal(library: SkillLibrary) -> int:
    return library._backend._storage.place.offset  # type: ignore[union-attr]


def _print(what: str, figures: dict[str, float]) -> None:
    print(f"{what}: " + ", ".join(f"{name} {round(figure, 3)}" for name, figure in figures.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adds", type=int, default=300)
    parser.add_argument("--skills", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        with slow_files():
            filled = Filled(place / "slow", given.skills, given.dim, given.seed)
        _print("one add, a sync of 2 ms", one_add(filled, place, given.adds))
        rates = [(many_threads(filled, 1, given.adds), many_threads(filled, 64, given.adds // 8)) for _ in range(3)]
        one, many = np.median(np.array(rates), axis=0).tolist()
        ratio = float(np.median([many / one for one, many in rates]))
        _print("64 threads, a sync of 2 ms", {"one, adds/s": one, "64, adds/s": many, "ratio": ratio})
        filled.library.close()
        filled = Filled(place / "own", given.skills, given.dim, given.seed)
        _print("CPU of one add, the disk's own sync", cpu(filled, given.adds))
        filled.library.close()


if __name__ == "__main__":
    main()
