"""Exam: the questions of one row of the table, with the sets each state satisfies and the true answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.bench.flat import Mask, Resolver
from skillstore.bench.workload import Question
from skillstore.embedding import Vector, similarities, unit

_BLOCK = 16_384  # rows multiplied at once
_CHUNK = 100  # questions asked at once


@dataclass(frozen=True)
class Exam:
    """For each question its query of length 1, the satisfied sets as bits, how long resolving took (milliseconds),
    how many rows apply, and the rows of the best that apply, found by multiplying with every row."""

    questions: list[Question]
    queries: Vector
    bits: NDArray[np.uint8]
    sets: NDArray[np.int32]
    resolving: list[float]
    applicable: NDArray[np.int64]
    truth: list[NDArray[np.int64]]

    @classmethod
    def of(cls, questions: list[Question], resolver: Resolver, vectors: Vector, k: int) -> Exam:
        """Cost: one product of all vectors with all queries, and a look at each set number for each question."""
        sets, applicable, truth = resolver.sets, [], []
        resolved = [resolver.satisfied(question.state) for question in questions]
        bits = np.stack([np.packbits(mask, bitorder="little") for mask, _ in resolved])
        width = len(resolved[0][0])
        queries = np.stack([unit(question.embedding) for question in questions])
        for start in range(0, len(questions), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            masks = _masks(bits[chunk], width)
            applicable.append((masks @ np.bincount(sets, minlength=width)).astype(np.int64))
            truth += _best(vectors, sets, masks, queries[chunk], k)
        resolving = [spent for _, spent in resolved]
        return cls(questions, queries, bits, sets, resolving, np.concatenate(applicable), truth)

    def save(self, path: Path) -> None:
        """What a contender in another process needs."""
        np.savez(path, queries=self.queries, bits=self.bits, width=int(self.sets.max()) + 1)

    def marked(self, answers: list[list[int]]) -> dict[str, Any]:
        """How good `answers`, row numbers, to the first questions are: mean recall; how many are shorter than
        min(k, applicable); how many rows in them do not apply."""
        recall, short, wrong = [], 0, 0
        for answer, truth, bits in zip(answers, self.truth, self.bits, strict=False):
            recall.append(len(set(answer) & set(truth.tolist())) / len(truth) if len(truth) else 1.0)
            short += len(set(answer)) < len(truth)
            sets = self.sets[answer] if answer else np.empty(0, dtype=np.int32)
            wrong += int(np.count_nonzero(bits[sets // 8] >> (sets % 8) & 1 == 0))
        return {"recall": float(np.mean(recall)), "short": short, "inapplicable": wrong}


def saved(path: Path) -> tuple[Vector, NDArray[np.uint8], int]:
    """(queries, bits, number of sets) of an exam that was saved."""
    with np.load(path) as arrays:
        return arrays["queries"], arrays["bits"], int(arrays["width"])


def satisfied(bits: NDArray[np.uint8], width: int) -> Mask:
    """The mask of one question."""
    return np.unpackbits(bits, count=width, bitorder="little").view(np.bool_)


def _masks(bits: NDArray[np.uint8], width: int) -> NDArray[np.bool_]:
    return np.unpackbits(bits, axis=1, count=width, bitorder="little").view(np.bool_)


def _best(
    vectors: Vector, sets: NDArray[np.int32], masks: NDArray[np.bool_], queries: Vector, k: int
) -> list[NDArray[np.int64]]:
    """The k rows of each query with the largest similarity, of those that apply: products in float32 choose 2 k, more
    than their rounding can confuse; the similarity of answers decides."""
    near = np.full((len(queries), 0), 0, dtype=np.int64)
    products = np.empty((len(queries), 0), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = queries @ np.asarray(vectors[start : start + _BLOCK]).T
        block[~masks[:, sets[start : start + _BLOCK]]] = -np.inf
        rows = np.broadcast_to(np.arange(start, start + block.shape[1]), block.shape)
        products, near = np.hstack((products, block)), np.hstack((near, rows))
        if products.shape[1] > 2 * k:
            kept = np.argpartition(products, -2 * k, axis=1)[:, -2 * k :]
            products, near = np.take_along_axis(products, kept, 1), np.take_along_axis(near, kept, 1)
    found = []
    for rows, values, query in zip(near, products, queries, strict=True):
        rows = np.sort(rows[np.isfinite(values)])
        found.append(rows[np.argsort(-similarities(vectors[rows], query), kind="stable")[:k]])
    return found
