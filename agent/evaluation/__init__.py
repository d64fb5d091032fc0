"""Evaluation: what the agent can do, shown on worlds it has never seen, with controls beside every figure.

A table (``agent.evaluation.tables``) says which agents run in which worlds and what their runs come to; ``pool`` runs
them; ``results`` keeps what came of it. ``skillstore evaluate`` prints it. Agents are handed worlds behind a curtain,
their actions and tiles in disguise: they see observations, and nothing else.
"""

from agent.evaluation.contenders import new_agent
from agent.evaluation.grids import drawn_layouts
from agent.evaluation.mastery import steps_to_mastery
from agent.evaluation.rehearsal import layout_runs
from agent.evaluation.shortest import shortest_run

__all__ = ["drawn_layouts", "layout_runs", "new_agent", "shortest_run", "steps_to_mastery"]
