"""Adding: skills become rows, or are merged into those that they are the same as."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skillstore.answers import Added
from skillstore.backend import Settings
from skillstore.embedding import Vector
from skillstore.errors import InvalidInputError
from skillstore.local.arrivals import Arrival
from skillstore.local.changes import Learned, Rows
from skillstore.local.commit import Commit
from skillstore.local.duplicates import StoredTwins, Twins, merge_among
from skillstore.local.table import Lock, Table
from skillstore.local.writer import Writer
from skillstore.skill import MAX_COUNT, Skill

Columns: TypeAlias = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float32]]
"""As `Additions` has them: ids, created, similarities."""

NOTHING: Columns = np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0, np.float32)


class Adding:
    """Stages new skills of one table, which `state` guards, in commits of `writer`."""

    def __init__(
        self, table: Table, state: Lock, writer: Writer, settings: Settings, get: Callable[[int], Skill]
    ) -> None:
        """`get` reads a skill as the one who stages sees it."""
        self._table, self._state, self._writer, self._settings, self._get = table, state, writer, settings, get

    def take(self, arrivals: Sequence[Arrival], commit: Commit) -> None:
        """Stage those that no other commit has, in `commit`, and tell them what became of them."""
        taken = [arrival for arrival in arrivals if arrival.commit is None or not arrival.commit.queued]
        if not taken:
            return
        ids, created, similarities = self.stage(taken)
        columns = zip(taken, ids.tolist(), created.tolist(), similarities.tolist(), strict=True)
        for arrival, skill_id, is_new, similarity in columns:
            arrival.added = Added(
                Skill.trusted(**{**arrival.skill.__dict__, "id": skill_id}) if is_new else self._get(skill_id),
                is_new,
                None if is_new else similarity,
            )
            arrival.commit = commit

    def stage(self, arrivals: Sequence[Arrival], keep_ids: bool = False) -> Columns:
        """Stage each as if they came one by one in order."""
        sets, vectors = self._set_numbers(arrivals), np.array([arrival.skill.embedding for arrival in arrivals])
        first = self._table.staging.next_id
        twins = Twins(len(arrivals)) if keep_ids else self._twins(sets, vectors, first)
        ids, kept = twins.ids, twins.ids == 0
        places = kept.nonzero()[0]
        if len(places):
            new = [arrivals[place] for place in places.tolist()]
            ids[places] = numbers = self._new_ids(new, first, keep_ids)
            counts = np.array([each.skill.counts for each in new], dtype=np.int64)
            rows = Rows(numbers, [each.payload for each in new], vectors[places], counts)
            self._writer.stage_rows(rows, sets[places])
        for skill_id in ids[~kept].tolist():
            self._writer.stage(Learned(skill_id))
        return ids, kept, twins.similarities

    def _twins(self, sets: NDArray[np.int64], vectors: Vector, first: int) -> Twins:
        """What each is merged into, the next new skill getting the id `first`."""
        limit, any_set = self._settings.same_skill, self._settings.dedup_scope == "library"
        if limit is None:
            return Twins(len(sets))
        with self._state:
            stored = StoredTwins(self._table, limit, any_set, sets)
        twins = stored.find(sets, vectors)
        merge_among(sets, vectors, twins, limit, first, any_set)
        return twins

    def _new_ids(self, arrivals: Sequence[Arrival], first: int, keep_ids: bool) -> NDArray[np.int64]:
        if not keep_ids:
            if first + len(arrivals) > MAX_COUNT + 1:
                raise InvalidInputError("the library has given its last id; copy its skills into a new one")
            return np.arange(first, first + len(arrivals))
        ids = []
        for skill in (arrival.skill for arrival in arrivals):
            ids.append(first if skill.id is None else skill.id)
            if ids[-1] < first:
                raise InvalidInputError(f"the id {skill.id} of {skill.name!r} is not above all ids given so far")
            first = ids[-1] + 1
        return np.array(ids, dtype=np.int64)

    def _set_numbers(self, arrivals: Sequence[Arrival]) -> NDArray[np.int64]:
        with self._state:
            return self._table.matcher.intern_each(arrival.wanted.conditions for arrival in arrivals)
