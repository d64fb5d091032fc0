"""Frames: how many steps in a MiniGrid environment a learner needs, a fresh grid each episode."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent.evaluation import contenders as who
from agent.evaluation import seeds
from agent.evaluation.grids import shown
from agent.evaluation.mastery import ENOUGH, LAST, mastered
from agent.evaluation.table import Case, Row, groups
from agent.worlds.minigrid import MiniGrid

FIGURE = f"frames to {ENOUGH / LAST:.0%} success of the last {LAST} episodes"
AFTERWARDS = f"solved of the {LAST} episodes after that"
MOST_EPISODES = 10_000


def lived(case: Case, world: MiniGrid, budget: int) -> list[Row]:
    """A row an episode, from an empty memory until ``LAST`` episodes after mastery, or until the budget is spent.

    An episode that is running when the budget is spent is finished, and counts. ``frames`` are those from the
    beginning to the end of the episode.
    """
    agent = who.MAKERS[case.agent](seeds.generator(case.seed, seeds.AGENT))
    curtain, rows = shown(world, case.seed), list[Row]()
    frames, end = 0, MOST_EPISODES
    for index, seed in enumerate(seeds.drawn(case.seed, seeds.TRAINING, MOST_EPISODES)):
        episode = agent.run_episode(curtain, seed=seed)
        frames += episode.steps
        rows.append(case.row(episode=index + 1, frames=frames, steps=episode.steps, solved=episode.success))
        found = mastered([row["solved"] for row in rows]) if end == MOST_EPISODES else None
        end = found + LAST if found else end
        if len(rows) >= end or (end == MOST_EPISODES and frames >= (case.effort.frames or budget)):
            break
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
