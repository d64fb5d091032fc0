"""Random work on libraries, crashes and reopening included, compared after every operation with the linear scan.

    python -m tests.benchmarks.model --operations 100000 --seed 0

The machine of `tests/skillstore/test_machine.py`, with everything made so small that every path is taken. The first
difference ends it, with the steps that lead there.
"""

from __future__ import annotations

import argparse
import sys

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.skillstore import small
from tests.skillstore.test_machine import Machine

_LIVES = 50  # between two lines of progress


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chosen = settings(
        max_examples=_LIVES, stateful_step_count=40, phases=[Phase.generate, Phase.shrink], deadline=None,
        database=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    turn = 0
    with pytest.MonkeyPatch.context() as monkeypatch:
        small.make_small(monkeypatch)
        while Machine.done["operations"] < given.operations:
            run_state_machine_as_test(seed(given.seed * 10**6 + turn)(Machine), settings=chosen)
            turn += 1
            print(f"\r{Machine.done['operations']} operations", end="", file=sys.stderr, flush=True)
    print("\n" + ", ".join(f"{name}: {count}" for name, count in Machine.done.items()) + "; differences: 0")


if __name__ == "__main__":
    main()
