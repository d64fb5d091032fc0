"""Training: one finished, committed Episode after another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agent.arguments import require_kind, require_whole
from agent.environment import Environment
from agent.history import Episode
from agent.procedural import ProceduralMemoryAgent


def train(environment: Environment, agent: ProceduralMemoryAgent, episodes: int, *, seed: int = 0) -> Iterator[Episode]:
    """Run ``episodes`` more episodes, going on after the last one that the agent's library has.

    Each is as durable as the library when it is yielded. An interruption at any moment leaves the library with
    the finished episodes: the unfinished one did not happen, and the next ``train`` begins with it. Episode n
    resets the environment with a seed made of ``seed`` and n. Raises InvalidInputError for what is no count or no seed.
    """
    count = require_whole(episodes, "episodes must be an int and not negative")
    first = require_whole(seed, "a seed is a whole number from 0")
    require_kind(agent, ProceduralMemoryAgent, "what is trained is a ProceduralMemoryAgent")
    agent.recall(environment)
    for index in range(agent.knowledge.episodes, agent.knowledge.episodes + count):
        yield agent.run_episode(environment, seed=episode_seed(first, index))


def episode_seed(seed: int, index: int) -> int:
    """The seed with which episode ``index`` of a run resets its environment."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
