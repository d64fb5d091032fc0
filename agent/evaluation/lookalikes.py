"""Look-alikes: skills that could be the agent's own and lead nowhere, to be found in a library full of noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from skillstore import Skill

NEAR, APART = 0.1, 0.6  # the length of what is added to an embedding of length 1


def lookalikes(
    skills: Sequence[Skill], count: int, action_names: Sequence[str], generator: np.random.Generator
) -> Iterator[Skill]:
    """``count`` skills, each made of a drawn one of ``skills``: same name, metadata and length, an embedding near by.

    One third keeps the preconditions and does other actions, drawn anew; one third does the same under preconditions
    of which one was changed; one third is wrong in both. What keeps the preconditions is a little less near, or a
    library would merge it with the skill it looks like. Nothing here knows what the facts of a skill mean: a changed
    fact gets another value of its kind. Raises ValueError without skills.
    """
    if not skills:
        raise ValueError("there is no skill to look like")
    for index in range(count):
        skill = skills[int(generator.integers(len(skills)))]
        actions, preconditions = list(skill.action_sequence), dict(skill.preconditions)
        if index % 3 != 1:
            actions = [action_names[int(n)] for n in generator.integers(len(action_names), size=len(actions))]
        if index % 3 != 0:
            preconditions = _changed(preconditions, generator)
        noise = generator.standard_normal(len(skill.embedding))
        length = NEAR if index % 3 else APART
        embedding = skill.embedding + length * noise / np.linalg.norm(noise)
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
