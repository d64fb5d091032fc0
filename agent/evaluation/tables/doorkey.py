"""Table minigrid: DoorKey in full view, frames to mastery from an empty memory."""

from __future__ import annotations

from collections.abc import Sequence

from agent.evaluation import contenders as who
from agent.evaluation.figures import Line, aimed
from agent.evaluation.frames import FIGURE, lines_afterwards, lived, mastery
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread
from agent.worlds.minigrid import MiniGrid

MOST = {"DoorKey-5x5": 700, "DoorKey-6x6": 400, "DoorKey-8x8": 1_200, "DoorKey-16x16": 20_000}
WORST = 5_000  # for the sizes below 16
LARGE = "DoorKey-16x16"
AGENTS = (who.CURIOUS, who.FRONTIER, who.RANDOM, who.PLANNER_OFF, who.CLEARED, who.SKILLS_OFF, who.DYNA_Q)
AT_LARGE = (who.CURIOUS, who.CLEARED, who.SKILLS_OFF)  # the others would take hours there


def trial(case: Case) -> list[Row]:
    """One run; the curious agent gets four times the frames that its worst seed is allowed, the others ``WORST``."""
    budget = 4 * max(WORST, MOST[case.world]) if case.agent == who.CURIOUS else WORST
    return lived(case, MiniGrid(f"MiniGrid-{case.world}-v0"), budget)


def lines(rows: Sequence[Row]) -> list[Line]:
    """Frames to mastery and how many seeds got there."""
    made = []
    for (world, agent), runs in groups(rows, "world", "agent").items():
        frames, reached, aims = spread(mastery(runs), "frames"), rate(mastery(runs), "reached"), agent == who.CURIOUS
        most = MOST[world]
        worst = max(WORST, most)
        good, goal = frames.median <= most and frames.worst <= worst, f"median at most {most:,}, worst {worst:,}"
        made.append(aimed(f"{world}: {FIGURE}", agent, frames, goal, good, aims=aims))
        every = reached.good == reached.count
        made.append(aimed(f"{world}: seeds that got there", agent, reached, "every seed", every, aims=aims))
        made += lines_afterwards(world, agent, runs)
    return made


TABLE = Table(
    name="minigrid",
    title="MiniGrid DoorKey in full view, from an empty memory",
    about="Frames to mastery of DoorKey 5x5 to 16x16, the whole grid in view.",
    pairs=tuple((world, agent) for world in MOST for agent in (AT_LARGE if world == LARGE else AGENTS)),
    trial=trial,
    lines=lines,
    curve=Curve("episode", "steps", "episode", "steps of the episode", logarithmic=True),
    effort=("frames",),
)
