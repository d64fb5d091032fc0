"""Damage every file of a closed library in every way: it is refused with a typed error, or answers as ever.

    python -m tests.benchmarks.damage

Every bit of every file flipped, every truncation, each file grown, deleted, swapped with each other one, replaced by
those of a twin library and by its own of earlier; opened to read and to write; everything asked. Each file is worked on
by a process of its own, so that a signal is seen and counted, and not the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from tests.skillstore.damaged import MODES, NAMES, Closed, with_cells

Told = Counter[tuple[str, str, str]]
"""(kind of damage, mode, what came of it) -> how often."""


def work(place: Path, name: str) -> Told:
    """All that may happen to one file."""
    told: Told = Counter()
    with pytest.MonkeyPatch.context() as monkeypatch:
        with_cells(monkeypatch)
        closed = Closed.made(place)
        for damage in closed.damages(name):
            for mode in MODES:
                try:
                    came = closed.outcome(place / "damaged", mode, damage)
                    came = came if came in damage.expected else f"WRONG: {came}"
                except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                    came = f"WRONG: {type(error).__name__}"
                if came.startswith("WRONG"):
                    print(f"{damage.kind} {damage.name} {mode}: {came}", file=sys.stderr)
                told[damage.kind, mode, came] += 1
    return told


def all_files() -> Told:
    told: Told = Counter()
    for name in NAMES:
        with tempfile.TemporaryDirectory() as place, ProcessPoolExecutor(1) as pool:
            try:
                told += pool.submit(work, Path(place), name).result()
            except BrokenProcessPool:
                told["any", "any", f"SIGNAL at {name}"] += 1
        print(f"\r{name} done, {told.total()} damages", end="", file=sys.stderr, flush=True)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    told = all_files()
    print()
    for (kind, mode, came), count in sorted(told.items()):
        print(f"{kind:20} {mode:3} {came:20} {count:7}")
    wrong = sum(count for (_, _, came), count in told.items() if came.startswith(("WRONG", "SIGNAL")))
    print(f"{told.total()} damages: {wrong} wrong answers, other errors or signals")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
