"""Skill: a sequence of actions worth repeating, when it may be used, and the context it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import skillstore.preconditions as rules
from skillstore.embedding import Vector, unit
from skillstore.errors import InvalidInputError
from skillstore.preconditions import Condition, State
from skillstore.values import Value, copied

MAX_COUNT = 2**62


@dataclass(frozen=True, eq=False)
class Skill:
    """A frozen value; what is given is copied, and comes back from a library equal, types included.

    name             text, not empty
    preconditions    facts that must hold: see `skillstore.preconditions`; an empty mapping applies everywhere
    action_sequence  a list or tuple of at least one Value: strings, or structured values such as a tool call
    embedding        any non-zero real vector; kept as a read-only float32 vector of length 1, shape (dim,)
    metadata         a dict of Values of the user's own
    id               given by the library that keeps it; None for a skill of no library
    times_used, success_count, times_learned   its counts: outcomes recorded, those that succeeded, times it was
                     added (1, and one more for each skill merged into it)

    Raises InvalidInputError for anything that could not be kept or used.

    >>> skill = Skill("acquire_key", {"has_key": False}, ["right", "pickup"], [3.0, 4.0])
    >>> skill.is_applicable({"has_key": False, "door_open": False})
    True
    >>> skill.embedding
    array([0.6, 0.8], dtype=float32)
    """

    name: str
    preconditions: Mapping[str, Condition]
    action_sequence: Sequence[Value]
    embedding: Vector = field(repr=False)  # long, and says nothing to people
    metadata: Mapping[str, Value] = field(default_factory=dict)
    id: int | None = None
    times_used: int = 0
    success_count: int = 0
    times_learned: int = 1

    def __init__(
        self,
        name: str,
        preconditions: Mapping[str, Condition],
        action_sequence: Sequence[Value],
        embedding: ArrayLike,
        metadata: Mapping[str, Value] | None = None,
        *,
        id: int | None = None,  # noqa: A002 - the field's name
        times_used: int = 0,
        success_count: int = 0,
        times_learned: int = 1,
    ) -> None:
        self.__dict__.update(
            name=_checked_name(name),
            preconditions=rules.checked(preconditions),
            action_sequence=_checked_actions(action_sequence),
            embedding=unit(embedding, f"the embedding of {name!r}"),
            metadata=_checked_metadata(metadata),
            id=id,
            times_used=times_used,
            success_count=success_count,
            times_learned=times_learned,
        )
        _check_counts(self)

    @classmethod
    def trusted(cls, **values: Any) -> Skill:
        """A skill of values that a library has already checked; every field must be given."""
        skill = object.__new__(cls)
        skill.__dict__.update(values)
        return skill

    def is_applicable(self, state: State) -> bool:
        """Whether all preconditions hold in `state`."""
        return rules.is_applicable(self.preconditions, state)

    @property
    def success_rate(self) -> float:
        """success_count / times_used, in [0, 1]; 0.0 for a skill never used."""
        return self.success_count / self.times_used if self.times_used else 0.0

    @property
    def counts(self) -> tuple[int, int, int]:
        """times_used, success_count, times_learned."""
        return self.times_used, self.success_count, self.times_learned

    def __eq__(self, other: object) -> bool:
        """Whether all fields are equal, the id and the counts included."""
        if not isinstance(other, Skill):
            return NotImplemented
        plain = (f.name for f in fields(self) if f.name != "embedding")
        return all(getattr(self, name) == getattr(other, name) for name in plain) and np.array_equal(
            self.embedding, other.embedding
        )

    __hash__ = None  # type: ignore[assignment]  # its actions are lists


def _checked_name(name: str) -> str:
    if type(name) is not str or not name.strip():
        raise InvalidInputError(f"a skill's name is text that is not blank, not {name!r}")
    copied(name, "the name")
    return name


def _checked_actions(actions: Sequence[Value]) -> Sequence[Value]:
    if type(actions) not in (list, tuple):
        raise InvalidInputError(
            f"action_sequence is a list or tuple of actions, not {type(actions).__name__} ({actions!r:.60})"
        )
    if not actions:
        raise InvalidInputError("action_sequence is empty: a skill does something")
    return copied(actions, "action_sequence")  # type: ignore[no-any-return]


def _checked_metadata(metadata: Mapping[str, Value] | None) -> dict[str, Value]:
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidInputError(f"metadata is a mapping, not {type(metadata).__name__}")
    return copied(dict(metadata), "metadata")  # type: ignore[no-any-return]


def _check_counts(skill: Skill) -> None:
    if any(type(count) is not int or not 0 <= count <= MAX_COUNT for count in skill.counts):
        raise InvalidInputError(f"the counts of {skill.name!r} are whole numbers from 0, not {skill.counts}")
    if skill.success_count > skill.times_used or skill.times_learned < 1:
        raise InvalidInputError(
            f"{skill.name!r} cannot have succeeded more often than it was used, or never been learned"
        )
    if skill.id is not None and (type(skill.id) is not int or not 1 <= skill.id <= MAX_COUNT):
        raise InvalidInputError(f"a skill's id is a positive whole number, not {skill.id!r}")
