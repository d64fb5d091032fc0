"""Random operations over two libraries of one server, each with a key of its own: nothing of one is seen by the other.

    python -m tests.benchmarks.service_leaks --operations 100000 --seed 0 --inside

Each key's operations run in a thread of their own, over HTTP, and are compared one by one with the same on a library in
memory; every so often a key asks for the other's library, in every way there is, and has to be told that there is no
such library, in the very words in which it is told of one that never was. With --inside the server is in this process,
and all of it is asked but its sockets, which is faster by far.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from skillstore import Skill, SkillLibrary, SkillStoreError
from skillstore.forms import skill_form
from skillstore.service.http.app import application
from skillstore.service.http.hosts import Hosts
from skillstore.service.http.ways import WAYS
from skillstore.service.keys import Keys
from skillstore.service.service import Service
from tests.remote.inside import Inside
from tests.remote.served import served

DIM = 4
NAMES = ("first", "second")


class Twins:
    """One library over HTTP, one in memory, asked the same; `mark` is in all that is put into them."""

    def __init__(self, address: str, name: str, key: str, seed: int) -> None:
        self.remote = SkillLibrary.open(f"{address}/{name}", key=key, durability="full")
        self.memory = SkillLibrary(DIM)
        self.mark = name
        self._generator = np.random.default_rng([seed, NAMES.index(name)])
        self.done: Counter[str] = Counter()

    def step(self) -> None:
        """One operation on both, compared. Raises AssertionError."""
        kinds = [getattr(self, name) for name in dir(self) if name.startswith("do_")]
        chosen = kinds[self._generator.integers(len(kinds))]
        operation: Callable[[SkillLibrary], Any] = chosen()
        answers = [_told(operation, library) for library in (self.remote, self.memory)]
        assert answers[0] == answers[1], (chosen.__name__, answers)
        self.done[chosen.__name__] += 1

    def check(self) -> None:
        """All of both is the same, and nothing in it is another's."""
        kept = [[skill_form(skill) for skill in library] for library in (self.remote, self.memory)]
        assert kept[0] == kept[1]
        assert {form["metadata"]["of"] for form in kept[0]} <= {self.mark}
        assert dict(self.remote.notes) == dict(self.memory.notes)

    def do_add(self) -> Any:
        skill = self._skill()
        return lambda library: _added(library.add_skill(skill))

    def do_add_many(self) -> Any:
        skills = [self._skill() for _ in range(self._generator.integers(4))]
        return lambda library: [_added(added) for added in library.add_skills(skills)]

    def do_batch(self) -> Any:
        skills, keep = [self._skill() for _ in range(2)], bool(self._generator.integers(2))

        def batch(library: SkillLibrary) -> Any:
            with library.batch():
                added = [_added(library.add_skill(skill)) for skill in skills]
                library.notes["batch"] = len(added)
                if not keep:
                    raise InterruptedError
            return added

        return batch

    def do_once(self) -> Any:
        name = f"request {self.done['do_once'] // 25}"  # soon again: over HTTP 10,000 *changes* later it is forgotten
        skill = self._skill()
        return lambda library: library.once(name, lambda: library.add_skill(skill).skill.id)

    def do_retrieve(self) -> Any:
        state, query = self._state(), self._query()
        return lambda library: [
            (skill_form(match.skill), match.similarity) for match in library.retrieve_skills(state, query, top_k=5)
        ]

    do_retrieve_more = do_retrieve

    def do_why_not(self) -> Any:
        state, query = self._state(), self._query()
        return lambda library: [
            (miss.skill.id, miss.similarity, miss.unmet) for miss in library.why_not(state, query, top_k=3)
        ]

    def do_outcome(self) -> Any:
        skill_id, success = self._id(), bool(self._generator.integers(2))
        return lambda library: library.record_outcome(skill_id, success)

    def do_get(self) -> Any:
        skill_id = self._id()
        return lambda library: skill_form(library.get_skill(skill_id))

    def do_replace(self) -> Any:
        skill_id, skill = self._id(), self._skill()
        return lambda library: skill_form(library.replace_skill(skill_id, skill))

    def do_remove(self) -> Any:
        skill_id = self._id()
        return lambda library: library.remove_skill(skill_id)

    def do_note(self) -> Any:
        key, value = f"note {self._generator.integers(9)}", [int(self._generator.integers(99)), self.mark]
        return lambda library: library.notes.update({key: value})

    def do_forget_note(self) -> Any:
        key = f"note {self._generator.integers(9)}"
        return lambda library: library.notes.pop(key)

    def do_list(self) -> Any:
        after = max(0, len(self.memory) - int(self._generator.integers(200)))
        return lambda library: ([kept.id for kept in library.skills(after)][:9], len(library), list(library.notes))

    def do_stats(self) -> Any:
        names = ("total_skills", "total_uses", "total_successes", "merged", "precondition_sets")
        return lambda library: [library.get_stats()[name] for name in names]

    def _skill(self) -> Skill:
        facts = {f"fact{fact}": int(self._generator.integers(3)) for fact in self._generator.integers(5, size=2)}
        actions = [f"{self.mark} {self._generator.integers(4)}"]
        vector = self._generator.normal(size=DIM)
        return Skill(f"{self.mark} {self._generator.integers(1000)}", facts, actions, vector, {"of": self.mark})

    def _state(self) -> dict[str, Any]:
        return {f"fact{fact}": int(self._generator.integers(3)) for fact in range(5)}

    def _query(self) -> Any:
        return self._generator.normal(size=DIM) if self._generator.integers(4) else None

    def _id(self) -> int:
        return int(self._generator.integers(1, 2 + self.done["do_add"] + self.done["do_add_many"]))


def _added(added: Any) -> Any:
    return skill_form(added.skill), added.created, added.similarity


def _told(operation: Callable[[SkillLibrary], Any], library: SkillLibrary) -> Any:
    """The answer, or which error; words may differ."""
    try:
        return operation(library)
    except (SkillStoreError, KeyError, InterruptedError) as error:
        return type(error).__name__


def trespass(address: str, key: str, other: str, client: httpx.Client) -> int:
    """Ask for `other` in every way; how often. Raises AssertionError where the answer tells that it is there."""
    asked = 0
    for way in WAYS:
        if "{library}" not in way.path:
            continue
        told = []
        for name in (other, "never-was"):
            path = way.path.replace(":path", "").format(library=name, id="1", key="note 1", batch="0" * 32)
            answer = client.request(way.method, f"{address}{path}", json={} if way.body is not None else None,
                                    headers={"authorization": f"Bearer {key}"})  # fmt: skip
            told.append((answer.status_code, answer.json()["type"], answer.json()["detail"].replace(name, "")))
        assert told[0] == told[1], (way, told)
        assert told[0][0] == (403 if way.name == "delete_library" else 404), (way, told)
        asked += 1
    listed = client.get(f"{address}/v1/libraries", headers={"authorization": f"Bearer {key}"}).json()["libraries"]
    assert [library["name"] for library in listed] == [name for name in NAMES if name != other]
    return asked + 1


@contextmanager
def _serving(directory: Path, inside: bool) -> Iterator[tuple[str, httpx.Client]]:
    """Its address, and a client to ask it with."""
    if not inside:
        with served(directory) as (address, _), httpx.Client() as client:
            yield address, client
        return
    address, real = "http://127.0.0.1:1", httpx.HTTPTransport
    with Service(directory) as service:
        transport = Inside(application(service, Hosts.of("127.0.0.1", 1)))
        httpx.HTTPTransport = lambda **_given: transport  # type: ignore[assignment, misc]
        try:
            yield address, httpx.Client(transport=transport)
        finally:
            httpx.HTTPTransport = real  # type: ignore[misc]


def run(directory: Path, operations: int, seed: int, trespasses: int = 20, inside: bool = False,
        seconds: float = 1e9, tell: Callable[[str], object] = lambda _: None) -> dict[str, int]:  # fmt: skip
    """What was done, in that time at most; `tell` hears how far it is. Raises AssertionError where they differ."""
    until = time.monotonic() + seconds
    keys = [Keys(directory).add(name, "write", [name])[1] for name in NAMES]
    admin = Keys(directory).add("admin", "admin", None)[1]
    failures: list[BaseException] = []
    lives: list[Twins] = []
    counts: Counter[str] = Counter()
    with _serving(directory, inside) as (address, client):
        for name in NAMES:
            SkillLibrary.open(f"{address}/{name}", embedding_dim=DIM, key=admin).close()

        def live(name: str, key: str, other: str) -> None:
            try:
                twins = Twins(address, name, key, seed)
                lives.append(twins)
                for turn in range(operations // 2):
                    twins.step()
                    if time.monotonic() > until:
                        break
                    if turn % max(1, operations // 2 // trespasses) == 0:
                        asked = trespass(address, key, other, client)
                        counts["trespasses"] += asked  # not in one line: the other thread counts meanwhile
                twins.check()
                counts["operations"] += sum(twins.done.values())
                counts[f"skills of {name}"] = len(twins.memory)
            except BaseException as error:  # noqa: BLE001 - raised by who waits
                failures.append(error)

        threads = [threading.Thread(target=live, args=each) for each in zip(NAMES, keys, NAMES[::-1], strict=True)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(5)
            tell(f"{sum(sum(pair.done.values()) for pair in lives)} of {operations} operations")
    if failures:
        raise failures[0]
    return dict(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1e9, help="end by then, whatever was done")
    parser.add_argument("--inside", action="store_true", help="the server without its sockets, in this process")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        told = run(Path(directory), given.operations, given.seed, inside=given.inside, seconds=given.seconds,
                   tell=lambda words: print(words, file=sys.stderr, flush=True))  # fmt: skip
    print(", ".join(f"{name}: {count}" for name, count in told.items()) + "; leaks: 0")


if __name__ == "__main__":
    main()
