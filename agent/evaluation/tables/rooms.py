"""Table rooms: MiniGrid's other worlds of doors, keys and things to fetch, in full view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.evaluation import contenders as who
from agent.evaluation.figures import Line, aimed
from agent.evaluation.frames import FIGURE, lines_afterwards, lived, mastery
from agent.evaluation.table import Case, Curve, Row, Table, groups, rate, spread
from agent.worlds.minigrid import MiniGrid

WORLDS = ("Unlock", "UnlockPickup", "MultiRoom-N2-S4", "KeyCorridorS3R1")
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "MultiRoom-N7-S8": ("MultiRoom-N6", {"minNumRooms": 7, "maxNumRooms": 7, "maxRoomSize": 8})
}
"""Worlds that MiniGrid has not under this name: another's name, and settings that make it so."""
USELESS: dict[str, tuple[str, ...]] = {
    "Unlock": ("drop", "done"),
    "UnlockPickup": ("done",),
    "MultiRoom-N2-S4": ("drop", "done"),
    "KeyCorridorS3R1": ("done",),
}
"""What no shortest path needs, in worlds small enough to search."""
BUDGET = 50_000
AGENTS = (who.CURIOUS, who.CLEARED, who.SKILLS_OFF)


def trial(case: Case) -> list[Row]:
    """One run; a control gets a tenth of the frames."""
    name, settings = SETTINGS.get(case.world, (case.world, {}))
    budget = BUDGET if case.agent == who.CURIOUS else BUDGET // 10
    return lived(case, MiniGrid(f"MiniGrid-{name}-v0", **settings), budget, USELESS.get(case.world))


def lines(rows: Sequence[Row]) -> list[Line]:
    """How many seeds got there, and in how many frames."""
    made = []
    for (world, agent), runs in groups(rows, "world", "agent").items():
        frames, reached, aims = spread(mastery(runs), "frames"), rate(mastery(runs), "reached"), agent == who.CURIOUS
        every = reached.good == reached.count
        goal = f"every seed within {BUDGET:,} frames"
        made.append(aimed(f"{world}: seeds that got there", agent, reached, goal, every, aims=aims))
        made.append(Line(f"{world}: {FIGURE}", agent, frames))
        made += lines_afterwards(world, agent, runs)
    return made


TABLE = Table(
    name="rooms",
    title="More of MiniGrid in full view, from an empty memory",
    about="Unlock, UnlockPickup, MultiRoom and KeyCorridor, the whole grid in view.",
    pairs=tuple((world, agent) for world in WORLDS for agent in AGENTS),
    trial=trial,
    lines=lines,
    curve=Curve("episode", "steps", "episode", "steps of the episode", logarithmic=True),
    effort=("frames",),
)
