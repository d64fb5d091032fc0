"""Plots: a run beside its control, and the curves of a table. The only door to matplotlib, loaded at first use."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.history import Episode, History
from skillstore import InvalidInputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]]
"""x, and for each x lower quartile, median and upper quartile of the runs."""
Panels = Mapping[str, Mapping[str, Curve]]
"""World, then agent."""

WITH_SKILLS, WITHOUT = "#1b6ca8", "#c8642d"  # told apart by the colour-blind, and in print by their lightness
PANELS = (
    ("reward", "Reward per episode"),
    ("steps", "Steps per episode (fewer is better)"),
    ("skills", "Skills in the library"),
    ("uses", "Skills used so far"),
)


def draw(path: str | Path, history: History, control: History) -> None:
    """Write a PNG of reward, steps, skills in the library and cumulative uses by episode, with the control.

    In the upper panels the points are episodes and the lines means over the last tenth of the run so far.
    Raises ImportError, naming the extra to install, without matplotlib, and InvalidInputError without episodes.
    """
    if not len(history):
        raise InvalidInputError("there is nothing to draw: the history has no episodes")
    figure = _figure(10, 6.4)
    for axes, (column, title) in zip(figure.subplots(2, 2, sharex=True).flat, PANELS, strict=True):
        _panel(axes, column, title, history, control)
    labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(*labels, loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, format="png")


def draw_curves(path: str | Path, panels: Panels, x_label: str, y_label: str, *, logarithmic: bool = False) -> None:
    """Write a PNG with a panel for each world: for each agent the median over its runs, its quartiles shaded.

    An agent of which there is one point is drawn as a level line. Raises ImportError, naming the extra to install,
    without matplotlib, and InvalidInputError without panels.
    """
    if not panels:
        raise InvalidInputError("there is nothing to draw: there are no curves")
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = _figure(max(8.5, 4.6 * columns + 1), 3.6 * rows + 1)
    every = figure.subplots(rows, columns, squeeze=False, sharey=True).flat
    agents = list(dict.fromkeys(agent for curves in panels.values() for agent in curves))
    for axes, (world, curves) in zip(every, panels.items(), strict=False):
        for agent, curve in curves.items():
            _curve(axes, agent, curve, agents.index(agent))
        axes.set_title(world, loc="left", fontsize=11)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.set_yscale("log" if logarithmic else "linear")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in list(figure.axes)[len(panels) :]:
        axes.set_visible(False)
    labels = {
        label: line for axes in figure.axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, format="png")


def _curve(axes: Axes, agent: str, curve: Curve, number: int) -> None:
    x, low, median, high = curve
    look: dict[str, Any] = {"color": f"C{number % 10}", "linestyle": ("-", "--", ":")[number // 4 % 3]}
    if len(x) == 1:
        axes.axhline(median[0], label=agent, linewidth=1.5, **look)
        axes.axhspan(low[0], high[0], color=look["color"], alpha=0.1)
    else:
        axes.plot(x, median, label=agent, linewidth=1.5, **look)
        axes.fill_between(x, low, high, color=look["color"], alpha=0.12, linewidth=0)


def _figure(width: float, height: float) -> Figure:
    """A figure that draws into files, whatever backend is set; the user's pyplot is neither loaded nor changed."""
    try:
        _import_matplotlib()
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("drawing needs matplotlib: pip install 'skillstore[plot]'") from error
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _import_matplotlib() -> None:
    """Load matplotlib whatever MPLBACKEND says: its import fails where that names a backend it cannot find.

    Jupyter sets the variable for every program it starts, also for those of other environments. A backend that can be
    found stays the user's, for pyplot.
    """
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend


def _panel(axes: Axes, column: str, title: str, history: History, control: History) -> None:
    width = max(1, len(history) // 10)
    for run, label, colour in ((control, "control: skills off", WITHOUT), (history, "with skills", WITH_SKILLS)):
        episodes, values = _column(run.episodes, column)
        if column in ("reward", "steps"):
            axes.plot(episodes, values, "o", color=colour, markersize=3, alpha=0.35)
            values = _trailing_mean(values, width)
        axes.plot(episodes, values, color=colour, linewidth=2, label=label)
    mean = f"; line: mean of the last {width}" if column in ("reward", "steps") and width > 1 else ""
    axes.set_title(title + mean, loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if column != "reward":
        axes.set_ylim(bottom=0 if column == "steps" else None)
    if column in ("skills", "uses"):
        axes.set_xlabel("episode")


def _column(episodes: Sequence[Episode], name: str) -> tuple[list[int], list[float]]:
    return [episode.index + 1 for episode in episodes], [float(getattr(episode, name)) for episode in episodes]


def _trailing_mean(values: Sequence[float], width: int) -> list[float]:
    return [float(np.mean(values[max(0, end - width) : end])) for end in range(1, len(values) + 1)]
