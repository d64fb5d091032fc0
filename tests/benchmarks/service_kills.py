"""Kill the server with SIGKILL while many connections ask it: what it acknowledged is there, each change once.

    python -m tests.benchmarks.service_kills --kills 50 --skills 20000 --connections 64 --writes 0.5 --seed 0

Half of the writes add a skill of their own, half record the use of one that was added; each has an idempotency key, and
comes again under it, to the next server, until it is acknowledged. After each kill the directory is read: every
acknowledged skill is there once, and every use counted once; of what was not yet acknowledged, some are there, none
twice. At the end everything was acknowledged, and all of it is there exactly once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skillstore import SkillLibrary
from skillstore.bench.workload import Workload
from tests.benchmarks import connections
from tests.benchmarks.connections import Asked, request
from tests.benchmarks.load import LIBRARY, filled, reads_of
from tests.remote.served import Forked

_ANSWERS = (1, 400)  # after which a server is killed


class Writes:
    """What all connections ask, over all lives of the server, and what was acknowledged."""

    def __init__(self, work: Workload, share: float, host: str, seed: int) -> None:
        self._reads, self._share, self._host = reads_of(work, host, 500), share, host
        self._generator = np.random.default_rng(seed)
        self._again: deque[Asked] = deque()
        self.made, self.reads, self.repeated = 0, 0, 0
        self.added: dict[int, int] = {}  # number -> id
        self.uses: Counter[int] = Counter()  # id -> acknowledged
        self.open_uses: Counter[int] = Counter()  # id -> asked for, not yet acknowledged
        self.ending = False
        self.left = 0  # answers until the server is killed
        self.kill: Callable[[], object] = lambda: None

    def next(self) -> Asked | None:
        if self._again:
            self.repeated += 1
            return self._again.popleft()
        if self.ending:
            return None
        if self._generator.random() >= self._share:
            return Asked("read", self._reads[self._generator.integers(len(self._reads))])
        self.made += 1
        if self.made % 2 or not self.added:
            return Asked("add", self._add(self.made), self.made)
        skill_id = list(self.added.values())[-1 - int(self._generator.integers(min(50, len(self.added))))]
        self.open_uses[skill_id] += 1
        form, key = {"success": True}, f"kill-{self.made}"
        path = f"{LIBRARY}/skills/{skill_id}/outcomes"
        return Asked("use", request("POST", path, self._host, form, idempotency_key=key), skill_id)

    def answered(self, asked: Asked, status: int, body: bytes, _seconds: float) -> None:
        self._take(asked, status, body)
        self.left -= 1
        if self.left == 0:
            self.kill()

    def _take(self, asked: Asked, status: int, body: bytes) -> None:
        if status == 503:  # the library is being opened
            self.lost(asked)
            return
        assert status in (200, 201), (asked.kind, status, body[:300])
        if asked.kind == "read":
            self.reads += 1
        elif asked.kind == "add":
            self.added[asked.about] = json.loads(body)["id"]
        else:
            self.open_uses[asked.about] -= 1
            self.uses[asked.about] += 1

    def lost(self, asked: Asked) -> None:
        if asked.kind != "read":
            self._again.append(asked)

    def _add(self, number: int) -> bytes:
        vector = np.random.default_rng(number).normal(size=self.dim).tolist()
        form = {"name": "s", "preconditions": {"n": number % 50}, "action_sequence": ["a"], "embedding": vector,
                "metadata": {"n": number}}  # fmt: skip
        return request("POST", f"{LIBRARY}/skills", self._host, form, idempotency_key=f"kill-{number}")

    dim = 0

    def check(self, place: Path, skills: int) -> int:
        """Read the directory. How many were there before they were acknowledged. Raises AssertionError."""
        with SkillLibrary.open(place, mode="r") as library:
            found: dict[int, Any] = {}
            for skill in library.skills(after=skills):
                number = skill.metadata["n"]
                assert number not in found, f"number {number} is there twice"
                found[number] = skill
        for number, skill_id in self.added.items():
            assert number in found, f"number {number} was acknowledged and is lost"
            skill = found[number]
            assert skill.id == skill_id
            assert skill.times_learned == 1
            most = self.uses[skill_id] + self.open_uses[skill_id]
            assert self.uses[skill_id] <= skill.times_used <= most, (number, skill.times_used, most)
        return len(found) - len(self.added)


async def _life(source: Writes, count: int, host: str) -> None:
    """All connections, until the server is killed, or nothing is left to be acknowledged."""
    name, port = host.split(":")
    asking = (connections.connect(source, name, int(port)) for _ in range(count))
    for ended in await asyncio.gather(*asking, return_exceptions=True):
        if ended is not None and not isinstance(ended, OSError):
            raise ended


def survive(directory: Path, kills: int, skills: int, count: int, share: float, seed: int) -> dict[str, int]:
    """Kill that many servers. What happened. Raises AssertionError as soon as anything is lost or there twice."""
    work, generator = Workload(skills, 16), np.random.default_rng(seed)
    filled(directory, work)
    servers, port, early = Forked(), 0, 0
    source: Writes | None = None
    for turn in range(kills + 1):
        with servers.served(directory, port) as (address, process):
            host = address.removeprefix("http://")
            port = int(host.rpartition(":")[2])
            if source is None:
                source = Writes(work, share, host, seed)
                source.dim = work.dim
            source.ending = turn == kills
            source.left, source.kill = 0 if source.ending else int(generator.integers(*_ANSWERS)), process.kill
            connections.run(_life(source, count, host))
        early += source.check(directory / "home", skills)
        print(f"\r{turn} of {kills} kills, {len(source.added)} added", end="", file=sys.stderr, flush=True)
    assert source is not None
    assert not +source.open_uses
    return {
        "kills": kills, "reads": source.reads, "skills added": len(source.added), "uses": source.uses.total(),
        "repeated": source.repeated, "there before they were acknowledged": early,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("kills", 50), ("skills", 20_000), ("connections", 64), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--writes", type=float, default=0.5, help="the share of writes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        told = survive(Path(directory), given.kills, given.skills, given.connections, given.writes, given.seed)
    print("\n" + ", ".join(f"{name}: {count}" for name, count in told.items()) + "; lost: 0, twice: 0")


if __name__ == "__main__":
    main()
