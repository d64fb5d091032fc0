"""Eight processes use one library, one of them writing: no reader ever sees half of a change, or less than before.

    python -m tests.benchmarks.processes --minutes 5 --seed 0

The writer adds pairs of skills, uses, replaces and removes them, each in one batch, and with them, in the same batch,
a skill named "ledger" that tells how many changes there were and a digest of all pairs. It takes snapshots,
compacts, breaks batches off, forks, and is killed now and then and started again. The readers follow it:

    whole       the digest of a whole iteration is that of its ledger
    pair        both skills of a pair apply together, with the same uses, or neither
    forward     the ledger is never older than one seen before, nor than what was acknowledged before it was asked for
    held        an iteration begun before a new generation, and finished after it, is still whole
    forked      a forked child of writer or reader is refused

A second writer is refused with the holder's process id; after a kill the lock is free, and the next writer finds all.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ctypes import c_int64
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import numpy as np

from skillstore import LibraryClosedError, LibraryLockedError, Skill, SkillLibrary
from skillstore.local import storage, writer
from tests.benchmarks.workload import locked_since

_SPAWNS = multiprocessing.get_context("forkserver")
_PAIRS = 100  # at most
_ROOMS = 7


class TornError(Exception):
    """A reader saw what never was."""


def half(pair: int, side: str, version: int) -> Skill:
    """One skill of a pair."""
    vector = np.random.default_rng([pair, version]).normal(size=4)
    facts = {"room": pair % _ROOMS}
    return Skill(f"{pair}", facts, [side, version], vector, {"pad": "x" * (pair * 37 % 600)})


def digest(skills: Iterable[Skill]) -> int:
    """The same for the same pairs in the same state."""
    told = sorted((skill.name, *skill.action_sequence, skill.times_used, skill.success_count) for skill in skills)
    return zlib.crc32(repr(told).encode())


class Writing:
    """Changes pairs; `turn` counts the changes, and is in the ledger with the digest of what they led to."""

    def __init__(self, place: Path, seed: int, acknowledged: Synchronized[int]) -> None:
        storage._LONG_JOURNAL = 100_000  # so that snapshots also come by themselves
        writer.FRAME_TARGET = 1000  # type: ignore[attr-defined]  # so that a batch is more than one frame
        self._library = SkillLibrary.open(place, embedding_dim=4, same_skill=None)
        self._generator = np.random.default_rng(seed)
        self._acknowledged = acknowledged
        self._pairs: dict[int, list[int]] = {}
        for skill in self._library:
            if skill.name != "ledger":
                self._pairs.setdefault(int(skill.name), []).append(skill.id or 0)
        self._turn, self._ledger, self._next = 0, 0, 0
        if len(self._library):
            self._turn, self._ledger, _ = check_whole(list(self._library))
            self._next = int(self._library.notes["next"])
        if self._turn < acknowledged.value:
            raise TornError(f"{acknowledged.value} changes were acknowledged, and {self._turn} are there")

    def step(self) -> None:
        """One change, or a snapshot, a compaction or a batch that is broken off."""
        chance = self._generator.random()
        if chance < 0.02:
            self._library.snapshot()
        elif chance < 0.04:
            self._library.compact()
        elif chance < 0.06:
            with suppress(ZeroDivisionError):
                self._change(broken_off=True)
        else:
            self._change()

    def _change(self, broken_off: bool = False) -> None:
        turn, pairs, new = self._turn + 1, dict(self._pairs), self._next
        with self._library.batch():
            for _ in range(1 + int(self._generator.integers(20)) // 19 * 30):  # now and then many
                new = self._one(pairs, new, int(self._generator.integers(5)))
            everything = [skill for ids in pairs.values() for skill in map(self._library.get_skill, ids)]
            ledger = Skill("ledger", {"ledger": True}, [turn, digest(everything)], [1, 0, 0, 0])
            if self._ledger:
                self._library.replace_skill(self._ledger, ledger)
            else:
                self._ledger = self._library.add_skill(ledger).skill.id or 0
            self._library.notes["next"] = new
            self._library.notes["turn"] = turn
            if broken_off:
                raise ZeroDivisionError
        self._turn, self._pairs, self._next = turn, pairs, new
        self._acknowledged.value = turn

    def _one(self, pairs: dict[int, list[int]], new: int, what: int) -> int:
        """Change one pair, or add the pair `new`; the number of the next new one."""
        if what == 0 or len(pairs) < 3:
            pairs[new] = [self._library.add_skill(half(new, side, 0)).skill.id or 0 for side in ("left", "right")]
            new += 1
            what = 1 if len(pairs) > _PAIRS else 2
        pair = int(self._generator.choice(list(pairs)))
        version, success = int(self._generator.integers(2**31)), bool(self._generator.integers(2))
        for skill_id, side in zip(pairs[pair], ("left", "right"), strict=True):
            if what == 1:
                self._library.remove_skill(skill_id)
            elif what == 2:
                self._library.replace_skill(skill_id, half(pair, side, version))
            else:
                self._library.record_outcome(skill_id, success)
        if what == 1:
            del pairs[pair]
        return new

    def fork(self) -> None:
        check_fork(self._library)


def check_whole(skills: list[Skill]) -> tuple[int, int, int]:
    """(turn, id of the ledger, how many skills). Raises TornError unless the digest is that of the ledger."""
    ledgers = [skill for skill in skills if skill.name == "ledger"]
    pairs = [skill for skill in skills if skill.name != "ledger"]
    if len(ledgers) != 1 or len(pairs) % 2:
        raise TornError(f"{len(ledgers)} ledgers, {len(pairs)} halves of pairs")
    turn, told = ledgers[0].action_sequence
    if digest(pairs) != told:
        raise TornError(f"the ledger of change {turn} does not tell what is there")
    return turn, ledgers[0].id or 0, len(skills)


def check_fork(library: SkillLibrary) -> None:
    """A forked child must not be able to use the library."""
    child = os.fork()
    if not child:
        with suppress(LibraryClosedError):
            len(library)
            os._exit(3)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise TornError("a forked child could use the library")


class Reader:
    """Asks, and checks each answer."""

    def __init__(self, place: Path, seed: int, acknowledged: Synchronized[int]) -> None:
        self._library = SkillLibrary.open(place, mode="r")
        self._generator = np.random.default_rng(seed)
        self._acknowledged, self._seen = acknowledged, 0
        self._held: tuple[list[Skill], Iterator[Skill], int] | None = None
        self.checked: Counter[str] = Counter()

    def step(self) -> None:
        chance = self._generator.random()
        if chance < 0.3:
            self._whole()
        elif chance < 0.9:
            self._pair()
        elif chance < 0.998:
            self._hold()
        else:
            check_fork(self._library)
            self.checked["forked"] += 1

    def _whole(self) -> None:
        before = self._acknowledged.value
        turn, _, _ = check_whole(list(self._library))
        self._forward(turn, before)
        self.checked["whole"] += 1

    def _pair(self) -> None:
        before = self._acknowledged.value
        (ledger,) = self._library.retrieve_skills({"ledger": True, "room": -1}, top_k=1)
        self._forward(ledger.skill.action_sequence[0], before)
        room, query = int(self._generator.integers(_ROOMS)), self._generator.normal(size=4)
        found = [match.skill for match in self._library.retrieve_skills({"room": room}, query, top_k=10_000)]
        sides = Counter(
            (skill.name, skill.action_sequence[1], skill.times_used, skill.success_count) for skill in found
        )
        if set(sides.values()) - {2}:
            raise TornError(f"half a pair applies in room {room}")
        self.checked["pair"] += 1

    def _hold(self) -> None:
        """Begin an iteration, or finish the one begun if there is a new generation."""
        generation = int(self._library.get_stats()["generation"])
        if self._held is None:
            moment = iter(self._library)
            self._held = list(islice(moment, 5)), moment, generation
        elif self._held[2] != generation:
            check_whole([*self._held[0], *self._held[1]])
            self.checked["held"] += 1
            self._held = None

    def _forward(self, turn: int, acknowledged: int) -> None:
        if turn < max(self._seen, acknowledged):
            raise TornError(f"change {turn} is seen after {self._seen}, and {acknowledged} was acknowledged")
        self._seen = turn
        self.checked["forward"] += 1


def write(mouth: Connection, place: Path, seed: int, acknowledged: Synchronized[int]) -> None:
    """Until killed."""
    try:
        writing = Writing(place, seed, acknowledged)
        writing.step()
        mouth.send("ready")
        writing.fork()
        while True:
            writing.step()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        mouth.send(repr(error))


def read(mouth: Connection, place: Path, seed: int, acknowledged: Synchronized[int], end: float) -> None:
    """Until `end`, of time.monotonic(); then tell what was checked, or what was wrong."""
    try:
        reader = Reader(place, seed, acknowledged)
        while time.monotonic() < end:
            reader.step()
        mouth.send(dict(reader.checked))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        mouth.send(repr(error))


class Colony:
    """The processes around one library."""

    def __init__(self, place: Path, seed: int) -> None:
        self._place, self._seed = place, seed
        self.acknowledged = _SPAWNS.Value(c_int64, 0, lock=False)
        self.told: Counter[str] = Counter()
        self.locked = self.opened = 0.0  # seconds, at most, from a kill until the lock was free; and the library open

    def live(self, seconds: float, readers: int, between: float) -> None:
        """Let them work; kill the writer about every `between` seconds. Raises TornError."""
        generator = np.random.default_rng(self._seed)
        end = time.monotonic() + seconds
        writing, ears = self._writer(), []
        for number in range(readers):
            ears.append(self._start(read, self._seed + 1000 + number, end)[1])
        while time.monotonic() < end:
            if wait([writing[1], *ears], float(generator.uniform(0, 2 * between))):
                break  # one told something before its time: it is about what was wrong
            self._refused(writing[0].pid)
            writing = self._replaced(writing[0])
        for ear in [writing[1]] if writing[1].poll() else ears:
            self._hear(ear)
        writing[0].kill()

    def _start(self, work: Any, *given: Any) -> tuple[Any, Connection]:
        ear, mouth = _SPAWNS.Pipe(duplex=False)
        process = _SPAWNS.Process(target=work, args=(mouth, self._place, given[0], self.acknowledged, *given[1:]))
        process.daemon = True
        process.start()
        mouth.close()
        return process, ear

    def _writer(self) -> tuple[Any, Connection]:
        self._seed += 1
        process, ear = self._start(write, self._seed)
        if (told := ear.recv()) != "ready":
            raise TornError(told)
        return process, ear

    def _refused(self, holder: int) -> None:
        try:
            SkillLibrary.open(self._place).close()
        except LibraryLockedError as error:
            if re.search(rf"process {holder} ", str(error)):
                self.told["second writers refused"] += 1
                return
        raise TornError("a second writer was not refused with the holder's process id")

    def _replaced(self, process: Any) -> tuple[Any, Connection]:
        process.kill()
        moment = time.monotonic()
        self.locked = max(self.locked, locked_since(moment, self._place))
        SkillLibrary.open(self._place).close()
        self.opened = max(self.opened, time.monotonic() - moment)
        self.told["writers killed"] += 1
        return self._writer()

    def _hear(self, ear: Connection) -> None:
        told = ear.recv()
        if isinstance(told, str):
            raise TornError(told)
        self.told.update(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        colony = Colony(Path(directory) / "skills", given.seed)
        colony.live(60 * given.minutes, readers=7, between=5)
    print(f"changes acknowledged: {colony.acknowledged.value}, torn: 0, lost: 0, backwards: 0")
    print(", ".join(f"{name}: {number}" for name, number in sorted(colony.told.items())))
    print(f"longest from a kill until the lock was free: {colony.locked:.3f} s; recovered: {colony.opened:.3f} s")


if __name__ == "__main__":
    main()
