"""Ctrl-C at any moment: nobody waits for ever, and what was acknowledged is there when the library is opened again."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path
from typing import Literal, cast

import pytest

from skillstore import LibraryClosedError, Skill, SkillLibrary, WriteFailedError
from skillstore.local.backend import LocalBackend

LONG = os.environ.get("SKILLSTORE_TESTS") == "long"
ROUNDS = 400 if LONG else 30


def skill(number: int) -> Skill:
    return Skill(f"skill {number}", {"part": number % 5}, ["go"], [1.0, number, number % 7])


def add_until_told(library: SkillLibrary, acknowledged: list[int], stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        try:
            acknowledged.append(library.add_skill(skill(number)).skill.id or 0)
        except (WriteFailedError, LibraryClosedError):
            return


def add_under_signals(library: SkillLibrary, acknowledged: list[int], chance: random.Random) -> None:
    """Add while signals break in, until one leaves the library without further changes, or 25 have come."""
    for number in range(25):
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0002, 0.004))
                for step in range(1000):
                    acknowledged.append(library.add_skill(skill(1000 * number + step)).skill.id or 0)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            continue
        except WriteFailedError:
            return


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python swallows some signals itself
@pytest.mark.parametrize("durability", ["full", "os"])
def test_a_signal_at_any_moment_strands_nobody_and_loses_nothing(
    durability: Literal["full", "os"], tmp_path: Path
) -> None:
    chance = random.Random(7)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for turn in range(ROUNDS):
            place = tmp_path / str(turn)
            library = SkillLibrary.open(place, embedding_dim=3, same_skill=None, durability=durability)
            mine: list[int] = []
            others: list[int] = []
            stop = threading.Event()
            other = threading.Thread(target=add_until_told, args=(library, others, stop), daemon=True)
            other.start()
            add_under_signals(library, mine, chance)
            stop.set()
            other.join(20)
            assert not other.is_alive(), "another thread waits for ever"
            library.close()
            with SkillLibrary.open(place) as again:
                there = {kept.id for kept in again}
                assert {*mine, *others} <= there
                assert again.verify()["ok"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_snapshot_that_comes_after_the_close_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = SkillLibrary.open(tmp_path / "skills", embedding_dim=3, same_skill=None)
    library.add_skill(skill(1))
    writer = cast("LocalBackend", library._backend)._writer
    alone = writer.alone
    entered, closed = threading.Event(), threading.Event()

    def late() -> object:
        entered.set()
        closed.wait(10)
        return alone()

    monkeypatch.setattr(writer, "alone", late)
    raised: list[BaseException] = []

    def snapshot() -> None:
        try:
            library.snapshot()
        except LibraryClosedError as error:
            raised.append(error)

    thread = threading.Thread(target=snapshot)
    thread.start()
    entered.wait(10)
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as other:
        other.add_skill(skill(2))
        closed.set()
        thread.join(10)
        other.add_skill(skill(3))
    assert len(raised) == 1
    with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
        assert len(reader) == 3
