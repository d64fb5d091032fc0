"""Load: many connections ask one server, 95 % reads and 5 % durable writes: throughput, latencies, errors, memory.

    python -m tests.benchmarks.load --skills 100000 --dim 128 --connections 64 --seconds 300 --peer qdrant

Reads retrieve 3 skills by state and embedding; half of the writes add a skill, half record an outcome, each durable
before it is answered, under an idempotency key. The server is one process of its own; all connections are in this one,
which takes its share of the processors. A peer of `skillstore bench` keeps the same vectors, is behind the same HTTP
server software and asked the same reads by the same loop; it is spared writes, and skills to decode.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from array import array
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from skillstore import SkillLibrary
from skillstore.bench.workload import Workload
from skillstore.forms import packed, skill_form
from tests.benchmarks import connections, peer_served, watched
from tests.benchmarks.connections import Asked, request
from tests.remote.served import served

LIBRARY = "/v1/libraries/home"


class Mixed:
    """What one run asks, shared by all its connections, and what came of it."""

    def __init__(self, reads: list[bytes], writes: float, work: Workload, host: str, seconds: float) -> None:
        self._reads, self._writes, self._host = reads, writes, host
        self._new = cycle(work.later(5_000) if writes else [])
        self._work, self._generator = work, np.random.default_rng(1)
        self._made = 0
        self.taken: dict[str, array[float]] = {"read": array("d"), "write": array("d")}
        self.statuses: Counter[int] = Counter()
        self.losses = 0
        self.until = time.perf_counter() + seconds

    def next(self) -> Asked | None:
        if time.perf_counter() > self.until:
            return None
        if self._generator.random() >= self._writes:
            return Asked("read", self._reads[self._generator.integers(len(self._reads))])
        return Asked("write", self._write())

    def _write(self) -> bytes:
        self._made += 1
        key = {"idempotency_key": f"load-{self._made}"}
        if self._made % 2:
            found = int(self._generator.integers(1, self._work.count + 1))
            return request("POST", f"{LIBRARY}/skills/{found}/outcomes", self._host, {"success": True}, **key)
        form = skill_form(next(self._new), pack=True)
        del form["id"]
        return request("POST", f"{LIBRARY}/skills", self._host, form, **key)

    def answered(self, asked: Asked, status: int, _body: bytes, seconds: float) -> None:
        self.taken[asked.kind].append(seconds)
        self.statuses[status] += 1

    def lost(self, _asked: Asked) -> None:
        self.losses += 1


async def _loaded(source: Mixed, host: str, count: int, process: int) -> list[float]:
    """MiB of the server, ten times in the run."""
    name, port = host.split(":")
    running = asyncio.gather(*(connections.connect(source, name, int(port)) for _ in range(count)))
    kept = [watched.resident(process)]
    pause = (source.until - time.perf_counter()) / 10
    while not running.done():
        await asyncio.wait([running], timeout=pause)
        kept.append(watched.resident(process))
    await running
    return kept


def reads_of(work: Workload, host: str, count: int = 5_000) -> list[bytes]:
    """Requests to retrieve."""
    return [
        request("POST", f"{LIBRARY}/retrieve", host, {"state": q.state, "k": 3, "embedding": packed(q.embedding)})
        for q in work.questions(count)
    ]


def measure(address: str, process: int, work: Workload, count: int, seconds: float, writes: float) -> dict[str, Any]:
    """Figures of one run."""
    host = address.removeprefix("http://")
    reads = reads_of(work, host)
    warm = Mixed(reads, 0.0, work, host, min(2.0, seconds / 5))
    connections.run(_loaded(warm, host, count, process))
    source = Mixed(reads, writes, work, host, seconds)
    before, start = watched.cpu(process), time.perf_counter()
    kept = connections.run(_loaded(source, host, count, process))
    elapsed, used = time.perf_counter() - start, watched.cpu(process) - before
    answers = sum(len(times) for times in source.taken.values())
    told: dict[str, Any] = {
        "answers a second": answers / elapsed,
        "errors": source.losses + sum(n for status, n in source.statuses.items() if status >= 400),
        "server's CPU an answer, ms": 1000 * used / max(1, answers),
        "memory, MiB": " ".join(f"{mebibytes:.0f}" for mebibytes in kept),
    }
    for kind, times in source.taken.items():
        if times:
            p50, p99 = 1000 * np.percentile(np.array(times), [50, 99])
            told[f"{kind}s"] = f"{len(times)}, p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {1000 * max(times):.0f} ms"
    return told


def filled(place: Path, work: Workload) -> None:
    """The library `home` of a service at `place`, with all skills of the workload."""
    with SkillLibrary.open(place / "home", embedding_dim=work.dim, same_skill=None, durability="os") as library:
        library.add_skills(work.skills())
        library.settle()
        library.snapshot()


def show(name: str, told: dict[str, Any]) -> None:
    print(f"{name}:")
    for what, figure in told.items():
        print(f"  {what:28}{figure if isinstance(figure, str) else round(figure, 3)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("skills", 100_000), ("dim", 128), ("connections", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--writes", type=float, default=0.05, help="the share of writes")
    parser.add_argument("--peer", action="append", default=[], help="a peer of skillstore bench to measure beside it")
    given = parser.parse_args()
    work = Workload(given.skills, given.dim)
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "all").mkdir()
        filled(Path(place) / "all", work)
        with served(Path(place) / "all") as (address, process):
            told = measure(address, process.pid, work, given.connections, given.seconds, given.writes)
            with SkillLibrary.open(f"{address}/home", mode="r") as library:
                told["skills at the end"] = str(len(library))
        show(f"skillstore, {given.skills} x {given.dim}, {given.connections} connections", told)
        for peer in given.peer:
            with peer_served.served(peer, Path(place), work) as (address, pid):
                show(f"{peer}, reads only", measure(address, pid, work, given.connections, given.seconds, 0.0))


if __name__ == "__main__":
    main()
