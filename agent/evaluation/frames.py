"""Frames: how many steps in a MiniGrid environment a learner needs, a fresh grid each episode."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent.evaluation import contenders as who
from agent.evaluation import seeds
from agent.evaluation.figures import Line
from agent.evaluation.grids import shown
from agent.evaluation.mastery import ENOUGH, LAST, mastered
from agent.evaluation.shortest import USELESS, shortest_in_minigrid
from agent.evaluation.table import Case, Row, groups, rate, spread
from agent.worlds.minigrid import MiniGrid

FIGURE = f"frames to {ENOUGH / LAST:.0%} success of the last {LAST} episodes"
AFTERWARDS = f"solved of the {LAST} episodes after that"
MOST_EPISODES = 10_000


def lived(case: Case, world: MiniGrid, budget: int, useless: Sequence[str] | None = USELESS) -> list[Row]:
    """A row an episode, from an empty memory until ``LAST`` episodes after mastery, or until the budget is spent.

    An episode that is running when the budget is spent is finished, and counts. ``frames`` are those from the
    beginning to the end of the episode. The episodes after mastery also have the shortest path, found without the
    ``useless`` actions, and the steps over it; None where that search would take too long.
    """
    agent = who.MAKERS[case.agent](seeds.generator(case.seed, seeds.AGENT))
    curtain, rows = shown(world, case.seed), list[Row]()
    frames, end = 0, MOST_EPISODES
    for index, seed in enumerate(seeds.drawn(case.seed, seeds.TRAINING, MOST_EPISODES)):
        episode = agent.run_episode(curtain, seed=seed)
        frames += episode.steps
        rows.append(case.row(episode=index + 1, frames=frames, steps=episode.steps, solved=episode.success, grid=seed))
        found = mastered([row["solved"] for row in rows]) if end == MOST_EPISODES else None
        end = found + LAST if found else end
        if len(rows) >= end or (end == MOST_EPISODES and frames >= (case.effort.frames or budget)):
            break
    if useless is not None:
        for row in afterwards(rows):
            row["shortest"] = shortest_in_minigrid(world, row["grid"], useless=useless)
            row["over"] = row["steps"] / row["shortest"]
    return rows


def mastery(runs: Sequence[Row]) -> list[Row]:
    """A row a seed: the frames to mastery, infinite if it never came, and whether it did."""
    made = []
    for (seed,), episodes in groups(runs, "seed").items():
        end = mastered([row["solved"] for row in episodes])
        frames = math.inf if end is None else episodes[end - 1]["frames"]
        made.append({"seed": seed, "frames": frames, "reached": end is not None})
    return made


def afterwards(runs: Sequence[Row]) -> list[Row]:
    """The episodes after mastery, of the seeds that came so far."""
    made: list[Row] = []
    for episodes in groups(runs, "seed").values():
        end = mastered([row["solved"] for row in episodes])
        made += episodes[end:] if end else []
    return made


def lines_afterwards(world: str, agent: str, runs: Sequence[Row]) -> list[Line]:
    """How the episodes after mastery went: how many were solved, and in how many steps over the shortest."""
    later = afterwards(runs)
    searched = [row for row in later if "over" in row]
    made = [Line(f"{world}: {AFTERWARDS}", agent, rate(later, "solved"))] if later else []
    return made + (
        [Line(f"{world}: steps over the shortest in these", agent, spread(searched, "over"))] if searched else []
    )
