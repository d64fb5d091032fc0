"""The figures are computed from the runs as they say."""

from __future__ import annotations

import math

import pytest

from agent.evaluation.figures import Line, Number, Rate, Spread, aimed, markdown, number, percent
from agent.evaluation.mastery import mastered, steps_to_mastery


def test_mastery_counts_the_steps_before_five_good_episodes_in_a_row() -> None:
    assert steps_to_mastery([250, 10, 12, 11, 10, 10, 10, 11, 99]) == 272
    assert steps_to_mastery([10] * 5) == 0
    assert steps_to_mastery([250, 10, 10, 10, 10]) is None
    assert steps_to_mastery([]) is None


def test_mastered_is_the_first_time_that_enough_of_the_last_were_solved() -> None:
    assert mastered([True] * 20) == 20
    assert mastered([False] * 3 + [True] * 18) == 21
    assert mastered([True] * 17 + [False] * 100) is None
    assert mastered([True] * 19) is None


def test_a_spread_pools_the_runs_but_not_the_worst_seed() -> None:
    spread = Spread.of([(1, 1.0), (1, 1.0), (1, 1.0), (2, 2.0), (2, 8.0), (2, 3.0)])
    assert (spread.low, spread.median, spread.high) == (1.0, 1.0, 3.0)
    assert spread.mean == pytest.approx(16 / 6)
    assert spread.worst == pytest.approx(13 / 3)
    assert spread.count == 6


def test_what_never_came_counts_as_worse_than_all() -> None:
    spread = Spread.of([(seed, value) for seed, value in enumerate([3.0, math.inf, 5.0, math.inf])])
    assert spread.cells() == ["**5.00**", "3.00 to never", "never", "never"]


def test_a_rate_has_wilsons_interval() -> None:
    """Against the values of a published table (Agresti and Coull 1998): 0 of 10, 5 of 10."""
    assert Rate.of([(0, 0)] * 10).bounds == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert Rate.of([(0, 1)] * 5 + [(0, 0)] * 5).bounds == pytest.approx((0.2366, 0.7634), abs=1e-3)
    assert Rate.of([(0, 1)] * 20).bounds == pytest.approx((0.8389, 1.0), abs=1e-3)


def test_a_rate_names_its_worst_seed() -> None:
    rate = Rate.of([(1, True), (1, True), (2, True), (2, False)])
    assert (rate.good, rate.count, rate.worst, rate.value) == (3, 4, 0.5, 0.75)


def test_no_runs_make_no_figure() -> None:
    for kind in (Spread, Rate):
        with pytest.raises(ValueError, match="no runs"):
            kind.of([])


def test_the_table_says_goal_and_whether_it_is_met() -> None:
    lines = [
        aimed("steps", "ours", Number(3.0), "at most 2", met=False),
        Line("rate", "ours", Rate(1, 2, 0.0)),
        aimed("steps", "control", Number(99.5), "at most 2", met=False, aims=False),
    ]
    rows = markdown(lines).splitlines()
    assert rows[2] == "| steps | ours | **3.00** |  |  |  | at most 2 | **no** |"
    assert rows[3] == "|  | control | **99.5** |  |  |  |  |  |"
    assert rows[4].startswith("| rate | ours | **50 %** |")
    assert len({row.count("|") for row in rows}) == 1


def test_numbers_in_words() -> None:
    assert [number(value) for value in (1.004, 12.34, 1234.5, math.inf)] == ["1.00", "12.3", "1,234", "never"]
    assert [percent(share) for share in (1.0, 0.5, 0.9984, 0.99999)] == ["100 %", "50 %", "99.8 %", "100 %"]
