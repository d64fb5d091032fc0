"""Many tasks and threads with batches, cancelled at any await: what was acknowledged is there, the rest is absent."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from skillstore import InvalidInputError, LibraryLockedError, SkillLibrary
from tests.contracts.library_contract import StoppedError, skill


class Crowd:
    """Tasks of one library: each makes batches of three skills across awaits, one at a time by an asyncio.Lock."""

    def __init__(self, library: SkillLibrary, seed: int) -> None:
        self.library, self.random = library, random.Random(seed)
        self.kept: set[str] = set()
        self.absent: set[str] = set()
        self.told = 0

    async def work(self, number: int, turn: asyncio.Lock) -> None:
        for batch in range(6):
            names = [f"{number} {batch} {place}" for place in range(3)]
            self.absent.update(names)
            try:
                async with turn:
                    with self.library.batch():
                        for name in names:
                            self.library.add_skill(skill(name, {"name": name}))
                            await asyncio.sleep(self.random.random() / 500)
                        if self.random.random() < 0.2:
                            raise StoppedError
            except StoppedError:
                continue
            self.absent.difference_update(names)
            self.kept.update(names)
            await self._add_alone(f"{number} {batch} alone")

    async def _add_alone(self, name: str) -> None:
        """In this thread, where it is told that another task has a batch open, and then in a thread, which waits."""
        await asyncio.sleep(self.random.random() / 500)
        try:
            self.library.add_skill(skill(name, {"name": name}))
        except LibraryLockedError:
            self.told += 1
            await asyncio.to_thread(self.library.add_skill, skill(name, {"name": name}))
        self.kept.add(name)


async def _live(crowd: Crowd) -> None:
    turn = asyncio.Lock()
    tasks = [asyncio.create_task(crowd.work(number, turn)) for number in range(64)]
    while any(not task.done() for task in tasks):
        await asyncio.sleep(0.02)
        left = [task for task in tasks if not task.done()]
        if left and crowd.random.random() < 0.5:
            crowd.random.choice(left).cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("seed", range(2))
def test_64_tasks_with_batches_and_cancellations_lose_nothing_and_keep_no_half(seed: int, tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, same_skill=None, durability="os") as library:
        crowd = Crowd(library, seed)
        asyncio.run(_live(crowd))
        there = {each.name for each in library}
    assert crowd.kept <= there
    assert not crowd.absent & there
    assert crowd.told > 0
    with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
        assert {each.name for each in reader} == there


def test_a_batch_that_nothing_goes_on_with_does_not_hold_the_library_for_ever() -> None:
    library = SkillLibrary(embedding_dim=2)

    def held() -> Iterator[None]:
        with library.batch():
            library.add_skill(skill("never kept"))
            yield

    generator = held()
    next(generator)
    del generator
    gc.collect()
    library.add_skill(skill("later"))
    assert [each.name for each in library] == ["later"]


def test_a_batch_that_is_ended_before_one_inside_it_keeps_nothing_of_either() -> None:
    library = SkillLibrary(embedding_dim=2)

    def held() -> Iterator[None]:
        with library.batch():
            library.add_skill(skill("inner", {"n": 2}))
            yield

    inner = held()
    told = "was ended before one that was begun inside it"
    with pytest.raises(InvalidInputError, match=told), library.batch():  # noqa: PT012 - its end is what raises
        library.add_skill(skill("outer", {"n": 1}))
        next(inner)
    with pytest.raises(InvalidInputError):
        next(inner)
    library.add_skill(skill("later", {"n": 3}))
    assert [each.name for each in library] == ["later"]


async def _next(generator: AsyncIterator[None]) -> None:
    await anext(generator)


def test_a_batch_may_be_opened_in_one_context_and_ended_in_another() -> None:
    """As fixtures of asynchronous tests do."""
    library = SkillLibrary(embedding_dim=2)

    async def held() -> AsyncIterator[None]:
        with library.batch():
            library.add_skill(skill("kept"))
            yield

    async def main() -> None:
        generator = held()
        await asyncio.create_task(_next(generator))
        with pytest.raises(StopAsyncIteration):
            await asyncio.create_task(_next(generator))

    asyncio.run(main())
    library.add_skill(skill("later", {"n": 1}))
    assert [each.name for each in library] == ["kept", "later"]
