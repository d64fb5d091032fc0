"""Knowledge: what an agent knows beyond its skills, and its form in a library's notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agent.facts import circumstances, of
from agent.moves import Moves
from agent.operator import Operator
from agent.trace import Segment


@dataclass
class Knowledge:
    """Empty at first. ``codes`` are the tile codes ever in view, in order of discovery."""

    moves: Moves = field(default_factory=Moves)
    operators: list[Operator] = field(default_factory=list)
    codes: dict[int, None] = field(default_factory=dict)
    episodes: int = 0
    uses: int = 0

    def learn_operator(self, segment: Segment, action_names: tuple[str, ...]) -> tuple[Operator, bool]:
        """The operator that a segment shows, and whether its needs became more general by it."""
        shown = self._operator(segment, action_names)
        for operator in self.operators:
            if operator.key == shown.key:
                return operator, operator.generalise(shown.needs)
        self.operators.append(shown)
        return shown, False

    def _operator(self, segment: Segment, action_names: tuple[str, ...]) -> Operator:
        last = segment.last
        state = of(last.before, self.moves)
        for name in state:
            if name.startswith("seen."):
                self.codes[int(name.removeprefix("seen."))] = None
        needs = circumstances(state, self.codes)
        if segment.cell == last.after.cell != last.before.cell:
            return Operator(segment.effect, None, (0, 0), needs)
        (x, y), (here_x, here_y) = segment.cell, last.before.cell
        return Operator(segment.effect, action_names[last.action], (x - here_x, y - here_y), needs)

    def pack(self, action_names: tuple[str, ...]) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "moves": self.moves.pack(action_names),
            "operators": [operator.pack() for operator in self.operators],
            "codes": list(self.codes),
            "episodes": self.episodes,
            "uses": self.uses,
        }

    @classmethod
    def unpack(cls, packed: dict[str, Any], action_names: tuple[str, ...]) -> Knowledge:
        """What ``pack`` wrote."""
        return cls(
            Moves.unpack(packed["moves"], action_names),
            [Operator.unpack(operator) for operator in packed["operators"]],
            dict.fromkeys(packed["codes"]),
            packed["episodes"],
            packed["uses"],
        )
