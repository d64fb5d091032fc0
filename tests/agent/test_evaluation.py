"""The figures are computed from the runs as they say."""

from __future__ import annotations

import math

import pytest

from agent.evaluation import drawn_layouts, layout_runs, shortest_run, steps_to_mastery
from agent.gridworld import GridWorld


def test_mastery_counts_the_steps_before_five_good_episodes_in_a_row() -> None:
    assert steps_to_mastery([250, 10, 12, 11, 10, 10, 10, 11, 99]) == 272
    assert steps_to_mastery([10] * 5) == 0
    assert steps_to_mastery([250, 10, 10, 10, 10]) is None
    assert steps_to_mastery([]) is None



def test_the_shortest_run_goes_by_key_and_door() -> None:
    assert [shortest_run(GridWorld(size)) for size in (5, 6, 7)] == [10, 12, 14]


def test_layouts_are_drawn_alike_from_a_seed_and_alternate() -> None:
    first, second = drawn_layouts(6, 3), drawn_layouts(6, 3)
    assert [(w.reset(), w.layout)[1] for w in first] == [(w.reset(), w.layout)[1] for w in second]
    assert [w.layout.locked for w in first] == [False, True] * 3


def test_memory_of_other_layouts_helps_on_layouts_never_seen() -> None:
    worlds = drawn_layouts(6, seed=77)
    _, memory_alone, control = layout_runs(0, worlds, training=12)
    assert sum(memory_alone) < 0.5 * sum(control)
