"""Learning: the curves of training runs, as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skillstore.service.page import charts, curves
from skillstore.service.page.asked import Answer, Asked, Page, Unchanged
from skillstore.service.page.charts import Chart, mean_of_last
from skillstore.service.page.curves import Run

WINDOW = 10
"""Episodes over which is averaged."""
_LATELY = 8


def show(asked: Asked) -> Answer:
    """All curves; nothing, to who has `seen` what there is."""
    found = curves.keys(asked)
    seen = curves.mark(found)
    if asked.query.get("seen") == seen:
        return Unchanged()
    runs, others = curves.runs(asked, found)
    shown: dict[str, Any] = {
        "runs": runs,
        "others": others,
        "seen": seen,
        "charts": [chart for chart in _charts(runs) if chart is not None],
        "window": WINDOW,
        "learned": _learned(runs),
        "most": curves.MOST_EPISODES,
    }
    return Page("learning.html", shown)


def _charts(runs: Sequence[Run]) -> list[Chart | None]:
    """Means of the last episodes, as single ones jump about; what only grows as it is."""

    def means(field: str) -> list[tuple[str, charts.Points]]:
        return [(run.name, mean_of_last(run.points(field), WINDOW)) for run in runs]

    growing = [(run.name, run.points("skills") if any(e["skills"] for e in run.episodes) else []) for run in runs]
    return [
        charts.curve("Steps to the end", means("steps")),
        charts.curve("Reward", means("reward")),
        charts.curve("Successes", means("success"), share=True),
        charts.curve("Skills to draw on", growing),
    ]


def _learned(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The newest kinds of skills, and in which episode they came."""
    found = [
        {"run": run.name, "episode": int(episode["index"]) + 1, "names": episode["learned"]}
        for run in runs
        for episode in run.episodes
        if episode["learned"]
    ]
    return sorted(found, key=lambda each: -each["episode"])[:_LATELY]
