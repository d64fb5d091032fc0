"""Table slips: one action in ten goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

from agent.evaluation import contenders as who
from agent.evaluation.examination import examined, last
from agent.evaluation.figures import Line, aimed
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread

WORLD, CHANCE = "locked 8", 0.1
AGENTS = (who.CURIOUS, who.RANDOM, who.CLEARED, who.SKILLS_OFF)


def trial(case: Case) -> list[Row]:
    """Train where actions slip, stopping to be examined there."""
    return examined(case, (5, 20), slips=CHANCE)


def lines(rows: Sequence[Row]) -> list[Line]:
    """Steps over the shortest path of a world without slips, and how many were solved."""
    made = []
    for (agent,), runs in groups(rows, "agent").items():
        over, solved = spread(last(runs), "over"), rate(last(runs), "solved")
        good, most, aims = over.median <= 1.2, solved.value >= 0.995, agent == who.CURIOUS
        figure = f"{WORLD}: steps over the shortest without slips"
        made.append(aimed(figure, agent, over, "median at most 1.2", good, aims=aims))
        made.append(aimed(f"{WORLD}: solved", agent, solved, "at least 99.5 %", most, aims=aims))
    return made


TABLE = Table(
    name="slips",
    title="One action in ten slips, in training and on layouts never seen",
    about="10 % of the actions go wrong, in locked rooms never seen.",
    pairs=tuple((WORLD, agent) for agent in AGENTS),
    trial=trial,
    lines=lines,
    curve=Curve("trained", "over", "layouts trained on", "steps over the shortest path", logarithmic=True),
)
