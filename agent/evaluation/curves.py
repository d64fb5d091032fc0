"""Curves: the rows of a table as medians and quartiles to draw, every agent beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agent import plots
from agent.evaluation.results import Result
from agent.evaluation.table import Row, groups


def panels(rows: Sequence[Row], x: str, y: str) -> dict[str, dict[str, plots.Curve]]:
    """By world and agent: each value of column ``x`` with the quartiles of column ``y`` over all runs that have it."""
    found: dict[str, dict[str, plots.Curve]] = {}
    for (world, agent), runs in groups(rows, "world", "agent").items():
        at = sorted(groups(runs, x).items())
        quartiles = [np.percentile([float(row[y]) for row in same], [25, 50, 75]) for _, same in at]
        low, median, high = np.transpose(quartiles).tolist()
        found.setdefault(world, {})[agent] = ([float(key[0]) for key, _ in at], low, median, high)
    return found


def draw(path: Path, result: Result) -> None:
    """Write the picture of a result as PNG; ImportError without matplotlib, ValueError where there is no curve."""
    curve = result.table.curve
    if curve is None:
        raise ValueError(f"the table {result.name} has no curve")
    drawn = panels(result.rows, curve.x, curve.y)
    plots.draw_curves(path, drawn, curve.x_label, curve.y_label, logarithmic=curve.logarithmic)
