"""Changes: what a commit is made of, in the form the journal keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.backend import MAX_ANSWER, MAX_REQUEST_ID
from skillstore.embedding import Vector
from skillstore.local.records import MAX_PAYLOAD, RecordError, checked_note, packed
from skillstore.skill import MAX_COUNT

_LONGEST = 2**20
"""Bytes of one record of many skills, about: a frame holds at least one record."""
_COLUMNS = [np.dtype(name) for name in ("<i8", "<u4", "<i8", "<f4")]
"""Of a record of many skills: ids, lengths of payloads, counts, vectors."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Skills as they are stored, by column: new ones with ascending ids, or one that `replaces` an older row.

    ids int64 (n,), vectors float32 (n, dim), counts int64 (n, 3): times_used, success_count, times_learned
    """

    ids: NDArray[np.int64]
    payloads: Sequence[bytes]
    vectors: Vector
    counts: NDArray[np.int64]
    replaces: bool = False

    def staged(self) -> Rows:
        """Without the content, which the tail has: all that is needed to publish it."""
        return Rows(self.ids, (), self.vectors[:0], self.counts[:0], self.replaces)

    def parts(self) -> Iterator[Rows]:
        """The same rows, in parts of about a megabyte."""
        if len(self.payloads) == 1:
            yield self
            return
        sizes = self.vectors.shape[1] * 4 + 28 + np.fromiter(map(len, self.payloads), np.int64, len(self.payloads))
        megabytes = np.cumsum(sizes) // _LONGEST
        bounds = [0, *(np.flatnonzero(np.diff(megabytes)) + 1).tolist(), len(sizes)]
        for start, stop in pairwise(bounds):
            rows = slice(start, stop)
            yield Rows(self.ids[rows], self.payloads[rows], self.vectors[rows], self.counts[rows], self.replaces)


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


@dataclass(frozen=True, slots=True)
class Request:
    """The commit carries out the request `id`; `answer` is the record of what it returned."""

    id: str
    answer: bytes


Change: TypeAlias = Rows | Learned | Outcome | Removed | Note | Request


def record_of(change: Change) -> bytes:
    """The record of one change: see the grammar in ARCHITECTURE.md."""
    return packed(_form(change))


def _form(change: Change) -> list[Any]:
    if isinstance(change, Rows):
        if change.replaces:
            vector = change.vectors[0].astype("<f4").tobytes()
            return ["replace", int(change.ids[0]), change.payloads[0], vector, *change.counts[0].tolist()]
        lengths = np.array([len(payload) for payload in change.payloads])
        columns: list[NDArray[Any]] = [change.ids, lengths, change.counts, change.vectors]
        data = (column.astype(dtype, copy=False).tobytes() for column, dtype in zip(columns, _COLUMNS, strict=True))
        return ["rows", *data, b"".join(change.payloads)]
    if isinstance(change, Learned):
        return ["learned", change.id]
    if isinstance(change, Outcome):
        return ["outcome", change.id, change.succeeded]
    if isinstance(change, Removed):
        return ["remove", change.id]
    if isinstance(change, Request):
        return ["request", change.id, change.answer]
    return ["note", change.key, change.data]


def change_of(form: Any, dim: int) -> Change:
    """The change of an unpacked record. Raises RecordError for one that cannot have been made."""
    try:
        verb, *content = form
        if verb in ("add", "replace"):
            return _row(verb == "replace", dim, *content)
        if verb == "rows":
            return rows_of(dim, *content)
        return _SHORT[verb](*content)
    except (TypeError, ValueError, KeyError) as error:
        raise RecordError(f"not a change ({error!r})") from None


def _row(replaces: bool, dim: int, skill_id: Any, payload: Any, vector: Any, *counts: Any) -> Rows:
    if type(payload) is not bytes or any(type(count) is not int for count in counts):
        raise RecordError("not a skill")
    if len(vector) != 4 * dim or len(counts) != 3 or max(counts) > MAX_COUNT:
        raise RecordError("not a skill of this library")
    columns = np.array([_id(skill_id)]), np.frombuffer(vector, dtype="<f4"), np.array([counts], dtype=np.int64)
    return _checked(Rows(columns[0], [payload], columns[1].astype(np.float32).reshape(1, dim), columns[2], replaces))


def rows_of(dim: int, ids: Any, lengths: Any, counts: Any, vectors: Any, payloads: Any) -> Rows:
    """New skills of the columns of their record, or of many. Raises RecordError for what cannot have been made."""
    if any(type(column) is not bytes for column in (ids, lengths, counts, vectors, payloads)):
        raise RecordError("not skills")
    count = len(ids) // 8
    if [len(ids), len(lengths), len(vectors), len(counts)] != [8 * count, 4 * count, 4 * dim * count, 24 * count]:
        raise RecordError("not skills of this library")
    ends = np.cumsum(np.frombuffer(lengths, dtype="<u4"), dtype=np.int64).tolist()
    if not count or ends[-1] != len(payloads):
        raise RecordError("payloads that are not there")
    return _checked(
        Rows(
            np.frombuffer(ids, dtype="<i8").astype(np.int64),
            [payloads[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)],
            np.frombuffer(vectors, dtype="<f4").astype(np.float32).reshape(count, dim),
            np.frombuffer(counts, dtype="<i8").astype(np.int64).reshape(count, 3),
        )
    )


def _checked(rows: Rows) -> Rows:
    used, succeeded, learned = rows.counts.T
    if (succeeded < 0).any() or (succeeded > used).any() or (learned < 1).any() or rows.counts.max() > MAX_COUNT:
        raise RecordError("counts that cannot be")
    if rows.ids[0] < 1 or rows.ids[-1] > MAX_COUNT or (np.diff(rows.ids) < 1).any():
        raise RecordError("not ids")
    if max(map(len, rows.payloads)) > MAX_PAYLOAD:
        raise RecordError("a skill longer than any that is written")
    return rows


def _id(skill_id: Any) -> int:
    if type(skill_id) is not int or not 1 <= skill_id <= MAX_COUNT:
        raise RecordError("not an id")
    return skill_id


def _note(key: Any, data: Any) -> Note:
    if type(key) is not str:
        raise RecordError("not a note")
    return Note(key, None if data is None else checked_note(data))


def request_of(request_id: Any, answer: Any) -> Request:
    """A request as read. Raises RecordError for one that cannot have been made."""
    if type(request_id) is not str or not 1 <= len(request_id) <= MAX_REQUEST_ID:
        raise RecordError("not the id of a request")
    if type(answer) is not bytes or len(answer) > MAX_ANSWER:
        raise RecordError("not an answer")
    return Request(request_id, checked_note(answer))


_SHORT: dict[str, Callable[..., Change]] = {
    "learned": lambda skill_id: Learned(_id(skill_id)),
    "outcome": lambda skill_id, succeeded: Outcome(_id(skill_id), bool(succeeded)),
    "remove": lambda skill_id: Removed(_id(skill_id)),
    "note": _note,
    "request": request_of,
}
