"""What a read over HTTP costs beside the same read in the process: CPU of server and client, in pairs of one run.

    python -m tests.benchmarks.service --skills 100000 --dim 128 --pairs 20 --reads 200 [--inside]

Each pair asks the same questions in this process and of a server, in an order that alternates; what is printed are the
medians of the pairs, and the lowest and highest. The server's CPU is that of all its threads, as Linux counts it in
nanoseconds; its overhead is that less what the same reads take in the process.

A server waits for its client between two reads, and finds its caches cold: the same call in a loop takes half the time
or less. So reads in this process wait as long, for a *bare* server: the same software, which reads a body and answers
as many bytes, with nothing behind it. What is left of the overhead over it is the service's own.

With --inside the server's protocol, application and library are in this process, given the bytes of requests and taken
those of answers: all the server does but its system calls, in a loop.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from uvicorn.server import ServerState

from skillstore import SkillLibrary
from skillstore.bench.workload import Question, Workload
from skillstore.embedding import unit
from skillstore.forms import packed
from skillstore.service.http.app import application
from skillstore.service.http.hosts import Hosts
from skillstore.service.http.server import _Protocol as server_protocol
from skillstore.service.service import Service
from tests.benchmarks import connections, watched
from tests.benchmarks.bare import bare
from tests.benchmarks.connections import request
from tests.benchmarks.load import LIBRARY, filled
from tests.remote.served import served

_LENGTH = re.compile(rb"content-length: ([0-9]+)")
NAMES = (
    "in the process, CPU", "server, CPU", "server's overhead, CPU", "bare server, CPU", "overhead over bare, CPU",
    "client, CPU", "over HTTP, elapsed",
)  # fmt: skip
_ANSWER = 900  # bytes, about as many as three skills take


class Asked(NamedTuple):
    """Three that are asked the same: a library in this process, that of a server, and the bare one."""

    local: SkillLibrary
    remote: SkillLibrary
    server: int
    bare: Callable[[Any], object]
    bare_server: int


def measured(asked: Asked, questions: list[Question], pairs: int,
             ask: Callable[[SkillLibrary, Question], object]) -> list[tuple[float, ...]]:  # fmt: skip
    """One line for each pair: milliseconds a read, as in NAMES."""
    for library in (asked.local, asked.remote):
        for question in questions:
            ask(library, question)
    return [_pair(asked, questions, ask, bool(turn % 2)) for turn in range(pairs)]


def _pair(asked: Asked, questions: list[Question],
          ask: Callable[[SkillLibrary, Question], object], turned: bool) -> tuple[float, ...]:  # fmt: skip
    taken: dict[str, float] = {}
    for way in (_over_http, _in_process) if turned else (_in_process, _over_http):
        taken |= way(asked, questions, ask)
    inside, at_bare = taken["inside"], taken["bare"]
    over, each = taken["server"] - inside, 1000 / len(questions)
    figures = (inside, taken["server"], over, at_bare, over - at_bare, taken["client"], taken["elapsed"])
    return tuple(each * seconds for seconds in figures)


def _in_process(
    asked: Asked, questions: list[Question], ask: Callable[[SkillLibrary, Question], object]
) -> dict[str, float]:
    inside, before = 0.0, watched.cpu(asked.bare_server)
    for question in questions:
        start = time.thread_time()
        ask(asked.local, question)
        inside += time.thread_time() - start
        asked.bare(_form(question))
    return {"inside": inside, "bare": watched.cpu(asked.bare_server) - before}


def _over_http(
    asked: Asked, questions: list[Question], ask: Callable[[SkillLibrary, Question], object]
) -> dict[str, float]:
    before, own, start = watched.cpu(asked.server), time.process_time(), time.perf_counter()
    for question in questions:
        ask(asked.remote, question)
    elapsed, client = time.perf_counter() - start, time.process_time() - own
    return {"server": watched.cpu(asked.server) - before, "client": client, "elapsed": elapsed}


@contextmanager
def libraries(skills: int, dim: int) -> Iterator[tuple[Asked, Workload]]:
    """The same library in this process and of a server, and the bare server."""
    work = Workload(skills, dim)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "all" / "home"
        home.parent.mkdir()
        filled(home.parent, work)
        shutil.copytree(home, Path(place) / "copy")
        with (
            SkillLibrary.open(Path(place) / "copy") as local,
            served(home.parent) as (address, process),
            SkillLibrary.open(f"{address}/home") as remote,
            bare(_ANSWER) as (nothing, bare_server),
        ):
            yield Asked(local, remote, process.pid, nothing, bare_server), work


def kinds(k: int) -> dict[str, Callable[[SkillLibrary, Any], object]]:
    """What is asked."""
    return {
        f"retrieve {k} by embedding": lambda library, q: library.retrieve_skills(q.state, q.embedding, k),
        f"retrieve {k} by outcomes": lambda library, q: library.retrieve_skills(q.state, None, k),
        "get one": lambda library, q: library.get_skill(_some(q)),
    }


class Wireless:
    """The server of a directory, as bytes in and bytes out."""

    def __init__(self, service: Service) -> None:
        app = application(service, Hosts.of("127.0.0.1", 1))
        config = uvicorn.Config(app, http=server_protocol, ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        made: Any = server_protocol(config=config, server_state=ServerState(), app_state={})
        self._protocol = made
        self._got = bytearray()
        self._protocol.connection_made(self)

    async def ask(self, data: bytes) -> bytes:
        """The answer, when all of it is there."""
        self._got.clear()
        self._whole = asyncio.get_running_loop().create_future()
        self._protocol.data_received(data)
        end = await self._whole
        assert self._got.startswith(b"HTTP/1.1 200"), self._got
        return bytes(self._got[end:])

    # what a protocol asks of its transport

    def write(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n") + 4
        if end > 3 and len(self._got) == end + int(_LENGTH.search(self._got)[1]):  # type: ignore[index]
            self._whole.set_result(end)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    pause_reading = resume_reading = close


async def inside(
    directory: Path, questions: list[Question], pairs: int, k: int
) -> dict[str, list[tuple[float, float]]]:
    """For each kind of read, milliseconds of CPU a read of each pair: (in the process, by HTTP)."""
    told: dict[str, list[tuple[float, float]]] = {}
    with Service(directory) as service:
        wireless, library = Wireless(service), service.libraries.get("home")
        for kind, ask in kinds(k).items():
            requests = [_request(kind, question, k) for question in questions]
            told[kind] = []
            for turn in range(pairs + 2):
                start = time.process_time()
                for question in questions:
                    ask(library, question)
                between = time.process_time()
                for data in requests:
                    await wireless.ask(data)
                if turn > 1:  # warm by then
                    each = 1000 / len(questions)
                    told[kind].append((each * (between - start), each * (time.process_time() - between)))
    return told


def _request(kind: str, question: Question, k: int) -> bytes:
    if kind == "get one":
        return request("GET", f"{LIBRARY}/skills/{_some(question)}?embeddings=base64", "127.0.0.1:1")
    form = _form(question, k)
    if "embedding" not in kind:
        del form["embedding"]
    return request("POST", f"{LIBRARY}/retrieve", "127.0.0.1:1", form)


def _form(question: Question, k: int = 3) -> dict[str, Any]:
    embedding = packed(unit(question.embedding))
    return {"state": question.state, "k": k, "embeddings": "base64", "embedding": embedding}


def _some(question: Question) -> int:
    return 1 + sum(map(ord, str(question.state))) % 1000


def tell_inside(told: dict[str, list[tuple[float, float]]]) -> None:
    for kind, pairs in told.items():
        print(f"{kind}: ms of CPU a read, median (lowest) of {len(pairs)} pairs, the server without its system calls")
        inner, over_http = (list(column) for column in zip(*pairs, strict=True))
        overhead = [b - a for a, b in pairs]
        for name, column in (("in the process", inner), ("over HTTP", over_http), ("overhead", overhead)):
            print(f"  {name:24} {statistics.median(column):7.3f}  ({min(column):.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("skills", 100_000), ("dim", 128), ("pairs", 20), ("reads", 200), ("k", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--inside", action="store_true", help="the server in this process, without its sockets")
    given = parser.parse_args()
    if given.inside:
        work = Workload(given.skills, given.dim)
        with tempfile.TemporaryDirectory() as place:
            filled(Path(place), work)
            asked = inside(Path(place), work.questions(given.reads), given.pairs, given.k)
            tell_inside(connections.run(asked))
        return
    with libraries(given.skills, given.dim) as (asked_of, work):
        questions = work.questions(given.reads)
        for kind, ask in kinds(given.k).items():
            lines = measured(asked_of, questions, given.pairs, ask)
            print(
                f"{kind} of {given.skills} x {given.dim}: ms a read, median (lowest to highest) of {given.pairs} pairs"
            )
            for name, column in zip(NAMES, zip(*lines, strict=True), strict=True):
                print(f"  {name:24} {statistics.median(column):7.3f}  ({min(column):.3f} to {max(column):.3f})")


if __name__ == "__main__":
    main()
