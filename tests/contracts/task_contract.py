"""The part of every library's contract that is about tasks of an event loop, and generators: whose a batch is."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from skillstore import InvalidInputError, LibraryLockedError, Skill, SkillLibrary

Reopen = Callable[[], SkillLibrary]


class GivenUpError(Exception):
    """Raised inside batches to undo them."""


def named(name: str) -> Skill:
    """A skill that is merged with no other."""
    return Skill(name, {"name": name}, ["go"], [1.0, 0.0])


def there(library: SkillLibrary) -> list[str]:
    return [kept.name for kept in library]


def in_time(work: Callable[[], Any]) -> Any:
    """What `work` returns or raises, in a thread of its own; a test whose event loop stands still fails."""
    ended: list[Any] = []

    def guarded() -> None:
        try:
            ended.append((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again below
            ended.append((None, error))

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(60)
    assert ended, "it waits for ever"
    answer, error = ended[0]
    if error is not None:
        raise error
    return answer


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    """What `main` returns, in an event loop."""

    async def awaited() -> Any:
        return await main()

    return in_time(lambda: asyncio.run(awaited()))


def changes(library: SkillLibrary) -> list[Callable[[], object]]:
    """One of every kind. The library has skill 1."""
    return [
        lambda: library.add_skill(named("other")),
        lambda: library.add_skills([named("other")]),
        lambda: library.restore_skills([Skill("other", {}, ["go"], [1.0, 0.0], id=90)]),
        lambda: library.record_outcome(1, True),
        lambda: library.replace_skill(1, named("other")),
        lambda: library.remove_skill(1),
        lambda: library.notes.update(other=1),
        lambda: library.notes.pop("plan"),
        lambda: library.once("other", lambda: 1),
        lambda: library.batch().__enter__(),
        library.snapshot,
        library.compact,
        library.verify,
        library.close,
    ]


class TaskContract:
    """Its subclasses have the fixtures `library` and `reopen`."""

    @pytest.mark.parametrize("fails", [True, False])
    def test_other_tasks_of_the_thread_are_told_and_nothing_of_theirs_is_kept_or_lost(
        self, library: SkillLibrary, reopen: Reopen, fails: bool
    ) -> None:
        library.add_skill(named("before"))
        library.notes["plan"] = 1
        opened = asyncio.Event()

        async def first() -> None:
            with library.batch():
                library.add_skill(named("first"))
                opened.set()
                for _ in range(20):
                    await asyncio.sleep(0)
                library.record_outcome(1, False)
                if fails:
                    raise GivenUpError

        async def second() -> None:
            await opened.wait()
            for change in changes(library):
                with pytest.raises(LibraryLockedError, match="another task"):
                    change()
                await asyncio.sleep(0)

        async def main() -> list[Any]:
            return list(await asyncio.gather(first(), second(), return_exceptions=True))

        assert [type(answer) for answer in run(main)] == [GivenUpError if fails else type(None), type(None)]
        for again in (False, True):
            library = reopen() if again else library
            assert there(library) == (["before"] if fails else ["before", "first"])
            assert dict(library.notes) == {"plan": 1}
            assert library.get_stats()["total_uses"] == (0 if fails else 1)
        assert library.once("other", lambda: 2) == 2

    def test_a_task_sees_its_batch_and_others_do_not(self, library: SkillLibrary) -> None:
        seen: list[list[str]] = []

        async def look() -> None:
            seen.append(there(library))
            seen.append(await asyncio.to_thread(there, library))

        async def main() -> None:
            other = asyncio.ensure_future(asyncio.sleep(0))
            with library.batch():
                library.add_skill(named("mine"))
                await asyncio.gather(look(), other)
                assert there(library) == ["mine"]
                with library.batch():
                    await asyncio.sleep(0)
                    assert library.add_skill(named("too")).skill.id == 2
                await look()

        run(main)
        assert seen == [[], [], ["mine", "too"], []]

    def test_who_waits_in_another_thread_goes_on_when_the_batch_has_ended(self, library: SkillLibrary) -> None:
        async def first() -> None:
            with library.batch():
                library.add_skill(named("first"))
                await asyncio.sleep(0.1)
                library.add_skill(named("last"))

        async def second() -> None:
            await asyncio.sleep(0.02)
            await asyncio.to_thread(library.add_skill, named("second"))

        async def main() -> None:
            await asyncio.gather(first(), second())

        run(main)
        assert there(library) == ["first", "last", "second"]

    def test_tasks_that_share_a_lock_take_turns(self, library: SkillLibrary) -> None:
        async def main() -> None:
            turn = asyncio.Lock()

            async def work(number: int) -> None:
                async with turn:
                    with library.batch():
                        library.add_skill(named(f"{number}a"))
                        await asyncio.sleep(0)
                        library.add_skill(named(f"{number}b"))
                        if number % 2:
                            raise GivenUpError

            await asyncio.gather(*map(work, range(8)), return_exceptions=True)

        run(main)
        assert there(library) == ["0a", "0b", "2a", "2b", "4a", "4b", "6a", "6b"]

    def test_what_a_batch_starts_elsewhere_is_told_and_may_change_the_library_afterwards(
        self, library: SkillLibrary
    ) -> None:
        def add() -> None:
            library.add_skill(named("started"))

        async def add_later() -> None:
            await asyncio.sleep(0)
            add()

        async def called_soon() -> None:
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def call() -> None:
                try:
                    add()
                    answer.set_result(None)
                except LibraryLockedError as error:
                    answer.set_exception(error)

            asyncio.get_running_loop().call_soon(call)
            await answer

        async def main() -> None:
            with library.batch():
                for start in (
                    lambda: asyncio.create_task(add_later()), lambda: asyncio.gather(add_later()), called_soon,
                    lambda: asyncio.to_thread(add), lambda: asyncio.to_thread(lambda: asyncio.run(add_later())),
                ):  # fmt: skip
                    with pytest.raises(LibraryLockedError, match="inside it"):
                        await start()
                library.add_skill(named("mine"))
                late = asyncio.create_task(add_later())
            await late

        run(main)
        assert there(library) == ["mine", "started"]

    @pytest.mark.parametrize("how", ["raises", "is cancelled", "is interrupted", "is forgotten"])
    def test_a_task_that_does_not_end_its_batch_leaves_nothing(
        self, library: SkillLibrary, reopen: Reopen, how: str
    ) -> None:
        async def held() -> None:
            with library.batch(), library.batch():
                library.add_skill(named("gone"))
                await asyncio.sleep(0)
                if how == "raises":
                    raise GivenUpError
                if how == "is interrupted":
                    raise KeyboardInterrupt
                await asyncio.get_running_loop().create_future()

        async def main() -> None:
            task = asyncio.create_task(held())
            for _ in range(3):
                await asyncio.sleep(0)
            if how == "is forgotten":
                task.get_loop().set_exception_handler(lambda *_: None)  # which says that it was pending
                del task
                gc.collect()
                return
            task.cancel()
            with contextlib.suppress(GivenUpError, asyncio.CancelledError):
                await task

        with contextlib.suppress(KeyboardInterrupt):
            run(main)
        in_time(lambda: library.add_skill(named("next")))
        assert there(library) == ["next"]
        assert there(reopen()) == ["next"]

    def test_what_an_event_loop_does_inside_the_batch_of_a_thread_is_part_of_it(self, library: SkillLibrary) -> None:
        async def nested(name: str) -> None:
            with library.batch():
                library.add_skill(named(f"{name}1"))
                await asyncio.sleep(0)
                library.add_skill(named(f"{name}2"))

        async def main() -> list[Any]:
            library.add_skill(named("main"))
            return list(await asyncio.gather(nested("a"), nested("b"), return_exceptions=True))

        def work(fails: bool) -> None:
            with library.batch():
                told = asyncio.run(main())
                assert [type(answer) for answer in told] == [type(None), LibraryLockedError]
                assert there(library) == ["main", "a1", "a2"]
                if fails:
                    raise GivenUpError

        with pytest.raises(GivenUpError):
            in_time(lambda: work(True))
        assert there(library) == []
        in_time(lambda: work(False))
        assert there(library) == ["main", "a1", "a2"]

    @pytest.mark.parametrize("fails", [True, False])
    def test_a_batch_may_be_ended_by_another_task_or_thread(self, library: SkillLibrary, fails: bool) -> None:
        async def opened(name: str) -> AsyncIterator[None]:
            with library.batch():
                library.add_skill(named(name))
                yield

        async def main() -> None:
            other = opened("task")
            await asyncio.create_task(anext(other))  # type: ignore[arg-type]
            with pytest.raises(LibraryLockedError):
                library.add_skill(named("told"))
            with contextlib.suppress(StopAsyncIteration):
                await (other.aclose() if fails else anext(other))  # type: ignore[attr-defined]

        run(main)
        batch = library.batch()
        in_time(batch.__enter__)
        error = GivenUpError() if fails else None
        in_time(lambda: batch.__exit__(type(error) if error else None, error, None))
        in_time(lambda: library.add_skill(named("next")))
        assert there(library) == (["next"] if fails else ["task", "next"])

    # generators

    @pytest.mark.parametrize("fails", [True, False])
    def test_a_generator_that_ends_its_batch_too_late_changes_nothing(
        self, library: SkillLibrary, reopen: Reopen, fails: bool
    ) -> None:
        def inner() -> Iterator[None]:
            with library.batch():
                library.add_skill(named("inner"))
                yield
                library.add_skill(named("half"))

        held = inner()
        with pytest.raises(InvalidInputError, match="nothing of either is kept"), library.batch():  # noqa: PT012
            library.add_skill(named("outer"))
            next(held)
        with pytest.raises(InvalidInputError, match="nothing of either is kept"):
            library.add_skill(named("of whom?"))
        in_time(lambda: library.add_skill(named("acknowledged")))
        if fails:
            held.close()  # type: ignore[attr-defined]
        else:
            with pytest.raises(InvalidInputError, match="nothing of either is kept"):
                next(held)
        assert there(library) == ["acknowledged"]
        library.add_skill(named("next"))
        assert there(reopen()) == ["acknowledged", "next"]

    @pytest.mark.parametrize("fails", [True, False])
    def test_batches_of_two_generators_do_not_cross(self, library: SkillLibrary, reopen: Reopen, fails: bool) -> None:
        def held(name: str, fails: bool = False) -> Iterator[None]:
            with library.batch():
                library.add_skill(named(f"{name}1"))
                yield
                if fails:
                    raise GivenUpError
                library.add_skill(named(f"{name}2"))

        with pytest.raises(InvalidInputError, match="nothing of either is kept"), library.batch():  # noqa: PT012
            library.add_skill(named("around"))
            first, second = held("first", fails), held("second")
            next(first)
            next(second)
            with pytest.raises(GivenUpError if fails else InvalidInputError):
                next(first)
            with pytest.raises(InvalidInputError):
                next(second)
        assert there(library) == []
        assert there(reopen()) == []

    def test_a_generator_that_is_closed_early_undoes_its_own_batch(self, library: SkillLibrary) -> None:
        def held(name: str) -> Iterator[None]:
            with library.batch():
                library.add_skill(named(name))
                yield

        alone = held("alone")
        next(alone)
        del alone
        with library.batch():
            library.add_skill(named("around"))
            with contextlib.closing(held("inside")) as inside:  # type: ignore[type-var]
                next(inside)
                assert there(library) == ["around", "inside"]
            assert there(library) == ["around"]
        assert there(library) == ["around"]
