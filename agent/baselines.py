"""Baselines: what the agent is measured against. None of them uses skills.

The control of every figure is the agent itself with ``use_skills=False``: a uniform random walk. Here are two more:
a tabular learner (Q-learning, Dyna-Q) and a guided heuristic, which is told what the agent has to find out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from agent.environment import Cell, Environment, Observation
from agent.history import Episode

TabularState = tuple[object, ...]
_TOWARDS = {"move_right": (1, 0), "move_left": (-1, 0), "move_up": (0, 1), "move_down": (0, -1)}


@dataclass
class TabularAgent:
    """Q-learning, and with ``planning_steps`` > 0 Dyna-Q (Sutton and Barto, 2nd edition, section 8.2).

    A state is the whole observation. Actions are greedy but for a share ``epsilon``; ties are drawn. After each
    step ``planning_steps`` remembered ones, drawn uniformly, are replayed.
    """

    generator: np.random.Generator
    planning_steps: int = 0
    learning_rate: float = 1.0
    discount: float = 0.95
    epsilon: float = 0.0
    initial: float = 0.0
    values: dict[TabularState, list[float]] = field(default_factory=dict)
    model: dict[tuple[TabularState, int], tuple[float, TabularState, bool]] = field(default_factory=dict)
    episodes: int = 0

    def run_episode(self, environment: Environment, *, seed: int | None = None) -> Episode:
        """Run one episode, learning at every step."""
        observation, _ = environment.reset(seed=seed)
        rewards: list[float] = []
        terminated = truncated = False
        while not (terminated or truncated):
            state = _state(observation)
            action = self._choose(state, environment.action_count)
            observation, reward, terminated, truncated, _ = environment.step(action)
            rewards.append(reward)
            self.model[state, action] = (reward, _state(observation), terminated)
            self._learn(state, action, environment.action_count)
            self._plan(environment.action_count)
        self.episodes += 1
        return Episode(self.episodes - 1, sum(rewards), len(rewards), terminated, skills=0, uses=0)

    def _row(self, state: TabularState, action_count: int) -> list[float]:
        return self.values.setdefault(state, [self.initial] * action_count)

    def _choose(self, state: TabularState, action_count: int) -> int:
        if self.epsilon and self.generator.random() < self.epsilon:
            return int(self.generator.integers(action_count))
        row = self._row(state, action_count)
        best = [action for action, value in enumerate(row) if value == max(row)]
        return best[int(self.generator.integers(len(best)))]

    def _learn(self, state: TabularState, action: int, action_count: int) -> None:
        reward, after, terminated = self.model[state, action]
        future = 0.0 if terminated else self.discount * max(self._row(after, action_count))
        row = self._row(state, action_count)
        row[action] += self.learning_rate * (reward + future - row[action])

    def _plan(self, action_count: int) -> None:
        if self.planning_steps:
            known = list(self.model)
            for index in self.generator.integers(len(known), size=self.planning_steps).tolist():
                state, action = known[index]
                self._learn(state, action, action_count)


class GuidedAgent:
    """A heuristic for GridWorlds without walls that walks to the key, the door, the goal, and learns nothing.

    It reads the words that an agent must not understand, so it says nothing about learning: a baseline only.
    """

    def __init__(self) -> None:
        self._episodes = 0

    def run_episode(self, environment: Environment, *, seed: int | None = None) -> Episode:
        """Run one episode. Raises ValueError where no key, closed door or goal is in view."""
        actions = {name: index for index, name in enumerate(environment.action_names)}
        tiles = {word: code for code, word in environment.tile_names.items()}
        observation, _ = environment.reset(seed=seed)
        rewards: list[float] = []
        terminated = truncated = False
        while not (terminated or truncated):
            action = actions[_guided(observation, tiles)]
            observation, reward, terminated, truncated, _ = environment.step(action)
            rewards.append(reward)
        self._episodes += 1
        return Episode(self._episodes - 1, sum(rewards), len(rewards), terminated, skills=0, uses=0)


def _guided(observation: Observation, tiles: Mapping[str, int]) -> str:
    for word, action in (("key", "pickup_key"), ("closed door", "open_door"), ("goal", "move_up")):
        cells = np.argwhere(observation.grid == tiles[word]).tolist()
        if cells:
            return _towards(observation.cell, cells[0]) or action
    raise ValueError("the guided heuristic needs a key, a closed door or a goal in view")


def _towards(here: Cell, there: list[int]) -> str | None:
    x, y = there[0] - here[0], there[1] - here[1]
    return next((name for name, (dx, dy) in _TOWARDS.items() if x * dx + y * dy > 0), None)


def _state(observation: Observation) -> TabularState:
    return observation.pose, observation.carrying, observation.grid.tobytes()
