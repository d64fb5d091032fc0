"""No crash at any call of a library's life loses what was acknowledged, or leaves anything that cannot be used."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.crashes.points import counted, end, points
from tests.crashes.workloads import WORKLOADS, holed, lived, recovered

EVERY = {"create": 5, "create again": 5}
"""Of how many points one is looked at here, else of 19; `python -m tests.benchmarks.crashes` looks at all."""


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_crash_at_any_call_loses_nothing_acknowledged(name: str) -> None:
    life = lived(name, 0)
    assert end(life) == life.after
    tally = counted(life, islice(points(life, cuts=3, seeds=6), 5, None, EVERY.get(name, 19)))
    assert not tally.wrong, tally.first
    assert len(tally.models) == 8  # that is all of them
    assert len(tally.images) > 25


def test_a_crash_at_any_call_of_a_recovery_loses_nothing_acknowledged() -> None:
    life = recovered(holed(), 0)
    assert end(life) == life.after
    tally = counted(life, islice(points(life, cuts=3, seeds=6), 0, None, 19))
    assert not tally.wrong, tally.first
