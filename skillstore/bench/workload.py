"""Workload: skills and questions to measure with, the same for the same seed.

24 facts with 2 to 8 values each; a skill demands 0 to 4 of them. Facts and values are drawn by Zipf's law. Embeddings
come from 1,000 Gaussian clusters, noise of norm 0.6 around unit centres. States are drawn alike, and satisfy some 29 %
of the skills. Kinds:

    standard   as above
    banded     every skill also demands a `band`, so that a state can be built for which few skills apply
    tied       the cluster of a skill's embedding decides what it demands; queries come from clusters that do not apply
    broad      a skill demands 0 to 2 facts: a state satisfies about half of the skills
    distinct   every skill also demands an interval of its own, and so has preconditions of its own
    four       two boolean facts, both demanded: four precondition sets
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, row_sums
from skillstore.preconditions import Interval, PreconditionSet, facts_of
from skillstore.skill import Skill

BLOCK = 10_000
_FACTS = 24
_CLUSTERS = 1_000
_NOISE = 0.6
_TRIES = 1_000  # for a state in which the query's cluster does not apply; there is none where it demands nothing
_BANDS = {"a": 0.0035, "b": 0.035, "c": 0.35}
"""Times the 29 % of a state: some 0.1, 1 and 10 % of the skills; the rest is in band "d"."""


@dataclass(frozen=True)
class Question:
    """A state and a query embedding."""

    state: dict[str, Any]
    embedding: Vector


class Workload:
    """`count` skills of `dim` dimensions; blocks are made one by one, so that no more than one is in memory."""

    def __init__(self, count: int, dim: int, kind: str = "standard", seed: int = 0) -> None:
        self.count, self.dim, self.kind, self.seed = count, dim, kind, seed
        setup = np.random.default_rng([seed, 0])
        self._sizes = setup.integers(2, 9, _FACTS)
        self._log_popularity = -np.log(np.arange(1, _FACTS + 1))
        centres = setup.standard_normal((_CLUSTERS, dim), dtype=np.float32)
        self._centres = centres / np.linalg.norm(centres, axis=1, keepdims=True)
        self._tied = [self._demands(setup) for _ in range(_CLUSTERS)]

    def skills(self) -> Iterator[Skill]:
        """All skills, in order; each embedding is a view into its block's."""
        for start in range(0, self.count, BLOCK):
            yield from self._block(self._generator(start), start, min(BLOCK, self.count - start))

    def later(self, count: int) -> list[Skill]:
        """Skills drawn alike that are not among `skills`, numbered from `count` of the workload on."""
        return list(self._block(np.random.default_rng([self.seed, 3]), self.count, count))

    def vectors(self) -> Iterator[Vector]:
        """The embeddings alone, block by block, of length 1."""
        for start in range(0, self.count, BLOCK):
            yield _units(self._embeddings(self._generator(start), min(BLOCK, self.count - start))[0])

    def questions(self, count: int, band: str | None = None) -> list[Question]:
        """States and queries drawn as the skills are; in `band`, if the workload is banded."""
        generator = np.random.default_rng([self.seed, 1])
        embeddings, clusters = self._embeddings(generator, count)
        return [
            Question(self._state(generator, int(cluster), band), embedding)
            for embedding, cluster in zip(embeddings, clusters, strict=True)
        ]

    def _generator(self, start: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, 2, start])

    def _block(self, generator: np.random.Generator, start: int, count: int) -> Iterator[Skill]:
        """Skills equal to those that their constructor makes, and drawn some ten times as fast: what is drawn here
        needs no checks."""
        embeddings, clusters = self._embeddings(generator, count)
        demands = self._block_demands(generator, count)
        preconditions = self._preconditions(generator, start, clusters.tolist(), demands)
        for number, demanded, embedding in zip(
            range(start, start + count), preconditions, _units(embeddings), strict=True
        ):
            yield Skill.trusted(
                name=f"skill {number}",
                preconditions=demanded,
                action_sequence=[f"move {number % 7}", f"use {number % 11}"],
                embedding=embedding,
                metadata={"made": number},
                id=None,
                times_used=0,
                success_count=0,
                times_learned=1,
            )

    def _embeddings(self, generator: np.random.Generator, count: int) -> tuple[Vector, NDArray[np.int64]]:
        clusters = generator.integers(0, _CLUSTERS, count)
        noise = generator.standard_normal((count, self.dim), dtype=np.float32)
        return self._centres[clusters] + noise * np.float32(_NOISE / np.sqrt(self.dim)), clusters

    def _block_demands(self, generator: np.random.Generator, count: int) -> list[dict[str, Any]]:
        """0 to 4 facts of each skill: without replacement by adding Gumbel noise to the log of their popularity."""
        sizes = generator.integers(0, 3 if self.kind == "broad" else 5, count)
        order = np.argsort(-(self._log_popularity + generator.gumbel(size=(count, _FACTS))), axis=1)[:, :4].tolist()
        values = self._values(generator, count).tolist()
        return [
            {f"fact{fact}": values[place][fact] for fact in order[place][: int(sizes[place])]} for place in range(count)
        ]

    def _values(self, generator: np.random.Generator, count: int) -> NDArray[np.int64]:
        """A value of every fact, by Zipf's law over its values: int64 (count, facts)."""
        drawn = generator.random((count, _FACTS))
        values = np.zeros((count, _FACTS), dtype=np.int64)
        for fact, size in enumerate(self._sizes):
            steps = np.cumsum(1.0 / np.arange(1, size + 1))
            values[:, fact] = np.searchsorted(steps / steps[-1], drawn[:, fact])
        return values

    def _demands(self, generator: np.random.Generator) -> dict[str, Any]:
        return self._block_demands(generator, 1)[0]

    def _preconditions(
        self, generator: np.random.Generator, start: int, clusters: list[int], demands: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        if self.kind == "tied":
            return [dict(self._tied[cluster]) for cluster in clusters]
        if self.kind == "distinct":
            lows = generator.random(len(demands)).tolist()
            return [
                {**demanded, "level": Interval(low, low + 0.75)} for demanded, low in zip(demands, lows, strict=True)
            ]
        if self.kind == "four":
            return [
                {"dark": bool(number & 1), "wet": bool(number & 2)} for number in range(start, start + len(demands))
            ]
        if self.kind == "banded":
            drawn = generator.random(len(demands)).tolist()
            return [{**demanded, "band": _band(share)} for demanded, share in zip(demands, drawn, strict=True)]
        return demands

    def _state(self, generator: np.random.Generator, cluster: int, band: str | None) -> dict[str, Any]:
        tied = PreconditionSet.of(self._tied[cluster] if self.kind == "tied" else {})
        if self.kind == "tied" and not tied.conditions:
            self._values(generator, _TRIES - 1)  # as many as would be tried in vain
        for _ in range(_TRIES):
            values = self._values(generator, 1)[0].tolist()
            state: dict[str, Any] = {f"fact{fact}": value for fact, value in enumerate(values)}
            if not tied.conditions or not tied.holds(facts_of(state)):
                break
        extra: dict[str, dict[str, Any]] = {
            "distinct": {"level": 0.75 + float(generator.random()) / 4},
            "four": {"dark": bool(generator.integers(2)), "wet": bool(generator.integers(2))},
            "banded": {"band": band},
        }
        return {**state, **extra.get(self.kind, {})}


def _band(drawn: float) -> str:
    for band, share in _BANDS.items():
        if drawn < share:
            return band
        drawn -= share
    return "d"


def _units(embeddings: Vector) -> Vector:
    """Rows scaled to length 1, read-only: bit for bit what `skillstore.embedding.unit` makes of each."""
    wide = embeddings.astype(np.float64)
    wide /= np.abs(wide).max(axis=1, keepdims=True)
    wide /= np.sqrt(row_sums(np.square(wide)))[:, None]
    narrow = wide.astype(np.float32)
    narrow.setflags(write=False)
    return narrow
