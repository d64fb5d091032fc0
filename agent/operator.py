"""Operators: what brings an effect about, and the circumstances it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agent.contact import ON
from agent.effect import Effect
from agent.environment import Cell, Pose
from agent.facts import Fact, State
from agent.moves import NO_MOVE, Moves
from agent.ways import Grid

OperatorKey = tuple[Effect, int | None, str]
NEAREST = 8  # tiles whose contacts are looked at


@dataclass
class Operator:
    """One way in which an effect comes about: ``action``, with the effect's tile in ``contact``.

    ``action`` is None for a step onto the tile, by whichever move. ``needs`` are the circumstances that all successes
    had in common: specific after the first, more general with each success elsewhere. A failure without some of
    them shows that at least one of those is truly needed (``refuted``); as long as none is shown, to do without is
    worth a try. A failure with all of them only makes the operator less certain.
    """

    effect: Effect
    action: int | None
    contact: str
    needs: State
    refuted: list[frozenset[str]] = field(default_factory=list)
    successes: int = 1
    failures: int = 0

    @property
    def key(self) -> OperatorKey:
        """What distinguishes this operator from others."""
        return self.effect, self.action, self.contact

    @property
    def chance(self) -> float:
        """The expected success of the next use with all needs, by Laplace's rule of succession."""
        return (self.successes + 1) / (self.successes + self.failures + 2)

    def missing(self, state: Mapping[str, Fact]) -> frozenset[str]:
        """The needs that do not hold."""
        return frozenset(name for name, value in self.needs.items() if state.get(name) != value)

    def holds(self, state: Mapping[str, Fact]) -> bool:
        """Whether the circumstances are as it needs them."""
        return all(state.get(name) == value for name, value in self.needs.items())

    def hopeful(self, state: Mapping[str, Fact]) -> bool:
        """Whether nothing shows that it could not work."""
        missing = self.missing(state)
        return not any(together <= missing for together in self.refuted)

    def succeeded(self, state: Mapping[str, Fact]) -> bool:
        """Learn from a success; True when it did without something thought needed."""
        missing = self.missing(state)
        self.successes += 1
        self.needs = {name: value for name, value in self.needs.items() if name not in missing}
        self.refuted = [left for together in self.refuted if (left := together - missing)]
        return bool(missing)

    def failed(self, state: Mapping[str, Fact]) -> None:
        """Learn from a failure."""
        missing = self.missing(state)
        if not missing:
            self.failures += 1
        elif not any(together <= missing for together in self.refuted):
            self.refuted = [*(together for together in self.refuted if not missing <= together), missing]

    def places(self, here: Pose, grid: Grid, moves: Moves) -> dict[Pose, tuple[int, Cell]]:
        """The poses in which a tile of the effect is in contact, each with the action to do there and the cell.

        Only those on tiles that can be entered, and ``here``; of many tiles those nearest to it. Costs one pass over
        the grid.
        """
        cells = np.argwhere(grid == self.effect.tile).tolist()
        cells = sorted(cells, key=lambda cell: abs(cell[0] - here[0]) + abs(cell[1] - here[1]))[:NEAREST]
        found: dict[Pose, tuple[int, Cell]] = {}
        for x, y in cells:
            for heading in moves.headings():
                if self.contact == ON and self.action is not None:
                    found.setdefault((x, y, *heading), (self.action, (x, y)))
                for move, (dx, dy) in moves.ahead(heading) if self.contact != ON else ():
                    action = move if self.action is None else self.action
                    if action != NO_MOVE:
                        found.setdefault((x - dx, y - dy, *heading), (action, (x, y)))
        return {pose: there for pose, there in found.items() if pose == here or moves.could_be_at(pose, (), grid)}

    def pack(self, action_names: Sequence[str]) -> list[Any]:
        """The operator as plain values, for notes; its action goes by its name."""
        name = None if self.action is None else action_names[self.action]
        refuted = [sorted(together) for together in self.refuted]
        return [self.effect.pack(), name, self.contact, self.needs, refuted, self.successes, self.failures]

    @classmethod
    def unpack(cls, packed: Sequence[Any], action_names: Sequence[str]) -> Operator | None:
        """The operator that ``pack`` wrote; None when there is no such action here."""
        effect, name, contact, needs, refuted, successes, failures = packed
        if name is not None and name not in action_names:
            return None
        action = None if name is None else list(action_names).index(name)
        together = [frozenset(names) for names in refuted]
        return cls(Effect.unpack(effect), action, contact, dict(needs), together, successes, failures)
