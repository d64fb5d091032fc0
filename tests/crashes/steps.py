"""Steps: the changes that workloads are made of. A generator varies what is in them, before they are done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from skillstore import Interval, OneOf, Skill, SkillLibrary
from tests.contracts.library_contract import StoppedError
from tests.crashes.life import Step


def _skill(generator: np.random.Generator) -> Skill:
    """Few angles and few conditions, so that some are merged."""
    conditions: Any = [{}, {"n": int(generator.integers(3))}, {"n": Interval(0, 1)}, {"color": OneOf("red", 2)}]
    angle = float(generator.integers(5))
    return Skill(
        f"skill {generator.integers(1000)}",
        conditions[int(generator.integers(4))],
        ["go", int(generator.integers(9))],
        [np.cos(angle), np.sin(angle)],
        {"pad": "p" * int(generator.integers(200))},
    )


def added(generator: np.random.Generator) -> Step:
    skill = _skill(generator)
    return lambda library: library.add_skill(
        skill if library.embedding_dim == 2 else Skill(skill.name, skill.preconditions, ["go"], [1.0, 0, 0, 0])
    )


def asked(number: int) -> Step:
    """A request whose answer is the id of the skill that it adds, and whose id is that skill's name."""
    skill = Skill(f"request {number}", {"request": number}, ["go"], [1.0, 0.0])
    return lambda library: library.once(skill.name, lambda: library.add_skill(skill).skill.id)


def _one(library: SkillLibrary, place: float) -> int:
    """The id of one skill that is there."""
    ids = [skill.id or 0 for skill in library]
    return ids[int(place * len(ids))]


def outcome(generator: np.random.Generator) -> Step:
    place, success = generator.random(), bool(generator.integers(2))
    return lambda library: library.record_outcome(_one(library, place), success)


def removed(generator: np.random.Generator) -> Step:
    place = generator.random()
    return lambda library: library.remove_skill(_one(library, place))


def replaced(generator: np.random.Generator) -> Step:
    place, skill = generator.random(), _skill(generator)
    return lambda library: library.replace_skill(_one(library, place), skill)


def noted(generator: np.random.Generator) -> Step:
    key, value = f"note {generator.integers(2)}", "n" * int(generator.integers(300))
    return lambda library: library.notes.update({key: value})


def batch(name: str, size: int) -> Step:
    """Each skill a frame of its own, or nearly; the frames of two batches are as long if their names are."""

    def step(library: SkillLibrary) -> None:
        dim = library.embedding_dim
        with library.batch():
            for number in range(size):
                conditions = {name: number}
                library.add_skill(
                    Skill(f"{name} {number}", conditions, ["go"], [1.0] * dim, {"pad": name[:1] * (150 + 60 * number)})
                )
            library.record_outcome(_one(library, 0.5), True)
            library.notes["plan"] = name[:1] * 700
            library.notes["end"] = name

    return step


def given_up(library: SkillLibrary) -> None:
    with pytest.raises(StoppedError), library.batch():  # noqa: PT012 - the batch is what raises
        batch("given up", 5)(library)
        raise StoppedError


def in_part_given_up(library: SkillLibrary) -> None:
    with library.batch():
        library.notes["kept"] = "k" * 700
        given_up(library)
        library.notes["kept"] = "k" * 600
