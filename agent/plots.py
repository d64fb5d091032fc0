"""Plots: a run beside its control, in four panels. The only door to matplotlib, loaded at first use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.history import Episode, History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    Raises ImportError, naming the extra to install, without matplotlib, and ValueError without episodes.
    """
    if not len(history):
        raise ValueError("there is nothing to draw: the history has no episodes")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("drawing needs matplotlib: pip install 'skillstore[plot]'") from error
    figure = Figure(figsize=(10, 6.4), dpi=120, layout="constrained")
    for axes, (column, title) in zip(figure.subplots(2, 2, sharex=True).flat, PANELS, strict=True):
        _panel(axes, column, title, history, control)
    labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(*labels, loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, format="png")


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
