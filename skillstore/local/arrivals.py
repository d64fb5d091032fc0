"""Arrivals: skills that several threads add at the same moment are added together, by one of them.

Looking for the twins of many costs little more than for one, and one commit and one sync do for all. Nobody waits for
others to come: who is there when the last commit is on the disk shares the next.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from skillstore.answers import Added
from skillstore.local import records
from skillstore.local.commit import Commit
from skillstore.preconditions import PreconditionSet
from skillstore.skill import Skill

_PATIENCE = 0.05
"""Seconds after which who waits looks whether anybody leads: a signal may have broken in on who should have called."""


def _held() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False, slots=True)
class Arrival:
    """A skill on its way in.

    commit, added   the commit that it was staged in last, and what became of it there
    done            that is durable
    left            nobody waits for it any more
    """

    skill: Skill
    payload: bytes
    wanted: PreconditionSet
    commit: Commit | None = None
    added: Added | None = None
    done: bool = False
    left: bool = False
    _call: threading.Lock = field(default_factory=_held)

    @classmethod
    def of(cls, skill: Skill) -> Arrival:
        """Raises InvalidInputError if the skill cannot be stored."""
        payload = records.payload(skill.name, skill.preconditions, skill.action_sequence, skill.metadata)
        return cls(skill, payload, PreconditionSet.of(skill.preconditions))

    def wait(self) -> None:
        """Return when called, or after a while."""
        self._call.acquire(timeout=_PATIENCE)

    def call(self) -> None:
        """Let `wait` return. Calling twice is calling once."""
        with suppress(RuntimeError):  # it was called already, perhaps at this very moment
            self._call.release()


class Arrivals:
    """One of the threads that `enter` leads: it adds all that have arrived, up to `most`, by `add_all`.

    It leads until its own skill is done, or its thread has left: there is nothing that a signal could keep it from
    giving back.
    """

    def __init__(self, add_all: Callable[[list[Arrival]], None], most: int) -> None:
        self._add_all, self._most = add_all, most
        self._waiting: deque[Arrival] = deque()
        self._leader: Arrival | None = None
        self._choosing = threading.Lock()
        self._shared = False  # whether the last commit was

    def enter(self, arrival: Arrival) -> None:
        """Return when `arrival` is done; raises what adding it raises."""
        self._waiting.append(arrival)
        try:
            while not arrival.done:
                if self._leads(arrival):
                    self._lead(arrival)
                else:
                    arrival.wait()
        finally:
            arrival.left = True
            if self._leader is arrival:
                self._call_next()

    def _leads(self, arrival: Arrival) -> bool:
        with self._choosing:
            if self._leader is None or self._leader.done or self._leader.left:
                self._leader = arrival
            return self._leader is arrival

    def _lead(self, own: Arrival) -> None:
        if self._shared:
            time.sleep(0)  # whom the last leader called may come back before the next commit begins
        together = [own, *self._others(own)]
        self._shared = len(together) > 1
        try:
            self._add_all(together)
            for arrival in reversed(together):  # its own last: then it leads no more
                arrival.done = True
        finally:  # if it failed, each of the others tries it alone
            for arrival in together[1:]:
                arrival.call()

    def _others(self, own: Arrival) -> Iterator[Arrival]:
        for _ in range(self._most - 1):
            try:
                other = self._waiting.popleft()
            except IndexError:
                return
            if other is not own and not other.done and not other.left:
                yield other

    def _call_next(self) -> None:
        with suppress(IndexError):
            self._waiting[0].call()
