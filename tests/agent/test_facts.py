"""Facts say what is carried, in view, how far away and free, and nothing that names the world."""

from __future__ import annotations

import numpy as np

from agent import facts
from agent.environment import UNSEEN
from agent.moves import Moves

GRID = np.array([[0, 0, 7], [0, 9, 0], [7, 0, 0]])


def walker() -> Moves:
    """A body with one move, x + 1, that was on tiles 0 and 7, and was stopped by a 7 in this episode."""
    return Moves(seen={(0, ()): {(1, 0): 1}}, entered={0: 5, 7: 1}, barred={7: 2}, today={7: (0, 2)})


def test_the_facts_of_a_small_room() -> None:
    state = facts.derive((1, 0), (1, 0), GRID, 5, walker())
    assert {name: value for name, value in state.items() if not name.startswith("free.")} == {
        "carrying": 5,
        "seen.0": True,
        "seen.7": True,
        "seen.9": True,
        "tile.0.0": 0,
        "tile.1.0": 7,
    }
    free = {name for name in state if name.startswith("free.")}
    assert free == {facts.free(x - 1, y) for x in range(3) for y in range(3) if GRID[x, y] == 0}


def test_what_can_be_entered_is_said_of_the_cells_on_the_way_and_those_around() -> None:
    state = facts.derive((4, 4), (6, 4), np.zeros((12, 12), dtype=np.int64), None, walker())
    around = {facts.free(dx, dy) for dx in range(-2, 5) for dy in range(-2, 3)}
    assert {name for name in state if name.startswith("free.")} == around


def test_a_body_that_turns_has_a_heading() -> None:
    assert facts.derive((1, 0, 3), (1, 0), GRID, None, Moves())["heading.0"] == 3
    assert "heading.0" not in facts.derive((1, 0), (1, 0), GRID, None, Moves())


def test_what_is_not_in_view_is_not_seen() -> None:
    hidden = np.where(GRID == 7, UNSEEN, GRID)
    assert facts.circumstances(hidden, None) == {"carrying": None, "seen.0": True, "seen.9": True}


def test_what_may_be_needed_says_what_is_not_in_view_too() -> None:
    state = facts.derive((1, 0), (1, 0), GRID, 5, Moves())
    assert facts.needed(state, [7, 8]) == {"carrying": 5, "seen.7": True, "seen.8": None}
