"""Table grid: the settings of the tabular learners that were tried, from which those of the other tables come."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from agent.baselines import TabularAgent
from agent.evaluation import contenders as who
from agent.evaluation import seeds
from agent.evaluation.figures import Line
from agent.evaluation.table import Case, Row, Table, groups, rate, spread
from agent.evaluation.tables.tutorial import FIGURE, WORLD, lived, mastery

NAMES = ("planning_steps", "learning_rate", "discount", "epsilon", "initial")
CHOICES = itertools.product((0, 20), (0.5, 1.0), (0.95, 0.99), (0.0, 0.1), (0.0, 1.0, 10.0))
SETTINGS = {
    ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in zip(NAMES, choice, strict=True)): choice
    for choice in CHOICES
}


def trial(case: Case) -> list[Row]:
    """One run of the tutorial from an empty memory, a row an episode."""
    generator = seeds.generator(case.seed, seeds.AGENT)
    if case.agent not in SETTINGS:
        return lived(case, who.MAKERS[case.agent](generator))
    steps, learning_rate, discount, epsilon, initial = SETTINGS[case.agent]
    agent = TabularAgent(
        generator, int(steps), learning_rate=learning_rate, discount=discount, epsilon=epsilon, initial=initial
    )
    return lived(case, agent)


def lines(rows: Sequence[Row]) -> list[Line]:
    """Steps to mastery with each setting, and how many seeds got there."""
    made = []
    for (agent,), runs in groups(rows, "agent").items():
        made.append(Line(FIGURE, agent, spread(mastery(runs), "steps")))
        made.append(Line("seeds that got there", agent, rate(mastery(runs), "reached")))
    return made


TABLE = Table(
    name="grid",
    title="Settings of Q-learning and Dyna-Q on the tutorial",
    about="The 48 settings from which those of the tabular learners were chosen.",
    pairs=tuple((WORLD, agent) for agent in (*SETTINGS, who.SKILLS_OFF)),
    trial=trial,
    lines=lines,
    curve=None,
    effort=("episodes",),
)
