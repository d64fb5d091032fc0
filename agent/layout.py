"""Where things stand in a GridWorld: the tutorial's fixed places, and places drawn by a generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.environment import Cell

SMALLEST = 5


@dataclass(frozen=True)
class Layout:
    """One arrangement; all cells are distinct and inside a square of ``size`` cells a side."""

    size: int
    start: Cell
    key: Cell
    door: Cell
    goal: Cell
    box: Cell
    walls: frozenset[Cell] = frozenset()
    locked: bool = False


def tutorial(size: int, _generator: np.random.Generator) -> Layout:
    """The fixed places: start (0, 0), key (2, 2), door (3, 3), box (1, 3), goal in the far corner."""
    return Layout(size, start=(0, 0), key=(2, 2), door=(3, 3), goal=(size - 1, size - 1), box=(1, 3))


def open_room(size: int, generator: np.random.Generator) -> Layout:
    """One room without walls; start, key, door, goal and box anywhere."""
    cells = [(x, y) for x in range(size) for y in range(size)]
    start, key, door, goal, box = _draw(cells, 5, generator)
    return Layout(size, start, key, door, goal, box)


def locked_room(size: int, generator: np.random.Generator) -> Layout:
    """Two rooms, a wall between them, a door in the wall; start, key and box on one side, goal on the other.

    The wall stands upright or lies flat, and the start is on either side of it.
    """
    place, gap = int(generator.integers(1, size - 1)), int(generator.integers(size))
    flat, swapped = bool(generator.integers(2)), bool(generator.integers(2))
    wall = [_turned((place, step), flat) for step in range(size)]
    first = [_turned((x, y), flat) for x in range(place) for y in range(size)]
    second = [_turned((x, y), flat) for x in range(place + 1, size) for y in range(size)]
    here, there = (second, first) if swapped else (first, second)
    start, key, box = _draw(here, 3, generator)
    (goal,) = _draw(there, 1, generator)
    door = wall.pop(gap)
    return Layout(size, start, key, door, goal, box, walls=frozenset(wall), locked=True)


LAYOUTS: dict[str, Callable[[int, np.random.Generator], Layout]] = {
    "tutorial": tutorial,
    "open": open_room,
    "locked": locked_room,
}


def _draw(cells: Sequence[Cell], count: int, generator: np.random.Generator) -> list[Cell]:
    return [cells[index] for index in generator.permutation(len(cells))[:count].tolist()]


def _turned(cell: Cell, flat: bool) -> Cell:
    return (cell[1], cell[0]) if flat else cell
