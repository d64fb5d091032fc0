"""Cut the power of a disk at random moments: no acknowledged change is lost. Needs root, loop devices and ext4.

    python -m tests.benchmarks.power_cuts --cuts 200 --seed 0
    python -m tests.benchmarks.power_cuts --cuts 20 --stores sqlite-full,sqlite-wal-normal,naive,lancedb,chroma

A process works in a file system on a drive whose power can be cut (`tests.benchmarks.drive` says how, and what is
lost), and tells each acknowledged change. After a cut the drive is mounted again, and the library compared with what
was told. With durability "full" every acknowledged change must be there, with "interval" all but those of the last
second. A control, the same library without syncs, must lose some, or the cuts are none.

With --stores, others do the simpler job of `tests.benchmarks.stores`, each cut on an empty directory.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from skillstore.local.writer import INTERVAL
from tests.benchmarks.drive import CUTS, Drive, missing
from tests.benchmarks.stores import STORES
from tests.benchmarks.survivor import Survivor
from tests.benchmarks.workload import Durability, Told, Worker, change_for_ever

_LIVES = 20  # cuts that one library lives through
DURABILITIES: tuple[Durability, ...] = ("full", "interval", "os")
_AIMS = ["ready", "ready", "opening", "snapshot", "compact"]


@contextmanager
def drive() -> Iterator[Drive]:
    """A formatted drive, in memory if there is room."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        made = Drive(Path(directory))
        try:
            made.make()
            yield made
        finally:
            made.remove()


class Cuts:
    """Random cuts of one drive."""

    def __init__(self, on: Drive, seed: int) -> None:
        self._drive, self._seed = on, seed
        self._generator = np.random.default_rng(seed)
        self._count = 0

    def after(self, worker: Worker, seconds: float) -> tuple[Told, float]:
        """Let the worker go on for about so long, then cut: what it told, and the moment. The power is on again."""
        worker.listen(float(self._generator.uniform(0, seconds)))
        worker.stop()  # while a file system is shut down, the kernel says of some syncs that they were done
        moment = self._drive.cut(CUTS[self._count % len(CUTS)], self._generator)
        worker.last_words()
        self._count += 1
        self._drive.power_on(commit=int(self._generator.choice([1, 5, 30])))
        return worker.told, moment

    def of_library(self, cuts: int, durability: Durability) -> dict[str, float]:
        """Cut so often; what happened. Raises AssertionError as soon as anything is lost that was promised."""
        answer = {"acknowledged": 0, "lost": 0, "cuts that lost some": 0, "oldest lost, s": 0.0}
        for turn in range(cuts):
            place = self._drive.place / "skills"
            if turn % (_LIVES if durability == "full" else _LIVES // 5) == 0:
                shutil.rmtree(place, ignore_errors=True)
                library = Survivor(place)
            worker = Worker(change_for_ever, place, self._seed * 100_000 + turn, durability)
            aim = str(self._generator.choice(_AIMS))
            worker.listen(60, aim)
            told, moment = self.after(worker, 1.5 if durability != "full" and aim == "ready" else 0.3)
            acknowledged = len(told.plans)
            surely = acknowledged if durability == "full" else sum(t < moment - INTERVAL for t in told.times)
            if durability == "os":
                surely = 0
            there, _ = library.check(told, surely, recover=bool(self._generator.integers(2)))
            answer["acknowledged"] += acknowledged
            if there < acknowledged:
                answer["lost"] += acknowledged - there
                answer["cuts that lost some"] += 1
                answer["oldest lost, s"] = max(answer["oldest lost, s"], moment - told.times[there])
            if cuts >= 20:
                print(f"\r{turn + 1} of {cuts} cuts", end="", file=sys.stderr, flush=True)
        return {"cuts": cuts, **answer}

    def of_store(self, cuts: int, name: str) -> dict[str, float]:
        """Cut so often while a store works; what happened."""
        answer = {"acknowledged": 0, "lost": 0, "cuts that lost some": 0, "unreadable or wrong": 0}
        for _ in range(cuts):
            shutil.rmtree(self._drive.place)
            self._drive.place.mkdir()
            worker = Worker(put_for_ever, self._drive.place, 0, name)
            worker.listen(60, "ready")
            told, _ = self.after(worker, 1.5)
            found = read_by_another(self._drive.place, name)
            acknowledged = {number for _, number, _ in told.plans}
            flying = {told.doing[1]} if told.doing else set()
            answer["acknowledged"] += len(acknowledged)
            if found is None or found - acknowledged - flying:
                answer["unreadable or wrong"] += 1
            elif lost := len(acknowledged - found):
                answer["lost"] += lost
                answer["cuts that lost some"] += 1
        return {"cuts": cuts, **answer}


def put_for_ever(mouth: Connection, place: Path, seed: int, *given: Any) -> None:
    """Put records into the store of that name until the power is cut."""
    store = STORES[given[0]](place)
    mouth.send_bytes(b"ready")
    number = 0
    while True:
        mouth.send_bytes(f"doing put {number} 0".encode())
        store.put(number)
        mouth.send_bytes(f"done {time.monotonic()}".encode())
        number += 1


def read_by_another(place: Path, name: str) -> set[int] | None:
    """The numbers that another process finds in the store; None if it cannot, or if one is not what was put."""
    command = [sys.executable, "-m", "tests.benchmarks.power_cuts", "--read", str(place), "--stores", name]
    try:
        return set(
            map(int, subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())
        )
    except subprocess.CalledProcessError as error:
        print(f"{name}: exit {error.returncode}: {error.stderr.strip()[-200:]}", file=sys.stderr)
    except subprocess.TimeoutExpired:
        print(f"{name}: it hangs", file=sys.stderr)
    return None


def _print(who: str, answer: dict[str, float]) -> None:
    print(f"\r{who}: " + ", ".join(f"{name}: {round(count, 3)}" for name, count in answer.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--durability", choices=DURABILITIES, help="only this; else each in turn")
    parser.add_argument("--stores", type=lambda text: text.split(","), default=[], help=", ".join(STORES))
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        print(*STORES[given.stores[0]](given.read).read())
        return
    if reason := missing():
        sys.exit(reason)
    with drive() as made:
        cuts = Cuts(made, given.seed)
        for name in given.stores:
            _print(name, cuts.of_store(given.cuts, name))
        if not given.stores:
            for durability in [given.durability] if given.durability else DURABILITIES:
                _print(durability, cuts.of_library(given.cuts, durability))


if __name__ == "__main__":
    main()
