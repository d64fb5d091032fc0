"""Table tutorial: from an empty memory, how soon is the 5x5 tutorial mastered?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from agent.evaluation import contenders as who
from agent.evaluation import seeds
from agent.evaluation.figures import Line, Number, aimed
from agent.evaluation.grids import shown
from agent.evaluation.mastery import GOOD_ROW, GOOD_STEPS, steps_to_mastery
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread
from agent.gridworld import GridWorld
from agent.worlds.curtain import Curtain

WORLD = "tutorial 5"
AGENTS = (
    who.CURIOUS, who.FRONTIER, who.RANDOM, who.PLANNER_OFF, who.CLEARED, who.SKILLS_OFF, who.GUIDED, who.Q_LEARNING,
    who.Q_BEST, who.DYNA_Q, who.DYNA_BEST, who.DYNA_SAFE,
)  # fmt: skip
FIGURE = f"environment steps before {GOOD_ROW} episodes in a row of at most {GOOD_STEPS} steps (the best is 10)"


def trial(case: Case) -> list[Row]:
    """One run from an empty memory, a row an episode."""
    return lived(case, who.MAKERS[case.agent](seeds.generator(case.seed, seeds.AGENT)))


def lived(case: Case, agent: who.Contender) -> list[Row]:
    """The episodes of an agent that was just made."""
    world = Curtain(GridWorld()) if case.agent == who.GUIDED else shown(GridWorld(), case.seed)  # it reads words
    episodes = [agent.run_episode(world) for _ in range(case.effort.episodes)]
    return [case.row(episode=n, steps=e.steps, solved=e.success, reward=e.reward) for n, e in enumerate(episodes, 1)]


def lines(rows: Sequence[Row]) -> list[Line]:
    """Steps to mastery of each agent, how many seeds got there, and how much sooner than Dyna-Q."""
    found = {agent: mastery(runs) for (agent,), runs in groups(rows, "agent").items()}
    made = []
    for agent, runs in found.items():
        steps, reached, aims = spread(runs, "steps"), rate(runs, "reached"), agent == who.CURIOUS
        every = reached.good == reached.count
        made.append(aimed(FIGURE, agent, steps, "median at most 130", steps.median <= 130, aims=aims))
        made.append(aimed("seeds that got there", agent, reached, "every seed", every, aims=aims))
    return made + [line for other in (who.DYNA_Q, who.DYNA_BEST, who.DYNA_SAFE) for line in _sooner(found, other)]


def _sooner(found: Mapping[str, Sequence[Row]], other: str) -> list[Line]:
    """How many times sooner the curious agent gets there at the median."""
    if not {who.CURIOUS, other} <= set(found):
        return []
    times = spread(found[other], "steps").median / max(1.0, spread(found[who.CURIOUS], "steps").median)
    figure, aims = f"times sooner than {other}, medians", other == who.DYNA_Q
    return [aimed(figure, who.CURIOUS, Number(times), "at least 3.5", times >= 3.5, aims=aims)]


def mastery(runs: Sequence[Row]) -> list[Row]:
    """One row a seed: the steps before mastery, infinite where that never came."""
    made = []
    for (seed,), episodes in groups(runs, "seed").items():
        steps = steps_to_mastery([row["steps"] for row in episodes])
        made.append({"seed": seed, "steps": math.inf if steps is None else steps, "reached": steps is not None})
    return made


TABLE = Table(
    name="tutorial",
    title="The tutorial, 5x5, from an empty memory",
    about="How soon the 5x5 tutorial is mastered, beside tabular learners and controls.",
    pairs=tuple((WORLD, agent) for agent in AGENTS),
    trial=trial,
    lines=lines,
    curve=Curve("episode", "steps", "episode", "steps of the episode", logarithmic=True),
    effort=("episodes",),
)
