"""Likeness: which skills of a library resemble each other, whatever their preconditions. Similarities are exact."""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from skillstore.answers import Match
from skillstore.embedding import Vector, error_bound, similarities
from skillstore.library import SkillLibrary
from skillstore.preconditions import PreconditionSet
from skillstore.skill import Skill

WINDOW = 4_000
"""Skills that are compared with each other at a time: the cost grows with its square."""
_BLOCK = 512
_TIES = 20_000


def similar(library: SkillLibrary, skill: Skill, k: int) -> list[Match]:
    """The `k` skills most similar to `skill`, itself left out, best first, ties to the lower id.

    Those that apply where nothing is known, and those that do not, are all there are. Cost: that of both questions.
    """
    applying = library.retrieve_skills({}, skill.embedding, k + 1, exact=True)
    missing = [Match(miss.skill, miss.similarity) for miss in library.why_not({}, skill.embedding, k + 1)]
    others = [match for match in (*applying, *missing) if match.skill.id != skill.id]
    return sorted(others, key=lambda match: (-(match.similarity or 0.0), match.skill.id or 0))[:k]


def same_preconditions(one: Skill, other: Skill) -> bool:
    """Whether both apply in the same states."""
    return PreconditionSet.of(one.preconditions) == PreconditionSet.of(other.preconditions)


def pairs(
    library: SkillLibrary, after: int, at_least: float, limit: int
) -> tuple[list[tuple[float, Skill, Skill]], int, int | None]:
    """The most similar pairs among WINDOW skills with an id above `after`: (similarity, the older, the newer), best
    first; how many skills were compared; after which id to go on, None where no more are left.
    """
    rest = library.skills(after)
    skills = list(islice(rest, WINDOW))
    last = None if next(rest, None) is None else skills[-1].id
    if len(skills) < 2:
        return [], len(skills), last
    found = _best(np.stack([skill.embedding for skill in skills]), at_least, limit)
    return [(cosine, skills[older], skills[newer]) for cosine, older, newer in found], len(skills), last


def _best(vectors: Vector, at_least: float, limit: int) -> list[tuple[float, int, int]]:
    """Block by block against all later rows; of what is near enough only the best are kept."""
    room = error_bound(vectors.shape[1])
    best: list[tuple[float, int, int]] = []
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors[start:].T
        older, newer = np.nonzero(np.triu(cosines >= at_least - room, 1))
        chosen = _largest(cosines[older, newer], limit, room)
        older, newer = older[chosen] + start, newer[chosen] + start
        exact = similarities(vectors[newer], vectors[older])
        near = zip(exact.tolist(), older.tolist(), newer.tolist(), strict=True)
        best = sorted((*best, *(pair for pair in near if pair[0] >= at_least)), key=_rank)[:limit]
    return best


def _largest(values: Vector, limit: int, room: float) -> NDArray[np.int64]:
    """Where those stand that may be among the `limit` largest, exactly told apart; of very many ties only the first."""
    if len(values) <= limit:
        return np.arange(len(values))
    least = np.partition(values, len(values) - limit)[len(values) - limit]
    chosen = np.flatnonzero(values >= least - 2 * room)
    if len(chosen) > max(_TIES, limit):
        chosen = chosen[np.argsort(-values[chosen], kind="stable")[: max(_TIES, limit)]]
    return chosen.astype(np.int64)


def _rank(pair: tuple[float, int, int]) -> tuple[float, int, int]:
    cosine, older, newer = pair
    return -cosine, older, newer
