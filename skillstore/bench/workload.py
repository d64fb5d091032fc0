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

from skillstore.embedding import Vector
from skillstore.preconditions import Interval, PreconditionSet, facts_of
from skillstore.skill import Skill

BLOCK = 10_000
_FACTS = 24
_CLUSTERS = 1_000
_NOISE = 0.6
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
        self.count, self.dim, self.kind, self._seed = count, dim, kind, seed
        setup = np.random.default_rng([seed, 0])
        self._sizes = setup.integers(2, 9, _FACTS)
        self._log_popularity = -np.log(np.arange(1, _FACTS + 1))
        centres = setup.standard_normal((_CLUSTERS, dim), dtype=np.float32)
        self._centres = centres / np.linalg.norm(centres, axis=1, keepdims=True)
        self._tied = [self._demands(setup) for _ in range(_CLUSTERS)]

    def skills(self) -> Iterator[Skill]:
        """All skills, in order."""
        for start in range(0, self.count, BLOCK):
            yield from self._block(start, min(BLOCK, self.count - start))

    def vectors(self) -> Iterator[Vector]:
        """The embeddings alone, block by block, before they are scaled to length 1."""
        for start in range(0, self.count, BLOCK):
            yield self._embeddings(self._generator(start), min(BLOCK, self.count - start))[0]

    def questions(self, count: int, band: str | None = None) -> list[Question]:
        """States and queries drawn as the skills are; in `band`, if the workload is banded."""
        generator = np.random.default_rng([self._seed, 1])
        embeddings, clusters = self._embeddings(generator, count)
        return [
            Question(self._state(generator, int(cluster), band), embedding)
            for embedding, cluster in zip(embeddings, clusters, strict=True)
        ]

    def _generator(self, start: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, 2, start])

    def _block(self, start: int, count: int) -> Iterator[Skill]:
        generator = self._generator(start)
        embeddings, clusters = self._embeddings(generator, count)
        demands = self._block_demands(generator, count)
        for place in range(count):
            number = start + place
            preconditions = self._preconditions(generator, number, int(clusters[place]), demands[place])
            yield Skill(
                f"skill {number}",
                preconditions,
                [f"move {number % 7}", f"use {number % 11}"],
                embeddings[place],
                {"made": number},
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
        self, generator: np.random.Generator, number: int, cluster: int, demands: dict[str, Any]
    ) -> dict[str, Any]:
        if self.kind == "tied":
            return self._tied[cluster]
        if self.kind == "distinct":
            low = float(generator.random())
            return {**demands, "level": Interval(low, low + 0.75)}
        if self.kind == "four":
            return {"dark": bool(number & 1), "wet": bool(number & 2)}
        if self.kind == "banded":
            return {**demands, "band": _band(float(generator.random()))}
        return demands

    def _state(self, generator: np.random.Generator, cluster: int, band: str | None) -> dict[str, Any]:
        for _ in range(1000):
            values = self._values(generator, 1)[0].tolist()
            state: dict[str, Any] = {f"fact{fact}": value for fact, value in enumerate(values)}
            if self.kind != "tied" or not PreconditionSet.of(self._tied[cluster]).holds(facts_of(state)):
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
