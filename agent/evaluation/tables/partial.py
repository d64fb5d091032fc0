"""Table partial: DoorKey 8x8 with the agent's own narrow view, its position given."""

from __future__ import annotations

from collections.abc import Sequence

from agent.evaluation import contenders as who
from agent.evaluation.figures import Line, aimed
from agent.evaluation.frames import AFTERWARDS, FIGURE, afterwards, lines_afterwards, lived, mastery
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread
from agent.worlds.minigrid import MiniGrid

WORLD = "DoorKey-8x8"
MOST, BUDGET, OTHERS = 1_500, 20_000, 5_000
AGENTS = (who.CURIOUS, who.RANDOM, who.CLEARED, who.SKILLS_OFF, who.DYNA_Q)


def trial(case: Case) -> list[Row]:
    """One run; the curious agent gets ``BUDGET`` frames, the others ``OTHERS``."""
    world = MiniGrid(f"MiniGrid-{case.world}-v0", view="partial")
    return lived(case, world, BUDGET if case.agent == who.CURIOUS else OTHERS)


def lines(rows: Sequence[Row]) -> list[Line]:
    """Frames to mastery, how many seeds got there, and whether the agent got stuck later."""
    made = []
    for (world, agent), runs in groups(rows, "world", "agent").items():
        frames, reached, aims = spread(mastery(runs), "frames"), rate(mastery(runs), "reached"), agent == who.CURIOUS
        goal, good, every = f"median at most {MOST:,}", frames.median <= MOST, reached.good == reached.count
        made.append(aimed(f"{world}: {FIGURE}", agent, frames, goal, good, aims=aims))
        made.append(aimed(f"{world}: seeds that got there", agent, reached, "every seed", every, aims=aims))
        if later := afterwards(runs):
            solved, (_, *others) = rate(later, "solved"), lines_afterwards(world, agent, runs)
            all_of_them, goal = solved.good == solved.count, "all: no livelock"
            made.append(aimed(f"{world}: {AFTERWARDS}", agent, solved, goal, all_of_them, aims=aims))
            made += others
    return made


TABLE = Table(
    name="partial",
    title="MiniGrid DoorKey 8x8, seeing 7x7 cells before it and knowing where it is",
    about="Frames to mastery of DoorKey 8x8 with a view of 7x7 cells.",
    pairs=tuple((WORLD, agent) for agent in AGENTS),
    trial=trial,
    lines=lines,
    curve=Curve("episode", "steps", "episode", "steps of the episode", logarithmic=True),
    effort=("frames",),
)
