"""Interrupts: a signal waits until the library is between two changes, and is never lost."""

# ruff: noqa: PT012 - the blocks are what is tested

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from cli.edge import TERMINATED
from cli.interrupts import SIGNALS, Interrupts

ENDS = [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Afterwards, the handlers are those of before: the block gave them back."""
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize(("number", "end"), ENDS)
def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals, end: type[BaseException]) -> None:
    done = []
    with pytest.raises(end) as raised, Interrupts():
        signal.raise_signal(number)
        done.append("all")
    assert done == ["all"]
    if isinstance(raised.value, SystemExit):
        assert raised.value.code == TERMINATED


@pytest.mark.parametrize(("number", "end"), ENDS)
def test_a_signal_acts_at_once_where_it_is_allowed(number: signal.Signals, end: type[BaseException]) -> None:
    done = []
    with pytest.raises(end), Interrupts() as interrupts, interrupts.allowed():
        signal.raise_signal(number)
        done.append("too much")
    assert done == []


def test_a_kept_signal_acts_when_it_is_asked_for_and_when_it_is_allowed() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        interrupts.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        with interrupts.allowed():
            pytest.fail("it was kept, and is allowed now")


def test_a_second_signal_does_not_wait() -> None:
    done = []
    with pytest.raises(SystemExit), Interrupts():
        signal.raise_signal(signal.SIGINT)
        done.append("one")
        signal.raise_signal(signal.SIGTERM)
        done.append("too much")
    assert done == ["one"]


def test_another_error_is_not_covered_by_a_kept_signal() -> None:
    with pytest.raises(OSError, match="disk"), Interrupts():
        signal.raise_signal(signal.SIGINT)
        raise OSError("disk")


def test_a_signal_between_items_waits_for_the_next_one_to_be_asked_for() -> None:
    taken = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        for item in interrupts.between("abc"):
            taken.append(item)
            if item == "b":
                signal.raise_signal(signal.SIGINT)
                taken.append("b is done")
    assert taken == ["a", "b", "b is done"]


def test_a_signal_while_waiting_for_an_item_acts_at_once() -> None:
    def slow() -> Iterator[str]:
        yield "a"
        signal.raise_signal(signal.SIGINT)
        yield "b"

    taken = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        for item in interrupts.between(slow()):
            taken.append(item)
    assert taken == ["a"]


def test_without_a_signal_all_items_come() -> None:
    with Interrupts() as interrupts:
        assert list(interrupts.between("abc")) == ["a", "b", "c"]
