"""Grids: the GridWorlds of the tables, those for training and those kept hidden until the examination."""

from __future__ import annotations

from collections.abc import Sequence

from agent.environment import Environment
from agent.evaluation import seeds
from agent.gridworld import GridWorld
from agent.layout import Layout
from agent.worlds.curtain import Curtain
from agent.worlds.disguise import Disguise
from agent.worlds.slips import Slips


def training(run: int, world: str, count: int) -> list[GridWorld]:
    """``count`` layouts for a run to train on; ``world`` is a layout's name and a size, e.g. ``locked 8``."""
    return [_fixed(world, number) for number in seeds.drawn(run, seeds.TRAINING, count)]


def hidden(run: int, world: str, count: int, known: Sequence[GridWorld] = ()) -> list[GridWorld]:
    """``count`` layouts of a stream of their own, none of them a layout of ``known``, all different.

    Raises ValueError where so many cannot be found.
    """
    met = {_layout(grid) for grid in known}
    found: list[GridWorld] = []
    for number in seeds.drawn(run, seeds.HIDDEN, 10 * count + 100):
        grid = _fixed(world, number)
        if len(found) < count and _layout(grid) not in met:
            met.add(_layout(grid))
            found.append(grid)
    if len(found) < count:
        raise ValueError(f"there are no {count} layouts of {world} that were never met")
    return found


def shown(world: Environment, run: int, *, slips: float = 0.0) -> Curtain:
    """The world as the agents of a run are given it: its actions and tiles in disguise, a curtain before it."""
    (disguise,) = seeds.drawn(run, seeds.DISGUISE, 1)
    disguised = Disguise(world, disguise)
    return Curtain(Slips(disguised, slips) if slips else disguised)


def _fixed(world: str, number: int) -> GridWorld:
    layout, size = world.split()
    return GridWorld(int(size), layout=layout, layout_seed=number)


def _layout(grid: GridWorld) -> Layout:
    grid.reset()
    return grid.layout
