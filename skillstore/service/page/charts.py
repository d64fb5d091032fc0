"""Charts: where lines and bars lie. Templates draw them, so that every word in them is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from skillstore.service.page import worded
from skillstore.service.uses import Use

WIDTH, HEIGHT = 440, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 26
_MOST_POINTS = 240
_STRIP_HEIGHT = 44

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """`number` tells lines apart by colour and dash; `path` is what a polyline takes."""

    label: str
    number: int
    path: str
    end: tuple[float, float]
    last: str


@dataclass(frozen=True)
class Chart:
    """`rows` and `columns`: where the marks of an axis lie, and their words; `words`: all of it for who cannot see."""

    title: str
    words: str
    lines: list[Line]
    rows: list[tuple[float, str]]
    columns: list[tuple[float, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


@dataclass(frozen=True)
class Strip:
    """One bar for each use, the oldest first: up for a success, down for a failure."""

    words: str
    bars: list[tuple[int, int, bool, str]]
    width: int
    height: int = _STRIP_HEIGHT


def curve(title: str, series: Sequence[tuple[str, Points]], *, share: bool = False) -> Chart | None:
    """Lines over episodes; None where there is nothing to draw. `share`: the values lie in [0, 1]."""
    known = [(label, points) for label, points in series if points]
    if not known:
        return None
    xs = [x for _, points in known for x, _ in points]
    ys = [y for _, points in known for _, y in points]
    low, high = (0.0, 1.0) if share else (min(0.0, min(ys)), max(ys))
    marks = [0.0, 0.5, 1.0] if share else _marks(low, high)
    scale = _Scale(min(xs), max(xs), marks[0], marks[-1])
    shown = worded.percent if share else _plain
    lines = [
        _line(label, number, points, scale, shown(points[-1][1]))
        for number, (label, points) in enumerate(series)
        if points
    ]
    words = f"{title}: " + "; ".join(f"{line.label} now {line.last}" for line in lines)
    columns = [(scale.x(x), _plain(x)) for x in sorted({min(xs), max(xs)})]
    return Chart(title, words, lines, [(scale.y(mark), shown(mark)) for mark in marks], columns)


def outcomes(uses: Sequence[Use]) -> Strip | None:
    """None before the first use."""
    if not uses:
        return None
    wide = 7
    bars = [
        (number * wide, wide - 2, use.success, f"{'succeeded' if use.success else 'failed'} {worded.ago(use.when)}")
        for number, use in enumerate(uses)
    ]
    good = sum(use.success for use in uses)
    words = (
        "The last use " + ("succeeded" if good else "failed")
        if len(uses) == 1
        else (f"{good} of the last {len(uses)} uses succeeded")
    )
    return Strip(words, bars, max(wide * len(uses), 140))


def mean_of_last(points: Points, length: int) -> list[tuple[float, float]]:
    """Each point as the mean of it and those before it, `length` in all."""
    means, total = [], 0.0
    for number, (x, y) in enumerate(points):
        total += y - (points[number - length][1] if number >= length else 0.0)
        means.append((x, total / min(number + 1, length)))
    return means


class _Scale:
    def __init__(self, x0: float, x1: float, y0: float, y1: float) -> None:
        self._x0, self._wide = x0, (x1 - x0) or 1.0
        self._y0, self._high = y0, (y1 - y0) or 1.0

    def x(self, value: float) -> float:
        return round(_LEFT + (value - self._x0) / self._wide * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - _BOTTOM - (value - self._y0) / self._high * (HEIGHT - _TOP - _BOTTOM), 1)


def _line(label: str, number: int, points: Points, scale: _Scale, last: str) -> Line:
    places = [(scale.x(x), scale.y(y)) for x, y in _thinned(points)]
    return Line(label, number % 4, " ".join(f"{x},{y}" for x, y in places), places[-1], last)


def _thinned(points: Points) -> Points:
    """Few enough to send, the first and the last among them."""
    if len(points) <= _MOST_POINTS:
        return points
    step = (len(points) - 1) / (_MOST_POINTS - 1)
    return [points[round(number * step)] for number in range(_MOST_POINTS)]


def _marks(low: float, high: float) -> list[float]:
    """Three to six round numbers around all values.

    >>> _marks(0, 87)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if span / (power * factor) <= 5)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    marks = [round(number * step, 9) for number in range(first, last + 1)]
    assert all(one < other for one, other in pairwise(marks))  # noqa: S101 - a scale goes up
    return marks


def _plain(value: float) -> str:
    return worded.number(int(value)) if float(value).is_integer() else f"{value:.3g}"
