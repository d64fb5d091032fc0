"""Changes: what a commit is made of, in the form the journal keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from skillstore.embedding import Vector
from skillstore.local.records import MAX_PAYLOAD, RecordError, packed
from skillstore.skill import MAX_COUNT

_NO_VECTOR: Vector = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Row:
    """A skill as it is stored; `replaces` an older row of the same id, or is the first."""

    id: int
    payload: bytes
    vector: Vector
    counts: tuple[int, int, int]
    replaces: bool = False

    def staged(self) -> Row:
        """Without the content, which the tail has: all that is needed to publish it."""
        return Row(self.id, b"", _NO_VECTOR, self.counts, self.replaces)


@dataclass(frozen=True, slots=True)
class Learned:
    """The skill was learned once more: another was merged into it."""

    id: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The skill was used once."""

    id: int
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Removed:
    id: int


@dataclass(frozen=True, slots=True)
class Note:
    """The note holds the record `data`; None: it is gone."""

    key: str
    data: bytes | None


Change: TypeAlias = Row | Learned | Outcome | Removed | Note


def record_of(change: Change) -> bytes:
    """The record of one change: see the grammar in ARCHITECTURE.md."""
    return packed(_form(change))


def _form(change: Change) -> list[Any]:
    if isinstance(change, Row):
        verb = "replace" if change.replaces else "add"
        return [verb, change.id, change.payload, change.vector.astype("<f4").tobytes(), *change.counts]
    if isinstance(change, Learned):
        return ["learned", change.id]
    if isinstance(change, Outcome):
        return ["outcome", change.id, change.succeeded]
    if isinstance(change, Removed):
        return ["remove", change.id]
    return ["note", change.key, change.data]


def change_of(form: Any, dim: int) -> Change:
    """The change of an unpacked record. Raises RecordError for one that cannot have been made."""
    try:
        verb, *content = form
        if verb in ("add", "replace"):
            return _row(verb == "replace", dim, *content)
        return _SHORT[verb](*content)
    except (TypeError, ValueError, KeyError) as error:
        raise RecordError(f"not a change ({error!r})") from None


def _row(replaces: bool, dim: int, skill_id: Any, payload: Any, vector: Any, *counts: Any) -> Row:
    if type(payload) is not bytes or len(payload) > MAX_PAYLOAD or any(type(count) is not int for count in counts):
        raise RecordError("not a skill")
    used, succeeded, learned = counts
    if len(vector) != 4 * dim or not (0 <= succeeded <= used <= MAX_COUNT and 1 <= learned <= MAX_COUNT):
        raise RecordError("not a skill of this library")
    embedding = np.frombuffer(vector, dtype="<f4").astype(np.float32)
    return Row(_id(skill_id), payload, embedding, (used, succeeded, learned), replaces)


def _id(skill_id: Any) -> int:
    if type(skill_id) is not int or not 1 <= skill_id <= MAX_COUNT:
        raise RecordError("not an id")
    return skill_id


def _note(key: Any, data: Any) -> Note:
    if type(key) is not str or not (data is None or type(data) is bytes):
        raise RecordError("not a note")
    return Note(key, data)


_SHORT: dict[str, Callable[..., Change]] = {
    "learned": lambda skill_id: Learned(_id(skill_id)),
    "outcome": lambda skill_id, succeeded: Outcome(_id(skill_id), bool(succeeded)),
    "remove": lambda skill_id: Removed(_id(skill_id)),
    "note": _note,
}
