"""Report: a page made of kept results alone, so that it says nothing that was not printed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from agent.evaluation.figures import Line
from agent.evaluation.results import Result, kept

HEAD = """# What the agent learns

Every table on this page is the output of the command above it, written here by
`{command}` from the rows and figures kept in `{folder}`. Nothing is copied by hand.

How it is measured:

- **Only observations.** An agent is given its pose, a grid of opaque tile codes, what it carries, and the number of
  actions. It stands behind a curtain that passes on nothing else, and for each seed actions are reordered and renamed
  and tile codes are permuted: names of actions and tiles mean nothing to it.
- **Hidden layouts.** The layouts of the examination come from another stream of seeds than those of training, and a
  layout that was trained on is left out.
- **Steps over the shortest.** The shortest path is found by a search that knows everything and serves the evaluation
  alone.
  An episode that was not solved counts with all its steps, so its ratio is at least what is shown.
- **Controls.** `cleared` is the same agent with the same explorer, its memory cleared before each episode; `skills off`
  only explores, at random.
- **Worst seed** is the highest mean of one seed (for a rate, the lowest). Intervals of rates are Wilson's, at 95 %.
  `never` counts as infinitely many steps, in quartiles and medians too.
- A goal stands beside the figure that it was set for, and is met or not. A figure without a goal has none.

What others publish, of **a different problem class**: PPO is given 80,000 to 100,000 frames for DoorKey-5x5 and up to
800,000 for DoorKey-8x8; exploration bonuses such as RIDE and NovelD take 10^7 to 10^8 frames for the hard worlds of
MiniGrid. These learn from an egocentric view like pixels, without their position; the agent here is told its position
and heading, and searches in what it learned. The numbers say how large the budgets are, not that one method is better.
"""


def write(page: Path, folder: Path) -> int:
    """Write the page of all results in the folder; how many tables it has. Raises ValueError if there are none."""
    results = kept(folder)
    if not results:
        raise ValueError(f"there are no results in {folder}: run skillstore evaluate TABLE --out {folder} first")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text(results, page, folder), encoding="utf-8")
    return len(results)


def text(results: Sequence[Result], page: Path, folder: Path) -> str:
    """The page: how it is measured, which goals are met, then each table with its picture."""
    inward = Path(os.path.relpath(folder, page.parent)).as_posix()
    command = f"skillstore evaluate --out {folder.as_posix()} --report {page.as_posix()}"
    parts = [HEAD.format(command=command, folder=folder.as_posix()), _goals(results)]
    for result in results:
        parts.append(result.text())
        if (folder / f"{result.name}.png").exists():
            words = f"{result.table.title}: medians of all runs, quartiles shaded"
            parts.append(f"![{words}]({inward}/{result.name}.png)")
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _goals(results: Sequence[Result]) -> str:
    """How many goals are met, and the others by name."""
    lines = [line for result in results for line in result.lines() if line.met is not None]
    missed = [_missed(line) for line in lines if not line.met]
    said = f"## Goals\n\n{len(lines) - len(missed)} of {len(lines)} goals are met."
    return "\n".join([said, "", "Not met:", "", *missed]) if missed else said


def _missed(line: Line) -> str:
    middle, _, _, worst = line.values.cells()
    return f"- {line.figure} ({line.agent}): {line.goal}; it is {middle}" + (f", worst seed {worst}" if worst else "")
