"""Figures: what many runs come to, said so that the worst of them is not hidden."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_Z = 1.96  # 95 % of a normal distribution

Sample = tuple[int, float]  # the seed of a run, and a value of it


@dataclass(frozen=True)
class Spread:
    """Quartiles and mean over all values; ``worst`` is the highest mean of one seed. Less is better.

    A value of infinity stands for what never happened.
    """

    low: float
    median: float
    high: float
    mean: float
    worst: float
    count: int

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Spread:
        """The spread of at least one sample; ValueError for none."""
        seeds = _by_seed(samples)
        values = [value for group in seeds.values() for value in group]
        low, median, high = (float(part) for part in np.percentile(values, [25, 50, 75], method="inverted_cdf"))
        worst = max(float(np.mean(group)) for group in seeds.values())
        return cls(low, median, high, float(np.mean(values)), worst, len(values))

    def cells(self) -> list[str]:
        """Median, quartiles, mean and worst seed in words."""
        low, median, high, mean, worst = map(number, (self.low, self.median, self.high, self.mean, self.worst))
        return [f"**{median}**", f"{low} to {high}", mean, worst]


@dataclass(frozen=True)
class Rate:
    """How many of ``count`` went well, with Wilson's (1927) 95 % interval; ``worst`` is the lowest rate of a seed."""

    good: int
    count: int
    worst: float

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Rate:
        """The rate of at least one sample, each 1 or 0; ValueError for none."""
        seeds = _by_seed(samples)
        values = [value for group in seeds.values() for value in group]
        return cls(int(sum(values)), len(values), min(float(np.mean(group)) for group in seeds.values()))

    @property
    def value(self) -> float:
        """The share that went well."""
        return self.good / self.count

    @property
    def bounds(self) -> tuple[float, float]:
        """The ends of the Wilson interval."""
        n, rate = self.count, self.value
        centre = rate + _Z * _Z / (2 * n)
        margin = _Z * math.sqrt(rate * (1 - rate) / n + _Z * _Z / (4 * n * n))
        scale = 1 + _Z * _Z / n
        return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)

    def cells(self) -> list[str]:
        """Rate, Wilson interval, count and worst seed in words."""
        low, high = self.bounds
        return [
            f"**{percent(self.value)}**", f"{percent(low)} to {percent(high)}", f"{self.good} of {self.count}",
            percent(self.worst),
        ]  # fmt: skip


@dataclass(frozen=True)
class Number:
    """One number made of others, such as a ratio of two medians."""

    value: float

    def cells(self) -> list[str]:
        """The number alone."""
        return ["**without limit**" if math.isinf(self.value) else f"**{number(self.value)}**", "", "", ""]


@dataclass(frozen=True)
class Line:
    """One figure of one agent; ``goal`` and whether it is ``met`` where one was set."""

    figure: str
    agent: str
    values: Spread | Rate | Number
    goal: str = ""
    met: bool | None = None

    def cells(self) -> list[str]:
        """The line of a table."""
        reached = {None: "", True: "yes", False: "**no**"}[self.met]
        return [self.figure, self.agent, *self.values.cells(), self.goal, reached]


def aimed(figure: str, agent: str, values: Spread | Rate | Number, goal: str, met: bool, *, aims: bool = True) -> Line:
    """A line with its goal, unless the goal is not for this agent."""
    return Line(figure, agent, values, goal, met) if aims else Line(figure, agent, values)


HEAD = ("figure", "agent", "median or rate", "quartiles or 95 % interval", "mean or count", "worst seed", "goal", "met")


def markdown(lines: Sequence[Line]) -> str:
    """The lines as a table in Markdown, those of one figure together, its name said once."""
    figures: dict[str, list[Line]] = {}
    for line in lines:
        figures.setdefault(line.figure, []).append(line)
    rows: list[Sequence[str]] = [HEAD, ("---",) * len(HEAD)]
    for same in figures.values():
        rows += [same[0].cells(), *(["", *line.cells()[1:]] for line in same[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def number(value: float) -> str:
    """As many digits as say something; infinity is ``never``."""
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percent(share: float) -> str:
    """In percent, with one digit unless it is whole."""
    return f"{100 * share:.1f} %" if round(100 * share, 1) % 1 else f"{100 * share:.0f} %"


def _by_seed(samples: Iterable[Sample]) -> dict[int, list[float]]:
    seeds: dict[int, list[float]] = {}
    for seed, value in samples:
        seeds.setdefault(seed, []).append(float(value))
    if not seeds:
        raise ValueError("there are no runs to make a figure of")
    return seeds
