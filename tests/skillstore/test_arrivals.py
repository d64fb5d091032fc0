"""Skills that many threads add at once: one thread adds them all, and none is lost, added twice or left waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from skillstore import Skill, SkillLibrary, WriteFailedError
from skillstore.local.arrivals import Arrival, Arrivals
from skillstore.local.backend import LocalBackend
from skillstore.local.files import Files


class Gate(Files):
    """A disk whose syncs wait while it is shut."""

    is_open = threading.Event()
    at_sync = threading.Event()
    broken = False

    def sync(self, fd: int) -> None:
        Gate.at_sync.set()
        assert Gate.is_open.wait(60)
        if Gate.broken:
            raise OSError(5, "broken")
        super().sync(fd)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SkillLibrary:
    Gate.is_open.set()
    Gate.broken = False
    monkeypatch.setattr("skillstore.local.opening.Files", Gate)
    return SkillLibrary.open(tmp_path / "skills", embedding_dim=3)


def skill(number: int) -> Skill:
    return Skill(f"skill {number}", {"n": number}, ["go"], [1, number, 0])


def backend(library: SkillLibrary) -> LocalBackend:
    assert isinstance(library._backend, LocalBackend)
    return library._backend


def at_once(library: SkillLibrary, skills: list[Skill]) -> list[tuple[threading.Thread, list[object]]]:
    """Threads that add one skill each while the first of them is held up at its sync; all others have arrived."""
    Gate.is_open.clear()
    Gate.at_sync.clear()
    threads: list[tuple[threading.Thread, list[object]]] = []
    for place, each in enumerate(skills):
        told: list[object] = []
        thread = threading.Thread(target=tell, args=(told, library, each), daemon=True)
        thread.start()
        threads.append((thread, told))
        if place == 0:
            assert Gate.at_sync.wait(60)
        else:
            wait_until(lambda place=place: len(backend(library)._arrivals._waiting) == place)  # type: ignore[misc]
    return threads


def tell(told: list[object], library: SkillLibrary, each: Skill) -> None:
    try:
        told.append(library.add_skill(each))
    except WriteFailedError as error:
        told.append(error)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def answers(threads: list[tuple[threading.Thread, list[object]]]) -> list[object]:
    Gate.is_open.set()
    for thread, _ in threads:
        thread.join(60)
        assert not thread.is_alive()
    return [told[0] for _, told in threads]


def test_who_arrives_while_another_commits_shares_the_next_commit(library: SkillLibrary) -> None:
    commits = backend(library)._storage.place.sequence
    added = answers(at_once(library, [skill(number) for number in range(6)]))
    assert backend(library)._storage.place.sequence == commits + 2
    assert {one.skill.name: one.skill for one in added} == {one.name: one for one in library}  # type: ignore[attr-defined]
    library.close()


def test_those_that_share_a_commit_are_merged_as_if_they_came_one_by_one(library: SkillLibrary) -> None:
    same = [skill(0), *[Skill(f"again {turn}", {"n": 1}, ["go"], [1, 1, 0.001 * turn]) for turn in range(4)]]
    added = answers(at_once(library, same))
    assert [one.created for one in added].count(True) == 2  # type: ignore[attr-defined]
    (kept,) = [one for one in library if one.preconditions == {"n": 1}]
    assert kept.times_learned == 4
    assert all(one.skill.id == kept.id for one in added[1:])  # type: ignore[attr-defined]
    assert sorted(one.similarity is None for one in added[1:]) == [False, False, False, True]  # type: ignore[attr-defined]
    library.close()


def test_if_the_disk_fails_all_that_share_the_commit_hear_of_it(library: SkillLibrary, tmp_path: Path) -> None:
    library.add_skill(skill(100))
    threads = at_once(library, [skill(number) for number in range(4)])
    Gate.broken = True
    assert all(isinstance(told, WriteFailedError) for told in answers(threads))
    Gate.broken = False
    with pytest.raises(WriteFailedError):
        library.add_skill(skill(5))
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as again:
        assert "skill 100" in [one.name for one in again]


def test_what_others_add_is_no_part_of_a_batch(library: SkillLibrary) -> None:
    others = backend(library)._arrivals
    other = threading.Thread(target=library.add_skill, args=(skill(1),), daemon=True)

    def broken_off() -> None:
        with library.batch():
            other.start()
            wait_until(lambda: not others._waiting and others._leader is not None)
            library.add_skill(skill(2))
            raise KeyError

    with pytest.raises(KeyError):
        broken_off()
    other.join(60)
    assert [one.name for one in library] == ["skill 1"]
    library.close()


def test_a_leader_that_is_interrupted_leaves_the_others_to_themselves() -> None:
    calls: list[list[str]] = []
    shut = threading.Event()

    def add_all(arrivals: list[Arrival]) -> None:
        calls.append([arrival.skill.name for arrival in arrivals])
        if len(calls) == 1:
            assert shut.wait(60)
        if len(calls) == 2:
            raise KeyboardInterrupt

    arrivals = Arrivals(add_all, 8)
    interrupted = []

    def enter(number: int) -> None:
        try:
            arrivals.enter(Arrival.of(skill(number)))
        except KeyboardInterrupt:
            interrupted.append(number)

    threads = [threading.Thread(target=enter, args=(number,), daemon=True) for number in range(5)]
    for place, thread in enumerate(threads):
        thread.start()
        wait_until(lambda place=place: len(calls) == 1 and len(arrivals._waiting) == place)  # type: ignore[misc]
    shut.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    done = [name for names in calls[2:] for name in names]
    assert len(calls[1]) == 4
    assert len(interrupted) == 1
    assert sorted(done) == sorted(name for name in calls[1] if name != f"skill {interrupted[0]}")


def test_no_commit_takes_more_than_it_may() -> None:
    taken: list[int] = []
    arrivals = Arrivals(lambda together: taken.append(len(together)), 3)
    for number in range(7):
        arrivals._waiting.append(Arrival.of(skill(number)))
    arrivals.enter(Arrival.of(skill(8)))
    assert taken == [3]


def test_each_is_added_once_and_who_left_is_not() -> None:
    calls: list[list[str]] = []
    shut = threading.Event()

    def add_all(together: list[Arrival]) -> None:
        calls.append([arrival.skill.name for arrival in together])
        assert shut.wait(60)

    arrivals = Arrivals(add_all, 8)
    threads = [threading.Thread(target=arrivals.enter, args=(Arrival.of(skill(n)),), daemon=True) for n in range(4)]
    for place, thread in enumerate(threads):
        thread.start()
        wait_until(lambda place=place: len(calls) == 1 and len(arrivals._waiting) == place)  # type: ignore[misc]
    gone = Arrival.of(skill(9))
    gone.left = True
    arrivals._waiting.append(gone)
    shut.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert [len(names) for names in calls] == [1, 3]
    assert sorted(name for names in calls for name in names) == [f"skill {number}" for number in range(4)]


def test_calling_twice_is_calling_once() -> None:
    arrival = Arrival.of(skill(1))
    arrival.call()
    arrival.call()
    assert arrival._call.acquire(blocking=False)
    assert not arrival._call.acquire(blocking=False)
