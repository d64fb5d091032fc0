"""Mutants: a record as it were if the code left out a call, or made some calls in another order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.crashes.life import Lived
from tests.crashes.record import Call

Some = Callable[[Call], bool]


def without(life: Lived, left_out: Some) -> Lived:
    """The life of a library whose code does not make these calls."""
    return replace(life, calls=[call for call in life.calls if not left_out(call)])


def with_first(life: Lived, some: Some, before: Some) -> Lived:
    """The life of a library whose code makes `some` calls before those `before`, wherever it makes both in one change.

    All that stood between the first of the one and the last of the other keeps its order otherwise.
    """
    calls: list[Call] = []
    stretch: list[Call] = []
    for call in [*life.calls, Call("end")]:
        if call.is_mark or call.verb == "end":
            calls += [*_with_first(stretch, some, before), call]
            stretch = []
        else:
            stretch.append(call)
    return replace(life, calls=calls[:-1])


def _with_first(stretch: list[Call], some: Some, before: Some) -> list[Call]:
    place = next((number for number, call in enumerate(stretch) if before(call)), len(stretch))
    moved = [call for call in stretch[place:] if some(call)] if place < len(stretch) else []
    return [*stretch[:place], *moved, *(call for call in stretch[place:] if call not in moved)]
