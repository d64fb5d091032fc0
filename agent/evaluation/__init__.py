"""Evaluation: what the agent can do, shown on worlds it has never seen, with controls beside every figure.

A table (``agent.evaluation.tables``) says which agents run in which worlds and what their runs come to; ``pool`` runs
them; ``results`` keeps what came of it. ``skillstore evaluate`` prints it. Agents are handed worlds behind a curtain,
their actions and tiles in disguise: they see observations, and nothing else.
"""
