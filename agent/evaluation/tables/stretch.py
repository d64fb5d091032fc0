"""Table stretch: MiniGrid's large worlds of doors and keys, in full view."""

from __future__ import annotations

import dataclasses

from agent.evaluation.tables.rooms import AGENTS
from agent.evaluation.tables.rooms import TABLE as ROOMS

WORLDS = ("KeyCorridorS3R3", "MultiRoom-N7-S8")

TABLE = dataclasses.replace(
    ROOMS,
    name="stretch",
    title="Larger worlds of MiniGrid in full view, from an empty memory",
    about="KeyCorridor and MultiRoom as large as they come, the whole grid in view.",
    pairs=tuple((world, agent) for world in WORLDS for agent in AGENTS),
)
