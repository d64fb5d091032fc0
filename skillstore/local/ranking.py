"""Ranking: of the skills in satisfied precondition sets, which fit best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, similarities
from skillstore.local.matcher import Applicable, Chosen
from skillstore.local.rearrangement import Part
from skillstore.local.table import Found, Table
from skillstore.local.tail import Tail
from skillstore.outcomes import lower_bounds

_NONE = np.zeros(0, dtype=np.int64)


def nearest(table: Table, chosen: Chosen, query: Vector, k: int, staged: bool = False) -> list[Found]:
    """The k rows in the chosen sets most similar to `query`: similarity descending, id ascending. Exact."""
    return _most_similar(
        table, query, k, [_candidates(table, part, chosen, query, k, staged) for part in table.parts()]
    )


def likely_nearest(table: Table, applicable: Applicable, query: Vector, k: int) -> tuple[list[Found], bool]:
    """As `nearest`, approximate where very many rows apply; and whether the answer is certainly exact."""
    likely = [segment.likely(applicable, query, k) for segment in table.segments]
    exact = all(rows is None for rows in likely)
    rows = [
        segment.candidates(applicable, query, k) if found is None else found
        for segment, found in zip(table.segments, likely, strict=True)
    ]
    newest = table.tail.applying(applicable, query, k) if table.tail.visible else _NONE
    return _most_similar(table, query, k, [*rows, newest]), exact


def most_reliable(table: Table, chosen: Chosen, k: int, staged: bool = False) -> list[Found]:
    """The k rows in the chosen sets with the highest lower bound of success, ties to the lower id.

    Cost: the rows of those sets.
    """
    parts = table.parts()
    rows = [table.positions(part, chosen, staged) for part in parts]
    counts = [table.counts(part, positions, staged) for part, positions in zip(parts, rows, strict=True)]
    used, succeeded, _ = np.concatenate(counts, axis=1)
    return _best(parts, rows, lower_bounds(succeeded, used), k)


def _candidates(table: Table, part: Part, chosen: Chosen, query: Vector, k: int, staged: bool) -> NDArray[np.int64]:
    if not staged:
        return part.candidates(chosen, query, k)
    if isinstance(part, Tail):
        return part.closest(table.positions(part, chosen, staged), query, k)
    return table.current(part, part.candidates(chosen, query, k + len(table.staging.superseded)))


def _most_similar(table: Table, query: Vector, k: int, rows: list[NDArray[np.int64]]) -> list[Found]:
    """The k most similar among `rows` of each part."""
    pairs = [(part, positions) for part, positions in zip(table.parts(), rows, strict=True) if len(positions)]
    if not pairs:
        return []
    vectors = [part.vectors(positions) for part, positions in pairs]
    ranks = similarities(vectors[0] if len(vectors) == 1 else np.concatenate(vectors), query)
    return _best([part for part, _ in pairs], [positions for _, positions in pairs], ranks, k)


def _best(parts: list[Part], rows: list[NDArray[np.int64]], ranks: NDArray[np.floating], k: int) -> list[Found]:
    """The k rows of highest rank, ties to the lower id; `ranks` are those of `rows` in order."""
    ids = np.concatenate([part.ids[positions] for part, positions in zip(parts, rows, strict=True)])
    close = np.arange(len(ids)) if len(ids) <= 4 * k else np.flatnonzero(ranks >= np.partition(ranks, -k)[-k])
    order = close[np.lexsort((ids[close], -ranks[close]))][:k]
    ends = np.cumsum([len(positions) for positions in rows])
    owners = np.searchsorted(ends, order, side="right")
    columns = zip(owners.tolist(), np.concatenate(rows)[order].tolist(), ranks[order].tolist(), strict=True)
    return [Found(parts[owner], place, rank) for owner, place, rank in columns]
