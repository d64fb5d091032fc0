"""Threads of one process share a library: no id is lost, nothing torn is read, no thread waits for ever."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skillstore import LibraryClosedError, SkillLibrary, SkillNotFoundError
from skillstore.local.table import Table
from tests.contracts.library_contract import StoppedError, skill


@pytest.fixture(params=["memory", "os", "full"])
def library(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SkillLibrary]:
    monkeypatch.setattr(Table.__init__, "__defaults__", (1, 8))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    if request.param == "memory":
        yield SkillLibrary(embedding_dim=2, same_skill=None)
    else:
        place = tmp_path / "skills"
        with SkillLibrary.open(place, embedding_dim=2, same_skill=None, durability=request.param) as library:
            yield library
        with SkillLibrary.open(place, mode="r") as again:
            assert again.verify()["ok"]
    sys.setswitchinterval(interval)


def run(*works: Callable[[], Any]) -> None:
    """Run `works` at once, each in its thread; raise what any of them raised."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in threads)


def test_eight_threads_add_and_read_and_nothing_is_lost_or_torn(library: SkillLibrary) -> None:
    added: list[list[int]] = [[] for _ in range(8)]

    def work(place: int) -> None:
        for turn in range(25):
            new = library.add_skill(
                skill(f"{place}/{turn}", {"place": place}, [place, turn + 1], metadata={"at": (place, turn)})
            )
            assert new.created
            assert new.skill.id is not None
            added[place].append(new.skill.id)
            library.record_outcome(added[place][turn // 2], True)
            for match in library.retrieve_skills({"place": place}, [place, turn + 1], top_k=5):
                _check_whole(match.skill)
            for kept in library:
                _check_whole(kept)

    def snapshots() -> None:
        for turn in range(6):
            library.compact() if turn % 2 else library.snapshot()

    run(*(lambda place=place: work(place) for place in range(8)), snapshots)
    ids = [skill_id for mine in added for skill_id in mine]
    assert sorted(ids) == list(range(1, 201))
    assert [kept.id for kept in library] == list(range(1, 201))
    for place, mine in enumerate(added):
        assert [library.get_skill(skill_id).metadata["at"] for skill_id in mine] == [
            (place, turn) for turn in range(25)
        ]
    assert library.get_stats()["total_uses"] == library.get_stats()["total_successes"] == 200


def _check_whole(kept: Any) -> None:
    place, turn = kept.metadata["at"]
    assert (kept.name, kept.preconditions) == (f"{place}/{turn}", {"place": place})
    assert np.array_equal(kept.embedding, skill(embedding=[place, turn + 1]).embedding)


def test_batches_of_threads_do_not_mix(library: SkillLibrary) -> None:
    def work(place: int) -> None:
        for turn in range(10):
            try:
                with library.batch():
                    for _ in range(3):
                        library.add_skill(skill(f"{place}/{turn}"))
                    if (place + turn) % 2:
                        raise StoppedError
            except StoppedError:
                pass

    def look() -> None:
        for _ in range(50):
            assert len(library) % 3 == 0
            assert len(list(library)) % 3 == 0

    run(*(lambda place=place: work(place) for place in range(4)), look)
    whole = sorted(f"{place}/{turn}" for place in range(4) for turn in range(10) if (place + turn) % 2 == 0)
    names = [kept.name for kept in library]
    assert names[::3] == names[1::3] == names[2::3]
    assert sorted({kept.name for kept in library}) == whole
    assert len(library) == 3 * len(whole)


def test_what_another_thread_removes_at_once_was_still_added(library: SkillLibrary) -> None:
    done = threading.Event()

    def add() -> None:
        for turn in range(200):
            assert library.add_skill(skill(str(turn))).skill.name == str(turn)
        done.set()

    def remove() -> None:
        while not done.is_set() or len(library):
            for kept in library:
                library.remove_skill(kept.id or 0)

    run(add, remove)
    assert len(library) == 0


def test_outcomes_of_a_skill_that_others_remove_are_counted_or_refused(library: SkillLibrary) -> None:
    library.add_skills([skill() for _ in range(20)])
    counted: list[int] = []

    def count() -> None:
        for turn in range(100):
            try:
                library.record_outcome(1 + turn % 20, True)
                counted.append(turn)
            except SkillNotFoundError:
                pass

    def remove() -> None:
        for skill_id in range(11, 21):
            library.remove_skill(skill_id)

    run(count, remove)
    assert library.get_stats()["total_uses"] == sum(turn % 20 < 10 for turn in counted) == 50


def test_a_close_while_others_work_ends_their_work_with_an_error(library: SkillLibrary) -> None:
    started = threading.Barrier(4)
    added = [0, 0, 0]

    def work(place: int) -> None:
        started.wait()
        with pytest.raises(LibraryClosedError):  # noqa: PT012 - at whichever turn it is
            while True:
                library.add_skill(skill())
                added[place] += 1

    def close() -> None:
        started.wait()
        while sum(added) < 30:
            len(library)
        library.close()

    run(close, *(lambda place=place: work(place) for place in range(3)))
    assert sum(added) >= 30
