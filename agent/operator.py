"""Operators: the final action behind an effect, the circumstances it needs, and chains of them to the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.effect import Effect
from agent.environment import Cell
from agent.facts import State, is_circumstance, seen


@dataclass
class Operator:
    """One way in which an effect came about.

    ``action`` is the name of the final action, or None when the final action was a step onto the tile, from
    whichever side. ``contact`` is the offset of the tile from the pose before that action (after it, for a step
    onto the tile). ``needs`` are the circumstances that all successes had in common: specific after the first
    success, more general with each success elsewhere.
    """

    effect: Effect
    action: str | None
    contact: Cell
    needs: State

    @property
    def key(self) -> tuple[Effect, str | None, Cell]:
        """What distinguishes this operator from others."""
        return self.effect, self.action, self.contact

    def holds(self, state: State) -> bool:
        """Whether the circumstances are as it needs them."""
        return all(state.get(name) == value for name, value in self.needs.items())

    def generalise(self, circumstances: State) -> bool:
        """Drop the needs that a success did without; True when there were any."""
        kept = {name: value for name, value in self.needs.items() if circumstances.get(name) == value}
        dropped = len(kept) < len(self.needs)
        self.needs = kept
        return dropped

    def pack(self) -> list[Any]:
        """The operator as plain values, for notes."""
        return [self.effect.pack(), self.action, list(self.contact), self.needs]

    @classmethod
    def unpack(cls, packed: Sequence[Any]) -> Operator:
        """The operator that ``pack`` wrote."""
        effect, action, (dx, dy), needs = packed
        return cls(Effect.unpack(effect), action, (dx, dy), dict(needs))


def chain(state: State, operators: Sequence[Operator]) -> list[Operator]:
    """The shortest chain of operators from ``state`` to one that ends the episode; empty when there is none.

    Breadth first over circumstances: each operator is taken to change what is carried and which tiles are seen,
    as its effect says.
    """
    start = {name: value for name, value in state.items() if is_circumstance(name)}
    frontier: deque[tuple[State, list[Operator]]] = deque([(_known(start), [])])
    visited = [frontier[0][0]]
    while frontier:
        circumstances, taken = frontier.popleft()
        for operator in (operator for operator in operators if operator.holds(circumstances)):
            if operator.effect.ends:
                return [*taken, operator]
            after = _after(circumstances, operator.effect)
            if after not in visited:
                visited.append(after)
                frontier.append((after, [*taken, operator]))
    return []


def _after(circumstances: State, effect: Effect) -> State:
    changed: State = {"carrying": effect.holds}
    if effect.becomes != effect.tile:
        changed |= {seen(effect.tile): None, seen(effect.becomes): True}
    return _known(circumstances | changed)


def _known(circumstances: State) -> State:
    return {name: value for name, value in circumstances.items() if value is not None}
