"""Exploration: what to try when no skill leads on."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from agent.environment import Observation


class Explorer(Protocol):
    """A named strategy. All its randomness comes from the generator it is handed, so the agent can save it."""

    @property
    def name(self) -> str:
        """The name under which results are reported."""

    def choose(self, observation: Observation, action_count: int, generator: np.random.Generator) -> int:
        """The action to try."""


class RandomExplorer:
    """Every action with the same probability, whatever is seen."""

    name = "random"

    def choose(
        self,
        observation: Observation,  # noqa: ARG002 - the interface's
        action_count: int,
        generator: np.random.Generator,
    ) -> int:
        """One uniform draw."""
        return int(generator.integers(action_count))
