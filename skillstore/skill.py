"""Skill: a sequence of actions worth repeating, when it may be used, and the context it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import skillstore.preconditions as rules
from skillstore.embedding import Vector, unit
from skillstore.errors import InvalidInputError, quote, type_name
from skillstore.preconditions import Condition, State
from skillstore.scalars import require_int, require_text, way_out
from skillstore.values import Value, copied

MAX_COUNT = 2**62


@dataclass(frozen=True, eq=False)
class Skill:
    """A frozen value; what is given is copied, and comes back from a library equal, as plain values.

    Its lists and dicts can be changed, as any can; so a library that is given the skill checks and copies them again.

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
        name = _checked_name(name)
        self.__dict__.update(
            name=name,
            **_checked_contents(preconditions, action_sequence, metadata),
            embedding=unit(embedding, f"the embedding of {quote(name)}"),
            id=None if id is None else require_int(id, "a skill's id is a whole number from 1", 1, MAX_COUNT),
            times_used=_checked_count("times_used", times_used, 0),
            success_count=_checked_count("success_count", success_count, 0),
            times_learned=_checked_count("times_learned", times_learned, 1),
        )
        if self.success_count > self.times_used:
            raise InvalidInputError(
                f"{quote(name)} cannot have succeeded more often ({self.success_count}) than it was used "
                f"({self.times_used})"
            )

    @classmethod
    def trusted(cls, **values: Any) -> Skill:
        """A skill of values that a library has already checked; every field must be given."""
        skill = object.__new__(cls)
        skill.__dict__.update(values)
        return skill

    def rechecked(self) -> Skill:
        """A copy that shares no list or dict with this one, whose own may have changed since they were checked.

        Raises InvalidInputError if they are nothing that could be kept any more.
        """
        now = self.__dict__
        if not now.keys() >= _FIELDS:
            raise InvalidInputError(f"a value of type {type_name(self)} was never made into a Skill: call its __init__")
        contents = _checked_contents(now["preconditions"], now["action_sequence"], now["metadata"])
        copy = object.__new__(Skill)
        copy.__dict__.update(now)
        copy.__dict__.update(contents)
        return copy

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


_FIELDS = frozenset(field.name for field in fields(Skill))


def _checked_name(name: str) -> str:
    text = require_text(name, "a skill's name is text that is not blank")
    if not text.strip():
        raise InvalidInputError(f"a skill's name is text that is not blank, not {quote(text)}")
    return text


def _checked_contents(preconditions: Any, actions: Any, metadata: Any) -> dict[str, Any]:
    """The fields that can be changed in place, copied."""
    return {
        "preconditions": rules.checked(preconditions),
        "action_sequence": _checked_actions(actions),
        "metadata": _checked_metadata(metadata),
    }


def _checked_actions(actions: Sequence[Value]) -> Sequence[Value]:
    if type(actions) is not tuple and not isinstance(actions, list):
        raise InvalidInputError(
            f"action_sequence is a list or tuple of actions, not of type {type_name(actions)} ({quote(actions)}); "
            f"give {'[...] around it' if isinstance(actions, str) else way_out(actions).removeprefix('give ')}"
        )
    if not actions:
        raise InvalidInputError("action_sequence is empty: a skill does something")
    try:
        return copied(actions, "action_sequence")  # type: ignore[no-any-return]
    except InvalidInputError:
        for index, action in enumerate(actions):
            copied(action, f"action {index + 1} of {len(actions)}, action_sequence[{index}]")  # says which
        raise


def _checked_metadata(metadata: Mapping[str, Value] | None) -> dict[str, Value]:
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidInputError(f"metadata is a mapping, not of type {type_name(metadata)}; {way_out(metadata)}")
    return copied(metadata, "metadata")  # type: ignore[no-any-return]


def _checked_count(name: str, count: Any, least: int) -> int:
    if type(count) is int and least <= count <= MAX_COUNT:
        return count
    return require_int(count, f"{name} is a whole number from {least} to 2**62", least, MAX_COUNT)
