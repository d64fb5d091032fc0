"""Effects are told from two observations alone, and said in words."""

from __future__ import annotations

import numpy as np
import pytest

from agent.effect import Effect, detect
from agent.environment import Cell, Observation

NAMES = {0: "floor", 1: "key", 2: "closed door", 3: "open door", 4: "goal"}


def observation(cell: Cell, carrying: int | None = None, **tiles: int) -> Observation:
    """A 3 x 3 floor; ``at21=4`` puts tile 4 at (2, 1)."""
    grid = np.zeros((3, 3), dtype=np.int64)
    for name, code in tiles.items():
        grid[int(name[2]), int(name[3])] = code
    return Observation(cell, grid, carrying)


def test_walking_has_no_effect() -> None:
    assert detect(observation((0, 0), at22=1), observation((0, 1), at22=1), False, -0.1) is None


def test_picking_up_is_one_effect_at_the_cell_that_changed() -> None:
    found = detect(observation((2, 2), at22=1), observation((2, 2), carrying=1), False, 1.0)
    assert found == (Effect(tile=1, becomes=0, held=None, holds=1, ends=False), (2, 2))


def test_a_change_beside_the_agent_concerns_that_tile() -> None:
    found = detect(observation((1, 2), 1, at22=2), observation((1, 2), 1, at22=3), False, 2.0)
    assert found == (Effect(2, 3, held=1, holds=1, ends=False), (2, 2))


def test_of_several_changes_the_nearest_counts() -> None:
    found = detect(observation((2, 1)), observation((2, 1), at00=1, at22=3), False, 0.0)
    assert found is not None
    assert found[1] == (2, 2)


def test_an_end_that_pays_is_an_effect_and_one_that_does_not_is_none() -> None:
    before, after = observation((1, 2), at22=4), observation((2, 2), at22=4)
    assert detect(before, after, True, 10.0) == (Effect(4, 4, None, None, ends=True), (2, 2))
    assert detect(before, after, True, -1.0) is None


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (Effect(1, 0, None, 1, False), "acquire key"),
        (Effect(0, 1, 1, None, False), "give up key"),
        (Effect(2, 3, 1, 1, False), "turn closed door into open door"),
        (Effect(4, 4, 1, 1, True), "finish at goal"),
        (Effect(9, 9, 1, 1, True), "finish at tile 9"),
    ],
)
def test_effects_are_said_in_words(effect: Effect, words: str) -> None:
    assert effect.say(NAMES) == words


def test_an_effect_survives_packing() -> None:
    effect = Effect(2, 3, None, 1, True)
    assert Effect.unpack(effect.pack()) == effect
