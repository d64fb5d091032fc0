"""Tasks of an event loop share a library with threads: whatever is broken off, a batch is whole or absent."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from skillstore import LibraryClosedError, LibraryLockedError, SkillLibrary
from skillstore.local.backend import LocalBackend
from skillstore.local.journal import FRAME_TARGET
from skillstore.tasks import Nest, Owner
from tests.contracts.task_contract import GivenUpError, in_time, named, run, there

LONG = os.environ.get("SKILLSTORE_TESTS") == "long"
SECONDS = 30.0 if LONG else 2.0


@pytest.fixture
def library(tmp_path: Path) -> Iterator[SkillLibrary]:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, same_skill=None) as library:
        yield library


class Model:
    """What is to be there: of each name that was begun all, nothing, or (of a thread not waited for) either."""

    def __init__(self, library: SkillLibrary, seed: int) -> None:
        self.library, self.chance = library, random.Random(seed)
        self.whole: dict[str, int] = {}
        self.either: dict[str, int] = {}
        self.absent: list[str] = []
        self.told = 0
        self._uses = 0
        library.add_skill(named("used"))

    async def batch(self, name: str) -> None:
        """A batch held across awaits, with a batch inside that is given up."""
        count = self.chance.randrange(1, 4)
        try:
            with self.library.batch():
                for number in range(count):
                    self.library.add_skill(named(f"{name}/{number}"))
                    await asyncio.sleep(self.chance.choice([0, 0, 0.001]))
                    self.library.record_outcome(1, True)
                    with contextlib.suppress(GivenUpError), self.library.batch():
                        self.library.add_skill(named(f"{name}/undone"))
                        await asyncio.sleep(0)
                        raise GivenUpError
                if self.chance.random() < 0.3:
                    raise GivenUpError
        except BaseException:
            self.absent.append(name)
            raise
        self.whole[name] = count
        self._uses += count

    async def change(self, name: str) -> None:
        """One change, without an await."""
        try:
            self.library.once(name, lambda: self.library.add_skill(named(f"{name}/0")).skill.id)
        except BaseException:
            self.absent.append(name)
            raise
        self.whole[name] = 1

    async def change_in_a_thread(self, name: str) -> None:
        """One change, which goes on if the task is cancelled."""
        self.either[name] = 1
        await asyncio.to_thread(self.library.add_skill, named(f"{name}/0"))
        self.whole[name] = self.either.pop(name)

    def check(self, library: SkillLibrary) -> None:
        found: dict[str, int] = {}
        for kept in there(library):
            name, _, number = kept.partition("/")
            found[name] = found.get(name, 0) + 1
            assert number != "undone"
        assert found.pop("used") == 1
        assert not set(self.absent) & set(found)
        for name in self.either:
            assert found.pop(name, 1) == 1
        assert found == self.whole
        assert library.get_stats()["total_uses"] == self._uses


def test_tasks_and_threads_that_are_broken_off_at_random_lose_nothing_and_leave_no_half(
    library: SkillLibrary, tmp_path: Path
) -> None:
    model, until = Model(library, 11), time.monotonic() + SECONDS

    async def work(task: int, turn: asyncio.Lock) -> None:
        number = 0
        while time.monotonic() < until:
            number += 1
            name = f"{task}.{number}"
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            kind = model.chance.randrange(4)
            try:
                if kind == 0:
                    await model.batch(name)  # told, if another has one open
                elif kind == 1:
                    async with turn:
                        await model.batch(name)
                elif kind == 2:
                    await model.change(name)
                else:
                    await model.change_in_a_thread(name)
                await asyncio.sleep(0.001)
            except LibraryLockedError:
                model.told += 1
            except (GivenUpError, asyncio.CancelledError):
                pass

    async def main() -> None:
        turn = asyncio.Lock()
        tasks = [asyncio.create_task(work(task, turn)) for task in range(64)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.003)
            model.chance.choice(tasks).cancel()
        await asyncio.gather(*tasks)

    def thread(task: int) -> None:
        number = 0
        while time.monotonic() < until:
            number += 1
            library.add_skill(named(f"{task}.{number}/0"))
            model.whole[f"{task}.{number}"] = 1
            time.sleep(0.002)

    threads = [threading.Thread(target=thread, args=(number,), daemon=True) for number in (100, 101, 102)]
    for each in threads:
        each.start()
    run(main)
    for each in threads:
        each.join(60)
    assert model.told
    assert len(model.whole) > 50
    assert len(model.absent) > 20
    model.check(library)
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as again:
        model.check(again)
        assert again.verify()["ok"]


def test_what_a_collected_task_left_is_undone_by_whoever_writes_next(library: SkillLibrary, tmp_path: Path) -> None:
    """Its batch is so long that a part of it is in the journal. It is collected while the table is in use."""
    backend = cast("LocalBackend", library._backend)
    library.add_skill(named("before"))
    before = backend._storage.place

    async def held() -> None:
        with library.batch():
            library.notes["long"] = bytes(FRAME_TARGET)
            library.add_skill(named("gone"))
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # which says that it was pending
        task = asyncio.create_task(held())
        await asyncio.sleep(0)
        assert backend._storage.place.offset > before.offset
        with backend._state:
            staged = backend._table.count(staged=True)
            del task
            gc.collect()
            assert backend._table.count(staged=True) == staged
        assert there(library) == ["before"]
        assert dict(library.notes) == {}
        assert library.verify()["skills"] == 1

    run(main)
    assert backend._storage.place == before
    library.add_skill(named("next"))
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as again:
        assert there(again) == ["before", "next"]


def test_closing_undoes_what_a_collected_batch_left(library: SkillLibrary, tmp_path: Path) -> None:
    library.add_skill(named("before"))
    batch = library.batch()
    batch.__enter__()
    library.notes["long"] = bytes(FRAME_TARGET)
    del batch
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as again:
        assert there(again) == ["before"]
        assert again.get_stats()["since_snapshot"]["notes"] == 0


def test_a_batch_that_another_thread_ends_in_the_midst_of_a_change_is_undone(library: SkillLibrary) -> None:
    backend = cast("LocalBackend", library._backend)
    batch = library.batch()
    batch.__enter__()

    def skills() -> Any:
        yield named("gone")
        with pytest.raises(ValueError, match="nothing of either is kept"):
            in_time(lambda: batch.__exit__(None, None, None))
        in_time(lambda: library.add_skill(named("other")))
        yield named("too late")

    with pytest.raises(ValueError, match="nothing of either is kept"):
        library.add_skills(skills())
    assert there(library) == ["other"]
    assert backend._table.count(staged=True) == 1
    library.add_skill(named("next"))
    assert there(library) == ["other", "next"]


def test_a_forked_child_does_not_end_the_batch_of_its_parent(library: SkillLibrary, tmp_path: Path) -> None:
    with library.batch():
        library.notes["long"] = bytes(FRAME_TARGET)
        child = os.fork()
        if child == 0:
            answer = 1
            try:
                with pytest.raises(LibraryClosedError), library.batch():
                    pass
                raise GivenUpError
            except GivenUpError:
                answer = 0
            finally:
                os._exit(answer)
        assert os.waitpid(child, 0)[1] == 0
        library.add_skill(named("parent"))
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as again:
        assert there(again) == ["parent"]
        assert again.notes["long"] == bytes(FRAME_TARGET)


@pytest.mark.parametrize("fails", [True, False])
def test_a_forked_child_that_leaves_a_batch_leaves_it_to_its_parent(
    library: SkillLibrary, tmp_path: Path, fails: bool
) -> None:
    batch = library.batch()
    batch.__enter__()
    library.notes["long"] = bytes(FRAME_TARGET)
    child = os.fork()
    if child == 0:
        answer, error = 1, GivenUpError() if fails else None
        try:
            batch.__exit__(type(error) if error else None, error, None)
        except LibraryClosedError:
            answer = 0
        finally:
            os._exit(0 if fails else answer)
    assert os.waitpid(child, 0)[1] == 0
    library.add_skill(named("parent"))
    batch.__exit__(None, None, None)
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as again:
        assert there(again) == ["parent"]
        assert again.notes["long"] == bytes(FRAME_TARGET)


# greenlets, and what else runs in a thread


def test_a_greenlet_has_batches_of_its_own(library: SkillLibrary) -> None:
    greenlet = pytest.importorskip("greenlet")
    main = greenlet.getcurrent()

    def held() -> None:
        with library.batch():
            library.add_skill(named("first"))
            main.switch()
            library.add_skill(named("last"))

    def other() -> None:
        with pytest.raises(LibraryLockedError):
            library.add_skill(named("told"))

    first = greenlet.greenlet(held)
    first.switch()
    other()
    second = greenlet.greenlet(other)
    second.gr_context = first.gr_context  # as those that are started inside
    second.switch()
    assert there(library) == []
    first.switch()
    assert there(library) == ["first", "last"]


def test_a_greenlet_inside_a_task_belongs_to_it(library: SkillLibrary) -> None:
    greenlet = pytest.importorskip("greenlet")

    async def main() -> None:
        with library.batch():
            inside = greenlet.greenlet(lambda: library.add_skill(named("inside")))
            inside.gr_context = greenlet.getcurrent().gr_context
            inside.switch()
            await asyncio.sleep(0)
            assert there(library) == ["inside"]

    run(main)
    assert there(library) == ["inside"]


def test_a_thread_that_comes_later_is_another_even_with_the_same_number(library: SkillLibrary) -> None:
    numbers: list[int] = []
    batch = library.batch()

    def held() -> None:
        numbers.append(threading.get_ident())
        batch.__enter__()
        library.add_skill(named("mine"))

    def other() -> None:
        numbers.append(threading.get_ident())
        assert there(library) == []

    for work in (held, other):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(numbers) == 2
    batch.__exit__(None, None, None)
    assert there(library) == ["mine"]


def test_callbacks_of_a_loop_are_no_task_and_do_not_share_a_batch() -> None:
    owners: list[Owner] = []
    seen: list[bool] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def opened() -> None:
            owners.append(Owner())
            seen.append(owners[0].is_current())

        loop.call_soon(opened)
        loop.call_soon(lambda: seen.append(owners[0].is_current()))
        loop.call_soon(done.set)
        await done.wait()
        seen.append(owners[0].is_current())

    run(main)
    assert seen == [True, False, False]


def test_whose_a_batch_is_keeps_no_task_alive() -> None:
    async def main() -> None:
        nests: list[Nest] = []

        async def held() -> None:
            nests.append(Nest())
            await asyncio.sleep(0)

        task = asyncio.create_task(held())
        await task
        gone = weakref.ref(task)
        del task
        await asyncio.sleep(0)
        gc.collect()
        assert gone() is None
        assert not nests[0].is_mine()

    run(main)


def test_a_context_forgets_the_batches_that_ended_elsewhere() -> None:
    for _ in range(3):
        in_time(Owner().end)
    last = Owner()
    assert last.is_inherited()
    last.end()
    assert not last.is_inherited()
