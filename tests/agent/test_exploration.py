"""Explorers are told what is known, and look for what is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from agent.environment import UNSEEN, Observation, Pose
from agent.exploration import CuriousExplorer, Explorer, FrontierExplorer, RandomExplorer
from agent.knowledge import Knowledge
from agent.moves import Moves
from agent.trace import Trace
from agent.trials import ANY

UP, DOWN, LEFT, RIGHT, USE = range(5)
STEPS = {UP: (0, 1), DOWN: (0, -1), LEFT: (-1, 0), RIGHT: (1, 0)}
FLOOR, KEY = 0, 2


def walker() -> Knowledge:
    return Knowledge(Moves(seen={(action, ()): {step: 1} for action, step in STEPS.items()}, entered={FLOOR: 5}))


def room(cell: Pose, **tiles: int) -> Trace:
    """A floor of 5 x 5; ``at02=2`` puts tile 2 at (0, 2)."""
    grid = np.full((5, 5), FLOOR)
    for name, code in tiles.items():
        grid[int(name[2]), int(name[3])] = code
    return Trace(Observation(cell, grid, None))


def chosen(explorer: Explorer, trace: Trace, knowledge: Knowledge, *, must: bool = True) -> Sequence[int]:
    return explorer.choose(trace, knowledge, 5, np.random.default_rng(0), must=must)


def bored(knowledge: Knowledge, *tiles: int, times: int = 1) -> Knowledge:
    """Knowledge to which everything was tried on the tiles."""
    for tile in tiles:
        knowledge.trials.counts[None, "enter", tile, ANY] += times
        for contact in ("on", "by"):
            knowledge.trials.counts[None, contact, tile, USE] += times
    knowledge.trials.counts[None, "heading", (), USE] += times
    return knowledge


@pytest.mark.parametrize("explorer", [RandomExplorer(), FrontierExplorer()])
def test_who_does_not_look_for_new_things_chooses_only_when_it_must(explorer: Explorer) -> None:
    assert chosen(explorer, room((0, 0)), walker(), must=False) == []
    assert len(chosen(explorer, room((0, 0)), walker())) > 0


def test_the_frontier_is_the_nearest_pose_not_yet_been_to() -> None:
    trace = room((0, 0))
    trace.poses |= {(trace.circumstances, (x, y)) for x in range(5) for y in range(5) if (x, y) != (2, 0)}
    assert list(chosen(FrontierExplorer(), trace, walker())[:2]) == [RIGHT, RIGHT]


def test_curiosity_goes_to_what_was_never_tried() -> None:
    knowledge = bored(walker(), FLOOR, times=3)
    actions = chosen(CuriousExplorer(), room((0, 2), at22=KEY), knowledge, must=False)
    assert list(actions) in ([RIGHT, USE], [RIGHT, RIGHT])


def test_curiosity_tries_what_has_worked_elsewhere_first() -> None:
    knowledge = bored(walker(), FLOOR, times=3)
    knowledge.trials.worked[USE] = 5
    for seed in range(5):
        generator = np.random.default_rng(seed)
        trace = room((0, 2), at22=KEY)
        assert CuriousExplorer().choose(trace, knowledge, 5, generator, must=False) == [RIGHT, USE]


def test_curiosity_has_enough_when_all_was_tried_and_goes_on_when_it_must() -> None:
    knowledge = bored(walker(), FLOOR, KEY)
    assert chosen(CuriousExplorer(), room((0, 0), at44=KEY), knowledge, must=False) == []
    assert len(chosen(CuriousExplorer(), room((0, 0), at44=KEY), knowledge)) > 0


def test_curiosity_looks_where_it_could_not_see() -> None:
    knowledge = bored(walker(), FLOOR)
    assert list(chosen(CuriousExplorer(), room((0, 0), at30=UNSEEN), knowledge, must=False)) == [RIGHT] * 3


def test_what_is_known_to_work_with_something_else_in_the_hand_is_no_news() -> None:
    knowledge = bored(walker(), FLOOR)
    knowledge.trials.counts[None, "enter", KEY, ANY] = 1
    assert len(chosen(CuriousExplorer(), room((0, 0), at20=KEY), knowledge, must=False)) > 0
    knowledge._effective = (0, {("by", KEY, USE), ("on", KEY, USE)})
    assert chosen(CuriousExplorer(), room((0, 0), at20=KEY), knowledge, must=False) == []
