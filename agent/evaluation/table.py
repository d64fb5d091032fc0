"""Tables: what is measured, by which runs, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.evaluation.figures import Line, Rate, Sample, Spread

Row = dict[str, Any]
"""One episode or one layout of one run: plain values, with ``world``, ``agent`` and ``seed`` among them."""


@dataclass(frozen=True)
class Effort:
    """How much each run does. ``frames`` limits the steps of a run in MiniGrid; None leaves it to the table.

    ``noise`` is how many look-alikes are added to a library.
    """

    training: int = 50
    hidden: int = 25
    episodes: int = 60
    frames: int | None = None
    noise: int = 10_000


@dataclass(frozen=True)
class Case:
    """One run: an agent in a world with a seed."""

    world: str
    agent: str
    seed: int
    effort: Effort = field(default_factory=Effort)

    def row(self, **values: Any) -> Row:
        """A row of this run."""
        return {"world": self.world, "agent": self.agent, "seed": self.seed, **values}


@dataclass(frozen=True)
class Curve:
    """Which columns of the rows are drawn against each other, and what the axes are called."""

    x: str
    y: str
    x_label: str
    y_label: str
    logarithmic: bool = False


@dataclass(frozen=True)
class Table:
    """``pairs`` are the worlds and agents; ``trial`` makes the rows of one run, ``lines`` the figures of all rows.

    Without a ``curve`` there is nothing to draw. ``effort`` names what of an Effort its runs go by.
    """

    name: str
    title: str
    about: str
    pairs: tuple[tuple[str, str], ...]
    trial: Callable[[Case], list[Row]]
    lines: Callable[[Sequence[Row]], list[Line]]
    curve: Curve | None
    effort: tuple[str, ...] = ("training", "hidden")

    def cases(self, seeds: Iterable[int], effort: Effort, worlds: Sequence[str] = ()) -> list[Case]:
        """The runs of the table, in ``worlds`` or in all; seed by seed, so that early figures are whole ones."""
        pairs = [(world, agent) for world, agent in self.pairs if not worlds or world in worlds]
        return [Case(world, agent, seed, effort) for seed in seeds for world, agent in pairs]

    @property
    def worlds(self) -> tuple[str, ...]:
        """The worlds of the table, each once."""
        return tuple(dict.fromkeys(world for world, _ in self.pairs))


def groups(rows: Iterable[Row], *columns: str) -> dict[tuple[Any, ...], list[Row]]:
    """The rows by their values in some columns, in order of appearance."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[column] for column in columns), []).append(row)
    return found


def samples(rows: Iterable[Row], column: str) -> list[Sample]:
    """A column of the rows, each value with its seed."""
    return [(row["seed"], float(row[column])) for row in rows]


def spread(rows: Iterable[Row], column: str) -> Spread:
    """The spread of a column."""
    return Spread.of(samples(rows, column))


def rate(rows: Iterable[Row], column: str) -> Rate:
    """The rate of a column of truth values."""
    return Rate.of(samples(rows, column))
