"""Knowledge: what an agent knows beyond its skills, and its form in a library's notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agent.contact import BY, ENTER, shown
from agent.effect import Effect
from agent.environment import UNSEEN, Cell, Observation, Pose
from agent.facts import circumstances, needed
from agent.history import Transition
from agent.moves import Moves
from agent.operator import Operator
from agent.trials import ANY, Trial, Trials, touching


@dataclass
class Knowledge:
    """Empty at first. ``codes`` are the tile codes ever in view, in order of discovery; ``general`` the operators whose
    needs became fewer in the running episode."""

    moves: Moves = field(default_factory=Moves)
    operators: list[Operator] = field(default_factory=list)
    trials: Trials = field(default_factory=Trials)
    codes: dict[int, None] = field(default_factory=dict)
    general: list[Operator] = field(default_factory=list)
    episodes: int = 0
    uses: int = 0
    _effective: tuple[int, set[tuple[str, int | Pose, int]]] = field(default_factory=lambda: (0, set()), compare=False)

    def tried(self, observation: Observation, action: int) -> list[Trial]:
        """What doing ``action`` here tries."""
        return self.trials.of(observation.pose, action, observation.grid, observation.carrying, self.moves)

    def learn(self, transition: Transition, found: tuple[Effect, Cell] | None) -> list[Trial]:
        """Learn from one step all there is to learn but skills; returns what it tried.

        ``found`` is the effect that it had, and where.
        """
        before, action = transition.before, transition.action
        tried = self.tried(before, action)
        self.trials.counts.update(tried)
        state = circumstances(before.grid, before.carrying)
        self.codes.update(dict.fromkeys(code for code in before.grid.ravel().tolist() if code != UNSEEN))
        touched = touching(before.pose, before.grid, self.moves)
        entered = {what for _, contact, what, _ in tried if contact == ENTER}
        for operator in self.operators:
            tile = operator.effect.tile
            meant = tile in entered if operator.action is None else (operator.contact, tile) in touched
            meant = meant and operator.action in (None, action) and operator.effect.held == before.carrying
            if meant and (found is None or found[0] != operator.effect):
                operator.failed(state)
        self.moves.watch(before, action, transition.after)
        if found is not None:
            self.trials.worked[action] += 1
            self._succeeded(transition, *found)
        return tried

    def _succeeded(self, transition: Transition, effect: Effect, cell: Cell) -> None:
        before = transition.before
        contact = shown(before, transition.after, cell)
        if contact == BY:
            self.moves.touch(before.pose, cell)
        action = None if contact == ENTER else transition.action
        state = circumstances(before.grid, before.carrying)
        known = self.operator(effect, action, contact)
        if known is not None:
            if known.succeeded(state):
                self.general.append(known)
            return
        held = [frozenset({"carrying"})]  # what is given up must be there: not even worth a try without
        self.operators.append(Operator(effect, action, contact, needed(state, self.codes), list(held)))

    def operator(self, effect: Effect, action: int | None, contact: str) -> Operator | None:
        """The operator with this key, if it is known."""
        return next((known for known in self.operators if known.key == (effect, action, contact)), None)

    @property
    def effective(self) -> set[tuple[str, int | Pose, int]]:
        """Trials that are known to have an effect, but for what must be carried."""
        count, effective = self._effective
        if count != len(self.operators):
            effective = {(known.contact, known.effect.tile, _action(known)) for known in self.operators}
            self._effective = (len(self.operators), effective)
        return effective

    def pack(self, action_names: tuple[str, ...]) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "moves": self.moves.pack(action_names),
            "operators": [operator.pack(action_names) for operator in self.operators],
            "trials": self.trials.pack(action_names),
            "codes": list(self.codes),
            "episodes": self.episodes,
            "uses": self.uses,
        }

    @classmethod
    def unpack(cls, packed: dict[str, Any], action_names: tuple[str, ...]) -> Knowledge:
        """What ``pack`` wrote; what needs actions that this environment does not have is left out."""
        operators = (Operator.unpack(operator, action_names) for operator in packed["operators"])
        return cls(
            Moves.unpack(packed["moves"], action_names),
            [operator for operator in operators if operator is not None],
            Trials.unpack(packed["trials"], action_names),
            dict.fromkeys(packed["codes"]),
            episodes=packed["episodes"],
            uses=packed["uses"],
        )


def _action(operator: Operator) -> int:
    return ANY if operator.action is None else operator.action
