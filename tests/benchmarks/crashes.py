"""Crash points: every call of many lives of a library, every image a crash may leave then, each opened and compared.

    python -m tests.benchmarks.crashes --lives 3 --seeds 34 --cuts 4 --jobs 2

One row for each workload: calls that change the disk, crash points (calls x models x variants), distinct images by
their bytes, and how many of these could not be opened, had lost what was acknowledged, held what never was, or could
not be lived on in. tests/crashes says what the models are and what is checked; its tests are the short form of this.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice

from tests.crashes.check import LOST, TORN, UNOPENABLE, UNSTABLE
from tests.crashes.life import Lived
from tests.crashes.points import Tally, counted, end, points
from tests.crashes.workloads import WORKLOADS, holed, lived, recovered

RECOVERY = "recovery"
KINDS = (UNOPENABLE, LOST, TORN, UNSTABLE)


def life(name: str, seed: int) -> Lived:
    """One life of a workload; of a recovery, from another of the images that a crash of its batches left."""
    if name != RECOVERY:
        return lived(name, seed)
    left = [point.image for point in islice(points(lived("batch", seed), 3, 8), 400 + 37 * seed, None, 611)]
    return recovered(left[seed % len(left)] if seed else holed(), seed)


def work(name: str, seed: int, cuts: int, seeds: int) -> tuple[str, Tally]:
    """Everything about one life. Raises AssertionError if the simulated disk does not end as the real one."""
    one = life(name, seed)
    assert end(one) == one.after
    return name, counted(one, points(one, cuts, seeds))


def tallies(names: Sequence[str], lives: int, cuts: int, seeds: int, jobs: int) -> Iterator[tuple[str, Tally]]:
    with ProcessPoolExecutor(jobs) as pool:
        tasks = [pool.submit(work, name, seed, cuts, seeds) for seed in range(lives) for name in names]
        for task in as_completed(tasks):
            yield task.result()


def row(name: str, tally: Tally) -> str:
    wrong = "".join(f"{tally.wrong[kind]:>12,}" for kind in KINDS)
    return f"{name:<22}{tally.calls:>9,}{tally.points:>14,}{len(tally.images):>17,}{wrong}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lives", type=int, default=3, help="of each workload, each with another content")
    parser.add_argument("--cuts", type=int, default=4, help="places where the last write is torn")
    parser.add_argument("--seeds", type=int, default=34, help="random parts of what was not synced, at each call")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    names = [*WORKLOADS, RECOVERY]
    found = {name: Tally() for name in names}
    began = time.monotonic()
    for done, (name, tally) in enumerate(tallies(names, given.lives, given.cuts, given.seeds, given.jobs), 1):
        found[name].add(tally)
        print(f"\r{done} of {given.lives * len(names)} lives", end="", file=sys.stderr, flush=True)
    total = Tally()
    print(f"\n{'workload':<22}{'calls':>9}{'crash points':>14}{'distinct images':>17}", *(f"{k:>11}" for k in KINDS))
    for name, tally in found.items():
        print(row(name, tally))
        total.add(tally)
    print(row("all", total))
    print(", ".join(f"{model}: {count:,}" for model, count in total.models.items()))
    print(f"{time.monotonic() - began:.0f} s with {given.jobs} processes")
    if total.first:
        sys.exit(total.first)


if __name__ == "__main__":
    main()
