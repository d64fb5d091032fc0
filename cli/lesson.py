"""Lesson: one training beside its control, and what came of it in words. Loads the agent; `train` imports it late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agent import (
    ENCODER_DIM,
    ENCODER_NAME,
    CuriousExplorer,
    Episode,
    Explorer,
    FrontierExplorer,
    GridWorld,
    History,
    ProceduralMemoryAgent,
    RandomExplorer,
    train,
)
from cli import place, rows
from cli.interrupts import Interrupts
from cli.output import count, table
from skillstore import EncoderMismatchError, LibraryNotFoundError, Skill, SkillLibrary

AGENT, CONTROL = "agent", "control"
Pair = tuple[Episode, Episode | None]
EXPLORERS: dict[str, Callable[[], Explorer]] = {
    each.name: each for each in (CuriousExplorer, FrontierExplorer, RandomExplorer)
}
LAST = 10
"""Episodes at the end of a run whose mean is reported."""


class World(GridWorld):
    """A GridWorld in which a kept signal acts between two steps, when nothing is being written."""

    def __init__(self, size: int, layout: str, interrupts: Interrupts) -> None:
        super().__init__(size, layout=layout)
        self._interrupts = interrupts

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As in any GridWorld; raises what was kept."""
        self._interrupts.check()
        return super().step(action)


def opened() -> SkillLibrary:
    """The library for the agent's skills, made if there is none. Raises what `SkillLibrary.open` does."""
    where = place.where()
    place.check_single(where)
    try:
        library = SkillLibrary.open(where, create=False)
    except LibraryNotFoundError:
        return SkillLibrary.open(where, embedding_dim=ENCODER_DIM, encoder=ENCODER_NAME)
    kept = library.embedding_dim, library.encoder
    if kept != (ENCODER_DIM, ENCODER_NAME):
        library.close()
        raise EncoderMismatchError(
            f"the library at {where} keeps embedding_dim = {kept[0]} and encoder = {kept[1]!r}, and the agent's are "
            f"{ENCODER_DIM} and {ENCODER_NAME!r}; train into another library"
        )
    return library


def run(
    library: SkillLibrary,
    name: str,
    size: int,
    layout: str,
    explorer: str,
    episodes: int,
    seed: int,
    interrupts: Interrupts,
) -> Iterator[Episode]:
    """The agent's next episodes, or the control's, each kept in the library when it is yielded."""
    agent = ProceduralMemoryAgent(
        library, np.random.default_rng(seed), explorer=EXPLORERS[explorer](), name=name, use_skills=name != CONTROL
    )
    return train(World(size, layout, interrupts), agent, episodes, seed=seed)


class Pairs:
    """The learner's episodes, each with the control's next one, if there is a control; and those that are finished."""

    def __init__(self, learner: Iterator[Episode], control: Iterator[Episode] | None) -> None:
        self.finished: list[Episode] = []
        self.against: list[Episode] = []
        self._learner, self._control = learner, control

    def __iter__(self) -> Iterator[Pair]:
        for episode in self._learner:
            self.finished.append(episode)
            other = None if self._control is None else next(self._control)
            self.against += [] if other is None else [other]
            yield episode, other


@dataclass(frozen=True)
class Lesson:
    """What a training came to, as far as it got, and what its library remembers of all trainings."""

    episodes: Sequence[Episode]
    control: Sequence[Episode]
    history: History
    control_history: History
    skills: Sequence[Skill]

    @classmethod
    def of(cls, library: SkillLibrary, pairs: Pairs) -> Lesson:
        """Of the episodes that are finished."""
        return cls(pairs.finished, pairs.against, history(library, AGENT), history(library, CONTROL), list(library))


def history(library: SkillLibrary, name: str) -> History:
    """All episodes that the library remembers, those of earlier trainings included."""
    return History.from_notes(library.notes, name)


def data(episodes: Sequence[Episode]) -> list[dict[str, Any]]:
    """The episodes as plain JSON."""
    return [{**asdict(episode), "learned": list(episode.learned)} for episode in episodes]


def words(episodes: Sequence[Episode], control: Sequence[Episode], skills: Sequence[Skill]) -> str:
    """What happened, and what was learned."""
    first, last = episodes[0], episodes[-LAST:]
    groups = [("", episodes[:1]), ("with skills", last), ("skills off", control[-LAST:])]
    head = ["", *(_head(label, group) for label, group in groups if group)]
    figures = [[name, *(figure(group) for _, group in groups if group)] for name, figure in _FIGURES]
    return "\n".join(
        [
            _span(first, last[-1]),
            table(head, figures),
            "",
            f"It knows {count(len(skills), 'skill')}, and has used skills {count(last[-1].uses, 'time')}:",
            table(("what it can do", "ways", "uses", "success", "most used way"), _kinds(skills)) if skills else "",
        ]
    ).rstrip()


_FIGURES: tuple[tuple[str, Callable[[Sequence[Episode]], str]], ...] = (
    ("steps", lambda group: f"{np.mean([episode.steps for episode in group]):.1f}"),
    ("reward", lambda group: f"{np.mean([episode.reward for episode in group]):.1f}"),
    ("reached the goal", lambda group: f"{sum(episode.success for episode in group)} of {len(group)}"),
)


def _span(first: Episode, last: Episode) -> str:
    if first.index == last.index:
        return f"Episode {first.index + 1}:"
    return f"Episodes {first.index + 1} to {last.index + 1}, means:"


def _head(label: str, group: Sequence[Episode]) -> str:
    first, last = group[0].index + 1, group[-1].index + 1
    episodes = f"episode {first}" if first == last else f"episodes {first}-{last}"
    return f"{label}, {episodes}" if label else episodes


def _kinds(skills: Sequence[Skill]) -> list[tuple[Any, ...]]:
    """One line for each name that skills have, the most used first."""
    kinds: dict[str, list[Skill]] = {}
    for skill in skills:
        kinds.setdefault(skill.name, []).append(skill)
    return [_kind(name, ways) for name, ways in sorted(kinds.items(), key=lambda kind: -_uses(kind[1]))]


def _kind(name: str, ways: Sequence[Skill]) -> tuple[Any, ...]:
    uses, successes = _uses(ways), sum(skill.success_count for skill in ways)
    best = max(ways, key=lambda skill: skill.success_count)
    return name, len(ways), uses, f"{100 * successes / uses:.0f} %" if uses else "-", rows.actions(best)


def _uses(skills: Sequence[Skill]) -> int:
    return sum(skill.times_used for skill in skills)
