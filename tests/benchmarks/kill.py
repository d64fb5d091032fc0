"""Kill the writer with SIGKILL at random moments: it always reopens, and every acknowledged change is there.

    python -m tests.benchmarks.kill --kills 1000 --seed 0

A child process works on a library (adds, outcomes, removals, batches, notes, snapshots, compactions) and tells
its parent what it is about to do, and when it is acknowledged. The parent kills it at a random moment, half of the times while it
opens (and so recovers what the last one left), takes a snapshot or compacts; measures when the lock is free and how
long opening takes; and compares the library with the scan that the child's words describe: all acknowledged changes,
and the one in flight whole or absent. The next child goes on with the same library.

A SIGKILL leaves the kernel's cache: this does not show that syncs are right. `tests.benchmarks.power_cuts` does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from skillstore import LibraryLockedError, LibraryNotFoundError, SkillLibrary
from skillstore.local.directory import WriterLock
from skillstore.local.files import Files
from tests.benchmarks.workload import Plan, Told, Worker, change, change_for_ever, contents, told_by
from tests.skillstore.scan import Scan

AIMS = ["opening", "snapshot", "compact"]
_LIVES = 25  # kills that one library lives through
_LONGEST = {"opening": 0.02, "snapshot": 0.02, "compact": 0.02}  # seconds to wait after it began


class Survivor:
    """One library, and what must be in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.scan = Scan(same_skill=None)

    def kill(self, seed: int, aim: str | None, after: float) -> tuple[Told, float]:
        """Kill a writer `after` so many seconds of its work, or of what is aimed at; what it told, and for how many
        seconds after the kill the lock was taken."""
        worker = Worker(change_for_ever, self.place, seed)
        worker.listen(60, aim or "ready")
        worker.listen(after)
        moment = worker.kill()
        locked = self._locked_since(moment)
        worker.bury()
        if worker.told.phase == "starting":
            raise RuntimeError("the writer did not start")
        for plan in worker.told.plans:
            change(self.scan, plan)
        return worker.told, locked

    def _locked_since(self, moment: float) -> float:
        lock = WriterLock(Files(self.place))
        while self.place.is_dir():
            try:
                lock.acquire()
                lock.release()
                break
            except LibraryLockedError:
                time.sleep(0.0005)
        return time.monotonic() - moment

    def check(self, doing: Plan | None, recover: bool) -> tuple[bool, float]:
        """Whether the change in flight is there, and the seconds it took to open. AssertionError: it is lost, or torn.

        Unless it is to `recover`, only a reader looks: then the next writer finds what the kill left.
        """
        with_it = self.scan.copy()
        if doing is not None:
            change(with_it, doing)
        seen, seconds = self._seen("r")
        if recover:
            recovered, seconds = self._seen("rw")
            assert seen in (None, recovered), f"a reader sees what a writer does not; look at {self.place}"
            seen = recovered
        seen = seen or told_by(Scan())
        there = bool(seen == told_by(with_it))
        assert there or seen == told_by(self.scan), f"lost or torn; look at {self.place}"
        self.scan = with_it if there else self.scan
        return there and doing is not None, seconds

    def _seen(self, mode: Literal["r", "rw"]) -> tuple[Any, float]:
        """All that is there, every byte verified; None if a reader finds no library, and seconds it took to open."""
        start = time.perf_counter()
        try:
            library = SkillLibrary.open(self.place, embedding_dim=4, same_skill=None, mode=mode)
        except LibraryNotFoundError:  # killed before there was one
            return None, 0.0
        seconds = time.perf_counter() - start
        with library:
            library.verify()
            return contents(library), seconds


def survive(directory: Path, kills: int, seed: int) -> dict[str, float]:
    """Kill that many writers; what happened. Raises AssertionError as soon as anything is lost, torn or unreadable."""
    generator = np.random.default_rng(seed)
    phases: Counter[str] = Counter()
    told = {"acknowledged": 0, "in flight": 0, "of those there": 0, "batches in flight": 0}
    slowest = {"slowest to reopen, s": 0.0, "longest until the lock was free, s": 0.0}
    over = 0
    following = _aim(generator)
    for turn in range(kills):
        if turn % _LIVES == 0:
            library = Survivor(directory / f"skills-{turn // _LIVES}")
        aim, following = following, _aim(generator)
        after = float(generator.uniform(0, _LONGEST[aim]) if aim else generator.exponential(0.08))
        heard, locked = library.kill(seed * 100_000 + turn, aim, after)
        there, opened = library.check(heard.doing, recover=following != "opening")
        phases[heard.phase] += 1
        told["acknowledged"] += len(heard.plans)
        told["in flight"] += heard.doing is not None
        told["of those there"] += there
        told["batches in flight"] += heard.phase == "batch"
        over += opened > 1 or locked > 1
        slowest = {name: max(value, new) for (name, value), new in zip(slowest.items(), (opened, locked), strict=True)}
        if kills >= 50:
            print(f"\r{turn + 1} of {kills} kills", end="", file=sys.stderr, flush=True)
    aimed = {f"killed in {phase}": phases[phase] for phase in AIMS}
    return {"kills": kills, **aimed, **told, **slowest, "over a second": over}


def _aim(generator: np.random.Generator) -> str | None:
    return str(generator.choice(AIMS, p=[0.5, 0.25, 0.25])) if generator.integers(2) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        told = survive(Path(directory), given.kills, given.seed)
    print("\n" + ", ".join(f"{name}: {round(count, 4)}" for name, count in told.items()) + "; lost: 0, torn: 0")


if __name__ == "__main__":
    main()
