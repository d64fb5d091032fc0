"""Plots: the picture of `skillstore bench`. With `agent.plots`, one of the two modules that know matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def draw(path: Path, figures: list[dict[str, Any]], count: int, dim: int) -> None:
    """Milliseconds against the share of skills that apply, for each row that has one, as a PNG.

    Raises ImportError, saying what to install, if matplotlib is not there.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter
    except ImportError:
        raise ImportError("matplotlib is not installed; pip install 'skillstore[plot]' draws the picture") from None
    rows = sorted((row for row in figures if row["row"].endswith("%")), key=lambda row: row["applicable"])
    shares = [100 * row["applicable"] for row in rows]
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, label, colour in (
        ("flat ms", "flat FAISS index and a bitmap", "#8a8a8a"),
        ("new ms", "skillstore, state never asked before", "#c8642d"),
        ("again ms", "skillstore, state asked before", "#1f6aa5"),
    ):
        times = [row[name] for row in rows]
        axes.plot(shares, times, marker="o", color=colour, linewidth=2, label=label)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="skills that apply, %",
        ylabel="milliseconds, median of whole calls",
        title=f"The 10 best of the skills that apply: {count:,} skills, {dim} dimensions",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(FuncFormatter(lambda _value, _place: ""))
    axes.set_ylim(bottom=min(row["again ms"] for row in rows) / 2)
    axes.legend(frameon=False)
    axes.grid(alpha=0.25, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
