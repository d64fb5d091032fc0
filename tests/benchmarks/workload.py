"""Workload: a process that changes a library without end and tells of each change, so that it can be killed at will.

Before a change it says what it is about to do, after it that it is acknowledged. So whoever listens knows at any moment
what must be in the library: all acknowledged changes, and the one in flight whole or absent.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from skillstore import LibraryLockedError, Skill, SkillLibrary
from skillstore.local import storage, writer
from skillstore.local.directory import WriterLock
from skillstore.local.files import Files
from tests.skillstore.scan import Scan

Plan = tuple[str, int, int]
"""(what, seed of its content, id it is about)."""

KINDS = ["add"] * 12 + ["outcome"] * 6 + ["remove"] * 3 + ["batch"] * 3 + ["snapshot", "compact"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.benchmarks.workload", "skillstore.local.opening", "faiss"])


Durability = Literal["full", "interval", "os"]


class Work(Protocol):
    """What a process does until it is killed; it tells of it through `mouth`."""

    def __call__(self, mouth: Connection, place: Path, seed: int, *given: Any) -> None: ...


@dataclass
class Told:
    """What a worker said before it died: acknowledged changes with the time of each, and what it was at."""

    plans: list[Plan] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    doing: Plan | None = None
    phase: str = "starting"

    def hear(self, line: str) -> None:
        word, *rest = line.split()
        if word == "doing":
            self.doing = (rest[0], int(rest[1]), int(rest[2]))
            self.phase = rest[0]
        elif word == "done" and self.doing is not None:
            self.plans.append(self.doing)
            self.times.append(float(rest[0]))
            self.doing, self.phase = None, "between"
        elif word == "failed":
            raise RuntimeError(f"the worker stopped by itself: {' '.join(rest)}")
        else:
            self.phase = word


class Worker:
    """A process of its own, forked from one that has loaded everything, so that it starts at once."""

    def __init__(self, work: Work, place: Path, seed: int, *given: Any) -> None:
        self._ear, mouth = _FORKS.Pipe(duplex=False)
        self.told = Told()
        self.process = _FORKS.Process(target=_told, args=(work, mouth, place, seed, *given), daemon=True)
        self.process.start()
        mouth.close()

    def listen(self, seconds: float, phase: str | None = None) -> bool:
        """Listen for so long, or until it comes to `phase`; whether it did. Raises RuntimeError if it failed."""
        end = time.monotonic() + seconds
        while self.told.phase != phase:
            try:
                if not self._ear.poll(max(0.0, end - time.monotonic())):
                    return False
                self.told.hear(self._ear.recv_bytes().decode())
            except (EOFError, OSError):  # it is dead; what it said in part was never said
                return False
        return True

    def kill(self) -> float:
        """SIGKILL, now; the moment. `told` is complete on return, and the process may not be gone yet."""
        self.process.kill()
        moment = time.monotonic()
        self.listen(60)
        return moment

    def stop(self) -> None:
        """Let it do nothing more, as without power: a call of the kernel may still end, but nobody hears of it."""
        if self.process.pid is not None:
            os.kill(self.process.pid, signal.SIGSTOP)

    def last_words(self) -> None:
        """Kill it, whether or not it failed meanwhile, and wait until it is gone."""
        with suppress(RuntimeError):
            self.kill()
        self.bury()

    def bury(self) -> None:
        """Wait until it is gone."""
        self.process.join()
        self._ear.close()


def _told(work: Work, mouth: Connection, place: Path, seed: int, *given: Any) -> None:
    try:
        work(mouth, place, seed, *given)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        mouth.send_bytes(f"failed {error!r}".encode())


def skill_for(seed: int) -> Skill:
    """The skill that a change with this seed adds: every field tells the seed."""
    embedding = np.random.default_rng(seed).normal(size=4)
    return Skill(f"s{seed}", {"n": seed % 7}, ["a", seed], embedding, {"pad": "x" * (seed % 900)})


def change(library: SkillLibrary | Scan, plan: Plan) -> None:
    """Do what is planned, to a library or to a scan."""
    what, seed, skill_id = plan
    if isinstance(library, Scan):
        _scan(library, what, seed, skill_id)
    elif what == "add":
        library.add_skill(skill_for(seed))
    elif what == "outcome":
        library.record_outcome(skill_id, bool(seed % 2))
    elif what == "remove":
        library.remove_skill(skill_id)
    elif what == "batch":
        with library.batch():
            library.add_skills(skill_for(seed + place) for place in range(seed % 60))
            library.record_outcome(skill_id, True)
            library.notes["turn"] = seed
    elif what == "snapshot":
        library.snapshot()
    else:
        library.compact()


def _scan(scan: Scan, what: str, seed: int, skill_id: int) -> None:
    if what in ("add", "batch"):
        for place in range(seed % 60 if what == "batch" else 1):
            scan.add(skill_for(seed + place))
    if what in ("outcome", "batch"):
        scan.outcome(skill_id, what == "batch" or bool(seed % 2))
    if what == "remove":
        del scan.skills[skill_id]
    if what == "batch":
        scan.notes["turn"] = seed


def change_for_ever(mouth: Connection, place: Path, seed: int, durability: Durability = "full") -> None:
    """Open the library and change it until killed."""
    generator = np.random.default_rng(seed)
    storage._LONG_JOURNAL = 200_000  # so that snapshots also come by themselves
    writer.FRAME_TARGET = 2000  # type: ignore[attr-defined]  # so that a batch is more than one frame
    mouth.send_bytes(b"opening")
    library = SkillLibrary.open(place, embedding_dim=4, same_skill=None, durability=durability)
    ids = [skill.id or 0 for skill in library]
    mouth.send_bytes(b"ready")
    while True:
        what = "add" if len(ids) < 3 else str(generator.choice(KINDS))
        if durability != "full" and what in ("snapshot", "compact") and generator.random() < 0.98:
            continue  # they make everything before them durable: often, they would hide what is not
        skill_id = ids[int(generator.integers(len(ids)))] if ids else 0
        plan = (what, int(generator.integers(10**6)), skill_id)
        mouth.send_bytes(f"doing {what} {plan[1]} {skill_id}".encode())
        before = library._backend._table.staging.next_id  # type: ignore[union-attr]
        change(library, plan)
        mouth.send_bytes(f"done {time.monotonic()}".encode())
        ids += range(before, library._backend._table.staging.next_id)  # type: ignore[union-attr]
        if what == "remove":
            ids.remove(skill_id)


def locked_since(moment: float, place: Path) -> float:
    """Seconds from `moment` until another process has the lock."""
    lock = WriterLock(Files(place))
    while place.is_dir():
        try:
            lock.acquire()
            lock.release()
            break
        except LibraryLockedError:
            time.sleep(0.0005)
    return time.monotonic() - moment
