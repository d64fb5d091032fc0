"""Kill the writer with SIGKILL at random moments: it always reopens, and every acknowledged change is there.

    python -m tests.benchmarks.kill --kills 1000 --seed 0

A child process works on a library (adds, outcomes, removals, batches, notes, snapshots, compactions) and tells its
parent what it is about to do, and when it is acknowledged. The parent kills it at a random moment, half of the times
while it opens (and so recovers what the last one left), takes a snapshot or compacts; measures when the lock is free
and how long opening takes; and compares the library with the scan that the child's words describe: all acknowledged
changes, and the one in flight whole or absent. The next child goes on with the same library.

A SIGKILL leaves the kernel's cache: this does not show that syncs are right. `tests.benchmarks.power_cuts` does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from tests.benchmarks.survivor import Survivor
from tests.benchmarks.workload import Worker, change_for_ever, locked_since

AIMS = ["opening", "snapshot", "compact"]
_LIVES = 25  # kills that one library lives through
_LONGEST = {"opening": 0.02, "snapshot": 0.02, "compact": 0.02}  # seconds to wait after it began


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
        worker = Worker(change_for_ever, library.place, seed * 100_000 + turn)
        worker.listen(60, aim or "ready")
        worker.listen(after)
        locked = locked_since(worker.kill(), library.place)
        worker.bury()
        heard = worker.told
        there, opened = library.check(heard, len(heard.plans), recover=following != "opening")
        phases[heard.phase] += 1
        told["acknowledged"] += len(heard.plans)
        told["in flight"] += heard.doing is not None
        told["of those there"] += there > len(heard.plans)
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
