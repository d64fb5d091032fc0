"""Look-alikes: skills that could be the agent's own and lead nowhere, to be found in a library full of noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from skillstore import Skill

APART = 0.6  # what is added to an embedding of length 1 where the same one would be merged


def lookalikes(
    skills: Sequence[Skill], count: int, action_names: Sequence[str], generator: np.random.Generator
) -> Iterator[Skill]:
    """``count`` skills, each made of a drawn one of ``skills``: with its name, its metadata and as many actions.

    In turn: (1) its preconditions, other actions, an embedding near by, as a library would merge the same one; and,
    with the very same embedding, (2) some of its preconditions and other actions, so that it applies wherever the
    other does; (3) its actions, one precondition changed; (4) the preconditions of another skill, other actions.
    Nothing here knows what the facts of a skill mean: a changed fact gets another value of its kind. Raises ValueError
    without skills.
    """
    if not skills:
        raise ValueError("there is no skill to look like")
    for index in range(count):
        skill, another = (skills[int(number)] for number in generator.integers(len(skills), size=2))
        actions, embedding = list(skill.action_sequence), np.array(skill.embedding, dtype=np.float64)
        preconditions = dict(another.preconditions if index % 4 == 3 else skill.preconditions)
        if index % 4 == 0:
            noise = generator.standard_normal(len(embedding))
            embedding += APART * noise / np.linalg.norm(noise)
        elif index % 4 == 1:
            preconditions = {name: value for name, value in preconditions.items() if generator.random() < 0.5}
        elif index % 4 == 2:
            preconditions = _changed(preconditions, generator)
        if index % 4 != 2:
            actions = [action_names[int(n)] for n in generator.integers(len(action_names), size=len(actions))]
        yield Skill(skill.name, preconditions, actions, embedding, metadata=dict(skill.metadata))


def _changed(preconditions: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
    """The preconditions with one value changed; without any, one that hardly ever holds."""
    names = sorted(preconditions)
    if not names:
        return {"offset.0": (int(generator.integers(-9, 10)), int(generator.integers(-9, 10)))}
    name = names[int(generator.integers(len(names)))]
    return {**preconditions, name: _other(preconditions[name], generator)}


def _other(value: Any, generator: np.random.Generator) -> Any:
    if value is None or isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + int(generator.choice([-2, -1, 1, 2]))
    if isinstance(value, tuple | list) and value:
        place = int(generator.integers(len(value)))
        return tuple(_other(part, generator) if at == place else part for at, part in enumerate(value))
    return f"{value}, but not quite"
