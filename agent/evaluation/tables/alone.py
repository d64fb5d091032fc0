"""Table planner-off: what kept skills are worth without a planner."""

from __future__ import annotations

from collections.abc import Sequence

from agent.evaluation import contenders as who
from agent.evaluation.examination import examined, last
from agent.evaluation.figures import Line, aimed
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread
from agent.procedural import ProceduralMemoryAgent

WORLD = "locked 8"
ALONE = "planner off in the examination"
AGENTS = (ALONE, who.PLANNER_OFF, who.CURIOUS, who.CLEARED, who.SKILLS_OFF)


def trial(case: Case) -> list[Row]:
    """Train, stopping to be examined."""
    if case.agent == ALONE:
        return examined(case, (5, 20), learner=who.CURIOUS, tested=_without_planner)
    return examined(case, (5, 20))


def _without_planner(agent: ProceduralMemoryAgent) -> ProceduralMemoryAgent:
    return ProceduralMemoryAgent(agent.library, agent.generator, explorer=agent.explorer, plans=False)


def lines(rows: Sequence[Row]) -> list[Line]:
    """Steps over the shortest path, and how many were solved."""
    made = []
    for (agent,), runs in groups(rows, "agent").items():
        over, solved = spread(last(runs), "over"), rate(last(runs), "solved")
        good, most, aims = over.mean <= 1.2, solved.value >= 0.995, agent == ALONE
        made.append(aimed(f"{WORLD}: steps over the shortest", agent, over, "mean at most 1.2", good, aims=aims))
        made.append(aimed(f"{WORLD}: solved", agent, solved, "at least 99.5 %", most, aims=aims))
    return made


TABLE = Table(
    name="planner-off",
    title="Memory alone: the planner off, on layouts never seen",
    about="What kept skills are worth without a planner, in locked rooms never seen.",
    pairs=tuple((WORLD, agent) for agent in AGENTS),
    trial=trial,
    lines=lines,
    curve=Curve("trained", "over", "layouts trained on", "steps over the shortest path", logarithmic=True),
)
