"""Let every call of the system fail, one after the other, in every way: nothing acknowledged is lost, nothing leaks.

    python -m tests.benchmarks.faults

A library is made, changed in all ways, renewed, compacted, closed, read and opened again. Call number k of the system
fails (EIO, or EINTR, once; ENOSPC from then on; or half of it is done), for every k. What is raised must be of the
tree; what was acknowledged is there when the disk is well again, read and written; no descriptor and no thread is left.
A run that takes a minute is a hang: it ends everything and says where.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import pytest

from tests.skillstore import failing
from tests.skillstore.failing import FAULTS, FailingOs, Life


def run(place: Path, fails: int, fault: str) -> str:
    """What came of one life."""
    before = failing.resources()
    with pytest.MonkeyPatch.context() as monkeypatch:
        failing.small(monkeypatch)
        try:
            life = Life(place, FailingOs(fails, fault), monkeypatch)
            came = "no error" if life.error is None else type(life.error).__name__
            life.check()
        except Exception:  # noqa: BLE001 - whatever it is, it is counted
            traceback.print_exc()
            return "WRONG"
    return came if failing.resources() == before else "LEFT OPEN"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="only each so many-th call")
    every = parser.parse_args().every
    told: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as monkeypatch:
        failing.small(monkeypatch)
        calls = FailingOs()
        Life(Path(directory) / "whole", calls, monkeypatch).check()
        for fault in FAULTS:
            for fails in range(0, len(calls.calls), every):
                faulthandler.dump_traceback_later(60, exit=True)
                came = run(Path(directory) / f"{fault}-{fails}", fails, fault)
                told[fault, came] += 1
                end = f" {came}\n" if came.isupper() else ""
                print(f"\r{fault} {fails} of {len(calls.calls)}", end=end, file=sys.stderr, flush=True)
        faulthandler.cancel_dump_traceback_later()
    print()
    for (fault, came), count in sorted(told.items()):
        print(f"{fault:7} {came:25} {count:6}")
    wrong, left = (sum(count for (_, came), count in told.items() if came == what) for what in ("WRONG", "LEFT OPEN"))
    print(
        f"{told.total()} runs over {len(calls.calls)} calls: {wrong} lost or of another kind of error, {left} left open"
    )
    sys.exit(wrong + left > 0)


if __name__ == "__main__":
    main()
