"""Table: all skills of a library in memory, and how they are found and changed.

Rows lie in parts: immutable segments, larger ones first, and the tail with the newest. A change is first *staged*
(only writers see it), then *published* or *dropped*. Not safe for threads: its owner locks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.backend import MAX_REQUESTS
from skillstore.errors import CorruptLibraryError
from skillstore.local.changes import Change, Note, Removed, Request, Rows
from skillstore.local.matcher import Applicable, Chosen, Matcher
from skillstore.local.rearrangement import Part, Rearrangement
from skillstore.local.records import RecordError, read_payload
from skillstore.local.segment import Counts, Segment
from skillstore.local.since import Since
from skillstore.local.staging import Gone, Staging, counted
from skillstore.local.tail import Tail
from skillstore.preconditions import Facts, PreconditionSet
from skillstore.skill import Skill

Lock: TypeAlias = AbstractContextManager[bool]
"""What guards a table: an RLock of the standard library, whose type has no public name."""

_TAIL_BYTES = 2 * 2**20
_LIKE_SMALL, _LIKE_LARGE, _LARGE = 8, 2, 100_000
"""A segment so many times as large as the next merges with it: every segment costs every search, a merge its rows."""


class Found(NamedTuple):
    """A row, and what ranks it: its similarity to a query, or its lower bound of success."""

    part: Part
    position: int
    rank: float


class Table:
    """The visible skills, and with `staged=True` what the writer sees."""

    def __init__(self, dim: int, next_id: int = 1, tail_rows: int | None = None) -> None:
        """`tail_rows`: how many rows the tail may hold before they become a segment; by default 2 MiB of vectors."""
        self.matcher = Matcher()
        self.notes: dict[str, bytes] = {}
        self.requests: OrderedDict[str, bytes] = OrderedDict()  # id -> answer, oldest first
        self.segments: list[Segment] = []
        self.tail = Tail(dim)
        self.staging = Staging(next_id)
        self.since = Since()
        self._count = 0
        self._dim = dim
        self._tail_rows = tail_rows or max(256, _TAIL_BYTES // (4 * dim))

    # what is there

    def parts(self) -> list[Part]:
        return [*self.segments, self.tail]

    def find(self, skill_id: int, staged: bool = False) -> tuple[Part, int] | None:
        """The row of a skill that is there."""
        if staged and skill_id in self.staging.superseded:
            row = self.staging.superseded[skill_id]
            return None if row is None else (self.tail, row)
        for part in reversed(self.parts()):
            position = part.find(skill_id, staged) if isinstance(part, Tail) else part.find(skill_id)
            if position is not None:
                return part, position
        return None

    def skill(self, part: Part, position: int, staged: bool = False) -> Skill:
        """The skill of one row, decoded. Raises CorruptLibraryError."""
        return self.skills([Found(part, position, 0.0)], staged)()[0]

    def skills(self, rows: Sequence[Found], staged: bool = False) -> Callable[[], list[Skill]]:
        """What decodes the skills of rows, as they are now: for after the table has been let go.

        Segments keep what is decoded, so nobody need wait for that. It raises CorruptLibraryError.
        """
        by_part: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            by_part.setdefault(id(row.part), []).append(place)
        made: dict[int, Skill] = {}
        later: list[tuple[list[int], Part, NDArray[np.int64], Counts]] = []
        for places in by_part.values():
            part, positions = rows[places[0]].part, np.array([rows[place].position for place in places], dtype=np.int64)
            counts = self.counts(part, positions, staged)
            if isinstance(part, Tail):
                made.update(zip(places, decoded(part, positions, counts), strict=True))
            else:
                later.append((places, part, positions, counts))

        def all_decoded() -> list[Skill]:
            for places, part, positions, counts in later:
                made.update(zip(places, decoded(part, positions, counts), strict=True))
            return [made[place] for place in range(len(rows))]

        return all_decoded

    def note(self, key: str, staged: bool = False) -> bytes | None:
        if staged and key in self.staging.notes:
            return self.staging.notes[key]
        return self.notes.get(key)

    def note_keys(self, staged: bool = False) -> list[str]:
        """Ascending."""
        changed = self.staging.notes if staged else {}
        kept = {key for key in self.notes if key not in changed}
        return sorted(kept | {key for key, data in changed.items() if data is not None})

    def answer(self, request_id: str, staged: bool = False) -> bytes | None:
        """What was answered to a request that was carried out, and is remembered."""
        if staged and request_id in self.staging.requests:
            return self.staging.requests[request_id]
        return self.requests.get(request_id)

    def count(self, staged: bool = False) -> int:
        """How many skills are there."""
        return self._count + (self.staging.more if staged else 0)

    def recount(self) -> None:
        """Take up segments that were put in place."""
        self._count = sum(int(np.count_nonzero(part.alive)) for part in self.parts())

    # what applies

    def applicable(self, facts: Facts) -> Applicable:
        """The precondition sets that `facts` satisfy."""
        return self.matcher.applicable(facts)

    def everything(self) -> Chosen:
        """All precondition sets."""
        return Chosen.everything(len(self.matcher))

    def positions(self, part: Part, chosen: Chosen, staged: bool = False) -> NDArray[np.int64]:
        """The rows of `part` that are there and in the chosen sets."""
        if not staged:
            return part.positions(chosen)
        positions = part.positions(chosen, staged) if isinstance(part, Tail) else part.positions(chosen)
        return self.current(part, positions)

    def counts(self, part: Part, positions: NDArray[np.int64], staged: bool = False) -> Counts:
        """times_used, success_count and times_learned of rows: int64 (3, n), a copy."""
        counts: Counts = part.counts[:, positions]
        if staged:
            more = [self.staging.counts(skill_id) for skill_id in part.ids[positions].tolist()]
            counts = counts + np.array(more, dtype=np.int64).reshape(-1, 3).T
        return counts

    def current(self, part: Part, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `positions` that are neither removed nor replaced by what is staged."""
        superseded = self.staging.superseded
        if not superseded or not len(positions):
            return positions
        ids = part.ids[positions].tolist()
        if isinstance(part, Tail):
            kept = [superseded.get(skill_id, row) == row for skill_id, row in zip(ids, positions.tolist(), strict=True)]
        else:
            kept = [skill_id not in superseded for skill_id in ids]
        current: NDArray[np.int64] = positions[np.array(kept, dtype=np.bool_)]
        return current

    def gone(self) -> Gone:
        """What `current` leaves out."""
        return self.staging.gone()

    # changes

    def stage(self, change: Change) -> None:
        """Let writers see `change`. Its id must be there (but for new Rows)."""
        if isinstance(change, Rows):
            sets = (PreconditionSet.of(read_payload(payload)[1]) for payload in change.payloads)
            self.stage_rows(change, self.matcher.intern_each(each.conditions for each in sets))
        else:
            self.staging.take(change, len(self.tail))

    def stage_rows(self, rows: Rows, sets: NDArray[np.int64]) -> None:
        """As `stage`, for rows whose precondition sets are known."""
        first = len(self.tail)
        self.tail.extend(rows.ids, sets, rows.vectors, rows.payloads, rows.counts)
        self.staging.take(rows, first)

    def publish(self, changes: Iterable[Change], pending: Iterable[Change]) -> None:
        """Let everybody see `changes`, the first that were staged; `pending` are those that stay staged."""
        for change in changes:
            self._apply(change)
        self.staging.retake(pending, self.tail.visible)

    def drop(self, pending: Iterable[Change], next_id: int) -> None:
        """Forget everything staged but `pending`."""
        kept = list(pending)
        self.staging.retake(kept, self.tail.visible)
        self.staging.next_id = next_id
        self.tail.truncate(self.tail.visible + sum(len(change.ids) for change in kept if isinstance(change, Rows)))

    def _apply(self, change: Change) -> None:
        self.since.take(change)
        if isinstance(change, Rows):
            if change.replaces:
                for skill_id in change.ids.tolist():
                    self._remove(skill_id)
            self.tail.visible += len(change.ids)
            self._count += len(change.ids)
        elif isinstance(change, Removed):
            self._remove(change.id)
        elif isinstance(change, Note):
            if change.data is None:
                self.notes.pop(change.key, None)
            else:
                self.notes[change.key] = change.data
        elif isinstance(change, Request):
            self.requests[change.id] = change.answer
            if len(self.requests) > MAX_REQUESTS:
                self.requests.popitem(last=False)
        else:
            part, position = self._visible(change.id)
            part.counts[:, position] += counted(change)

    def _remove(self, skill_id: int) -> None:
        part, position = self._visible(skill_id)
        part.remove(position)
        self._count -= 1

    def _visible(self, skill_id: int) -> tuple[Part, int]:
        found = self.find(skill_id)
        if found is None:
            raise LookupError(f"no skill {skill_id}")
        return found

    # parts

    def due(self, flush: bool = False) -> Rearrangement | None:
        """The next rearrangement that would help: a long tail, or small segments beside each other.

        With `flush` the tail leaves, however short.
        """
        if self.tail.visible >= (1 if flush else self._tail_rows):
            return Rearrangement([self.tail])
        for place in range(len(self.segments) - 1, 0, -1):
            larger, smaller = len(self.segments[place - 1]), len(self.segments[place])
            if larger <= (_LIKE_LARGE if larger > _LARGE else _LIKE_SMALL) * smaller:
                return Rearrangement(self.segments[place - 1 : place + 1])
        return None

    def whole(self) -> Rearrangement:
        """The rearrangement of everything that is there into one segment."""
        return Rearrangement(self.parts())

    def put(self, done: Rearrangement, segment: Segment | None) -> None:
        """Let `segment`, built from it, take the place of its parts."""
        if segment is not None:
            done.take_over(segment)
        old = [part for part in done.parts if isinstance(part, Segment)]
        place = self.segments.index(old[0]) if old else len(self.segments)
        self.segments[place : place + len(old)] = [] if segment is None else [segment]
        if done.tail_rows:
            self.tail.leave(done.tail_rows)
            self.staging.shift(done.tail_rows)

    def tidy(self) -> None:
        """If the tail is long, do all that is due, at once: for a table that nobody uses meanwhile."""
        if self.tail.visible < self._tail_rows:
            return
        while (rearrangement := self.due()) is not None:
            self.put(rearrangement, rearrangement.built())


def decoded(part: Part, positions: NDArray[np.int64], counts: Counts) -> list[Skill]:
    """The skills of rows. Raises CorruptLibraryError if a payload cannot have been written."""
    vectors = part.vectors(positions)
    vectors.setflags(write=False)
    columns = part.payloads_at(positions), part.ids[positions].tolist(), vectors, *counts.tolist()
    skills: list[Skill] = []
    for payload, skill_id, vector, used, succeeded, learned in zip(*columns, strict=True):
        try:
            name, preconditions, actions, metadata = read_payload(payload, checked=True)
        except RecordError as error:
            place = part.place(int(positions[len(skills)]))
            raise CorruptLibraryError(*place, str(error)) from None
        skill = Skill.trusted(
            name=name, preconditions=preconditions, action_sequence=actions, embedding=vector, metadata=metadata,
            id=skill_id, times_used=used, success_count=succeeded, times_learned=learned,
        )  # fmt: skip
        skills.append(skill)
    return skills
