"""A real file system on a drive that loses power: what was acknowledged is there, and without syncs it is not."""

from __future__ import annotations

import pytest

from tests.benchmarks.drive import missing
from tests.benchmarks.power_cuts import Cuts, drive

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


def test_a_power_cut_loses_nothing_that_was_acknowledged() -> None:
    with drive() as made:
        told = Cuts(made, seed=1).of_library(6, "full")
    assert told["lost"] == 0
    assert told["acknowledged"] > 0


def test_a_power_cut_loses_what_was_not_synced_or_it_would_be_none() -> None:
    with drive() as made:
        told = Cuts(made, seed=1).of_store(2, "os")
    assert told["cuts that lost some"] + told["unreadable or wrong"] == 2
