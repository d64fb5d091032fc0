"""Plots: the picture of `skillstore bench`. With `agent.plots`, one of the two modules that know matplotlib."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

Figures = dict[str, Any]
Line = list[tuple[float, float, float]]
"""(x, milliseconds, recall), ascending by x."""

_OURS = {"skillstore, new state": ("#d55e00", "-"), "skillstore, asked before": ("#d55e00", (0, (2, 1)))}
_OTHERS = ("#000000", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f5f00", "#5b3f8c", "#8a8a8a")
"""Okabe and Ito's colours, which the colour-blind can tell apart, and two more; markers tell them apart too."""
_MARKERS = "sDv^<>PXdp"
_MIDDLE = "29 %"


def draw(path: Path, rows: list[Figures]) -> None:
    """Milliseconds, and recall below, as a PNG: against the share of skills that apply, for the largest library; and
    against the number of skills, and of dimensions, where there are several.

    Raises ImportError, saying what to install, if matplotlib is not there, and ValueError where there is no line.
    """
    try:
        _import_matplotlib()
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("matplotlib is not installed; pip install 'skillstore[plot]' draws the picture") from None
    columns = _columns(rows)
    if not columns:
        raise ValueError("a picture needs several sizes, or a row that is a share of the skills, such as '29 %'")
    figure = Figure(figsize=(1.5 + 6.5 * len(columns), 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, len(columns), sharex="col", squeeze=False, height_ratios=(2.2, 1))
    for (times, recalls), (title, label, lines) in zip(grid.T, columns, strict=True):
        _draw_column(times, recalls, lines)
        times.set_title(title, loc="left", fontsize=11)
        recalls.set_xlabel(label)
    grid[0][0].set_ylabel("milliseconds, median of whole calls")
    grid[1][0].set_ylabel("recall of the 10 best")
    figure.savefig(path, dpi=120)


def _import_matplotlib() -> None:
    """Load matplotlib whatever MPLBACKEND says: its import fails where that names a backend it cannot find.

    A backend that can be found stays the user's, for pyplot.
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


def _columns(rows: list[Figures]) -> list[tuple[str, str, dict[str, Line]]]:
    """(title, label of x, lines by contender) of each column of the picture."""
    count, dim = max((row["skills"], row["dim"]) for row in rows)
    shares = [row for row in rows if (row["skills"], row["dim"]) == (count, dim) and row["row"].endswith("%")]
    columns = [
        (f"{count:,} skills, {dim} dimensions", "skills that apply, %", _lines(shares, lambda r: 100 * r["applicable"]))
    ]
    names = [row["row"] for row in rows]
    name = _MIDDLE if _MIDDLE in names else names[0]
    for key, label, fixed, value in (("skills", "skills", "dim", dim), ("dim", "dimensions", "skills", count)):
        along = [row for row in rows if row["row"] == name and row[fixed] == value]
        if len(along) > 1:
            unit = "dimensions" if fixed == "dim" else "skills"
            columns.append((f"{name} apply, {value:,} {unit}", label, _lines(along, lambda r, key=key: r[key])))
    return [column for column in columns if column[2]]


def _lines(rows: list[Figures], x: Any) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for row in sorted(rows, key=x):
        peers = {name: (peer["ms"], peer["recall"]) for name, peer in row["peers"].items()}
        flat = {"flat index, bitmap": peers.pop("faiss-flat", (row["flat ms"], 1.0))}
        times = [row["alone"][name]["ms"] if peers else row[f"{name} ms"] for name in ("new", "again")]
        ours = {name: (spent, row["recall"]) for name, spent in zip(_OURS, times, strict=True)}
        for name, (milliseconds, recall) in {**flat, **peers, **ours}.items():
            lines.setdefault(name, []).append((x(row), milliseconds, recall))
    return lines


def _draw_column(times: Any, recalls: Any, lines: dict[str, Line]) -> None:
    others = [name for name in lines if name not in _OURS]
    for name, line in lines.items():
        x, milliseconds, recall = np.array(line).T
        if name in _OURS:
            colour, dashes = _OURS[name]
            style = {"color": colour, "linestyle": dashes, "linewidth": 3.5, "marker": "o", "zorder": 3}
        else:
            place = others.index(name)
            style = {"color": _OTHERS[place], "linewidth": 1.3, "marker": _MARKERS[place], "markersize": 5}
        times.plot(x, milliseconds, **style)
        recalls.plot(x, recall, **style)
    for axes in (times, recalls):
        axes.set_xscale("log")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    times.set_yscale("log")
    recalls.set_ylim(-0.03, 1.05)
    _plain_ticks(times.yaxis)
    _plain_ticks(recalls.xaxis, sorted({x for line in lines.values() for x, _, _ in line}))
    _label_ends(times, lines, others)


def _plain_ticks(axis: Any, places: list[float] | None = None) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if places is not None:
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:.2g}"))


def _label_ends(axes: Any, lines: dict[str, Line], others: list[str]) -> None:
    """The name of each line at its right end, moved apart where they would overlap."""
    low, high = np.log(axes.get_ylim())
    ends = sorted((float((np.log(line[-1][1]) - low) / (high - low)), name) for name, line in lines.items())
    gap = 0.048
    places: list[float] = []
    for height, _ in ends:
        places.append(max(height, places[-1] + gap) if places else height)
    excess = max(0.0, places[-1] - 1.0)
    for (_, name), place in zip(ends, places, strict=True):
        ours = name in _OURS
        colour = _OURS[name][0] if ours else _OTHERS[others.index(name)]
        weight = "bold" if ours else "normal"
        axes.annotate(
            name,
            xy=lines[name][-1][:2],
            xytext=(1.04, place - excess),
            textcoords="axes fraction",
            color=colour,
            fontsize=9,
            fontweight=weight,
            va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "alpha": 0.6},
        )
