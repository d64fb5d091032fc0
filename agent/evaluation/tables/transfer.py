"""Table transfer: layouts never seen, after training on others, beside the same agent without memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.evaluation import contenders as who
from agent.evaluation.examination import examined, last
from agent.evaluation.figures import Line, Number, aimed
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread

WORLDS = ("locked 8", "locked 12", "locked 16", "maze 8", "maze 12")
SMALL = ("locked 8", "maze 8")
AGENTS = (who.CURIOUS, who.CLEARED, who.SKILLS_OFF)
AT_RANDOM = (who.RANDOM, who.CLEARED_RANDOM)  # in the small worlds only: a random walk through a large one takes long
SOON = 5
TIMES = {who.CLEARED: 5, who.CLEARED_RANDOM: 30}
"""How much shorter memory has to make the episodes of locked rooms at size 8. In a maze of that size an episode ends
after fewer than 30 times the shortest path, solved or not."""


def trial(case: Case) -> list[Row]:
    """Train, stopping to be examined."""
    return examined(case, (1, 2, SOON, 20))


def lines(rows: Sequence[Row]) -> list[Line]:
    """Steps over the shortest path and how many were solved; and what clearing the memory costs."""
    made = []
    for (world, agent), runs in groups(rows, "world", "agent").items():
        made += _of_one(world, agent, runs, aims=agent == who.CURIOUS)
    return made + [line for world in SMALL for line in _cleared(rows, world)]


def _of_one(world: str, agent: str, runs: Sequence[Row], aims: bool) -> list[Line]:
    end = last(runs)
    over, solved, near = spread(end, "over"), rate(end, "solved"), rate(end, "near")
    good, goal = over.median < 1.005 and over.mean <= 1.03, "median 1.00, mean at most 1.03"
    figure = f"{world}: steps over the shortest"
    made = [
        aimed(figure, agent, over, goal, good, aims=aims),
        aimed(f"{world}: solved", agent, solved, "at least 99.8 %", solved.value >= 0.998, aims=aims),
        aimed(f"{world}: within 1.1 of the shortest", agent, near, "at least 98 %", near.value >= 0.98, aims=aims),
    ]
    soon = [row for row in runs if row["trained"] == SOON]
    if soon and soon != end:
        over = spread(soon, "over")
        words = f"{figure} after {SOON} layouts"
        made.append(aimed(words, agent, over, "median at most 1.1", over.median <= 1.1, aims=aims))
    return made


def _cleared(rows: Sequence[Row], world: str) -> list[Line]:
    """How many times longer the mean episode is without memory, the explorer being the same."""
    found = {agent: last(runs) for (at, agent), runs in groups(rows, "world", "agent").items() if at == world}
    made = []
    for agent, other in ((who.CURIOUS, who.CLEARED), (who.RANDOM, who.CLEARED_RANDOM)):
        if agent in found and other in found:
            without, within = (np.mean([row["steps"] for row in found[name]]) for name in (other, agent))
            times, figure = float(without / within), f"{world}: times longer with memory cleared, means"
            aims, goal = world == WORLDS[0], f"at least {TIMES[other]}"
            made.append(aimed(figure, agent, Number(times), goal, times >= TIMES[other], aims=aims))
    return made


TABLE = Table(
    name="transfer",
    title="Layouts never seen, after training on others of the same size",
    about="Locked rooms and mazes never seen, beside memory cleared and skills off.",
    pairs=tuple((world, agent) for world in WORLDS for agent in (*AGENTS, *(AT_RANDOM if world in SMALL else ()))),
    trial=trial,
    lines=lines,
    curve=Curve("trained", "over", "layouts trained on", "steps over the shortest path", logarithmic=True),
)
